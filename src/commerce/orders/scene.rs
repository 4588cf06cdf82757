//! What is: everything that the lines of an order name, in one round trip.

use std::collections::{BTreeMap, BTreeSet};

use super::input::NewLine;
use super::order::OrderLine;
use crate::access::Call;
use crate::commerce::account::Owner;
use crate::commerce::item::{CatalogItem, ItemStatus};
use crate::commerce::visibility;
use crate::db::{Batch, Db, Select};
use crate::error::Result;
use crate::params;
use crate::resource::Resolved;
use crate::resources::{Organization, Team};
use crate::seats::SeatTemplate;
use crate::types::{Id, json_list};

/// What the lines name.
#[derive(Debug, Default)]
pub struct Ground {
    items: BTreeMap<Id<CatalogItem>, CatalogItem>,
    templates: BTreeMap<Id<SeatTemplate>, SeatTemplate>,
    /// Live teams with the path of their organization.
    teams: BTreeMap<Id<Team>, Option<String>>,
    /// The path of the organization that buys.
    path: Option<String>,
    visible: BTreeSet<Id<CatalogItem>>,
}

/// Reads what lines name, new ones and those that stand, and which of it the owner sees in the catalog.
pub async fn ground(
    db: &Db,
    call: &Call,
    lines: &[NewLine],
    standing: &[OrderLine],
    refs: &Resolved,
    owner: &Owner,
) -> Result<Ground> {
    let mut items = BTreeSet::new();
    let mut templates = BTreeSet::new();
    let mut teams = BTreeSet::new();
    for line in lines {
        items.extend(refs.maybe(line.item.as_ref())?.map(|id| id.to_string()));
        templates.extend(refs.maybe(line.template.as_ref())?.map(|id| id.to_string()));
        teams.extend(refs.maybe(line.team.as_ref())?.map(|id| id.to_string()));
    }
    for line in standing {
        items.extend(line.catalog_item_id.as_ref().map(ToString::to_string));
        teams.extend(line.team_id.as_ref().map(ToString::to_string));
    }
    let (rule, who) = match owner {
        Owner::Team(id) => (visibility::OF_TEAM, id.to_string()),
        Owner::Organization(id) => (visibility::OF_ORGANIZATION, id.to_string()),
    };
    let mut batch = Batch::new();
    let item_rows = batch.add::<CatalogItem>(Select::rows::<CatalogItem>(
        "WHERE account_id = $1 AND id IN (SELECT value FROM JSON_LIST($2) AS wanted)",
        params![json_list(&items)],
    ));
    let template_rows = batch.add::<SeatTemplate>(Select::rows::<SeatTemplate>(
        "WHERE account_id = $1 AND (id IN (SELECT value FROM JSON_LIST($2) AS wanted) OR id IN \
         (SELECT i.template_id FROM catalog_items i WHERE i.account_id = $1 AND i.id IN (SELECT value FROM JSON_LIST($3) AS items)))",
        params![json_list(&templates), json_list(&items)],
    ));
    let team_rows = batch.add::<(Id<Team>, Option<String>)>(Select::new(
        "SELECT t.id, o.path FROM teams t LEFT JOIN organizations o ON o.account_id = $1 AND o.id = t.organization_id \
         WHERE t.account_id = $1 AND t.deleted_at IS NULL AND t.id IN (SELECT value FROM JSON_LIST($2) AS wanted)",
        params![json_list(&teams)],
    ));
    let path = batch.add::<(String,)>(Select::new(
        "SELECT path FROM organizations WHERE account_id = $1 AND id = $2",
        params![who.clone()],
    ));
    let visible = batch.add::<(Id<CatalogItem>,)>(Select::new(
        format!(
            "SELECT id FROM catalog_items WHERE account_id = $1 AND id IN (SELECT value FROM JSON_LIST($2) AS wanted) AND {}",
            rule.replace("{}", "= $3")
        ),
        params![json_list(&items), who],
    ));
    let mut rows = db.read(call.account(), batch).await?;
    Ok(Ground {
        items: by_id(rows.take(&item_rows), |item| item.id.clone()),
        templates: by_id(rows.take(&template_rows), |template| template.id.clone()),
        teams: rows.take(&team_rows).into_iter().collect(),
        path: rows.first(&path).map(|(path,)| path),
        visible: rows.take(&visible).into_iter().map(|(id,)| id).collect(),
    })
}

fn by_id<K: Ord, R>(rows: Vec<R>, id: fn(&R) -> K) -> BTreeMap<K, R> {
    rows.into_iter().map(|row| (id(&row), row)).collect()
}

impl Ground {
    /// An item.
    pub fn item(&self, id: &Id<CatalogItem>) -> Option<&CatalogItem> {
        self.items.get(id)
    }

    /// A template.
    pub fn template(&self, id: &Id<SeatTemplate>) -> Option<&SeatTemplate> {
        self.templates.get(id)
    }

    /// Whether the buyer may help himself to an item.
    pub fn is_on_offer(&self, item: &CatalogItem) -> bool {
        item.status == ItemStatus::Published && self.visible.contains(&item.id)
    }

    /// Whether a team belongs to the organization that buys, or to one below it.
    pub fn is_of_buyer(&self, team: &Id<Team>) -> bool {
        let path = self.teams.get(team).and_then(Option::as_deref);
        match (&self.path, path) {
            (Some(top), Some(path)) => path.starts_with(top.as_str()),
            _ => false,
        }
    }
}

/// The team to which an organization's places go that no line sends elsewhere, and which of some teams are there.
pub async fn whereto(
    db: &Db,
    call: &Call,
    organization: Option<&Id<Organization>>,
    teams: &[Id<Team>],
) -> Result<(Option<Id<Team>>, BTreeSet<Id<Team>>)> {
    let mut batch = Batch::new();
    let default = batch.add::<(Id<Team>,)>(Select::new(
        "SELECT t.id FROM organizations o JOIN teams t ON t.account_id = $1 AND t.id = o.default_team_id AND t.deleted_at IS NULL \
         WHERE o.account_id = $1 AND o.id = $2",
        params![organization.map(ToString::to_string).unwrap_or_default()],
    ));
    let live = batch.add::<(Id<Team>,)>(Select::new(
        "SELECT id FROM teams WHERE account_id = $1 AND deleted_at IS NULL AND id IN (SELECT value FROM JSON_LIST($2) AS wanted)",
        params![json_list(teams)],
    ));
    let mut rows = db.read(call.account(), batch).await?;
    let default = rows.first(&default).map(|(id,)| id);
    let mut live: BTreeSet<_> = rows.take(&live).into_iter().map(|(id,)| id).collect();
    live.extend(default.clone());
    Ok((default, live))
}
