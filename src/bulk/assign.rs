//! Bulk assignment: each row gives one person a place of a seat.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::record::{JobRecord, RowOutcome};
use super::run::{OpenRow, Step};
use crate::access::Call;
use crate::app::App;
use crate::error::{Error, Result};
use crate::events::Plan;
use crate::jobs::Job;
use crate::resources::User;
use crate::seats::Seat;
use crate::seats::actions::{AssignInput, IfFull, Outcome, plan_assign, record_denial};
use crate::types::{Id, Ids, Ref, Timestamp};

/// How places are given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AssignTerms {
    /// What happens when no place is free; `fail` unless said.
    pub if_full: Option<IfFull>,
    /// When the places end, within the seat's terms.
    pub expires_at: Option<Timestamp>,
    /// The same in days from the moment a place is given.
    #[schemars(range(min = 1, max = 36500))]
    pub expires_in_days: Option<i64>,
}

/// Adds a job to a plan that gives a place of `seat_id` to each of these people, as `POST /seats/{id}/assign` would one by
/// one, and tells how the job will stand.
///
/// Rights are checked again for each row.
pub fn queue_assignments(
    plan: &mut Plan,
    ids: &Ids,
    call: &Call,
    seat_id: &Id<Seat>,
    terms: AssignTerms,
    users: &[Id<User>],
) -> JobRecord {
    let job = Job::AssignBulk {
        seat_id: seat_id.to_string(),
        terms,
    };
    let rows: Vec<String> = users.iter().map(ToString::to_string).collect();
    super::queue(plan, ids, call, &job, Some(seat_id.as_str()), &rows)
}

/// Plans one row.
pub(super) async fn step(
    app: &App,
    call: &Call,
    seat_id: &str,
    terms: &AssignTerms,
    row: &OpenRow,
) -> Result<Step> {
    let seat = Id::<Seat>::parse(seat_id).ok_or_else(|| Error::not_found("seat"))?;
    let user = Id::<User>::parse(&row.input).ok_or_else(|| Error::not_found("user"))?;
    let input = AssignInput {
        users: vec![Ref::Id(user)],
        if_full: terms.if_full,
        expires_at: terms.expires_at,
        expires_in_days: terms.expires_in_days,
        all_members: false,
        notify: None,
    };
    let planned = plan_assign(&app.db, &app.ids, call, &Ref::Id(seat), &input).await;
    let (plan, given) = match planned {
        Ok(planned) => planned,
        Err(error) => {
            record_denial(&app.db, &app.ids, call, &error, "bulk").await?;
            return Err(error);
        }
    };
    let Some(one) = given.results.first() else {
        return Err(Error::internal("a place was planned for nobody"));
    };
    let assignment = &one.assignment;
    Ok(Step {
        plan,
        status: 200,
        outcome: match one.outcome {
            Outcome::Assigned => RowOutcome::Created,
            Outcome::AlreadyAssigned | Outcome::Ended => RowOutcome::Unchanged,
            Outcome::Extended | Outcome::Revived => RowOutcome::Updated,
            Outcome::Waitlisted => RowOutcome::Waitlisted,
        },
        result: json!({
            "user_id": assignment.user_id,
            "team_id": assignment.team_id,
            "assignment_ids": [assignment.id],
        }),
    })
}
