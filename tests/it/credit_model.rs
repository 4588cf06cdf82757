//! Credits against a plain model of them: random sequences of grants, withdrawals, overdrafts, purchases and refunds.

use b2b_dashboard::access::Call;
use b2b_dashboard::commerce::account::Owner;
use b2b_dashboard::commerce::credits::{self, CreditsInput, CreditsPatch};
use b2b_dashboard::commerce::orders::input::{NewOrder, RefundInput};
use b2b_dashboard::commerce::orders::place::plan_create;
use b2b_dashboard::commerce::orders::refund::plan_refund;
use b2b_dashboard::commerce::{integrity, orders::Order};
use b2b_dashboard::commit::commit;
use b2b_dashboard::error::{Code, Error};
use b2b_dashboard::events::Plan;
use b2b_dashboard::records;
use b2b_dashboard::resource::Resource;
use b2b_dashboard::resources::organization::{self, NewOrganization};
use b2b_dashboard::resources::{Organization, Product, Team};
use b2b_dashboard::seats::integrity as seats;
use b2b_dashboard::types::{AccountId, Id, Ref};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value as JsonValue, json};
use tokio::runtime::Handle;

use crate::support::app::TestApp;
use crate::support::database::both;

/// The team and the two organizations above it.
const OWNERS: usize = 3;

#[derive(Debug, Clone)]
enum Op {
    /// Adds credits, or takes some.
    Move(usize, i64),
    Overdraft(usize, i64),
    /// So many places for so many credits in all.
    Buy(i64, i64),
    /// So many of the nth order's places.
    Refund(usize, i64),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        4 => (0..OWNERS, -30_i64..60).prop_map(|(who, amount)| Op::Move(who, amount)),
        1 => (0..OWNERS, 0_i64..20).prop_map(|(who, limit)| Op::Overdraft(who, limit)),
        4 => (1_i64..6, 0_i64..70).prop_map(|(places, price)| Op::Buy(places, price)),
        4 => (0_usize..6, 1_i64..5).prop_map(|(order, places)| Op::Refund(order, places)),
    ];
    proptest::collection::vec(op, 1..25)
}

#[derive(Debug, Clone)]
struct Bought {
    places: i64,
    refunded: i64,
    price: i64,
    /// What each owner paid and has not got back.
    paid: [i64; OWNERS],
}

/// What credits should be.
#[derive(Debug, Clone, Default)]
struct Model {
    balance: [i64; OWNERS],
    overdraft: [i64; OWNERS],
    orders: Vec<Bought>,
}

impl Model {
    /// Does it, if it can be done.
    fn step(&mut self, op: &Op) -> bool {
        match *op {
            Op::Move(who, amount) => {
                let fits = amount != 0
                    && (amount > 0 || self.balance[who] + self.overdraft[who] + amount >= 0);
                self.balance[who] += if fits { amount } else { 0 };
                fits
            }
            Op::Overdraft(who, limit) => {
                let fits = self.balance[who] + limit >= 0;
                if fits {
                    self.overdraft[who] = limit;
                }
                fits
            }
            Op::Buy(places, price) => {
                let mut paid = [0; OWNERS];
                let mut missing = price;
                for (who, part) in paid.iter_mut().enumerate() {
                    *part = self.balance[who].max(0).min(missing);
                    missing -= *part;
                }
                for (who, part) in paid.iter_mut().enumerate() {
                    let more = (self.balance[who] + self.overdraft[who] - *part).min(missing);
                    *part += more;
                    missing -= more;
                }
                if missing > 0 {
                    return false;
                }
                for (balance, part) in self.balance.iter_mut().zip(paid) {
                    *balance -= part;
                }
                self.orders.push(Bought {
                    places,
                    refunded: 0,
                    price,
                    paid,
                });
                true
            }
            Op::Refund(order, places) => {
                let Some(bought) = self.orders.get_mut(order) else {
                    return false;
                };
                if bought.refunded + places > bought.places {
                    return false;
                }
                let share = |part: i64| bought.price * part / bought.places;
                let mut left = share(bought.refunded + places) - share(bought.refunded);
                bought.refunded += places;
                for who in (0..OWNERS).rev() {
                    let part = bought.paid[who].min(left);
                    bought.paid[who] -= part;
                    self.balance[who] += part;
                    left -= part;
                }
                assert_eq!(left, 0);
                true
            }
        }
    }
}

struct World<'a> {
    test: &'a TestApp,
    account: AccountId,
    owners: [Owner; OWNERS],
    team: Id<Team>,
    product: Id<Product>,
    orders: std::sync::Mutex<Vec<Id<Order>>>,
}

fn body<T: serde::de::DeserializeOwned>(value: JsonValue) -> T {
    serde_json::from_value(value).expect("a body")
}

async fn made<R: Resource>(test: &TestApp, call: &Call, new: JsonValue) -> R {
    let plan = || records::plan_create::<R>(&test.db, &test.ids, call, body(new.clone()));
    commit(&test.db, &test.ids, call, plan)
        .await
        .expect("a record")
        .value
}

async fn node(test: &TestApp, call: &Call, new: JsonValue) -> Organization {
    let plan = || {
        organization::plan_create(
            &test.db,
            &test.ids,
            call,
            body::<NewOrganization>(new.clone()),
        )
    };
    commit(&test.db, &test.ids, call, plan)
        .await
        .expect("a node")
        .value
}

impl<'a> World<'a> {
    async fn new(test: &'a TestApp) -> Self {
        let account: AccountId = test.ids.next(test.clock.now());
        test.insert_account(&account, "Model").await;
        let call = Call::system(account.clone(), "test", test.clock.now());
        let north = node(test, &call, json!({ "name": "North" })).await;
        let south = node(test, &call, json!({ "name": "South", "parent": north.id })).await;
        let team: Team = made(
            test,
            &call,
            json!({ "name": "Team", "organization": south.id }),
        )
        .await;
        let product: Product = made(test, &call, json!({ "name": "Product" })).await;
        Self {
            test,
            account,
            owners: [
                Owner::Team(team.id.clone()),
                Owner::Organization(south.id),
                Owner::Organization(north.id),
            ],
            team: team.id,
            product: product.id,
            orders: std::sync::Mutex::default(),
        }
    }

    fn call(&self) -> Call {
        Call::system(self.account.clone(), "test", self.test.clock.now())
    }

    async fn carry_out(&self, op: &Op) -> Result<(), Error> {
        let (db, ids, call) = (&self.test.db, &self.test.ids, &self.call());
        match *op {
            Op::Move(who, amount) => {
                let input: CreditsInput = body(json!({ "amount": amount }));
                let plan = || credits::plan_move(db, ids, call, &self.owners[who], &input);
                commit(db, ids, call, plan).await.map(|_| ())
            }
            Op::Overdraft(who, limit) => {
                let patch: CreditsPatch = body(json!({ "overdraft": limit }));
                let plan = || credits::plan_overdraft(db, ids, call, &self.owners[who], &patch);
                commit(db, ids, call, plan).await.map(|_| ())
            }
            Op::Buy(places, price) => {
                let line = json!({ "product": self.product, "quantity": places, "credits": price });
                let new: NewOrder =
                    body(json!({ "team": self.team, "payment": "credits", "lines": [line] }));
                let plan = || async {
                    let made = plan_create(db, ids, call, &new).await?;
                    Ok::<(Plan, Id<Order>), Error>((made.plan, made.order.id))
                };
                let order = commit(db, ids, call, plan).await?.value;
                self.orders.lock().expect("orders").push(order);
                Ok(())
            }
            Op::Refund(order, places) => {
                let id = self.orders.lock().expect("orders").get(order).cloned();
                let Some(id) = id else {
                    return Err(Error::not_found("order"));
                };
                let input: RefundInput =
                    body(json!({ "lines": [{ "number": 1, "quantity": places }] }));
                let order = Ref::Id(id);
                let plan = || plan_refund(db, ids, call, &order, &input);
                commit(db, ids, call, plan).await.map(|_| ())
            }
        }
    }

    /// What is true whatever was done; gives the balances.
    async fn assert_sound(&self) -> [i64; OWNERS] {
        let books = integrity::check(&self.test.db, &self.account)
            .await
            .expect("a report");
        assert_eq!(
            (books.mismatches, books.unbalanced, books.orders),
            (vec![], vec![], vec![])
        );
        let places = seats::check(&self.test.db, &self.account)
            .await
            .expect("a report");
        assert_eq!(places.mismatches, []);
        let mut balances = [0; OWNERS];
        for (owner, balance) in self.owners.iter().zip(&mut balances) {
            let credits = credits::credits(&self.test.db, &self.test.ids, &self.call(), owner)
                .await
                .expect("credits");
            assert!(credits.available >= 0, "{credits:?}");
            *balance = credits.balance;
        }
        balances
    }
}

async fn follow(test: &TestApp, ops: &[Op]) {
    let world = World::new(test).await;
    let mut model = Model::default();
    for (n, op) in ops.iter().enumerate() {
        test.clock.advance(1);
        let wanted = model.step(op);
        let done = world.carry_out(op).await;
        assert_eq!(done.is_ok(), wanted, "step {n}, {op:?}: {done:?}");
        assert_eq!(
            world.assert_sound().await,
            model.balance,
            "step {n}, {op:?}"
        );
    }
}

both! {
    async fn sequences_do_what_the_model_does(test: TestApp) {
        let cases = if test.db.is_sqlite() { 40 } else { 12 };
        let mut runner = TestRunner::new(Config { cases, failure_persistence: None, max_shrink_iters: 60, ..Config::default() });
        let outcome = runner.run(&ops(), |ops| {
            let case = std::panic::AssertUnwindSafe(|| {
                tokio::task::block_in_place(|| Handle::current().block_on(follow(&test, &ops)));
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

    async fn whatever_happens_at_once_the_books_agree(test: TestApp) {
        let rounds = if test.db.is_sqlite() { 6 } else { 3 };
        let mut runner = TestRunner::deterministic();
        for _ in 0..rounds {
            let world = World::new(&test).await;
            let all = proptest::collection::vec(ops(), 8).new_tree(&mut runner).expect("sequences").current();
            let world = &world;
            let clients = all.iter().map(|ops| async move {
                for op in ops {
                    if let Err(error) = world.carry_out(op).await {
                        let told = [Code::Internal, Code::Unavailable, Code::Contention];
                        assert!(!told.contains(&error.code()), "{op:?}: {error:?}");
                    }
                    tokio::task::yield_now().await;
                }
            });
            futures::future::join_all(clients).await;
            world.assert_sound().await;
        }
    }
}
