//! What belongs to an organization over HTTP: its teams, and those who look after it.

use axum::http::Method;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::crud::{self, ListOf, PageInfo, conditional};
use super::endpoint::Endpoint;
use super::parameters::of_list;
use super::reply::Reply;
use super::request::Request;
use super::write::write;
use crate::access::{Permission, signed};
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::listing::{DEFAULT_LIMIT, MAX_LIMIT};
use crate::records;
use crate::resources::organization::admins::{self, OrganizationAdmin, admin_of, admins_of};
use crate::resources::organization::teams::{AssignTeams, AssignedTeams, plan_assign, plan_remove};
use crate::resources::{Organization, Team, User};
use crate::types::{Ref, Timestamp};

const TEAMS: &str = "/organizations/{id}/teams";
const TEAM: &str = "/organizations/{id}/teams/{team}";
const ADMINS: &str = "/organizations/{id}/admins";
const ADMIN: &str = "/organizations/{id}/admins/{user}";

/// A page of those who look after an organization.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AdminPage {
    /// They, in the order of their naming.
    pub data: Vec<OrganizationAdmin>,
    /// Where the list goes on.
    pub page: PageInfo,
}

/// The operations.
pub fn endpoints() -> Vec<Endpoint> {
    let list = Endpoint::new(Method::GET, TEAMS, "list_organization_teams", "organizations", list_teams)
        .about("List an organization's teams", "Those at the organization itself; with `include_subtree=true` also those of everything below it.")
        .scope(Permission::TeamsRead)
        .gives::<ListOf<Team>>(200)
        .problems(&[Code::NotFound, Code::InvalidParameter, Code::CursorMismatch]);
    let list = of_list::<Team>(list).parameter(
        "include_subtree",
        "Whether teams of organizations below it are listed too.",
        json!({ "type": "boolean", "default": false }),
    );
    [vec![
        list,
        Endpoint::new(Method::POST, TEAMS, "assign_organization_teams", "organizations", assign)
            .about("Assign teams to an organization", "Each team stands at one organization: it is taken away from the one it stood at. All or none.")
            .scope(Permission::TeamsWrite)
            .takes::<AssignTeams>(json!({ "teams": ["ext:engines"] }))
            .gives::<AssignedTeams>(200)
            .problems(&[Code::NotFound, Code::AlreadyExists]),
        Endpoint::new(Method::DELETE, TEAM, "remove_organization_team", "organizations", remove_team)
            .about("Take a team away from an organization", "The team stays, outside of every organization, with its people and places.")
            .scope(Permission::TeamsWrite)
            .gives_nothing()
            .problems(&[Code::NotFound, Code::AlreadyExists]),
    ], of_admins()]
    .concat()
}

fn of_admins() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::GET, ADMINS, "list_organization_admins", "organizations", list_admins)
            .about("List an organization's administrators", "Those named on the organization itself. Those named further up are in `GET /organizations/{id}/effective`.")
            .scope(Permission::OrganizationsRead)
            .parameter("limit", "Administrators on a page.", json!({"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}))
            .parameter("cursor", "Where to go on: `page.next_cursor` of the page before.", json!({"type": "string"}))
            .gives::<AdminPage>(200)
            .problems(&[Code::NotFound, Code::CursorMismatch]),
        Endpoint::new(Method::GET, ADMIN, "get_organization_admin", "organizations", get_admin)
            .about("Get one administrator of an organization", "By the organization and the person. Has a strong `ETag`.")
            .scope(Permission::OrganizationsRead)
            .gives::<OrganizationAdmin>(200)
            .problems(&[Code::NotFound]),
        Endpoint::new(Method::PUT, ADMIN, "put_organization_admin", "organizations", put_admin)
            .about("Make somebody administrator of an organization", "The role `organization_admin`, whose rights hold at the organization and everything below it. Safe to repeat. Nobody gives rights they do not hold.")
            .scope(Permission::OrganizationsWrite)
            .gives::<OrganizationAdmin>(200)
            .problems(&[Code::NotFound, Code::GrantExceedsRights]),
        Endpoint::new(Method::DELETE, ADMIN, "remove_organization_admin", "organizations", remove_admin)
            .about("End somebody's role on an organization", "Roles further up, and in teams, stay.")
            .scope(Permission::OrganizationsWrite)
            .gives_nothing()
            .problems(&[Code::NotFound]),
    ]
}

async fn list_teams(app: App, request: Request) -> Result<Reply> {
    let caller = &request.call.caller;
    let node: Organization = records::find(&app.db, caller, &request.reference(0)?).await?;
    let mut pairs = Vec::new();
    let mut column = "organization";
    for (name, value) in &request.query {
        match (name.as_str(), value.as_str()) {
            ("include_subtree", "true") => column = "within",
            ("include_subtree", "false") => column = "organization",
            ("include_subtree", _) => {
                return Err(Error::new(
                    Code::InvalidParameter,
                    "include_subtree takes true or false.",
                ));
            }
            _ => pairs.push((name.clone(), value.clone())),
        }
    }
    pairs.push((column.to_owned(), node.id.to_string()));
    let path = format!("/api/organizations/{}/teams", node.id);
    crud::page_with::<Team>(&app, &request, &pairs, None, &path).await
}

async fn assign(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let node: Ref<Organization> = request.reference(0)?;
    let body: AssignTeams = request.body()?;
    write(&app, &request, || async {
        let (plan, assigned) = plan_assign(&app.db, &request.call, &node, &body).await?;
        Ok((plan, Reply::json(200, &assigned)?))
    })
    .await
}

async fn remove_team(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let (node, team): (Ref<Organization>, Ref<Team>) =
        (request.reference(0)?, request.reference(1)?);
    write(&app, &request, || async {
        let plan = plan_remove(&app.db, &request.call, &node, &team).await?;
        Ok((plan, Reply::empty()))
    })
    .await
}

async fn list_admins(app: App, request: Request) -> Result<Reply> {
    let caller = &request.call.caller;
    let node: Organization = records::find(&app.db, caller, &request.reference(0)?).await?;
    let mut limit = DEFAULT_LIMIT;
    let mut after = None;
    for (name, value) in &request.query {
        match name.as_str() {
            "limit" => {
                let number = value.parse().ok();
                let number = number.filter(|number| (1..=MAX_LIMIT).contains(number));
                limit = number.ok_or_else(|| {
                    let detail = format!("limit is a whole number from 1 to {MAX_LIMIT}.");
                    Error::new(Code::InvalidParameter, detail)
                })?;
            }
            "cursor" => after = Some(position(&app, &node, value)?),
            _ => return request.no_query().map(|()| Reply::empty()),
        }
    }
    let select = admins_of(&node.id, after, limit + 1);
    let mut data: Vec<OrganizationAdmin> = app.db.fetch(&caller.account, select).await?;
    let has_more = i64::try_from(data.len()).unwrap_or(i64::MAX) > limit;
    data.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next_cursor = data.last().filter(|_| has_more).map(|last| {
        let place = format!("{} {} {}", node.id, last.created_at.micros(), last.user.id);
        signed::sign(&app.keys.cursor, "cursor", &place)
    });
    let page = PageInfo::new(next_cursor, None);
    Reply::json(200, &AdminPage { data, page })
}

/// The one after whom a page begins.
fn position(app: &App, node: &Organization, cursor: &str) -> Result<(Timestamp, String)> {
    let opened = signed::open(&app.keys.cursor, "cursor", cursor);
    let place = opened.as_deref().and_then(|place| {
        let mut words = place.split(' ');
        (words.next() == Some(node.id.as_str())).then_some(())?;
        let since = Timestamp::from_micros(words.next()?.parse().ok()?);
        Some((since, words.next()?.to_owned()))
    });
    place.ok_or_else(|| {
        Error::new(
            Code::CursorMismatch,
            "This cursor was made for another list. Begin again without a cursor.",
        )
    })
}

async fn get_admin(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let caller = &request.call.caller;
    let node: Organization = records::find(&app.db, caller, &request.reference(0)?).await?;
    let user: User = records::find(&app.db, caller, &request.reference(1)?).await?;
    let found = app
        .db
        .first::<OrganizationAdmin>(&caller.account, admin_of(&node.id, &user.id));
    let admin = found.await?.ok_or_else(|| {
        Error::new(
            Code::NotFound,
            "The person has no role on this organization.",
        )
    })?;
    let reply = Reply::json(200, &admin)?.with_etag();
    Ok(conditional(reply, request.if_none_match.as_deref()))
}

fn places(request: &Request) -> Result<(Ref<Organization>, Ref<User>)> {
    request.no_query()?;
    Ok((request.reference(0)?, request.reference(1)?))
}

async fn put_admin(app: App, request: Request) -> Result<Reply> {
    let (node, user) = places(&request)?;
    write(&app, &request, || async {
        let (plan, admin) = admins::plan_put(&app.db, &request.call, &node, &user).await?;
        Ok((plan, Reply::json(200, &admin)?.with_etag()))
    })
    .await
}

async fn remove_admin(app: App, request: Request) -> Result<Reply> {
    let (node, user) = places(&request)?;
    write(&app, &request, || async {
        let plan = admins::plan_remove(&app.db, &request.call, &node, &user).await?;
        Ok((plan, Reply::empty()))
    })
    .await
}
