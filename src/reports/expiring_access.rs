//! Whose places end soon: those that end on the days asked for, the next first.

use super::cell::{DaysLeft, place_row};
use super::places::{self, Shape};
use super::{Asked, Asks, Filter, Place, Report, read};
use crate::access::Caller;
use crate::db::{Column as _, Select};
use crate::types::Timestamp;

/// Days ahead, where no last day is asked for.
const AHEAD: i64 = 30;

place_row! {
    /// A place that ends.
    Ending {
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
        let mut places = places::conditions(caller, asked);
        places.and("seat_assignments.expires_at IS NOT NULL");
        let now = asked.clockwork.now;
        let from = asked.from.unwrap_or(now);
        let to = asked.to.unwrap_or_else(|| from.plus_days(AHEAD));
        places.with("seat_assignments.expires_at >= {}", Some(from.value()));
        places.with("seat_assignments.expires_at < {}", Some(to.value()));
        let shape = Shape {
            columns: "seat_assignments.expires_at, seat_assignments.expires_at, s.extendable",
            joins: "JOIN seats s ON s.account_id = $1 AND s.id = seat_assignments.seat_id",
            order: "seat_assignments.expires_at",
        };
        places::select(places, &shape, after, limit)
    }
}
