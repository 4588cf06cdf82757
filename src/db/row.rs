//! Rows as structs: which columns a struct is made of, written once and used by every read and write.

use super::{Column, DbError, Reader, Value, json};

/// Something that is read from the columns of a row, from left to right.
pub trait FromRow: Sized {
    /// Reads it.
    fn from_row(reader: &mut Reader<'_>) -> Result<Self, DbError>;
}

/// A table's row: the struct that is written and read as a whole. Made by [`columns!`](crate::columns).
///
/// The table has one column more, `account_id`, which no struct carries: the account is always known from the caller,
/// and every statement is bound to it.
pub trait Row: FromRow {
    /// The table.
    const TABLE: &'static str;
    /// The columns that are stored, in the order in which they are read.
    const STORED: &'static [&'static str];
    /// Columns that follow from others, such as the form of a name by which lists are ordered: written, not read.
    const DERIVED: &'static [&'static str];
    /// Expressions read after the stored columns, over the table by its own name.
    const COMPUTED: &'static [&'static str];
    /// The values of the columns that are written, in the order of [`written`].
    fn values(&self) -> Vec<Value>;
    /// The value of one column that is read: a stored one by its name, an expression by the column it ends with
    /// (`seats.available`).
    fn value_of(&self, column: &str) -> Option<Value>;
    /// The members that the struct has for what is read, in that order; none where it is not read member by member.
    const MEMBERS: &'static [&'static str] = &[];
    /// Writes the row as the JSON that the struct serializes to, without making the struct, of which it needs
    /// [`Self::MEMBERS`].
    fn write_json(reader: &mut Reader<'_>, object: &mut json::Object<'_>) -> Result<(), DbError> {
        let _ = (reader, object);
        let fault = format!("{} is not read member by member", Self::TABLE);
        Err(DbError::Internal(fault.into()))
    }
    /// `a, b, c`: everything to select, each stored column with its table's name before it.
    fn selection() -> &'static str;
    /// `INSERT INTO table (account_id, a, b) VALUES ($1, $2, $3)`.
    fn insertion() -> &'static str;
}

/// States which columns a struct is made of:
/// `columns!(Team in "teams": id, name; ownerless = "NOT EXISTS (…)" => name_key: |team| team.name.key())`.
///
/// Members after the semicolon are computed by an SQL expression, read and never written. Columns after the arrow are no
/// members: they follow from the others, are written and never read.
#[macro_export]
macro_rules! columns {
    ($type:ident in $table:literal: $($stored:ident),+ $(; $($computed:ident = $expression:expr),+)? $(=> $($derived:ident: $of:expr),+)? $(,)?) => {
        impl $crate::db::FromRow for $type {
            fn from_row(reader: &mut $crate::db::Reader<'_>) -> Result<Self, $crate::db::DbError> {
                Ok(Self {
                    $($stored: $crate::db::Column::read(reader)?,)+
                    $($($computed: $crate::db::Column::read(reader)?,)+)?
                })
            }
        }

        impl $crate::db::Row for $type {
            const TABLE: &'static str = $table;
            const STORED: &'static [&'static str] = &[$($crate::db::row::column(stringify!($stored))),+];
            const DERIVED: &'static [&'static str] = &[$($(stringify!($derived)),+)?];
            const COMPUTED: &'static [&'static str] = &[$($($expression),+)?];
            fn values(&self) -> Vec<$crate::db::Value> {
                vec![
                    $($crate::db::Column::value(&self.$stored),)+
                    $($($crate::db::row::derived($of, self),)+)?
                ]
            }
            fn value_of(&self, column: &str) -> Option<$crate::db::Value> {
                $(if column == $crate::db::row::column(stringify!($stored)) {
                    return Some($crate::db::Column::value(&self.$stored));
                })+
                $($(if $expression.ends_with(column) {
                    return Some($crate::db::Column::value(&self.$computed));
                })+)?
                None
            }
            const MEMBERS: &'static [&'static str] = &[
                $($crate::db::row::column(stringify!($stored)),)+
                $($($crate::db::row::column(stringify!($computed)),)+)?
            ];
            fn write_json(
                reader: &mut $crate::db::Reader<'_>,
                object: &mut $crate::db::json::Object<'_>,
            ) -> Result<(), $crate::db::DbError> {
                $(object.member(reader, |row: &Self| &row.$stored)?;)+
                $($(object.member(reader, |row: &Self| &row.$computed)?;)+)?
                Ok(())
            }
            fn selection() -> &'static str {
                static TEXT: std::sync::LazyLock<String> = std::sync::LazyLock::new($crate::db::row::selection_text::<$type>);
                &TEXT
            }
            fn insertion() -> &'static str {
                static TEXT: std::sync::LazyLock<String> = std::sync::LazyLock::new($crate::db::row::insertion_text::<$type>);
                &TEXT
            }
        }
    };
}

/// The column of a member: the same word, without the mark that Rust wants before its own keywords.
pub const fn column(member: &'static str) -> &'static str {
    match member.as_bytes() {
        [b'r', b'#', ..] => member.split_at(2).1,
        _ => member,
    }
}

/// The value of a column that follows from others.
pub fn derived<R>(of: fn(&R) -> String, row: &R) -> Value {
    of(row).value()
}

/// The columns that are written, in their order.
pub fn written<R: Row>() -> impl Iterator<Item = &'static str> {
    R::STORED
        .iter()
        .chain(R::DERIVED)
        .map(|column| plain(column))
}

/// Whether the table has such a column among those that the struct is made of.
pub fn has<R: Row>(column: &str) -> bool {
    written::<R>().any(|one| one == column)
}

/// The text behind [`Row::selection`].
pub fn selection_text<R: Row>() -> String {
    let stored = R::STORED
        .iter()
        .map(|column| format!("{}.{}", R::TABLE, plain(column)));
    let computed = R::COMPUTED
        .iter()
        .map(|expression| format!("({expression})"));
    stored.chain(computed).collect::<Vec<_>>().join(", ")
}

/// The text behind [`Row::insertion`].
pub fn insertion_text<R: Row>() -> String {
    let columns: Vec<_> = written::<R>().collect();
    let places: Vec<_> = (2..columns.len() + 2).map(|n| format!("${n}")).collect();
    format!(
        "INSERT INTO {} (account_id, {}) VALUES ($1, {})",
        R::TABLE,
        columns.join(", "),
        places.join(", ")
    )
}

/// A column's name without the mark that a member has whose name is a word of Rust's: `r#type` is `type`.
pub(super) fn plain(column: &'static str) -> &'static str {
    column.trim_start_matches("r#")
}

macro_rules! tuple_row {
    ($($name:ident),+) => {
        impl<$($name: Column),+> FromRow for ($($name,)+) {
            fn from_row(reader: &mut Reader<'_>) -> Result<Self, DbError> {
                Ok(($($name::read(reader)?,)+))
            }
        }
    };
}
tuple_row!(A);
tuple_row!(A, B);
tuple_row!(A, B, C);
tuple_row!(A, B, C, D);
tuple_row!(A, B, C, D, E);
tuple_row!(A, B, C, D, E, F);
tuple_row!(A, B, C, D, E, F, G);
tuple_row!(A, B, C, D, E, F, G, H);

/// Two rows side by side, as a join gives them.
pub struct Pair<A, B>(pub A, pub B);

impl<A: FromRow, B: FromRow> FromRow for Pair<A, B> {
    fn from_row(reader: &mut Reader<'_>) -> Result<Self, DbError> {
        Ok(Self(A::from_row(reader)?, B::from_row(reader)?))
    }
}
