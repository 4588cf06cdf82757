//! The seat engine against a plain model of it: random sequences of everything that is done with a seat.

use std::collections::BTreeMap;

use b2b_dashboard::access::Call;
use b2b_dashboard::access::roles::TeamRole;
use b2b_dashboard::commit::commit;
use b2b_dashboard::db::Select;
use b2b_dashboard::error::{Code, Error};
use b2b_dashboard::members;
use b2b_dashboard::records;
use b2b_dashboard::resource::Resource;
use b2b_dashboard::resources::member::{ManagedBy, NewMember};
use b2b_dashboard::resources::{Course, Product, Team, User};
use b2b_dashboard::seats::actions::{
    self, AssignInput, ExtendInput, IfFull, RevokeInput, TransferInput,
};
use b2b_dashboard::seats::relocation::{self, MoveInput};
use b2b_dashboard::seats::request::{ApproveRequest, DeclineRequest};
use b2b_dashboard::seats::requests::{self, Wish};
use b2b_dashboard::seats::seat::SeatPatch;
use b2b_dashboard::seats::sharing::{self, ShareInput, UnshareInput};
use b2b_dashboard::seats::waitlist::{self, ReorderInput};
use b2b_dashboard::seats::{Assignment, Seat, expire_due, integrity};
use b2b_dashboard::types::{AccountId, Id, Ref, Timestamp};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;
use tokio::runtime::Handle;

use crate::support::app::TestApp;
use crate::support::database::both;

const PEOPLE: usize = 6;

#[derive(Debug, Clone)]
enum Op {
    Assign(usize, IfFull, Option<i64>),
    Revoke(usize),
    Resize(i64),
    Extend(usize, Option<i64>, bool),
    Transfer(usize, usize),
    Leave(usize),
    Join(usize),
    Request(usize, IfFull),
    Reorder(usize, i64),
    MoveOut(i64),
    MoveIn(i64),
    Share,
    Unshare,
    Pass(i64),
}

/// Those who are in the other team all the time, which shares the seat now and then.
const NEIGHBOURS: usize = 2;

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let who = 0..PEOPLE;
    let full = prop_oneof![
        Just(IfFull::Fail),
        Just(IfFull::Waitlist),
        Just(IfFull::Waitlist),
        Just(IfFull::Grow)
    ];
    let end = proptest::option::of(1_i64..6);
    let op = prop_oneof![
        6 => (who.clone(), full.clone(), end.clone()).prop_map(|(who, full, end)| Op::Assign(who, full, end)),
        3 => who.clone().prop_map(Op::Revoke),
        2 => (-2_i64..3).prop_map(Op::Resize),
        2 => (who.clone(), end, any::<bool>()).prop_map(|(who, end, shorten)| Op::Extend(who, end, shorten)),
        2 => (who.clone(), who.clone()).prop_map(|(from, to)| Op::Transfer(from, to)),
        1 => who.clone().prop_map(Op::Leave),
        2 => who.clone().prop_map(Op::Join),
        2 => (who.clone(), full).prop_map(|(who, full)| Op::Request(who, full)),
        2 => (who, 1_i64..5).prop_map(|(who, position)| Op::Reorder(who, position)),
        1 => (1_i64..3).prop_map(Op::MoveOut),
        1 => (1_i64..3).prop_map(Op::MoveIn),
        1 => Just(Op::Share),
        1 => Just(Op::Unshare),
        2 => (1_i64..4).prop_map(Op::Pass),
    ];
    proptest::collection::vec(op, 1..25)
}

/// What the engine should be.
#[derive(Debug, Clone, Default)]
struct Model {
    quantity: i64,
    spent: i64,
    reusable: bool,
    active: BTreeMap<usize, Option<Timestamp>>,
    waiting: Vec<usize>,
    members: Vec<usize>,
    /// Whether the neighbours' team shares the seat.
    shared: bool,
    /// Places of the third team's own seat.
    elsewhere: i64,
}

impl Model {
    fn free(&self) -> i64 {
        self.quantity - self.spent - i64::try_from(self.active.len()).expect("a few")
    }

    /// Whether somebody is in a team of the seat.
    fn belongs(&self, who: usize) -> bool {
        self.members.contains(&who) || (self.shared && who < NEIGHBOURS)
    }

    fn has(&self, who: usize) -> bool {
        self.active.contains_key(&who) || self.waiting.contains(&who)
    }

    fn promote(&mut self) {
        while self.free() > 0 && !self.waiting.is_empty() {
            let next = self.waiting.remove(0);
            self.active.insert(next, None);
        }
    }

    fn end(&mut self, who: usize) -> bool {
        let sat = self.active.remove(&who).is_some();
        let waited = self.waiting.contains(&who);
        self.waiting.retain(|other| *other != who);
        self.spent += i64::from(sat && !self.reusable);
        sat || waited
    }

    fn assign(&mut self, who: usize, full: IfFull, until: Option<Timestamp>) -> bool {
        if !self.belongs(who) {
            return false;
        }
        if let Some(end) = self.active.get_mut(&who) {
            if let (Some(old), Some(new)) = (*end, until) {
                *end = Some(old.max(new));
            }
            return true;
        }
        let waits = self.waiting.contains(&who);
        if self.free() < 1 {
            match full {
                IfFull::Fail => return waits,
                IfFull::Waitlist => {
                    if !waits {
                        self.waiting.push(who);
                    }
                    return true;
                }
                IfFull::Grow => self.quantity += 1 - self.free(),
            }
        }
        self.waiting.retain(|other| *other != who);
        self.active.insert(who, until);
        true
    }

    /// Does the same as the engine should; tells whether it should succeed.
    #[expect(clippy::too_many_lines, reason = "an arm for each operation")]
    fn step(&mut self, op: &Op, now: Timestamp) -> bool {
        let day = |days: i64| now.plus_days(days);
        match *op {
            Op::Assign(who, full, end) => self.assign(who, full, end.map(day)),
            Op::Revoke(who) => {
                let had = self.end(who);
                self.promote();
                had
            }
            Op::Resize(by) => {
                let wanted = (self.quantity + by).max(0);
                let used = self.quantity - self.free();
                if wanted != self.quantity && wanted < used {
                    return false;
                }
                self.quantity = wanted;
                self.promote();
                true
            }
            Op::Extend(who, end, shorten) => {
                let until = end.map(day);
                let Some(old) = self.active.get_mut(&who) else {
                    return false;
                };
                let is_later = match (*old, until) {
                    (_, None) => true,
                    (None, Some(_)) => false,
                    (Some(old), Some(new)) => new >= old,
                };
                if is_later || shorten {
                    *old = until;
                }
                is_later || shorten
            }
            Op::Transfer(from, to) => {
                let fits = self.reusable
                    && self.belongs(to)
                    && !self.waiting.contains(&to)
                    && !self.active.contains_key(&to);
                match self.active.get(&from).copied().filter(|_| fits) {
                    Some(end) => {
                        self.active.remove(&from);
                        self.active.insert(to, end);
                        true
                    }
                    None => false,
                }
            }
            Op::Leave(who) => {
                let was = self.members.contains(&who);
                self.members.retain(|other| *other != who);
                if !self.belongs(who) {
                    self.end(who);
                    self.promote();
                }
                was
            }
            Op::Request(who, full) => {
                self.members.contains(&who) && !self.has(who) && self.assign(who, full, None)
            }
            Op::Reorder(who, position) => {
                let waits = self.waiting.contains(&who);
                self.waiting.retain(|other| *other != who);
                if waits {
                    let at = usize::try_from(position - 1).expect("a small number");
                    self.waiting.insert(at.min(self.waiting.len()), who);
                }
                waits
            }
            Op::MoveOut(places) => {
                let moves = self.free() >= places;
                if moves {
                    self.quantity -= places;
                    self.elsewhere += places;
                }
                moves
            }
            Op::MoveIn(places) => {
                let moves = self.elsewhere >= places;
                if moves {
                    self.elsewhere -= places;
                    self.quantity += places;
                    self.promote();
                }
                moves
            }
            Op::Share => {
                self.shared = true;
                true
            }
            Op::Unshare => {
                let stranded = |who: usize| !self.members.contains(&who) && self.has(who);
                let goes = !(0..NEIGHBOURS).any(stranded);
                self.shared &= !goes;
                goes
            }
            Op::Join(who) => {
                if !self.members.contains(&who) {
                    self.members.push(who);
                }
                true
            }
            Op::Pass(_) => {
                let over = |end: &Option<Timestamp>| end.is_some_and(|end| end <= now);
                let ended: Vec<usize> = self
                    .active
                    .iter()
                    .filter(|(_, end)| over(end))
                    .map(|(who, _)| *who)
                    .collect();
                for who in ended {
                    self.end(who);
                }
                self.promote();
                true
            }
        }
    }
}

/// An account of its own with a seat for a team of some people.
struct World<'a> {
    test: &'a TestApp,
    account: AccountId,
    team: Id<Team>,
    seat: Id<Seat>,
    /// The neighbours' team.
    neighbours: Id<Team>,
    /// A third team, with a seat of its own.
    third: Id<Team>,
    elsewhere: Id<Seat>,
    users: Vec<Id<User>>,
}

async fn made<R: Resource>(test: &TestApp, call: &Call, new: serde_json::Value) -> R {
    let plan = || async {
        let new = serde_json::from_value(new.clone()).expect("a body");
        records::plan_create::<R>(&test.db, &test.ids, call, new).await
    };
    commit(&test.db, &test.ids, call, plan)
        .await
        .expect("a record")
        .value
}

impl<'a> World<'a> {
    async fn new(test: &'a TestApp, reusable: bool) -> Self {
        let account: AccountId = test.ids.next(test.clock.now());
        test.insert_account(&account, "Model").await;
        let call = Call::system(account.clone(), "test", test.clock.now());
        let course: Course = made(test, &call, json!({ "name": "Course" })).await;
        let product: Product = made(
            test,
            &call,
            json!({ "name": "Product", "courses": [course.id] }),
        )
        .await;
        let team: Team = made(test, &call, json!({ "name": "Team" })).await;
        let neighbours: Team = made(test, &call, json!({ "name": "Neighbours" })).await;
        let third: Team = made(test, &call, json!({ "name": "Third" })).await;
        let seat = async |team: &Team, quantity: i64| {
            let new = json!({ "product": product.id, "teams": [team.id], "quantity": quantity, "reusable": reusable });
            let plan = || async {
                let new = serde_json::from_value(new.clone()).expect("a body");
                actions::plan_create(&test.db, &test.ids, &call, new).await
            };
            let made = commit(&test.db, &test.ids, &call, plan).await;
            made.expect("a seat").value
        };
        let elsewhere = seat(&third, 2).await;
        let seat = seat(&team, 2).await;
        let mut users = Vec::new();
        for n in 0..PEOPLE {
            let id = test
                .insert_user_in(&account, &format!("p{n}@example.com"), "Somebody", "active")
                .await;
            users.push(Id::parse(&id).expect("an id"));
        }
        let world = Self {
            test,
            account,
            team: team.id,
            seat: seat.id,
            neighbours: neighbours.id,
            third: third.id,
            elsewhere: elsewhere.id,
            users,
        };
        for n in 0..NEIGHBOURS {
            let neighbours = Ref::Id(world.neighbours.clone());
            world.join(n, &neighbours).await;
        }
        for n in 0..PEOPLE {
            world.carry_out(&Op::Join(n)).await.expect("a member");
        }
        world
    }

    fn person(&self, n: usize) -> Ref<User> {
        Ref::Id(self.users[n].clone())
    }

    async fn join(&self, n: usize, team: &Ref<Team>) {
        let (db, ids) = (&self.test.db, &self.test.ids);
        let call = &Call::system(self.account.clone(), "test", self.test.clock.now());
        let new = NewMember::known(self.person(n), Some(TeamRole::Member.into()));
        commit(db, ids, call, || async {
            let joined = members::plan_add(db, ids, call, team, &new, ManagedBy::Api).await?;
            Ok((joined.0, ()))
        })
        .await
        .expect("a member");
    }

    /// Asks for a place and decides at once; what cannot be approved is declined.
    async fn request(&self, call: &Call, who: usize, full: IfFull) -> Result<(), Error> {
        let (db, ids) = (&self.test.db, &self.test.ids);
        let product = records::find::<Seat>(db, &call.caller, &Ref::Id(self.seat.clone())).await?;
        let wish = Wish {
            user_id: self.users[who].clone(),
            team_id: self.team.clone(),
            product_id: product.product_id,
            note: None,
        };
        let asked = commit(db, ids, call, || async {
            let (plan, request, _) = requests::plan_ask(db, ids, call, &wish).await?;
            Ok((plan, request))
        });
        let request = Ref::Id(asked.await?.value.id);
        let input = ApproveRequest {
            if_full: Some(full),
            ..ApproveRequest::default()
        };
        let approve = || requests::plan_approve(db, ids, call, &request, &input);
        let Err(error) = commit(db, ids, call, approve).await else {
            return Ok(());
        };
        // Somebody else may have decided on the same request meanwhile.
        let no_reason = DeclineRequest::default();
        let decline = || requests::plan_decline(db, call, &request, &no_reason);
        let declined = commit(db, ids, call, decline).await;
        if let Some(fault) = declined
            .err()
            .filter(|fault| fault.code() != Code::StateConflict)
        {
            return Err(fault);
        }
        Err(error)
    }

    /// The wait of somebody for a place of the seat.
    async fn wait_of(&self, who: usize) -> Result<Id<Assignment>, Error> {
        let select = Select::rows::<Assignment>(
            "WHERE account_id = $1 AND seat_id = $2 AND user_id = $3 AND state = 'waitlisted'",
            b2b_dashboard::params![self.seat.clone(), self.users[who].clone()],
        );
        let found = self
            .test
            .db
            .first::<Assignment>(&self.account, select)
            .await?;
        found
            .map(|one| one.id)
            .ok_or_else(|| Error::not_found("wait"))
    }

    #[expect(clippy::too_many_lines, reason = "an arm for each operation")]
    async fn carry_out(&self, op: &Op) -> Result<(), Error> {
        let (db, ids) = (&self.test.db, &self.test.ids);
        if let Op::Pass(_) = op {
            return expire_due(&self.test.app, &self.account).await;
        }
        let call = &Call::system(self.account.clone(), "test", self.test.clock.now());
        if let Op::Request(who, full) = *op {
            return self.request(call, who, full).await;
        }
        let (seat, team) = (&Ref::Id(self.seat.clone()), &Ref::Id(self.team.clone()));
        let elsewhere = &Ref::Id(self.elsewhere.clone());
        let places = |to: &Id<Team>, quantity: i64| MoveInput {
            to_team: Ref::Id(to.clone()),
            quantity: Some(quantity),
            users: Vec::new(),
            assignments: Vec::new(),
            with_holders: false,
        };
        let plan = || async {
            Ok(match *op {
                Op::Assign(who, full, end) => {
                    let input = AssignInput {
                        users: vec![self.person(who)],
                        if_full: Some(full),
                        expires_in_days: end,
                        ..AssignInput::default()
                    };
                    actions::plan_assign(db, ids, call, seat, &input).await?.0
                }
                Op::Revoke(who) => {
                    let input = RevokeInput {
                        users: vec![self.person(who)],
                        team: None,
                    };
                    actions::plan_revoke(db, ids, call, seat, &input).await?.0
                }
                Op::Resize(by) => {
                    let now = records::find::<Seat>(db, &call.caller, seat).await?;
                    let patch = SeatPatch {
                        quantity: Some((now.quantity.unwrap_or(0) + by).max(0)),
                        ..SeatPatch::default()
                    };
                    actions::plan_change(db, ids, call, seat, patch, |_| Ok(()))
                        .await?
                        .0
                }
                Op::Extend(who, end, shorten) => {
                    let input = ExtendInput {
                        user: self.person(who),
                        expires_at: None,
                        expires_in_days: end,
                        allow_shorten: shorten,
                    };
                    actions::plan_extend(db, ids, call, seat, &input).await?.0
                }
                Op::Transfer(from, to) => {
                    let input = TransferInput {
                        from: self.person(from),
                        to: self.person(to),
                    };
                    actions::plan_transfer(db, ids, call, seat, &input).await?.0
                }
                Op::Leave(who) => {
                    members::plan_remove(db, ids, call, team, &self.person(who)).await?
                }
                Op::Join(who) => {
                    let new = NewMember::known(self.person(who), Some(TeamRole::Member.into()));
                    members::plan_add(db, ids, call, team, &new, ManagedBy::Api)
                        .await?
                        .0
                }
                Op::Reorder(who, position) => {
                    let input = ReorderInput {
                        assignment: self.wait_of(who).await?,
                        before: None,
                        after: None,
                        position: Some(position),
                    };
                    waitlist::plan_reorder(db, call, seat, &input).await?.0
                }
                Op::MoveOut(quantity) => {
                    let input = places(&self.third, quantity);
                    relocation::plan_move(db, ids, call, seat, &input).await?.0
                }
                Op::MoveIn(quantity) => {
                    let input = places(&self.team, quantity);
                    relocation::plan_move(db, ids, call, elsewhere, &input)
                        .await?
                        .0
                }
                Op::Share => {
                    let team = Ref::Id(self.neighbours.clone());
                    let input = ShareInput { team };
                    sharing::plan_share(db, ids, call, seat, &input).await?.0
                }
                Op::Unshare => {
                    let input = UnshareInput {
                        team: Ref::Id(self.neighbours.clone()),
                        on_holders: None,
                    };
                    sharing::plan_unshare(db, ids, call, seat, &input).await?.0
                }
                Op::Request(..) | Op::Pass(_) => unreachable!("done above"),
            })
        };
        commit(db, ids, call, || async {
            plan().await.map(|plan| (plan, ()))
        })
        .await
        .map(|_| ())
    }

    async fn rows<R: b2b_dashboard::db::FromRow + Send + 'static>(
        &self,
        sql: &'static str,
    ) -> Vec<R> {
        self.test
            .db
            .fetch(&self.account, Select::new(sql, Vec::new()))
            .await
            .expect("rows")
    }

    fn number(&self, id: &str) -> usize {
        self.users
            .iter()
            .position(|user| user.as_str() == id)
            .expect("a person of this account")
    }

    /// What is true whatever was done.
    async fn assert_sound(&self) -> Seat {
        let report = integrity::check(&self.test.db, &self.account)
            .await
            .expect("a report");
        assert_eq!(report.mismatches, []);
        let call = Call::system(self.account.clone(), "test", self.test.clock.now());
        let seat = records::find::<Seat>(&self.test.db, &call.caller, &Ref::Id(self.seat.clone()))
            .await
            .expect("the seat");
        let used = seat.assigned + seat.reserved + seat.spent;
        assert!(
            [seat.assigned, seat.reserved, seat.spent, seat.waitlisted]
                .iter()
                .all(|count| *count >= 0),
            "{seat:?}"
        );
        assert!(
            used <= seat.quantity.expect("a quantity") && seat.overage == 0,
            "{seat:?}"
        );
        assert!(
            seat.waitlisted == 0 || Some(used) == seat.quantity,
            "somebody waits beside a free place: {seat:?}"
        );
        let strays: Vec<(String,)> = self
            .rows(
                "SELECT a.user_id FROM seat_assignments a WHERE a.account_id = $1 AND a.state IN ('waitlisted', 'reserved', 'active') AND NOT EXISTS \
                 (SELECT 1 FROM team_members m JOIN seat_teams t ON t.account_id = $1 AND t.team_id = m.team_id AND t.seat_id = a.seat_id \
                 WHERE m.account_id = $1 AND m.team_id = a.team_id AND m.user_id = a.user_id)",
            )
            .await;
        assert_eq!(strays, [], "who sits or waits is in a team of the seat");
        let live: Vec<(String, Option<i64>)> = self.rows("SELECT user_id, expires_at FROM seat_assignments WHERE account_id = $1 AND state = 'active' ORDER BY user_id").await;
        let open: Vec<(String, Option<i64>)> = self.rows("SELECT user_id, expires_at FROM enrollments WHERE account_id = $1 AND status = 'active' ORDER BY user_id").await;
        assert_eq!(open, live, "access is what the places give");
        seat
    }

    async fn assert_like(&self, model: &Model) {
        let seat = self.assert_sound().await;
        assert_eq!(
            (seat.quantity, seat.spent),
            (Some(model.quantity), model.spent)
        );
        let call = Call::system(self.account.clone(), "test", self.test.clock.now());
        let elsewhere = Ref::Id(self.elsewhere.clone());
        let elsewhere = records::find::<Seat>(&self.test.db, &call.caller, &elsewhere).await;
        assert_eq!(elsewhere.expect("a seat").quantity, Some(model.elsewhere));
        assert_eq!(seat.team_ids.0.len() > 1, model.shared);
        let active: Vec<(String, Option<i64>)> = self.rows("SELECT user_id, expires_at FROM seat_assignments WHERE account_id = $1 AND state = 'active'").await;
        let active: BTreeMap<usize, Option<Timestamp>> = active
            .into_iter()
            .map(|(id, end)| (self.number(&id), end.map(Timestamp::from_micros)))
            .collect();
        assert_eq!(active, model.active);
        let waiting: Vec<(String,)> = self.rows("SELECT user_id FROM seat_assignments WHERE account_id = $1 AND state = 'waitlisted' ORDER BY waiting_at, id").await;
        let waiting: Vec<usize> = waiting.into_iter().map(|(id,)| self.number(&id)).collect();
        assert_eq!(waiting, model.waiting);
    }
}

async fn follow(test: &TestApp, reusable: bool, ops: &[Op]) {
    let world = World::new(test, reusable).await;
    let mut model = Model {
        quantity: 2,
        reusable,
        members: (0..PEOPLE).collect(),
        elsewhere: 2,
        ..Model::default()
    };
    for (n, op) in ops.iter().enumerate() {
        test.clock.advance(if let Op::Pass(days) = op {
            days * 86_400
        } else {
            1
        });
        // Who has no place may get an earlier one back: tests/it/seat_allocations.rs holds that.
        if matches!(op, Op::Extend(who, ..) if !model.active.contains_key(who)) {
            continue;
        }
        let wanted = model.step(op, test.clock.now());
        let done = world.carry_out(op).await;
        assert_eq!(done.is_ok(), wanted, "step {n}, {op:?}: {done:?}");
        world.assert_like(&model).await;
    }
}

both! {
    async fn sequences_do_what_the_model_does(test: TestApp) {
        let cases = if test.db.is_sqlite() { 60 } else { 25 };
        let mut runner = TestRunner::new(Config { cases, failure_persistence: None, max_shrink_iters: 60, ..Config::default() });
        let outcome = runner.run(&(any::<bool>(), ops()), |(reusable, ops)| {
            let case = std::panic::AssertUnwindSafe(|| {
                tokio::task::block_in_place(|| Handle::current().block_on(follow(&test, reusable, &ops)));
            });
            std::panic::catch_unwind(case).map_err(|fault| {
                let text = fault.downcast_ref::<String>().cloned();
                TestCaseError::fail(text.unwrap_or_else(|| "a panic".to_owned()))
            })
        });
        if let Err(fault) = outcome {
            panic!("{fault}");
        }
    }

    async fn whatever_happens_at_once_the_sums_are_right(test: TestApp) {
        let rounds = if test.db.is_sqlite() { 12 } else { 6 };
        let mut runner = TestRunner::deterministic();
        for round in 0..rounds {
            let world = World::new(&test, round % 2 == 0).await;
            let all = proptest::collection::vec(ops(), 8).new_tree(&mut runner).expect("sequences").current();
            let (world, test) = (&world, &test);
            let clients = all.iter().map(|ops| async move {
                for op in ops {
                    if let Op::Pass(days) = op {
                        test.clock.advance(days * 86_400);
                    }
                    if let Err(error) = world.carry_out(op).await {
                        let told = [Code::Internal, Code::Unavailable, Code::Contention];
                        assert!(!told.contains(&error.code()), "{op:?}: {error:?}");
                    }
                    tokio::task::yield_now().await;
                }
            });
            futures::future::join_all(clients).await;
            // Those whom a job serves, and whose time came while others wrote.
            world.carry_out(&Op::Pass(0)).await.expect("an expiry");
            test.run_jobs().await;
            world.assert_sound().await;
        }
    }
}
