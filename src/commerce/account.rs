//! Credit accounts: what a team or an organization has to spend.

use schemars::JsonSchema;
use serde::Serialize;

use crate::access::Permission;
use crate::columns;
use crate::resource::{Expand, Field, FieldKind, Record};
use crate::resources::{Organization, Team};
use crate::types::{Id, Ids, Kind, Timestamp};

/// What a team or an organization has to spend. Made by its first movement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CreditAccount {
    /// The account's id.
    pub id: Id<Self>,
    /// The team it belongs to.
    pub team_id: Option<Id<Team>>,
    /// Or the organization.
    pub organization_id: Option<Id<Organization>>,
    /// The sum of its entries.
    pub balance: i64,
    /// How far below zero the balance may go.
    pub overdraft: i64,
    #[serde(skip)]
    pub(crate) version: i64,
    /// When the record was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}
columns!(CreditAccount in "credit_accounts": id, team_id, organization_id, balance, overdraft, version, created_at, updated_at);

impl Kind for CreditAccount {
    const PREFIX: &'static str = "credits";
}

/// To whom credits belong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// A team.
    Team(Id<Team>),
    /// An organization.
    Organization(Id<Organization>),
}

impl CreditAccount {
    /// An empty account of somebody who has none yet.
    pub fn of(owner: &Owner, ids: &Ids, now: Timestamp) -> Self {
        let (team_id, organization_id) = match owner {
            Owner::Team(id) => (Some(id.clone()), None),
            Owner::Organization(id) => (None, Some(id.clone())),
        };
        Self {
            id: ids.next(now),
            team_id,
            organization_id,
            balance: 0,
            overdraft: 0,
            // A row that stands was written once at least.
            version: 0,
            created_at: now,
            updated_at: now,
        }
    }

    /// Whether it is not written yet.
    pub const fn is_new(&self) -> bool {
        self.version == 0
    }

    /// What can be spent without an overdraft.
    pub const fn credits(&self) -> i64 {
        if self.balance > 0 { self.balance } else { 0 }
    }

    /// What can be spent in all.
    pub const fn available(&self) -> i64 {
        self.balance + self.overdraft
    }
}

impl Record for CreditAccount {
    const KIND: &'static str = "credit_account";
    const SUMMARY: &'static str = "What a team or an organization has to spend.";
    const FIELDS: &'static [Field] = &[
        Field::sorted("created_at", "created_at", FieldKind::Time),
        Field::sorted("balance", "balance", FieldKind::Int),
        Field::filter("team", "team_id", FieldKind::Reference("team", "teams")),
        Field::filter(
            "organization",
            "organization_id",
            FieldKind::Reference("org", "organizations"),
        ),
    ];
    const SEARCH: &'static [&'static str] = &[];
    const EXPANDS: &'static [Expand] = &[
        Expand {
            name: "team",
            member: "team_id",
            table: "teams",
        },
        Expand {
            name: "organization",
            member: "organization_id",
            table: "organizations",
        },
    ];
    const SOFT_DELETE: bool = false;
    const REACH: Option<&'static str> = Some("credit_accounts.team_id IN {}");
    const READ: Permission = Permission::CreditsRead;

    fn id(&self) -> &Id<Self> {
        &self.id
    }
}
