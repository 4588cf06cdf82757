//! What reading costs: no list and no look-up reads a tenant's table from end to end, and the reads of a request do not
//! grow with its rows. Lists, their orders, their filters and what they expand are found in the document.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as JsonValue, json};

use super::preparation::{make_examples, prepare};
use crate::support::database::{Engine, OnDatabase};
use crate::support::http::ApiApp;
use crate::support::operation::{Document, Operation};
use crate::support::plans::{Planner, SEQUENTIAL, Words, sent};

/// Members of a query that are no filters.
const CONTROL: [&str; 7] = ["limit", "cursor", "include", "sort", "q", "expand", "as_of"];

/// Filters whose plan is not good for a table of any size, each with its reason and what it costs. None of them reads a
/// tenant's table sequentially.
const KNOWN: &[(&str, &str, &str)] = &[
    (
        "list_teams",
        "ownerless",
        "looks at each team in turn for an owner, one look-up each, until a page is full",
    ),
    (
        "list_roles",
        "",
        "puts the roles of the account, 200 at the most, beside those that are built in",
    ),
    (
        "list_catalog_items",
        "visible_to",
        "looks at each item in turn, most of which are for everybody, until a page is full",
    ),
    (
        "list_invitations",
        "organization",
        "gathers the invitations of the organization's own teams: what it costs grows with that customer alone",
    ),
    (
        "list_links",
        "organization",
        "gathers the links of the organization's own teams: what it costs grows with that customer alone",
    ),
];

fn words(parameter: &JsonValue) -> Vec<String> {
    let schema = &parameter["schema"];
    let schema = schema.get("items").unwrap_or(schema);
    let words = schema["enum"].as_array().into_iter().flatten();
    let mut words: Vec<String> = words
        .filter_map(|word| word.as_str().map(str::to_owned))
        .collect();
    if words.is_empty() {
        words = match (schema["type"].as_str(), schema["format"].as_str()) {
            (Some("integer"), _) => vec!["1".to_owned()],
            (Some("boolean"), _) => vec!["true".to_owned(), "false".to_owned()],
            (_, Some("date-time")) => vec!["2027-01-01T00:00:00Z".to_owned()],
            (_, Some("date")) => vec!["2027-01-01".to_owned()],
            _ => vec!["ext:nothing".to_owned()],
        };
    }
    words
}

/// Every order, every filter, every equality in every order, ranges and searches: the queries of a list.
fn queries(list: &Operation) -> Vec<String> {
    let sorts = list.parameter("sort").map(words).unwrap_or_default();
    let mut all: Vec<String> = sorts.iter().map(|sort| format!("sort={sort}")).collect();
    all.push(String::new());
    for parameter in list.query_parameters() {
        let name = parameter["name"].as_str().expect("a name");
        if CONTROL.contains(&name) {
            continue;
        }
        let values = words(parameter);
        all.push(format!("{name}={}", values[0]));
        if values.len() > 1 && parameter["schema"]["type"] == "array" {
            all.push(format!("{name}={},{}", values[0], values[1]));
            all.push(format!("{name}%5Bne%5D={}", values[0]));
        }
        let is_range = matches!(
            parameter["schema"]["format"].as_str(),
            Some("date-time" | "date")
        ) || parameter["schema"]["type"] == "integer";
        // Since a moment: it has no further comparison.
        if is_range && name != "since" {
            all.push(format!("{name}%5Bgte%5D={}", values[0]));
        } else {
            all.extend(
                sorts
                    .iter()
                    .map(|sort| format!("{name}={}&sort={sort}", values[0])),
            );
        }
    }
    if list.parameter("q").is_some() {
        all.push("q=a".to_owned());
    }
    all
}

/// The words and some of the numbers that the filters of lists name, where table and column have the names of list and filter.
fn words_of_columns(document: &Document) -> Words {
    let mut all = Words::new();
    for list in document.lists() {
        let table = list.path.rsplit('/').next().unwrap_or_default();
        for parameter in list.query_parameters() {
            let name = parameter["name"].as_str().expect("a name");
            let schema = &parameter["schema"];
            let schema = schema.get("items").unwrap_or(schema);
            let values = if schema["enum"].is_array() {
                words(parameter)
            } else if schema["type"] == "integer" && name != "sequence" {
                (1..=8).map(|n: u8| n.to_string()).collect()
            } else {
                continue;
            };
            if !CONTROL.contains(&name) {
                all.insert((table.to_owned(), name.to_owned()), values);
            }
        }
    }
    all
}

/// What is wrong with the statements behind a path.
async fn faults(
    app: &ApiApp,
    planner: &Planner,
    path: &str,
    seen: &mut BTreeSet<String>,
) -> Vec<String> {
    let (answer, texts) = sent(app.get(path)).await;
    assert!(
        matches!(answer.status, 200 | 404),
        "{path}: {}",
        answer.text()
    );
    let mut all = Vec::new();
    for text in texts {
        if seen.insert(text.clone()) {
            for fault in planner.faults(&text).await {
                all.push(format!("{path}: {fault}\n    {text}"));
            }
        }
    }
    all
}

/// All statements of all lists and look-ups that are not good for a table of any size.
async fn all_faults(app: &ApiApp, planner: &Planner, document: &Document) -> Vec<String> {
    let (mut all, mut seen) = (Vec::new(), BTreeSet::new());
    let mut paths = BTreeMap::new();
    for list in document.lists() {
        paths.insert(list.id.clone(), prepare(app, document, list).await.path);
    }
    // These leave rows in tables that nothing else writes to.
    for operation in ["merge_user", "erase_user", "refund_order"].map(|id| document.operation(id)) {
        let prepared = prepare(app, document, operation).await;
        let done = app.send(prepared.call(operation, &app.key.secret)).await;
        assert!(done.status < 300, "{}: {}", operation.id, done.text());
    }
    planner.multiply(&words_of_columns(document)).await;
    for list in document.lists() {
        let path = &paths[&list.id];
        for query in queries(list) {
            let is_known =
                |known: &&(&str, &str, &str)| known.0 == list.id && query.starts_with(known.1);
            let is_known = KNOWN.iter().any(|known| is_known(&known));
            let first = format!("{path}?limit=7&{query}");
            let mut found = faults(app, planner, &first, &mut seen).await;
            let next = app.get(&first).await.json()["page"]["next_cursor"].clone();
            if let Some(cursor) = next.as_str() {
                let next = format!("{first}&cursor={cursor}");
                found.extend(faults(app, planner, &next, &mut seen).await);
            }
            found.retain(|fault| !is_known || fault.contains(SEQUENTIAL));
            all.extend(found);
        }
    }
    for one in document
        .operations
        .iter()
        .filter(|o| o.method == "GET" && o.has_place())
    {
        for reference in [
            "ext:nothing",
            "email:nobody@example.com",
            "user_01j00000000000000000000000",
        ] {
            let (answer, texts) = sent(app.get(&one.path_with(reference))).await;
            assert!(answer.status < 500, "{}: {}", one.id, answer.text());
            for text in texts {
                if seen.insert(text.clone()) {
                    let faults = planner.faults(&text).await.into_iter();
                    all.extend(
                        faults.map(|fault| format!("{} {reference}: {fault}\n    {text}", one.id)),
                    );
                }
            }
        }
    }
    assert!(seen.len() > 50, "statements were seen");
    all
}

mod postgres {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_list_and_no_look_up_reads_a_table_from_end_to_end() {
        let app = ApiApp::on(Engine::Postgres).await;
        let document = Document::of(&app).await;
        make_examples(&app, &document).await;
        let planner = Planner::open(&app.database.url).await;
        let faults = all_faults(&app, &planner, &document).await;
        assert!(
            faults.is_empty(),
            "{} faults:\n{}",
            faults.len(),
            faults.join("\n")
        );
        // The same look would see it: without their indexes the same lists are refused.
        planner
            .run("DROP INDEX users_by_status_name; DROP INDEX teams_by_name; DROP INDEX seat_assignments_by_state; ANALYZE")
            .await;
        for path in [
            "/api/users?status=active&sort=name",
            "/api/teams?sort=-name",
            "/api/seat_assignments?state=active",
            "/api/teams?sort=name&expand=organization",
        ] {
            let found = super::faults(&app, &planner, path, &mut BTreeSet::new()).await;
            assert!(!found.is_empty(), "{path} is not seen to lack its index");
        }
    }

    /// What one page may cost is asked of pages of two rows and of sixty.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn reads_do_not_grow_with_rows() {
        let app = ApiApp::on(Engine::Postgres).await;
        let document = Document::of(&app).await;
        make_examples(&app, &document).await;
        let mut paths = Vec::new();
        for list in document.lists() {
            let path = prepare(&app, &document, list).await.path;
            let expands = list.parameter("expand").map(words).unwrap_or_default();
            let sorts = list.parameter("sort").map(words).unwrap_or_default();
            let Some(sort) = sorts.first() else { continue };
            paths.push((
                list.id.clone(),
                format!("{path}?expand={}", expands.join(",")),
                expands.is_empty(),
                format!("{path}?sort={sort}"),
            ));
        }
        Planner::open(&app.database.url)
            .await
            .multiply(&words_of_columns(&document))
            .await;
        let mut compared = 0;
        for (id, expanded, is_plain, path) in paths {
            let path = if is_plain { path } else { expanded };
            let (few, few_rows) = round_trips(&app, &format!("{path}&limit=2")).await;
            let (many, many_rows) = round_trips(&app, &format!("{path}&limit=60")).await;
            assert_eq!(few, many, "{id}: {few_rows} rows and {many_rows} rows");
            compared += usize::from(few_rows == 2 && many_rows == 60);
        }
        assert!(compared > 8, "only {compared} lists had rows to compare");
    }

    /// Each item of a batch is a transaction of its own; what it costs does not grow with those beside it.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_item_of_a_batch_costs_the_same_however_many_there_are() {
        let app = ApiApp::on(Engine::Postgres).await;
        let document = Document::of(&app).await;
        make_examples(&app, &document).await;
        let is_batch = |o: &&Operation| o.method == "POST" && o.path.ends_with("/batch");
        let mut seen = 0;
        for batch in document.operations.iter().filter(is_batch) {
            let prepared = prepare(&app, &document, batch).await;
            let example = prepared.body.expect("an example");
            let mut cost = Vec::new();
            for count in [30, 60] {
                let mut body = example.clone();
                let items =
                    (0..count).map(|n| distinct(&example["items"][0], &format!("{count}-{n}")));
                body["items"] = items.collect();
                let before = app.node.app.db.round_trips();
                let answer = app.post(&prepared.path, &body).await;
                cost.push(app.node.app.db.round_trips() - before);
                assert!(
                    matches!(answer.status, 200 | 207),
                    "{}: {}",
                    batch.id,
                    answer.text()
                );
            }
            // One that is refused costs more than one that is made, and the key may be read again meanwhile.
            assert!(
                cost[1] * 10 <= cost[0] * 22,
                "{}: {cost:?} round trips for 30 and 60 items",
                batch.id
            );
            seen += 1;
        }
        assert!(seen > 3, "only {seen} batches were found");
    }
}

/// The same record under other names.
fn distinct(value: &JsonValue, mark: &str) -> JsonValue {
    let JsonValue::Object(members) = value else {
        return value.clone();
    };
    let renamed = members.iter().map(|(name, value)| {
        let value = match (name.as_str(), value.as_str()) {
            ("email", Some(_)) => json!(format!("batch-{mark}@example.com")),
            ("name" | "external_id" | "slug" | "external_reference", Some(text)) => {
                json!(format!("{text}-{mark}"))
            }
            _ => distinct(value, mark),
        };
        (name.clone(), value)
    });
    JsonValue::Object(renamed.collect())
}

/// How often the database is asked for a page, and how many rows it has. The least of several: now and then the key is
/// read again.
async fn round_trips(app: &ApiApp, path: &str) -> (u64, usize) {
    let db = &app.node.app.db;
    let (mut least, mut rows) = (u64::MAX, 0);
    for _ in 0..4 {
        let before = db.round_trips();
        let answer = app.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        least = least.min(db.round_trips() - before);
        rows = answer.json()["data"].as_array().map_or(0, Vec::len);
    }
    (least, rows)
}
