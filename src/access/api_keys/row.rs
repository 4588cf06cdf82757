//! The row of an API key, and what of it is shown.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value as JsonValue;

use super::Permission;
use crate::columns;
use crate::db::{Column, DbError, Value};
use crate::types::text::Json;
use crate::types::{Id, Kind, Name, Timestamp};

impl Kind for ApiKey {
    const PREFIX: &'static str = "key";
}

/// The id of an API key; it stays the same when the secret is rotated.
pub type ApiKeyId = Id<ApiKey>;

/// A key for programs, without its secret, which is shown once when it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// What it is for.
    pub name: Name,
    /// What it may do, as long as the person who made it may do it too.
    pub scopes: Scopes,
    /// The first characters of the secret.
    pub prefix: String,
    /// The last characters of the secret.
    pub last_four: String,
    /// The networks it may be used from; none: from everywhere.
    pub allowed_addresses: Json<Vec<Network>>,
    /// The organizations, with all below them, whose teams it is limited to.
    pub organization_ids: Json<Vec<String>>,
    /// The teams it is limited to. Without organizations and teams it reaches the whole account.
    pub team_ids: Json<Vec<String>>,
    /// Its own limit, within the account's.
    pub requests_per_minute: Option<i64>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When its secret was last changed.
    pub rotated_at: Option<Timestamp>,
    /// When it was last used, to a minute.
    pub last_used_at: Option<Timestamp>,
    /// From where it was last used.
    pub last_used_address: Option<String>,
    /// The program that used it last, in its own words (User-Agent).
    pub last_used_agent: Option<String>,
    /// The person it belongs to; none for one made on the operator's command line.
    pub created_by: Option<String>,
    #[serde(skip)]
    /// Counts the changes.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}
columns!(ApiKey in "api_keys": id, name, scopes, prefix, last_four, allowed_addresses, organization_ids, team_ids, requests_per_minute,
    expires_at, revoked_at, rotated_at, last_used_at, last_used_address, last_used_agent, created_by, version, created_at, updated_at);

crate::words! {
    /// Whether a key works.
    pub enum ApiKeyStatus {
        /// It works.
        Active = "active",
        /// Its time has ended.
        Expired = "expired",
        /// It was revoked.
        Revoked = "revoked",
    }
}

/// A key as it is shown, with its status at that moment.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "ApiKey")]
pub struct ShownApiKey {
    /// The key.
    #[serde(flatten)]
    pub key: ApiKey,
    /// Whether it works.
    pub status: ApiKeyStatus,
}

impl ApiKey {
    /// Whether it works at `now`.
    pub fn status(&self, now: Timestamp) -> ApiKeyStatus {
        if self.revoked_at.is_some() {
            ApiKeyStatus::Revoked
        } else if self.expires_at.is_some_and(|end| end <= now) {
            ApiKeyStatus::Expired
        } else {
            ApiKeyStatus::Active
        }
    }

    /// Whether it is limited to some teams.
    pub fn is_limited(&self) -> bool {
        !self.organization_ids.0.is_empty() || !self.team_ids.0.is_empty()
    }

    /// As it is shown at `now`.
    pub fn shown(&self, now: Timestamp) -> ShownApiKey {
        ShownApiKey {
            key: self.clone(),
            status: self.status(now),
        }
    }
}

/// The members that differ between two states of a key, with their values in the first.
pub(super) fn differences(old: &ApiKey, new: &ApiKey) -> serde_json::Map<String, JsonValue> {
    let members = |key: &ApiKey| {
        serde_json::to_value(key)
            .ok()
            .and_then(|value| value.as_object().cloned())
            .unwrap_or_default()
    };
    let new = members(new);
    members(old)
        .into_iter()
        .filter(|(name, value)| name != "updated_at" && new.get(name) != Some(value))
        .collect()
}

/// Ids of a restriction, each once, in the order given.
pub(super) fn ids(given: &[String]) -> Json<Vec<String>> {
    let mut seen = BTreeSet::new();
    Json(
        given
            .iter()
            .filter(|id| seen.insert(id.as_str()))
            .cloned()
            .collect(),
    )
}

/// What a key may do. Words in the database that this version does not know are passed over: they grant nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Scopes(#[schemars(with = "Vec<Permission>")] BTreeSet<Permission>);

impl Scopes {
    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = Permission> {
        self.0.iter().copied()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As they stand in the database: a JSON array of words.
    pub fn of_text(text: &str) -> Self {
        let words: Vec<String> = serde_json::from_str(text).unwrap_or_default();
        words
            .iter()
            .filter_map(|word| Permission::from_word(word))
            .collect()
    }
}

impl FromIterator<Permission> for Scopes {
    fn from_iter<I: IntoIterator<Item = Permission>>(scopes: I) -> Self {
        Self(scopes.into_iter().collect())
    }
}

impl Column for Scopes {
    type As<'a> = &'a str;
    fn of(text: &str) -> Result<Self, DbError> {
        Ok(Self::of_text(text))
    }
    fn value(&self) -> Value {
        self.iter()
            .map(Permission::as_str)
            .collect::<JsonValue>()
            .value()
    }
    fn null() -> Value {
        Value::Text(None)
    }
}

/// A network in CIDR form, such as `10.0.0.0/8`; a bare address is a network of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(IpNet);

impl Network {
    /// Reads it; bits beyond the prefix are dropped.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let net = text
            .parse::<IpNet>()
            .ok()
            .or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))?;
        Some(Self(net.trunc()))
    }

    /// Whether the whole of `other` is within it.
    pub fn contains(&self, other: &Self) -> bool {
        self.0.contains(&other.0)
    }

    /// Whether an address is within it. An IPv4 address that comes in the form of IPv6 is the IPv4 address.
    pub fn holds(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            serde::de::Error::custom("is not a network such as 203.0.113.0/24 or 2001:db8::/32")
        })
    }
}

impl JsonSchema for Network {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Network".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 2, "maxLength": 64, "pattern": "^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_read_in_every_usual_form() {
        let net = |text: &str| Network::parse(text).map(|net| net.to_string());
        assert_eq!(net("10.1.2.3/8").as_deref(), Some("10.0.0.0/8"));
        assert_eq!(net(" 203.0.113.7 ").as_deref(), Some("203.0.113.7/32"));
        assert_eq!(net("2001:db8::1").as_deref(), Some("2001:db8::1/128"));
        for bad in ["", "example.com", "10.0.0.0/33", "10.0.0"] {
            assert_eq!(net(bad), None, "{bad}");
        }
        let ten = Network::parse("10.0.0.0/8").unwrap();
        assert!(ten.holds("::ffff:10.1.1.1".parse().unwrap()));
        assert!(!ten.holds("11.0.0.1".parse().unwrap()));
        assert!(
            ten.contains(&Network::parse("10.2.0.0/16").unwrap())
                && !Network::parse("10.2.0.0/16").unwrap().contains(&ten)
        );
    }
}
