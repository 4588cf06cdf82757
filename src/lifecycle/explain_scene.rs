//! What an explanation of access rests on, read at once.

use super::restore::aside;
use crate::access::Call;
use crate::db::{Batch, Db, Select};
use crate::error::{Error, Result};
use crate::events::EventRow;
use crate::params;
use crate::records::{self, reach_condition};
use crate::resources::{Course, Enrollment, Product, Team, User};
use crate::seats::ledger::LedgerEntry;
use crate::seats::{Assignment, Seat};
use crate::types::{Id, Ref, Timestamp};

/// Everything that is known of a person and a course.
pub(super) struct Scene {
    pub(super) user: User,
    pub(super) course: Course,
    pub(super) now: Timestamp,
    pub(super) enrollments: Vec<Enrollment>,
    pub(super) products: Vec<Product>,
    pub(super) assignments: Vec<Assignment>,
    /// Teams the person is in, or was in when they were put aside.
    pub(super) teams: Vec<Id<Team>>,
    /// Seats of the person's teams and assignments.
    pub(super) own_seats: Vec<Seat>,
    /// Other seats of a product with the course, those with free places first.
    pub(super) other_seats: Vec<Seat>,
    pub(super) orders: Vec<LedgerEntry>,
    pub(super) events: Vec<EventRow>,
}

/// Reads it.
pub(super) async fn scene(
    db: &Db,
    call: &Call,
    user: &Ref<User>,
    course: &Ref<Course>,
) -> Result<Scene> {
    let caller = &call.caller;
    let user = match records::maybe::<User>(db, caller, user).await? {
        Some(user) => Some(user),
        None if caller.require_account().is_ok() => {
            db.first::<User>(&caller.account, aside::<User>(user))
                .await?
        }
        None => None,
    };
    let user = user.ok_or_else(|| Error::not_found("user"))?;
    // Courses belong to the whole account: whoever may see the person may name one.
    let course = records::find::<Course>(db, caller, course).await?;
    let of_course =
        "SELECT product_id FROM product_courses WHERE account_id = $1 AND course_id = $3";
    let members = if user.deleted_at.is_some() {
        "SELECT f.team_id, f.joined_at FROM former_members f JOIN teams t ON t.account_id = $1 AND t.id = f.team_id AND t.deleted_at IS NULL \
         WHERE f.account_id = $1 AND f.departed_id = $2"
    } else {
        "SELECT f.team_id, f.joined_at FROM team_members f WHERE f.account_id = $1 AND f.user_id = $2"
    };
    let both = || params![user.id.clone(), course.id.clone()];
    let mut batch = Batch::new();
    let enrollments = batch.add::<Enrollment>(Select::rows::<Enrollment>(
        "WHERE account_id = $1 AND user_id = $2 AND course_id = $3",
        both(),
    ));
    let products = batch.add::<Product>(Select::rows::<Product>(
        "WHERE account_id = $1 AND id IN (SELECT product_id FROM product_courses WHERE account_id = $1 AND course_id = $2) \
         ORDER BY CASE WHEN status = 'archived' THEN 1 ELSE 0 END, id LIMIT 50",
        params![course.id.clone()],
    ));
    let assignments = batch.add::<Assignment>(Select::rows::<Assignment>(
        &format!("WHERE account_id = $1 AND user_id = $2 AND product_id IN ({of_course}) ORDER BY id DESC LIMIT 50"),
        both(),
    ));
    let teams = batch.add::<(Id<Team>, Timestamp)>(Select::new(
        format!("{members} ORDER BY f.joined_at, f.team_id LIMIT 200"),
        params![user.id.clone()],
    ));
    let own = format!(
        "WHERE seats.account_id = $1 AND (seats.id IN (SELECT a.seat_id FROM seat_assignments a WHERE a.account_id = $1 AND a.user_id = $2 AND a.product_id IN ({of_course})) \
         OR seats.id IN (SELECT s.seat_id FROM seat_teams s WHERE s.account_id = $1 AND s.product_id IN ({of_course}) \
         AND s.team_id IN (SELECT m.team_id FROM ({members}) m))) LIMIT 100"
    );
    let own_seats = batch.add::<Seat>(Select::rows::<Seat>(&own, both()));
    let mut values = params![course.id.clone()];
    let reach = reach_condition::<Seat>(caller, 3).map(|(condition, value)| {
        values.push(value);
        condition
    });
    let other_seats = batch.add::<Seat>(Select::rows::<Seat>(
        &format!(
            "WHERE seats.account_id = $1 AND seats.status = 'active' AND seats.product_id IN (SELECT product_id FROM product_courses WHERE account_id = $1 AND course_id = $2){} \
             ORDER BY CASE WHEN seats.available IS NULL OR seats.available > 0 THEN 0 ELSE 1 END, seats.id LIMIT 20",
            reach.unwrap_or_default()
        ),
        values,
    ));
    let orders = batch.add::<LedgerEntry>(Select::rows::<LedgerEntry>(
        &format!(
            "WHERE account_id = $1 AND quantity_delta > 0 AND seat_id IN (SELECT a.seat_id FROM seat_assignments a WHERE a.account_id = $1 AND a.user_id = $2 \
             AND a.state = 'active' AND a.product_id IN ({of_course})) ORDER BY created_at DESC, id DESC LIMIT 50"
        ),
        both(),
    ));
    let events = batch.add::<EventRow>(Select::rows::<EventRow>(
        &format!(
            "WHERE account_id = $1 AND user_id = $2 AND (subject_id IN (SELECT a.id FROM seat_assignments a WHERE a.account_id = $1 AND a.user_id = $2 \
             AND a.product_id IN ({of_course})) OR subject_id IN (SELECT e.id FROM enrollments e WHERE e.account_id = $1 AND e.user_id = $2 AND e.course_id = $3)) \
             ORDER BY id DESC LIMIT 100"
        ),
        both(),
    ));
    let mut rows = db.read(&caller.account, batch).await?;
    Ok(Scene {
        now: call.now,
        enrollments: rows.take(&enrollments),
        products: rows.take(&products),
        assignments: rows.take(&assignments),
        teams: rows
            .take(&teams)
            .into_iter()
            .map(|(team, _)| team)
            .collect(),
        own_seats: rows.take(&own_seats),
        other_seats: rows.take(&other_seats),
        orders: rows.take(&orders),
        events: rows.take(&events),
        user,
        course,
    })
}
