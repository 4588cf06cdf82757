//! What happened to people, and in teams.

use maud::html;

use super::{About, Sentence, Told, person, record, team, text, who};
use crate::dashboard::components::Tone;
use crate::dashboard::icons::Icon;

pub(super) fn membership(told: &Told, about: About, verb: &str) -> Sentence {
    let role = text(&told.event.data, "role");
    let place = html! { @if about != About::Team { " " (team(told)) } @else { " the team" } };
    match verb {
        "added" => (
            Icon::Team,
            Tone::Accent,
            html! { (who(told, about, "Joined", "joined")) (place) @if !role.is_empty() && role != "member" { " as " (role) } },
        ),
        "removed" => (
            Icon::Team,
            Tone::Neutral,
            html! { (who(told, about, "Left", "left")) (place) },
        ),
        _ => (
            Icon::Team,
            Tone::Neutral,
            html! { (who(told, about, "Became", "became")) " " (role) " of" (place) },
        ),
    }
}

pub(super) fn user(told: &Told, about: About, verb: &str) -> Sentence {
    match verb {
        "created" => (
            Icon::User,
            Tone::Accent,
            who(told, about, "Was added", "was added"),
        ),
        "deleted" => (
            Icon::Trash,
            Tone::Danger,
            who(told, about, "Was deleted", "was deleted"),
        ),
        "updated" => {
            let status = told
                .event
                .previous
                .as_ref()
                .and_then(|previous| previous.get("status"));
            match (status, text(&told.event.data, "status")) {
                (Some(_), "deactivated") => (
                    Icon::Lock,
                    Tone::Warning,
                    who(told, about, "Was deactivated", "was deactivated"),
                ),
                (Some(_), "active") => (
                    Icon::Check,
                    Tone::Success,
                    who(told, about, "Became active", "became active"),
                ),
                _ => (
                    Icon::Edit,
                    Tone::Neutral,
                    who(told, about, "Details were changed", "was changed"),
                ),
            }
        }
        "signed_in" => (
            Icon::User,
            Tone::Success,
            who(told, about, "Signed in", "signed in"),
        ),
        "signed_out" => (
            Icon::LogOut,
            Tone::Neutral,
            who(told, about, "Signed out", "signed out"),
        ),
        "role_added" => (
            Icon::Shield,
            Tone::Accent,
            who(
                told,
                about,
                "Got a role in the account",
                "got a role in the account",
            ),
        ),
        "password_set" => (
            Icon::Key,
            Tone::Neutral,
            who(told, about, "Chose a password", "chose a password"),
        ),
        _ => record(told, "user", verb),
    }
}

pub(super) fn mail(told: &Told, about: About, verb: &str) -> Sentence {
    let kind = text(&told.event.data, "kind").replace('_', " ");
    let whose =
        html! { @if about != About::Person && told.person.is_some() { " to " (person(told)) } };
    let head = html! { "Mail «" (kind) "»" (whose) };
    match verb {
        "sent" => (Icon::Mail, Tone::Success, html! { (head) " was sent" }),
        "caught" => (
            Icon::Inbox,
            Tone::Neutral,
            html! { (head) " was kept here, as no mail server is set up" },
        ),
        "failed" => (
            Icon::Mail,
            Tone::Danger,
            html! { (head) " could not be delivered" },
        ),
        _ => (Icon::Mail, Tone::Neutral, html! { (head) " is on its way" }),
    }
}
