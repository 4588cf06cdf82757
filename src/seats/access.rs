//! Access to courses: what places that begin, last longer, get shorter or end mean for their holders' enrollments.
//!
//! A plan touches each enrollment once, whatever it does to how many seats: [`Access`] collects it over all of them.

use std::collections::BTreeMap;

use super::assignment::Assignment;
use super::terms::later;
use crate::db::Statement;
use crate::events::Plan;
use crate::params;
use crate::resources::{Course, Enrollment, Product, User};
use crate::types::{Id, Ids, Timestamp};

/// What a plan does to the access of people.
#[derive(Debug, Default)]
pub struct Access {
    /// Places that were given, or that last longer.
    pub(super) begun: Vec<Assignment>,
    /// Places that end earlier than before, with their new end.
    pub(super) shortened: Vec<Assignment>,
    /// Places that ended.
    pub(super) ended: Vec<Assignment>,
}

impl Access {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Leaves out assignments of which one replaces another of the same product, to the same end: their holders' access
    /// stays as it is.
    pub(super) fn leave_unchanged(&mut self, replaced: &[Id<Assignment>]) {
        self.begun.retain(|one| !replaced.contains(&one.id));
        self.ended.retain(|one| !replaced.contains(&one.id));
    }

    /// Adds the rows to a plan. `products` are those of the places that were given.
    pub fn write<'p>(
        self,
        plan: &mut Plan,
        products: impl IntoIterator<Item = &'p Product>,
        ids: &Ids,
        now: Timestamp,
    ) {
        let products: BTreeMap<_, _> = products
            .into_iter()
            .map(|product| (&product.id, product))
            .collect();
        let mut rows: BTreeMap<(&Id<User>, &Id<Course>), Option<Timestamp>> = BTreeMap::new();
        for one in &self.begun {
            let courses = products.get(&one.product_id).map(|it| &it.course_ids.0);
            for course in courses.into_iter().flatten() {
                let until = rows.entry((&one.user_id, course)).or_insert(one.expires_at);
                *until = later(*until, one.expires_at);
            }
        }
        plan.write_all(
            rows.into_iter()
                .map(|((user, course), until)| enrol(user, course, until, ids, now)),
        );
        for one in &self.shortened {
            plan.write(recompute(&one.user_id, &[one], Some(one), now));
        }
        let mut by_user: BTreeMap<&Id<User>, Vec<&Assignment>> = BTreeMap::new();
        for one in &self.ended {
            by_user.entry(&one.user_id).or_default().push(one);
        }
        plan.write_all(
            by_user
                .into_iter()
                .map(|(user, ended)| recompute(user, &ended, None, now)),
        );
    }
}

/// The row of access to one course: made, or with a later end. It never shortens.
fn enrol(
    user: &Id<User>,
    course: &Id<Course>,
    until: Option<Timestamp>,
    ids: &Ids,
    now: Timestamp,
) -> Statement {
    let id: Id<Enrollment> = ids.next(now);
    Statement::new(
        "INSERT INTO enrollments (account_id, id, user_id, course_id, source, status, percent, expires_at, version, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, 'seat', 'active', 0, $5, 1, $6, $6) \
         ON CONFLICT (account_id, user_id, course_id, source) DO UPDATE SET version = enrollments.version + 1, updated_at = excluded.updated_at, \
         expires_at = CASE WHEN enrollments.status = 'expired' THEN excluded.expires_at \
         WHEN enrollments.expires_at IS NULL OR excluded.expires_at IS NULL THEN NULL \
         ELSE GREATEST(enrollments.expires_at, excluded.expires_at) END, \
         status = CASE WHEN enrollments.status <> 'expired' THEN enrollments.status \
         WHEN enrollments.completed_at IS NOT NULL THEN 'completed' ELSE 'active' END",
        params![id, user.clone(), course.clone(), until, now],
    )
}

/// The access that is left to a person when these places change: the latest end of the other live ones and of `kept`,
/// or none.
fn recompute(
    user: &Id<User>,
    changing: &[&Assignment],
    kept: Option<&Assignment>,
    now: Timestamp,
) -> Statement {
    let others = "FROM seat_assignments a JOIN product_courses c ON c.account_id = $1 AND c.product_id = a.product_id \
                  WHERE a.account_id = $1 AND a.user_id = $2 AND a.state = 'active' AND c.course_id = enrollments.course_id \
                  AND a.id NOT IN (SELECT value FROM JSON_LIST($3) AS gone)";
    let sql = format!(
        "UPDATE enrollments SET version = version + 1, updated_at = $4, \
         status = CASE WHEN $6 OR status IN ('completed', 'failed') OR EXISTS (SELECT 1 {others}) THEN status ELSE 'expired' END, \
         expires_at = CASE WHEN NOT $6 AND NOT EXISTS (SELECT 1 {others}) THEN $4 \
         WHEN ($6 AND $7 IS NULL) OR EXISTS (SELECT 1 {others} AND a.expires_at IS NULL) THEN NULL \
         ELSE GREATEST(COALESCE($7, 0), COALESCE((SELECT max(a.expires_at) {others}), 0)) END \
         WHERE account_id = $1 AND user_id = $2 AND source = 'seat' \
         AND course_id IN (SELECT course_id FROM product_courses WHERE account_id = $1 AND product_id IN (SELECT value FROM JSON_LIST($5) AS p))"
    );
    let list = |ids: Vec<&str>| serde_json::to_string(&ids).unwrap_or_default();
    Statement::new(
        sql,
        params![
            user.clone(),
            list(changing.iter().map(|one| one.id.as_str()).collect()),
            now,
            list(changing.iter().map(|one| one.product_id.as_str()).collect()),
            kept.is_some(),
            kept.and_then(|one| one.expires_at)
        ],
    )
}
