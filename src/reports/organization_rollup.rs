//! Each organization with all below it: teams, people and places, in the order of the tree.

use super::cell::report_row;
use super::{Asked, Asks, Conditions, Filter, Place, Report, read};
use crate::access::Caller;
use crate::db::{Select, Value};
use crate::resource::Record;
use crate::resources::Organization;

report_row! {
    /// An organization with its subtree.
    Rollup {
        /// The organization.
        organization_id: String,
        /// Its name.
        name: String,
        /// Your own key of the organization.
        external_id: Option<String>,
        /// The organization above it.
        parent_id: Option<String>,
        /// Its level, from 1.
        depth: i64,
        /// Teams in it and below.
        teams: i64,
        /// People in those teams, each counted once.
        people: i64,
        /// Seats of those teams, each counted once.
        seats: i64,
        /// Places of those seats, without unlimited ones.
        quantity: i64,
        /// Places in use.
        assigned: i64,
        /// Free places, without unlimited ones.
        available: i64,
        /// People who wait.
        waitlisted: i64,
    }
}

/// The report.
pub(super) const REPORT: Report = Report {
    name: "organization_rollup",
    title: "Organization roll-up",
    summary: "Each organization with everything below it, as the tree runs: teams, people and seats, each counted once.",
    filters: &[Filter::Organization],
    statuses: &[],
    columns: <Rollup as super::ReportRow>::COLUMNS,
    read: read::<Rollup>,
};

impl Asks for Rollup {
    fn select(caller: &Caller, asked: &Asked, after: Option<&Place>, limit: i64) -> Select {
        let mut tops = Conditions::default();
        if let Some(reach) = Organization::REACH {
            tops.reach(caller, reach);
        }
        let path = asked.organization.as_deref().map(Value::text);
        tops.with(
            "organizations.path >= {} AND organizations.path < {} || '~'",
            path,
        );
        tops.with(
            "organizations.path > {}",
            after.map(|(path, _)| Value::text(path.as_str())),
        );
        let limit = tops.place(Value::Int(Some(limit)));
        // Of the teams below, those that the caller sees.
        let mut seen = Conditions {
            text: String::new(),
            params: tops.params,
        };
        seen.reach(caller, "t.id IN {}");
        let below = format!(
            "page JOIN organizations o ON o.account_id = $1 AND o.path >= page.path AND o.path < page.path || '~' \
             JOIN teams t ON t.account_id = $1 AND t.organization_id = o.id AND t.deleted_at IS NULL{}",
            seen.text
        );
        Select::new(
            format!(
                "WITH page AS (SELECT id, name, external_id, parent_id, depth, path FROM organizations WHERE account_id = $1{} ORDER BY path LIMIT {limit}), \
                 people AS (SELECT page.id AS top, count(DISTINCT t.id) AS teams, count(DISTINCT m.user_id) AS people \
                 FROM {below} LEFT JOIN team_members m ON m.account_id = $1 AND m.team_id = t.id GROUP BY page.id), \
                 held AS (SELECT DISTINCT page.id AS top, s.id, s.quantity, s.assigned, s.available, s.waitlisted \
                 FROM {below} JOIN seat_teams h ON h.account_id = $1 AND h.team_id = t.id JOIN seats s ON s.account_id = $1 AND s.id = h.seat_id), \
                 places AS (SELECT top, count(*) AS seats, sum(quantity) AS quantity, sum(assigned) AS assigned, sum(available) AS available, \
                 sum(waitlisted) AS waitlisted FROM held GROUP BY top) \
                 SELECT page.id, page.name, page.external_id, page.parent_id, page.depth, COALESCE(people.teams, 0), COALESCE(people.people, 0), \
                 COALESCE(places.seats, 0), CAST(COALESCE(places.quantity, 0) AS BIGINT), CAST(COALESCE(places.assigned, 0) AS BIGINT), \
                 CAST(COALESCE(places.available, 0) AS BIGINT), CAST(COALESCE(places.waitlisted, 0) AS BIGINT), page.path, '' \
                 FROM page LEFT JOIN people ON people.top = page.id LEFT JOIN places ON places.top = page.id ORDER BY page.path",
                tops.text
            ),
            seen.params,
        )
    }
}
