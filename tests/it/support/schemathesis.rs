//! Schemathesis, which reads an OpenAPI document and calls every operation with what its types allow and forbid.

use std::process::Stdio;

use tokio::process::Command;

use super::from_script;

/// Lets Schemathesis loose on the server at `base_url`, with the document at `document` (an address or a file), these
/// headers on every call, settings (the text of a `schemathesis.toml`) and further options of its `run` command. The error is
/// its whole report.
///
/// It is seeded, so a run can be repeated; two runs on servers of the same state make the same calls.
pub(crate) async fn run(
    base_url: &str,
    document: &str,
    headers: &[(&str, &str)],
    settings: &str,
    options: &[&str],
) -> Result<String, String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("schemathesis.toml"), settings).expect("settings");
    let mut command = Command::new(from_script("TEST_SCHEMATHESIS"));
    command
        .args(["run", document, "--url", base_url, "--seed", "1"])
        .args(["--no-color", "--generation-database", "none"])
        .args(options)
        // It leaves reports and caches where it runs.
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    for (name, value) in headers {
        command.arg("--header").arg(format!("{name}: {value}"));
    }
    let output = command
        .output()
        .await
        .map_err(|error| format!("{command:?}: {error}"))?;
    let report = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    if output.status.success() {
        Ok(report)
    } else {
        Err(report)
    }
}

mod tests {
    use axum::http::{HeaderMap, StatusCode};
    use axum::{Json, Router, routing::get};
    use serde_json::{Value, json};
    use tokio::task::JoinSet;

    const OPTIONS: [&str; 4] = ["--checks", "all", "--max-examples", "5"];

    /// A server with one operation that promises an integer and answers with `answer` to those who bring the key.
    async fn serve(answer: Value, server: &mut JoinSet<()>) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let document = json!({
            "openapi": "3.1.0",
            "info": { "title": "One number", "version": "1" },
            "paths": { "/number": { "get": { "responses": {
                "200": { "description": "The number", "content": { "application/json": { "schema": { "type": "integer" } } } }
            } } } }
        });
        let number = async move |headers: HeaderMap| match headers.get("x-key") {
            Some(_) => Ok(Json(answer.clone())),
            None => Err(StatusCode::UNAUTHORIZED),
        };
        let router = Router::new()
            .route("/openapi.json", get(async move || Json(document.clone())))
            .route("/number", get(number));
        server.spawn(async move { axum::serve(listener, router).await.expect("a server") });
        url
    }

    #[tokio::test]
    async fn a_promise_that_is_kept_and_one_that_is_broken() {
        let mut server = JoinSet::new();
        let key = [("X-Key", "secret")];
        let kept = serve(json!(1), &mut server).await;
        let document = format!("{kept}/openapi.json");
        super::run(&kept, &document, &key, "", &OPTIONS)
            .await
            .expect("a kept promise");
        super::run(&kept, &document, &[], "", &OPTIONS)
            .await
            .expect_err("no key");

        let broken = serve(json!("one"), &mut server).await;
        let document = format!("{broken}/openapi.json");
        let report = super::run(&broken, &document, &key, "", &OPTIONS).await;
        let report = report.expect_err("a broken promise");
        assert!(report.contains("not of type \"integer\""), "{report}");
    }
}
