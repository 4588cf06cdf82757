//! Deciding on requests to join, one or many, all or none: who is approved is in at once and told by mail.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as JsonValue, json};

use super::ask::{Door, open};
use super::confirm::{enter, new_person};
use super::limits::use_by_decision;
use super::link::Link;
use super::request::{LinkRequest, RequestState};
use crate::access::grants::permissions_of;
use crate::access::links::{LinkPurpose, new_link};
use crate::access::{ActorKind, Call, Permission};
use crate::app::App;
use crate::db::{Batch, Select, Statement};
use crate::email::TemplateKind;
use crate::email::outbox::{NewMail, queue};
use crate::error::{Code, Error, Fault, Result};
use crate::events::Plan;
use crate::i18n;
use crate::invitations::entrance::{self, Entrance, Who};
use crate::invitations::invite::require_offer;
use crate::locale::Locale;
use crate::params;
use crate::records;
use crate::resource::Resource as _;
use crate::resources::User;
use crate::resources::user::UserStatus;
use crate::types::text::{Description, Language};
use crate::types::{Id, Name, Ref, Timestamp, json_list};

/// Requests decided by one call at the most.
const AT_ONCE: usize = 100;

/// Which requests are approved.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApproveInput {
    /// The requests, by id.
    #[schemars(length(min = 1, max = 100))]
    pub requests: Vec<Id<LinkRequest>>,
}

/// Which requests are declined.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclineInput {
    /// The requests, by id.
    #[schemars(length(min = 1, max = 100))]
    pub requests: Vec<Id<LinkRequest>>,
    /// Why, for the person's mail.
    #[serde(default)]
    pub reason: Option<Description>,
}

/// The link and the requests after a decision, in the order of the call.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Decided {
    /// The link.
    pub link: Link,
    /// The requests.
    pub requests: Vec<LinkRequest>,
}

struct Scene {
    door: Door,
    requests: Vec<LinkRequest>,
}

async fn scene(
    app: &App,
    call: &Call,
    link: &Ref<Link>,
    wanted: &[Id<LinkRequest>],
) -> Result<Scene> {
    call.caller.require(Permission::LinksWrite)?;
    if wanted.is_empty() || wanted.len() > AT_ONCE {
        let detail = format!("From 1 to {AT_ONCE} requests.");
        return Err(Error::invalid(vec![Fault::new(
            "/requests",
            "out_of_range",
            detail,
        )]));
    }
    let link = records::find::<Link>(&app.db, &call.caller, link).await?;
    let door = open(app, call.account().clone(), &link.id, call.now).await?;
    let door = door
        .ok_or_else(|| Error::new(Code::StateConflict, "The link's team is not here any more."))?;
    let select = Select::rows::<LinkRequest>(
        "WHERE account_id = $1 AND link_id = $2 AND id IN (SELECT value FROM JSON_LIST($3) AS wanted)",
        params![link.id, json_list(wanted)],
    );
    let found = app.db.fetch::<LinkRequest>(call.account(), select).await?;
    let (mut requests, mut faults): (Vec<LinkRequest>, _) = (Vec::new(), Vec::new());
    for (n, id) in wanted.iter().enumerate() {
        let request = found.iter().find(|request| request.id == *id);
        match request {
            Some(request) if request.state == RequestState::Unconfirmed => faults.push(Fault::new(
                format!("/requests/{n}"),
                "not_confirmed",
                "The person has not confirmed the address yet, so it may be anybody's.",
            )),
            Some(request) if requests.iter().any(|known| known.id == request.id) => {}
            Some(request) => requests.push(request.clone()),
            None => faults.push(Fault::new(
                format!("/requests/{n}"),
                "reference_not_found",
                "The link has no such request.",
            )),
        }
    }
    if faults.is_empty() {
        Ok(Scene { door, requests })
    } else {
        Err(Error::invalid(faults))
    }
}

/// Plans the approval of requests. Those who have joined already stay as they are; who was declined may be let in after
/// all. The link's number of uses binds, its pause and its times do not: a person decides here.
pub async fn plan_approve(
    app: &App,
    call: &Call,
    link: &Ref<Link>,
    input: &ApproveInput,
) -> Result<(Plan, Decided)> {
    let Scene { mut door, requests } = scene(app, call, link, &input.requests).await?;
    let link = &door.link;
    let has_products = !link.product_ids.0.is_empty();
    let role = permissions_of(&app.db, call.account(), &link.role).await?;
    require_offer(
        &call.caller,
        &link.team_id,
        &role,
        has_products,
        link.if_full,
    )?;
    let (people, locale, mut entrance) = people(app, call, &door, &requests).await?;
    let mut plan = Plan::new("link_request.approve");
    let (mut after, mut joined) = (Vec::new(), 0);
    for request in requests {
        if request.state == RequestState::Joined {
            after.push(request);
            continue;
        }
        let known = people
            .iter()
            .find(|user| user.email.key() == request.email.key());
        let user = match known {
            Some(user) if user.status == UserStatus::Deactivated => {
                let detail = format!("{} is deactivated. Activate them first.", user.email);
                return Err(Error::new(Code::StateConflict, detail));
            }
            Some(user) => user.clone(),
            None => {
                let new = new_person(app, &request, call.now);
                plan.write_all(records::insertion(&new));
                plan.event(new.event("created"));
                new
            }
        };
        joined += i64::from(enter(&mut plan, &mut entrance, link, &user.id)?);
        let approved = LinkRequest {
            state: RequestState::Joined,
            user_id: Some(user.id.clone()),
            reason: None,
            ..decided(&request, call)
        };
        plan.write(Statement::update(&approved, request.version));
        plan.event(approved.event("approved"));
        tell_approved(app, &mut plan, &door, &user, known.is_some(), &locale, call);
        after.push(approved);
    }
    if door
        .link
        .max_uses
        .is_some_and(|most| door.link.used + joined > most)
    {
        return Err(Error::new(
            Code::LinkUsedUp,
            "The link has been used as often as it may be. Give it more «max_uses» first.",
        )
        .with("link_id", door.link.id.as_str()));
    }
    entrance.finish(&mut plan);
    if joined > 0 {
        plan.write(use_by_decision(&door.link, joined, call.now));
        door.link.used += joined;
        door.link.updated_at = call.now;
    }
    let decided = Decided {
        link: door.link,
        requests: after,
    };
    Ok((plan, decided))
}

/// Plans the refusal of requests. Those who have joined cannot be refused any more; others are told by mail, once.
pub async fn plan_decline(
    app: &App,
    call: &Call,
    link: &Ref<Link>,
    input: &DeclineInput,
) -> Result<(Plan, Decided)> {
    let Scene { door, requests } = scene(app, call, link, &input.requests).await?;
    let mut plan = Plan::new("link_request.decline");
    let mut after = Vec::new();
    for request in requests {
        match request.state {
            RequestState::Joined => {
                let detail = format!(
                    "{} has joined already. Remove them from the team instead.",
                    request.email
                );
                return Err(Error::new(Code::StateConflict, detail));
            }
            RequestState::Declined => after.push(request),
            RequestState::Unconfirmed | RequestState::Pending => {
                let declined = LinkRequest {
                    state: RequestState::Declined,
                    reason: input.reason.clone(),
                    ..decided(&request, call)
                };
                plan.write(Statement::update(&declined, request.version));
                plan.event(declined.event("declined"));
                tell_declined(app, &mut plan, &door, &declined, call.now);
                after.push(declined);
            }
        }
    }
    let decided = Decided {
        link: door.link,
        requests: after,
    };
    Ok((plan, decided))
}

fn decided(request: &LinkRequest, call: &Call) -> LinkRequest {
    LinkRequest {
        decided_by: Name::parse(&call.caller.actor.name).ok(),
        decided_at: Some(call.now),
        updated_at: call.now,
        ..request.clone()
    }
}

/// The people behind the requests, the account's language, and the door into the team.
async fn people<'a>(
    app: &'a App,
    call: &'a Call,
    door: &Door,
    requests: &[LinkRequest],
) -> Result<(Vec<User>, String, Entrance<'a>)> {
    let keys: Vec<String> = requests.iter().map(|one| one.email.key()).collect();
    let mut batch = Batch::new();
    let users = batch.add::<User>(Select::rows::<User>(
        "WHERE account_id = $1 AND deleted_at IS NULL AND email_key IN (SELECT value FROM JSON_LIST($2) AS who)",
        params![json_list(&keys)],
    ));
    let products = &door.link.product_ids.0;
    let asked = entrance::ask(&mut batch, &door.team.id, products, Who::Address(&keys));
    let mut rows = app.db.read(call.account(), batch).await?;
    let users = rows.take(&users);
    let entrance = Entrance::of(door.team.clone(), &asked, &mut rows, call, &app.ids);
    Ok((users, door.look.locale.clone(), entrance))
}

fn locale_of(tag: Option<&str>, fallback: &str) -> Locale {
    tag.and_then(|tag| Locale::parse(tag).ok())
        .or_else(|| Locale::parse(fallback).ok())
        .unwrap_or_else(Locale::english)
}

/// The mail to somebody who was let in: the welcome with a way in for who has never been here, else a notice.
fn tell_approved(
    app: &App,
    plan: &mut Plan,
    door: &Door,
    user: &User,
    stands: bool,
    account_locale: &str,
    call: &Call,
) {
    let locale = locale_of(user.locale.as_ref().map(Language::as_str), account_locale);
    let inviter =
        (call.caller.actor.kind == ActorKind::User).then(|| call.caller.actor.name.to_string());
    let mut mail = NewMail {
        kind: TemplateKind::Welcome,
        user_id: Some(user.id.to_string()),
        to: user.email.clone(),
        context: JsonValue::Null,
        locale,
        once_key: None,
        link_id: None,
        provision_id: None,
    };
    if user.status == UserStatus::Active {
        mail.kind = TemplateKind::AccountNotice;
        let heading = i18n::text(
            &mail.locale,
            "joined-heading",
            &[("team", door.team.name.to_string().into())],
        );
        let courses = format!("{}/my", app.config.server.origin());
        mail.context = json!({
            "heading": heading,
            "paragraphs": [i18n::text(&mail.locale, "joined-text", &[])],
            "button": { "label": i18n::text(&mail.locale, "joined-button", &[]), "url": courses },
        });
    } else {
        let (link, [end_older, insert]) =
            new_link(&app.ids, call.now, user.id.as_str(), LinkPurpose::Welcome);
        if stands {
            plan.write(end_older);
        }
        plan.write(insert);
        mail.link_id = Some(link.to_string());
        // A person is welcomed once; of somebody who stands it is not known here.
        mail.once_key = (!stands).then(|| format!("welcome:{}", user.id));
        let products: Vec<_> = door
            .products
            .iter()
            .map(|name| json!({ "name": name }))
            .collect();
        mail.context = json!({
            "organization": door.organization,
            "inviter": inviter,
            "team": door.team.name,
            "products": products,
        });
    }
    queue(plan, &app.ids, call.now, mail);
}

fn tell_declined(app: &App, plan: &mut Plan, door: &Door, request: &LinkRequest, now: Timestamp) {
    let locale = locale_of(Some(request.locale.as_str()), &door.look.locale);
    let team = || door.team.name.to_string();
    let mut paragraphs = vec![i18n::text(
        &locale,
        "declined-text",
        &[("team", team().into())],
    )];
    paragraphs.extend(request.reason.as_ref().map(ToString::to_string));
    let heading = i18n::text(&locale, "declined-heading", &[("team", team().into())]);
    let mail = NewMail {
        kind: TemplateKind::AccountNotice,
        user_id: None,
        to: request.email.clone(),
        context: json!({ "heading": heading, "paragraphs": paragraphs }),
        locale,
        once_key: None,
        link_id: None,
        provision_id: None,
    };
    queue(plan, &app.ids, now, mail);
}
