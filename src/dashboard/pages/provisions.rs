//! Provisions: their list, one of them with its steps, and taking it back.

use maud::{Markup, Render, html};
use serde_json::Value as JsonValue;

use super::desk::{Desk, Shown, faults, summary};
use super::look::{link, team_href, user_href};
use super::names::{self, Named, Names};
use super::users::pager;
use crate::access::Permission;
use crate::dashboard::components::{
    Avatar, Badge, Button, Callout, Card, Cell, CodeBlock, Column, EmptyState, Facts, FilterBar,
    Row, Table, Tone, moment,
};
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::error::{Error, Result};
use crate::provisioning::answer::{Provision, ProvisionOutcome, ProvisionStatus};
use crate::provisioning::record::ProvisionSummary;
use crate::provisioning::status;
use crate::provisioning::undo::{UndoItem, UndoReport, plan_undo};
use crate::types::Id;

const LIST: &str = "/dashboard/provisions";

fn href(id: &str) -> String {
    format!("{LIST}/{id}")
}

/// The list.
pub(super) async fn provisions(desk: Desk) -> Result<Shown> {
    let list = desk.records::<ProvisionSummary>().await?;
    let url = desk.list(LIST);
    let ids = |of: &dyn Fn(&ProvisionSummary) -> Option<String>| {
        list.rows.iter().filter_map(of).collect::<Vec<String>>()
    };
    let lists = [
        (Named::Person, ids(&|one| Some(one.user_id.to_string()))),
        (
            Named::Team,
            ids(&|one| one.team_id.as_ref().map(ToString::to_string)),
        ),
    ];
    let (names, teams) = names::beside(&desk, lists).await?;
    let filters = FilterBar::new(url.clone()).select("team", "Team", teams);
    let filters = match desk.get("external_reference") {
        "" => filters,
        reference => filters.chip("external_reference", "Reference", reference),
    };
    let empty = if filters.is_active() {
        EmptyState::no_match(LIST)
    } else {
        EmptyState::new(
            Icon::Bolt,
            "Nobody has been provisioned yet",
            "One call, or one form, makes a person, finds their team and gives them a seat.",
        )
        .actions(Button::link("Provision a person", "/dashboard/provision"))
    };
    let columns = [
        Column::new("Person"),
        Column::new("Team"),
        Column::new("Outcome"),
        Column::new("Reference"),
        Column::new("When").sort(&url, "created_at"),
    ];
    let table = Table::new(
        "Provisions",
        columns,
        list.rows.iter().map(|one| row(one, &names)),
    )
    .empty(empty)
    .pager(pager(&desk, &url, &list));
    let call = desk
        .api("call-provisions", "GET", "/provisions")
        .scope("provision:read");
    let page = Page {
        crumbs: vec![("Users".into(), "/dashboard/users".into())],
        lead: Some("Each call that provisioned somebody, with what came of it.".into()),
        ..Page::titled("Provisions")
    };
    Ok(Shown::page(
        page,
        html! { div.stack { (filters) (table) (call) } },
    ))
}

fn badge(outcome: ProvisionOutcome, is_undone: bool) -> Badge {
    if is_undone {
        return Badge::new("Taken back");
    }
    match outcome {
        ProvisionOutcome::Complete => Badge::new("Complete").tone(Tone::Success),
        ProvisionOutcome::InProgress => Badge::new("In progress").tone(Tone::Accent).dot(),
        ProvisionOutcome::Waitlisted => Badge::new("Waiting").tone(Tone::Warning).dot(),
    }
}

fn row(one: &ProvisionSummary, names: &Names) -> Row {
    let name = |id: &str| names.get(id).map_or("", String::as_str);
    let person = name(one.user_id.as_str());
    Row::new([
        Cell::record(
            &Avatar::person(person),
            person,
            &href(one.id.as_str()),
            None,
        ),
        match &one.team_id {
            Some(team) => Cell::new(link(&team_href(team.as_str()), name(team.as_str()))),
            None => Cell::none(),
        },
        Cell::new(badge(one.outcome, one.undone_at.is_some())),
        Cell::text(one.external_reference.as_deref().unwrap_or_default()),
        Cell::new(moment(one.created_at.to_jiff())),
    ])
}

async fn find(desk: &Desk) -> Result<ProvisionStatus> {
    desk.require(Permission::ProvisionRead)?;
    let text = desk.places.first().map_or("", String::as_str);
    let id = Id::<Provision>::parse(text).ok_or_else(|| Error::not_found("provision"))?;
    status(desk.db(), desk.caller(), &id).await
}

/// A text of the answer.
fn text<'a>(answer: &'a JsonValue, pointer: &str) -> &'a str {
    answer
        .pointer(pointer)
        .and_then(JsonValue::as_str)
        .unwrap_or_default()
}

fn page(found: &ProvisionStatus, title: &str) -> Page {
    Page {
        crumbs: vec![
            ("Users".into(), "/dashboard/users".into()),
            ("Provisions".into(), LIST.into()),
        ],
        badges: Some(badge(found.outcome, found.undone_at.is_some()).render()),
        ..Page::titled(title)
    }
}

/// One provision.
pub(super) async fn provision(desk: Desk) -> Result<Shown> {
    let found = find(&desk).await?;
    let answer = &found.answer;
    let user = text(answer, "/user/email");
    let team = text(answer, "/team/id");
    let facts = Facts::new()
        .markup("Person", link(&user_href(text(answer, "/user/id")), user))
        .text("The record was", text(answer, "/user/outcome"))
        .markup(
            "Team",
            html! { @if !team.is_empty() { (link(&team_href(team), text(answer, "/team/name"))) } },
        )
        .text("Why this team", text(answer, "/team/decision/why"))
        .text("Reference", text(answer, "/external_reference"))
        .text("Mail", text(answer, "/welcome_email/state"));
    let steps = html! {
        @if found.steps.is_empty() { p.secondary { "Nothing followed the call." } }
        @else { ul.rows { @for step in &found.steps { li.row.row-between {
            span { (step.step.replace('_', " ")) @if let Some(error) = &step.last_error { span.cell-sub { (error) } } }
            span.muted { (step.state) ", attempts: " (step.attempts) }
        } } } }
    };
    let call = desk
        .api(
            "call-provision",
            "GET",
            &format!("/provisions/{}", found.id),
        )
        .scope("provision:read");
    let may_undo = found.undone_at.is_none() && desk.may(Permission::ProvisionUndo);
    let page = Page {
        actions: may_undo.then(|| {
            let undo = format!("{}/undo", href(found.id.as_str()));
            html! { (Button::link("Take back", undo).icon(Icon::Refresh)) }
        }),
        ..page(&found, &format!("Provision of {user}"))
    };
    let report = found
        .undo_report
        .clone()
        .and_then(|report| serde_json::from_value::<UndoReport>(report).ok());
    let pretty = serde_json::to_string_pretty(answer).unwrap_or_default();
    let body = html! {
        div.stack {
            @if let Some(report) = &report { (told(report)) }
            (Card::new(facts.render()).title("What it did"))
            (Card::new(steps).title("What followed"))
            (Card::new(CodeBlock { title: "Answer".into(), code: pretty }.render()).title("The answer of the call"))
            (call)
        }
    };
    Ok(Shown::page(page, body))
}

fn told(report: &UndoReport) -> Markup {
    let item = |one: &UndoItem| format!("{}: {}", one.what, one.says);
    html! {
        @if !report.undone.is_empty() {
            (Callout::new(Tone::Warning, "What is taken back").body(html! { ul { @for one in &report.undone { li { (item(one)) } } } }))
        }
        @if !report.kept.is_empty() {
            (Callout::new(Tone::Neutral, "What stays, and why").body(html! { ul { @for one in &report.kept { li { (item(one)) } } } }))
        }
    }
}

/// Takes one back, after a page that says what goes and what stays.
pub(super) async fn undo(desk: Desk) -> Result<Shown> {
    desk.require(Permission::ProvisionUndo)?;
    let found = find(&desk).await?;
    let (db, ids, id) = (desk.db(), &desk.app.ids, found.id.clone());
    let mut errors = None;
    if desk.is_post() {
        match desk.commit(|| plan_undo(db, ids, &desk.call, &id)).await {
            Ok(_) => {
                return Ok(Shown::done(
                    href(id.as_str()),
                    "The provision was taken back.",
                ));
            }
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let dry = desk.dry();
    let report = match desk.rehearse(&dry, || plan_undo(db, ids, &dry, &id)).await {
        Ok(done) => Some(done.value.report),
        Err(error) => {
            errors = Some(faults(error)?);
            None
        }
    };
    let call = desk
        .api("call-undo", "POST", &format!("/provisions/{id}/undo"))
        .scope("provision:undo");
    let form = desk
        .post(
            format!("{}/undo", href(id.as_str())),
            html! { @if let Some(report) = &report { (told(report)) } },
        )
        .errors(summary(errors.as_ref()))
        .buttons([
            Button::submit("Take it back").danger().icon(Icon::Refresh),
            Button::link("Cancel", href(id.as_str())).quiet(),
        ])
        .after(call);
    let page = Page {
        narrow: true,
        lead: Some(
            "People and teams that go are put aside; they can be restored for 30 days.".into(),
        ),
        ..page(&found, "Take a provision back")
    };
    Ok(Shown::form(
        page,
        errors.as_ref(),
        Card::new(form.render()).render(),
    ))
}
