//! The traces that a person leaves in what others keep: found and replaced, table by table, by a job.
//!
//! What is sought stands in the erasure's row until the job has finished, and is removed with it. The job may be cut off
//! anywhere: it begins anew and finds nothing where it has been. Ids stay, so the history of seats and the books remain
//! whole; they name nobody any more.

use super::erase::Erasure;
use super::scrub::{Traces, cleaned, label};
use crate::access::Call;
use crate::app::App;
use crate::db::{Select, Statement, Value};
use crate::error::Result;
use crate::events::{Event, Plan};
use crate::params;
use crate::resources::User;
use crate::types::{AccountId, Id};

/// Rows looked at in one read.
const CHUNK: i64 = 200;

/// Texts in which a person may be named. `owner` is what is true of rows that are about the person at `$2`.
struct Place {
    table: &'static str,
    columns: &'static [&'static str],
    owner: Option<&'static str>,
}

const fn place(table: &'static str, columns: &'static [&'static str]) -> Place {
    Place {
        table,
        columns,
        owner: None,
    }
}

const fn owned(
    table: &'static str,
    columns: &'static [&'static str],
    owner: &'static str,
) -> Place {
    Place {
        table,
        columns,
        owner: Some(owner),
    }
}

const PLACES: &[Place] = &[
    owned("events", &["data", "previous"], "user_id = $2"),
    owned(
        "audit_facts",
        &["changes", "subject_name"],
        "subject_id = $2",
    ),
    owned("provisions", &["answer", "undo_report"], "user_id = $2"),
    place(
        "mails",
        &[
            "to_address",
            "context",
            "subject",
            "text_body",
            "html_body",
            "last_reply",
        ],
    ),
    place("jobs", &["payload", "last_error"]),
    place("job_rows", &["input", "key", "problem", "result"]),
    place(
        "invitations",
        &["email", "email_key", "inviter_name", "mail_reply"],
    ),
    place(
        "link_requests",
        &["email", "email_key", "name", "reason", "decided_by"],
    ),
    owned(
        "seat_requests",
        &["note", "reason", "decided_by"],
        "user_id = $2",
    ),
    place("links", &["name", "name_key"]),
    place("groups", &["name", "name_key", "description", "metadata"]),
    place(
        "orders",
        &["buyer", "lines", "failure", "note", "metadata", "timeline"],
    ),
    place("order_refunds", &["reason"]),
    place("credit_entries", &["reason", "note"]),
    place("api_keys", &["name"]),
    place("users", &["metadata"]),
    place("teams", &["name", "name_key", "description", "metadata"]),
    place(
        "organizations",
        &["name", "name_key", "description", "metadata"],
    ),
    place("seats", &["name"]),
];

/// Tables in which people stand as those who did something, with their name of that moment.
const ACTED: &[&str] = &[
    "events",
    "audit_facts",
    "seat_ledger",
    "jobs",
    "order_refunds",
    "credit_entries",
];

/// Tables and columns that are searched; a test holds the schema against them.
pub fn searched() -> impl Iterator<Item = (&'static str, &'static str)> {
    let texts = PLACES
        .iter()
        .flat_map(|place| place.columns.iter().map(|column| (place.table, *column)));
    texts.chain(ACTED.iter().map(|table| (*table, "actor_name")))
}

/// Carries an erasure through all tables.
pub async fn erase_traces(app: &App, account: &AccountId, erasure: &str) -> Result<()> {
    let found = Select::new(
        "SELECT user_id, traces FROM erasures WHERE account_id = $1 AND id = $2 AND traces IS NOT NULL",
        params![erasure.to_owned()],
    );
    let Some((user, traces)) = app.db.first::<(Id<User>, String)>(account, found).await? else {
        return Ok(());
    };
    let traces: Traces = serde_json::from_str(&traces).map_err(crate::error::Error::internal)?;
    let user = user.as_str();
    for place in PLACES {
        for column in place.columns {
            erase_column(app, account, place, column, user, &traces).await?;
        }
    }
    for table in ACTED {
        erase_actor(app, account, table, user).await?;
    }
    erase_memories(app, account, user, &traces).await?;
    finish(app, account, erasure, user).await
}

/// The condition that a text names the person, and its values from `$n` on.
fn names_person(column: &str, traces: &Traces, mut n: usize) -> (String, Vec<Value>) {
    let mut conditions = Vec::new();
    let mut values = Vec::new();
    for form in traces.forms() {
        let escaped = form
            .replace('\\', "\\\\")
            .replace('%', "\\%")
            .replace('_', "\\_");
        conditions.push(format!("lower({column}) LIKE ${n} ESCAPE '\\'"));
        values.push(Value::text(format!("%{escaped}%")));
        n += 1;
    }
    (conditions.join(" OR "), values)
}

async fn erase_column(
    app: &App,
    account: &AccountId,
    place: &Place,
    column: &str,
    user: &str,
    traces: &Traces,
) -> Result<()> {
    let owner = place.owner.unwrap_or("$2 = ''");
    let (names, further) = names_person(column, traces, 5);
    let table = place.table;
    let sql = format!(
        "SELECT id, {column}, COALESCE(({owner}), FALSE) FROM {table} WHERE account_id = $1 AND id > $3 AND {column} IS NOT NULL AND (({owner}) OR {names}) \
         ORDER BY id LIMIT $4"
    );
    let mut after = String::new();
    loop {
        let mut values = params![user.to_owned(), after, CHUNK];
        values.extend(further.iter().cloned());
        let read = Select::new(sql.clone(), values);
        let rows = app
            .db
            .fetch::<(String, String, bool)>(account, read)
            .await?;
        let Some((last, ..)) = rows.last() else {
            return Ok(());
        };
        after.clone_from(last);
        let writes: Vec<Statement> = rows
            .iter()
            .filter_map(|(id, text, is_own)| {
                let clean = cleaned(text, column, user, traces, *is_own)?;
                // Only the text that was read is replaced: what was written meanwhile is found at the next run.
                Some(Statement::new(
                    format!("UPDATE {table} SET {column} = $2 WHERE account_id = $1 AND id = $3 AND {column} = $4"),
                    params![clean, id.clone(), text.clone()],
                ))
            })
            .collect();
        if !writes.is_empty() {
            app.db.write(account, writes).await?;
        }
    }
}

/// The name under which the person has acted, and where from.
async fn erase_actor(app: &App, account: &AccountId, table: &str, user: &str) -> Result<()> {
    let address = if table == "audit_facts" {
        ", address = NULL"
    } else {
        ""
    };
    loop {
        let statement = Statement::new(
            format!(
                "UPDATE {table} SET actor_name = $2{address} WHERE account_id = $1 AND id IN (SELECT id FROM {table} \
                 WHERE account_id = $1 AND actor_type = 'user' AND actor_id = $3 AND actor_name <> $2 LIMIT 500)"
            ),
            params![label(user), user.to_owned()],
        );
        if app
            .db
            .write(account, vec![statement])
            .await?
            .iter()
            .sum::<u64>()
            == 0
        {
            return Ok(());
        }
    }
}

/// Answers that are remembered for repeats of requests: those that name the person are forgotten.
async fn erase_memories(app: &App, account: &AccountId, user: &str, traces: &Traces) -> Result<()> {
    let (names, further) = names_person("body", traces, 3);
    loop {
        let mut values = params![format!("%{}%", user.replace('_', "\\_"))];
        values.extend(further.iter().cloned());
        let statement = Statement::new(
            format!(
                "DELETE FROM idempotency_records WHERE account_id = $1 AND (lineage, idempotency_key) IN \
                 (SELECT lineage, idempotency_key FROM idempotency_records WHERE account_id = $1 AND (body LIKE $2 ESCAPE '\\' OR {names}) LIMIT 500)"
            ),
            values,
        );
        if app
            .db
            .write(account, vec![statement])
            .await?
            .iter()
            .sum::<u64>()
            == 0
        {
            return Ok(());
        }
    }
}

/// The end: what was sought is forgotten too.
async fn finish(app: &App, account: &AccountId, erasure: &str, user: &str) -> Result<()> {
    let call = Call::system(account.clone(), "worker: erasure", app.clock.now());
    crate::commit::commit(&app.db, &app.ids, &call, || async {
        let mut plan = Plan::new("erasure.finish");
        plan.write(Erasure::finished(erasure, call.now));
        let data = serde_json::json!({ "id": erasure, "user_id": user });
        plan.event(Event::new("erasure.finished", erasure, data).user(user));
        Ok((plan, ()))
    })
    .await
    .map(|_| ())
}
