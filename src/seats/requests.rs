//! What is done with requests for places: they are made, approved, declined, taken back.
//!
//! An approval gives the place by the one door to every seat, in the same list of writes: a request is never approved
//! without its place, or its wait for one. Whoever decides is told by mail that there is one to decide on, whoever asked
//! is told what came of it ([`request_mails`](super::request_mails)).

use super::actions::{
    Given, IfFull, Outcome, conclude, give, until_within, waiting_at, wanted_end,
};
use super::actions::{PROMOTE_AT_ONCE, live_of};
use super::assignment::Assignment;
use super::cause::Cause;
use super::change::{Change, Holder};
use super::reach::reaches;
use super::request::{
    ApproveRequest, DeclineRequest, NewSeatRequest, RequestApproved, SeatRequest, SeatRequestState,
};
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
use crate::types::{Id, Ids, Name, Ref};

/// Whose wish it is, for which team, and of what.
#[derive(Debug, Clone)]
pub struct Wish {
    /// The person.
    pub user_id: Id<User>,
    /// The team whose place it would be.
    pub team_id: Id<Team>,
    /// What the place is of.
    pub product_id: Id<Product>,
    /// What the person says about it.
    pub note: Option<Description>,
}

/// The read of the live seat that a team has of a product.
fn seat_of(team: &Id<Team>, product: &Id<Product>) -> Select {
    Select::rows::<Seat>(
        "WHERE account_id = $1 AND id IN (SELECT seat_id FROM seat_teams WHERE account_id = $1 AND team_id = $2 AND product_id = $3 AND live)",
        params![team.clone(), product.clone()],
    )
}

/// The read of a membership that stands.
fn membership(team: &Id<Team>, user: &Id<User>) -> Select {
    Select::new(
        "SELECT m.user_id FROM team_members m JOIN users u ON u.account_id = $1 AND u.id = m.user_id AND u.deleted_at IS NULL AND u.status <> 'deactivated' \
         WHERE m.account_id = $1 AND m.team_id = $2 AND m.user_id = $3",
        params![team.clone(), user.clone()],
    )
}

/// Plans a request for somebody, by a program or in the dashboard.
pub async fn plan_create(
    db: &Db,
    ids: &Ids,
    call: &Call,
    new: &NewSeatRequest,
) -> Result<(Plan, SeatRequest, bool)> {
    call.caller.require(Permission::SeatsAssign)?;
    let refs = resolve(db, &call.caller, new.references()).await?;
    let wish = Wish {
        user_id: refs.id(&new.user)?,
        team_id: refs.id(&new.team)?,
        product_id: refs.id(&new.product)?,
        note: new.note.clone(),
    };
    plan_ask(db, ids, call, &wish).await
}

/// Plans a request of the person themselves, who needs no permission for it. One that is pending already is that request;
/// the answer says whether it was made.
pub async fn plan_ask(
    db: &Db,
    ids: &Ids,
    call: &Call,
    wish: &Wish,
) -> Result<(Plan, SeatRequest, bool)> {
    let mut batch = Batch::new();
    let member = batch.add::<(Id<User>,)>(membership(&wish.team_id, &wish.user_id));
    let pending = batch.add::<SeatRequest>(Select::rows::<SeatRequest>(
        "WHERE account_id = $1 AND user_id = $2 AND team_id = $3 AND product_id = $4 AND state = 'pending'",
        params![
            wish.user_id.clone(),
            wish.team_id.clone(),
            wish.product_id.clone()
        ],
    ));
    let place = batch.add::<Assignment>(Select::rows::<Assignment>(
        "WHERE account_id = $1 AND user_id = $2 AND product_id = $4 AND state IN ('waitlisted', 'active') AND seat_id IN \
         (SELECT seat_id FROM seat_teams WHERE account_id = $1 AND team_id = $3)",
        params![
            wish.user_id.clone(),
            wish.team_id.clone(),
            wish.product_id.clone()
        ],
    ));
    let product = batch.add::<(String,)>(Select::new(
        "SELECT id FROM products WHERE account_id = $1 AND id = $2 AND status <> 'archived'",
        params![wish.product_id.clone()],
    ));
    let mut rows = db.read(call.account(), batch).await?;
    let mut plan = Plan::new("seat_request.create");
    if rows.first(&member).is_none() {
        return Err(Error::invalid(vec![Fault::new(
            "/user",
            "not_a_member",
            "The person is not in this team. Add them to it first.",
        )]));
    }
    if let Some(pending) = rows.first(&pending) {
        return Ok((plan, pending, false));
    }
    if let Some(place) = rows.first(&place) {
        return Err(Error::new(
            Code::StateConflict,
            "The person has a place of this product in the team already, or waits for one.",
        )
        .with("assignment_id", place.id.as_str()));
    }
    if rows.first(&product).is_none() {
        return Err(Error::new(
            Code::StateConflict,
            "The product is archived; no places of it are given any more.",
        ));
    }
    let request = SeatRequest {
        id: ids.next(call.now),
        user_id: wish.user_id.clone(),
        team_id: wish.team_id.clone(),
        product_id: wish.product_id.clone(),
        note: wish.note.clone(),
        state: SeatRequestState::Pending,
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
    tell(&mut plan, &request);
    Ok((plan, request, true))
}

/// Has those told by mail whom it concerns.
fn tell(plan: &mut Plan, request: &SeatRequest) {
    let request_id = request.id.to_string();
    let job = Job::TellOfRequest {
        request_id: request_id.clone(),
    };
    plan.job(job, Some(request_id));
}

/// The request as it is once somebody has decided.
fn decided(request: &SeatRequest, state: SeatRequestState, call: &Call) -> SeatRequest {
    SeatRequest {
        state,
        decided_at: Some(call.now),
        decided_by: Name::parse(&call.caller.actor.name).ok(),
        updated_at: call.now,
        ..request.clone()
    }
}

/// The end of a request that is decided, as an error for those who would decide otherwise.
fn ended(request: &SeatRequest) -> Error {
    Error::new(
        Code::StateConflict,
        format!(
            "The request is {}; only a pending one can be decided on.",
            request.state
        ),
    )
    .with("state", request.state.as_str())
}

/// Plans the approval of a request. A repeat changes nothing.
pub async fn plan_approve(
    db: &Db,
    ids: &Ids,
    call: &Call,
    reference: &Ref<SeatRequest>,
    input: &ApproveRequest,
) -> Result<(Plan, RequestApproved)> {
    call.caller.require(Permission::SeatsAssign)?;
    let if_full = input.if_full.unwrap_or(IfFull::Fail);
    if if_full == IfFull::Grow {
        call.caller.require(Permission::SeatsWrite)?;
    }
    let request = records::find::<SeatRequest>(db, &call.caller, reference).await?;
    let mut plan = Plan::new("seat_request.approve");
    match request.state {
        SeatRequestState::Pending => {}
        SeatRequestState::Approved => {
            let result = None;
            return Ok((plan, RequestApproved { request, result }));
        }
        SeatRequestState::Declined | SeatRequestState::Cancelled => return Err(ended(&request)),
    }
    let mut batch = Batch::new();
    let seat = batch.add::<Seat>(seat_of(&request.team_id, &request.product_id));
    let member = batch.add::<(Id<User>,)>(membership(&request.team_id, &request.user_id));
    let product = batch.add::<Product>(Select::rows::<Product>(
        "WHERE account_id = $1 AND id = $2",
        params![request.product_id.clone()],
    ));
    let mut rows = db.read(call.account(), batch).await?;
    if rows.first(&member).is_none() {
        return Err(Error::new(
            Code::StateConflict,
            "The person is not in the team any more, or is deactivated. Decline the request.",
        ));
    }
    let seat = rows.first(&seat).ok_or_else(|| no_seat(&request))?;
    let product = rows
        .first(&product)
        .ok_or_else(|| Error::not_found("product"))?;
    let result = place(db, ids, call, &mut plan, &request, (seat, &product), input).await?;
    let mut after = decided(&request, SeatRequestState::Approved, call);
    after.assignment_id = Some(result.assignment.id.clone());
    plan.write(Statement::update(&after, request.version));
    plan.event(after.event("approved"));
    tell(&mut plan, &after);
    let approved = RequestApproved {
        request: after,
        result: Some(result),
    };
    Ok((plan, approved))
}

/// The place of an approved request, or the wait for one.
async fn place(
    db: &Db,
    ids: &Ids,
    call: &Call,
    plan: &mut Plan,
    request: &SeatRequest,
    (seat, product): (Seat, &Product),
    input: &ApproveRequest,
) -> Result<Given> {
    let mut batch = Batch::new();
    let who = std::slice::from_ref(&request.user_id);
    let standing = batch.add::<Assignment>(live_of(seat.id.as_str(), who));
    let waiting = batch.add::<Assignment>(waiting_at(seat.id.as_str(), PROMOTE_AT_ONCE));
    let mut rows = db.read(call.account(), batch).await?;
    let (at, days) = (input.expires_at, input.expires_in_days);
    let wanted = wanted_end(at, days, call.now, "/expires_at")?;
    let holder = Holder {
        user_id: request.user_id.clone(),
        team_id: request.team_id.clone(),
        until: until_within(&seat, wanted, call.now, "/expires_at")?,
        cause: Cause::Request,
        provision_id: None,
        is_member: true,
    };
    let if_full = input.if_full.unwrap_or(IfFull::Fail);
    let mut change = Change::of(seat, call, ids);
    let standing = rows.first(&standing);
    let given = give(&mut change, standing.as_ref(), &holder, if_full, wanted)?;
    let waiting = rows.take(&waiting);
    let results = std::slice::from_ref(&given);
    conclude(change, product, &waiting, results, plan)?;
    Ok(given)
}

/// 409 `seats_exhausted` where the team holds no seat of the product at all.
fn no_seat(request: &SeatRequest) -> Error {
    Error::new(
        Code::SeatsExhausted,
        "The team holds no seat of this product. Make one for it, or move places to it, then approve.",
    )
    .with("product_id", request.product_id.as_str())
    .with("requested", 1)
    .with("available", 0)
}

/// Plans the refusal of a request. A repeat changes nothing.
pub async fn plan_decline(
    db: &Db,
    call: &Call,
    reference: &Ref<SeatRequest>,
    input: &DeclineRequest,
) -> Result<(Plan, SeatRequest)> {
    call.caller.require(Permission::SeatsAssign)?;
    let request = records::find::<SeatRequest>(db, &call.caller, reference).await?;
    let mut plan = Plan::new("seat_request.decline");
    match request.state {
        SeatRequestState::Pending => {}
        SeatRequestState::Declined => return Ok((plan, request)),
        SeatRequestState::Approved | SeatRequestState::Cancelled => return Err(ended(&request)),
    }
    let after = SeatRequest {
        reason: input.reason.clone(),
        ..decided(&request, SeatRequestState::Declined, call)
    };
    plan.write(Statement::update(&after, request.version));
    plan.event(after.event("declined"));
    tell(&mut plan, &after);
    Ok((plan, after))
}

/// Plans that a request is taken back. A repeat changes nothing.
pub async fn plan_cancel(
    db: &Db,
    call: &Call,
    reference: &Ref<SeatRequest>,
) -> Result<(Plan, SeatRequest)> {
    call.caller.require(Permission::SeatsAssign)?;
    let request = records::find::<SeatRequest>(db, &call.caller, reference).await?;
    if !reaches(&call.caller, &request.team_id) {
        return Err(Error::not_found("seat_request"));
    }
    cancel(call, request)
}

/// The same for one's own, on one's own page.
pub async fn plan_cancel_own(
    db: &Db,
    call: &Call,
    user: &Id<User>,
    request: &Id<SeatRequest>,
) -> Result<(Plan, SeatRequest)> {
    let own = Select::rows::<SeatRequest>(
        "WHERE account_id = $1 AND user_id = $2 AND id = $3",
        params![user.clone(), request.clone()],
    );
    let request = db.first::<SeatRequest>(call.account(), own).await?;
    cancel(
        call,
        request.ok_or_else(|| Error::not_found("seat_request"))?,
    )
}

fn cancel(call: &Call, request: SeatRequest) -> Result<(Plan, SeatRequest)> {
    let mut plan = Plan::new("seat_request.cancel");
    match request.state {
        SeatRequestState::Pending => {}
        SeatRequestState::Cancelled => return Ok((plan, request)),
        SeatRequestState::Approved | SeatRequestState::Declined => return Err(ended(&request)),
    }
    let after = decided(&request, SeatRequestState::Cancelled, call);
    plan.write(Statement::update(&after, request.version));
    plan.event(after.event("cancelled"));
    Ok((plan, after))
}

/// Whether a decision has given the place at once.
pub fn is_given(approved: &RequestApproved) -> bool {
    let outcome = approved.result.as_ref().map(|given| given.outcome);
    outcome != Some(Outcome::Waitlisted)
}
