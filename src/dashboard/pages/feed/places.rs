//! What happened to seats, their places, and the wishes for them.

use maud::html;

use super::{About, Sentence, Told, number, product, record, team, who};
use crate::dashboard::components::{Tone, counted};
use crate::dashboard::icons::Icon;

fn assignment(told: &Told, about: About, verb: &str) -> Sentence {
    let of = |before: &str| {
        html! { (before) @if about == About::Seat { "place" } @else { "place of " (product(told)) } }
    };
    let line = |capital: &str, phrase: &str| html! { (who(told, about, capital, phrase)) };
    match verb {
        "assigned" => (
            Icon::Seat,
            Tone::Success,
            html! { (line("Was given a", "was given a")) " " (of("")) },
        ),
        "waitlisted" => (
            Icon::Clock,
            Tone::Warning,
            html! { (line("Waits for a", "waits for a")) " " (of("")) },
        ),
        "released" => (
            Icon::Seat,
            Tone::Neutral,
            html! { (line("Gave back the", "gave back the")) " " (of("")) },
        ),
        "revoked" => (
            Icon::Lock,
            Tone::Danger,
            html! { (line("Lost the", "lost the")) " " (of("")) },
        ),
        "expired" => (
            Icon::Calendar,
            Tone::Neutral,
            html! { (line("Came to the end of the", "came to the end of the")) " " (of("")) },
        ),
        "extended" => (
            Icon::Calendar,
            Tone::Accent,
            html! { (line("Got more time for the", "got more time for the")) " " (of("")) },
        ),
        "waitlist_moved" => (
            Icon::Sort,
            Tone::Neutral,
            html! { (line("Was moved in the line for a", "was moved in the line for a")) " " (of("")) },
        ),
        "moved" => (
            Icon::Team,
            Tone::Neutral,
            html! { (line("Has for another team the", "has for another team the")) " " (of("")) },
        ),
        "revived" => (
            Icon::Seat,
            Tone::Success,
            html! { (line("Has again the", "has again the")) " " (of("")) },
        ),
        "expiring" => (
            Icon::Mail,
            Tone::Neutral,
            html! { (line("Was reminded of the end of the", "was reminded of the end of the")) " " (of("")) },
        ),
        "idle" => (
            Icon::Clock,
            Tone::Warning,
            html! { (line("Does not use the", "does not use the")) " " (of("")) },
        ),
        "kept" => (
            Icon::Check,
            Tone::Success,
            html! { (line("Keeps the", "keeps the")) " " (of("")) },
        ),
        _ => record(told, "seat", verb),
    }
}

/// A wish for a place, and what came of it.
pub(super) fn wish(told: &Told, about: About, verb: &str) -> Sentence {
    let line = |capital: &str, phrase: &str| {
        let whose = html! { @if about != About::Team { " in " (team(told)) } };
        html! { (who(told, about, capital, phrase)) (whose) }
    };
    match verb {
        "created" => (
            Icon::Inbox,
            Tone::Warning,
            line("Asked for a place", "asked for a place"),
        ),
        "approved" => (
            Icon::Check,
            Tone::Success,
            line(
                "Was granted a wish for a place",
                "was granted a wish for a place",
            ),
        ),
        "declined" => (
            Icon::X,
            Tone::Danger,
            line("Was declined a place", "was declined a place"),
        ),
        _ => (
            Icon::Inbox,
            Tone::Neutral,
            line(
                "Took back a wish for a place",
                "took back a wish for a place",
            ),
        ),
    }
}

pub(super) fn seat(told: &Told, about: About, verb: &str) -> Sentence {
    let data = &told.event.data;
    let named = html! { @if about != About::Seat { " of " (product(told)) } };
    match verb {
        "added" => {
            let places = counted(number(data, "added"), "place", "places");
            (
                Icon::Plus,
                Tone::Success,
                html! { (places) (named) " added" },
            )
        }
        "created" => (
            Icon::Seat,
            Tone::Accent,
            html! { "Seats" (named) " were allocated" @if about == About::Account && told.team.is_some() { " to " (team(told)) } },
        ),
        "updated" => (
            Icon::Edit,
            Tone::Neutral,
            html! { "The allocation" (named) " was changed" },
        ),
        "moved" if data.get("places").is_some() => {
            let places = counted(number(data, "places"), "place", "places");
            (
                Icon::Team,
                Tone::Neutral,
                html! { (places) (named) " moved to another team" },
            )
        }
        "shared" => (
            Icon::Team,
            Tone::Accent,
            html! { "The seat" (named) " is shared with " (team(told)) },
        ),
        "unshared" => (
            Icon::Team,
            Tone::Neutral,
            html! { "The seat" (named) " is no more shared with " (team(told)) },
        ),
        "denied" => (
            Icon::Alert,
            Tone::Danger,
            html! { "A place" (named) " was refused: none is free" },
        ),
        "low" => {
            let (used, total) = (number(data, "used"), number(data, "quantity"));
            (
                Icon::Alert,
                Tone::Warning,
                html! { (used) " of " (counted(total, "place", "places")) (named) " are in use" },
            )
        }
        _ => assignment(told, about, verb),
    }
}
