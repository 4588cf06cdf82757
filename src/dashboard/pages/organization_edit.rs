//! What is done to an organization: changed, moved after a preview, deleted; teams assigned and taken away;
//! administrators named and dismissed.

use maud::{Markup, Render, html};
use serde_json::{Map, Value as JsonValue, json};

use super::desk::{Desk, Shown, fault, faults, read, summary};
use super::look::organization_href;
use super::organization::{admin_form, assign_call, crumbs, find};
use super::person_edit::warning;
use super::provision::with_none;
use super::teams::organization_choices;
use super::users::team_choices;
use crate::access::Permission;
use crate::dashboard::components::{Button, Callout, Card, Checkbox, Field, Form, Tone, counted};
use crate::dashboard::form::FieldErrors;
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::db::Select;
use crate::error::{Error, Fault, Result};
use crate::params;
use crate::resources::organization::preview::OrganizationMove;
use crate::resources::organization::teams::AssignTeams;
use crate::resources::organization::{NewOrganization, OrganizationPatch, admins, teams, tree};
use crate::resources::{Organization, Team, User};
use crate::types::{Email, Ref};

const LOOK: [(&str, &str, &str); 5] = [
    ("brand_name", "name", "Name in mails"),
    ("brand_logo_url", "logo_url", "Address of the logo"),
    ("brand_color", "color", "Colour of buttons and links"),
    ("brand_postal_address", "postal_address", "Postal address"),
    (
        "brand_support_email",
        "support_email",
        "Where people ask for help",
    ),
];

fn page(node: &Organization, title: &str) -> Page {
    let mut crumbs = crumbs(&[], node);
    crumbs.push((node.name.to_string(), organization_href(node.id.as_str())));
    Page {
        crumbs,
        narrow: true,
        ..Page::titled(title)
    }
}

fn shown(page: Page, errors: Option<&FieldErrors>, form: &Form) -> Shown {
    Shown::form(page, errors, Card::new(form.render()).render())
}

/// The fields of an organization's details.
fn fields(desk: &Desk, node: Option<&Organization>, errors: Option<&FieldErrors>) -> Markup {
    let stored = node.map(|node| serde_json::to_value(node).unwrap_or_default());
    let text = |pointer: &str| {
        let found = stored.as_ref().and_then(|stored| stored.pointer(pointer));
        found
            .and_then(JsonValue::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let value = |name: &str| desk.shown(name, &text(&format!("/{name}")));
    let ticked = |name: &str| {
        let stands = stored
            .as_ref()
            .is_none_or(|stored| stored.get(name) != Some(&json!(false)));
        desk.ticked(name, stands)
    };
    html! {
        (Field::text("name", "Name").value(value("name")).error(fault(errors, "name")).required().autocomplete("off"))
        (Field::text_area("description", "Description").value(value("description")).error(fault(errors, "description")))
        (Field::text("external_id", "External id").value(value("external_id")).error(fault(errors, "external_id")).mono().hint("Your own key, such as that of your CRM."))
        @if node.is_some() {
            h2 { "Look" }
            @if let Some(wrong) = fault(errors, "branding") { (Callout::new(Tone::Danger, wrong)) }
            @for (field, member, label) in LOOK {
                (Field::text(field, label).value(desk.shown(field, &text(&format!("/branding/{member}")))).hint("Empty: taken over from above."))
            }
            (Checkbox { name: "inherit_branding".into(), label: "Take over what the look leaves open".into(), hint: Some("Otherwise nothing from above is used, the account's look included.".into()), checked: ticked("inherit_branding"), ..Checkbox::default() })
            (Checkbox { name: "inherit_catalog".into(), label: "See the catalog of what stands above".into(), hint: Some("Otherwise only what is offered here or below.".into()), checked: ticked("inherit_catalog"), ..Checkbox::default() })
        }
    }
}

/// The form of a new organization.
pub(super) async fn create(desk: Desk) -> Result<Shown> {
    desk.require(Permission::OrganizationsWrite)?;
    let mut errors = None;
    if desk.is_post() {
        match make(&desk).await {
            Ok(node) => {
                let text = format!("{} was created.", node.name);
                return Ok(Shown::done(organization_href(node.id.as_str()), text));
            }
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let choices = choices(&desk).await?;
    let fields = html! {
        (fields(&desk, None, errors.as_ref()))
        (Field::select("parent", "Below", with_none("Nothing: a customer of its own", &choices)).value(desk.shown("parent", desk.get("parent"))).error(fault(errors.as_ref(), "parent")))
    };
    let call = desk
        .api("call-organization", "POST", "/organizations")
        .body(json!({ "name": "Northwind", "external_id": "crm-12" }))
        .scope("organizations:write");
    let form = desk
        .post("/dashboard/organizations/new", fields)
        .errors(summary(errors.as_ref()))
        .buttons([
            Button::submit("Create organization").primary(),
            Button::link("Cancel", "/dashboard/organizations").quiet(),
        ])
        .after(call);
    let page = Page {
        crumbs: vec![("Organizations".into(), "/dashboard/organizations".into())],
        narrow: true,
        ..Page::titled("New organization")
    };
    Ok(shown(page, errors.as_ref(), &form))
}

async fn make(desk: &Desk) -> Result<Organization> {
    let body = desk.filled(&["name", "description", "external_id", "parent"]);
    let new: NewOrganization = read(&body.into())?;
    let (db, ids, call) = (desk.db(), &desk.app.ids, &desk.call);
    desk.commit(|| tree::plan_create(db, ids, call, new.clone()))
        .await
}

/// The form of an organization's details, look and default team.
pub(super) async fn edit(desk: Desk) -> Result<Shown> {
    desk.require(Permission::OrganizationsWrite)?;
    let node = find(&desk).await?;
    let href = organization_href(node.id.as_str());
    let mut errors = None;
    if desk.is_post() {
        match change(&desk, &node).await {
            Ok(node) => return Ok(Shown::done(href, format!("{} was saved.", node.name))),
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let within = Select::new(
        "SELECT t.id, CASE WHEN o.id = $2 THEN t.name ELSE o.name || ' · ' || t.name END FROM teams t \
         JOIN organizations o ON o.account_id = $1 AND o.id = t.organization_id WHERE t.account_id = $1 AND t.deleted_at IS NULL \
         AND o.path >= $3 AND o.path < $3 || '~' ORDER BY o.path, t.name_key LIMIT 200",
        params![node.id.clone(), node.path.clone()],
    );
    let account = &desk.caller().account;
    let teams = desk.db().fetch::<(String, String)>(account, within).await?;
    let default = node.default_team_id.as_ref().map_or("", |id| id.as_str());
    let fields = html! {
        (fields(&desk, Some(&node), errors.as_ref()))
        (Field::select("default_team", "Default team", with_none("None", &teams)).value(desk.shown("default_team", default)).error(fault(errors.as_ref(), "default_team")).hint("Where new people go who are provisioned for this organization or come by its domains."))
    };
    let path = format!("/organizations/{}", node.id);
    let call = desk
        .api("call-organization", "PATCH", &path)
        .body(json!({ "name": node.name, "branding": { "color": "#1f6feb" }, "inherit_catalog": true }))
        .scope("organizations:write");
    let form = desk
        .post(format!("{href}/edit"), fields)
        .errors(summary(errors.as_ref()))
        .buttons([
            Button::submit("Save").primary(),
            Button::link("Cancel", href).quiet(),
        ])
        .after(call);
    Ok(shown(
        page(&node, "Edit organization"),
        errors.as_ref(),
        &form,
    ))
}

async fn change(desk: &Desk, node: &Organization) -> Result<Organization> {
    let mut body = desk.changed(&["name", "description", "external_id", "default_team"]);
    let branding: Map<String, JsonValue> = LOOK
        .into_iter()
        .map(|(field, member, _)| {
            let text = desk.field(field);
            let value = if text.is_empty() {
                JsonValue::Null
            } else {
                json!(text)
            };
            (member.to_owned(), value)
        })
        .collect();
    body.insert("branding".into(), branding.into());
    for name in ["inherit_branding", "inherit_catalog"] {
        body.insert(name.into(), json!(!desk.field(name).is_empty()));
    }
    let patch: OrganizationPatch = read(&body.into())?;
    let (db, call, reference) = (desk.db(), &desk.call, Ref::Id(node.id.clone()));
    desk.commit(|| tree::plan_change(db, call, &reference, patch.clone(), |_| Ok(())))
        .await
}

async fn choices(desk: &Desk) -> Result<Vec<(String, String)>> {
    let account = &desk.caller().account;
    Ok(desk.db().fetch(account, organization_choices()).await?)
}

/// Moves an organization: where to, what that changes, the deed.
pub(super) async fn relocate(desk: Desk) -> Result<Shown> {
    desk.require(Permission::OrganizationsWrite)?;
    let node = find(&desk).await?;
    let href = organization_href(node.id.as_str());
    let (db, reference) = (desk.db(), Ref::Id(node.id.clone()));
    let mut errors = None;
    let mut preview = None;
    if desk.is_post() {
        let target: Option<Ref<Organization>> = match desk.field("parent") {
            "" => None,
            text => Some(
                Ref::parse(text)
                    .map_err(|why| Error::invalid(vec![Fault::new("/parent", "invalid", why)]))?,
            ),
        };
        let confirmed = !desk.field("confirmed").is_empty();
        let dry = desk.dry();
        let call = if confirmed { &desk.call } else { &dry };
        let plan = || tree::plan_move(db, call, &reference, target.as_ref(), |_| Ok(()));
        let done = if confirmed {
            desk.commit(plan).await
        } else {
            desk.rehearse(call, plan).await.map(|done| done.value)
        };
        match done {
            Ok(told) if confirmed => {
                let text = format!("{} was moved.", told.organization.name);
                return Ok(Shown::done(href, text));
            }
            Ok(told) => preview = Some(told),
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let choices: Vec<_> = choices(&desk)
        .await?
        .into_iter()
        .filter(|(id, _)| id != node.id.as_str())
        .collect();
    let stands = node.parent_id.as_ref().map_or("", |id| id.as_str());
    let body = html! {
        (Field::select("parent", "Below", with_none("Nothing: a customer of its own", &choices)).value(desk.shown("parent", stands)).error(fault(errors.as_ref(), "parent")))
        @if let Some(told) = &preview { (consequences(told)) }
    };
    let call = desk
        .api(
            "call-move",
            "POST",
            &format!("/organizations/{}/move?dry_run=true", node.id),
        )
        .body(json!({ "parent": "ext:acme" }))
        .scope("organizations:write");
    let confirm = Button::submit_value("Move it", "confirmed", "true").primary();
    let look = Button::submit(if preview.is_some() {
        "Look again"
    } else {
        "Show what changes"
    });
    let cancel = Button::link("Cancel", href.clone()).quiet();
    let buttons = match &preview {
        Some(_) => vec![confirm, look, cancel],
        None => vec![look.primary(), cancel],
    };
    let form = desk
        .post(format!("{href}/move"), body)
        .errors(summary(errors.as_ref()))
        .buttons(buttons)
        .after(call);
    Ok(shown(
        page(&node, &format!("Move {}", node.name)),
        errors.as_ref(),
        &form,
    ))
}

/// What a move changes, in words.
fn consequences(told: &OrganizationMove) -> Markup {
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let names = |list: &[crate::resources::organization::inheritance::Named]| {
        let names: Vec<&str> = list.iter().map(|one| one.name.as_str()).collect();
        names.join(", ")
    };
    let mut lines = vec![
        format!("It stands at level {} afterwards.", told.organization.depth),
        format!(
            "{} and {} come along.",
            counted(
                number(told.organization_count),
                "organization below it",
                "organizations below it"
            ),
            counted(number(told.team_count), "team", "teams")
        ),
    ];
    if !told.catalog_gained.is_empty() {
        lines.push(format!(
            "It sees the catalog of {}.",
            names(&told.catalog_gained)
        ));
    }
    if !told.catalog_lost.is_empty() {
        lines.push(format!(
            "It does not see the catalog of {} any more.",
            names(&told.catalog_lost)
        ));
    }
    for change in &told.branding {
        let value = |one: &Option<crate::resources::organization::branding::Sourced>| {
            one.as_ref()
                .map_or("nothing".to_owned(), |one| one.value.clone())
        };
        let (before, after) = (value(&change.before), value(&change.after));
        lines.push(format!(
            "Look, {}: {before} becomes {after}.",
            change.member.replace('_', " ")
        ));
    }
    for (list, words) in [
        (
            &told.admins_gained,
            [
                "person further up looks after it from then on",
                "people further up look after it from then on",
            ],
        ),
        (
            &told.admins_lost,
            [
                "person further up does not look after it any more",
                "people further up do not look after it any more",
            ],
        ),
    ] {
        if !list.is_empty() {
            let [one, many] = words;
            lines.push(format!("{}.", counted(number(list.len()), one, many)));
        }
    }
    if !told.default_teams_cleared.is_empty() {
        lines.push(format!(
            "{} lose their default team, which moves away.",
            names(&told.default_teams_cleared)
        ));
    }
    warning(true, told.organization.name.as_str(), &lines)
}

/// Deletes an organization to which nothing refers.
pub(super) async fn delete(desk: Desk) -> Result<Shown> {
    desk.require(Permission::OrganizationsWrite)?;
    let node = find(&desk).await?;
    let href = organization_href(node.id.as_str());
    let (db, reference) = (desk.db(), Ref::Id(node.id.clone()));
    let plan = |call| {
        let reference = reference.clone();
        async move {
            Ok((
                tree::plan_delete(db, call, &reference, |_| Ok(())).await?,
                (),
            ))
        }
    };
    let dry = desk.dry();
    let done = if desk.is_post() {
        desk.commit(|| plan(&desk.call)).await
    } else {
        desk.rehearse(&dry, || plan(&dry)).await.map(|_| ())
    };
    let errors = match done {
        Ok(()) if desk.is_post() => {
            let text = format!("{} was deleted.", node.name);
            return Ok(Shown::done("/dashboard/organizations", text));
        }
        Ok(()) => None,
        Err(error) => Some(faults(error)?),
    };
    let lines =
        ["Its administrators and domain claims go with it. This cannot be undone.".to_owned()];
    let call = desk
        .api(
            "call-delete",
            "DELETE",
            &format!("/organizations/{}", node.id),
        )
        .scope("organizations:write");
    let form = desk
        .post(
            format!("{href}/delete"),
            warning(true, node.name.as_str(), &lines),
        )
        .errors(summary(errors.as_ref()))
        .buttons([
            Button::submit("Delete organization")
                .danger()
                .icon(Icon::Trash),
            Button::link("Cancel", href).quiet(),
        ])
        .after(call);
    Ok(shown(
        page(&node, &format!("Delete {}", node.name)),
        errors.as_ref(),
        &form,
    ))
}

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
        (crate::dashboard::components::ErrorSummary(summary(errors.as_ref())))
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
