//! The record of a link, and what must be true of it.

use schemars::JsonSchema;
use serde::Serialize;

use super::input::{LinkPatch, NewLink};
use crate::access::Permission;
use crate::access::roles::{MemberRole, Named, TeamRole};
use crate::columns;
use crate::db::Statement;
use crate::error::{Code, Error, Fault, Result};
use crate::events::Event;
use crate::invitations::invite::{MAX_PRODUCTS, distinct};
use crate::params;
use crate::resource::{Expand, Field, FieldKind, Record, Resolved, Resource, Stamp, event_of};
use crate::resources::{Product, Team};
use crate::seats::actions::IfFull;
use crate::types::text::{Domain, Json, Slug};
use crate::types::{ExternalId, Id, Kind, Name, Timestamp};

/// Uses of a link at the most.
pub const MAX_USES: i64 = 1_000_000;
/// Domains of a link at the most.
const MAX_DOMAINS: usize = 50;
/// The letters of a slug that is made here: 32 of them, none like another.
const LETTERS: [char; 32] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'j',
    'k', 'm', 'n', 'p', 'q', 'r', 's', 't', 'v', 'w', 'x', 'y', 'z',
];

/// A self-enrolment address of a team.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Link {
    /// The link's id.
    pub id: Id<Self>,
    /// Your own key.
    pub external_id: Option<ExternalId>,
    /// A name by which it is told from others, such as where it hangs.
    pub name: Name,
    /// The last part of its address.
    pub slug: Slug,
    /// The team it leads into.
    pub team_id: Id<Team>,
    /// The role that people get.
    pub role: MemberRole,
    /// What they get places of.
    pub product_ids: Json<Vec<Id<Product>>>,
    /// What happens when no place is free: `fail` or `waitlist`.
    pub if_full: IfFull,
    /// How many people may join by it; absent: any number.
    pub max_uses: Option<i64>,
    /// How many have.
    pub used: i64,
    /// When it opens; absent: it is open from the start.
    pub starts_at: Option<Timestamp>,
    /// When it ends; absent: never.
    pub expires_at: Option<Timestamp>,
    /// Domains of the addresses it takes; none: any.
    pub allowed_domains: Json<Vec<Domain>>,
    /// Whether somebody decides on each request.
    pub requires_approval: bool,
    /// Whether nobody can join by it for now.
    pub paused: bool,
    #[serde(skip)]
    pub(crate) version: i64,
    /// When the record was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// The role's name, where it is a custom one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_name: Option<String>,
    /// Its address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}
columns!(Link in "links": id, external_id, name, slug, team_id, role, product_ids, if_full, max_uses, used, starts_at, expires_at,
    allowed_domains, requires_approval, paused, version, created_at, updated_at;
    role_name = "SELECT r.name FROM custom_roles r WHERE r.account_id = links.account_id AND r.id = links.role",
    url = "CAST(NULL AS TEXT)"
    => name_key: |link| link.name.key());

impl Kind for Link {
    const PREFIX: &'static str = "link";
}

impl Record for Link {
    const KIND: &'static str = "link";
    const SUMMARY: &'static str =
        "A self-enrolment address of a team, with a QR code and its limits.";
    const FIELDS: &'static [Field] = &[
        Field::sorted("created_at", "created_at", FieldKind::Time),
        Field::sorted("name", "name_key", FieldKind::Folded),
        Field::filter("external_id", "external_id", FieldKind::Text),
        Field::filter("team", "team_id", FieldKind::Reference("team", "teams")),
        Field::filter(
            "organization",
            "links.team_id IN (SELECT id FROM teams WHERE account_id = $1 AND organization_id {})",
            FieldKind::Reference("organization", "organizations"),
        ),
    ];
    const SEARCH: &'static [&'static str] = &["name_key"];
    const EXPANDS: &'static [Expand] = &[
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
    const REACH: Option<&'static str> = Some("links.team_id IN {}");
    const READ: Permission = Permission::LinksRead;

    fn id(&self) -> &Id<Self> {
        &self.id
    }
}

/// Twenty letters by chance: a hundred bits, which nobody guesses.
fn new_slug(stamp: &Stamp<'_>) -> Result<Slug> {
    let mut chance = [0_u8; 20];
    stamp.ids.fill(&mut chance);
    let letter = |byte: &u8| LETTERS.get(usize::from(byte % 32)).copied();
    let text: String = chance.iter().filter_map(letter).collect();
    Slug::parse(&text).map_err(Error::internal)
}

impl Link {
    /// What is wrong with it as a whole.
    fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut wrong = |pointer: &str, code: &'static str, detail: String| {
            faults.push(Fault::new(pointer, code, detail));
        };
        if self.role == TeamRole::Owner {
            let detail = "A link makes members or managers; make owners by name.".to_owned();
            wrong("/role", "not_allowed", detail);
        }
        if self.if_full == IfFull::Grow {
            let detail = "Who joins by a link cannot add places: «fail» or «waitlist».".to_owned();
            wrong("/if_full", "not_allowed", detail);
        }
        if self
            .max_uses
            .is_some_and(|uses| !(1..=MAX_USES).contains(&uses))
        {
            let detail = format!("A number from 1 to {MAX_USES}.");
            wrong("/max_uses", "out_of_range", detail);
        } else if self.max_uses.is_some_and(|uses| uses < self.used) {
            let detail = format!(
                "{} people have joined by it. Pause it, or give at least that number.",
                self.used
            );
            wrong("/max_uses", "below_use", detail);
        }
        if let (Some(start), Some(end)) = (self.starts_at, self.expires_at)
            && end <= start
        {
            let detail = "The link would end before it opens.".to_owned();
            wrong("/expires_at", "before_start", detail);
        }
        if self.product_ids.0.len() > MAX_PRODUCTS {
            let detail = format!("{MAX_PRODUCTS} products at the most.");
            wrong("/products", "too_many", detail);
        }
        if self.allowed_domains.0.len() > MAX_DOMAINS {
            let detail = format!("{MAX_DOMAINS} domains at the most.");
            wrong("/allowed_domains", "too_many", detail);
        }
        faults
    }

    fn checked(self) -> Result<Self> {
        let faults = self.faults();
        if faults.is_empty() {
            Ok(self)
        } else {
            Err(Error::invalid(faults))
        }
    }

    fn slug_row(&self) -> Statement {
        Statement::new(
            "INSERT INTO link_slugs (account_id, slug, link_id) VALUES ($1, $2, $3)",
            params![self.slug.clone(), self.id.clone()],
        )
    }
}

impl Resource for Link {
    const WRITE: Permission = Permission::LinksWrite;
    type New = NewLink;
    type Patch = LinkPatch;

    fn version(&self) -> i64 {
        self.version
    }

    fn create(new: NewLink, refs: &Resolved, stamp: &Stamp<'_>) -> Result<Self> {
        let products = new.products.iter().map(|product| refs.id(product));
        Self {
            id: stamp.ids.next(stamp.now),
            external_id: new.external_id,
            name: new.name,
            slug: new.slug.map_or_else(|| new_slug(stamp), Ok)?,
            team_id: refs.id(&new.team)?,
            role: new
                .role
                .map_or(Ok(TeamRole::Member.into()), Named::settled)?,
            product_ids: Json(distinct(products.collect::<Result<_>>()?)),
            if_full: new.if_full.unwrap_or(IfFull::Fail),
            max_uses: new.max_uses,
            used: 0,
            starts_at: new.starts_at,
            expires_at: new.expires_at,
            allowed_domains: Json(new.allowed_domains),
            requires_approval: new.requires_approval,
            paused: new.paused,
            version: 1,
            created_at: stamp.now,
            updated_at: stamp.now,
            role_name: None,
            url: None,
        }
        .checked()
    }

    fn apply(&mut self, patch: LinkPatch, refs: &Resolved, now: Timestamp) -> Result<()> {
        if let Some(team) = refs.maybe(patch.team.as_ref())?
            && team != self.team_id
        {
            let detail = "A link stays with its team. Make another one for this team.";
            return Err(Error::invalid(vec![Fault::new(
                "/team",
                "not_allowed",
                detail,
            )]));
        }
        if let Some(name) = patch.name {
            self.name = name;
        }
        patch.external_id.apply(&mut self.external_id);
        if let Some(role) = patch.role {
            let role = role.settled()?;
            if role != self.role {
                self.role_name = None;
            }
            self.role = role;
        }
        if let Some(products) = patch.products {
            let products = products.iter().map(|product| refs.id(product));
            self.product_ids = Json(distinct(products.collect::<Result<_>>()?));
        }
        self.if_full = patch.if_full.unwrap_or(self.if_full);
        self.slug = patch.slug.unwrap_or_else(|| self.slug.clone());
        patch.max_uses.apply(&mut self.max_uses);
        patch.starts_at.apply(&mut self.starts_at);
        patch.expires_at.apply(&mut self.expires_at);
        if let Some(domains) = patch.allowed_domains {
            self.allowed_domains = Json(domains);
        }
        self.requires_approval = patch.requires_approval.unwrap_or(self.requires_approval);
        self.paused = patch.paused.unwrap_or(self.paused);
        self.updated_at = now;
        *self = self.clone().checked()?;
        Ok(())
    }

    fn companions(&self, before: Option<&Self>) -> Vec<Statement> {
        match before {
            None => vec![self.slug_row()],
            Some(before) if before.slug != self.slug => vec![Statement::guarded(
                "UPDATE link_slugs SET slug = $2 WHERE account_id = $1 AND link_id = $3 AND slug = $4",
                params![self.slug.clone(), self.id.clone(), before.slug.clone()],
            )],
            Some(_) => Vec::new(),
        }
    }

    fn farewell(&self, _: Timestamp) -> Vec<Statement> {
        [
            "DELETE FROM link_slugs WHERE account_id = $1 AND link_id = $2",
            "DELETE FROM link_refusals WHERE account_id = $1 AND link_id = $2",
            "DELETE FROM link_views WHERE account_id = $1 AND link_id = $2",
            // Who has joined, or waits for a decision, is history that stays: then the link does as well.
            "DELETE FROM link_requests WHERE account_id = $1 AND link_id = $2 AND state = 'unconfirmed'",
        ]
        .into_iter()
        .map(|sql| Statement::new(sql, params![self.id.clone()]))
        .collect()
    }

    fn event(&self, verb: &str) -> Event {
        event_of(self, verb).team(&self.team_id)
    }
}

impl Link {
    /// Why somebody of this address cannot join by it at this moment, as far as the link itself tells.
    pub fn refusal(&self, address: Option<&crate::types::Email>, now: Timestamp) -> Option<Error> {
        let told = |code: Code, detail: &'static str| {
            Some(Error::new(code, detail).with("link_id", self.id.as_str()))
        };
        if self.paused {
            return told(
                Code::LinkPaused,
                "The link is paused. Ask those who gave it to you.",
            );
        }
        if self.starts_at.is_some_and(|start| start > now) {
            return told(Code::LinkNotStarted, "The link is not open yet.")
                .map(|error| error.with("starts_at", serde_json::json!(self.starts_at)));
        }
        if self.expires_at.is_some_and(|end| end <= now) {
            return told(
                Code::LinkExpired,
                "The link has expired. Ask for a new one.",
            )
            .map(|error| error.with("expires_at", serde_json::json!(self.expires_at)));
        }
        if self.max_uses.is_some_and(|uses| self.used >= uses) {
            return told(
                Code::LinkUsedUp,
                "The link has been used as often as it may be. Ask for a new one.",
            );
        }
        let domain = address.map(crate::types::Email::domain)?;
        let domains = &self.allowed_domains.0;
        if domains.is_empty() || domains.iter().any(|one| one.as_str() == domain) {
            return None;
        }
        told(
            Code::DomainNotAllowed,
            "The link takes addresses of certain domains only.",
        )
        .map(|error| error.with("allowed_domains", serde_json::json!(domains)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Email, Ids};
    use serde_json::json;

    const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

    fn link(further: &serde_json::Value) -> Link {
        let ids = Ids::seeded(1);
        let stamp = Stamp {
            ids: &ids,
            now: NOW,
        };
        let team: Id<Team> = ids.next(NOW);
        let link = Link {
            id: ids.next(NOW),
            external_id: None,
            name: Name::parse("Door").expect("a name"),
            slug: new_slug(&stamp).expect("a slug"),
            team_id: team,
            role: TeamRole::Member.into(),
            product_ids: Json(Vec::new()),
            if_full: IfFull::Fail,
            max_uses: None,
            used: 3,
            starts_at: None,
            expires_at: None,
            allowed_domains: Json(Vec::new()),
            requires_approval: false,
            paused: false,
            version: 1,
            created_at: NOW,
            updated_at: NOW,
            role_name: None,
            url: None,
        };
        let patch = serde_json::from_value(further.clone()).expect("a patch");
        let mut link = link;
        link.apply(patch, &Resolved::default(), NOW)
            .expect("a link");
        link
    }

    #[test]
    fn each_limit_refuses_by_its_own_name() {
        let refusal = |further: serde_json::Value| {
            let address = Email::parse("ada@Example.com").expect("an address");
            link(&further)
                .refusal(Some(&address), NOW)
                .map(|error| error.code())
        };
        assert_eq!(refusal(json!({})), None);
        assert_eq!(refusal(json!({ "paused": true })), Some(Code::LinkPaused));
        assert_eq!(refusal(json!({ "max_uses": 3 })), Some(Code::LinkUsedUp));
        assert_eq!(refusal(json!({ "max_uses": 4 })), None);
        let (before, after) = (NOW.plus_seconds(-1), NOW.plus_seconds(1));
        assert_eq!(
            refusal(json!({ "starts_at": after })),
            Some(Code::LinkNotStarted)
        );
        assert_eq!(
            refusal(json!({ "starts_at": before, "expires_at": NOW })),
            Some(Code::LinkExpired)
        );
        assert_eq!(
            refusal(json!({ "allowed_domains": ["example.org"] })),
            Some(Code::DomainNotAllowed)
        );
        assert_eq!(
            refusal(json!({ "allowed_domains": ["example.org", "example.com"] })),
            None
        );
    }

    #[test]
    fn a_link_cannot_be_what_it_must_not() {
        for wrong in [
            serde_json::json!({ "role": "owner" }),
            serde_json::json!({ "if_full": "grow" }),
            serde_json::json!({ "max_uses": 2 }),
            serde_json::json!({ "max_uses": 0 }),
            serde_json::json!({ "starts_at": NOW, "expires_at": NOW }),
        ] {
            let patch = serde_json::from_value(wrong.clone()).expect("a patch");
            let refused = link(&serde_json::json!({})).apply(patch, &Resolved::default(), NOW);
            assert!(refused.is_err(), "{wrong}");
        }
    }

    #[test]
    fn slugs_differ_and_are_long() {
        let ids = Ids::seeded(7);
        let stamp = Stamp {
            ids: &ids,
            now: NOW,
        };
        let (one, other) = (
            new_slug(&stamp).expect("a slug"),
            new_slug(&stamp).expect("a slug"),
        );
        assert_ne!(one, other);
        assert_eq!(one.as_str().len(), 20);
    }
}
