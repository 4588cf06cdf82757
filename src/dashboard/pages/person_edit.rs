//! What is done to a person: changed, switched off and on, deleted.

use maud::{Markup, Render, html};
use serde_json::{Value as JsonValue, json};

use super::desk::{Desk, Shown, fault, faults, read, summary};
use super::look::user_href;
use crate::access::Permission;
use crate::dashboard::components::{Button, Callout, Card, Field, Tone, counted};
use crate::dashboard::form::FieldErrors;
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::error::Result;
use crate::lifecycle::lms::LmsAction;
use crate::records;
use crate::resources::User;
use crate::resources::user::{UserPatch, UserStatus};
use crate::seats::leave::{plan_change_user, plan_delete_user};
use crate::types::Ref;

const MEMBERS: [&str; 7] = [
    "email",
    "first_name",
    "last_name",
    "company",
    "external_id",
    "locale",
    "timezone",
];

async fn find(desk: &Desk) -> Result<User> {
    desk.require(Permission::UsersWrite)?;
    records::find::<User>(desk.db(), desk.caller(), &desk.reference(0)?).await
}

/// A narrow page about a person.
pub(super) fn page(user: &User, title: &str) -> Page {
    let name = user.display_name().to_owned();
    Page {
        crumbs: vec![
            ("Users".into(), "/dashboard/users".into()),
            (name, user_href(user.id.as_str())),
        ],
        narrow: true,
        ..Page::titled(title)
    }
}

async fn change(desk: &Desk, user: &User, body: &JsonValue) -> Result<User> {
    let patch: UserPatch = read(body)?;
    let (db, ids, call) = (desk.db(), &desk.app.ids, &desk.call);
    let reference = Ref::Id(user.id.clone());
    desk.commit(|| plan_change_user(db, ids, call, &reference, patch.clone(), |_| Ok(())))
        .await
}

/// The form of a person's details.
pub(super) async fn edit(desk: Desk) -> Result<Shown> {
    let user = find(&desk).await?;
    let mut errors = None;
    if desk.is_post() {
        let mut body = desk.changed(&MEMBERS);
        body.insert("tags".into(), desk.labels("tags"));
        match change(&desk, &user, &body.into()).await {
            Ok(user) => {
                let text = format!("{} was saved.", user.display_name());
                return Ok(Shown::done(user_href(user.id.as_str()), text));
            }
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let form = edit_form(&desk, &user, errors.as_ref());
    Ok(Shown::form(
        page(&user, "Edit person"),
        errors.as_ref(),
        Card::new(form).render(),
    ))
}

fn edit_form(desk: &Desk, user: &User, errors: Option<&FieldErrors>) -> Markup {
    let stored = serde_json::to_value(user).unwrap_or_default();
    let value = |name: &str| {
        let stored = stored.get(name).and_then(JsonValue::as_str);
        desk.shown(name, stored.unwrap_or_default())
    };
    let text = |name: &str, label: &str| {
        Field::text(name, label)
            .value(value(name))
            .error(fault(errors, name))
            .autocomplete("off")
    };
    let tags: Vec<String> = user
        .tags
        .as_slice()
        .iter()
        .map(ToString::to_string)
        .collect();
    let fields = html! {
        (Field::email("email", "E-mail").value(value("email")).error(fault(errors, "email")).autocomplete("off").required())
        div.form-row { (text("first_name", "First name")) (text("last_name", "Last name")) }
        (text("company", "Company"))
        div.form-row {
            (text("locale", "Language").placeholder("en").hint("Of mails and pages, such as en or de-AT."))
            (text("timezone", "Time zone").placeholder("Europe/Berlin"))
        }
        (text("external_id", "External id").mono().hint("Your own key of the person, such as that of your CRM."))
        (Field::text("tags", "Tags").value(desk.shown("tags", &tags.join(", "))).error(fault(errors, "tags")).hint("Separated by commas."))
    };
    let path = format!("/users/{}", user.id);
    let call = desk
        .api("call-edit", "PATCH", &path)
        .body(json!({ "first_name": user.first_name, "last_name": user.last_name, "company": user.company }))
        .scope("users:write");
    desk.post(format!("{}/edit", user_href(user.id.as_str())), fields)
        .errors(summary(errors))
        .buttons([
            Button::submit("Save").primary(),
            Button::link("Cancel", user_href(user.id.as_str())).quiet(),
        ])
        .after(call)
        .render()
}

/// Switches a person off or on, after a page that says what follows.
pub(super) async fn status(desk: Desk) -> Result<Shown> {
    let user = find(&desk).await?;
    let href = user_href(user.id.as_str());
    let (to, title, text) = if user.status == UserStatus::Deactivated {
        (
            "active",
            "Activate",
            "They may sign in again. Seats are not given back by themselves.",
        )
    } else {
        (
            "deactivated",
            "Deactivate",
            "They are signed out at once and cannot sign in until activated.",
        )
    };
    let body = json!({ "status": to });
    let mut errors = None;
    if desk.is_post() {
        match change(&desk, &user, &body).await {
            Ok(user) => {
                let text = format!("{} is {} now.", user.display_name(), user.status);
                return Ok(Shown::done(href, text));
            }
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let patch: UserPatch = read(&body)?;
    let dry = desk.dry();
    let (db, ids, reference) = (desk.db(), &desk.app.ids, Ref::Id(user.id.clone()));
    let planned = desk
        .rehearse(&dry, || {
            plan_change_user(db, ids, &dry, &reference, patch.clone(), |_| Ok(()))
        })
        .await
        .map(|done| done.planned);
    let mut lines = vec![text.to_owned()];
    lines.extend(consequences(
        planned.unwrap_or_default().as_deref().unwrap_or_default(),
    ));
    let call = desk
        .api("call-status", "PATCH", &format!("/users/{}", user.id))
        .body(body)
        .scope("users:write");
    let button = Button::submit(title);
    let button = if to == "active" {
        button.primary()
    } else {
        button.danger()
    };
    let form = desk
        .post(
            format!("{href}/status"),
            warning(to != "active", user.display_name(), &lines),
        )
        .errors(summary(errors.as_ref()))
        .buttons([button, Button::link("Cancel", href).quiet()])
        .after(call);
    let page = page(&user, &format!("{title} {}", user.display_name()));
    Ok(Shown::form(
        page,
        errors.as_ref(),
        Card::new(form.render()).render(),
    ))
}

/// Deletes a person, after a page that lists what goes with them.
pub(super) async fn delete(desk: Desk) -> Result<Shown> {
    let user = find(&desk).await?;
    let href = user_href(user.id.as_str());
    let (db, ids, reference) = (desk.db(), &desk.app.ids, Ref::Id(user.id.clone()));
    let mut errors = None;
    let plan = |call| {
        let reference = reference.clone();
        async move {
            let (plan, _) =
                plan_delete_user(db, ids, call, &reference, LmsAction::Keep, |_| Ok(())).await?;
            Ok((plan, ()))
        }
    };
    if desk.is_post() {
        match desk.commit(|| plan(&desk.call)).await {
            Ok(()) => {
                let text = format!("{} was deleted.", user.display_name());
                return Ok(Shown::done("/dashboard/users", text));
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
    let mut lines = vec![
        "They leave all teams and are signed out.".to_owned(),
        "Name and address are free at once. The history of their seats stays.".to_owned(),
    ];
    lines.extend(consequences(&planned));
    let call = desk
        .api("call-delete", "DELETE", &format!("/users/{}", user.id))
        .scope("users:write");
    let form = desk
        .post(
            format!("{href}/delete"),
            warning(true, user.display_name(), &lines),
        )
        .errors(summary(errors.as_ref()))
        .buttons([
            Button::submit("Delete person").danger().icon(Icon::Trash),
            Button::link("Cancel", href).quiet(),
        ])
        .after(call);
    let page = page(&user, &format!("Delete {}", user.display_name()));
    Ok(Shown::form(
        page,
        errors.as_ref(),
        Card::new(form.render()).render(),
    ))
}

/// What follows from an action, as a callout with a list.
pub(super) fn warning(is_grave: bool, subject: &str, lines: &[String]) -> Markup {
    let tone = if is_grave {
        Tone::Warning
    } else {
        Tone::Neutral
    };
    Callout::new(tone, format!("What happens to {subject}"))
        .body(html! { ul { @for line in lines { li { (line) } } } })
        .render()
}

/// What a planned change does to seats, counted in plain words.
pub(super) fn consequences(planned: &[JsonValue]) -> Vec<String> {
    let number = |kind: &str| {
        let found = planned
            .iter()
            .filter(|change| change.get("type").and_then(JsonValue::as_str) == Some(kind))
            .count();
        u64::try_from(found).unwrap_or(0)
    };
    let lines = [
        (
            number("seat.released"),
            "place is given back",
            "places are given back",
        ),
        (
            number("seat.assigned"),
            "person moves up from the waiting line",
            "people move up from the waiting line",
        ),
    ];
    lines
        .into_iter()
        .filter(|(found, ..)| *found > 0)
        .map(|(found, one, many)| format!("{}.", counted(found, one, many)))
        .collect()
}
