//! The timeline: every kind of event as a human sentence with who did it.
//!
//! Here stand the frame and what is said of records, orders and credits; `people` and `places` say the rest.

mod people;
mod places;

use maud::{Markup, Render, html};
use serde_json::Value as JsonValue;

use super::look::{link, seat_href, team_href, user_href};
use crate::dashboard::components::{Timeline, TimelineItem, Tone, counted, day};
use crate::dashboard::icons::Icon;
use crate::db::{Column, DbError, FromRow, Reader, Row, Select, Value};
use crate::events::EventRow;
use crate::types::Timestamp;
use people::{mail, membership, user};
use places::{seat, wish};

/// Whose timeline it is; what is known there is not said again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    /// The whole account's.
    Account,
    /// A person's.
    Person,
    /// A team's.
    Team,
    /// A seat's.
    Seat,
}

/// An event with the names of what it concerns.
pub(super) struct Told {
    event: EventRow,
    person: Option<String>,
    team: Option<String>,
    product: Option<String>,
}

impl FromRow for Told {
    fn from_row(reader: &mut Reader<'_>) -> Result<Self, DbError> {
        Ok(Self {
            event: EventRow::from_row(reader)?,
            person: Column::read(reader)?,
            team: Column::read(reader)?,
            product: Column::read(reader)?,
        })
    }
}

/// The read of the latest events that fit a condition on `events`, newest first. Its last value is the limit.
pub(super) fn select(condition: &str, mut params: Vec<Value>, limit: i64) -> Select {
    params.push(limit.value());
    let sql = format!(
        "SELECT {}, coalesce(u.name, u.email), t.name, p.name FROM events \
         LEFT JOIN users u ON u.account_id = $1 AND u.id = events.user_id \
         LEFT JOIN teams t ON t.account_id = $1 AND t.id = events.team_id \
         LEFT JOIN seats s ON s.account_id = $1 AND s.id = events.seat_id \
         LEFT JOIN products p ON p.account_id = $1 AND p.id = s.product_id \
         WHERE events.account_id = $1{condition} ORDER BY events.id DESC LIMIT ${}",
        EventRow::selection(),
        params.len() + 1
    );
    Select::new(sql, params)
}

/// The timeline of events; a line in words when there are none.
pub(super) fn timeline(told: &[Told], about: About) -> Markup {
    if told.is_empty() {
        return html! { p.secondary { "Nothing has happened yet." } };
    }
    Timeline(told.iter().map(|one| item(one, about)).collect()).render()
}

fn item(told: &Told, about: About) -> TimelineItem {
    let (icon, tone, title) = sentence(told, about);
    TimelineItem::new(icon, title, told.event.created_at.to_jiff())
        .tone(tone)
        .detail(detail(told))
}

/// A member of the event's data as text.
fn text<'a>(data: &'a JsonValue, name: &str) -> &'a str {
    data.get(name)
        .and_then(JsonValue::as_str)
        .unwrap_or_default()
}

fn number(data: &JsonValue, name: &str) -> u64 {
    data.get(name).and_then(JsonValue::as_u64).unwrap_or(0)
}

fn person(told: &Told) -> Markup {
    if let (Some(id), Some(name)) = (&told.event.user_id, &told.person) {
        link(&user_href(id), name)
    } else {
        html! { "Somebody" }
    }
}

fn team(told: &Told) -> Markup {
    if let (Some(id), Some(name)) = (&told.event.team_id, &told.team) {
        link(&team_href(id), name)
    } else {
        html! { "a team" }
    }
}

fn product(told: &Told) -> Markup {
    if let (Some(id), Some(name)) = (&told.event.seat_id, &told.product) {
        link(&seat_href(id), name)
    } else {
        html! { "a product" }
    }
}

/// `Ada was given …`, or on Ada's own page `Was given …`.
fn who(told: &Told, about: About, capital: &str, phrase: &str) -> Markup {
    html! { @if about == About::Person { (capital) } @else { (person(told)) " " (phrase) } }
}

type Sentence = (Icon, Tone, Markup);

fn sentence(told: &Told, about: About) -> Sentence {
    let (noun, verb) = told.event.r#type.split_once('.').unwrap_or_default();
    match noun {
        "team_member" => membership(told, about, verb),
        "seat" => seat(told, about, verb),
        "seat_request" => wish(told, about, verb),
        "mail" => mail(told, about, verb),
        "user" => user(told, about, verb),
        "order" => order(told, about, verb),
        "credits" => credits(told, verb),
        "provision" => {
            let title = html! { (who(told, about, "Was provisioned", "was provisioned")) @if told.team.is_some() && about != About::Team { " in " (team(told)) } };
            (Icon::Bolt, Tone::Accent, title)
        }
        "sign_in_link" => (
            Icon::Link,
            Tone::Neutral,
            who(told, about, "A sign-in link was made", "got a sign-in link"),
        ),
        _ => record(told, noun, verb),
    }
}

fn order(told: &Told, about: About, verb: &str) -> Sentence {
    let data = &told.event.data;
    let name = match text(data, "external_reference") {
        "" => "An order".to_owned(),
        reference => format!("Order {reference}"),
    };
    let href = format!("/dashboard/orders/{}", told.event.subject_id);
    let whose = html! { @if about != About::Team && told.team.is_some() { " of " (team(told)) } };
    let head = html! { (link(&href, &name)) (whose) };
    match verb {
        "paid" => (Icon::Cart, Tone::Success, html! { (head) " was paid" }),
        "fulfilled" => (Icon::Cart, Tone::Success, html! { (head) " was fulfilled" }),
        "fulfilment_failed" => (
            Icon::Alert,
            Tone::Danger,
            html! { (head) " is paid, but could not be fulfilled" },
        ),
        "refunded" => (
            Icon::Refresh,
            Tone::Warning,
            html! { (head) " was refunded" },
        ),
        "pending" => (Icon::Clock, Tone::Neutral, html! { (head) " was placed" }),
        "failed" => (
            Icon::Alert,
            Tone::Danger,
            html! { "The payment of " (head) " has failed" },
        ),
        _ => (
            Icon::Cart,
            Tone::Neutral,
            html! { (head) " was " (verb.replace('_', " ")) },
        ),
    }
}

fn credits(told: &Told, verb: &str) -> Sentence {
    let entry = told.event.data.get("entry");
    let amount = entry
        .and_then(|entry| entry.get("amount"))
        .and_then(serde_json::Value::as_i64);
    let Some(amount) = amount else {
        return (
            Icon::Tag,
            Tone::Neutral,
            html! { "The overdraft was changed" },
        );
    };
    let tone = if amount > 0 {
        Tone::Success
    } else {
        Tone::Neutral
    };
    let credits = counted(amount.unsigned_abs(), "credit was", "credits were");
    (
        Icon::Tag,
        tone,
        html! { (credits) " " (verb.replace('_', " ")) },
    )
}

/// Any other event: the name of the record and what was done, in plain words.
fn record(told: &Told, noun: &str, verb: &str) -> Sentence {
    let name = text(&told.event.data, "name");
    let icon = match noun {
        "team" => Icon::Team,
        "organization" => Icon::Building,
        "course" => Icon::Book,
        "product" => Icon::Box,
        "catalog_item" => Icon::Tag,
        "api_key" => Icon::Key,
        _ => Icon::Activity,
    };
    let tone = match verb {
        "created" => Tone::Accent,
        "deleted" | "revoked" => Tone::Danger,
        _ => Tone::Neutral,
    };
    let noun = noun.replace('_', " ").replace("api ", "API ");
    let subject = html! {
        @if name.is_empty() { "The " (noun) } @else if noun == "team" && verb != "deleted" { "Team " (link(&team_href(&told.event.subject_id), name)) }
        @else { (capital(&noun)) " «" (name) "»" }
    };
    let done = match verb {
        "expired" => "has ended".to_owned(),
        "failed" => "has failed".to_owned(),
        verb => format!("was {}", verb.replace('_', " ")),
    };
    (icon, tone, html! { (subject) " " (done) })
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

/// By whom, and what else is worth a line.
fn detail(told: &Told) -> Markup {
    let event = &told.event;
    let ends = text(&event.data, "expires_at");
    let reply = text(&event.data, "last_reply");
    let shows_end = matches!(event.r#type.as_str(), "seat.assigned" | "seat.extended");
    html! {
        "By " (by(event))
        @if let Some(at) = Timestamp::parse(ends).filter(|_| shows_end) { " · until " (day(at.to_jiff())) }
        @if let Some(at) = Timestamp::parse(text(&event.data, "reclaim_at")).filter(|_| event.r#type == "seat.idle") { " · goes back " (day(at.to_jiff())) }
        @if event.r#type == "mail.failed" && !reply.is_empty() { " · " (reply) }
        @if event.r#type.ends_with(".updated") { (changes(event)) }
    }
}

fn by(event: &EventRow) -> Markup {
    let name = &event.actor_name;
    match (event.actor_type.as_str(), &event.actor_id) {
        ("user", Some(id)) => link(&user_href(id), name),
        ("api_key", _) => html! { "the API key «" (name) "»" },
        ("system", _) => html! { "the " (name.replace('_', " ")) },
        _ => html! { (name) },
    }
}

/// The members that changed, in plain words.
fn changes(event: &EventRow) -> Markup {
    let names: Vec<String> = event
        .previous
        .as_ref()
        .and_then(JsonValue::as_object)
        .map(|members| members.keys().map(|name| name.replace('_', " ")).collect())
        .unwrap_or_default();
    html! { @if !names.is_empty() { " · " (names.join(", ")) } }
}
