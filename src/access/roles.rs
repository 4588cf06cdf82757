//! The built-in roles and what each may do.

use std::collections::BTreeSet;

use super::Permission;

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
    /// A role in one team.
    pub enum TeamRole {
        /// Runs the team: edits it, assigns its seats, invites and removes.
        Owner = "owner",
        /// Assigns the team's seats, invites and removes, not above their own role.
        Manager = "manager",
        /// Learns.
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

/// What somebody with these global roles may do.
pub fn permissions_of(roles: &[String]) -> BTreeSet<Permission> {
    roles
        .iter()
        .filter_map(|role| GlobalRole::from_word(role))
        .flat_map(GlobalRole::permissions)
        .collect()
}
