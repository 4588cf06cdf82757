//! What people and programs do with a seat: give places, take them back, move ends, hand over.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::access::Access;
use super::assignment::{Assignment, AssignmentState};
use super::change::{Change, Holder, deny, exhausted};
use super::seat::{NewSeat, Seat, SeatPatch};
use super::template::SeatTemplate;
use super::terms::{MAX_DAYS, later};
use crate::access::{Call, Permission};
use crate::commit::commit;
use crate::db::{Batch, Db, Select};
use crate::error::{Code, Error, Fault, Result};
use crate::events::Plan;
use crate::params;
use crate::records;
use crate::resource::{Input, Reference, Resource, Stamp, resolve};
use crate::resources::{Product, Team, User};
use crate::types::{Id, Ids, Ref, Timestamp};

crate::words! {
    /// What happens when no place is free.
    pub enum IfFull {
        /// It is refused.
        Fail = "fail",
        /// The person waits in line.
        Waitlist = "waitlist",
        /// The missing places are added.
        Grow = "grow",
    }
}

crate::words! {
    /// What became of a wish for a place.
    pub enum Outcome {
        /// Given.
        Assigned = "assigned",
        /// The person has it already.
        AlreadyAssigned = "already_assigned",
        /// In the waiting line.
        Waitlisted = "waitlisted",
    }
}

/// Who is to get a place.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AssignInput {
    /// The people, members of the seat's team.
    #[schemars(length(min = 1, max = 100))]
    pub users: Vec<Ref<User>>,
    /// What happens when no place is free; `fail` unless said.
    #[serde(default)]
    pub if_full: Option<IfFull>,
    /// When their places end, within the seat's terms.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// The same in days from now.
    #[serde(default)]
    #[schemars(range(min = 1, max = 36500))]
    pub expires_in_days: Option<i64>,
}

/// Whose place is to be taken back.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeInput {
    /// The people.
    #[schemars(length(min = 1, max = 100))]
    pub users: Vec<Ref<User>>,
}

/// Whose place is to last longer.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExtendInput {
    /// The person.
    pub user: Ref<User>,
    /// The new end; `null` or absent with no days: never.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// The new end in days from now.
    #[serde(default)]
    #[schemars(range(min = 1, max = 36500))]
    pub expires_in_days: Option<i64>,
    /// Whether the new end may be earlier than the old one.
    #[serde(default)]
    pub allow_shorten: bool,
}

/// Who hands a place over, and to whom.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TransferInput {
    /// Who has it.
    pub from: Ref<User>,
    /// Who gets it, a member of the seat's team.
    pub to: Ref<User>,
}

/// What became of a wish for one person.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Given {
    /// What became of it.
    pub outcome: Outcome,
    /// The assignment.
    pub assignment: Assignment,
}

/// A seat after an action, and what became of each person.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SeatResult {
    /// The seat.
    pub seat: Seat,
    /// One line for each person.
    pub results: Vec<Given>,
}

fn user_references(users: &[Ref<User>]) -> Vec<Reference> {
    users
        .iter()
        .enumerate()
        .map(|(n, user)| Reference::to(format!("/users/{n}"), user))
        .collect()
}

impl Input for AssignInput {
    fn references(&self) -> Vec<Reference> {
        user_references(&self.users)
    }
}

impl Input for RevokeInput {
    fn references(&self) -> Vec<Reference> {
        user_references(&self.users)
    }
}

impl Input for ExtendInput {
    fn references(&self) -> Vec<Reference> {
        vec![Reference::to("/user", &self.user)]
    }
}

impl Input for TransferInput {
    fn references(&self) -> Vec<Reference> {
        vec![
            Reference::to("/from", &self.from),
            Reference::to("/to", &self.to),
        ]
    }
}

/// The moment that `expires_at` or `expires_in_days` names.
pub fn wanted_end(
    at: Option<Timestamp>,
    days: Option<i64>,
    now: Timestamp,
    pointer: &str,
) -> Result<Option<Timestamp>> {
    match (at, days) {
        (Some(_), Some(_)) => Err(Error::invalid(vec![Fault::new(
            pointer,
            "ambiguous",
            "Give expires_at or expires_in_days, not both.",
        )])),
        (Some(at), None) => Ok(Some(at)),
        (None, Some(days)) if (1..=MAX_DAYS).contains(&days) => Ok(Some(now.plus_days(days))),
        (None, Some(_)) => Err(Error::invalid(vec![Fault::new(
            pointer,
            "invalid",
            format!("expires_in_days is a number from 1 to {MAX_DAYS}."),
        )])),
        (None, None) => Ok(None),
    }
}

/// Gives a person a place, or finds that they have one, or lets them wait.
pub fn give(
    change: &mut Change<'_>,
    existing: Option<&Assignment>,
    holder: &Holder,
    if_full: IfFull,
    extend_to: Option<Timestamp>,
) -> Result<Given> {
    match existing.map(|one| (one, one.state)) {
        Some((one, AssignmentState::Active)) => {
            let longer = extend_to.filter(|to| {
                change.seat().extendable && one.expires_at.is_some_and(|end| *to > end)
            });
            let assignment = longer.map_or_else(|| one.clone(), |to| change.extend(one, Some(to)));
            return Ok(Given {
                outcome: Outcome::AlreadyAssigned,
                assignment,
            });
        }
        Some((one, AssignmentState::Reserved)) => {
            return Ok(Given {
                outcome: Outcome::Assigned,
                assignment: change.promote(one, holder.until)?,
            });
        }
        _ => {}
    }
    if !change.seat().has_room(1) {
        match (if_full, existing) {
            (IfFull::Fail, None) => return Err(exhausted(change.seat(), 1)),
            (IfFull::Fail | IfFull::Waitlist, Some(one)) => {
                return Ok(Given {
                    outcome: Outcome::Waitlisted,
                    assignment: one.clone(),
                });
            }
            (IfFull::Waitlist, None) => {
                return Ok(Given {
                    outcome: Outcome::Waitlisted,
                    assignment: change.wait(holder),
                });
            }
            (IfFull::Grow, _) => {
                let missing = change.seat().used() + 1 - change.seat().quantity.unwrap_or(0);
                change.add(missing, "grown", None);
            }
        }
    }
    let assignment = match existing {
        Some(one) => change.promote(one, holder.until)?,
        None => change.assign(holder)?,
    };
    Ok(Given {
        outcome: Outcome::Assigned,
        assignment,
    })
}

/// The live assignments of people at a seat.
pub fn live_of(seat_id: &str, user_ids: &[Id<User>]) -> Select {
    Select::rows::<Assignment>(
        "WHERE account_id = $1 AND seat_id = $2 AND state IN ('waitlisted', 'reserved', 'active') AND user_id IN (SELECT value FROM JSON_LIST($3) AS wanted)",
        params![
            seat_id.to_owned(),
            serde_json::to_string(user_ids).unwrap_or_default()
        ],
    )
}

/// Those who wait at a seat, the first first.
pub fn waiting_at(seat_id: &str, limit: i64) -> Select {
    Select::rows::<Assignment>(
        "WHERE account_id = $1 AND seat_id = $2 AND state = 'waitlisted' ORDER BY created_at, id LIMIT $3",
        params![seat_id.to_owned(), limit],
    )
}

/// So many waiters are served in one list of writes at the most; a job serves the rest.
pub const PROMOTE_AT_ONCE: i64 = 50;

struct Scene {
    product: Product,
    live: Vec<Assignment>,
    waiting: Vec<Assignment>,
    teams: BTreeMap<Id<User>, Id<Team>>,
}

/// What an action needs to know beside the seat.
async fn scene(db: &Db, call: &Call, seat: &Seat, users: &[Id<User>]) -> Result<Scene> {
    let mut batch = Batch::new();
    let product = batch.add::<Product>(Select::rows::<Product>(
        "WHERE account_id = $1 AND id = $2",
        params![seat.product_id.clone()],
    ));
    let live = batch.add::<Assignment>(live_of(seat.id.as_str(), users));
    let waiting = batch.add::<Assignment>(waiting_at(seat.id.as_str(), PROMOTE_AT_ONCE));
    let teams = batch.add::<(Id<User>, Id<Team>)>(Select::new(
        "SELECT m.user_id, m.team_id FROM team_members m JOIN seat_teams s ON s.account_id = $1 AND s.team_id = m.team_id AND s.seat_id = $2 \
         WHERE m.account_id = $1 AND m.user_id IN (SELECT value FROM JSON_LIST($3) AS wanted) ORDER BY m.joined_at DESC",
        params![seat.id.clone(), serde_json::to_string(users).unwrap_or_default()],
    ));
    let mut rows = db.read(call.account(), batch).await?;
    let product = rows
        .first(&product)
        .ok_or_else(|| Error::not_found("product"))?;
    Ok(Scene {
        product,
        live: rows.take(&live),
        waiting: rows.take(&waiting),
        teams: rows.take(&teams).into_iter().collect(),
    })
}

impl Scene {
    fn live(&self, user: &Id<User>) -> Option<&Assignment> {
        self.live
            .iter()
            .find(|assignment| assignment.user_id == *user)
    }
}

/// Hands the change to the plan, with those who move up and the access that follows.
fn conclude(
    mut change: Change<'_>,
    scene: &Scene,
    given: &[Assignment],
    plan: &mut Plan,
    ids: &Ids,
    now: Timestamp,
) -> Result<Seat> {
    let gone: Vec<_> = scene
        .waiting
        .iter()
        .filter(|one| !given.iter().any(|other| other.id == one.id))
        .cloned()
        .collect();
    change.promote_waiting(&gone)?;
    let mut access = Access::new();
    let seat = change.finish(plan, &mut access);
    access.write(plan, [&scene.product], ids, now);
    Ok(seat)
}

/// Plans places for people.
pub async fn plan_assign(
    db: &Db,
    ids: &Ids,
    call: &Call,
    seat: &Ref<Seat>,
    input: &AssignInput,
) -> Result<(Plan, SeatResult)> {
    call.caller.require(Permission::SeatsAssign)?;
    let if_full = input.if_full.unwrap_or(IfFull::Fail);
    if if_full == IfFull::Grow {
        call.caller.require(Permission::SeatsWrite)?;
    }
    let seat = records::find::<Seat>(db, &call.caller, seat).await?;
    let refs = resolve(db, &call.caller, input.references()).await?;
    let users = input
        .users
        .iter()
        .map(|user| refs.id(user))
        .collect::<Result<Vec<_>>>()?;
    let scene = scene(db, call, &seat, &users).await?;
    let wanted = wanted_end(
        input.expires_at,
        input.expires_in_days,
        call.now,
        "/expires_at",
    )?;
    let until = seat.terms().end_within(wanted, call.now).map_err(|fault| {
        Error::invalid(vec![Fault::new(
            "/expires_at",
            "beyond_terms",
            format!("It {fault}."),
        )])
    })?;
    let mut plan = Plan::new("seat.assign");
    let mut change = Change::of(seat, call, ids);
    let mut results: Vec<Given> = Vec::new();
    for (n, user) in users.iter().enumerate() {
        if results
            .iter()
            .any(|given| given.assignment.user_id == *user)
        {
            continue;
        }
        let team_id = scene.teams.get(user).cloned().ok_or_else(|| {
            let detail = "The person is in none of the seat's teams. Add them to one first, or provision them with the team.";
            Error::invalid(vec![Fault::new(format!("/users/{n}"), "not_a_member", detail)])
        })?;
        let holder = Holder {
            user_id: user.clone(),
            team_id,
            until,
            cause: "api",
            provision_id: None,
        };
        results.push(give(
            &mut change,
            scene.live(user),
            &holder,
            if_full,
            wanted,
        )?);
    }
    let given: Vec<_> = results
        .iter()
        .filter(|one| one.outcome == Outcome::Assigned || one.outcome == Outcome::AlreadyAssigned)
        .map(|one| one.assignment.clone())
        .collect();
    let seat = conclude(change, &scene, &given, &mut plan, ids, call.now)?;
    Ok((plan, SeatResult { seat, results }))
}

/// Plans the taking back of places; those who wait move up in the same list of writes.
pub async fn plan_revoke(
    db: &Db,
    ids: &Ids,
    call: &Call,
    seat: &Ref<Seat>,
    input: &RevokeInput,
) -> Result<(Plan, SeatResult)> {
    call.caller.require(Permission::SeatsAssign)?;
    let seat = records::find::<Seat>(db, &call.caller, seat).await?;
    let refs = resolve(db, &call.caller, input.references()).await?;
    let users = input
        .users
        .iter()
        .map(|user| refs.id(user))
        .collect::<Result<Vec<_>>>()?;
    let scene = scene(db, call, &seat, &users).await?;
    let mut plan = Plan::new("seat.revoke");
    let mut change = Change::of(seat, call, ids);
    let mut ended = Vec::new();
    for (n, user) in users.iter().enumerate() {
        if ended.iter().any(|one: &Assignment| one.user_id == *user) {
            continue;
        }
        let one = scene.live(user).ok_or_else(|| {
            Error::new(
                Code::StateConflict,
                "The person holds no place of this seat and does not wait for one.",
            )
            .with("pointer", format!("/users/{n}"))
        })?;
        ended.push(change.end(one, AssignmentState::Revoked)?);
    }
    let seat = conclude(change, &scene, &ended, &mut plan, ids, call.now)?;
    let results = ended
        .into_iter()
        .map(|assignment| Given {
            outcome: Outcome::Assigned,
            assignment,
        })
        .collect();
    Ok((plan, SeatResult { seat, results }))
}

/// Plans a new end of one person's place. It never shortens unless told to.
pub async fn plan_extend(
    db: &Db,
    ids: &Ids,
    call: &Call,
    seat: &Ref<Seat>,
    input: &ExtendInput,
) -> Result<(Plan, SeatResult)> {
    call.caller.require(Permission::SeatsAssign)?;
    let seat = records::find::<Seat>(db, &call.caller, seat).await?;
    let refs = resolve(db, &call.caller, input.references()).await?;
    let user = refs.id(&input.user)?;
    let scene = scene(db, call, &seat, std::slice::from_ref(&user)).await?;
    let one = scene
        .live(&user)
        .filter(|one| one.state == AssignmentState::Active)
        .ok_or_else(|| {
            Error::new(
                Code::StateConflict,
                "The person has no place of this seat that could be extended.",
            )
        })?;
    let until = wanted_end(
        input.expires_at,
        input.expires_in_days,
        call.now,
        "/expires_at",
    )?;
    if !seat.extendable && !input.allow_shorten {
        return Err(Error::new(
            Code::StateConflict,
            "The seat's terms say that its places cannot be extended.",
        ));
    }
    if later(one.expires_at, until) != until && !input.allow_shorten {
        return Err(Error::new(Code::StateConflict, "The new end is earlier than the present one. Say «allow_shorten»: true if that is meant.")
            .with("expires_at", serde_json::to_value(one.expires_at).unwrap_or_default()));
    }
    let mut plan = Plan::new("seat.extend");
    let mut change = Change::of(seat, call, ids);
    let after = if until == one.expires_at {
        one.clone()
    } else {
        change.extend(one, until)
    };
    let seat = conclude(
        change,
        &scene,
        std::slice::from_ref(&after),
        &mut plan,
        ids,
        call.now,
    )?;
    Ok((
        plan,
        SeatResult {
            seat,
            results: vec![Given {
                outcome: Outcome::AlreadyAssigned,
                assignment: after,
            }],
        },
    ))
}

/// Plans the handing over of a place from one person to another, in one list of writes.
pub async fn plan_transfer(
    db: &Db,
    ids: &Ids,
    call: &Call,
    seat: &Ref<Seat>,
    input: &TransferInput,
) -> Result<(Plan, SeatResult)> {
    call.caller.require(Permission::SeatsAssign)?;
    let seat = records::find::<Seat>(db, &call.caller, seat).await?;
    let refs = resolve(db, &call.caller, input.references()).await?;
    let (from, to) = (refs.id(&input.from)?, refs.id(&input.to)?);
    let scene = scene(db, call, &seat, &[from.clone(), to.clone()]).await?;
    let one = scene
        .live(&from)
        .filter(|one| one.state == AssignmentState::Active);
    let one = one.ok_or_else(|| {
        Error::new(
            Code::StateConflict,
            "The person has no place of this seat to hand over.",
        )
    })?;
    if !seat.reusable {
        return Err(Error::new(
            Code::StateConflict,
            "The places of this seat are not reusable, so none can be handed over.",
        ));
    }
    if scene.live(&to).is_some() || from == to {
        return Err(Error::new(
            Code::StateConflict,
            "The other person has a place of this seat already, or waits for one.",
        ));
    }
    let team_id = scene.teams.get(&to).cloned().ok_or_else(|| {
        Error::invalid(vec![Fault::new(
            "/to",
            "not_a_member",
            "The person is in none of the seat's teams. Add them to one first.",
        )])
    })?;
    let mut plan = Plan::new("seat.transfer");
    let mut change = Change::of(seat, call, ids);
    let ended = change.end(one, AssignmentState::Released)?;
    let holder = Holder {
        user_id: to,
        team_id,
        until: one.expires_at,
        cause: "transfer",
        provision_id: None,
    };
    let given = change.assign(&holder)?;
    let seat = conclude(
        change,
        &scene,
        std::slice::from_ref(&given),
        &mut plan,
        ids,
        call.now,
    )?;
    let results = vec![
        Given {
            outcome: Outcome::AlreadyAssigned,
            assignment: ended,
        },
        Given {
            outcome: Outcome::Assigned,
            assignment: given,
        },
    ];
    Ok((plan, SeatResult { seat, results }))
}

/// Plans a new seat, under its template's terms where it names one.
pub async fn plan_create(db: &Db, ids: &Ids, call: &Call, new: NewSeat) -> Result<(Plan, Seat)> {
    call.caller.require(Seat::WRITE)?;
    call.caller.require_account()?;
    let refs = resolve(db, &call.caller, new.references()).await?;
    let template = match &new.template {
        Some(template) => Some(
            records::find::<SeatTemplate>(db, &call.caller, &Ref::Id(refs.id(template)?)).await?,
        ),
        None => None,
    };
    let seat = Seat::from_new(new, template.as_ref(), &refs, &Stamp { ids, now: call.now })?;
    let mut plan = Plan::new("seat.create");
    let seat = Change::create(seat, None, call, ids).finish(&mut plan, &mut Access::new());
    Ok((plan, seat))
}

/// Plans a change of a seat; a new quantity is an entry of the ledger, and serves those who wait.
pub async fn plan_change<C>(
    db: &Db,
    ids: &Ids,
    call: &Call,
    reference: &Ref<Seat>,
    patch: SeatPatch,
    check: C,
) -> Result<(Plan, Seat)>
where
    C: FnOnce(&Seat) -> Result<()>,
{
    call.caller.require(Seat::WRITE)?;
    call.caller.require_account()?;
    let before = records::find::<Seat>(db, &call.caller, reference).await?;
    check(&before)?;
    let scene = scene(db, call, &before, &[]).await?;
    let mut after = before.clone();
    after.apply(patch, &crate::resource::Resolved::default(), call.now)?;
    // Everything but the counters is written as a whole; the quantity goes by the ledger and the waiting line.
    let mut plan = records::change(&before, &after, "updated");
    let (old, new) = (before.quantity.unwrap_or(0), after.quantity.unwrap_or(0));
    if old == new {
        // What is written nowhere has not changed: the answer is the record as it stands.
        let reopened = !before.is_open(call.now) && after.is_open(call.now);
        if reopened && after.waitlisted > 0 && after.has_room(1) {
            let seat_id = after.id.to_string();
            let job = crate::jobs::Job::PromoteWaitlist {
                seat_id: seat_id.clone(),
            };
            plan.job(job, Some(seat_id));
        }
        let seat = if plan.is_empty() { before } else { after };
        return Ok((plan, seat));
    }
    plan = Plan::new("seat.update");
    plan.write_all(after.companions(Some(&before)));
    let added = Change::resize(&before, after, call, ids);
    let seat = conclude(added, &scene, &[], &mut plan, ids, call.now)?;
    Ok((plan, seat))
}

/// Keeps the denial behind a refusal for want of places; other refusals leave no trace.
pub async fn record_denial(
    db: &Db,
    ids: &Ids,
    call: &Call,
    error: &Error,
    cause: &'static str,
) -> Result<()> {
    if error.code() != Code::SeatsExhausted || call.dry_run {
        return Ok(());
    }
    let seat = error
        .members()
        .iter()
        .find(|(name, _)| *name == "seat_id")
        .and_then(|(_, id)| Id::<Seat>::parse(id.as_str()?));
    let Some(seat) = seat else { return Ok(()) };
    let Some(seat) = records::maybe::<Seat>(db, &call.caller, &Ref::Id(seat)).await? else {
        return Ok(());
    };
    let finish = || async { Ok((deny(&seat, None, cause, call, ids), ())) };
    commit(db, ids, call, finish).await.map(|_| ())
}
