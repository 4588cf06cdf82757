//! Catalog items are made and changed: what is in the pack, for how much, for whom.

use maud::{Markup, Render, html};
use serde_json::{Map, Value as JsonValue, json};

use super::catalog::STATUSES;
use super::desk::{Desk, Shown, fault, faults, read, summary};
use super::provision::with_none;
use super::seat_edit::whole;
use super::users::team_choices;
use crate::access::Permission;
use crate::commerce::CatalogItem;
use crate::commerce::item::{CatalogItemPatch, NewCatalogItem};
use crate::dashboard::components::{Button, Card, Checkbox, Field};
use crate::dashboard::form::FieldErrors;
use crate::dashboard::layout::Page;
use crate::db::{Batch, Select};
use crate::error::Result;
use crate::params;
use crate::records;
use crate::types::Ref;

/// What can be chosen in the form.
struct Choices {
    products: Vec<(String, String)>,
    organizations: Vec<(String, String)>,
    teams: Vec<(String, String)>,
}

async fn choices(desk: &Desk) -> Result<Choices> {
    let mut batch = Batch::new();
    let products = batch.add::<(String, String)>(Select::new(
        "SELECT id, name FROM products WHERE account_id = $1 AND status <> 'archived' ORDER BY name_key LIMIT 200",
        params![],
    ));
    let organizations = batch.add::<(String, String)>(Select::new(
        "SELECT id, name FROM organizations WHERE account_id = $1 ORDER BY name_key LIMIT 200",
        params![],
    ));
    let teams = batch.add::<(String, String)>(team_choices(desk));
    let mut rows = desk.db().read(&desk.caller().account, batch).await?;
    Ok(Choices {
        products: rows.take(&products),
        organizations: rows.take(&organizations),
        teams: rows.take(&teams),
    })
}

/// The members of a body that the form gives.
fn body(desk: &Desk, mut members: Map<String, JsonValue>) -> JsonValue {
    for name in ["product", "status"] {
        if !desk.field(name).is_empty() {
            members.insert(name.into(), json!(desk.field(name)));
        }
    }
    if !desk.field("quantity").is_empty() {
        members.insert("quantity".into(), whole(desk.field("quantity")));
    }
    for name in ["price_credits", "price_amount"] {
        let value = match desk.field(name) {
            "" => JsonValue::Null,
            text => whole(text),
        };
        members.insert(name.into(), value);
    }
    let currency = desk.field("currency").to_uppercase();
    let currency = Some(currency).filter(|_| !desk.field("price_amount").is_empty());
    members.insert(
        "currency".into(),
        json!(currency.filter(|code| !code.is_empty())),
    );
    let days = desk.field("expires_in_days");
    let terms = if days.is_empty() {
        JsonValue::Null
    } else {
        json!({ "expiry": "days", "expires_in_days": whole(days) })
    };
    members.insert("terms".into(), terms);
    let (organizations, chosen) = (desk.fields("organization"), desk.fields("team"));
    let all = organizations.is_empty() && chosen.is_empty();
    members.insert(
        "visible_to".into(),
        json!({ "all": all, "organizations": organizations, "teams": chosen }),
    );
    members.into()
}

fn stored(item: Option<&CatalogItem>, name: &str) -> String {
    let value = item.and_then(|item| serde_json::to_value(item).ok());
    match value.as_ref().and_then(|value| value.get(name)) {
        Some(JsonValue::String(text)) => text.clone(),
        Some(JsonValue::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

fn fields(
    desk: &Desk,
    item: Option<&CatalogItem>,
    choices: &Choices,
    errors: Option<&FieldErrors>,
) -> Markup {
    let value = |name: &str| desk.shown(name, &stored(item, name));
    let product = item
        .map(|item| item.product_id.to_string())
        .unwrap_or_default();
    let days = item.and_then(|item| item.terms.as_ref()?.0.expires_in_days);
    let days = days.map(|days| days.to_string()).unwrap_or_default();
    let status = value("status");
    let quantity = value("quantity");
    html! {
        (Field::text("name", "Name").value(value("name")).error(fault(errors, "name")).required().autocomplete("off"))
        (Field::text_area("description", "Description").value(value("description")).error(fault(errors, "description")))
        div.form-row {
            (Field::select("product", "Product", with_none("Choose a product", &choices.products)).value(desk.shown("product", &product)).error(fault(errors, "product")).required())
            (Field::number("quantity", "Places in the pack").value(if quantity.is_empty() { "1".to_owned() } else { quantity }).error(fault(errors, "quantity")).required())
        }
        div.form-row {
            (Field::number("price_credits", "Price in credits").value(value("price_credits")).error(fault(errors, "price_credits")).hint("Empty: not for credits."))
            (Field::number("price_amount", "Price in money").value(value("price_amount")).error(fault(errors, "price_amount")).hint("In the currency's smallest unit, such as cents."))
            (Field::text("currency", "Currency").value(value("currency")).error(fault(errors, "currency")).mono().placeholder("EUR"))
        }
        div.form-row {
            (Field::number("expires_in_days", "Days a place lasts").value(desk.shown("expires_in_days", &days)).error(fault(errors, "terms")).hint("Of a seat that is made by it. Empty: as the account has it."))
            (Field::text("external_id", "External id").value(value("external_id")).error(fault(errors, "external_id")).mono().hint("Your own key, such as an SKU."))
        }
        (Field::select("status", "Status", STATUSES).value(if status.is_empty() { "draft".to_owned() } else { status }).error(fault(errors, "status")).required())
        (audience(desk, item, choices, errors))
    }
}

fn audience(
    desk: &Desk,
    item: Option<&CatalogItem>,
    choices: &Choices,
    errors: Option<&FieldErrors>,
) -> Markup {
    let ticks = |name: &str, known: Vec<String>| {
        if desk.is_post() {
            desk.fields(name)
        } else {
            known
        }
    };
    let audience = item.map(|item| &item.visible_to.0);
    let organizations = audience.map(|of| {
        of.organization_ids
            .iter()
            .map(ToString::to_string)
            .collect()
    });
    let teams = audience.map(|of| of.team_ids.iter().map(ToString::to_string).collect());
    let lists = [
        (
            "organization",
            &choices.organizations,
            ticks("organization", organizations.unwrap_or_default()),
        ),
        (
            "team",
            &choices.teams,
            ticks("team", teams.unwrap_or_default()),
        ),
    ];
    html! {
        fieldset.field {
            legend { "On offer for" }
            p.hint { "Everybody, unless you tick some. An organization stands for all that is below it." }
            @if let Some(fault) = fault(errors, "visible_to") { p.field-error { (fault) } }
            @for (name, list, ticked) in lists {
                @for (id, label) in list {
                    (Checkbox { name: name.into(), value: id.clone(), label: label.clone(), checked: ticked.contains(id), ..Checkbox::default() })
                }
            }
        }
    }
}

fn page(title: &str) -> Page {
    Page {
        crumbs: vec![("Catalog".into(), "/dashboard/catalog".into())],
        narrow: true,
        ..Page::titled(title)
    }
}

/// The form of a new item.
pub(super) async fn create(desk: Desk) -> Result<Shown> {
    desk.require(Permission::CatalogWrite)?;
    let mut errors = None;
    if desk.is_post() {
        match make(&desk).await {
            Ok(item) => {
                let text = format!("{} was created.", item.name);
                return Ok(Shown::done("/dashboard/catalog", text));
            }
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let choices = choices(&desk).await?;
    let call = desk
        .api("call-item", "POST", "/catalog_items")
        .body(json!({ "name": "Safety, ten places", "external_id": "safety-10", "product": "ext:safety-101", "quantity": 10, "price_credits": 100, "status": "published" }))
        .scope("catalog:write");
    let form = desk
        .post(
            "/dashboard/catalog/new",
            fields(&desk, None, &choices, errors.as_ref()),
        )
        .errors(summary(errors.as_ref()))
        .buttons([
            Button::submit("Create item").primary(),
            Button::link("Cancel", "/dashboard/catalog").quiet(),
        ])
        .after(call);
    Ok(Shown::form(
        page("New item"),
        errors.as_ref(),
        Card::new(form.render()).render(),
    ))
}

async fn make(desk: &Desk) -> Result<CatalogItem> {
    let new: NewCatalogItem = read(&body(
        desk,
        desk.filled(&["name", "description", "external_id"]),
    ))?;
    let (db, ids, call) = (desk.db(), &desk.app.ids, &desk.call);
    desk.commit(|| records::plan_create::<CatalogItem>(db, ids, call, new.clone()))
        .await
}

/// The form of an item's details.
pub(super) async fn edit(desk: Desk) -> Result<Shown> {
    desk.require(Permission::CatalogWrite)?;
    let item = records::find::<CatalogItem>(desk.db(), desk.caller(), &desk.reference(0)?).await?;
    let mut errors = None;
    if desk.is_post() {
        match change(&desk, &item).await {
            Ok(item) => {
                let text = format!("{} was saved.", item.name);
                return Ok(Shown::done("/dashboard/catalog", text));
            }
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let choices = choices(&desk).await?;
    let call = desk
        .api("call-item", "PATCH", &format!("/catalog_items/{}", item.id))
        .body(json!({ "price_credits": item.price_credits, "status": item.status }))
        .scope("catalog:write");
    let action = format!("/dashboard/catalog/{}/edit", item.id);
    let form = desk
        .post(
            action,
            fields(&desk, Some(&item), &choices, errors.as_ref()),
        )
        .errors(summary(errors.as_ref()))
        .buttons([
            Button::submit("Save").primary(),
            Button::link("Cancel", "/dashboard/catalog").quiet(),
        ])
        .after(call);
    let title = item.name.to_string();
    Ok(Shown::form(
        page(&title),
        errors.as_ref(),
        Card::new(form.render()).render(),
    ))
}

async fn change(desk: &Desk, item: &CatalogItem) -> Result<CatalogItem> {
    let mut members = body(desk, desk.changed(&["name", "description", "external_id"]));
    // Terms that the form does not show stay as they are.
    let shown = item
        .terms
        .as_ref()
        .and_then(|terms| terms.0.expires_in_days);
    if shown.is_none()
        && desk.field("expires_in_days").is_empty()
        && let Some(members) = members.as_object_mut()
    {
        members.remove("terms");
    }
    let patch: CatalogItemPatch = read(&members)?;
    let (db, call, reference) = (desk.db(), &desk.call, Ref::Id(item.id.clone()));
    desk.commit(|| {
        records::plan_change::<CatalogItem, _>(db, call, &reference, patch.clone(), |_| Ok(()))
    })
    .await
}
