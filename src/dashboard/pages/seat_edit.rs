//! Seats are made and changed: who holds them, how many places, under which terms.

use maud::{Markup, Render, html};
use serde_json::{Map, Value as JsonValue, json};

use super::desk::{Desk, Shown, fault, faults, read, summary};
use super::look::seat_href;
use super::provision::with_none;
use super::users::team_choices;
use crate::access::Permission;
use crate::dashboard::components::{
    Button, Callout, Card, Checkbox, Field, RadioCards, Tone, counted,
};
use crate::dashboard::form::FieldErrors;
use crate::dashboard::layout::Page;
use crate::db::{Batch, Select};
use crate::error::Result;
use crate::params;
use crate::records;
use crate::seats::actions::SeatChanged;
use crate::seats::seat::{NewSeat, SeatPatch};
use crate::seats::{Seat, actions};
use crate::types::Ref;

/// A whole number as JSON, or the text as it was typed, for the body's own check to refuse.
pub(super) fn whole(text: &str) -> JsonValue {
    text.parse::<i64>()
        .map_or_else(|_| json!(text), |number| json!(number))
}

/// The members of a body that say when places end.
fn terms_of(desk: &Desk, body: &mut Map<String, JsonValue>) {
    body.insert("expiry".into(), json!(desk.field("expiry")));
    match desk.field("expiry") {
        "date" if !desk.field("expires_at").is_empty() => {
            let end = format!("{}T23:59:59Z", desk.field("expires_at"));
            body.insert("expires_at".into(), json!(end));
        }
        "days" if !desk.field("expires_in_days").is_empty() => {
            body.insert(
                "expires_in_days".into(),
                whole(desk.field("expires_in_days")),
            );
        }
        _ => {}
    }
    for name in ["reclaim_after_days", "reclaim_notice_days"] {
        let value = match desk.field(name) {
            "" => JsonValue::Null,
            text => whole(text),
        };
        body.insert(name.into(), value);
    }
    for name in ["reusable", "extendable"] {
        body.insert(name.into(), json!(!desk.field(name).is_empty()));
    }
}

fn shown(number: Option<i64>) -> String {
    number.map_or_else(String::new, |number| number.to_string())
}

fn terms_fields(desk: &Desk, seat: Option<&Seat>, errors: Option<&FieldErrors>) -> Markup {
    let expiry = seat.map_or("never", |seat| seat.expiry.as_str());
    let date = seat
        .and_then(|seat| seat.expires_at)
        .map_or_else(String::new, |at| {
            at.to_jiff().strftime("%Y-%m-%d").to_string()
        });
    let days = shown(seat.and_then(|seat| seat.expires_in_days));
    html! {
        (RadioCards::new("expiry", "When a place ends")
            .card("never", "Never", "Access stays until it is taken back.")
            .card("date", "On a date", "The same day for everybody.")
            .card("days", "After days", "Counted from when each place is given.")
            .selected(&desk.shown("expiry", expiry))
            .error(fault(errors, "expiry")))
        div.form-row {
            (Field::date("expires_at", "Date").value(desk.shown("expires_at", &date)).error(fault(errors, "expires_at")).hint("The last day, for «on a date»."))
            (Field::number("expires_in_days", "Days").value(desk.shown("expires_in_days", &days)).error(fault(errors, "expires_in_days")).hint("For «after days»."))
        }
        div.form-row {
            (Field::number("reclaim_after_days", "Tell after idle days").value(desk.shown("reclaim_after_days", &shown(seat.and_then(|seat| seat.reclaim_after_days)))).error(fault(errors, "reclaim_after_days")).hint("Without activity. Empty: as in the settings; 0: never."))
            (Field::number("reclaim_notice_days", "Take back days later").value(desk.shown("reclaim_notice_days", &shown(seat.and_then(|seat| seat.reclaim_notice_days)))).error(fault(errors, "reclaim_notice_days")).hint("Empty: as in the settings."))
        }
        (Checkbox { name: "reusable".into(), label: "A freed place can be given again".into(), checked: desk.ticked("reusable", seat.is_none_or(|seat| seat.reusable)), ..Checkbox::default() })
        (Checkbox { name: "extendable".into(), label: "A place can be extended beyond its end".into(), checked: desk.ticked("extendable", seat.is_none_or(|seat| seat.extendable)), ..Checkbox::default() })
    }
}

/// The form of a new allocation.
pub(super) async fn create(desk: Desk) -> Result<Shown> {
    desk.require(Permission::SeatsWrite)?;
    let mut errors = None;
    if desk.is_post() {
        match make(&desk).await {
            Ok(seat) => {
                return Ok(Shown::done(
                    seat_href(seat.id.as_str()),
                    "The seats were allocated.",
                ));
            }
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let wrong = errors.as_ref();
    let mut batch = Batch::new();
    let teams = batch.add::<(String, String)>(team_choices(&desk));
    let products = batch.add::<(String, String)>(Select::new(
        "SELECT id, name FROM products WHERE account_id = $1 AND status <> 'archived' ORDER BY name_key LIMIT 200",
        params![],
    ));
    let mut rows = desk.db().read(&desk.caller().account, batch).await?;
    let (teams, products) = (rows.take(&teams), rows.take(&products));
    let fields = html! {
        (Field::select("product", "Product", with_none("Choose a product", &products)).value(desk.shown("product", desk.get("product"))).error(fault(wrong, "product")).required())
        (Field::select("team", "Team", with_none("Choose a team", &teams)).value(desk.shown("team", desk.get("team"))).error(fault(wrong, "teams")).required())
        (Field::select("second_team", "Shared with", with_none("Nobody", &teams)).value(desk.shown("second_team", "")).hint("Two teams that draw from the same places. More can be named by the API."))
        div.form-row {
            (Field::number("quantity", "Places").value(desk.shown("quantity", "")).error(fault(wrong, "quantity")))
            (Field::text("name", "Name").value(desk.shown("name", "")).error(fault(wrong, "name")).hint("Where several are to be told apart."))
        }
        (Checkbox { name: "unlimited".into(), label: "As many as are wanted".into(), hint: Some("Instead of a number of places.".into()), checked: desk.ticked("unlimited", false), ..Checkbox::default() })
        (terms_fields(&desk, None, wrong))
    };
    let call = desk
        .api("call-seat", "POST", "/seats")
        .body(json!({ "product": "ext:safety-101", "teams": ["ext:northwind-drivers"], "quantity": 25 }))
        .scope("seats:write");
    let form = desk
        .post("/dashboard/seats/new", fields)
        .errors(summary(wrong))
        .buttons([
            Button::submit("Allocate seats").primary(),
            Button::link("Cancel", "/dashboard/seats").quiet(),
        ])
        .after(call);
    Ok(Shown::form(
        page("Allocate seats", None),
        wrong,
        Card::new(form.render()).render(),
    ))
}

fn page(title: &str, seat: Option<&Seat>) -> Page {
    let mut crumbs = vec![("Seats".to_owned(), "/dashboard/seats".to_owned())];
    if let Some(seat) = seat {
        crumbs.push(("Seat".to_owned(), seat_href(seat.id.as_str())));
    }
    Page {
        crumbs,
        narrow: true,
        ..Page::titled(title)
    }
}

async fn make(desk: &Desk) -> Result<Seat> {
    let mut body = desk.filled(&["product", "name"]);
    let teams: Vec<&str> = [desk.field("team"), desk.field("second_team")]
        .into_iter()
        .filter(|team| !team.is_empty())
        .collect();
    body.insert("teams".into(), json!(teams));
    if !desk.field("quantity").is_empty() {
        body.insert("quantity".into(), whole(desk.field("quantity")));
    }
    body.insert(
        "unlimited".into(),
        json!(!desk.field("unlimited").is_empty()),
    );
    terms_of(desk, &mut body);
    let new: NewSeat = read(&body.into())?;
    let (db, ids, call) = (desk.db(), &desk.app.ids, &desk.call);
    desk.commit(|| actions::plan_create(db, ids, call, new.clone()))
        .await
}

/// The form of a seat's places and terms.
pub(super) async fn edit(desk: Desk) -> Result<Shown> {
    desk.require(Permission::SeatsWrite)?;
    let seat = records::find::<Seat>(desk.db(), desk.caller(), &desk.reference(0)?).await?;
    let href = seat_href(seat.id.as_str());
    let mut errors = None;
    if desk.is_post() {
        match change(&desk, &seat).await {
            Ok(after) => return Ok(Shown::done(href, saved(&seat, &after))),
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let wrong = errors.as_ref();
    let quantity = seat
        .quantity
        .map_or_else(String::new, |quantity| quantity.to_string());
    let used = counted(
        super::look::count(seat.used()),
        "place is in use",
        "places are in use",
    );
    let fields = html! {
        @if seat.quantity.is_some() {
            (Field::number("quantity", "Places").value(desk.shown("quantity", &quantity)).error(fault(wrong, "quantity")).hint(format!("{used}. Added places go to those who wait.")))
            (Field::select("on_shortfall", "If fewer places are left than are in use", [("refuse", "Change nothing"), ("overage", "Let everybody sit, and mark what is over"), ("revoke_unstarted", "Take places from those who have begun nothing, the newest first")]).value(desk.shown("on_shortfall", "refuse")).required())
        } @else { (Callout::new(Tone::Neutral, "This seat is unlimited")) }
        (Field::text("name", "Name").value(desk.shown("name", seat.name.as_ref().map_or("", |name| name.as_str()))).error(fault(wrong, "name")))
        (terms_fields(&desk, Some(&seat), wrong))
        (Field::select("status", "Status", [("active", "Active: places can be given"), ("frozen", "Frozen: none can be given for the moment"), ("archived", "Archived: those who sit stay")]).value(desk.shown("status", seat.status.as_str())).error(fault(wrong, "status")).required())
    };
    let call = desk
        .api("call-seat", "PATCH", &format!("/seats/{}", seat.id))
        .body(json!({ "quantity": seat.quantity.unwrap_or(0) + 10 }))
        .scope("seats:write");
    let form = desk
        .post(format!("{href}/edit"), fields)
        .errors(summary(wrong))
        .buttons([
            Button::submit("Save").primary(),
            Button::link("Cancel", href).quiet(),
        ])
        .after(call);
    let page = Page {
        lead: Some(
            "New terms hold for places given from now on. Nobody who sits is disturbed.".into(),
        ),
        ..page("Places and terms", Some(&seat))
    };
    Ok(Shown::form(page, wrong, Card::new(form.render()).render()))
}

fn saved(before: &Seat, after: &SeatChanged) -> String {
    if !after.revoked.is_empty() {
        let count = u64::try_from(after.revoked.len()).unwrap_or(u64::MAX);
        let who = counted(count, "person", "people");
        return format!("Saved. {who} who had begun nothing lost their places.");
    }
    let after = &after.seat;
    let moved = before.waitlisted - after.waitlisted;
    if moved > 0 {
        let who = counted(super::look::count(moved), "person", "people");
        return format!("Saved. {who} moved up from the waiting line.");
    }
    "The seat was saved.".to_owned()
}

async fn change(desk: &Desk, seat: &Seat) -> Result<SeatChanged> {
    let mut body = desk.changed(&["name"]);
    body.insert("status".into(), json!(desk.field("status")));
    if seat.quantity.is_some() && !desk.field("quantity").is_empty() {
        body.insert("quantity".into(), whole(desk.field("quantity")));
    }
    if !desk.field("on_shortfall").is_empty() {
        body.insert("on_shortfall".into(), json!(desk.field("on_shortfall")));
    }
    terms_of(desk, &mut body);
    let patch: SeatPatch = read(&body.into())?;
    let (db, ids, call, reference) = (
        desk.db(),
        &desk.app.ids,
        &desk.call,
        Ref::Id(seat.id.clone()),
    );
    desk.commit(|| actions::plan_change(db, ids, call, &reference, patch.clone(), |_| Ok(())))
        .await
}
