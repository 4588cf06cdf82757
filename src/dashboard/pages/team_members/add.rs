//! People added to a team, known or new: one, or many by their addresses.

use maud::{Markup, html};
use serde_json::json;

use super::{MOST, find, nobody, page, person_cell, role_field, shown, verdict, wide};
use crate::access::roles::MemberRoleRef;
use crate::dashboard::components::{Badge, Button, Cell, Column, Field, Row, Table, Tone};
use crate::dashboard::form::FieldErrors;
use crate::dashboard::icons::Icon;
use crate::dashboard::pages::desk::{Desk, Shown, fault, faults, read, summary};
use crate::dashboard::pages::look::{role_badge, team_href};
use crate::dashboard::pages::team::add_call;
use crate::error::{Error, Fault, Result};
use crate::members;
use crate::resources::Team;
use crate::resources::member::{ManagedBy, Member, NewMember};
use crate::types::{Email, Ref};

/// Adds somebody, known or new.
pub(in crate::dashboard::pages) async fn add_member(desk: Desk) -> Result<Shown> {
    let team = find(&desk).await?;
    let href = team_href(team.id.as_str());
    let mut errors = None;
    if desk.is_post() {
        match add(&desk, &team).await {
            Ok(name) => return Ok(Shown::done(href, format!("{name} is in {}.", team.name))),
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let role = role_field(&desk, &desk.shown("role", "member"), errors.as_ref(), &[]).await?;
    let form = desk
        .post(
            format!("{href}/members"),
            fields(&desk, errors.as_ref(), &role),
        )
        .errors(summary(errors.as_ref()))
        .buttons([
            Button::submit("Add to the team").primary(),
            Button::link("Add several", format!("{href}/members/many")),
            Button::link("Cancel", href).quiet(),
        ])
        .after(add_call(&desk, &team));
    Ok(shown(page(&team, "Add a member"), errors.as_ref(), &form))
}

/// The fields of one new member.
pub(in crate::dashboard::pages) fn fields(
    desk: &Desk,
    errors: Option<&FieldErrors>,
    role: &Field,
) -> Markup {
    html! {
        (Field::email("email", "E-mail").value(desk.field("email")).error(fault(errors, "email")).required().autocomplete("off").hint("Who is not known here yet is made."))
        div.form-row {
            (Field::text("first_name", "First name").value(desk.field("first_name")).error(fault(errors, "first_name")).autocomplete("off"))
            (Field::text("last_name", "Last name").value(desk.field("last_name")).error(fault(errors, "last_name")).autocomplete("off"))
        }
        (role)
    }
}

async fn add(desk: &Desk, team: &Team) -> Result<String> {
    let body = desk.filled(&["email", "first_name", "last_name", "role"]);
    let new: NewMember = read(&body.into())?;
    let (db, ids, call) = (desk.db(), &desk.app.ids, &desk.call);
    let reference = Ref::Id(team.id.clone());
    let made = desk
        .commit(|| async {
            let (plan, made, _) =
                members::plan_add(db, ids, call, &reference, &new, ManagedBy::Manual).await?;
            Ok((plan, made))
        })
        .await?;
    Ok(made.user.display_name().to_owned())
}

/// One line of many: what was typed, and what came of it.
struct Line {
    typed: String,
    outcome: Result<(Member, bool)>,
}

/// Adds several by their addresses, and tells what came of each.
pub(in crate::dashboard::pages) async fn add_many(desk: Desk) -> Result<Shown> {
    let team = find(&desk).await?;
    let href = team_href(team.id.as_str());
    let typed: Vec<String> = desk
        .field("emails")
        .split(['\n', ',', ';'])
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect();
    let mut errors = None;
    if desk.is_post() {
        if (1..=MOST).contains(&typed.len()) {
            let lines = add_lines(&desk, &team, typed).await?;
            return Ok(results(&team, &lines));
        }
        let text = format!("Give from 1 to {MOST} addresses.");
        let fault = Fault::new("/emails", "out_of_range", text);
        errors = Some(FieldErrors::of(&Error::invalid(vec![fault])));
    }
    let role = role_field(&desk, &desk.shown("role", "member"), errors.as_ref(), &[]).await?;
    let fields = html! {
        (Field::text_area("emails", "E-mail addresses").value(desk.field("emails")).error(fault(errors.as_ref(), "emails")).required().hint("One on a line, a hundred at the most. Who is not known here yet is made."))
        (role)
    };
    let call = desk
        .api(
            "call-many",
            "POST",
            &format!("/teams/{}/members/batch", team.id),
        )
        .body(json!({ "items": [{ "email": "ada@example.com", "role": "member" }] }))
        .scope("members:write");
    let form = desk
        .post(format!("{href}/members/many"), fields)
        .errors(summary(errors.as_ref()))
        .buttons([
            Button::submit("Add all").primary(),
            Button::link("Cancel", href).quiet(),
        ])
        .after(call);
    Ok(shown(
        page(&team, "Add several members"),
        errors.as_ref(),
        &form,
    ))
}

async fn add_lines(desk: &Desk, team: &Team, typed: Vec<String>) -> Result<Vec<Line>> {
    let role = MemberRoleRef::parse(desk.field("role"))
        .map_err(|why| Error::invalid(vec![Fault::new("/role", "invalid", why)]))?;
    let (db, ids, call) = (desk.db(), &desk.app.ids, &desk.call);
    let reference = Ref::Id(team.id.clone());
    let mut lines = Vec::new();
    for text in typed {
        let outcome = match Email::parse(&text) {
            Err(why) => Err(Error::invalid(vec![Fault::new("/email", "invalid", why)])),
            Ok(email) => {
                let new = NewMember::described(email, Some(role.clone()));
                desk.commit(|| async {
                    let (plan, made, is_new) =
                        members::plan_add(db, ids, call, &reference, &new, ManagedBy::Manual)
                            .await?;
                    Ok((plan, (made, is_new)))
                })
                .await
            }
        };
        lines.push(Line {
            typed: text,
            outcome,
        });
    }
    Ok(lines)
}

fn results(team: &Team, lines: &[Line]) -> Shown {
    let failed = lines.iter().filter(|line| line.outcome.is_err()).count();
    let rows = lines.iter().map(|line| match &line.outcome {
        Ok((member, is_new)) => Row::new([
            person_cell(&member.user),
            Cell::new(if *is_new {
                Badge::new("Added").tone(Tone::Success).icon(Icon::Check)
            } else {
                Badge::new("Was in the team")
            }),
            Cell::new(role_badge(&member.role)),
        ]),
        Err(error) => Row::new([
            Cell::text(&line.typed),
            Cell::new(Badge::new("Refused").tone(Tone::Danger).icon(Icon::X)),
            Cell::text(error.detail()),
        ]),
    });
    let columns = ["Person", "Result", "Role or reason"].map(Column::new);
    let body = html! {
        div.stack {
            (verdict(failed))
            (Table::new("Results", columns, rows).empty(nobody(team)))
            div.row { (Button::link("Back to the team", team_href(team.id.as_str()))) }
        }
    };
    Shown::page(wide(page(team, "Add several members")), body)
}
