//! Labels, the caller's own data, and structures kept as JSON.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

use super::{Tag, clean};
use crate::db::{Column, DbError, Value};

/// Up to 50 labels, each once, in the order given.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub struct Tags(#[schemars(length(max = 50))] Vec<Tag>);

impl Tags {
    /// The labels in order.
    pub fn as_slice(&self) -> &[Tag] {
        &self.0
    }

    /// The labels of both, those of `first` first, as many as there may be.
    pub fn united(first: &Self, second: &Self) -> Self {
        let mut tags = first.0.clone();
        tags.extend(
            second
                .0
                .iter()
                .filter(|tag| !first.0.contains(tag))
                .cloned(),
        );
        tags.truncate(50);
        Self(tags)
    }
}

impl<'de> Deserialize<'de> for Tags {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut tags = Vec::<Tag>::deserialize(deserializer)?;
        let mut seen = std::collections::HashSet::new();
        tags.retain(|tag| seen.insert(tag.clone()));
        if tags.len() > 50 {
            return Err(serde::de::Error::custom("has more than 50 tags"));
        }
        Ok(Self(tags))
    }
}

/// The caller's own data on a record: up to 50 members, keys of 1 to 50 characters, texts of up to 500.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Metadata(BTreeMap<String, String>);

impl Metadata {
    /// The members in the order of their keys.
    pub const fn members(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    /// The members of both, as many as there may be; where both have one, it is that of `first`.
    pub fn united(first: &Self, second: &Self) -> Self {
        let mut members = first.0.clone();
        for (key, value) in &second.0 {
            if members.len() < 50 && !members.contains_key(key) {
                members.insert(key.clone(), value.clone());
            }
        }
        Self(members)
    }
}

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let members = BTreeMap::<String, String>::deserialize(deserializer)?;
        if members.len() > 50 {
            return Err(serde::de::Error::custom("has more than 50 members"));
        }
        for (key, value) in &members {
            clean(key, 1, 50, false)
                .map_err(|fault| serde::de::Error::custom(format_args!("key {key:?} {fault}")))?;
            clean(value, 0, 500, true).map_err(|fault| {
                serde::de::Error::custom(format_args!("value of {key:?} {fault}"))
            })?;
        }
        Ok(Self(members))
    }
}

impl JsonSchema for Metadata {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Metadata".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "maxProperties": 50,
            "propertyNames": { "format": "tag", "minLength": 1, "maxLength": 50 },
            "additionalProperties": { "type": "string", "format": "description", "maxLength": 500 },
        })
    }
}

/// A structure kept as JSON in a text column.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Json<T>(pub T);

impl<T: JsonSchema> JsonSchema for Json<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

impl<T: Serialize + serde::de::DeserializeOwned> Column for Json<T> {
    type As<'a> = &'a str;
    fn of(text: &str) -> Result<Self, DbError> {
        serde_json::from_str(text)
            .map(Self)
            .map_err(|_| DbError::decode("JSON", text))
    }
    fn value(&self) -> Value {
        Value::text(serde_json::to_string(&self.0).unwrap_or_else(|_| "null".to_owned()))
    }
    fn null() -> Value {
        Value::Text(None)
    }
}

macro_rules! json_column {
    ($($name:ty),+) => { $(
        impl Column for $name {
            type As<'a> = &'a str;
            fn of(text: &str) -> Result<Self, DbError> {
                match text {
                    "[]" | "{}" => Ok(Self::default()),
                    text => serde_json::from_str(text).map_err(|_| DbError::decode(stringify!($name), text)),
                }
            }
            fn write_json(text: &str, out: &mut Vec<u8>) -> Result<(), DbError> {
                out.extend_from_slice(text.as_bytes());
                Ok(())
            }
            fn value(&self) -> Value {
                Value::text(serde_json::to_string(self).unwrap_or_else(|_| "null".to_owned()))
            }
            fn null() -> Value {
                Value::Text(None)
            }
        }
    )+ };
}

json_column!(Tags, Metadata);
