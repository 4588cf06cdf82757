//! People and teams over HTTP: where a change releases the places that go with it, and where somebody who is made anew may
//! be somebody who was put aside.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value as JsonValue, json};

use super::crud::{self, Paths, check_match};
use super::endpoint::Endpoint;
use super::reply::{Reply, etag};
use super::request::Request;
use super::write::write;
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::lifecycle::consequences::{self, Consequences};
use crate::lifecycle::lms::LmsAction;
use crate::lifecycle::restore::aside_with_address;
use crate::records;
use crate::resources::team::{self, NewTeam};
use crate::resources::user::{NewUser, UserPatch};
use crate::resources::{Team, User};
use crate::seats::leave::{plan_change_user, plan_delete_team, plan_delete_user};
use crate::types::{Id, Ref, Timestamp};

/// Somebody with the same address who was put aside.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PutAside {
    /// Their id.
    pub id: Id<User>,
    /// Since when.
    pub deleted_at: Option<Timestamp>,
    /// What brings the old one back instead, after the new one was deleted.
    pub hint: String,
}

/// A person who was just made.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CreatedUser {
    /// The person.
    #[serde(flatten)]
    pub user: User,
    /// Somebody with this address was put aside: the new person has nothing of theirs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub put_aside: Option<PutAside>,
}

/// The creation of people.
pub fn create_user(paths: &Paths, example: serde_json::Value) -> Endpoint {
    let mut create = crud::create_endpoint::<User>(paths, example)
        .gives::<CreatedUser>(201)
        .runs(create);
    create.description.push_str(
        " Where somebody with this address was put aside, `put_aside` says who and how to restore them instead: the new person has nothing of theirs.",
    );
    create
}

async fn create(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    request.body::<NewUser>()?;
    write(&app, &request, || async {
        let new: NewUser = request.body()?;
        let email = new.email.clone();
        let (plan, user) =
            records::plan_create::<User>(&app.db, &app.ids, &request.call, new).await?;
        let aside = app
            .db
            .first::<User>(request.call.account(), aside_with_address(&email))
            .await?;
        let tag = etag(&serde_json::to_vec(&user).map_err(Error::internal)?);
        let location = format!("/api/users/{}", user.id);
        let put_aside = aside.map(|old| PutAside {
            hint: format!(
                "To have the old one back: DELETE /api/users/{}, then POST /api/users/{}/restore.",
                user.id, old.id
            ),
            id: old.id,
            deleted_at: old.deleted_at,
        });
        let reply = Reply::json(201, &CreatedUser { user, put_aside })?
            .header("etag", tag)
            .header("location", location);
        Ok((plan, reply))
    })
    .await
}

/// Change and deletion of people.
pub fn users(paths: &Paths) -> Vec<Endpoint> {
    let mut patch =
        crud::patch_endpoint::<User>(paths, json!({ "company": "Navy", "tags": ["pioneer"] }));
    patch = patch
        .runs(update_user)
        .problems(&[Code::LastOwner, Code::GrantExceedsRights]);
    patch.description.push_str(" Whoever is deactivated is signed out and gives their places back in the same transaction.");
    let mut delete = crud::delete_endpoint::<User>(paths).runs(delete_user);
    delete.description.push_str(
        " The places they hold go to those who wait. A dry run lists the consequences. The account in the LMS is left alone unless `lms` says otherwise.",
    );
    let delete = delete
        .parameter(
            "lms",
            "What becomes of the person's account in the LMS.",
            json!({ "type": "string", "enum": ["keep", "suspend", "delete"], "default": "keep" }),
        )
        .problems(&[Code::LastOwner, Code::StateConflict]);
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
    delete.description.push_str(
        " The places given for it end with it; its people stay. A dry run lists the consequences.",
    );
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

/// What the query of a deletion says about the account in the LMS.
fn lms_action(request: &Request) -> Result<LmsAction> {
    match request.query.as_slice() {
        [] => Ok(LmsAction::Keep),
        [(name, value)] if name == "lms" => LmsAction::from_word(value).ok_or_else(|| {
            Error::new(Code::InvalidParameter, "lms takes keep, suspend or delete.")
        }),
        _ => request.no_query().map(|()| LmsAction::Keep),
    }
}

async fn delete_user(app: App, request: Request) -> Result<Reply> {
    let lms = lms_action(&request)?;
    let user: Ref<User> = request.reference(0)?;
    write(&app, &request, || async {
        let check = |user: &User| check_match(user, request.if_match.as_deref());
        let (plan, user) =
            plan_delete_user(&app.db, &app.ids, &request.call, &user, lms, check).await?;
        let reply = if request.call.dry_run {
            let consequences =
                consequences::of_user(&app.db, request.call.account(), user.id.as_str()).await?;
            Reply::json(200, &Consequences { consequences })?
        } else {
            Reply::empty()
        };
        Ok((plan, reply))
    })
    .await
}

async fn delete_team(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let team: Ref<Team> = request.reference(0)?;
    write(&app, &request, || async {
        let check = |team: &Team| check_match(team, request.if_match.as_deref());
        let (plan, team) = plan_delete_team(&app.db, &app.ids, &request.call, &team, check).await?;
        let reply = if request.call.dry_run {
            let consequences =
                consequences::of_team(&app.db, request.call.account(), team.id.as_str()).await?;
            Reply::json(200, &Consequences { consequences })?
        } else {
            Reply::empty()
        };
        Ok((plan, reply))
    })
    .await
}
