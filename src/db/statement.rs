//! Reads and writes as data: a text and its values. `$1` is always the account; a statement's own values begin at `$2`.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::{Row, Value};

/// Values for a statement, from `$2` on: `params![email.key(), now]`.
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => { vec![$($crate::db::Column::value(&$value)),*] };
}

/// What a write must have changed for the whole list to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Expect {
    /// Any number of rows.
    Any,
    /// At least one row: a guard. None undoes the whole list, as [`DbError::Stale`](super::DbError::Stale).
    Some,
    /// So many rows, no more and no fewer: a guard over several rows.
    Exactly(u64),
}

impl Expect {
    /// Whether a statement that changed so many rows lets the list stand.
    pub(super) const fn holds(self, changed: u64) -> bool {
        match self {
            Self::Any => true,
            Self::Some => changed > 0,
            Self::Exactly(wanted) => changed == wanted,
        }
    }
}

/// A write: one INSERT, UPDATE or DELETE, and what it must change.
#[derive(Debug, Clone)]
pub struct Statement {
    pub(super) sql: Cow<'static, str>,
    pub(super) params: Vec<Value>,
    pub(super) expect: Expect,
}

impl Statement {
    /// A write that may change any number of rows.
    pub fn new(sql: impl Into<Cow<'static, str>>, params: Vec<Value>) -> Self {
        Self {
            sql: sql.into(),
            params,
            expect: Expect::Any,
        }
    }

    /// A write that must change something.
    pub fn guarded(sql: impl Into<Cow<'static, str>>, params: Vec<Value>) -> Self {
        Self {
            sql: sql.into(),
            params,
            expect: Expect::Some,
        }
    }

    /// A write that must change so many rows: each names what it was when it was read, and all must still be so.
    pub fn exactly(sql: impl Into<Cow<'static, str>>, params: Vec<Value>, rows: usize) -> Self {
        Self {
            sql: sql.into(),
            params,
            expect: Expect::Exactly(u64::try_from(rows).unwrap_or(u64::MAX)),
        }
    }

    /// Inserts a row.
    pub fn insert<R: Row>(row: &R) -> Self {
        Self::new(R::insertion(), row.values())
    }

    /// Inserts several rows at once. An empty list becomes nothing: give at least one.
    pub fn insert_all<R: Row>(rows: &[R]) -> Self {
        let mut sql = R::insertion().to_owned();
        let width = R::STORED.len() + R::DERIVED.len();
        for n in 1..rows.len() {
            sql.push_str(", ($1");
            for place in 0..width {
                let _ = write!(sql, ", ${}", 2 + n * width + place);
            }
            sql.push(')');
        }
        Self::new(sql, rows.iter().flat_map(Row::values).collect())
    }

    /// Writes all columns of a row that has `id` as its first column and `version` among the others, if nobody else
    /// has written it meanwhile.
    pub fn update<R: Row>(row: &R, version: i64) -> Self {
        let mut sql = format!("UPDATE {} SET ", R::TABLE);
        for (n, column) in super::row::written::<R>().enumerate().skip(1) {
            let _ = if column == "version" {
                write!(sql, "version = version + 1, ")
            } else {
                write!(sql, "{column} = ${}, ", n + 2)
            };
        }
        sql.truncate(sql.len() - 2);
        let mut params = row.values();
        let _ = write!(
            sql,
            " WHERE account_id = $1 AND id = $2 AND version = ${}",
            params.len() + 2
        );
        params.push(Value::Int(Some(version)));
        Self::guarded(sql, params)
    }

    /// The text.
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// The values, from `$2` on.
    pub fn params(&self) -> &[Value] {
        &self.params
    }
}

/// A read: one SELECT.
#[derive(Debug, Clone)]
pub struct Select {
    pub(super) sql: Cow<'static, str>,
    pub(super) params: Vec<Value>,
    /// Whether it is planned anew each time.
    pub(super) is_planned_anew: bool,
    /// Whether it may share a connection with others.
    pub(super) is_brief: bool,
    /// How many rows to make room for.
    pub(super) room: usize,
}

impl Select {
    /// A read by its text.
    pub fn new(sql: impl Into<Cow<'static, str>>, params: Vec<Value>) -> Self {
        Self {
            sql: sql.into(),
            params,
            is_planned_anew: false,
            is_brief: false,
            room: 0,
        }
    }

    /// The same, of about so many rows, for which there is room from the start.
    #[must_use]
    pub const fn about(mut self, rows: usize) -> Self {
        self.room = rows;
        self
    }

    /// The same, of few rows along an index whatever the values: on PostgreSQL it may share a connection with others of its
    /// kind, where a long one would let them wait.
    #[must_use]
    pub const fn brief(mut self) -> Self {
        self.is_brief = true;
        self
    }

    /// The same, planned anew for these values: where few rows fit some values and most rows fit others, no plan is
    /// good for both. PostgreSQL plans it each time; SQLite goes by its rules alone.
    #[must_use]
    pub const fn planned_for_its_values(mut self) -> Self {
        self.is_planned_anew = true;
        self
    }

    /// A read of whole rows: `SELECT <all columns> FROM <table> <rest>`.
    pub fn rows<R: Row>(rest: &str, params: Vec<Value>) -> Self {
        Self::new(
            format!("SELECT {} FROM {} {rest}", R::selection(), R::TABLE),
            params,
        )
    }

    /// The text.
    pub fn sql(&self) -> &str {
        &self.sql
    }
}
