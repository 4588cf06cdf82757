//! Who was refused a place and who waits for one: what more seats would have been for.

use super::cell::report_row;
use super::{Asked, Asks, Conditions, Filter, Place, Report, read};
use crate::access::Caller;
use crate::db::{Select, Value};
use crate::types::Timestamp;

report_row! {
    /// A wish without a place.
    Wish {
        /// The denial or the assignment that waits.
        id: String,
        /// `denied` or `waitlisted`.
        status: String,
        /// When.
        created_at: Timestamp,
        /// The person, where the wish named one.
        user_id: Option<String>,
        /// Their address.
        email: Option<String>,
        /// The seat.
        seat_id: String,
        /// The product's name.
        product: String,
        /// The team that holds the seat, the first by name where several share it.
        team: Option<String>,
        /// Places wanted.
        requested: i64,
        /// Places that were free.
        available: i64,
        /// By which way the wish came.
        cause: String,
    }
}

/// The report.
pub(super) const REPORT: Report = Report {
    name: "denials_and_waitlist",
    title: "Denials and waitlist",
    summary: "Each wish that was refused for want of places, and each person who waits for one, the earliest first.",
    filters: &[
        Filter::Organization,
        Filter::Team,
        Filter::Product,
        Filter::Status,
        Filter::From,
        Filter::To,
    ],
    statuses: &["denied", "waitlisted"],
    columns: <Wish as super::ReportRow>::COLUMNS,
    read: read::<Wish>,
};

/// The conditions of both halves; `w` stands for the wish, `s` for its seat.
fn conditions(caller: &Caller, asked: &Asked, after: Option<&Place>) -> Conditions {
    let mut wishes = Conditions::default();
    let held =
        "EXISTS (SELECT 1 FROM seat_teams h WHERE h.account_id = $1 AND h.seat_id = s.id AND";
    wishes.reach(caller, &format!("{held} h.team_id IN {{}})"));
    wishes.with(
        &format!("{held} h.team_id = {{}})"),
        asked.team.as_deref().map(Value::text),
    );
    if asked.organization.is_some() {
        let mut holder = Conditions {
            text: String::new(),
            params: std::mem::take(&mut wishes.params),
        };
        holder.team_below(asked, "h.team_id");
        wishes.params = holder.params;
        wishes.and(&format!("{held} TRUE{})", holder.text));
    }
    wishes.with(
        "s.product_id = {}",
        asked.product.as_deref().map(Value::text),
    );
    wishes.days(asked, "w.created_at");
    if let Some((at, id)) = after {
        let at = wishes.place(Value::Int(Some(at.parse().unwrap_or(i64::MAX))));
        let id = wishes.place(Value::text(id.as_str()));
        wishes.and(&format!("(w.created_at, w.id) > ({at}, {id})"));
    }
    wishes
}

impl Asks for Wish {
    fn select(caller: &Caller, asked: &Asked, after: Option<&Place>, limit: i64) -> Select {
        let mut wishes = conditions(caller, asked, after);
        let limit = wishes.place(Value::Int(Some(limit)));
        let wanted = |word: &str| {
            let words = asked.status.as_ref();
            words.is_none_or(|words| words.iter().any(|one| one == word))
        };
        let both = |word: &str| if wanted(word) { "" } else { " AND FALSE" };
        let team = "(SELECT min(t.name) FROM seat_teams h JOIN teams t ON t.account_id = $1 AND t.id = h.team_id WHERE h.account_id = $1 AND h.seat_id = s.id)";
        let around = "JOIN seats s ON s.account_id = $1 AND s.id = w.seat_id JOIN products p ON p.account_id = $1 AND p.id = s.product_id \
                      LEFT JOIN users u ON u.account_id = $1 AND u.id = w.user_id";
        Select::new(
            format!(
                "SELECT id, status, created_at, user_id, email, seat_id, product, team, requested, available, cause, CAST(created_at AS TEXT), id FROM (\
                 SELECT * FROM (SELECT w.id, 'denied' AS status, w.created_at, w.user_id, u.email, s.id AS seat_id, p.name AS product, {team} AS team, \
                 w.requested, w.available AS available, w.cause FROM seat_denials w {around} WHERE w.account_id = $1{}{} \
                 ORDER BY w.created_at, w.id LIMIT {limit}) AS denied \
                 UNION ALL SELECT * FROM (SELECT w.id, 'waitlisted' AS status, w.created_at, w.user_id, u.email, s.id AS seat_id, p.name AS product, \
                 {team} AS team, CAST(1 AS BIGINT) AS requested, CAST(0 AS BIGINT) AS available, w.cause FROM seat_assignments w {around} \
                 WHERE w.account_id = $1 AND w.state = 'waitlisted'{}{} ORDER BY w.created_at, w.id LIMIT {limit}) AS waiting\
                 ) AS wishes ORDER BY wishes.created_at, wishes.id LIMIT {limit}",
                wishes.text,
                both("denied"),
                wishes.text,
                both("waitlisted"),
            ),
            wishes.params,
        )
    }
}
