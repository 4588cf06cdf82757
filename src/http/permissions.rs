//! Permissions over HTTP: all there are, whether somebody has them, and why.

use axum::http::Method;
use serde_json::json;

use super::crud::{ListOf, PageInfo};
use super::endpoint::Endpoint;
use super::reply::Reply;
use super::request::Request;
use crate::access::Permission;
use crate::access::explain::{self, CheckInput, CheckResult, PermissionInfo, PersonPermissions};
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::records;
use crate::resources::User;

/// The operations.
pub fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::GET, "/permissions", "list_permissions", "permissions", list)
            .about("List all permissions", "Each with what it allows and the built-in roles that have it. The same words are the scopes of API keys.")
            .scope(Permission::RolesRead)
            .gives::<ListOf<PermissionInfo>>(200),
        Endpoint::new(Method::POST, "/permissions/check", "check_permissions", "permissions", check)
            .about("Ask whether a person may do something", "In the whole account, in a team or on an organization; with the roles from which it comes, or what would give it. Changes nothing.")
            .scope(Permission::RolesRead)
            .takes::<CheckInput>(json!({ "user": "email:ada@example.com", "permissions": ["seats:assign", "catalog:buy"], "team": "ext:engines" }))
            .gives::<CheckResult>(200)
            .problems(&[Code::ValidationFailed])
            .asks(),
        Endpoint::new(Method::GET, "/users/{id}/permissions", "list_user_permissions", "permissions", of_person)
            .about("All that a person may do", "Every permission they have, and the places where they have it. With `explain=true` also the roles from which it comes.")
            .scope(Permission::RolesRead)
            .parameter("explain", "Adds the roles from which each permission comes.", json!({"type": "boolean", "default": false}))
            .gives::<PersonPermissions>(200)
            .problems(&[Code::NotFound]),
    ]
}

async fn list(_: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let page = PageInfo::new(None, None);
    let data = explain::catalogue();
    Reply::json(200, &ListOf { data, page })
}

async fn check(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let input: CheckInput = request.body()?;
    Reply::json(
        200,
        &explain::check(&app.db, &request.call.caller, &input).await?,
    )
}

async fn of_person(app: App, request: Request) -> Result<Reply> {
    let mut explained = false;
    for (name, value) in &request.query {
        match (name.as_str(), value.as_str()) {
            ("explain", "true") => explained = true,
            ("explain", "false") => explained = false,
            ("explain", _) => {
                return Err(Error::new(
                    Code::InvalidParameter,
                    "explain takes true or false.",
                ));
            }
            _ => return request.no_query().map(|()| Reply::empty()),
        }
    }
    let caller = &request.call.caller;
    let user = records::find::<User>(&app.db, caller, &request.reference(0)?).await?;
    Reply::json(
        200,
        &explain::of_person(&app.db, caller, &user, explained).await?,
    )
}
