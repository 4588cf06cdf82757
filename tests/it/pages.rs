//! The pages in which people work: each answers with data and without, escapes what it shows, and refuses forms that
//! were not sent from it.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use b2b_dashboard::access::cookies;
use b2b_dashboard::access::sessions::{self, Origin};
use b2b_dashboard::commit::commit;
use b2b_dashboard::db::Statement;
use b2b_dashboard::http;
use b2b_dashboard::params;
use b2b_dashboard::provisioning;
use b2b_dashboard::records;
use b2b_dashboard::resources::{Course, Organization, Product};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::support::app::TestApp;
use crate::support::database::both;

const NAME: &str = "<script>alert(1)</script>";

/// The site with somebody signed in.
pub(crate) struct Desk<'a> {
    test: &'a TestApp,
    cookie: String,
    csrf: String,
}

impl<'a> Desk<'a> {
    pub(crate) async fn open(test: &'a TestApp, role: &str) -> Self {
        let user = test.insert_user("admin@example.com", "Grace Hopper").await;
        let insert =
            "INSERT INTO user_roles (account_id, user_id, role, created_at) VALUES ($1, $2, $3, 0)";
        let from = Origin {
            address: None,
            agent: None,
            request_id: "r1".into(),
        };
        let now = test.clock.now();
        let (started, row) = sessions::start(test, &test.account, &user, &from, now);
        let role = Statement::new(insert, params![user, role.to_owned()]);
        test.db
            .write(&test.account, vec![role, row])
            .await
            .expect("a session");
        let cookie = started.cookie.expose().clone();
        let session = sessions::resume(test, &cookie, now)
            .await
            .expect("a read")
            .expect("a session");
        Self {
            csrf: cookies::csrf_token(test, &session),
            cookie: format!("{}={cookie}", cookies::cookie_name(&test.config)),
            test,
        }
    }

    async fn send(&self, request: Request<Body>) -> (StatusCode, String, String) {
        let response = http::site(self.test)
            .oneshot(request)
            .await
            .expect("an answer");
        let status = response.status();
        let to = response.headers().get(header::LOCATION);
        let to = to.map_or("", |to| to.to_str().expect("a path")).to_owned();
        let body = response.into_body().collect().await.expect("a body");
        let text = String::from_utf8(body.to_bytes().to_vec()).expect("text");
        (status, to, text)
    }

    async fn open_page(&self, path: &str) -> (StatusCode, String, String) {
        let request = Request::get(path)
            .header(header::COOKIE, &self.cookie)
            .body(Body::empty())
            .expect("a request");
        self.send(request).await
    }

    pub(crate) async fn get(&self, path: &str) -> String {
        let (status, _, text) = self.open_page(path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {text}");
        assert!(text.contains("<h1>"), "{path}");
        assert!(!text.contains(NAME), "{path} shows a name as it is");
        assert!(!text.contains(" style="), "{path}");
        text
    }

    async fn post_as(
        &self,
        path: &str,
        csrf: &str,
        pairs: &[(&str, &str)],
    ) -> (StatusCode, String, String) {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("csrf", csrf)
            .extend_pairs(pairs)
            .finish();
        let request = Request::post(path)
            .header(header::COOKIE, &self.cookie)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(body))
            .expect("a request");
        self.send(request).await
    }

    pub(crate) async fn post(
        &self,
        path: &str,
        pairs: &[(&str, &str)],
    ) -> (StatusCode, String, String) {
        self.post_as(path, &self.csrf, pairs).await
    }
}

/// Ids of what [`fill`] made.
pub(crate) struct Made {
    user: String,
    pub(crate) team: String,
    pub(crate) seat: String,
    organization: String,
    pub(crate) product: String,
    course: String,
}

async fn make<R: b2b_dashboard::resource::Resource>(test: &TestApp, body: Value) -> String {
    let call = b2b_dashboard::access::Call::system(test.account.clone(), "test", test.clock.now());
    let plan = || async {
        let new = serde_json::from_value(body.clone()).expect("a body");
        records::plan_create::<R>(&test.db, &test.ids, &call, new).await
    };
    let done = commit(&test.db, &test.ids, &call, plan).await;
    b2b_dashboard::resource::Record::id(&done.expect("a record").value).to_string()
}

/// A course, a product, an organization, and somebody in a team with a seat; another waits.
pub(crate) async fn fill(test: &TestApp) -> Made {
    let course = make::<Course>(test, json!({ "name": NAME })).await;
    let product = make::<Product>(test, json!({ "name": NAME, "courses": [course] })).await;
    let organization = make::<Organization>(test, json!({ "name": NAME })).await;
    let call = b2b_dashboard::access::Call::system(test.account.clone(), "test", test.clock.now());
    let mut answers = Vec::new();
    for (n, line) in [
        json!({ "product": product, "quantity": 1, "assign": true }),
        json!({ "product": product, "if_full": "waitlist" }),
    ]
    .into_iter()
    .enumerate()
    {
        let body = json!({
            "user": { "email": format!("ada{n}@example.com"), "name": NAME, "company": NAME },
            "team": { "name": NAME, "organization": organization },
            "seats": [line],
        });
        let (wanted, _) = provisioning::read(&body).expect("a body");
        let plan = || provisioning::plan(&test.db, &test.ids, &call, &wanted);
        let done = commit(&test.db, &test.ids, &call, plan).await;
        answers.push(done.expect("a provision").value);
    }
    let first = &answers[0];
    Made {
        user: first.user.user.id.to_string(),
        team: first.team.team.id.to_string(),
        seat: first.seats[0].seat_id.to_string(),
        organization,
        product,
        course,
    }
}

const LISTS: [&str; 25] = [
    "/dashboard/requests",
    "/dashboard/settings/roles",
    "/dashboard",
    "/dashboard/users",
    "/dashboard/provision",
    "/dashboard/teams",
    "/dashboard/teams/new",
    "/dashboard/organizations",
    "/dashboard/organizations/new",
    "/dashboard/domains",
    "/dashboard/domains/new",
    "/dashboard/groups",
    "/dashboard/groups/new",
    "/dashboard/products",
    "/dashboard/products/new",
    "/dashboard/courses",
    "/dashboard/courses/new",
    "/dashboard/seats",
    "/dashboard/seats/new",
    "/dashboard/assignments",
    "/dashboard/search",
    "/dashboard/invitations",
    "/dashboard/invitations/new",
    "/dashboard/links",
    "/dashboard/links/new",
];

both! {
    async fn every_list_answers_in_an_empty_account(test: TestApp) {
        let desk = Desk::open(&test, "owner").await;
        for path in LISTS {
            desk.get(path).await;
        }
        assert!(desk.get("/dashboard/teams").await.contains("No teams yet"));
    }

    async fn every_page_answers_with_data_and_escapes_it(test: TestApp) {
        let made = fill(&test).await;
        let desk = Desk::open(&test, "owner").await;
        let Made { user, team, seat, organization, product, course } = &made;
        for path in LISTS {
            desk.get(path).await;
        }
        for path in [
            "/dashboard/users?q=%3Cscript&status=invited&sort=-name&limit=1".to_owned(),
            format!("/dashboard/users?team={team}"),
            "/dashboard/search?q=%3Cscript".to_owned(),
            "/dashboard/teams?ownerless=false&sort=name".to_owned(),
            "/dashboard/seats?available[lte]=0&waitlisted[gte]=1".to_owned(),
            "/dashboard/assignments?state=active&expires_at[lte]=2030-01-01T00:00:00Z".to_owned(),
            format!("/dashboard/users/{user}"),
            format!("/dashboard/users/{user}/edit"),
            format!("/dashboard/users/{user}/status"),
            format!("/dashboard/users/{user}/delete"),
            format!("/dashboard/users/{user}/sign-in-link"),
            format!("/dashboard/users/{user}/welcome"),
            format!("/dashboard/teams/{team}"),
            format!("/dashboard/teams/{team}/edit"),
            format!("/dashboard/teams/{team}/delete"),
            format!("/dashboard/users/{user}/roles"),
            format!("/dashboard/users/{user}/permissions"),
            "/dashboard/settings/roles?kind=team&q=team".to_owned(),
            "/dashboard/settings/roles/new".to_owned(),
            "/dashboard/settings/roles/role_00000000000000000000000006".to_owned(),
            format!("/dashboard/teams/{team}/members"),
            format!("/dashboard/teams/{team}/members/many"),
            format!("/dashboard/teams/{team}/members/{user}/move"),
            format!("/dashboard/teams/{team}/members/{user}"),
            format!("/dashboard/teams/{team}/members/{user}/remove"),
            format!("/dashboard/organizations/{organization}"),
            format!("/dashboard/organizations/{organization}/edit"),
            format!("/dashboard/organizations/{organization}/move"),
            format!("/dashboard/organizations/{organization}/delete"),
            format!("/dashboard/organizations/{organization}/teams"),
            format!("/dashboard/organizations/{organization}/admins"),
            "/dashboard/organizations?q=%3Cscript&depth=1&sort=name".to_owned(),
            format!("/dashboard/products/{product}/edit"),
            format!("/dashboard/courses/{course}/edit"),
            format!("/dashboard/seats/{seat}"),
            format!("/dashboard/seats/{seat}/edit"),
            format!("/dashboard/seats/{seat}/teams"),
            "/dashboard/requests?state=pending".to_owned(),
            format!("/dashboard/seats/{seat}/assign"),
            format!("/dashboard/seats/{seat}/revoke?user={user}"),
            format!("/dashboard/seats/{seat}/extend?user={user}"),
            format!("/dashboard/seats/{seat}/transfer?user={user}"),
        ] {
            desk.get(&path).await;
        }
    }

    async fn forms_do_what_they_say_and_only_with_their_token(test: TestApp) {
        let made = fill(&test).await;
        let desk = Desk::open(&test, "owner").await;
        let Made { user, seat, product, .. } = &made;
        let edit = format!("/dashboard/users/{user}/edit");
        let fields = [("email", "ada@example.com"), ("first_name", "Ada"), ("last_name", "Byron")];
        let (status, ..) = desk.post_as(&edit, "forged", &fields).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert!(!desk.get(&format!("/dashboard/users/{user}")).await.contains("Ada Byron"));
        let (status, to, text) = desk.post(&edit, &fields).await;
        assert_eq!((status, to), (StatusCode::SEE_OTHER, format!("/dashboard/users/{user}")), "{text}");
        assert!(desk.get(&format!("/dashboard/users/{user}")).await.contains("Ada Byron"));
        let (status, _, text) = desk.post(&edit, &[("email", "nonsense")]).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{text}");

        let wish = [("email", "alan@example.com"), ("strategy", "create"), ("team_name", "Bletchley"),
            ("product_0", product.as_str()), ("quantity_0", "2"), ("welcome_email", "true")];
        let (status, _, text) = desk.post("/dashboard/provision", &wish).await;
        assert_eq!(status, StatusCode::OK, "{text}");
        assert!(text.contains("What would happen") && text.contains("Bletchley"), "{text}");
        assert!(!desk.get("/dashboard/users").await.contains("alan@example.com"), "a preview changes nothing");
        let confirmed: Vec<_> = wish.into_iter().chain([("step", "confirm")]).collect();
        let (status, to, text) = desk.post("/dashboard/provision", &confirmed).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{text}");
        assert!(desk.get(&to).await.contains("alan@example.com"));

        let (status, _, text) = desk.post(&format!("/dashboard/seats/{seat}/revoke"), &[("user", user)]).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{text}");
        let (status, _, text) = desk.post("/dashboard/users/bulk", &[("action", "deactivate"), ("id", user)]).await;
        assert_eq!(status, StatusCode::OK, "{text}");
        assert!(text.contains("Nothing has been changed yet"));
        let (_, _, text) = desk.post("/dashboard/users/bulk/run", &[("action", "deactivate"), ("id", user)]).await;
        assert!(text.contains("All of it was done"), "{text}");
    }

    async fn roles_are_made_given_and_withdrawn_in_the_dashboard(test: TestApp) {
        let made = fill(&test).await;
        let desk = Desk::open(&test, "owner").await;
        let Made { user, team, .. } = &made;
        // Somebody else owns the team, so that its first owner may get another role.
        let second = [("email", "second@example.com"), ("first_name", "Sue"), ("role", "owner")];
        let (status, _, text) = desk.post(&format!("/dashboard/teams/{team}/members"), &second).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{text}");
        let role = [("name", "Tutor <b>"), ("kind", "team"), ("permission", "teams:read"), ("permission", "seats:assign")];
        let (status, page, text) = desk.post("/dashboard/settings/roles/new", &role).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{text}");
        let text = desk.get(&page).await;
        assert!(text.contains("Tutor &lt;b&gt;") && text.contains("Nobody holds it"), "{text}");
        let id = page.rsplit('/').next().expect("an id");
        let (status, _, text) = desk.post("/dashboard/settings/roles/new", &[("name", "X"), ("kind", "team"), ("permission", "keys:write")]).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{text}");
        let (status, to, text) = desk.post(&format!("/dashboard/teams/{team}/members/{user}"), &[("role", id)]).await;
        assert_eq!((status, to), (StatusCode::SEE_OTHER, format!("/dashboard/teams/{team}")), "{text}");
        let text = desk.get(&page).await;
        assert!(text.contains(&format!("/dashboard/users/{user}")), "{text}");
        let (status, _, text) = desk.post(&format!("{page}/delete"), &[]).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "it is held: {text}");
        let text = desk.get(&format!("/dashboard/users/{user}/permissions")).await;
        assert!(text.contains("seats:assign") && text.contains("Tutor"), "{text}");
        let (status, _, text) = desk.post(&format!("/dashboard/users/{user}/roles"), &[("role", "reporter")]).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{text}");
        assert!(desk.get(&format!("/dashboard/users/{user}")).await.contains("Account: Reporter"));
        let (status, _, text) = desk.post(&format!("/dashboard/users/{user}/roles/reporter/withdraw"), &[]).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{text}");
        assert!(!desk.get(&format!("/dashboard/users/{user}")).await.contains("Account: Reporter"));
    }

    async fn members_are_added_moved_and_removed_in_the_dashboard(test: TestApp) {
        let made = fill(&test).await;
        let desk = Desk::open(&test, "owner").await;
        let Made { team, .. } = &made;
        let members = format!("/dashboard/teams/{team}/members");
        let new = [("email", "new@example.com"), ("first_name", "Nora"), ("last_name", "New"), ("role", "manager")];
        let (status, to, text) = desk.post(&members, &new).await;
        assert_eq!((status, to.as_str()), (StatusCode::SEE_OTHER, &*format!("/dashboard/teams/{team}")), "{text}");
        assert!(desk.get(&to).await.contains("Nora New"));
        let (status, _, text) = desk.post(&format!("{members}/many"), &[("emails", "one@example.com\nnonsense, two@example.com"), ("role", "member")]).await;
        assert_eq!(status, StatusCode::OK, "{text}");
        assert!(text.contains("1 line was refused") && text.contains("two@example.com"), "{text}");
        let (status, other, text) = desk.post("/dashboard/teams/new", &[("name", "Elsewhere")]).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{text}");
        let other = other.rsplit('/').next().expect("an id").to_owned();
        let people = desk.get("/dashboard/users?q=nora").await;
        let at = people.find("/dashboard/users/user_").expect("Nora");
        let nora = people[at + 17..].split(['"', '/', '?']).next().expect("an id").to_owned();
        let (status, _, text) = desk.post(&format!("{members}/{nora}/move"), &[("to_team", &other), ("preview", "true")]).await;
        assert_eq!(status, StatusCode::OK, "{text}");
        assert!(text.contains("Nothing has been changed yet"), "{text}");
        let (status, to, text) = desk.post(&format!("{members}/{nora}/move"), &[("to_team", &other)]).await;
        assert_eq!((status, to), (StatusCode::SEE_OTHER, format!("/dashboard/teams/{other}")), "{text}");
        let remove = format!("/dashboard/teams/{other}/members/remove");
        let (status, _, text) = desk.post(&remove, &[("action", "remove"), ("id", &nora)]).await;
        assert_eq!(status, StatusCode::OK, "{text}");
        assert!(text.contains("Nothing has been changed yet"), "{text}");
        let (_, _, text) = desk.post(&remove, &[("action", "remove_now"), ("id", &nora)]).await;
        assert!(text.contains("All of it was done"), "{text}");
    }

    async fn organizations_are_moved_after_a_preview_and_looked_after(test: TestApp) {
        let made = fill(&test).await;
        let desk = Desk::open(&test, "owner").await;
        let node = format!("/dashboard/organizations/{}", made.organization);
        let (status, top, text) = desk.post("/dashboard/organizations/new", &[("name", "Holding")]).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{text}");
        let parent = top.rsplit('/').next().expect("an id").to_owned();
        let look = [("name", "Holding"), ("brand_color", "#112233"), ("inherit_branding", "true"), ("inherit_catalog", "true")];
        let (status, _, text) = desk.post(&format!("{top}/edit"), &look).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{text}");
        let (status, _, text) = desk.post(&format!("{top}/edit"), &[("name", "Holding"), ("brand_color", "#12345g")]).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{text}");
        assert!(text.contains("not a valid color"), "{text}");
        let wish = format!("{node}/move");
        let (status, _, text) = desk.post(&wish, &[("parent", &parent)]).await;
        assert_eq!(status, StatusCode::OK, "{text}");
        assert!(text.contains("level 2 afterwards") && text.contains("#112233") && text.contains("1 team come along"), "{text}");
        assert!(!desk.get(&node).await.contains("from Holding"), "a preview changes nothing");
        let (status, to, text) = desk.post(&wish, &[("parent", &parent), ("confirmed", "true")]).await;
        assert_eq!((status, to.as_str()), (StatusCode::SEE_OTHER, node.as_str()), "{text}");
        assert!(desk.get(&node).await.contains("from Holding"));
        let child = made.organization.as_str();
        let (status, _, text) = desk.post(&format!("{top}/move"), &[("parent", child)]).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{text}");
        let (status, _, text) = desk.post(&format!("{top}/delete"), &[]).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "what stands below is told: {text}");

        let (status, _, text) = desk.post(&format!("{top}/admins"), &[("email", "ada0@example.com")]).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{text}");
        let page = desk.get(&top).await;
        assert!(page.contains("ada0@example.com"), "{page}");
        let (status, ..) = desk.post(&format!("{top}/admins/{}/remove", made.user), &[]).await;
        assert_eq!(status, StatusCode::SEE_OTHER);
        assert!(!desk.get(&top).await.contains("ada0@example.com"));
        let (status, _, text) = desk.post(&format!("{top}/teams"), &[("team", &made.team)]).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{text}");
        let (status, _, text) = desk.post(&format!("{top}/teams/{}/remove", made.team), &[]).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{text}");

        let (status, claim, text) = desk.post("/dashboard/domains/new", &[("domain", "acme.example"), ("organization", &parent), ("proof", "dns")]).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{text}");
        assert!(desk.get(&claim).await.contains("b2b-dashboard-verification="));
        let (status, ..) = desk.post(&format!("{claim}/verify"), &[]).await;
        assert_eq!(status, StatusCode::SEE_OTHER);
        let (status, ..) = desk.post(&format!("{claim}/vouch"), &[]).await;
        assert_eq!(status, StatusCode::SEE_OTHER);
        assert!(desk.get("/dashboard/domains?state=verified").await.contains("Verified by an administrator"));
        let (status, ..) = desk.post(&format!("{claim}/delete"), &[]).await;
        assert_eq!(status, StatusCode::SEE_OTHER);
        let (status, _, text) = desk.post("/dashboard/domains/new", &[("domain", "gmail.com"), ("organization", &parent)]).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{text}");
    }

    async fn groups_are_made_and_mapped(test: TestApp) {
        let made = fill(&test).await;
        let desk = Desk::open(&test, "owner").await;
        let (status, group, text) = desk.post("/dashboard/groups/new", &[("name", NAME), ("lms_group_id", "77")]).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{text}");
        let (status, _, text) = desk.post("/dashboard/groups/new", &[("name", "Twin"), ("lms_group_id", "77")]).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{text}");
        let (status, ..) = desk.post(&format!("{group}/teams"), &[("team", &made.team), ("direction", "from_lms")]).await;
        assert_eq!(status, StatusCode::SEE_OTHER);
        assert!(desk.get(&group).await.contains("From the group to the team"));
        desk.get("/dashboard/groups").await;
        desk.get(&format!("{group}/edit")).await;
        let (status, ..) = desk.post(&format!("{group}/edit"), &[("name", "Nights"), ("lms_group_id", "78")]).await;
        assert_eq!(status, StatusCode::SEE_OTHER);
        let (status, ..) = desk.post(&format!("{group}/teams/{}/remove", made.team), &[]).await;
        assert_eq!(status, StatusCode::SEE_OTHER);
        assert!(desk.get(&group).await.contains("No team is mapped"));
        let (status, to, _) = desk.post(&format!("{group}/delete"), &[]).await;
        assert_eq!((status, to.as_str()), (StatusCode::SEE_OTHER, "/dashboard/groups"));
    }

    async fn invitations_and_links_are_made_changed_and_ended_by_forms(test: TestApp) {
        let made = fill(&test).await;
        let desk = Desk::open(&test, "owner").await;
        let team = made.team.as_str();
        let (status, to, text) = desk.post("/dashboard/invitations/new", &[("emails", "lin@example.com, mary@example.com"), ("team", team), ("role", "member")]).await;
        assert_eq!((status, to.as_str()), (StatusCode::SEE_OTHER, "/dashboard/invitations"), "{text}");
        let full = [("emails", "sue@example.com nonsense"), ("team", team), ("role", "member"), ("product", made.product.as_str())];
        let (status, _, text) = desk.post("/dashboard/invitations/new", &full).await;
        assert_eq!(status, StatusCode::OK, "{text}");
        assert!(text.contains("What came of it") && text.contains("free places") && text.contains("nonsense"), "{text}");
        let (status, _, text) = desk.post("/dashboard/invitations/new", &[("emails", ""), ("team", team)]).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{text}");
        let ids: Vec<(String,)> = test.rows("SELECT id FROM invitations WHERE account_id = $1 ORDER BY id", vec![]).await;
        assert_eq!(ids.len(), 2);
        let one = format!("/dashboard/invitations/{}", ids[0].0);
        assert!(desk.get(&one).await.contains("/invitation/"), "the owner may copy the address");
        let (_, to, _) = desk.post(&format!("{one}/resend"), &[]).await;
        assert_eq!(to, one, "too soon: said on the page");
        let (status, ..) = desk.post(&format!("{one}/revoke"), &[]).await;
        assert_eq!(status, StatusCode::SEE_OTHER);
        let found: Vec<(String,)> = test.rows("SELECT state FROM invitations WHERE account_id = $1 ORDER BY id", vec![]).await;
        assert_eq!(found, [("revoked".to_owned(),), ("queued".to_owned(),)]);
        desk.get("/dashboard/invitations?state=queued,sent,failed&q=mary&sort=email").await;

        let new = [("name", NAME), ("team", team), ("max_uses", "5"), ("expires_at", "2030-01-01"), ("allowed_domains", "example.com, example.org"), ("requires_approval", "true")];
        let (status, link, text) = desk.post("/dashboard/links/new", &new).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{text}");
        let page = desk.get(&link).await;
        assert!(page.contains("<svg") && page.contains("example.org") && page.contains("/join/"), "{page}");
        let (status, _, text) = desk.post(&format!("{link}/edit"), &[("name", "Hall"), ("max_uses", "")]).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{text}");
        let (status, ..) = desk.post(&format!("{link}/pause"), &[]).await;
        assert_eq!(status, StatusCode::SEE_OTHER);
        assert!(desk.get(&link).await.contains("Paused"));
        let rows: Vec<(String, Option<i64>, bool)> = test.rows("SELECT name, max_uses, paused FROM links WHERE account_id = $1", vec![]).await;
        assert_eq!(rows, [("Hall".to_owned(), None, true)]);
        desk.get("/dashboard/links?q=hall&sort=name").await;
        let (status, to, _) = desk.post(&format!("{link}/delete"), &[]).await;
        assert_eq!((status, to.as_str()), (StatusCode::SEE_OTHER, "/dashboard/links"));
    }

    async fn a_link_to_what_was_put_aside_leads_to_the_way_back(test: TestApp) {
        let made = fill(&test).await;
        let desk = Desk::open(&test, "owner").await;
        for (page, told) in [
            (format!("/dashboard/users/{}", made.user), "1 place is taken by now: the person waits in line."),
            (format!("/dashboard/teams/{}", made.team), "2 members come back."),
        ] {
            test.clock.advance(60);
            let (status, _, text) = desk.post(&format!("{page}/delete"), &[("confirm", "true")]).await;
            assert_eq!(status, StatusCode::SEE_OTHER, "{page}: {text}");
            let (status, to, text) = desk.open_page(&page).await;
            assert_eq!((status, to), (StatusCode::SEE_OTHER, format!("{page}/restore")), "{text}");
            let text = desk.get(&format!("{page}/restore")).await;
            assert!(text.contains(told), "{text}");
            let (status, to, text) = desk.post(&format!("{page}/restore"), &[]).await;
            assert_eq!((status, to), (StatusCode::SEE_OTHER, page.clone()), "{text}");
            desk.get(&page).await;
        }
    }

    async fn the_last_owner_is_not_offered_to_be_erased(test: TestApp) {
        let made = fill(&test).await;
        let desk = Desk::open(&test, "owner").await;
        let text = desk.get(&format!("/dashboard/users/{}/erase", made.user)).await;
        assert!(text.contains("Erase for good") && text.contains("name=\"confirm\""), "{text}");
        let text = desk.get("/dashboard/users/email:admin@example.com/erase").await;
        assert!(!text.contains("Erase for good") && !text.contains("name=\"confirm\""), "{text}");
        assert!(text.contains("owner"), "why: {text}");
    }

    async fn a_reporter_sees_no_way_to_change_and_finds_none(test: TestApp) {
        let made = fill(&test).await;
        let desk = Desk::open(&test, "reporter").await;
        let text = desk.get(&format!("/dashboard/users/{}", made.user)).await;
        assert!(!text.contains("/edit") && !text.contains("/delete"), "{text}");
        let path = format!("/dashboard/users/{}/delete", made.user);
        let (status, ..) = desk.post(&path, &[]).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        let gone = Statement::new("UPDATE users SET deleted_at = 1 WHERE account_id = $1 AND id = $2", params![made.user.clone()]);
        test.db.write(&test.account, vec![gone]).await.expect("a write");
        let (status, ..) = desk.open_page(&format!("/dashboard/users/{}", made.user)).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "nor the way back");
    }
}

/// The rooms of those who look after the machinery.
const MACHINERY: [&str; 13] = [
    "/dashboard/reports",
    "/dashboard/reports/enrollment_progress",
    "/dashboard/reports/seat_usage",
    "/dashboard/reports/expiring_access?from=2026-03-02&to=2027-03-02&time_zone=Europe/Berlin",
    "/dashboard/reports/idle_places?status=idle",
    "/dashboard/reports/denials_and_waitlist?status=waitlisted",
    "/dashboard/reports/organization_rollup",
    "/dashboard/jobs",
    "/dashboard/jobs/bulk",
    "/dashboard/mails?state=queued&kind=welcome",
    "/dashboard/audit?actor_type=system",
    "/dashboard/settings/api/new",
    "/dashboard/settings/seats",
];

both! {
    async fn rooms_of_the_machinery_answer_with_and_without_data(test: TestApp) {
        let desk = Desk::open(&test, "owner").await;
        for path in MACHINERY {
            desk.get(path).await;
        }
        fill(&test).await;
        for path in MACHINERY {
            let text = desk.get(path).await;
            let shows_call = path.contains("/reports/") || path.contains("/mails") || path.contains("/audit") || path.contains("/api/");
            assert!(!shows_call || text.contains("$API_KEY"), "{path} shows no call");
        }
        let text = desk.get("/dashboard/reports/enrollment_progress?status=active").await;
        assert!(text.contains("ada0@example.com") && !text.contains("ada1@example.com"), "{text}");
        let request = Request::get("/dashboard/reports/enrollment_progress/file?status=active").header(header::COOKIE, &desk.cookie);
        let (status, _, file) = desk.send(request.body(Body::empty()).expect("a request")).await;
        assert_eq!(status, StatusCode::OK);
        assert!(file.starts_with("user_id,email,") && file.contains("ada0@example.com") && file.contains("Europe/Berlin"), "{file}");
    }

    async fn what_is_done_about_seats_is_set_by_a_form(test: TestApp) {
        let desk = Desk::open(&test, "owner").await;
        let page = "/dashboard/settings/seats";
        assert!(desk.get(page).await.contains("30, 7, 1"));
        let form = [("promoted_mail", "true"), ("reminder_days", "14, 3"), ("low_levels", ""), ("reclaim_after_days", "60"), ("reclaim_notice_days", "5")];
        let (status, to, text) = desk.post(page, &form).await;
        assert_eq!((status, to.as_str()), (StatusCode::SEE_OTHER, page), "{text}");
        let rows: Vec<(Value,)> = test.rows("SELECT settings FROM accounts WHERE account_id = $1", vec![]).await;
        let seats = &rows[0].0["seats"];
        assert_eq!(*seats, json!({ "assigned_mail": false, "promoted_mail": true, "reminder_days": [14, 3], "low_levels": [], "low_mail": false, "reclaim_after_days": 60, "reclaim_notice_days": 5, "release_on_leave": false }));
        let (status, _, text) = desk.post(page, &[("reminder_days", "soon"), ("reclaim_after_days", "0")]).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{text}");
        assert!(text.contains("soon"), "what was typed comes back: {text}");
        let (status, ..) = desk.post_as(page, "forged", &form).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
    }

    async fn a_seat_that_runs_low_says_so(test: TestApp) {
        let made = fill(&test).await;
        let full = "UPDATE seats SET quantity = assigned + reserved + spent WHERE account_id = $1 AND assigned > 0";
        test.db.write(&test.account, vec![Statement::guarded(full, params![])]).await.expect("a full seat");
        let desk = Desk::open(&test, "owner").await;
        assert!(desk.get(&format!("/dashboard/seats/{}", made.seat)).await.contains("All places are in use."));
        let more = "UPDATE seats SET quantity = (assigned + reserved + spent) * 5 / 4 + 1 WHERE account_id = $1 AND assigned > 0";
        test.db.write(&test.account, vec![Statement::guarded(more, params![])]).await.expect("a seat with room");
        let low = "UPDATE accounts SET settings = $2 WHERE account_id = $1";
        let levels = json!({ "seats": { "low_levels": [10] } }).to_string();
        test.db.write(&test.account, vec![Statement::new(low, params![levels])]).await.expect("levels");
        assert!(desk.get(&format!("/dashboard/seats/{}", made.seat)).await.contains("10% or more are in use"));
        assert!(desk.get("/dashboard").await.contains("low"));
    }

    async fn a_bulk_job_is_watched_tried_again_and_undone(test: TestApp) {
        let desk = Desk::open(&test, "owner").await;
        let call = b2b_dashboard::access::Call::system(test.account.clone(), "test", test.clock.now());
        let rows = [json!({ "email": "a@example.com", "team": NAME }).to_string(), json!({ "email": "nonsense" }).to_string()];
        let job = commit(&test.db, &test.ids, &call, || async {
            let mut plan = b2b_dashboard::events::Plan::new("provision.bulk");
            let kind = b2b_dashboard::jobs::Job::ProvisionBulk;
            let job = b2b_dashboard::bulk::queue(&mut plan, &test.ids, &call, &kind, None, &rows);
            Ok((plan, job))
        }).await.expect("a job").value;
        let path = format!("/dashboard/jobs/{}", job.id);
        assert!(desk.get(&path).await.contains("Cancel"));
        test.run_jobs().await;
        assert!(desk.get("/dashboard/jobs/bulk?state=partly_failed").await.contains(job.id.as_str()));
        let text = desk.get(&path).await;
        assert!(text.contains("Partly failed") && text.contains("nonsense") && text.contains("retry_failed"), "{text}");
        assert!(desk.get(&format!("{path}/undo")).await.contains("Undo this job?"));
        let (status, ..) = desk.post_as(&format!("{path}/undo"), "forged", &[]).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        let (status, to, text) = desk.post(&format!("{path}/retry_failed"), &[]).await;
        assert_eq!((status, to), (StatusCode::SEE_OTHER, path.clone()), "{text}");
        test.run_jobs().await;
        let (status, to, text) = desk.post(&format!("{path}/undo"), &[]).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{text}");
        test.run_jobs().await;
        assert!(desk.get(&to).await.contains("Undo another job"));
    }
}
