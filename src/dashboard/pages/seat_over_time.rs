//! What a seat's page says about time: that it runs low, which places go back, and every change of its counters.

use maud::{Render, html};

use super::desk::Desk;
use super::look::{count, seat_href};
use crate::access::Permission;
use crate::dashboard::components::{
    Button, Callout, Card, Cell, Column, Row, Table, Tone, counted, day,
};
use crate::seats::Seat;
use crate::seats::ledger::LedgerEntry;
use crate::seats::reclaim::Rule;
use crate::seats::seat::SeatStatus;
use crate::seats::settings::SeatSettings;

/// What is said of a seat that runs low, with what can be done about it.
pub(super) fn low_hint(desk: &Desk, seat: &Seat, settings: &SeatSettings) -> Option<Callout> {
    let level = settings.level(seat.used(), seat.quantity);
    if level == 0 || seat.status != SeatStatus::Active {
        return None;
    }
    let free = seat.available.unwrap_or(0);
    let (tone, title) = if free > 0 {
        let left = counted(count(free), "place is left", "places are left");
        (
            Tone::Warning,
            format!("{left}: {level}% or more are in use."),
        )
    } else {
        (Tone::Danger, "All places are in use.".to_owned())
    };
    let href = seat_href(seat.id.as_str());
    let idle = format!(
        "/dashboard/reports/idle_places?product={}{}",
        seat.product_id,
        match seat.team_ids.0.as_slice() {
            [team] => format!("&team={team}"),
            _ => String::new(),
        }
    );
    let actions = html! {
        @if desk.may_in_account(Permission::SeatsWrite) { (Button::link("Add places", format!("{href}/edit")).small()) }
        @if desk.may(Permission::ReportsRead) { (Button::link("Who uses none", idle).small().quiet()) }
    };
    Some(Callout::new(tone, title).actions(actions))
}

/// The seat's rule for places that nobody uses, in a few words.
pub(super) fn reclaim_words(seat: &Seat, settings: &SeatSettings, announced: i64) -> String {
    let Some(rule) = Rule::of(seat, settings) else {
        return "Stay with their holders".to_owned();
    };
    let told = match announced {
        0 => String::new(),
        n => format!(
            "; {}",
            counted(count(n), "place goes back soon", "places go back soon")
        ),
    };
    format!(
        "Told after {} idle days, back {} days later{told}",
        rule.after_days, rule.notice_days
    )
}

/// `+3`, `-1`, or nothing.
fn delta(value: i64) -> Cell {
    match value {
        0 => Cell::none(),
        value => Cell::new(format!("{value:+}")),
    }
}

/// What an entry means, in plain words.
fn cause(word: &str) -> &str {
    match word {
        "created" => "Allocated",
        "added" => "Places added",
        "grown" => "Place added on demand",
        "resized" => "Places changed",
        "assigned" => "Place given",
        "waitlisted" => "Waits in line",
        "promoted" => "Moved up from the line",
        "accepted" => "Reservation accepted",
        "released" => "Place given back",
        "revoked" => "Place revoked",
        "expired" => "Place expired",
        "reclaimed" => "Idle place taken back",
        "revived" => "Place taken up again",
        "restored" => "Place restored",
        "reserved" => "Place reserved",
        "withdrawn" => "Place withdrawn",
        "taken" => "Places taken",
        "moved_in" => "Places moved here",
        "moved_out" => "Places moved to another team",
        "held" => "Places held",
        other => other,
    }
}

/// The newest entries of the ledger.
pub(super) fn ledger(entries: &[LedgerEntry]) -> Card {
    let rows: Vec<Row> = entries
        .iter()
        .map(|entry| {
            let used = entry.used_after();
            let balance = match entry.quantity_after {
                Some(places) => format!("{used} of {places}"),
                None => used.to_string(),
            };
            let what = html! {
                (cause(&entry.cause))
                span.cell-sub { "by " (entry.actor_name) @if let Some(reference) = &entry.reference { " · " (reference) } }
            };
            Row::new([
                Cell::new(what),
                delta(entry.quantity_delta),
                delta(entry.used_delta()),
                delta(entry.waitlisted_delta),
                Cell::new(balance),
                Cell::new(day(entry.created_at.to_jiff())),
            ])
        })
        .collect();
    let heads = [
        Column::new("Entry"),
        Column::new("Places").numeric(),
        Column::new("In use").numeric(),
        Column::new("Waiting").numeric(),
        Column::new("Balance").numeric(),
        Column::new("When"),
    ];
    Card::new(Table::new("Ledger", heads, rows).plain().render())
        .title("Ledger")
        .lead("Every change of the counters, the newest first. The balance is what stood after it.")
        .flush()
}
