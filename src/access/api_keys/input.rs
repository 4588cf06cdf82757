//! What is given to make, change and rotate an API key.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Permission;
use super::row::{ApiKey, Network, Scopes};
use crate::error::Fault;
use crate::types::merge::present;
use crate::types::{Name, Patch, Timestamp};

/// Most networks, organizations or teams of one key.
const MOST: usize = 100;
/// Highest limit of requests a minute.
const MOST_REQUESTS: i64 = 10_000_000;

crate::words! {
    /// A usual set of scopes.
    pub enum Preset {
        /// Everything there is today.
        Full = "full",
        /// Sees everything, changes nothing.
        ReadOnly = "read_only",
        /// What a shop needs: the one call, and to look up what it has done.
        Provisioning = "provisioning",
    }
}

impl Preset {
    /// Its scopes.
    pub fn scopes(self) -> Scopes {
        let is_in = |permission: &Permission| match self {
            Self::Full => true,
            Self::ReadOnly => permission.is_read(),
            Self::Provisioning => matches!(
                permission,
                Permission::ProvisionWrite
                    | Permission::ProvisionRead
                    | Permission::UsersRead
                    | Permission::TeamsRead
                    | Permission::OrganizationsRead
                    | Permission::CoursesRead
                    | Permission::ProductsRead
                    | Permission::SeatsRead
                    | Permission::EnrollmentsRead
            ),
        };
        Permission::ALL.iter().copied().filter(is_in).collect()
    }
}

/// Scopes by name or by a usual set.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum ScopeChoice {
    /// A usual set.
    Preset(Preset),
    /// Each by its name.
    List(Scopes),
}

impl ScopeChoice {
    /// The scopes meant.
    pub fn granted(&self) -> Scopes {
        match self {
            Self::Preset(preset) => preset.scopes(),
            Self::List(scopes) => scopes.clone(),
        }
    }
}

/// A key to be made.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApiKey {
    /// What it is for.
    pub name: Name,
    /// What it may do: scopes such as `users:read`, or one of the sets `full`, `read_only`, `provisioning`.
    pub scopes: ScopeChoice,
    /// When it ends; without it, never.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// The networks it may be used from, such as `203.0.113.0/24`; without any, from everywhere.
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub allowed_addresses: Vec<Network>,
    /// The organizations, with all below them, whose teams it is limited to.
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub organization_ids: Vec<String>,
    /// The teams it is limited to.
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub team_ids: Vec<String>,
    /// Its own limit, within the account's.
    #[serde(default)]
    #[schemars(range(min = 1, max = 10_000_000))]
    pub requests_per_minute: Option<i64>,
}

impl NewApiKey {
    /// A key without limits and end.
    pub fn new(name: Name, scopes: ScopeChoice) -> Self {
        Self {
            name,
            scopes,
            expires_at: None,
            allowed_addresses: Vec::new(),
            organization_ids: Vec::new(),
            team_ids: Vec::new(),
            requests_per_minute: None,
        }
    }

    /// What is wrong with it by itself.
    pub(super) fn faults(&self, now: Timestamp) -> Vec<Fault> {
        let mut faults = common_faults(self.expires_at, self.requests_per_minute, now);
        let lists = [
            ("/allowed_addresses", self.allowed_addresses.len()),
            ("/organization_ids", self.organization_ids.len()),
            ("/team_ids", self.team_ids.len()),
        ];
        faults.extend(
            lists
                .iter()
                .filter(|(_, length)| *length > MOST)
                .map(|(pointer, _)| too_many(pointer)),
        );
        faults
    }
}

/// A change of a key: members that are left out stay as they are.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiKeyPatch {
    /// What it is for.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Name")]
    pub name: Option<Name>,
    /// The networks it may be used from, all of them; an empty list: everywhere.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Vec<Network>", length(max = 100))]
    pub allowed_addresses: Option<Vec<Network>>,
    /// Its own limit, within the account's; `null`: none of its own.
    #[serde(default)]
    pub requests_per_minute: Patch<i64>,
    /// When it ends; `null`: never.
    #[serde(default)]
    pub expires_at: Patch<Timestamp>,
}

impl ApiKeyPatch {
    pub(super) fn apply(&self, key: &mut ApiKey) {
        if let Some(name) = &self.name {
            key.name = name.clone();
        }
        if let Some(allowed) = &self.allowed_addresses {
            key.allowed_addresses.0.clone_from(allowed);
        }
        self.requests_per_minute
            .clone()
            .apply(&mut key.requests_per_minute);
        self.expires_at.clone().apply(&mut key.expires_at);
    }

    pub(super) fn faults(&self, now: Timestamp) -> Vec<Fault> {
        let mut faults = common_faults(
            self.expires_at.as_set().copied(),
            self.requests_per_minute.as_set().copied(),
            now,
        );
        if self
            .allowed_addresses
            .as_ref()
            .is_some_and(|allowed| allowed.len() > MOST)
        {
            faults.push(too_many("/allowed_addresses"));
        }
        faults
    }
}

/// A rotation: a new secret for the same key.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateApiKey {
    /// So long the older secret goes on working, in seconds, seven days at most; without it, it ends at once.
    #[serde(default)]
    #[schemars(range(min = 0, max = 604_800))]
    pub overlap_seconds: i64,
}

fn too_many(pointer: &str) -> Fault {
    Fault::new(pointer, "too_many", format!("may have {MOST} at most"))
}

fn common_faults(ends: Option<Timestamp>, limit: Option<i64>, now: Timestamp) -> Vec<Fault> {
    let mut faults = Vec::new();
    if ends.is_some_and(|end| end <= now) {
        faults.push(Fault::new(
            "/expires_at",
            "in_the_past",
            "must be in the future; to end the key now, revoke it",
        ));
    }
    if limit.is_some_and(|limit| !(1..=MOST_REQUESTS).contains(&limit)) {
        faults.push(Fault::new(
            "/requests_per_minute",
            "out_of_range",
            format!("must be from 1 to {MOST_REQUESTS}"),
        ));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_come_by_name_or_by_set() {
        let read =
            |text: &str| serde_json::from_str::<NewApiKey>(text).map(|new| new.scopes.granted());
        let listed = read(r#"{"name":"Shop","scopes":["users:read","users:read"]}"#).unwrap();
        assert_eq!(listed.iter().collect::<Vec<_>>(), [Permission::UsersRead]);
        let set = read(r#"{"name":"Shop","scopes":"read_only"}"#).unwrap();
        assert!(set.iter().all(Permission::is_read) && !set.is_empty());
        assert!(read(r#"{"name":"Shop","scopes":"all"}"#).is_err());
        assert!(read(r#"{"name":"Shop","scopes":["fly:high"]}"#).is_err());
        assert!(read(r#"{"name":"Shop","scopes":[],"secret":"x"}"#).is_err());
    }
}
