//! The operations that every kind of record has, made from what the kind states.

mod condition;
mod write;

use axum::http::Method;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value as JsonValue, json};

use super::endpoint::Endpoint;
use super::expand::expand;
use super::parameters::{of_expand, of_list};
use super::reply::Reply;
use super::request::Request;
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::listing::{ListQuery, Page, expand_paths};
use crate::records;
use crate::resource::{Record, Resource};
use crate::types::Ref;

pub use condition::{check_match, check_put, conditional, version_gone};
pub use write::keyed_body;
use write::{create, delete, put, update};

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

impl<R: Serialize> ListOf<R> {
    /// The answer, with the address of the next page of the list at `path`, if there is one.
    pub fn reply(&self, path: &str, query: &[(String, String)]) -> Result<Reply> {
        Ok(self.page.linked(path, query, Reply::json(200, self)?))
    }
}

impl PageInfo {
    /// What is told of a page.
    pub const fn new(next_cursor: Option<String>, total_count: Option<i64>) -> Self {
        Self {
            has_more: next_cursor.is_some(),
            next_cursor,
            total_count,
        }
    }

    /// The answer with the address of the next page of the list at `path`, if there is one.
    pub fn linked(&self, path: &str, query: &[(String, String)], reply: Reply) -> Reply {
        match &self.next_cursor {
            Some(cursor) => reply.header("link", next_link(path, query, cursor)),
            None => reply,
        }
    }
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
    let (db, key) = (&app.db, &app.keys.cursor);
    let Some(page) = query.run_json::<R>(db, caller, key, "{\"data\":[").await? else {
        let page = query.run::<R>(db, caller, key).await?;
        return answer_page(app, request, &query, page, path).await;
    };
    let info = PageInfo::new(page.next_cursor, page.total_count);
    let mut body = page.text;
    body.extend_from_slice(b"],\"page\":");
    serde_json::to_writer(&mut body, &info).map_err(Error::internal)?;
    body.push(b'}');
    Ok(info.linked(path, &request.query, Reply::of_json(200, body)))
}

/// The answer with a page that has been read, its records expanded as the query asks, and the way to the next one.
pub async fn answer_page<R: Record>(
    app: &App,
    request: &Request,
    query: &ListQuery,
    page: Page<R>,
    path: &str,
) -> Result<Reply> {
    let info = PageInfo::new(page.next_cursor, page.total_count);
    if query.expand.is_empty() {
        let data = page.rows;
        return ListOf { data, page: info }.reply(path, &request.query);
    }
    let mut data = serde_json::to_value(&page.rows).map_err(Error::internal)?;
    expand::<R>(&app.db, &request.call.caller, &mut data, &query.expand).await?;
    let reply = Reply::json(200, &json!({ "data": data, "page": info }))?;
    Ok(info.linked(path, &request.query, reply))
}

/// The next page's address as a Link header (RFC 8288).
fn next_link(path: &str, query: &[(String, String)], cursor: &str) -> String {
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
