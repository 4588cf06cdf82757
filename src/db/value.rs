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
        }
    }

    pub(super) const fn postgres(row: &'a tokio_postgres::Row) -> Self {
        Self {
            row: Source::Postgres(row),
            at: 0,
        }
    }

    #[inline]
    fn next(&mut self) -> Result<Cell<'a>, DbError> {
        let at = self.at;
        self.at += 1;
        match self.row {
            Source::Sqlite(row) => Ok(row.get_ref(at)?.into()),
            Source::Postgres(row) => Ok(row.try_get(at)?),
        }
    }
}

/// One column of a row, not yet read as anything but one of the three types of the schema.
#[derive(Clone, Copy)]
pub struct Cell<'a>(Held<'a>);

#[derive(Clone, Copy)]
enum Held<'a> {
    Null,
    /// UTF-8, if the database keeps to what it promises.
    Text(&'a [u8]),
    Int(i64),
    Bool(bool),
    /// What an expression may give beside.
    Other,
}

impl<'a> From<rusqlite::types::ValueRef<'a>> for Cell<'a> {
    #[inline]
    fn from(value: rusqlite::types::ValueRef<'a>) -> Self {
        use rusqlite::types::ValueRef;
        Self(match value {
            ValueRef::Null => Held::Null,
            ValueRef::Text(bytes) => Held::Text(bytes),
            ValueRef::Integer(int) => Held::Int(int),
            ValueRef::Real(_) | ValueRef::Blob(_) => Held::Other,
        })
    }
}

impl<'a> FromSql<'a> for Cell<'a> {
    #[inline]
    fn from_sql(
        ty: &Type,
        bytes: &'a [u8],
    ) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(match *ty {
            Type::TEXT | Type::VARCHAR | Type::NAME | Type::UNKNOWN => Held::Text(bytes),
            Type::INT8 => Held::Int(i64::from_sql(ty, bytes)?),
            Type::BOOL => Held::Bool(bool::from_sql(ty, bytes)?),
            _ => Held::Other,
        }))
    }
    #[inline]
    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(Held::Null))
    }
    fn accepts(_: &Type) -> bool {
        true
    }
}

impl<'a> Cell<'a> {
    /// Whether it is NULL.
    #[inline]
    const fn is_null(self) -> bool {
        matches!(self.0, Held::Null)
    }

    /// It as a text that must be there.
    #[inline]
    pub fn text(self) -> Result<&'a str, DbError> {
        match self.0 {
            Held::Text(bytes) => {
                std::str::from_utf8(bytes).map_err(|error| DbError::Internal(error.into()))
            }
            other => Err(other.instead_of("a text")),
        }
    }

    /// It as a whole number that must be there.
    #[inline]
    pub fn int(self) -> Result<i64, DbError> {
        match self.0 {
            Held::Int(int) => Ok(int),
            other => Err(other.instead_of("a number")),
        }
    }

    /// It as a truth that must be there.
    #[inline]
    pub fn truth(self) -> Result<bool, DbError> {
        match self.0 {
            Held::Bool(truth) => Ok(truth),
            // SQLite has no type of its own for it.
            Held::Int(int) => Ok(int != 0),
            other => Err(other.instead_of("a truth")),
        }
    }
}

impl Held<'_> {
    #[cold]
    fn instead_of(self, wanted: &str) -> DbError {
        let found = match self {
            Self::Null => "NULL",
            Self::Text(_) => "a text",
            Self::Int(_) => "a number",
            Self::Bool(_) => "a truth",
            Self::Other => "a value of another type",
        };
        DbError::Internal(format!("a column should hold {wanted}, but holds {found}").into())
    }
}

/// A type that is one column.
pub trait Column: Sized {
    /// Reads it.
    fn of(cell: Cell<'_>) -> Result<Self, DbError>;
    /// Reads it from the next column of a row.
    #[inline]
    fn read(reader: &mut Reader<'_>) -> Result<Self, DbError> {
        Self::of(reader.next()?)
    }
    /// It as a parameter.
    fn value(&self) -> Value;
    /// Its absence as a parameter.
    fn null() -> Value;
}

impl<T: Column> Column for Option<T> {
    #[inline]
    fn of(cell: Cell<'_>) -> Result<Self, DbError> {
        if cell.is_null() {
            return Ok(None);
        }
        T::of(cell).map(Some)
    }
    fn value(&self) -> Value {
        self.as_ref().map_or_else(T::null, T::value)
    }
    fn null() -> Value {
        T::null()
    }
}

impl Column for String {
    #[inline]
    fn of(cell: Cell<'_>) -> Result<Self, DbError> {
        cell.text().map(str::to_owned)
    }
    fn value(&self) -> Value {
        Value::text(self.as_str())
    }
    fn null() -> Value {
        Value::Text(None)
    }
}

impl Column for i64 {
    #[inline]
    fn of(cell: Cell<'_>) -> Result<Self, DbError> {
        cell.int()
    }
    fn value(&self) -> Value {
        Value::Int(Some(*self))
    }
    fn null() -> Value {
        Value::Int(None)
    }
}

impl Column for bool {
    #[inline]
    fn of(cell: Cell<'_>) -> Result<Self, DbError> {
        cell.truth()
    }
    fn value(&self) -> Value {
        Value::Bool(Some(*self))
    }
    fn null() -> Value {
        Value::Bool(None)
    }
}

impl Column for serde_json::Value {
    fn of(cell: Cell<'_>) -> Result<Self, DbError> {
        let text = cell.text()?;
        serde_json::from_str(text).map_err(|_| DbError::decode("JSON", text))
    }
    fn value(&self) -> Value {
        Value::text(self.to_string())
    }
    fn null() -> Value {
        Value::Text(None)
    }
}
