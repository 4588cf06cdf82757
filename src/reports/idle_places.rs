//! Places that nobody uses: in use by the counters, without activity in their courses since before a day.

use super::cell::report_row;
use super::{Asked, Asks, Conditions, Filter, Place, Report, read};
use crate::access::Caller;
use crate::db::{Column as _, Select, Value};
use crate::resource::Record;
use crate::seats::Assignment;
use crate::seats::reclaim::{idle_since, is_idle};
use crate::types::Timestamp;

/// Days without activity, where no day is asked for.
const IDLE: i64 = 30;

/// Where a place stands: nothing has been said, or its holder was told that it goes back.
const STATUS: &str =
    "CASE WHEN seat_assignments.reclaim_at IS NULL THEN 'idle' ELSE 'announced' END";

report_row! {
    /// A place that nobody uses.
    IdlePlace {
        /// The assignment.
        assignment_id: String,
        /// The person.
        user_id: String,
        /// Their address.
        email: String,
        /// Their name.
        name: Option<String>,
        /// The team they hold the place in.
        team_id: String,
        /// The team's name.
        team: String,
        /// The seat.
        seat_id: String,
        /// The product's name.
        product: String,
        /// When the place was given.
        starts_at: Option<Timestamp>,
        /// The last activity, or when the place was given, renewed or taken up again.
        idle_since: Timestamp,
        /// `idle`, or `announced` when its holder was told that it goes back.
        status: String,
        /// When it goes back.
        reclaim_at: Option<Timestamp>,
    }
}

/// The report.
pub(super) const REPORT: Report = Report {
    name: "idle_places",
    title: "Idle places",
    summary: "Places in use without activity since before `to`, 30 days ago unless said: whom a rule of so many days would concern. Who has completed all courses of the place is not idle.",
    filters: &[
        Filter::Organization,
        Filter::Team,
        Filter::Product,
        Filter::Status,
        Filter::Tag,
        Filter::To,
    ],
    statuses: &["idle", "announced"],
    columns: <IdlePlace as super::ReportRow>::COLUMNS,
    read: read::<IdlePlace>,
};

impl Asks for IdlePlace {
    fn select(caller: &Caller, asked: &Asked, after: Option<&Place>, limit: i64) -> Select {
        let mut places = Conditions::default();
        if let Some(reach) = Assignment::REACH {
            places.reach(caller, reach);
        }
        let before = asked
            .to
            .unwrap_or_else(|| asked.clockwork.now.plus_days(-IDLE));
        places.with(&is_idle(), Some(before.value()));
        places.with(
            "seat_assignments.team_id = {}",
            asked.team.as_deref().map(Value::text),
        );
        places.team_below(asked, "seat_assignments.team_id");
        places.with(
            "seat_assignments.product_id = {}",
            asked.product.as_deref().map(Value::text),
        );
        places.with(
            "EXISTS (SELECT 1 FROM JSON_LIST(u.tags) AS tag WHERE tag.value = {})",
            asked.tag.as_deref().map(Value::text),
        );
        places.status(asked, STATUS);
        if let Some((at, id)) = after {
            let at = places.place(Value::Int(Some(at.parse().unwrap_or(i64::MAX))));
            let id = places.place(Value::text(id.as_str()));
            places.and(&format!(
                "(seat_assignments.created_at, seat_assignments.id) > ({at}, {id})"
            ));
        }
        let limit = places.place(Value::Int(Some(limit)));
        Select::new(
            format!(
                "SELECT seat_assignments.id, u.id, u.email, u.name, t.id, t.name, seat_assignments.seat_id, p.name, seat_assignments.starts_at, {}, {STATUS}, \
                 seat_assignments.reclaim_at, CAST(seat_assignments.created_at AS TEXT), seat_assignments.id \
                 FROM seat_assignments JOIN users u ON u.account_id = $1 AND u.id = seat_assignments.user_id \
                 JOIN teams t ON t.account_id = $1 AND t.id = seat_assignments.team_id \
                 JOIN products p ON p.account_id = $1 AND p.id = seat_assignments.product_id \
                 WHERE seat_assignments.account_id = $1 AND seat_assignments.state = 'active'{} \
                 ORDER BY seat_assignments.created_at, seat_assignments.id LIMIT {limit}",
                idle_since(),
                places.text
            ),
            places.params,
        )
    }
}
