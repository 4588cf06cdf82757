//! The pages of demand: the line, shared seats, moves and requests, done by hand in the dashboard.

use axum::http::StatusCode;
use b2b_dashboard::access::Call;
use b2b_dashboard::commit::commit;
use b2b_dashboard::resources::Team;
use b2b_dashboard::seats::request::NewSeatRequest;
use b2b_dashboard::seats::requests;
use b2b_dashboard::types::Ref;
use b2b_dashboard::{params, records};
use serde_json::json;

use crate::pages::{Desk, Made, fill};
use crate::support::app::TestApp;
use crate::support::database::both;

/// Another team, by its id.
async fn second_team(test: &TestApp) -> String {
    let call = Call::system(test.account.clone(), "test", test.clock.now());
    let plan = || async {
        let new = serde_json::from_value(json!({ "name": "Second" })).expect("a body");
        records::plan_create::<Team>(&test.db, &test.ids, &call, new).await
    };
    let done = commit(&test.db, &test.ids, &call, plan).await;
    done.expect("a team").value.id.to_string()
}

/// Somebody new of a team who asks for a place; the request.
async fn request(test: &TestApp, made: &Made) -> String {
    let user = test.insert_user("wisher@example.com", "Wanda Wisher").await;
    let joined = b2b_dashboard::db::Statement::new(
        "INSERT INTO team_members (account_id, team_id, user_id, role, managed_by, joined_at) VALUES ($1, $2, $3, 'member', 'api', 0)",
        params![made.team.clone(), user.clone()],
    );
    test.db
        .write(&test.account, vec![joined])
        .await
        .expect("a member");
    let call = Call::system(test.account.clone(), "test", test.clock.now());
    let new = NewSeatRequest {
        user: Ref::parse(&user).expect("an id"),
        team: Ref::parse(&made.team).expect("an id"),
        product: Ref::parse(&made.product).expect("an id"),
        note: None,
    };
    let plan = || async {
        let (plan, made, _) = requests::plan_create(&test.db, &test.ids, &call, &new).await?;
        Ok((plan, made))
    };
    let done = commit(&test.db, &test.ids, &call, plan).await;
    done.expect("a request").value.id.to_string()
}

both! {
    async fn requests_are_seen_on_home_and_decided(test: TestApp) {
        let made = fill(&test).await;
        let desk = Desk::open(&test, "owner").await;
        let id = request(&test, &made).await;
        assert!(desk.get("/dashboard").await.contains("1 request for a place is to be decided"));
        let list = desk.get("/dashboard/requests?state=pending").await;
        assert!(list.contains("Wanda Wisher") && list.contains("Decide"), "{list}");
        let page = format!("/dashboard/requests/{id}");
        assert!(desk.get(&page).await.contains("0 places are free"));
        let (status, _, text) = desk.post(&format!("{page}/approve"), &[("if_full", "fail")]).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{text}");
        assert!(text.contains("free places"), "{text}");
        let (status, to, text) = desk.post(&format!("{page}/approve"), &[("if_full", "waitlist")]).await;
        assert_eq!((status, to.as_str()), (StatusCode::SEE_OTHER, "/dashboard/requests"), "{text}");
        let seat = desk.get(&format!("/dashboard/seats/{}", made.seat)).await;
        assert!(seat.contains("Wanda Wisher") && seat.contains("Refused wishes"), "{seat}");
        let (status, _, text) = desk.post(&format!("{page}/decline"), &[]).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "it is decided: {text}");
    }

    async fn the_line_is_moved_and_left_by_hand(test: TestApp) {
        let made = fill(&test).await;
        let desk = Desk::open(&test, "owner").await;
        let id = request(&test, &made).await;
        let page = format!("/dashboard/requests/{id}");
        desk.post(&format!("{page}/approve"), &[("if_full", "waitlist")]).await;
        let line = "SELECT id, user_id FROM seat_assignments WHERE account_id = $1 AND state = 'waitlisted' ORDER BY waiting_at, id";
        let before: Vec<(String, String)> = test.rows(line, vec![]).await;
        assert_eq!(before.len(), 2);
        let step = |place: &str, word: &str| format!("/dashboard/seats/{}/line/{place}/{word}", made.seat);
        let (status, _, text) = desk.post(&step(&before[1].0, "up"), &[]).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{text}");
        let after: Vec<(String, String)> = test.rows(line, vec![]).await;
        assert_eq!(after, [before[1].clone(), before[0].clone()]);
        for (place, word) in [(0, "down"), (1, "first")] {
            let (status, _, text) = desk.post(&step(&after[place].0, word), &[]).await;
            assert_eq!(status, StatusCode::SEE_OTHER, "{text}");
        }
        let (status, _, text) = desk.post(&step(&after[0].0, "leave"), &[]).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{text}");
        let left: Vec<(String, String)> = test.rows(line, vec![]).await;
        assert_eq!(left, [after[1].clone()]);
        let (status, ..) = desk.post(&step(&after[1].0, "sideways"), &[]).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
    }

    async fn a_seat_is_shared_and_its_places_are_moved_by_hand(test: TestApp) {
        let made = fill(&test).await;
        let second = second_team(&test).await;
        let desk = Desk::open(&test, "owner").await;
        let seat = format!("/dashboard/seats/{}", made.seat);
        assert!(desk.get(&format!("{seat}/teams")).await.contains("Second"));
        let (status, _, text) = desk.post(&format!("{seat}/share"), &[("team", &second)]).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{text}");
        assert!(desk.get(&seat).await.contains("Shared"));
        let (status, _, text) = desk.post(&format!("{seat}/unshare"), &[("team", &made.team)]).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "its people sit: {text}");
        assert!(text.contains("Take their places back"), "{text}");
        let (status, _, text) = desk.post(&format!("{seat}/unshare"), &[("team", &second)]).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{text}");
        let (status, _, text) = desk.post(&format!("{seat}/move"), &[("to_team", &second), ("quantity", "1")]).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "the only place is in use: {text}");
        let (status, _, text) = desk.post(&format!("{seat}/edit"), &[("quantity", "5"), ("expiry", "never"), ("status", "active"), ("reusable", "true")]).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{text}");
        let (status, to, text) = desk.post(&format!("{seat}/move"), &[("to_team", &second), ("quantity", "2")]).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{text}");
        assert!(desk.get(&to).await.contains("Places moved here"));
    }
}
