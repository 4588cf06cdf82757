//! Bulk jobs: the list with their progress, and each with its rows and what can be done with it.

use maud::{Markup, Render, html};

use super::desk::{Desk, Shown};
use super::users::pager;
use crate::access::Permission;
use crate::bulk::{
    JobRecord, JobRow, JobState, RowOutcome, RowState, plan_cancel, plan_retry_failed, plan_undo,
    prospect,
};
use crate::dashboard::components::{
    Badge, Button, Callout, Card, Cell, Column, EmptyState, Facts, FilterBar, Pager, Row, Table,
    Tone, ago, moment, stack,
};
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::error::Result;
use crate::listing::ListQuery;
use crate::records;
use crate::types::Ref;

const PATH: &str = "/dashboard/jobs/bulk";

/// What a kind of bulk job is called.
pub(super) fn kind_name(kind: &str) -> &str {
    match kind {
        "provision_bulk" => "Provision people",
        "assign_bulk" => "Give seats to people",
        "undo_job" => "Undo another job",
        other => other,
    }
}

fn badge(state: JobState) -> Badge {
    let (text, tone) = match state {
        JobState::Queued => ("Queued", Tone::Accent),
        JobState::Running => ("Running", Tone::Accent),
        JobState::Succeeded => ("Succeeded", Tone::Success),
        JobState::PartlyFailed => ("Partly failed", Tone::Warning),
        JobState::Failed => ("Failed", Tone::Danger),
        JobState::Cancelled => ("Cancelled", Tone::Warning),
    };
    Badge::new(text).tone(tone).dot()
}

/// The list.
pub(super) async fn list(desk: Desk) -> Result<Shown> {
    desk.require(Permission::JobsRead)?;
    let url = desk.list(PATH);
    let mut pairs = desk.query.pairs().to_vec();
    if desk.get("kind").is_empty() {
        pairs.push((
            "kind".to_owned(),
            "provision_bulk,assign_bulk,undo_job".to_owned(),
        ));
    }
    pairs.push(("include".to_owned(), "total_count".to_owned()));
    let query = ListQuery::parse::<JobRecord>(&pairs, desk.caller(), &desk.app.keys.cursor)?;
    let list = query
        .run::<JobRecord>(desk.db(), desk.caller(), &desk.app.keys.cursor)
        .await?;
    let rows = list.rows.iter().map(|job| {
        let href = format!("/dashboard/jobs/{}", job.id);
        Row::new([
            Cell::link(kind_name(&job.kind), &href, job.actor_name.as_deref()),
            Cell::new(badge(job.state)),
            Cell::new(html! { (job.done) " of " (job.total) }),
            Cell::new(job.failed.to_string()),
            Cell::new(ago(job.created_at.to_jiff())),
        ])
    });
    let columns = [
        Column::new("Job"),
        Column::new("State"),
        Column::new("Rows").numeric(),
        Column::new("Failed").numeric(),
        Column::new("Asked for"),
    ];
    let states = [
        ("queued", "Queued"),
        ("running", "Running"),
        ("succeeded", "Succeeded"),
        ("partly_failed", "Partly failed"),
        ("failed", "Failed"),
        ("cancelled", "Cancelled"),
    ];
    let filters = FilterBar::new(url.clone()).select("state", "State", states);
    let empty = if filters.is_active() {
        EmptyState::no_match(PATH)
    } else {
        EmptyState::new(
            Icon::Activity,
            "No bulk jobs yet",
            "Work on many rows at once is listed here with its progress.",
        )
    };
    let table = Table::new("Bulk jobs", columns, rows)
        .empty(empty)
        .pager(pager(&desk, &url, &list));
    let page = Page {
        lead: Some(
            "Work on many rows: how far it has come and what became of each row. Kept for 30 days."
                .into(),
        ),
        crumbs: vec![("Jobs".to_owned(), "/dashboard/jobs".to_owned())],
        ..Page::titled("Bulk jobs")
    };
    Ok(Shown::page(page, html! { div.stack { (filters) (table) } }))
}

async fn find(desk: &Desk) -> Result<JobRecord> {
    desk.require(Permission::JobsRead)?;
    records::find(desk.db(), desk.caller(), &desk.reference(0)?).await
}

/// One job.
pub(super) async fn show(desk: Desk) -> Result<Shown> {
    let job = find(&desk).await?;
    let path = format!("/dashboard/jobs/{}", job.id);
    let url = desk.list(&path);
    let mut pairs = desk.query.pairs().to_vec();
    pairs.push(("sort".to_owned(), "row".to_owned()));
    let within = Some(("job_id", job.id.as_str()));
    let key = &desk.app.keys.cursor;
    let query = ListQuery::parse_within::<JobRow>(&pairs, within, desk.caller(), key)?;
    let list = query.run::<JobRow>(desk.db(), desk.caller(), key).await?;
    let columns = ["Row", "Who", "State", "What became of it", "When"].map(Column::new);
    let filters = FilterBar::new(url.clone()).select(
        "state",
        "State",
        [("open", "Open"), ("done", "Done"), ("failed", "Failed")],
    );
    let table = Table::new("Rows", columns, list.rows.iter().map(row))
        .empty(EmptyState::no_match(&path))
        .pager(Pager {
            previous: (!desk.get("cursor").is_empty()).then(|| url.without("cursor").href()),
            next: list
                .next_cursor
                .as_ref()
                .map(|cursor| url.with("cursor", cursor).href()),
            shown: list.rows.len() as u64,
            total: None,
            limit: 25,
            url,
        });
    let page = Page {
        crumbs: vec![
            ("Jobs".to_owned(), "/dashboard/jobs".to_owned()),
            ("Bulk jobs".to_owned(), PATH.to_owned()),
        ],
        badges: Some(badge(job.state).render()),
        ..Page::titled(kind_name(&job.kind))
    };
    let mut blocks = vec![Card::new(facts(&job)).render()];
    if let Some(error) = &job.last_error {
        blocks.insert(
            0,
            Callout::new(Tone::Danger, "It cannot go on")
                .body(error.as_str())
                .render(),
        );
    }
    if desk.may(Permission::JobsWrite) {
        blocks.extend(actions(&desk, &job));
    }
    if job.is_bulk() {
        blocks.push(html! { div.stack.stack-tight { (filters) (table) } });
    }
    Ok(Shown::page(page, stack(&blocks)))
}

fn facts(job: &JobRecord) -> Markup {
    let mut facts = Facts::new()
        .text(
            "Asked for by",
            job.actor_name.as_deref().unwrap_or("the service"),
        )
        .markup("Made", moment(job.created_at.to_jiff()))
        .text("Rows", format!("{} of {}", job.done, job.total))
        .text("Created", job.created.to_string())
        .text("Updated", job.updated.to_string())
        .text("Unchanged", job.unchanged.to_string())
        .text("Waiting for a place", job.waitlisted.to_string())
        .text("Failed", job.failed.to_string());
    if let Some(at) = job.progressed_at {
        facts = facts.markup("Last sign of life", ago(at.to_jiff()));
    }
    if let Some(at) = job.estimated_finish_at {
        facts = facts.markup("Expected end", moment(at.to_jiff()));
    }
    if let Some(at) = job.finished_at {
        facts = facts.markup("Ended", moment(at.to_jiff()));
    }
    facts.render()
}

/// The forms that fit the job's state, each with the call it makes.
fn actions(desk: &Desk, job: &JobRecord) -> Vec<Markup> {
    let form = |verb: &str, label: &str, icon: Icon, question: &str| {
        let call = desk
            .api(
                &format!("call-{verb}"),
                "POST",
                &format!("/jobs/{}/{verb}", job.id),
            )
            .scope("jobs:write");
        let form = desk
            .post(format!("/dashboard/jobs/{}/{verb}", job.id), html! {})
            .confirm(question)
            .buttons([Button::submit(label).icon(icon)])
            .after(call);
        Card::new(form.render()).render()
    };
    let is_open = matches!(job.state, JobState::Queued | JobState::Running);
    let has_rest = job.failed > 0 || (job.state == JobState::Cancelled && job.done < job.total);
    let mut forms = Vec::new();
    if job.is_bulk() && is_open {
        forms.push(form(
            "cancel",
            "Cancel",
            Icon::X,
            "Cancel this job? What was done stands.",
        ));
    }
    if job.is_bulk() && !is_open && has_rest {
        forms.push(form(
            "retry_failed",
            "Try the failed rows again",
            Icon::Refresh,
            "Run the failed rows again?",
        ));
    }
    let has_made = job.created + job.updated + job.waitlisted > 0;
    if !is_open && has_made && matches!(job.kind.as_str(), "provision_bulk" | "assign_bulk") {
        let undo = Button::link("Undo…", format!("/dashboard/jobs/{}/undo", job.id));
        forms.push(html! { div.row { (undo) } });
    }
    forms
}

fn row(row: &JobRow) -> Row {
    let (text, tone) = match row.state {
        RowState::Open => ("Open", Tone::Accent),
        RowState::Done => ("Done", Tone::Success),
        RowState::Failed => ("Failed", Tone::Danger),
    };
    let problem = row
        .problem
        .as_ref()
        .and_then(|problem| problem.get("detail")?.as_str());
    let outcome = row.outcome.map(RowOutcome::as_str);
    Row::new([
        Cell::new(row.number.to_string()),
        Cell::text(row.key.as_deref().unwrap_or_default()),
        Cell::new(Badge::new(text).tone(tone).dot()),
        Cell::text(problem.or(outcome).unwrap_or_default()),
        row.finished_at
            .map_or_else(Cell::none, |at| Cell::new(ago(at.to_jiff()))),
    ])
}

/// Ends a job.
pub(super) async fn cancel(desk: Desk) -> Result<Shown> {
    desk.require_post()?;
    let job: Ref<JobRecord> = desk.reference(0)?;
    let done = desk
        .commit(|| plan_cancel(desk.db(), &desk.call, &job))
        .await?;
    Ok(Shown::done(
        format!("/dashboard/jobs/{}", done.id),
        "The job was cancelled.",
    ))
}

/// Runs failed rows again.
pub(super) async fn retry_failed(desk: Desk) -> Result<Shown> {
    desk.require_post()?;
    let job: Ref<JobRecord> = desk.reference(0)?;
    let done = desk
        .commit(|| plan_retry_failed(desk.db(), &desk.call, &job))
        .await?;
    Ok(Shown::done(
        format!("/dashboard/jobs/{}", done.id),
        "The rows run again.",
    ))
}

/// Says what an undo would do, and does it.
pub(super) async fn undo(desk: Desk) -> Result<Shown> {
    let job: Ref<JobRecord> = desk.reference(0)?;
    if desk.is_post() {
        let made = desk
            .commit(|| plan_undo(desk.db(), &desk.app.ids, &desk.call, &job))
            .await?;
        return Ok(Shown::done(
            format!("/dashboard/jobs/{}", made.id),
            "The undo has begun.",
        ));
    }
    let seen = prospect(&desk.app, &desk.dry(), &job).await?;
    let id = job.to_string();
    let call = desk
        .api("call-undo", "POST", &format!("/jobs/{id}/undo"))
        .scope("jobs:write");
    let form = desk
        .post(format!("/dashboard/jobs/{id}/undo"), html! {})
        .buttons([
            Button::submit("Undo").danger(),
            Button::link("Leave it", format!("/dashboard/jobs/{id}")).quiet(),
        ])
        .after(call);
    let can = seen.examined - seen.cannot.len();
    let rows = seen.cannot.iter().map(|one| {
        let detail = one
            .pointer("/problem/detail")
            .and_then(|text| text.as_str());
        Row::new([
            Cell::new(one.get("row").map_or_else(String::new, ToString::to_string)),
            Cell::text(
                one.get("key")
                    .and_then(|key| key.as_str())
                    .unwrap_or_default(),
            ),
            Cell::text(detail.unwrap_or_default()),
        ])
    });
    let table = Table::new("What stays", ["Row", "Who", "Why"].map(Column::new), rows).empty(
        EmptyState::new(
            Icon::Check,
            "Nothing stands in the way",
            "Every row that was looked at can be taken back.",
        ),
    );
    let page = Page {
        lead: Some(format!(
            "Of the last {} rows {can} can be taken back.",
            seen.examined
        )),
        crumbs: vec![("Bulk jobs".to_owned(), PATH.to_owned())],
        narrow: true,
        ..Page::titled("Undo this job?")
    };
    Ok(Shown::page(
        page,
        html! { div.stack { (table) (Card::new(form.render())) } },
    ))
}
