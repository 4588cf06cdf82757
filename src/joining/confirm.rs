//! Joining: the moment in which a confirmed address becomes a member with a place.
//!
//! Looking at the confirming address changes nothing; its form, sent from its page, does everything in one list of writes:
//! the use of the link by its conditional update, the person, the membership, the places by the seat engine, the request's
//! end, the session. A limit that others reached first undoes all of it and is told by name. Somebody who is signed in has
//! proved their address and joins without a mail.

use std::sync::Arc;

use super::ask::{self, Door, new_request};
use super::limits::{count_refusal, use_open};
use super::link::Link;
use super::request::{LinkRequest, RequestState};
use crate::access::offers::read_join;
use crate::access::sessions::{self, Origin, Session, Started};
use crate::access::{Actor, ActorKind, Call, Caller};
use crate::app::App;
use crate::commit::commit;
use crate::db::{Batch, Select, Statement};
use crate::error::{Code, Error, Result};
use crate::events::Plan;
use crate::invitations::accept::{arrive, signed_in};
use crate::invitations::entrance::{self, Entrance, Who};
use crate::locale::Locale;
use crate::params;
use crate::records;
use crate::resource::{Resource as _, Stamp};
use crate::resources::member::ManagedBy;
use crate::resources::user::{NewUser, UserStatus};
use crate::resources::{Team, User};
use crate::seats::Cause;
use crate::seats::actions::Outcome;
use crate::types::{AccountId, Email, Id, Name, Timestamp};

/// The cause of places that come with a link.
pub(super) const CAUSE: Cause = Cause::Link;

/// What a confirming token turns out to be.
#[derive(Debug, Clone)]
pub enum Asked {
    /// The address can be confirmed.
    Open(Box<(Door, LinkRequest)>),
    /// It is confirmed, and somebody has to decide.
    Pending(Box<Door>),
    /// The person has joined.
    Joined(Box<Door>),
    /// It was declined.
    Declined(Box<Door>),
    /// Its time is over.
    Expired,
    /// It is none of ours, or the link is not here any more.
    Invalid,
}

/// What came of a join.
#[derive(Debug, Clone)]
pub enum Joined {
    /// The person is in, with a session where they had none.
    In(Option<Started>),
    /// Somebody has to decide first.
    Waits,
}

/// Looks at a confirming token without using it up.
pub async fn look(app: &App, token: &str, now: Timestamp) -> Result<Asked> {
    let Some((account, id)) = read_join(app, token) else {
        return Ok(Asked::Invalid);
    };
    let select = Select::rows::<LinkRequest>("WHERE account_id = $1 AND id = $2", params![id]);
    let Some(request) = app.db.first::<LinkRequest>(&account, select).await? else {
        return Ok(Asked::Expired);
    };
    let Some(door) = ask::open(app, account, &request.link_id, now).await? else {
        return Ok(Asked::Invalid);
    };
    let door = Box::new(door);
    Ok(match request.state {
        RequestState::Joined => Asked::Joined(door),
        RequestState::Pending => Asked::Pending(door),
        RequestState::Declined => Asked::Declined(door),
        RequestState::Unconfirmed if request.expires_at <= now => Asked::Expired,
        RequestState::Unconfirmed => Asked::Open(Box::new((*door, request))),
    })
}

fn gone() -> Error {
    Error::new(
        Code::StateConflict,
        "This address cannot be confirmed any more. Open it again to see why.",
    )
}

/// Confirms an address: joins, or hands the request to those who decide.
pub async fn confirm(
    app: &App,
    token: &str,
    name: Option<&Name>,
    session: Option<&str>,
    from: &Origin,
    now: Timestamp,
) -> Result<Joined> {
    let Asked::Open(first) = look(app, token, now).await? else {
        return Err(gone());
    };
    let (account, link) = (first.0.account.clone(), first.0.link.id.clone());
    let call = call_of(&account, &first.1.email, from, now);
    let plan = || async {
        let Asked::Open(open) = look(app, token, now).await? else {
            return Err(gone());
        };
        let (door, request) = *open;
        let request = LinkRequest {
            name: request.name.clone().or_else(|| name.cloned()),
            ..request
        };
        plan_join(app, &call, &door, request, true, session, from).await
    };
    told(
        app,
        &account,
        &link,
        now,
        commit(&app.db, &app.ids, &call, plan).await,
    )
    .await
}

/// Joins somebody who is signed in.
pub async fn join(
    app: &App,
    slug: &str,
    session: &Session,
    locale: &Locale,
    from: &Origin,
    now: Timestamp,
) -> Result<Joined> {
    let first = ask::look(app, slug, now).await?;
    let first = first.filter(|door| door.account == session.account);
    let door = first.ok_or_else(|| Error::not_found("link"))?;
    let email = Email::parse(&session.user.email).map_err(Error::internal)?;
    let (account, link) = (door.account.clone(), door.link.id.clone());
    let call = session.call(from.request_id.clone(), from.address.clone(), now);
    let plan = || async {
        let door = ask::open(app, account.clone(), &link, now).await?;
        let door = door.ok_or_else(|| Error::not_found("link"))?;
        let known = Select::rows::<LinkRequest>(
            "WHERE account_id = $1 AND link_id = $2 AND email_key = $3",
            params![link.clone(), email.key()],
        );
        let known = app.db.first::<LinkRequest>(&account, known).await?;
        let stands = known.is_some();
        let request = match known {
            Some(known) => known,
            None => new_request(app, &door, &email, None, locale, now)?,
        };
        match request.state {
            RequestState::Joined => Ok((Plan::new("link.join"), Joined::In(None))),
            RequestState::Pending => Ok((Plan::new("link.join"), Joined::Waits)),
            RequestState::Declined => Err(Error::new(
                Code::Forbidden,
                "Your request to join was declined. Ask those who gave you the link.",
            )),
            RequestState::Unconfirmed => {
                let here = Some(session.user.id.as_str());
                plan_join(app, &call, &door, request, stands, here, from).await
            }
        }
    };
    told(
        app,
        &account,
        &link,
        now,
        commit(&app.db, &app.ids, &call, plan).await,
    )
    .await
}

/// Counts a refusal before it is passed on.
async fn told(
    app: &App,
    account: &AccountId,
    link: &Id<Link>,
    now: Timestamp,
    done: Result<crate::commit::Done<Joined>>,
) -> Result<Joined> {
    match done {
        Ok(done) => Ok(done.value),
        Err(error) => {
            count_refusal(app, account, link, &error, now).await;
            Err(error)
        }
    }
}

/// A person's own call, before it is known who they are.
fn call_of(account: &AccountId, email: &Email, from: &Origin, now: Timestamp) -> Call {
    Call {
        caller: Arc::new(Caller {
            actor: Actor {
                kind: ActorKind::User,
                id: None,
                name: email.as_str().into(),
            },
            ..Caller::system(account.clone(), "link")
        }),
        now,
        request_id: from.request_id.clone(),
        address: from.address.clone(),
        dry_run: false,
    }
}

/// Plans a join by a confirmed address. `stands` says that the request is a row already; `here` who is signed in.
async fn plan_join(
    app: &App,
    call: &Call,
    door: &Door,
    request: LinkRequest,
    stands: bool,
    here: Option<&str>,
    from: &Origin,
) -> Result<(Plan, Joined)> {
    let link = &door.link;
    if let Some(refusal) = link.refusal(Some(&request.email), call.now) {
        return Err(refusal);
    }
    let mut after = LinkRequest {
        confirmed_at: Some(call.now),
        updated_at: call.now,
        ..request.clone()
    };
    let before = stands.then_some(&request);
    let mut plan = Plan::new("link.join");
    if link.requires_approval {
        after.state = RequestState::Pending;
        save(&mut plan, before, &after);
        plan.event(after.event("pending"));
        return Ok((plan, Joined::Waits));
    }
    let (user, mut entrance) = scene(app, call, &door.team, link, &request.email).await?;
    let person = user
        .clone()
        .unwrap_or_else(|| new_person(app, &request, call.now));
    if person.status == UserStatus::Deactivated {
        return Err(Error::new(
            Code::Forbidden,
            "This person may not sign in here. Ask the company that runs this site.",
        ));
    }
    let is_here = here == Some(person.id.as_str());
    let started = if let Some(before) = &user {
        let name = request.name.as_ref();
        let account = &door.account;
        arrive(
            app, &mut plan, account, before, name, is_here, from, call.now,
        )?
    } else {
        let mut new = person.clone();
        new.status = UserStatus::Active;
        new.last_seen_at = Some(call.now);
        plan.write_all(records::insertion(&new));
        plan.event(new.event("created"));
        let (started, insert) =
            sessions::start(app, &door.account, new.id.as_str(), from, call.now);
        plan.write(insert);
        plan.event(signed_in(&new, &started));
        Some(started)
    };
    if enter(&mut plan, &mut entrance, link, &person.id)? {
        plan.write(use_open(link, call.now));
    }
    entrance.finish(&mut plan);
    after.state = RequestState::Joined;
    after.user_id = Some(person.id);
    after.decided_at = Some(call.now);
    save(&mut plan, before, &after);
    plan.event(after.event("joined"));
    Ok((plan, Joined::In(started)))
}

fn save(plan: &mut Plan, before: Option<&LinkRequest>, after: &LinkRequest) {
    plan.write(match before {
        Some(before) => Statement::update(after, before.version),
        None => Statement::insert(after),
    });
}

/// Membership and places of one person. Tells whether anything is new to them: who has all of it already uses nothing.
pub(super) fn enter(
    plan: &mut Plan,
    entrance: &mut Entrance<'_>,
    link: &Link,
    user: &Id<User>,
) -> Result<bool> {
    let mut is_new = entrance.role_of(user).is_none();
    entrance.join(plan, user, &link.role, ManagedBy::Link);
    for product in &link.product_ids.0 {
        let outcome = entrance.give(user, product, CAUSE, link.if_full)?;
        is_new |= outcome != Outcome::AlreadyAssigned;
    }
    Ok(is_new)
}

/// Somebody new, as their request tells of them.
pub(super) fn new_person(app: &App, request: &LinkRequest, now: Timestamp) -> User {
    let mut new = NewUser::with_email(request.email.clone());
    new.name.clone_from(&request.name);
    new.locale = Some(request.locale.clone());
    let stamp = Stamp { ids: &app.ids, now };
    User::from_new(new, &stamp)
}

async fn scene<'a>(
    app: &'a App,
    call: &'a Call,
    team: &Team,
    link: &Link,
    email: &Email,
) -> Result<(Option<User>, Entrance<'a>)> {
    let keys = [email.key()];
    let mut batch = Batch::new();
    let user = batch.add::<User>(Select::rows::<User>(
        "WHERE account_id = $1 AND email_key = $2 AND deleted_at IS NULL",
        params![email.key()],
    ));
    let products = &link.product_ids.0;
    let asked = entrance::ask(&mut batch, &team.id, products, Who::Address(&keys));
    let mut rows = app.db.read(call.account(), batch).await?;
    let user = rows.first(&user);
    let entrance = Entrance::of(team.clone(), &asked, &mut rows, call, &app.ids);
    Ok((user, entrance))
}
