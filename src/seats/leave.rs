//! The end of a membership, of a person or of a team releases the places that go with it, in the same list of writes.

use std::sync::OnceLock;

use super::access::Access;
use super::actions::PROMOTE_AT_ONCE;
use super::assignment::{Assignment, AssignmentState};
use super::change::Change;
use super::seat::Seat;
use super::settings::{self, SeatSettings};
use crate::access::grants::require_rights;
use crate::access::rights::{self, Rights};
use crate::access::{Call, owners};
use crate::db::{Batch, Db, Select};
use crate::error::{Code, Error, Result};
use crate::events::Plan;
use crate::lifecycle::lms::{self, LmsAction};
use crate::params;
use crate::records;
use crate::resources::user::{UserPatch, UserStatus};
use crate::resources::{Product, Team, User};
use crate::types::{Id, Ids, Ref};

/// So many places end in one list of writes at the most.
const AT_ONCE: i64 = 500;

/// Adds to a plan the release of the live places of a person, of a team, or of a person in a team; those who wait for
/// the freed places get them.
pub async fn release(
    db: &Db,
    ids: &Ids,
    call: &Call,
    plan: &mut Plan,
    user: Option<&Id<User>>,
    team: Option<&Id<Team>>,
) -> Result<()> {
    end_places(db, ids, call, plan, (user, team), LIVE).await
}

/// The same at the end of a membership, where the account's settings may say that places which are in use stay: then
/// nothing ends but what was waited for or held.
pub async fn release_of_member(
    db: &Db,
    ids: &Ids,
    call: &Call,
    plan: &mut Plan,
    user: &Id<User>,
    team: &Id<Team>,
) -> Result<()> {
    let settings = db
        .first::<(serde_json::Value,)>(call.account(), settings::read())
        .await?;
    let states = if SeatSettings::of(settings).release_on_leave {
        LIVE
    } else {
        NOT_IN_USE
    };
    end_places(db, ids, call, plan, (Some(user), Some(team)), states).await
}

/// What holds a place or waits for one.
const LIVE: &str = "'waitlisted', 'reserved', 'active'";
/// The same without places in use.
const NOT_IN_USE: &str = "'waitlisted', 'reserved'";

async fn end_places(
    db: &Db,
    ids: &Ids,
    call: &Call,
    plan: &mut Plan,
    (user, team): (Option<&Id<User>>, Option<&Id<Team>>),
    states: &str,
) -> Result<()> {
    let leaving =
        format!("state IN ({states}) AND ($2 = '' OR user_id = $2) AND ($3 = '' OR team_id = $3)");
    let values = || {
        params![
            user.map(ToString::to_string).unwrap_or_default(),
            team.map(ToString::to_string).unwrap_or_default()
        ]
    };
    let seats_of =
        format!("SELECT seat_id FROM seat_assignments WHERE account_id = $1 AND {leaving}");
    let mut batch = Batch::new();
    let mut limited = values();
    limited.push(crate::db::Value::Int(Some(AT_ONCE + 1)));
    let ending = batch.add::<Assignment>(Select::rows::<Assignment>(
        &format!("WHERE account_id = $1 AND {leaving} ORDER BY id LIMIT $4"),
        limited,
    ));
    let seats = batch.add::<Seat>(Select::rows::<Seat>(
        &format!("WHERE account_id = $1 AND id IN ({seats_of})"),
        values(),
    ));
    let products = batch.add::<Product>(Select::rows::<Product>(
        &format!("WHERE account_id = $1 AND id IN (SELECT product_id FROM seats WHERE account_id = $1 AND id IN ({seats_of}))"),
        values(),
    ));
    let mut at_once = values();
    at_once.push(crate::db::Value::Int(Some(PROMOTE_AT_ONCE)));
    let waiting = batch.add::<Assignment>(Select::rows::<Assignment>(
        &format!("WHERE account_id = $1 AND state = 'waitlisted' AND seat_id IN ({seats_of}) ORDER BY waiting_at, id LIMIT $4"),
        at_once,
    ));
    let mut rows = db.read(call.account(), batch).await?;
    let ending = rows.take(&ending);
    if i64::try_from(ending.len()).unwrap_or(i64::MAX) > AT_ONCE {
        return Err(Error::new(
            Code::StateConflict,
            format!("More than {AT_ONCE} places would end at once. Revoke some of them first."),
        ));
    }
    let products = rows.take(&products);
    let waiting = rows.take(&waiting);
    let leaves = |user: &Id<User>| ending.iter().any(|one| one.user_id == *user);
    let mut access = Access::new();
    for seat in rows.take(&seats) {
        let seat_id = seat.id.clone();
        let mut change = Change::of(seat, call, ids);
        for one in ending.iter().filter(|one| one.seat_id == seat_id) {
            change.end(one, AssignmentState::Released)?;
        }
        let stays = |one: &&Assignment| {
            one.seat_id == seat_id && !ending.iter().any(|other| other.id == one.id)
        };
        // Whoever loses a place here and waits for another one is left, with those behind them, to the job: what they
        // may still see is known only when this is written.
        let next: Vec<_> = waiting
            .iter()
            .filter(stays)
            .take_while(|one| !leaves(&one.user_id))
            .cloned()
            .collect();
        change.promote_waiting(&next)?;
        change.finish(plan, &mut access);
    }
    access.write(plan, &products, ids, call.now);
    Ok(())
}

/// Plans the deletion of a person: memberships, sessions and places end with it.
pub async fn plan_delete_user<C: FnOnce(&User) -> Result<()>>(
    db: &Db,
    ids: &Ids,
    call: &Call,
    user: &Ref<User>,
    lms: LmsAction,
    check: C,
) -> Result<(Plan, User)> {
    let (mut plan, user) = records::plan_delete(db, call, user, check).await?;
    refuse_last_owner(db, call, &mut plan, &user).await?;
    lms::wish(&mut plan, ids, call.now, &user, lms);
    release(db, ids, call, &mut plan, Some(&user.id), None).await?;
    Ok((plan, user))
}

/// Plans the deletion of a team: its memberships and the places given for it end with it.
pub async fn plan_delete_team<C: FnOnce(&Team) -> Result<()>>(
    db: &Db,
    ids: &Ids,
    call: &Call,
    team: &Ref<Team>,
    check: C,
) -> Result<(Plan, Team)> {
    let (mut plan, team) = records::plan_delete(db, call, team, check).await?;
    release(db, ids, call, &mut plan, None, Some(&team.id)).await?;
    Ok((plan, team))
}

/// Plans a change of a person; whoever is deactivated gives their places back.
pub async fn plan_change_user<C: FnOnce(&User) -> Result<()>>(
    db: &Db,
    ids: &Ids,
    call: &Call,
    user: &Ref<User>,
    patch: UserPatch,
    check: C,
) -> Result<(Plan, User)> {
    let leaves = patch.status == Some(UserStatus::Deactivated);
    if patch.status.is_some() {
        // Whether somebody may come in concerns all their teams.
        call.caller.require_account()?;
    }
    let was = OnceLock::new();
    let noting = |user: &User| {
        was.get_or_init(|| user.email_key.clone());
        check(user)
    };
    let (mut plan, user) = records::plan_change(db, call, user, patch, noting).await?;
    if was.get().is_some_and(|key| *key != user.email_key) {
        require_to_readdress(db, call, &user.id).await?;
    }
    if leaves && !plan.is_empty() {
        refuse_last_owner(db, call, &mut plan, &user).await?;
        release(db, ids, call, &mut plan, Some(&user.id), None).await?;
    }
    Ok((plan, user))
}

/// Refuses a new address for somebody who may do more than the caller: by it they come in.
pub async fn require_to_readdress(db: &Db, call: &Call, user: &Id<User>) -> Result<()> {
    call.caller.require_account()?;
    let theirs = rights::of_person(db, call.account(), user.as_str()).await?;
    require_rights(&call.caller, &Rights::of(&theirs))
}

/// The last owner of an account stays; the departure of another is counted.
pub(crate) async fn refuse_last_owner(
    db: &Db,
    call: &Call,
    plan: &mut Plan,
    user: &User,
) -> Result<()> {
    let mut batch = Batch::new();
    let is_owner = batch.add::<(String,)>(Select::new(
        "SELECT user_id FROM user_roles WHERE account_id = $1 AND user_id = $2 AND role = 'owner'",
        params![user.id],
    ));
    let others = owners::ask_account(&mut batch, &user.id);
    let mut rows = db.read(call.account(), batch).await?;
    if rows.first(&is_owner).is_some() {
        plan.write(owners::leave_account(rows.first(&others))?);
    }
    Ok(())
}
