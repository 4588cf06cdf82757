//! The records of a page as they are found, and the column of each by which the next page begins.

use super::members::members;
use crate::db::{Answers, Batch, Column, DbError, FromRow, JsonSlot, Reader, Select, Slot, Value};
use crate::resource::{FieldKind, Record};

/// Whether the record holds each column that its list can be read along, or has it derived, so that the last one on a page
/// tells where the next begins.
#[expect(
    clippy::indexing_slicing,
    reason = "within the bounds that the loop looks at"
)]
pub(super) const fn orders_are_held<R: Record>() -> bool {
    let mut at = 0;
    while at < R::FIELDS.len() {
        let field = &R::FIELDS[at];
        let is_compared = matches!(field.kind, FieldKind::Int | FieldKind::Time);
        if (field.sort || is_compared) && !is_held::<R>(field.column) {
            return false;
        }
        at += 1;
    }
    at = 0;
    while at < R::SEARCH.len() {
        if !is_held::<R>(R::SEARCH[at]) {
            return false;
        }
        at += 1;
    }
    true
}

#[expect(
    clippy::indexing_slicing,
    reason = "within the bounds that the loop looks at"
)]
const fn is_held<R: Record>(column: &str) -> bool {
    let mut at = 0;
    while at < R::STORED.len() {
        if R::STORED[at].len() == column.len() && ends_with(R::STORED[at], column) {
            return true;
        }
        at += 1;
    }
    at = 0;
    while at < R::DERIVED.len() {
        if R::DERIVED[at].len() == column.len() && ends_with(R::DERIVED[at], column) {
            return true;
        }
        at += 1;
    }
    at = 0;
    while at < R::COMPUTED.len() {
        if ends_with(R::COMPUTED[at], column) {
            return true;
        }
        at += 1;
    }
    false
}

#[expect(
    clippy::indexing_slicing,
    reason = "within the bounds that the loop looks at"
)]
const fn ends_with(text: &str, end: &str) -> bool {
    let (text, end) = (text.as_bytes(), end.as_bytes());
    if end.len() > text.len() {
        return false;
    }
    let mut at = 0;
    while at < end.len() && text[text.len() - end.len() + at] == end[at] {
        at += 1;
    }
    at == end.len()
}

/// A record, and behind it a column that follows from its members.
pub(super) struct Keyed<R> {
    row: R,
    key: String,
}

impl<R: Record> FromRow for Keyed<R> {
    fn from_row(reader: &mut Reader<'_>) -> std::result::Result<Self, DbError> {
        Ok(Self {
            row: R::from_row(reader)?,
            key: Column::read(reader)?,
        })
    }
}

/// Records in the order of a column.
pub(super) struct Found<R> {
    pub(super) column: &'static str,
    pub(super) rows: Vec<R>,
    /// That column of each where it is none of its members.
    keys: Vec<String>,
}

/// Where they will be, after the batch was read.
pub(super) enum Sought<R> {
    Members(Slot<R>),
    Keyed(Slot<Keyed<R>>),
}

/// What is selected of records in the order of a column.
pub(super) fn selection<R: Record>(column: &str) -> String {
    if R::DERIVED.contains(&column) {
        format!("{}, {}.{column}", R::selection(), R::TABLE)
    } else {
        R::selection().to_owned()
    }
}

impl<R: Record> Sought<R> {
    pub(super) fn of(batch: &mut Batch, select: Select, column: &str) -> Self {
        if R::DERIVED.contains(&column) {
            Self::Keyed(batch.add(select))
        } else {
            Self::Members(batch.add(select))
        }
    }

    pub(super) fn take(&self, answers: &mut Answers, column: &'static str) -> Found<R> {
        let (rows, keys) = match self {
            Self::Members(slot) => (answers.take(slot), Vec::new()),
            Self::Keyed(slot) => {
                let keyed = answers.take(slot).into_iter();
                keyed.map(|keyed| (keyed.row, keyed.key)).unzip()
            }
        };
        Found { column, rows, keys }
    }
}

/// As [`Sought`], of records that are written as JSON without being made.
pub(super) enum SoughtJson<R> {
    Members(JsonSlot<R, R>),
    Keyed(JsonSlot<R, Keyed<R>>),
}

/// Records as JSON, with commas between them.
pub(super) struct FoundJson<R> {
    pub(super) text: Vec<u8>,
    /// How many were found, those past the most included.
    pub(super) count: usize,
    /// The last one that is written, if there are as many as there may be.
    pub(super) last: Found<R>,
}

impl<R: Record> SoughtJson<R> {
    /// None for a kind that is not read member by member.
    pub(super) fn of(
        batch: &mut Batch,
        select: Select,
        column: &str,
        most: usize,
        opening: &str,
    ) -> Option<Self> {
        let members = members::<R>()?;
        Some(if R::DERIVED.contains(&column) {
            Self::Keyed(batch.add_json(select, members, most, opening))
        } else {
            Self::Members(batch.add_json(select, members, most, opening))
        })
    }

    pub(super) fn take(&self, answers: &mut Answers, column: &'static str) -> FoundJson<R> {
        let (text, count, (rows, keys)) = match self {
            Self::Members(slot) => answers.take_json(slot).map(|found| {
                let last = found.last.into_iter().collect();
                (found.text, found.count, (last, Vec::new()))
            }),
            Self::Keyed(slot) => answers.take_json(slot).map(|found| {
                let last = found.last.into_iter().map(|last| (last.row, last.key));
                (found.text, found.count, last.unzip())
            }),
        }
        .unwrap_or_default();
        FoundJson {
            text,
            count,
            last: Found { column, rows, keys },
        }
    }
}

impl<R: Record> Found<R> {
    /// The column of the nth as the text that a cursor holds: one of the record's own, one that follows from them, or one that
    /// the database computes (`seats.available`).
    pub(super) fn text(&self, n: usize) -> Option<String> {
        if let Some(key) = self.keys.get(n) {
            return Some(key.clone());
        }
        match self.rows.get(n)?.value_of(self.column)? {
            Value::Text(text) => text.map(|text| text.as_ref().to_owned()),
            Value::Int(number) => number.map(|number| number.to_string()),
            Value::Bool(_) => None,
        }
    }
}
