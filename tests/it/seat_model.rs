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
use b2b_dashboard::seats::seat::SeatPatch;
use b2b_dashboard::seats::{Seat, expire_due, integrity};
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
    Pass(i64),
}

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
        6 => (who.clone(), full, end.clone()).prop_map(|(who, full, end)| Op::Assign(who, full, end)),
        3 => who.clone().prop_map(Op::Revoke),
        2 => (-2_i64..3).prop_map(Op::Resize),
        2 => (who.clone(), end, any::<bool>()).prop_map(|(who, end, shorten)| Op::Extend(who, end, shorten)),
        2 => (who.clone(), who.clone()).prop_map(|(from, to)| Op::Transfer(from, to)),
        1 => who.clone().prop_map(Op::Leave),
        2 => who.prop_map(Op::Join),
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
}

impl Model {
    fn free(&self) -> i64 {
        self.quantity - self.spent - i64::try_from(self.active.len()).expect("a few")
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
        if !self.members.contains(&who) {
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
                    && self.members.contains(&to)
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
                self.end(who);
                self.promote();
                was
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
        let new = json!({ "product": product.id, "teams": [team.id], "quantity": 2, "reusable": reusable });
        let plan = || async {
            let new = serde_json::from_value(new.clone()).expect("a body");
            actions::plan_create(&test.db, &test.ids, &call, new).await
        };
        let seat = commit(&test.db, &test.ids, &call, plan)
            .await
            .expect("a seat")
            .value;
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
            users,
        };
        for n in 0..PEOPLE {
            world.carry_out(&Op::Join(n)).await.expect("a member");
        }
        world
    }

    fn person(&self, n: usize) -> Ref<User> {
        Ref::Id(self.users[n].clone())
    }

    async fn carry_out(&self, op: &Op) -> Result<(), Error> {
        let (db, ids) = (&self.test.db, &self.test.ids);
        if let Op::Pass(_) = op {
            return expire_due(&self.test.app, &self.account).await;
        }
        let call = &Call::system(self.account.clone(), "test", self.test.clock.now());
        let (seat, team) = (&Ref::Id(self.seat.clone()), &Ref::Id(self.team.clone()));
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
                Op::Pass(_) => unreachable!("done above"),
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
        let active: Vec<(String, Option<i64>)> = self.rows("SELECT user_id, expires_at FROM seat_assignments WHERE account_id = $1 AND state = 'active'").await;
        let active: BTreeMap<usize, Option<Timestamp>> = active
            .into_iter()
            .map(|(id, end)| (self.number(&id), end.map(Timestamp::from_micros)))
            .collect();
        assert_eq!(active, model.active);
        let waiting: Vec<(String,)> = self.rows("SELECT user_id FROM seat_assignments WHERE account_id = $1 AND state = 'waitlisted' ORDER BY created_at, id").await;
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
