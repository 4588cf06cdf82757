//! Who calls, what they may do and how far they reach.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::rights::Rights;
use crate::error::{Code, Error, Result};
use crate::types::{AccountId, Timestamp};

crate::words! {
    /// A right to do something, `resource:action`; the same words are the scopes of API keys.
    pub enum Permission {
        /// See people.
        UsersRead = "users:read",
        /// Make, change, put aside and restore people.
        UsersWrite = "users:write",
        /// Erase a person's data for good.
        UsersErase = "users:erase",
        /// Make one person of two.
        UsersMerge = "users:merge",
        /// See teams and their members.
        TeamsRead = "teams:read",
        /// Make, change and put aside teams.
        TeamsWrite = "teams:write",
        /// Add people to teams, change their roles, remove them.
        MembersWrite = "members:write",
        /// See invitations.
        InvitationsRead = "invitations:read",
        /// Invite people, invite again, take invitations back.
        InvitationsWrite = "invitations:write",
        /// See self-enrolment links and their requests.
        LinksRead = "links:read",
        /// Make and change self-enrolment links, decide on their requests.
        LinksWrite = "links:write",
        /// See organizations.
        OrganizationsRead = "organizations:read",
        /// Make, change, move and delete organizations, name their administrators.
        OrganizationsWrite = "organizations:write",
        /// Claim e-mail domains for teams and organizations.
        DomainsWrite = "domains:write",
        /// See roles and who holds them.
        RolesRead = "roles:read",
        /// Make, change, grant and withdraw roles.
        RolesWrite = "roles:write",
        /// See courses.
        CoursesRead = "courses:read",
        /// Make, change and delete courses.
        CoursesWrite = "courses:write",
        /// See products.
        ProductsRead = "products:read",
        /// Make, change and delete products.
        ProductsWrite = "products:write",
        /// See seats, their assignments and ledgers.
        SeatsRead = "seats:read",
        /// Make, change, share and move seats.
        SeatsWrite = "seats:write",
        /// Give a place to a person and take it back, decide on requests for places.
        SeatsAssign = "seats:assign",
        /// Hold places for a while, as for a checkout.
        SeatsHold = "seats:hold",
        /// See enrollments.
        EnrollmentsRead = "enrollments:read",
        /// Make enrollments that no seat gives, and tell progress.
        EnrollmentsWrite = "enrollments:write",
        /// See groups and their mappings.
        GroupsRead = "groups:read",
        /// Make, map, change and delete groups.
        GroupsWrite = "groups:write",
        /// See the catalog.
        CatalogRead = "catalog:read",
        /// Make, change and delete catalog items.
        CatalogWrite = "catalog:write",
        /// Buy from the catalog with credits.
        CatalogBuy = "catalog:buy",
        /// See orders.
        OrdersRead = "orders:read",
        /// Make, change, pay, fulfil and cancel orders.
        OrdersWrite = "orders:write",
        /// Refund orders.
        OrdersRefund = "orders:refund",
        /// See credit accounts.
        CreditsRead = "credits:read",
        /// Add and take credits.
        CreditsWrite = "credits:write",
        /// Read reports.
        ReportsRead = "reports:read",
        /// See provisions.
        ProvisionRead = "provision:read",
        /// Provision people: the one call.
        ProvisionWrite = "provision:write",
        /// Undo provisions.
        ProvisionUndo = "provision:undo",
        /// See events.
        EventsRead = "events:read",
        /// See the audit trail.
        AuditRead = "audit:read",
        /// See mails and copy sign-in links.
        MailsRead = "mails:read",
        /// See background jobs.
        JobsRead = "jobs:read",
        /// Run failed jobs again, cancel and undo jobs.
        JobsWrite = "jobs:write",
        /// Make, rotate and revoke API keys.
        KeysWrite = "keys:write",
        /// See API keys, never their secrets.
        KeysRead = "keys:read",
        /// Change the account's settings.
        SettingsWrite = "settings:write",
        /// See the account's settings and check the ledgers.
        SettingsRead = "settings:read",
    }
}

impl Permission {
    /// Whether it changes nothing.
    pub fn is_read(self) -> bool {
        self.as_str().ends_with(":read")
    }

    /// All of them.
    pub fn all() -> BTreeSet<Self> {
        Self::ALL.iter().copied().collect()
    }
}

crate::words! {
    /// What kind of thing acts.
    pub enum ActorKind {
        /// A person who is signed in.
        User = "user",
        /// A program with an API key.
        ApiKey = "api_key",
        /// The service itself or its operator's command line.
        System = "system",
    }
}

/// Who acts, with the name of that moment: it stays readable when the record is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// What kind of thing.
    pub kind: ActorKind,
    /// Its id; the service has none.
    pub id: Option<Arc<str>>,
    /// Its name.
    pub name: Arc<str>,
}

impl Actor {
    /// The service, acting under a name such as `worker`.
    pub fn system(name: &str) -> Self {
        Self {
            kind: ActorKind::System,
            id: None,
            name: name.into(),
        }
    }
}

/// How far a caller sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// The whole account.
    Account,
    /// These teams and what belongs to them, and these organizations, as a JSON array of their ids for statements.
    Teams(Arc<str>),
}

impl Reach {
    /// Whether a team or an organization, by its id, is within it.
    pub fn holds(&self, place: &str) -> bool {
        match self {
            Self::Account => true,
            Self::Teams(places) => places.contains(&format!("\"{place}\"")),
        }
    }
}

/// Who calls: an API key, a person or the service. One account, always.
///
/// `permissions` and `reach` belong together: what is held in the whole of the reach. Whoever holds different roles in
/// different places is seen through [`Caller::acting`] by what they do, so that both are right for that; operations of
/// the API are by their scope.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The account whose rows are meant.
    pub account: AccountId,
    /// Who acts.
    pub actor: Actor,
    /// What they may do everywhere within their reach.
    pub permissions: BTreeSet<Permission>,
    /// How far they see.
    pub reach: Reach,
    /// All that they may do, and where.
    pub rights: Arc<Rights>,
    /// What repeats of a request are recognised within: the key over its rotations, or the person.
    pub lineage: Arc<str>,
}

impl Caller {
    /// A caller with these rights: what they hold in the whole account, or where there is nothing of the kind, what they
    /// hold in all of their teams and organizations.
    pub fn new(account: AccountId, actor: Actor, rights: Rights, lineage: Arc<str>) -> Self {
        let (permissions, reach) = if rights.account().is_empty() {
            let (places, common) = rights.where_held(None);
            (common, Reach::Teams(places))
        } else {
            (rights.account().clone(), Reach::Account)
        };
        Self {
            account,
            actor,
            permissions,
            reach,
            rights: Arc::new(rights),
            lineage,
        }
    }

    /// The service itself, which may do everything in one account.
    pub fn system(account: AccountId, name: &str) -> Self {
        Self::new(account, Actor::system(name), Rights::all(), name.into())
    }

    /// The same caller as one who does what needs `permission`: they reach exactly where they hold it. Refused as by
    /// [`Caller::require`] where that is nowhere.
    pub fn acting(self: &Arc<Self>, permission: Permission) -> Result<Arc<Self>> {
        let rights = &self.rights;
        let (permissions, reach) = if rights.account().contains(&permission) {
            (rights.account().clone(), Reach::Account)
        } else if rights.anywhere().contains(&permission) {
            let (places, common) = rights.where_held(Some(permission));
            (common, Reach::Teams(places))
        } else {
            return Err(self.lacks(permission, &rights.anywhere()));
        };
        if self.reach == reach && self.permissions == permissions {
            return Ok(Arc::clone(self));
        }
        Ok(Arc::new(Self {
            permissions,
            reach,
            ..(**self).clone()
        }))
    }

    /// Whether the caller has a permission in a team or on an organization, by its id.
    pub fn may_in(&self, permission: Permission, place: &str) -> bool {
        self.rights.at(place).contains(&permission)
    }

    /// Refuses a caller who has not the permission in this team or on this organization.
    pub fn require_in(&self, permission: Permission, place: &str) -> Result<()> {
        let held = self.rights.at(place);
        if held.contains(&permission) {
            return Ok(());
        }
        Err(self.lacks(permission, &held))
    }

    /// Whether the caller has a permission.
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.contains(&permission)
    }

    /// Refuses a caller without the permission: 403 `insufficient_scope` for keys, `forbidden` for people.
    pub fn require(&self, permission: Permission) -> Result<()> {
        if self.may(permission) {
            return Ok(());
        }
        Err(self.lacks(permission, &self.permissions))
    }

    fn lacks(&self, permission: Permission, held: &BTreeSet<Permission>) -> Error {
        let granted: Vec<_> = held.iter().map(|p| p.as_str()).collect();
        match self.actor.kind {
            ActorKind::ApiKey => Error::new(
                Code::InsufficientScope,
                format!("This key lacks the scope {permission}. Make a key that has it in Settings > API."),
            )
            .with("required", permission.as_str())
            .with("granted", granted),
            _ => Error::new(Code::Forbidden, format!("Your roles do not include {permission}. Ask an administrator of the account."))
                .with("required", permission.as_str()),
        }
    }

    /// Refuses a caller who sees only some teams: what belongs to the whole account is not theirs to change.
    pub fn require_account(&self) -> Result<()> {
        match self.reach {
            Reach::Account => Ok(()),
            Reach::Teams(_) => Err(Error::new(
                Code::Forbidden,
                "This is limited to some teams; the operation concerns the whole account.",
            )),
        }
    }
}

/// One call of the service: who, when, and what is to be remembered with its effects.
#[derive(Debug, Clone)]
pub struct Call {
    /// Who calls.
    pub caller: Arc<Caller>,
    /// The moment that counts for everything the call does.
    pub now: Timestamp,
    /// The id of the request, on the answer, in the log, on events and audit facts.
    pub request_id: Arc<str>,
    /// The address it came from.
    pub address: Option<Arc<str>>,
    /// Whether to show what would happen and change nothing.
    pub dry_run: bool,
}

impl Call {
    /// A call of the service itself.
    pub fn system(account: AccountId, name: &str, now: Timestamp) -> Self {
        Self {
            caller: Arc::new(Caller::system(account, name)),
            now,
            request_id: name.into(),
            address: None,
            dry_run: false,
        }
    }

    /// The account whose rows are meant.
    pub fn account(&self) -> &AccountId {
        &self.caller.account
    }
}
