//! Requests for places: who asks for what, and the two buttons that decide.

use std::collections::BTreeMap;

use maud::{Markup, Render, html};
use serde_json::json;

use super::desk::{Desk, Shown, fault, faults, read, summary};
use super::look::{pager, team_href, user_href, link};
use crate::access::Permission;
use crate::dashboard::components::{
    Avatar, Badge, Button, Callout, Card, Cell, Column, EmptyState, Field, FilterBar, RadioCards,
    Row, Table, Tone, day,
};
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::db::{Batch, Select};
use crate::error::Result;
use crate::params;
use crate::records;
use crate::seats::denial::record_denial;
use crate::seats::request::{ApproveInput, DeclineInput, RequestState, SeatRequest};
use crate::seats::requests;
use crate::types::Ref;

const LIST: &str = "/dashboard/seat-requests";

/// Names by id.
type Names = BTreeMap<String, String>;

/// The list.
pub(super) async fn list(desk: Desk) -> Result<Shown> {
    let list = desk.records::<SeatRequest>().await?;
    let url = desk.list(LIST);
    let names = names(&desk, &list.rows).await?;
    let filters = FilterBar::new(url.clone()).select(
        "state",
        "State",
        [
            ("pending", "Waiting for a decision"),
            ("approved", "Approved"),
            ("declined", "Declined"),
            ("cancelled", "Taken back"),
        ],
    );
    let rows = list.rows.iter().map(|one| row(&desk, one, &names));
    let columns = [
        Column::new("Person"),
        Column::new("Product"),
        Column::new("Team"),
        Column::new("State"),
        Column::new("Asked").sort(&url, "created_at"),
        Column::new(""),
    ];
    let empty = if filters.is_active() {
        EmptyState::no_match(LIST)
    } else {
        EmptyState::new(
            Icon::Seat,
            "Nobody has asked for a place",
            "People ask on the page of their courses; what they ask for waits here for a decision.",
        )
    };
    let table = Table::new("Requests", columns, rows)
        .empty(empty)
        .pager(pager(&desk, &url, &list));
    let page = Page {
        crumbs: vec![("Seats".into(), "/dashboard/seats".into())],
        lead: Some("Who asks for a place, and what was decided.".into()),
        ..Page::titled("Requests")
    };
    Ok(Shown::page(
        page,
        html! { div.stack { (filters) (table) } },
    ))
}

async fn names(desk: &Desk, list: &[SeatRequest]) -> Result<Names> {
    let ids = |of: fn(&SeatRequest) -> String| {
        let ids: Vec<String> = list.iter().map(of).collect();
        params![json!(ids).to_string()]
    };
    let mut batch = Batch::new();
    let slots = [
        batch.add::<(String, String)>(Select::new(
            "SELECT id, coalesce(name, email) FROM users WHERE account_id = $1 AND id IN (SELECT value FROM JSON_LIST($2) AS wanted)",
            ids(|one| one.user_id.to_string()),
        )),
        batch.add::<(String, String)>(Select::new(
            "SELECT id, name FROM products WHERE account_id = $1 AND id IN (SELECT value FROM JSON_LIST($2) AS wanted)",
            ids(|one| one.product_id.to_string()),
        )),
        batch.add::<(String, String)>(Select::new(
            "SELECT id, name FROM teams WHERE account_id = $1 AND id IN (SELECT value FROM JSON_LIST($2) AS wanted)",
            ids(|one| one.team_id.to_string()),
        )),
    ];
    let mut rows = desk.db().read(&desk.caller().account, batch).await?;
    Ok(slots.iter().flat_map(|slot| rows.take(slot)).collect())
}

fn state(state: RequestState) -> Badge {
    match state {
        RequestState::Pending => Badge::new("Waiting for a decision").tone(Tone::Warning).dot(),
        RequestState::Approved => Badge::new("Approved").tone(Tone::Success).dot(),
        RequestState::Declined => Badge::new("Declined").tone(Tone::Danger).dot(),
        RequestState::Cancelled => Badge::new("Taken back"),
    }
}

fn row(desk: &Desk, one: &SeatRequest, names: &Names) -> Row {
    let name = |id: &str| names.get(id).map_or("", String::as_str);
    let person = name(one.user_id.as_str());
    let decides = one.state == RequestState::Pending && desk.may(Permission::SeatsAssign);
    let href = format!("{LIST}/{}", one.id);
    Row::new([
        Cell::record(
            &Avatar::person(person),
            person,
            &user_href(one.user_id.as_str()),
            one.note.as_ref().map(|note| note.as_str()),
        ),
        Cell::new(name(one.product_id.as_str()).to_owned()),
        Cell::new(link(
            &team_href(one.team_id.as_str()),
            name(one.team_id.as_str()),
        )),
        Cell::new(state(one.state)),
        Cell::new(day(one.created_at.to_jiff())),
        Cell::new(html! { @if decides { (Button::link("Decide", href).quiet()) } }),
    ])
}

/// One request and its decision.
pub(super) async fn decide(desk: Desk) -> Result<Shown> {
    desk.require(Permission::SeatsAssign)?;
    let request =
        records::find::<SeatRequest>(desk.db(), desk.caller(), &desk.reference(0)?).await?;
    let names = names(&desk, std::slice::from_ref(&request)).await?;
    let name = |id: &str| names.get(id).map_or("", String::as_str).to_owned();
    let mut errors = None;
    if desk.is_post() {
        match decided(&desk, &request).await {
            Ok(text) => return Ok(Shown::done(LIST, text)),
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let wrong = errors.as_ref();
    let who = name(request.user_id.as_str());
    let what = name(request.product_id.as_str());
    let href = format!("{LIST}/{}", request.id);
    let approve = html! {
        (RadioCards::new("if_full", "When no place is free")
            .card("fail", "Refuse", "Nothing is decided, and it says that none is free.")
            .card("waitlist", "Wait in line", "They get the next free place, in order.")
            .card("grow", "Add a place", "Just the one that is missing.")
            .selected(&desk.shown("if_full", "waitlist"))
            .error(fault(wrong, "if_full")))
    };
    let path = |verb: &str| format!("/seat_requests/{}/{verb}", request.id);
    let approve = desk
        .post(href.clone(), approve)
        .hidden("decision", "approve")
        .errors(summary(wrong))
        .buttons([Button::submit("Approve").primary()])
        .after(
            desk.api("call-approve", "POST", &path("approve"))
                .body(json!({ "if_full": "waitlist" }))
                .scope("seats:assign"),
        );
    let decline = html! {
        (Field::text("reason", "Reason").value(desk.field("reason")).error(fault(wrong, "reason")).required().hint("The person reads it."))
    };
    let decline = desk
        .post(href, decline)
        .hidden("decision", "decline")
        .buttons([Button::submit("Decline").danger()])
        .after(
            desk.api("call-decline", "POST", &path("decline"))
                .body(json!({ "reason": "This course is for the site managers." }))
                .scope("seats:assign"),
        );
    let page = Page {
        crumbs: vec![
            ("Seats".into(), "/dashboard/seats".into()),
            ("Requests".into(), LIST.into()),
        ],
        lead: Some(format!("For the team {}.", name(request.team_id.as_str()))),
        narrow: true,
        ..Page::titled(format!("{who} asks for a place in {what}"))
    };
    let body: Markup = html! {
        div.stack {
            @if let Some(note) = &request.note { (Callout::new(Tone::Neutral, "What they say").body(html! { (note.as_str()) })) }
            @if request.state == RequestState::Pending {
                (Card::new(approve.render()).title("Approve"))
                (Card::new(decline.render()).title("Decline"))
            } @else { (Callout::new(Tone::Neutral, "This was decided already").body(html! { (state(request.state)) })) }
        }
    };
    Ok(Shown::form(page, wrong, body))
}

async fn decided(desk: &Desk, request: &SeatRequest) -> Result<String> {
    let (db, ids, call) = (desk.db(), &desk.app.ids, &desk.call);
    let reference = Ref::Id(request.id.clone());
    if desk.field("decision") == "decline" {
        let input: DeclineInput = read(&json!({ "reason": desk.field("reason") }))?;
        desk.commit(|| requests::plan_decline(db, call, &reference, &input))
            .await?;
        return Ok("The request was declined, and the person is told.".to_owned());
    }
    let input: ApproveInput = read(&json!(desk.filled(&["if_full"])))?;
    let done = desk
        .commit(|| requests::plan_approve(db, ids, call, &reference, &input))
        .await;
    if let Err(error) = &done {
        record_denial(db, ids, call, error, "request").await?;
    }
    done.map(|_| "The request was approved, and the person is told.".to_owned())
}
