//! Accepting: the side of the person who was invited.
//!
//! Looking changes nothing, since mail scanners open every address; only the form on the page accepts, in one list of
//! writes: membership, places, the invitation's end, the session. Whoever opens the mailed address has proved that the
//! mailbox is theirs and is signed in by it, as by a sign-in link. The copied address proves nothing: it signs in only
//! who has never been here and may do nothing yet; everybody else accepts while signed in as the person who was invited.
//! Somebody else's session is never touched before the form is sent, and burns nothing.

use serde_json::{Value as JsonValue, json};

use super::again::end;
use super::entrance::{self, Entrance, Who};
use super::record::{Invitation, InvitationState};
use crate::access::links::call_of;
use crate::access::offers::{InvitationToken, Way, read_invitation};
use crate::access::sessions::{self, Origin, Started};
use crate::app::App;
use crate::commit::commit;
use crate::db::{Batch, Select, Statement};
use crate::error::{Code, Error, Result};
use crate::events::{Event, Plan};
use crate::params;
use crate::resource::Resource as _;
use crate::resources::member::ManagedBy;
use crate::resources::user::{UserPatch, UserStatus};
use crate::resources::{Product, Team, User};
use crate::seats::Cause;
use crate::seats::actions::IfFull;
use crate::types::{AccountId, Id, Name, Patch, Timestamp, json_list};

/// The cause of places that come with an invitation.
const CAUSE: Cause = Cause::Invitation;

/// How an account looks on its public pages.
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// Its name.
    pub name: String,
    /// The colour of its buttons, `#rrggbb`.
    pub color: Option<String>,
    /// The address of its logo.
    pub logo_url: Option<String>,
    /// Its language.
    pub locale: String,
    /// Its time zone.
    pub timezone: String,
}

impl Look {
    /// The read of an account's look.
    pub fn select() -> Select {
        Select::new(
            "SELECT name, settings, locale, timezone FROM accounts WHERE account_id = $1",
            Vec::new(),
        )
    }

    /// From what was read.
    pub fn of((name, settings, locale, timezone): (String, JsonValue, String, String)) -> Self {
        let text = |member: &str| {
            let given = settings.pointer(&format!("/brand/{member}"))?.as_str()?;
            (!given.is_empty()).then(|| given.to_owned())
        };
        Self {
            color: text("color"),
            logo_url: text("logo_url"),
            name,
            locale,
            timezone,
        }
    }
}

/// An invitation that can be accepted.
#[derive(Debug, Clone)]
pub struct Offer {
    /// The account.
    pub account: AccountId,
    /// How it looks.
    pub look: Look,
    /// The invitation.
    pub invitation: Invitation,
    /// The team's name.
    pub team: String,
    /// The name of the team's organization.
    pub organization: Option<String>,
    /// The products' names.
    pub products: Vec<String>,
    /// The person.
    pub user: User,
    /// Whether accepting signs the person in by itself.
    pub signs_in: bool,
}

/// What a token turns out to be.
#[derive(Debug, Clone)]
pub enum Seen {
    /// It may be accepted.
    Open(Box<Offer>),
    /// A newer mail has taken its place.
    Superseded(Look),
    /// It has been accepted.
    Accepted(Look),
    /// Its time is over.
    Expired(Look),
    /// It was taken back, or its team or person is not here any more.
    Revoked(Look),
    /// It is none of ours.
    Invalid,
}

/// Looks at a token without using it up.
pub async fn look(app: &App, token: &str, now: Timestamp) -> Result<Seen> {
    let Some(token) = read_invitation(app, token) else {
        return Ok(Seen::Invalid);
    };
    let id = || params![token.id.clone()];
    let theirs = "(SELECT user_id FROM invitations WHERE account_id = $1 AND id = $2)";
    let mut batch = Batch::new();
    let look = batch.add::<(String, JsonValue, String, String)>(Look::select());
    let found = batch.add::<Invitation>(Select::rows::<Invitation>(
        "WHERE account_id = $1 AND id = $2",
        id(),
    ));
    let names = batch.add::<(String, Option<String>)>(Select::new(
        "SELECT t.name, o.name FROM invitations i JOIN teams t ON t.account_id = $1 AND t.id = i.team_id AND t.deleted_at IS NULL \
         LEFT JOIN organizations o ON o.account_id = $1 AND o.id = t.organization_id WHERE i.account_id = $1 AND i.id = $2",
        id(),
    ));
    let user = batch.add::<User>(Select::rows::<User>(
        &format!("WHERE account_id = $1 AND id = {theirs} AND deleted_at IS NULL AND status <> 'deactivated'"),
        id(),
    ));
    // More than a learner: somebody whose door a copied address must not open.
    let rights = batch.add::<(String,)>(Select::new(
        format!(
            "SELECT role FROM user_roles WHERE account_id = $1 AND user_id = {theirs} \
             UNION ALL SELECT role FROM organization_members WHERE account_id = $1 AND user_id = {theirs} \
             UNION ALL SELECT role FROM team_members WHERE account_id = $1 AND user_id = {theirs} AND role <> 'member'"
        ),
        id(),
    ));
    let mut rows = app.db.read(&token.account, batch).await?;
    let (Some(look), Some(invitation)) = (rows.first(&look), rows.first(&found)) else {
        return Ok(Seen::Invalid);
    };
    let look = Look::of(look);
    let (Some((team, organization)), Some(user)) = (rows.first(&names), rows.first(&user)) else {
        return Ok(Seen::Revoked(look));
    };
    match invitation.state {
        InvitationState::Accepted => return Ok(Seen::Accepted(look)),
        InvitationState::Revoked => return Ok(Seen::Revoked(look)),
        _ if invitation.generation != token.generation => return Ok(Seen::Superseded(look)),
        _ if !invitation.is_open(now) => return Ok(Seen::Expired(look)),
        _ => {}
    }
    let products = product_names(app, &token.account, &invitation.product_ids.0).await?;
    let is_new = user.status == UserStatus::Invited && rows.take(&rights).is_empty();
    Ok(Seen::Open(Box::new(Offer {
        products,
        signs_in: token.way == Way::Mailed || is_new,
        account: token.account,
        look,
        invitation,
        team,
        organization,
        user,
    })))
}

/// The names of products, in their order.
pub(crate) async fn product_names(
    app: &App,
    account: &AccountId,
    ids: &[Id<Product>],
) -> Result<Vec<String>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let select = Select::new(
        "SELECT id, name FROM products WHERE account_id = $1 AND id IN (SELECT value FROM JSON_LIST($2) AS p)",
        params![json_list(ids)],
    );
    let known: Vec<(Id<Product>, String)> = app.db.fetch(account, select).await?;
    let name_of = |id: &Id<Product>| {
        let found = known.iter().find(|(known, _)| known == id);
        found.map(|(_, name)| name.clone())
    };
    Ok(ids.iter().filter_map(name_of).collect())
}

/// What came of accepting.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// The person's new session; none for who was signed in already.
    pub started: Option<Started>,
    /// The team's name.
    pub team: String,
}

/// Accepts an invitation. `session` is the id of the person who is signed in here; `name` what they call themselves.
pub async fn accept(
    app: &App,
    token: &str,
    name: Option<&Name>,
    session: Option<&str>,
    from: &Origin,
    now: Timestamp,
) -> Result<Accepted> {
    let Some(read) = read_invitation(app, token) else {
        return Err(gone());
    };
    let Seen::Open(first) = look(app, token, now).await? else {
        return Err(gone());
    };
    let person = &first.user;
    let call = call_of(
        &first.account,
        person.id.as_str(),
        person.display_name(),
        from,
        now,
    );
    let plan = || async {
        let Seen::Open(offer) = look(app, token, now).await? else {
            return Err(gone());
        };
        let is_here = session == Some(offer.user.id.as_str());
        if !is_here && !offer.signs_in {
            return Err(Error::new(
                Code::SignInRequired,
                "Sign in as the person who was invited, and accept then.",
            ));
        }
        plan_accept(app, &call, &read, &offer, name, is_here, from).await
    };
    Ok(commit(&app.db, &app.ids, &call, plan).await?.value)
}

/// Declines an invitation for the person: its places are free at once, and whoever invited sees that it was declined.
pub async fn decline(app: &App, token: &str, from: &Origin, now: Timestamp) -> Result<()> {
    let Seen::Open(first) = look(app, token, now).await? else {
        return Err(gone());
    };
    let person = &first.user;
    let call = call_of(
        &first.account,
        person.id.as_str(),
        person.display_name(),
        from,
        now,
    );
    let plan = || async {
        let Seen::Open(offer) = look(app, token, now).await? else {
            return Err(gone());
        };
        let mut plan = Plan::new("invitation.decline");
        let mut before = offer.invitation;
        before.declined = true;
        end(
            &app.db,
            &app.ids,
            &call,
            &mut plan,
            &before,
            InvitationState::Revoked,
        )
        .await?;
        Ok((plan, ()))
    };
    commit(&app.db, &app.ids, &call, plan).await.map(|_| ())
}

fn gone() -> Error {
    Error::new(
        Code::StateConflict,
        "The invitation cannot be accepted any more. Open its address again to see why.",
    )
}

async fn plan_accept(
    app: &App,
    call: &crate::access::Call,
    token: &InvitationToken,
    offer: &Offer,
    name: Option<&Name>,
    is_here: bool,
    from: &Origin,
) -> Result<(Plan, Accepted)> {
    let (before, user) = (&offer.invitation, &offer.user);
    let mut batch = Batch::new();
    let team = batch.add::<Team>(Select::rows::<Team>(
        "WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL",
        params![before.team_id.clone()],
    ));
    let who = std::slice::from_ref(&user.id);
    let products = &before.product_ids.0;
    let asked = entrance::ask(&mut batch, &before.team_id, products, Who::Id(who));
    let mut rows = app.db.read(&token.account, batch).await?;
    let team = rows.first(&team).ok_or_else(gone)?;
    let mut entrance = Entrance::of(team, &asked, &mut rows, call, &app.ids);
    let mut plan = Plan::new("invitation.accept");
    entrance.join(&mut plan, &user.id, &before.role, ManagedBy::Invitation);
    // What was promised is kept in the order of the line; new places are not made by who accepts.
    let if_full = match before.if_full {
        IfFull::Fail => IfFull::Fail,
        IfFull::Waitlist | IfFull::Grow => IfFull::Waitlist,
    };
    for product in products {
        entrance.give(&user.id, product, CAUSE, if_full)?;
    }
    entrance.finish(&mut plan);
    let after = Invitation {
        state: InvitationState::Accepted,
        remind_at: None,
        accepted_at: Some(call.now),
        updated_at: call.now,
        ..before.clone()
    };
    plan.write(Statement::update(&after, before.version));
    let previous = json!({ "state": before.state });
    plan.event(after.event("accepted").previous(previous));
    let started = arrive(
        app,
        &mut plan,
        &token.account,
        user,
        name,
        is_here,
        from,
        call.now,
    )?;
    let accepted = Accepted {
        started,
        team: offer.team.clone(),
    };
    Ok((plan, accepted))
}

/// Lets a person arrive in a plan: active from now on, with the name they gave where none was known, and with a session
/// unless they have one here.
#[expect(
    clippy::too_many_arguments,
    reason = "a person, what they bring along and where they come from"
)]
pub(crate) fn arrive(
    app: &App,
    plan: &mut Plan,
    account: &AccountId,
    before: &User,
    name: Option<&Name>,
    is_here: bool,
    from: &Origin,
    now: Timestamp,
) -> Result<Option<Started>> {
    let mut patch = UserPatch {
        status: Some(UserStatus::Active),
        ..UserPatch::default()
    };
    if let Some(name) = name.filter(|_| before.name.is_none()) {
        patch.name = Patch::Set(name.clone());
    }
    let mut after = before.clone();
    after.apply(patch, &crate::resource::Resolved::default(), now)?;
    if before.status == UserStatus::Invited {
        after.last_seen_at = Some(now);
    }
    plan.absorb(crate::records::change(before, &after, "updated"));
    if is_here {
        return Ok(None);
    }
    let (started, insert) = sessions::start(app, account, before.id.as_str(), from, now);
    plan.write(insert);
    plan.event(signed_in(before, &started));
    Ok(Some(started))
}

/// The event of a sign-in by an address that proved the mailbox.
pub(crate) fn signed_in(user: &User, started: &Started) -> Event {
    let data = json!({ "user": user.id, "method": "link", "session": started.id });
    Event::new("user.signed_in", &user.id, data).user(&user.id)
}
