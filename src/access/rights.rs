//! Rights: what somebody may do, and where.
//!
//! They are global roles + the role on an organization, which goes down its tree + the role in a team, read anew at
//! every request, so a role that is taken away is gone at once. They are exact to the team: whoever manages one team
//! and learns in another manages the one only. An API key has of its creator's rights what its scopes and its limits
//! leave. Somebody who may not sign in any more has none.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Permission;
use super::api_keys::Scopes;
use super::roles::{BuiltIn, GlobalRole, Held, OrganizationRole, TeamRole};
use crate::db::{Answers, Batch, Db, Select, Slot, Value};
use crate::error::Result;
use crate::types::{AccountId, json_list};

/// Permissions held together.
pub type Permissions = BTreeSet<Permission>;

/// What is held in the whole account, and what in some teams and organizations only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rights {
    account: Permissions,
    /// What is held in places, even where there is no such place at the moment.
    in_places: Permissions,
    /// Teams and organizations by id, with what is held there beside what is held in the whole account.
    places: BTreeMap<Arc<str>, Permissions>,
}

impl Rights {
    /// Everything, everywhere.
    pub fn all() -> Self {
        Self::in_account(Permission::all())
    }

    /// These in the whole account.
    pub fn in_account(permissions: Permissions) -> Self {
        Self {
            account: permissions,
            ..Self::default()
        }
    }

    /// These in some places only, of which there may be none.
    pub fn limited(permissions: &Permissions, places: impl IntoIterator<Item = String>) -> Self {
        let held = |place: String| (place.into(), permissions.clone());
        Self {
            account: Permissions::new(),
            in_places: permissions.clone(),
            places: places.into_iter().map(held).collect(),
        }
    }

    /// What somebody with these roles may do.
    pub fn of(holdings: &[Holding]) -> Self {
        let mut rights = Self::default();
        for holding in holdings {
            if holding.place == Place::Account {
                rights.account.extend(&holding.permissions);
            } else {
                rights.in_places.extend(&holding.permissions);
            }
        }
        for holding in holdings.iter().filter(|one| !one.permissions.is_empty()) {
            for place in &holding.reaches {
                let held = rights.places.entry(place.as_str().into()).or_default();
                held.extend(&holding.permissions);
            }
        }
        rights
    }

    /// What of them is left within others: a key's within its creator's.
    #[must_use]
    pub fn within(&self, bound: &Self) -> Self {
        let both = |a: &Permissions, b: &Permissions| a.intersection(b).copied().collect();
        let places: BTreeSet<&Arc<str>> = self.places.keys().chain(bound.places.keys()).collect();
        let anywhere = |rights: &Self| rights.anywhere();
        let account: Permissions = both(&self.account, &bound.account);
        let mut in_places: Permissions = both(&anywhere(self), &anywhere(bound));
        in_places.retain(|permission| !account.contains(permission));
        Self {
            places: places
                .into_iter()
                .map(|place| (Arc::clone(place), both(&self.at(place), &bound.at(place))))
                .filter(|(_, held): &(_, Permissions)| !held.is_subset(&account))
                .collect(),
            in_places,
            account,
        }
    }

    /// What is held in the whole account.
    pub const fn account(&self) -> &Permissions {
        &self.account
    }

    /// What is held anywhere.
    pub fn anywhere(&self) -> Permissions {
        self.account.union(&self.in_places).copied().collect()
    }

    /// What is held in a team or on an organization.
    pub fn at(&self, place: &str) -> Permissions {
        match self.places.get(place) {
            Some(held) => self.account.union(held).copied().collect(),
            None => self.account.clone(),
        }
    }

    /// What these rights hold that `held` lack somewhere.
    pub fn beyond(&self, held: &Self) -> Permissions {
        let mut beyond: Permissions = self.account.difference(&held.account).copied().collect();
        for place in self.places.keys() {
            beyond.extend(self.at(place).difference(&held.at(place)));
        }
        beyond
    }

    /// The places where a permission is held that is not held in the whole account, and what is held in all of them.
    pub(super) fn where_held(&self, permission: Option<Permission>) -> (Arc<str>, Permissions) {
        let held = |(_, held): &(&Arc<str>, &Permissions)| {
            permission.is_none_or(|permission| held.contains(&permission))
        };
        let places: Vec<(&Arc<str>, &Permissions)> = self.places.iter().filter(held).collect();
        let mut common = places
            .first()
            .map_or_else(|| self.in_places.clone(), |(_, held)| (*held).clone());
        for (_, held) in &places {
            common.retain(|permission| held.contains(permission));
        }
        common.extend(&self.account);
        let ids = json_list(places.iter().map(|(place, _)| place.as_ref()));
        (ids.into(), common)
    }
}

/// Where a role is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the whole account.
    Account,
    /// On an organization, and so in all below it.
    Organization {
        /// Its id.
        id: String,
        /// Its name.
        name: String,
    },
    /// In a team.
    Team {
        /// Its id.
        id: String,
        /// Its name.
        name: String,
    },
}

/// A role that somebody holds somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// The word of a built-in role, or the id of a custom one.
    pub role: String,
    /// The name of a custom role.
    pub name: Option<String>,
    /// Where it is held.
    pub place: Place,
    /// What it may do there.
    pub permissions: Permissions,
    /// The teams and organizations in which it holds, by id; none for the whole account.
    pub reaches: Vec<String>,
}

/// A role with the name and permissions of the custom role it is, if it is one.
type RoleRow = (String, Option<String>, Option<String>);

/// The same with the id and the name of where it is held.
type PlaceRow = (String, String, String, Option<String>, Option<String>);

/// Where the rows of somebody's roles will be.
pub struct HoldingSlots {
    global: Slot<RoleRow>,
    teams: Slot<PlaceRow>,
    organizations: Slot<PlaceRow>,
    below: Slot<(String, String)>,
}

/// Adds the reads of the roles of the person whose id `who` gives, an expression over `params`.
pub fn ask(batch: &mut Batch, who: &str, params: &[Value]) -> HoldingSlots {
    let live = format!(
        "SELECT u.id FROM users u WHERE u.account_id = $1 AND u.id = {who} AND u.deleted_at IS NULL AND u.status <> 'deactivated'"
    );
    let select = |sql: String| Select::new(sql, params.to_vec());
    let below = "JOIN organizations top ON top.account_id = $1 AND top.id = m.organization_id \
                 JOIN organizations o ON o.account_id = $1 AND o.path >= top.path AND o.path < top.path || '~'";
    HoldingSlots {
        global: batch.add(select(format!(
            "SELECT r.role, c.name, c.permissions FROM user_roles r LEFT JOIN custom_roles c ON c.account_id = $1 AND c.id = r.role AND c.kind = 'global' \
             WHERE r.account_id = $1 AND r.user_id = ({live}) ORDER BY r.role"
        ))),
        teams: batch.add(select(format!(
            "SELECT m.team_id, t.name, m.role, c.name, c.permissions FROM team_members m \
             JOIN teams t ON t.account_id = $1 AND t.id = m.team_id AND t.deleted_at IS NULL \
             LEFT JOIN custom_roles c ON c.account_id = $1 AND c.id = m.role AND c.kind = 'team' \
             WHERE m.account_id = $1 AND m.user_id = ({live}) ORDER BY m.joined_at, m.team_id"
        ))),
        organizations: batch.add(select(format!(
            "SELECT m.organization_id, o.name, m.role, c.name, c.permissions FROM organization_members m \
             JOIN organizations o ON o.account_id = $1 AND o.id = m.organization_id \
             LEFT JOIN custom_roles c ON c.account_id = $1 AND c.id = m.role AND c.kind = 'team' \
             WHERE m.account_id = $1 AND m.user_id = ({live}) ORDER BY m.organization_id"
        ))),
        below: batch.add(select(format!(
            "SELECT m.organization_id, o.id FROM organization_members m {below} WHERE m.account_id = $1 AND m.user_id = ({live}) \
             UNION ALL SELECT m.organization_id, t.id FROM organization_members m {below} \
             JOIN teams t ON t.account_id = $1 AND t.organization_id = o.id AND t.deleted_at IS NULL WHERE m.account_id = $1 AND m.user_id = ({live})"
        ))),
    }
}

impl HoldingSlots {
    /// The roles that were read.
    pub fn take(&self, rows: &mut Answers) -> Vec<Holding> {
        let global = rows
            .take(&self.global)
            .into_iter()
            .map(|(role, name, custom)| Holding {
                permissions: held::<GlobalRole>(&role, custom.as_deref()),
                place: Place::Account,
                reaches: Vec::new(),
                role,
                name,
            });
        let mut holdings: Vec<Holding> = global.collect();
        let mut below: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (organization, place) in rows.take(&self.below) {
            below.entry(organization).or_default().push(place);
        }
        for (id, of, role, name, custom) in rows.take(&self.organizations) {
            holdings.push(Holding {
                permissions: held::<OrganizationRole>(&role, custom.as_deref()),
                reaches: below.remove(&id).unwrap_or_default(),
                place: Place::Organization { id, name: of },
                role,
                name,
            });
        }
        for (id, of, role, name, custom) in rows.take(&self.teams) {
            holdings.push(Holding {
                permissions: held::<TeamRole>(&role, custom.as_deref()),
                reaches: vec![id.clone()],
                place: Place::Team { id, name: of },
                role,
                name,
            });
        }
        holdings
    }
}

/// What a role may do: the built-in one's set, else that of the custom one, if there still is one.
fn held<B: BuiltIn>(role: &str, custom: Option<&str>) -> Permissions {
    Held::<B>::parse(role).map_or_else(Permissions::new, |role| {
        role.permissions(|| {
            custom
                .map(Scopes::of_text)
                .unwrap_or_default()
                .iter()
                .collect()
        })
    })
}

/// The roles of a person, read at once.
pub async fn of_person(db: &Db, account: &AccountId, user: &str) -> Result<Vec<Holding>> {
    let mut batch = Batch::new();
    let slots = ask(&mut batch, "$2", &[Value::text(user)]);
    let mut rows = db.read(account, batch).await?;
    Ok(slots.take(&mut rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(permissions: &[Permission]) -> Permissions {
        permissions.iter().copied().collect()
    }

    fn in_team(id: &str, role: TeamRole) -> Holding {
        Holding {
            role: role.to_string(),
            name: None,
            place: Place::Team {
                id: id.to_owned(),
                name: id.to_owned(),
            },
            permissions: role.permissions(),
            reaches: vec![id.to_owned()],
        }
    }

    #[test]
    fn a_role_in_one_team_is_none_in_another() {
        let rights = Rights::of(&[
            in_team("team_a", TeamRole::Owner),
            in_team("team_b", TeamRole::Manager),
            in_team("team_c", TeamRole::Member),
        ]);
        assert!(rights.at("team_a").contains(&Permission::TeamsWrite));
        assert!(!rights.at("team_b").contains(&Permission::TeamsWrite));
        assert!(rights.at("team_c").is_empty() && rights.account().is_empty());
        assert_eq!(
            rights.where_held(Some(Permission::TeamsWrite)).0.as_ref(),
            r#"["team_a"]"#
        );
        let (places, common) = rights.where_held(Some(Permission::SeatsAssign));
        assert_eq!(places.as_ref(), r#"["team_a","team_b"]"#);
        assert_eq!(common, TeamRole::Manager.permissions());
    }

    #[test]
    fn a_key_has_of_its_creator_what_scopes_and_limits_leave() {
        let creator = Rights::of(&[
            Holding {
                role: "reporter".to_owned(),
                name: None,
                place: Place::Account,
                permissions: GlobalRole::Reporter.permissions(),
                reaches: Vec::new(),
            },
            in_team("team_a", TeamRole::Manager),
        ]);
        let wanted = set(&[
            Permission::SeatsRead,
            Permission::SeatsAssign,
            Permission::KeysWrite,
        ]);
        let open = Rights::in_account(wanted.clone()).within(&creator);
        assert_eq!(*open.account(), set(&[Permission::SeatsRead]));
        assert_eq!(
            open.at("team_a"),
            set(&[Permission::SeatsRead, Permission::SeatsAssign])
        );
        assert_eq!(open.at("team_b"), set(&[Permission::SeatsRead]));
        let limited =
            Rights::limited(&wanted, ["team_a".to_owned(), "team_b".to_owned()]).within(&creator);
        assert!(limited.account().is_empty());
        assert_eq!(limited.at("team_b"), set(&[Permission::SeatsRead]));
        assert_eq!(limited.at("team_c"), Permissions::new());
        assert_eq!(
            limited.anywhere(),
            set(&[Permission::SeatsRead, Permission::SeatsAssign])
        );
    }

    #[test]
    fn a_limit_to_nothing_keeps_the_scopes_and_reaches_nothing() {
        let scopes = set(&[Permission::UsersRead]);
        let rights = Rights::limited(&scopes, []).within(&Rights::all());
        assert_eq!(rights.anywhere(), scopes);
        assert_eq!(
            rights.where_held(Some(Permission::UsersRead)).0.as_ref(),
            "[]"
        );
    }
}
