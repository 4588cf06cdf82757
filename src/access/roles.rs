//! The built-in roles and what each may do, and how a role is named where it is granted and where it is held.
//!
//! A built-in role is a word (`manager`), a custom one the id of its record; both stand in the same columns.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Permission;
use crate::db::{Column, DbError, Value};
use crate::resources::Role;
use crate::resources::role::RoleKind;
use crate::types::{Id, Ref};

crate::words! {
    /// A role that holds in the whole account.
    pub enum GlobalRole {
        /// Everything; the last one of an account stays.
        Owner = "owner",
        /// Everything.
        Admin = "admin",
        /// Sees everything, changes nothing.
        Reporter = "reporter",
    }
}

crate::words! {
    /// A role on an organization, which holds in all that stands below it.
    pub enum OrganizationRole {
        /// Looks after an organization: its teams, their people and their places.
        Admin = "organization_admin",
    }
}

crate::words! {
    /// A role in one team.
    pub enum TeamRole {
        /// Runs the team: edits it, assigns its seats, buys for it, invites and removes.
        Owner = "owner",
        /// Assigns the team's seats, invites and removes, not above their own role.
        Manager = "manager",
        /// Learns. Sees what is their own, for which no permission is needed.
        Member = "member",
    }
}

/// What a manager may do in their team.
const MANAGER: [Permission; 15] = [
    Permission::UsersRead,
    Permission::TeamsRead,
    Permission::MembersWrite,
    Permission::InvitationsRead,
    Permission::InvitationsWrite,
    Permission::LinksRead,
    Permission::LinksWrite,
    Permission::OrganizationsRead,
    Permission::CoursesRead,
    Permission::ProductsRead,
    Permission::SeatsRead,
    Permission::SeatsAssign,
    Permission::EnrollmentsRead,
    Permission::CatalogRead,
    Permission::ReportsRead,
];

/// What an owner may do in their team beside that.
const OWNER: [Permission; 4] = [
    Permission::TeamsWrite,
    Permission::CatalogBuy,
    Permission::OrdersRead,
    Permission::CreditsRead,
];

/// What an organization's administrator may do in its tree beside that.
const ORGANIZATION_ADMIN: [Permission; 2] = [Permission::SeatsWrite, Permission::RolesRead];

/// What more a custom role of teams may hold. Nothing by which somebody would get hold of another person's account, or
/// of anything that belongs to more than the team.
const FURTHER_IN_TEAMS: [Permission; 6] = [
    Permission::SeatsHold,
    Permission::EnrollmentsWrite,
    Permission::GroupsRead,
    Permission::ProvisionRead,
    Permission::ProvisionWrite,
    Permission::EventsRead,
];

impl GlobalRole {
    /// What the role may do in the whole account.
    pub fn permissions(self) -> BTreeSet<Permission> {
        match self {
            Self::Owner | Self::Admin => Permission::all(),
            Self::Reporter => Permission::ALL
                .iter()
                .copied()
                .filter(|permission| permission.is_read())
                .collect(),
        }
    }
}

impl OrganizationRole {
    /// What the role may do in the organization, in those below it and in their teams.
    pub fn permissions(self) -> BTreeSet<Permission> {
        let mut held = TeamRole::Owner.permissions();
        held.extend(ORGANIZATION_ADMIN);
        held
    }
}

impl TeamRole {
    /// Higher roles have higher ranks.
    pub const fn rank(self) -> u8 {
        match self {
            Self::Member => 0,
            Self::Manager => 1,
            Self::Owner => 2,
        }
    }

    /// What the role may do in its team.
    pub fn permissions(self) -> BTreeSet<Permission> {
        match self {
            Self::Member => BTreeSet::new(),
            Self::Manager => MANAGER.into(),
            Self::Owner => MANAGER.into_iter().chain(OWNER).collect(),
        }
    }
}

/// What a role of teams may hold at all.
pub fn team_level() -> BTreeSet<Permission> {
    let mut all = OrganizationRole::Admin.permissions();
    all.extend(FURTHER_IN_TEAMS);
    all
}

/// The built-in roles of one kind.
pub trait BuiltIn: Copy + Eq + fmt::Debug + Send + Sync + 'static {
    /// Where they hold.
    const KIND: RoleKind;
    /// All of them, in the order of their declaration.
    const WORDS: &'static [Self];
    /// The word of one.
    fn word(self) -> &'static str;
    /// What it may do where it is held.
    fn held(self) -> BTreeSet<Permission>;
}

macro_rules! built_in {
    ($($role:ty: $kind:ident),+) => {$(
        impl BuiltIn for $role {
            const KIND: RoleKind = RoleKind::$kind;
            const WORDS: &'static [Self] = Self::ALL;
            fn word(self) -> &'static str {
                self.as_str()
            }
            fn held(self) -> BTreeSet<Permission> {
                self.permissions()
            }
        }
    )+};
}
built_in!(GlobalRole: Global, OrganizationRole: Organization, TeamRole: Team);

fn of_word<B: BuiltIn>(word: &str) -> Option<B> {
    B::WORDS.iter().copied().find(|role| role.word() == word)
}

/// A role as it is held: a built-in one, or a custom one by its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held<B> {
    /// A built-in one.
    BuiltIn(B),
    /// A custom one.
    Custom(Id<Role>),
}

/// The role of a membership.
pub type MemberRole = Held<TeamRole>;
/// A role in the whole account.
pub type AccountRole = Held<GlobalRole>;

impl<B: BuiltIn> Held<B> {
    /// As it stands in JSON and in the database.
    pub fn as_str(&self) -> &str {
        match self {
            Self::BuiltIn(role) => role.word(),
            Self::Custom(id) => id.as_str(),
        }
    }

    /// The role of that word or id.
    pub fn parse(text: &str) -> Option<Self> {
        of_word(text)
            .map(Self::BuiltIn)
            .or_else(|| Id::parse(text).map(Self::Custom))
    }

    /// What it may do where it is held; `custom` are the permissions of the custom role, where it is one.
    pub fn permissions(
        &self,
        custom: impl FnOnce() -> BTreeSet<Permission>,
    ) -> BTreeSet<Permission> {
        match self {
            Self::BuiltIn(role) => role.held(),
            Self::Custom(_) => custom(),
        }
    }
}

impl<B> From<B> for Held<B> {
    fn from(role: B) -> Self {
        Self::BuiltIn(role)
    }
}

impl<B: BuiltIn> PartialEq<B> for Held<B> {
    fn eq(&self, other: &B) -> bool {
        matches!(self, Self::BuiltIn(role) if role == other)
    }
}

impl<B: BuiltIn> fmt::Display for Held<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<B: BuiltIn> Serialize for Held<B> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<B: BuiltIn> Column for Held<B> {
    type As<'a> = &'a str;
    fn of(text: &str) -> Result<Self, DbError> {
        Self::parse(text).ok_or_else(|| DbError::decode("a role", text))
    }
    fn value(&self) -> Value {
        Value::text(self.as_str())
    }
    fn null() -> Value {
        Value::Text(None)
    }
}

impl<B: BuiltIn> JsonSchema for Held<B> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "HeldRole".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": format!("^({}|role_[0-7][0-9a-hjkmnp-tv-z]{{25}})$", words::<B>("|")),
            "description": format!("A built-in role ({}) or the id of a custom one.", words::<B>(", ")),
        })
    }
}

/// A role as a body names it, not looked up yet: a built-in word, or a custom role by id or `ext:`.
#[derive(Debug, Clone, PartialEq)]
pub enum Named<B> {
    /// A built-in one.
    BuiltIn(B),
    /// A custom one.
    Custom(Ref<Role>),
}

/// The role of a membership as a body names it.
pub type MemberRoleRef = Named<TeamRole>;
/// A role in the whole account as a body names it.
pub type AccountRoleRef = Named<GlobalRole>;

impl<B: BuiltIn> Named<B> {
    /// Reads it; the error is a sentence for the caller.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(role) = of_word(text) {
            return Ok(Self::BuiltIn(role));
        }
        Ref::parse(text).map(Self::Custom).map_err(|_| {
            format!(
                "is no role: give {} or a custom role by its id (role_…) or ext:<your own key>",
                words::<B>(", ")
            )
        })
    }
}

impl<B> From<B> for Named<B> {
    fn from(role: B) -> Self {
        Self::BuiltIn(role)
    }
}

impl<B: BuiltIn> fmt::Display for Named<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn(role) => f.write_str(role.word()),
            Self::Custom(reference) => reference.fmt(f),
        }
    }
}

impl<'de, B: BuiltIn> Deserialize<'de> for Named<B> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl<B: BuiltIn> JsonSchema for Named<B> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "RoleReference".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "maxLength": 330,
            "pattern": format!("^({}|role_[0-7][0-9a-hjkmnp-tv-z]{{25}}|ext:.{{1,200}})$", words::<B>("|")),
            "description": format!("A built-in role ({}), or a custom one by its id or `ext:<external_id>`.", words::<B>(", ")),
        })
    }
}

fn words<B: BuiltIn>(joint: &str) -> String {
    let all: Vec<_> = B::WORDS.iter().map(|role| role.word()).collect();
    all.join(joint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_holds_what_the_one_below_it_holds() {
        let (member, manager, owner) = (
            TeamRole::Member.permissions(),
            TeamRole::Manager.permissions(),
            TeamRole::Owner.permissions(),
        );
        let organization = OrganizationRole::Admin.permissions();
        assert!(member.is_empty() && manager.is_subset(&owner) && owner.is_subset(&organization));
        assert!(organization.is_subset(&GlobalRole::Admin.permissions()));
        assert!(
            !manager.contains(&Permission::CatalogBuy)
                && !manager.contains(&Permission::TeamsWrite)
        );
        assert!(
            GlobalRole::Reporter
                .permissions()
                .iter()
                .all(|p| p.is_read())
        );
    }

    #[test]
    fn no_role_of_a_team_reaches_beyond_it() {
        for permission in [
            Permission::UsersWrite,
            Permission::UsersErase,
            Permission::UsersMerge,
            Permission::KeysWrite,
            Permission::RolesWrite,
            Permission::SettingsWrite,
            Permission::CreditsWrite,
            Permission::MailsRead,
        ] {
            assert!(!team_level().contains(&permission), "{permission}");
        }
    }

    #[test]
    fn roles_are_named_by_word_id_or_own_key() {
        assert_eq!(
            MemberRoleRef::parse("manager"),
            Ok(Named::BuiltIn(TeamRole::Manager))
        );
        assert!(matches!(
            MemberRoleRef::parse("ext:tutor"),
            Ok(Named::Custom(_))
        ));
        assert!(
            MemberRoleRef::parse("admin").is_err(),
            "a role of the account"
        );
        assert!(AccountRoleRef::parse("admin").is_ok());
        assert_eq!(MemberRole::parse("captain"), None);
    }
}
