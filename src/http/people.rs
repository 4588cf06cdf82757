//! People and teams over HTTP: where a change releases the places that go with it.

use serde_json::{Value as JsonValue, json};

use super::crud::{self, Paths, check_match};
use super::endpoint::Endpoint;
use super::reply::Reply;
use super::request::Request;
use super::write::write;
use crate::app::App;
use crate::error::Result;
use crate::resources::team::{self, NewTeam};
use crate::resources::user::UserPatch;
use crate::resources::{Team, User};
use crate::seats::leave::{plan_change_user, plan_delete_team, plan_delete_user};
use crate::types::Ref;

/// Change and deletion of people.
pub fn users(paths: &Paths) -> Vec<Endpoint> {
    let mut patch =
        crud::patch_endpoint::<User>(paths, json!({ "company": "Navy", "tags": ["pioneer"] }));
    patch = patch.runs(update_user);
    patch.description.push_str(" Whoever is deactivated is signed out and gives their places back in the same transaction.");
    let mut delete = crud::delete_endpoint::<User>(paths).runs(delete_user);
    delete
        .description
        .push_str(" The places they hold go to those who wait.");
    vec![patch, delete]
}

/// Making, change and deletion of teams.
pub fn teams(paths: &Paths, new: JsonValue) -> Vec<Endpoint> {
    let mut create = crud::create_endpoint::<Team>(paths, new).runs(create_team);
    create
        .description
        .push_str(" Whoever is limited to organizations names one of them.");
    let patch = crud::patch_endpoint::<Team>(paths, json!({ "description": "Writes compilers" }));
    let mut delete = crud::delete_endpoint::<Team>(paths).runs(delete_team);
    delete
        .description
        .push_str(" The places given for it end with it.");
    vec![create, patch, delete]
}

async fn create_team(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let new: NewTeam = request.body()?;
    write(&app, &request, || async {
        let (plan, team) = team::plan_create(&app.db, &app.ids, &request.call, new.clone()).await?;
        let reply = Reply::json(201, &team)?
            .with_etag()
            .header("location", format!("/api/teams/{}", team.id));
        Ok((plan, reply))
    })
    .await
}

async fn update_user(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let user: Ref<User> = request.reference(0)?;
    let patch: UserPatch = request.body()?;
    write(&app, &request, || async {
        let check = |user: &User| check_match(user, request.if_match.as_deref());
        let (plan, user) = plan_change_user(
            &app.db,
            &app.ids,
            &request.call,
            &user,
            patch.clone(),
            check,
        )
        .await?;
        Ok((plan, Reply::json(200, &user)?.with_etag()))
    })
    .await
}

async fn delete_user(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let user: Ref<User> = request.reference(0)?;
    write(&app, &request, || async {
        let check = |user: &User| check_match(user, request.if_match.as_deref());
        Ok((
            plan_delete_user(&app.db, &app.ids, &request.call, &user, check).await?,
            Reply::empty(),
        ))
    })
    .await
}

async fn delete_team(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let team: Ref<Team> = request.reference(0)?;
    write(&app, &request, || async {
        let check = |team: &Team| check_match(team, request.if_match.as_deref());
        Ok((
            plan_delete_team(&app.db, &app.ids, &request.call, &team, check).await?,
            Reply::empty(),
        ))
    })
    .await
}
