//! What is done with requests: asked, approved, declined, cancelled.
//!
//! The same wish twice is one request, kept by a unique index. An approval gives the place in the same list of writes, by
//! the action that gives every other one, so a request that says «approved» always has its assignment.

use serde_json::json;

use super::actions::{Given, SeatResult, give, on_people, until_within, wanted_end};
use super::actions::IfFull;
use super::assignment::{Assignment, AssignmentState};
use super::change::Holder;
use super::reach::require_reach;
use super::request::{ApproveInput, DeclineInput, NewSeatRequest, RequestState, SeatRequest};
use super::seat::Seat;
use crate::access::{Call, Permission};
use crate::db::{Batch, Db, Select, Statement};
use crate::error::{Code, Error, Fault, Result};
use crate::events::Plan;
use crate::jobs::Job;
use crate::params;
use crate::records;
use crate::resource::{Input, resolve};
use crate::resources::{Product, Team, User};
use crate::types::text::Description;
use crate::types::{Id, Ids, Ref};

/// A request after its approval.
#[derive(Debug, Clone, PartialEq, serde::Serialize, schemars::JsonSchema)]
pub struct RequestResult {
    /// The request.
    pub request: SeatRequest,
    /// The place that was given, or the place in the waiting line; absent where the request was approved before.
    pub given: Option<Given>,
}

/// A wish with everything looked up.
struct Wish {
    user: Id<User>,
    product: Id<Product>,
    team: Option<Id<Team>>,
    note: Option<Description>,
}

/// Plans a request by somebody who may give places. The answer says whether it was made.
pub async fn plan_request(
    db: &Db,
    ids: &Ids,
    call: &Call,
    new: NewSeatRequest,
) -> Result<(Plan, SeatRequest, bool)> {
    call.caller.require(Permission::SeatsAssign)?;
    let refs = resolve(db, &call.caller, new.references()).await?;
    let wish = Wish {
        user: refs.id(&new.user)?,
        product: refs.id(&new.product)?,
        team: refs.maybe(new.team.as_ref())?,
        note: new.note,
    };
    let done = ask(db, ids, call, wish).await?;
    require_reach(&call.caller, [&done.1.team_id])?;
    Ok(done)
}

/// Plans a person's own request, which needs no permission: everybody may ask.
pub async fn plan_own_request(
    db: &Db,
    ids: &Ids,
    call: &Call,
    user: &Id<User>,
    product: &Id<Product>,
    note: Option<Description>,
) -> Result<(Plan, SeatRequest, bool)> {
    let wish = Wish {
        user: user.clone(),
        product: product.clone(),
        team: None,
        note,
    };
    ask(db, ids, call, wish).await
}

async fn ask(db: &Db, ids: &Ids, call: &Call, wish: Wish) -> Result<(Plan, SeatRequest, bool)> {
    let mut batch = Batch::new();
    let teams = batch.add::<(Id<Team>, Option<Id<Seat>>)>(Select::new(
        "SELECT m.team_id, s.seat_id FROM team_members m JOIN teams t ON t.account_id = $1 AND t.id = m.team_id AND t.deleted_at IS NULL \
         LEFT JOIN seat_teams s ON s.account_id = $1 AND s.team_id = m.team_id AND s.product_id = $3 AND s.live \
         WHERE m.account_id = $1 AND m.user_id = $2 ORDER BY m.joined_at, m.team_id",
        params![wish.user.clone(), wish.product.clone()],
    ));
    let live = batch.add::<Assignment>(Select::rows::<Assignment>(
        "WHERE account_id = $1 AND user_id = $2 AND product_id = $3 AND state IN ('waitlisted', 'reserved', 'active')",
        params![wish.user.clone(), wish.product.clone()],
    ));
    let pending = batch.add::<SeatRequest>(Select::rows::<SeatRequest>(
        "WHERE account_id = $1 AND user_id = $2 AND product_id = $3 AND state = 'pending'",
        params![wish.user.clone(), wish.product.clone()],
    ));
    let mut rows = db.read(call.account(), batch).await?;
    let teams = rows.take(&teams);
    let team = match &wish.team {
        Some(team) => teams.iter().find(|(own, _)| own == team),
        None => teams
            .iter()
            .find(|(_, seat)| seat.is_some())
            .or(teams.first()),
    };
    let Some((team, _)) = team.cloned() else {
        let detail = "The person is not a member of the team, or of any; add them to one first.";
        return Err(Error::invalid(vec![Fault::new("/team", "not_a_member", detail)]));
    };
    let mut plan = Plan::new("seat_request.create");
    let same = rows
        .take(&pending)
        .into_iter()
        .find(|one| one.team_id == team);
    if let Some(request) = same {
        return Ok((plan, request, false));
    }
    if let Some(one) = rows.take(&live).into_iter().find(|one| one.team_id == team) {
        return Err(Error::new(
            Code::StateConflict,
            match one.state {
                AssignmentState::Waitlisted => "The person waits for a place already.",
                _ => "The person has a place already.",
            },
        )
        .with("assignment_id", one.id.as_str()));
    }
    let request = SeatRequest {
        id: ids.next(call.now),
        user_id: wish.user,
        team_id: team,
        product_id: wish.product,
        note: wish.note,
        state: RequestState::Pending,
        reason: None,
        decided_at: None,
        decided_by: None,
        assignment_id: None,
        version: 1,
        created_at: call.now,
        updated_at: call.now,
    };
    plan.write(Statement::insert(&request));
    plan.event(request.event("created"));
    Ok((plan, request, true))
}

/// Adds a decision to a plan: the row, its event, the mail to the person.
fn decide(
    plan: &mut Plan,
    call: &Call,
    before: SeatRequest,
    state: RequestState,
    fill: impl FnOnce(&mut SeatRequest),
) -> SeatRequest {
    let version = before.version;
    let mut after = SeatRequest {
        state,
        decided_at: Some(call.now),
        decided_by: Some(call.caller.actor.name.to_string()),
        updated_at: call.now,
        ..before
    };
    fill(&mut after);
    plan.write(Statement::update(&after, version));
    plan.event(
        after
            .event(state.as_str())
            .previous(json!({ "state": "pending" })),
    );
    if matches!(state, RequestState::Approved | RequestState::Declined) {
        let job = Job::TellOfDecision {
            request_id: after.id.to_string(),
        };
        plan.job(job, Some(after.id.to_string()));
    }
    after
}

fn decided(request: &SeatRequest) -> Error {
    Error::new(
        Code::StateConflict,
        format!("The request is {} already.", request.state),
    )
    .with("state", request.state.as_str())
}

/// Plans an approval: the person gets a place of the team's seat, or waits for one. A repeat changes nothing.
pub async fn plan_approve(
    db: &Db,
    ids: &Ids,
    call: &Call,
    request: &Ref<SeatRequest>,
    input: &ApproveInput,
) -> Result<(Plan, RequestResult)> {
    call.caller.require(Permission::SeatsAssign)?;
    let if_full = input.if_full.unwrap_or(IfFull::Fail);
    if if_full == IfFull::Grow {
        call.caller.require(Permission::SeatsWrite)?;
    }
    let request = records::find::<SeatRequest>(db, &call.caller, request).await?;
    match request.state {
        RequestState::Pending => {}
        RequestState::Approved => {
            let plan = Plan::new("seat_request.approve");
            return Ok((
                plan,
                RequestResult {
                    request,
                    given: None,
                },
            ));
        }
        _ => return Err(decided(&request)),
    }
    let seat = Select::new(
        "SELECT seat_id FROM seat_teams WHERE account_id = $1 AND team_id = $2 AND product_id = $3 AND live",
        params![request.team_id.clone(), request.product_id.clone()],
    );
    let seat = db.first::<(Id<Seat>,)>(call.account(), seat).await?;
    let (seat,) = seat.ok_or_else(|| {
        Error::new(
            Code::StateConflict,
            "The team has no seat of this product. Make one or share one with the team, then approve.",
        )
    })?;
    let person = vec![("/user".to_owned(), Ref::Id(request.user_id.clone()))];
    let (mut plan, result) = on_people(
        db,
        ids,
        call,
        &Ref::Id(seat),
        ("seat_request.approve", person),
        |change, scene| {
            let (at, days) = (input.expires_at, input.expires_in_days);
            let wanted = wanted_end(at, days, call.now, "/expires_at")?;
            let until = until_within(change.seat(), wanted, call.now, "/expires_at")?;
            let person = scene.person(0)?;
            let holder = Holder {
                user_id: person.id.clone(),
                team_id: scene.team(person)?,
                until,
                cause: "request",
                provision_id: None,
            };
            give(change, scene.live(&person.id), &holder, if_full, wanted).map(|given| vec![given])
        },
    )
    .await?;
    let SeatResult { results, .. } = result;
    let given = results.into_iter().next();
    let assignment = given.as_ref().map(|given| given.assignment.id.clone());
    let request = decide(
        &mut plan,
        call,
        request,
        RequestState::Approved,
        |request| request.assignment_id = assignment,
    );
    Ok((plan, RequestResult { request, given }))
}

/// Plans a refusal, with its reason. A repeat changes nothing.
pub async fn plan_decline(
    db: &Db,
    call: &Call,
    request: &Ref<SeatRequest>,
    input: &DeclineInput,
) -> Result<(Plan, SeatRequest)> {
    call.caller.require(Permission::SeatsAssign)?;
    if input.reason.as_str().trim().is_empty() {
        return Err(Error::invalid(vec![Fault::new(
            "/reason",
            "required",
            "Say why; the person reads it.",
        )]));
    }
    let request = records::find::<SeatRequest>(db, &call.caller, request).await?;
    let mut plan = Plan::new("seat_request.decline");
    match request.state {
        RequestState::Pending => {
            let reason = input.reason.clone();
            let fill = |request: &mut SeatRequest| request.reason = Some(reason);
            let after = decide(&mut plan, call, request, RequestState::Declined, fill);
            Ok((plan, after))
        }
        RequestState::Declined => Ok((plan, request)),
        _ => Err(decided(&request)),
    }
}

/// Plans that a request is taken back, by somebody who may give places. A repeat changes nothing.
pub async fn plan_cancel(
    db: &Db,
    call: &Call,
    request: &Ref<SeatRequest>,
) -> Result<(Plan, SeatRequest)> {
    call.caller.require(Permission::SeatsAssign)?;
    cancel(
        records::find::<SeatRequest>(db, &call.caller, request).await?,
        call,
    )
}

/// Plans that a person takes their own request back.
pub async fn plan_cancel_own(
    db: &Db,
    call: &Call,
    user: &Id<User>,
    request: &Id<SeatRequest>,
) -> Result<(Plan, SeatRequest)> {
    let own = Select::rows::<SeatRequest>(
        "WHERE account_id = $1 AND id = $2 AND user_id = $3",
        params![request.clone(), user.clone()],
    );
    let request = db.first::<SeatRequest>(call.account(), own).await?;
    cancel(
        request.ok_or_else(|| Error::not_found("seat_request"))?,
        call,
    )
}

fn cancel(request: SeatRequest, call: &Call) -> Result<(Plan, SeatRequest)> {
    let mut plan = Plan::new("seat_request.cancel");
    match request.state {
        RequestState::Pending => {
            let after = decide(&mut plan, call, request, RequestState::Cancelled, |_| {});
            Ok((plan, after))
        }
        RequestState::Cancelled => Ok((plan, request)),
        _ => Err(decided(&request)),
    }
}

/// The write that takes back the pending requests of somebody who leaves: a person, a team, or a person in a team.
pub(super) fn withdraw_pending(
    user: Option<&Id<User>>,
    team: Option<&Id<Team>>,
    call: &Call,
) -> Statement {
    let text = |id: Option<String>| id.unwrap_or_default();
    let (condition, values) = match (user, team) {
        (Some(_), None) => ("user_id = $2 AND $3 = ''", (user, None)),
        (None, Some(_)) => ("$2 = '' AND team_id = $3", (None, team)),
        _ => ("user_id = $2 AND team_id = $3", (user, team)),
    };
    Statement::new(
        format!(
            "UPDATE seat_requests SET state = 'cancelled', decided_at = $4, decided_by = $5, updated_at = $4, version = version + 1 \
             WHERE account_id = $1 AND {condition} AND state = 'pending'"
        ),
        params![
            text(values.0.map(ToString::to_string)),
            text(values.1.map(ToString::to_string)),
            call.now,
            call.caller.actor.name.to_string()
        ],
    )
}
