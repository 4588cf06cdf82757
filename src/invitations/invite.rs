//! Inviting: the person, the places held, the offer and its mail, in one list of writes.
//!
//! A repeat with the same team, role and products finds the open invitation and changes nothing; two at once make one,
//! since a person has one open invitation to a team by the index `invitations_one_open`.

use super::entrance::{self, Entrance, Who};
use super::mail::{self, Told};
use super::record::{Invitation, InvitationState, NewInvitation, OPEN};
use crate::access::grants::{Granted, look_up_one, require_grant_in};
use crate::access::rights::Permissions;
use crate::access::roles::TeamRole;
use crate::access::{ActorKind, Call, Caller, Permission};
use crate::db::{Batch, Db, Select};
use crate::error::{Code, Error, Fault, Result};
use crate::events::Plan;
use crate::params;
use crate::records;
use crate::resource::{Input as _, Resource as _, Stamp, resolve};
use crate::resources::user::{NewUser, UserStatus};
use crate::resources::{Product, Team, User};
use crate::seats::actions::IfFull;
use crate::types::text::{Json, Language};
use crate::types::{Id, Ids, Name, Ref, Timestamp};

/// Days for which an invitation is good unless said otherwise.
pub const VALID_DAYS: i64 = 7;
/// Days for which it may be good at the most.
pub const MAX_DAYS: i64 = 365;
/// Products of one invitation or link at the most.
pub const MAX_PRODUCTS: usize = 20;

/// Refuses to offer what the caller does not hold: the role's rights, and places without the right to give them.
pub(crate) fn require_offer(
    caller: &Caller,
    team: &Id<Team>,
    role: &Permissions,
    has_products: bool,
    if_full: IfFull,
) -> Result<()> {
    require_grant_in(caller, team.as_str(), role)?;
    if has_products {
        caller.require_in(Permission::SeatsAssign, team.as_str())?;
    }
    if has_products && if_full == IfFull::Grow {
        caller.require_in(Permission::SeatsWrite, team.as_str())?;
    }
    Ok(())
}

/// The team that a body names, if the caller reaches it; what is out of reach is as what does not exist.
pub(crate) async fn find_team(db: &Db, caller: &Caller, team: &Ref<Team>) -> Result<Team> {
    let found = records::maybe::<Team>(db, caller, team).await?;
    found.ok_or_else(|| {
        let detail = format!("There is no team «{team}» in this account.");
        Error::invalid(vec![Fault::new("/team", "reference_not_found", detail)])
    })
}

/// Each id once, in their order.
pub(crate) fn distinct(ids: Vec<Id<Product>>) -> Vec<Id<Product>> {
    let mut seen = std::collections::BTreeSet::new();
    ids.into_iter()
        .filter(|id| seen.insert(id.clone()))
        .collect()
}

/// When an invitation ends, and for how many days it is good.
pub(super) fn validity(
    at: Option<Timestamp>,
    days: Option<i64>,
    usual: i64,
    now: Timestamp,
) -> Result<(Timestamp, i64), Fault> {
    let end = match (at, days) {
        (Some(_), Some(_)) => {
            let detail = "Give expires_at or expires_in_days, not both.";
            return Err(Fault::new("/expires_at", "ambiguous", detail));
        }
        (Some(at), None) => at,
        (None, days) => now.plus_days(days.unwrap_or(usual).clamp(0, MAX_DAYS + 1)),
    };
    let pointer = if days.is_some() {
        "/expires_in_days"
    } else {
        "/expires_at"
    };
    if end <= now || end > now.plus_days(MAX_DAYS) {
        let detail = format!("An invitation ends in the future, within {MAX_DAYS} days.");
        return Err(Fault::new(pointer, "out_of_range", detail));
    }
    let days = (end.seconds() - now.seconds() + 86_399) / 86_400;
    Ok((end, days.max(1)))
}

/// Plans an invitation. Tells whether it is made; else it stood already.
pub async fn plan_invite(
    db: &Db,
    ids: &Ids,
    call: &Call,
    new: &NewInvitation,
) -> Result<(Plan, Invitation, bool)> {
    let caller = &call.caller;
    caller.require(Permission::InvitationsWrite)?;
    let (expires_at, valid_days) = checked(new, call.now)?;
    let if_full = new.if_full.unwrap_or(IfFull::Fail);
    let role = match &new.role {
        Some(role) => look_up_one(db, call.account(), role).await?,
        None => Granted::built_in(TeamRole::Member),
    };
    let refs = resolve(db, caller, new.references()).await?;
    let team = find_team(db, caller, &new.team).await?;
    let has_products = !new.products.is_empty();
    require_offer(caller, &team.id, &role.permissions, has_products, if_full)?;
    let products = new.products.iter().map(|product| refs.id(product));
    let products = distinct(products.collect::<Result<_>>()?);
    let scene = scene(db, ids, call, team, &products, new).await?;
    let mut plan = Plan::new("invitation.create");
    let user = scene.user.unwrap_or_else(|| {
        let mut person = NewUser::with_email(new.email.clone());
        person.name.clone_from(&new.name);
        person.locale.clone_from(&new.locale);
        let user = User::from_new(person, &Stamp { ids, now: call.now });
        plan.write_all(records::insertion(&user));
        plan.event(user.event("created"));
        user
    });
    let mut entrance = scene.entrance;
    require_outside(&user, &entrance)?;
    if let Some(open) = scene.open {
        if open.role == role.role && open.product_ids.0 == products && open.expires_at > call.now {
            return Ok((Plan::new("invitation.create"), open, false));
        }
        return Err(Error::new(
            Code::AlreadyExists,
            "An invitation of this person to this team is open already, with another role or other products. Revoke it first.",
        )
        .with("member", "email")
        .with("invitation_id", open.id.as_str()));
    }
    let held = hold_all(&mut entrance, &user.id, &products, if_full)?;
    let told = Told {
        team: scene.team.name.as_str(),
        organization: scene.organization.as_deref(),
        products: told_products(&entrance, &products),
        is_reminder: false,
    };
    let actor = &caller.actor;
    let mut invitation = Invitation {
        id: ids.next(call.now),
        email: new.email.clone(),
        user_id: user.id,
        team_id: scene.team.id.clone(),
        role: role.role.clone(),
        product_ids: Json(products),
        if_full,
        assignment_ids: Json(
            held.into_iter()
                .filter_map(|(_, one)| Some(one?.id))
                .collect(),
        ),
        state: InvitationState::Queued,
        locale: new.locale.clone().or(user.locale).unwrap_or(scene.locale),
        inviter_id: actor.id.as_deref().map(str::to_owned),
        inviter_name: Name::parse(&actor.name).map_err(Error::internal)?,
        is_by_person: actor.kind == ActorKind::User,
        valid_days,
        generation: 1,
        mail_id: None,
        mail_reply: None,
        mailed_at: call.now,
        sent_at: None,
        remind_at: None,
        expires_at,
        accepted_at: None,
        ended_at: None,
        declined: false,
        version: 1,
        created_at: call.now,
        updated_at: call.now,
        role_name: role.name.as_ref().map(ToString::to_string),
        accept_url: None,
    };
    plan.write_all(role.note());
    mail::send(&mut plan, ids, call.now, &mut invitation, &told);
    plan.write(crate::db::Statement::insert(&invitation));
    plan.event(invitation.event("created"));
    entrance.finish(&mut plan);
    Ok((plan, invitation, true))
}

/// When a new invitation ends and for how many days it is good, if nothing is wrong with its body.
fn checked(new: &NewInvitation, now: Timestamp) -> Result<(Timestamp, i64)> {
    let mut faults = Vec::new();
    if new.products.len() > MAX_PRODUCTS {
        let detail = format!("{MAX_PRODUCTS} products at the most.");
        faults.push(Fault::new("/products", "too_many", detail));
    }
    match validity(new.expires_at, new.expires_in_days, VALID_DAYS, now) {
        Ok(validity) if faults.is_empty() => return Ok(validity),
        Ok(_) => {}
        Err(fault) => faults.push(fault),
    }
    Err(Error::invalid(faults))
}

/// Refuses somebody who is in the team already, or may not sign in.
fn require_outside(user: &User, entrance: &Entrance<'_>) -> Result<()> {
    if user.status == UserStatus::Deactivated {
        return Err(Error::new(
            Code::StateConflict,
            "The person is deactivated and could not sign in. Activate them first.",
        ));
    }
    if entrance.role_of(&user.id).is_none() {
        return Ok(());
    }
    Err(Error::new(
        Code::AlreadyExists,
        "The person is already a member of the team. Change their role, or give them a place of a seat.",
    )
    .with("member", "email")
    .with("user_id", user.id.as_str()))
}

type Held = (Id<Product>, Option<crate::seats::Assignment>);

/// Holds a place of each product, where the person has none.
pub(super) fn hold_all(
    entrance: &mut Entrance<'_>,
    user: &Id<User>,
    products: &[Id<Product>],
    if_full: IfFull,
) -> Result<Vec<Held>> {
    let hold =
        |product: &Id<Product>| Ok((product.clone(), entrance.hold(user, product, if_full)?));
    products.iter().map(hold).collect()
}

/// What the mail says of products: name and end.
pub(super) fn told_products(
    entrance: &Entrance<'_>,
    products: &[Id<Product>],
) -> Vec<(String, Option<Timestamp>)> {
    let told = |id: &Id<Product>| {
        let product = entrance.products().iter().find(|one| one.id == *id)?;
        Some((product.name.to_string(), entrance.end_of(id)))
    };
    products.iter().filter_map(told).collect()
}

struct Scene<'a> {
    user: Option<User>,
    open: Option<Invitation>,
    organization: Option<String>,
    locale: Language,
    team: Team,
    entrance: Entrance<'a>,
}

async fn scene<'a>(
    db: &Db,
    ids: &'a Ids,
    call: &'a Call,
    team: Team,
    products: &[Id<Product>],
    new: &NewInvitation,
) -> Result<Scene<'a>> {
    let key = new.email.key();
    let mut batch = Batch::new();
    let user = batch.add::<User>(Select::rows::<User>(
        "WHERE account_id = $1 AND email_key = $2 AND deleted_at IS NULL",
        params![key],
    ));
    let open = batch.add::<Invitation>(Select::rows::<Invitation>(
        &format!("WHERE account_id = $1 AND team_id = $2 AND {OPEN} AND user_id IN (SELECT id FROM users WHERE account_id = $1 AND email_key = $3 AND deleted_at IS NULL)"),
        params![team.id.clone(), key],
    ));
    let organization = batch.add::<(String,)>(Select::new(
        "SELECT name FROM organizations WHERE account_id = $1 AND id = $2",
        params![team.organization_id.as_ref().map(ToString::to_string)],
    ));
    let locale = batch.add::<(Language,)>(Select::new(
        "SELECT locale FROM accounts WHERE account_id = $1",
        vec![],
    ));
    let keys = [key];
    let asked = entrance::ask(&mut batch, &team.id, products, Who::Address(&keys));
    let mut rows = db.read(call.account(), batch).await?;
    let (locale,) = rows
        .first(&locale)
        .ok_or_else(|| Error::internal("the account is gone"))?;
    Ok(Scene {
        user: rows.first(&user),
        open: rows.first(&open),
        organization: rows.first(&organization).map(|(name,)| name),
        locale,
        entrance: Entrance::of(team.clone(), &asked, &mut rows, call, ids),
        team,
    })
}
