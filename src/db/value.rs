//! Values on their way into a statement and out of a row: text, whole number, truth, each of which may be absent.
//!
//! Three types are all the schema has: JSON is text, a time is microseconds, so both databases store and compare the
//! same bytes. An absent value is typed, since PostgreSQL wants to know what a NULL is.

use std::sync::Arc;

use postgres_types::{IsNull, ToSql, Type, private::BytesMut};

use super::DbError;

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
    /// The next column, where it has been looked at already.
    seen: Option<rusqlite::types::ValueRef<'a>>,
}

#[derive(Clone, Copy)]
enum Source<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a tokio_postgres::Row),
}

impl<'a> Reader<'a> {
    pub(super) const fn sqlite(row: &'a rusqlite::Row<'a>) -> Self {
        Self {
            row: Source::Sqlite(row),
            at: 0,
            seen: None,
        }
    }

    pub(super) const fn postgres(row: &'a tokio_postgres::Row) -> Self {
        Self {
            row: Source::Postgres(row),
            at: 0,
            seen: None,
        }
    }

    const fn next(&mut self) -> usize {
        let at = self.at;
        self.at += 1;
        self.seen = None;
        at
    }

    /// The next column of a row of SQLite, which is looked at once even where its being there was asked before.
    fn next_of(
        &mut self,
        row: &'a rusqlite::Row<'a>,
    ) -> Result<rusqlite::types::ValueRef<'a>, DbError> {
        let seen = self.seen;
        let at = self.next();
        Ok(match seen {
            Some(value) => value,
            None => row.get_ref(at)?,
        })
    }

    /// The next column as text.
    pub fn text(&mut self) -> Result<Option<&'a str>, DbError> {
        match self.row {
            Source::Sqlite(row) => Ok(self
                .next_of(row)?
                .as_str_or_null()
                .map_err(rusqlite::Error::from)?),
            Source::Postgres(row) => Ok(row.try_get(self.next())?),
        }
    }

    /// The next column as a whole number.
    pub fn int(&mut self) -> Result<Option<i64>, DbError> {
        match self.row {
            Source::Sqlite(row) => Ok(self
                .next_of(row)?
                .as_i64_or_null()
                .map_err(rusqlite::Error::from)?),
            Source::Postgres(row) => Ok(row.try_get(self.next())?),
        }
    }

    /// The next column as a truth.
    pub fn truth(&mut self) -> Result<Option<bool>, DbError> {
        match self.row {
            Source::Sqlite(row) => Ok(self
                .next_of(row)?
                .as_i64_or_null()
                .map_err(rusqlite::Error::from)?
                .map(|int| int != 0)),
            Source::Postgres(row) => Ok(row.try_get(self.next())?),
        }
    }

    /// The next column as text that must be there.
    pub fn required_text(&mut self) -> Result<&'a str, DbError> {
        self.text()?
            .ok_or_else(|| DbError::decode("a text", "NULL"))
    }

    /// The next column as a number that must be there.
    pub fn required_int(&mut self) -> Result<i64, DbError> {
        self.int()?
            .ok_or_else(|| DbError::decode("a number", "NULL"))
    }

    /// Whether the next column is NULL, without passing it.
    fn is_null(&mut self) -> Result<bool, DbError> {
        match self.row {
            Source::Sqlite(row) => {
                let value = row.get_ref(self.at)?;
                self.seen = Some(value);
                Ok(value == rusqlite::types::ValueRef::Null)
            }
            Source::Postgres(row) => Ok(row.try_get::<_, Option<Anything>>(self.at)?.is_none()),
        }
    }
}

/// A column of any type, of which only its being there counts.
struct Anything;

impl<'a> postgres_types::FromSql<'a> for Anything {
    fn from_sql(_: &Type, _: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self)
    }
    fn accepts(_: &Type) -> bool {
        true
    }
}

/// A type that is one column.
pub trait Column: Sized {
    /// Reads it from the next column of a row.
    fn read(reader: &mut Reader<'_>) -> Result<Self, DbError>;
    /// It as a parameter.
    fn value(&self) -> Value;
    /// Its absence as a parameter.
    fn null() -> Value;
}

impl<T: Column> Column for Option<T> {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DbError> {
        if reader.is_null()? {
            reader.next();
            return Ok(None);
        }
        T::read(reader).map(Some)
    }
    fn value(&self) -> Value {
        self.as_ref().map_or_else(T::null, T::value)
    }
    fn null() -> Value {
        T::null()
    }
}

impl Column for String {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DbError> {
        reader.required_text().map(str::to_owned)
    }
    fn value(&self) -> Value {
        Value::text(self.as_str())
    }
    fn null() -> Value {
        Value::Text(None)
    }
}

impl Column for i64 {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DbError> {
        reader.required_int()
    }
    fn value(&self) -> Value {
        Value::Int(Some(*self))
    }
    fn null() -> Value {
        Value::Int(None)
    }
}

impl Column for bool {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DbError> {
        reader
            .truth()?
            .ok_or_else(|| DbError::decode("a truth", "NULL"))
    }
    fn value(&self) -> Value {
        Value::Bool(Some(*self))
    }
    fn null() -> Value {
        Value::Bool(None)
    }
}

impl Column for serde_json::Value {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DbError> {
        let text = reader.required_text()?;
        serde_json::from_str(text).map_err(|_| DbError::decode("JSON", text))
    }
    fn value(&self) -> Value {
        Value::text(self.to_string())
    }
    fn null() -> Value {
        Value::Text(None)
    }
}
