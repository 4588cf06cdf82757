//! The one call over HTTP.

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value as JsonValue, json};

use super::crud::{self, Paths, conditional};
use super::endpoint::Endpoint;
use super::reply::Reply;
use super::request::Request;
use super::write::write;
use crate::access::Permission;
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::provisioning::answer::{Answer, ProvisionOutcome, ProvisionStatus, status};
use crate::provisioning::plan::makes_something;
use crate::provisioning::record::ProvisionSummary;
use crate::provisioning::undo::{Undone, plan_undo};
use crate::provisioning::{Provision, ProvisionBody, plan, read};
use crate::seats::actions::record_denial;
use crate::types::Id;

/// How often a waiting caller's provision is looked at.
const GLANCE: Duration = Duration::from_millis(50);

/// The operations.
pub fn endpoints() -> Vec<Endpoint> {
    let example = json!({
        "user": { "email": "ada@example.com", "first_name": "Ada", "last_name": "Byron", "external_id": "crm-81" },
        "team": { "strategy": "auto", "name": "Analytical Engines", "role": "member" },
        "seats": [{ "product": "ext:safety-101", "quantity": 10, "assign": true, "if_full": "waitlist" }],
        "welcome_email": true,
    });
    vec![
        Endpoint::new(Method::POST, "/provision", "provision", "provision", provision)
            .about(
                "Provision a person: the one call",
                "Makes or finds the person, finds or makes the team by a strategy, adds and assigns seats and sends the welcome mail, all in one \
                 transaction. Answers 201 when something was made, 200 when all of it already stood so. No repeat makes a second anything. \
                 `Prefer: wait=10` waits for the steps that follow.",
            )
            .scope(Permission::ProvisionWrite)
            .takes::<ProvisionBody>(example)
            .gives::<Answer>(201)
            .problems(&[Code::TeamNotFound, Code::NoTeam, Code::TeamNameTaken, Code::SeatsExhausted, Code::IdentityConflict, Code::StateConflict, Code::LastOwner, Code::GrantExceedsRights, Code::AlreadyExists, Code::NotFound]),
        Endpoint::new(Method::GET, "/provisions/{id}", "get_provision", "provision", get)
            .about("Get a provision", "The answer of the call, and how far the steps that follow it have come: each with state, attempts and error.")
            .scope(Permission::ProvisionRead)
            .gives::<ProvisionStatus>(200)
            .problems(&[Code::NotFound]),
        list_endpoint(),
        Endpoint::new(Method::POST, "/provisions/{id}/undo", "undo_provision", "provision", undo)
            .about(
                "Take a provision back",
                "For seven days: what it made goes where nothing later stands on it: the person if new and untouched, the membership, places that are not used, the mail if not yet sent. What stays is named with its reason, beforehand by a dry run. People and teams are put aside and can be restored. A repeat changes nothing.",
            )
            .scope(Permission::ProvisionUndo)
            .gives::<Undone>(200)
            .problems(&[Code::NotFound, Code::StateConflict]),
    ]
}

/// The list of provisions.
fn list_endpoint() -> Endpoint {
    const PATHS: Paths = Paths {
        list: "/provisions",
        one: "/provisions/{id}",
    };
    let mut list = crud::list_endpoint::<ProvisionSummary>(&PATHS);
    list.tag = "provision";
    list
}

async fn undo(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let id = provision_id(&request)?;
    write(&app, &request, || async {
        let (plan, undone) = plan_undo(&app.db, &app.ids, &request.call, &id).await?;
        Ok((plan, Reply::json(200, &undone)?))
    })
    .await
}

fn provision_id(request: &Request) -> Result<Id<Provision>> {
    let text = request.places.first().map_or("", String::as_str);
    Id::<Provision>::parse(text).ok_or_else(|| Error::not_found("provision"))
}

async fn provision(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let body: JsonValue = request.body()?;
    let (wanted, places) = read(&body)?;
    let done = write(&app, &request, || async {
        let planned = plan(&app.db, &app.ids, &request.call, &wanted).await;
        let (plan, answer) = planned.map_err(|error| places.told(error))?;
        let reply = Reply::json(if makes_something(&plan) { 201 } else { 200 }, &answer)?;
        Ok((
            plan,
            reply.header("location", format!("/api/provisions/{}", answer.id)),
        ))
    })
    .await;
    match done {
        Ok(reply) => wait(&app, &request, reply).await,
        Err(error) => {
            record_denial(&app.db, &app.ids, &request.call, &error, "provision").await?;
            Err(error)
        }
    }
}

/// Waits for the steps that follow, as long as the caller would (RFC 7240).
async fn wait(app: &App, request: &Request, mut reply: Reply) -> Result<Reply> {
    let (Some(seconds), false) = (request.wait, request.call.dry_run) else {
        return Ok(reply);
    };
    let mut body: JsonValue = serde_json::from_slice(&reply.body).map_err(Error::internal)?;
    let Some(id) = body
        .get("id")
        .and_then(JsonValue::as_str)
        .and_then(Id::<Provision>::parse)
    else {
        return Ok(reply);
    };
    let until = tokio::time::Instant::now() + Duration::from_secs(seconds);
    let seen = loop {
        let seen = status(&app.db, &request.call.caller, &id).await?;
        if seen.outcome != ProvisionOutcome::InProgress || tokio::time::Instant::now() >= until {
            break seen;
        }
        tokio::time::sleep(GLANCE).await;
    };
    if let Some(members) = body.as_object_mut() {
        members.insert("outcome".to_owned(), json!(seen.outcome));
        members.insert("steps".to_owned(), json!(seen.steps));
    }
    reply.body = serde_json::to_vec(&body).map_err(Error::internal)?;
    Ok(reply.header("preference-applied", format!("wait={seconds}")))
}

async fn get(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let id = provision_id(&request)?;
    let reply = Reply::json(200, &status(&app.db, &request.call.caller, &id).await?)?;
    Ok(conditional(
        reply.with_etag(),
        request.if_none_match.as_deref(),
    ))
}
