//! A member moved to another team, after a page that says what becomes of each place.

use maud::{Markup, html};
use serde_json::json;

use super::{find, find_member, page, shown, wide};
use crate::dashboard::components::{
    Badge, Button, Callout, Cell, Column, EmptyState, Field, Row, Table, Tone,
};
use crate::dashboard::icons::Icon;
use crate::dashboard::pages::desk::{Desk, Shown, fault, faults, summary};
use crate::dashboard::pages::look::{seat_href, team_href};
use crate::dashboard::pages::users::team_choices;
use crate::db::Select;
use crate::error::Result;
use crate::members::{self, MoveMember, MoveResult};
use crate::params;
use crate::resources::member::ManagedBy;
use crate::resources::{Product, Team};
use crate::seats::relocate::{MovedPlace, PlaceOutcome, ReleaseReason};
use crate::types::{Ref, json_list};

/// Moves a member to another team, after a page that says what becomes of each place.
pub(in crate::dashboard::pages) async fn move_member(desk: Desk) -> Result<Shown> {
    let team = find(&desk).await?;
    let member = find_member(&desk, &team).await?;
    let name = member.user.display_name();
    let href = team_href(team.id.as_str());
    let (db, ids) = (desk.db(), &desk.app.ids);
    let (of, who) = (Ref::Id(team.id.clone()), Ref::Id(member.user.id.clone()));
    let chosen = if desk.is_post() {
        desk.field("to_team")
    } else {
        desk.get("to")
    };
    let to = Ref::<Team>::parse(chosen).ok();
    let plan = |call, to: &Ref<Team>| {
        let input = MoveMember {
            to_team: to.clone(),
            role: None,
        };
        let (of, who) = (of.clone(), who.clone());
        async move { members::plan_move(db, ids, call, (&of, &who), &input, ManagedBy::Manual).await }
    };
    let mut errors = None;
    let mut preview = None;
    if let Some(to) = &to {
        let dry = desk.dry();
        let outcome = if desk.is_post() && desk.field("preview").is_empty() {
            desk.commit(|| plan(&desk.call, to)).await
        } else {
            desk.rehearse(&dry, || plan(&dry, to))
                .await
                .map(|done| done.value)
        };
        match outcome {
            Ok(result) if desk.is_post() && desk.field("preview").is_empty() => {
                let there = team_href(result.member.team_id.as_str());
                return Ok(Shown::done(there, format!("{name} has moved here.")));
            }
            Ok(result) => preview = Some(result),
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let choices = desk
        .db()
        .fetch::<(String, String)>(&desk.caller().account, team_choices(&desk))
        .await?;
    let choices = choices
        .into_iter()
        .filter(|(id, _)| *id != team.id.to_string());
    let told = match &preview {
        Some(result) => Some(places(&desk, result).await?),
        None => None,
    };
    let body = html! {
        (Field::select("to_team", "To the team", choices).value(chosen).error(fault(errors.as_ref(), "to_team")).required())
        @if let Some(told) = &told { (told) }
    };
    let api = desk
        .api(
            "call-move",
            "POST",
            &format!("/teams/{}/members/{}/move", team.id, member.user.id),
        )
        .body(json!({ "to_team": chosen }))
        .scope("members:write");
    let look = Button::submit_value("Show what happens", "preview", "true");
    let buttons = if preview.is_some() {
        vec![
            Button::submit("Move now").primary(),
            look,
            Button::link("Cancel", href.clone()).quiet(),
        ]
    } else {
        vec![look.primary(), Button::link("Cancel", href.clone()).quiet()]
    };
    let form = desk
        .post(format!("{href}/members/{}/move", member.user.id), body)
        .errors(summary(errors.as_ref()))
        .buttons(buttons)
        .after(api);
    let title = format!("Move {name}");
    Ok(shown(wide(page(&team, &title)), errors.as_ref(), &form))
}

/// What becomes of each place.
async fn places(desk: &Desk, result: &MoveResult) -> Result<Markup> {
    let ids = result.places.iter().map(|one| &one.assignment.product_id);
    let products = desk
        .db()
        .fetch::<Product>(
            &desk.caller().account,
            Select::rows::<Product>(
                "WHERE account_id = $1 AND id IN (SELECT value FROM JSON_LIST($2) AS wanted)",
                params![json_list(ids)],
            ),
        )
        .await?;
    let rows = result.places.iter().map(|one| {
        let product = products
            .iter()
            .find(|product| product.id == one.assignment.product_id);
        let name = product.map_or("A seat", |product| product.name.as_str());
        Row::new([
            Cell::link(name, &seat_href(one.assignment.seat_id.as_str()), None),
            Cell::new(outcome_badge(one)),
            Cell::text(why(one)),
        ])
    });
    let columns = ["Seat", "Outcome", "Why"].map(Column::new);
    let empty = EmptyState::new(Icon::Seat, "No places", "They have no places of this team.");
    Ok(html! {
        (Callout::new(Tone::Neutral, "Nothing has been changed yet").body("This is what would become of the places they have for this team."))
        (Table::new("Places", columns, rows).empty(empty).plain())
    })
}

fn outcome_badge(place: &MovedPlace) -> Badge {
    match place.outcome {
        PlaceOutcome::Kept => Badge::new("Kept").tone(Tone::Success),
        PlaceOutcome::Reassigned => Badge::new("Given anew").tone(Tone::Success),
        PlaceOutcome::Released => Badge::new("Given back").tone(Tone::Warning),
    }
}

const fn why(place: &MovedPlace) -> &'static str {
    match (place.outcome, place.reason) {
        (PlaceOutcome::Kept, _) => "Both teams share the seat.",
        (PlaceOutcome::Reassigned, _) => "From the new team's seat, to the same end.",
        (_, Some(ReleaseReason::NoSeat)) => "The new team has no seat of this product.",
        (_, Some(ReleaseReason::NoRoom)) => "The new team's seat gives no place.",
        (_, Some(ReleaseReason::HasPlace)) => "They have a place of the new team's seat.",
        (_, Some(ReleaseReason::NotActive)) => "It was waited for or held, not theirs yet.",
        (_, None) => "",
    }
}
