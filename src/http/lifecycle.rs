//! How people and teams go, come back and become one, over HTTP.

use axum::http::Method;
use serde_json::json;

use super::crud::{self, Paths, conditional};
use super::endpoint::Endpoint;
use super::reply::Reply;
use super::request::Request;
use super::write::write;
use crate::access::Permission;
use crate::app::App;
use crate::error::{Code, Result};
use crate::lifecycle::erase::{EraseInput, Erasure, plan_erase};
use crate::lifecycle::export::{Export, export};
use crate::lifecycle::merge::{MergeInput, Merged, plan_merge};
use crate::lifecycle::restore::{
    RestoreTeam, RestoreUser, RestoredTeam, RestoredUser, plan_restore_team, plan_restore_user,
};
use crate::resources::{Team, User};
use crate::types::Ref;

const ERASURES: Paths = Paths {
    list: "/erasures",
    one: "/erasures/{id}",
};

/// The operations on people.
pub fn users() -> Vec<Endpoint> {
    let mut list = vec![
        Endpoint::new(Method::POST, "/users/{id}/restore", "restore_user", "users", restore_user)
            .about(
                "Restore a person",
                "Brings back somebody who was put aside, for 30 days: the record, the memberships, and the places as far as they are free; of each \
                 the answer tells what became of it. By id, or by `ext:` and `email:` of then. Where address or external id have been taken \
                 meanwhile, give others. Somebody who is there stays as they are: 200 with `already_there`.",
            )
            .scope(Permission::UsersWrite)
            .takes::<RestoreUser>(json!({ "places": true }))
            .gives::<RestoredUser>(200)
            .problems(&[Code::NotFound, Code::AlreadyExists, Code::StateConflict]),
        Endpoint::new(Method::POST, "/users/{id}/erase", "erase_user", "users", erase_user)
            .about(
                "Erase a person",
                "Removes for good what tells of a person, wherever it stands: record, mails, names and addresses in events, audit, provisions and \
                 remembered answers. Places are released; assignments and progress stay by the id alone, so that ledgers and statistics add up. \
                 A dry run tells what goes and what stays and why. Answers 202: a job removes the last traces.",
            )
            .scope(Permission::UsersErase)
            .takes::<EraseInput>(json!({ "lms": "keep" }))
            .gives::<Erasure>(202)
            .problems(&[Code::NotFound, Code::LastOwner, Code::StateConflict]),
        Endpoint::new(Method::POST, "/users/{id}/merge", "merge_user", "users", merge_user)
            .about(
                "Make one person of two",
                "`from` becomes part of the person in the address: places (a second place of one seat is freed for those who wait), the best of both \
                 progresses, the higher of two roles, mails and events on one timeline. The old id answers 308 from then on; its address and \
                 external id still find the person until somebody else has them. A dry run lists everything. A repeat changes nothing.",
            )
            .scope(Permission::UsersMerge)
            .takes::<MergeInput>(json!({ "from": "email:ada@example.com" }))
            .gives::<Merged>(200)
            .problems(&[Code::NotFound, Code::GrantExceedsRights, Code::StateConflict]),
        Endpoint::new(Method::GET, "/users/{id}/export", "export_user", "users", export_user)
            .about(
                "Export a person's data",
                "Everything that is kept about a person, as one JSON document; also of somebody who was put aside. Needs `users:read`, \
                 `events:read`, `mails:read`, `seats:read` and `enrollments:read`. Lists are cut at 5,000 entries, the newest, and `truncated` says which.",
            )
            .scope(Permission::UsersRead)
            .gives::<Export>(200)
            .problems(&[Code::NotFound]),
    ];
    list.extend(crud::reads::<Erasure>(&ERASURES));
    list
}

/// The operations on teams.
pub fn teams() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::POST, "/teams/{id}/restore", "restore_team", "teams", restore_team)
            .about(
                "Restore a team",
                "Brings back a team that was put aside, for 30 days: with its memberships, and with the places given for it as far as they are free. \
                 Where the name has been taken meanwhile, give another. A team that is there stays as it is: 200 with `already_there`.",
            )
            .scope(Permission::TeamsWrite)
            .takes::<RestoreTeam>(json!({ "places": true }))
            .gives::<RestoredTeam>(200)
            .problems(&[Code::NotFound, Code::AlreadyExists, Code::StateConflict]),
    ]
}

async fn restore_user(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let user: Ref<User> = request.reference(0)?;
    let input: RestoreUser = request.body()?;
    write(&app, &request, || async {
        let (plan, done) =
            plan_restore_user(&app.db, &app.ids, &request.call, &user, &input).await?;
        Ok((plan, Reply::json(200, &done)?))
    })
    .await
}

async fn restore_team(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let team: Ref<Team> = request.reference(0)?;
    let input: RestoreTeam = request.body()?;
    write(&app, &request, || async {
        let (plan, done) =
            plan_restore_team(&app.db, &app.ids, &request.call, &team, &input).await?;
        Ok((plan, Reply::json(200, &done)?))
    })
    .await
}

async fn erase_user(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let user: Ref<User> = request.reference(0)?;
    let input: EraseInput = request.body()?;
    write(&app, &request, || async {
        let (plan, erasure) = plan_erase(&app.db, &app.ids, &request.call, &user, &input).await?;
        let status = if plan.is_empty() { 200 } else { 202 };
        let reply = Reply::json(status, &erasure)?;
        Ok((
            plan,
            reply.header("location", format!("/api/erasures/{}", erasure.id)),
        ))
    })
    .await
}

async fn merge_user(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let user: Ref<User> = request.reference(0)?;
    let input: MergeInput = request.body()?;
    write(&app, &request, || async {
        let (plan, merged) = plan_merge(&app.db, &app.ids, &request.call, &user, &input).await?;
        Ok((plan, Reply::json(200, &merged)?))
    })
    .await
}

async fn export_user(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let document = export(&app.db, &request.call, &request.reference(0)?).await?;
    let reply = Reply::json(200, &document)?.with_etag();
    Ok(conditional(reply, request.if_none_match.as_deref()))
}
