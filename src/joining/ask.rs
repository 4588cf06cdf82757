//! Asking to join: what a link's public page shows, and what its form does.
//!
//! An address that somebody types proves nothing, so asking takes no place and counts no use: it keeps a request and sends
//! the mail by which the address is confirmed. Asking again is the same request, with another mail once a minute at most.
//! The answer is the same for every address the link takes, known here or not.

use serde_json::{Value as JsonValue, json};

use super::limits::count_refusal;
use super::link::Link;
use super::request::{LinkRequest, RequestState};
use crate::access::links::LinkPurpose;
use crate::access::sessions::Origin;
use crate::access::{Call, Caller, passwords};
use crate::app::App;
use crate::commit::commit;
use crate::db::{Batch, Scan, Select, Statement};
use crate::email::TemplateKind;
use crate::email::outbox::{NewMail, queue};
use crate::error::{Code, Error, Result};
use crate::events::Plan;
use crate::invitations::accept::{Look, product_names};
use crate::locale::Locale;
use crate::params;
use crate::resources::{Product, Team};
use crate::seats::Seat;
use crate::seats::actions::IfFull;
use crate::types::text::Language;
use crate::types::{AccountId, Email, Id, Name, Timestamp};

/// Seconds for which an address can be confirmed: three days.
const CONFIRM: i64 = 3 * 86_400;
/// Seconds between two mails of one request.
const BETWEEN: i64 = 60;

/// A link as its public page shows it.
#[derive(Debug, Clone)]
pub struct Door {
    /// The account.
    pub account: AccountId,
    /// How it looks.
    pub look: Look,
    /// The link.
    pub link: Link,
    /// The team's name.
    pub team: Team,
    /// The name of the team's organization.
    pub organization: Option<String>,
    /// The products' names.
    pub products: Vec<String>,
    /// Why nobody can join at this moment.
    pub refusal: Option<(Code, String)>,
}

/// Finds the link of a public address; none for every other, and for a team that is not here any more.
pub async fn look(app: &App, slug: &str, now: Timestamp) -> Result<Option<Door>> {
    let known = app
        .db
        .scan::<(AccountId, Id<Link>)>(Scan::LinkSlug, params![slug.to_owned()])
        .await?;
    let Some((account, id)) = known.into_iter().next() else {
        return Ok(None);
    };
    open(app, account, &id, now).await
}

/// The same by the link's id.
pub(super) async fn open(
    app: &App,
    account: AccountId,
    id: &Id<Link>,
    now: Timestamp,
) -> Result<Option<Door>> {
    let team_of = "(SELECT team_id FROM links WHERE account_id = $1 AND id = $2)";
    let mut batch = Batch::new();
    let look = batch.add::<(String, JsonValue, String, String)>(Look::select());
    let link = batch.add::<Link>(Select::rows::<Link>(
        "WHERE account_id = $1 AND id = $2",
        params![id.clone()],
    ));
    let team = batch.add::<Team>(Select::rows::<Team>(
        &format!("WHERE account_id = $1 AND id = {team_of} AND deleted_at IS NULL"),
        params![id.clone()],
    ));
    let organization = batch.add::<(String,)>(Select::new(
        format!("SELECT o.name FROM teams t JOIN organizations o ON o.account_id = $1 AND o.id = t.organization_id WHERE t.account_id = $1 AND t.id = {team_of}"),
        params![id.clone()],
    ));
    let seats = batch.add::<Seat>(Select::rows::<Seat>(
        &format!("WHERE account_id = $1 AND id IN (SELECT seat_id FROM seat_teams WHERE account_id = $1 AND live AND team_id = {team_of})"),
        params![id.clone()],
    ));
    let mut rows = app.db.read(&account, batch).await?;
    let (Some(look), Some(link), Some(team)) =
        (rows.first(&look), rows.first(&link), rows.first(&team))
    else {
        return Ok(None);
    };
    let refusal = link
        .refusal(None, now)
        .or_else(|| no_place(&link, &rows.take(&seats)));
    Ok(Some(Door {
        look: Look::of(look),
        products: product_names(app, &account, &link.product_ids.0).await?,
        organization: rows.first(&organization).map(|(name,)| name),
        refusal: refusal.map(|error| (error.code(), error.detail().to_owned())),
        account,
        link,
        team,
    }))
}

/// 409 `seats_exhausted` where a product has no free place, nobody may wait and nobody decides. Whether it is so for one
/// person is known only when they join.
fn no_place(link: &Link, seats: &[Seat]) -> Option<Error> {
    if link.if_full != IfFull::Fail || link.requires_approval {
        return None;
    }
    let has_place = |product: &Id<Product>| {
        let mut of_product = seats.iter().filter(|seat| seat.product_id == *product);
        of_product.any(|seat| seat.has_room(1))
    };
    let missing = link
        .product_ids
        .0
        .iter()
        .find(|product| !has_place(product))?;
    Some(
        Error::new(
            Code::SeatsExhausted,
            "There is no free place at the moment.",
        )
        .with("product_id", missing.as_str()),
    )
}

/// Keeps a request to join and sends the mail that confirms it. Refused by the limit that stands in the way, which is
/// counted.
pub async fn ask(
    app: &App,
    slug: &str,
    email: &Email,
    name: Option<&Name>,
    locale: &Locale,
    from: &Origin,
    now: Timestamp,
) -> Result<()> {
    let door = look(app, slug, now)
        .await?
        .ok_or_else(|| Error::not_found("link"))?;
    let refused = match &door.refusal {
        Some((code, detail)) => Some(Error::new(*code, detail.clone())),
        None => door.link.refusal(Some(email), now),
    };
    if let Some(error) = refused {
        count_refusal(app, &door.account, &door.link.id, &error, now).await;
        return Err(error);
    }
    let call = call_of(&door.account, from, now);
    let plan = || async {
        let known = Select::rows::<LinkRequest>(
            "WHERE account_id = $1 AND link_id = $2 AND email_key = $3",
            params![door.link.id.clone(), email.key()],
        );
        let known = app.db.first::<LinkRequest>(&door.account, known).await?;
        let mut plan = Plan::new("link_request.ask");
        let has_joined = known
            .as_ref()
            .is_some_and(|one| one.state == RequestState::Joined);
        if !has_joined {
            keep(app, &mut plan, &door, known, (email, name, locale), now)?;
        }
        Ok((plan, has_joined))
    };
    let has_joined = commit(&app.db, &app.ids, &call, plan).await?.value;
    if has_joined {
        // Who is in already gets the usual way in, and takes no second place.
        passwords::request_link(app, email, LinkPurpose::SignIn, from, now).await?;
    }
    Ok(())
}

/// Adds the request, new or once more, and its mail to a plan.
fn keep(
    app: &App,
    plan: &mut Plan,
    door: &Door,
    known: Option<LinkRequest>,
    (email, name, locale): (&Email, Option<&Name>, &Locale),
    now: Timestamp,
) -> Result<()> {
    let mailed_lately = known
        .as_ref()
        .and_then(|one| one.mailed_at)
        .is_some_and(|at| at.plus_seconds(BETWEEN) > now);
    if mailed_lately {
        return Ok(());
    }
    let request = if let Some(before) = known {
        let after = LinkRequest {
            name: before.name.clone().or_else(|| name.cloned()),
            mailed_at: Some(now),
            expires_at: now.plus_seconds(CONFIRM),
            updated_at: now,
            ..before.clone()
        };
        plan.write(Statement::update(&after, before.version));
        after
    } else {
        let new = new_request(app, door, email, name, locale, now)?;
        plan.write(Statement::insert(&new));
        plan.event(new.event("created"));
        new
    };
    let mail = NewMail {
        kind: TemplateKind::JoinConfirmation,
        user_id: None,
        to: email.clone(),
        locale: locale.clone(),
        context: json!({
            "team": door.team.name,
            "organization": door.organization,
            "products": door.products.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>(),
            "link_request_id": request.id,
        }),
        once_key: None,
        link_id: None,
        provision_id: None,
    };
    queue(plan, &app.ids, now, mail);
    Ok(())
}

/// A request that is not confirmed yet.
pub(super) fn new_request(
    app: &App,
    door: &Door,
    email: &Email,
    name: Option<&Name>,
    locale: &Locale,
    now: Timestamp,
) -> Result<LinkRequest> {
    Ok(LinkRequest {
        id: app.ids.next(now),
        link_id: door.link.id.clone(),
        team_id: door.team.id.clone(),
        email: email.clone(),
        name: name.cloned(),
        locale: Language::parse(&locale.to_string()).map_err(Error::internal)?,
        state: RequestState::Unconfirmed,
        user_id: None,
        reason: None,
        decided_by: None,
        mailed_at: Some(now),
        expires_at: now.plus_seconds(CONFIRM),
        confirmed_at: None,
        decided_at: None,
        version: 1,
        created_at: now,
        updated_at: now,
    })
}

/// A call of somebody who is not known yet: the link acts for them.
fn call_of(account: &AccountId, from: &Origin, now: Timestamp) -> Call {
    Call {
        caller: std::sync::Arc::new(Caller::system(account.clone(), "link")),
        now,
        request_id: from.request_id.clone(),
        address: from.address.clone(),
        dry_run: false,
    }
}
