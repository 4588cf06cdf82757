//! How many places of each seat are bought, used, free and waited for, and what came and went on the days asked for.

use super::cell::report_row;
use super::{Asked, Asks, Conditions, Filter, Place, Report, read};
use crate::access::Caller;
use crate::db::{Column as _, Select, Value};
use crate::resource::Record;
use crate::seats::Seat;
use crate::types::Timestamp;

report_row! {
    /// A seat.
    Usage {
        /// The seat.
        seat_id: String,
        /// Its name, where it has one.
        name: Option<String>,
        /// Your own key of the seat.
        external_id: Option<String>,
        /// Its product.
        product_id: String,
        /// The product's name.
        product: String,
        /// The team that holds it, the first by name where several share it.
        team: Option<String>,
        /// How many teams hold it.
        teams: i64,
        /// `active` or `archived`.
        status: String,
        /// Places in all; empty: unlimited.
        quantity: Option<i64>,
        /// Places in use.
        assigned: i64,
        /// Places held for people who were invited.
        reserved: i64,
        /// Places used for good.
        spent: i64,
        /// Free places; empty: unlimited.
        available: Option<i64>,
        /// People who wait.
        waitlisted: i64,
        /// Used places in percent; empty: unlimited.
        used_percent: Option<i64>,
        /// Places given on the days asked for.
        given: i64,
        /// Places that ended on the days asked for.
        ended: i64,
        /// Wishes refused on the days asked for.
        denied: i64,
        /// When it was made.
        created_at: Timestamp,
    }
}

/// The report.
pub(super) const REPORT: Report = Report {
    name: "seat_usage",
    title: "Seat usage",
    summary: "Each seat with its places as they stand now. `given`, `ended` and `denied` count what happened in the days asked for, or ever.",
    filters: &[
        Filter::Organization,
        Filter::Team,
        Filter::Product,
        Filter::Status,
        Filter::Tag,
        Filter::From,
        Filter::To,
    ],
    statuses: &["active", "archived"],
    columns: <Usage as super::ReportRow>::COLUMNS,
    read: read::<Usage>,
};

impl Asks for Usage {
    fn select(caller: &Caller, asked: &Asked, after: Option<&Place>, limit: i64) -> Select {
        let mut seats = Conditions::default();
        let from = seats.place(asked.from.value());
        let to = seats.place(asked.to.value());
        let days = |column: &str| {
            format!(
                "{column} >= COALESCE({from}, 0) AND {column} < COALESCE({to}, 9223372036854775807)"
            )
        };
        if let Some(reach) = Seat::REACH {
            seats.reach(caller, reach);
        }
        seats.with(
            "EXISTS (SELECT 1 FROM seat_teams s WHERE s.account_id = $1 AND s.seat_id = seats.id AND s.team_id = {})",
            asked.team.as_deref().map(Value::text),
        );
        if asked.organization.is_some() {
            let mut holder = Conditions {
                text: String::new(),
                params: std::mem::take(&mut seats.params),
            };
            holder.team_below(asked, "s.team_id");
            seats.params = holder.params;
            seats.and(&format!(
                "EXISTS (SELECT 1 FROM seat_teams s WHERE s.account_id = $1 AND s.seat_id = seats.id{})",
                holder.text
            ));
        }
        seats.with(
            "seats.product_id = {}",
            asked.product.as_deref().map(Value::text),
        );
        seats.with(
            "EXISTS (SELECT 1 FROM JSON_LIST(seats.tags) AS tag WHERE tag.value = {})",
            asked.tag.as_deref().map(Value::text),
        );
        seats.status(asked, "seats.status");
        seats.with(
            "seats.id > {}",
            after.map(|(id, _)| Value::text(id.as_str())),
        );
        let limit = seats.place(Value::Int(Some(limit)));
        Select::new(
            format!(
                "SELECT seats.id, seats.name, seats.external_id, seats.product_id, p.name, \
                 (SELECT min(t.name) FROM seat_teams s JOIN teams t ON t.account_id = $1 AND t.id = s.team_id WHERE s.account_id = $1 AND s.seat_id = seats.id), \
                 (SELECT count(*) FROM seat_teams s WHERE s.account_id = $1 AND s.seat_id = seats.id), \
                 seats.status, seats.quantity, seats.assigned, seats.reserved, seats.spent, seats.available, seats.waitlisted, \
                 CASE WHEN seats.quantity > 0 THEN (seats.assigned + seats.reserved + seats.spent) * 100 / seats.quantity END, \
                 (SELECT count(*) FROM seat_ledger l WHERE l.account_id = $1 AND l.seat_id = seats.id AND l.assigned_delta > 0 AND {}), \
                 (SELECT count(*) FROM seat_ledger l WHERE l.account_id = $1 AND l.seat_id = seats.id AND l.assigned_delta < 0 AND {}), \
                 (SELECT count(*) FROM seat_denials d WHERE d.account_id = $1 AND d.seat_id = seats.id AND {}), \
                 seats.created_at, seats.id, '' \
                 FROM seats JOIN products p ON p.account_id = $1 AND p.id = seats.product_id WHERE seats.account_id = $1{} ORDER BY seats.id LIMIT {limit}",
                days("l.created_at"),
                days("l.created_at"),
                days("d.created_at"),
                seats.text
            ),
            seats.params,
        )
    }
}
