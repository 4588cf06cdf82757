//! Values that are right once they exist: past the door of the program there is no bare e-mail, id, time or status.

pub mod id;
pub mod list;
pub mod merge;
pub mod reference;
pub mod secret;
pub mod text;
pub mod time;

pub use id::{AccountId, Id, Ids, Kind};
pub use list::json_list;
pub use merge::Patch;
pub use reference::Ref;
pub use secret::Secret;
pub use text::{Currency, Email, ExternalId, Metadata, Name, Tags};
pub use time::{Clock, Timestamp};

/// Declares a closed set of words as an enum: its text form in JSON, in the database and in the document is one and the same.
///
/// Each variant carries its documentation and its word; `ALL` lists them in order.
#[macro_export]
macro_rules! words {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$vmeta:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        $vis enum $name { $($(#[$vmeta])* #[serde(rename = $word)] $variant),+ }

        impl $name {
            /// Every word, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word as it stands in JSON and in the database.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The member of the set with this word, if there is one.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.as_str()) }
        }

        impl $crate::db::Column for $name {
            type As<'a> = &'a str;
            fn of(word: &str) -> Result<Self, $crate::db::DbError> {
                Self::from_word(word).ok_or_else(|| $crate::db::DbError::decode(stringify!($name), word))
            }
            fn write_json(word: &str, out: &mut Vec<u8>) -> Result<(), $crate::db::DbError> {
                $crate::db::json::write_plain(word, out);
                Ok(())
            }
            fn value(&self) -> $crate::db::Value { $crate::db::Value::text(self.as_str()) }
            fn null() -> $crate::db::Value { $crate::db::Value::Text(None) }
        }
    };
}
