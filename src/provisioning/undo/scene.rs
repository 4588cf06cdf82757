//! What an undo decides on: the provision with everything it made, as it stands now.

use super::super::answer::Provision;
use super::Gone;
use crate::access::owners::{self, OwnerSlot};
use crate::access::{Call, Reach};
use crate::commerce::orders::Order;
use crate::commerce::orders::provisioned;
use crate::db::{Batch, Db, Select, Slot};
use crate::email::outbox::{MailRow, by_id};
use crate::error::{Error, Result};
use crate::params;
use crate::resources::{Enrollment, Product, Team, User};
use crate::seats::actions::PROMOTE_AT_ONCE;
use crate::seats::{Assignment, Seat};
use crate::types::{Id, json_list};

/// Everything the undo decides on.
pub(super) struct Scene {
    pub(super) provision: Provision,
    /// The order of its places, where there is one.
    pub(super) order: Option<Order>,
    pub(super) user: Option<User>,
    pub(super) team: Option<Team>,
    /// The role the person has in the team now.
    pub(super) role: Option<String>,
    /// Departures of the team's owners, and how many others there are.
    pub(super) owners: Option<(i64, i64)>,
    /// Places of the person, live ones.
    pub(super) live: Vec<Assignment>,
    pub(super) seats: Vec<Seat>,
    pub(super) products: Vec<Product>,
    pub(super) waiting: Vec<Assignment>,
    pub(super) enrollments: Vec<Enrollment>,
    pub(super) mail: Option<MailRow>,
    pub(super) counts: Counts,
}

/// What else stands on the person and the team.
#[derive(Default)]
pub(super) struct Counts {
    /// Other teams of the person.
    pub(super) teams: i64,
    /// Other provisions of the person.
    pub(super) provisions: i64,
    /// Roles of the person in the account and on organizations.
    pub(super) roles: i64,
    /// Other members of the team.
    pub(super) members: i64,
    /// Live seats of the team.
    pub(super) seats: i64,
    /// Places given for the team to others.
    pub(super) for_others: i64,
}

type CountRow = (i64, i64, i64, i64, i64, i64);

/// Where the answers will be.
struct Slots {
    order: Slot<Order>,
    user: Slot<User>,
    team: Slot<Team>,
    role: Slot<(String,)>,
    owners: OwnerSlot,
    live: Slot<Assignment>,
    seats: Slot<Seat>,
    products: Slot<Product>,
    waiting: Slot<Assignment>,
    freed: Slot<(Id<Seat>, i64)>,
    enrollments: Slot<Enrollment>,
    mail: Option<Slot<MailRow>>,
    counts: Slot<CountRow>,
}

/// Reads the scene; what is in `gone` is as if it were not there any more.
pub(super) async fn scene(db: &Db, call: &Call, id: &Id<Provision>, gone: &Gone) -> Result<Scene> {
    let provision = find(db, call, id).await?;
    let mut batch = Batch::new();
    let slots = ask(&mut batch, &provision, gone);
    let mut rows = db.read(call.account(), batch).await?;
    let is_left = |one: &Assignment| !gone.has("assignment", one.id.as_str());
    let mut seats = rows.take(&slots.seats);
    for (id, freed) in rows.take(&slots.freed) {
        for seat in seats.iter_mut().filter(|seat| seat.id == id) {
            seat.assigned -= freed;
            seat.available = seat.available.map(|available| available + freed);
        }
    }
    let counts = rows.first(&slots.counts).unwrap_or_default();
    let (teams, provisions, roles, members, seats_of_team, for_others) = counts;
    Ok(Scene {
        order: rows.first(&slots.order),
        user: rows
            .first(&slots.user)
            .filter(|user| !gone.has("user", user.id.as_str())),
        team: rows
            .first(&slots.team)
            .filter(|team| !gone.has("team", team.id.as_str())),
        role: rows.first(&slots.role).map(|(role,)| role),
        owners: rows.first(&slots.owners),
        live: rows.take(&slots.live).into_iter().filter(is_left).collect(),
        seats,
        products: rows.take(&slots.products),
        waiting: rows
            .take(&slots.waiting)
            .into_iter()
            .filter(is_left)
            .collect(),
        enrollments: rows.take(&slots.enrollments),
        mail: slots.mail.and_then(|slot| rows.first(&slot)),
        counts: Counts {
            teams,
            provisions,
            roles,
            members,
            seats: seats_of_team,
            for_others,
        },
        provision,
    })
}

async fn find(db: &Db, call: &Call, id: &Id<Provision>) -> Result<Provision> {
    let not_found = || Error::not_found("provision");
    let found = Select::rows::<Provision>("WHERE account_id = $1 AND id = $2", params![id.clone()]);
    let provision = db
        .first::<Provision>(call.account(), found)
        .await?
        .ok_or_else(not_found)?;
    if let Reach::Teams(teams) = &call.caller.reach
        && !provision
            .team_id
            .as_ref()
            .is_some_and(|team| teams.contains(team.as_str()))
    {
        return Err(not_found());
    }
    Ok(provision)
}

fn ask(batch: &mut Batch, provision: &Provision, gone: &Gone) -> Slots {
    let user_id = provision.user_id.to_string();
    let team = provision.team_id.clone();
    let team_id = team.as_ref().map_or_else(String::new, ToString::to_string);
    let made = &provision.made.0;
    let seat_ids = json_list(made.places.iter().map(|one| &one.seat_id));
    let assignment_ids = json_list(&made.assignments);
    let seats_of = "SELECT value FROM JSON_LIST($2) AS l UNION SELECT seat_id FROM seat_assignments WHERE account_id = $1 AND id IN (SELECT value FROM JSON_LIST($3) AS a)";
    let of_seats = || params![seat_ids.clone(), assignment_ids.clone()];
    let of_user = || params![user_id.clone()];
    Slots {
        order: batch.add(provisioned::of(provision.id.as_str())),
        user: batch.add(Select::rows::<User>(
            "WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL",
            of_user(),
        )),
        team: batch.add(Select::rows::<Team>(
            "WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL",
            params![team_id.clone()],
        )),
        role: batch.add(Select::new(
            "SELECT role FROM team_members WHERE account_id = $1 AND user_id = $2 AND team_id = $3",
            params![user_id.clone(), team_id.clone()],
        )),
        owners: owners::ask_team(batch, &team_id, &user_id),
        live: batch.add(Select::rows::<Assignment>(
            "WHERE account_id = $1 AND user_id = $2 AND state IN ('waitlisted', 'reserved', 'active')",
            of_user(),
        )),
        seats: batch.add(Select::rows::<Seat>(
            &format!("WHERE account_id = $1 AND id IN ({seats_of})"),
            of_seats(),
        )),
        products: batch.add(Select::rows::<Product>(
            &format!("WHERE account_id = $1 AND id IN (SELECT product_id FROM seats WHERE account_id = $1 AND id IN ({seats_of}))"),
            of_seats(),
        )),
        waiting: batch.add(Select::rows::<Assignment>(
            &format!("WHERE account_id = $1 AND state = 'waitlisted' AND seat_id IN ({seats_of}) ORDER BY created_at, id LIMIT {PROMOTE_AT_ONCE}"),
            of_seats(),
        )),
        freed: batch.add(Select::new(
            "SELECT seat_id, count(*) FROM seat_assignments WHERE account_id = $1 AND state IN ('reserved', 'active') \
             AND id IN (SELECT value FROM JSON_LIST($2) AS gone) GROUP BY seat_id",
            params![gone.list("assignment")],
        )),
        enrollments: batch.add(Select::rows::<Enrollment>(
            "WHERE account_id = $1 AND user_id = $2 AND source = 'seat'",
            of_user(),
        )),
        mail: made
            .mail
            .as_deref()
            .and_then(Id::parse)
            .map(|id| batch.add(by_id(&id))),
        counts: batch.add(counts(provision, &user_id, &team_id, gone)),
    }
}

fn counts(provision: &Provision, user_id: &str, team_id: &str, gone: &Gone) -> Select {
    let mut provisions: Vec<&str> = gone.provisions.iter().map(String::as_str).collect();
    provisions.push(provision.id.as_str());
    let is_left = "team_id || '/' || user_id NOT IN (SELECT value FROM JSON_LIST($5) AS gone)";
    Select::new(
        format!(
            "SELECT (SELECT count(*) FROM team_members WHERE account_id = $1 AND user_id = $2 AND team_id <> $3 AND {is_left}), \
             (SELECT count(*) FROM provisions WHERE account_id = $1 AND user_id = $2 AND undone_at IS NULL AND id NOT IN (SELECT value FROM JSON_LIST($4) AS gone)), \
             (SELECT count(*) FROM user_roles WHERE account_id = $1 AND user_id = $2) \
             + (SELECT count(*) FROM organization_members WHERE account_id = $1 AND user_id = $2), \
             (SELECT count(*) FROM team_members WHERE account_id = $1 AND team_id = $3 AND user_id <> $2 AND {is_left}), \
             (SELECT count(*) FROM seat_teams WHERE account_id = $1 AND team_id = $3 AND live), \
             (SELECT count(*) FROM seat_assignments WHERE account_id = $1 AND team_id = $3 AND user_id <> $2 AND state IN ('waitlisted', 'reserved', 'active') \
             AND id NOT IN (SELECT value FROM JSON_LIST($6) AS gone))"
        ),
        params![
            user_id.to_owned(),
            team_id.to_owned(),
            json_list(&provisions),
            gone.list("membership"),
            gone.list("assignment")
        ],
    )
}
