//! The statements behind a page of a list.
//!
//! A list with several values of one member (`status=active,invited`) reads each of them along its index and joins the
//! beginnings, so that it costs the values times the page and not all records they fit. A search reads the columns it
//! looks into one after the other, each in its order, and passes over those that an earlier column has shown.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::found::{Found, Sought, SoughtJson, orders_are_held, selection};
use super::{ListQuery, Total, refuse};
use crate::access::Caller;
use crate::access::signed;
use crate::db::{Batch, Db, DbError, Select, Value};
use crate::error::Result;
use crate::resource::{FieldKind, Record};

/// So many rows of a page are made room for before they are read.
const ROOM: usize = 256;

/// A page of records.
#[derive(Debug, Clone)]
pub struct Page<R> {
    /// The records.
    pub rows: Vec<R>,
    /// Where the next page begins, if there is one.
    pub next_cursor: Option<String>,
    /// How many there are in all, if that was asked for.
    pub total_count: Option<i64>,
    /// Whether there are more than that: counting has an end.
    pub has_uncounted: bool,
}

/// A page of records as JSON.
#[derive(Debug, Clone)]
pub struct JsonPage {
    /// What it was to begin with, and the records with commas between them.
    pub text: Vec<u8>,
    /// Where the next page begins, if there is one.
    pub next_cursor: Option<String>,
    /// How many there are in all, if that was asked for.
    pub total_count: Option<i64>,
}

/// What a place in a list is bound to: account, table, parent, filters and order, but not the page.
pub fn binding(
    account: &str,
    table: &str,
    within: Option<(&'static str, &str)>,
    pairs: &[(String, String)],
) -> String {
    let mut bound: Vec<_> = pairs
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "cursor" | "limit" | "include" | "expand"))
        .collect();
    bound.sort();
    let text = format!("{account} {table} {within:?} {bound:?}");
    // Its hash, so that long filters make no long cursor.
    URL_SAFE_NO_PAD.encode(Sha256::digest(text))
}

/// A place in a list: behind the record with this key in the order of the list and this id.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Place {
    /// What it is bound to, see [`binding`].
    pub binding: String,
    /// The record's key.
    pub key: String,
    /// The record's id.
    pub id: String,
    /// Which of the columns of a search it is in.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub part: usize,
}

impl Place {
    /// The cursor that leads there.
    pub fn cursor(&self, cursor_key: &[u8; 32]) -> String {
        let text = serde_json::to_string(self).unwrap_or_default();
        signed::sign(cursor_key, "cursor", &text)
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the form that serde asks for"
)]
const fn is_zero(part: &usize) -> bool {
    *part == 0
}

/// Along which column a statement reads, and where it begins.
struct Way<'a> {
    column: &'a str,
    kind: FieldKind,
    descending: bool,
    after: Option<(&'a str, &'a str)>,
    limit: i64,
}

impl Way<'_> {
    fn order(&self) -> &'static str {
        if self.descending { "DESC" } else { "ASC" }
    }

    /// The condition that leads on from where the page before has ended.
    fn onward(&self, table: &str, params: &mut Vec<Value>) -> Result<String> {
        let Some((key, id)) = self.after else {
            return Ok(String::new());
        };
        params.push(match self.kind {
            FieldKind::Int | FieldKind::Time => Value::Int(Some(
                key.parse()
                    .map_err(|_| refuse("The cursor is damaged.".to_owned()))?,
            )),
            _ => Value::text(key),
        });
        params.push(Value::text(id));
        let n = params.len();
        let sign = if self.descending { "<" } else { ">" };
        Ok(format!(
            " AND ({table}.{}, {table}.id) {sign} (${n}, ${})",
            self.column,
            n + 1
        ))
    }
}

impl ListQuery {
    /// Counts no further than this, where a number is wanted at all.
    #[must_use]
    pub const fn counting_up_to(mut self, bound: i64) -> Self {
        self.total = Total::UpTo(bound);
        self
    }

    /// Reads the page.
    pub async fn run<R: Record>(
        &self,
        db: &Db,
        caller: &Caller,
        cursor_key: &[u8; 32],
    ) -> Result<Page<R>> {
        const {
            assert!(
                orders_are_held::<R>(),
                "a list is read along what the record does not hold"
            );
        }
        let is_by_match = self.is_by_match();
        let limit = self.room();
        let mut part = match &self.after {
            Some(place) if is_by_match => place.part,
            _ => 0,
        };
        let mut batch = Batch::new();
        let column = self.column::<R>(part);
        let first = Sought::<R>::of(&mut batch, self.part::<R>(part, self.limit + 1)?, column);
        let count = self.count::<R>();
        let count = count.map(|select| batch.add::<(i64,)>(select));
        let mut answers = db.read(&caller.account, batch).await?;
        let mut found = first.take(&mut answers, column);
        // Where the page ends, were it to end with the records read last.
        let (mut rows, mut end) = (Vec::new(), None);
        loop {
            let room = limit - rows.len();
            let has_more = found.rows.len() > room;
            if room > 0 && !found.rows.is_empty() && (has_more || is_by_match) {
                end = Some(self.place_of(part, &found, room.min(found.rows.len()) - 1)?);
            }
            found.rows.truncate(room);
            if rows.is_empty() {
                rows = found.rows;
            } else {
                rows.append(&mut found.rows);
            }
            if has_more {
                break;
            }
            if !is_by_match || part + 1 >= R::SEARCH.len() {
                end = None;
                break;
            }
            part += 1;
            let missing = i64::try_from(limit + 1 - rows.len()).unwrap_or(1);
            let mut batch = Batch::new();
            let column = self.column::<R>(part);
            let further = Sought::<R>::of(&mut batch, self.part::<R>(part, missing)?, column);
            found = further.take(&mut db.read(&caller.account, batch).await?, column);
        }
        let next_cursor = end.map(|place| place.cursor(cursor_key));
        let counted = count.and_then(|slot| answers.first(&slot)).map(|(n,)| n);
        let (total_count, has_uncounted) = match (self.total, counted) {
            (Total::UpTo(bound), Some(n)) if n > bound => (Some(bound), true),
            (_, counted) => (counted, false),
        };
        Ok(Page {
            rows,
            next_cursor,
            total_count,
            has_uncounted,
        })
    }

    /// Reads the page as JSON, with `opening` before it; nothing where that takes the records themselves: where some are to
    /// be expanded, in a search by match, and for kinds whose JSON has what is no column.
    pub async fn run_json<R: Record>(
        &self,
        db: &Db,
        caller: &Caller,
        cursor_key: &[u8; 32],
        opening: &str,
    ) -> Result<Option<JsonPage>> {
        if self.is_by_match() || !self.expand.is_empty() {
            return Ok(None);
        }
        let limit = self.room();
        let mut batch = Batch::new();
        let column = self.column::<R>(0);
        let select = self.part::<R>(0, self.limit + 1)?;
        let Some(sought) = SoughtJson::<R>::of(&mut batch, select, column, limit, opening) else {
            return Ok(None);
        };
        let count = self.count::<R>().map(|select| batch.add::<(i64,)>(select));
        let mut answers = db.read(&caller.account, batch).await?;
        let found = sought.take(&mut answers, column);
        let next_cursor = (found.count > limit)
            .then(|| self.place_of(0, &found.last, 0))
            .transpose()?
            .map(|place| place.cursor(cursor_key));
        let counted = count.and_then(|slot| answers.first(&slot));
        Ok(Some(JsonPage {
            text: found.text,
            next_cursor,
            total_count: counted.map(|(n,)| n),
        }))
    }

    /// Whether its records come in the order of what they match.
    const fn is_by_match(&self) -> bool {
        self.search.is_some() && !self.is_sorted
    }

    /// How many records a page has at the most.
    fn room(&self) -> usize {
        usize::try_from(self.limit).unwrap_or(usize::MAX)
    }

    /// The column in whose order the nth part of a search is read, or all of any other list.
    fn column<R: Record>(&self, part: usize) -> &'static str {
        match self.search.filter(|_| self.is_by_match()) {
            Some(_) => R::SEARCH.get(part).copied().unwrap_or_default(),
            None => self.sort.column,
        }
    }

    /// The place behind the nth of the records that were found in a part of a search.
    fn place_of<R: Record>(&self, part: usize, found: &Found<R>, n: usize) -> Result<Place> {
        let (key, row) = found.text(n).zip(found.rows.get(n)).ok_or_else(|| {
            DbError::Internal(format!("nothing to go on from in {}", found.column).into())
        })?;
        Ok(Place {
            binding: self.binding.clone(),
            key,
            id: row.id().as_str().to_owned(),
            part,
        })
    }

    /// The statement that reads on in the nth column of a search, or the only one of any other list.
    fn part<R: Record>(&self, part: usize, limit: i64) -> Result<Select> {
        let by_match = self.search.filter(|_| self.is_by_match());
        let place = self
            .after
            .as_ref()
            .filter(|cursor| by_match.is_none() || cursor.part == part);
        let after = place.map(|cursor| (cursor.key.as_str(), cursor.id.as_str()));
        let mut way = Way {
            column: self.sort.column,
            kind: self.sort.kind,
            descending: self.descending,
            after,
            limit,
        };
        let mut conditions = self.conditions.clone();
        for range in &self.ranges {
            // Whoever goes on from a place is past this bound already. Left in, it leads SQLite to begin there again.
            let is_passed = way.after.is_some()
                && range.column == way.column
                && range.is_lower != way.descending;
            if is_passed {
                // What the index wants to hear that leaves out those who have none.
                let _ = write!(conditions, " AND {}.{} IS NOT NULL", R::TABLE, range.column);
            } else {
                conditions.push_str(&range.condition);
            }
        }
        if let Some(places) = by_match {
            let columns = R::SEARCH.get(..=part).unwrap_or(R::SEARCH);
            if let Some((column, seen)) = columns.split_last() {
                (way.column, way.kind, way.descending) = (column, FieldKind::Text, false);
                conditions.push_str(&begins::<R>(column, places, way.after.is_some()));
                for column in seen {
                    let column = format!("coalesce({}.{column}, '')", R::TABLE);
                    let _ = write!(conditions, " AND NOT {}", between(&column, places));
                }
            }
        } else if let Some(places) = self.search {
            conditions.push_str(&begins_any::<R>(places));
        }
        self.select::<R>(&conditions, &way)
    }

    fn select<R: Record>(&self, conditions: &str, way: &Way<'_>) -> Result<Select> {
        let (table, column, order) = (R::TABLE, way.column, way.order());
        let mut params = self.params.clone();
        let onward = way.onward(table, &mut params)?;
        // The number stands in the text: a plan that does not know it would be made for a tenth of the table.
        let limit = way.limit;
        let sql = if self.branches.is_empty() {
            format!(
                "SELECT {} FROM {table} WHERE {table}.account_id = $1{conditions}{onward} \
                 ORDER BY {table}.{column} {order}, {table}.id {order} LIMIT {limit}",
                selection::<R>(column),
            )
        } else {
            let parts: Vec<String> = self
                .branches
                .iter()
                .enumerate()
                .map(|(n, branch)| {
                    format!(
                        "SELECT * FROM (SELECT {table}.{column} AS page_key, {table}.id AS page_id FROM {table} \
                         WHERE {table}.account_id = $1 AND {branch}{conditions}{onward} \
                         ORDER BY {table}.{column} {order}, {table}.id {order} LIMIT {limit}) AS part{n}"
                    )
                })
                .collect();
            format!(
                "SELECT {} FROM (SELECT page_key, page_id FROM ({}) AS parts \
                 ORDER BY page_key {order}, page_id {order} LIMIT {limit}) AS page \
                 JOIN {table} ON {table}.account_id = $1 AND {table}.id = page.page_id ORDER BY page.page_key {order}, page.page_id {order}",
                selection::<R>(column),
                parts.join(" UNION "),
            )
        };
        let room = usize::try_from(limit).unwrap_or(0).min(ROOM);
        let select = Select::new(sql, params).about(room);
        let is_plain = self.params.is_empty() && self.branches.is_empty();
        Ok(if is_plain && R::COMPUTED.is_empty() {
            // Along an index with nothing to pass over and nothing to count.
            select.brief()
        } else {
            self.planned(select)
        })
    }

    fn planned(&self, select: Select) -> Select {
        if self.is_skewed {
            select.planned_for_its_values()
        } else {
            select
        }
    }

    /// The statement that counts all records of the list, where that is wanted.
    fn count<R: Record>(&self) -> Option<Select> {
        let bound = match self.total {
            Total::None => return None,
            Total::Exact => String::new(),
            Total::UpTo(bound) => format!(" LIMIT {}", bound + 1),
        };
        let mut conditions = self.conditions.clone();
        for range in &self.ranges {
            conditions.push_str(&range.condition);
        }
        if !self.branches.is_empty() {
            let _ = write!(conditions, " AND ({})", self.branches.join(" OR "));
        }
        if let Some(places) = self.search {
            conditions.push_str(&begins_any::<R>(places));
        }
        let sql = format!(
            "SELECT count(*) FROM (SELECT 1 FROM {0} WHERE {0}.account_id = $1{conditions}{bound}) AS counted",
            R::TABLE
        );
        Some(self.planned(Select::new(sql, self.params.clone())))
    }
}

fn between(column: &str, (from, to): (usize, usize)) -> String {
    format!("({column} >= ${from} AND {column} < ${to})")
}

/// That a column begins with what is searched for; who goes on from a place is past the first such text.
fn begins<R: Record>(column: &str, (from, to): (usize, usize), is_past_first: bool) -> String {
    let column = format!("{}.{column}", R::TABLE);
    if is_past_first {
        return format!(" AND {column} < ${to}");
    }
    format!(" AND {}", between(&column, (from, to)))
}

fn begins_any<R: Record>(places: (usize, usize)) -> String {
    let parts: Vec<_> = R::SEARCH
        .iter()
        .map(|column| between(&format!("{}.{column}", R::TABLE), places))
        .collect();
    format!(" AND ({})", parts.join(" OR "))
}
