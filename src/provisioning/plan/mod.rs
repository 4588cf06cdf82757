//! The plan of the call: pure but for the reads it begins with.
//!
//! The person, the team, the membership in it, the places and the welcome are planned in this order, into one list of writes.

mod made;
mod person;
mod places;
mod welcome;

use super::answer::{
    Answer, MadePlaces, MailOutcome, Provision, ProvisionOutcome, RecordOutcome, SeatAnswer,
    SeatOutcome, TeamAnswer, UserAnswer,
};
use super::request::ProvisionRequest;
use super::scene::{self, First, SeatScene};
use super::team::{Choice, Decided, decide};
use crate::access::grants::{Granted, look_up};
use crate::access::roles::TeamRole;
use crate::access::{Call, Permission};
use crate::commerce::orders::provisioned::Bought;
use crate::db::Db;
use crate::error::{Error, Result};
use crate::events::Plan;
use crate::lifecycle::restore::PutAside;
use crate::records;
use crate::resource::{Resource, Stamp};
use crate::resources::{Organization, Team, User};
use crate::seats::actions::IfFull;
use crate::seats::leave::require_to_readdress;
use crate::types::{Id, Ids, Name};
use made::{made, record};

/// What the parts of the plan share.
struct Work<'a> {
    ids: &'a Ids,
    call: &'a Call,
    request: &'a ProvisionRequest,
    plan: Plan,
    id: Id<Provision>,
    /// The role that the body names.
    role: Option<Granted<TeamRole>>,
    places: Vec<MadePlaces>,
    /// Places that were added under the call's reference.
    bought: Vec<Bought>,
    /// Whether the person is in the team already, as what the call says.
    is_member: bool,
}

/// Plans a provision. The plan is empty when everything stands as the call wants it.
pub async fn plan(
    db: &Db,
    ids: &Ids,
    call: &Call,
    request: &ProvisionRequest,
) -> Result<(Plan, Answer)> {
    let caller = &call.caller;
    caller.require(Permission::ProvisionWrite)?;
    if request
        .seats
        .iter()
        .any(|seat| seat.if_full == Some(IfFull::Grow))
    {
        caller.require(Permission::SeatsWrite)?;
    }
    let mut first = scene::first(db, caller, request).await?;
    let named = request.team.role.iter();
    let named: Vec<_> = named
        .map(|role| ("/team/role".to_owned(), role.clone()))
        .collect();
    let mut work = Work {
        ids,
        call,
        request,
        plan: Plan::new("provision.create"),
        id: ids.next(call.now),
        role: look_up(db, call.account(), &named).await?.pop(),
        places: Vec::new(),
        bought: Vec::new(),
        is_member: false,
    };
    let (user, user_outcome) = work.user(&first)?;
    let before = first.user.as_ref();
    if before.is_some_and(|before| before.email.key() != user.email.key()) {
        require_to_readdress(db, call, &user.id).await?;
    }
    let default_name = default_team_name(&user)?;
    let known = scene::second(db, caller, &mut first, request, &default_name).await?;
    let decided = decide(&request.team, &default_name, &first.candidates)?;
    let (mut team, team_outcome) = work.team(&decided, &first)?;
    let scene = if team_outcome == RecordOutcome::Created {
        SeatScene::default()
    } else {
        scene::seats(db, caller, &team.id, &first, request).await?
    };
    let membership = work
        .membership(db, &user, &team, team_outcome, &first, &scene)
        .await?;
    if membership.outcome == RecordOutcome::Created && team_outcome == RecordOutcome::Existing {
        team.member_count += 1;
        team.ownerless &= membership.role != TeamRole::Owner.as_str();
    }
    let seats = work.seats(&user, &team, &first, &scene)?;
    work.order(&team, &first)?;
    let welcome_email = work.welcome(&user, &team, &first, &known, &seats);
    let mut answer = Answer {
        id: work.id.clone(),
        outcome: outcome(&seats, welcome_email.state),
        external_reference: request.external_reference.as_ref().map(ToString::to_string),
        user: UserAnswer {
            put_aside: first
                .aside
                .clone()
                .filter(|_| user_outcome == RecordOutcome::Created)
                .filter(|_| caller.require_account().is_ok())
                .map(|old| PutAside::of(old, &user.id)),
            user,
            outcome: user_outcome,
        },
        team: TeamAnswer {
            team,
            outcome: team_outcome,
            decision: decided.decision,
            membership,
        },
        seats,
        welcome_email,
        lms: "off",
        created_at: call.now,
    };
    if let (true, Some(id)) = (work.plan.is_empty(), known.last_provision) {
        // Nothing to do: the answer is that of the provision that did it.
        answer.id = id;
    } else {
        let made = made(&answer, work.places);
        record(&mut work.plan, &answer, made);
    }
    Ok((work.plan, answer))
}

/// Whether the plan makes anything, which is the difference between 201 and 200: changes of what stands do not count.
pub fn makes_something(plan: &Plan) -> bool {
    let makes = |kind: &str| {
        let verb = kind.rsplit('.').next().unwrap_or_default();
        kind != "provision.created" && !matches!(verb, "updated" | "extended")
    };
    plan.event_kinds().any(makes)
}

fn outcome(seats: &[SeatAnswer], mail: MailOutcome) -> ProvisionOutcome {
    if seats
        .iter()
        .any(|seat| seat.outcome == SeatOutcome::Waitlisted)
    {
        ProvisionOutcome::Waitlisted
    } else if mail == MailOutcome::Queued {
        ProvisionOutcome::InProgress
    } else {
        ProvisionOutcome::Complete
    }
}

/// Refuses a new team that would lie outside of what the caller is limited to.
fn require_to_make(call: &Call, organization: Option<&Id<Organization>>) -> Result<()> {
    match organization {
        Some(id) if call.caller.reach.holds(id.as_str()) => Ok(()),
        _ => call.caller.require_account(),
    }
}

/// What a team of this person's own is called: the company, or «Ada Byron's team».
fn default_team_name(user: &User) -> Result<Name> {
    let own = || {
        let shown: String = user.display_name().chars().take(190).collect();
        Name::parse(&format!("{shown}'s team")).map_err(Error::internal)
    };
    user.company.clone().map_or_else(own, Ok)
}

impl Work<'_> {
    fn stamp(&self) -> Stamp<'_> {
        Stamp {
            ids: self.ids,
            now: self.call.now,
        }
    }

    fn team(&mut self, decided: &Decided, first: &First) -> Result<(Team, RecordOutcome)> {
        match &decided.choice {
            Choice::Existing(team) => Ok(((**team).clone(), RecordOutcome::Existing)),
            Choice::New(name) => {
                let organization = first
                    .organization
                    .as_ref()
                    .map(|organization| organization.id.clone());
                require_to_make(self.call, organization.as_ref())?;
                let mut team = Team::named(name.clone(), organization, &self.stamp());
                self.plan.write_all(records::insertion(&team));
                self.plan.event(team.event("created"));
                team.member_count = 1;
                team.ownerless = self
                    .role
                    .as_ref()
                    .is_some_and(|role| role.role != TeamRole::Owner);
                Ok((team, RecordOutcome::Created))
            }
        }
    }
}
