//! What is done with a team's people: one or many added, new ones included, given another role, moved, removed.
//!
//! Here stands what the pages share, and the change of a role.

mod add;
mod relocate;
mod remove;

use maud::Render;
use serde_json::json;

use super::desk::{Desk, Shown, fault, faults, summary};
use super::look::{team_href, user_href};
use super::roles::choices;
use crate::access::Permission;
use crate::access::roles::MemberRoleRef;
use crate::dashboard::components::{
    Avatar, Button, Callout, Card, Cell, EmptyState, Field, Form, Tone, counted,
};
use crate::dashboard::form::FieldErrors;
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::error::{Error, Fault, Result};
use crate::members;
use crate::records;
use crate::resources::member::{Member, member_of};
use crate::resources::role::RoleKind;
use crate::resources::{Team, User};
use crate::types::Ref;

pub(super) use add::{add_many, add_member, fields};
pub(super) use relocate::move_member;
pub(super) use remove::{remove_many, remove_member};

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
