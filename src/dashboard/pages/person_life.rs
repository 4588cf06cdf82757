//! How a person goes for good and becomes one with another: each with a page that says before what will happen; and all
//! there is about them as a file.

use axum::body::Body;
use axum::extract::Path;
use axum::http::header;
use axum::response::Response;
use maud::{Render, html};
use serde_json::json;

use super::desk::{Desk, Shown, fault, faults, read, summary};
use super::look::user_href;
use super::person_edit::{consequences, page, warning};
use crate::access::Permission;
use crate::dashboard::answer::Answer;
use crate::dashboard::components::{Button, Callout, Card, Field, Tone};
use crate::dashboard::door::Visitor;
use crate::dashboard::icons::Icon;
use crate::error::{Error, Result};
use crate::lifecycle::consequences::Consequence;
use crate::lifecycle::erase::{EraseInput, plan_erase};
use crate::lifecycle::export::export as export_of;
use crate::lifecycle::merge::{MergeInput, MergeOutcome, plan_merge};
use crate::lifecycle::restore::aside;
use crate::records;
use crate::resources::User;
use crate::types::Ref;

/// A consequence as a line of a list.
pub(super) fn line(one: &Consequence) -> String {
    let mut what = one.what.replace('_', " ");
    if let Some(first) = what.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    format!("{what}: {} {}.", one.count, one.becomes)
}

/// The person of the address who was put aside.
pub(super) async fn departed(desk: &Desk) -> Result<User> {
    desk.require(Permission::UsersWrite)?;
    desk.caller().require_account()?;
    let found = desk
        .db()
        .first::<User>(&desk.caller().account, aside::<User>(&desk.reference(0)?))
        .await?;
    found.ok_or_else(|| Error::not_found("user"))
}

/// Erases a person, after a page that says what goes and what stays.
pub(super) async fn erase(desk: Desk) -> Result<Shown> {
    desk.require(Permission::UsersErase)?;
    let reference: Ref<User> = desk.reference(0)?;
    let user = match records::maybe::<User>(desk.db(), desk.caller(), &reference).await? {
        Some(user) => user,
        None => departed(&desk).await?,
    };
    let href = user_href(user.id.as_str());
    let (db, ids, reference) = (desk.db(), &desk.app.ids, Ref::Id(user.id.clone()));
    let input = EraseInput::default();
    let mut errors = None;
    if desk.is_post() {
        if desk.field("confirm") == user.email.as_str() {
            match desk
                .commit(|| plan_erase(db, ids, &desk.call, &reference, &input))
                .await
            {
                Ok(_) => {
                    let text = "The person is erased. The last traces go within a minute.";
                    return Ok(Shown::done("/dashboard/users", text));
                }
                Err(error) => errors = Some(faults(error)?),
            }
        } else {
            let fault = crate::error::Fault::new(
                "/confirm",
                "mismatch",
                "Type the person's address as it stands above.",
            );
            errors = Some(faults(Error::invalid(vec![fault]))?);
        }
    }
    let dry = desk.dry();
    let report = match desk
        .rehearse(&dry, || plan_erase(db, ids, &dry, &reference, &input))
        .await
    {
        Ok(done) => Some(done.value.report.0),
        Err(error) => {
            errors = Some(faults(error)?);
            None
        }
    };
    let lists = html! {
        @if let Some(report) = &report {
            (Callout::new(Tone::Warning, "What goes, for good").body(html! { ul { @for one in &report.erased { li { (line(one)) } } } }))
            (Callout::new(Tone::Neutral, "What must stay, and why").body(html! { ul { @for one in &report.kept { li { (line(one)) } } } }))
        }
        p.secondary { (user.display_name()) " · " (user.email.as_str()) }
        @if report.is_some() {
            (Field::text("confirm", "Type the address to confirm").error(fault(errors.as_ref(), "confirm")).autocomplete("off").required())
        }
    };
    // Not offered where it would be refused.
    let deed = report
        .is_some()
        .then(|| Button::submit("Erase for good").danger().icon(Icon::Trash));
    let call = desk
        .api("call-erase", "POST", &format!("/users/{}/erase", user.id))
        .body(json!({ "lms": "keep" }))
        .scope("users:erase");
    let form = desk
        .post(format!("{href}/erase"), lists)
        .errors(summary(errors.as_ref()))
        .buttons(
            deed.into_iter()
                .chain([Button::link("Cancel", href).quiet()]),
        )
        .after(call);
    let page = page(&user, &format!("Erase {}", user.display_name()));
    Ok(Shown::form(
        page,
        errors.as_ref(),
        Card::new(form.render()).render(),
    ))
}

/// Makes one person of two: first who the other is, then what happens, then the deed.
pub(super) async fn merge(desk: Desk) -> Result<Shown> {
    desk.require(Permission::UsersMerge)?;
    let user = records::find::<User>(desk.db(), desk.caller(), &desk.reference(0)?).await?;
    let href = user_href(user.id.as_str());
    let (db, ids, reference) = (desk.db(), &desk.app.ids, Ref::Id(user.id.clone()));
    let typed = match desk.field("from") {
        "" => desk.get("from").trim(),
        from => from,
    };
    let named = if typed.contains('@') && !typed.starts_with("email:") {
        format!("email:{typed}")
    } else {
        typed.to_owned()
    };
    let body = json!({ "from": named });
    let mut errors = None;
    let mut preview = None;
    if !named.is_empty() {
        let input = read::<MergeInput>(&body);
        let is_sure = desk.is_post() && !desk.field("sure").is_empty();
        match (input, is_sure) {
            (Ok(input), true) => {
                match desk
                    .commit(|| plan_merge(db, ids, &desk.call, &reference, &input))
                    .await
                {
                    Ok(_) => {
                        let text = format!("{} is one person now.", user.display_name());
                        return Ok(Shown::done(href, text));
                    }
                    Err(error) => errors = Some(faults(error)?),
                }
            }
            (Ok(input), false) => {
                let dry = desk.dry();
                match desk
                    .rehearse(&dry, || plan_merge(db, ids, &dry, &reference, &input))
                    .await
                {
                    Ok(done) => preview = Some(done),
                    Err(error) => errors = Some(faults(error)?),
                }
            }
            (Err(error), _) => errors = Some(faults(error)?),
        }
    }
    let is_new = |done: &crate::lifecycle::merge::Merged| done.outcome == MergeOutcome::Merged;
    let lines = preview.as_ref().map(|done| {
        let mut lines: Vec<String> = done.value.consequences.iter().map(line).collect();
        lines.extend(consequences(done.planned.as_deref().unwrap_or_default()));
        if !is_new(&done.value) {
            lines.push("They are one person already.".to_owned());
        }
        lines
    });
    let fields = html! {
        (Field::text("from", "The other record").value(typed).error(fault(errors.as_ref(), "from")).autocomplete("off").required()
            .hint("Its e-mail address, its id, or ext: and your own key. It becomes part of this person; its id leads here."))
        @if let Some(lines) = &lines {
            (warning(true, user.display_name(), lines))
            input type="hidden" name="sure" value="1";
        }
    };
    let button = if lines.is_some() {
        Button::submit("Make one person of both")
            .danger()
            .icon(Icon::Users)
    } else {
        Button::submit("See what happens").primary().icon(Icon::Eye)
    };
    let call = desk
        .api("call-merge", "POST", &format!("/users/{}/merge", user.id))
        .body(json!({ "from": if named.is_empty() { "email:other@example.com" } else { named.as_str() } }))
        .scope("users:merge");
    let form = desk
        .post(format!("{href}/merge"), fields)
        .errors(summary(errors.as_ref()))
        .buttons([button, Button::link("Cancel", href).quiet()])
        .after(call);
    let page = page(
        &user,
        &format!("Merge another record into {}", user.display_name()),
    );
    Ok(Shown::form(
        page,
        errors.as_ref(),
        Card::new(form.render()).render(),
    ))
}

/// Everything about a person, as a file.
pub(super) async fn export(visitor: Visitor, Path(id): Path<String>) -> Answer {
    let reference = Ref::parse(&id).map_err(|_| Error::not_found("user"))?;
    let document = export_of(&visitor.app.db, &visitor.call(), &reference).await?;
    let bytes = serde_json::to_vec_pretty(&document).map_err(Error::internal)?;
    let mut response = Response::new(Body::from(bytes));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("application/json"),
    );
    headers.insert(
        header::CONTENT_DISPOSITION,
        header::HeaderValue::from_static("attachment; filename=\"person.json\""),
    );
    headers.insert(
        header::CACHE_CONTROL,
        header::HeaderValue::from_static("no-store"),
    );
    Ok(response)
}
