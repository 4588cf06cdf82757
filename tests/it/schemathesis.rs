//! Schemathesis against the real router: whatever the document allows or forbids, the answers are as documented.

use tokio::task::JoinSet;

use crate::support::database::{Engine, OnDatabase};
use crate::support::http::ApiApp;
use crate::support::schemathesis;

/// An item of a batch that is wrong is refused by itself, within a 207.
const SETTINGS: &str = r#"
[[operations]]
include-path-regex = "/batch$"
checks.negative_data_rejection.expected-statuses = ["207", "400", "401", "403", "404", "406", "412", "415", "422", "428", "5xx"]
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn finds_nothing() {
    let app = ApiApp::on(Engine::Sqlite).await;
    let mut server = JoinSet::new();
    let address = app.node.listen(&mut server).await;
    let url = format!("http://{address}");
    let authorization = format!("Bearer {}", app.key.secret);
    let options = [
        "--checks",
        "all",
        // A request may be valid by its schema and still contradict what came before it: a cursor, a repeated key, a name
        // that is taken.
        "--exclude-checks",
        "positive_data_acceptance",
        "--max-examples",
        "4",
        "--phases",
        "examples,coverage,fuzzing",
        "--continue-on-failure",
    ];
    let found = schemathesis::run(
        &url,
        &format!("{url}/api/openapi.json"),
        &[("Authorization", &authorization)],
        SETTINGS,
        &options,
    )
    .await;
    if let Err(report) = found {
        panic!("{report}");
    }
}
