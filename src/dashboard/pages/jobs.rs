//! Background jobs that did not go as they should: why, how often they were tried, and a way to run them now.

use axum::Router;
use axum::extract::{Path, RawQuery};
use axum::routing::{get, post};
use maud::{Markup, Render as _, html};

use crate::access::Permission;
use crate::app::App;
use crate::dashboard::answer::Answer;
use crate::dashboard::components::{
    ApiCall, Badge, Button, Cell, Column, EmptyState, Form, ListUrl, Pager, Row, Table, Tone, ago,
    counted,
};
use crate::dashboard::door::{Visitor, carry_out};
use crate::dashboard::form::{FormData, Posted};
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::dashboard::notice::Notice;
use crate::dashboard::rooms::Room;
use crate::error::Error;
use crate::events::Plan;
use crate::jobs::{self, JobId, MAX_ATTEMPTS, TroubledJob};

const PATH: &str = "/dashboard/jobs";
/// Jobs on a page.
const ROWS: usize = 50;

/// The pages.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route(PATH, get(list))
        .route("/dashboard/jobs/again", post(run_all))
        .route("/dashboard/jobs/{id}/again", post(run_one))
}

async fn list(visitor: Visitor, RawQuery(query): RawQuery) -> Answer {
    let caller = &visitor.session.caller;
    caller.require(Permission::JobsRead)?;
    caller.require_account()?;
    let may_run = caller.may(Permission::JobsWrite);
    let query = FormData::parse(query.unwrap_or_default().as_bytes());
    let before = query.optional("cursor").and_then(JobId::parse);
    let wanted = i64::try_from(ROWS + 1).unwrap_or(i64::MAX);
    let mut found: Vec<TroubledJob> = visitor
        .app
        .db
        .fetch(
            &visitor.session.account,
            jobs::troubled(before.as_ref(), wanted),
        )
        .await?;
    let more = found.len() > ROWS;
    found.truncate(ROWS);
    let url = ListUrl::new(PATH, query.pairs().to_vec());
    let columns = ["Job", "What went wrong", "State", "Attempts"].map(Column::new);
    let rows = found.iter().map(|job| row(&visitor, job, may_run));
    let empty = EmptyState::new(
        Icon::Check,
        "Nothing has failed",
        "Mails, waiting lists and clean-up run by themselves. What goes wrong is tried again for a day and a half, and shown here meanwhile.",
    );
    let mut table = Table::new("Jobs in trouble", columns, rows).empty(empty);
    if more || before.is_some() {
        table = table.pager(Pager {
            previous: before.as_ref().map(|_| url.without("cursor").href()),
            next: found
                .last()
                .filter(|_| more)
                .map(|job| url.with("cursor", job.id.as_str()).href()),
            shown: found.len() as u64,
            total: None,
            limit: ROWS as u64,
            url,
        });
    }
    let page = Page {
        lead: Some(
            "Work that failed for good, or failed and is waiting for another attempt.".to_owned(),
        ),
        actions: Some(html! {
            (Button::link("Bulk jobs", "/dashboard/jobs/bulk").icon(Icon::List))
            @if may_run && !found.is_empty() {
                (Form::post(
                    "/dashboard/jobs/again",
                    &visitor.csrf,
                    html! { (Button::submit("Run all again").icon(Icon::Refresh)) },
                )
                .confirm("Run all of these jobs now?"))
            }
        }),
        ..Page::titled("Failed jobs")
    };
    let call = found.first().filter(|_| may_run).map(|job| {
        let url = format!("{}/api/jobs/{}/run_again", visitor.origin(), job.id);
        ApiCall::new("call-again", "POST", url).scope("jobs:write")
    });
    let body = html! { div.stack { (table) @if let Some(call) = call { (call) } } };
    Ok(visitor.render(Room::Jobs, &page, &body))
}

/// What a kind of job is called.
fn kind_name(kind: &str) -> &str {
    match kind {
        "send_mail" => "Send a mail",
        "promote_waitlist" => "Give freed seats to those who wait",
        "expire_assignments" => "End access whose time is over",
        "reclaim_idle" => "Take back places that nobody uses",
        "check_domain" | "check_domains" => "Look claims of domains up",
        "check_integrity" => "Compare seats with their ledger",
        "clean_up" => "Remove what is old",
        other => other,
    }
}

/// Where the record of a job is shown.
fn subject_link(id: &str) -> Option<String> {
    let room = match id.split_once('_')?.0 {
        "mail" => "mails",
        "seat" => "seats",
        "user" => "users",
        "team" => "teams",
        _ => return None,
    };
    Some(format!("/dashboard/{room}/{id}"))
}

fn row(visitor: &Visitor, job: &TroubledJob, may_run: bool) -> Row {
    let name = kind_name(&job.kind);
    let state: Markup = if job.is_dead {
        Badge::new("Given up").tone(Tone::Danger).dot().render()
    } else {
        html! { (Badge::new("Waiting").tone(Tone::Warning).dot()) span.cell-sub { "next try " (ago(job.run_at.to_jiff())) } }
    };
    let row = Row::new([
        Cell::new(html! {
            @match job.subject_id.as_deref().and_then(subject_link) {
                Some(href) => a href=(href) { (name) },
                None => span.strong { (name) },
            }
            span.cell-sub { (ago(job.created_at.to_jiff())) }
        }),
        Cell::text(job.last_error.as_deref().unwrap_or_default()),
        Cell::new(state),
        Cell::new(format!("{} of {MAX_ATTEMPTS}", job.attempts)),
    ]);
    if !may_run {
        return row;
    }
    let button = Button::submit("Run again").icon(Icon::Refresh).small();
    row.actions(Form::post(
        format!("{PATH}/{}/again", job.id),
        &visitor.csrf,
        html! { (button) },
    ))
}

async fn run_one(Path(id): Path<String>, Posted { visitor, .. }: Posted) -> Answer {
    let call = visitor.call();
    call.caller.require(Permission::JobsWrite)?;
    call.caller.require_account()?;
    let id = JobId::parse(&id).ok_or_else(|| Error::not_found("job"))?;
    carry_out(&visitor, || async {
        let mut plan = Plan::new("job.run_again");
        plan.write(jobs::run_again(&id, call.now));
        Ok((plan, ()))
    })
    .await?;
    Ok(visitor.redirect_with(PATH, Notice::success("The job runs again.")))
}

async fn run_all(Posted { visitor, .. }: Posted) -> Answer {
    let call = visitor.call();
    call.caller.require(Permission::JobsWrite)?;
    call.caller.require_account()?;
    let count = visitor
        .app
        .db
        .fetch::<(i64,)>(&visitor.session.account, jobs::count_troubled())
        .await?
        .first()
        .map_or(0, |(count,)| count.unsigned_abs());
    carry_out(&visitor, || async {
        let mut plan = Plan::new("job.run_all_again");
        plan.write(jobs::run_all_again(call.now));
        Ok((plan, ()))
    })
    .await?;
    let text = format!("{} run again.", counted(count, "job", "jobs"));
    Ok(visitor.redirect_with(PATH, Notice::success(text)))
}
