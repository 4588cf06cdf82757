//! The pages of the catalog, of orders and of credits: they answer, escape, and do what their forms say.

use axum::http::StatusCode;
use b2b_dashboard::access::Call;
use b2b_dashboard::commit::commit;
use b2b_dashboard::records;
use b2b_dashboard::resource::{Record as _, Resource};
use b2b_dashboard::resources::organization::{self, NewOrganization};
use b2b_dashboard::resources::{Product, Team};
use serde_json::{Value as JsonValue, json};

use crate::pages::Desk;
use crate::support::app::TestApp;
use crate::support::database::both;

const NAME: &str = "<script>alert(1)</script>";

fn body<T: serde::de::DeserializeOwned>(value: &JsonValue) -> T {
    serde_json::from_value(value.clone()).expect("a body")
}

async fn make<R: Resource>(test: &TestApp, new: JsonValue) -> String {
    let call = Call::system(test.account.clone(), "test", test.clock.now());
    let plan = || records::plan_create::<R>(&test.db, &test.ids, &call, body(&new));
    let done = commit(&test.db, &test.ids, &call, plan).await;
    done.expect("a record").value.id().to_string()
}

async fn node(test: &TestApp) -> String {
    let call = Call::system(test.account.clone(), "test", test.clock.now());
    let new = json!({ "name": NAME });
    let plan =
        || organization::plan_create(&test.db, &test.ids, &call, body::<NewOrganization>(&new));
    let done = commit(&test.db, &test.ids, &call, plan).await;
    done.expect("a node").value.id().to_string()
}

/// Sends a form and expects to be sent on; gives where.
async fn done(desk: &Desk<'_>, path: &str, fields: &[(&str, &str)]) -> String {
    let (status, to, text) = desk.post(path, fields).await;
    assert_eq!(status, StatusCode::SEE_OTHER, "{path}: {text}");
    to
}

both! {
    async fn an_item_is_made_bought_and_refunded_by_forms(test: TestApp) {
        let product = make::<Product>(&test, json!({ "name": NAME })).await;
        let organization = node(&test).await;
        let team = make::<Team>(&test, json!({ "name": NAME, "organization": organization })).await;
        let desk = Desk::open(&test, "owner").await;
        for empty in ["/dashboard/catalog", "/dashboard/catalog/new", "/dashboard/orders"] {
            desk.get(empty).await;
        }
        let item = [("name", "Ten places"), ("product", &product), ("quantity", "10"), ("price_credits", "100"), ("price_amount", "49000"),
            ("currency", "eur"), ("expires_in_days", "365"), ("external_id", "ten"), ("status", "published"), ("organization", &organization)];
        let to = done(&desk, "/dashboard/catalog/new", &item).await;
        let list = desk.get(&to).await;
        assert!(list.contains("Ten places") && list.contains("490.00 EUR"), "{list}");
        let (status, _, text) = desk.post("/dashboard/catalog/new", &[("name", "X"), ("product", &product), ("price_amount", "5")]).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{text}");
        done(&desk, "/dashboard/catalog/ext:ten/edit", &[("name", "Ten"), ("external_id", "ten"), ("product", &product), ("quantity", "10"), ("price_credits", "90"), ("status", "published"), ("organization", &organization)]).await;
        desk.get("/dashboard/catalog/ext:ten/edit").await;
        assert!(desk.get(&format!("/dashboard/catalog?visible_to_team={team}")).await.contains("Ten"));

        let credits = format!("/dashboard/organizations/{organization}/credits");
        done(&desk, &credits, &[("amount", "200"), ("note", NAME), ("reference", "invoice-1")]).await;
        let (status, _, text) = desk.post(&credits, &[("amount", "-500")]).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{text}");
        assert!(desk.get(&credits).await.contains("invoice-1"));
        desk.get(&format!("/dashboard/catalog/ext:ten/buy?team={team}")).await;
        let purchase = [("team", team.as_str()), ("quantity", "2"), ("once", "form-1")];
        let order = done(&desk, "/dashboard/catalog/ext:ten/buy", &purchase).await;
        assert_eq!(done(&desk, "/dashboard/catalog/ext:ten/buy", &purchase).await, order, "a double click buys once");
        let page = desk.get(&order).await;
        assert!(page.contains("Fulfilled") && page.contains("180 credits"), "{page}");
        let (status, _, text) = desk.post("/dashboard/catalog/ext:ten/buy", &[("team", &team), ("quantity", "1"), ("once", "form-2")]).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{text}");
        assert!(text.contains("missing"), "{text}");

        let refund = format!("{order}/refund");
        desk.get(&refund).await;
        let part = [("line_1", "1"), ("on_shortfall", "refuse"), ("reason", NAME), ("reference", "r-1")];
        let (status, _, text) = desk.post(&refund, &part).await;
        assert_eq!(status, StatusCode::OK, "{text}");
        assert!(text.contains("10 places, 90 credits") && text.contains("Nothing has happened yet"), "{text}");
        let sure: Vec<_> = part.into_iter().chain([("step", "refund")]).collect();
        assert_eq!(done(&desk, &refund, &sure).await, order);
        assert_eq!(done(&desk, &refund, &sure).await, order, "a second click refunds nothing more");
        let page = desk.get(&order).await;
        assert!(page.contains("Partly refunded"), "{page}");
        for path in ["/dashboard/orders?status=partially_refunded&payment=credits", "/dashboard/orders?catalog_item=ext:ten"] {
            assert!(desk.get(path).await.contains("catalog form-1"), "{path}");
        }
        for path in [format!("/dashboard/teams/{team}/credits"), format!("/dashboard/teams/{team}"), format!("/dashboard/organizations/{organization}")] {
            assert!(desk.get(&path).await.contains("Credits"), "{path}");
        }
        desk.get("/dashboard").await;
    }

    async fn an_order_that_is_paid_and_not_fulfilled_stands_out_until_it_is(test: TestApp) {
        let product = make::<Product>(&test, json!({ "name": "Safety" })).await;
        let organization = node(&test).await;
        let call = Call::system(test.account.clone(), "test", test.clock.now());
        let new = json!({ "organization": organization, "source": "shop", "external_reference": "77", "fulfil": true, "lines": [{ "product": product }] });
        let plan = || async {
            let placed = b2b_dashboard::commerce::orders::place::plan_create(&test.db, &test.ids, &call, &body(&new)).await?;
            Ok((placed.plan, placed.order))
        };
        let order = commit(&test.db, &test.ids, &call, plan).await.expect("an order").value;
        let desk = Desk::open(&test, "owner").await;
        make::<Team>(&test, json!({ "name": "Somebody" })).await;
        assert!(desk.get("/dashboard").await.contains("1 order is paid and not fulfilled"));
        let href = format!("/dashboard/orders/{}", order.id);
        let page = desk.get(&href).await;
        assert!(page.contains("its places could not be given") && page.contains("default team"), "{page}");
        assert_eq!(done(&desk, &format!("{href}/fulfil"), &[]).await, href);
        let team = make::<Team>(&test, json!({ "name": "Team", "organization": organization })).await;
        let set = b2b_dashboard::db::Statement::new("UPDATE organizations SET default_team_id = $2 WHERE account_id = $1", b2b_dashboard::params![team]);
        test.db.write(&test.account, vec![set]).await.expect("a write");
        done(&desk, &format!("{href}/fulfil"), &[]).await;
        assert!(desk.get(&href).await.contains("Places given"));
    }

    async fn a_reporter_sees_what_is_sold_and_changes_nothing(test: TestApp) {
        let product = make::<Product>(&test, json!({ "name": "Safety" })).await;
        let item = json!({ "name": "Ten", "external_id": "ten", "product": product, "price_credits": 1, "status": "published" });
        make::<b2b_dashboard::commerce::CatalogItem>(&test, item).await;
        let team = make::<Team>(&test, json!({ "name": "Team" })).await;
        let desk = Desk::open(&test, "reporter").await;
        let list = desk.get("/dashboard/catalog").await;
        assert!(!list.contains("/buy") && !list.contains("/edit") && !list.contains("New item"), "{list}");
        assert!(!desk.get(&format!("/dashboard/teams/{team}/credits")).await.contains("Enter credits"));
        assert!(!desk.get("/dashboard/orders").await.contains("New order"));
        for (path, fields) in [
            ("/dashboard/orders/new".to_owned(), vec![("team", team.as_str()), ("what_0", product.as_str())]),
            ("/dashboard/catalog/new".to_owned(), vec![("name", "X"), ("product", product.as_str())]),
            ("/dashboard/catalog/ext:ten/buy".to_owned(), vec![("team", team.as_str())]),
            (format!("/dashboard/teams/{team}/credits"), vec![("amount", "5")]),
        ] {
            let (status, ..) = desk.post(&path, &fields).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{path}");
        }
    }

    async fn an_order_is_begun_changed_and_placed_by_forms(test: TestApp) {
        let product = make::<Product>(&test, json!({ "name": NAME })).await;
        let organization = node(&test).await;
        let team = make::<Team>(&test, json!({ "name": NAME, "organization": organization })).await;
        let other = make::<Team>(&test, json!({ "name": "Other" })).await;
        let item = json!({ "name": "Ten", "product": product, "quantity": 10, "price_amount": 49000, "currency": "EUR", "status": "published" });
        let item = make::<b2b_dashboard::commerce::CatalogItem>(&test, item).await;
        let desk = Desk::open(&test, "owner").await;
        assert!(desk.get("/dashboard/orders").await.contains("New order"));
        let blank = desk.get("/dashboard/orders/new").await;
        assert!(blank.contains("Ten (10 places, 490.00 EUR)") && blank.contains("POST"), "{blank}");

        let begun = [("payment", "external"), ("source", "phone"), ("external_reference", "1001"), ("rows", "3"), ("step", "save")];
        let (status, _, text) = desk.post("/dashboard/orders/new", &begun).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "no lines: {text}");
        let more: Vec<_> = begun.into_iter().filter(|(name, _)| *name != "step").chain([("step", "more")]).collect();
        let (status, _, text) = desk.post("/dashboard/orders/new", &more).await;
        assert_eq!(status, StatusCode::OK, "{text}");
        assert!(text.contains("Line 6") && !text.contains("Line 7"), "{text}");
        // The first row is left empty: a fault of the first line stands at the second row.
        let bad: Vec<_> = begun.into_iter().chain([("team", team.as_str()), ("what_1", &item), ("quantity_1", "x")]).collect();
        let (status, _, text) = desk.post("/dashboard/orders/new", &bad).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{text}");
        assert!(text.contains("href=\"#f-quantity_1\""), "{text}");
        let good: Vec<_> = begun.into_iter().chain([("team", team.as_str()), ("what_1", &item), ("quantity_1", "2"), ("what_2", &product), ("quantity_2", "5"), ("price_2", "1000")]).collect();
        let to = done(&desk, "/dashboard/orders/new", &good).await;
        assert_eq!(done(&desk, "/dashboard/orders/new", &good).await, to, "a double click makes one");
        let page = desk.get(&to).await;
        assert!(page.contains("Draft") && page.contains("990.00 EUR") && page.contains("phone 1001"), "{page}");
        assert!(page.contains(&format!("{to}/edit")), "{page}");

        let edit = format!("{to}/edit");
        let form = desk.get(&edit).await;
        assert!(form.contains("value=\"1000\"") && form.contains("PATCH") && !form.contains("value=\"98000\""), "a price of its own is shown: {form}");
        let kept = [("payment", "external"), ("currency", "EUR"), ("rows", "3"), ("what_0", item.as_str()), ("quantity_0", "3"), ("note", NAME)];
        // The places of the buyer's own go to one of its teams.
        let wrong: Vec<_> = kept.into_iter().chain([("organization", organization.as_str()), ("for_0", &other)]).collect();
        let (status, _, text) = desk.post(&edit, &wrong).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{text}");
        assert!(text.contains("href=\"#f-for_0\""), "{text}");
        let changed: Vec<_> = kept.into_iter().chain([("organization", organization.as_str()), ("for_0", &team), ("step", "place")]).collect();
        assert_eq!(done(&desk, &edit, &changed).await, to);
        let page = desk.get(&to).await;
        assert!(page.contains("Pending") && page.contains("1470.00 EUR") && !page.contains(&edit), "{page}");
        let (status, ..) = desk.post(&edit, &changed).await;
        assert_eq!(status, StatusCode::CONFLICT, "what is placed stays");

        let draft: Vec<_> = good.iter().copied().filter(|(name, _)| *name != "external_reference").collect();
        let to = done(&desk, "/dashboard/orders/new", &draft).await;
        assert_eq!(done(&desk, &format!("{to}/delete"), &[]).await, "/dashboard/orders");
    }
}
