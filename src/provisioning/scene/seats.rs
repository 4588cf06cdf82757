//! The seats of a team that stands, with those who are in them and those who wait.

use super::First;
use crate::access::{Caller, owners};
use crate::db::{Batch, Db, Select};
use crate::error::Result;
use crate::params;
use crate::provisioning::request::ProvisionRequest;
use crate::resources::Team;
use crate::seats::actions::PROMOTE_AT_ONCE;
use crate::seats::{Assignment, Seat};
use crate::types::{Id, json_list};

/// What is known of the team's seats.
#[derive(Default)]
pub(in crate::provisioning) struct SeatScene {
    pub(in crate::provisioning) seats: Vec<Seat>,
    pub(in crate::provisioning) live: Vec<Assignment>,
    pub(in crate::provisioning) waiting: Vec<Assignment>,
    /// Seats to which the reference's quantity was added before.
    pub(in crate::provisioning) added_before: Vec<Id<Seat>>,
    /// What is known of the team's owners beside the person.
    pub(in crate::provisioning) owners: Option<(i64, i64)>,
}

/// Reads the seats of a team that stands.
pub(in crate::provisioning) async fn seats(
    db: &Db,
    caller: &Caller,
    team: &Id<Team>,
    first: &First,
    request: &ProvisionRequest,
) -> Result<SeatScene> {
    let products = json_list(first.lines.iter().map(|line| &line.product.id));
    let named = first.lines.iter().filter_map(|line| line.seat.as_ref());
    let named = json_list(named.map(|seat| &seat.id));
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
