//! Every way into a seat, walked against a full one: none goes round the door.
//!
//! A way cannot be forgotten. Whoever gives a place makes a `Holder`, and each file that does is listed here with the ways
//! that begin in it; each holder names a `Cause`, and each cause is matched here without a rest.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use b2b_dashboard::access::offers::{Way as MailWay, invitation_url, join_url};
use b2b_dashboard::access::sessions::Origin;
use b2b_dashboard::db::Select;
use b2b_dashboard::invitations::accept;
use b2b_dashboard::joining::{ask, confirm};
use b2b_dashboard::locale::Locale;
use b2b_dashboard::seats::Cause;
use b2b_dashboard::types::Email;
use b2b_dashboard::{params, worker};
use serde_json::{Value as JsonValue, json};

use crate::support::database::{Engine, OnDatabase, both};
use crate::support::http::{Answer, ApiApp};
use crate::support::world::{
    act, assert_integrity, member, product, provision, read, seat, states, team, wish,
};

/// A way into a seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Assign,
    AssignAll,
    Provision,
    ProvisionBatch,
    ProvisionBulk,
    OrderThenAssign,
    Invitation,
    AcceptedInvitation,
    Link,
    ApprovedJoin,
    Request,
    ConfirmedHold,
    Transfer,
    MovedMember,
    MovedPlaces,
    RestoredPerson,
    Promotion,
    Revival,
}

/// The ways on which places of a cause come about.
fn ways_of(cause: Cause) -> &'static [Way] {
    match cause {
        Cause::Api => &[
            Way::Assign,
            Way::AssignAll,
            Way::OrderThenAssign,
            Way::Promotion,
            Way::Revival,
        ],
        Cause::Provision => &[Way::Provision, Way::ProvisionBatch, Way::ProvisionBulk],
        Cause::Invited => &[Way::Invitation],
        Cause::Invitation => &[Way::AcceptedInvitation],
        Cause::Link => &[Way::Link, Way::ApprovedJoin],
        Cause::Request => &[Way::Request],
        Cause::Hold => &[Way::ConfirmedHold],
        Cause::Transfer => &[Way::Transfer],
        Cause::Move => &[Way::MovedMember, Way::MovedPlaces],
        Cause::Restore => &[Way::RestoredPerson],
    }
}

/// The files in which places are given, with the causes they give them by.
const DOORS: &[(&str, &[Cause])] = &[
    (
        "invitations/entrance.rs",
        &[Cause::Invited, Cause::Invitation, Cause::Link],
    ),
    ("provisioning/plan/places.rs", &[Cause::Provision]),
    ("seats/actions/assign.rs", &[Cause::Api]),
    ("seats/actions/transfer.rs", &[Cause::Transfer]),
    ("seats/holds/confirm.rs", &[Cause::Hold]),
    ("seats/relocate.rs", &[Cause::Move]),
    ("seats/relocation.rs", &[Cause::Move]),
    ("seats/requests.rs", &[Cause::Request]),
    ("seats/restore.rs", &[Cause::Restore]),
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_file_that_gives_places_is_walked() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let gives = |text: &str| text.contains(" Holder {") && !text.contains("pub struct Holder {");
    let found: BTreeSet<String> = files
        .iter()
        .filter(|file| gives(&std::fs::read_to_string(file).expect("a source file")))
        .map(|file| {
            file.strip_prefix(&root)
                .expect("below src")
                .display()
                .to_string()
        })
        .collect();
    let known: BTreeSet<String> = DOORS.iter().map(|(file, _)| (*file).to_owned()).collect();
    assert_eq!(
        found, known,
        "a file gives places: list it in DOORS and walk its ways"
    );
    for cause in Cause::ALL {
        assert!(
            DOORS.iter().any(|(_, causes)| causes.contains(cause)),
            "{cause} is given nowhere"
        );
    }
}

/// A team with one place, which Sitter has, and somebody new who wants it.
struct Ground<'a> {
    app: &'a ApiApp,
    seat: String,
}

impl<'a> Ground<'a> {
    async fn new(app: &'a ApiApp) -> Self {
        product(app, "p", &["c"]).await;
        team(app, "t").await;
        team(app, "u").await;
        let seat = seat(
            app,
            "p",
            &["t"],
            &json!({ "quantity": 1, "expiry": "days", "expires_in_days": 30 }),
        )
        .await;
        for name in ["sitter", "newcomer"] {
            member(app, name, "t").await;
        }
        act(
            app,
            &seat,
            "assign",
            &json!({ "users": ["ext:sitter"] }),
            200,
        )
        .await;
        Self { app, seat }
    }

    async fn post(&self, path: &str, body: &JsonValue) -> Answer {
        self.app.post(path, body).await
    }

    fn refused(answer: &Answer) {
        assert_eq!(
            (answer.status, answer.json()["code"].clone()),
            (409, json!("seats_exhausted")),
            "{}",
            answer.text()
        );
    }

    async fn assert_full(&self, quantity: i64, newcomer: &[&str]) {
        let seat = read(self.app, &format!("/api/seats/{}", self.seat)).await;
        let used = ["assigned", "reserved", "spent"].map(|name| seat[name].as_i64().expect(name));
        assert_eq!(
            (seat["quantity"].clone(), used.iter().sum::<i64>()),
            (json!(quantity), quantity),
            "{seat}"
        );
        assert_eq!(states(self.app, &self.seat, "newcomer").await, newcomer);
    }

    async fn job(&self, path: &str, body: &JsonValue) -> JsonValue {
        let queued = self.post(path, body).await;
        assert_eq!(queued.status, 202, "{}", queued.text());
        worker::drain(&self.app.node.app)
            .await
            .expect("jobs that run");
        read(self.app, &format!("/api/jobs/{}", queued.id())).await
    }

    async fn invite(&self, if_full: &str) -> Answer {
        let body = json!({ "email": "newcomer@example.com", "team": "ext:u", "products": ["ext:p"], "if_full": if_full });
        self.post("/api/invitations", &body).await
    }

    /// Somebody new who asks to join the team by a link and confirms their address; the request.
    async fn join(&self, requires_approval: bool) -> (JsonValue, b2b_dashboard::error::Result<()>) {
        let body = json!({ "name": "Door", "team": "ext:t", "products": ["ext:p"], "requires_approval": requires_approval });
        let link = self.post("/api/links", &body).await.json();
        let service = &self.app.node.app;
        let (email, now) = (
            Email::parse("stranger@example.com").expect("an address"),
            service.clock.now(),
        );
        let slug = link["slug"].as_str().expect("a slug");
        let asked = ask::ask(
            service,
            slug,
            &email,
            None,
            &Locale::english(),
            &origin(),
            now,
        )
        .await;
        if asked.is_err() {
            return (link, asked);
        }
        let path = format!(
            "/api/links/{}/requests",
            link["id"].as_str().expect("an id")
        );
        let request = read(self.app, &path).await["data"][0].clone();
        let url = join_url(
            service,
            &self.app.first,
            request["id"].as_str().expect("an id"),
        );
        let token = url.rsplit('/').next().expect("a token");
        let done = confirm::confirm(service, token, None, None, &origin(), now).await;
        (request, done.map(|_| ()))
    }
}

fn origin() -> Origin {
    Origin {
        address: None,
        agent: None,
        request_id: "r1".into(),
    }
}

const NONE: &[&str] = &[];

#[expect(
    clippy::too_many_lines,
    reason = "all ways in one place, each a few lines"
)]
async fn walk(way: Way, ground: &Ground<'_>) {
    let (app, seat) = (ground.app, ground.seat.as_str());
    let newcomer = json!({ "users": ["ext:newcomer"] });
    match way {
        Way::Assign => {
            Ground::refused(
                &ground
                    .post(&format!("/api/seats/{seat}/assign"), &newcomer)
                    .await,
            );
            ground.assert_full(1, NONE).await;
        }
        Way::AssignAll => {
            let job = ground
                .job(&format!("/api/seats/{seat}/assign_all"), &json!({}))
                .await;
            assert_eq!(
                (job["failed"].clone(), job["unchanged"].clone()),
                (json!(1), json!(1)),
                "{job}"
            );
            ground.assert_full(1, NONE).await;
        }
        Way::Provision => {
            Ground::refused(
                &ground
                    .post("/api/provision", &wish("newcomer", "t", "p", &json!({})))
                    .await,
            );
            ground.assert_full(1, NONE).await;
            provision(
                app,
                &wish("newcomer", "t", "p", &json!({ "if_full": "grow" })),
                201,
            )
            .await;
            ground.assert_full(2, &["active"]).await;
        }
        Way::ProvisionBatch => {
            let items = json!({ "items": [wish("newcomer", "t", "p", &json!({})), wish("another", "t", "p", &json!({}))] });
            let answer = ground.post("/api/provision/batch", &items).await;
            assert_eq!(answer.status, 207, "{}", answer.text());
            assert_eq!(
                answer
                    .text()
                    .matches("\"code\":\"seats_exhausted\"")
                    .count(),
                2,
                "{}",
                answer.text()
            );
            ground.assert_full(1, NONE).await;
        }
        Way::ProvisionBulk => {
            let rows = json!({ "rows": [wish("newcomer", "t", "p", &json!({})), wish("another", "t", "p", &json!({ "if_full": "waitlist" }))] });
            let job = ground.job("/api/provision/bulk", &rows).await;
            assert_eq!(
                (job["failed"].clone(), job["waitlisted"].clone()),
                (json!(1), json!(1)),
                "{job}"
            );
            ground.assert_full(1, NONE).await;
        }
        Way::OrderThenAssign => {
            let lines = json!([{ "product": "ext:p", "quantity": 1, "amount": 100 }]);
            let order =
                json!({ "team": "ext:t", "currency": "EUR", "status": "paid", "lines": lines });
            let order = ground.post("/api/orders", &order).await;
            assert_eq!(order.status, 201, "{}", order.text());
            let done = ground
                .post(&format!("/api/orders/{}/fulfil", order.id()), &json!({}))
                .await;
            assert_eq!(done.status, 200, "{}", done.text());
            act(app, seat, "assign", &newcomer, 200).await;
            ground.assert_full(2, &["active"]).await;
            member(app, "third", "t").await;
            Ground::refused(
                &ground
                    .post(
                        &format!("/api/seats/{seat}/assign"),
                        &json!({ "users": ["ext:third"] }),
                    )
                    .await,
            );
        }
        Way::Invitation => {
            act(app, seat, "share", &json!({ "team": "ext:u" }), 200).await;
            Ground::refused(&ground.invite("fail").await);
            assert_eq!(ground.invite("waitlist").await.status, 201);
            ground.assert_full(1, &["waitlisted"]).await;
        }
        Way::AcceptedInvitation => {
            act(app, seat, "share", &json!({ "team": "ext:u" }), 200).await;
            let invitation = ground.invite("waitlist").await;
            assert_eq!(invitation.status, 201, "{}", invitation.text());
            let (service, id) = (&app.node.app, invitation.id());
            let select = Select::new(
                "SELECT generation FROM invitations WHERE account_id = $1 AND id = $2",
                params![id],
            );
            let generation: Option<(i64,)> =
                service.db.first(&app.first, select).await.expect("a read");
            let url = invitation_url(
                service,
                &app.first,
                &id,
                generation.expect("an invitation").0,
                MailWay::Mailed,
            );
            let token = url.rsplit('/').next().expect("a token");
            let accepted =
                accept::accept(service, token, None, None, &origin(), service.clock.now()).await;
            accepted.expect("accepted");
            ground.assert_full(1, &["waitlisted"]).await;
        }
        Way::Link => {
            let (_, joined) = ground.join(false).await;
            let refused = joined.expect_err("a full seat");
            assert_eq!(refused.code().as_str(), "seats_exhausted");
            ground.assert_full(1, NONE).await;
        }
        Way::ApprovedJoin => {
            let (request, joined) = ground.join(true).await;
            joined.expect("a confirmed address");
            let path = format!(
                "/api/links/{}/approve",
                request["link_id"].as_str().expect("an id")
            );
            let answer = ground
                .post(&path, &json!({ "requests": [request["id"]] }))
                .await;
            Ground::refused(&answer);
            ground.assert_full(1, NONE).await;
        }
        Way::Request => {
            let body = json!({ "user": "ext:newcomer", "team": "ext:t", "product": "ext:p" });
            let request = ground.post("/api/seat_requests", &body).await;
            assert_eq!(request.status, 201, "{}", request.text());
            let path = format!("/api/seat_requests/{}/approve", request.id());
            Ground::refused(&ground.post(&path, &json!({})).await);
            ground.assert_full(1, NONE).await;
        }
        Way::ConfirmedHold => {
            let path = format!("/api/seats/{seat}/holds");
            Ground::refused(&ground.post(&path, &json!({ "quantity": 1 })).await);
            let grown = app
                .patch(&format!("/api/seats/{seat}"), &json!({ "quantity": 2 }))
                .await;
            assert_eq!(grown.status, 200, "{}", grown.text());
            let hold = ground.post(&path, &json!({ "quantity": 1 })).await;
            Ground::refused(
                &ground
                    .post(&format!("/api/seats/{seat}/assign"), &newcomer)
                    .await,
            );
            let confirmed = ground
                .post(&format!("/api/seat_holds/{}/confirm", hold.id()), &newcomer)
                .await;
            assert_eq!(confirmed.status, 200, "{}", confirmed.text());
            ground.assert_full(2, &["active"]).await;
        }
        Way::Transfer => {
            act(
                app,
                seat,
                "transfer",
                &json!({ "from": "ext:sitter", "to": "ext:newcomer" }),
                200,
            )
            .await;
            ground.assert_full(1, &["active"]).await;
            assert_eq!(states(app, seat, "sitter").await, ["released"]);
        }
        Way::MovedMember => {
            self::seat(app, "p", &["u"], &json!({ "quantity": 1 })).await;
            provision(app, &wish("mover", "u", "p", &json!({})), 201).await;
            let moved = ground
                .post(
                    "/api/teams/ext:u/members/ext:mover/move",
                    &json!({ "to_team": "ext:t" }),
                )
                .await;
            assert_eq!(
                (moved.status, moved.json()["places"][0]["reason"].clone()),
                (200, json!("no_room")),
                "{}",
                moved.text()
            );
            ground.assert_full(1, NONE).await;
        }
        Way::MovedPlaces => {
            let other = self::seat(app, "p", &["u"], &json!({ "quantity": 1 })).await;
            member(app, "newcomer", "u").await;
            act(app, &other, "assign", &newcomer, 200).await;
            act(
                app,
                &other,
                "move",
                &json!({ "to_team": "ext:t", "users": ["ext:newcomer"] }),
                200,
            )
            .await;
            ground.assert_full(2, &["active"]).await;
        }
        Way::RestoredPerson => {
            act(
                app,
                seat,
                "transfer",
                &json!({ "from": "ext:sitter", "to": "ext:newcomer" }),
                200,
            )
            .await;
            let gone = read(app, "/api/users/ext:newcomer").await;
            assert_eq!(app.delete("/api/users/ext:newcomer").await.status, 204);
            act(
                app,
                seat,
                "assign",
                &json!({ "users": ["ext:sitter"] }),
                200,
            )
            .await;
            let path = format!("/api/users/{}/restore", gone["id"].as_str().expect("an id"));
            app.node.app.clock.advance(1);
            let back = ground.post(&path, &json!({})).await;
            assert_eq!(back.status, 200, "{}", back.text());
            ground.assert_full(1, &["waitlisted", "released"]).await;
        }
        Way::Promotion => {
            let wait = json!({ "users": ["ext:newcomer"], "if_full": "waitlist" });
            act(app, seat, "assign", &wait, 200).await;
            ground.assert_full(1, &["waitlisted"]).await;
            act(
                app,
                seat,
                "revoke",
                &json!({ "users": ["ext:sitter"] }),
                200,
            )
            .await;
            ground.assert_full(1, &["active"]).await;
        }
        Way::Revival => {
            act(
                app,
                seat,
                "transfer",
                &json!({ "from": "ext:sitter", "to": "ext:newcomer" }),
                200,
            )
            .await;
            let body = json!({ "user": "ext:sitter", "expires_in_days": 5 });
            Ground::refused(
                &ground
                    .post(&format!("/api/seats/{seat}/extend"), &body)
                    .await,
            );
            ground.assert_full(1, &["active"]).await;
        }
    }
    assert_integrity(app).await;
}

/// The ways of every third cause, each on a database of its own.
async fn walk_part(first: ApiApp, part: usize) {
    let engine = if first.node.app.db.is_sqlite() {
        Engine::Sqlite
    } else {
        Engine::Postgres
    };
    drop(first);
    let causes = Cause::ALL.iter().skip(part).step_by(3);
    for way in causes.flat_map(|cause| ways_of(*cause)) {
        let app = ApiApp::on(engine).await;
        walk(*way, &Ground::new(&app).await).await;
    }
}

both! {
    async fn pain_05_no_way_goes_round_the_door(first: ApiApp) {
        walk_part(first, 0).await;
    }

    async fn pain_05_no_second_way_does(first: ApiApp) {
        walk_part(first, 1).await;
    }

    async fn pain_05_no_third_way_does(first: ApiApp) {
        walk_part(first, 2).await;
    }
}
