//! Values on their way into a statement and out of a row: text, whole number, truth, each of which may be absent.
//!
//! Three types are all the schema has: JSON is text, a time is microseconds, so both databases store and compare the
//! same bytes. An absent value is typed, since PostgreSQL wants to know what a NULL is.

use std::sync::Arc;

use postgres_types::{FromSql, IsNull, ToSql, Type, private::BytesMut};

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
    seen: Option<Cell<'a>>,
}

#[derive(Clone, Copy)]
enum Source<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a tokio_postgres::Row),
}

/// A column of a row, not yet read as anything.
#[derive(Clone, Copy)]
enum Cell<'a> {
    Sqlite(rusqlite::types::ValueRef<'a>),
    Postgres(Option<Bytes<'a>>),
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

    /// The next column, without passing it.
    fn peek(&mut self) -> Result<Cell<'a>, DbError> {
        if let Some(cell) = self.seen {
            return Ok(cell);
        }
        let cell = match self.row {
            Source::Sqlite(row) => Cell::Sqlite(row.get_ref(self.at)?),
            Source::Postgres(row) => Cell::Postgres(row.try_get(self.at)?),
        };
        self.seen = Some(cell);
        Ok(cell)
    }

    fn next(&mut self) -> Result<Cell<'a>, DbError> {
        let cell = self.peek()?;
        self.pass();
        Ok(cell)
    }

    const fn pass(&mut self) {
        self.at += 1;
        self.seen = None;
    }

    /// The next column as text.
    pub fn text(&mut self) -> Result<Option<&'a str>, DbError> {
        match self.next()? {
            Cell::Sqlite(value) => Ok(value.as_str_or_null().map_err(rusqlite::Error::from)?),
            Cell::Postgres(bytes) => bytes.map(|bytes| bytes.read(&Type::TEXT)).transpose(),
        }
    }

    /// The next column as a whole number.
    pub fn int(&mut self) -> Result<Option<i64>, DbError> {
        match self.next()? {
            Cell::Sqlite(value) => Ok(value.as_i64_or_null().map_err(rusqlite::Error::from)?),
            Cell::Postgres(bytes) => bytes.map(|bytes| bytes.read(&Type::INT8)).transpose(),
        }
    }

    /// The next column as a truth.
    pub fn truth(&mut self) -> Result<Option<bool>, DbError> {
        match self.next()? {
            Cell::Sqlite(value) => Ok(value
                .as_i64_or_null()
                .map_err(rusqlite::Error::from)?
                .map(|int| int != 0)),
            Cell::Postgres(bytes) => bytes.map(|bytes| bytes.read(&Type::BOOL)).transpose(),
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
        Ok(match self.peek()? {
            Cell::Sqlite(value) => value == rusqlite::types::ValueRef::Null,
            Cell::Postgres(bytes) => bytes.is_none(),
        })
    }
}

/// A column of PostgreSQL as it came, with the type it has there.
#[derive(Clone, Copy)]
struct Bytes<'a> {
    bytes: &'a [u8],
    is: Kind,
}

/// The types of a schema that has three, and whatever else an expression may give.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Int,
    Bool,
    Other,
}

impl Kind {
    fn of(ty: &Type) -> Self {
        match *ty {
            Type::TEXT | Type::VARCHAR | Type::NAME | Type::UNKNOWN => Self::Text,
            Type::INT8 => Self::Int,
            Type::BOOL => Self::Bool,
            _ => Self::Other,
        }
    }
}

impl<'a> Bytes<'a> {
    fn read<T: FromSql<'a>>(self, ty: &Type) -> Result<T, DbError> {
        if self.is != Kind::of(ty) {
            return Err(DbError::decode(ty.name(), "a column of another type"));
        }
        T::from_sql(ty, self.bytes).map_err(DbError::Internal)
    }
}

impl<'a> FromSql<'a> for Bytes<'a> {
    fn from_sql(
        ty: &Type,
        bytes: &'a [u8],
    ) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self {
            bytes,
            is: Kind::of(ty),
        })
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
            reader.pass();
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
