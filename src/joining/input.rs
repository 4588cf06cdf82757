//! What is given to make a link and to change one.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::access::roles::MemberRoleRef;
use crate::resource::{Input, Reference};
use crate::resources::{Product, Team};
use crate::seats::actions::IfFull;
use crate::types::merge::present;
use crate::types::text::{Domain, Slug};
use crate::types::{ExternalId, Name, Patch, Ref, Timestamp};

/// A new link.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLink {
    /// A name by which it is told from others.
    pub name: Name,
    /// Your own key.
    #[serde(default)]
    pub external_id: Option<ExternalId>,
    /// The team it leads into.
    pub team: Ref<Team>,
    /// The role that people get: `member`, `manager`, or a custom one of teams; `member` unless said. It may give nothing
    /// that you do not hold.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "MemberRoleRef")]
    pub role: Option<MemberRoleRef>,
    /// What they get places of, from the team's seats.
    #[serde(default)]
    #[schemars(length(max = 20))]
    pub products: Vec<Ref<Product>>,
    /// What happens when no place is free: `fail` or `waitlist`; `fail` unless said.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "IfFull")]
    pub if_full: Option<IfFull>,
    /// The last part of its address; one that nobody guesses unless said.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Slug")]
    pub slug: Option<Slug>,
    /// How many people may join by it.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_uses: Option<i64>,
    /// When it opens.
    #[serde(default)]
    pub starts_at: Option<Timestamp>,
    /// When it ends.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// Domains of the addresses it takes.
    #[serde(default)]
    #[schemars(length(max = 50))]
    pub allowed_domains: Vec<Domain>,
    /// Whether somebody decides on each request.
    #[serde(default)]
    pub requires_approval: bool,
    /// Whether nobody can join by it for now.
    #[serde(default)]
    pub paused: bool,
}

/// A change of a link.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LinkPatch {
    /// Its name.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "Name")]
    pub name: Option<Name>,
    /// Your own key.
    pub external_id: Patch<ExternalId>,
    /// The team: a link stays with the team it was made for.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "Ref<Team>")]
    pub team: Option<Ref<Team>>,
    /// The role that people get.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "MemberRoleRef")]
    pub role: Option<MemberRoleRef>,
    /// What they get places of; replaces all.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "Vec<Ref<Product>>", length(max = 20))]
    pub products: Option<Vec<Ref<Product>>>,
    /// What happens when no place is free: `fail` or `waitlist`.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "IfFull")]
    pub if_full: Option<IfFull>,
    /// The last part of its address; the old address is dead at once.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "Slug")]
    pub slug: Option<Slug>,
    /// How many people may join by it; not fewer than have.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_uses: Patch<i64>,
    /// When it opens.
    pub starts_at: Patch<Timestamp>,
    /// When it ends.
    pub expires_at: Patch<Timestamp>,
    /// Domains of the addresses it takes; replaces all.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "Vec<Domain>", length(max = 50))]
    pub allowed_domains: Option<Vec<Domain>>,
    /// Whether somebody decides on each request.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "bool")]
    pub requires_approval: Option<bool>,
    /// Whether nobody can join by it for now.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "bool")]
    pub paused: Option<bool>,
}

fn product_references(products: &[Ref<Product>]) -> impl Iterator<Item = Reference> {
    let products = products.iter().enumerate();
    products.map(|(n, product)| Reference::to(format!("/products/{n}"), product))
}

impl Input for NewLink {
    fn references(&self) -> Vec<Reference> {
        std::iter::once(Reference::to("/team", &self.team))
            .chain(product_references(&self.products))
            .collect()
    }
}

impl Input for LinkPatch {
    fn references(&self) -> Vec<Reference> {
        let team = self.team.iter().map(|team| Reference::to("/team", team));
        team.chain(product_references(
            self.products.as_deref().unwrap_or_default(),
        ))
        .collect()
    }
}
