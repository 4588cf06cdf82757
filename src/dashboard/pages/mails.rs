//! The outbox: what was mailed to whom, what was caught here because there is no mail server, what failed and why.

use axum::Router;
use axum::extract::Path;
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, Render as _, html};

use super::desk::{Desk, Shown};
use super::users::pager;
use crate::access::{Permission, again};
use crate::app::App;
use crate::dashboard::answer::{self, Answer, Policy};
use crate::dashboard::components::{
    ApiCall, Badge, Button, Callout, Card, Cell, Column, EmptyState, Facts, FilterBar, Form, Row,
    Table, Tone, ago, moment, stack,
};
use crate::dashboard::door::{Visitor, carry_out};
use crate::dashboard::form::Posted;
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::dashboard::notice::Notice;
use crate::dashboard::rooms::Room;
use crate::email::TemplateKind;
use crate::email::outbox::{self, MailId, MailRow, MailState};
use crate::error::{Code, Error, Result};
use crate::events::Plan;

const PATH: &str = "/dashboard/mails";

/// The pages.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/dashboard/mails/{id}", get(show))
        .route("/dashboard/mails/{id}/html", get(html_part))
        .route("/dashboard/mails/{id}/retry", post(retry))
}

/// What a kind of mail is called.
fn kind_name(kind: TemplateKind) -> &'static str {
    match kind {
        TemplateKind::Welcome => "Welcome",
        TemplateKind::SignInLink => "Sign-in link",
        TemplateKind::SetPassword => "New password",
        TemplateKind::Invitation => "Invitation",
        TemplateKind::JoinConfirmation => "Confirm a join",
        TemplateKind::SeatAssigned => "Seat assigned",
        TemplateKind::WaitlistPromoted => "Off the waiting list",
        TemplateKind::SeatRequested => "Seat asked for",
        TemplateKind::SeatRequestDecided => "Request decided",
        TemplateKind::SeatExpiring => "Access ends soon",
        TemplateKind::SeatIdle => "Place goes back",
        TemplateKind::AccountNotice => "Notice",
    }
}

fn state_badge(state: MailState) -> Badge {
    match state {
        MailState::Queued => Badge::new("Queued").tone(Tone::Accent).dot(),
        MailState::Sent => Badge::new("Sent").tone(Tone::Success).dot(),
        MailState::Caught => Badge::new("Caught here").tone(Tone::Warning).dot(),
        MailState::Failed => Badge::new("Failed").tone(Tone::Danger).dot(),
    }
}

/// The list.
pub(super) async fn list(desk: Desk) -> Result<Shown> {
    let mails = desk.records::<MailRow>().await?;
    let url = desk.list(PATH);
    let states = [
        ("queued", "Queued"),
        ("sent", "Sent"),
        ("caught", "Caught here"),
        ("failed", "Failed"),
    ];
    let kinds = TemplateKind::ALL.map(|kind| (kind.name(), kind_name(kind)));
    let mut bar = FilterBar::new(url.clone())
        .select("state", "State", states)
        .select("kind", "Kind", kinds);
    if !desk.get("user").is_empty() {
        bar = bar.chip("user", "Person", desk.get("user"));
    }
    let empty = if bar.is_active() {
        EmptyState::no_match(url.reset().href())
    } else {
        EmptyState::new(
            Icon::Mail,
            "No mails yet",
            "Welcome mails, sign-in links and notices are listed here as soon as the first is written.",
        )
    };
    let columns = ["To", "Subject", "State", "When"].map(Column::new);
    let table = Table::new("Mails", columns, mails.rows.iter().map(row))
        .empty(empty)
        .pager(pager(&desk, &url, &mails));
    let mut blocks = Vec::new();
    if desk.app.mailer.is_none() {
        blocks.push(
            Callout::new(Tone::Warning, "No mail server is set up: mails are kept here and reach nobody")
                .body("Set email.host in the configuration and start again. Until then each mail can be read here, its links work.")
                .render(),
        );
    }
    blocks.push(html! { div.stack.stack-tight { (bar) (table) } });
    blocks.push(
        desk.api("call-mails", "GET", "/mails")
            .scope("mails:read")
            .render(),
    );
    let page = Page {
        lead: Some(
            "Everything this account has written to people, and what became of it.".to_owned(),
        ),
        ..Page::titled("Mails")
    };
    Ok(Shown::page(page, stack(&blocks)))
}

fn row(mail: &MailRow) -> Row {
    let href = format!("{PATH}/{}", mail.id);
    let subject = mail.subject.as_deref().unwrap_or("Not written yet");
    Row::new([
        Cell::link(&mail.to_address, &href, None),
        Cell::new(html! { (subject) span.cell-sub { (kind_name(mail.kind)) } }),
        Cell::new(html! {
            (state_badge(mail.state))
            @if let (MailState::Failed | MailState::Queued, Some(reply)) = (mail.state, &mail.last_reply) { span.cell-sub { (shortened(reply)) } }
        }),
        Cell::new(ago(mail.sent_at.unwrap_or(mail.created_at).to_jiff())),
    ])
}

/// At most 120 characters of a text, for a row.
fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(120).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

async fn find(visitor: &Visitor, id: &str) -> Result<MailRow> {
    let caller = &visitor.session.caller;
    caller.require(Permission::MailsRead)?;
    caller.require_account()?;
    let missing = || Error::not_found("mail");
    let id = MailId::parse(id).ok_or_else(missing)?;
    let found = visitor
        .app
        .db
        .first(caller_account(visitor), outbox::by_id(&id))
        .await?;
    found.ok_or_else(missing)
}

const fn caller_account(visitor: &Visitor) -> &crate::types::AccountId {
    &visitor.session.account
}

/// The text and the HTML of a mail that was caught here. They hold the reader's link, so whoever may do less than the
/// reader does not see them.
async fn bodies(visitor: &Visitor, mail: &MailRow) -> Result<Option<(String, String)>> {
    let caller = &visitor.session.caller;
    if let Some(user) = &mail.user_id
        && !again::may_act_as(&visitor.app, caller, user).await?
    {
        return Ok(None);
    }
    let found = visitor
        .app
        .db
        .first(caller_account(visitor), outbox::bodies(&mail.id))
        .await?;
    Ok(found)
}

async fn show(visitor: Visitor, Path(id): Path<String>) -> Answer {
    let mail = find(&visitor, &id).await?;
    let bodies = bodies(&visitor, &mail).await?;
    let mut blocks = vec![Card::new(facts(&mail)).render()];
    if mail.state == MailState::Failed {
        blocks.insert(0, failure(&visitor, &mail));
    }
    match &bodies {
        Some((text, _)) => blocks.push(reading(&mail, text)),
        None => blocks.push(html! { p.muted { "The text of a mail is kept here only while no mail server is set up, and shown to those who may do all that its reader may." } }),
    }
    let page = Page {
        crumbs: vec![("Mails".to_owned(), PATH.to_owned())],
        badges: Some(state_badge(mail.state).render()),
        ..Page::titled(mail.subject.as_deref().unwrap_or(kind_name(mail.kind)))
    };
    Ok(visitor.render_under(Policy::Frames, Room::Mails, &page, &stack(&blocks)))
}

fn facts(mail: &MailRow) -> Markup {
    let user = mail.user_id.as_ref().map_or_else(
        || html! { (mail.to_address) },
        |user| html! { a href={ "/dashboard/users/" (user) } { (mail.to_address) } },
    );
    let mut facts = Facts::new()
        .markup("To", user)
        .text("Kind", kind_name(mail.kind))
        .text("Language", &mail.locale)
        .markup("Queued", moment(mail.created_at.to_jiff()));
    if let Some(at) = mail.sent_at {
        let name = if mail.state == MailState::Caught {
            "Caught"
        } else {
            "Sent"
        };
        facts = facts.markup(name, moment(at.to_jiff()));
    }
    if let Some(reply) = &mail.last_reply {
        let name = if mail.state == MailState::Caught {
            "What happened"
        } else {
            "The server's last words"
        };
        facts = facts.text(name, reply);
    }
    if let Some(id) = &mail.message_id {
        facts = facts.markup("Message-ID", html! { code { (id) } });
    }
    facts.text("Attempts", mail.attempts.to_string()).render()
}

fn failure(visitor: &Visitor, mail: &MailRow) -> Markup {
    let words = mail.last_reply.as_deref().unwrap_or("No reason is known.");
    let again = Form::post(format!("{PATH}/{}/retry", mail.id), &visitor.csrf, html! {})
        .buttons([Button::submit("Send again").icon(Icon::Refresh)])
        .after(
            ApiCall::new(
                "call-retry",
                "POST",
                format!("{}/api/mails/{}/retry", visitor.origin(), mail.id),
            )
            .scope("jobs:write"),
        );
    Callout::new(Tone::Danger, "This mail was not delivered")
        .body(words)
        .actions(again)
        .render()
}

/// The mail as its reader would see it: HTML in a frame of its own, and the text.
fn reading(mail: &MailRow, text: &str) -> Markup {
    let frame = html! {
        iframe.mail-frame src={ (PATH) "/" (mail.id) "/html" } title="The mail as HTML"
            sandbox="allow-popups allow-popups-to-escape-sandbox" {}
    };
    let text = html! { pre.mail-text tabindex="0" { (linked(text)) } };
    html! {
        (Card::new(frame).title("As its reader sees it").flush())
        (Card::new(text).title("As text"))
    }
}

/// A text whose addresses are links.
fn linked(text: &str) -> Markup {
    let is_link = |word: &str| word.starts_with("https://") || word.starts_with("http://");
    html! {
        @for piece in text.split_inclusive(char::is_whitespace) {
            @let word = piece.trim_end();
            @if is_link(word) {
                a href=(word) target="_blank" rel="noopener" { (word) } (piece.get(word.len()..).unwrap_or_default())
            } @else {
                (piece)
            }
        }
    }
}

async fn html_part(visitor: Visitor, Path(id): Path<String>) -> Answer {
    let mail = find(&visitor, &id).await?;
    let bodies = bodies(&visitor, &mail).await?;
    let (_, html) = bodies.ok_or_else(|| Error::not_found("mail"))?;
    // Links of a mail open beside the dashboard, not inside the frame.
    let html = html.replacen("<head>", "<head><base target=\"_blank\">", 1);
    let response: Response = answer::document(&visitor.guest.request_id, html, Policy::Mail);
    Ok(response)
}

async fn retry(Path(id): Path<String>, Posted { visitor, .. }: Posted) -> Answer {
    visitor.session.caller.require(Permission::JobsWrite)?;
    let mail = carry_out(&visitor, || async {
        let mail = find(&visitor, &id).await?;
        if mail.state != MailState::Failed {
            return Err(Error::new(
                Code::StateConflict,
                "Only a failed mail can be sent again.",
            ));
        }
        let mut plan = Plan::new("mail.retry");
        outbox::retry(&mut plan, &mail);
        Ok((plan, mail))
    })
    .await?;
    let notice = Notice::success(format!(
        "The mail to {} is on its way again.",
        mail.to_address
    ));
    Ok(visitor.redirect_with(&format!("{PATH}/{id}"), notice))
}
