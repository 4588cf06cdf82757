//! Create, change, put and delete.

use serde_json::Value as JsonValue;

use super::condition::{check_match, check_put};
use crate::app::App;
use crate::body::read_body;
use crate::error::{Error, Fault, Result};
use crate::http::reply::Reply;
use crate::http::request::Request;
use crate::http::write::write;
use crate::records;
use crate::resource::Resource;
use crate::types::{Email, ExternalId, Ref};

pub(super) async fn create<R: Resource>(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    request.body::<R::New>()?;
    write(&app, &request, || async {
        let (plan, record) =
            records::plan_create::<R>(&app.db, &app.ids, &request.call, request.body()?).await?;
        let reply = Reply::json(201, &record)?
            .with_etag()
            .header("location", format!("/api/{}/{}", R::TABLE, record.id()));
        Ok((plan, reply))
    })
    .await
}

pub(super) async fn update<R: Resource>(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let reference: Ref<R> = request.reference(0)?;
    request.body::<R::Patch>()?;
    write(&app, &request, || async {
        let check = |record: &R| check_match(record, request.if_match.as_deref());
        let (plan, record) =
            records::plan_change(&app.db, &request.call, &reference, request.body()?, check)
                .await?;
        Ok((plan, Reply::json(200, &record)?.with_etag()))
    })
    .await
}

pub(super) async fn delete<R: Resource>(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let reference: Ref<R> = request.reference(0)?;
    write(&app, &request, || async {
        let check = |record: &R| check_match(record, request.if_match.as_deref());
        let (plan, _) = records::plan_delete(&app.db, &request.call, &reference, check).await?;
        Ok((plan, Reply::empty()))
    })
    .await
}

pub(super) async fn put<R: Resource>(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let reference: Ref<R> = request.reference(0)?;
    let body = keyed_body(&request.body, &reference)?;
    read_body::<R::New>(&body)?;
    let if_match = request.if_match.as_deref();
    write(&app, &request, || async {
        let new = read_body::<R::New>(&body)?;
        let body = if R::ALIASES.is_some() {
            body_for_alias(&app, &request, &reference, &body).await?
        } else {
            body.clone()
        };
        let as_patch = |_| async { read_body::<R::Patch>(&body) };
        let check = |record: Option<&R>| check_put(record, if_match);
        let (plan, record, made) = records::plan_put(
            &app.db,
            &app.ids,
            &request.call,
            &reference,
            new,
            as_patch,
            check,
        )
        .await?;
        let reply = Reply::json(if made { 201 } else { 200 }, &record)?.with_etag();
        Ok((
            plan,
            reply.header("location", format!("/api/{}/{}", R::TABLE, record.id())),
        ))
    })
    .await
}

/// The body without the key that the address names, where that is one of before a merge: who has become part of another
/// is found by it, and does not get it back.
async fn body_for_alias<R: Resource>(
    app: &App,
    request: &Request,
    reference: &Ref<R>,
    body: &[u8],
) -> Result<Vec<u8>> {
    let (member, key) = match reference {
        Ref::Id(_) => return Ok(body.to_vec()),
        Ref::External(key) => ("external_id", key.to_string()),
        Ref::Email(email) => ("email", email.key()),
    };
    let found = records::maybe::<R>(&app.db, &request.call.caller, reference).await?;
    let record = serde_json::to_value(found).map_err(Error::internal)?;
    let own = record.get(member).and_then(JsonValue::as_str);
    let is_own = |own: &str| {
        own == key || Email::parse(own).is_ok_and(|email| member == "email" && email.key() == key)
    };
    match serde_json::from_slice(body) {
        Ok(JsonValue::Object(mut members)) if !record.is_null() && !own.is_some_and(is_own) => {
            members.shift_remove(member);
            serde_json::to_vec(&members).map_err(Error::internal)
        }
        _ => Ok(body.to_vec()),
    }
}

/// The body with the key that the address names. A body that gives another key contradicts its address.
pub fn keyed_body<R>(body: &[u8], reference: &Ref<R>) -> Result<Vec<u8>> {
    let (member, key, of_address) = match reference {
        Ref::Id(_) => return Ok(body.to_vec()),
        Ref::External(key) => ("external_id", key.as_str(), key.to_string()),
        Ref::Email(email) => ("email", email.as_str(), email.key()),
    };
    // What is no object is told properly by the reader of the body.
    let Ok(JsonValue::Object(mut members)) = serde_json::from_slice(body) else {
        return Ok(body.to_vec());
    };
    let given = match members.entry(member).or_insert_with(|| key.into()) {
        JsonValue::String(given) if member == "email" => {
            Email::parse(given).ok().map(|email| email.key())
        }
        JsonValue::String(given) => ExternalId::parse(given).ok().map(|key| key.to_string()),
        _ => None,
    };
    if given.is_some_and(|given| given != of_address) {
        return Err(Error::invalid(vec![Fault::new(
            format!("/{member}"),
            "contradicts_address",
            "The address of the request names another record than this member. Leave it out, or change it by PATCH.",
        )]));
    }
    serde_json::to_vec(&members).map_err(Error::internal)
}
