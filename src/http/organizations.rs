//! Organizations over HTTP: what the tree needs beyond plain records.

use axum::http::Method;
use serde_json::{Value as JsonValue, json};

use super::crud::{self, Paths, check_match, conditional, keyed_body, version_gone};
use super::endpoint::Endpoint;
use super::reply::Reply;
use super::request::Request;
use super::write::write;
use crate::access::Permission;
use crate::app::App;
use crate::body::read_body;
use crate::error::{Code, Error, Result};
use crate::resources::Organization;
use crate::resources::organization::inheritance::{OrganizationEffective, effective};
use crate::resources::organization::preview::OrganizationMove;
use crate::resources::organization::summary::{self, OrganizationSummary, summary};
use crate::resources::organization::tree::{
    MoveInput, plan_change, plan_create, plan_delete, plan_move, plan_put,
};
use crate::resources::organization::{NewOrganization, OrganizationPatch};
use crate::types::Ref;

const MOVE: &str = "/organizations/{id}/move";
const EFFECTIVE: &str = "/organizations/{id}/effective";
const SUMMARY: &str = "/organizations/{id}/summary";

/// What each operation that may move an organization may answer with.
const OF_TREE: &[Code] = &[
    Code::NotFound,
    Code::AlreadyExists,
    Code::OrganizationCycle,
    Code::OrganizationTooDeep,
    Code::PreconditionFailed,
    Code::ValidationFailed,
];

/// The list and one of it; the list also gives the counts of what is below.
pub fn reads(paths: &Paths) -> Vec<Endpoint> {
    let mut list_and_one = crud::reads::<Organization>(paths);
    if let Some(all) = list_and_one.first_mut() {
        *all = all.clone().runs(list);
        for parameter in all.query.iter_mut().filter(|one| one.name == "include") {
            "`total_count` adds the exact number of all records, `summary` to each organization what it has with everything below it, in one query for the page; several by comma."
                .clone_into(&mut parameter.description);
            parameter.schema = json!({ "type": "array", "items": { "type": "string", "enum": ["total_count", "summary"] }, "minItems": 1, "maxItems": 2 });
        }
    }
    list_and_one
}

/// The operations on one organization.
pub fn endpoints(paths: &Paths, example: JsonValue) -> Vec<Endpoint> {
    let patch = crud::patch_endpoint::<Organization>(paths, json!({ "description": "Ships and shores" }))
        .runs(update)
        .about("Change an organization", "JSON Merge Patch: absent members stay as they are, `null` empties. Another `parent` moves it with everything below it. Honours `If-Match`.")
        .problems(&[Code::OrganizationCycle, Code::OrganizationTooDeep]);
    let put = crud::put_endpoint::<Organization>(paths, example.clone())
        .runs(put)
        .problems(&[Code::OrganizationCycle, Code::OrganizationTooDeep]);
    let mut delete = crud::delete_endpoint::<Organization>(paths).runs(delete);
    delete.description.push_str(" `organizations` and `teams` name the first ten that stand below it and at it. Its administrators and domain claims go with it.");
    vec![
        Endpoint::new(Method::POST, paths.list, "create_organization", "organizations", create)
            .about("Create an organization", "A root of a tree, or with `parent` a node below another; eight levels at the most.")
            .scope(Permission::OrganizationsWrite)
            .takes::<NewOrganization>(example)
            .gives::<Organization>(201)
            .problems(&[Code::AlreadyExists, Code::OrganizationTooDeep, Code::ValidationFailed]),
        patch,
        put,
        delete,
        Endpoint::new(Method::POST, MOVE, "move_organization", "organizations", relocate)
            .about(
                "Move an organization",
                "With everything below it, below another one, or with `null` to the top. The answer lists what changes: levels, teams that come along, the catalog, the look and the administrators \
                 it gains and loses. Ask with `?dry_run=true` first. However many move at once, no organization comes to stand below itself and every path is right.",
            )
            .scope(Permission::OrganizationsWrite)
            .takes::<MoveInput>(json!({ "parent": "ext:navy" }))
            .gives::<OrganizationMove>(200)
            .problems(OF_TREE),
        Endpoint::new(Method::GET, EFFECTIVE, "get_organization_effective", "organizations", get_effective)
            .about("What holds at an organization", "Its look, its catalog and its administrators after everything that it takes over from above, each with where it comes from.")
            .scope(Permission::OrganizationsRead)
            .gives::<OrganizationEffective>(200)
            .problems(&[Code::NotFound]),
        Endpoint::new(Method::GET, SUMMARY, "get_organization_summary", "organizations", get_summary)
            .about("What an organization has", "Teams, people and places of it and everything below it, counted in one query. A person in several teams counts once, a shared seat too.")
            .scope(Permission::OrganizationsRead)
            .gives::<OrganizationSummary>(200)
            .problems(&[Code::NotFound]),
    ]
}

/// The list, with the counts of each where they are asked for.
async fn list(app: App, request: Request) -> Result<Reply> {
    let mut pairs = Vec::new();
    let mut with_summary = false;
    for (name, value) in &request.query {
        if name != "include" {
            pairs.push((name.clone(), value.clone()));
            continue;
        }
        for word in value.split(',') {
            match word {
                "summary" => with_summary = true,
                "total_count" => pairs.push((name.clone(), word.to_owned())),
                _ => {
                    return Err(Error::new(
                        Code::InvalidParameter,
                        "include takes total_count and summary.",
                    ));
                }
            }
        }
    }
    let path = "/api/organizations";
    let reply = crud::page_with::<Organization>(&app, &request, &pairs, None, path).await?;
    if with_summary {
        add_summaries(&app, &request, reply).await
    } else {
        Ok(reply)
    }
}

/// Adds `summary` to each organization of a page: one query for all.
async fn add_summaries(app: &App, request: &Request, mut reply: Reply) -> Result<Reply> {
    let mut body: JsonValue = serde_json::from_slice(&reply.body).map_err(Error::internal)?;
    let rows = body.get_mut("data").and_then(JsonValue::as_array_mut);
    let mut rows: Vec<&mut JsonValue> = rows.into_iter().flatten().collect();
    let ids: Vec<String> = rows
        .iter()
        .filter_map(|row| row.get("id")?.as_str().map(str::to_owned))
        .collect();
    let wanted: Vec<&str> = ids.iter().map(String::as_str).collect();
    let select = summary::of(&request.call.caller, &wanted);
    let found: Vec<OrganizationSummary> = app.db.fetch(request.call.account(), select).await?;
    for row in &mut rows {
        let own = |one: &&OrganizationSummary| {
            row.get("id").and_then(JsonValue::as_str) == Some(one.organization_id.as_str())
        };
        let counts = json!(found.iter().find(own));
        if let Some(members) = row.as_object_mut() {
            members.insert("summary".to_owned(), counts);
        }
    }
    reply.body = serde_json::to_vec(&body).map_err(Error::internal)?;
    Ok(reply)
}

async fn create(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let new: NewOrganization = request.body()?;
    write(&app, &request, || async {
        let (plan, record) = plan_create(&app.db, &app.ids, &request.call, new.clone()).await?;
        Ok((plan, answer(201, &record)?))
    })
    .await
}

fn answer(status: u16, record: &Organization) -> Result<Reply> {
    let reply = Reply::json(status, record)?.with_etag();
    Ok(reply.header("location", format!("/api/organizations/{}", record.id)))
}

async fn update(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let node: Ref<Organization> = request.reference(0)?;
    let patch: OrganizationPatch = request.body()?;
    write(&app, &request, || async {
        let check = |node: &Organization| check_match(node, request.if_match.as_deref());
        let (plan, record) =
            plan_change(&app.db, &request.call, &node, patch.clone(), check).await?;
        Ok((plan, Reply::json(200, &record)?.with_etag()))
    })
    .await
}

async fn put(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let node: Ref<Organization> = request.reference(0)?;
    let body = keyed_body(&request.body, &node)?;
    let new: NewOrganization = read_body(&body)?;
    let patch: OrganizationPatch = read_body(&body)?;
    let if_match = request.if_match.as_deref();
    write(&app, &request, || async {
        let check = |record: Option<&Organization>| match (record, if_match) {
            (Some(record), _) => check_match(record, if_match),
            (None, Some(_)) => Err(version_gone()),
            (None, None) => Ok(()),
        };
        let (db, ids, call) = (&app.db, &app.ids, &request.call);
        let bodies = (new.clone(), patch.clone());
        let (plan, record, made) = plan_put(db, ids, call, &node, bodies, check).await?;
        Ok((plan, answer(if made { 201 } else { 200 }, &record)?))
    })
    .await
}

async fn delete(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let node: Ref<Organization> = request.reference(0)?;
    write(&app, &request, || async {
        let check = |node: &Organization| check_match(node, request.if_match.as_deref());
        let plan = plan_delete(&app.db, &request.call, &node, check).await?;
        Ok((plan, Reply::empty()))
    })
    .await
}

async fn relocate(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let node: Ref<Organization> = request.reference(0)?;
    let body: MoveInput = request.body()?;
    write(&app, &request, || async {
        let check = |node: &Organization| check_match(node, request.if_match.as_deref());
        let parent = body.target()?;
        let (plan, told) = plan_move(&app.db, &request.call, &node, parent, check).await?;
        Ok((plan, Reply::json(200, &told)?))
    })
    .await
}

async fn get_effective(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let node: Ref<Organization> = request.reference(0)?;
    let reply = Reply::json(200, &effective(&app.db, &request.call, &node).await?)?.with_etag();
    Ok(conditional(reply, request.if_none_match.as_deref()))
}

async fn get_summary(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let node: Ref<Organization> = request.reference(0)?;
    let reply = Reply::json(200, &summary(&app.db, &request.call, &node).await?)?.with_etag();
    Ok(conditional(reply, request.if_none_match.as_deref()))
}
