//! Seats: an allocation of places of a product to a team, or to several that share it.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use super::ledger::LedgerEntry;
use super::template::SeatTemplate;
use super::terms::{Expiry, Terms};
use crate::access::Permission;
use crate::columns;
use crate::db::Statement;
use crate::error::{Error, Fault, Result};
use crate::events::Event;
use crate::params;
use crate::resource::{Expand, Field, FieldKind, Record, Resolved, Resource, Stamp, event_of};
use crate::resources::{Product, Team};
use crate::types::text::Json;
use crate::types::{ExternalId, Id, Kind, Name, Tags, Timestamp};

pub use super::seat_input::{NewSeat, SeatPatch};

/// Places at most in one seat.
pub const MAX_QUANTITY: i64 = 1_000_000_000;

crate::words! {
    /// Whether places of a seat may be given.
    pub enum SeatStatus {
        /// They may.
        Active = "active",
        /// Not for the moment; those who sit keep their places, and it stays the team's seat of the product.
        Frozen = "frozen",
        /// No more; those who sit keep their places, and the team may have another seat of the product.
        Archived = "archived",
    }
}

/// An allocation: how many places of a product a team holds, and under which terms.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Seat {
    /// The seat's id.
    pub id: Id<Self>,
    /// What its places are of.
    pub product_id: Id<Product>,
    /// A name, where several are to be told apart.
    pub name: Option<Name>,
    /// Your own key.
    pub external_id: Option<ExternalId>,
    /// The teams that hold it; more than one share it.
    pub team_ids: Json<Vec<Id<Team>>>,
    /// How many places; absent: unlimited.
    pub quantity: Option<i64>,
    /// When an assignment ends.
    pub expiry: Expiry,
    /// The date, with `expiry: date`.
    pub expires_at: Option<Timestamp>,
    /// The days, with `expiry: days`.
    pub expires_in_days: Option<i64>,
    /// Whether a released place can be given again.
    pub reusable: bool,
    /// Whether an assignment may be extended.
    pub extendable: bool,
    /// The template its terms were copied from.
    pub template_id: Option<Id<SeatTemplate>>,
    /// Whether its places may be given.
    pub status: SeatStatus,
    /// Labels.
    pub tags: Tags,
    /// Places in use.
    pub assigned: i64,
    /// Places held for people who were invited, and by holds.
    pub reserved: i64,
    /// Places used for good, because they cannot be given again.
    pub spent: i64,
    /// People waiting for a place.
    pub waitlisted: i64,
    /// Places allowed above the quantity by a marked exception.
    pub overage: i64,
    /// After how many days without activity the holder is told that the place goes back; absent: as the account's
    /// settings say; 0: never.
    pub reclaim_after_days: Option<i64>,
    /// How many days after that it goes back; absent: as the account's settings say.
    pub reclaim_notice_days: Option<i64>,
    /// The moment of the last entry of its ledger.
    #[serde(skip)]
    pub(crate) ledger_at: Timestamp,
    #[serde(skip)]
    pub(crate) version: i64,
    /// When the record was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Free places; absent: unlimited.
    pub available: Option<i64>,
}
columns!(Seat in "seats": id, product_id, name, external_id, team_ids, quantity, expiry, expires_at, expires_in_days, reusable, extendable,
    template_id, status, tags, assigned, reserved, spent, waitlisted, overage, reclaim_after_days, reclaim_notice_days, ledger_at,
    version, created_at, updated_at;
    available = "seats.available");

impl Kind for Seat {
    const PREFIX: &'static str = "seat";
}

impl Seat {
    /// An empty seat under terms, not yet written.
    pub fn under(
        terms: Terms,
        product_id: Id<Product>,
        team_ids: Vec<Id<Team>>,
        quantity: Option<i64>,
        stamp: &Stamp<'_>,
    ) -> Self {
        let mut seen = BTreeSet::new();
        Self {
            id: stamp.ids.next(stamp.now),
            product_id,
            name: None,
            external_id: None,
            team_ids: Json(
                team_ids
                    .into_iter()
                    .filter(|id| seen.insert(id.clone()))
                    .collect(),
            ),
            quantity,
            expiry: terms.expiry,
            expires_at: terms.expires_at,
            expires_in_days: terms.expires_in_days,
            reusable: terms.reusable,
            extendable: terms.extendable,
            template_id: None,
            status: SeatStatus::Active,
            tags: Tags::default(),
            assigned: 0,
            reserved: 0,
            spent: 0,
            waitlisted: 0,
            overage: 0,
            reclaim_after_days: None,
            reclaim_notice_days: None,
            ledger_at: stamp.now,
            version: 1,
            created_at: stamp.now,
            updated_at: stamp.now,
            available: quantity,
        }
    }

    /// Its terms.
    pub const fn terms(&self) -> Terms {
        Terms {
            expiry: self.expiry,
            expires_at: self.expires_at,
            expires_in_days: self.expires_in_days,
            reusable: self.reusable,
            extendable: self.extendable,
        }
    }

    /// Places that nobody else can have.
    pub const fn used(&self) -> i64 {
        self.assigned + self.reserved + self.spent
    }

    /// Whether it is its teams' seat of the product, to which places are added.
    pub fn is_live(&self) -> bool {
        self.status != SeatStatus::Archived
    }

    /// Whether its places may be given at all: it is neither archived nor frozen, and its date has not passed.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.status == SeatStatus::Active && self.terms().end(now).is_none_or(|end| end > now)
    }

    /// It with the counters that stood after an entry of its ledger.
    #[must_use]
    pub fn standing_after(self, entry: &LedgerEntry) -> Self {
        let over = |quantity: i64| (entry.used_after() - quantity).max(0);
        Self {
            quantity: entry.quantity_after,
            assigned: entry.assigned_after,
            reserved: entry.reserved_after,
            spent: entry.spent_after,
            waitlisted: entry.waitlisted_after,
            overage: entry.quantity_after.map_or(0, over),
            available: entry.available_after,
            ..self
        }
    }

    /// Whether so many more places can be given.
    pub fn has_room(&self, places: i64) -> bool {
        self.quantity
            .is_none_or(|quantity| self.used() + places <= quantity)
    }

    /// A new seat from a body, with the terms of its template where it names one.
    pub fn from_new(
        new: NewSeat,
        template: Option<&SeatTemplate>,
        refs: &Resolved,
        stamp: &Stamp<'_>,
    ) -> Result<Self> {
        let mut faults = Vec::new();
        let base = template.map_or_else(Terms::default, SeatTemplate::terms);
        let terms = Terms::from_parts(base, new.expiry, new.expires_at, new.expires_in_days)
            .unwrap_or_else(|more| {
                faults.extend(more);
                base
            });
        if new.unlimited == new.quantity.is_some() {
            faults.push(Fault::new(
                "/quantity",
                "required",
                "Give either a quantity or «unlimited»: true.",
            ));
        }
        let product_id = match (refs.maybe(new.product.as_ref())?, template) {
            (Some(product), _) => Some(product),
            (None, Some(template)) => Some(template.product_id.clone()),
            (None, None) => {
                faults.push(Fault::new(
                    "/product",
                    "required",
                    "Name the product, or a template that has one.",
                ));
                None
            }
        };
        let (Some(product_id), true) = (product_id, faults.is_empty()) else {
            return Err(Error::invalid(faults));
        };
        let team_ids = new
            .teams
            .iter()
            .map(|team| refs.id(team))
            .collect::<Result<Vec<_>>>()?;
        Ok(Self {
            name: new.name,
            external_id: new.external_id,
            tags: new.tags,
            template_id: template.map(|template| template.id.clone()),
            reclaim_after_days: new.reclaim_after_days,
            reclaim_notice_days: new.reclaim_notice_days,
            reusable: new.reusable.unwrap_or(terms.reusable),
            extendable: new.extendable.unwrap_or(terms.extendable),
            ..Self::under(terms, product_id, team_ids, new.quantity, stamp)
        })
    }

    /// The rows that tie it to its teams, where a team has one live seat of a product.
    pub fn team_rows(&self) -> Vec<Statement> {
        let row = |team: &Id<Team>| {
            Statement::new(
                "INSERT INTO seat_teams (account_id, team_id, seat_id, product_id, live) VALUES ($1, $2, $3, $4, $5)",
                params![
                    team.clone(),
                    self.id.clone(),
                    self.product_id.clone(),
                    self.is_live()
                ],
            )
        };
        self.team_ids.0.iter().map(row).collect()
    }
}

impl Record for Seat {
    const KIND: &'static str = "seat";
    const SUMMARY: &'static str =
        "An allocation: how many places of a product a team holds, and under which terms.";
    const FIELDS: &'static [Field] = &[
        Field::sorted("created_at", "created_at", FieldKind::Time),
        Field::filter(
            "product",
            "product_id",
            FieldKind::Reference("product", "products"),
        ),
        Field::filter(
            "team",
            "seats.id IN (SELECT seat_id FROM seat_teams WHERE account_id = $1 AND team_id {})",
            FieldKind::Reference("team", "teams"),
        ),
        Field::filter("available", "available", FieldKind::Int),
        Field::filter("waitlisted", "waitlisted", FieldKind::Int),
        Field::filter("external_id", "external_id", FieldKind::Text),
    ];
    const SEARCH: &'static [&'static str] = &[];
    const EXPANDS: &'static [Expand] = &[
        Expand {
            name: "product",
            member: "product_id",
            table: "products",
        },
        Expand {
            name: "teams",
            member: "team_ids",
            table: "teams",
        },
    ];
    const SOFT_DELETE: bool = false;
    const REACH: Option<&'static str> = Some(
        "EXISTS (SELECT 1 FROM seat_teams s WHERE s.account_id = $1 AND s.seat_id = seats.id AND s.team_id IN {})",
    );
    const READ: Permission = Permission::SeatsRead;

    fn id(&self) -> &Id<Self> {
        &self.id
    }
}

impl Resource for Seat {
    const WRITE: Permission = Permission::SeatsWrite;
    type New = NewSeat;
    type Patch = SeatPatch;
    fn version(&self) -> i64 {
        self.version
    }

    /// A seat without a template; those with one are made by [`Seat::from_new`].
    fn create(new: NewSeat, refs: &Resolved, stamp: &Stamp<'_>) -> Result<Self> {
        Self::from_new(new, None, refs, stamp)
    }

    /// Everything but the quantity, which goes by the ledger.
    fn apply(&mut self, patch: SeatPatch, _: &Resolved, now: Timestamp) -> Result<()> {
        let terms = Terms::from_parts(
            self.terms(),
            patch.expiry,
            patch.expires_at,
            patch.expires_in_days,
        )
        .map_err(Error::invalid)?;
        (self.expiry, self.expires_at, self.expires_in_days) =
            (terms.expiry, terms.expires_at, terms.expires_in_days);
        patch.reclaim_after_days.apply(&mut self.reclaim_after_days);
        patch
            .reclaim_notice_days
            .apply(&mut self.reclaim_notice_days);
        patch.name.apply(&mut self.name);
        patch.external_id.apply(&mut self.external_id);
        self.reusable = patch.reusable.unwrap_or(self.reusable);
        self.extendable = patch.extendable.unwrap_or(self.extendable);
        self.status = patch.status.unwrap_or(self.status);
        self.tags = patch.tags.unwrap_or_else(|| self.tags.clone());
        self.updated_at = now;
        Ok(())
    }

    fn companions(&self, before: Option<&Self>) -> Vec<Statement> {
        match before {
            None => self.team_rows(),
            Some(before) if before.is_live() != self.is_live() => vec![Statement::new(
                "UPDATE seat_teams SET live = $2 WHERE account_id = $1 AND seat_id = $3",
                params![self.is_live(), self.id.clone()],
            )],
            Some(_) => Vec::new(),
        }
    }

    /// Only a seat that nobody ever had can go, with the entries that made it.
    fn farewell(&self, _: Timestamp) -> Vec<Statement> {
        let id = || params![self.id.clone()];
        let unused = "NOT EXISTS (SELECT 1 FROM seat_assignments a WHERE a.account_id = $1 AND a.seat_id = $2)";
        vec![
            Statement::new(
                format!(
                    "DELETE FROM seat_ledger WHERE account_id = $1 AND seat_id = $2 AND {unused}"
                ),
                id(),
            ),
            Statement::new(
                format!(
                    "DELETE FROM seat_denials WHERE account_id = $1 AND seat_id = $2 AND {unused}"
                ),
                id(),
            ),
            Statement::new(
                format!(
                    "DELETE FROM seat_teams WHERE account_id = $1 AND seat_id = $2 AND {unused}"
                ),
                id(),
            ),
        ]
    }

    fn event(&self, verb: &str) -> Event {
        let event = event_of(self, verb).seat(&self.id);
        match self.team_ids.0.first() {
            Some(team) => event.team(team),
            None => event,
        }
    }
}
