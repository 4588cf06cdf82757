//! What is done to a team: made, changed, deleted.

use maud::{Markup, Render, html};
use serde_json::{Value as JsonValue, json};

use super::desk::{Desk, Shown, fault, faults, read, summary};
use super::look::team_href;
use super::person_edit::{consequences, warning};
use super::provision::with_none;
use super::teams::organization_choices;
use crate::access::Permission;
use crate::dashboard::components::{Button, Card, Field, Form, counted};
use crate::dashboard::form::FieldErrors;
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::error::Result;
use crate::records;
use crate::resources::Team;
use crate::resources::team::{NewTeam, TeamPatch};
use crate::seats::leave::plan_delete_team;
use crate::types::Ref;

fn page(team: Option<&Team>, title: &str) -> Page {
    let mut crumbs = vec![("Teams".to_owned(), "/dashboard/teams".to_owned())];
    if let Some(team) = team {
        crumbs.push((team.name.to_string(), team_href(team.id.as_str())));
    }
    Page {
        crumbs,
        narrow: true,
        ..Page::titled(title)
    }
}

fn shown(page: Page, errors: Option<&FieldErrors>, form: &Form) -> Shown {
    Shown::form(page, errors, Card::new(form.render()).render())
}

async fn find(desk: &Desk) -> Result<Team> {
    desk.require(Permission::TeamsWrite)?;
    records::find::<Team>(desk.db(), desk.caller(), &desk.reference(0)?).await
}

async fn fields(desk: &Desk, team: Option<&Team>, errors: Option<&FieldErrors>) -> Result<Markup> {
    let choices = desk
        .db()
        .fetch::<(String, String)>(&desk.caller().account, organization_choices())
        .await?;
    let stored = team.map(|team| serde_json::to_value(team).unwrap_or_default());
    let member = |name: &str| {
        let found = stored.as_ref().and_then(|stored| stored.get(name));
        found
            .and_then(JsonValue::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let value = |name: &str| desk.shown(name, &member(name));
    let above = member("organization_id");
    let above = if above.is_empty() {
        desk.get("organization").to_owned()
    } else {
        above
    };
    let tags: Vec<String> = team.map_or_else(Vec::new, |team| {
        team.tags
            .as_slice()
            .iter()
            .map(ToString::to_string)
            .collect()
    });
    Ok(html! {
        (Field::text("name", "Name").value(value("name")).error(fault(errors, "name")).required().autocomplete("off"))
        (Field::select("organization", "Organization", with_none("None", &choices)).value(desk.shown("organization", &above)).error(fault(errors, "organization")))
        (Field::text_area("description", "Description").value(value("description")).error(fault(errors, "description")))
        (Field::text("external_id", "External id").value(value("external_id")).error(fault(errors, "external_id")).mono().hint("Your own key of the team."))
        (Field::text("tags", "Tags").value(desk.shown("tags", &tags.join(", "))).error(fault(errors, "tags")).hint("Separated by commas."))
    })
}

const MEMBERS: [&str; 4] = ["name", "organization", "description", "external_id"];

/// The form of a new team.
pub(super) async fn create(desk: Desk) -> Result<Shown> {
    desk.require(Permission::TeamsWrite)?;
    let mut errors = None;
    if desk.is_post() {
        match make(&desk).await {
            Ok(team) => {
                let text = format!("{} was created.", team.name);
                return Ok(Shown::done(team_href(team.id.as_str()), text));
            }
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let call = desk
        .api("call-team", "POST", "/teams")
        .body(json!({ "name": "Analytical Engines", "external_id": "crm-81" }))
        .scope("teams:write");
    let form = desk
        .post(
            "/dashboard/teams/new",
            fields(&desk, None, errors.as_ref()).await?,
        )
        .errors(summary(errors.as_ref()))
        .buttons([
            Button::submit("Create team").primary(),
            Button::link("Cancel", "/dashboard/teams").quiet(),
        ])
        .after(call);
    Ok(shown(page(None, "New team"), errors.as_ref(), &form))
}

async fn make(desk: &Desk) -> Result<Team> {
    let mut body = desk.filled(&MEMBERS);
    body.insert("tags".into(), desk.labels("tags"));
    let new: NewTeam = read(&body.into())?;
    let (db, ids, call) = (desk.db(), &desk.app.ids, &desk.call);
    desk.commit(|| records::plan_create::<Team>(db, ids, call, new.clone()))
        .await
}

/// The form of a team's details.
pub(super) async fn edit(desk: Desk) -> Result<Shown> {
    let team = find(&desk).await?;
    let href = team_href(team.id.as_str());
    let mut errors = None;
    if desk.is_post() {
        match change(&desk, &team).await {
            Ok(team) => return Ok(Shown::done(href, format!("{} was saved.", team.name))),
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let call = desk
        .api("call-team", "PATCH", &format!("/teams/{}", team.id))
        .body(json!({ "name": team.name, "description": team.description }))
        .scope("teams:write");
    let form = desk
        .post(
            format!("{href}/edit"),
            fields(&desk, Some(&team), errors.as_ref()).await?,
        )
        .errors(summary(errors.as_ref()))
        .buttons([
            Button::submit("Save").primary(),
            Button::link("Cancel", href).quiet(),
        ])
        .after(call);
    Ok(shown(
        page(Some(&team), "Edit team"),
        errors.as_ref(),
        &form,
    ))
}

async fn change(desk: &Desk, team: &Team) -> Result<Team> {
    let mut body = desk.changed(&MEMBERS);
    body.insert("tags".into(), desk.labels("tags"));
    let patch: TeamPatch = read(&body.into())?;
    let (db, call, reference) = (desk.db(), &desk.call, Ref::Id(team.id.clone()));
    desk.commit(|| records::plan_change::<Team, _>(db, call, &reference, patch.clone(), |_| Ok(())))
        .await
}

/// Deletes a team, after a page that lists what goes with it.
pub(super) async fn delete(desk: Desk) -> Result<Shown> {
    let team = find(&desk).await?;
    let href = team_href(team.id.as_str());
    let (db, ids, reference) = (desk.db(), &desk.app.ids, Ref::Id(team.id.clone()));
    let plan = |call| {
        let reference = reference.clone();
        async move {
            let (plan, _) = plan_delete_team(db, ids, call, &reference, |_| Ok(())).await?;
            Ok((plan, ()))
        }
    };
    let mut errors = None;
    if desk.is_post() {
        match desk.commit(|| plan(&desk.call)).await {
            Ok(()) => {
                let text = format!("{} was deleted.", team.name);
                return Ok(Shown::done("/dashboard/teams", text));
            }
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
    let members = counted(
        super::look::count(team.member_count),
        "person leaves",
        "people leave",
    );
    let mut lines = vec![format!("{members} the team; they stay known here.")];
    lines.extend(consequences(&planned));
    let call = desk
        .api("call-delete", "DELETE", &format!("/teams/{}", team.id))
        .scope("teams:write");
    let form = desk
        .post(
            format!("{href}/delete"),
            warning(true, team.name.as_str(), &lines),
        )
        .errors(summary(errors.as_ref()))
        .buttons([
            Button::submit("Delete team").danger().icon(Icon::Trash),
            Button::link("Cancel", href).quiet(),
        ])
        .after(call);
    let title = format!("Delete {}", team.name);
    Ok(shown(page(Some(&team), &title), errors.as_ref(), &form))
}
