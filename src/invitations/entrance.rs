//! How people enter a team: the membership and the places that come with it, by the one door to every seat.
//!
//! What a plan needs to know is asked in the same batch as the rest of it ([`ask`]); then each person of the plan joins and
//! gets, or is held, a place of every product. Each seat is changed once, however many people enter.

use crate::access::Call;
use crate::access::roles::{Held, MemberRole, TeamRole};
use crate::db::{Answers, Batch, Select, Slot, Statement};
use crate::error::{Code, Error, Result};
use crate::events::{Event, Plan};
use crate::params;
use crate::resources::member::ManagedBy;
use crate::resources::role::note_grant;
use crate::resources::{Product, Team, User};
use crate::seats::actions::{Given, IfFull, Outcome, give};
use crate::seats::change::{Holder, exhausted, member_event};
use crate::seats::{Access, Assignment, Cause, Change, Seat};
use crate::types::{Id, Ids, Timestamp, json_list};

/// Where the answers to [`ask`] will be.
pub struct Asked {
    products: Slot<Product>,
    seats: Slot<Seat>,
    live: Slot<Assignment>,
    members: Slot<(Id<User>, MemberRole)>,
}

/// People, by what is known of them.
#[derive(Debug, Clone, Copy)]
pub enum Who<'a> {
    /// By id.
    Id(&'a [Id<User>]),
    /// By the key of an address.
    Address(&'a [String]),
}

impl Who<'_> {
    /// A condition on a column of person ids, and its value at `$3`.
    fn condition(self, column: &str) -> (String, String) {
        match self {
            Self::Id(ids) => (
                format!("{column} IN (SELECT value FROM JSON_LIST($3) AS who)"),
                json_list(ids),
            ),
            Self::Address(keys) => (
                format!(
                    "{column} IN (SELECT id FROM users WHERE account_id = $1 AND deleted_at IS NULL AND email_key IN (SELECT value FROM JSON_LIST($3) AS who))"
                ),
                json_list(keys),
            ),
        }
    }
}

/// Asks for everything that entering a team with products needs to know.
pub fn ask(batch: &mut Batch, team: &Id<Team>, products: &[Id<Product>], who: Who<'_>) -> Asked {
    let list = json_list(products);
    let of_team = "SELECT seat_id FROM seat_teams WHERE account_id = $1 AND team_id = $2 AND live";
    let (is_theirs, people) = who.condition("user_id");
    Asked {
        products: batch.add(Select::rows::<Product>(
            "WHERE account_id = $1 AND id IN (SELECT value FROM JSON_LIST($2) AS p)",
            params![list],
        )),
        seats: batch.add(Select::rows::<Seat>(
            &format!("WHERE account_id = $1 AND id IN ({of_team} AND product_id IN (SELECT value FROM JSON_LIST($3) AS p))"),
            params![team.clone(), list],
        )),
        live: batch.add(Select::rows::<Assignment>(
            &format!("WHERE account_id = $1 AND seat_id IN ({of_team}) AND state IN ('waitlisted', 'reserved', 'active') AND {is_theirs}"),
            params![team.clone(), people],
        )),
        members: batch.add(Select::new(
            format!("SELECT user_id, role FROM team_members WHERE account_id = $1 AND team_id = $2 AND {is_theirs}"),
            params![team.clone(), people],
        )),
    }
}

/// A team that people enter in one plan.
pub struct Entrance<'a> {
    call: &'a Call,
    ids: &'a Ids,
    team: Team,
    products: Vec<Product>,
    changes: Vec<Change<'a>>,
    live: Vec<Assignment>,
    members: Vec<(Id<User>, MemberRole)>,
    /// Those whose membership this plan makes or changes.
    written: Vec<Id<User>>,
    noted: bool,
}

impl<'a> Entrance<'a> {
    /// From what was asked.
    pub fn of(team: Team, asked: &Asked, rows: &mut Answers, call: &'a Call, ids: &'a Ids) -> Self {
        let change = |seat| Change::of(seat, call, ids);
        Self {
            call,
            ids,
            team,
            products: rows.take(&asked.products),
            changes: rows.take(&asked.seats).into_iter().map(change).collect(),
            live: rows.take(&asked.live),
            members: rows.take(&asked.members),
            written: Vec::new(),
            noted: false,
        }
    }

    /// The products, as far as they stand.
    pub fn products(&self) -> &[Product] {
        &self.products
    }

    /// The role somebody has in the team already.
    pub fn role_of(&self, user: &Id<User>) -> Option<MemberRole> {
        let found = self.members.iter().find(|(id, _)| id == user);
        found.map(|(_, role)| role.clone())
    }

    fn place(&self, user: &Id<User>, product: &Id<Product>) -> Result<(usize, Option<Assignment>)> {
        let is_of = |change: &Change<'_>| change.seat().product_id == *product;
        let Some(at) = self.changes.iter().position(is_of) else {
            return Err(self.no_seat(product));
        };
        let seat = self.changes.get(at).map(|change| change.seat().id.clone());
        let is_theirs =
            |one: &&Assignment| Some(&one.seat_id) == seat.as_ref() && one.user_id == *user;
        Ok((at, self.live.iter().find(is_theirs).cloned()))
    }

    /// 409 `seats_exhausted` for a product of which the team holds no places at all.
    fn no_seat(&self, product: &Id<Product>) -> Error {
        let name = self.products.iter().find(|one| one.id == *product);
        let name = name.map_or(product.as_str(), |one| one.name.as_str());
        Error::new(
            Code::SeatsExhausted,
            format!("The team has no seat of «{name}». Make one for it first."),
        )
        .with("product_id", product.as_str())
        .with("requested", 1)
        .with("available", 0)
    }

    /// When a place of a product would end that is given now; none: never.
    pub fn end_of(&self, product: &Id<Product>) -> Option<Timestamp> {
        let is_of = |change: &&Change<'_>| change.seat().product_id == *product;
        let found = self.changes.iter().find(is_of)?;
        found.seat().terms().end(self.call.now)
    }

    fn holder(&self, at: usize, user: &Id<User>, cause: Cause) -> Holder {
        let until = self
            .changes
            .get(at)
            .and_then(|change| change.seat().terms().end(self.call.now));
        Holder {
            user_id: user.clone(),
            team_id: self.team.id.clone(),
            until,
            cause,
            provision_id: None,
            is_member: self.role_of(user).is_some() && !self.written.contains(user),
        }
    }

    /// Holds a place of a product for somebody who was invited. Who has one, or waits for one already, needs no second:
    /// then there is nothing to hold.
    pub fn hold(
        &mut self,
        user: &Id<User>,
        product: &Id<Product>,
        if_full: IfFull,
    ) -> Result<Option<Assignment>> {
        let (at, standing) = self.place(user, product)?;
        if standing.is_some() {
            return Ok(None);
        }
        let holder = self.holder(at, user, Cause::Invited);
        let Some(change) = self.changes.get_mut(at) else {
            return Ok(None);
        };
        if !change.seat().has_room(1) {
            match if_full {
                IfFull::Fail => return Err(exhausted(change.seat(), 1)),
                IfFull::Waitlist => return Ok(Some(change.wait(&holder))),
                IfFull::Grow => {
                    let missing = change.seat().used() + 1 - change.seat().quantity.unwrap_or(0);
                    change.add(missing, "grown", None);
                }
            }
        }
        change.reserve(&holder).map(Some)
    }

    /// Gives a place of a product to somebody who enters: the one held for them, or another.
    pub fn give(
        &mut self,
        user: &Id<User>,
        product: &Id<Product>,
        cause: Cause,
        if_full: IfFull,
    ) -> Result<Outcome> {
        let (at, standing) = self.place(user, product)?;
        let holder = self.holder(at, user, cause);
        let Some(change) = self.changes.get_mut(at) else {
            return Err(self.no_seat(product));
        };
        let Given { outcome, .. } = give(change, standing.as_ref(), &holder, if_full, None)?;
        Ok(outcome)
    }

    /// Makes somebody a member. A membership that stands is left alone, but that a lower built-in role gives way to a higher
    /// one and a mere member's to a custom one; a custom role that is held stays.
    pub fn join(&mut self, plan: &mut Plan, user: &Id<User>, role: &MemberRole, by: ManagedBy) {
        let Some(standing) = self.role_of(user) else {
            self.written.push(user.clone());
            plan.write(Statement::new(
                "INSERT INTO team_members (account_id, team_id, user_id, role, managed_by, joined_at) VALUES ($1, $2, $3, $4, $5, $6)",
                params![self.team.id.clone(), user.clone(), *role, by, self.call.now],
            ));
            self.note(plan, role);
            plan.event(member_event(&self.team, user, role.as_str()));
            return;
        };
        let is_raised = match (&standing, role) {
            (Held::BuiltIn(held), Held::BuiltIn(offered)) => held.rank() < offered.rank(),
            (Held::BuiltIn(held), Held::Custom(_)) => *held == TeamRole::Member,
            (Held::Custom(_), _) => false,
        };
        if !is_raised {
            return;
        }
        self.written.push(user.clone());
        plan.write(Statement::guarded(
            "UPDATE team_members SET role = $2, version = version + 1 WHERE account_id = $1 AND team_id = $3 AND user_id = $4 AND role = $5",
            params![*role, self.team.id.clone(), user.clone(), standing],
        ));
        self.note(plan, role);
        let data = serde_json::json!({ "team_id": self.team.id, "user_id": user, "role": role });
        plan.event(
            Event::new("team_member.updated", &self.team.id, data)
                .team(&self.team.id)
                .user(user)
                .previous(serde_json::json!({ "role": standing })),
        );
    }

    /// What goes with the grant of a custom role, once in a plan however many enter.
    fn note(&mut self, plan: &mut Plan, role: &MemberRole) {
        if let Held::Custom(id) = role
            && !self.noted
        {
            self.noted = true;
            plan.write(note_grant(id));
        }
    }

    /// Hands everything to the plan.
    pub fn finish(self, plan: &mut Plan) {
        let mut access = Access::new();
        for change in self.changes {
            change.finish(plan, &mut access);
        }
        access.write(plan, &self.products, self.ids, self.call.now);
    }
}
