//! The record of an invitation, and what is given to make one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::Permission;
use crate::access::roles::{MemberRole, MemberRoleRef};
use crate::columns;
use crate::error::{Code, Error};
use crate::events::Event;
use crate::resource::{Expand, Field, FieldKind, Input, Record, Reference, event_of};
use crate::resources::{Product, Team, User};
use crate::seats::Assignment;
use crate::seats::actions::IfFull;
use crate::types::text::{Json, Language};
use crate::types::{Email, Id, Kind, Name, Ref, Timestamp};

crate::words! {
    /// How far an invitation has come.
    pub enum InvitationState {
        /// Its mail waits to be taken by the mail server.
        Queued = "queued",
        /// The mail server has taken its mail.
        Sent = "sent",
        /// The mail server refused its mail; `mail_reply` has its words.
        Failed = "failed",
        /// The person has joined.
        Accepted = "accepted",
        /// Its time is over; it can be sent again.
        Expired = "expired",
        /// It was taken back.
        Revoked = "revoked",
    }
}

impl InvitationState {
    /// Whether it can be accepted, its time not being over.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::Sent | Self::Failed)
    }
}

/// What is true of open invitations in a statement.
pub(crate) const OPEN: &str = "state IN ('queued', 'sent', 'failed')";

/// An offer of a membership by mail.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Invitation {
    /// The invitation's id.
    pub id: Id<Self>,
    /// The address it went to.
    pub email: Email,
    /// The person it is for; made with status `invited` where the address was unknown.
    pub user_id: Id<User>,
    /// The team it leads into.
    pub team_id: Id<Team>,
    /// The role offered.
    pub role: MemberRole,
    /// What comes with it.
    pub product_ids: Json<Vec<Id<Product>>>,
    /// What happened where no place was free.
    pub if_full: IfFull,
    /// The places held, or waited for, for this invitation.
    pub assignment_ids: Json<Vec<Id<Assignment>>>,
    /// How far it has come.
    pub state: InvitationState,
    /// The language of its mail.
    pub locale: Language,
    /// The person or key that sent it.
    pub inviter_id: Option<String>,
    /// Their name at that time.
    pub inviter_name: Name,
    #[serde(skip)]
    pub(crate) is_by_person: bool,
    #[serde(skip)]
    pub(crate) valid_days: i64,
    #[serde(skip)]
    pub(crate) generation: i64,
    /// Its newest mail.
    pub mail_id: Option<String>,
    /// The mail server's last words about that mail.
    pub mail_reply: Option<String>,
    #[serde(skip)]
    pub(crate) mailed_at: Timestamp,
    /// When the mail server took the mail.
    pub sent_at: Option<Timestamp>,
    /// When the next reminder goes out.
    pub remind_at: Option<Timestamp>,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was accepted.
    pub accepted_at: Option<Timestamp>,
    /// When it expired or was taken back.
    pub ended_at: Option<Timestamp>,
    /// Whether it was the person who did not want it: then it is `revoked` by them.
    pub declined: bool,
    #[serde(skip)]
    pub(crate) version: i64,
    /// When the record was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// The role's name, where it is a custom one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_name: Option<String>,
    /// The address at which it is accepted, to hand over by other ways than mail: while it is open, for callers who may
    /// `mails:read`. An answer to a request with an Idempotency-Key, which is remembered, has none: read it then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accept_url: Option<String>,
}
columns!(Invitation in "invitations": id, email, user_id, team_id, role, product_ids, if_full, assignment_ids, state, locale,
    inviter_id, inviter_name, is_by_person, valid_days, generation, mail_id, mail_reply, mailed_at, sent_at, remind_at, expires_at,
    accepted_at, ended_at, declined, version, created_at, updated_at;
    role_name = "SELECT r.name FROM custom_roles r WHERE r.account_id = invitations.account_id AND r.id = invitations.role",
    accept_url = "CAST(NULL AS TEXT)"
    => email_key: |invitation| invitation.email.key());

impl Kind for Invitation {
    const PREFIX: &'static str = "invitation";
}

/// A new invitation.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInvitation {
    /// The address to invite.
    pub email: Email,
    /// The person's name, where the address is new; first and last name are taken from it.
    #[serde(default)]
    pub name: Option<Name>,
    /// The team.
    pub team: Ref<Team>,
    /// The role offered, a custom one of teams included; `member` unless said. It may give nothing that you do not hold.
    #[serde(default)]
    pub role: Option<MemberRoleRef>,
    /// Products of which the person gets a place of the team's seats; the places are held at once.
    #[serde(default)]
    #[schemars(length(max = 20))]
    pub products: Vec<Ref<Product>>,
    /// What happens when no place is free; `fail` unless said.
    #[serde(default)]
    pub if_full: Option<IfFull>,
    /// When it ends; 7 days from now unless said.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// The same in days from now.
    #[serde(default)]
    #[schemars(range(min = 1, max = 365))]
    pub expires_in_days: Option<i64>,
    /// The language of the mail; the person's or the account's unless said.
    #[serde(default)]
    pub locale: Option<Language>,
}

/// How an invitation is sent again.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ResendInput {
    /// When it ends; as long from now as it was good for before unless said.
    pub expires_at: Option<Timestamp>,
    /// The same in days from now.
    #[schemars(range(min = 1, max = 365))]
    pub expires_in_days: Option<i64>,
}

impl Input for NewInvitation {
    fn references(&self) -> Vec<Reference> {
        let products = self.products.iter().enumerate();
        let products =
            products.map(|(n, product)| Reference::to(format!("/products/{n}"), product));
        std::iter::once(Reference::to("/team", &self.team))
            .chain(products)
            .collect()
    }
}

impl Input for ResendInput {
    fn references(&self) -> Vec<Reference> {
        Vec::new()
    }
}

impl Record for Invitation {
    const KIND: &'static str = "invitation";
    const SUMMARY: &'static str = "An offer of a membership by mail, in every state it may be in, with the places held for it.";
    const FIELDS: &'static [Field] = &[
        Field::sorted("created_at", "created_at", FieldKind::Time),
        Field::sorted("expires_at", "expires_at", FieldKind::Time),
        Field::sorted("email", "email_key", FieldKind::Folded),
        Field::filter(
            "state",
            "state",
            FieldKind::Word(&["queued", "sent", "failed", "accepted", "expired", "revoked"]),
        ),
        Field::filter("team", "team_id", FieldKind::Reference("team", "teams")),
        Field::filter("user", "user_id", FieldKind::Reference("user", "users")),
        Field::filter(
            "organization",
            "invitations.team_id IN (SELECT id FROM teams WHERE account_id = $1 AND organization_id {})",
            FieldKind::Reference("organization", "organizations"),
        ),
    ];
    const SEARCH: &'static [&'static str] = &["email_key"];
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
        Expand {
            name: "products",
            member: "product_ids",
            table: "products",
        },
    ];
    const SOFT_DELETE: bool = false;
    const REACH: Option<&'static str> = Some("invitations.team_id IN {}");
    const READ: Permission = Permission::InvitationsRead;

    fn id(&self) -> &Id<Self> {
        &self.id
    }
}

impl Invitation {
    /// The event of a change, on the timelines where it belongs.
    pub(crate) fn event(&self, verb: &str) -> Event {
        event_of(self, verb).user(&self.user_id).team(&self.team_id)
    }

    /// Whether it can be accepted at this moment.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.state.is_open() && self.expires_at > now
    }

    /// Why nothing can be done with it any more.
    pub(crate) fn ended(&self) -> Error {
        Error::new(
            Code::StateConflict,
            format!(
                "The invitation is {}. Invite the person anew if that is wanted.",
                self.state
            ),
        )
        .with("state", self.state.as_str())
    }
}
