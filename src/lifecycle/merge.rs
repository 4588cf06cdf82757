//! One person of two records: places, progress, memberships, keys, mails and the timeline of the one go to the other.
//!
//! All of it is one list of writes, guarded by the versions of both, so of two merges at once one wins and the other sees
//! what is true then. What the gone one was known by leads to the other: its id answers 308, its address and external id
//! find the other wherever a person is named, until somebody living has them. A repeat finds that and changes nothing.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::consequences::{Consequence, Counted, count};
use super::references::moves;
use crate::access::grants::require_rights;
use crate::access::rights::{self, Rights};
use crate::access::roles::TeamRole;
use crate::access::{Call, Permission};
use crate::db::{Batch, Db, Select, Statement};
use crate::error::{Error, Fault, Result};
use crate::events::{Event, Plan};
use crate::params;
use crate::records;
use crate::resource::{Input, Reference, event_of, resolve};
use crate::resources::enrollment::EnrollmentStatus;
use crate::resources::user::UserStatus;
use crate::resources::{Enrollment, User};
use crate::seats::merge::plan_union;
use crate::seats::terms::later;
use crate::types::{Id, Ids, Metadata, Ref, Tags, Timestamp};

/// Who is the same person.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MergeInput {
    /// The other record of the person, which becomes part of the one in the address.
    pub from: Ref<User>,
}

impl Input for MergeInput {
    fn references(&self) -> Vec<Reference> {
        vec![Reference::to("/from", &self.from)]
    }
}

crate::words! {
    /// What became of a merge.
    pub enum MergeOutcome {
        /// Two have become one.
        Merged = "merged",
        /// They were one already; nothing has changed.
        AlreadyMerged = "already_merged",
    }
}

/// One person, made of two records.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Merged {
    /// The person.
    pub user: User,
    /// Whether they were two.
    pub outcome: MergeOutcome,
    /// The id of the record that is part of it now; it answers 308.
    pub from_id: Id<User>,
    /// Everything that was the other's, and what became of it.
    pub consequences: Vec<Consequence>,
    /// Assignments that were freed because both records had a place of the same seat.
    pub freed_assignments: Vec<String>,
}

const COUNTED: &[Counted] = &[
    Counted {
        what: "places",
        sql: "SELECT count(*) FROM seat_assignments WHERE account_id = $1 AND user_id = $2 AND state IN ('waitlisted', 'reserved', 'active')",
        becomes: "are the person's; a second place of one seat is freed and goes to who waits",
    },
    Counted {
        what: "former_places",
        sql: "SELECT count(*) FROM seat_assignments WHERE account_id = $1 AND user_id = $2 AND state IN ('released', 'revoked', 'expired')",
        becomes: "are the person's history",
    },
    Counted {
        what: "enrollments",
        sql: "SELECT count(*) FROM enrollments WHERE account_id = $1 AND user_id = $2",
        becomes: "are the person's; of two in one course the best progress and the latest end stay",
    },
    Counted {
        what: "memberships",
        sql: "SELECT count(*) FROM team_members WHERE account_id = $1 AND user_id = $2",
        becomes: "are the person's; of two in one team the higher role stays",
    },
    Counted {
        what: "roles",
        sql: "SELECT (SELECT count(*) FROM user_roles WHERE account_id = $1 AND user_id = $2) \
              + (SELECT count(*) FROM organization_members WHERE account_id = $1 AND user_id = $2)",
        becomes: "are the person's",
    },
    Counted {
        what: "mails",
        sql: "SELECT count(*) FROM mails WHERE account_id = $1 AND user_id = $2",
        becomes: "are the person's",
    },
    Counted {
        what: "events",
        sql: "SELECT count(*) FROM events WHERE account_id = $1 AND user_id = $2",
        becomes: "are on the person's timeline",
    },
    Counted {
        what: "provisions",
        sql: "SELECT count(*) FROM provisions WHERE account_id = $1 AND user_id = $2",
        becomes: "are the person's",
    },
    Counted {
        what: "api_keys",
        sql: "SELECT count(*) FROM api_keys WHERE account_id = $1 AND created_by = $2",
        becomes: "are the person's, and grant what the person may do",
    },
    Counted {
        what: "sessions",
        sql: "SELECT count(*) FROM sessions WHERE account_id = $1 AND user_id = $2",
        becomes: "end at once",
    },
    Counted {
        what: "password",
        sql: "SELECT count(*) FROM user_passwords WHERE account_id = $1 AND user_id = $2",
        becomes: "is forgotten",
    },
];

/// Plans the merge of `input.from` into a person.
pub async fn plan_merge(
    db: &Db,
    ids: &Ids,
    call: &Call,
    into: &Ref<User>,
    input: &MergeInput,
) -> Result<(Plan, Merged)> {
    call.caller.require(Permission::UsersMerge)?;
    call.caller.require_account()?;
    let into = records::find::<User>(db, &call.caller, into).await?;
    let refs = resolve(db, &call.caller, input.references()).await?;
    let from: Id<User> = refs.id(&input.from)?;
    let mut plan = Plan::new("user.merge");
    if from == into.id {
        return already(db, call, into, input)
            .await
            .map(|done| (plan, done));
    }
    let from = records::find::<User>(db, &call.caller, &Ref::Id(from)).await?;
    let scene = scene(db, call, &from, &into).await?;
    let consequences = count(db, call.account(), COUNTED, from.id.as_str()).await?;
    let freed = plan_union(db, ids, call, &mut plan, &from.id, &into.id).await?;
    memberships(&mut plan, &scene, &from.id, &into.id);
    enrollments(&mut plan, scene.enrollments, &from.id, &into.id, call.now);
    plan.write_all(moves(from.id.as_str(), into.id.as_str()));
    plan.write(Statement::new(
        "INSERT INTO user_aliases (account_id, id, user_id, email, email_key, external_id, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        params![from.id.clone(), into.id.clone(), from.email.clone(), from.email_key.clone(), from.external_id.clone(), call.now],
    ));
    // The gone one goes before the other takes over its key, which is unique.
    plan.write(Statement::guarded(
        "DELETE FROM users WHERE account_id = $1 AND id = $2 AND version = $3 AND deleted_at IS NULL",
        params![from.id.clone(), from.version],
    ));
    let after = united(&into, &from, call.now);
    plan.write(Statement::update(&after, into.version));
    let freed: Vec<String> = freed.iter().map(|one| one.id.to_string()).collect();
    let data = json!({ "user": after, "from_id": from.id, "consequences": consequences, "freed_assignments": freed });
    plan.event(Event::new("user.merged", &after.id, data).user(&after.id));
    let merged = Merged {
        user: after,
        outcome: MergeOutcome::Merged,
        from_id: from.id,
        consequences,
        freed_assignments: freed,
    };
    Ok((plan, merged))
}

/// The answer to a repeat: the other record is part of this one already.
async fn already(db: &Db, call: &Call, into: User, input: &MergeInput) -> Result<Merged> {
    let (column, value) = match &input.from {
        Ref::Id(id) => ("id", id.to_string()),
        Ref::External(key) => ("external_id", key.to_string()),
        Ref::Email(email) => ("email_key", email.key()),
    };
    let alias = Select::new(
        format!(
            "SELECT id FROM user_aliases WHERE account_id = $1 AND {column} = $2 AND user_id = $3 ORDER BY created_at DESC LIMIT 1"
        ),
        params![value, into.id.clone()],
    );
    match db.first::<(Id<User>,)>(call.account(), alias).await? {
        Some((from_id,)) => Ok(Merged {
            user: into,
            outcome: MergeOutcome::AlreadyMerged,
            from_id,
            consequences: Vec::new(),
            freed_assignments: Vec::new(),
        }),
        None => Err(Error::invalid(vec![Fault::new(
            "/from",
            "same_person",
            "This is the person of the address already. Name the other record.",
        )])),
    }
}

struct Scene {
    memberships: Vec<(String, String, String, Timestamp)>,
    enrollments: Vec<Enrollment>,
}

async fn scene(db: &Db, call: &Call, from: &User, into: &User) -> Result<Scene> {
    let both = || params![from.id.clone(), into.id.clone()];
    let mut batch = Batch::new();
    let theirs = rights::ask(&mut batch, "$2", &[crate::db::Column::value(&from.id)]);
    let own = rights::ask(&mut batch, "$2", &[crate::db::Column::value(&into.id)]);
    let memberships = batch.add::<(String, String, String, Timestamp)>(Select::new(
        "SELECT team_id, user_id, role, joined_at FROM team_members WHERE account_id = $1 AND user_id IN ($2, $3)",
        both(),
    ));
    let enrollments = batch.add::<Enrollment>(Select::rows::<Enrollment>(
        "WHERE account_id = $1 AND user_id IN ($2, $3)",
        both(),
    ));
    let mut rows = db.read(call.account(), batch).await?;
    // Whoever makes one of two gives each what the other may do.
    for held in [theirs.take(&mut rows), own.take(&mut rows)] {
        require_rights(&call.caller, &Rights::of(&held))?;
    }
    Ok(Scene {
        memberships: rows.take(&memberships),
        enrollments: rows.take(&enrollments),
    })
}

/// The order of roles; one of the account's own stands above a member, below those who run the team.
fn rank(role: &str) -> u8 {
    TeamRole::from_word(role).map_or(1, |role| role.rank() * 2)
}

/// The memberships of the one who goes; in a team of both the higher role and the earlier day stay.
fn memberships(plan: &mut Plan, scene: &Scene, from: &Id<User>, into: &Id<User>) {
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
fn enrollments(
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
    let ids: Vec<_> = doubled.iter().map(|(one, _)| one.id.as_str()).collect();
    let ids = serde_json::to_string(&ids).unwrap_or_default();
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
fn united(into: &User, from: &User, now: Timestamp) -> User {
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
