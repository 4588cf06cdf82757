//! The erasure of a person: at once everything that is theirs alone, then by a job what others keep of them.
//!
//! The row of the person stays, empty, since assignments, ledgers and statistics refer to it: the books remain whole. The
//! purge after 30 days and the erasure on request are this one mechanism.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::consequences::{Consequence, Counted, count};
use super::lms::{LmsAction, wish};
use super::restore::aside;
use super::scrub::{Traces, label};
use crate::access::{Call, Permission};
use crate::columns;
use crate::db::{Batch, Db, Select, Statement};
use crate::error::Result;
use crate::events::{Event, Plan};
use crate::jobs::Job;
use crate::params;
use crate::records;
use crate::resource::{Expand, Field, FieldKind, Record};
use crate::resources::User;
use crate::seats::leave::{refuse_last_owner, release};
use crate::types::text::Json;
use crate::types::{Id, Ids, Kind, Ref, Timestamp};

crate::words! {
    /// Why a person is erased.
    pub enum ErasureCause {
        /// Somebody asked for it.
        Request = "request",
        /// The 30 days of a deletion are over.
        Purge = "purge",
    }
}

crate::words! {
    /// How far an erasure has come.
    pub enum ErasureState {
        /// The person's own records are gone; traces elsewhere are being removed.
        Running = "running",
        /// Nothing tells of the person any more.
        Done = "done",
    }
}

/// What an erasure removes and what it leaves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErasureReport {
    /// What goes, or goes on without telling of whom.
    pub erased: Vec<Consequence>,
    /// What must stay, and why.
    pub kept: Vec<Consequence>,
}

/// An erasure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Erasure {
    /// Its id.
    pub id: Id<Self>,
    /// The person that was erased; the id names nobody any more.
    pub user_id: Id<User>,
    /// Why.
    pub cause: ErasureCause,
    /// How far it has come.
    pub state: ErasureState,
    /// What went and what stayed.
    #[schemars(with = "ErasureReport")]
    pub report: Json<ErasureReport>,
    /// When it began.
    pub created_at: Timestamp,
    /// When nothing was left to be removed.
    pub finished_at: Option<Timestamp>,
}
columns!(Erasure in "erasures": id, user_id, cause, state, report, created_at, finished_at);

impl Kind for Erasure {
    const PREFIX: &'static str = "erasure";
}

impl Record for Erasure {
    const KIND: &'static str = "erasure";
    const SUMMARY: &'static str =
        "A person's data removed for good, with what went and what stayed.";
    const FIELDS: &'static [Field] = &[
        Field::sorted("created_at", "created_at", FieldKind::Time),
        Field::filter("user", "user_id", FieldKind::Reference("user", "users")),
    ];
    const SEARCH: &'static [&'static str] = &[];
    const EXPANDS: &'static [Expand] = &[];
    const SOFT_DELETE: bool = false;
    // Whoever was erased is in no team: a caller limited to teams sees none.
    const REACH: Option<&'static str> = Some("(FALSE AND erasures.user_id IN {})");
    const READ: Permission = Permission::UsersErase;

    fn id(&self) -> &Id<Self> {
        &self.id
    }
}

impl Erasure {
    /// The write that ends one: what was sought is forgotten with it.
    pub(super) fn finished(id: &str, now: Timestamp) -> Statement {
        Statement::guarded(
            "UPDATE erasures SET state = 'done', traces = NULL, finished_at = $2 WHERE account_id = $1 AND id = $3 AND traces IS NOT NULL",
            params![now, id.to_owned()],
        )
    }
}

/// How a person is erased.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EraseInput {
    /// What becomes of the person's account in the LMS; it is left alone unless said.
    pub lms: Option<LmsAction>,
}

const ERASED: &[Counted] = &[
    Counted {
        what: "record",
        sql: "SELECT count(*) FROM users WHERE account_id = $1 AND id = $2",
        becomes: "address, names, company, keys, tags, metadata, language and time zone are emptied",
    },
    Counted {
        what: "memberships",
        sql: "SELECT (SELECT count(*) FROM team_members WHERE account_id = $1 AND user_id = $2) \
              + (SELECT count(*) FROM former_members WHERE account_id = $1 AND user_id = $2)",
        becomes: "end for good",
    },
    Counted {
        what: "places",
        sql: "SELECT count(*) FROM seat_assignments WHERE account_id = $1 AND user_id = $2 AND state IN ('waitlisted', 'reserved', 'active')",
        becomes: "are released to those who wait",
    },
    Counted {
        what: "roles",
        sql: "SELECT (SELECT count(*) FROM user_roles WHERE account_id = $1 AND user_id = $2) \
              + (SELECT count(*) FROM organization_members WHERE account_id = $1 AND user_id = $2)",
        becomes: "are removed",
    },
    Counted {
        what: "seat_requests",
        sql: "SELECT count(*) FROM seat_requests WHERE account_id = $1 AND user_id = $2",
        becomes: "are removed",
    },
    Counted {
        what: "sessions",
        sql: "SELECT count(*) FROM sessions WHERE account_id = $1 AND user_id = $2",
        becomes: "end at once",
    },
    Counted {
        what: "sign_in",
        sql: "SELECT (SELECT count(*) FROM user_passwords WHERE account_id = $1 AND user_id = $2) \
              + (SELECT count(*) FROM sign_in_links WHERE account_id = $1 AND user_id = $2)",
        becomes: "password and links are removed",
    },
    Counted {
        what: "mails",
        sql: "SELECT count(*) FROM mails WHERE account_id = $1 AND user_id = $2",
        becomes: "are removed, queued ones unsent",
    },
    Counted {
        what: "invitations_and_requests",
        sql: "SELECT (SELECT count(*) FROM invitations WHERE account_id = $1 AND user_id = $2) \
              + (SELECT count(*) FROM link_requests WHERE account_id = $1 AND user_id = $2)",
        becomes: "are removed",
    },
    Counted {
        what: "former_addresses",
        sql: "SELECT (SELECT count(*) FROM former_addresses WHERE account_id = $1 AND user_id = $2) \
              + (SELECT count(*) FROM user_aliases WHERE account_id = $1 AND user_id = $2)",
        becomes: "are removed",
    },
    Counted {
        what: "events",
        sql: "SELECT count(*) FROM events WHERE account_id = $1 AND user_id = $2",
        becomes: "stay without address, names and data of the person",
    },
    Counted {
        what: "provisions",
        sql: "SELECT count(*) FROM provisions WHERE account_id = $1 AND user_id = $2",
        becomes: "stay without address, names and data of the person",
    },
    Counted {
        what: "acts",
        sql: "SELECT (SELECT count(*) FROM events WHERE account_id = $1 AND actor_type = 'user' AND actor_id = $2) \
              + (SELECT count(*) FROM audit_facts WHERE account_id = $1 AND actor_type = 'user' AND actor_id = $2) \
              + (SELECT count(*) FROM seat_ledger WHERE account_id = $1 AND actor_type = 'user' AND actor_id = $2)",
        becomes: "what the person did stays, without the name and the network address",
    },
];

const KEPT: &[Counted] = &[
    Counted {
        what: "assignments",
        sql: "SELECT count(*) FROM seat_assignments WHERE account_id = $1 AND user_id = $2",
        becomes: "stay by the id alone: the ledgers of seats must add up",
    },
    Counted {
        what: "enrollments",
        sql: "SELECT count(*) FROM enrollments WHERE account_id = $1 AND user_id = $2",
        becomes: "stay by the id alone: what customers were reported must not change",
    },
    Counted {
        what: "api_keys",
        sql: "SELECT count(*) FROM api_keys WHERE account_id = $1 AND created_by = $2",
        becomes: "stay and grant nothing: what they did is on record",
    },
    Counted {
        what: "lms_account",
        sql: "SELECT count(*) FROM users WHERE account_id = $1 AND id = $2 AND lms_user_id IS NOT NULL",
        becomes: "is left alone unless the call says otherwise in «lms»",
    },
];

/// The person of a reference, whether they are there or put aside.
async fn anybody(db: &Db, call: &Call, reference: &Ref<User>) -> Result<User> {
    if let Some(user) = records::maybe::<User>(db, &call.caller, reference).await? {
        return Ok(user);
    }
    let aside = db
        .first::<User>(call.account(), aside::<User>(reference))
        .await?;
    aside.ok_or_else(|| crate::error::Error::not_found("user"))
}

/// Plans the erasure on request. A person who was erased before is told so by that erasure.
pub async fn plan_erase(
    db: &Db,
    ids: &Ids,
    call: &Call,
    reference: &Ref<User>,
    input: &EraseInput,
) -> Result<(Plan, Erasure)> {
    call.caller.require(Permission::UsersErase)?;
    call.caller.require_account()?;
    if let Ref::Id(id) = reference {
        let before = Select::rows::<Erasure>(
            "WHERE account_id = $1 AND user_id = $2 ORDER BY id DESC LIMIT 1",
            params![id.clone()],
        );
        if let Some(erasure) = db.first::<Erasure>(call.account(), before).await? {
            return Ok((Plan::new("user.erase"), erasure));
        }
    }
    let user = anybody(db, call, reference).await?;
    let mut counted = Plan::new("user.erase");
    refuse_last_owner(db, call, &mut counted, &user).await?;
    let (mut plan, erasure) =
        plan_erasure(db, ids, call, &user, ErasureCause::Request, input.lms).await?;
    plan.absorb(counted);
    Ok((plan, erasure))
}

/// Plans the removal of everything that tells of a person.
pub(super) async fn plan_erasure(
    db: &Db,
    ids: &Ids,
    call: &Call,
    user: &User,
    cause: ErasureCause,
    lms: Option<LmsAction>,
) -> Result<(Plan, Erasure)> {
    let id = user.id.as_str();
    let report = ErasureReport {
        erased: count(db, call.account(), ERASED, id).await?,
        kept: count(db, call.account(), KEPT, id).await?,
    };
    let erasure = Erasure {
        id: ids.next(call.now),
        user_id: user.id.clone(),
        cause,
        state: ErasureState::Running,
        report: Json(report),
        created_at: call.now,
        finished_at: None,
    };
    let traces = traces_of(db, call, user).await?;
    let mut plan = Plan::new("user.erase");
    if user.deleted_at.is_none() {
        release(db, ids, call, &mut plan, Some(&user.id), None).await?;
    }
    wish(
        &mut plan,
        ids,
        call.now,
        user,
        lms.unwrap_or(LmsAction::Keep),
    );
    plan.write_all(own_records(id));
    plan.write(emptied(user, call.now));
    plan.write(Statement::new(
        "INSERT INTO erasures (account_id, id, user_id, cause, state, traces, report, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        params![
            erasure.id.clone(),
            user.id.clone(),
            cause,
            erasure.state,
            serde_json::to_string(&traces).unwrap_or_default(),
            serde_json::to_string(&erasure.report.0).unwrap_or_default(),
            call.now
        ],
    ));
    let data = json!({ "id": user.id, "erasure_id": erasure.id, "cause": cause, "report": erasure.report });
    plan.event(Event::new("user.erased", &user.id, data).user(&user.id));
    let job = Job::EraseTraces {
        erasure_id: erasure.id.to_string(),
    };
    plan.job(job, Some(erasure.id.to_string()));
    Ok((plan, erasure))
}

async fn traces_of(db: &Db, call: &Call, user: &User) -> Result<Traces> {
    let mut batch = Batch::new();
    let former = batch.add::<(String,)>(Select::new(
        "SELECT email FROM former_addresses WHERE account_id = $1 AND user_id = $2",
        params![user.id.clone()],
    ));
    let aliases = batch.add::<(String,)>(Select::new(
        "SELECT email FROM user_aliases WHERE account_id = $1 AND user_id = $2",
        params![user.id.clone()],
    ));
    let mut rows = db.read(call.account(), batch).await?;
    let mut addresses: Vec<String> = rows.take(&former).into_iter().map(|(one,)| one).collect();
    addresses.extend(rows.take(&aliases).into_iter().map(|(one,)| one));
    Ok(Traces::of(user, &addresses))
}

/// What is the person's alone goes.
fn own_records(id: &str) -> Vec<Statement> {
    const OWN: &[&str] = &[
        "DELETE FROM sessions WHERE account_id = $1 AND user_id = $2",
        "DELETE FROM sign_in_links WHERE account_id = $1 AND user_id = $2",
        "DELETE FROM user_passwords WHERE account_id = $1 AND user_id = $2",
        "DELETE FROM user_roles WHERE account_id = $1 AND user_id = $2",
        "DELETE FROM organization_members WHERE account_id = $1 AND user_id = $2",
        "DELETE FROM team_members WHERE account_id = $1 AND user_id = $2",
        "DELETE FROM former_members WHERE account_id = $1 AND user_id = $2",
        "DELETE FROM former_addresses WHERE account_id = $1 AND user_id = $2",
        "DELETE FROM user_aliases WHERE account_id = $1 AND user_id = $2",
        "DELETE FROM invitations WHERE account_id = $1 AND user_id = $2",
        "DELETE FROM mails WHERE account_id = $1 AND user_id = $2",
        "DELETE FROM seat_requests WHERE account_id = $1 AND user_id = $2",
        "DELETE FROM link_requests WHERE account_id = $1 AND (user_id = $2 OR email_key = (SELECT email_key FROM users WHERE account_id = $1 AND id = $2))",
    ];
    OWN.iter()
        .map(|sql| Statement::new(*sql, params![id.to_owned()]))
        .collect()
}

/// The row that is left.
fn emptied(user: &User, now: Timestamp) -> Statement {
    let address = format!("{}@erased.invalid", user.id);
    Statement::guarded(
        "UPDATE users SET email = $2, email_key = $2, first_name = NULL, last_name = NULL, name = $3, name_key = $2, family_key = $2, \
         company = NULL, external_id = NULL, locale = NULL, timezone = NULL, status = 'deactivated', tags = '[]', metadata = '{}', \
         lms_user_id = NULL, last_seen_at = NULL, deleted_at = COALESCE(deleted_at, $4), purged_at = $4, updated_at = $4, version = version + 1 \
         WHERE account_id = $1 AND id = $5 AND version = $6 AND purged_at IS NULL",
        params![
            address,
            label(user.id.as_str()),
            now,
            user.id.clone(),
            user.version
        ],
    )
}
