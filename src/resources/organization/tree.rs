//! The tree of organizations: nodes made, changed, moved and removed so that every path is always right and no node is
//! ever above itself, however many do so at once.
//!
//! Each node carries its whole path, so a move rewrites the paths of all nodes below it, in one statement. Three rules
//! keep moves, creations and deletions of the same moment apart, on databases that let them run side by side:
//!
//! 1. Whoever puts a node below another one also touches that other one, where it still stands at the path that was read.
//! 2. A move names each node below it with the version that was read, and all of them must still be so.
//! 3. A node is removed only in the version that was read.
//!
//! So of two that would contradict each other one finds a row changed, undoes all it did and plans anew from what is
//! true then. What is cut off half-way has not happened.

use schemars::JsonSchema;
use serde::Deserialize;

use super::preview::{self, OrganizationMove, Scene};
use super::{DEEPEST, NewOrganization, Organization, OrganizationPatch, require_held};
use crate::access::Call;
use crate::db::{Batch, Db, Select, Statement};
use crate::error::{Code, Error, Fault, Result};
use crate::events::Plan;
use crate::params;
use crate::records::{self, differences};
use crate::resource::{Input as _, Resolved, Resource as _, Stamp, event_of, resolve};
use crate::resources::team::Team;
use crate::types::{Id, Ids, Name, Patch, Ref, json_list};

/// Where an organization moves.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveInput {
    /// The organization below which it goes; `null`: to the top, as a root of its own. It must be given.
    #[serde(default)]
    pub parent: Patch<Ref<Organization>>,
}

impl MoveInput {
    /// Where it goes; a body that does not say is refused, so that nothing moves to the top by mistake.
    pub fn target(&self) -> Result<Option<&Ref<Organization>>> {
        match &self.parent {
            Patch::Set(parent) => Ok(Some(parent)),
            Patch::Clear => Ok(None),
            Patch::Keep => Err(Error::invalid(vec![Fault::new(
                "/parent",
                "required",
                "Name the organization below which it goes, or null for the top.",
            )])),
        }
    }
}

/// A node below one that moves, as it was read.
pub(super) struct Node {
    pub(super) id: Id<Organization>,
    pub(super) name: Name,
    pub(super) depth: i64,
    pub(super) version: i64,
}

impl crate::db::FromRow for Node {
    fn from_row(
        reader: &mut crate::db::Reader<'_>,
    ) -> std::result::Result<Self, crate::db::DbError> {
        use crate::db::Column;
        Ok(Self {
            id: Column::read(reader)?,
            name: Column::read(reader)?,
            depth: Column::read(reader)?,
            version: Column::read(reader)?,
        })
    }
}

/// The read of all nodes below a path, in the order of the tree.
pub(super) fn nodes_below(path: &str) -> Select {
    Select::new(
        "SELECT id, name, depth, version FROM organizations WHERE account_id = $1 AND path > $2 AND path < $2 || '~' ORDER BY path",
        params![path.to_owned()],
    )
}

/// Rule 1: the node stands where it was read, and whoever moves it meanwhile comes after or plans anew.
fn touch(node: &Organization) -> Statement {
    Statement::guarded(
        "UPDATE organizations SET version = version + 1 WHERE account_id = $1 AND id = $2 AND path = $3",
        params![node.id.clone(), node.path.clone()],
    )
}

fn too_deep(levels: i64) -> Error {
    Error::new(
        Code::OrganizationTooDeep,
        format!(
            "The tree would have {levels} levels; {DEEPEST} is the most. Choose a place further up."
        ),
    )
    .with("levels", levels)
}

/// Plans a new organization, below its parent if it names one.
pub async fn plan_create(
    db: &Db,
    ids: &Ids,
    call: &Call,
    new: NewOrganization,
) -> Result<(Plan, Organization)> {
    call.caller.require(Organization::WRITE)?;
    let refs = resolve(db, &call.caller, new.references()).await?;
    let parent = match &new.parent {
        None => None,
        Some(reference) => Some(
            records::find::<Organization>(db, &call.caller, &Ref::Id(refs.id(reference)?)).await?,
        ),
    };
    match &parent {
        Some(parent) => require_held(&call.caller, parent)?,
        None => call.caller.require_account()?,
    }
    if let Some(parent) = parent.as_ref().filter(|parent| parent.depth >= DEEPEST) {
        return Err(too_deep(parent.depth + 1));
    }
    let record = Organization::below(parent.as_ref(), new, &Stamp { ids, now: call.now });
    let mut plan = Plan::new("organization.create");
    plan.write_all(parent.as_ref().map(touch));
    plan.write_all(records::insertion(&record));
    plan.event(record.event("created"));
    Ok((plan, record))
}

/// Plans a change of an organization; another parent moves it with everything below it.
pub async fn plan_change<C>(
    db: &Db,
    call: &Call,
    reference: &Ref<Organization>,
    patch: OrganizationPatch,
    check: C,
) -> Result<(Plan, Organization)>
where
    C: FnOnce(&Organization) -> Result<()>,
{
    let before = may_change(db, call, reference).await?;
    check(&before)?;
    let refs = resolve(db, &call.caller, patch.references()).await?;
    let parent = patch.parent.clone();
    if let Patch::Set(team) = &patch.default_team {
        must_lie_within(db, call, &before, &refs.id(team)?).await?;
    }
    let mut after = before.clone();
    after.apply(patch, &refs, call.now)?;
    let (plan, after, _) = change(db, call, &before, after, &parent, &refs).await?;
    let record = if plan.is_empty() { before } else { after };
    Ok((plan, record))
}

/// Plans a move, and tells all that it changes.
pub async fn plan_move<C>(
    db: &Db,
    call: &Call,
    reference: &Ref<Organization>,
    parent: Option<&Ref<Organization>>,
    check: C,
) -> Result<(Plan, OrganizationMove)>
where
    C: FnOnce(&Organization) -> Result<()>,
{
    let patch = OrganizationPatch {
        parent: parent.cloned().map_or(Patch::Clear, Patch::Set),
        ..OrganizationPatch::default()
    };
    let before = may_change(db, call, reference).await?;
    check(&before)?;
    let refs = resolve(db, &call.caller, patch.references()).await?;
    let mut after = before.clone();
    after.updated_at = call.now;
    let (plan, after, scene) = change(db, call, &before, after, &patch.parent, &refs).await?;
    let told = match scene {
        Some(scene) => OrganizationMove::of(&before, after, scene),
        None => OrganizationMove::nowhere(before),
    };
    Ok((plan, told))
}

/// Plans an organization under the caller's own key: made, or changed as [`plan_change`] does. Tells whether it was made.
pub async fn plan_put<C>(
    db: &Db,
    ids: &Ids,
    call: &Call,
    reference: &Ref<Organization>,
    bodies: (NewOrganization, OrganizationPatch),
    check: C,
) -> Result<(Plan, Organization, bool)>
where
    C: Fn(Option<&Organization>) -> Result<()>,
{
    let (new, patch) = bodies;
    if records::maybe::<Organization>(db, &call.caller, reference)
        .await?
        .is_some()
    {
        let as_it_is = |node: &Organization| check(Some(node));
        let (plan, node) = plan_change(db, call, reference, patch, as_it_is).await?;
        return Ok((plan, node, false));
    }
    check(None)?;
    if matches!(reference, Ref::Id(_)) {
        return Err(Error::new(
            Code::NotFound,
            "There is no such organization. To make one by PUT, name it by your own key: ext:<value>.",
        ));
    }
    let (plan, node) = plan_create(db, ids, call, new).await?;
    Ok((plan, node, true))
}

/// Plans the removal of an organization to which nothing refers any more.
pub async fn plan_delete<C>(
    db: &Db,
    call: &Call,
    reference: &Ref<Organization>,
    check: C,
) -> Result<Plan>
where
    C: FnOnce(&Organization) -> Result<()>,
{
    let (plan, node) = records::plan_delete(db, call, reference, check).await?;
    let mut batch = Batch::new();
    let below = batch.add::<(String,)>(Select::new(
        "SELECT id FROM organizations WHERE account_id = $1 AND parent_id = $2 ORDER BY created_at, id LIMIT 11",
        params![node.id.clone()],
    ));
    let teams = batch.add::<(String,)>(Select::new(
        "SELECT id FROM teams WHERE account_id = $1 AND organization_id = $2 AND deleted_at IS NULL ORDER BY created_at, id LIMIT 11",
        params![node.id.clone()],
    ));
    let mut rows = db.read(call.account(), batch).await?;
    let ids = |rows: Vec<(String,)>| {
        rows.into_iter()
            .map(|(id,)| id)
            .take(10)
            .collect::<Vec<_>>()
    };
    let (below, teams) = (ids(rows.take(&below)), ids(rows.take(&teams)));
    if below.is_empty() && teams.is_empty() {
        return Ok(plan);
    }
    let what = match (below.is_empty(), teams.is_empty()) {
        (false, false) => "organizations below it and teams",
        (false, true) => "organizations below it",
        _ => "teams",
    };
    let detail = format!("The organization still has {what}. Move or delete those first.");
    Err(Error::new(Code::InUse, detail)
        .with("organizations", below)
        .with("teams", teams))
}

/// The organization as it stands, for a caller who may change it.
async fn may_change(db: &Db, call: &Call, reference: &Ref<Organization>) -> Result<Organization> {
    call.caller.require(Organization::WRITE)?;
    let node = records::find::<Organization>(db, &call.caller, reference).await?;
    require_held(&call.caller, &node)?;
    Ok(node)
}

/// The default team is one of the organization itself or of one below it, so that nobody lands at another customer.
async fn must_lie_within(db: &Db, call: &Call, node: &Organization, team: &Id<Team>) -> Result<()> {
    let within = Select::new(
        "SELECT t.id FROM teams t JOIN organizations o ON o.account_id = $1 AND o.id = t.organization_id \
         WHERE t.account_id = $1 AND t.id = $2 AND o.path >= $3 AND o.path < $3 || '~'",
        params![team.clone(), node.path.clone()],
    );
    match db.first::<(String,)>(call.account(), within).await? {
        Some(_) => Ok(()),
        None => Err(Error::invalid(vec![Fault::new(
            "/default_team",
            "outside_organization",
            "The default team must be one of this organization or of one below it. Assign the team first: POST /organizations/{id}/teams.",
        )])),
    }
}

/// The plan from one state to another, with a move where the parent is another one.
async fn change(
    db: &Db,
    call: &Call,
    before: &Organization,
    mut after: Organization,
    parent: &Patch<Ref<Organization>>,
    refs: &Resolved,
) -> Result<(Plan, Organization, Option<Scene>)> {
    let target = match parent {
        Patch::Keep => before.parent_id.clone(),
        Patch::Clear => None,
        Patch::Set(reference) => Some(refs.id(reference)?),
    };
    if target == before.parent_id {
        let plan = records::change(before, &after, "updated");
        return Ok((plan, after, None));
    }
    let parent = match target {
        None => None,
        Some(id) => Some(records::find::<Organization>(db, &call.caller, &Ref::Id(id)).await?),
    };
    // Whoever moves something reaches both where it stands and where it goes.
    let above = before.parent_id.as_ref().map(Id::as_str);
    if above.is_none_or(|above| !call.caller.reach.holds(above)) {
        call.caller.require_account()?;
    }
    match &parent {
        Some(parent) => require_held(&call.caller, parent)?,
        None => call.caller.require_account()?,
    }
    place(before, &mut after, parent.as_ref())?;
    let scene = preview::read(db, call, before, &after).await?;
    let deepest = scene.nodes.iter().map(|node| node.depth).max();
    let levels = deepest.unwrap_or(before.depth) + after.depth - before.depth;
    if levels > DEEPEST {
        return Err(too_deep(levels));
    }
    let mut plan = Plan::new("organization.move");
    plan.write_all(parent.as_ref().map(touch));
    plan.write(Statement::update(&after, before.version));
    plan.write_all(shift(before, &after, &scene.nodes));
    tell(&mut plan, before, &after);
    for mut node in scene.losing_default.iter().cloned() {
        plan.write(Statement::guarded(
            "UPDATE organizations SET default_team_id = NULL, updated_at = $2, version = version + 1 WHERE account_id = $1 AND id = $3 AND version = $4",
            params![call.now, node.id.clone(), node.version],
        ));
        let lost = serde_json::json!({ "default_team_id": node.default_team_id });
        node.default_team_id = None;
        node.updated_at = call.now;
        plan.event(event_of(&node, "updated").previous(lost));
    }
    Ok((plan, after, Some(scene)))
}

/// Puts a node in its new place; refuses one that lies below itself.
fn place(
    before: &Organization,
    after: &mut Organization,
    parent: Option<&Organization>,
) -> Result<()> {
    if parent.is_some_and(|parent| parent.path.starts_with(&before.path)) {
        return Err(Error::new(
            Code::OrganizationCycle,
            "An organization cannot stand below itself. Move the lower one out first.",
        ));
    }
    after.parent_id = parent.map(|parent| parent.id.clone());
    after.depth = parent.map_or(1, |parent| parent.depth + 1);
    let above = parent.map_or("/", |parent| parent.path.as_str());
    after.path = format!("{above}{}/", before.id);
    Ok(())
}

/// Rule 2: the new paths of all nodes below, each in the version that was read.
fn shift(before: &Organization, after: &Organization, nodes: &[Node]) -> Option<Statement> {
    if nodes.is_empty() {
        return None;
    }
    let known = nodes
        .iter()
        .map(|node| format!("{} {}", node.id, node.version));
    let cut = i64::try_from(before.path.len()).unwrap_or(i64::MAX) + 1;
    Some(Statement::exactly(
        "UPDATE organizations SET path = $2 || substr(path, CAST($3 AS INTEGER)), depth = depth + $4, version = version + 1, \
         updated_at = CASE WHEN $4 = 0 THEN updated_at ELSE $5 END \
         WHERE account_id = $1 AND path > $6 AND path < $6 || '~' AND id || ' ' || CAST(version AS TEXT) IN (SELECT value FROM JSON_LIST($7) AS known)",
        params![
            after.path.clone(),
            cut,
            after.depth - before.depth,
            after.updated_at,
            before.path.clone(),
            json_list(known)
        ],
        nodes.len(),
    ))
}

/// Tells the move, and the change of other members beside it.
fn tell(plan: &mut Plan, before: &Organization, after: &Organization) {
    let (mut moved, mut changed) = (serde_json::Map::new(), serde_json::Map::new());
    for (name, value) in differences(before, after) {
        let of_move = matches!(name.as_str(), "parent_id" | "depth");
        let list = if of_move { &mut moved } else { &mut changed };
        list.insert(name, value);
    }
    plan.event(after.event("moved").previous(moved.into()));
    if !changed.is_empty() {
        plan.event(after.event("updated").previous(changed.into()));
    }
}
