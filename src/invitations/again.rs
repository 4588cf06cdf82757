//! Sending an invitation once more, and taking it back.
//!
//! Sending again replaces: the new mail's address works, every older one is dead, and what expired stands anew with its
//! places. Taking back, like expiring, frees the places in the same list of writes and serves those who wait.

use serde_json::json;

use super::entrance::{self, Entrance, Who};
use super::invite::{hold_all, require_offer, told_products, validity};
use super::mail::{self, Told};
use super::record::{Invitation, InvitationState, ResendInput};
use crate::access::grants::{Granted, look_up_one};
use crate::access::roles::TeamRole;
use crate::access::{Call, Permission};
use crate::db::{Batch, Db, Select, Statement};
use crate::error::{Code, Error, Result};
use crate::events::Plan;
use crate::params;
use crate::records;
use crate::resources::{Product, Team};
use crate::seats::actions::PROMOTE_AT_ONCE;
use crate::seats::{Access, Assignment, AssignmentState, Change, Seat};
use crate::types::text::Json;
use crate::types::{Ids, Ref, Timestamp, json_list};

/// Seconds between two mails of an invitation.
const BETWEEN: i64 = 60;

/// Plans a new mail with a new address.
pub async fn plan_resend(
    db: &Db,
    ids: &Ids,
    call: &Call,
    invitation: &Ref<Invitation>,
    input: &ResendInput,
) -> Result<(Plan, Invitation)> {
    let caller = &call.caller;
    caller.require(Permission::InvitationsWrite)?;
    let before = records::find::<Invitation>(db, caller, invitation).await?;
    if !before.state.is_open() && before.state != InvitationState::Expired {
        return Err(before.ended());
    }
    let has_products = !before.product_ids.0.is_empty();
    // What expired may offer a role that is not there any more.
    let role: Granted<TeamRole> =
        look_up_one(db, call.account(), &before.role.clone().into()).await?;
    require_offer(
        caller,
        &before.team_id,
        &role.permissions,
        has_products,
        before.if_full,
    )?;
    let wait = before.mailed_at.plus_seconds(BETWEEN).micros() - call.now.micros();
    if wait > 0 {
        let seconds = (wait + 999_999) / 1_000_000;
        return Err(Error::new(
            Code::ResendTooSoon,
            format!("The invitation was sent less than a minute ago. Try again in {seconds} s."),
        )
        .retry_after(seconds.unsigned_abs()));
    }
    let (expires_at, valid_days) = validity(
        input.expires_at,
        input.expires_in_days,
        before.valid_days,
        call.now,
    )
    .map_err(|fault| Error::invalid(vec![fault]))?;
    let (team, organization, mut entrance) = scene(db, ids, call, &before).await?;
    if entrance.role_of(&before.user_id).is_some() {
        return Err(Error::new(
            Code::StateConflict,
            "The person is a member of the team by now. Revoke the invitation.",
        ));
    }
    let held = hold_all(
        &mut entrance,
        &before.user_id,
        &before.product_ids.0,
        before.if_full,
    )?;
    let told = Told {
        team: team.name.as_str(),
        organization: organization.as_deref(),
        products: told_products(&entrance, &before.product_ids.0),
        is_reminder: false,
    };
    let mut assignments = before.assignment_ids.0.clone();
    assignments.extend(held.into_iter().filter_map(|(_, one)| Some(one?.id)));
    let mut after = Invitation {
        assignment_ids: Json(assignments),
        state: InvitationState::Queued,
        generation: before.generation + 1,
        valid_days,
        mail_reply: None,
        mailed_at: call.now,
        sent_at: None,
        remind_at: None,
        expires_at,
        ended_at: None,
        updated_at: call.now,
        ..before.clone()
    };
    let mut plan = Plan::new("invitation.resend");
    plan.write_all(role.note());
    mail::send(&mut plan, ids, call.now, &mut after, &told);
    plan.write(Statement::update(&after, before.version));
    let previous = json!({ "state": before.state, "expires_at": before.expires_at });
    plan.event(after.event("resent").previous(previous));
    entrance.finish(&mut plan);
    Ok((plan, after))
}

async fn scene<'a>(
    db: &Db,
    ids: &'a Ids,
    call: &'a Call,
    invitation: &Invitation,
) -> Result<(Team, Option<String>, Entrance<'a>)> {
    let mut batch = Batch::new();
    let team = batch.add::<Team>(Select::rows::<Team>(
        "WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL",
        params![invitation.team_id.clone()],
    ));
    let person = batch.add::<(String,)>(Select::new(
        "SELECT id FROM users WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL AND status <> 'deactivated'",
        params![invitation.user_id.clone()],
    ));
    let organization = batch.add::<(String,)>(Select::new(
        "SELECT name FROM organizations WHERE account_id = $1 AND id IN (SELECT organization_id FROM teams WHERE account_id = $1 AND id = $2)",
        params![invitation.team_id.clone()],
    ));
    let who = std::slice::from_ref(&invitation.user_id);
    let products = &invitation.product_ids.0;
    let asked = entrance::ask(&mut batch, &invitation.team_id, products, Who::Id(who));
    let mut rows = db.read(call.account(), batch).await?;
    let gone = |what: &str| {
        let detail = format!("The {what} of this invitation is not here any more.");
        Error::new(Code::StateConflict, detail)
    };
    if rows.first(&person).is_none() {
        return Err(gone("person"));
    }
    let team = rows.first(&team).ok_or_else(|| gone("team"))?;
    let organization = rows.first(&organization).map(|(name,)| name);
    let entrance = Entrance::of(team.clone(), &asked, &mut rows, call, ids);
    Ok((team, organization, entrance))
}

/// Plans the taking back of an invitation. One that was taken back already stays as it is.
pub async fn plan_revoke(
    db: &Db,
    ids: &Ids,
    call: &Call,
    invitation: &Ref<Invitation>,
) -> Result<(Plan, Invitation)> {
    call.caller.require(Permission::InvitationsWrite)?;
    let before = records::find::<Invitation>(db, &call.caller, invitation).await?;
    let mut plan = Plan::new("invitation.revoke");
    if before.state == InvitationState::Revoked {
        return Ok((plan, before));
    }
    if !before.state.is_open() && before.state != InvitationState::Expired {
        return Err(before.ended());
    }
    let after = end(db, ids, call, &mut plan, &before, InvitationState::Revoked).await?;
    Ok((plan, after))
}

/// Ends an open invitation in a plan: its places are freed and given to those who wait.
pub(super) async fn end(
    db: &Db,
    ids: &Ids,
    call: &Call,
    plan: &mut Plan,
    before: &Invitation,
    state: InvitationState,
) -> Result<Invitation> {
    let after = Invitation {
        state,
        remind_at: None,
        ended_at: Some(call.now),
        updated_at: call.now,
        ..before.clone()
    };
    plan.write(Statement::update(&after, before.version));
    let previous = json!({ "state": before.state });
    plan.event(after.event(state.as_str()).previous(previous));
    let as_ended = match state {
        InvitationState::Expired => AssignmentState::Expired,
        _ => AssignmentState::Released,
    };
    free(db, ids, call, plan, before, as_ended).await?;
    Ok(after)
}

/// Frees the places that are still held for an invitation, and the wishes that came with it.
async fn free(
    db: &Db,
    ids: &Ids,
    call: &Call,
    plan: &mut Plan,
    invitation: &Invitation,
    state: AssignmentState,
) -> Result<()> {
    if invitation.assignment_ids.0.is_empty() {
        return Ok(());
    }
    let list = || params![json_list(&invitation.assignment_ids.0)];
    let held = "SELECT {} FROM seat_assignments WHERE account_id = $1 AND cause = 'invited' AND state IN ('waitlisted', 'reserved') AND id IN (SELECT value FROM JSON_LIST($2) AS held)";
    let (seat_ids, product_ids) = (
        held.replace("{}", "seat_id"),
        held.replace("{}", "product_id"),
    );
    let mut batch = Batch::new();
    let ending = batch.add::<Assignment>(Select::rows::<Assignment>(
        "WHERE account_id = $1 AND cause = 'invited' AND state IN ('waitlisted', 'reserved') AND id IN (SELECT value FROM JSON_LIST($2) AS held)",
        list(),
    ));
    let seats = batch.add::<Seat>(Select::rows::<Seat>(
        &format!("WHERE account_id = $1 AND id IN ({seat_ids})"),
        list(),
    ));
    let products = batch.add::<Product>(Select::rows::<Product>(
        &format!("WHERE account_id = $1 AND id IN ({product_ids})"),
        list(),
    ));
    let mut limited = list();
    limited.push(crate::db::Value::Int(Some(PROMOTE_AT_ONCE)));
    let waiting = batch.add::<Assignment>(Select::rows::<Assignment>(
        &format!("WHERE account_id = $1 AND state = 'waitlisted' AND seat_id IN ({seat_ids}) ORDER BY waiting_at, id LIMIT $3"),
        limited,
    ));
    let mut rows = db.read(call.account(), batch).await?;
    let (ending, waiting) = (rows.take(&ending), rows.take(&waiting));
    let mut access = Access::new();
    for seat in rows.take(&seats) {
        let seat_id = seat.id.clone();
        let mut change = Change::of(seat, call, ids);
        for one in ending.iter().filter(|one| one.seat_id == seat_id) {
            change.end(one, state)?;
        }
        let is_next = |one: &&Assignment| {
            one.seat_id == seat_id && !ending.iter().any(|gone| gone.id == one.id)
        };
        let next: Vec<_> = waiting.iter().filter(is_next).cloned().collect();
        change.promote_waiting(&next)?;
        change.finish(plan, &mut access);
    }
    access.write(plan, &rows.take(&products), ids, call.now);
    Ok(())
}

/// When the next reminder of an invitation goes out: the first of so many days before its end that is still to come.
pub(super) fn next_reminder(
    days: &[i64],
    expires_at: Timestamp,
    now: Timestamp,
) -> Option<Timestamp> {
    days.iter()
        .map(|days| expires_at.plus_days(-days))
        .filter(|at| *at > now)
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_reminder_is_the_first_that_is_still_to_come() {
        let now = Timestamp::from_micros(1_800_000_000_000_000);
        let end = now.plus_days(7);
        assert_eq!(next_reminder(&[3, 1], end, now), Some(now.plus_days(4)));
        let later = now.plus_days(4);
        assert_eq!(next_reminder(&[3, 1], end, later), Some(now.plus_days(6)));
        assert_eq!(next_reminder(&[3, 1], end, now.plus_days(6)), None);
        assert_eq!(
            next_reminder(&[3], now.plus_days(2), now),
            None,
            "shorter than that"
        );
        assert_eq!(next_reminder(&[], end, now), None);
    }
}
