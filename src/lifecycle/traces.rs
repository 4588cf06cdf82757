//! The traces that a person leaves in what others keep: found and replaced, table by table, by a job.
//!
//! What is sought stands in the erasure's row until the job has finished, and is removed with it. The job may be cut off
//! anywhere: it begins anew and finds nothing where it has been. Ids stay, so the history of seats and the books remain
//! whole; they name nobody any more.

use serde::{Deserialize, Serialize};
use serde_json::Value as JsonValue;

use super::erase::Erasure;
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
    owned("audit_facts", &["changes"], "subject_id = $2"),
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
const ACTED: &[&str] = &["events", "audit_facts", "seat_ledger"];

/// Tables and columns that are searched; a test holds the schema against them.
pub fn searched() -> impl Iterator<Item = (&'static str, &'static str)> {
    let texts = PLACES
        .iter()
        .flat_map(|place| place.columns.iter().map(|column| (place.table, *column)));
    texts.chain(ACTED.iter().map(|table| (*table, "actor_name")))
}

/// Members that tell who somebody is.
const PERSONAL: &[&str] = &[
    "email",
    "first_name",
    "last_name",
    "name",
    "company",
    "external_id",
    "locale",
    "timezone",
    "tags",
    "metadata",
    "lms_user_id",
];

/// What is sought of one person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traces {
    /// Addresses and full names, which are replaced wherever they stand.
    pub words: Vec<String>,
    /// Single names, which are replaced where a whole text of a row about the person is nothing else.
    pub names: Vec<String>,
}

impl Traces {
    /// What tells of a person: the present record and the addresses of before.
    pub fn of(user: &User, addresses: &[String]) -> Self {
        let mut words: Vec<String> = addresses.to_vec();
        words.push(user.email.to_string());
        words.push(user.email_key.clone());
        let names: Vec<String> = [&user.first_name, &user.last_name, &user.name]
            .into_iter()
            .flatten()
            .map(ToString::to_string)
            .collect();
        if let (Some(first), Some(last)) = (&user.first_name, &user.last_name) {
            words.push(format!("{first} {last}"));
            words.push(format!("{last}, {first}"));
        }
        // A full name of one short word is too common a text to be sought everywhere.
        words.extend(
            user.name
                .iter()
                .map(ToString::to_string)
                .filter(|name| name.contains(' ') || name.chars().count() > 5),
        );
        words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        words.dedup();
        Self { words, names }
    }

    /// The forms in which the words may stand in a text: as they are, in small letters, and as JSON writes them.
    fn forms(&self) -> Vec<String> {
        let mut forms = Vec::new();
        for word in &self.words {
            for form in [word.to_ascii_lowercase(), word.to_lowercase()] {
                let json = serde_json::to_string(&form).unwrap_or_default();
                forms.push(json.trim_matches('"').to_owned());
                forms.push(form);
            }
        }
        forms.sort();
        forms.dedup();
        forms
    }
}

/// What stands in place of a person's name.
pub fn label(user: &str) -> String {
    let end = user.len().saturating_sub(6);
    format!("Erased person {}", user.get(end..).unwrap_or_default())
}

/// A text without the words, whatever their case, where they are not part of a longer word.
fn without(text: &str, traces: &Traces, label: &str) -> String {
    let mut out = text.to_owned();
    for word in &traces.words {
        out = replaced(&out, word, label);
    }
    out
}

fn replaced(text: &str, word: &str, label: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let lower = |c: &char| c.to_lowercase().next().unwrap_or(*c);
    let wanted: Vec<char> = word.chars().map(|c| lower(&c)).collect();
    if wanted.is_empty() {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(rest) = chars.get(at..).filter(|rest| !rest.is_empty()) {
        let begins =
            rest.len() >= wanted.len() && rest.iter().zip(&wanted).all(|(c, w)| lower(c) == *w);
        let is_inside = |c: Option<&char>| c.is_some_and(|c| c.is_alphanumeric());
        let before = at.checked_sub(1).and_then(|before| chars.get(before));
        if begins && !is_inside(before) && !is_inside(rest.get(wanted.len())) {
            out.push_str(label);
            at += wanted.len();
        } else {
            out.extend(rest.first());
            at += 1;
        }
    }
    out
}

/// A JSON value in which the person is named nowhere. `is_own`: the row is about the person.
fn scrub(value: &mut JsonValue, user: &str, traces: &Traces, is_own: bool, label: &str) {
    match value {
        JsonValue::String(text) => {
            let is_name = is_own
                && traces
                    .names
                    .iter()
                    .any(|name| name.to_lowercase() == text.to_lowercase());
            *text = if is_name {
                label.to_owned()
            } else {
                without(text, traces, label)
            };
        }
        JsonValue::Array(items) => {
            for item in items {
                scrub(item, user, traces, is_own, label);
            }
        }
        JsonValue::Object(members) => {
            let is_person = members.get("id").is_some_and(|id| id == user);
            let looks_so = members.contains_key("email") || members.contains_key("first_name");
            if is_person && looks_so {
                forget(members, label);
            }
            if is_person && let Some(JsonValue::Object(previous)) = members.get_mut("previous") {
                forget(previous, label);
            }
            for member in members.values_mut() {
                scrub(member, user, traces, is_own, label);
            }
        }
        _ => {}
    }
}

/// Empties the members that tell who somebody is.
fn forget(members: &mut serde_json::Map<String, JsonValue>, label: &str) {
    for name in PERSONAL {
        if let Some(member) = members.get_mut(*name) {
            *member = match member {
                JsonValue::Array(_) => JsonValue::Array(Vec::new()),
                JsonValue::Object(_) => JsonValue::Object(serde_json::Map::new()),
                JsonValue::String(_) if matches!(*name, "email" | "name") => label.into(),
                _ => JsonValue::Null,
            };
        }
    }
}

/// A stored text in which the person is named nowhere, or none where it names nobody as it is.
fn cleaned(text: &str, column: &str, user: &str, traces: &Traces, is_own: bool) -> Option<String> {
    let label = label(user);
    let after = match serde_json::from_str::<JsonValue>(text) {
        Ok(mut value) if value.is_object() || value.is_array() => {
            let before = value.clone();
            if is_own
                && column == "previous"
                && let JsonValue::Object(members) = &mut value
                && (members.contains_key("email")
                    || members.contains_key("first_name")
                    || members.contains_key("last_name")
                    || members.contains_key("name")
                    || members.contains_key("external_id")
                    || members.contains_key("metadata")
                    || members.contains_key("company"))
            {
                forget(members, &label);
            }
            scrub(&mut value, user, traces, is_own, &label);
            if value == before {
                return None;
            }
            serde_json::to_string(&value).unwrap_or_default()
        }
        _ if column.ends_with("_key") => without(text, traces, &label.to_lowercase()),
        _ => without(text, traces, &label),
    };
    (after != text).then_some(after)
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
        "SELECT id, {column}, ({owner}) FROM {table} WHERE account_id = $1 AND id > $3 AND {column} IS NOT NULL AND (({owner}) OR {names}) \
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const USER: &str = "user_01h455vb4pex5vsknk084sn02q";

    fn ada() -> Traces {
        Traces {
            words: vec!["ada@example.com".to_owned(), "Ada Byron".to_owned()],
            names: vec!["Ada".to_owned(), "Byron".to_owned(), "Ada Byron".to_owned()],
        }
    }

    #[test]
    fn words_go_in_any_case_but_not_out_of_longer_ones() {
        let gone = |text: &str| without(text, &ada(), "X");
        assert_eq!(gone("550 <ADA@Example.com> unknown"), "550 <X> unknown");
        assert_eq!(gone("ada byron's team"), "X's team");
        assert_eq!(
            gone("Nada Byronov and nada@example.com"),
            "Nada Byronov and nada@example.com"
        );
        assert_eq!(gone("İzmir, Ada Byron"), "İzmir, X");
    }

    #[test]
    fn a_person_is_emptied_wherever_the_record_stands() {
        let text = json!({
            "user": { "id": USER, "email": "Ada@Example.com", "first_name": "Ada", "tags": ["vip"], "metadata": { "a": "b" }, "company": "Navy" },
            "team": { "id": "team_1", "name": "Ada Byron's team" },
            "by": "Grace",
        });
        let clean = cleaned(&text.to_string(), "data", USER, &ada(), true).expect("a change");
        for gone in ["Ada", "Byron", "example.com", "vip", "Navy"] {
            assert!(!clean.contains(gone), "{gone}: {clean}");
        }
        assert!(clean.contains("Grace") && clean.contains("team_1"));
        assert_eq!(
            cleaned(&clean, "data", USER, &ada(), true),
            None,
            "a second run finds nothing"
        );
    }

    #[test]
    fn first_names_go_only_from_rows_about_the_person() {
        let text = json!({ "greeting": "Ada" }).to_string();
        assert_eq!(cleaned(&text, "data", USER, &ada(), false), None);
        assert!(cleaned(&text, "data", USER, &ada(), true).is_some());
    }

    #[test]
    fn changed_members_of_before_are_emptied() {
        let text = json!({ "last_name": "Noel", "company": "Navy" }).to_string();
        let clean = cleaned(&text, "previous", USER, &ada(), true).expect("a change");
        assert_eq!(
            clean,
            json!({ "last_name": null, "company": null }).to_string()
        );
    }
}
