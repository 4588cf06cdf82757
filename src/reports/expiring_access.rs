//! Whose places end soon: those that end on the days asked for, the next first.

use super::cell::{DaysLeft, report_row};
use super::{Asked, Asks, Conditions, Filter, Place, Report, read};
use crate::access::Caller;
use crate::db::{Column as _, Select, Value};
use crate::resource::Record;
use crate::seats::Assignment;
use crate::types::Timestamp;

/// Days ahead, where no last day is asked for.
const AHEAD: i64 = 30;

report_row! {
    /// A place that ends.
    Ending {
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
        /// When it ends.
        expires_at: Timestamp,
        /// Days until then, by the calendar of the time zone.
        days_left: DaysLeft,
        /// Whether it may be extended.
        extendable: bool,
    }
}

/// The report.
pub(super) const REPORT: Report = Report {
    name: "expiring_access",
    title: "Expiring access",
    summary: "Places that end in the days asked for, the next first; from now to 30 days ahead unless said.",
    filters: &[
        Filter::Organization,
        Filter::Team,
        Filter::Product,
        Filter::Tag,
        Filter::From,
        Filter::To,
    ],
    statuses: &[],
    columns: <Ending as super::ReportRow>::COLUMNS,
    read: read::<Ending>,
};

impl Asks for Ending {
    fn select(caller: &Caller, asked: &Asked, after: Option<&Place>, limit: i64) -> Select {
        let mut places = Conditions::default();
        if let Some(reach) = Assignment::REACH {
            places.reach(caller, reach);
        }
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
        let now = asked.clockwork.now;
        let from = asked.from.unwrap_or(now);
        let to = asked.to.unwrap_or_else(|| from.plus_days(AHEAD));
        places.with("seat_assignments.expires_at >= {}", Some(from.value()));
        places.with("seat_assignments.expires_at < {}", Some(to.value()));
        if let Some((at, id)) = after {
            let at = places.place(Value::Int(Some(at.parse().unwrap_or(i64::MAX))));
            let id = places.place(Value::text(id.as_str()));
            places.and(&format!(
                "(seat_assignments.expires_at, seat_assignments.id) > ({at}, {id})"
            ));
        }
        let limit = places.place(Value::Int(Some(limit)));
        Select::new(
            format!(
                "SELECT seat_assignments.id, u.id, u.email, u.name, t.id, t.name, s.id, p.name, seat_assignments.starts_at, seat_assignments.expires_at, \
                 seat_assignments.expires_at, s.extendable, CAST(seat_assignments.expires_at AS TEXT), seat_assignments.id \
                 FROM seat_assignments JOIN users u ON u.account_id = $1 AND u.id = seat_assignments.user_id \
                 JOIN teams t ON t.account_id = $1 AND t.id = seat_assignments.team_id JOIN seats s ON s.account_id = $1 AND s.id = seat_assignments.seat_id \
                 JOIN products p ON p.account_id = $1 AND p.id = seat_assignments.product_id \
                 WHERE seat_assignments.account_id = $1 AND seat_assignments.state = 'active' AND seat_assignments.expires_at IS NOT NULL{} \
                 ORDER BY seat_assignments.expires_at, seat_assignments.id LIMIT {limit}",
                places.text
            ),
            places.params,
        )
    }
}
