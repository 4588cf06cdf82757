//! Page 1 and page 40,000 of every list, in each order and by each filter, in turn.
//!
//! The lists, their orders and their filters are read from the document that the server itself gives, so a new one is
//! measured without a line here. A deep page is reached by the cursor that the server would have given there.

use std::time::Instant;

use b2b_dashboard::listing;
use b2b_dashboard::types::AccountId;
use serde_json::Value;

use super::client::{Connection, request};
use super::machine::median;
use super::report::Lists;
use super::{Place, seed};

/// Records before page 40,000, of 25 each.
const DEPTH: u64 = 40_000 * 25;
/// Requests for each page.
const TRIES: usize = 15;
/// Members of a query that are no filters.
const CONTROL: [&str; 7] = ["limit", "cursor", "include", "sort", "q", "expand", "as_of"];

/// One list as it is asked for.
struct Asked {
    pairs: Vec<(String, String)>,
    /// The column in whose order it comes, where one is known.
    column: Option<String>,
    descending: bool,
}

/// Measures all lists of one database.
pub async fn measure(
    place: &Place,
    program: &std::path::Path,
    key: &str,
    account: &AccountId,
    lists: &mut Lists,
) {
    let server = place.serve(program, &[("B2B_JOBS__RUN_IN_SERVE", "false")]);
    let cursor_key = place.app().keys.cursor;
    let mut connection = Connection::open(&server.address).await;
    let (_, document) = connection
        .send(&request("GET", "/api/openapi.json", key, None))
        .await;
    let document: Value = serde_json::from_slice(&document).expect("a document");
    let rows = Rows::open(place).await;
    for (path, methods) in document["paths"].as_object().expect("paths") {
        let Some(parameters) = methods["get"]["parameters"].as_array() else {
            continue;
        };
        let is_list = parameters
            .iter()
            .any(|parameter| parameter["name"] == "cursor");
        if !is_list || path.contains('{') {
            continue;
        }
        let (status, first) = connection
            .send(&request("GET", &format!("{path}?limit=25"), key, None))
            .await;
        assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&first));
        let first: Value = serde_json::from_slice(&first).expect("a page");
        let table = path.trim_start_matches("/api/");
        if rows.columns(table).await.is_empty() {
            lists.skipped(place.name, table, "", "no table of this name");
            continue;
        }
        for asked in asked(parameters, &first["data"][5], &rows, table).await {
            let text = query(&asked.pairs);
            let Some(column) = &asked.column else {
                lists.skipped(place.name, table, &text, "no column is known for it");
                continue;
            };
            let deep = rows
                .deep(table, account.as_str(), column, asked.descending)
                .await;
            let Some((row_key, id)) = deep else {
                lists.skipped(place.name, table, &text, "no place in it is deep");
                continue;
            };
            let cursor = listing::Place {
                binding: listing::binding(account.as_str(), table, None, &asked.pairs),
                key: row_key,
                id,
                part: 0,
            }
            .cursor(&cursor_key);
            let first = request("GET", &format!("{path}?{text}"), key, None);
            let deep = request("GET", &format!("{path}?{text}&cursor={cursor}"), key, None);
            let (status, answer) = connection.send(&deep).await;
            if status != 200 {
                // Such as a list whose cursors are of another kind.
                let problem: Value = serde_json::from_slice(&answer).unwrap_or_default();
                let code = problem["code"].as_str().unwrap_or("no problem");
                lists.skipped(place.name, table, &text, code);
                continue;
            }
            let (mut near, mut far) = (Vec::new(), Vec::new());
            for n in 0..=TRIES {
                for (bytes, times) in [(&first, &mut near), (&deep, &mut far)] {
                    let sent = Instant::now();
                    let (status, body) = connection.send(bytes).await;
                    assert_eq!(
                        status,
                        200,
                        "{table}?{text}: {}",
                        String::from_utf8_lossy(&body)
                    );
                    // The first of each warms the caches of statement and pages.
                    if n > 0 {
                        times.push(sent.elapsed().as_secs_f64() * 1000.0);
                    }
                }
            }
            lists.add(place.name, table, &text, median(&near), median(&far));
        }
    }
}

fn query(pairs: &[(String, String)]) -> String {
    pairs
        .iter()
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
        .collect::<Vec<_>>()
        .join("&")
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|b| {
            if b.is_ascii_alphanumeric() || b"-_.".contains(&b) {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect()
}

/// Every order alone, every filter alone, and every filter that is an equality in every order.
async fn asked(parameters: &[Value], row: &Value, rows: &Rows, table: &str) -> Vec<Asked> {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut all = Vec::new();
    let sorts: Vec<String> = parameters
        .iter()
        .find(|parameter| parameter["name"] == "sort")
        .and_then(|parameter| parameter["schema"]["enum"].as_array())
        .into_iter()
        .flatten()
        .filter_map(|sort| sort.as_str().map(str::to_owned))
        .collect();
    let columns = rows.columns(table).await;
    for sort in &sorts {
        let column = column_of(&columns, sort.trim_start_matches('-'));
        all.push(Asked {
            pairs: vec![pair("sort", sort)],
            column,
            descending: sort.starts_with('-'),
        });
    }
    for parameter in parameters {
        let name = parameter["name"].as_str().expect("a name");
        if parameter["in"] != "query" || CONTROL.contains(&name) {
            continue;
        }
        let schema = parameter["schema"]
            .get("items")
            .unwrap_or(&parameter["schema"]);
        let shown = [name.to_owned(), format!("{name}_id"), format!("{name}_ids")]
            .into_iter()
            .map(|member| row[member].clone());
        let shown = shown
            .map(|value| value.get(0).cloned().unwrap_or(value))
            .find(|value| !value.is_null());
        let words: Vec<String> = schema["enum"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|w| w.as_str().map(str::to_owned))
            .collect();
        let is_range = schema["type"] == "integer" || schema["format"] == "date-time";
        let mut values = words.clone();
        match (&shown, schema["type"].as_str()) {
            (_, Some("boolean")) => values.extend(["true".to_owned(), "false".to_owned()]),
            (Some(Value::String(text)), _) if words.is_empty() && !is_range => {
                values.push(text.clone())
            }
            _ => {}
        }
        if is_range {
            let column = column_of(&columns, name);
            let low = if schema["type"] == "integer" {
                "0"
            } else {
                "1990-01-01T00:00:00Z"
            };
            let descending = name == "created_at";
            all.push(Asked {
                pairs: vec![pair(&format!("{name}[gte]"), low)],
                column,
                descending,
            });
        } else {
            if words.len() > 1 {
                values.push(words[..2].join(","));
            }
            for value in values {
                all.push(Asked {
                    pairs: vec![pair(name, &value)],
                    column: Some("created_at".to_owned()),
                    descending: true,
                });
                for sort in sorts.iter().filter(|sort| !sort.starts_with('-')) {
                    let column = column_of(&columns, sort);
                    if column == column_of(&columns, name) {
                        // All its records have one place in that order, and a place of others leads nowhere in it.
                        continue;
                    }
                    all.push(Asked {
                        pairs: vec![pair(name, &value), pair("sort", sort)],
                        column,
                        descending: false,
                    });
                }
            }
        }
    }
    if parameters.iter().any(|parameter| parameter["name"] == "q") {
        // What a search reads first: addresses where there are some, else names. All records begin with this letter.
        let searched = ["email_key", "name_key", "domain"];
        let column = searched
            .into_iter()
            .find(|name| columns.iter().any(|column| column == name))
            .unwrap_or_else(|| panic!("it is not known what a search of {table} reads"));
        let letter = rows.first_letter(table, column).await;
        all.push(Asked {
            pairs: vec![pair("q", &letter)],
            column: Some(column.to_owned()),
            descending: false,
        });
    }
    all
}

/// The column behind a member of the query; none for one that is no filter, such as the `since` of events.
fn column_of(columns: &[String], member: &str) -> Option<String> {
    let wanted = [
        format!("{member}_key"),
        member.to_owned(),
        member.replace("last_name", "family_key"),
    ];
    let found = wanted
        .iter()
        .rev()
        .find(|name| columns.contains(name) && (name.ends_with("_key") || *name == member));
    let keyed = wanted
        .iter()
        .find(|name| columns.contains(name) && name.ends_with("_key"));
    keyed.or(found).cloned()
}

/// A connection past the program, to find places by.
enum Rows {
    Sqlite(Box<rusqlite::Connection>),
    Postgres(tokio_postgres::Client),
}

impl Rows {
    async fn open(place: &Place) -> Self {
        match place.url.strip_prefix("sqlite:") {
            Some(path) => Self::Sqlite(Box::new(rusqlite::Connection::open(path).expect("a file"))),
            None => Self::Postgres(seed::connect(&place.url).await),
        }
    }

    async fn texts(&self, sql: &str) -> Vec<Vec<String>> {
        match self {
            Self::Sqlite(connection) => {
                let mut statement = connection.prepare(sql).expect(sql);
                let width = statement.column_count();
                let rows = statement.query_map([], |row| (0..width).map(|n| row.get(n)).collect());
                rows.expect(sql).collect::<Result<_, _>>().expect(sql)
            }
            Self::Postgres(client) => {
                let rows = client.query(sql, &[]).await.expect(sql);
                rows.iter()
                    .map(|row| (0..row.len()).map(|n| row.get(n)).collect())
                    .collect()
            }
        }
    }

    async fn columns(&self, table: &str) -> Vec<String> {
        let sql = match self {
            Self::Sqlite(_) => format!("SELECT name FROM pragma_table_xinfo('{table}')"),
            Self::Postgres(_) => format!(
                "SELECT CAST(attname AS TEXT) FROM pg_attribute WHERE attrelid = to_regclass('{table}') AND attnum > 0"
            ),
        };
        self.texts(&sql)
            .await
            .into_iter()
            .map(|mut row| row.remove(0))
            .collect()
    }

    async fn first_letter(&self, table: &str, column: &str) -> String {
        let rows = self
            .texts(&format!(
                "SELECT substr({column}, 1, 1) FROM {table} ORDER BY created_at DESC LIMIT 1"
            ))
            .await;
        rows.into_iter()
            .next()
            .map_or_else(|| "a".to_owned(), |mut row| row.remove(0))
    }

    /// Key and id of the record before page 40,000, or in a shorter list of the one before its last tenth.
    async fn deep(
        &self,
        table: &str,
        account: &str,
        column: &str,
        descending: bool,
    ) -> Option<(String, String)> {
        let columns = self.columns(table).await;
        let live = if columns.iter().any(|name| name == "deleted_at") {
            " AND deleted_at IS NULL"
        } else {
            ""
        };
        let from =
            format!("FROM {table} WHERE account_id = '{account}' AND {column} IS NOT NULL{live}");
        let count = self
            .texts(&format!("SELECT CAST(count(*) AS TEXT) {from}"))
            .await;
        let count: u64 = count.first()?.first()?.parse().ok()?;
        let order = if descending { "DESC" } else { "ASC" };
        let rows = self
            .texts(&format!(
                "SELECT CAST({column} AS TEXT), id {from} ORDER BY {column} {order}, id {order} LIMIT 1 OFFSET {}",
                DEPTH.min((count * 9 / 10).min(count.saturating_sub(60)))
            ))
            .await;
        let mut row = rows.into_iter().next()?.into_iter();
        Some((row.next()?, row.next()?))
    }
}
