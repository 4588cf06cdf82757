//! How PostgreSQL would carry out the statements that the program really sends, on tables with thousands of rows.
//!
//! A plan is refused when it reads the tenant's table from end to end: a sequential scan, an index of which only the
//! account is used and whose rows are then sifted or sorted, or so many rows sorted that a page costs what the table
//! holds. Reading an index in the order of the list is what is wanted.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Arc, Mutex};

use b2b_dashboard::db::portable::{Dialect, translate};
use serde_json::Value as JsonValue;
use tokio_postgres::{Client, NoTls};
use tracing::field::{Field, Visit};
use tracing::instrument::WithSubscriber as _;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

/// Rows that each table is brought to.
const ROWS: u32 = 3000;
/// Rows that may be sorted for one page.
const SORTED: f64 = 300.0;

/// What is said of a table that is read as it lies.
pub(crate) const SEQUENTIAL: &str = "a sequential scan";

/// Columns of which only some words are good.
const WORDS: [&str; 9] = [
    "source", "status", "state", "role", "kind", "type", "cause", "locale", "currency",
];

/// The words of columns, by table and column.
pub(crate) type Words = BTreeMap<(String, String), Vec<String>>;

/// The texts of the statements that were sent meanwhile.
pub(crate) async fn sent<T>(work: impl Future<Output = T>) -> (T, BTreeSet<String>) {
    let texts = Arc::new(Mutex::new(BTreeSet::new()));
    let subscriber = tracing_subscriber::registry().with(Texts(Arc::clone(&texts)));
    let result = work.with_subscriber(subscriber).await;
    let texts = texts.lock().expect("texts").clone();
    (result, texts)
}

struct Texts(Arc<Mutex<BTreeSet<String>>>);

impl<S: tracing::Subscriber> Layer<S> for Texts {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "sql" {
            event.record(&mut Reading(&self.0));
        }
    }
}

struct Reading<'a>(&'a Mutex<BTreeSet<String>>);

impl Visit for Reading<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "text" {
            self.0.lock().expect("texts").insert(value.to_owned());
        }
    }
    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

/// A connection past the program.
pub(crate) struct Planner {
    client: Client,
    /// Tables that belong to accounts.
    tables: BTreeSet<String>,
}

impl Planner {
    pub(crate) async fn open(url: &str) -> Self {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("a server");
        b2b_dashboard::tasks::spawn(connection);
        let tables = client
            .query(
                "SELECT CAST(relname AS TEXT) FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attname = 'account_id' \
                 WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname NOT IN ('accounts', 'api_key_secrets')",
                &[],
            )
            .await
            .expect("tables");
        let tables = tables.iter().map(|row| row.get(0)).collect();
        Self { client, tables }
    }

    pub(crate) async fn run(&self, sql: &str) {
        let done = self.client.batch_execute(sql).await;
        done.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    /// Makes thousands of rows of the few that each table has: texts that must differ do, ids of other records point to
    /// twenty or fewer rows each, times go on. `words` are those of which the program says that a table's column has them:
    /// the rows have them in turn.
    pub(crate) async fn multiply(&self, words: &Words) {
        self.run("SET session_replication_role = replica").await;
        for table in &self.tables {
            self.multiply_table(table, words).await;
        }
        self.run("SET session_replication_role = origin; ANALYZE")
            .await;
    }

    async fn multiply_table(&self, table: &str, words: &Words) {
        let columns = self
            .client
            .query(
                "SELECT CAST(a.attname AS TEXT), format_type(a.atttypid, NULL), a.attnotnull, EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = a.attrelid \
                 AND i.indisunique AND a.attnum = ANY (i.indkey)) FROM pg_attribute a \
                 WHERE a.attrelid = CAST(CAST($1 AS TEXT) AS regclass) AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attnum",
                &[&table],
            )
            .await
            .expect("columns");
        let mut references = ["n / 20", "n % 150", "n / 7", "n % 61", "n / 11", "n % 37"]
            .into_iter()
            .cycle();
        let (mut names, mut values) = (Vec::new(), Vec::new());
        for column in &columns {
            let (name, kind): (String, String) = (column.get(0), column.get(1));
            let (is_required, is_unique): (bool, bool) = (column.get(2), column.get(3));
            let is_reference =
                name.ends_with("_id") && !matches!(name.as_str(), "account_id" | "external_id");
            values.push(if name == "account_id" {
                name.clone()
            } else if is_reference {
                let n = references.next().expect("a cycle");
                format!("{name} || '-' || ({n})")
            } else if let Some(words) = words.get(&(table.to_owned(), name.clone())) {
                let list: Vec<String> = words
                    .iter()
                    .map(|word| format!("CAST('{word}' AS {kind})"))
                    .collect();
                format!("(ARRAY[{}])[1 + n % {}]", list.join(", "), words.len())
            } else if WORDS.contains(&name.as_str()) {
                name.clone()
            } else if kind == "text" && (is_unique || name == "path" || name.ends_with("_key")) {
                format!("{name} || '-' || n")
            } else if kind == "bigint" && (is_unique || (is_required && name.ends_with("_at"))) {
                format!("{name} + n")
            } else if name.ends_with("_at")
                && !is_required
                && !matches!(name.as_str(), "deleted_at" | "revoked_at")
            {
                "CASE WHEN n % 3 = 0 THEN NULL ELSE created_at + n END".to_owned()
            } else {
                name.clone()
            });
            names.push(name);
        }
        if !names.iter().any(|name| name == "created_at") {
            for value in &mut values {
                *value = value.replace("created_at", "1700000000000000");
            }
        }
        let sql = format!(
            "INSERT INTO {table} ({}) SELECT {} FROM (SELECT * FROM {table} LIMIT 3) AS few, generate_series(1, {}) AS n ON CONFLICT DO NOTHING",
            names.join(", "),
            values.join(", "),
            ROWS / 3,
        );
        self.run(&sql).await;
    }

    /// What is wrong with the plan of a statement; nothing when it is good for a table of any size.
    pub(crate) async fn faults(&self, sql: &str) -> Vec<String> {
        let text = translate(sql, Dialect::Postgres);
        let places = text
            .split('$')
            .skip(1)
            .filter_map(|rest| {
                let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
                digits.parse::<usize>().ok()
            })
            .max()
            .unwrap_or(0);
        let nulls = vec!["NULL"; places].join(", ");
        let execute = if places == 0 {
            String::new()
        } else {
            format!("({nulls})")
        };
        // A value that the text does not use has no type by itself.
        let kind = |n: usize| {
            let is_used = text.match_indices(&format!("${n}")).any(|(at, found)| {
                !text[at + found.len()..].starts_with(|c: char| c.is_ascii_digit())
            });
            if is_used { "unknown" } else { "text" }
        };
        let kinds: Vec<&str> = (1..=places).map(kind).collect();
        let kinds = if places == 0 {
            String::new()
        } else {
            format!("({})", kinds.join(", "))
        };
        // The plan for any values, which the server takes when it knows none. What is cheap only while a table is small is
        // switched off.
        self.run(&format!(
            "SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_hashjoin = off; SET plan_cache_mode = force_generic_plan; SET jit = off; PREPARE looked_at {kinds} AS {text}"
        ))
        .await;
        let explain = format!("EXPLAIN (FORMAT JSON) EXECUTE looked_at{execute}");
        let row = self
            .client
            .simple_query(&explain)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        self.run("DEALLOCATE looked_at; RESET ALL").await;
        let plan = row
            .iter()
            .find_map(|message| match message {
                tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
                _ => None,
            })
            .expect("a plan");
        let plan: JsonValue = serde_json::from_str(plan).expect("JSON");
        let mut faults = Vec::new();
        self.look(&plan[0]["Plan"], false, &mut faults);
        faults
    }

    /// `held`: whether all rows below are read before the first is given on.
    fn look(&self, node: &JsonValue, held: bool, faults: &mut Vec<String>) {
        let kind = node["Node Type"].as_str().unwrap_or_default();
        let table = node["Relation Name"].as_str().unwrap_or_default();
        if self.tables.contains(table)
            && let Some(fault) = fault(node, kind, held)
        {
            faults.push(format!("{table}: {fault}"));
        }
        for child in node["Plans"].as_array().into_iter().flatten() {
            let held_below = match kind {
                "Limit" => false,
                "Sort" | "Hash" | "Aggregate" | "WindowAgg" | "Materialize" => true,
                _ => held,
            };
            // A sub-select is asked for each row, by the row's own values.
            let is_asked = matches!(
                child["Parent Relationship"].as_str(),
                Some("SubPlan" | "InitPlan")
            );
            self.look(child, held_below && !is_asked, faults);
        }
    }
}

fn fault(node: &JsonValue, kind: &str, held: bool) -> Option<String> {
    let rows = node["Plan Rows"].as_f64().unwrap_or(0.0);
    let name = node["Index Name"].as_str().unwrap_or("a bitmap");
    let condition = match kind {
        "Seq Scan" => return Some(SEQUENTIAL.to_owned()),
        "Bitmap Heap Scan" => node["Recheck Cond"].as_str(),
        "Index Scan" | "Index Only Scan" => node["Index Cond"].as_str(),
        _ => return None,
    }
    .unwrap_or_default();
    let filter = node["Filter"].as_str().unwrap_or_default();
    let narrows = condition.split(" AND ").any(|part| {
        !part.contains("account_id =") && !part.contains("ROW(") && !part.contains("IS NULL")
    });
    if narrows && held && rows > SORTED {
        return Some(format!(
            "{rows} rows by {name} ({condition}) are read for one page"
        ));
    }
    if narrows {
        return None;
    }
    if held {
        return Some(format!("all rows by {name} are read for one page"));
    }
    let sifts = !filter.is_empty() && filter != "(deleted_at IS NULL)";
    sifts.then(|| format!("all rows by {name} are sifted by {filter}"))
}
