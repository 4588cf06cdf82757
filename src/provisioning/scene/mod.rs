//! What is: everything the plan needs to know, in two round trips for somebody new and three for somebody known.
//!
//! `ask` has the questions of the first round, `seats` reads the seats of a team that stands.

mod ask;
mod seats;

use serde_json::Value as JsonValue;

use super::answer::Provision;
use super::request::{ProvisionRequest, SeatPart};
use super::team::{Candidates, Membership, numbered};
use crate::access::{Caller, Reach};
use crate::db::{Answers, Batch, Db, Pair, Select, Slot};
use crate::email::outbox;
use crate::error::{Code, Error, Fault, Result};
use crate::members;
use crate::params;
use crate::records;
use crate::resources::{Organization, Product, Team, User};
use crate::seats::{Seat, SeatTemplate, Terms};
use crate::types::{Id, Name, Ref, Timestamp, json_list};
use ask::ask;

pub(super) use seats::{SeatScene, seats};

/// What a line of seats names.
pub(super) struct Line {
    pub(super) product: Product,
    /// A certain seat, where the line names one.
    pub(super) seat: Option<Seat>,
    /// The template's id and terms, where the line names one.
    pub(super) template: Option<SeatTemplate>,
}

/// What is known before the person is.
pub(super) struct First {
    pub(super) user: Option<User>,
    /// Which of the names given find the person as they stand: `id`, `external_id`, `email_key`.
    pub(super) known_by: Vec<&'static str>,
    /// Who had the address given and was put aside.
    pub(super) aside: Option<User>,
    pub(super) organization: Option<Organization>,
    pub(super) lines: Vec<Line>,
    pub(super) terms: Terms,
    pub(super) locale: String,
    pub(super) candidates: Candidates,
    /// How many orders of the call's reference stand already.
    pub(super) orders_told: i64,
}

/// What is known of somebody who stands already.
#[derive(Default)]
pub(super) struct Known {
    pub(super) was_welcomed: bool,
    pub(super) last_provision: Option<Id<Provision>>,
}

struct LineSlots {
    product: Slot<Product>,
    seat: Option<Slot<Seat>>,
    template: Option<Slot<SeatTemplate>>,
}

/// Where the answers to the first round of questions will be.
struct FirstSlots {
    users: Vec<(&'static str, Slot<User>)>,
    aside: Option<Slot<User>>,
    organization: Option<Slot<Organization>>,
    by_id: Option<Slot<Team>>,
    named: Option<Slot<Team>>,
    account: Slot<(JsonValue, String)>,
    default: Option<Slot<Team>>,
    domain: Option<Slot<Team>>,
    lines: Vec<LineSlots>,
    orders_told: Option<Slot<(i64,)>>,
}

/// Reads what the body names.
pub(super) async fn first(db: &Db, caller: &Caller, request: &ProvisionRequest) -> Result<First> {
    let mut batch = Batch::new();
    let slots = ask(&mut batch, caller, request);
    let mut rows = db.read(&caller.account, batch).await?;
    let (settings, locale) = rows
        .first(&slots.account)
        .ok_or_else(|| Error::internal("the account is gone"))?;
    let orders_told = slots.orders_told.as_ref().and_then(|slot| rows.first(slot));
    let orders_told = orders_told.map_or(0, |(told,)| told);
    let mut faults = Vec::new();
    let organization = slots.organization.map(|slot| rows.first(&slot));
    if organization.as_ref().is_some_and(Option::is_none) {
        faults.push(Fault::new(
            "/team/organization",
            "reference_not_found",
            "There is no such organization in this account.",
        ));
    }
    let found = lines_of(&mut rows, slots.lines, request, &mut faults);
    let by_names: Vec<(&'static str, User)> = slots
        .users
        .into_iter()
        .filter_map(|(name, slot)| Some((name, rows.first(&slot)?)))
        .collect();
    let known_by = by_names.iter().map(|(name, _)| *name).collect();
    let user = identity(by_names, request);
    let user = match (user, faults.is_empty()) {
        (Ok(user), true) => user,
        (Ok(_), false) => return Err(Error::invalid(faults)),
        (Err(error), _) => return Err(error),
    };
    if let (Some(user), Reach::Teams(_)) = (&user, &caller.reach) {
        require_within_reach(db, caller, user, request).await?;
    }
    let within = |team: &Team| caller.reach.holds(team.id.as_str());
    let candidates = Candidates {
        named_by_id: slots
            .by_id
            .and_then(|slot| rows.first(&slot))
            .filter(within),
        named: slots
            .named
            .map(|slot| rows.take(&slot))
            .unwrap_or_default()
            .into_iter()
            .filter(within)
            .collect(),
        default: slots
            .default
            .and_then(|slot| rows.first(&slot))
            .filter(within),
        of_domain: slots
            .domain
            .and_then(|slot| rows.first(&slot))
            .filter(within),
        ..Candidates::default()
    };
    Ok(First {
        user,
        known_by,
        aside: slots.aside.and_then(|slot| rows.first(&slot)),
        organization: organization.flatten(),
        lines: found,
        terms: Terms::of_settings(&settings),
        locale,
        candidates,
        orders_told,
    })
}

/// Refuses somebody who is known, but not to a caller limited to some teams.
async fn require_within_reach(
    db: &Db,
    caller: &Caller,
    user: &User,
    request: &ProvisionRequest,
) -> Result<()> {
    let seen = records::maybe::<User>(db, caller, &Ref::Id(user.id.clone())).await?;
    match (seen, &request.user.id) {
        (Some(_), _) => Ok(()),
        (None, Some(_)) => Err(no_such_person()),
        (None, None) => Err(members::out_of_reach()),
    }
}

fn no_such_person() -> Error {
    Error::new(
        Code::NotFound,
        "There is no person with this id in this account.",
    )
}

/// The lines of seats with what they name; those that name nothing known are faults.
fn lines_of(
    rows: &mut Answers,
    slots: Vec<LineSlots>,
    request: &ProvisionRequest,
    faults: &mut Vec<Fault>,
) -> Vec<Line> {
    let mut found = Vec::new();
    for (n, slots) in slots.into_iter().enumerate() {
        let seat = slots.seat.and_then(|slot| rows.first(&slot));
        let template = slots.template.and_then(|slot| rows.first(&slot));
        if let Some(product) = rows.first(&slots.product) {
            found.push(Line {
                product,
                seat,
                template,
            });
            continue;
        }
        let named = request.seats.get(n).map_or("product", SeatPart::names);
        faults.push(Fault::new(
            format!("/seats/{n}/{named}"),
            "reference_not_found",
            format!("There is no such {named} in this account."),
        ));
    }
    found
}

/// One person behind all identifiers, or nobody.
fn identity(found: Vec<(&'static str, User)>, request: &ProvisionRequest) -> Result<Option<User>> {
    let is_named = request.user.id.is_none() || found.iter().any(|(name, _)| *name == "id");
    let mut found: Vec<User> = found.into_iter().map(|(_, user)| user).collect();
    found.dedup_by(|a, b| a.id == b.id);
    if let [one, other, ..] = found.as_slice() {
        return Err(Error::new(
            Code::IdentityConflict,
            "The id, external_id and e-mail address given belong to different people. Correct one of them, or merge the people.",
        )
        .with("user_ids", vec![one.id.to_string(), other.id.to_string()]));
    }
    let user = found.pop();
    if !is_named {
        return Err(no_such_person());
    }
    if user.is_none() && request.user.email.is_none() {
        let detail =
            "Nobody has this external_id yet; give an e-mail address too, and the person is made.";
        return Err(Error::invalid(vec![Fault::new(
            "/user/email",
            "required",
            detail,
        )]));
    }
    Ok(user)
}

/// Reads what is known of the person, and whether the default name is taken.
pub(super) async fn second(
    db: &Db,
    caller: &Caller,
    first: &mut First,
    request: &ProvisionRequest,
    default_name: &Name,
) -> Result<Known> {
    let needs_name = request.team.id.is_none() && request.team.name.is_none();
    let mut batch = Batch::new();
    let of_name = needs_name.then(|| {
        let organization = first.organization.as_ref().map(|organization| organization.id.to_string()).unwrap_or_default();
        batch.add::<Team>(Select::rows::<Team>(
            "WHERE account_id = $1 AND coalesce(organization_id, '') = $2 AND name_key = $3 AND deleted_at IS NULL",
            params![organization, default_name.key()],
        ))
    });
    let slots = first.user.as_ref().map(|user| {
        let memberships = batch.add::<Pair<Team, (String, Timestamp)>>(Select::new(
            format!(
                "SELECT {}, m.role, m.joined_at FROM teams JOIN team_members m ON m.account_id = $1 AND m.team_id = teams.id \
                 WHERE teams.account_id = $1 AND m.user_id = $2 AND teams.deleted_at IS NULL ORDER BY m.joined_at, m.team_id LIMIT 200",
                <Team as crate::db::Row>::selection()
            ),
            params![user.id.clone()],
        ));
        let mail = batch.add::<outbox::MailRow>(outbox::by_once_key(&welcome_key(&user.id)));
        let last = batch.add::<(Id<Provision>,)>(Select::new(
            "SELECT id FROM provisions WHERE account_id = $1 AND user_id = $2 ORDER BY id DESC LIMIT 1",
            params![user.id.clone()],
        ));
        (memberships, mail, last)
    });
    if of_name.is_none() && slots.is_none() {
        return Ok(Known::default());
    }
    let mut rows = db.read(&caller.account, batch).await?;
    first.candidates.of_default_name = of_name.and_then(|slot| rows.first(&slot));
    if let Some(team) = &first.candidates.of_default_name {
        let keys: Vec<String> = numbered(default_name).map(|name| name.key()).collect();
        let taken = Select::new(
            "SELECT name_key FROM teams WHERE account_id = $1 AND coalesce(organization_id, '') = $2 AND deleted_at IS NULL \
             AND name_key IN (SELECT value FROM JSON_LIST($3) AS names)",
            params![
                team.organization_id
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
                json_list(&keys)
            ],
        );
        let taken: Vec<(String,)> = db.fetch(&caller.account, taken).await?;
        first.candidates.taken = taken.into_iter().map(|(key,)| key).collect();
    }
    let Some((memberships, mail, last)) = slots else {
        return Ok(Known::default());
    };
    let memberships = rows
        .take(&memberships)
        .into_iter()
        .map(|Pair(team, (role, joined_at))| Membership {
            team,
            role,
            joined_at,
        });
    first.candidates.memberships = memberships
        .filter(|membership| caller.reach.holds(membership.team.id.as_str()))
        .collect();
    Ok(Known {
        was_welcomed: rows.first(&mail).is_some(),
        last_provision: rows.first(&last).map(|(id,)| id),
    })
}

/// What a person is welcomed under, once.
pub(super) fn welcome_key(user: &Id<User>) -> String {
    format!("welcome:{user}")
}
