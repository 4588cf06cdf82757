//! One person of two records: places, progress, memberships, keys, mails and the timeline of the one go to the other.
//!
//! All of it is one list of writes, guarded by the versions of both, so of two merges at once one wins and the other sees
//! what is true then. What the gone one was known by leads to the other: its id answers 308, its address and external id
//! find the other wherever a person is named, until somebody living has them. A repeat finds that and changes nothing.

mod union;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use self::union::{enrollments, memberships, united};
use super::consequences::{Consequence, Counted, count};
use super::references::moves;
use crate::access::grants::require_rights;
use crate::access::rights::{self, Rights};
use crate::access::{Call, Permission};
use crate::db::{Batch, Db, Select, Statement};
use crate::error::{Error, Fault, Result};
use crate::events::{Event, Plan};
use crate::params;
use crate::records;
use crate::resource::{Input, Reference, resolve};
use crate::resources::{Enrollment, User};
use crate::seats::merge::plan_union;
use crate::types::{Id, Ids, Ref, Timestamp};

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
        params![from.id.clone(), into.id.clone(), from.email.clone(), from.email.key(), from.external_id.clone(), call.now],
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
