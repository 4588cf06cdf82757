//! How a caller names a record: by our id, by the caller's own key (`ext:crm-81`) or, for a person, by e-mail.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Email, ExternalId, Id, Kind};

/// A reference to a record of kind `K`, not looked up yet.
pub enum Ref<K: ?Sized> {
    /// Our id.
    Id(Id<K>),
    /// The caller's own key, written `ext:<value>`.
    External(ExternalId),
    /// A person's address, written `email:<address>`.
    Email(Email),
}

impl<K: Kind + ?Sized> Ref<K> {
    /// Reads one of the three forms; the error is a sentence for the caller.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(value) = text.strip_prefix("ext:") {
            return ExternalId::parse(value)
                .map(Self::External)
                .map_err(|fault| format!("ext: value {fault}"));
        }
        if K::PREFIX == "user" {
            if let Some(value) = text.strip_prefix("email:") {
                return Email::parse(value).map(Self::Email);
            }
        }
        Id::parse(text).map(Self::Id).ok_or_else(|| {
            let email = if K::PREFIX == "user" {
                ", email:<address>"
            } else {
                ""
            };
            format!(
                "is not a reference to a {0}: give its id ({0}_…), ext:<your own key>{email}",
                K::PREFIX
            )
        })
    }
}

impl<K: ?Sized> Clone for Ref<K> {
    fn clone(&self) -> Self {
        match self {
            Self::Id(id) => Self::Id(id.clone()),
            Self::External(key) => Self::External(key.clone()),
            Self::Email(email) => Self::Email(email.clone()),
        }
    }
}

impl<K: ?Sized> PartialEq for Ref<K> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Id(a), Self::Id(b)) => a == b,
            (Self::External(a), Self::External(b)) => a == b,
            (Self::Email(a), Self::Email(b)) => a == b,
            _ => false,
        }
    }
}

impl<K: ?Sized> fmt::Display for Ref<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::External(key) => write!(f, "ext:{key}"),
            Self::Email(email) => write!(f, "email:{email}"),
        }
    }
}

impl<K: ?Sized> fmt::Debug for Ref<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<K: ?Sized> Serialize for Ref<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, K: Kind + ?Sized> Deserialize<'de> for Ref<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl<K: Kind + ?Sized> JsonSchema for Ref<K> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("{}_reference", K::PREFIX).into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let (email, words) = if K::PREFIX == "user" {
            ("|email:.{3,254}", ", or `email:<address>`")
        } else {
            ("", "")
        };
        json_schema!({
            "type": "string",
            "maxLength": 330,
            "pattern": format!("^({}_[0-7][0-9a-hjkmnp-tv-z]{{25}}|ext:.{{1,200}}{email})$", K::PREFIX),
            "description": format!("The {}'s id, `ext:<external_id>`{words}.", K::PREFIX),
        })
    }
}
