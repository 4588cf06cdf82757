//! What a move changes, told before it happens and after: the nodes and levels, the teams that come along, and what is
//! taken over from above in the new place and was not in the old one.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as JsonValue;

use super::Organization;
use super::admins::AdminAbove;
use super::branding::{EffectiveBranding, Sourced};
use super::inheritance::{Named, Way, account_look, catalog_of, ids_of, look_of};
use super::tree::{Node, nodes_below};
use crate::access::Call;
use crate::db::{Batch, Db, Select};
use crate::error::Result;
use crate::params;
use crate::resources::team::Team;
use crate::types::{Id, Name, json_list};

/// So many of a kind are listed by name; the counts tell how many there are.
const LISTED: usize = 100;

/// A node that comes along.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct MovedOrganization {
    /// Its id.
    pub id: Id<Organization>,
    /// Its name.
    pub name: Name,
    /// Its level before.
    pub depth_before: i64,
    /// Its level afterwards.
    pub depth: i64,
}

/// A team that comes along.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct MovedTeam {
    /// Its id.
    pub id: Id<Team>,
    /// Its name.
    pub name: Name,
    /// Its organization, which stays the same.
    pub organization_id: Id<Organization>,
}

/// A member of the look that comes out differently.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct BrandingChange {
    /// The member, such as `color`.
    pub member: &'static str,
    /// What it was.
    pub before: Option<Sourced>,
    /// What it becomes.
    pub after: Option<Sourced>,
}

/// A move and all that it changes. In a dry run nothing has happened.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct OrganizationMove {
    /// The organization in its new place.
    pub organization: Organization,
    /// What it stood below.
    pub parent_id_before: Option<Id<Organization>>,
    /// The organizations that come along, in the order of the tree; the first hundred.
    pub organizations: Vec<MovedOrganization>,
    /// How many organizations come along.
    pub organization_count: usize,
    /// The teams that come along, those of the organization itself included; the first hundred.
    pub teams: Vec<MovedTeam>,
    /// How many teams come along.
    pub team_count: usize,
    /// Organizations whose catalog is seen afterwards and was not before.
    pub catalog_gained: Vec<Named>,
    /// Organizations whose catalog was seen before and is not afterwards.
    pub catalog_lost: Vec<Named>,
    /// Members of the look that come out differently.
    pub branding: Vec<BrandingChange>,
    /// Those who look after it afterwards and did not before, by a role further up.
    pub admins_gained: Vec<AdminAbove>,
    /// Those who looked after it before and do not afterwards.
    pub admins_lost: Vec<AdminAbove>,
    /// Organizations whose default team lies in what is moved away from them: they have none afterwards.
    pub default_teams_cleared: Vec<Named>,
}

/// What is read for a move.
pub(super) struct Scene {
    pub(super) nodes: Vec<Node>,
    pub(super) losing_default: Vec<Organization>,
    teams: Vec<MovedTeam>,
    team_count: i64,
    branding: [EffectiveBranding; 2],
    catalog: [Vec<Named>; 2],
    admins: [Vec<AdminAbove>; 2],
}

/// Reads what a move touches, in one round trip.
pub(super) async fn read(
    db: &Db,
    call: &Call,
    before: &Organization,
    after: &Organization,
) -> Result<Scene> {
    let (old, new) = (ids_of(&before.path), ids_of(&after.path));
    let left: Vec<&str> = old.iter().filter(|id| !new.contains(id)).copied().collect();
    let of_subtree = "FROM teams t JOIN organizations o ON o.account_id = $1 AND o.id = t.organization_id \
         WHERE t.account_id = $1 AND t.deleted_at IS NULL AND o.path >= $2 AND o.path < $2 || '~'";
    let mut batch = Batch::new();
    let nodes = batch.add::<Node>(nodes_below(&before.path));
    let teams = batch.add::<(Id<Team>, Name, Id<Organization>)>(Select::new(
        format!("SELECT t.id, t.name, t.organization_id {of_subtree} ORDER BY o.path, t.name_key LIMIT {LISTED}"),
        params![before.path.clone()],
    ));
    let team_count = batch.add::<(i64,)>(Select::new(
        format!("SELECT count(*) {of_subtree}"),
        params![before.path.clone()],
    ));
    let losing = batch.add::<Organization>(Select::rows::<Organization>(
        &format!("WHERE account_id = $1 AND id IN (SELECT value FROM JSON_LIST($3) AS up) AND default_team_id IN (SELECT t.id {of_subtree}) ORDER BY depth"),
        params![before.path.clone(), json_list(left)],
    ));
    let ways = [&before.path, &after.path].map(|path| Way::ask(&mut batch, path));
    let account = batch.add::<(String, JsonValue)>(account_look());
    let admins = [&old, &new].map(|ids| batch.add::<AdminAbove>(AdminAbove::read(ids)));
    let mut rows = db.read(call.account(), batch).await?;
    let look = look_of(rows.first(&account));
    let [mut old_way, mut new_way] = ways.map(|way| way.take(&mut rows));
    // A change of the same call, such as another look, holds in the new place.
    for (way, node) in [(&mut old_way, before), (&mut new_way, after)] {
        for link in way.iter_mut().filter(|link| link.id == node.id) {
            link.branding = node.branding.0.clone();
            link.inherit_branding = node.inherit_branding;
            link.inherit_catalog = node.inherit_catalog;
        }
        // The rows are read where they stand; here the node itself is the lowest.
        way.sort_by_key(|link| (link.id != node.id, -link.depth));
    }
    Ok(Scene {
        nodes: rows.take(&nodes),
        losing_default: rows.take(&losing),
        teams: rows
            .take(&teams)
            .into_iter()
            .map(|(id, name, organization_id)| MovedTeam {
                id,
                name,
                organization_id,
            })
            .collect(),
        team_count: rows.first(&team_count).map_or(0, |(count,)| count),
        branding: [&old_way, &new_way].map(|way| EffectiveBranding::of(way, &look)),
        catalog: [&old_way, &new_way].map(|way| catalog_of(way).0),
        admins: admins.map(|slot| rows.take(&slot)),
    })
}

fn gained<T: Clone + PartialEq>(before: &[T], after: &[T]) -> Vec<T> {
    let is_new = |one: &&T| !before.contains(one);
    after.iter().filter(is_new).cloned().collect()
}

impl OrganizationMove {
    /// What a move from `before` to `after` changes.
    pub(super) fn of(before: &Organization, after: Organization, scene: Scene) -> Self {
        let shift = after.depth - before.depth;
        let moved = |node: &Node| MovedOrganization {
            id: node.id.clone(),
            name: node.name.clone(),
            depth_before: node.depth,
            depth: node.depth + shift,
        };
        let [old_look, new_look] = &scene.branding;
        let differing = old_look
            .members()
            .into_iter()
            .zip(new_look.members())
            .filter(|((_, one), (_, other))| one != other)
            .map(|((member, one), (_, other))| BrandingChange {
                member,
                before: one.cloned(),
                after: other.cloned(),
            });
        let [old_catalog, new_catalog] = &scene.catalog;
        let [old_admins, new_admins] = &scene.admins;
        Self {
            parent_id_before: before.parent_id.clone(),
            organizations: scene.nodes.iter().take(LISTED).map(moved).collect(),
            organization_count: scene.nodes.len(),
            team_count: usize::try_from(scene.team_count).unwrap_or_default(),
            catalog_gained: gained(old_catalog, new_catalog),
            catalog_lost: gained(new_catalog, old_catalog),
            branding: differing.collect(),
            admins_gained: gained(old_admins, new_admins),
            admins_lost: gained(new_admins, old_admins),
            default_teams_cleared: scene
                .losing_default
                .iter()
                .map(|node| Named {
                    id: node.id.clone(),
                    name: node.name.clone(),
                })
                .collect(),
            teams: scene.teams,
            organization: after,
        }
    }

    /// A move to where the organization stands already.
    pub(super) fn nowhere(organization: Organization) -> Self {
        Self {
            parent_id_before: organization.parent_id.clone(),
            organization,
            organizations: Vec::new(),
            organization_count: 0,
            teams: Vec::new(),
            team_count: 0,
            catalog_gained: Vec::new(),
            catalog_lost: Vec::new(),
            branding: Vec::new(),
            admins_gained: Vec::new(),
            admins_lost: Vec::new(),
            default_teams_cleared: Vec::new(),
        }
    }
}
