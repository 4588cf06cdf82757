//! Background work over HTTP: bulk jobs are asked for, watched, cancelled, tried again and undone.

use std::sync::Arc;

use axum::http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as JsonValue, json};

use super::crud;
use super::endpoint::Endpoint;
use super::reply::Reply;
use super::request::Request;
use super::write::write;
use crate::access::Permission;
use crate::app::App;
use crate::bulk::{
    self, JobRecord, JobRow, MAX_ROWS, plan_cancel, plan_retry_failed, plan_run_again, plan_undo,
    prospect,
};
use crate::error::{Code, Error, Fault, Result};
use crate::events::Plan;
use crate::jobs::Job;
use crate::types::Ref;

/// Rows for a bulk job.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct BulkBody {
    /// The rows, each what the call for one takes.
    #[schemars(length(min = 1, max = 100_000))]
    rows: Vec<JsonValue>,
}

/// The job that undoes another, and in a dry run what it could not take back.
#[derive(Debug, Serialize, JsonSchema)]
struct UndoAnswer {
    /// The job that takes back.
    #[serde(flatten)]
    job: JobRecord,
    /// In a dry run: rows that cannot be taken back, each with `row`, `key` and `problem`.
    #[serde(skip_serializing_if = "Option::is_none")]
    cannot: Option<Vec<JsonValue>>,
    /// In a dry run: how many rows were looked at, from the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    examined: Option<usize>,
}

const ROWS: &str = "/jobs/{id}/rows";
const CANCEL: &str = "/jobs/{id}/cancel";
const RETRY: &str = "/jobs/{id}/retry_failed";
const AGAIN: &str = "/jobs/{id}/run_again";

/// The operations.
pub fn endpoints() -> Vec<Endpoint> {
    let steer = |path: &'static str, id: &str, summary: &str, words: &str| {
        Endpoint::new(Method::POST, path, id, "jobs", move |app, request| {
            steer(app, request, path)
        })
        .about(summary, words)
        .scope(Permission::JobsWrite)
        .gives::<JobRecord>(200)
        .problems(&[Code::NotFound, Code::StateConflict])
    };
    let rows = crud::children::<JobRecord, JobRow>(ROWS, "list_job_rows", "job_id").about(
        "The rows of a job",
        "Each row with what it did or why it was refused, in their order. `state=failed` shows those to look at.",
    );
    vec![
        in_order(rows, "row"),
        steer(CANCEL, "cancel_job", "Cancel a bulk job", "The row at work is finished, the rest is left. What was done stands; undo takes it back."),
        steer(RETRY, "retry_failed_job", "Try the failed rows again", "Rows that were done are left alone. On a cancelled job the rows that were not begun run as well."),
        steer(AGAIN, "run_again_job", "Run a job again", "For a job that was given up after its last attempt, or waits for the next: it runs now, and has all its attempts again."),
        Endpoint::new(Method::POST, "/jobs/{id}/undo", "undo_job", "jobs", undo)
            .about(
                "Undo a bulk job",
                "For seven days after its end: what its rows made is taken back, from the last row, where nothing later stands on it. It is a job \
                 itself, whose rows say what became of each. A dry run tells in `cannot` which of the last 200 rows could not be taken back, and why.",
            )
            .scope(Permission::JobsWrite)
            .gives::<UndoAnswer>(202)
            .problems(&[Code::NotFound, Code::StateConflict]),
        Endpoint::new(Method::POST, "/provision/bulk", "bulk_provision", "provision", provision)
            .about(
                "Provision up to 100,000 people",
                "Each row is what `POST /api/provision` takes, and is carried out by itself in the background. Send `{\"rows\": [...]}`, or one row \
                 a line as `application/x-ndjson`, which may be 50 MiB long. Answers 202 with the job in `Location`; its rows tell what became of \
                 each, those that cannot be read included. A dry run only shows the job.",
            )
            .scope(Permission::ProvisionWrite)
            .takes::<BulkBody>(json!({ "rows": [{ "email": "ada@example.com", "name": "Ada Byron", "team": "Analytical Engines", "seats": ["ext:safety-101"] }] }))
            .takes_lines()
            .gives::<JobRecord>(202),
    ]
}

/// A list whose order is this member's, unless the caller says otherwise.
pub(super) fn in_order(endpoint: Endpoint, sort: &'static str) -> Endpoint {
    let inner = Arc::clone(&endpoint.run);
    endpoint.runs(move |app, mut request: Request| {
        if !request.query.iter().any(|(name, _)| name == "sort") {
            request.query.push(("sort".to_owned(), sort.to_owned()));
        }
        inner(app, request)
    })
}

async fn steer(app: App, request: Request, path: &'static str) -> Result<Reply> {
    request.no_query()?;
    let job: Ref<JobRecord> = request.reference(0)?;
    write(&app, &request, || async {
        let (db, call) = (&app.db, &request.call);
        let (plan, job) = match path {
            CANCEL => plan_cancel(db, call, &job).await?,
            RETRY => plan_retry_failed(db, call, &job).await?,
            _ => plan_run_again(db, call, &job).await?,
        };
        Ok((plan, Reply::json(200, &job)?))
    })
    .await
}

async fn undo(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let job: Ref<JobRecord> = request.reference(0)?;
    let seen = if request.call.dry_run {
        Some(prospect(&app, &request.call, &job).await?)
    } else {
        None
    };
    let reply = write(&app, &request, || async {
        let (plan, undoing) = plan_undo(&app.db, &app.ids, &request.call, &job).await?;
        let location = format!("/api/jobs/{}", undoing.id);
        let answer = UndoAnswer {
            job: undoing,
            cannot: seen.as_ref().map(|seen| seen.cannot.clone()),
            examined: seen.as_ref().map(|seen| seen.examined),
        };
        Ok((
            plan,
            Reply::json(202, &answer)?.header("location", location),
        ))
    })
    .await?;
    Ok(match seen {
        Some(seen) => reply.as_dry_run(seen.changes),
        None => reply,
    })
}

async fn provision(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let rows = rows_of(&request)?;
    write(&app, &request, || async {
        let mut plan = Plan::new("provision.bulk");
        let job = bulk::queue(
            &mut plan,
            &app.ids,
            &request.call,
            &Job::ProvisionBulk,
            None,
            &rows,
        );
        let location = format!("/api/jobs/{}", job.id);
        Ok((plan, Reply::json(202, &job)?.header("location", location)))
    })
    .await
}

/// The rows of a body, each as it is kept. What is no JSON is a row that will fail, not a body that is refused.
fn rows_of(request: &Request) -> Result<Vec<String>> {
    let rows: Vec<String> = if request.is_lines {
        // A NUL cannot be kept; as JSON it is a fault anyway, and the row says so.
        let text = String::from_utf8_lossy(&request.body).replace('\0', "\u{fffd}");
        let lines = text.lines().map(str::trim);
        lines
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect()
    } else {
        let body: BulkBody = request.body()?;
        body.rows.iter().map(JsonValue::to_string).collect()
    };
    let fault = match rows.len() {
        0 => Fault::new("/rows", "too_short", "Give at least one row."),
        more if more > MAX_ROWS => Fault::new(
            "/rows",
            "too_long",
            format!("{MAX_ROWS} rows at the most; send the others as another job."),
        ),
        _ => return Ok(rows),
    };
    Err(Error::invalid(vec![fault]))
}
