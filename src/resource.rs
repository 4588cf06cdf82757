//! A kind of record: the facts it states, from which its list, its five operations, their checks, their events and
//! their documentation are made once for all kinds (`records.rs`, `http/crud.rs`).

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::access::{Caller, Permission, Reach};
use crate::db::{Batch, Db, Row, Select, Slot, Statement, Value, row};
use crate::error::{Error, Fault, Result};
use crate::events::Event;
use crate::params;
use crate::types::{Email, Id, Ids, Kind, Ref, Timestamp};

/// How a member of a list's query is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// A text, letter by letter.
    Text,
    /// A text by its normalized form (addresses and names).
    Folded,
    /// A whole number.
    Int,
    /// A moment.
    Time,
    /// `true` or `false`.
    Bool,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A record of a table with this prefix, by id or `ext:`.
    Reference(&'static str, &'static str),
}

/// A member by which a list may be filtered or sorted. Every one of them stands on an index.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its name in the query.
    pub name: &'static str,
    /// The column, or for a condition on another table an expression with `{}` where the comparison goes.
    pub column: &'static str,
    /// How it is compared.
    pub kind: FieldKind,
    /// Whether the list may be sorted by it.
    pub sort: bool,
}

impl Field {
    /// A member to filter and sort by.
    pub const fn sorted(name: &'static str, column: &'static str, kind: FieldKind) -> Self {
        Self {
            name,
            column,
            kind,
            sort: true,
        }
    }

    /// A member to filter by.
    pub const fn filter(name: &'static str, column: &'static str, kind: FieldKind) -> Self {
        Self {
            name,
            column,
            kind,
            sort: false,
        }
    }
}

/// A related record that `expand` puts into the answer.
#[derive(Debug, Clone, Copy)]
pub struct Expand {
    /// The name in `expand` and of the member that is added.
    pub name: &'static str,
    /// The member that holds its id, or its ids.
    pub member: &'static str,
    /// Its table.
    pub table: &'static str,
}

/// What a new record is stamped with.
pub struct Stamp<'a> {
    /// New ids.
    pub ids: &'a Ids,
    /// The moment of the call.
    pub now: Timestamp,
}

/// A record that a body refers to, and where it does so.
#[derive(Debug, Clone)]
pub struct Reference {
    pointer: String,
    kind: &'static str,
    table: &'static str,
    has: fn(&str) -> bool,
    aliases: Option<&'static str>,
    text: String,
    soft: bool,
    reach: Option<&'static str>,
}

impl Reference {
    /// A reference at a place of the body.
    pub fn to<R: Record>(pointer: impl Into<String>, reference: &Ref<R>) -> Self {
        Self {
            pointer: pointer.into(),
            kind: R::KIND,
            table: R::TABLE,
            has: row::has::<R>,
            aliases: R::ALIASES,
            text: reference.to_string(),
            soft: R::SOFT_DELETE,
            reach: R::REACH,
        }
    }
}

/// References after they were looked up.
#[derive(Debug, Default)]
pub struct Resolved(HashMap<(&'static str, String), String>);

impl Resolved {
    /// The id behind a reference that was resolved before.
    pub fn id<R: Record>(&self, reference: &Ref<R>) -> Result<Id<R>> {
        let found = self
            .0
            .get(&(R::TABLE, reference.to_string()))
            .and_then(|id| Id::parse(id));
        found.ok_or_else(|| {
            Error::internal(format!(
                "a reference to a {} was not resolved before its use",
                R::KIND
            ))
        })
    }

    /// The id behind an optional reference.
    pub fn maybe<R: Record>(&self, reference: Option<&Ref<R>>) -> Result<Option<Id<R>>> {
        reference.map(|reference| self.id(reference)).transpose()
    }
}

/// The condition that a row of `table` is the one that `column` names by the value at `$2`. Where records became part of
/// others, their ids and keys lead to those; a living record that has the key itself goes before.
pub fn named_by(table: &str, column: &str, aliases: Option<&str>) -> String {
    match aliases {
        None => format!("{table}.{column} = $2"),
        Some(aliases) if column == "id" => format!(
            "{table}.id = COALESCE((SELECT a.user_id FROM {aliases} a WHERE a.account_id = $1 AND a.id = $2), $2)"
        ),
        Some(aliases) => format!(
            "{table}.id = COALESCE((SELECT o.id FROM {table} o WHERE o.account_id = $1 AND o.{column} = $2 AND o.deleted_at IS NULL), \
             (SELECT a.user_id FROM {aliases} a WHERE a.account_id = $1 AND a.{column} = $2 ORDER BY a.created_at DESC LIMIT 1))"
        ),
    }
}

/// The read that finds a record by reference among those the caller may see: its id.
fn reference_select(caller: &Caller, reference: &Reference) -> Select {
    let (table, text) = (reference.table, reference.text.as_str());
    let live = if reference.soft {
        " AND deleted_at IS NULL"
    } else {
        ""
    };
    let (column, value) = if let Some(key) = text.strip_prefix("ext:") {
        ("external_id", key.to_owned())
    } else if let Some(address) = text.strip_prefix("email:") {
        let key =
            Email::parse(address).map_or_else(|_| address.to_lowercase(), |email| email.key());
        ("email_key", key)
    } else {
        ("id", text.to_owned())
    };
    // A kind without such a key has no record by it, and none whose id is that text.
    let (column, value) = if (reference.has)(column) {
        (column, value)
    } else {
        ("id", text.to_owned())
    };
    let mut params = params![value];
    let reach = within(caller, reference.reach, 3).map(|(condition, value)| {
        params.push(value);
        condition
    });
    Select::new(
        format!(
            "SELECT {table}.id FROM {table} WHERE {table}.account_id = $1 AND {}{live}{}",
            named_by(table, column, reference.aliases),
            reach.unwrap_or_default()
        ),
        params,
    )
}

/// What must be true of a row for a caller limited to teams to see it, with its value at `$n`. `{}` in `reach` becomes
/// the list of the teams and organizations.
pub fn within(caller: &Caller, reach: Option<&str>, n: usize) -> Option<(String, Value)> {
    match (&caller.reach, reach) {
        (Reach::Teams(places), Some(condition)) => {
            let list = format!("(SELECT value FROM JSON_LIST(${n}) AS reach)");
            Some((
                format!(" AND {}", condition.replace("{}", &list)),
                Value::Text(Some(places.clone())),
            ))
        }
        _ => None,
    }
}

/// Looks all references up in one round trip; those that lead nowhere, or to what the caller may not see, are faults,
/// each at its place.
pub async fn resolve(db: &Db, caller: &Caller, references: Vec<Reference>) -> Result<Resolved> {
    if references.is_empty() {
        return Ok(Resolved::default());
    }
    let mut batch = Batch::new();
    let slots: Vec<(Reference, Slot<(String,)>)> = references
        .into_iter()
        .map(|reference| {
            let slot = batch.add(reference_select(caller, &reference));
            (reference, slot)
        })
        .collect();
    let mut rows = db.read(&caller.account, batch).await?;
    let mut resolved = Resolved::default();
    let mut faults = Vec::new();
    for (reference, slot) in slots {
        if let Some((id,)) = rows.first(&slot) {
            resolved.0.insert((reference.table, reference.text), id);
        } else {
            let detail = format!(
                "There is no {} «{}» in this account.",
                reference.kind.replace('_', " "),
                reference.text
            );
            faults.push(Fault::new(reference.pointer, "reference_not_found", detail));
        }
    }
    if faults.is_empty() {
        Ok(resolved)
    } else {
        Err(Error::invalid(faults))
    }
}

/// A body: read from JSON, documented by its schema, with references to other records.
pub trait Input: DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// The records it refers to.
    fn references(&self) -> Vec<Reference>;
}

/// A kind of record that can be read: its list, one of it, what may be expanded to it.
///
/// Its struct has `id` as first column and `created_at` among the others.
pub trait Record: Row + Kind + Serialize + JsonSchema + Clone + Send + Sync + 'static {
    /// Its name in the singular: event names, messages.
    const KIND: &'static str;
    /// One sentence on what it is, for the documentation.
    const SUMMARY: &'static str;
    /// What may be filtered and sorted by.
    const FIELDS: &'static [Field];
    /// Columns whose beginnings `q=` is compared with, in normalized form.
    const SEARCH: &'static [&'static str];
    /// What `expand` may add.
    const EXPANDS: &'static [Expand];
    /// Whether deleting puts it aside, restorable, instead of removing it.
    const SOFT_DELETE: bool;
    /// What is true of rows a caller limited to teams may see, with `{}` for the list of team ids; none: all.
    const REACH: Option<&'static str>;
    /// The permission to see it.
    const READ: Permission;
    /// The table in which ids and keys of records stand that became part of another, with that one's id as `user_id`.
    const ALIASES: Option<&'static str> = None;

    /// Its id.
    fn id(&self) -> &Id<Self>;
}

/// A kind of record that is made, changed and deleted as such, offered by the API under `/api/{TABLE}`.
///
/// Its struct has `version` and `updated_at` among its columns.
pub trait Resource: Record {
    /// The permission to change it.
    const WRITE: Permission;
    /// The body of POST and PUT.
    type New: Input;
    /// The body of PATCH.
    type Patch: Input;

    /// How often it has been written.
    fn version(&self) -> i64;
    /// A new record from a body. Pure.
    fn create(new: Self::New, refs: &Resolved, stamp: &Stamp<'_>) -> Result<Self>;
    /// A record changed by a merge patch. Pure.
    fn apply(&mut self, patch: Self::Patch, refs: &Resolved, now: Timestamp) -> Result<()>;
    /// Rows of other tables that must agree with this one, after it was made (`before` is none) or changed. Pure.
    fn companions(&self, before: Option<&Self>) -> Vec<Statement>;
    /// What goes with it when it is deleted. Pure.
    fn farewell(&self, now: Timestamp) -> Vec<Statement>;
    /// The event of a change, `{KIND}.{verb}`, on the timelines where it belongs. Pure.
    fn event(&self, verb: &str) -> Event;
}

/// An event about a record, with the record as its data.
pub fn event_of<R: Record>(record: &R, verb: &str) -> Event {
    let data = serde_json::to_value(record).unwrap_or_default();
    Event::new(format!("{}.{verb}", R::KIND), record.id(), data)
}
