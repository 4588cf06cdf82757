//! `expand`: related records put into an answer, one query for each relation and level, never one for each row.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value as JsonValue;

use crate::access::Caller;
use crate::db::{Db, Select};
use crate::error::{Code, Error, Result};
use crate::joining::Link;
use crate::params;
use crate::records::reach_condition;
use crate::resource::{Expand, Record};
use crate::resources::{Course, Organization, Product, Role, Team, User};
use crate::seats::Seat;
use crate::types::json_list;

/// Levels at most.
const DEPTH: usize = 3;

/// What the records of a table are related to.
fn relations(table: &str) -> &'static [Expand] {
    match table {
        "users" => User::EXPANDS,
        "teams" => Team::EXPANDS,
        "organizations" => Organization::EXPANDS,
        "courses" => Course::EXPANDS,
        "seats" => Seat::EXPANDS,
        "products" => Product::EXPANDS,
        "links" => Link::EXPANDS,
        "roles" => Role::EXPANDS,
        _ => &[],
    }
}

/// Every path that can be expanded from records with these relations.
pub fn paths_of(known: &[Expand]) -> Vec<String> {
    fn below(known: &[Expand], before: &str, depth: usize, paths: &mut Vec<String>) {
        for relation in known.iter().filter(|_| depth <= DEPTH) {
            let path = format!("{before}{}", relation.name);
            below(
                relations(relation.table),
                &format!("{path}."),
                depth + 1,
                paths,
            );
            paths.push(path);
        }
    }
    let mut paths = Vec::new();
    below(known, "", 1, &mut paths);
    paths.sort_by_key(|path| (path.matches('.').count(), path.clone()));
    paths
}

/// Adds related records to the rows of `data`, a JSON array of records of kind `R`.
pub async fn expand<R: Record>(
    db: &Db,
    caller: &Arc<Caller>,
    data: &mut JsonValue,
    paths: &[String],
) -> Result<()> {
    let mut rows: Vec<&mut JsonValue> = data.as_array_mut().into_iter().flatten().collect();
    expand_rows(db, caller, &mut rows, R::EXPANDS, paths, 1).await
}

fn expand_rows<'a>(
    db: &'a Db,
    caller: &'a Arc<Caller>,
    rows: &'a mut [&mut JsonValue],
    known: &'static [Expand],
    paths: &'a [String],
    depth: usize,
) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>> {
    Box::pin(async move {
        let mut below: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for path in paths {
            let (name, rest) = path.split_once('.').unwrap_or((path, ""));
            let deeper = below.entry(name).or_default();
            if !rest.is_empty() {
                deeper.push(rest.to_owned());
            }
        }
        for (name, deeper) in below {
            let relation = known
                .iter()
                .find(|relation| relation.name == name)
                .ok_or_else(|| {
                    let names: Vec<_> = known.iter().map(|relation| relation.name).collect();
                    let allowed = if names.is_empty() {
                        "nothing".to_owned()
                    } else {
                        names.join(", ")
                    };
                    let shown: String = name.chars().take(60).collect();
                    Error::new(
                        Code::InvalidParameter,
                        format!("«{shown}» cannot be expanded here. What can: {allowed}."),
                    )
                })?;
            if depth > DEPTH {
                return Err(Error::new(
                    Code::InvalidParameter,
                    format!("expand goes {DEPTH} levels deep at the most."),
                ));
            }
            add_relation(db, caller, rows, *relation, &deeper, depth).await?;
        }
        Ok(())
    })
}

async fn add_relation(
    db: &Db,
    caller: &Arc<Caller>,
    rows: &mut [&mut JsonValue],
    relation: Expand,
    deeper: &[String],
    depth: usize,
) -> Result<()> {
    let ids: BTreeSet<String> = rows
        .iter()
        .flat_map(|row| ids_of(row.get(relation.member)))
        .collect();
    let (mut related, known) = fetch(db, caller, relation.table, &ids).await?;
    if !deeper.is_empty() {
        let mut below: Vec<&mut JsonValue> = related.values_mut().collect();
        expand_rows(db, caller, &mut below, known, deeper, depth + 1).await?;
    }
    for row in rows {
        let found = match row.get(relation.member) {
            Some(JsonValue::Array(ids)) => ids
                .iter()
                .filter_map(|id| related.get(id.as_str()?).cloned())
                .collect(),
            Some(JsonValue::String(id)) => related.get(id).cloned().unwrap_or(JsonValue::Null),
            _ => JsonValue::Null,
        };
        if let Some(members) = row.as_object_mut() {
            members.insert(relation.name.to_owned(), found);
        }
    }
    Ok(())
}

fn ids_of(member: Option<&JsonValue>) -> Vec<String> {
    match member {
        Some(JsonValue::Array(ids)) => ids
            .iter()
            .filter_map(|id| id.as_str().map(str::to_owned))
            .collect(),
        Some(JsonValue::String(id)) => vec![id.clone()],
        _ => Vec::new(),
    }
}

async fn fetch(
    db: &Db,
    caller: &Arc<Caller>,
    table: &str,
    ids: &BTreeSet<String>,
) -> Result<(HashMap<String, JsonValue>, &'static [Expand])> {
    match table {
        "users" => fetch_kind::<User>(db, caller, ids).await,
        "teams" => fetch_kind::<Team>(db, caller, ids).await,
        "organizations" => fetch_kind::<Organization>(db, caller, ids).await,
        "courses" => fetch_kind::<Course>(db, caller, ids).await,
        "seats" => fetch_kind::<Seat>(db, caller, ids).await,
        "products" => fetch_kind::<Product>(db, caller, ids).await,
        "links" => fetch_kind::<Link>(db, caller, ids).await,
        "roles" => fetch_kind::<Role>(db, caller, ids).await,
        other => Err(Error::internal(format!(
            "no kind of record is kept in {other}"
        ))),
    }
}

async fn fetch_kind<R: Record>(
    db: &Db,
    caller: &Arc<Caller>,
    ids: &BTreeSet<String>,
) -> Result<(HashMap<String, JsonValue>, &'static [Expand])> {
    let caller = &*caller.acting(R::READ)?;
    let mut params = params![json_list(ids)];
    let reach = reach_condition::<R>(caller, 3).map(|(condition, value)| {
        params.push(value);
        condition
    });
    let rest = format!(
        "WHERE {0}.account_id = $1 AND {0}.id IN (SELECT value FROM JSON_LIST($2) AS wanted){1}",
        R::TABLE,
        reach.unwrap_or_default()
    );
    let rows: Vec<R> = if ids.is_empty() {
        Vec::new()
    } else {
        db.fetch(&caller.account, Select::rows::<R>(&rest, params))
            .await?
    };
    let related = rows
        .iter()
        .map(|row| {
            (
                row.id().to_string(),
                serde_json::to_value(row).unwrap_or_default(),
            )
        })
        .collect();
    Ok((related, R::EXPANDS))
}
