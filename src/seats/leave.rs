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
use crate::db::{Batch, Db, Select, Statement, Value};
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

/// Who or what leaves, as conditions on tables of people in teams.
pub(super) struct Leaving<'a> {
    pub(super) user: Option<&'a Id<User>>,
    pub(super) team: Option<&'a Id<Team>>,
}

impl Leaving<'_> {
    const THEIRS: &'static str = "($2 = '' OR user_id = $2) AND ($3 = '' OR team_id = $3)";

    fn values(&self) -> Vec<Value> {
        params![
            self.user.map(ToString::to_string).unwrap_or_default(),
            self.team.map(ToString::to_string).unwrap_or_default()
        ]
    }

    fn with(&self, value: i64) -> Vec<Value> {
        let mut values = self.values();
        values.push(Value::Int(Some(value)));
        values
    }

    /// The read of how often places were given by the memberships, for [`Self::guard`]. It comes before the read of the
    /// places, or one that is given between the two would be missed.
    pub(super) fn given(&self) -> Select {
        Select::new(
            format!(
                "SELECT CAST(COALESCE(sum(version), 0) AS BIGINT) FROM team_members WHERE account_id = $1 AND {}",
                Self::THEIRS
            ),
            self.values(),
        )
    }

    /// Makes the plan stale where a place was given by one of the memberships since they were read.
    pub(super) fn guard(&self, plan: &mut Plan, given: i64) {
        let theirs = Self::THEIRS;
        plan.guard(Statement::exactly(
            format!(
                "UPDATE team_members SET version = version WHERE account_id = $1 AND {theirs} AND $4 <> \
                 (SELECT COALESCE(sum(m.version), 0) FROM team_members m WHERE m.account_id = $1 AND ($2 = '' OR m.user_id = $2) AND ($3 = '' OR m.team_id = $3))"
            ),
            self.with(given),
            0,
        ));
    }
}

/// Adds to a plan the end of requests for places on which nobody need decide any more: those of a person, of a team, or
/// of a person in a team.
pub fn withdraw_requests(
    plan: &mut Plan,
    call: &Call,
    user: Option<&Id<User>>,
    team: Option<&Id<Team>>,
) {
    let going = Leaving { user, team };
    let theirs = Leaving::THEIRS;
    plan.write(Statement::new(
        format!(
            "UPDATE seat_requests SET state = 'cancelled', decided_at = $4, updated_at = $4, version = version + 1 \
             WHERE account_id = $1 AND state = 'pending' AND {theirs}"
        ),
        going.with(call.now.micros()),
    ));
}

/// Adds to a plan the release of the live places of a person, of a team, or of a person in a team; those who wait for
/// the freed places get them. A place of a seat that another team of the person's shares stays, and counts for that one.
pub async fn release(
    db: &Db,
    ids: &Ids,
    call: &Call,
    plan: &mut Plan,
    user: Option<&Id<User>>,
    team: Option<&Id<Team>>,
) -> Result<()> {
    end_places(db, ids, call, plan, &Leaving { user, team }, LIVE).await
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
    let going = Leaving {
        user: Some(user),
        team: Some(team),
    };
    end_places(db, ids, call, plan, &going, states).await
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
    going: &Leaving<'_>,
    states: &str,
) -> Result<()> {
    let leaving = format!("state IN ({states}) AND {}", Leaving::THEIRS);
    let seats_of =
        format!("SELECT seat_id FROM seat_assignments WHERE account_id = $1 AND {leaving}");
    let mut batch = Batch::new();
    let given = batch.add::<(i64,)>(going.given());
    let ending = batch.add::<Assignment>(Select::rows::<Assignment>(
        &format!("WHERE account_id = $1 AND {leaving} ORDER BY id LIMIT $4"),
        going.with(AT_ONCE + 1),
    ));
    let seats = batch.add::<Seat>(Select::rows::<Seat>(
        &format!("WHERE account_id = $1 AND id IN ({seats_of})"),
        going.values(),
    ));
    let products = batch.add::<Product>(Select::rows::<Product>(
        &format!("WHERE account_id = $1 AND id IN (SELECT product_id FROM seats WHERE account_id = $1 AND id IN ({seats_of}))"),
        going.values(),
    ));
    let waiting = batch.add::<Assignment>(Select::rows::<Assignment>(
        &format!("WHERE account_id = $1 AND state = 'waitlisted' AND seat_id IN ({seats_of}) ORDER BY waiting_at, id LIMIT $4"),
        going.with(PROMOTE_AT_ONCE),
    ));
    // Only who leaves a team can be in another one that shares its seats.
    let others = going.team.map(|team| {
        let user = going.user.map(ToString::to_string).unwrap_or_default();
        batch.add::<Elsewhere>(elsewhere(
            "SELECT a.seat_id, a.user_id FROM seat_assignments a WHERE a.account_id = $1 AND a.team_id = $2 \
             AND ($3 = '' OR a.user_id = $3) AND a.state IN ('waitlisted', 'reserved', 'active')",
            params![team.clone(), user],
        ))
    });
    let mut rows = db.read(call.account(), batch).await?;
    let ending = rows.take(&ending);
    if i64::try_from(ending.len()).unwrap_or(i64::MAX) > AT_ONCE {
        return Err(Error::new(
            Code::StateConflict,
            format!("More than {AT_ONCE} places would end at once. Revoke some of them first."),
        ));
    }
    going.guard(plan, rows.first(&given).map_or(0, |(given,)| given));
    let others = others.map_or_else(Vec::new, |slot| rows.take(&slot));
    let products = rows.take(&products);
    let waiting = rows.take(&waiting);
    let other_team = |one: &Assignment| other_team(&others, one);
    let leaves = |user: &Id<User>| {
        let mut theirs = ending.iter().filter(|one| one.user_id == *user);
        theirs.any(|one| other_team(one).is_none())
    };
    let mut access = Access::new();
    for seat in rows.take(&seats) {
        let seat_id = seat.id.clone();
        let mut change = Change::of(seat, call, ids);
        for one in ending.iter().filter(|one| one.seat_id == seat_id) {
            match other_team(one) {
                Some(team) => change.rehome(one, team),
                None => change.end(one, AssignmentState::Released)?,
            };
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

/// A seat, a person, and another team of theirs that shares it.
pub(super) type Elsewhere = (Id<Seat>, Id<User>, Id<Team>);

/// The read of other teams that people are in and that share the seats of their places. `places` gives seat and person of
/// each, with the team they leave at `$2`.
pub(super) fn elsewhere(places: &str, params: Vec<Value>) -> Select {
    Select::new(
        format!(
            "SELECT p.seat_id, p.user_id, m.team_id FROM ({places}) p JOIN team_members m ON m.account_id = $1 AND m.user_id = p.user_id AND m.team_id <> $2 \
             JOIN seat_teams t ON t.account_id = $1 AND t.seat_id = p.seat_id AND t.team_id = m.team_id ORDER BY m.joined_at, m.team_id"
        ),
        params,
    )
}

/// The other team for which a place can count.
pub(super) fn other_team<'o>(others: &'o [Elsewhere], one: &Assignment) -> Option<&'o Id<Team>> {
    let found = others
        .iter()
        .find(|(seat, user, _)| *seat == one.seat_id && *user == one.user_id);
    found.map(|(_, _, team)| team)
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
    withdraw_requests(&mut plan, call, Some(&user.id), None);
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
    withdraw_requests(&mut plan, call, None, Some(&team.id));
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
        was.get_or_init(|| user.email.key());
        check(user)
    };
    let (mut plan, user) = records::plan_change(db, call, user, patch, noting).await?;
    if was.get().is_some_and(|key| *key != user.email.key()) {
        require_to_readdress(db, call, &user.id).await?;
    }
    if leaves && !plan.is_empty() {
        refuse_last_owner(db, call, &mut plan, &user).await?;
        withdraw_requests(&mut plan, call, Some(&user.id), None);
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
