//! Taking a provision back, for seven days: what it made goes where nothing later stands on it, and the rest is named
//! with the reason. Nothing is half undone: it is one plan, made from what is true and refused when that has changed.
//!
//! People and teams that go are put aside and can be restored. A place that was used stays; places that were added go as
//! far as they are free. A second undo finds the first one's report and changes nothing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::answer::{Made, Provision};
use crate::access::{Call, Permission, Reach};
use crate::db::{Batch, Db, Select, Statement};
use crate::email::outbox::{MailRow, MailState, by_id};
use crate::error::{Code, Error, Result};
use crate::events::{Event, Plan};
use crate::params;
use crate::resource::Resource;
use crate::resources::user::UserStatus;
use crate::resources::{Enrollment, Product, Team, User};
use crate::seats::actions::PROMOTE_AT_ONCE;
use crate::seats::{Access, Assignment, AssignmentState, Change, Seat};
use crate::types::{Id, Ids, Timestamp};

/// Days for which a provision can be taken back.
pub const UNDO_DAYS: i64 = 7;

crate::words! {
    /// What became of an undo.
    pub enum UndoOutcome {
        /// It was carried out.
        Undone = "undone",
        /// It was carried out before; nothing has changed.
        AlreadyUndone = "already_undone",
    }
}

/// One thing that the provision made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UndoItem {
    /// What it is: `user`, `team`, `membership`, `assignment`, `places`, `mail`.
    pub what: String,
    /// Its id.
    pub id: String,
    /// What becomes of it, or why it stays.
    pub says: String,
}

/// What was taken back and what was not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UndoReport {
    /// What was taken back.
    pub undone: Vec<UndoItem>,
    /// What stays, and why.
    pub kept: Vec<UndoItem>,
}

/// A provision that was taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Undone {
    /// The provision.
    pub id: Id<Provision>,
    /// Whether this call has done it.
    pub outcome: UndoOutcome,
    /// When it was taken back.
    pub undone_at: Timestamp,
    /// What was taken back and what was not.
    #[serde(flatten)]
    pub report: UndoReport,
}

impl UndoReport {
    fn undone(&mut self, what: &str, id: &(impl ToString + ?Sized), says: impl Into<String>) {
        self.undone.push(item(what, id, says));
    }

    fn kept(&mut self, what: &str, id: &(impl ToString + ?Sized), says: impl Into<String>) {
        self.kept.push(item(what, id, says));
    }
}

fn item(what: &str, id: &(impl ToString + ?Sized), says: impl Into<String>) -> UndoItem {
    UndoItem {
        what: what.to_owned(),
        id: id.to_string(),
        says: says.into(),
    }
}

/// Everything the undo decides on.
struct Scene {
    provision: Provision,
    user: Option<User>,
    team: Option<Team>,
    /// The role the person has in the team now.
    role: Option<String>,
    /// Places of the person, live ones.
    live: Vec<Assignment>,
    seats: Vec<Seat>,
    products: Vec<Product>,
    waiting: Vec<Assignment>,
    enrollments: Vec<Enrollment>,
    mail: Option<MailRow>,
    /// Other memberships of the person, other provisions of the person, other members of the team, other owners of it,
    /// live seats of the team, and places given for it to others.
    counts: (i64, i64, i64, i64, i64, i64),
}

/// Plans the taking back of a provision.
pub async fn plan_undo(
    db: &Db,
    ids: &Ids,
    call: &Call,
    id: &Id<Provision>,
) -> Result<(Plan, Undone)> {
    call.caller.require(Permission::ProvisionUndo)?;
    let scene = scene(db, call, id).await?;
    let mut plan = Plan::new("provision.undo");
    if let Some(at) = scene.provision.undone_at {
        let report = scene.provision.undo_report.clone().unwrap_or_default();
        let undone = Undone {
            id: id.clone(),
            outcome: UndoOutcome::AlreadyUndone,
            undone_at: at,
            report: serde_json::from_value(report).unwrap_or_default(),
        };
        return Ok((plan, undone));
    }
    if scene.provision.created_at.plus_days(UNDO_DAYS) <= call.now {
        return Err(Error::new(
            Code::StateConflict,
            format!(
                "A provision can be taken back for {UNDO_DAYS} days. Remove what it made by itself: revoke the places, remove the member, delete the person."
            ),
        ));
    }
    let mut work = Work {
        ids,
        call,
        made: scene.provision.made.0.clone(),
        plan: &mut plan,
        report: UndoReport::default(),
    };
    work.mail(&scene);
    let ended = work.seats(&scene)?;
    work.records(&scene, &ended);
    work.changes(&scene);
    let report = work.report;
    plan.write(Statement::guarded(
        "UPDATE provisions SET undone_at = $2, undo_report = $3 WHERE account_id = $1 AND id = $4 AND undone_at IS NULL",
        params![
            call.now,
            serde_json::to_string(&report).unwrap_or_default(),
            id.clone()
        ],
    ));
    let data = json!({ "id": id, "undone": report.undone, "kept": report.kept });
    let mut event = Event::new("provision.undone", id, data).user(&scene.provision.user_id);
    if let Some(team) = &scene.provision.team_id {
        event = event.team(team);
    }
    plan.event(event);
    let undone = Undone {
        id: id.clone(),
        outcome: UndoOutcome::Undone,
        undone_at: call.now,
        report,
    };
    Ok((plan, undone))
}

async fn scene(db: &Db, call: &Call, id: &Id<Provision>) -> Result<Scene> {
    let not_found = || Error::not_found("provision");
    let found = Select::rows::<Provision>("WHERE account_id = $1 AND id = $2", params![id.clone()]);
    let provision = db
        .first::<Provision>(call.account(), found)
        .await?
        .ok_or_else(not_found)?;
    if let Reach::Teams(teams) = &call.caller.reach
        && !provision
            .team_id
            .as_ref()
            .is_some_and(|team| teams.contains(team.as_str()))
    {
        return Err(not_found());
    }
    let (user_id, team_id) = (
        provision.user_id.to_string(),
        provision
            .team_id
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
    );
    let made = &provision.made.0;
    let seat_ids: Vec<&str> = made.places.iter().map(|one| one.seat_id.as_str()).collect();
    let assignment_ids: Vec<&str> = made.assignments.iter().map(Id::as_str).collect();
    let list = |ids: &[&str]| serde_json::to_string(ids).unwrap_or_default();
    let (seat_ids, assignment_ids) = (list(&seat_ids), list(&assignment_ids));
    let seats_of = "SELECT value FROM JSON_LIST($2) AS l UNION SELECT seat_id FROM seat_assignments WHERE account_id = $1 AND id IN (SELECT value FROM JSON_LIST($3) AS a)";
    let of_seats = || params![seat_ids.clone(), assignment_ids.clone()];
    let pair = || params![user_id.clone(), team_id.clone()];
    let mut batch = Batch::new();
    let user = batch.add::<User>(Select::rows::<User>(
        "WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL",
        params![user_id.clone()],
    ));
    let team = batch.add::<Team>(Select::rows::<Team>(
        "WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL",
        params![team_id.clone()],
    ));
    let role = batch.add::<(String,)>(Select::new(
        "SELECT role FROM team_members WHERE account_id = $1 AND user_id = $2 AND team_id = $3",
        pair(),
    ));
    let live = batch.add::<Assignment>(Select::rows::<Assignment>(
        "WHERE account_id = $1 AND user_id = $2 AND state IN ('waitlisted', 'reserved', 'active')",
        params![user_id.clone()],
    ));
    let seats = batch.add::<Seat>(Select::rows::<Seat>(
        &format!("WHERE account_id = $1 AND id IN ({seats_of})"),
        of_seats(),
    ));
    let products = batch.add::<Product>(Select::rows::<Product>(
        &format!("WHERE account_id = $1 AND id IN (SELECT product_id FROM seats WHERE account_id = $1 AND id IN ({seats_of}))"),
        of_seats(),
    ));
    let waiting = batch.add::<Assignment>(Select::rows::<Assignment>(
        &format!("WHERE account_id = $1 AND state = 'waitlisted' AND seat_id IN ({seats_of}) ORDER BY created_at, id LIMIT {PROMOTE_AT_ONCE}"),
        of_seats(),
    ));
    let enrollments = batch.add::<Enrollment>(Select::rows::<Enrollment>(
        "WHERE account_id = $1 AND user_id = $2 AND source = 'seat'",
        params![user_id.clone()],
    ));
    let mail = made.mail.as_deref().and_then(Id::parse);
    let mail = mail.map(|id| batch.add::<MailRow>(by_id(&id)));
    let counts = batch.add::<(i64, i64, i64, i64, i64, i64)>(Select::new(
        "SELECT (SELECT count(*) FROM team_members WHERE account_id = $1 AND user_id = $2 AND team_id <> $3), \
         (SELECT count(*) FROM provisions WHERE account_id = $1 AND user_id = $2 AND id <> $4 AND undone_at IS NULL), \
         (SELECT count(*) FROM team_members WHERE account_id = $1 AND team_id = $3 AND user_id <> $2), \
         (SELECT count(*) FROM team_members WHERE account_id = $1 AND team_id = $3 AND user_id <> $2 AND role = 'owner'), \
         (SELECT count(*) FROM seat_teams WHERE account_id = $1 AND team_id = $3 AND live), \
         (SELECT count(*) FROM seat_assignments WHERE account_id = $1 AND team_id = $3 AND user_id <> $2 AND state IN ('waitlisted', 'reserved', 'active'))",
        params![user_id.clone(), team_id.clone(), id.clone()],
    ));
    let mut rows = db.read(call.account(), batch).await?;
    Ok(Scene {
        user: rows.first(&user),
        team: rows.first(&team),
        role: rows.first(&role).map(|(role,)| role),
        live: rows.take(&live),
        seats: rows.take(&seats),
        products: rows.take(&products),
        waiting: rows.take(&waiting),
        enrollments: rows.take(&enrollments),
        mail: mail.and_then(|slot| rows.first(&slot)),
        counts: rows.first(&counts).unwrap_or_default(),
        provision,
    })
}

struct Work<'w> {
    ids: &'w Ids,
    call: &'w Call,
    made: Made,
    plan: &'w mut Plan,
    report: UndoReport,
}

impl Work<'_> {
    /// The mail, if it still waits to be sent, with the sign-in link in it.
    fn mail(&mut self, scene: &Scene) {
        let Some(mail) = &scene.mail else { return };
        if mail.state != MailState::Queued {
            let says = format!("It is {} already.", mail.state);
            self.report.kept("mail", &mail.id, says);
            return;
        }
        self.plan.write(Statement::guarded(
            "UPDATE mails SET state = 'failed', once_key = NULL, last_reply = $2 WHERE account_id = $1 AND id = $3 AND state = 'queued'",
            params![
                "The provision was taken back before the mail was sent.".to_owned(),
                mail.id
            ],
        ));
        if let Some(link) = &mail.link_id {
            self.plan.write(Statement::new(
                "DELETE FROM sign_in_links WHERE account_id = $1 AND id = $2 AND used_at IS NULL",
                params![link.clone()],
            ));
        }
        self.report.undone("mail", &mail.id, "It is not sent.");
    }

    /// Places given and added. Gives the assignments that end.
    fn seats(&mut self, scene: &Scene) -> Result<Vec<Assignment>> {
        let mut ended = Vec::new();
        let mut access = Access::new();
        for seat in &scene.seats {
            let mut change = Change::of(seat.clone(), self.call, self.ids);
            for one in scene.live.iter().filter(|one| one.seat_id == seat.id) {
                if !self.made.assignments.contains(&one.id) {
                    continue;
                }
                if let Some(why) = used(scene, one) {
                    self.report.kept("assignment", &one.id, why);
                    continue;
                }
                ended.push(change.retract(one)?);
                let says = if one.state == AssignmentState::Waitlisted {
                    "The wish is taken out of the waiting line."
                } else {
                    "The place is taken back."
                };
                self.report.undone("assignment", &one.id, says);
            }
            self.places(seat, &mut change);
            let waits = |one: &&Assignment| {
                one.seat_id == seat.id && !ended.iter().any(|other| other.id == one.id)
            };
            let waiting: Vec<_> = scene
                .waiting
                .iter()
                .filter(waits)
                .take_while(|one| one.user_id != scene.provision.user_id)
                .cloned()
                .collect();
            change.promote_waiting(&waiting)?;
            change.finish(self.plan, &mut access);
        }
        access.write(self.plan, &scene.products, self.ids, self.call.now);
        for id in &self.made.assignments {
            if !scene.live.iter().any(|one| one.id == *id) {
                self.report
                    .kept("assignment", id, "It has ended by itself meanwhile.");
            }
        }
        Ok(ended)
    }

    /// Places that were added to a seat, as far as they are free.
    fn places(&mut self, seat: &Seat, change: &mut Change<'_>) {
        let added: i64 = self
            .made
            .places
            .iter()
            .filter(|one| one.seat_id == seat.id)
            .map(|one| one.quantity)
            .sum();
        if added == 0 {
            return;
        }
        let taken = change.take_away(added, "undone");
        if taken > 0 {
            let says = format!("{taken} places are taken off the seat.");
            self.report.undone("places", &seat.id, says);
        }
        if taken < added {
            let says = format!("{} places are in use.", added - taken);
            self.report.kept("places", &seat.id, says);
        } else if self
            .made
            .places
            .iter()
            .any(|one| one.seat_id == seat.id && one.seat_made)
        {
            let says = "The seat stays without places: its ledger is never removed.";
            self.report.kept("seat", &seat.id, says);
        }
    }

    /// Membership, team and person, each where nothing stands on it.
    fn records(&mut self, scene: &Scene, ended: &[Assignment]) {
        let (memberships, provisions, members, owners, seats, for_others) = scene.counts;
        let is_left = |one: &&Assignment| !ended.iter().any(|other| other.id == one.id);
        let left: Vec<_> = scene.live.iter().filter(is_left).collect();
        let user_goes = self.user_goes(scene, memberships, provisions, left.len());
        let places_for_team = left
            .iter()
            .filter(|one| Some(&one.team_id) == scene.provision.team_id.as_ref())
            .count();
        let own_seats = self.made.places.iter().filter(|one| one.seat_made).count();
        let own_seats = i64::try_from(own_seats).unwrap_or(i64::MAX);
        let team_is_free = members == 0
            && places_for_team == 0
            && for_others == 0
            && seats <= own_seats
            && !self.report.kept.iter().any(|one| one.what == "places");
        let team_goes = self.made.team && scene.team.is_some() && team_is_free;
        let is_last_owner = scene.role.as_deref() == Some("owner") && owners == 0 && members > 0;
        self.membership(scene, user_goes, team_goes, places_for_team, is_last_owner);
        if let (true, Some(team)) = (self.made.team, &scene.team) {
            if team_goes {
                self.plan.write_all(team.farewell(self.call.now));
                self.plan.write(put_aside(
                    "teams",
                    team.id.as_str(),
                    self.call.now,
                    team.version,
                ));
                self.plan.event(team.event("deleted"));
                self.report.undone(
                    "team",
                    &team.id,
                    "It is put aside; it can be restored for 30 days.",
                );
            } else {
                self.report.kept(
                    "team",
                    &team.id,
                    "Others are in it, or places of it are in use.",
                );
            }
        }
        if let (true, Some(user)) = (user_goes, &scene.user) {
            self.plan.write_all(user.farewell(self.call.now));
            self.plan.write(put_aside(
                "users",
                user.id.as_str(),
                self.call.now,
                user.version,
            ));
            self.plan.event(user.event("deleted"));
            self.report.undone(
                "user",
                &user.id,
                "The person is put aside and can be restored for 30 days.",
            );
        }
    }

    /// Whether the person goes; where not, the reason is told.
    fn user_goes(
        &mut self,
        scene: &Scene,
        memberships: i64,
        provisions: i64,
        places: usize,
    ) -> bool {
        let Some(user) = scene.user.as_ref().filter(|_| self.made.user) else {
            return false;
        };
        let why = if user.status != UserStatus::Invited || user.last_seen_at.is_some() {
            "The person has signed in."
        } else if memberships > 0 {
            "The person is in other teams."
        } else if provisions > 0 {
            "Later provisions are about the person."
        } else if places > 0 {
            "The person has places that are in use, or were given later."
        } else if user.version > 1 {
            "The record was changed later."
        } else {
            return true;
        };
        self.report.kept("user", &user.id, why);
        false
    }

    fn membership(
        &mut self,
        scene: &Scene,
        user_goes: bool,
        team_goes: bool,
        places: usize,
        is_last_owner: bool,
    ) {
        let (Some(made), Some(team), Some(user)) =
            (&self.made.membership, &scene.team, &scene.user)
        else {
            return;
        };
        let Some(role) = scene.role.clone() else {
            return;
        };
        let why = if role != *made {
            Some("The role was changed later.")
        } else if places > 0 {
            Some("The person has places for this team.")
        } else if is_last_owner {
            Some("The person is the team's last owner.")
        } else {
            None
        };
        let name = format!("{}/{}", team.id, user.id);
        if let Some(why) = why.filter(|_| !user_goes && !team_goes) {
            self.report.kept("membership", &name, why);
            return;
        }
        self.report.undone("membership", &name, "It ends.");
        let data = json!({ "team_id": team.id, "user_id": user.id, "role": role });
        self.plan.event(
            Event::new("team_member.removed", &team.id, data)
                .team(&team.id)
                .user(&user.id),
        );
        // With the person or the team the row goes anyway, and is kept for a restore.
        if !user_goes && !team_goes {
            self.plan.write(Statement::guarded(
                "DELETE FROM team_members WHERE account_id = $1 AND team_id = $2 AND user_id = $3 AND role = $4",
                params![team.id.clone(), user.id.clone(), role],
            ));
        }
    }

    /// Changes of what stood before are not taken back.
    fn changes(&mut self, scene: &Scene) {
        if self.made.user_updated {
            let says = "The record was changed, not made; its events tell how it was before.";
            self.report.kept("user", &scene.provision.user_id, says);
        }
        if let (true, Some(team)) = (self.made.role_changed, &scene.provision.team_id) {
            let name = format!("{team}/{}", scene.provision.user_id);
            let says = "The role was changed, not given; its events tell what it was before.";
            self.report.kept("membership", &name, says);
        }
    }
}

fn put_aside(table: &str, id: &str, now: Timestamp, version: i64) -> Statement {
    Statement::guarded(
        format!(
            "UPDATE {table} SET deleted_at = $2, updated_at = $2, version = version + 1 WHERE account_id = $1 AND id = $3 AND version = $4 AND deleted_at IS NULL"
        ),
        params![now, id.to_owned(), version],
    )
}

/// Why a place cannot be taken back: it has been used.
fn used(scene: &Scene, one: &Assignment) -> Option<&'static str> {
    if one.state != AssignmentState::Active {
        return None;
    }
    let product = scene
        .products
        .iter()
        .find(|product| product.id == one.product_id)?;
    let has_begun = |enrollment: &&Enrollment| {
        product.course_ids.0.contains(&enrollment.course_id)
            && (enrollment.percent > 0 || enrollment.started_at.is_some())
    };
    scene
        .enrollments
        .iter()
        .find(has_begun)
        .map(|_| "The person has begun to learn.")
}
