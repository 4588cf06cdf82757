//! Products: what seats are of.

use std::collections::BTreeMap;

use maud::{Markup, Render, html};
use serde_json::{Map, Value as JsonValue, json};

use super::desk::{Desk, Shown, fault, faults, read, summary};
use super::look::{PUBLISH, publish_badge};
use super::users::pager;
use crate::access::Permission;
use crate::dashboard::components::{
    Avatar, Button, Card, Cell, Checkbox, Column, EmptyState, Field, FilterBar, Menu, Row, Table,
    UsageMeter, day,
};
use crate::dashboard::form::FieldErrors;
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::db::{Batch, Select};
use crate::error::Result;
use crate::params;
use crate::records;
use crate::resources::product::{NewProduct, ProductPatch};
use crate::resources::{Course, Product};
use crate::types::{ExternalId, Id, Ref, json_list};

fn actions(desk: &Desk) -> Markup {
    html! {
        @if desk.may_in_account(Permission::ProductsWrite) {
            (Button::link("New product", "/dashboard/products/new").primary().icon(Icon::Plus))
        }
    }
}

/// The list.
pub(super) async fn products(desk: Desk) -> Result<Shown> {
    let list = desk.records::<Product>().await?;
    let url = desk.list("/dashboard/products");
    let ids = json_list(list.rows.iter().map(|product| &product.id));
    let mut batch = Batch::new();
    let courses = batch.add::<(Id<Product>, String)>(Select::new(
        "SELECT pc.product_id, c.name FROM product_courses pc JOIN courses c ON c.account_id = $1 AND c.id = pc.course_id \
         WHERE pc.account_id = $1 AND pc.product_id IN (SELECT value FROM JSON_LIST($2) AS wanted) ORDER BY c.name_key",
        params![ids],
    ));
    let usage = batch.add::<(Id<Product>, i64, i64, i64)>(Select::new(
        "SELECT product_id, CAST(sum(assigned + reserved + spent) AS BIGINT), CAST(coalesce(sum(quantity), 0) AS BIGINT), \
         CAST(sum(CASE WHEN quantity IS NULL THEN 1 ELSE 0 END) AS BIGINT) FROM seats \
         WHERE account_id = $1 AND status = 'active' AND product_id IN (SELECT value FROM JSON_LIST($2) AS wanted) GROUP BY product_id",
        params![ids],
    ));
    let mut rows = desk.db().read(&desk.caller().account, batch).await?;
    let mut by_product: BTreeMap<Id<Product>, Vec<String>> = BTreeMap::new();
    for (product, name) in rows.take(&courses) {
        by_product.entry(product).or_default().push(name);
    }
    let usage: BTreeMap<_, _> = rows
        .take(&usage)
        .into_iter()
        .map(|(id, used, total, unlimited)| {
            (
                id,
                super::teams::usage_meter(
                    super::look::count(used),
                    super::look::count(total),
                    unlimited,
                    0,
                ),
            )
        })
        .collect();
    let filters = FilterBar::new(url.clone()).search("Search by name");
    let table_rows = list.rows.iter().map(|product| {
        let names = by_product.get(&product.id).map_or(&[][..], Vec::as_slice);
        row(&desk, product, names, usage.get(&product.id))
    });
    let columns = [
        Column::new("Name").sort(&url, "name"),
        Column::new("Status"),
        Column::new("Courses"),
        Column::new("Seats in use"),
        Column::new("Created").sort(&url, "created_at"),
    ];
    let empty = if filters.is_active() {
        EmptyState::no_match("/dashboard/products")
    } else {
        EmptyState::new(
            Icon::Box,
            "No products yet",
            "A product is one course or a bundle of them. Seats are places in a product.",
        )
        .actions(actions(&desk))
    };
    let table = Table::new("Products", columns, table_rows)
        .empty(empty)
        .pager(pager(&desk, &url, &list));
    let page = Page {
        lead: Some("What seats are of: one course, or a bundle of them.".into()),
        actions: Some(actions(&desk)),
        ..Page::titled("Products")
    };
    Ok(Shown::page(page, html! { div.stack { (filters) (table) } }))
}

fn row(desk: &Desk, product: &Product, courses: &[String], usage: Option<&UsageMeter>) -> Row {
    let name = product.name.as_str();
    let edit = format!("/dashboard/products/{}/edit", product.id);
    let seats = format!("/dashboard/seats?product={}", product.id);
    let menu = Menu::new(format!("Actions for {name}")).link(Icon::Seat, "Seats", &seats);
    let menu = if desk.may_in_account(Permission::ProductsWrite) {
        menu.link(Icon::Edit, "Edit", &edit)
    } else {
        menu
    };
    let key = product.external_id.as_ref().map(ExternalId::as_str);
    Row::new([
        Cell::record(
            &Avatar::group(name),
            name,
            if desk.may_in_account(Permission::ProductsWrite) {
                &edit
            } else {
                &seats
            },
            key,
        ),
        Cell::new(publish_badge(product.status)),
        Cell::text(&courses.join(", ")),
        usage.map_or_else(Cell::none, Cell::new),
        Cell::new(day(product.created_at.to_jiff())),
    ])
    .actions(menu)
}

fn body(desk: &Desk, mut members: Map<String, JsonValue>) -> JsonValue {
    members.insert("courses".into(), json!(desk.fields("course")));
    if !desk.field("status").is_empty() {
        members.insert("status".into(), json!(desk.field("status")));
    }
    members.into()
}

async fn fields(
    desk: &Desk,
    product: Option<&Product>,
    errors: Option<&FieldErrors>,
) -> Result<Markup> {
    let courses = desk
        .db()
        .fetch::<(Id<Course>, String)>(
            &desk.caller().account,
            Select::new(
                "SELECT id, name FROM courses WHERE account_id = $1 ORDER BY name_key LIMIT 200",
                params![],
            ),
        )
        .await?;
    let stored = product.map(|product| serde_json::to_value(product).unwrap_or_default());
    let value = |name: &str| {
        let found = stored.as_ref().and_then(|stored| stored.get(name));
        desk.shown(name, found.and_then(JsonValue::as_str).unwrap_or_default())
    };
    let sent = desk.fields("course");
    let ticked = |id: &Id<Course>| {
        if desk.is_post() {
            sent.iter().any(|one| one == id.as_str())
        } else {
            product.is_some_and(|product| product.course_ids.0.contains(id))
        }
    };
    let status = value("status");
    Ok(html! {
        (Field::text("name", "Name").value(value("name")).error(fault(errors, "name")).required().autocomplete("off"))
        (Field::text_area("description", "Description").value(value("description")).error(fault(errors, "description")))
        div.form-row {
            (Field::text("external_id", "External id").value(value("external_id")).error(fault(errors, "external_id")).mono().hint("Your own key, such as an SKU."))
            (Field::select("status", "Status", PUBLISH).value(if status.is_empty() { "published" } else { &status }).error(fault(errors, "status")).required())
        }
        fieldset.field {
            legend { "Courses" }
            @if courses.is_empty() { p.hint { "There are no courses yet. " a href="/dashboard/courses/new" { "Add one" } } }
            @for (id, name) in &courses {
                (Checkbox { name: "course".into(), value: id.to_string(), label: name.clone(), checked: ticked(id), ..Checkbox::default() })
            }
        }
    })
}

fn page(title: &str) -> Page {
    Page {
        crumbs: vec![("Products".into(), "/dashboard/products".into())],
        narrow: true,
        ..Page::titled(title)
    }
}

/// The form of a new product.
pub(super) async fn create(desk: Desk) -> Result<Shown> {
    desk.require(Permission::ProductsWrite)?;
    let mut errors = None;
    if desk.is_post() {
        match make(&desk).await {
            Ok(product) => {
                let text = format!("{} was created.", product.name);
                return Ok(Shown::done("/dashboard/products", text));
            }
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let call = desk
        .api("call-product", "POST", "/products")
        .body(json!({ "name": "Safety 101", "external_id": "safety-101", "courses": ["ext:work-safety"] }))
        .scope("products:write");
    let form = desk
        .post(
            "/dashboard/products/new",
            fields(&desk, None, errors.as_ref()).await?,
        )
        .errors(summary(errors.as_ref()))
        .buttons([
            Button::submit("Create product").primary(),
            Button::link("Cancel", "/dashboard/products").quiet(),
        ])
        .after(call);
    Ok(Shown::form(
        page("New product"),
        errors.as_ref(),
        Card::new(form.render()).render(),
    ))
}

async fn make(desk: &Desk) -> Result<Product> {
    let new: NewProduct = read(&body(
        desk,
        desk.filled(&["name", "description", "external_id"]),
    ))?;
    let (db, ids, call) = (desk.db(), &desk.app.ids, &desk.call);
    desk.commit(|| records::plan_create::<Product>(db, ids, call, new.clone()))
        .await
}

/// The form of a product's details.
pub(super) async fn edit(desk: Desk) -> Result<Shown> {
    desk.require(Permission::ProductsWrite)?;
    let product = records::find::<Product>(desk.db(), desk.caller(), &desk.reference(0)?).await?;
    let mut errors = None;
    if desk.is_post() {
        match change(&desk, &product).await {
            Ok(product) => {
                let text = format!("{} was saved.", product.name);
                return Ok(Shown::done("/dashboard/products", text));
            }
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let call = desk
        .api(
            "call-product",
            "PATCH",
            &format!("/products/{}", product.id),
        )
        .body(json!({ "name": product.name, "status": product.status }))
        .scope("products:write");
    let action = format!("/dashboard/products/{}/edit", product.id);
    let form = desk
        .post(
            action,
            fields(&desk, Some(&product), errors.as_ref()).await?,
        )
        .errors(summary(errors.as_ref()))
        .buttons([
            Button::submit("Save").primary(),
            Button::link("Cancel", "/dashboard/products").quiet(),
        ])
        .after(call);
    let title = product.name.to_string();
    Ok(Shown::form(
        page(&title),
        errors.as_ref(),
        Card::new(form.render()).render(),
    ))
}

async fn change(desk: &Desk, product: &Product) -> Result<Product> {
    let patch: ProductPatch = read(&body(
        desk,
        desk.changed(&["name", "description", "external_id"]),
    ))?;
    let (db, call, reference) = (desk.db(), &desk.call, Ref::Id(product.id.clone()));
    desk.commit(|| {
        records::plan_change::<Product, _>(db, call, &reference, patch.clone(), |_| Ok(()))
    })
    .await
}
