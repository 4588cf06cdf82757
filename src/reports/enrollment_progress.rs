//! Who is in which course and how far; people who never enrolled are there too.

use super::cell::report_row;
use super::{Asked, Asks, Conditions, Filter, Place, Report, read};
use crate::access::Caller;
use crate::db::{Select, Value};
use crate::resource::Record;
use crate::resources::User;
use crate::types::Timestamp;

report_row! {
    /// A person and a course.
    Progress {
        /// The person.
        user_id: String,
        /// Their address.
        email: String,
        /// Their name.
        name: Option<String>,
        /// Your own key of the person.
        external_id: Option<String>,
        /// `invited`, `active` or `deactivated`.
        user_status: String,
        /// The course; empty for somebody who never enrolled.
        course_id: Option<String>,
        /// Its name.
        course: Option<String>,
        /// Where the enrollment comes from: `seat`, `private` or `trial`.
        source: Option<String>,
        /// How far: `pending`, `active`, `completed`, `expired`, `failed`, or `never_enrolled`.
        status: String,
        /// Progress in percent.
        percent: Option<i64>,
        /// When the enrollment was made.
        enrolled_at: Option<Timestamp>,
        /// When they began.
        started_at: Option<Timestamp>,
        /// When they completed it.
        completed_at: Option<Timestamp>,
        /// When their access ends.
        expires_at: Option<Timestamp>,
        /// When they were last seen in it.
        last_activity_at: Option<Timestamp>,
    }
}

/// The report.
pub(super) const REPORT: Report = Report {
    name: "enrollment_progress",
    title: "Enrollment progress",
    summary: "Each person in each course with their progress. People without an enrollment that fits are shown as `never_enrolled`. The \
              days asked for are those on which enrollments were made.",
    filters: &[
        Filter::Organization,
        Filter::Team,
        Filter::Product,
        Filter::Course,
        Filter::Status,
        Filter::Tag,
        Filter::From,
        Filter::To,
    ],
    statuses: &[
        "pending",
        "active",
        "completed",
        "expired",
        "failed",
        "never_enrolled",
    ],
    columns: <Progress as super::ReportRow>::COLUMNS,
    read: read::<Progress>,
};

impl Asks for Progress {
    fn select(caller: &Caller, asked: &Asked, after: Option<&Place>, limit: i64) -> Select {
        // What narrows enrollments stands in the join, so that people without one stay.
        let mut join = Conditions::default();
        join.with("e.course_id = {}", asked.course.as_deref().map(Value::text));
        join.with(
            "e.course_id IN (SELECT p.course_id FROM product_courses p WHERE p.account_id = $1 AND p.product_id = {})",
            asked.product.as_deref().map(Value::text),
        );
        join.days(asked, "e.created_at");
        let mut people = Conditions {
            text: String::new(),
            params: join.params,
        };
        if let Some(reach) = User::REACH {
            people.reach(caller, reach);
        }
        people.with(
            "EXISTS (SELECT 1 FROM team_members m WHERE m.account_id = $1 AND m.user_id = users.id AND m.team_id = {})",
            asked.team.as_deref().map(Value::text),
        );
        if asked.organization.is_some() {
            let mut member = Conditions {
                text: String::new(),
                params: std::mem::take(&mut people.params),
            };
            member.team_below(asked, "m.team_id");
            people.params = member.params;
            people.and(&format!(
                "EXISTS (SELECT 1 FROM team_members m WHERE m.account_id = $1 AND m.user_id = users.id{})",
                member.text
            ));
        }
        people.with(
            "EXISTS (SELECT 1 FROM JSON_LIST(users.tags) AS tag WHERE tag.value = {})",
            asked.tag.as_deref().map(Value::text),
        );
        people.status(asked, "COALESCE(e.status, 'never_enrolled')");
        if let Some((user, enrollment)) = after {
            let (user, enrollment) = (
                people.place(Value::text(user.as_str())),
                people.place(Value::text(enrollment.as_str())),
            );
            people.and(&format!(
                "users.id >= {user} AND (users.id, COALESCE(e.id, '')) > ({user}, {enrollment})"
            ));
        }
        let limit = people.place(Value::Int(Some(limit)));
        Select::new(
            format!(
                "SELECT users.id, users.email, users.name, users.external_id, users.status, e.course_id, c.name, e.source, \
                 COALESCE(e.status, 'never_enrolled'), e.percent, e.created_at, e.started_at, e.completed_at, e.expires_at, e.last_activity_at, \
                 users.id, COALESCE(e.id, '') \
                 FROM users LEFT JOIN enrollments e ON e.account_id = $1 AND e.user_id = users.id{} \
                 LEFT JOIN courses c ON c.account_id = $1 AND c.id = e.course_id \
                 WHERE users.account_id = $1 AND users.deleted_at IS NULL{} ORDER BY users.id, COALESCE(e.id, '') LIMIT {limit}",
                join.text, people.text
            ),
            people.params,
        )
    }
}
