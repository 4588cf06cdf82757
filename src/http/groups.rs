//! Groups over HTTP: plain records, and the teams they are kept equal with.

use axum::http::Method;
use serde_json::{Value as JsonValue, json};

use super::crud::{self, Paths, conditional};
use super::endpoint::Endpoint;
use super::reply::Reply;
use super::request::Request;
use super::write::write;
use crate::access::Permission;
use crate::app::App;
use crate::error::{Code, Result};
use crate::resources::group_team::{
    GroupTeam, GroupTeamInput, find, plan_put, plan_remove, unmapped,
};
use crate::resources::{Group, Team};
use crate::types::Ref;

const TEAMS: &str = "/groups/{id}/teams";
const TEAM: &str = "/groups/{id}/teams/{team}";

/// The operations.
pub fn endpoints(paths: &Paths, new: JsonValue) -> Vec<Endpoint> {
    let meaning = "`to_lms`: who joins the team joins the group; `from_lms`: who is in the group joins the team; `bidirectional`: both; `disabled`: neither. \
         While no LMS is connected the mapping is kept, nothing is carried out, and `sync` says `off`.";
    [
        crud::reads::<Group>(paths),
        crud::writes::<Group>(paths, new.clone(), json!({ "lms_group_id": "grp-1201" })),
        vec![
            crud::put_endpoint::<Group>(paths, new),
            crud::children::<Group, GroupTeam>(TEAMS, "list_group_teams", "group_id").about(
                "List a group's teams",
                "The teams that the group is kept equal with, the newest mapping first.",
            ),
            Endpoint::new(Method::GET, TEAM, "get_group_team", "groups", get)
                .about(
                    "Get one mapping of a group",
                    "By the group and the team. Has a strong `ETag`.",
                )
                .scope(Permission::GroupsRead)
                .gives::<GroupTeam>(200)
                .problems(&[Code::NotFound]),
            Endpoint::new(Method::PUT, TEAM, "put_group_team", "groups", put)
                .about(
                    "Map a team to a group",
                    format!(
                        "Makes the mapping or changes its direction: safe to repeat. {meaning}"
                    ),
                )
                .scope(Permission::GroupsWrite)
                .takes::<GroupTeamInput>(json!({ "direction": "to_lms" }))
                .gives::<GroupTeam>(200)
                .problems(&[Code::NotFound]),
            Endpoint::new(Method::DELETE, TEAM, "delete_group_team", "groups", delete)
                .about(
                    "End a mapping",
                    "Memberships on both sides stay as they are.",
                )
                .scope(Permission::GroupsWrite)
                .gives_nothing()
                .problems(&[Code::NotFound]),
        ],
    ]
    .concat()
}

fn places(request: &Request) -> Result<(Ref<Group>, Ref<Team>)> {
    request.no_query()?;
    Ok((request.reference(0)?, request.reference(1)?))
}

async fn get(app: App, request: Request) -> Result<Reply> {
    let (group, team) = places(&request)?;
    let (_, _, mapping) = find(&app.db, &request.call, &group, &team).await?;
    let reply = Reply::json(200, &mapping.ok_or_else(unmapped)?)?.with_etag();
    Ok(conditional(reply, request.if_none_match.as_deref()))
}

async fn put(app: App, request: Request) -> Result<Reply> {
    let (group, team) = places(&request)?;
    let body: GroupTeamInput = request.body()?;
    write(&app, &request, || async {
        let (db, ids, call) = (&app.db, &app.ids, &request.call);
        let (plan, mapping, made) = plan_put(db, ids, call, &group, &team, body.direction).await?;
        let reply = Reply::json(if made { 201 } else { 200 }, &mapping)?.with_etag();
        let address = format!("/api/groups/{}/teams/{}", mapping.group_id, mapping.team_id);
        Ok((plan, reply.header("location", address)))
    })
    .await
}

async fn delete(app: App, request: Request) -> Result<Reply> {
    let (group, team) = places(&request)?;
    write(&app, &request, || async {
        let plan = plan_remove(&app.db, &request.call, &group, &team).await?;
        Ok((plan, Reply::empty()))
    })
    .await
}
