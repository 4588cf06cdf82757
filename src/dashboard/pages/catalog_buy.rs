//! An item is bought for a team with credits: what it costs, who pays, and what the team will have.

use maud::{Render, html};
use serde_json::json;

use super::credits::payers_table;
use super::desk::{Desk, Shown, fault, faults, read, summary};
use super::look::count;
use super::provision::with_none;
use super::seat_edit::whole;
use super::users::team_choices;
use crate::access::Permission;
use crate::commerce::CatalogItem;
use crate::commerce::account::Owner;
use crate::commerce::credits::credits;
use crate::commerce::orders::Order;
use crate::commerce::orders::input::BuyInput;
use crate::commerce::orders::place::plan_buy;
use crate::dashboard::components::{Button, Callout, Card, Field, Tone, counted, number};
use crate::dashboard::layout::Page;
use crate::error::Result;
use crate::records;
use crate::resources::Team;
use crate::types::Ref;

/// The form.
pub(super) async fn buy(desk: Desk) -> Result<Shown> {
    desk.require(Permission::CatalogBuy)?;
    let item = records::find::<CatalogItem>(desk.db(), desk.caller(), &desk.reference(0)?).await?;
    let mut errors = None;
    if desk.is_post() {
        match purchase(&desk, &item).await {
            Ok(order) => {
                let href = format!("/dashboard/orders/{}", order.id);
                return Ok(match &order.failure {
                    None => Shown::done(href, format!("{} was bought.", item.name)),
                    Some(_) => {
                        Shown::done(href, "It is paid, but its places could not be given yet.")
                    }
                });
            }
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let wrong = errors.as_ref();
    let teams = desk
        .db()
        .fetch::<(String, String)>(&desk.caller().account, team_choices(&desk))
        .await?;
    let team = desk.shown("team", desk.get("team"));
    // A form that is sent twice buys once.
    let once = if desk.is_post() {
        desk.field("once").to_owned()
    } else {
        desk.app.ids.uuid(desk.call.now).to_string()
    };
    let price = item.price_credits.map_or_else(
        || "Not for credits".to_owned(),
        |price| format!("{} credits", number(count(price))),
    );
    let fields = html! {
        (Field::select("team", "Team", with_none("Choose a team", &teams)).value(team.clone()).error(fault(wrong, "team")).required())
        (Field::number("quantity", "Packs").value(desk.shown("quantity", "1")).error(fault(wrong, "quantity")).required().hint(format!("{} for {price} each.", counted(count(item.quantity), "place", "places"))))
    };
    let call = desk
        .api(
            "call-buy",
            "POST",
            &format!("/catalog_items/{}/buy", item.id),
        )
        .body(json!({ "team": "ext:engines", "quantity": 1 }))
        .scope("catalog:buy");
    let form = desk
        .post(format!("/dashboard/catalog/{}/buy", item.id), fields)
        .hidden("once", once)
        .errors(summary(wrong))
        .buttons([
            Button::submit("Buy with credits").primary(),
            Button::link("Cancel", "/dashboard/catalog").quiet(),
        ])
        .after(call);
    let payers = match Ref::<Team>::parse(&team) {
        Ok(reference) if desk.may(Permission::CreditsRead) => {
            let team = records::find::<Team>(desk.db(), desk.caller(), &reference).await?;
            let owner = Owner::Team(team.id.clone());
            Some(credits(desk.db(), &desk.app.ids, &desk.call, &owner).await?)
        }
        _ => None,
    };
    let body = html! {
        div.stack {
            @if item.price_credits.is_none() { (Callout::new(Tone::Warning, "This item has no price in credits").body("It can be sold by an order only.")) }
            (Card::new(form.render()))
            @if let Some(credits) = &payers {
                (Card::new(payers_table(credits).render()).title(format!("Who pays: {} credits together", number(count(credits.spendable)))).flush())
            }
        }
    };
    let page = Page {
        crumbs: vec![("Catalog".into(), "/dashboard/catalog".into())],
        lead: Some(
            "The team's own credits are taken first, then those of the organizations above it."
                .into(),
        ),
        narrow: true,
        ..Page::titled(format!("Buy {}", item.name))
    };
    Ok(Shown::form(page, wrong, body))
}

async fn purchase(desk: &Desk, item: &CatalogItem) -> Result<Order> {
    let mut members = desk.filled(&["team"]);
    if !desk.field("quantity").is_empty() {
        members.insert("quantity".into(), whole(desk.field("quantity")));
    }
    if !desk.field("once").is_empty() {
        members.insert("external_reference".into(), json!(desk.field("once")));
    }
    let input: BuyInput = read(&members.into())?;
    let reference = Ref::Id(item.id.clone());
    let (db, ids, call) = (desk.db(), &desk.app.ids, &desk.call);
    desk.commit(|| async {
        let placed = plan_buy(db, ids, call, &reference, &input).await?;
        Ok((placed.plan, placed.order))
    })
    .await
}
