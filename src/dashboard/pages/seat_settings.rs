//! What the account does about seats by itself: mails, reminders, levels, places that go back.

use maud::{Markup, Render, html};
use serde_json::{Map, Value as JsonValue, json};

use super::desk::{Desk, Shown, fault, faults, read, summary};
use super::seat_edit::whole;
use crate::access::Permission;
use crate::accounts::{self, AccountPatch};
use crate::dashboard::components::{Button, Card, Checkbox, Field};
use crate::dashboard::form::FieldErrors;
use crate::dashboard::layout::Page;
use crate::error::Result;
use crate::seats::settings::{SeatSettings, SeatSettingsPatch};

/// The settings that are yes or no: name, label, hint.
const SWITCHES: [(&str, &str, &str); 4] = [
    (
        "assigned_mail",
        "Tell people when they are given a place",
        "Unless the call or the form says otherwise.",
    ),
    (
        "promoted_mail",
        "Tell people when they move up from the waiting line",
        "They get their place at the same moment.",
    ),
    (
        "low_mail",
        "Tell owners and managers when a seat runs low",
        "Those of the teams that hold it.",
    ),
    (
        "release_on_leave",
        "Who leaves a team gives the place back",
        "Otherwise a place in use stays with the person until it ends or somebody takes it back.",
    ),
];

/// The page.
pub(super) async fn settings(desk: Desk) -> Result<Shown> {
    desk.require(Permission::SettingsRead)?;
    desk.caller().require_account()?;
    let mut errors = None;
    if desk.is_post() {
        match save(&desk).await {
            Ok(()) => {
                return Ok(Shown::done(
                    "/dashboard/settings/seats",
                    "The settings were saved.",
                ));
            }
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let account = accounts::find(desk.db(), &desk.caller().account).await?;
    let body = form(&desk, &account.settings.0.seats, errors.as_ref());
    let page = Page {
        narrow: true,
        lead: Some("What happens by itself, and who is told of it. A seat may have a rule of its own for places that nobody uses.".into()),
        ..Page::titled("Seat settings")
    };
    Ok(Shown::form(page, errors.as_ref(), body))
}

fn numbers(list: &[i64]) -> String {
    let list: Vec<String> = list.iter().map(ToString::to_string).collect();
    list.join(", ")
}

fn form(desk: &Desk, settings: &SeatSettings, errors: Option<&FieldErrors>) -> Markup {
    let stands = |name: &str| match name {
        "assigned_mail" => settings.assigned_mail,
        "promoted_mail" => settings.promoted_mail,
        "low_mail" => settings.low_mail,
        _ => settings.release_on_leave,
    };
    let switch = |name: &str| {
        let found = SWITCHES.iter().find(|(known, ..)| *known == name);
        let (label, hint) = found.map_or(("", ""), |(_, label, hint)| (*label, *hint));
        Checkbox {
            name: name.to_owned(),
            label: label.to_owned(),
            hint: Some(hint.to_owned()),
            checked: desk.ticked(name, stands(name)),
            ..Checkbox::default()
        }
    };
    let after = settings
        .reclaim_after_days
        .map_or_else(String::new, |days| days.to_string());
    let notice = settings.reclaim_notice_days.to_string();
    let fields = html! {
        h2.section-title { "Mails to learners" }
        (switch("assigned_mail"))
        (switch("promoted_mail"))
        (Field::text("reminder_days", "Remind before a place ends")
            .value(desk.shown("reminder_days", &numbers(&settings.reminder_days)))
            .error(fault(errors, "reminder_days"))
            .hint("Days before the end, separated by commas. Empty: no reminders."))
        h2.section-title { "When a seat runs low" }
        (Field::text("low_levels", "Levels in percent")
            .value(desk.shown("low_levels", &numbers(&settings.low_levels)))
            .error(fault(errors, "low_levels"))
            .hint("Shares of the places in use, separated by commas. Each is told once when it is reached, and again after it was left."))
        (switch("low_mail"))
        h2.section-title { "When a place is free again" }
        (switch("release_on_leave"))
        div.form-row {
            (Field::number("reclaim_after_days", "Tell after idle days")
                .value(desk.shown("reclaim_after_days", &after))
                .error(fault(errors, "reclaim_after_days"))
                .hint("Days without activity in any course of the place. Empty: places never go back by themselves."))
            (Field::number("reclaim_notice_days", "Take back days later")
                .value(desk.shown("reclaim_notice_days", &notice))
                .error(fault(errors, "reclaim_notice_days"))
                .hint("Who becomes active before keeps the place."))
        }
        p.secondary { "Whom a rule would concern stands in the report " a href="/dashboard/reports/idle_places" { "Idle places" } "." }
    };
    let may = desk.may(Permission::SettingsWrite);
    let call = desk
        .api("call-settings", "PATCH", "/settings/seats")
        .body(json!({ "reminder_days": [14, 3], "reclaim_after_days": 60 }))
        .scope("settings:write");
    let form = desk
        .post("/dashboard/settings/seats", fields)
        .errors(summary(errors))
        .buttons(may.then(|| Button::submit("Save").primary()))
        .after(call);
    Card::new(form.render()).render()
}

/// The numbers typed into one field, for the body's own check.
fn listed(text: &str) -> JsonValue {
    text.split([',', ' '])
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(whole)
        .collect()
}

async fn save(desk: &Desk) -> Result<()> {
    desk.require(Permission::SettingsWrite)?;
    let mut body = Map::new();
    for (name, ..) in SWITCHES {
        body.insert(name.to_owned(), json!(!desk.field(name).is_empty()));
    }
    for name in ["reminder_days", "low_levels"] {
        body.insert(name.to_owned(), listed(desk.field(name)));
    }
    let after = match desk.field("reclaim_after_days") {
        "" => JsonValue::Null,
        text => whole(text),
    };
    body.insert("reclaim_after_days".to_owned(), after);
    if !desk.field("reclaim_notice_days").is_empty() {
        let notice = whole(desk.field("reclaim_notice_days"));
        body.insert("reclaim_notice_days".to_owned(), notice);
    }
    let patch: SeatSettingsPatch = read(&body.into())?;
    let (db, call) = (desk.db(), &desk.call);
    desk.commit(|| async {
        let before = accounts::find(db, call.account()).await?;
        let change = AccountPatch {
            seats: Some(before.settings.0.seats.with(&patch)),
            ..AccountPatch::default()
        };
        let (plan, _) = accounts::set(db, call, &change).await?;
        Ok((plan, ()))
    })
    .await
}
