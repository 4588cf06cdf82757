//! A seat's page: who sits, who waits, and every change of its counters.

use maud::{Markup, Render, html};
use serde_json::Value as JsonValue;

use super::desk::{Desk, Shown, summary};
use super::feed::{self, About, Told};
use super::look::{count, end, link, meter, seat_href, state_badge, team_href, terms, user_href};
use super::person::place_menu;
use super::seat_line::{self, Refused};
use super::seat_over_time::{ledger, low_hint, reclaim_words};
use crate::access::Permission;
use crate::dashboard::components::{
    Avatar, Badge, Button, Card, Cell, Column, CopyField, EmptyState, Facts, Form, Row, Stat,
    Table, Tags, Tone, columns, counted, day, number, split,
};
use crate::dashboard::form::FieldErrors;
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::db::{Batch, Column as _, DbError, FromRow, Reader, Row as _, Select};
use crate::error::Result;
use crate::params;
use crate::records;
use crate::resources::{Team, User};
use crate::seats::ledger::LedgerEntry;
use crate::seats::seat::SeatStatus;
use crate::seats::settings::{self, SeatSettings};
use crate::seats::{Assignment, AssignmentState, Seat};
use crate::types::{Id, json_list};

/// Places shown on the page; more are in the list of places.
const SHOWN: i64 = 100;
/// Entries of the ledger on the page.
const ENTRIES: i64 = 30;

/// A place with the person who has it.
pub(super) struct Sitting {
    /// The place.
    pub(super) assignment: Assignment,
    /// The name of who has it.
    pub(super) name: String,
    /// Their address.
    pub(super) email: String,
}

impl FromRow for Sitting {
    fn from_row(reader: &mut Reader<'_>) -> Result<Self, DbError> {
        Ok(Self {
            assignment: Assignment::from_row(reader)?,
            name: String::read(reader)?,
            email: String::read(reader)?,
        })
    }
}

struct Dossier {
    seat: Seat,
    product: String,
    teams: Vec<(Id<Team>, String)>,
    sitting: Vec<Sitting>,
    waiting: Vec<Sitting>,
    entries: Vec<LedgerEntry>,
    settings: SeatSettings,
    idle: i64,
    denials: i64,
    refused: Vec<Refused>,
    told: Vec<Told>,
}

/// The page.
pub(super) async fn seat(desk: Desk) -> Result<Shown> {
    desk.require(Permission::SeatsRead)?;
    let seat = records::find::<Seat>(desk.db(), desk.caller(), &desk.reference(0)?).await?;
    let dossier = dossier(&desk, seat).await?;
    let seat = &dossier.seat;
    let names: Vec<&str> = dossier
        .teams
        .iter()
        .map(|(_, name)| name.as_str())
        .collect();
    let page = Page {
        crumbs: vec![("Seats".into(), "/dashboard/seats".into())],
        lead: Some(names.join(", ")),
        badges: Some(badges(seat)),
        actions: Some(actions(&desk, seat)),
        ..Page::titled(title(&dossier.product, seat))
    };
    let main = html! {
        @if let Some(hint) = low_hint(&desk, seat, &dossier.settings) { (hint) }
        (Card::new(meter(seat, false).render()))
        (sitting(&desk, &dossier))
        @if !dossier.waiting.is_empty() { (seat_line::waiting(&desk, &dossier.waiting)) }
        @if !dossier.refused.is_empty() { (seat_line::denials(&dossier.refused)) }
        (ledger(&dossier.entries))
    };
    let aside = html! {
        (facts(&dossier))
        (Card::new(feed::timeline(&dossier.told, About::Seat)).title("Timeline"))
    };
    let body = html! { div.stack { (figures(&dossier)) (split(&main, &aside)) } };
    Ok(Shown::page(page, body))
}

/// The product's name, with that of the seat where it has one.
pub(super) fn title(product: &str, seat: &Seat) -> String {
    match &seat.name {
        Some(name) => format!("{product} · {name}"),
        None => product.to_owned(),
    }
}

/// The frame of a page about a seat.
pub(super) fn page_of(product: &str, seat: &Seat, heading: &str) -> Page {
    Page {
        crumbs: vec![
            ("Seats".into(), "/dashboard/seats".into()),
            (title(product, seat), seat_href(seat.id.as_str())),
        ],
        narrow: true,
        ..Page::titled(heading)
    }
}

/// The form of an action on a seat, with the call it makes and the scope that the call needs.
pub(super) fn action_form(
    desk: &Desk,
    seat: &Seat,
    (action, scope): (&str, &str),
    fields: Markup,
    body: JsonValue,
    errors: Option<&FieldErrors>,
) -> Form {
    let path = format!("/seats/{}/{action}", seat.id);
    let call = desk
        .api(&format!("call-{action}"), "POST", &path)
        .body(body)
        .scope(scope);
    desk.post(format!("{}/{action}", seat_href(seat.id.as_str())), fields)
        .errors(summary(errors))
        .after(call)
}

/// The read of places of a seat in some states, with their people.
pub(super) fn places_of(seat: &Seat, condition: &str, order: &str, limit: i64) -> Select {
    Select::new(
        format!(
            "SELECT {}, coalesce(u.name, u.email), u.email FROM seat_assignments JOIN users u ON u.account_id = $1 AND u.id = seat_assignments.user_id \
             WHERE seat_assignments.account_id = $1 AND seat_id = $2 AND {condition} ORDER BY {order} LIMIT $3",
            Assignment::selection()
        ),
        params![seat.id.clone(), limit],
    )
}

async fn dossier(desk: &Desk, seat: Seat) -> Result<Dossier> {
    let id = || params![seat.id.clone()];
    let mut batch = Batch::new();
    let product = batch.add::<(String,)>(Select::new(
        "SELECT name FROM products WHERE account_id = $1 AND id = $2",
        params![seat.product_id.clone()],
    ));
    let teams = batch.add::<(Id<Team>, String)>(desk.within::<Team>(
        "SELECT teams.id, teams.name FROM teams WHERE teams.account_id = $1 AND teams.id IN (SELECT value FROM JSON_LIST($2) AS wanted){reach} ORDER BY name_key",
        params![json_list(&seat.team_ids.0)],
    ));
    let sitting = batch.add::<Sitting>(places_of(
        &seat,
        "state <> 'waitlisted'",
        "CASE WHEN seat_assignments.state IN ('active', 'reserved') THEN 0 ELSE 1 END, seat_assignments.id DESC",
        SHOWN,
    ));
    let waiting = batch.add::<Sitting>(places_of(
        &seat,
        "state = 'waitlisted'",
        "seat_assignments.waiting_at, seat_assignments.id",
        SHOWN,
    ));
    let entries = batch.add::<LedgerEntry>(Select::rows::<LedgerEntry>(
        &format!("WHERE account_id = $1 AND seat_id = $2 ORDER BY created_at DESC, id DESC LIMIT {ENTRIES}"),
        id(),
    ));
    let denials = batch.add::<(i64,)>(Select::new(
        "SELECT count(*) FROM seat_denials WHERE account_id = $1 AND seat_id = $2",
        id(),
    ));
    let refused = batch.add::<Refused>(seat_line::denials_of(&seat));
    let settings = batch.add::<(serde_json::Value,)>(settings::read());
    let idle = batch.add::<(i64,)>(Select::new(
        "SELECT count(*) FROM seat_assignments WHERE account_id = $1 AND seat_id = $2 AND state = 'active' AND reclaim_at IS NOT NULL",
        id(),
    ));
    let told = batch.add::<Told>(feed::select(" AND events.seat_id = $2", id(), 20));
    let mut rows = desk.db().read(&desk.caller().account, batch).await?;
    Ok(Dossier {
        product: rows
            .first(&product)
            .map_or_else(String::new, |(name,)| name),
        teams: rows.take(&teams),
        sitting: rows.take(&sitting),
        waiting: rows.take(&waiting),
        entries: rows.take(&entries),
        settings: SeatSettings::of(rows.first(&settings)),
        idle: rows.first(&idle).map_or(0, |(n,)| n),
        denials: rows.first(&denials).map_or(0, |(n,)| n),
        refused: rows.take(&refused),
        told: rows.take(&told),
        seat,
    })
}

fn badges(seat: &Seat) -> Markup {
    html! {
        @match seat.available {
            None => { (Badge::new("Unlimited").tone(Tone::Accent).dot()) }
            Some(free) if free > 0 => { (Badge::new(format!("{} free", number(count(free)))).tone(Tone::Success).dot()) }
            Some(_) => { (Badge::new("Full").tone(Tone::Warning).dot()) }
        }
        @if seat.team_ids.0.len() > 1 { (Badge::new("Shared").icon(Icon::Team)) }
        @if seat.status == SeatStatus::Archived { (Badge::new("Archived")) }
    }
}

fn actions(desk: &Desk, seat: &Seat) -> Markup {
    let href = seat_href(seat.id.as_str());
    html! {
        @if desk.may_in_account(Permission::SeatsWrite) {
            (Button::link("Teams", format!("{href}/teams")).icon(Icon::Team))
            (Button::link("Places and terms", format!("{href}/edit")).icon(Icon::Edit))
        }
        @if desk.may(Permission::SeatsAssign) { (Button::link("Give a place", format!("{href}/assign")).primary().icon(Icon::Plus)) }
    }
}

fn figures(dossier: &Dossier) -> Markup {
    let seat = &dossier.seat;
    let total = seat
        .quantity
        .map_or_else(|| "∞".to_owned(), |quantity| number(count(quantity)));
    let free = seat
        .available
        .map_or_else(|| "∞".to_owned(), |free| number(count(free)));
    let spent = if seat.spent > 0 {
        format!("{} used for good", number(count(seat.spent)))
    } else {
        format!("of {total}")
    };
    columns(
        4,
        &[
            Stat::new("In use", number(count(seat.assigned + seat.spent)))
                .icon(Icon::Seat)
                .note(spent)
                .render(),
            Stat::new("Reserved", number(count(seat.reserved)))
                .icon(Icon::Mail)
                .note("for people invited")
                .render(),
            Stat::new("Free", free)
                .icon(Icon::Check)
                .note("to be given")
                .render(),
            Stat::new("Waiting", number(count(seat.waitlisted)))
                .icon(Icon::Clock)
                .note(counted(
                    count(dossier.denials),
                    "wish refused so far",
                    "wishes refused so far",
                ))
                .render(),
        ],
    )
}

/// The cell of who has a place.
pub(super) fn person_cell(one: &Sitting) -> Cell {
    let href = user_href(one.assignment.user_id.as_str());
    Cell::record(
        &Avatar::person(&one.name),
        &one.name,
        &href,
        Some(&one.email),
    )
}

fn sitting(desk: &Desk, dossier: &Dossier) -> Card {
    let rows = dossier.sitting.iter().map(|one| {
        let place = &one.assignment;
        let row = Row::new([
            person_cell(one),
            Cell::new(state_badge(place.state)),
            Cell::new(day(place.starts_at.unwrap_or(place.created_at).to_jiff())),
            Cell::new(match (place.ended_at, place.reclaim_at) {
                (Some(at), _) => html! { span.muted { "Ended " (day(at.to_jiff())) } },
                (None, Some(at)) => html! { span.row { (day(at.to_jiff())) (Badge::new("idle").tone(Tone::Warning)) } },
                (None, None) => end(place.expires_at, desk.call.now),
            }),
        ]);
        let is_live = matches!(
            place.state,
            AssignmentState::Active | AssignmentState::Reserved
        );
        if is_live && desk.may(Permission::SeatsAssign) {
            row.actions(place_menu(place, &one.name))
        } else {
            row
        }
    });
    let heads = ["Person", "State", "Since", "Ends"].map(Column::new);
    let empty = EmptyState::new(
        Icon::Users,
        "Nobody sits here yet",
        "Give a place to somebody of the team; what they get and until when follows from the terms.",
    );
    let table = Table::new("Places", heads, rows).empty(empty).plain();
    let all = format!("/dashboard/assignments?seat={}", dossier.seat.id);
    Card::new(table.render())
        .title("Places")
        .actions(link(&all, "All of them"))
        .flush()
}

fn facts(dossier: &Dossier) -> Card {
    let seat = &dossier.seat;
    let extendable = if seat.extendable { "Yes" } else { "No" };
    let facts = Facts::new()
        .markup("Teams", html! { @for (n, (id, name)) in dossier.teams.iter().enumerate() { @if n > 0 { ", " } (link(&team_href(id.as_str()), name)) } })
        .markup("Terms", html! { @for (icon, term) in terms(seat) { span.row.secondary { (icon) (term) } } })
        .text("Extendable", extendable)
        .text("Idle places", reclaim_words(seat, &dossier.settings, dossier.idle))
        .text("External id", seat.external_id.as_ref().map_or("", |id| id.as_str()))
        .markup("Created", day(seat.created_at.to_jiff()));
    let tags: Vec<String> = seat
        .tags
        .as_slice()
        .iter()
        .map(ToString::to_string)
        .collect();
    let body = html! {
        div.stack.stack-tight {
            (facts)
            @if !tags.is_empty() { (Tags(tags)) }
            (CopyField { label: "Id".into(), value: seat.id.to_string() })
        }
    };
    Card::new(body).title("Details")
}

/// The people of a seat's teams who hold none of its places: id, and name with address.
pub(super) fn candidates(seat: &Seat) -> Select {
    Select::new(
        "SELECT u.id, coalesce(u.name, u.email), u.email FROM users u WHERE u.account_id = $1 AND u.deleted_at IS NULL AND u.status <> 'deactivated' \
         AND EXISTS (SELECT 1 FROM team_members m JOIN seat_teams s ON s.account_id = $1 AND s.team_id = m.team_id AND s.seat_id = $2 WHERE m.account_id = $1 AND m.user_id = u.id) \
         AND NOT EXISTS (SELECT 1 FROM seat_assignments a WHERE a.account_id = $1 AND a.seat_id = $2 AND a.user_id = u.id AND a.state IN ('waitlisted', 'reserved', 'active')) \
         ORDER BY u.name_key LIMIT 200",
        params![seat.id.clone()],
    )
}

/// One of [`candidates`].
pub(super) type Candidate = (Id<User>, String, String);
