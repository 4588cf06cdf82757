//! Claims made, changed, released, and asked to be looked up.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::verification::FIRST_CHECK;
use super::{ClaimState, DomainClaim, DomainClaimPatch, NewDomainClaim, Proof, is_public, key};
use crate::access::{Call, Permission};
use crate::db::{Db, Statement};
use crate::error::{Error, Fault, Result};
use crate::events::Plan;
use crate::jobs::Job;
use crate::params;
use crate::records;
use crate::resource::{Input as _, resolve};
use crate::resources::organization::{Organization, require_held};
use crate::resources::team::Team;
use crate::types::text::Domain;
use crate::types::{Id, Ids, Ref};

/// What the text of the record begins with.
const TEXT: &str = "b2b-dashboard-verification=";

/// Who claims.
struct Target {
    team: Option<Id<Team>>,
    organization: Option<Id<Organization>>,
}

/// Who claims, if the body says so; within the caller's reach.
async fn target(
    db: &Db,
    call: &Call,
    team: Option<&Ref<Team>>,
    organization: Option<&Ref<Organization>>,
) -> Result<Option<Target>> {
    match (team, organization) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(Error::invalid(vec![Fault::new(
            "/organization",
            "contradiction",
            "A team claims a domain or an organization does: give one of them.",
        )])),
        (Some(team), None) => {
            let team = records::find::<Team>(db, &call.caller, team).await?;
            Ok(Some(Target {
                team: Some(team.id),
                organization: None,
            }))
        }
        (None, Some(organization)) => {
            let node = records::find::<Organization>(db, &call.caller, organization).await?;
            require_held(&call.caller, &node)?;
            Ok(Some(Target {
                team: None,
                organization: Some(node.id),
            }))
        }
    }
}

/// The word of somebody who sees some teams only is no proof.
fn may_vouch(call: &Call, proof: Proof) -> Result<()> {
    match proof {
        Proof::Admin => call.caller.require_account(),
        Proof::Dns => Ok(()),
    }
}

/// Plans a claim. By the caller's word it is verified at once; by the DNS when the text is found there.
pub async fn plan_create(
    db: &Db,
    ids: &Ids,
    call: &Call,
    new: &NewDomainClaim,
) -> Result<(Plan, DomainClaim)> {
    call.caller.require(Permission::DomainsWrite)?;
    let proof = new.proof.unwrap_or(Proof::Dns);
    may_vouch(call, proof)?;
    let ascii = key(new.domain.as_str());
    let mut faults = Vec::new();
    if is_public(&ascii) {
        let detail = format!(
            "«{ascii}» is a public mail service: its people belong to no one team. Claim a domain of the company."
        );
        faults.push(Fault::new("/domain", "public_mail_domain", detail));
    }
    if new.team.is_none() && new.organization.is_none() {
        faults.push(Fault::new(
            "/team",
            "required",
            "Name the team or the organization that claims the domain.",
        ));
    }
    let domain = Domain::parse(&ascii)
        .map_err(|fault| Error::invalid(vec![Fault::new("/domain", "invalid", fault)]))?;
    if !faults.is_empty() {
        return Err(Error::invalid(faults));
    }
    resolve(db, &call.caller, new.references()).await?;
    let target = target(db, call, new.team.as_ref(), new.organization.as_ref()).await?;
    let verified = proof == Proof::Admin;
    let claim = DomainClaim {
        id: ids.next(call.now),
        domain,
        team_id: target.as_ref().and_then(|target| target.team.clone()),
        organization_id: target.and_then(|target| target.organization),
        proof,
        state: if verified {
            ClaimState::Verified
        } else {
            ClaimState::Pending
        },
        txt_record: text(ids),
        verified_at: verified.then_some(call.now),
        checked_at: None,
        check_result: None,
        next_check_at: (!verified).then(|| call.now.plus_seconds(FIRST_CHECK)),
        version: 1,
        created_at: call.now,
        updated_at: call.now,
    };
    let mut plan = Plan::new("domain_claim.create");
    plan.write(Statement::insert(&claim));
    plan.event(claim.event("created"));
    Ok((plan, claim))
}

/// A text that nobody can guess.
fn text(ids: &Ids) -> String {
    let mut chance = [0_u8; 24];
    ids.fill(&mut chance);
    format!("{TEXT}{}", URL_SAFE_NO_PAD.encode(chance))
}

/// Plans another claimer or another proof.
pub async fn plan_change<C>(
    db: &Db,
    call: &Call,
    reference: &Ref<DomainClaim>,
    patch: &DomainClaimPatch,
    check: C,
) -> Result<(Plan, DomainClaim)>
where
    C: FnOnce(&DomainClaim) -> Result<()>,
{
    call.caller.require(Permission::DomainsWrite)?;
    let before = records::find::<DomainClaim>(db, &call.caller, reference).await?;
    check(&before)?;
    resolve(db, &call.caller, patch.references()).await?;
    let mut after = before.clone();
    after.updated_at = call.now;
    let (team, organization) = (patch.team.as_ref(), patch.organization.as_ref());
    if let Some(target) = target(db, call, team, organization).await? {
        after.team_id = target.team;
        after.organization_id = target.organization;
    }
    if let Some(proof) = patch.proof.filter(|proof| *proof != before.proof) {
        may_vouch(call, proof)?;
        after.proof = proof;
        let verified = proof == Proof::Admin;
        after.state = if verified {
            ClaimState::Verified
        } else {
            ClaimState::Pending
        };
        after.verified_at = verified.then_some(call.now);
        after.next_check_at = (!verified).then_some(call.now);
    }
    let mut plan = Plan::new("domain_claim.update");
    let previous = records::differences(&before, &after);
    if previous.is_empty() {
        return Ok((plan, before));
    }
    // Whoever vouched for it did so for the one who claimed it then.
    let moved = before.team_id != after.team_id || before.organization_id != after.organization_id;
    if moved && after.proof == Proof::Admin {
        call.caller.require_account()?;
    }
    plan.write(Statement::update(&after, before.version));
    plan.event(after.event("updated").previous(previous.into()));
    Ok((plan, after))
}

/// Plans the release of a domain: its people are led nowhere any more.
pub async fn plan_delete<C>(
    db: &Db,
    call: &Call,
    reference: &Ref<DomainClaim>,
    check: C,
) -> Result<Plan>
where
    C: FnOnce(&DomainClaim) -> Result<()>,
{
    call.caller.require(Permission::DomainsWrite)?;
    let claim = records::find::<DomainClaim>(db, &call.caller, reference).await?;
    check(&claim)?;
    let mut plan = Plan::new("domain_claim.delete");
    plan.write(Statement::guarded(
        "DELETE FROM domain_claims WHERE account_id = $1 AND id = $2 AND version = $3",
        params![claim.id.clone(), claim.version],
    ));
    plan.event(claim.event("deleted"));
    Ok(plan)
}

/// Plans a look-up at once.
pub async fn plan_verify(
    db: &Db,
    call: &Call,
    reference: &Ref<DomainClaim>,
) -> Result<(Plan, DomainClaim)> {
    call.caller.require(Permission::DomainsWrite)?;
    let before = records::find::<DomainClaim>(db, &call.caller, reference).await?;
    let claim = DomainClaim {
        next_check_at: Some(call.now),
        updated_at: call.now,
        ..before.clone()
    };
    let mut plan = Plan::new("domain_claim.verify");
    plan.write(Statement::update(&claim, before.version));
    plan.event(claim.event("verification_requested"));
    let job = Job::CheckDomain {
        claim_id: claim.id.to_string(),
    };
    plan.job(job, Some(claim.id.to_string()));
    Ok((plan, claim))
}
