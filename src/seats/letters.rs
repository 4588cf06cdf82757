//! Mails in the words of a notice: what was decided on a request, and when an idle place goes back.

use serde_json::json;

use super::assignment::AssignmentState;
use super::idle;
use super::notices::{self, Facts};
use super::request::{RequestState, SeatRequest};
use crate::access::Call;
use crate::app::App;
use crate::commit::commit;
use crate::email::TemplateKind;
use crate::error::Result;
use crate::events::Plan;
use crate::locale::Language;
use crate::records;
use crate::types::{AccountId, Id, Ref};

/// Tells the holder of an idle place on which day it goes back; once for each such day.
pub async fn tell_of_reclaim(app: &App, account: &AccountId, assignment_id: &str) -> Result<()> {
    let call = Call::system(account.clone(), "worker: idle places", app.clock.now());
    commit(&app.db, &app.ids, &call, || async {
        let mut plan = Plan::new("seat.tell");
        let facts = notices::facts(app, account, assignment_id).await?;
        let facts = facts.filter(|facts| facts.assignment.state == AssignmentState::Active);
        let Some((facts, day)) = facts.and_then(|facts| {
            let day = facts.assignment.reclaim_at?;
            Some((facts, day))
        }) else {
            return Ok((plan, ()));
        };
        let key = format!("seat-idle:{assignment_id}:{}", day.micros());
        if !notices::is_queued(app, account, &key).await? {
            let shown = facts.day(day);
            let context = idle::notice(&facts.product, &facts.team, &shown, facts.is_german());
            let kind = (TemplateKind::AccountNotice, key);
            facts.queue(&mut plan, &app.ids, call.now, kind, context);
        }
        Ok((plan, ()))
    })
    .await
    .map(|_| ())
}

/// Tells a person what was decided on their request; once for each request.
pub async fn tell_of_decision(app: &App, account: &AccountId, request_id: &str) -> Result<()> {
    let call = Call::system(account.clone(), "worker: requests", app.clock.now());
    let Some(id) = Id::<SeatRequest>::parse(request_id) else {
        return Ok(());
    };
    let reference = Ref::Id(id);
    commit(&app.db, &app.ids, &call, || async {
        let mut plan = Plan::new("seat_request.tell");
        let request = records::maybe::<SeatRequest>(&app.db, &call.caller, &reference).await?;
        let Some(request) = request else {
            return Ok((plan, ()));
        };
        let key = format!("seat-request:{request_id}");
        if notices::is_queued(app, account, &key).await? {
            return Ok((plan, ()));
        }
        let Some(facts) = notices::facts_of_request(app, account, &request).await? else {
            return Ok((plan, ()));
        };
        let (kind, context) = decision(&request, &facts);
        facts.queue(&mut plan, &app.ids, call.now, (kind, key), context);
        Ok((plan, ()))
    })
    .await
    .map(|_| ())
}

fn decision(request: &SeatRequest, facts: &Facts) -> (TemplateKind, serde_json::Value) {
    let german = facts.is_german();
    let product = &facts.product;
    if request.state == RequestState::Declined {
        let reason = request
            .reason
            .as_ref()
            .map_or("", |reason| reason.as_str());
        let (heading, first) = if german {
            (
                format!("Ihr Wunsch nach einem Platz in «{product}»"),
                "Ihr Wunsch wurde abgelehnt. Die Begründung:".to_owned(),
            )
        } else {
            (
                format!("Your request for a place in “{product}”"),
                "Your request was declined. The reason given:".to_owned(),
            )
        };
        let context = json!({ "heading": heading, "paragraphs": [first, reason] });
        return (TemplateKind::AccountNotice, context);
    }
    if facts.assignment.state == AssignmentState::Waitlisted {
        let (heading, paragraph) = if german {
            (
                format!("Sie stehen auf der Warteliste für «{product}»"),
                "Ihr Wunsch wurde angenommen, im Augenblick ist aber kein Platz frei. Sobald einer frei wird, bekommen Sie ihn und eine Nachricht.",
            )
        } else {
            (
                format!("You are on the waiting list for “{product}”"),
                "Your request was approved, but no place is free at the moment. As soon as one is, it is yours, and we will write to you.",
            )
        };
        let context = json!({ "heading": heading, "paragraphs": [paragraph] });
        return (TemplateKind::AccountNotice, context);
    }
    let given = json!({ "name": product, "courses": facts.courses, "ends_at": facts.assignment.expires_at });
    let context = json!({ "team": facts.team, "products": [given], "assigned_by": request.decided_by });
    (TemplateKind::SeatAssigned, context)
}
