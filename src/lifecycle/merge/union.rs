//! What a merge decides on by what it holds: of two memberships, enrollments and records the better stays.

use std::collections::BTreeMap;

use serde_json::json;

use super::Scene;
use crate::access::roles::TeamRole;
use crate::db::Statement;
use crate::events::{Event, Plan};
use crate::params;
use crate::resource::event_of;
use crate::resources::enrollment::EnrollmentStatus;
use crate::resources::user::UserStatus;
use crate::resources::{Enrollment, User};
use crate::seats::terms::later;
use crate::types::{Id, Metadata, Tags, Timestamp, json_list};

/// The order of roles; one of the account's own stands above a member, below those who run the team.
fn rank(role: &str) -> u8 {
    TeamRole::from_word(role).map_or(1, |role| role.rank() * 2)
}

/// The memberships of the one who goes; in a team of both the higher role and the earlier day stay.
pub(super) fn memberships(plan: &mut Plan, scene: &Scene, from: &Id<User>, into: &Id<User>) {
    let of_into: BTreeMap<&str, &(String, String, String, Timestamp)> = scene
        .memberships
        .iter()
        .filter(|(_, user, ..)| user == into.as_str())
        .map(|one| (one.0.as_str(), one))
        .collect();
    for (team, user, role, joined) in &scene.memberships {
        if user != from.as_str() {
            continue;
        }
        let place = params![team.clone(), from.clone()];
        let Some((_, _, standing, since)) = of_into.get(team.as_str()).copied() else {
            let mut place = place;
            place.push(crate::db::Column::value(into));
            plan.write(Statement::guarded(
                "UPDATE team_members SET user_id = $4 WHERE account_id = $1 AND team_id = $2 AND user_id = $3",
                place,
            ));
            continue;
        };
        plan.write(Statement::guarded(
            "DELETE FROM team_members WHERE account_id = $1 AND team_id = $2 AND user_id = $3",
            place,
        ));
        let higher = if rank(role) > rank(standing) {
            role
        } else {
            standing
        };
        plan.write(Statement::guarded(
            "UPDATE team_members SET role = $4, joined_at = $5 WHERE account_id = $1 AND team_id = $2 AND user_id = $3 AND role = $6",
            params![team.clone(), into.clone(), higher.clone(), (*joined).min(*since), standing.clone()],
        ));
        if higher != standing {
            let data = json!({ "team_id": team, "user_id": into, "role": higher });
            plan.event(
                Event::new("team_member.updated", team, data)
                    .team(team)
                    .user(into)
                    .previous(json!({ "role": standing })),
            );
        }
    }
}

/// The enrollments of the one who goes; of two in one course by one source the best of both stays.
pub(super) fn enrollments(
    plan: &mut Plan,
    all: Vec<Enrollment>,
    from: &Id<User>,
    into: &Id<User>,
    now: Timestamp,
) {
    let (gone, kept): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| one.user_id == *from);
    let mut doubled = Vec::new();
    for one in &gone {
        let same =
            |other: &&Enrollment| other.course_id == one.course_id && other.source == one.source;
        if let Some(standing) = kept.iter().find(same) {
            doubled.push((one, standing));
        }
    }
    let ids = json_list(doubled.iter().map(|(one, _)| &one.id));
    plan.write(Statement::new(
        "DELETE FROM enrollments WHERE account_id = $1 AND user_id = $2 AND id IN (SELECT value FROM JSON_LIST($3) AS gone)",
        params![from.clone(), ids],
    ));
    plan.write(Statement::new(
        "UPDATE enrollments SET user_id = $2, version = version + 1, updated_at = $5 \
         WHERE account_id = $1 AND user_id = $3 AND id NOT IN (SELECT value FROM JSON_LIST($4) AS gone)",
        params![into.clone(), from.clone(), ids, now],
    ));
    for (one, standing) in doubled {
        let after = best_of(standing, one, now);
        if after != *standing {
            plan.write(Statement::update(&after, standing.version));
            plan.event(event_of(&after, "updated").user(into));
        }
    }
}

/// The better of two enrollments of one person in one course.
fn best_of(standing: &Enrollment, other: &Enrollment, now: Timestamp) -> Enrollment {
    const fn rank(status: EnrollmentStatus) -> u8 {
        match status {
            EnrollmentStatus::Completed => 4,
            EnrollmentStatus::Active => 3,
            EnrollmentStatus::Pending => 2,
            EnrollmentStatus::Expired => 1,
            EnrollmentStatus::Failed => 0,
        }
    }
    let earlier = |a: Option<Timestamp>, b: Option<Timestamp>| match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    let is_over = |one: &Enrollment| one.status == EnrollmentStatus::Expired;
    let expires_at = match (is_over(standing), is_over(other)) {
        (true, false) => other.expires_at,
        (false, true) => standing.expires_at,
        _ => later(standing.expires_at, other.expires_at),
    };
    let merged = Enrollment {
        external_id: standing
            .external_id
            .clone()
            .or_else(|| other.external_id.clone()),
        status: if rank(other.status) > rank(standing.status) {
            other.status
        } else {
            standing.status
        },
        percent: standing.percent.max(other.percent),
        started_at: earlier(standing.started_at, other.started_at),
        completed_at: earlier(standing.completed_at, other.completed_at),
        expires_at,
        last_activity_at: standing.last_activity_at.max(other.last_activity_at),
        ..standing.clone()
    };
    if merged == *standing {
        merged
    } else {
        Enrollment {
            updated_at: now,
            ..merged
        }
    }
}

/// The one who stays, with what only the other one had.
pub(super) fn united(into: &User, from: &User, now: Timestamp) -> User {
    let mut user = User {
        external_id: into
            .external_id
            .clone()
            .or_else(|| from.external_id.clone()),
        company: into.company.clone().or_else(|| from.company.clone()),
        locale: into.locale.clone().or_else(|| from.locale.clone()),
        timezone: into.timezone.clone().or_else(|| from.timezone.clone()),
        lms_user_id: into
            .lms_user_id
            .clone()
            .or_else(|| from.lms_user_id.clone()),
        last_seen_at: into.last_seen_at.max(from.last_seen_at),
        updated_at: now,
        ..into.clone()
    };
    if user.name.is_none() {
        user.first_name.clone_from(&from.first_name);
        user.last_name.clone_from(&from.last_name);
        user.name.clone_from(&from.name);
        user.settle_names();
    }
    if user.status == UserStatus::Invited && from.status == UserStatus::Active {
        user.status = UserStatus::Active;
    }
    user.tags = Tags::united(&into.tags, &from.tags);
    user.metadata = Metadata::united(&into.metadata, &from.metadata);
    user
}
