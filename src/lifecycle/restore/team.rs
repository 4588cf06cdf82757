//! The return of a team: its members as far as they are there, its places and domains as far as they are free, and its
//! place as the default team where there is none now.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{RestoreOutcome, aside, check_age, memberships_back, taken};
use crate::access::{Call, Permission};
use crate::db::{Batch, Db, Pair, Row as _, Select, Statement};
use crate::error::Result;
use crate::events::Plan;
use crate::params;
use crate::records;
use crate::resource::{Resource, event_of};
use crate::resources::domain_claim::DomainClaim;
use crate::resources::{Organization, Team};
use crate::seats::restore::{Departed, ReturnedPlace, bring_back, lost};
use crate::types::text::Domain;
use crate::types::{ExternalId, Id, Ids, Name, Patch, Ref, json_list};

crate::words! {
    /// What becomes of a domain.
    pub enum DomainOutcome {
        /// The team claims it again, proved as it was.
        Restored = "restored",
        /// Somebody else has claimed it meanwhile.
        Taken = "taken",
    }
}

/// A domain that a team had claimed, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ReturnedDomain {
    /// The domain.
    pub domain: Domain,
    /// What becomes of it.
    pub outcome: DomainOutcome,
}

/// How a team comes back.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RestoreTeam {
    /// Another name, where the old one has been taken meanwhile.
    pub name: Option<Name>,
    /// Another key of your own, or `null` for none, where the old one has been taken meanwhile.
    pub external_id: Patch<ExternalId>,
    /// Whether its members' places come back as far as they are free; true unless said.
    pub places: Option<bool>,
}

/// A team that is back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RestoredTeam {
    /// The team.
    pub team: Team,
    /// Whether it was away.
    pub outcome: RestoreOutcome,
    /// Memberships that stand again.
    pub memberships_restored: i64,
    /// Memberships that come back when the person is restored.
    pub memberships_waiting: i64,
    /// Places given for the team: which came back, which wait, which not and why.
    pub places: Vec<ReturnedPlace>,
    /// Domains it had claimed, and what becomes of each.
    pub domains: Vec<ReturnedDomain>,
    /// Whether it is the account's default team again.
    pub is_account_default: bool,
    /// Organizations whose default team it is again.
    pub default_of: Vec<Id<Organization>>,
}

/// Plans the return of a team.
pub async fn plan_restore_team(
    db: &Db,
    ids: &Ids,
    call: &Call,
    reference: &Ref<Team>,
    input: &RestoreTeam,
) -> Result<(Plan, RestoredTeam)> {
    call.caller.require(Permission::TeamsWrite)?;
    call.caller.require_account()?;
    let mut plan = Plan::new("team.restore");
    let found = match reference {
        Ref::Email(_) => None,
        _ => {
            db.first::<Team>(call.account(), aside::<Team>(reference))
                .await?
        }
    };
    let Some(before) = found else {
        let team = records::find::<Team>(db, &call.caller, reference).await?;
        let there = RestoredTeam {
            team,
            outcome: RestoreOutcome::AlreadyThere,
            memberships_restored: 0,
            memberships_waiting: 0,
            places: Vec::new(),
            domains: Vec::new(),
            is_account_default: false,
            default_of: Vec::new(),
        };
        return Ok((plan, there));
    };
    let at = check_age(before.deleted_at, call.now)?;
    let mut after = Team {
        name: input.name.clone().unwrap_or_else(|| before.name.clone()),
        deleted_at: None,
        updated_at: call.now,
        ..before.clone()
    };
    input.external_id.clone().apply(&mut after.external_id);
    let scene = scene(db, call, &before, &after).await?;
    let (restored, waiting, owners) = scene.counts;
    after.member_count = restored;
    after.ownerless = owners == 0;
    plan.write(Statement::update(&after, before.version));
    plan.write_all(memberships_back(before.id.as_str(), "users", "user_id"));
    plan.event(after.event("restored"));
    let domains = claims_back(&mut plan, scene.claims, &after);
    let default_of: Vec<_> = scene.default_of.into_iter().map(|(id,)| id).collect();
    defaults_back(&mut plan, &after, scene.is_account_default, &default_of);
    let departed = Departed::Team(&before.id);
    let places = if input.places == Some(false) {
        Vec::new()
    } else {
        let lost = lost(db, call, departed, at).await?;
        bring_back(&mut plan, ids, call, departed, lost)?
    };
    let done = RestoredTeam {
        team: after,
        outcome: RestoreOutcome::Restored,
        memberships_restored: restored,
        memberships_waiting: waiting,
        places,
        domains,
        is_account_default: scene.is_account_default,
        default_of,
    };
    Ok((plan, done))
}

/// What the return of a team meets.
struct Scene {
    /// How many memberships come back, how many wait, how many of the first are owners'.
    counts: (i64, i64, i64),
    /// Its domains, and whether each is claimed by now.
    claims: Vec<(DomainClaim, bool)>,
    /// Whether it was the account's default team and there is none now.
    is_account_default: bool,
    /// The organizations whose default team it was, that have none now, and at or below which it lies.
    default_of: Vec<(Id<Organization>,)>,
}

/// Refuses where name or key are another team's now.
async fn scene(db: &Db, call: &Call, before: &Team, after: &Team) -> Result<Scene> {
    let mut batch = Batch::new();
    let by_name = batch.add::<(Id<Team>,)>(Select::new(
        "SELECT id FROM teams WHERE account_id = $1 AND coalesce(organization_id, '') = $2 AND name_key = $3 AND deleted_at IS NULL",
        params![
            after.organization_id.as_ref().map_or_else(String::new, ToString::to_string),
            after.name.key()
        ],
    ));
    let by_key = batch.add::<(Id<Team>,)>(Select::new(
        "SELECT id FROM teams WHERE account_id = $1 AND external_id = $2 AND deleted_at IS NULL",
        params![after.external_id.clone()],
    ));
    let counts = batch.add::<(i64, i64, i64)>(Select::new(
        "SELECT COUNT(CASE WHEN u.deleted_at IS NULL THEN 1 END), COUNT(CASE WHEN u.deleted_at IS NOT NULL THEN 1 END), \
         COUNT(CASE WHEN u.deleted_at IS NULL AND f.role = 'owner' THEN 1 END) \
         FROM former_members f JOIN users u ON u.account_id = $1 AND u.id = f.user_id AND u.purged_at IS NULL \
         WHERE f.account_id = $1 AND f.departed_id = $2",
        params![before.id.clone()],
    ));
    let claims = batch.add::<Pair<DomainClaim, (bool,)>>(Select::new(
        format!(
            "SELECT {}, EXISTS (SELECT 1 FROM domain_claims c WHERE c.account_id = $1 AND c.domain = domain_claims.domain) \
             FROM former_domain_claims domain_claims WHERE domain_claims.account_id = $1 AND domain_claims.team_id = $2 ORDER BY domain_claims.domain",
            DomainClaim::selection()
        ),
        params![before.id.clone()],
    ));
    let account = batch.add::<(i64,)>(Select::new(
        "SELECT count(*) FROM former_defaults f JOIN accounts a ON a.account_id = $1 AND a.default_team_id IS NULL \
         WHERE f.account_id = $1 AND f.team_id = $2 AND f.organization_id = ''",
        params![before.id.clone()],
    ));
    let default_of = batch.add::<(Id<Organization>,)>(Select::new(
        "SELECT o.id FROM former_defaults f JOIN organizations o ON o.account_id = $1 AND o.id = f.organization_id AND o.default_team_id IS NULL \
         JOIN organizations own ON own.account_id = $1 AND own.id = $3 AND own.path >= o.path AND own.path < o.path || '~' \
         WHERE f.account_id = $1 AND f.team_id = $2 ORDER BY o.path",
        params![before.id.clone(), after.organization_id.clone()],
    ));
    let mut rows = db.read(call.account(), batch).await?;
    if let Some((other,)) = rows.first(&by_name) {
        let way_out = "Another team of the organization has this name by now. Restore with another one in «name», or rename that team first.";
        return Err(taken("name", other.as_str(), way_out.to_owned()));
    }
    if let Some((other,)) = rows.first(&by_key) {
        let way_out = "The external_id belongs to another team by now. Restore with another one in «external_id», or with null for none.";
        return Err(taken("external_id", other.as_str(), way_out.to_owned()));
    }
    let claims = rows.take(&claims).into_iter();
    Ok(Scene {
        counts: rows.first(&counts).unwrap_or_default(),
        claims: claims.map(|Pair(claim, (taken,))| (claim, taken)).collect(),
        is_account_default: rows.first(&account).is_some_and(|(count,)| count > 0),
        default_of: rows.take(&default_of),
    })
}

/// Claims its domains again, as far as nobody else has meanwhile.
fn claims_back(
    plan: &mut Plan,
    claims: Vec<(DomainClaim, bool)>,
    team: &Team,
) -> Vec<ReturnedDomain> {
    let mut domains = Vec::new();
    for (claim, is_taken) in claims {
        let domain = claim.domain.clone();
        if is_taken {
            let outcome = DomainOutcome::Taken;
            domains.push(ReturnedDomain { domain, outcome });
            continue;
        }
        plan.write(Statement::insert(&claim));
        plan.event(event_of(&claim, "restored").team(&team.id));
        let outcome = DomainOutcome::Restored;
        domains.push(ReturnedDomain { domain, outcome });
    }
    plan.write(Statement::new(
        "DELETE FROM former_domain_claims WHERE account_id = $1 AND team_id = $2",
        params![team.id.clone()],
    ));
    domains
}

/// Makes it the default team again where none is.
fn defaults_back(plan: &mut Plan, team: &Team, of_account: bool, of: &[Id<Organization>]) {
    if of_account {
        plan.write(Statement::guarded(
            "UPDATE accounts SET default_team_id = $2 WHERE account_id = $1 AND default_team_id IS NULL",
            params![team.id.to_string()],
        ));
    }
    if !of.is_empty() {
        plan.write(Statement::guarded(
            "UPDATE organizations SET default_team_id = $2, version = version + 1 WHERE account_id = $1 AND default_team_id IS NULL \
             AND id IN (SELECT value FROM JSON_LIST($3) AS l)",
            params![team.id.clone(), json_list(of)],
        ));
    }
    plan.write(Statement::new(
        "DELETE FROM former_defaults WHERE account_id = $1 AND team_id = $2",
        params![team.id.clone()],
    ));
}
