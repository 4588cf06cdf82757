//! Roles over HTTP: the roles themselves, and those that people hold in the whole account.

use axum::http::Method;
use serde_json::json;

use super::crud::{self, ListOf, PageInfo, Paths, check_match, conditional};
use super::endpoint::Endpoint;
use super::reply::Reply;
use super::request::Request;
use super::write::write;
use crate::access::Permission;
use crate::access::account_roles::{self, HeldRole};
use crate::access::grants::{Granted, look_up_one};
use crate::access::roles::{AccountRoleRef, GlobalRole};
use crate::app::App;
use crate::body::read_body;
use crate::error::{Code, Error, Result};
use crate::records;
use crate::resources::role::{self, NewRole, RolePatch};
use crate::resources::{Role, User};
use crate::types::Ref;

const HELD: &str = "/users/{id}/roles";
const HELD_ONE: &str = "/users/{id}/roles/{role}";

/// A role that a person is to hold in the whole account.
#[derive(Debug, Clone, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewHeldRole {
    /// The role.
    pub role: AccountRoleRef,
}

/// The operations that make, change and delete roles.
pub fn writes(paths: &Paths) -> Vec<Endpoint> {
    let example = json!({
        "name": "Course advisor", "kind": "team", "external_id": "advisor",
        "permissions": ["users:read", "teams:read", "seats:read", "seats:assign", "enrollments:read"],
    });
    let refusals = &[
        Code::NotFound,
        Code::AlreadyExists,
        Code::StateConflict,
        Code::GrantExceedsRights,
        Code::PreconditionFailed,
        Code::ValidationFailed,
    ];
    vec![
        Endpoint::new(Method::POST, paths.list, "create_role", "roles", create)
            .about("Create a role", "A set of permissions under a name, for the whole account (`global`) or for the team where it is given (`team`). You must hold all of them yourself. An account has 200 roles of its own at the most.")
            .scope(Permission::RolesWrite)
            .takes::<NewRole>(example.clone())
            .gives::<Role>(201)
            .problems(&[Code::AlreadyExists, Code::StateConflict, Code::GrantExceedsRights, Code::ValidationFailed]),
        Endpoint::new(Method::PATCH, paths.one, "update_role", "roles", update)
            .about("Change a role", "JSON Merge Patch. Whoever holds the role has its new permissions at once. You must hold all that it holds, before and after. Built-in roles stay as they are: 409. Honours `If-Match`.")
            .scope(Permission::RolesWrite)
            .takes::<RolePatch>(json!({ "description": "Gives places to those who ask" }))
            .gives::<Role>(200)
            .problems(refusals),
        Endpoint::new(Method::DELETE, paths.one, "delete_role", "roles", delete)
            .about("Delete a role", "Only one that nobody holds: otherwise 409 `in_use`, and `held_by` counts where. Built-in roles stay.")
            .scope(Permission::RolesWrite)
            .gives_nothing()
            .problems(&[Code::NotFound, Code::InUse, Code::StateConflict, Code::PreconditionFailed]),
        crud::put_of(paths, "role", "roles", put)
            .scope(Permission::RolesWrite)
            .takes::<NewRole>(example)
            .gives::<Role>(200)
            .problems(refusals),
    ]
}

/// The operations on the roles of a person.
pub fn of_people() -> Vec<Endpoint> {
    let refusals = &[
        Code::NotFound,
        Code::StateConflict,
        Code::LastOwner,
        Code::GrantExceedsRights,
        Code::ValidationFailed,
    ];
    vec![
        Endpoint::new(Method::GET, HELD, "list_user_roles", "users", list_held)
            .about("List a person's roles in the whole account", "The oldest first. Roles in teams and on organizations stand with those; `GET /users/{id}/permissions` tells of all together.")
            .scope(Permission::RolesRead)
            .gives::<ListOf<HeldRole>>(200)
            .problems(&[Code::NotFound]),
        Endpoint::new(Method::POST, HELD, "add_user_role", "users", add_held)
            .about("Give a person a role in the whole account", "A built-in one by its word (`owner`, `admin`, `reporter`), a custom one of the kind `global` by its id or `ext:`. You must hold all that it holds. 201 when given, 200 when they had it.")
            .scope(Permission::RolesWrite)
            .takes::<NewHeldRole>(json!({ "role": "reporter" }))
            .gives::<HeldRole>(201)
            .problems(refusals),
        Endpoint::new(Method::GET, HELD_ONE, "get_user_role", "users", get_held)
            .about("Get one role of a person", "By the person and the role: its word, id or `ext:`. Has a strong `ETag`.")
            .scope(Permission::RolesRead)
            .gives::<HeldRole>(200)
            .problems(&[Code::NotFound]),
        Endpoint::new(Method::DELETE, HELD_ONE, "remove_user_role", "users", remove_held)
            .about("Withdraw a role from a person", "It ends at once, on every node. The account's last owner stays: 409 `last_owner`. You must hold all that the role holds.")
            .scope(Permission::RolesWrite)
            .gives_nothing()
            .problems(refusals),
    ]
}

async fn create(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let new: NewRole = request.body()?;
    write(&app, &request, || async {
        let (plan, role) = role::plan_create(&app.db, &app.ids, &request.call, new.clone()).await?;
        Ok((plan, made(&role, 201)?))
    })
    .await
}

fn made(role: &Role, status: u16) -> Result<Reply> {
    Ok(Reply::json(status, role)?
        .with_etag()
        .header("location", format!("/api/roles/{}", role.id)))
}

async fn update(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let reference: Ref<Role> = request.reference(0)?;
    let patch: RolePatch = request.body()?;
    write(&app, &request, || async {
        let check = |role: &Role| check_match(role, request.if_match.as_deref());
        let (plan, role) =
            role::plan_change(&app.db, &request.call, &reference, patch.clone(), check).await?;
        Ok((plan, Reply::json(200, &role)?.with_etag()))
    })
    .await
}

async fn delete(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let reference: Ref<Role> = request.reference(0)?;
    write(&app, &request, || async {
        let check = |role: &Role| check_match(role, request.if_match.as_deref());
        let plan = role::plan_delete(&app.db, &request.call, &reference, check).await?;
        Ok((plan, Reply::empty()))
    })
    .await
}

async fn put(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let reference: Ref<Role> = request.reference(0)?;
    let body = crud::keyed_body(&request.body, &reference)?;
    let new: NewRole = read_body(&body)?;
    write(&app, &request, || async {
        let patch: RolePatch = read_body(&body)?;
        let check = |role: Option<&Role>| crud::check_put(role, request.if_match.as_deref());
        let (plan, role, is_new) = role::plan_put(
            &app.db,
            &app.ids,
            &request.call,
            &reference,
            new.clone(),
            patch,
            check,
        )
        .await?;
        Ok((plan, made(&role, if is_new { 201 } else { 200 })?))
    })
    .await
}

async fn person(app: &App, request: &Request) -> Result<User> {
    records::find::<User>(&app.db, &request.call.caller, &request.reference(0)?).await
}

async fn list_held(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let user = person(&app, &request).await?;
    let data = account_roles::held(&app.db, request.call.account(), &user.id).await?;
    let page = PageInfo::new(None, None);
    Reply::json(200, &ListOf { data, page })
}

async fn add_held(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let body: NewHeldRole = request.body()?;
    write(&app, &request, || async {
        let (user, account) = (person(&app, &request).await?, request.call.account());
        let granted: Granted<GlobalRole> = look_up_one(&app.db, account, &body.role).await?;
        let record = account_roles::record_of(&app.db, account, &granted.role).await?;
        let (plan, held, is_new) = account_roles::plan_grant(
            &app.db,
            &request.call,
            &user,
            &granted,
            record.name.to_string(),
        )
        .await?;
        let reply = Reply::json(if is_new { 201 } else { 200 }, &held)?.with_etag();
        Ok((
            plan,
            reply.header(
                "location",
                format!("/api/users/{}/roles/{}", user.id, held.role),
            ),
        ))
    })
    .await
}

/// The role at the path's second place.
async fn role_of_path(app: &App, request: &Request) -> Result<Granted<GlobalRole>> {
    let text = request.places.get(1).map_or("", String::as_str);
    let named = AccountRoleRef::parse(text).map_err(|_| Error::not_found("role"))?;
    let found = look_up_one(&app.db, request.call.account(), &named).await;
    found.map_err(|error| match error.code() {
        Code::ValidationFailed => Error::not_found("role"),
        _ => error,
    })
}

async fn get_held(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let user = person(&app, &request).await?;
    let role = role_of_path(&app, &request).await?;
    let held = account_roles::held(&app.db, request.call.account(), &user.id).await?;
    let one = held.iter().find(|one| one.role == role.role);
    let one = one.ok_or_else(|| {
        Error::new(
            Code::NotFound,
            "The person does not hold this role in the whole account.",
        )
    })?;
    let reply = Reply::json(200, one)?.with_etag();
    Ok(conditional(reply, request.if_none_match.as_deref()))
}

async fn remove_held(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    write(&app, &request, || async {
        let user = person(&app, &request).await?;
        let role = role_of_path(&app, &request).await?;
        let plan = account_roles::plan_withdraw(&app.db, &request.call, &user, &role).await?;
        Ok((plan, Reply::empty()))
    })
    .await
}
