//! Members removed from a team: one, or those who are ticked.

use maud::html;
use serde_json::json;

use super::{MOST, find, nobody, page, person_cell, shown, verdict, wide};
use crate::dashboard::components::{
    Badge, Button, Callout, Cell, Column, Row, Table, Tone, counted,
};
use crate::dashboard::icons::Icon;
use crate::dashboard::pages::desk::{Desk, Shown, faults, summary};
use crate::dashboard::pages::look::{many, team_href};
use crate::dashboard::pages::person_edit::{consequences, warning};
use crate::error::{Code, Error, Result};
use crate::members;
use crate::records;
use crate::resources::User;
use crate::types::Ref;

/// Removes a member, after a page that says what they lose.
pub(in crate::dashboard::pages) async fn remove_member(desk: Desk) -> Result<Shown> {
    let team = find(&desk).await?;
    let href = team_href(team.id.as_str());
    let reference: Ref<User> = desk.reference(1)?;
    let user = records::find::<User>(desk.db(), desk.caller(), &reference).await?;
    let name = user.display_name();
    let (db, ids, of) = (desk.db(), &desk.app.ids, Ref::Id(team.id.clone()));
    let plan = |call| {
        let (of, reference) = (of.clone(), reference.clone());
        async move {
            Ok((
                members::plan_remove(db, ids, call, &of, &reference).await?,
                (),
            ))
        }
    };
    let mut errors = None;
    if desk.is_post() {
        match desk.commit(|| plan(&desk.call)).await {
            Ok(()) => return Ok(Shown::done(href, format!("{name} has left {}.", team.name))),
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let dry = desk.dry();
    let planned = match desk.rehearse(&dry, || plan(&dry)).await {
        Ok(done) => done.planned.unwrap_or_default(),
        Err(error) => {
            errors = Some(faults(error)?);
            Vec::new()
        }
    };
    let mut lines = vec![format!("They leave {} and stay known here.", team.name)];
    lines.extend(consequences(&planned));
    let api = desk
        .api(
            "call-remove",
            "DELETE",
            &format!("/teams/{}/members/{}", team.id, user.id),
        )
        .scope("members:write");
    let form = desk
        .post(
            format!("{href}/members/{}/remove", user.id),
            warning(true, name, &lines),
        )
        .errors(summary(errors.as_ref()))
        .buttons([
            Button::submit("Remove from the team").danger(),
            Button::link("Cancel", href).quiet(),
        ])
        .after(api);
    let title = format!("Remove {name}");
    Ok(shown(page(&team, &title), errors.as_ref(), &form))
}

/// Removes those who are ticked: first what would happen to each, then what did.
pub(in crate::dashboard::pages) async fn remove_many(desk: Desk) -> Result<Shown> {
    desk.require_post()?;
    let team = find(&desk).await?;
    let href = team_href(team.id.as_str());
    let chosen = desk.fields("id");
    if chosen.len() > MOST {
        let text = format!("{MOST} people at once are the most. Select fewer.");
        return Err(Error::new(Code::InvalidParameter, text));
    }
    let (db, ids, of) = (desk.db(), &desk.app.ids, Ref::Id(team.id.clone()));
    let for_good = desk.field("action") == "remove_now";
    let call = if for_good {
        desk.call.clone()
    } else {
        desk.dry()
    };
    let mut rows = Vec::new();
    let mut failed = 0;
    for id in &chosen {
        let Ok(who) = Ref::<User>::parse(id) else {
            continue;
        };
        let user = records::find::<User>(db, desk.caller(), &who).await?;
        let plan = || async { Ok((members::plan_remove(db, ids, &call, &of, &who).await?, ())) };
        let (badge, text) = match desk.rehearse(&call, plan).await {
            Ok(_) if for_good => (
                Badge::new("Removed").tone(Tone::Success).icon(Icon::Check),
                String::new(),
            ),
            Ok(done) => (
                Badge::new("Leaves").tone(Tone::Warning),
                consequences(&done.planned.unwrap_or_default()).join(" "),
            ),
            Err(error) => {
                failed += 1;
                (
                    Badge::new("Refused").tone(Tone::Danger).icon(Icon::X),
                    error.detail().to_owned(),
                )
            }
        };
        rows.push(Row::new([
            person_cell(&user),
            Cell::new(badge),
            Cell::text(&text),
        ]));
    }
    let columns = ["Person", "Outcome", "What happens"].map(Column::new);
    let table = Table::new("Outcome", columns, rows).empty(nobody(&team));
    let title = format!("Remove {}", counted(many(&chosen), "member", "members"));
    let body = if for_good {
        html! {
            div.stack {
                (verdict(failed))
                (table)
                div.row { (Button::link("Back to the team", href)) }
            }
        }
    } else {
        let form = chosen.iter().fold(
            desk.post(format!("{href}/members/remove"), html! {})
                .hidden("action", "remove_now"),
            |form, id| form.hidden("id", id.as_str()),
        );
        let form = form
            .buttons([
                Button::submit("Remove now").danger(),
                Button::link("Cancel", href.clone()).quiet(),
            ])
            .after(
                desk.api(
                    "call-bulk",
                    "POST",
                    &format!("/teams/{}/members/batch_remove", team.id),
                )
                .body(json!({ "items": [{ "user": "email:ada@example.com" }] }))
                .scope("members:write"),
            );
        html! {
            div.stack {
                (Callout::new(Tone::Neutral, "Nothing has been changed yet").body("Each is a change of its own: one that is refused does not hold up the others."))
                (table)
                @if !chosen.is_empty() { (form) }
            }
        }
    };
    Ok(Shown::page(wide(page(&team, &title)), body))
}
