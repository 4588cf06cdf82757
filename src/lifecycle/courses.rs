//! The courses of a person: what they may enter, until when, and by which grants. The latest of all live grants counts,
//! so none of them shortens another.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::access::{Call, Permission};
use crate::db::{Batch, Db, Select};
use crate::error::Result;
use crate::params;
use crate::records;
use crate::resources::enrollment::EnrollmentStatus;
use crate::resources::{Course, Enrollment, User};
use crate::seats::Assignment;
use crate::seats::terms::later;
use crate::types::{Id, Name, Ref, Timestamp};

/// A person's courses.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct UserCourses {
    /// The person.
    pub user_id: Id<User>,
    /// Each course once, in the order of names.
    pub courses: Vec<CourseAccess>,
}

/// A person in a course, over all grants.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CourseAccess {
    /// The course.
    pub course_id: Id<Course>,
    /// Its name.
    pub name: Name,
    /// Whether the person may enter now.
    pub access: bool,
    /// When access ends over all live grants; absent: never, or there is none.
    pub expires_at: Option<Timestamp>,
    /// The best progress over all grants.
    pub percent: i64,
    /// Whether the person has finished.
    pub completed: bool,
    /// The grants, the live ones first.
    pub sources: Vec<Enrollment>,
    /// Places of seats that lead to the course now.
    pub assignments: Vec<Id<Assignment>>,
}

/// Reads a person's courses.
pub async fn courses_of(db: &Db, call: &Call, user: &Ref<User>) -> Result<UserCourses> {
    call.caller.require(Permission::EnrollmentsRead)?;
    let user = records::find::<User>(db, &call.caller, user).await?;
    let mut batch = Batch::new();
    let enrollments = batch.add::<Enrollment>(Select::rows::<Enrollment>(
        "WHERE account_id = $1 AND user_id = $2 ORDER BY id",
        params![user.id.clone()],
    ));
    let courses = batch.add::<(Id<Course>, Name)>(Select::new(
        "SELECT id, name FROM courses WHERE account_id = $1 AND id IN (SELECT course_id FROM enrollments WHERE account_id = $1 AND user_id = $2) \
         ORDER BY name_key, id",
        params![user.id.clone()],
    ));
    let places = batch.add::<(Id<Course>, Id<Assignment>)>(Select::new(
        "SELECT c.course_id, a.id FROM seat_assignments a JOIN product_courses c ON c.account_id = $1 AND c.product_id = a.product_id \
         WHERE a.account_id = $1 AND a.user_id = $2 AND a.state = 'active' ORDER BY a.id",
        params![user.id.clone()],
    ));
    let mut rows = db.read(call.account(), batch).await?;
    let mut by_course: BTreeMap<Id<Course>, Vec<Enrollment>> = BTreeMap::new();
    for one in rows.take(&enrollments) {
        by_course
            .entry(one.course_id.clone())
            .or_default()
            .push(one);
    }
    let places = rows.take(&places);
    let courses = rows
        .take(&courses)
        .into_iter()
        .map(|(id, name)| {
            let sources = by_course.remove(&id).unwrap_or_default();
            let assignments = places
                .iter()
                .filter(|(course, _)| *course == id)
                .map(|(_, place)| place.clone())
                .collect();
            effective(id, name, sources, assignments, call.now)
        })
        .collect();
    Ok(UserCourses {
        user_id: user.id,
        courses,
    })
}

/// All grants of one course as one.
pub fn effective(
    course_id: Id<Course>,
    name: Name,
    mut sources: Vec<Enrollment>,
    assignments: Vec<Id<Assignment>>,
    now: Timestamp,
) -> CourseAccess {
    sources.sort_by_key(|one| !one.gives_access(now));
    let live: Vec<_> = sources.iter().filter(|one| one.gives_access(now)).collect();
    let end = live
        .iter()
        .map(|one| one.expires_at)
        .reduce(later)
        .flatten();
    CourseAccess {
        course_id,
        name,
        access: !live.is_empty(),
        expires_at: end,
        percent: sources.iter().map(|one| one.percent).max().unwrap_or(0),
        completed: sources
            .iter()
            .any(|one| one.completed_at.is_some() || one.status == EnrollmentStatus::Completed),
        sources,
        assignments,
    }
}
