//! Places are given, taken back, extended and handed over.

use maud::{Markup, Render, html};
use serde_json::{Value as JsonValue, json};

use super::desk::{Desk, Shown, fault, faults, read};
use super::look::{end, seat_href};
use super::person_edit::warning;
use super::seat::{Candidate, action_form, candidates, page_of};
use super::seat_edit::whole;
use crate::access::Permission;
use crate::dashboard::components::{
    Button, Callout, Card, Checkbox, EmptyState, Field, RadioCards, Tone, counted,
};
use crate::dashboard::form::FieldErrors;
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::db::{Batch, Select};
use crate::error::Result;
use crate::params;
use crate::records;
use crate::resources::User;
use crate::seats::actions::{
    self, AssignInput, ExtendInput, RevokeInput, SeatResult, TransferInput, record_denial,
};
use crate::seats::{Assignment, Seat};
use crate::types::Ref;

/// What the forms work on.
struct Scene {
    seat: Seat,
    product: String,
    candidates: Vec<Candidate>,
    person: Option<User>,
    place: Option<Assignment>,
}

async fn scene(desk: &Desk) -> Result<Scene> {
    desk.require(Permission::SeatsAssign)?;
    let seat = records::find::<Seat>(desk.db(), desk.caller(), &desk.reference(0)?).await?;
    let named = if desk.is_post() {
        desk.field("user")
    } else {
        desk.get("user")
    };
    let person = match Ref::<User>::parse(named) {
        Ok(reference) => records::maybe::<User>(desk.db(), desk.caller(), &reference).await?,
        Err(_) => None,
    };
    let mut batch = Batch::new();
    let product = batch.add::<(String,)>(Select::new(
        "SELECT name FROM products WHERE account_id = $1 AND id = $2",
        params![seat.product_id.clone()],
    ));
    let people = batch.add::<Candidate>(candidates(&seat));
    let ids: Vec<_> = person.iter().map(|user| user.id.clone()).collect();
    let place = batch.add::<Assignment>(actions::live_of(seat.id.as_str(), &ids));
    let mut rows = desk.db().read(&desk.caller().account, batch).await?;
    Ok(Scene {
        product: rows
            .first(&product)
            .map_or_else(String::new, |(name,)| name),
        candidates: rows.take(&people),
        place: rows.first(&place),
        person,
        seat,
    })
}

impl Scene {
    fn href(&self) -> String {
        seat_href(self.seat.id.as_str())
    }

    fn page(&self, heading: &str) -> Page {
        page_of(&self.product, &self.seat, heading)
    }

    fn name(&self) -> &str {
        self.person.as_ref().map_or("somebody", User::display_name)
    }

    fn user_id(&self) -> &str {
        self.person.as_ref().map_or("", |user| user.id.as_str())
    }

    fn reference(&self) -> Ref<Seat> {
        Ref::Id(self.seat.id.clone())
    }

    /// The form of an action: its fields, its button, its call.
    fn form(
        &self,
        desk: &Desk,
        action: &str,
        (fields, button): (Markup, Button),
        body: JsonValue,
        errors: Option<&FieldErrors>,
    ) -> Markup {
        let of = (action, "seats:assign");
        let form = action_form(desk, &self.seat, of, fields, body, errors)
            .buttons([button, Button::link("Cancel", self.href()).quiet()]);
        let form = if action == "assign" {
            form
        } else {
            form.hidden("user", self.user_id())
        };
        Card::new(form.render()).render()
    }
}

/// Gives places to people of the team.
pub(super) async fn assign(desk: Desk) -> Result<Shown> {
    let scene = scene(&desk).await?;
    let mut errors = None;
    if desk.is_post() {
        match give(&desk, &scene).await {
            Ok(result) => {
                let waits = result
                    .results
                    .iter()
                    .filter(|one| one.outcome == actions::Outcome::Waitlisted)
                    .count();
                let text = if waits > 0 {
                    format!(
                        "{} in the waiting line.",
                        counted(u64::try_from(waits).unwrap_or(0), "person is", "people are")
                    )
                } else {
                    format!(
                        "{} given.",
                        counted(
                            super::look::many(&result.results),
                            "place was",
                            "places were"
                        )
                    )
                };
                return Ok(Shown::done(scene.href(), text));
            }
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let wrong = errors.as_ref();
    let page = Page {
        lead: Some(match scene.seat.available {
            Some(free) => counted(super::look::count(free), "place is free", "places are free"),
            None => "As many places as are wanted".to_owned(),
        }),
        ..scene.page("Give a place")
    };
    if scene.candidates.is_empty() {
        let empty = EmptyState::new(
            Icon::Users,
            "Everybody of the team has a place or waits for one",
            "Add people to the team first, or provision somebody new with a seat in one go.",
        )
        .actions(Button::link("Provision a person", "/dashboard/provision"));
        return Ok(Shown::form(
            page,
            wrong,
            Card::new(empty.render()).flush().render(),
        ));
    }
    let ticked = desk.fields("person");
    let fields = html! {
        fieldset.field {
            legend { "People of the team" }
            div.choices {
                @for (id, name, email) in &scene.candidates {
                    (Checkbox { name: "person".into(), value: id.to_string(), label: name.clone(), hint: Some(email.clone()), checked: ticked.iter().any(|one| one == id.as_str()), ..Checkbox::default() })
                }
            }
        }
        (RadioCards::new("if_full", "When no place is free")
            .card("fail", "Refuse", "Nobody gets one; it says how many are missing.")
            .card("waitlist", "Wait in line", "They get the next free place, in order.")
            .card("grow", "Add places", "Just what is missing.")
            .selected(&desk.shown("if_full", "fail"))
            .error(fault(wrong, "if_full")))
        (Field::number("expires_in_days", "Days").value(desk.shown("expires_in_days", "")).error(fault(wrong, "expires_in_days").or_else(|| fault(wrong, "expires_at"))).hint("Left empty, the seat's terms say when it ends."))
    };
    let button = Button::submit("Give places").primary();
    let body = json!({ "users": ["email:ada@example.com"], "if_full": "waitlist" });
    let form = scene.form(&desk, "assign", (fields, button), body, wrong);
    Ok(Shown::form(page, wrong, form))
}

async fn give(desk: &Desk, scene: &Scene) -> Result<SeatResult> {
    let mut body = desk.filled(&["if_full"]);
    body.insert("users".into(), json!(desk.fields("person")));
    if !desk.field("expires_in_days").is_empty() {
        body.insert(
            "expires_in_days".into(),
            whole(desk.field("expires_in_days")),
        );
    }
    let input: AssignInput = read(&body.into())?;
    let (db, ids, call, seat) = (desk.db(), &desk.app.ids, &desk.call, scene.reference());
    let done = desk
        .commit(|| actions::plan_assign(db, ids, call, &seat, &input))
        .await;
    if let Err(error) = &done {
        record_denial(db, ids, call, error, "dashboard").await?;
    }
    done
}

/// Takes a place back, after a page that says what follows.
pub(super) async fn revoke(desk: Desk) -> Result<Shown> {
    let scene = scene(&desk).await?;
    let body = json!({ "users": [scene.user_id()] });
    let mut errors = None;
    if desk.is_post() {
        let done: Result<_> = async {
            let input: RevokeInput = read(&body)?;
            let (db, ids, call, seat) = (desk.db(), &desk.app.ids, &desk.call, scene.reference());
            desk.commit(|| actions::plan_revoke(db, ids, call, &seat, &input))
                .await
        }
        .await;
        match done {
            Ok(_) => {
                return Ok(Shown::done(
                    scene.href(),
                    format!("The place of {} was taken back.", scene.name()),
                ));
            }
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let mut lines = vec!["Access to the courses ends, unless another seat leads there.".to_owned()];
    if scene.seat.waitlisted > 0 {
        lines.push("The first in the waiting line gets the place.".to_owned());
    }
    if !scene.seat.reusable {
        lines.push("The place is not reusable: it stays used for good.".to_owned());
    }
    let fields = warning(true, scene.name(), &lines);
    let button = Button::submit("Revoke place").danger();
    let form = scene.form(&desk, "revoke", (fields, button), body, errors.as_ref());
    let page = scene.page(&format!("Revoke the place of {}", scene.name()));
    Ok(Shown::form(page, errors.as_ref(), form))
}

/// Moves the end of a place.
pub(super) async fn extend(desk: Desk) -> Result<Shown> {
    let scene = scene(&desk).await?;
    let mut errors = None;
    if desk.is_post() {
        match prolong(&desk, &scene).await {
            Ok(_) => {
                return Ok(Shown::done(
                    scene.href(),
                    format!("The place of {} was extended.", scene.name()),
                ));
            }
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let wrong = errors.as_ref();
    let now = scene.place.as_ref().and_then(|place| place.expires_at);
    let fields = html! {
        (Callout::new(Tone::Neutral, format!("The place of {}", scene.name())).body(html! { "Ends: " (end(now, desk.call.now)) }))
        (Field::date("expires_at", "New last day").value(desk.field("expires_at")).error(fault(wrong, "expires_at")).hint("Left empty: no end."))
        (Checkbox { name: "allow_shorten".into(), label: "It may be earlier than now".into(), checked: desk.ticked("allow_shorten", false), ..Checkbox::default() })
    };
    let body = json!({ "user": scene.user_id(), "expires_in_days": 90 });
    let form = scene.form(
        &desk,
        "extend",
        (fields, Button::submit("Move the end").primary()),
        body,
        wrong,
    );
    let page = scene.page(&format!("Extend the place of {}", scene.name()));
    Ok(Shown::form(page, wrong, form))
}

async fn prolong(desk: &Desk, scene: &Scene) -> Result<SeatResult> {
    let mut body = json!({ "user": scene.user_id(), "allow_shorten": !desk.field("allow_shorten").is_empty() });
    if let (false, Some(members)) = (desk.field("expires_at").is_empty(), body.as_object_mut()) {
        let end = format!("{}T23:59:59Z", desk.field("expires_at"));
        members.insert("expires_at".into(), json!(end));
    }
    let input: ExtendInput = read(&body)?;
    let (db, ids, call, seat) = (desk.db(), &desk.app.ids, &desk.call, scene.reference());
    desk.commit(|| actions::plan_extend(db, ids, call, &seat, &input))
        .await
}

/// Hands a place over to somebody else of the team.
pub(super) async fn transfer(desk: Desk) -> Result<Shown> {
    let scene = scene(&desk).await?;
    let body = json!({ "from": scene.user_id(), "to": desk.field("to") });
    let mut errors = None;
    if desk.is_post() {
        let done: Result<_> = async {
            let input: TransferInput = read(&body)?;
            let (db, ids, call, seat) = (desk.db(), &desk.app.ids, &desk.call, scene.reference());
            desk.commit(|| actions::plan_transfer(db, ids, call, &seat, &input))
                .await
        }
        .await;
        match done {
            Ok(_) => {
                return Ok(Shown::done(
                    scene.href(),
                    format!("The place of {} was handed over.", scene.name()),
                ));
            }
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let wrong = errors.as_ref();
    let people = scene
        .candidates
        .iter()
        .map(|(id, name, email)| (id.to_string(), format!("{name} ({email})")));
    let choices: Vec<(String, String)> =
        std::iter::once((String::new(), "Choose a person".to_owned()))
            .chain(people)
            .collect();
    let fields = html! {
        (Field::select("to", "To", choices).value(desk.field("to")).error(fault(wrong, "to")).required().hint("Somebody of the team who has no place. The end stays as it is."))
    };
    let call = json!({ "from": scene.user_id(), "to": "email:grace@example.com" });
    let form = scene.form(
        &desk,
        "transfer",
        (fields, Button::submit("Hand over").primary()),
        call,
        wrong,
    );
    let page = scene.page(&format!("Hand over the place of {}", scene.name()));
    Ok(Shown::form(page, wrong, form))
}
