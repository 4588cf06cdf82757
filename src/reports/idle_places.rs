//! Places that nobody uses: in use by the counters, without activity in their courses since before a day.

use super::cell::place_row;
use super::places::{self, Shape};
use super::{Asked, Asks, Filter, Place, Report, read};
use crate::access::Caller;
use crate::db::{Column as _, Select};
use crate::seats::reclaim::{idle_since, is_idle};
use crate::types::Timestamp;

/// Days without activity, where no day is asked for.
const IDLE: i64 = 30;

/// Where a place stands: nothing has been said, or its holder was told that it goes back.
const STATUS: &str =
    "CASE WHEN seat_assignments.reclaim_at IS NULL THEN 'idle' ELSE 'announced' END";

place_row! {
    /// A place that nobody uses.
    IdlePlace {
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
        let mut places = places::conditions(caller, asked);
        let before = asked
            .to
            .unwrap_or_else(|| asked.clockwork.now.plus_days(-IDLE));
        places.with(&is_idle(), Some(before.value()));
        places.status(asked, STATUS);
        let shape = Shape {
            columns: &format!("{}, {STATUS}, seat_assignments.reclaim_at", idle_since()),
            joins: "",
            order: "seat_assignments.created_at",
        };
        places::select(places, &shape, after, limit)
    }
}
