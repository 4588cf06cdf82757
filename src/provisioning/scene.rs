//! What is: everything the plan needs to know, in two round trips for somebody new and three for somebody known.

use serde_json::Value as JsonValue;

use super::answer::Provision;
use super::request::{ProvisionRequest, SeatPart, Strategy};
use super::team::{Candidates, Membership, numbered};
use crate::access::{Caller, Reach, owners};
use crate::commerce::orders::provisioned;
use crate::db::{Answers, Batch, Db, Pair, Select, Slot};
use crate::email::outbox;
use crate::error::{Code, Error, Fault, Result};
use crate::lifecycle::restore::aside_with_address;
use crate::members;
use crate::params;
use crate::records;
use crate::resource::{Record, named_by, within};
use crate::resources::{Organization, Product, Team, User};
use crate::seats::actions::PROMOTE_AT_ONCE;
use crate::seats::{Assignment, Seat, SeatTemplate, Terms};
use crate::types::{Id, Name, Ref, Timestamp};

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

/// What is known of the team's seats.
#[derive(Default)]
pub(super) struct SeatScene {
    pub(super) seats: Vec<Seat>,
    pub(super) live: Vec<Assignment>,
    pub(super) waiting: Vec<Assignment>,
    /// Seats to which the reference's quantity was added before.
    pub(super) added_before: Vec<Id<Seat>>,
    /// What is known of the team's owners beside the person.
    pub(super) owners: Option<(i64, i64)>,
}

fn by_reference<K: crate::types::Kind>(reference: &Ref<K>) -> (&'static str, String) {
    match reference {
        Ref::Id(id) => ("id", id.to_string()),
        Ref::External(key) => ("external_id", key.to_string()),
        Ref::Email(email) => ("email_key", email.key()),
    }
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

/// Asks for everything that the body names.
fn ask(batch: &mut Batch, caller: &Caller, request: &ProvisionRequest) -> FirstSlots {
    let users = user_slots(batch, request);
    let email = request.user.email.as_ref();
    let aside = email.map(|email| batch.add::<User>(aside_with_address(email)));
    let part = &request.team;
    let organization = part.organization.as_ref().map(|reference| {
        let (column, value) = by_reference(reference);
        batch.add::<Organization>(within_reach::<Organization>(caller, column, &value))
    });
    let by_id = part.id.as_ref().map(|reference| {
        let (column, value) = by_reference(reference);
        batch.add::<Team>(Select::rows::<Team>(
            &format!("WHERE account_id = $1 AND {column} = $2 AND deleted_at IS NULL"),
            params![value],
        ))
    });
    let named = part
        .name
        .as_ref()
        .map(|name| batch.add::<Team>(teams_of_name(name, request)));
    let account = batch.add::<(JsonValue, String)>(Select::new(
        "SELECT settings, locale FROM accounts WHERE account_id = $1",
        vec![],
    ));
    let strategy = part.strategy.unwrap_or(Strategy::Auto);
    let is_open = part.id.is_none() && part.name.is_none();
    let default = (is_open && matches!(strategy, Strategy::First | Strategy::Auto))
        .then(|| batch.add::<Team>(default_team(request)));
    let domain = request.user.email.as_ref().filter(|_| is_open && strategy == Strategy::Auto).map(|email| {
        batch.add::<Team>(Select::rows::<Team>(
            "WHERE account_id = $1 AND deleted_at IS NULL AND id IN (SELECT coalesce(c.team_id, o.default_team_id) FROM domain_claims c LEFT JOIN organizations o ON o.account_id = $1 AND o.id = c.organization_id WHERE c.account_id = $1 AND c.domain = $2 AND c.state = 'verified')",
            params![crate::resources::domain_claim::key(&email.domain())],
        ))
    });
    let lines: Vec<LineSlots> = request
        .seats
        .iter()
        .map(|part| line_slots(batch, caller, part))
        .collect();
    let adds = request.seats.iter().any(|part| part.quantity.is_some());
    let orders_told = request
        .external_reference
        .as_ref()
        .filter(|_| adds)
        .map(|reference| batch.add::<(i64,)>(provisioned::standing(reference)));
    FirstSlots {
        users,
        aside,
        organization,
        by_id,
        named,
        account,
        default,
        domain,
        lines,
        orders_told,
    }
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

fn user_slots(batch: &mut Batch, request: &ProvisionRequest) -> Vec<(&'static str, Slot<User>)> {
    let mut slots = Vec::new();
    let mut add = |column: &'static str, value: String| {
        // Who became part of another is that one, by whichever name.
        let named = named_by("users", column, User::ALIASES);
        let slot = batch.add::<User>(Select::rows::<User>(
            &format!("WHERE account_id = $1 AND {named} AND deleted_at IS NULL"),
            params![value],
        ));
        slots.push((column, slot));
    };
    let user = &request.user;
    if let Some(id) = &user.id {
        add("id", id.to_string());
    }
    if let Some(key) = &user.external_id {
        add("external_id", key.to_string());
    }
    if let Some(email) = &user.email {
        add("email_key", email.key());
    }
    slots
}

/// The record of a key among those the caller may see.
fn within_reach<R: Record>(caller: &Caller, column: &str, value: &str) -> Select {
    let mut params = params![value.to_owned()];
    let reach = within(caller, R::REACH, 3).map(|(condition, value)| {
        params.push(value);
        condition
    });
    let rest = format!(
        "WHERE {0}.account_id = $1 AND {0}.{column} = $2{1}",
        R::TABLE,
        reach.unwrap_or_default()
    );
    Select::rows::<R>(&rest, params)
}

fn line_slots(batch: &mut Batch, caller: &Caller, part: &SeatPart) -> LineSlots {
    let product_where = |condition: &str| {
        format!("WHERE account_id = $1 AND id IN (SELECT product_id FROM {condition})")
    };
    if let Some(seat) = &part.seat {
        let (column, value) = by_reference(seat);
        return LineSlots {
            product: batch.add(Select::rows::<Product>(
                &product_where(&format!("seats WHERE account_id = $1 AND {column} = $2")),
                params![value.clone()],
            )),
            seat: Some(batch.add(within_reach::<Seat>(caller, column, &value))),
            template: None,
        };
    }
    if let Some(template) = &part.template {
        let (column, value) = by_reference(template);
        return LineSlots {
            product: batch.add(Select::rows::<Product>(
                &product_where(&format!(
                    "seat_templates WHERE account_id = $1 AND {column} = $2"
                )),
                params![value],
            )),
            seat: None,
            template: Some(batch.add(Select::rows::<SeatTemplate>(
                &format!("WHERE account_id = $1 AND {column} = $2"),
                params![value],
            ))),
        };
    }
    let (column, value) = part
        .product
        .as_ref()
        .map_or(("id", String::new()), by_reference);
    LineSlots {
        product: batch.add(Select::rows::<Product>(
            &format!("WHERE account_id = $1 AND {column} = $2"),
            params![value],
        )),
        seat: None,
        template: None,
    }
}

/// Teams of a name: in the organization named; for a new team without one, among those of none; else anywhere.
fn teams_of_name(name: &Name, request: &ProvisionRequest) -> Select {
    let (condition, value) = match &request.team.organization {
        Some(reference) => {
            let (column, value) = by_reference(reference);
            (
                format!(
                    "AND organization_id = (SELECT id FROM organizations WHERE account_id = $1 AND {column} = $3)"
                ),
                value,
            )
        }
        None if request.team.strategy == Some(Strategy::Create) => (
            "AND organization_id IS NULL AND $3 = ''".to_owned(),
            String::new(),
        ),
        None => ("AND $3 = ''".to_owned(), String::new()),
    };
    Select::rows::<Team>(
        &format!(
            "WHERE account_id = $1 AND name_key = $2 AND deleted_at IS NULL {condition} ORDER BY created_at, id LIMIT 5"
        ),
        params![name.key(), value],
    )
}

/// The default team for new people: the organization's, else the account's.
fn default_team(request: &ProvisionRequest) -> Select {
    let (of_organization, value) = match &request.team.organization {
        Some(reference) => {
            let (column, value) = by_reference(reference);
            (
                format!(
                    "(SELECT t.id FROM organizations o JOIN teams t ON t.account_id = $1 AND t.id = o.default_team_id JOIN organizations own ON own.account_id = $1 AND own.id = t.organization_id \
                     AND own.path >= o.path AND own.path < o.path || '~' WHERE o.account_id = $1 AND o.{column} = $2)"
                ),
                value,
            )
        }
        None => ("NULLIF($2, '')".to_owned(), String::new()),
    };
    Select::rows::<Team>(
        &format!(
            "WHERE account_id = $1 AND deleted_at IS NULL AND id = COALESCE({of_organization}, (SELECT default_team_id FROM accounts WHERE account_id = $1))"
        ),
        params![value],
    )
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
                serde_json::to_string(&keys).unwrap_or_default()
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

/// Reads the seats of a team that stands.
pub(super) async fn seats(
    db: &Db,
    caller: &Caller,
    team: &Id<Team>,
    first: &First,
    request: &ProvisionRequest,
) -> Result<SeatScene> {
    let products: Vec<&str> = first
        .lines
        .iter()
        .map(|line| line.product.id.as_str())
        .collect();
    let products = serde_json::to_string(&products).unwrap_or_default();
    let named: Vec<&str> = first
        .lines
        .iter()
        .filter_map(|line| line.seat.as_ref())
        .map(|seat| seat.id.as_str())
        .collect();
    let named = serde_json::to_string(&named).unwrap_or_default();
    let of_team = "SELECT seat_id FROM seat_teams WHERE account_id = $1 AND team_id = $2 AND live AND product_id IN (SELECT value FROM JSON_LIST($3) AS p)";
    let mut batch = Batch::new();
    let seats = (!first.lines.is_empty()).then(|| {
        batch.add::<Seat>(Select::rows::<Seat>(
            &format!("WHERE account_id = $1 AND (id IN ({of_team}) OR id IN (SELECT value FROM JSON_LIST($4) AS n))"),
            params![team.clone(), products, named],
        ))
    });
    let live = first.user.as_ref().filter(|_| !first.lines.is_empty()).map(|user| {
        batch.add::<Assignment>(Select::rows::<Assignment>(
            "WHERE account_id = $1 AND user_id = $2 AND state IN ('waitlisted', 'reserved', 'active') AND product_id IN (SELECT value FROM JSON_LIST($3) AS p)",
            params![user.id.clone(), products],
        ))
    });
    let waiting = request.seats.iter().any(|part| part.quantity.is_some()).then(|| {
        batch.add::<Assignment>(Select::rows::<Assignment>(
            &format!("WHERE account_id = $1 AND state = 'waitlisted' AND (seat_id IN ({of_team}) OR seat_id IN (SELECT value FROM JSON_LIST($4) AS n)) ORDER BY waiting_at, id LIMIT $5"),
            params![team.clone(), products, named, PROMOTE_AT_ONCE],
        ))
    });
    let added = request.external_reference.as_ref().filter(|_| !first.lines.is_empty()).map(|reference| {
        batch.add::<(Id<Seat>,)>(Select::new(
            format!("SELECT seat_id FROM seat_ledger WHERE account_id = $1 AND reference = $5 AND (seat_id IN ({of_team}) OR seat_id IN (SELECT value FROM JSON_LIST($4) AS n))"),
            params![team.clone(), products, named, reference.clone()],
        ))
    });
    let owners = first
        .user
        .as_ref()
        .filter(|_| request.team.role.is_some())
        .map(|user| owners::ask_team(&mut batch, team.as_str(), user.id.as_str()));
    let mut rows = db.read(&caller.account, batch).await?;
    Ok(SeatScene {
        seats: seats.map(|slot| rows.take(&slot)).unwrap_or_default(),
        live: live.map(|slot| rows.take(&slot)).unwrap_or_default(),
        waiting: waiting.map(|slot| rows.take(&slot)).unwrap_or_default(),
        added_before: added
            .map(|slot| rows.take(&slot))
            .unwrap_or_default()
            .into_iter()
            .map(|(id,)| id)
            .collect(),
        owners: owners.and_then(|slot| rows.first(&slot)),
    })
}
