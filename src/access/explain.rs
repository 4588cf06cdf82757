//! Why somebody may do something, or may not: each permission with the roles it comes from and where they hold.

use std::collections::BTreeMap;

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};
use serde_json::Value as JsonValue;

use super::rights::{self, Holding, Place, Rights};
use super::roles::{BuiltIn, GlobalRole, OrganizationRole, TeamRole, team_level};
use super::{Caller, Permission, Reach};
use crate::db::{Db, Select};
use crate::error::{Error, Fault, Result};
use crate::params;
use crate::resource::{Reference, resolve};
use crate::resources::role::RoleKind;
use crate::resources::user::UserStatus;
use crate::resources::{Organization, Team, User};
use crate::types::{Id, Ref};

/// A permission, and who has it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct PermissionInfo {
    /// Its name: `resource:action`.
    pub name: Permission,
    /// What it allows.
    pub allows: String,
    /// Whether a custom role of teams may have it.
    pub for_teams: bool,
    /// The built-in roles that have it.
    pub roles: Vec<BuiltInRole>,
}

/// A built-in role.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct BuiltInRole {
    /// Where it holds.
    pub kind: RoleKind,
    /// Its word.
    pub role: &'static str,
}

/// All permissions, in the order of the resources.
pub fn catalogue() -> Vec<PermissionInfo> {
    let words = sentences();
    let for_teams = team_level();
    let all = Permission::ALL.iter().map(|permission| {
        let mut roles = having::<GlobalRole>(*permission);
        roles.extend(having::<OrganizationRole>(*permission));
        roles.extend(having::<TeamRole>(*permission));
        PermissionInfo {
            name: *permission,
            allows: words.get(permission.as_str()).cloned().unwrap_or_default(),
            for_teams: for_teams.contains(permission),
            roles,
        }
    });
    all.collect()
}

fn having<B: BuiltIn>(permission: Permission) -> Vec<BuiltInRole> {
    let with = B::WORDS
        .iter()
        .filter(|role| role.held().contains(&permission));
    with.map(|role| BuiltInRole {
        kind: B::KIND,
        role: role.word(),
    })
    .collect()
}

/// What each permission allows, by its name, as its declaration says.
pub fn sentences() -> BTreeMap<String, String> {
    let schema: JsonValue = schema_for!(Permission).into();
    let choices = schema.get("oneOf").and_then(JsonValue::as_array);
    let text = |choice: &JsonValue, name: &str| {
        choice
            .get(name)
            .and_then(JsonValue::as_str)
            .map(str::to_owned)
    };
    choices
        .into_iter()
        .flatten()
        .filter_map(|choice| Some((text(choice, "const")?, text(choice, "description")?)))
        .collect()
}

crate::words! {
    /// What kind of place a role is held in.
    pub enum PlaceKind {
        /// The whole account.
        Account = "account",
        /// An organization and all below it.
        Organization = "organization",
        /// A team.
        Team = "team",
    }
}

/// Where a role is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ShownPlace {
    /// What kind of place.
    pub kind: PlaceKind,
    /// Its id; absent for the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl From<&Place> for ShownPlace {
    fn from(place: &Place) -> Self {
        let (kind, of) = match place {
            Place::Account => (PlaceKind::Account, None),
            Place::Organization { id, name } => (PlaceKind::Organization, Some((id, name))),
            Place::Team { id, name } => (PlaceKind::Team, Some((id, name))),
        };
        Self {
            kind,
            id: of.map(|(id, _)| id.clone()),
            name: of.map(|(_, name)| name.clone()),
        }
    }
}

/// A role that gives a permission, and where it is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Source {
    /// The word of a built-in role, or the id of a custom one.
    pub role: String,
    /// The name of a custom role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_name: Option<String>,
    /// Where it is held.
    pub place: ShownPlace,
}

impl From<&Holding> for Source {
    fn from(holding: &Holding) -> Self {
        Self {
            role: holding.role.clone(),
            role_name: holding.name.clone(),
            place: (&holding.place).into(),
        }
    }
}

/// A permission that a person has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HeldPermission {
    /// The permission.
    pub permission: Permission,
    /// The places where they have it; what is below an organization is not listed.
    pub places: Vec<ShownPlace>,
    /// The roles from which it comes, with `explain=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Vec<Source>>,
}

/// All that a person may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PersonPermissions {
    /// The person.
    pub user_id: Id<User>,
    /// Whether they may sign in at all; those who may not have no permissions.
    pub may_sign_in: bool,
    /// The permissions they have. What is their own, they see without any.
    pub permissions: Vec<HeldPermission>,
}

/// The roles of a person as far as the caller may see them.
async fn holdings(db: &Db, caller: &Caller, user: &Id<User>) -> Result<Vec<Holding>> {
    let mut all = rights::of_person(db, &caller.account, user.as_str()).await?;
    if caller.reach != Reach::Account {
        all.retain(|holding| match &holding.place {
            Place::Account => true,
            Place::Organization { id, .. } | Place::Team { id, .. } => caller.reach.holds(id),
        });
    }
    Ok(all)
}

/// All that a person may do, and with `explained` why.
pub async fn of_person(
    db: &Db,
    caller: &Caller,
    user: &User,
    explained: bool,
) -> Result<PersonPermissions> {
    let holdings = holdings(db, caller, &user.id).await?;
    let held = Permission::ALL.iter().filter_map(|permission| {
        let from: Vec<&Holding> = giving(&holdings, *permission).collect();
        let mut places: Vec<ShownPlace> = Vec::new();
        for place in from.iter().map(|holding| ShownPlace::from(&holding.place)) {
            if !places.contains(&place) {
                places.push(place);
            }
        }
        (!from.is_empty()).then(|| HeldPermission {
            permission: *permission,
            places,
            from: explained.then(|| from.into_iter().map(Source::from).collect()),
        })
    });
    Ok(PersonPermissions {
        user_id: user.id.clone(),
        may_sign_in: user.status != UserStatus::Deactivated,
        permissions: held.collect(),
    })
}

fn giving(holdings: &[Holding], permission: Permission) -> impl Iterator<Item = &Holding> {
    holdings
        .iter()
        .filter(move |holding| holding.permissions.contains(&permission))
}

/// What is asked of whom, and where.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckInput {
    /// The person.
    pub user: Ref<User>,
    /// What they would do; all of it is asked.
    #[schemars(length(min = 1, max = 100))]
    pub permissions: Vec<Permission>,
    /// The team in which; without team and organization, in the whole account.
    #[serde(default)]
    pub team: Option<Ref<Team>>,
    /// The organization on which.
    #[serde(default)]
    pub organization: Option<Ref<Organization>>,
}

/// The answer for one permission.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Checked {
    /// The permission.
    pub permission: Permission,
    /// Whether they have it there.
    pub allowed: bool,
    /// Why, in a sentence.
    pub why: String,
    /// The roles from which it comes there.
    pub from: Vec<Source>,
}

/// Whether a person may do something.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CheckResult {
    /// The person.
    pub user_id: Id<User>,
    /// Whether they have all of the permissions there.
    pub allowed: bool,
    /// One line for each permission, in the order asked.
    pub results: Vec<Checked>,
}

/// Whether a person may do something, and why.
pub async fn check(db: &Db, caller: &Caller, input: &CheckInput) -> Result<CheckResult> {
    let mut references = vec![Reference::to("/user", &input.user)];
    references.extend(input.team.iter().map(|team| Reference::to("/team", team)));
    references.extend(
        input
            .organization
            .iter()
            .map(|one| Reference::to("/organization", one)),
    );
    let mut faults = Vec::new();
    if input.team.is_some() && input.organization.is_some() {
        faults.push(Fault::new(
            "/organization",
            "ambiguous",
            "Give a team or an organization, not both.",
        ));
    }
    if input.permissions.is_empty() || input.permissions.len() > 100 {
        faults.push(Fault::new(
            "/permissions",
            "out_of_range",
            "Name from 1 to 100 permissions.",
        ));
    }
    if !faults.is_empty() {
        return Err(Error::invalid(faults));
    }
    let refs = resolve(db, caller, references).await?;
    let user: Id<User> = refs.id(&input.user)?;
    let team: Option<Id<Team>> = refs.maybe(input.team.as_ref())?;
    let organization: Option<Id<Organization>> = refs.maybe(input.organization.as_ref())?;
    let place = team
        .as_ref()
        .map(Id::as_str)
        .or_else(|| organization.as_ref().map(Id::as_str));
    let active = Select::new(
        "SELECT id FROM users WHERE account_id = $1 AND id = $2 AND status <> 'deactivated'",
        params![user],
    );
    let may_sign_in = db
        .first::<(String,)>(&caller.account, active)
        .await?
        .is_some();
    let holdings = rights::of_person(db, &caller.account, user.as_str()).await?;
    let rights = Rights::of(&holdings);
    let held = place.map_or_else(|| rights.account().clone(), |place| rights.at(place));
    let results: Vec<Checked> = input
        .permissions
        .iter()
        .map(|permission| {
            let counts = |holding: &&Holding| {
                holding.place == Place::Account
                    || place.is_some_and(|place| holding.reaches.iter().any(|one| one == place))
            };
            let from: Vec<Source> = giving(&holdings, *permission)
                .filter(counts)
                .map(Source::from)
                .collect();
            Checked {
                permission: *permission,
                allowed: held.contains(permission),
                why: why(*permission, place, &from, may_sign_in),
                from,
            }
        })
        .collect();
    Ok(CheckResult {
        user_id: user,
        allowed: results.iter().all(|one| one.allowed),
        results,
    })
}

fn why(permission: Permission, place: Option<&str>, from: &[Source], may_sign_in: bool) -> String {
    if let Some(one) = from.first() {
        let role = one.role_name.as_deref().unwrap_or(&one.role);
        return match one.place.kind {
            PlaceKind::Account => {
                format!("Their role «{role}» in the whole account includes {permission}.")
            }
            kind => {
                let name = one.place.name.as_deref().unwrap_or_default();
                format!("Their role «{role}» in the {kind} «{name}» includes {permission}.")
            }
        };
    }
    if !may_sign_in {
        return "The person is deactivated and may do nothing.".to_owned();
    }
    let here = if place.is_some() {
        "there or in the whole account"
    } else {
        "in the whole account"
    };
    let roles: Vec<&str> = [
        having::<GlobalRole>(permission),
        place.map_or_else(Vec::new, |_| having::<OrganizationRole>(permission)),
        place.map_or_else(Vec::new, |_| having::<TeamRole>(permission)),
    ]
    .concat()
    .iter()
    .map(|role| role.role)
    .collect();
    format!(
        "None of their roles {here} includes {permission}. Built-in roles that would: {}.",
        roles.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_permission_says_what_it_allows_and_who_has_it() {
        let all = catalogue();
        assert!(all.len() >= 40, "{}", all.len());
        for one in all {
            assert!(one.allows.ends_with('.'), "{}: {}", one.name, one.allows);
            assert!(
                one.roles.iter().any(|role| role.role == "admin"),
                "{}",
                one.name
            );
        }
    }
}
