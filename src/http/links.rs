//! Links for self-enrolment over HTTP: the records, their QR codes, their requests and the decisions on them.

use std::sync::Arc;

use axum::http::Method;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value as JsonValue, json};
use std::collections::BTreeMap;

use super::crud::{self, Paths, check_match, conditional, keyed_body, version_gone};
use super::endpoint::Endpoint;
use super::reply::Reply;
use super::request::Request;
use super::write::write;
use crate::access::Permission;
use crate::app::App;
use crate::body::read_body;
use crate::db::{Batch, Select};
use crate::error::{Code, Error, Result};
use crate::joining::decide::{self, ApproveInput, Decided, DeclineInput};
use crate::joining::input::{LinkPatch, NewLink};
use crate::joining::{Link, LinkRequest, manage, qr};
use crate::params;
use crate::records;
use crate::seats::actions::record_denial;
use crate::types::{Ref, Timestamp};

const APPROVE: &str = "/links/{id}/approve";
const DECLINE: &str = "/links/{id}/decline";

/// Requests that are decided by examples.
const EXAMPLE: &str = "link_request_01k0z3t6m8q4r2w9x7y5v1n0pa";

/// How a link is used.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LinkCounters {
    /// How often its page was opened; counted a few seconds later.
    pub views: i64,
    /// When it was opened last.
    pub last_viewed_at: Option<Timestamp>,
    /// How many people have joined by it.
    pub used: i64,
    /// How many may; absent: any number.
    pub max_uses: Option<i64>,
    /// Requests by their state.
    pub requests: BTreeMap<String, i64>,
    /// How often somebody was refused, by the code of the reason.
    pub refused: BTreeMap<String, i64>,
}

/// The operations.
pub fn endpoints(paths: &Paths, requests: &Paths) -> Vec<Endpoint> {
    let new = json!({
        "name": "Poster in the hall", "external_id": "hall", "team": "ext:engines", "role": "member",
        "max_uses": 30, "allowed_domains": ["example.com"],
    });
    let list = crud::reads::<Link>(paths).into_iter().chain([
        crud::create_endpoint::<Link>(paths, new.clone())
            .runs(create)
            .problems(&[Code::GrantExceedsRights]),
        crud::patch_endpoint::<Link>(paths, json!({ "paused": true }))
            .runs(update)
            .problems(&[Code::GrantExceedsRights]),
        crud::delete_endpoint::<Link>(paths).runs(delete),
        crud::put_endpoint::<Link>(paths, new)
            .runs(put)
            .problems(&[Code::GrantExceedsRights]),
    ]);
    list.map(with_url)
        .chain(further())
        .chain(crud::reads::<LinkRequest>(requests))
        .collect()
}

fn further() -> Vec<Endpoint> {
    let qr_code = Endpoint::new(Method::GET, "/links/{id}/qr", "get_link_qr", "links", qr_code)
        .about(
            "Get a link's QR code",
            "As SVG, or with `format=png` as a picture of one bit a pixel. It holds the link's address.",
        )
        .scope(Permission::LinksRead)
        .gives_picture(&["image/svg+xml", "image/png"])
        .parameter("format", "`svg` or `png`.", json!({ "type": "string", "enum": ["svg", "png"], "default": "svg" }))
        .problems(&[Code::NotFound, Code::InvalidParameter]);
    let counters = Endpoint::new(
        Method::GET,
        "/links/{id}/counters",
        "get_link_counters",
        "links",
        counters,
    )
    .about(
        "How a link is used",
        "How often its page was opened, uses, requests by state, and how often somebody was refused, by reason.",
    )
    .scope(Permission::LinksRead)
    .gives::<LinkCounters>(200)
    .problems(&[Code::NotFound]);
    let requests = crud::children::<Link, LinkRequest>(
        "/links/{id}/requests",
        "list_link_requests_of_link",
        "link_id",
    )
    .about(
        "List a link's requests",
        "Those who asked to join by it, in every state, the newest first.",
    );
    let decision = |path, id: &str, summary: &str, words: &str| {
        Endpoint::new(Method::POST, path, id, "links", move |app, request| {
            decide_on(app, request, path)
        })
        .about(summary, words)
        .scope(Permission::LinksWrite)
        .gives::<Decided>(200)
        .problems(&[Code::NotFound, Code::StateConflict, Code::ValidationFailed])
    };
    vec![
        qr_code,
        counters,
        requests,
        decision(APPROVE, "approve_link_requests", "Approve requests", "All or none: each person is in at once, with their places, and told by mail. Who has joined already stays as they are.")
            .takes::<ApproveInput>(json!({ "requests": [EXAMPLE] }))
            .problems(&[Code::SeatsExhausted, Code::LinkUsedUp, Code::GrantExceedsRights]),
        decision(DECLINE, "decline_link_requests", "Decline requests", "All or none: each person is told by mail, with the reason where one is given.")
            .takes::<DeclineInput>(json!({ "requests": [EXAMPLE], "reason": "The course is for the night shift." })),
    ]
}

/// The same operation, with the address of each link in its answer.
fn with_url(endpoint: Endpoint) -> Endpoint {
    let run = Arc::clone(&endpoint.run);
    endpoint.runs(move |app, request| {
        let answer = run(app.clone(), request);
        async move { add_urls(&app, answer.await?) }
    })
}

fn add_urls(app: &App, mut reply: Reply) -> Result<Reply> {
    if reply.status >= 300 || reply.body.is_empty() {
        return Ok(reply);
    }
    let mut body: JsonValue = serde_json::from_slice(&reply.body).map_err(Error::internal)?;
    let add = |record: &mut JsonValue| {
        let slug = record.get("slug").and_then(JsonValue::as_str);
        let Some(url) = slug.map(|slug| url(app, slug)) else {
            return;
        };
        if let Some(members) = record.as_object_mut() {
            members.insert("url".to_owned(), url.into());
        }
    };
    match body.get_mut("data").and_then(JsonValue::as_array_mut) {
        Some(data) => data.iter_mut().for_each(add),
        None => add(&mut body),
    }
    reply.body = serde_json::to_vec(&body).map_err(Error::internal)?;
    Ok(reply)
}

/// The public address of a link.
pub fn url(app: &App, slug: &str) -> String {
    format!("{}/join/{slug}", app.config.server.origin())
}

async fn create(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let new: NewLink = request.body()?;
    write(&app, &request, || async {
        let (plan, link) =
            manage::plan_create(&app.db, &app.ids, &request.call, new.clone()).await?;
        let reply = Reply::json(201, &link)?.with_etag();
        Ok((
            plan,
            reply.header("location", format!("/api/links/{}", link.id)),
        ))
    })
    .await
}

async fn update(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let link: Ref<Link> = request.reference(0)?;
    let patch: LinkPatch = request.body()?;
    write(&app, &request, || async {
        let check = |link: &Link| check_match(link, request.if_match.as_deref());
        let (plan, link) =
            manage::plan_change(&app.db, &request.call, &link, patch.clone(), check).await?;
        Ok((plan, Reply::json(200, &link)?.with_etag()))
    })
    .await
}

async fn delete(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let link: Ref<Link> = request.reference(0)?;
    write(&app, &request, || async {
        let check = |link: &Link| check_match(link, request.if_match.as_deref());
        let plan = manage::plan_delete(&app.db, &request.call, &link, check).await?;
        Ok((plan, Reply::empty()))
    })
    .await
}

async fn put(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let link: Ref<Link> = request.reference(0)?;
    let body = keyed_body(&request.body, &link)?;
    let bodies: (NewLink, LinkPatch) = (read_body(&body)?, read_body(&body)?);
    let if_match = request.if_match.as_deref();
    write(&app, &request, || async {
        let check = |link: Option<&Link>| match (link, if_match) {
            (Some(link), _) => check_match(link, if_match),
            (None, Some(_)) => Err(version_gone()),
            (None, None) => Ok(()),
        };
        let (db, ids, call) = (&app.db, &app.ids, &request.call);
        let (plan, link, made) =
            manage::plan_put(db, ids, call, &link, bodies.clone(), check).await?;
        let reply = Reply::json(if made { 201 } else { 200 }, &link)?.with_etag();
        Ok((
            plan,
            reply.header("location", format!("/api/links/{}", link.id)),
        ))
    })
    .await
}

async fn qr_code(app: App, request: Request) -> Result<Reply> {
    let mut format = "svg";
    for (name, value) in &request.query {
        format = match (name.as_str(), value.as_str()) {
            ("format", "svg") => "svg",
            ("format", "png") => "png",
            ("format", _) => {
                let detail = "format takes svg or png.";
                return Err(Error::new(Code::InvalidParameter, detail));
            }
            _ => return request.no_query().map(|()| Reply::empty()),
        };
    }
    let link: Link = records::find(&app.db, &request.call.caller, &request.reference(0)?).await?;
    let url = url(&app, link.slug.as_str());
    Ok(if format == "png" {
        Reply::text("image/png", qr::png(&url)?)
    } else {
        Reply::text("image/svg+xml", qr::svg(&url)?.into_bytes())
    })
}

async fn counters(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let caller = &request.call.caller;
    let link: Link = records::find(&app.db, caller, &request.reference(0)?).await?;
    let mut batch = Batch::new();
    let requests = batch.add::<(String, i64)>(Select::new(
        "SELECT state, count(*) FROM link_requests WHERE account_id = $1 AND link_id = $2 GROUP BY state",
        params![link.id.clone()],
    ));
    let refused = batch.add::<(String, i64)>(Select::new(
        "SELECT reason, refused FROM link_refusals WHERE account_id = $1 AND link_id = $2",
        params![link.id.clone()],
    ));
    let views = batch.add::<(i64, Timestamp)>(Select::new(
        "SELECT views, last_at FROM link_views WHERE account_id = $1 AND link_id = $2",
        params![link.id.clone()],
    ));
    let mut rows = app.db.read(&caller.account, batch).await?;
    let views = rows.first(&views);
    let reply = Reply::json(
        200,
        &LinkCounters {
            views: views.map_or(0, |(views, _)| views),
            last_viewed_at: views.map(|(_, at)| at),
            used: link.used,
            max_uses: link.max_uses,
            requests: rows.take(&requests).into_iter().collect(),
            refused: rows.take(&refused).into_iter().collect(),
        },
    )?;
    Ok(conditional(
        reply.with_etag(),
        request.if_none_match.as_deref(),
    ))
}

/// Runs the decision of an address.
async fn decide_on(app: App, request: Request, path: &'static str) -> Result<Reply> {
    request.no_query()?;
    let link: Ref<Link> = request.reference(0)?;
    let call = &request.call;
    if path == DECLINE {
        let input: DeclineInput = request.body()?;
        return write(&app, &request, || async {
            let (plan, decided) = decide::plan_decline(&app, call, &link, &input).await?;
            Ok((plan, Reply::json(200, &decided)?))
        })
        .await;
    }
    let input: ApproveInput = request.body()?;
    let done = write(&app, &request, || async {
        let (plan, decided) = decide::plan_approve(&app, call, &link, &input).await?;
        Ok((plan, Reply::json(200, &decided)?))
    })
    .await;
    if let Err(error) = &done {
        record_denial(&app.db, &app.ids, call, error, "link").await?;
    }
    done
}
