//! Bodies of the actions on people.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::error::{Error, Fault, Result};
use crate::resource::{Input, Reference};
use crate::resources::{Team, User};
use crate::seats::terms::MAX_DAYS;
use crate::types::{Ref, Timestamp};

crate::words! {
    /// What happens when no place is free.
    pub enum IfFull {
        /// It is refused.
        Fail = "fail",
        /// The person waits in line.
        Waitlist = "waitlist",
        /// The missing places are added.
        Grow = "grow",
    }
}

/// Who is to get a place.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AssignInput {
    /// The people, members of the seat's teams.
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub users: Vec<Ref<User>>,
    /// Every learner of the seat's teams, instead of `users`: owners and managers hold no place unless they are named.
    #[serde(default)]
    pub all_members: bool,
    /// What happens when no place is free; `fail` unless said.
    #[serde(default)]
    pub if_full: Option<IfFull>,
    /// When their places end, within the seat's terms.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// The same in days from now.
    #[serde(default)]
    #[schemars(range(min = 1, max = 36500))]
    pub expires_in_days: Option<i64>,
    /// Whether they are told by mail; as the account's settings say unless given.
    #[serde(default)]
    pub notify: Option<bool>,
}

/// Whose place is to be taken back.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeInput {
    /// The people.
    #[schemars(length(min = 1, max = 100))]
    pub users: Vec<Ref<User>>,
    /// Only places that count for this team, where several share the seat; places for others are refused.
    #[serde(default)]
    pub team: Option<Ref<Team>>,
}

/// Whose place is to last longer, or to go on after it ended.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExtendInput {
    /// The person.
    pub user: Ref<User>,
    /// The new end; `null` or absent with no days: never.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// The new end in days from now.
    #[serde(default)]
    #[schemars(range(min = 1, max = 36500))]
    pub expires_in_days: Option<i64>,
    /// Whether the new end may be earlier than the old one.
    #[serde(default)]
    pub allow_shorten: bool,
}

/// Who hands a place over, and to whom.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TransferInput {
    /// Who has it.
    pub from: Ref<User>,
    /// Who gets it, a member of the seat's team.
    pub to: Ref<User>,
}

/// People of a list in a body, with their places there.
pub(super) fn listed(users: &[Ref<User>]) -> Vec<(String, Ref<User>)> {
    users
        .iter()
        .enumerate()
        .map(|(n, user)| (format!("/users/{n}"), user.clone()))
        .collect()
}

fn references(people: &[(String, Ref<User>)]) -> Vec<Reference> {
    people
        .iter()
        .map(|(pointer, user)| Reference::to(pointer, user))
        .collect()
}

impl Input for AssignInput {
    fn references(&self) -> Vec<Reference> {
        references(&listed(&self.users))
    }
}

impl Input for RevokeInput {
    fn references(&self) -> Vec<Reference> {
        let team = self.team.as_ref();
        let team = team.map(|team| Reference::to("/team", team));
        references(&listed(&self.users))
            .into_iter()
            .chain(team)
            .collect()
    }
}

impl Input for ExtendInput {
    fn references(&self) -> Vec<Reference> {
        vec![Reference::to("/user", &self.user)]
    }
}

impl Input for TransferInput {
    fn references(&self) -> Vec<Reference> {
        vec![
            Reference::to("/from", &self.from),
            Reference::to("/to", &self.to),
        ]
    }
}

/// The moment that `expires_at` or `expires_in_days` names.
pub fn wanted_end(
    at: Option<Timestamp>,
    days: Option<i64>,
    now: Timestamp,
    pointer: &str,
) -> Result<Option<Timestamp>> {
    match (at, days) {
        (Some(_), Some(_)) => Err(Error::invalid(vec![Fault::new(
            pointer,
            "ambiguous",
            "Give expires_at or expires_in_days, not both.",
        )])),
        (Some(at), None) => Ok(Some(at)),
        (None, Some(days)) if (1..=MAX_DAYS).contains(&days) => Ok(Some(now.plus_days(days))),
        (None, Some(_)) => Err(Error::invalid(vec![Fault::new(
            pointer,
            "invalid",
            format!("expires_in_days is a number from 1 to {MAX_DAYS}."),
        )])),
        (None, None) => Ok(None),
    }
}
