//! Access to courses: what places that begin, last longer, get shorter or end mean for their holders' enrollments.
//!
//! A plan touches each enrollment once, whatever it does to how many seats: [`Access`] collects it over all of them.

use std::collections::{BTreeMap, BTreeSet};

use super::assignment::Assignment;
use super::terms::later;
use crate::commit::as_read;
use crate::db::Statement;
use crate::events::Plan;
use crate::params;
use crate::resources::{Course, Enrollment, Product, Team, User};
use crate::types::{Id, Ids, Timestamp, json_list};

/// What a plan does to the access of people.
#[derive(Debug, Default)]
pub struct Access {
    /// Places that were given, or that last longer.
    pub(super) begun: Vec<Assignment>,
    /// Places that end earlier than before, with their new end.
    pub(super) shortened: Vec<Assignment>,
    /// Places that ended.
    pub(super) ended: Vec<Assignment>,
    /// Memberships for which places are given, and which must still stand then.
    pub(super) members: BTreeSet<(Id<Team>, Id<User>)>,
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
        let mut members: BTreeMap<&Id<Team>, Vec<&str>> = BTreeMap::new();
        for (team, user) in &self.members {
            members.entry(team).or_default().push(user.as_str());
        }
        for (team, users) in members {
            plan.guard(still_members(team, &users));
        }
        let rows: Vec<_> = rows.into_iter().collect();
        plan.write_all(rows.chunks(ROWS).map(|rows| enrol(rows, ids, now)));
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

/// Access of a person to a course, and until when.
type Grant<'g> = ((&'g Id<User>, &'g Id<Course>), Option<Timestamp>);

/// Rows of access that one statement makes at the most.
const ROWS: usize = 200;

/// The rows of access to courses: made, or with a later end. It never shortens.
fn enrol(rows: &[Grant<'_>], ids: &Ids, now: Timestamp) -> Statement {
    let mut params = params![now];
    let mut places = Vec::new();
    for ((user, course), until) in rows {
        let id: Id<Enrollment> = ids.next(now);
        let n = params.len() + 2;
        params.extend(params![id, (*user).clone(), (*course).clone(), *until]);
        places.push(format!(
            "($1, ${n}, ${}, ${}, 'seat', 'active', 0, ${}, 1, $2, $2)",
            n + 1,
            n + 2,
            n + 3
        ));
    }
    Statement::new(
        format!(
            "INSERT INTO enrollments (account_id, id, user_id, course_id, source, status, percent, expires_at, version, created_at, updated_at) \
             VALUES {} ON CONFLICT (account_id, user_id, course_id, source) DO UPDATE SET version = enrollments.version + 1, updated_at = excluded.updated_at, \
             expires_at = CASE WHEN enrollments.status = 'expired' THEN excluded.expires_at \
             WHEN enrollments.expires_at IS NULL OR excluded.expires_at IS NULL THEN NULL \
             ELSE GREATEST(enrollments.expires_at, excluded.expires_at) END, \
             status = CASE WHEN enrollments.status <> 'expired' THEN enrollments.status \
             WHEN enrollments.completed_at IS NOT NULL THEN 'completed' ELSE 'active' END",
            places.join(", ")
        ),
        params,
    )
}

/// The access that is left to a person when these places change: the latest end of the other live ones and of `kept`,
/// or none.
///
/// What the other places are is read as it was when the statement began; if the row was written since, by the end of another
/// place that leads to the course, [`as_read`] makes the plan stale, and it is made anew.
fn recompute(
    user: &Id<User>,
    changing: &[&Assignment],
    kept: Option<&Assignment>,
    now: Timestamp,
) -> Statement {
    let others = "FROM seat_assignments a JOIN product_courses c ON c.account_id = $1 AND c.product_id = a.product_id \
                  WHERE a.account_id = $1 AND a.user_id = $2 AND a.state = 'active' AND c.course_id = enrollments.course_id \
                  AND a.id NOT IN (SELECT value FROM JSON_LIST($3) AS gone)";
    let once = as_read("enrollments", &["id"]);
    let sql = format!(
        "UPDATE enrollments SET version = version + {once}, updated_at = $4, \
         status = CASE WHEN $6 OR status IN ('completed', 'failed') OR EXISTS (SELECT 1 {others}) THEN status ELSE 'expired' END, \
         expires_at = CASE WHEN NOT $6 AND NOT EXISTS (SELECT 1 {others}) THEN $4 \
         WHEN ($6 AND $7 IS NULL) OR EXISTS (SELECT 1 {others} AND a.expires_at IS NULL) THEN NULL \
         ELSE GREATEST(COALESCE($7, 0), COALESCE((SELECT max(a.expires_at) {others}), 0)) END \
         WHERE account_id = $1 AND user_id = $2 AND source = 'seat' \
         AND course_id IN (SELECT course_id FROM product_courses WHERE account_id = $1 AND product_id IN (SELECT value FROM JSON_LIST($5) AS p))"
    );
    Statement::new(
        sql,
        params![
            user.clone(),
            json_list(changing.iter().map(|one| &one.id)),
            now,
            json_list(changing.iter().map(|one| &one.product_id)),
            kept.is_some(),
            kept.and_then(|one| one.expires_at)
        ],
    )
}

/// Holds memberships, and counts that places were given by them: whoever ends one at the same moment finds another count,
/// or was first.
fn still_members(team: &Id<Team>, users: &[&str]) -> Statement {
    Statement::exactly(
        "UPDATE team_members SET version = version + 1 WHERE account_id = $1 AND team_id = $2 \
         AND user_id IN (SELECT value FROM JSON_LIST($3) AS holders)",
        params![team.clone(), json_list(users)],
        users.len(),
    )
}
