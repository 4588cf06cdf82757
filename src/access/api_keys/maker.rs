//! The bounds of whoever makes, changes or rotates a key.

use super::{ApiKey, ApiKeyId, Network, Scopes, find};
use crate::access::{ActorKind, Call};
use crate::db::Db;
use crate::error::{Error, Fault, Result};
use crate::types::Timestamp;

/// Who makes or changes a key: the person it will belong to, and the bounds of the key they do it with, if any.
#[derive(Default)]
pub(super) struct Maker {
    /// The person.
    pub(super) person: Option<String>,
    /// When the key ends.
    pub(super) expires_at: Option<Timestamp>,
    allowed: Vec<Network>,
}

impl Maker {
    pub(super) async fn of(db: &Db, call: &Call) -> Result<Self> {
        let actor = &call.caller.actor;
        match (actor.kind, actor.id.as_deref()) {
            (ActorKind::User, Some(id)) => Ok(Self {
                person: Some(id.to_owned()),
                ..Self::default()
            }),
            (ActorKind::ApiKey, Some(id)) => {
                let id = ApiKeyId::parse(id).ok_or_else(|| Error::not_found("api_key"))?;
                let key = find(db, call.account(), &id).await?;
                Ok(Self {
                    person: key.created_by,
                    expires_at: key.expires_at,
                    allowed: key.allowed_addresses.0,
                })
            }
            _ => Ok(Self::default()),
        }
    }

    /// The new key's addresses: those asked for, else those of the key it is made with.
    pub(super) fn addresses(&self, asked: Vec<Network>) -> Vec<Network> {
        if asked.is_empty() {
            self.allowed.clone()
        } else {
            asked
        }
    }

    /// Where a key made with a key would reach further than that one.
    pub(super) fn faults(
        &self,
        ends: Option<Timestamp>,
        allowed: &[Network],
        scopes: &Scopes,
    ) -> Vec<Fault> {
        let mut faults = Vec::new();
        if scopes.is_empty() {
            faults.push(Fault::new(
                "/scopes",
                "too_few",
                "must name at least one scope",
            ));
        }
        if let (Some(mine), Some(wanted)) = (self.expires_at, ends)
            && wanted > mine
        {
            faults.push(Fault::new(
                "/expires_at",
                "too_late",
                format!("must not be later than {mine}, when the key you use ends"),
            ));
        }
        if let Some(foreign) = allowed.iter().find(|net| {
            !self.allowed.is_empty() && !self.allowed.iter().any(|mine| mine.contains(net))
        }) {
            faults.push(Fault::new(
                "/allowed_addresses",
                "too_wide",
                format!("{foreign} is not among the addresses of the key you use"),
            ));
        }
        faults
    }

    /// The same for a change, where nothing is filled in for what is left empty.
    pub(super) fn widenings(&self, updated: &ApiKey) -> Vec<Fault> {
        let mut faults = Vec::new();
        if self.expires_at.is_some() && updated.expires_at.is_none() {
            faults.push(Fault::new(
                "/expires_at",
                "too_late",
                "must not be taken away by a key that itself ends",
            ));
        }
        if !self.allowed.is_empty() && updated.allowed_addresses.0.is_empty() {
            faults.push(Fault::new(
                "/allowed_addresses",
                "too_wide",
                "must not be taken away by a key that is itself bound to addresses",
            ));
        }
        faults
    }
}
