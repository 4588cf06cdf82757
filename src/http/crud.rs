//! The operations that every kind of record has, made from what the kind states.

use axum::http::Method;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value as JsonValue, json};

use super::endpoint::Endpoint;
use super::expand::expand;
use super::parameters::{of_expand, of_list};
use super::reply::{Reply, etag};
use super::request::Request;
use super::write::write;
use crate::app::App;
use crate::body::read_body;
use crate::error::{Code, Error, Fault, Result};
use crate::listing::{ListQuery, Page, expand_paths};
use crate::records;
use crate::resource::{Record, Resource};
use crate::types::{Email, ExternalId, Ref};

/// A page of a list.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ListOf<R> {
    /// The records.
    pub data: Vec<R>,
    /// Where the list goes on.
    pub page: PageInfo,
}

/// Where a list goes on.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PageInfo {
    /// Give it as `cursor` to get the next page; `null` on the last one.
    pub next_cursor: Option<String>,
    /// Whether there is a next page.
    pub has_more: bool,
    /// The exact number of all records, with `include=total_count`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_count: Option<i64>,
}

/// Paths of a kind: the list's and the record's.
pub struct Paths {
    /// `/users`
    pub list: &'static str,
    /// `/users/{id}`
    pub one: &'static str,
}

/// `GET` of the list and of one.
pub fn reads<R: Record>(paths: &Paths) -> Vec<Endpoint> {
    vec![list_endpoint::<R>(paths), get_endpoint::<R>(paths)]
}

/// `GET` of the list.
pub fn list_endpoint<R: Record>(paths: &Paths) -> Endpoint {
    let plural = R::TABLE.replace('_', " ");
    let list = Endpoint::new(
        Method::GET,
        paths.list,
        format!("list_{}", R::TABLE),
        R::TABLE,
        list::<R>,
    )
    .about(
        format!("List {plural}"),
        format!(
            "{} Newest first unless `sort`, a range or `q` says otherwise; a page at a time.",
            R::SUMMARY
        ),
    )
    .scope(R::READ)
    .gives::<ListOf<R>>(200)
    .problems(&[Code::InvalidParameter, Code::CursorMismatch]);
    of_list::<R>(list)
}

/// `GET` of one.
pub fn get_endpoint<R: Record>(paths: &Paths) -> Endpoint {
    let one = Endpoint::new(
        Method::GET,
        paths.one,
        format!("get_{}", R::KIND),
        R::TABLE,
        get::<R>,
    )
    .about(
        format!("Get one {}", R::KIND.replace('_', " ")),
        "By id or `ext:<external_id>`; people also by `email:<address>`. Has a strong `ETag`.",
    )
    .scope(R::READ)
    .gives::<R>(200)
    .problems(&[Code::NotFound]);
    of_expand::<R>(one)
}

/// `POST`, `PATCH` and `DELETE`, with bodies that work.
pub fn writes<R: Resource>(paths: &Paths, new: JsonValue, patch: JsonValue) -> Vec<Endpoint> {
    vec![
        create_endpoint::<R>(paths, new),
        patch_endpoint::<R>(paths, patch),
        delete_endpoint::<R>(paths),
    ]
}

/// `POST` of a new record, generically.
pub fn create_endpoint<R: Resource>(paths: &Paths, example: JsonValue) -> Endpoint {
    let name = R::KIND.replace('_', " ");
    Endpoint::new(
        Method::POST,
        paths.list,
        format!("create_{}", R::KIND),
        R::TABLE,
        create::<R>,
    )
    .about(
        format!("Create a {name}"),
        "Answers 201 with the record and its address in `Location`.",
    )
    .scope(R::WRITE)
    .takes::<R::New>(example)
    .gives::<R>(201)
    .problems(&[Code::AlreadyExists, Code::ValidationFailed])
}

/// `PATCH` of a record.
pub fn patch_endpoint<R: Resource>(paths: &Paths, example: JsonValue) -> Endpoint {
    let name = R::KIND.replace('_', " ");
    Endpoint::new(
        Method::PATCH,
        paths.one,
        format!("update_{}", R::KIND),
        R::TABLE,
        update::<R>,
    )
    .about(
        format!("Change a {name}"),
        "JSON Merge Patch: absent members stay as they are, `null` empties. Honours `If-Match`.",
    )
    .scope(R::WRITE)
    .takes::<R::Patch>(example)
    .gives::<R>(200)
    .problems(&[
        Code::NotFound,
        Code::AlreadyExists,
        Code::PreconditionFailed,
        Code::ValidationFailed,
    ])
}

/// `DELETE` of a record.
pub fn delete_endpoint<R: Resource>(paths: &Paths) -> Endpoint {
    let words = if R::SOFT_DELETE {
        "Puts it aside: restorable for 30 days, its names free at once, its memberships ended in the same transaction."
    } else {
        "Removes it for good where nothing refers to it; otherwise 409 `in_use`."
    };
    Endpoint::new(
        Method::DELETE,
        paths.one,
        format!("delete_{}", R::KIND),
        R::TABLE,
        delete::<R>,
    )
    .about(format!("Delete a {}", R::KIND.replace('_', " ")), words)
    .scope(R::WRITE)
    .gives_nothing()
    .problems(&[Code::NotFound, Code::InUse, Code::PreconditionFailed])
}

/// `PUT` by the caller's own key, run by `handler`.
pub fn put_of<F, Fut>(paths: &Paths, kind: &str, tag: &'static str, handler: F) -> Endpoint
where
    F: Fn(App, Request) -> Fut + Send + Sync + 'static,
    Fut: std::future::Future<Output = Result<Reply>> + Send + 'static,
{
    Endpoint::new(Method::PUT, paths.one, format!("put_{kind}"), tag, handler)
        .about(
            format!("Create or change a {} by your own key", kind.replace('_', " ")),
            "`PUT /…/ext:<value>` makes the record with that external_id, or changes the members given: safe to repeat. 201 when made, else 200.",
        )
}

/// `PUT` by the caller's own key: makes or changes.
pub fn put_endpoint<R: Resource>(paths: &Paths, example: JsonValue) -> Endpoint {
    put_of(paths, R::KIND, R::TABLE, put::<R>)
        .scope(R::WRITE)
        .takes::<R::New>(example)
        .gives::<R>(200)
        .problems(&[
            Code::NotFound,
            Code::AlreadyExists,
            Code::PreconditionFailed,
            Code::ValidationFailed,
        ])
}

async fn list<R: Record>(app: App, request: Request) -> Result<Reply> {
    page_of::<R>(&app, &request, None, &format!("/api/{}", R::TABLE)).await
}

/// `GET` of the records of a parent, such as the ledger of a seat: those whose `column` has the parent's id. The path has
/// one place, the parent's.
pub fn children<P: Record, R: Record>(
    path: &'static str,
    id: &str,
    column: &'static str,
) -> Endpoint {
    let list = Endpoint::new(Method::GET, path, id, P::TABLE, move |app, request| {
        list_within::<P, R>(app, request, path, column)
    })
    .scope(R::READ)
    .gives::<ListOf<R>>(200)
    .problems(&[Code::NotFound, Code::InvalidParameter, Code::CursorMismatch]);
    of_list::<R>(list)
}

async fn list_within<P: Record, R: Record>(
    app: App,
    request: Request,
    path: &'static str,
    column: &'static str,
) -> Result<Reply> {
    let parent: P = records::find(&app.db, &request.call.caller, &request.reference(0)?).await?;
    let id = parent.id().as_str();
    let path = format!("/api{}", path.replace("{id}", id));
    page_of::<R>(&app, &request, Some((column, id)), &path).await
}

async fn page_of<R: Record>(
    app: &App,
    request: &Request,
    within: Option<(&'static str, &str)>,
    path: &str,
) -> Result<Reply> {
    page_with::<R>(app, request, &request.query, within, path).await
}

/// A page of a list by other members than those of the address, for a list that takes members of its own.
pub async fn page_with<R: Record>(
    app: &App,
    request: &Request,
    pairs: &[(String, String)],
    within: Option<(&'static str, &str)>,
    path: &str,
) -> Result<Reply> {
    let caller = &request.call.caller;
    let query = ListQuery::parse_within::<R>(pairs, within, caller, &app.keys.cursor)?;
    let page = query.run::<R>(&app.db, caller, &app.keys.cursor).await?;
    answer_page(app, request, &query, page, path).await
}

/// The answer with a page that has been read, its records expanded as the query asks, and the way to the next one.
pub async fn answer_page<R: Record>(
    app: &App,
    request: &Request,
    query: &ListQuery,
    page: Page<R>,
    path: &str,
) -> Result<Reply> {
    let info = PageInfo {
        has_more: page.next_cursor.is_some(),
        next_cursor: page.next_cursor,
        total_count: page.total_count,
    };
    let link = info
        .next_cursor
        .as_ref()
        .map(|cursor| next_link(path, &request.query, cursor));
    let reply = if query.expand.is_empty() {
        let bytes = 512 * (page.rows.len() + 1);
        let list = ListOf {
            data: page.rows,
            page: info,
        };
        Reply::json_about(200, &list, bytes)?
    } else {
        let mut data = serde_json::to_value(&page.rows).map_err(Error::internal)?;
        expand::<R>(&app.db, &request.call.caller, &mut data, &query.expand).await?;
        Reply::json(200, &json!({ "data": data, "page": info }))?
    };
    Ok(match link {
        Some(link) => reply.header("link", link),
        None => reply,
    })
}

/// The next page's address as a Link header (RFC 8288).
pub fn next_link(path: &str, query: &[(String, String)], cursor: &str) -> String {
    let mut members = url::form_urlencoded::Serializer::new(String::new());
    members.extend_pairs(query.iter().filter(|(name, _)| name != "cursor"));
    members.append_pair("cursor", cursor);
    format!("<{path}?{}>; rel=\"next\"", members.finish())
}

async fn get<R: Record>(app: App, request: Request) -> Result<Reply> {
    let caller = &request.call.caller;
    let mut paths = Vec::new();
    for (name, value) in &request.query {
        if name != "expand" {
            return request.no_query().map(|()| Reply::empty());
        }
        paths.extend(expand_paths(value)?);
    }
    let reference: Ref<R> = request.reference(0)?;
    let record = records::find::<R>(&app.db, caller, &reference).await?;
    if matches!(&reference, Ref::Id(id) if id != record.id()) {
        return Ok(Reply::moved(format!("/api/{}/{}", R::TABLE, record.id())));
    }
    let reply = if paths.is_empty() {
        Reply::json(200, &record)?
    } else {
        let mut data = json!([record]);
        expand::<R>(&app.db, caller, &mut data, &paths).await?;
        Reply::json(200, &data.get(0))?
    };
    Ok(conditional(
        reply.with_etag(),
        request.if_none_match.as_deref(),
    ))
}

/// 304 without a body, and free of charge, when the caller has this version already (RFC 9110 section 13.1.2).
pub fn conditional(reply: Reply, if_none_match: Option<&str>) -> Reply {
    let tag = reply
        .headers
        .iter()
        .find(|(name, _)| name == "etag")
        .map(|(_, tag)| tag.as_str());
    match (if_none_match, tag) {
        (Some(known), Some(tag))
            if known == "*"
                || known
                    .split(',')
                    .any(|one| one.trim().trim_start_matches("W/") == tag) =>
        {
            Reply {
                status: 304,
                body: Vec::new(),
                counts: false,
                ..reply
            }
        }
        _ => reply,
    }
}

/// Refuses when the record is not the version that If-Match names.
pub fn check_match<R: Serialize>(record: &R, if_match: Option<&str>) -> Result<()> {
    let Some(wanted) = if_match else {
        return Ok(());
    };
    let tag = etag(&serde_json::to_vec(record).map_err(Error::internal)?);
    if wanted == "*" || wanted.split(',').any(|one| one.trim() == tag) {
        return Ok(());
    }
    Err(version_gone())
}

/// The same for a PUT, which may find no record: then it is not the version that If-Match names.
pub fn check_put<R: Serialize>(record: Option<&R>, if_match: Option<&str>) -> Result<()> {
    match (record, if_match) {
        (Some(record), _) => check_match(record, if_match),
        (None, Some(_)) => Err(version_gone()),
        (None, None) => Ok(()),
    }
}

/// The record has changed since the version that the caller named.
pub fn version_gone() -> Error {
    Error::new(
        Code::PreconditionFailed,
        "The record has changed since the version given in If-Match. Read it again and decide anew.",
    )
}

async fn create<R: Resource>(app: App, request: Request) -> Result<Reply> {
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

async fn update<R: Resource>(app: App, request: Request) -> Result<Reply> {
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

async fn delete<R: Resource>(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let reference: Ref<R> = request.reference(0)?;
    write(&app, &request, || async {
        let check = |record: &R| check_match(record, request.if_match.as_deref());
        let (plan, _) = records::plan_delete(&app.db, &request.call, &reference, check).await?;
        Ok((plan, Reply::empty()))
    })
    .await
}

async fn put<R: Resource>(app: App, request: Request) -> Result<Reply> {
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
