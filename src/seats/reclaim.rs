//! Places that nobody uses go back: the holder is told, and if they stay away until the notice is over, the place is
//! released by the one door, with its id and its history kept, so that it can be revived.
//!
//! The rule is the account's, or the seat's own. A holder is idle from the last sign of activity in the courses of the
//! place, or from when the place was given, renewed or taken up again; who has completed all of them is not. The sweep
//! first lets off those who have become active or whom no rule concerns any more, then takes back, then tells the next
//! ones; each place is written under what must still be true of it, so two workers do nothing twice.

use serde_json::json;

use super::access::Access;
use super::actions::{PROMOTE_AT_ONCE, waiting_at};
use super::assignment::Assignment;
use super::change::{Change, guarded_by};
use super::holding::Holding;
use super::seat::Seat;
use super::settings::{self, SeatSettings};
use crate::access::Call;
use crate::app::App;
use crate::commit::commit;
use crate::db::{Batch, Column as _, Pair, Select, Statement};
use crate::email::TemplateKind;
use crate::error::Result;
use crate::events::Plan;
use crate::params;
use crate::resources::Product;
use crate::types::{AccountId, Timestamp};

/// So many places are changed by one list of writes at the most.
const AT_ONCE: i64 = 40;
const DAY: i64 = 86_400_000_000;

/// The rows of a person's access to the courses of their place.
const COURSES: &str = "FROM product_courses c JOIN enrollments e ON e.account_id = $1 AND e.user_id = seat_assignments.user_id AND e.course_id = c.course_id \
    AND e.source = 'seat' WHERE c.account_id = $1 AND c.product_id = seat_assignments.product_id";

/// Since when the holder of a place has shown no activity.
pub fn idle_since() -> String {
    format!(
        "GREATEST(COALESCE(seat_assignments.extended_at, 0), COALESCE(seat_assignments.starts_at, seat_assignments.created_at), \
         COALESCE((SELECT max(GREATEST(COALESCE(e.last_activity_at, 0), COALESCE(e.started_at, 0), COALESCE(e.completed_at, 0))) {COURSES}), 0))"
    )
}

/// What is true of places that are in use and not used, with `{}` for the moment that all activity must lie before.
pub fn is_idle() -> String {
    format!(
        "seat_assignments.state = 'active' AND {} <= {{}} AND EXISTS (SELECT 1 FROM product_courses c WHERE c.account_id = $1 AND c.product_id = seat_assignments.product_id \
         AND NOT EXISTS (SELECT 1 FROM enrollments e WHERE e.account_id = $1 AND e.user_id = seat_assignments.user_id AND e.course_id = c.course_id \
         AND e.source = 'seat' AND e.completed_at IS NOT NULL))",
        idle_since()
    )
}

/// When places of a seat go back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// The holder is told after so many days without activity.
    pub after_days: i64,
    /// It goes back so many days later.
    pub notice_days: i64,
}

impl Rule {
    /// The rule of a seat; none: its places stay. Places that cannot be given again are nothing to take back, nor are
    /// those of a seat that gives none.
    pub fn of(seat: &Seat, settings: &SeatSettings) -> Option<Self> {
        let after_days = seat.reclaim_after_days.or(settings.reclaim_after_days)?;
        let is_on = after_days > 0 && seat.reusable && seat.is_live();
        is_on.then_some(Self {
            after_days,
            notice_days: seat
                .reclaim_notice_days
                .unwrap_or(settings.reclaim_notice_days)
                .max(1),
        })
    }

    /// The last activity of whoever is idle at a moment lies at or before this one.
    pub fn before(self, now: Timestamp) -> Timestamp {
        now.plus_days(-self.after_days)
    }
}

/// A place with whom to tell of it, and since when it is idle.
type Idle = Pair<Holding, (Timestamp,)>;

/// Carries the rules of an account out, seat by seat.
pub async fn reclaim_idle(app: &App, account: &AccountId) -> Result<()> {
    let row = app.db.first(account, settings::read()).await?;
    let settings = SeatSettings::of(row);
    let call = Call::system(account.clone(), "worker: idle places", app.clock.now());
    // Where there is no rule, only what was announced under an older one is left to look at.
    let concerned = if settings.reclaim_after_days.is_some() {
        "status <> 'archived'"
    } else {
        "(reclaim_after_days IS NOT NULL OR id IN (SELECT a.seat_id FROM seat_assignments a WHERE a.account_id = $1 AND a.state = 'active' AND a.reclaim_at IS NOT NULL))"
    };
    let mut after = String::new();
    loop {
        let seats = Select::rows::<Seat>(
            &format!(
                "WHERE account_id = $1 AND {concerned} AND assigned > 0 AND id > $2 ORDER BY id LIMIT 100"
            ),
            params![after],
        );
        let seats = app.db.fetch::<Seat>(account, seats).await?;
        let Some(last) = seats.last() else {
            return Ok(());
        };
        after = last.id.to_string();
        for seat in &seats {
            let rule = Rule::of(seat, &settings);
            let_off(app, &call, seat, rule).await?;
            let Some(rule) = rule else { continue };
            while take_back(app, &call, seat, rule).await? {}
            while announce(app, &call, seat, rule).await? {}
        }
    }
}

/// Lets those keep their places who have become active since they were told, or whom no rule concerns any more.
async fn let_off(app: &App, call: &Call, seat: &Seat, rule: Option<Rule>) -> Result<()> {
    loop {
        let done = commit(&app.db, &app.ids, call, || async {
            let mut plan = Plan::new("seat.keep");
            let mut params = params![seat.id.clone(), AT_ONCE];
            let kept = rule.map_or_else(String::new, |rule| {
                params.push(rule.before(call.now).value());
                format!(" AND NOT ({})", is_idle().replace("{}", "$4"))
            });
            let found = Select::rows::<Assignment>(
                &format!(
                    "WHERE account_id = $1 AND seat_id = $2 AND state = 'active' AND reclaim_at IS NOT NULL{kept} ORDER BY id LIMIT $3"
                ),
                params,
            );
            let found = app.db.fetch::<Assignment>(call.account(), found).await?;
            for place in &found {
                let after = Assignment {
                    reclaim_at: None,
                    updated_at: call.now,
                    ..place.clone()
                };
                plan.write(Statement::update(&after, place.version));
                let previous = json!({ "reclaim_at": place.reclaim_at });
                plan.event(after.event("kept").previous(previous));
            }
            Ok((plan, found.is_empty()))
        });
        if done.await?.value {
            return Ok(());
        }
    }
}

/// The places of a seat that are idle, with their holders.
fn idle_at(seat: &Seat, before: Timestamp, condition: &str, now: Timestamp) -> Select {
    Select::new(
        format!(
            "{} WHERE seat_assignments.account_id = $1 AND seat_assignments.seat_id = $2 AND {} AND {condition} ORDER BY seat_assignments.id LIMIT $5",
            Holding::selection(&format!(", {}", idle_since())),
            is_idle().replace("{}", "$3"),
        ),
        params![seat.id.clone(), before, now, AT_ONCE],
    )
}

/// Tells some of those who are idle that their places go back.
async fn announce(app: &App, call: &Call, seat: &Seat, rule: Rule) -> Result<bool> {
    let before = rule.before(call.now);
    let done = commit(&app.db, &app.ids, call, || async {
        let mut plan = Plan::new("seat.announce_reclaim");
        let new = "seat_assignments.reclaim_at IS NULL AND $4 > 0";
        let found = idle_at(seat, before, new, call.now);
        let found = app.db.fetch::<Idle>(call.account(), found).await?;
        for one in &found {
            tell(app, call, &mut plan, one, rule);
        }
        Ok((plan, !found.is_empty()))
    });
    Ok(done.await?.value)
}

fn tell(app: &App, call: &Call, plan: &mut Plan, Pair(idle, (since,)): &Idle, rule: Rule) {
    let place = &idle.assignment;
    let at = call.now.plus_days(rule.notice_days);
    let after = Assignment {
        reclaim_at: Some(at),
        updated_at: call.now,
        ..place.clone()
    };
    let still = (is_idle(), vec![rule.before(call.now).value()]);
    plan.write(guarded_by(
        &Statement::update(&after, place.version),
        &still,
    ));
    let mut event = after.event("idle");
    if let Some(members) = event.data.as_object_mut() {
        members.insert("idle_since".to_owned(), json!(since));
    }
    plan.event(event);
    let idle_days = (call.now.micros() - since.micros()) / DAY;
    let context = json!({ "team": idle.team, "team_id": place.team_id, "product": idle.product, "idle_days": idle_days, "reclaim_at": at });
    let key = format!("seat-idle:{}:{}", place.id, at.micros());
    let mail = (TemplateKind::SeatIdle, key);
    idle.queue(plan, &app.ids, call.now, mail, context);
}

/// Releases some of the places whose notice is over; those who wait move up in the same list of writes.
async fn take_back(app: &App, call: &Call, seat: &Seat, rule: Rule) -> Result<bool> {
    let before = rule.before(call.now);
    let done = commit(&app.db, &app.ids, call, || async {
        let mut plan = Plan::new("seat.reclaim");
        let mut batch = Batch::new();
        let standing = batch.add::<Seat>(Select::rows::<Seat>(
            "WHERE account_id = $1 AND id = $2",
            params![seat.id.clone()],
        ));
        let product = batch.add::<Product>(super::actions::product_of(seat));
        let over = "seat_assignments.reclaim_at <= $4";
        let over = batch.add::<Idle>(idle_at(seat, before, over, call.now));
        let waiting = batch.add::<Assignment>(waiting_at(seat.id.as_str(), PROMOTE_AT_ONCE));
        let mut rows = app.db.read(call.account(), batch).await?;
        let (Some(standing), Some(product)) = (rows.first(&standing), rows.first(&product)) else {
            return Ok((plan, false));
        };
        let over = rows.take(&over);
        if over.is_empty() {
            return Ok((plan, false));
        }
        let still = (is_idle(), vec![before.value()]);
        let mut change = Change::of(standing, call, &app.ids);
        for Pair(one, _) in &over {
            change.reclaim(&one.assignment, &still)?;
        }
        change.promote_waiting(&rows.take(&waiting))?;
        let mut access = Access::new();
        change.finish(&mut plan, &mut access);
        access.write(&mut plan, [&product], &app.ids, call.now);
        Ok((plan, true))
    });
    Ok(done.await?.value)
}
