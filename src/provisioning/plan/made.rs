//! What the call made, as its own row tells it.

use serde_json::json;

use crate::db::Statement;
use crate::events::{Event, Plan};
use crate::provisioning::answer::{
    Answer, Made, MadePlaces, Provision, RecordOutcome, SeatOutcome,
};
use crate::types::text::Json;

/// What an answer tells to be made, for those who would take it back.
pub(super) fn made(answer: &Answer, places: Vec<MadePlaces>) -> Made {
    let membership = &answer.team.membership;
    let given = answer.seats.iter().filter(|seat| {
        matches!(
            seat.outcome,
            SeatOutcome::Assigned | SeatOutcome::Waitlisted
        )
    });
    Made {
        user: answer.user.outcome == RecordOutcome::Created,
        user_updated: answer.user.outcome == RecordOutcome::Updated,
        team: answer.team.outcome == RecordOutcome::Created,
        membership: (membership.outcome == RecordOutcome::Created).then(|| membership.role.clone()),
        role_changed: membership.outcome == RecordOutcome::Updated,
        places,
        assignments: given
            .filter_map(|seat| seat.assignment.as_ref())
            .filter(|one| one.provision_id.as_deref() == Some(answer.id.as_str()))
            .map(|one| one.id.clone())
            .collect(),
        mail: answer.welcome_email.id.clone(),
    }
}

/// The row of the provision and its event.
pub(super) fn record(plan: &mut Plan, answer: &Answer, made: Made) {
    plan.write(Statement::insert(&Provision {
        id: answer.id.clone(),
        external_reference: answer.external_reference.clone(),
        outcome: answer.outcome,
        user_id: answer.user.user.id.clone(),
        team_id: Some(answer.team.team.id.clone()),
        mail_id: answer.welcome_email.id.clone(),
        answer: serde_json::to_value(answer).unwrap_or_default(),
        made: Json(made),
        created_at: answer.created_at,
        undone_at: None,
        undo_report: None,
    }));
    let lines: Vec<_> = answer
        .seats
        .iter()
        .map(|seat| json!({ "seat_id": seat.seat_id, "outcome": seat.outcome }))
        .collect();
    let data = json!({
        "id": answer.id, "external_reference": answer.external_reference, "outcome": answer.outcome, "user_id": answer.user.user.id,
        "team_id": answer.team.team.id, "rule": answer.team.decision.rule, "seats": lines,
    });
    plan.event(
        Event::new("provision.created", &answer.id, data)
            .user(&answer.user.user.id)
            .team(&answer.team.team.id),
    );
}
