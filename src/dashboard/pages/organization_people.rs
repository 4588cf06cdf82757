//! What belongs to an organization: teams assigned and taken away, administrators named and dismissed.

use maud::{Render, html};
use serde_json::json;

use super::desk::{Desk, Shown, faults, read, summary};
use super::look::organization_href;
use super::organization::{admin_form, assign_call, find};
use super::organization_edit::{page, shown};
use super::users::team_choices;
use crate::access::Permission;
use crate::dashboard::components::{Button, Card, Checkbox, ErrorSummary, counted};
use crate::dashboard::form::FieldErrors;
use crate::error::{Error, Fault, Result};
use crate::resources::organization::teams::AssignTeams;
use crate::resources::organization::{admins, teams};
use crate::resources::{Organization, Team, User};
use crate::types::{Email, Ref};

/// Assigns teams, one or several.
pub(super) async fn assign(desk: Desk) -> Result<Shown> {
    desk.require(Permission::TeamsWrite)?;
    let node = find(&desk).await?;
    let href = organization_href(node.id.as_str());
    let mut errors = None;
    if desk.is_post() {
        let body = json!({ "teams": desk.fields("team") });
        let done = match read::<AssignTeams>(&body) {
            Ok(body) => {
                let (db, call, reference) = (desk.db(), &desk.call, Ref::Id(node.id.clone()));
                desk.commit(|| teams::plan_assign(db, call, &reference, &body))
                    .await
            }
            Err(error) => Err(error),
        };
        match done {
            Ok(assigned) => {
                let count = u64::try_from(assigned.data.len()).unwrap_or(0);
                let text = format!(
                    "{} at {} now.",
                    counted(count, "team is", "teams are"),
                    node.name
                );
                return Ok(Shown::done(href, text));
            }
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let account = &desk.caller().account;
    let choices = desk
        .db()
        .fetch::<(String, String)>(account, team_choices(&desk))
        .await?;
    let sent = desk.fields("team");
    let fields = html! {
        fieldset.field {
            legend { "Teams" }
            @for (id, name) in &choices {
                (Checkbox { name: "team".into(), value: id.clone(), label: name.clone(), checked: sent.contains(id), ..Checkbox::default() })
            }
        }
    };
    let form = desk
        .post(format!("{href}/teams"), fields)
        .errors(summary(errors.as_ref()))
        .buttons([
            Button::submit("Assign").primary(),
            Button::link("Cancel", href).quiet(),
        ])
        .after(assign_call(&desk, &node));
    Ok(shown(page(&node, "Assign teams"), errors.as_ref(), &form))
}

/// Takes a team away.
pub(super) async fn take_away(desk: Desk) -> Result<Shown> {
    desk.require_post()?;
    let node = find(&desk).await?;
    let team: Ref<Team> = desk.reference(1)?;
    let (db, call, reference) = (desk.db(), &desk.call, Ref::Id(node.id.clone()));
    desk.commit(|| async { Ok((teams::plan_remove(db, call, &reference, &team).await?, ())) })
        .await?;
    Ok(Shown::done(
        organization_href(node.id.as_str()),
        format!("The team stands at {} no more.", node.name),
    ))
}

/// Names an administrator by their address.
pub(super) async fn name_admin(desk: Desk) -> Result<Shown> {
    desk.require(Permission::OrganizationsWrite)?;
    let node = find(&desk).await?;
    let href = organization_href(node.id.as_str());
    let mut errors = None;
    if desk.is_post() {
        match name(&desk, &node).await {
            Ok(name) => {
                return Ok(Shown::done(
                    href,
                    format!("{name} looks after {} now.", node.name),
                ));
            }
            Err(error) => errors = Some(FieldErrors::of(&error)),
        }
    }
    let body = html! {
        (ErrorSummary(summary(errors.as_ref())))
        (admin_form(&desk, &node))
    };
    Ok(Shown::form(
        page(&node, "Name an administrator"),
        errors.as_ref(),
        Card::new(body).render(),
    ))
}

async fn name(desk: &Desk, node: &Organization) -> Result<String> {
    let email = Email::parse(desk.field("email"))
        .map_err(|why| Error::invalid(vec![Fault::new("/email", "invalid", why)]))?;
    let (db, call, reference) = (desk.db(), &desk.call, Ref::Id(node.id.clone()));
    let user = Ref::Email(email);
    let admin = desk
        .commit(|| admins::plan_put(db, call, &reference, &user))
        .await?;
    Ok(admin.user.display_name().to_owned())
}

/// Ends an administrator's role.
pub(super) async fn dismiss(desk: Desk) -> Result<Shown> {
    desk.require_post()?;
    let node = find(&desk).await?;
    let user: Ref<User> = desk.reference(1)?;
    let (db, call, reference) = (desk.db(), &desk.call, Ref::Id(node.id.clone()));
    desk.commit(|| async { Ok((admins::plan_remove(db, call, &reference, &user).await?, ())) })
        .await?;
    Ok(Shown::done(
        organization_href(node.id.as_str()),
        "The role has ended.",
    ))
}
