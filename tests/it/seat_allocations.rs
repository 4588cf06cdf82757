//! Places that come and go: allocations for those who sell them, and quantities that fall below what is in use.

use b2b_dashboard::access::Call;
use b2b_dashboard::commit::commit;
use b2b_dashboard::db::Statement;
use b2b_dashboard::error::{Code, Error};
use b2b_dashboard::events::Plan;
use b2b_dashboard::params;
use b2b_dashboard::seats::allocate::{self, Added, Addition, Taken, Withdrawal};
use b2b_dashboard::seats::{OnShortfall, Terms};
use b2b_dashboard::types::Id;
use serde_json::{Value as JsonValue, json};

use crate::support::database::both;
use crate::support::http::ApiApp;
use crate::support::world::{
    access, act, assert_integrity, counters, member, product, provision, read, seat, states, team,
    wish,
};

fn call(app: &ApiApp) -> Call {
    Call::system(app.first.clone(), "test", app.node.app.clock.now())
}

fn addition(team: &str, product: &str, quantity: i64, reference: Option<&str>) -> Addition {
    Addition {
        team_id: Id::parse(team).expect("a team"),
        product_id: Id::parse(product).expect("a product"),
        quantity,
        terms: None,
        template_id: None,
        cause: "ordered",
        reference: reference.map(str::to_owned),
    }
}

async fn add(app: &ApiApp, additions: &[Addition]) -> Result<Vec<Added>, Error> {
    let (db, ids, call) = (&app.node.app.db, &app.node.app.ids, &call(app));
    let plan = || async {
        let mut plan = Plan::new("order.fulfill");
        let added = allocate::add(db, ids, call, &mut plan, additions).await?;
        Ok((plan, added))
    };
    commit(db, ids, call, plan).await.map(|done| done.value)
}

async fn take(
    app: &ApiApp,
    seat: &str,
    quantity: i64,
    policy: OnShortfall,
    reference: Option<&str>,
) -> Result<Taken, Error> {
    let (db, ids, call) = (&app.node.app.db, &app.node.app.ids, &call(app));
    let withdrawal = Withdrawal {
        seat_id: Id::parse(seat).expect("a seat"),
        quantity,
        policy,
        cause: "refunded",
        reference: reference.map(str::to_owned),
    };
    let plan = || async {
        let mut plan = Plan::new("order.refund");
        let lines = std::slice::from_ref(&withdrawal);
        let mut taken = allocate::take(db, ids, call, &mut plan, lines).await?;
        Ok((plan, taken.remove(0)))
    };
    commit(db, ids, call, plan).await.map(|done| done.value)
}

/// Tells that a person has begun a course.
async fn begin(app: &ApiApp, name: &str) {
    let user = read(app, &format!("/api/users/ext:{name}")).await["id"].clone();
    let begun = Statement::guarded(
        "UPDATE enrollments SET started_at = 1, percent = 5 WHERE account_id = $1 AND user_id = $2",
        params![user.as_str().expect("an id").to_owned()],
    );
    let done = app.node.app.db.write(&app.first, vec![begun]).await;
    done.expect("progress");
}

/// A seat of four places whose people are ada, grace and mary, in this order; grace has begun.
async fn three_of_four(app: &ApiApp, further: &JsonValue) -> String {
    product(app, "p", &["c"]).await;
    team(app, "t").await;
    let mut body = json!({ "quantity": 4 });
    body.as_object_mut()
        .expect("an object")
        .extend(further.as_object().expect("an object").clone());
    let seat = seat(app, "p", &["t"], &body).await;
    for name in ["ada", "grace", "mary"] {
        app.node.app.clock.advance(1);
        provision(app, &wish(name, "t", "p", &json!({})), 201).await;
    }
    begin(app, "grace").await;
    seat
}

both! {
    async fn places_are_added_to_the_team_s_seat_once_for_each_reference(app: ApiApp) {
        let product_id = product(&app, "p", &["c"]).await;
        let team_id = team(&app, "t").await;
        let lines = [
            addition(&team_id, &product_id, 3, Some("order-1:1")),
            addition(&team_id, &product_id, 2, Some("order-1:2")),
        ];
        let added = add(&app, &lines).await.expect("places");
        let seat = added[0].seat.clone();
        assert_eq!((seat.quantity, added[1].seat.id == seat.id), (Some(5), true), "one seat for both lines");
        assert!(added.iter().all(|one| one.made && !one.already));
        let again = add(&app, &lines).await.expect("a repeat");
        assert!(again.iter().all(|one| one.already && !one.made));
        assert_eq!(counters(&app, seat.id.as_str()).await[3], Some(5));
        provision(&app, &wish("ada", "t", "p", &json!({ "quantity": 1 })), 201).await;
        assert_eq!(app.count("seats").await, 1, "provisions and orders find the same seat");
        assert_integrity(&app).await;
    }

    async fn equal_additions_at_once_count_once(app: ApiApp) {
        let product_id = product(&app, "p", &["c"]).await;
        let team_id = team(&app, "t").await;
        let lines = [addition(&team_id, &product_id, 3, Some("order-1"))];
        let all = (0..12).map(|_| add(&app, &lines));
        for done in futures::future::join_all(all).await {
            done.expect("an answer for each");
        }
        assert_eq!(app.count("seats").await, 1);
        let seats = read(&app, "/api/seats").await;
        assert_eq!(seats["data"][0]["quantity"], 3);
        assert_integrity(&app).await;
    }

    async fn added_places_serve_who_waits_and_keep_the_terms(app: ApiApp) {
        let product_id = product(&app, "p", &["c"]).await;
        let team_id = team(&app, "t").await;
        let terms = Terms { reusable: false, ..Terms::default() };
        let new = Addition { terms: Some(terms), ..addition(&team_id, &product_id, 1, None) };
        let made = add(&app, &[new]).await.expect("a seat")[0].seat.clone();
        assert!(!made.reusable);
        for name in ["ada", "grace"] {
            app.node.app.clock.advance(1);
            provision(&app, &wish(name, "t", "p", &json!({ "if_full": "waitlist" })), 201).await;
        }
        let after = add(&app, &[addition(&team_id, &product_id, 1, None)]).await.expect("places")[0].seat.clone();
        assert_eq!((after.id.clone(), after.reusable, after.waitlisted), (made.id, false, 0));
        assert_eq!(access(&app, "grace", "c").await.0, "active");
        assert_integrity(&app).await;
    }

    async fn nobody_is_sold_places_of_a_seat_that_has_ended(app: ApiApp) {
        let product_id = product(&app, "p", &["c"]).await;
        let team_id = team(&app, "t").await;
        seat(&app, "p", &["t"], &json!({ "quantity": 1, "expires_at": "2026-04-01T00:00:00Z" })).await;
        app.node.app.clock.advance(60 * 86_400);
        let refused = add(&app, &[addition(&team_id, &product_id, 1, None)]).await.expect_err("an end");
        assert_eq!(refused.code(), Code::StateConflict);
    }

    async fn pain_09_a_refund_takes_its_places_back_once(app: ApiApp) {
        let seat = three_of_four(&app, &json!({})).await;
        let refused = take(&app, &seat, 2, OnShortfall::Refuse, Some("refund-1")).await.expect_err("in use");
        assert_eq!(refused.code(), Code::QuantityBelowUsage);
        assert!(refused.members().iter().any(|(name, value)| *name == "holders" && *value == json!(3)));
        let taken = take(&app, &seat, 2, OnShortfall::RevokeUnstarted, Some("refund-1")).await.expect("places");
        assert_eq!((taken.seat.quantity, taken.revoked.len()), (Some(2), 1));
        assert_eq!(states(&app, &seat, "mary").await, ["revoked"], "the newest who has begun nothing");
        assert_eq!(access(&app, "mary", "c").await.0, "expired");
        let again = take(&app, &seat, 2, OnShortfall::RevokeUnstarted, Some("refund-1")).await.expect("a repeat");
        assert!(again.already && again.revoked.is_empty());
        assert_eq!(counters(&app, &seat).await, [Some(2), Some(0), Some(0), Some(0)]);
        let few = take(&app, &seat, 2, OnShortfall::RevokeUnstarted, None).await.expect_err("grace has begun");
        assert!(few.members().iter().any(|(name, value)| *name == "revocable" && *value == json!(1)), "{few:?}");
        let over = take(&app, &seat, 2, OnShortfall::Overage, None).await.expect("an overage");
        assert_eq!((over.seat.quantity, over.seat.overage, over.seat.available), (Some(0), 2, Some(-2)));
        let none = take(&app, &seat, 1, OnShortfall::Overage, None).await.expect_err("none are left");
        assert_eq!(none.code(), Code::QuantityBelowUsage);
        assert_integrity(&app).await;
    }

    async fn places_withdrawn_from_a_seat_of_single_use_are_not_spent(app: ApiApp) {
        let seat = three_of_four(&app, &json!({ "reusable": false })).await;
        let taken = take(&app, &seat, 3, OnShortfall::RevokeUnstarted, None).await.expect("places");
        assert_eq!((taken.seat.quantity, taken.seat.spent, taken.revoked.len()), (Some(1), 0, 2));
        assert_integrity(&app).await;
    }

    async fn a_lowered_quantity_names_those_who_lose_their_places(app: ApiApp) {
        let seat = three_of_four(&app, &json!({})).await;
        let path = format!("/api/seats/{seat}");
        let refused = app.patch(&path, &json!({ "quantity": 2 })).await;
        assert_eq!((refused.status, refused.json()["holders"].clone()), (409, json!(3)), "{}", refused.text());
        let lowered = app.patch(&path, &json!({ "quantity": 1, "on_shortfall": "revoke_unstarted" })).await;
        assert_eq!(lowered.status, 200, "{}", lowered.text());
        let body = lowered.json();
        assert_eq!((body["quantity"].clone(), body["assigned"].clone(), body["revoked"].as_array().map(Vec::len)), (json!(1), json!(1), Some(2)));
        assert_eq!(states(&app, &seat, "grace").await, ["active"]);
        let raised = app.patch(&path, &json!({ "quantity": 2 })).await;
        assert_eq!(raised.header("etag"), app.get(&path).await.header("etag"), "the tag is the record's");
        assert_integrity(&app).await;
    }

    async fn a_seat_over_its_quantity_may_always_be_raised(app: ApiApp) {
        let seat = three_of_four(&app, &json!({})).await;
        let path = format!("/api/seats/{seat}");
        let over = app.patch(&path, &json!({ "quantity": 1, "on_shortfall": "overage" })).await;
        assert_eq!((over.status, over.json()["overage"].clone()), (200, json!(2)));
        let raised = app.patch(&path, &json!({ "quantity": 2 })).await;
        assert_eq!((raised.status, raised.json()["overage"].clone()), (200, json!(1)), "{}", raised.text());
        assert_integrity(&app).await;
    }

    async fn pain_13_a_frozen_seat_goes_on_where_it_stopped(app: ApiApp) {
        let seat = three_of_four(&app, &json!({})).await;
        member(&app, "joan", "t").await;
        let path = format!("/api/seats/{seat}");
        assert_eq!(app.patch(&path, &json!({ "status": "frozen" })).await.status, 200);
        let refused = act(&app, &seat, "assign", &json!({ "users": ["ext:joan"] }), 409).await;
        assert_eq!(refused["code"], "state_conflict");
        assert_eq!(access(&app, "ada", "c").await.0, "active", "who sits is not disturbed");
        provision(&app, &wish("joan", "t", "p", &json!({ "quantity": 1 })), 201).await;
        assert_eq!(app.count("seats").await, 1, "it is still the team's seat");
        assert_eq!(app.patch(&path, &json!({ "status": "active" })).await.status, 200);
        act(&app, &seat, "assign", &json!({ "users": ["ext:joan"] }), 200).await;
        assert_integrity(&app).await;
    }

    async fn pain_11_an_expired_place_goes_on_with_its_history(app: ApiApp) {
        product(&app, "p", &["c"]).await;
        team(&app, "t").await;
        let seat = seat(&app, "p", &["t"], &json!({ "quantity": 1, "expires_in_days": 10, "reusable": false })).await;
        provision(&app, &wish("ada", "t", "p", &json!({})), 201).await;
        begin(&app, "ada").await;
        let before = read(&app, "/api/seat_assignments").await["data"][0].clone();
        app.node.app.clock.advance(11 * 86_400);
        b2b_dashboard::seats::expire_due(&app.node.app, &app.first).await.expect("a sweep");
        assert_eq!(counters(&app, &seat).await, [Some(0), Some(1), Some(0), Some(0)]);
        assert_eq!(access(&app, "ada", "c").await.0, "expired");
        let revived = act(&app, &seat, "extend", &json!({ "user": "ext:ada", "expires_in_days": 30 }), 200).await;
        let one = &revived["results"][0];
        assert_eq!((one["outcome"].clone(), one["assignment"]["id"].clone()), (json!("revived"), before["id"].clone()));
        assert_eq!(counters(&app, &seat).await, [Some(1), Some(0), Some(0), Some(0)], "the same place, not a second one");
        let enrollment = read(&app, "/api/enrollments").await["data"][0].clone();
        assert_eq!((enrollment["status"].clone(), enrollment["percent"].clone()), (json!("active"), json!(5)));
        let ledger = read(&app, &format!("/api/seats/{seat}/ledger")).await;
        let (newest, ending) = (&ledger["data"][0], &ledger["data"][1]);
        assert_eq!((newest["cause"].clone(), newest["counterpart_id"].clone()), (json!("revived"), ending["id"].clone()), "it takes back a named entry");
        assert_integrity(&app).await;
    }

    async fn a_place_that_went_to_somebody_else_is_not_revived(app: ApiApp) {
        product(&app, "p", &["c"]).await;
        team(&app, "t").await;
        let seat = seat(&app, "p", &["t"], &json!({ "quantity": 1 })).await;
        provision(&app, &wish("ada", "t", "p", &json!({})), 201).await;
        act(&app, &seat, "revoke", &json!({ "users": ["ext:ada"] }), 200).await;
        provision(&app, &wish("grace", "t", "p", &json!({})), 201).await;
        let refused = act(&app, &seat, "extend", &json!({ "user": "ext:ada" }), 409).await;
        assert_eq!(refused["code"], "seats_exhausted");
        member(&app, "mary", "t").await;
        act(&app, &seat, "extend", &json!({ "user": "ext:mary" }), 409).await;
        assert_integrity(&app).await;
    }
}
