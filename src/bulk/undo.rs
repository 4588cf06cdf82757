//! Undo: what a bulk job made is taken back, row by row from its last, where nothing later stands on it.
//!
//! It is a bulk job itself, so it is cut off and goes on like any other, and each row says what became of it. A place that
//! was changed since, given further or ended is left as it is and its row says why.

use serde_json::{Value as JsonValue, json};

use super::record::{JobRecord, JobRow, RowOutcome};
use super::run::{OpenRow, Step, rows_that_did};
use super::{MAX_ROWS, problem_of};
use crate::access::{Call, Permission};
use crate::app::App;
use crate::db::{Batch, Db, Select};
use crate::error::{Code, Error, Result};
use crate::events::Plan;
use crate::jobs::Job;
use crate::params;
use crate::provisioning::Provision;
use crate::provisioning::undo::{Gone, UndoReport, plan_undo_after};
use crate::records;
use crate::resources::Product;
use crate::seats::access::Access;
use crate::seats::actions::{PROMOTE_AT_ONCE, waiting_at};
use crate::seats::assignment::AssignmentState;
use crate::seats::change::Change;
use crate::seats::{Assignment, Seat};
use crate::types::{Id, Ids, Ref};

/// Days after its end for which a job can be undone.
pub const UNDO_DAYS: i64 = 7;
/// Rows that a dry run looks at.
const EXAMINED: i64 = 200;

/// What would become of an undo.
pub struct Prospect {
    /// Changes that would be made.
    pub changes: Vec<JsonValue>,
    /// Rows that cannot be taken back, each with its number and why.
    pub cannot: Vec<JsonValue>,
    /// Rows that were looked at, from the last.
    pub examined: usize,
}

/// Plans the undo of a job that has ended: another job with a row for each that did something.
pub async fn plan_undo(
    db: &Db,
    ids: &Ids,
    call: &Call,
    job: &Ref<JobRecord>,
) -> Result<(Plan, JobRecord)> {
    let job = undoable(db, call, job).await?;
    let limit = i64::try_from(MAX_ROWS).unwrap_or(i64::MAX);
    let rows: Vec<JobRow> = db
        .fetch(call.account(), rows_that_did(&job.id, limit))
        .await?;
    if rows.is_empty() {
        return Err(Error::new(
            Code::StateConflict,
            "The job has made nothing that could be taken back.",
        ));
    }
    let inputs: Vec<String> = rows
        .iter()
        .map(|row| row.result.clone().unwrap_or_default().to_string())
        .collect();
    let mut plan = Plan::new("job.undo");
    let kind = Job::UndoJob {
        job_id: job.id.to_string(),
    };
    let undoing = super::queue(&mut plan, ids, call, &kind, Some(job.id.as_str()), &inputs);
    Ok((plan, undoing))
}

/// Looks ahead: what an undo would change, and what it could not.
pub async fn prospect(app: &App, call: &Call, job: &Ref<JobRecord>) -> Result<Prospect> {
    let job = undoable(&app.db, call, job).await?;
    let rows: Vec<JobRow> = app
        .db
        .fetch(call.account(), rows_that_did(&job.id, EXAMINED))
        .await?;
    let mut seen = Prospect {
        changes: Vec::new(),
        cannot: Vec::new(),
        examined: rows.len(),
    };
    // A row is looked at as if those that come before it in the undo were carried out.
    let mut gone = Gone::default();
    for row in &rows {
        let made = row.result.clone().unwrap_or_default();
        match take_back(app, call, &made, &gone).await {
            Ok((plan, result)) => {
                if let Some(id) = provision_of(&made) {
                    let report = serde_json::from_value::<UndoReport>(result.clone());
                    gone.add(&id, &report.unwrap_or_default());
                }
                seen.changes.extend(plan.changes());
                let kept = result.get("kept").filter(|kept| **kept != json!([]));
                if let Some(kept) = kept {
                    seen.cannot
                        .push(json!({ "row": row.number, "key": row.key, "kept": kept }));
                }
            }
            Err(error) if error.code().status() < 500 => {
                seen.cannot.push(
                    json!({ "row": row.number, "key": row.key, "problem": problem_of(&error) }),
                );
            }
            Err(error) => return Err(error),
        }
    }
    Ok(seen)
}

async fn undoable(db: &Db, call: &Call, job: &Ref<JobRecord>) -> Result<JobRecord> {
    call.caller.require(Permission::JobsWrite)?;
    let job: JobRecord = records::find(db, &call.caller, job).await?;
    let refuse = |detail: &'static str| Error::new(Code::StateConflict, detail);
    if !matches!(job.kind.as_str(), "provision_bulk" | "assign_bulk") {
        return Err(refuse(
            "This kind of job makes nothing that could be taken back.",
        ));
    }
    let Some(end) = job.finished_at else {
        return Err(refuse(
            "The job is at work. Cancel it first, or wait for its end.",
        ));
    };
    if end.plus_days(UNDO_DAYS) < call.now {
        return Err(refuse("A job can be undone for seven days after its end."));
    }
    Ok(job)
}

/// Plans one row of an undo.
pub(super) async fn step(app: &App, call: &Call, row: &OpenRow) -> Result<Step> {
    let made: JsonValue = serde_json::from_str(&row.input).map_err(Error::internal)?;
    let (plan, result) = take_back(app, call, &made, &Gone::default()).await?;
    Ok(Step {
        outcome: if plan.is_empty() {
            RowOutcome::Unchanged
        } else {
            RowOutcome::Updated
        },
        status: 200,
        result,
        plan,
    })
}

/// The provision of a row, where it is of one.
fn provision_of(made: &JsonValue) -> Option<Id<Provision>> {
    Id::parse(made.get("provision_id")?.as_str()?)
}

/// Plans to take back what one row made.
async fn take_back(
    app: &App,
    call: &Call,
    made: &JsonValue,
    gone: &Gone,
) -> Result<(Plan, JsonValue)> {
    let acting = |permission| -> Result<Call> {
        Ok(Call {
            caller: call.caller.acting(permission)?,
            ..call.clone()
        })
    };
    match provision_of(made) {
        Some(id) => {
            let call = acting(Permission::ProvisionUndo)?;
            let (plan, undone) = plan_undo_after(&app.db, &app.ids, &call, &id, gone).await?;
            Ok((plan, json!(undone)))
        }
        None => take_back_places(app, &acting(Permission::SeatsAssign)?, made).await,
    }
}

/// Ends the places that a row gave, where they stand as they were given.
async fn take_back_places(app: &App, call: &Call, made: &JsonValue) -> Result<(Plan, JsonValue)> {
    let list = made.get("assignment_ids").cloned().unwrap_or_default();
    let mut batch = Batch::new();
    let places = batch.add::<Assignment>(Select::rows::<Assignment>(
        "WHERE account_id = $1 AND id IN (SELECT value FROM JSON_LIST($2) AS l)",
        params![list],
    ));
    let mut rows = app.db.read(call.account(), batch).await?;
    let mut plan = Plan::new("job.undo_row");
    let mut access = Access::new();
    let mut products: Vec<Product> = Vec::new();
    for place in rows.take(&places) {
        if place.version != 1 || place.ended_at.is_some() {
            return Err(Error::new(
                Code::StateConflict,
                "The place has been changed or ended since; it stays as it is.",
            )
            .with("assignment_id", place.id.as_str()));
        }
        let seat: Seat =
            records::find(&app.db, &call.caller, &Ref::Id(place.seat_id.clone())).await?;
        let mut around = Batch::new();
        let waiting = around.add::<Assignment>(waiting_at(seat.id.as_str(), PROMOTE_AT_ONCE));
        let product = around.add::<Product>(Select::rows::<Product>(
            "WHERE account_id = $1 AND id = $2",
            params![seat.product_id.clone()],
        ));
        let mut found = app.db.read(call.account(), around).await?;
        let line: Vec<Assignment> = found
            .take(&waiting)
            .into_iter()
            .filter(|one| one.id != place.id)
            .collect();
        products.extend(found.first(&product));
        let mut change = Change::of(seat, call, &app.ids);
        change.end(&place, AssignmentState::Revoked)?;
        change.promote_waiting(&line)?;
        change.finish(&mut plan, &mut access);
    }
    access.write(&mut plan, &products, &app.ids, call.now);
    Ok((plan, made.clone()))
}
