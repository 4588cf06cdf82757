//! Provisions as a kind of record: their list.

use schemars::JsonSchema;
use serde::Serialize;

use super::answer::ProvisionOutcome;
use crate::access::Permission;
use crate::columns;
use crate::resource::{Expand, Field, FieldKind, Record};
use crate::resources::{Team, User};
use crate::types::{Id, Kind, Timestamp};

/// A provision, without its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ProvisionSummary {
    /// Its id.
    pub id: Id<Self>,
    /// Your own reference.
    pub external_reference: Option<String>,
    /// How far it had come when it was answered.
    pub outcome: ProvisionOutcome,
    /// The person.
    pub user_id: Id<User>,
    /// The team.
    pub team_id: Option<Id<Team>>,
    /// The welcome mail.
    pub mail_id: Option<String>,
    /// When.
    pub created_at: Timestamp,
    /// When it was taken back, if it was.
    pub undone_at: Option<Timestamp>,
}
columns!(ProvisionSummary in "provisions": id, external_reference, outcome, user_id, team_id, mail_id, created_at, undone_at);

impl Kind for ProvisionSummary {
    const PREFIX: &'static str = "provision";
}

impl Record for ProvisionSummary {
    const KIND: &'static str = "provision";
    const SUMMARY: &'static str = "Calls that provisioned people.";
    const FIELDS: &'static [Field] = &[
        Field::sorted("created_at", "created_at", FieldKind::Time),
        Field::filter("external_reference", "external_reference", FieldKind::Text),
        Field::filter("user", "user_id", FieldKind::Reference("user", "users")),
        Field::filter("team", "team_id", FieldKind::Reference("team", "teams")),
    ];
    const SEARCH: &'static [&'static str] = &[];
    const EXPANDS: &'static [Expand] = &[
        Expand {
            name: "user",
            member: "user_id",
            table: "users",
        },
        Expand {
            name: "team",
            member: "team_id",
            table: "teams",
        },
    ];
    const SOFT_DELETE: bool = false;
    const REACH: Option<&'static str> = Some("provisions.team_id IN {}");
    const READ: Permission = Permission::ProvisionRead;

    fn id(&self) -> &Id<Self> {
        &self.id
    }
}
