//! Team members over HTTP.

use axum::http::Method;
use serde_json::json;

use super::batch::{Item, batch_of_items};
use super::crud::{ListOf, PageInfo, conditional};
use super::endpoint::Endpoint;
use super::expand::expand;
use super::parameters::of_list;
use super::reply::Reply;
use super::request::Request;
use super::write::write;
use crate::access::Permission;
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::listing::ListQuery;
use crate::members::{MoveMember, MoveResult, plan_add, plan_change, plan_move, plan_remove};
use crate::records;
use crate::resources::member::{
    ManagedBy, Member, MemberPatch, Membership, NewMember, RemovedMember, member_of, with_people,
};
use crate::resources::{Team, User};
use crate::types::Ref;

const ALL: &str = "/teams/{id}/members";
const ONE: &str = "/teams/{id}/members/{user}";
const MOVE: &str = "/teams/{id}/members/{user}/move";

/// The operations.
pub fn endpoints() -> Vec<Endpoint> {
    let list = Endpoint::new(Method::GET, ALL, "list_team_members", "teams", list)
        .about(
            "List a team's members",
            "With their roles. Who joined last comes first unless `sort` says otherwise.",
        )
        .scope(Permission::TeamsRead)
        .gives::<ListOf<Member>>(200)
        .problems(&[Code::NotFound, Code::InvalidParameter, Code::CursorMismatch]);
    let add = Endpoint::new(Method::POST, ALL, "add_team_member", "teams", add)
        .about("Add a member", "Somebody who is known by `user`, or anybody by `email`: who is not known is made in the same transaction. 201 when the membership was made; 200 when it stood, its role changed where one was given. You must hold in the team what the role holds.")
        .scope(Permission::MembersWrite)
        .takes::<NewMember>(json!({ "email": "grace@example.com", "first_name": "Grace", "last_name": "Hopper", "role": "manager" }))
        .gives::<Member>(201)
        .problems(&[Code::NotFound, Code::LastOwner, Code::IdentityConflict, Code::AlreadyExists, Code::GrantExceedsRights]);
    let remove = Endpoint::new(Method::DELETE, ONE, "remove_team_member", "teams", remove)
        .about("Remove a member", "Ends the membership and releases the places held for this team. The person stays: deleting somebody is another operation. Nobody removes whoever may do more in the team than they.")
        .scope(Permission::MembersWrite)
        .gives_nothing()
        .problems(&[Code::NotFound, Code::LastOwner, Code::GrantExceedsRights]);
    let batches = batches(&add, &remove);
    let mut all = vec![
        of_list::<Membership>(list),
        add,
        Endpoint::new(Method::GET, ONE, "get_team_member", "teams", get)
            .about("Get one member of a team", "By the team and the person. Has a strong `ETag`.")
            .scope(Permission::TeamsRead)
            .gives::<Member>(200)
            .problems(&[Code::NotFound]),
        Endpoint::new(Method::PATCH, ONE, "update_team_member", "teams", update)
            .about("Change a member's role", "The last owner of a team cannot be demoted. You must hold in the team what the new role holds, and what the present one holds. Places are not touched.")
            .scope(Permission::MembersWrite)
            .takes::<MemberPatch>(json!({ "role": "manager" }))
            .gives::<Member>(200)
            .problems(&[Code::NotFound, Code::LastOwner, Code::GrantExceedsRights]),
        remove,
        Endpoint::new(Method::POST, MOVE, "move_team_member", "teams", relocate)
            .about("Move a member to another team", "Places of seats that both teams share stay. Of other products a place of the new team's seat replaces it, to the same end, where one is free; the rest is released to those who wait. `places` says what became of each; so does a dry run, before.")
            .scope(Permission::MembersWrite)
            .takes::<MoveMember>(json!({ "to_team": "ext:engines" }))
            .gives::<MoveResult>(200)
            .problems(&[Code::NotFound, Code::LastOwner, Code::GrantExceedsRights, Code::ValidationFailed]),
    ];
    all.extend(batches);
    all
}

/// Many members at once.
fn batches(add: &Endpoint, remove: &Endpoint) -> [Endpoint; 2] {
    let to_add = batch_of_items(
        add,
        "/teams/{id}/members/batch",
        "batch_add_team_members",
        Item::plain(),
    );
    let to_remove = batch_of_items(
        remove,
        "/teams/{id}/members/batch_remove",
        "batch_remove_team_members",
        Item::of::<RemovedMember>(json!({ "user": "email:grace@example.com" }), |one| {
            vec![one.user.to_string()]
        }),
    );
    [
        of_a_team(to_add).about(
            "Up to 100 members at once",
            format!("Each item is what adding one takes{BATCH}"),
        ),
        of_a_team(to_remove).about(
            "Remove up to 100 members at once",
            format!("Each item names a person{BATCH}"),
        ),
    ]
}

/// A batch that is refused as a whole where there is no such team.
fn of_a_team(batch: Endpoint) -> Endpoint {
    let items = batch.run.clone();
    batch.runs(move |app, request| {
        let items = items.clone();
        async move {
            let caller = &request.call.caller;
            records::find::<Team>(&app.db, caller, &request.reference(0)?).await?;
            items(app, request).await
        }
    })
}

const BATCH: &str = " and has its own status; it is carried out by itself and in order, so one that is refused leaves the others alone. \
    200: all went well; 207: at least one was refused. Counts as one request. With an Idempotency-Key a repeat does only what was not done.";

async fn list(app: App, request: Request) -> Result<Reply> {
    let caller = &request.call.caller;
    let team: Team = records::find(&app.db, caller, &request.reference(0)?).await?;
    let within = Some(("team_id", team.id.as_str()));
    let query =
        ListQuery::parse_within::<Membership>(&request.query, within, caller, &app.keys.cursor)?;
    if !query.expand.is_empty() {
        // Nothing can be expanded: the refusal says so.
        expand::<Membership>(&app.db, caller, &mut json!([]), &query.expand).await?;
    }
    let page = query
        .run::<Membership>(&app.db, caller, &app.keys.cursor)
        .await?;
    let path = format!("/api/teams/{}/members", team.id);
    let info = PageInfo::new(page.next_cursor, page.total_count);
    let data = with_people(&app.db, &caller.account, page.rows).await?;
    ListOf { data, page: info }.reply(&path, &request.query)
}

async fn get(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let caller = &request.call.caller;
    let team: Team = records::find(&app.db, caller, &request.reference(0)?).await?;
    let user: User = records::find(&app.db, caller, &request.reference(1)?).await?;
    let found = app
        .db
        .first::<Member>(&caller.account, member_of(&team.id, &user.id));
    let member = found
        .await?
        .ok_or_else(|| Error::new(Code::NotFound, "The person is not a member of this team."))?;
    let reply = Reply::json(200, &member)?.with_etag();
    Ok(conditional(reply, request.if_none_match.as_deref()))
}

async fn add(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let team: Ref<Team> = request.reference(0)?;
    let new: NewMember = request.body()?;
    write(&app, &request, || async {
        let (plan, member, made) = plan_add(
            &app.db,
            &app.ids,
            &request.call,
            &team,
            &new,
            ManagedBy::Api,
        )
        .await?;
        let reply = Reply::json(if made { 201 } else { 200 }, &member)?.with_etag();
        Ok((
            plan,
            reply.header(
                "location",
                format!("/api/teams/{}/members/{}", member.team_id, member.user.id),
            ),
        ))
    })
    .await
}

async fn update(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let (team, user): (Ref<Team>, Ref<User>) = (request.reference(0)?, request.reference(1)?);
    let patch: MemberPatch = request.body()?;
    write(&app, &request, || async {
        let (plan, member) = plan_change(&app.db, &request.call, &team, &user, &patch.role).await?;
        Ok((plan, Reply::json(200, &member)?.with_etag()))
    })
    .await
}

async fn remove(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let (team, user): (Ref<Team>, Ref<User>) = (request.reference(0)?, request.reference(1)?);
    write(&app, &request, || async {
        let plan = plan_remove(&app.db, &app.ids, &request.call, &team, &user).await?;
        Ok((plan, Reply::empty()))
    })
    .await
}

async fn relocate(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let (team, user): (Ref<Team>, Ref<User>) = (request.reference(0)?, request.reference(1)?);
    let input: MoveMember = request.body()?;
    write(&app, &request, || async {
        let (plan, result) = plan_move(
            &app.db,
            &app.ids,
            &request.call,
            (&team, &user),
            &input,
            ManagedBy::Api,
        )
        .await?;
        Ok((plan, Reply::json(200, &result)?))
    })
    .await
}
