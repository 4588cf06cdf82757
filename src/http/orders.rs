//! Orders over HTTP: placing, paying, fulfilling, refunding, and buying from the catalog.

use std::future::Future;

use axum::http::Method;
use serde_json::{Value as JsonValue, json};

use super::crud::{self, Paths, check_match, keyed_body, version_gone};
use super::endpoint::Endpoint;
use super::reply::Reply;
use super::request::Request;
use super::write::write;
use crate::access::Permission;
use crate::app::App;
use crate::body::read_body;
use crate::commerce::CatalogItem;
use crate::commerce::orders::input::{
    BuyInput, CancelInput, NewOrder, OrderPatch, PayInput, RefundInput,
};
use crate::commerce::orders::place::{self, Placed};
use crate::commerce::orders::refund;
use crate::commerce::orders::refunded::Refunded;
use crate::commerce::orders::{Order, OrderRefund, actions};
use crate::error::{Code, Error, Result};
use crate::events::Plan;
use crate::types::Ref;

const ORDERS: Paths = Paths {
    list: "/orders",
    one: "/orders/{id}",
};
const PAY: &str = "/orders/{id}/pay";
const FULFIL: &str = "/orders/{id}/fulfil";
const CANCEL: &str = "/orders/{id}/cancel";
const REFUNDS: &str = "/orders/{id}/refunds";

/// The operations.
pub fn endpoints() -> Vec<Endpoint> {
    [
        crud::reads::<Order>(&ORDERS),
        records(),
        steps(),
        vec![
            crud::children::<Order, OrderRefund>(REFUNDS, "list_order_refunds", "order_id").about(
                "List the refunds of an order",
                "What was refunded of each line, what it was worth, who did it and why.",
            ),
            buy_endpoint(),
        ],
    ]
    .concat()
}

/// What a shop tells: paid, and to be fulfilled at once.
fn example() -> JsonValue {
    json!({
        "team": "ext:drivers", "source": "shop", "external_reference": "1001", "currency": "EUR", "fulfil": true,
        "lines": [{ "product": "ext:safety-101", "quantity": 10, "amount": 49000 }],
    })
}

fn records() -> Vec<Endpoint> {
    let may_fail = [
        Code::AlreadyExists,
        Code::ReferenceReused,
        Code::InsufficientCredits,
        Code::StateConflict,
        Code::ValidationFailed,
        Code::NotFound,
    ];
    let create = Endpoint::new(Method::POST, ORDERS.list, "create_order", "orders", create)
        .about(
            "Place an order",
            "With `fulfil` or credits it is paid and its places are given in the same call. A repeat with the same `source` and `external_reference` is the \
             same order: it answers 200, moves the order on where it says more (placed, paid, to be fulfilled), and is refused with 409 `reference_reused` where \
             it says something else. When the places cannot be given the order is kept as `paid`, with its `failure`.",
        )
        .scope(Permission::OrdersWrite)
        .takes::<NewOrder>(example())
        .gives::<Order>(201)
        .problems(&may_fail);
    let patch = Endpoint::new(Method::PATCH, ORDERS.one, "update_order", "orders", update)
        .about("Change an order", "Its key, note and data at any time; buyer, currency and lines while it is a draft. Lines that stay must fit the new buyer. Honours `If-Match`.")
        .scope(Permission::OrdersWrite)
        .takes::<OrderPatch>(json!({ "note": "Ordered by telephone" }))
        .gives::<Order>(200)
        .problems(&may_fail)
        .problems(&[Code::PreconditionFailed]);
    let put = Endpoint::new(Method::PUT, ORDERS.one, "put_order", "orders", put)
        .about(
            "Create or change an order by your own key",
            "`PUT /orders/ext:<value>` makes the order with that external_id, or replaces the lines of a draft: safe to repeat. 201 when made, else 200.",
        )
        .scope(Permission::OrdersWrite)
        .takes::<NewOrder>(json!({ "team": "ext:drivers", "currency": "EUR", "lines": [{ "product": "ext:safety-101", "quantity": 5, "amount": 24500 }] }))
        .gives::<Order>(200)
        .problems(&may_fail)
        .problems(&[Code::PreconditionFailed]);
    let delete = Endpoint::new(Method::DELETE, ORDERS.one, "delete_order", "orders", delete)
        .about(
            "Delete an order",
            "A draft only: what was placed is cancelled or refunded, and stays.",
        )
        .scope(Permission::OrdersWrite)
        .gives_nothing()
        .problems(&[
            Code::NotFound,
            Code::StateConflict,
            Code::PreconditionFailed,
        ]);
    vec![create, patch, delete, put]
}

fn steps() -> Vec<Endpoint> {
    let step = |path, id: &str, summary: &str, words: &str| {
        Endpoint::new(Method::POST, path, id, "orders", move |app, request| {
            act(app, request, path)
        })
        .about(summary, words)
        .scope(Permission::OrdersWrite)
        .gives::<Order>(200)
        .problems(&[Code::NotFound, Code::StateConflict])
    };
    vec![
        step(PAY, "pay_order", "Pay an order", "The money has come; or with credits, takes them from the buyer and those above it, whole or not at all. An order that is paid already stays as it is.")
            .takes::<PayInput>(json!({ "fulfil": true }))
            .problems(&[Code::InsufficientCredits]),
        step(FULFIL, "fulfil_order", "Fulfil an order", "Gives the places of a paid order to the teams of its lines. When they cannot be given, the order stays paid with its `failure`, `order.fulfilment_failed` is told, and the answer is 409 `fulfilment_failed`. An order that is fulfilled already stays as it is.")
            .problems(&[Code::FulfilmentFailed]),
        step(CANCEL, "cancel_order", "Cancel an order", "One that was never paid; what is paid is refunded.")
            .takes::<CancelInput>(json!({ "reason": "Ordered twice" })),
        Endpoint::new(Method::POST, "/orders/{id}/refund", "refund_order", "orders", refund)
            .about(
                "Refund an order",
                "Everything that is left, or so much of certain lines. Places return by `on_shortfall`; credits return to those who paid, the last who paid first. \
                 A `reference` refunds once, and nothing is refunded beyond what was bought. Money paid elsewhere is returned there.",
            )
            .scope(Permission::OrdersRefund)
            .takes::<RefundInput>(json!({ "reason": "Course cancelled", "reference": "refund-1001", "on_shortfall": "refuse" }))
            .gives::<Refunded>(200)
            .problems(&[Code::NotFound, Code::StateConflict, Code::QuantityBelowUsage, Code::ReferenceReused, Code::ValidationFailed]),
    ]
}

fn buy_endpoint() -> Endpoint {
    Endpoint::new(Method::POST, "/catalog_items/{id}/buy", "buy_catalog_item", "catalog_items", buy)
        .about(
            "Buy a catalog item with credits",
            "An order, paid with the team's credits first and then with those of the organizations above it, in one transaction: whole, or 409 \
             `insufficient_credits` with what is missing. With an organization as buyer the places go to the team named, else to its default team.",
        )
        .scope(Permission::CatalogBuy)
        .takes::<BuyInput>(json!({ "team": "ext:drivers", "quantity": 1 }))
        .gives::<Order>(201)
        .problems(&[Code::NotFound, Code::StateConflict, Code::InsufficientCredits, Code::ReferenceReused, Code::ValidationFailed])
}

fn placed_reply(placed: Placed, status: u16) -> Result<(Plan, Reply)> {
    let status = if placed.is_new { status } else { 200 };
    let reply = Reply::json(status, &placed.order)?.with_etag();
    let location = format!("/api/orders/{}", placed.order.id);
    Ok((placed.plan, reply.header("location", location)))
}

async fn create(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let new: NewOrder = request.body()?;
    write(&app, &request, || async {
        placed_reply(
            place::plan_create(&app.db, &app.ids, &request.call, &new).await?,
            201,
        )
    })
    .await
}

async fn buy(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let item: Ref<CatalogItem> = request.reference(0)?;
    let input: BuyInput = request.body()?;
    write(&app, &request, || async {
        placed_reply(
            place::plan_buy(&app.db, &app.ids, &request.call, &item, &input).await?,
            201,
        )
    })
    .await
}

async fn update(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let order: Ref<Order> = request.reference(0)?;
    let patch: OrderPatch = request.body()?;
    write(&app, &request, || async {
        let check = |order: &Order| check_match(order, request.if_match.as_deref());
        let (plan, order) = actions::plan_change(
            &app.db,
            &app.ids,
            &request.call,
            &order,
            patch.clone(),
            check,
        )
        .await?;
        Ok((plan, Reply::json(200, &order)?.with_etag()))
    })
    .await
}

async fn put(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let order: Ref<Order> = request.reference(0)?;
    let body = keyed_body(&request.body, &order)?;
    let new: NewOrder = read_body(&body)?;
    let if_match = request.if_match.as_deref();
    write(&app, &request, || async {
        let check = |order: Option<&Order>| match (order, if_match) {
            (Some(order), _) => check_match(order, if_match),
            (None, Some(_)) => Err(version_gone()),
            (None, None) => Ok(()),
        };
        placed_reply(
            actions::plan_put(&app.db, &app.ids, &request.call, &order, &new, check).await?,
            201,
        )
    })
    .await
}

async fn delete(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let order: Ref<Order> = request.reference(0)?;
    write(&app, &request, || async {
        let check = |order: &Order| check_match(order, request.if_match.as_deref());
        let plan = actions::plan_delete(&app.db, &request.call, &order, check).await?;
        Ok((plan, Reply::empty()))
    })
    .await
}

/// Runs the step of an address.
async fn act(app: App, request: Request, path: &'static str) -> Result<Reply> {
    request.no_query()?;
    let order: Ref<Order> = request.reference(0)?;
    let (db, ids, call) = (&app.db, &app.ids, &request.call);
    match path {
        PAY => {
            let input: PayInput = request.body()?;
            finish(&app, &request, || {
                actions::plan_pay(db, ids, call, &order, &input)
            })
            .await
        }
        CANCEL => {
            let input: CancelInput = request.body()?;
            finish(&app, &request, || {
                actions::plan_cancel(db, ids, call, &order, &input)
            })
            .await
        }
        _ => {
            write(&app, &request, || async {
                let (plan, order) = actions::plan_fulfil(db, ids, call, &order).await?;
                let reply = match &order.failure {
                    // The failure is kept on the order, and the answer is a problem nonetheless.
                    Some(_) => Reply::problem(&unfulfilled(&order), &call.request_id),
                    None => Reply::json(200, &order)?.with_etag(),
                };
                Ok((plan, reply))
            })
            .await
        }
    }
}

fn unfulfilled(order: &Order) -> Error {
    let failure = order.failure.as_ref().map(|failure| &failure.0);
    let detail = failure.map_or("", |failure| failure.detail.as_str());
    let cause = failure.map_or("", |failure| failure.code.as_str());
    Error::new(
        Code::FulfilmentFailed,
        format!("The order stays paid, and its places were not given. {detail}"),
    )
    .with("order_id", order.id.as_str())
    .with("cause", cause)
}

async fn finish<F, Fut>(app: &App, request: &Request, plan: F) -> Result<Reply>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<(Plan, Order)>>,
{
    write(app, request, || async {
        let (plan, order) = plan().await?;
        Ok((plan, Reply::json(200, &order)?.with_etag()))
    })
    .await
}

async fn refund(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let order: Ref<Order> = request.reference(0)?;
    let input: RefundInput = request.body()?;
    write(&app, &request, || async {
        let planned = refund::plan_refund(&app.db, &app.ids, &request.call, &order, &input);
        let (plan, refunded): (Plan, Refunded) = planned.await?;
        Ok((plan, Reply::json(200, &refunded)?))
    })
    .await
}
