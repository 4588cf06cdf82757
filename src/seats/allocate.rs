//! Places that come to teams and go from them, for those who sell and refund them: orders, provisions, undo.
//!
//! [`add`] finds the live seat that a team has of a product, or makes one, and adds places to it; [`take`] takes places back
//! by a policy for those in use. Both read everything in one round trip and put all their writes into the caller's plan, so
//! they stand or fall with it; each is called once for a plan, with all its lines, since a plan touches a seat once. A
//! reference is counted once per seat: a repeat changes nothing and says so. Whether the caller may do it is for the one
//! who calls to check.

use std::collections::BTreeMap;

use super::access::Access;
use super::actions::PROMOTE_AT_ONCE;
use super::assignment::Assignment;
use super::change::Change;
use super::ledger::LedgerEntry;
use super::seat::Seat;
use super::shortfall::{self, OnShortfall};
use super::template::SeatTemplate;
use super::terms::Terms;
use crate::access::Call;
use crate::db::{Batch, Db, Select};
use crate::error::{Code, Error, Result};
use crate::events::Plan;
use crate::params;
use crate::resource::Stamp;
use crate::resources::{Product, Team};
use crate::types::{Id, Ids, json_list};

/// Places of a product to be added to a team.
#[derive(Debug, Clone)]
pub struct Addition {
    /// The team that gets them.
    pub team_id: Id<Team>,
    /// What they are of.
    pub product_id: Id<Product>,
    /// How many.
    pub quantity: i64,
    /// The terms of a seat that is made for them; the account's own where there are none. A seat that stands keeps its terms.
    pub terms: Option<Terms>,
    /// The template the terms come from.
    pub template_id: Option<Id<SeatTemplate>>,
    /// The word in the ledger: `added`, `ordered`, …
    pub cause: &'static str,
    /// The caller's reference, counted once per seat.
    pub reference: Option<String>,
}

/// What became of an addition.
#[derive(Debug, Clone)]
pub struct Added {
    /// The seat as it will be.
    pub seat: Seat,
    /// Whether the seat was made for it.
    pub made: bool,
    /// Whether its reference was counted before, so that nothing was added.
    pub already: bool,
}

/// Places to be taken from a seat.
#[derive(Debug, Clone)]
pub struct Withdrawal {
    /// The seat.
    pub seat_id: Id<Seat>,
    /// How many places.
    pub quantity: i64,
    /// What happens when fewer are free.
    pub policy: OnShortfall,
    /// The word in the ledger: `taken`, `refunded`, …
    pub cause: &'static str,
    /// The caller's reference, counted once per seat.
    pub reference: Option<String>,
}

/// What became of a withdrawal.
#[derive(Debug, Clone)]
pub struct Taken {
    /// The seat as it will be.
    pub seat: Seat,
    /// Those who lost their places.
    pub revoked: Vec<Assignment>,
    /// Whether its reference was counted before, so that nothing was taken.
    pub already: bool,
}

/// The seat of a team while it changes: the one that stands, or a new one under terms, with no places yet.
pub fn change_for<'c>(
    standing: Option<&Seat>,
    (team, product): (&Id<Team>, &Id<Product>),
    terms: Terms,
    template: Option<&Id<SeatTemplate>>,
    call: &'c Call,
    ids: &'c Ids,
) -> Change<'c> {
    if let Some(seat) = standing {
        return Change::of(seat.clone(), call, ids);
    }
    let stamp = Stamp { ids, now: call.now };
    let mut seat = Seat::under(terms, product.clone(), vec![team.clone()], Some(0), &stamp);
    seat.template_id = template.cloned();
    Change::create(seat, None, call, ids)
}

/// Adds places to teams, and serves those who wait for them.
pub async fn add(
    db: &Db,
    ids: &Ids,
    call: &Call,
    plan: &mut Plan,
    additions: &[Addition],
) -> Result<Vec<Added>> {
    if additions.is_empty() {
        return Ok(Vec::new());
    }
    let teams = json_list(additions.iter().map(|one| &one.team_id));
    let products = json_list(additions.iter().map(|one| &one.product_id));
    let references = json_list(additions.iter().filter_map(|one| one.reference.as_deref()));
    let of_teams = "SELECT seat_id FROM seat_teams WHERE account_id = $1 AND live AND team_id IN (SELECT value FROM JSON_LIST($2) AS t) \
                    AND product_id IN (SELECT value FROM JSON_LIST($3) AS p)";
    let mut batch = Batch::new();
    let seats = batch.add::<Seat>(Select::rows::<Seat>(
        &format!("WHERE account_id = $1 AND id IN ({of_teams})"),
        params![teams, products],
    ));
    let product_rows = batch.add::<Product>(Select::rows::<Product>(
        "WHERE account_id = $1 AND id IN (SELECT value FROM JSON_LIST($2) AS p)",
        params![products],
    ));
    let waiting = batch.add::<Assignment>(Select::rows::<Assignment>(
        &format!("WHERE account_id = $1 AND state = 'waitlisted' AND seat_id IN ({of_teams}) ORDER BY waiting_at, id LIMIT $4"),
        params![teams, products, PROMOTE_AT_ONCE],
    ));
    let counted = batch.add::<(Id<Seat>, String)>(counted_before(of_teams, "$4", {
        params![teams, products, references]
    }));
    let settings = batch.add::<(serde_json::Value,)>(super::settings::read());
    let mut rows = db.read(call.account(), batch).await?;
    let (seats, counted) = (rows.take(&seats), rows.take(&counted));
    let own_terms = rows
        .first(&settings)
        .map_or_else(Terms::default, |(settings,)| Terms::of_settings(&settings));
    let products: BTreeMap<_, _> = rows
        .take(&product_rows)
        .into_iter()
        .map(|product| (product.id.clone(), product))
        .collect();
    let mut changes: Vec<Change<'_>> = Vec::new();
    let mut results = Vec::new();
    for one in additions {
        let is_it = |seat: &Seat| {
            seat.product_id == one.product_id && seat.team_ids.0.contains(&one.team_id)
        };
        let found = changes.iter().position(|change| is_it(change.seat()));
        let standing = seats.iter().find(|seat| is_it(seat));
        let at = found.unwrap_or(changes.len());
        if found.is_none() {
            if !products.contains_key(&one.product_id) {
                return Err(Error::not_found("product"));
            }
            let under = one.terms.unwrap_or(own_terms);
            let key = (&one.team_id, &one.product_id);
            let template = one.template_id.as_ref();
            changes.push(change_for(standing, key, under, template, call, ids));
        }
        let Some(change) = changes.get_mut(at) else {
            continue;
        };
        let already = is_counted(&counted, change, one.reference.as_deref());
        if !already {
            refuse_ended(change.seat(), call)?;
            change.add(one.quantity, one.cause, one.reference.as_deref());
        }
        results.push((at, standing.is_none(), already));
    }
    let waiting = rows.take(&waiting);
    let seats = conclude_all(changes, &waiting, products.values(), plan, ids, call)?;
    let told = |(at, made, already): (usize, bool, bool)| {
        let seat = seats.get(at).cloned()?;
        Some(Added {
            seat,
            made,
            already,
        })
    };
    Ok(results.into_iter().filter_map(told).collect())
}

/// Takes places from seats by a policy for those in use, all or none.
pub async fn take(
    db: &Db,
    ids: &Ids,
    call: &Call,
    plan: &mut Plan,
    withdrawals: &[Withdrawal],
) -> Result<Vec<Taken>> {
    take_back(db, ids, call, plan, withdrawals, &[]).await
}

/// The same for places that were added before: each entry names the entry it reverses, which is the one of the seat that
/// has the reference in `reversed` at the withdrawal's place.
pub async fn take_back(
    db: &Db,
    ids: &Ids,
    call: &Call,
    plan: &mut Plan,
    withdrawals: &[Withdrawal],
    reversed: &[Option<String>],
) -> Result<Vec<Taken>> {
    if withdrawals.is_empty() {
        return Ok(Vec::new());
    }
    let named = json_list(withdrawals.iter().map(|one| &one.seat_id));
    let references = json_list(
        withdrawals
            .iter()
            .filter_map(|one| one.reference.as_deref()),
    );
    let mut batch = Batch::new();
    let seats = batch.add::<Seat>(Select::rows::<Seat>(
        "WHERE account_id = $1 AND id IN (SELECT value FROM JSON_LIST($2) AS s)",
        params![named],
    ));
    let products = batch.add::<Product>(Select::rows::<Product>(
        "WHERE account_id = $1 AND id IN (SELECT product_id FROM seats WHERE account_id = $1 AND id IN (SELECT value FROM JSON_LIST($2) AS s))",
        params![named],
    ));
    let counted = batch.add::<(Id<Seat>, String)>(counted_before(
        "SELECT value FROM JSON_LIST($2) AS s",
        "$3",
        params![named, references],
    ));
    let entries = batch.add::<(Id<Seat>, String, Id<LedgerEntry>)>(Select::new(
        "SELECT seat_id, reference, id FROM seat_ledger WHERE account_id = $1 AND seat_id IN (SELECT value FROM JSON_LIST($2) AS s) \
         AND reference IN (SELECT value FROM JSON_LIST($3) AS r)",
        params![named, json_list(reversed.iter().flatten())],
    ));
    let revoking: Vec<_> = withdrawals
        .iter()
        .filter(|one| one.policy == OnShortfall::RevokeUnstarted)
        .map(|one| (one.seat_id.clone(), one.quantity))
        .collect();
    let unstarted = shortfall::wanted(&revoking, OnShortfall::RevokeUnstarted)
        .map(|select| batch.add::<Assignment>(select));
    let mut rows = db.read(call.account(), batch).await?;
    let (seats, counted) = (rows.take(&seats), rows.take(&counted));
    let entries = rows.take(&entries);
    let unstarted = unstarted.map_or_else(Vec::new, |slot| rows.take(&slot));
    let mut changes: Vec<Change<'_>> = seats
        .into_iter()
        .map(|seat| Change::of(seat, call, ids))
        .collect();
    let mut results = Vec::new();
    for (n, one) in withdrawals.iter().enumerate() {
        let found = changes
            .iter()
            .position(|change| change.seat().id == one.seat_id);
        let at = found.ok_or_else(|| Error::not_found("seat"))?;
        let Some(change) = changes.get_mut(at) else {
            continue;
        };
        let reference = one.reference.as_deref();
        let already = is_counted(&counted, change, reference);
        let revoked = if already {
            Vec::new()
        } else {
            change.take(one.quantity, one.cause, reference)?;
            let known = reversed.get(n).and_then(Option::as_ref);
            let entry = entries
                .iter()
                .find(|(seat, reference, _)| *seat == one.seat_id && Some(reference) == known);
            if let Some((.., entry)) = entry {
                change.reverse(entry.clone());
            }
            shortfall::settle(change, one.policy, &unstarted)?
        };
        results.push((at, revoked, already));
    }
    let products = rows.take(&products);
    let seats = conclude_all(changes, &[], &products, plan, ids, call)?;
    let told = |(at, revoked, already): (usize, Vec<Assignment>, bool)| {
        let seat = seats.get(at).cloned()?;
        Some(Taken {
            seat,
            revoked,
            already,
        })
    };
    Ok(results.into_iter().filter_map(told).collect())
}

/// The references that were counted before at some seats.
fn counted_before(seats: &str, place: &str, params: Vec<crate::db::Value>) -> Select {
    Select::new(
        format!(
            "SELECT seat_id, reference FROM seat_ledger WHERE account_id = $1 AND seat_id IN ({seats}) \
             AND reference IN (SELECT value FROM JSON_LIST({place}) AS r)"
        ),
        params,
    )
}

fn is_counted(
    counted: &[(Id<Seat>, String)],
    change: &Change<'_>,
    reference: Option<&str>,
) -> bool {
    reference.is_some_and(|reference| {
        change.counts(reference)
            || counted
                .iter()
                .any(|(seat, known)| *seat == change.seat().id && known == reference)
    })
}

/// Places of a seat whose date has passed could never be given: nobody is sold those.
pub(super) fn refuse_ended(seat: &Seat, call: &Call) -> Result<()> {
    if seat.terms().end(call.now).is_none_or(|end| end > call.now) {
        return Ok(());
    }
    Err(Error::new(
        Code::StateConflict,
        "The team's seat of this product has ended by its date, so that its places could not be given. Move its date, or archive it and a new one is made.",
    )
    .with("seat_id", seat.id.as_str()))
}

fn conclude_all<'p>(
    changes: Vec<Change<'_>>,
    waiting: &[Assignment],
    products: impl IntoIterator<Item = &'p Product>,
    plan: &mut Plan,
    ids: &Ids,
    call: &Call,
) -> Result<Vec<Seat>> {
    let mut access = Access::new();
    let mut seats = Vec::new();
    for mut change in changes {
        if change.gains() {
            let seat_id = change.seat().id.clone();
            let here: Vec<_> = waiting
                .iter()
                .filter(|one| one.seat_id == seat_id)
                .cloned()
                .collect();
            change.promote_waiting(&here)?;
        }
        seats.push(change.finish(plan, &mut access));
    }
    access.write(plan, products, ids, call.now);
    Ok(seats)
}
