//! Team members over HTTP.

use axum::http::Method;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::crud::{PageInfo, conditional};
use super::endpoint::Endpoint;
use super::reply::Reply;
use super::request::Request;
use super::write::write;
use crate::access::{Permission, signed};
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::listing::{DEFAULT_LIMIT, MAX_LIMIT};
use crate::records;
use crate::resources::member::{
    ManagedBy, Member, MemberPatch, NewMember, member_of, members_of, plan_add, plan_change,
    plan_remove,
};
use crate::resources::{Team, User};
use crate::types::{Ref, Timestamp};

/// A page of a team's members.
#[derive(Debug, Serialize, JsonSchema)]
pub struct MemberPage {
    /// The members in the order of joining.
    pub data: Vec<Member>,
    /// Where the list goes on.
    pub page: PageInfo,
}

const ALL: &str = "/teams/{id}/members";
const ONE: &str = "/teams/{id}/members/{user}";

/// The operations.
pub fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::GET, ALL, "list_team_members", "teams", list)
            .about("List a team's members", "With their roles, in the order of joining.")
            .scope(Permission::TeamsRead)
            .parameter("limit", "Members on a page.", json!({"type": "integer", "minimum": 1, "maximum": 200, "default": 25}))
            .parameter("cursor", "Where to go on: `page.next_cursor` of the page before.", json!({"type": "string"}))
            .gives::<MemberPage>(200)
            .problems(&[Code::NotFound, Code::CursorMismatch]),
        Endpoint::new(Method::POST, ALL, "add_team_member", "teams", add)
            .about("Add a member", "201 when the membership was made; 200 when it stood, its role changed where one was given.")
            .scope(Permission::MembersWrite)
            .takes::<NewMember>(json!({ "user": "email:grace@example.com", "role": "manager" }))
            .gives::<Member>(201)
            .problems(&[Code::NotFound, Code::LastOwner]),
        Endpoint::new(Method::GET, ONE, "get_team_member", "teams", get)
            .about("Get one member of a team", "By the team and the person. Has a strong `ETag`.")
            .scope(Permission::TeamsRead)
            .gives::<Member>(200)
            .problems(&[Code::NotFound]),
        Endpoint::new(Method::PATCH, ONE, "update_team_member", "teams", update)
            .about("Change a member's role", "The last owner of a team cannot be demoted.")
            .scope(Permission::MembersWrite)
            .takes::<MemberPatch>(json!({ "role": "manager" }))
            .gives::<Member>(200)
            .problems(&[Code::NotFound, Code::LastOwner]),
        Endpoint::new(Method::DELETE, ONE, "remove_team_member", "teams", remove)
            .about("Remove a member", "Ends the membership and releases the places held for this team. The person stays: deleting somebody is another operation.")
            .scope(Permission::MembersWrite)
            .gives_nothing()
            .problems(&[Code::NotFound, Code::LastOwner]),
    ]
}

async fn list(app: App, request: Request) -> Result<Reply> {
    let team: Team = records::find(&app.db, &request.call.caller, &request.reference(0)?).await?;
    let mut limit = DEFAULT_LIMIT;
    let mut after = None;
    for (name, value) in &request.query {
        match name.as_str() {
            "limit" => {
                let number = value
                    .parse()
                    .ok()
                    .filter(|number| (1..=MAX_LIMIT).contains(number));
                limit = number.ok_or_else(|| {
                    Error::new(
                        Code::InvalidParameter,
                        format!("limit is a whole number from 1 to {MAX_LIMIT}."),
                    )
                })?;
            }
            "cursor" => after = Some(position(&app, &team, value)?),
            _ => return request.no_query().map(|()| Reply::empty()),
        }
    }
    let mut data: Vec<Member> = app
        .db
        .fetch(
            request.call.account(),
            members_of(&team.id, after, limit + 1),
        )
        .await?;
    let has_more = i64::try_from(data.len()).unwrap_or(i64::MAX) > limit;
    data.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next_cursor = data.last().filter(|_| has_more).map(|member| {
        let place = format!(
            "{} {} {}",
            team.id,
            member.joined_at.micros(),
            member.user.id
        );
        signed::sign(&app.keys.cursor, "cursor", &place)
    });
    Reply::json(
        200,
        &MemberPage {
            data,
            page: PageInfo {
                next_cursor,
                has_more,
                total_count: None,
            },
        },
    )
}

/// The member after whom a page begins.
fn position(app: &App, team: &Team, cursor: &str) -> Result<(Timestamp, String)> {
    let opened = signed::open(&app.keys.cursor, "cursor", cursor);
    let place = opened.as_deref().and_then(|place| {
        let mut words = place.split(' ');
        (words.next() == Some(team.id.as_str())).then_some(())?;
        Some((
            Timestamp::from_micros(words.next()?.parse().ok()?),
            words.next()?.to_owned(),
        ))
    });
    place.ok_or_else(|| {
        Error::new(
            Code::CursorMismatch,
            "This cursor was made for another list. Begin again without a cursor.",
        )
    })
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
        let (plan, member, made) =
            plan_add(&app.db, &request.call, &team, &new, ManagedBy::Api).await?;
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
        let (plan, member) = plan_change(&app.db, &request.call, &team, &user, patch.role).await?;
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
