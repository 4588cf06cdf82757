//! Bulk provisioning: each row is the body of the one call.

use serde_json::{Value as JsonValue, json};

use super::record::RowOutcome;
use super::run::{OpenRow, Step, ids_of};
use crate::access::Call;
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::provisioning::answer::ProvisionOutcome;
use crate::provisioning::plan::makes_something;
use crate::provisioning::{plan, read};
use crate::seats::actions::record_denial;

/// Plans one row.
pub(super) async fn step(app: &App, call: &Call, row: &OpenRow) -> Result<Step> {
    let body: JsonValue = serde_json::from_str(&row.input).map_err(|fault| {
        Error::new(
            Code::MalformedRequest,
            format!("The row is not JSON: {fault}."),
        )
    })?;
    let (wanted, places) = read(&body)?;
    let planned = plan(&app.db, &app.ids, call, &wanted).await;
    let (plan, answer) = match planned {
        Ok(planned) => planned,
        Err(error) => {
            record_denial(&app.db, &app.ids, call, &error, "provision").await?;
            return Err(places.told(error));
        }
    };
    let made = makes_something(&plan);
    let outcome = if answer.outcome == ProvisionOutcome::Waitlisted {
        RowOutcome::Waitlisted
    } else if made {
        RowOutcome::Created
    } else if plan.is_empty() {
        RowOutcome::Unchanged
    } else {
        RowOutcome::Updated
    };
    Ok(Step {
        status: if made { 201 } else { 200 },
        outcome,
        result: ids_of(&json!(answer)),
        plan,
    })
}

/// By what the caller knows the person of a row.
pub(super) fn key(input: &str) -> Option<String> {
    let body: JsonValue = serde_json::from_str(input).ok()?;
    let user = body.get("user").unwrap_or(&body);
    ["external_id", "email", "id"]
        .iter()
        .find_map(|name| user.get(*name)?.as_str())
        .or_else(|| body.get("email")?.as_str())
        .map(|text| text.chars().take(300).collect())
}
