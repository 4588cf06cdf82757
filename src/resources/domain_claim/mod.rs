//! Claims of e-mail domains: people of a domain join the team that claims it, or the default team of the organization
//! that does.
//!
//! A claim is proved by a text in the domain's DNS, which a job looks up, or by the word of somebody who sees the whole
//! account, and says which. Only a verified claim leads anybody anywhere. Domains of public mail services cannot be
//! claimed: their people belong together in nothing but their mail. A claim holds for exactly its domain, not for those
//! below it, and in one account; another account may claim the same domain and neither learns of the other.

mod plans;
pub mod verification;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::organization::Organization;
use super::team::Team;
use crate::access::Permission;
use crate::columns;
use crate::events::Event;
use crate::resource::{Expand, Field, FieldKind, Input, Record, Reference, event_of};
use crate::types::merge::present;
use crate::types::text::Domain;
use crate::types::{Id, Kind, Ref, Timestamp};

pub use plans::{plan_change, plan_create, plan_delete, plan_verify};

crate::words! {
    /// How a claim is proved.
    pub enum Proof {
        /// By the word of somebody who sees the whole account.
        Admin = "admin",
        /// By a text in the domain's DNS.
        Dns = "dns",
    }
}

crate::words! {
    /// Whether a claim leads people to its team.
    pub enum ClaimState {
        /// The proof is still missing: it leads nobody.
        Pending = "pending",
        /// It is proved.
        Verified = "verified",
    }
}

crate::words! {
    /// What the last look-up has found.
    pub enum CheckResult {
        /// The text is there.
        Found = "found",
        /// The domain has no such text.
        NotFound = "not_found",
        /// There is no such domain.
        NoSuchDomain = "no_such_domain",
        /// No server of the DNS has answered.
        Unreachable = "unreachable",
    }
}

/// A claim of an e-mail domain by a team or an organization.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct DomainClaim {
    /// The claim's id.
    pub id: Id<Self>,
    /// The domain, in the form of the DNS.
    pub domain: Domain,
    /// The organization that claims it, to whose default team its people go; none where a team does.
    pub organization_id: Option<Id<Organization>>,
    /// The team that claims it; none where an organization does.
    pub team_id: Option<Id<Team>>,
    /// How it is proved.
    pub proof: Proof,
    /// Whether it leads people to the team.
    pub state: ClaimState,
    /// The text of the TXT record at the domain itself that proves it.
    pub txt_record: String,
    /// When it was proved.
    pub verified_at: Option<Timestamp>,
    /// When the DNS was last asked.
    pub checked_at: Option<Timestamp>,
    /// What it said.
    pub check_result: Option<CheckResult>,
    /// When it is asked next by itself.
    pub next_check_at: Option<Timestamp>,
    #[serde(skip)]
    pub(crate) version: i64,
    /// When the record was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}
columns!(DomainClaim in "domain_claims": id, domain, organization_id, team_id, proof, state, txt_record, verified_at, checked_at, check_result,
    next_check_at, version, created_at, updated_at);

impl Kind for DomainClaim {
    const PREFIX: &'static str = "claim";
}

/// A new claim: by a team or by an organization.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDomainClaim {
    /// The domain, what stands behind the `@`.
    pub domain: Domain,
    /// The team that claims it.
    #[serde(default)]
    pub team: Option<Ref<Team>>,
    /// The organization that claims it, to whose default team its people go.
    #[serde(default)]
    pub organization: Option<Ref<Organization>>,
    /// How it is proved; `dns` unless said. `admin` is for those who see the whole account.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Proof")]
    pub proof: Option<Proof>,
}

/// A change of a claim: who claims it, or how it is proved.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DomainClaimPatch {
    /// The team that claims it from now on.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "Ref<Team>")]
    pub team: Option<Ref<Team>>,
    /// The organization that claims it from now on.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "Ref<Organization>")]
    pub organization: Option<Ref<Organization>>,
    /// How it is proved. `admin` takes the caller's word; `dns` asks for the text again.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "Proof")]
    pub proof: Option<Proof>,
}

fn references(
    team: Option<&Ref<Team>>,
    organization: Option<&Ref<Organization>>,
) -> Vec<Reference> {
    let team = team.map(|team| Reference::to("/team", team));
    let organization = organization.map(|one| Reference::to("/organization", one));
    team.into_iter().chain(organization).collect()
}

impl Input for NewDomainClaim {
    fn references(&self) -> Vec<Reference> {
        references(self.team.as_ref(), self.organization.as_ref())
    }
}

impl Input for DomainClaimPatch {
    fn references(&self) -> Vec<Reference> {
        references(self.team.as_ref(), self.organization.as_ref())
    }
}

const STATES: &[&str] = &["pending", "verified"];

impl Record for DomainClaim {
    const KIND: &'static str = "domain_claim";
    const SUMMARY: &'static str =
        "A claim of an e-mail domain, whose people join a team by themselves.";
    const FIELDS: &'static [Field] = &[
        Field::sorted("created_at", "created_at", FieldKind::Time),
        Field::sorted("domain", "domain", FieldKind::Folded),
        Field::filter("state", "state", FieldKind::Word(STATES)),
        Field::filter("team", "team_id", FieldKind::Reference("team", "teams")),
        Field::filter(
            "organization",
            "organization_id",
            FieldKind::Reference(Organization::PREFIX, "organizations"),
        ),
    ];
    const SEARCH: &'static [&'static str] = &["domain"];
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
    const REACH: Option<&'static str> =
        Some("(domain_claims.team_id IN {} OR domain_claims.organization_id IN {})");
    const READ: Permission = Permission::OrganizationsRead;

    fn id(&self) -> &Id<Self> {
        &self.id
    }
}

impl DomainClaim {
    /// The event of a change, on the timeline of the team that claims it.
    fn event(&self, verb: &str) -> Event {
        let event = event_of(self, verb);
        match &self.team_id {
            Some(team) => event.team(team),
            None => event,
        }
    }
}

/// The form of a domain in which claims and addresses are compared: that of the DNS.
pub fn key(domain: &str) -> String {
    match url::Host::parse(domain) {
        Ok(url::Host::Domain(ascii)) => ascii,
        _ => domain.to_lowercase(),
    }
}

/// Whether a domain is one of a public mail service.
pub fn is_public(domain: &str) -> bool {
    include_str!("public_domains.txt")
        .lines()
        .any(|public| public == domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_domains_are_listed_once_in_order_and_in_the_form_compared() {
        let all: Vec<&str> = include_str!("public_domains.txt").lines().collect();
        assert!(all.is_sorted_by(|one, next| one < next));
        assert!(all.iter().all(|domain| key(domain) == *domain));
        assert!(is_public("gmail.com") && !is_public("acme.example"));
    }

    #[test]
    fn domains_of_every_script_are_compared_as_the_dns_writes_them() {
        assert_eq!(key("Müller.DE"), "xn--mller-kva.de");
        assert_eq!(key("xn--mller-kva.de"), "xn--mller-kva.de");
        assert_eq!(key("Acme.Example"), "acme.example");
    }
}
