//! Invitations over HTTP.
//!
//! The address at which an invitation is accepted is added to an answer on its way out, for callers who may see mails: no
//! event, no audit fact and no remembered answer ever holds it.

use std::sync::Arc;

use axum::http::Method;
use serde_json::{Value as JsonValue, json};

use super::crud::{self, Paths};
use super::endpoint::Endpoint;
use super::reply::Reply;
use super::request::Request;
use super::write::write;
use crate::access::offers::{Way, invitation_url};
use crate::access::{Call, Permission};
use crate::app::App;
use crate::db::Select;
use crate::error::{Code, Error, Result};
use crate::invitations::record::{NewInvitation, ResendInput};
use crate::invitations::{Invitation, again, invite};
use crate::params;
use crate::seats::actions::record_denial;
use crate::types::{Id, Ref, json_list};

const RESEND: &str = "/invitations/{id}/resend";
const REVOKE: &str = "/invitations/{id}/revoke";

/// The operations.
pub fn endpoints(paths: &Paths) -> Vec<Endpoint> {
    let new = json!({ "email": "lin@example.com", "name": "Lin Clark", "team": "ext:engines", "role": "member", "expires_in_days": 7 });
    let create = Endpoint::new(Method::POST, paths.list, "create_invitation", "invitations", create)
        .about(
            "Invite a person",
            "Makes the person where the address is new, holds a place of each product, and sends the mail. Answers 201; 200 with the open \
             invitation when the same one stands already.",
        )
        .scope(Permission::InvitationsWrite)
        .takes::<NewInvitation>(new)
        .gives::<Invitation>(201)
        .problems(&[
            Code::AlreadyExists,
            Code::SeatsExhausted,
            Code::StateConflict,
            Code::GrantExceedsRights,
            Code::ValidationFailed,
        ]);
    let resend = Endpoint::new(Method::POST, RESEND, "resend_invitation", "invitations", resend)
        .about(
            "Send an invitation again",
            "A new mail with a new address; every older address is dead. One that has expired stands anew, with its places. At most once a minute.",
        )
        .scope(Permission::InvitationsWrite)
        .takes::<ResendInput>(json!({ "expires_in_days": 14 }))
        .gives::<Invitation>(200)
        .problems(&[
            Code::NotFound,
            Code::StateConflict,
            Code::ResendTooSoon,
            Code::SeatsExhausted,
            Code::GrantExceedsRights,
            Code::ValidationFailed,
        ]);
    let revoke = Endpoint::new(Method::POST, REVOKE, "revoke_invitation", "invitations", revoke)
        .about(
            "Take an invitation back",
            "Its address is dead at once, its places are free, and the next in the waiting line gets them in the same transaction. It stays visible.",
        )
        .scope(Permission::InvitationsWrite)
        .gives::<Invitation>(200)
        .problems(&[Code::NotFound, Code::StateConflict]);
    crud::reads::<Invitation>(paths)
        .into_iter()
        .chain([create, resend, revoke])
        .map(with_address)
        .collect()
}

/// The same operation, with the address of each open invitation in its answer where the caller may see it. An answer that
/// is remembered for repeats, by itself or within that of a batch, is the same without.
fn with_address(endpoint: Endpoint) -> Endpoint {
    let run = Arc::clone(&endpoint.run);
    endpoint.runs(move |app, request| {
        let (call, is_kept) = (request.call.clone(), request.idempotency.is_some());
        let answer = run(app.clone(), request);
        async move {
            let reply = answer.await?;
            if is_kept || call.dry_run {
                return Ok(reply);
            }
            add_addresses(&app, &call, reply).await
        }
    })
}

async fn add_addresses(app: &App, call: &Call, mut reply: Reply) -> Result<Reply> {
    if !call.caller.may(Permission::MailsRead) || reply.status >= 300 {
        return Ok(reply);
    }
    let mut body: JsonValue = serde_json::from_slice(&reply.body).map_err(Error::internal)?;
    let is_list = body.get("data").is_some();
    let mut records: Vec<&mut JsonValue> = if is_list {
        let data = body.get_mut("data").and_then(JsonValue::as_array_mut);
        data.into_iter().flatten().collect()
    } else {
        vec![&mut body]
    };
    let ids: Vec<String> = records
        .iter()
        .filter_map(|record| record.get("id")?.as_str().map(str::to_owned))
        .collect();
    let open = Select::new(
        format!(
            "SELECT id, generation FROM invitations WHERE account_id = $1 AND {} AND expires_at > $2 AND id IN (SELECT value FROM JSON_LIST($3) AS shown)",
            crate::invitations::record::OPEN
        ),
        params![call.now, json_list(&ids)],
    );
    let open = app
        .db
        .fetch::<(Id<Invitation>, i64)>(call.account(), open)
        .await?;
    for (id, generation) in open {
        let url = invitation_url(app, call.account(), id.as_str(), generation, Way::Copied);
        let is_its = |record: &&mut JsonValue| {
            record.get("id").and_then(JsonValue::as_str) == Some(id.as_str())
        };
        if let Some(record) = records.iter_mut().find(|record| is_its(record))
            && let Some(members) = record.as_object_mut()
        {
            members.insert("accept_url".to_owned(), url.into());
        }
    }
    reply.body = serde_json::to_vec(&body).map_err(Error::internal)?;
    Ok(reply)
}

async fn create(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let new: NewInvitation = request.body()?;
    let done = write(&app, &request, || async {
        let (plan, invitation, made) =
            invite::plan_invite(&app.db, &app.ids, &request.call, &new).await?;
        let reply = Reply::json(if made { 201 } else { 200 }, &invitation)?.with_etag();
        let place = format!("/api/invitations/{}", invitation.id);
        Ok((plan, reply.header("location", place)))
    })
    .await;
    denied(&app, &request, done).await
}

async fn resend(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let invitation: Ref<Invitation> = request.reference(0)?;
    let input: ResendInput = request.body()?;
    let done = write(&app, &request, || async {
        let (db, ids, call) = (&app.db, &app.ids, &request.call);
        let (plan, invitation) = again::plan_resend(db, ids, call, &invitation, &input).await?;
        Ok((plan, Reply::json(200, &invitation)?.with_etag()))
    })
    .await;
    denied(&app, &request, done).await
}

async fn revoke(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let invitation: Ref<Invitation> = request.reference(0)?;
    write(&app, &request, || async {
        let (db, ids, call) = (&app.db, &app.ids, &request.call);
        let (plan, invitation) = again::plan_revoke(db, ids, call, &invitation).await?;
        Ok((plan, Reply::json(200, &invitation)?.with_etag()))
    })
    .await
}

/// Keeps the denial behind a refusal for want of places.
async fn denied(app: &App, request: &Request, done: Result<Reply>) -> Result<Reply> {
    if let Err(error) = &done {
        record_denial(&app.db, &app.ids, &request.call, error, "invitation").await?;
    }
    done
}
