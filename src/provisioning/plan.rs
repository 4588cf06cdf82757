//! The plan of the call: pure but for the reads it begins with.

use serde_json::json;

use super::answer::{
    Answer, Made, MadePlaces, MailAnswer, MailOutcome, MembershipAnswer, Provision,
    ProvisionOutcome, RecordOutcome, SeatAnswer, SeatOutcome, TeamAnswer, UserAnswer,
};
use super::request::{ProvisionRequest, SeatPart, UserPart};
use super::scene::{self, First, Known, Line, SeatScene, welcome_key};
use super::team::{Choice, Decided, decide};
use crate::access::grants::{Granted, look_up, permissions_of, require_grant, require_grant_in};
use crate::access::links::{LinkPurpose, new_link};
use crate::access::roles::{MemberRole, TeamRole};
use crate::access::{ActorKind, Call, Permission, owners};
use crate::commerce::orders::provisioned::{self, Bought};
use crate::db::{Db, Statement};
use crate::email::{TemplateKind, outbox};
use crate::error::{Code, Error, Fault, Result};
use crate::events::{Event, Plan};
use crate::lifecycle::restore::PutAside;
use crate::locale::Locale;
use crate::params;
use crate::records;
use crate::resource::{Resolved, Resource, Stamp};
use crate::resources::user::{NewUser, UserPatch, UserStatus};
use crate::resources::{Organization, Team, User};
use crate::seats::actions::{Given, IfFull, Outcome, give, wanted_end};
use crate::seats::allocate::change_for;
use crate::seats::change::{Holder, exhausted, member_event};
use crate::seats::leave::require_to_readdress;
use crate::seats::{Access, Assignment, AssignmentState, Cause, Change, Seat};
use crate::types::text::Json;
use crate::types::{ExternalId, Id, Ids, Name, Patch};

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
    if before.is_some_and(|before| before.email_key != user.email_key) {
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

/// What an answer tells to be made, for those who would take it back.
fn made(answer: &Answer, places: Vec<MadePlaces>) -> Made {
    let membership = &answer.team.membership;
    let given = answer.seats.iter().filter(|seat| {
        matches!(
            seat.outcome,
            SeatOutcome::Assigned | SeatOutcome::Waitlisted
        )
    });
    Made {
        user: answer.user.outcome == RecordOutcome::Created,
        user_updated: answer.user.outcome == RecordOutcome::Updated,
        team: answer.team.outcome == RecordOutcome::Created,
        membership: (membership.outcome == RecordOutcome::Created).then(|| membership.role.clone()),
        role_changed: membership.outcome == RecordOutcome::Updated,
        places,
        assignments: given
            .filter_map(|seat| seat.assignment.as_ref())
            .filter(|one| one.provision_id.as_deref() == Some(answer.id.as_str()))
            .map(|one| one.id.clone())
            .collect(),
        mail: answer.welcome_email.id.clone(),
    }
}

/// The row of the provision and its event.
fn record(plan: &mut Plan, answer: &Answer, made: Made) {
    plan.write(Statement::insert(&Provision {
        id: answer.id.clone(),
        external_reference: answer.external_reference.clone(),
        outcome: answer.outcome,
        user_id: answer.user.user.id.clone(),
        team_id: Some(answer.team.team.id.clone()),
        mail_id: answer.welcome_email.id.clone(),
        answer: serde_json::to_value(answer).unwrap_or_default(),
        made: Json(made),
        created_at: answer.created_at,
        undone_at: None,
        undo_report: None,
    }));
    let lines: Vec<_> = answer
        .seats
        .iter()
        .map(|seat| json!({ "seat_id": seat.seat_id, "outcome": seat.outcome }))
        .collect();
    let data = json!({
        "id": answer.id, "external_reference": answer.external_reference, "outcome": answer.outcome, "user_id": answer.user.user.id,
        "team_id": answer.team.team.id, "rule": answer.team.decision.rule, "seats": lines,
    });
    plan.event(
        Event::new("provision.created", &answer.id, data)
            .user(&answer.user.user.id)
            .team(&answer.team.team.id),
    );
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

    fn user(&mut self, first: &First) -> Result<(User, RecordOutcome)> {
        let part = &self.request.user;
        let Some(before) = &first.user else {
            let email = part
                .email
                .clone()
                .ok_or_else(|| Error::internal("a person without an address was let through"))?;
            let user = User::from_new(new_user(part, email), &self.stamp());
            self.plan.write_all(records::insertion(&user));
            self.plan.event(user.event("created"));
            return Ok((user, RecordOutcome::Created));
        };
        if before.status == UserStatus::Deactivated {
            return Err(Error::new(Code::StateConflict, "The person is deactivated. Activate them first: PATCH /api/users/{id} with «status»: «active».")
                .with("user_id", before.id.as_str()));
        }
        let mut after = before.clone();
        let patch = patch_of(part, before, &first.known_by);
        after.apply(patch, &Resolved::default(), self.call.now)?;
        let changes = records::change(before, &after, "updated");
        if changes.is_empty() {
            return Ok((before.clone(), RecordOutcome::Existing));
        }
        self.plan.absorb(changes);
        Ok((after, RecordOutcome::Updated))
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

    async fn membership(
        &mut self,
        db: &Db,
        user: &User,
        team: &Team,
        team_outcome: RecordOutcome,
        first: &First,
        scene: &SeatScene,
    ) -> Result<MembershipAnswer> {
        let wanted = self.role.clone();
        let standing = first
            .candidates
            .memberships
            .iter()
            .find(|membership| membership.team.id == team.id);
        let Some(standing) = standing else {
            let first_member = if team_outcome == RecordOutcome::Created {
                TeamRole::Owner
            } else {
                TeamRole::Member
            };
            let role = wanted.unwrap_or_else(|| Granted::built_in(first_member));
            self.require_to_give(team, team_outcome, &role)?;
            self.plan.write(Statement::new(
                "INSERT INTO team_members (account_id, team_id, user_id, role, managed_by, joined_at) VALUES ($1, $2, $3, $4, 'provision', $5)",
                params![team.id.clone(), user.id.clone(), role.role, self.call.now],
            ));
            self.plan.write_all(role.note());
            self.plan
                .event(member_event(team, &user.id, role.role.as_str()));
            return Ok(MembershipAnswer {
                role: role.role.to_string(),
                outcome: RecordOutcome::Created,
            });
        };
        let Some(role) = wanted.filter(|role| role.role.as_str() != standing.role) else {
            self.is_member = true;
            return Ok(MembershipAnswer {
                role: standing.role.clone(),
                outcome: RecordOutcome::Existing,
            });
        };
        self.require_to_give(team, team_outcome, &role)?;
        if let Some(present) = MemberRole::parse(&standing.role) {
            let held = permissions_of(db, self.call.account(), &present).await?;
            require_grant_in(&self.call.caller, team.id.as_str(), &held)?;
        }
        if standing.role == TeamRole::Owner.as_str() {
            self.plan.write(owners::leave_team(&team.id, scene.owners)?);
        }
        self.plan.write(Statement::guarded(
            "UPDATE team_members SET role = $2, version = version + 1 WHERE account_id = $1 AND team_id = $3 AND user_id = $4 AND role = $5",
            params![role.role, team.id.clone(), user.id.clone(), standing.role.clone()],
        ));
        self.plan.write_all(role.note());
        let data = json!({ "team_id": team.id, "user_id": user.id, "role": role.role });
        self.plan.event(
            Event::new("team_member.updated", &team.id, data)
                .team(&team.id)
                .user(&user.id)
                .previous(json!({ "role": standing.role })),
        );
        Ok(MembershipAnswer {
            role: role.role.to_string(),
            outcome: RecordOutcome::Updated,
        })
    }

    /// Refuses a role that holds what the caller does not hold in the team. A team that this very call makes has nothing
    /// yet, and whoever may make it may give it its first owner.
    fn require_to_give(
        &self,
        team: &Team,
        team_outcome: RecordOutcome,
        role: &Granted<TeamRole>,
    ) -> Result<()> {
        let caller = &self.call.caller;
        if team_outcome == RecordOutcome::Existing {
            return require_grant_in(caller, team.id.as_str(), &role.permissions);
        }
        if role.permissions.is_subset(&TeamRole::Owner.permissions()) {
            return Ok(());
        }
        require_grant(caller, &role.permissions)
    }

    fn seats(
        &mut self,
        user: &User,
        team: &Team,
        first: &First,
        scene: &SeatScene,
    ) -> Result<Vec<SeatAnswer>> {
        let mut changes: Vec<(Change<'_>, Vec<Assignment>)> = Vec::new();
        let mut places = Vec::new();
        let (ids, call) = (self.ids, self.call);
        // All places are added before any is given, in whichever order the lines stand.
        for (n, (part, line)) in self.request.seats.iter().zip(&first.lines).enumerate() {
            let found = changes
                .iter()
                .position(|(change, _)| is_seat_of(change.seat(), line));
            let at = found.unwrap_or(changes.len());
            if found.is_none() {
                let change = change_of(n, team, line, first, scene, part, call, ids)?;
                changes.push((change, Vec::new()));
            }
            if let Some((change, _)) = changes.get_mut(at) {
                let added = self.add_places(part, change, scene);
                let bought = part.quantity.filter(|_| added == SeatOutcome::Added);
                self.bought.extend(bought.map(|quantity| Bought {
                    product_id: change.seat().product_id.clone(),
                    seat_id: change.seat().id.clone(),
                    quantity,
                }));
                places.push((at, added));
            }
        }
        let mut answers = Vec::new();
        for (n, (part, (at, added))) in self.request.seats.iter().zip(places).enumerate() {
            let given = changes.get_mut(at).filter(|_| part.assigns());
            answers.push(match given {
                Some((change, given)) => {
                    let (outcome, one) =
                        self.give_place(n, part, user, team, change, given, scene)?;
                    (at, outcome, Some(one))
                }
                None => (at, added, None),
            });
        }
        let mut access = Access::new();
        let mut seats: Vec<Seat> = Vec::new();
        for (mut change, _) in changes {
            let seat_id = change.seat().id.clone();
            let waits = |one: &&Assignment| one.seat_id == seat_id && one.user_id != user.id;
            let waiting: Vec<_> = scene.waiting.iter().filter(waits).cloned().collect();
            if change.gains() {
                change.promote_waiting(&waiting)?;
                self.places.push(MadePlaces {
                    seat_id: seat_id.clone(),
                    quantity: change.added(),
                    seat_made: change.makes_seat(),
                });
            }
            seats.push(change.finish(&mut self.plan, &mut access));
        }
        let products = first.lines.iter().map(|line| &line.product);
        access.write(&mut self.plan, products, ids, call.now);
        Ok(answers
            .into_iter()
            .filter_map(|(at, outcome, one)| Some(seat_answer(seats.get(at)?, team, outcome, one)))
            .collect())
    }

    /// The order of the places that were added under a reference.
    fn order(&mut self, team: &Team, first: &First) -> Result<()> {
        let Some(reference) = &self.request.external_reference else {
            return Ok(());
        };
        let bought = std::mem::take(&mut self.bought);
        let told = (reference, first.orders_told);
        provisioned::record(
            &mut self.plan,
            self.ids,
            self.call,
            &team.id,
            told,
            self.id.as_str(),
            bought,
        )
    }

    /// The places that a line adds, once for each reference.
    fn add_places(
        &self,
        part: &SeatPart,
        change: &mut Change<'_>,
        scene: &SeatScene,
    ) -> SeatOutcome {
        let Some(quantity) = part.quantity else {
            return SeatOutcome::Added;
        };
        if scene.added_before.contains(&change.seat().id) {
            return SeatOutcome::AlreadyAdded;
        }
        let reference = self.request.external_reference.as_ref();
        let reference = reference
            .map(ExternalId::as_str)
            .filter(|_| !change.has_reference());
        change.add(quantity, "added", reference);
        SeatOutcome::Added
    }

    /// The place that a line gives.
    #[expect(
        clippy::too_many_arguments,
        reason = "one line of the body against everything it may change"
    )]
    fn give_place(
        &self,
        n: usize,
        part: &SeatPart,
        user: &User,
        team: &Team,
        change: &mut Change<'_>,
        given: &mut Vec<Assignment>,
        scene: &SeatScene,
    ) -> Result<(SeatOutcome, Assignment)> {
        if let Some(one) = given.first() {
            // A line before this one has given it.
            let outcome = match one.state {
                AssignmentState::Waitlisted => SeatOutcome::Waitlisted,
                _ => SeatOutcome::AlreadyAssigned,
            };
            return Ok((outcome, one.clone()));
        }
        let pointer = format!("/seats/{n}/expires_at");
        let wanted = wanted_end(
            part.expires_at,
            part.expires_in_days,
            self.call.now,
            &pointer,
        )?;
        let until = change.seat().terms().end_within(wanted, self.call.now);
        let until = until.map_err(|fault| {
            Error::invalid(vec![Fault::new(
                pointer,
                "beyond_terms",
                format!("It {fault}."),
            )])
        })?;
        let holder = Holder {
            user_id: user.id.clone(),
            team_id: team.id.clone(),
            until,
            cause: Cause::Provision,
            provision_id: Some(self.id.to_string()),
            is_member: self.is_member,
        };
        let standing = scene
            .live
            .iter()
            .find(|one| one.seat_id == change.seat().id && one.user_id == user.id);
        let Given {
            outcome,
            assignment,
        } = give(
            change,
            standing,
            &holder,
            part.if_full.unwrap_or(IfFull::Fail),
            wanted,
        )?;
        given.push(assignment.clone());
        let outcome = match outcome {
            Outcome::Assigned => SeatOutcome::Assigned,
            Outcome::Waitlisted => SeatOutcome::Waitlisted,
            _ => SeatOutcome::AlreadyAssigned,
        };
        Ok((outcome, assignment))
    }

    /// The welcome mail, once for each person.
    fn welcome(
        &mut self,
        user: &User,
        team: &Team,
        first: &First,
        known: &Known,
        seats: &[SeatAnswer],
    ) -> MailAnswer {
        if self.request.welcome_email == Some(false) {
            return MailAnswer {
                state: MailOutcome::Off,
                id: None,
            };
        }
        if known.was_welcomed || user.status == UserStatus::Active {
            return MailAnswer {
                state: MailOutcome::NotNeeded,
                id: None,
            };
        }
        let (link, statements) = new_link(
            self.ids,
            self.call.now,
            user.id.as_str(),
            LinkPurpose::Welcome,
        );
        let [end_older, insert] = statements;
        if first.user.is_some() {
            self.plan.write(end_older);
        }
        self.plan.write(insert);
        let name_of = |id: &str| {
            first
                .lines
                .iter()
                .find(|line| line.product.id.as_str() == id)
                .map(|line| line.product.name.to_string())
        };
        let assigned = seats.iter().filter_map(|seat| {
            Some((
                seat,
                seat.assignment
                    .as_ref()
                    .filter(|one| one.state == AssignmentState::Active)?,
            ))
        });
        let products: Vec<_> = assigned.map(|(seat, one)| json!({ "name": name_of(&seat.product_id), "courses": [], "ends_at": one.expires_at })).collect();
        let inviter = (self.call.caller.actor.kind == ActorKind::User)
            .then(|| self.call.caller.actor.name.to_string());
        let locale = user
            .locale
            .as_ref()
            .and_then(|tag| Locale::parse(tag.as_str()).ok());
        let mail = outbox::NewMail {
            kind: TemplateKind::Welcome,
            user_id: Some(user.id.to_string()),
            to: user.email.clone(),
            locale: locale
                .or_else(|| Locale::parse(&first.locale).ok())
                .unwrap_or_else(Locale::english),
            context: json!({
                "organization": first.organization.as_ref().map(|organization| organization.name.as_str()),
                "inviter": inviter,
                "team": team.name,
                "products": products,
            }),
            once_key: Some(welcome_key(&user.id)),
            link_id: Some(link.to_string()),
            provision_id: Some(self.id.to_string()),
        };
        let id = outbox::queue(&mut self.plan, self.ids, self.call.now, mail);
        MailAnswer {
            state: MailOutcome::Queued,
            id: Some(id.to_string()),
        }
    }
}

fn new_user(part: &UserPart, email: crate::types::Email) -> NewUser {
    NewUser {
        email,
        first_name: part.first_name.clone(),
        last_name: part.last_name.clone(),
        name: part.name.clone(),
        company: part.company.clone(),
        external_id: part.external_id.clone(),
        locale: part.locale.clone(),
        timezone: part.timezone.clone(),
        tags: part.tags.clone().unwrap_or_default(),
        metadata: part.metadata.clone().unwrap_or_default(),
    }
}

/// The members given, as a patch; absent ones stay. An address or a key by which the person is known already, be it in
/// other letters or from before a merge, changes nothing.
fn patch_of(part: &UserPart, before: &User, known_by: &[&str]) -> UserPatch {
    fn set<T: Clone>(given: Option<&T>) -> Patch<T> {
        given.cloned().map_or(Patch::Keep, Patch::Set)
    }
    UserPatch {
        email: part
            .email
            .clone()
            .filter(|_| !known_by.contains(&"email_key")),
        first_name: set(part.first_name.as_ref()),
        last_name: set(part.last_name.as_ref()),
        name: set(part
            .name
            .as_ref()
            .filter(|name| before.name.as_ref() != Some(name))),
        company: set(part.company.as_ref()),
        external_id: set(part
            .external_id
            .as_ref()
            .filter(|_| !known_by.contains(&"external_id"))),
        locale: set(part.locale.as_ref()),
        timezone: set(part.timezone.as_ref()),
        status: None,
        tags: part.tags.clone(),
        metadata: part.metadata.clone(),
    }
}

fn seat_answer(
    seat: &Seat,
    team: &Team,
    outcome: SeatOutcome,
    assignment: Option<Assignment>,
) -> SeatAnswer {
    SeatAnswer {
        seat_id: seat.id.clone(),
        product_id: seat.product_id.to_string(),
        outcome,
        assignment,
        quantity: seat.quantity,
        assigned: seat.assigned,
        available: seat.available,
        shared_with: seat
            .team_ids
            .0
            .iter()
            .filter(|id| **id != team.id)
            .cloned()
            .collect(),
    }
}

/// Whether a seat is the one that a line means.
fn is_seat_of(seat: &Seat, line: &Line) -> bool {
    line.seat
        .as_ref()
        .map_or(seat.product_id == line.product.id, |named| {
            named.id == seat.id
        })
}

/// The seat of a line while it changes: the team's, the one named, or a new one.
#[expect(
    clippy::too_many_arguments,
    reason = "everything that was read, and the two sources of ids and time"
)]
fn change_of<'c>(
    n: usize,
    team: &Team,
    line: &Line,
    first: &First,
    scene: &SeatScene,
    part: &SeatPart,
    call: &'c Call,
    ids: &'c Ids,
) -> Result<Change<'c>> {
    if let Some(seat) = scene
        .seats
        .iter()
        .find(|seat| is_seat_of(seat, line))
        .or(line.seat.as_ref())
    {
        if !seat.team_ids.0.contains(&team.id) {
            let detail = "The seat named does not belong to the team; name the product instead, or the seat's own team.";
            return Err(Error::invalid(vec![Fault::new(
                format!("/seats/{n}/seat"),
                "not_of_team",
                detail,
            )]));
        }
        return Ok(Change::of(seat.clone(), call, ids));
    }
    let may_make = part.quantity.is_some()
        || part.if_full == Some(IfFull::Grow)
        || part.if_full == Some(IfFull::Waitlist);
    let terms = line
        .template
        .as_ref()
        .map_or(first.terms, crate::seats::SeatTemplate::terms);
    let template = line.template.as_ref().map(|template| &template.id);
    let key = (&team.id, &line.product.id);
    let change = change_for(None, key, terms, template, call, ids);
    if !may_make {
        let error = exhausted(change.seat(), 1);
        return Err(Error::new(
            Code::SeatsExhausted,
            format!(
                "The team has no seat of «{}» yet. {}",
                line.product.name,
                error.detail()
            ),
        )
        .with("product_id", line.product.id.as_str())
        .with("requested", 1)
        .with("available", 0));
    }
    Ok(change)
}
