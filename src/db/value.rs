//! Values on their way into a statement and out of a row: text, whole number, truth, each of which may be absent.
//!
//! Three types are all the schema has: JSON is text, a time is microseconds, so both databases store and compare the
//! same bytes. An absent value is typed, since PostgreSQL wants to know what a NULL is.

use std::sync::Arc;

use postgres_types::{FromSql, IsNull, ToSql, Type, private::BytesMut};
use rusqlite::types::ValueRef;
use serde::Serialize;

use super::{DbError, json};

/// A parameter of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// TEXT
    Text(Option<Arc<str>>),
    /// BIGINT
    Int(Option<i64>),
    /// BOOLEAN
    Bool(Option<bool>),
}

impl Value {
    /// A text that is there.
    pub fn text(text: impl Into<Arc<str>>) -> Self {
        Self::Text(Some(text.into()))
    }

    pub(super) const fn postgres_type(&self) -> Type {
        match self {
            Self::Text(_) => Type::TEXT,
            Self::Int(_) => Type::INT8,
            Self::Bool(_) => Type::BOOL,
        }
    }
}

impl ToSql for Value {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Text(text) => text.as_deref().to_sql(&Type::TEXT, out),
            Self::Int(int) => int.to_sql(&Type::INT8, out),
            Self::Bool(truth) => truth.to_sql(&Type::BOOL, out),
        }
    }

    fn accepts(ty: &Type) -> bool {
        matches!(*ty, Type::TEXT | Type::INT8 | Type::BOOL)
    }

    postgres_types::to_sql_checked!();
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        match self {
            Self::Text(text) => text
                .as_deref()
                .map_or(Ok(rusqlite::types::Null.into()), |text| Ok(text.into())),
            Self::Int(int) => rusqlite::ToSql::to_sql(int),
            Self::Bool(truth) => rusqlite::ToSql::to_sql(truth),
        }
    }
}

/// A row of either driver, read from left to right.
pub struct Reader<'a> {
    row: Source<'a>,
    at: usize,
    /// What was wrong with the last column: told when it is asked for, so that all others are handed over in registers.
    fault: Option<DbError>,
}

#[derive(Clone, Copy)]
enum Source<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a tokio_postgres::Row),
}

impl<'a> Reader<'a> {
    pub(super) const fn sqlite(row: &'a rusqlite::Row<'a>) -> Self {
        Self::over(Source::Sqlite(row))
    }

    pub(super) const fn postgres(row: &'a tokio_postgres::Row) -> Self {
        Self::over(Source::Postgres(row))
    }

    const fn over(row: Source<'a>) -> Self {
        Self {
            row,
            at: 0,
            fault: None,
        }
    }

    /// The same row from its beginning.
    pub(super) const fn again(&self) -> Self {
        Self::over(self.row)
    }

    /// Passes over a column.
    pub(super) const fn pass(&mut self) {
        self.at += 1;
    }

    /// The next column: nothing for NULL, and nothing with a fault for one that cannot be read.
    fn next<T: Stored<'a>>(&mut self) -> Option<T> {
        let at = self.at;
        self.at += 1;
        match self.row {
            Source::Sqlite(row) => match row.get_ref(at) {
                Ok(ValueRef::Null) => None,
                Ok(value) => T::of_sqlite(value).or_else(|| self.fails(T::NAME)),
                Err(error) => self.fails_by(error.into()),
            },
            Source::Postgres(row) => match row.try_get::<_, Option<T>>(at) {
                Ok(value) => value,
                Err(error) => self.fails_by(error.into()),
            },
        }
    }

    #[cold]
    fn fails<T>(&mut self, wanted: &str) -> Option<T> {
        let fault = format!("a column should hold {wanted}, but holds something else");
        self.fails_by(DbError::Internal(fault.into()))
    }

    #[cold]
    fn fails_by<T>(&mut self, fault: DbError) -> Option<T> {
        self.fault = Some(fault);
        None
    }

    /// Why there was nothing where something must be.
    #[cold]
    fn missing(&mut self, wanted: &str) -> DbError {
        let is_null =
            || DbError::Internal(format!("a column should hold {wanted}, but holds NULL").into());
        self.fault.take().unwrap_or_else(is_null)
    }
}

/// One of the three types of the schema.
pub trait Stored<'a>: FromSql<'a> {
    /// What it is.
    const NAME: &'static str;
    /// It from SQLite, which has no type of its own for truth.
    fn of_sqlite(value: ValueRef<'a>) -> Option<Self>;
}

impl<'a> Stored<'a> for &'a str {
    const NAME: &'static str = "a text";
    fn of_sqlite(value: ValueRef<'a>) -> Option<Self> {
        match value {
            ValueRef::Text(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }
}

impl<'a> Stored<'a> for i64 {
    const NAME: &'static str = "a number";
    fn of_sqlite(value: ValueRef<'a>) -> Option<Self> {
        match value {
            ValueRef::Integer(int) => Some(int),
            _ => None,
        }
    }
}

impl<'a> Stored<'a> for bool {
    const NAME: &'static str = "a truth";
    fn of_sqlite(value: ValueRef<'a>) -> Option<Self> {
        i64::of_sqlite(value).map(|int| int != 0)
    }
}

/// A type that is one column.
pub trait Column: Sized + Serialize {
    /// As what it is stored.
    type As<'a>: Stored<'a>;
    /// It as it is stored.
    fn of(stored: Self::As<'_>) -> Result<Self, DbError>;
    /// Reads it from the next column of a row.
    fn read(reader: &mut Reader<'_>) -> Result<Self, DbError> {
        match reader.next() {
            Some(stored) => Self::of(stored),
            None => Err(reader.missing(<Self::As<'_> as Stored<'_>>::NAME)),
        }
    }
    /// Writes what is stored as the JSON that it serializes to.
    fn write_json(stored: Self::As<'_>, out: &mut Vec<u8>) -> Result<(), DbError> {
        json::write(&Self::of(stored)?, out)
    }
    /// Writes the next column of a row as a member of an object, `opening` before it.
    fn read_json(
        reader: &mut Reader<'_>,
        opening: &str,
        _only_if_there: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), DbError> {
        match reader.next() {
            Some(stored) => {
                out.extend_from_slice(opening.as_bytes());
                Self::write_json(stored, out)
            }
            None => Err(reader.missing(<Self::As<'_> as Stored<'_>>::NAME)),
        }
    }
    /// It as a parameter.
    fn value(&self) -> Value;
    /// Its absence as a parameter.
    fn null() -> Value;
}

impl<T: Column> Column for Option<T> {
    type As<'a> = T::As<'a>;
    fn of(stored: T::As<'_>) -> Result<Self, DbError> {
        T::of(stored).map(Some)
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, DbError> {
        match reader.next() {
            Some(stored) => T::of(stored).map(Some),
            None => reader.fault.take().map_or(Ok(None), Err),
        }
    }
    fn write_json(stored: T::As<'_>, out: &mut Vec<u8>) -> Result<(), DbError> {
        T::write_json(stored, out)
    }
    fn read_json(
        reader: &mut Reader<'_>,
        opening: &str,
        only_if_there: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), DbError> {
        if let Some(stored) = reader.next() {
            out.extend_from_slice(opening.as_bytes());
            return T::write_json(stored, out);
        }
        if !only_if_there {
            out.extend_from_slice(opening.as_bytes());
            out.extend_from_slice(b"null");
        }
        reader.fault.take().map_or(Ok(()), Err)
    }
    fn value(&self) -> Value {
        self.as_ref().map_or_else(T::null, T::value)
    }
    fn null() -> Value {
        T::null()
    }
}

impl Column for String {
    type As<'a> = &'a str;
    fn of(text: &str) -> Result<Self, DbError> {
        Ok(text.to_owned())
    }
    fn write_json(text: &str, out: &mut Vec<u8>) -> Result<(), DbError> {
        json::write_text(text, out)
    }
    fn value(&self) -> Value {
        Value::text(self.as_str())
    }
    fn null() -> Value {
        Value::Text(None)
    }
}

impl Column for i64 {
    type As<'a> = Self;
    fn of(int: Self) -> Result<Self, DbError> {
        Ok(int)
    }
    fn value(&self) -> Value {
        Value::Int(Some(*self))
    }
    fn null() -> Value {
        Value::Int(None)
    }
}

impl Column for bool {
    type As<'a> = Self;
    fn of(truth: Self) -> Result<Self, DbError> {
        Ok(truth)
    }
    fn value(&self) -> Value {
        Value::Bool(Some(*self))
    }
    fn null() -> Value {
        Value::Bool(None)
    }
}

impl Column for serde_json::Value {
    type As<'a> = &'a str;
    fn of(text: &str) -> Result<Self, DbError> {
        serde_json::from_str(text).map_err(|_| DbError::decode("JSON", text))
    }
    fn value(&self) -> Value {
        Value::text(self.to_string())
    }
    fn null() -> Value {
        Value::Text(None)
    }
}
