//! What is done with a team's people: one or many added, new ones included, given another role, moved, removed.

use maud::{Markup, Render, html};
use serde_json::json;

use super::desk::{Desk, Shown, fault, faults, read, summary};
use super::look::{role_badge, seat_href, team_href, user_href};
use super::person_edit::{consequences, warning};
use super::roles::choices;
use super::team::add_call;
use super::users::team_choices;
use crate::access::Permission;
use crate::access::roles::MemberRoleRef;
use crate::dashboard::components::{
    Avatar, Badge, Button, Callout, Card, Cell, Column, EmptyState, Field, Form, Row, Table, Tone,
    counted,
};
use crate::dashboard::form::FieldErrors;
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::db::Select;
use crate::error::{Code, Error, Fault, Result};
use crate::members::{self, MoveMember, MoveResult};
use crate::params;
use crate::records;
use crate::resources::member::{ManagedBy, Member, NewMember, member_of};
use crate::resources::role::RoleKind;
use crate::resources::{Product, Team, User};
use crate::seats::relocate::{MovedPlace, PlaceOutcome, ReleaseReason};
use crate::types::{Email, Ref};

/// People added or removed in one go at the most.
const MOST: usize = 100;

fn page(team: &Team, title: &str) -> Page {
    Page {
        crumbs: vec![
            ("Teams".to_owned(), "/dashboard/teams".to_owned()),
            (team.name.to_string(), team_href(team.id.as_str())),
        ],
        narrow: true,
        ..Page::titled(title)
    }
}

fn shown(page: Page, errors: Option<&FieldErrors>, form: &Form) -> Shown {
    Shown::form(page, errors, Card::new(form.render()).render())
}

async fn find(desk: &Desk) -> Result<Team> {
    desk.require(Permission::MembersWrite)?;
    records::find::<Team>(desk.db(), desk.caller(), &desk.reference(0)?).await
}

async fn find_member(desk: &Desk, team: &Team) -> Result<Member> {
    let user = records::find::<User>(desk.db(), desk.caller(), &desk.reference(1)?).await?;
    let found = desk
        .db()
        .first::<Member>(&desk.caller().account, member_of(&team.id, &user.id));
    found.await?.ok_or_else(|| Error::not_found("team_member"))
}

/// The choice of a role in a team, custom ones included, but without some.
pub(super) async fn role_field(
    desk: &Desk,
    value: &str,
    errors: Option<&FieldErrors>,
    without: &[&str],
) -> Result<Field> {
    let mut roles = choices(desk, RoleKind::Team).await?;
    roles.retain(|(role, _)| !without.contains(&role.as_str()));
    // The lowest first: it is what most people get.
    roles.sort_by_key(|(role, _)| role != "member");
    Ok(Field::select("role", "Role", roles)
        .value(value)
        .error(fault(errors, "role"))
        .required()
        .hint("Owners run the team. Managers give its seats. Members learn."))
}

/// Adds somebody, known or new.
pub(super) async fn add_member(desk: Desk) -> Result<Shown> {
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
pub(super) fn fields(desk: &Desk, errors: Option<&FieldErrors>, role: &Field) -> Markup {
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
pub(super) async fn add_many(desk: Desk) -> Result<Shown> {
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

fn wide(page: Page) -> Page {
    Page {
        narrow: false,
        ..page
    }
}

fn verdict(failed: usize) -> Callout {
    if failed == 0 {
        return Callout::new(Tone::Success, "All of it was done");
    }
    let count = counted(
        u64::try_from(failed).unwrap_or(u64::MAX),
        "line was",
        "lines were",
    );
    Callout::new(Tone::Danger, format!("{count} refused"))
}

fn nobody(team: &Team) -> EmptyState {
    EmptyState::new(
        Icon::Users,
        "Nobody is selected",
        "Tick people on the team's page, then choose what is to be done.",
    )
    .actions(Button::link(
        "Back to the team",
        team_href(team.id.as_str()),
    ))
}

fn person_cell(user: &User) -> Cell {
    let name = user.display_name();
    let href = user_href(user.id.as_str());
    Cell::record(
        &Avatar::person(name),
        name,
        &href,
        Some(user.email.as_str()),
    )
}

/// Gives a member another role.
pub(super) async fn change_member(desk: Desk) -> Result<Shown> {
    let team = find(&desk).await?;
    let member = find_member(&desk, &team).await?;
    let href = team_href(team.id.as_str());
    let name = member.user.display_name();
    let (db, call) = (desk.db(), &desk.call);
    let (of, who) = (Ref::Id(team.id.clone()), Ref::Id(member.user.id.clone()));
    let mut errors = None;
    if desk.is_post() {
        let role = MemberRoleRef::parse(desk.field("role"))
            .map_err(|why| Error::invalid(vec![Fault::new("/role", "invalid", why)]));
        let done = match role {
            Ok(role) => {
                desk.commit(|| members::plan_change(db, call, &of, &who, &role))
                    .await
            }
            Err(error) => Err(error),
        };
        match done {
            Ok(_) => return Ok(Shown::done(href, format!("{name} has another role now."))),
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let api = desk
        .api(
            "call-role",
            "PATCH",
            &format!("/teams/{}/members/{}", team.id, member.user.id),
        )
        .body(json!({ "role": "manager" }))
        .scope("members:write");
    let field = role_field(
        &desk,
        &desk.shown("role", member.role.as_str()),
        errors.as_ref(),
        &[],
    )
    .await?;
    let form = desk
        .post(format!("{href}/members/{}", member.user.id), field.render())
        .errors(summary(errors.as_ref()))
        .buttons([
            Button::submit("Change role").primary(),
            Button::link("Cancel", href).quiet(),
        ])
        .after(api);
    let title = format!("Role of {name}");
    Ok(shown(page(&team, &title), errors.as_ref(), &form))
}

/// Moves a member to another team, after a page that says what becomes of each place.
pub(super) async fn move_member(desk: Desk) -> Result<Shown> {
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
    let ids: Vec<&str> = result
        .places
        .iter()
        .map(|one| one.assignment.product_id.as_str())
        .collect();
    let products = desk
        .db()
        .fetch::<Product>(
            &desk.caller().account,
            Select::rows::<Product>(
                "WHERE account_id = $1 AND id IN (SELECT value FROM JSON_LIST($2) AS wanted)",
                params![json!(ids).to_string()],
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

/// Removes a member, after a page that says what they lose.
pub(super) async fn remove_member(desk: Desk) -> Result<Shown> {
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
pub(super) async fn remove_many(desk: Desk) -> Result<Shown> {
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
    let title = format!(
        "Remove {}",
        counted(super::look::many(&chosen), "member", "members")
    );
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
