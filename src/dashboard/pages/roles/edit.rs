//! Roles made, changed and deleted.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, Render, html};
use serde_json::{Map, Value as JsonValue, json};

use super::{PATH, grouped, held_as, holder_counts};
use crate::access::Permission;
use crate::access::explain::sentences;
use crate::access::roles::team_level;
use crate::dashboard::components::{
    Button, Callout, Card, Checkbox, Field, RadioCards, Tone, counted,
};
use crate::dashboard::form::FieldErrors;
use crate::dashboard::layout::Page;
use crate::dashboard::pages::desk::{Desk, Shown, fault, faults, read, summary};
use crate::dashboard::pages::look;
use crate::error::Result;
use crate::records;
use crate::resources::Role;
use crate::resources::role::{self, NewRole, RolePatch};
use crate::types::Ref;

fn body(desk: &Desk, mut members: Map<String, JsonValue>) -> JsonValue {
    members.insert("permissions".into(), json!(desk.fields("permission")));
    members.into()
}

fn fields(desk: &Desk, role: Option<&Role>, errors: Option<&FieldErrors>) -> Markup {
    let stored = |name: &str| {
        let value = match (role, name) {
            (Some(role), "name") => role.name.to_string(),
            (Some(role), "description") => role
                .description
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            (Some(role), "external_id") => role
                .external_id
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            _ => String::new(),
        };
        desk.shown(name, &value)
    };
    let kind = match role {
        Some(role) => role.kind.to_string(),
        None => desk.shown("kind", "team"),
    };
    html! {
        (Field::text("name", "Name").value(stored("name")).error(fault(errors, "name")).required().autocomplete("off"))
        (Field::text_area("description", "Description").value(stored("description")).error(fault(errors, "description")))
        (Field::text("external_id", "External id").value(stored("external_id")).error(fault(errors, "external_id")).mono().hint("Your own key, by which programs may name it."))
        @if role.is_none() {
            (RadioCards::new("kind", "Holds in")
                .card("team", "A team", "Where it is given: as the role of a member.")
                .card("global", "The whole account", "Given to a person on their page.")
                .selected(&kind)
                .error(fault(errors, "kind")))
        }
        (boxes(desk, role, &kind, errors))
    }
}

/// A box for each permission, by what it is about; those which the visitor does not hold cannot be given by them.
fn boxes(desk: &Desk, role: Option<&Role>, kind: &str, errors: Option<&FieldErrors>) -> Markup {
    let (words, for_teams) = (sentences(), team_level());
    let chosen: BTreeSet<String> = if desk.is_post() {
        desk.fields("permission").into_iter().collect()
    } else {
        role.map(|role| role.permissions.iter().map(|one| one.to_string()).collect())
            .unwrap_or_default()
    };
    let fixed_to_teams = role.is_some() && kind == "team";
    let offered = Permission::ALL.iter().copied().filter(|permission| {
        let stands = chosen.contains(permission.as_str());
        stands || (desk.may(*permission) && (!fixed_to_teams || for_teams.contains(permission)))
    });
    html! {
        fieldset.field {
            legend { "May do" }
            @if let Some(text) = fault(errors, "permissions") { p.field-error { (text) } }
            @for (resource, permissions) in grouped(offered) {
                div.stack.stack-tight {
                    h3 { (resource) }
                    @for permission in permissions {
                        (Checkbox {
                            name: "permission".into(),
                            value: permission.to_string(),
                            label: permission.to_string(),
                            hint: Some(hint(permission, &words, for_teams.contains(&permission), role.is_none())),
                            checked: chosen.contains(permission.as_str()),
                            ..Checkbox::default()
                        })
                    }
                }
            }
        }
    }
}

fn hint(
    permission: Permission,
    words: &BTreeMap<String, String>,
    for_teams: bool,
    is_new: bool,
) -> String {
    let words = words.get(permission.as_str()).cloned().unwrap_or_default();
    if is_new && !for_teams {
        format!("{words} In the whole account only.")
    } else {
        words
    }
}

fn page(title: &str) -> Page {
    Page {
        crumbs: vec![("Roles".into(), PATH.into())],
        narrow: true,
        ..Page::titled(title)
    }
}

/// The form of a new role.
pub(in crate::dashboard::pages) async fn create(desk: Desk) -> Result<Shown> {
    desk.require(Permission::RolesWrite)?;
    let mut errors = None;
    if desk.is_post() {
        match make(&desk).await {
            Ok(role) => {
                let text = format!("{} was created.", role.name);
                return Ok(Shown::done(format!("{PATH}/{}", role.id), text));
            }
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let call = desk
        .api("call-role", "POST", "/roles")
        .body(json!({ "name": "Course advisor", "kind": "team", "permissions": ["teams:read", "seats:assign"] }))
        .scope("roles:write");
    let form = desk
        .post(format!("{PATH}/new"), fields(&desk, None, errors.as_ref()))
        .errors(summary(errors.as_ref()))
        .buttons([
            Button::submit("Create role").primary(),
            Button::link("Cancel", PATH).quiet(),
        ])
        .after(call);
    let body = Card::new(form.render()).render();
    Ok(Shown::form(page("New role"), errors.as_ref(), body))
}

async fn make(desk: &Desk) -> Result<Role> {
    let members = desk.filled(&["name", "description", "external_id", "kind"]);
    let new: NewRole = read(&body(desk, members))?;
    let (ids, call) = (&desk.app.ids, &desk.call);
    desk.commit(|| role::plan_create(desk.db(), ids, call, new.clone()))
        .await
}

/// The form of a role's details and permissions.
pub(in crate::dashboard::pages) async fn edit(desk: Desk) -> Result<Shown> {
    desk.require(Permission::RolesWrite)?;
    let role = records::find::<Role>(desk.db(), desk.caller(), &desk.reference(0)?).await?;
    let href = format!("{PATH}/{}", role.id);
    let mut errors = None;
    if desk.is_post() {
        match change(&desk, &role).await {
            Ok(role) => return Ok(Shown::done(href, format!("{} was saved.", role.name))),
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let call = desk
        .api("call-role", "PATCH", &format!("/roles/{}", role.id))
        .body(json!({ "permissions": role.permissions }))
        .scope("roles:write");
    let form = desk
        .post(
            format!("{href}/edit"),
            fields(&desk, Some(&role), errors.as_ref()),
        )
        .errors(summary(errors.as_ref()))
        .buttons([
            Button::submit("Save").primary(),
            Button::link("Cancel", href).quiet(),
        ])
        .after(call);
    let body = html! {
        (Callout::new(Tone::Accent, "Whoever holds the role has its new permissions at once"))
        (Card::new(form.render()))
    };
    Ok(Shown::form(page(role.name.as_str()), errors.as_ref(), body))
}

async fn change(desk: &Desk, role: &Role) -> Result<Role> {
    let patch: RolePatch = read(&body(
        desk,
        desk.changed(&["name", "description", "external_id"]),
    ))?;
    let (db, call, reference) = (desk.db(), &desk.call, Ref::Id(role.id.clone()));
    desk.commit(|| role::plan_change(db, call, &reference, patch.clone(), |_| Ok(())))
        .await
}

/// Deletes a role, after a page that says where it is held.
pub(in crate::dashboard::pages) async fn delete(desk: Desk) -> Result<Shown> {
    desk.require(Permission::RolesWrite)?;
    let role = records::find::<Role>(desk.db(), desk.caller(), &desk.reference(0)?).await?;
    let href = format!("{PATH}/{}", role.id);
    let (db, call, reference) = (desk.db(), &desk.call, Ref::Id(role.id.clone()));
    let mut errors = None;
    if desk.is_post() {
        let done = desk
            .commit(|| async {
                let plan = role::plan_delete(db, call, &reference, |_| Ok(())).await?;
                Ok((plan, ()))
            })
            .await;
        match done {
            Ok(()) => return Ok(Shown::done(PATH, format!("{} was deleted.", role.name))),
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let held = holder_counts(&desk).await?;
    let count = held.get(&(role.kind.to_string(), held_as(&role))).copied();
    let count = look::count(count.unwrap_or(0));
    let (tone, title) = if count == 0 {
        (Tone::Warning, format!("{} goes for good", role.name))
    } else {
        (
            Tone::Danger,
            format!(
                "{} is held by {}",
                role.name,
                counted(count, "person", "people")
            ),
        )
    };
    let text = if count == 0 {
        "Nobody holds it."
    } else {
        "Give those another role first: a role in use is not deleted."
    };
    let call = desk
        .api("call-role", "DELETE", &format!("/roles/{}", role.id))
        .scope("roles:write");
    let form = desk
        .post(
            format!("{href}/delete"),
            Callout::new(tone, title).body(text).render(),
        )
        .errors(summary(errors.as_ref()))
        .buttons([
            Button::submit("Delete role").danger(),
            Button::link("Cancel", href).quiet(),
        ])
        .after(call);
    let body = Card::new(form.render()).render();
    Ok(Shown::form(
        page(&format!("Delete {}", role.name)),
        errors.as_ref(),
        body,
    ))
}
