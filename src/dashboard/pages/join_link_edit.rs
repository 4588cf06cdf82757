//! Links are made and changed: where they lead, what comes with them, and their limits.

use maud::{Markup, Render, html};
use serde_json::{Map, Value as JsonValue, json};

use super::desk::{Desk, Shown, fault, faults, read, summary};
use super::links::{ROOM, href};
use super::offers::{IF_FULL, product_choices, product_fields};
use super::team_members::role_field;
use super::users::team_choices;
use crate::access::Permission;
use crate::dashboard::components::{Button, Card, Checkbox, Field};
use crate::dashboard::form::FieldErrors;
use crate::dashboard::layout::Page;
use crate::db::Batch;
use crate::error::{Error, Result};
use crate::joining::input::{LinkPatch, NewLink};
use crate::joining::{Link, manage};
use crate::records;
use crate::resources::Product;
use crate::types::{Id, Ref};

/// The form of a new link.
pub(super) async fn create(desk: Desk) -> Result<Shown> {
    desk.require(Permission::LinksWrite)?;
    let mut errors = None;
    if desk.is_post() {
        match make(&desk).await {
            Ok(one) => return Ok(Shown::done(href(&one.id), format!("{} is open.", one.name))),
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let call = desk
        .api("call-link", "POST", "/links")
        .body(json!({ "name": "Poster in the hall", "team": "ext:engines", "products": ["ext:safety-101"], "max_uses": 30, "allowed_domains": ["example.com"] }))
        .scope("links:write");
    let form = desk
        .post(
            format!("{ROOM}/new"),
            fields(&desk, None, errors.as_ref()).await?,
        )
        .errors(summary(errors.as_ref()))
        .buttons([
            Button::submit("Create link").primary(),
            Button::link("Cancel", ROOM).quiet(),
        ])
        .after(call);
    Ok(Shown::form(
        page("New link"),
        errors.as_ref(),
        Card::new(form.render()).render(),
    ))
}

/// The form of a link's details.
pub(super) async fn edit(desk: Desk) -> Result<Shown> {
    desk.require(Permission::LinksWrite)?;
    let one: Link = records::find(desk.db(), desk.caller(), &desk.reference(0)?).await?;
    let mut errors = None;
    if desk.is_post() {
        match change(&desk, &one).await {
            Ok(one) => {
                return Ok(Shown::done(
                    href(&one.id),
                    format!("{} was saved.", one.name),
                ));
            }
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let call = desk
        .api("call-link", "PATCH", &format!("/links/{}", one.id))
        .body(json!({ "max_uses": one.max_uses, "paused": one.paused }))
        .scope("links:write");
    let form = desk
        .post(
            format!("{}/edit", href(&one.id)),
            fields(&desk, Some(&one), errors.as_ref()).await?,
        )
        .errors(summary(errors.as_ref()))
        .buttons([
            Button::submit("Save").primary(),
            Button::link("Cancel", href(&one.id)).quiet(),
        ])
        .after(call);
    Ok(Shown::form(
        page(one.name.as_str()),
        errors.as_ref(),
        Card::new(form.render()).render(),
    ))
}

fn page(title: &str) -> Page {
    Page {
        crumbs: vec![("Links".into(), ROOM.into())],
        narrow: true,
        ..Page::titled(title)
    }
}

async fn make(desk: &Desk) -> Result<Link> {
    let mut members = desk.filled(&["name", "team", "role", "if_full", "slug", "external_id"]);
    members.extend(limits(desk, false)?);
    let new: NewLink = read(&members.into())?;
    let (db, ids, call) = (desk.db(), &desk.app.ids, &desk.call);
    desk.commit(|| manage::plan_create(db, ids, call, new.clone()))
        .await
}

async fn change(desk: &Desk, one: &Link) -> Result<Link> {
    let mut members = desk.filled(&["name", "role", "if_full", "slug"]);
    members.extend(desk.changed(&["external_id"]));
    members.extend(limits(desk, true)?);
    let patch: LinkPatch = read(&members.into())?;
    let (db, call, reference) = (desk.db(), &desk.call, Ref::Id(one.id.clone()));
    desk.commit(|| manage::plan_change(db, call, &reference, patch.clone(), |_| Ok(())))
        .await
}

/// The members that are no plain texts; with `empties`, what was left empty becomes `null`.
fn limits(desk: &Desk, empties: bool) -> Result<Map<String, JsonValue>> {
    let mut members = Map::new();
    let uses = desk
        .form
        .as_ref()
        .map(|form| form.number("max_uses"))
        .transpose();
    let uses = uses.map_err(|fault| Error::invalid(vec![fault]))?.flatten();
    if uses.is_some() || empties {
        members.insert("max_uses".into(), json!(uses));
    }
    for name in ["starts_at", "expires_at"] {
        let day = desk.field(name);
        if !day.is_empty() {
            members.insert(name.into(), format!("{day}T00:00:00Z").into());
        } else if empties {
            members.insert(name.into(), JsonValue::Null);
        }
    }
    members.insert("products".into(), json!(desk.fields("product")));
    members.insert("allowed_domains".into(), desk.labels("allowed_domains"));
    members.insert(
        "requires_approval".into(),
        desk.ticked("requires_approval", false).into(),
    );
    Ok(members)
}

async fn fields(desk: &Desk, one: Option<&Link>, errors: Option<&FieldErrors>) -> Result<Markup> {
    let mut batch = Batch::new();
    let teams = batch.add::<(String, String)>(team_choices(desk));
    let products = batch.add::<(Id<Product>, String)>(product_choices());
    let mut rows = desk.db().read(&desk.caller().account, batch).await?;
    let stored = one.map(|one| serde_json::to_value(one).unwrap_or_default());
    let value = |name: &str| {
        let found = stored.as_ref().and_then(|stored| stored.get(name));
        let text = match found {
            Some(JsonValue::String(text)) => text.clone(),
            Some(JsonValue::Number(number)) => number.to_string(),
            Some(JsonValue::Array(list)) => {
                let texts: Vec<&str> = list.iter().filter_map(JsonValue::as_str).collect();
                texts.join(", ")
            }
            _ => String::new(),
        };
        desk.shown(name, &text)
    };
    let or = |name: &str, usual: &str| {
        let value = value(name);
        if value.is_empty() {
            usual.to_owned()
        } else {
            value
        }
    };
    // A link makes nobody an owner.
    let roles = role_field(desk, &or("role", "member"), errors, &["owner"]).await?;
    let day = |name: &str| value(name).chars().take(10).collect::<String>();
    let chosen = one.map_or(&[][..], |one| one.product_ids.0.as_slice());
    let team = desk.shown("team", desk.get("team"));
    Ok(html! {
        (Field::text("name", "Name").value(value("name")).error(fault(errors, "name")).required().autocomplete("off").hint("Where it hangs, or whom it is for."))
        div.form-row {
            @if one.is_none() {
                (Field::select("team", "Team", rows.take(&teams)).value(team).error(fault(errors, "team")).required())
            }
            (roles)
        }
        (product_fields(desk, &rows.take(&products), chosen))
        div.form-row {
            (Field::select("if_full", "When no place is free", IF_FULL).value(or("if_full", "fail")).error(fault(errors, "if_full")).required())
            (Field::number("max_uses", "People at most").value(value("max_uses")).error(fault(errors, "max_uses")))
        }
        div.form-row {
            (Field::date("starts_at", "Opens on").value(day("starts_at")).error(fault(errors, "starts_at")).hint("In UTC."))
            (Field::date("expires_at", "Ends on").value(day("expires_at")).error(fault(errors, "expires_at")).hint("In UTC."))
        }
        (Field::text("allowed_domains", "Domains").value(value("allowed_domains")).error(fault(errors, "allowed_domains")).hint("Separated by commas; empty: addresses of any domain."))
        (Checkbox { name: "requires_approval".into(), value: "true".into(), label: "Somebody decides on each request".into(), checked: desk.ticked("requires_approval", one.is_some_and(|one| one.requires_approval)), ..Checkbox::default() })
        div.form-row {
            (Field::text("slug", "Address").value(value("slug")).error(fault(errors, "slug")).mono().hint("Empty: letters that nobody guesses."))
            (Field::text("external_id", "External id").value(value("external_id")).error(fault(errors, "external_id")).mono())
        }
    })
}
