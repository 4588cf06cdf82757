//! Idle places: by a rule of the account or of the seat, a place whose holder has begun nothing goes back to the seat,
//! after the holder was told.
//!
//! First comes the notice: the place gets a day on which it goes back, and the holder a mail. On that day it is taken back
//! if still nothing was begun, by a write that changes nothing once something was; whoever begins in time keeps it, and the
//! day is forgotten. The same plan, as a dry run, lists whom it would meet.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::actions::{Given, Outcome, PROMOTE_AT_ONCE, conclude, product_of, waiting_at};
use super::assignment::Assignment;
use super::change::{Change, UNSTARTED};
use super::reach::require_reach;
use super::seat::Seat;
use super::settings::{self, SeatSettings};
use crate::access::{Call, Permission};
use crate::app::App;
use crate::commit::commit;
use crate::db::{Batch, Db, Select, Statement};
use crate::error::{Code, Error, Fault, Result};
use crate::events::Plan;
use crate::jobs::Job;
use crate::params;
use crate::records;
use crate::resources::Product;
use crate::types::{AccountId, Id, Ids, Ref};

/// So many places are told or taken in one list of writes.
const AT_ONCE: i64 = 100;

/// After how many days idle places go back; the seat's own rule, else the account's, unless it is given.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReclaimInput {
    /// Places whose holder has begun nothing for so many days.
    #[schemars(range(min = 1, max = 36500))]
    pub after_days: Option<i64>,
    /// So many days before they go back the holder is told; 0: at once, without a notice.
    #[schemars(range(min = 0, max = 365))]
    pub notice_days: Option<i64>,
}

/// Whom a rule met.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ReclaimResult {
    /// The seat.
    pub seat: Seat,
    /// Those who are told; `reclaim_at` says when their places go back.
    pub noticed: Vec<Assignment>,
    /// Those whose places went back.
    pub reclaimed: Vec<Assignment>,
}

/// A rule in days.
#[derive(Debug, Clone, Copy)]
struct Rule {
    after: i64,
    notice: i64,
}

fn rule(seat: &Seat, account: &SeatSettings, input: &ReclaimInput) -> Option<Rule> {
    let after = input
        .after_days
        .or(seat.reclaim_after_days)
        .or(account.reclaim_after_days)?;
    let notice = input
        .notice_days
        .or(seat.reclaim_notice_days)
        .unwrap_or(account.reclaim_notice_days);
    Some(Rule { after, notice })
}

/// Plans what a rule does at a seat now.
pub async fn plan_reclaim(
    db: &Db,
    ids: &Ids,
    call: &Call,
    seat: &Ref<Seat>,
    input: &ReclaimInput,
) -> Result<(Plan, ReclaimResult)> {
    call.caller.require(Permission::SeatsWrite)?;
    let seat = records::find::<Seat>(db, &call.caller, seat).await?;
    require_reach(&call.caller, &seat.team_ids.0)?;
    let settings = db
        .first::<(serde_json::Value,)>(call.account(), settings::read())
        .await?;
    let rule = rule(&seat, &SeatSettings::of(settings), input).ok_or_else(|| {
        Error::new(
            Code::StateConflict,
            "Neither the seat nor the account has a rule for idle places. Give after_days, or set reclaim_after_days.",
        )
    })?;
    if rule.after < 1 || rule.notice < 0 || (rule.notice > 0 && rule.notice >= rule.after) {
        return Err(Error::invalid(vec![Fault::new(
            "/notice_days",
            "invalid",
            "An idle place goes back after one day at least, and after more days than its holder is told before.",
        )]));
    }
    let (plan, result, _) = plan_rule(db, ids, call, seat, rule).await?;
    Ok((plan, result))
}

/// What a rule does at a seat now, and whether there was more than fits one list of writes.
async fn plan_rule(
    db: &Db,
    ids: &Ids,
    call: &Call,
    seat: Seat,
    rule: Rule,
) -> Result<(Plan, ReclaimResult, bool)> {
    let of_seat = "WHERE account_id = $1 AND seat_id = $2 AND state = 'active'";
    let idle_since = call.now.plus_days(rule.notice - rule.after);
    let mut batch = Batch::new();
    let product = batch.add::<Product>(product_of(&seat));
    let waiting = batch.add::<Assignment>(waiting_at(seat.id.as_str(), PROMOTE_AT_ONCE));
    let idle = batch.add::<Assignment>(Select::rows::<Assignment>(
        &format!("{of_seat} AND starts_at <= $3 AND reclaim_at IS NULL AND {UNSTARTED} ORDER BY id LIMIT $4"),
        params![seat.id.clone(), idle_since, AT_ONCE],
    ));
    let due = batch.add::<Assignment>(Select::rows::<Assignment>(
        &format!("{of_seat} AND reclaim_at <= $3 AND {UNSTARTED} ORDER BY reclaim_at, id LIMIT $4"),
        params![seat.id.clone(), call.now, AT_ONCE],
    ));
    let begun = batch.add::<Assignment>(Select::rows::<Assignment>(
        &format!("{of_seat} AND reclaim_at IS NOT NULL AND NOT {UNSTARTED} ORDER BY id LIMIT $3"),
        params![seat.id.clone(), AT_ONCE],
    ));
    let mut rows = db.read(call.account(), batch).await?;
    let product = rows
        .first(&product)
        .ok_or_else(|| Error::not_found("product"))?;
    let (idle, due, begun) = (rows.take(&idle), rows.take(&due), rows.take(&begun));
    let full = |list: &[Assignment]| i64::try_from(list.len()).unwrap_or(0) == AT_ONCE;
    let more = full(&idle) || full(&due) || full(&begun);
    let mut plan = Plan::new("seat.reclaim");
    for one in begun {
        let version = one.version;
        let kept = Assignment {
            reclaim_at: None,
            updated_at: call.now,
            ..one
        };
        plan.write(Statement::update(&kept, version));
        plan.event(kept.event("kept"));
    }
    let (told, taken) = if rule.notice == 0 {
        (Vec::new(), due.into_iter().chain(idle).collect::<Vec<_>>())
    } else {
        (idle, due)
    };
    let mut noticed = Vec::new();
    for one in told {
        let version = one.version;
        let after = Assignment {
            reclaim_at: Some(call.now.plus_days(rule.notice)),
            updated_at: call.now,
            ..one
        };
        plan.write(Statement::update(&after, version));
        plan.event(after.event("idle"));
        let job = Job::TellOfReclaim {
            assignment_id: after.id.to_string(),
        };
        plan.job(job, Some(after.id.to_string()));
        noticed.push(after);
    }
    let mut change = Change::of(seat, call, ids);
    let mut results = Vec::new();
    for one in &taken {
        results.push(Given {
            outcome: Outcome::Ended,
            assignment: change.reclaim(one)?,
        });
    }
    let seat = conclude(change, &product, &rows.take(&waiting), &results, &mut plan)?;
    let reclaimed = results.into_iter().map(|given| given.assignment).collect();
    let result = ReclaimResult {
        seat,
        noticed,
        reclaimed,
    };
    Ok((plan, result, more))
}

/// Applies the rules of an account to all its seats. What is cut off half-way goes on at the next run.
pub async fn reclaim_all(app: &App, account: &AccountId) -> Result<()> {
    let row = app
        .db
        .first::<(serde_json::Value,)>(account, settings::read())
        .await?;
    let settings = SeatSettings::of(row);
    let ruled = if settings.reclaim_after_days.is_some() {
        ""
    } else {
        " AND reclaim_after_days IS NOT NULL"
    };
    let mut last = String::new();
    loop {
        let seats = Select::rows::<Seat>(
            &format!("WHERE account_id = $1 AND id > $2{ruled} ORDER BY id LIMIT 100"),
            params![last.clone()],
        );
        let seats = app.db.fetch::<Seat>(account, seats).await?;
        let Some(end) = seats.last() else {
            return Ok(());
        };
        last = end.id.to_string();
        for seat in seats {
            if let Some(rule) = rule(&seat, &settings, &ReclaimInput::default()) {
                while reclaim_some(app, account, &seat.id, rule).await? {}
            }
        }
    }
}

async fn reclaim_some(
    app: &App,
    account: &AccountId,
    seat: &Id<Seat>,
    rule: Rule,
) -> Result<bool> {
    let call = Call::system(account.clone(), "worker: idle places", app.clock.now());
    let reference = Ref::Id(seat.clone());
    let done = commit(&app.db, &app.ids, &call, || async {
        let Some(seat) = records::maybe::<Seat>(&app.db, &call.caller, &reference).await? else {
            return Ok((Plan::new("seat.reclaim"), false));
        };
        let (plan, _, more) = plan_rule(&app.db, &app.ids, &call, seat, rule).await?;
        let more = more && !plan.is_empty();
        Ok((plan, more))
    })
    .await?;
    Ok(done.value)
}

/// Facts for the mail that tells of the day on which a place goes back.
pub(super) fn notice(product: &str, team: &str, day: &str, german: bool) -> serde_json::Value {
    let (heading, paragraphs) = if german {
        (
            format!("Ihr Platz in «{product}» wird frei"),
            [
                format!("Sie haben in «{product}» noch nichts begonnen. Am {day} geht Ihr Platz an {team} zurück."),
                "Beginnen Sie vorher einen der Kurse, und der Platz bleibt Ihrer.".to_owned(),
            ],
        )
    } else {
        (
            format!("Your place in “{product}” is about to go back"),
            [
                format!("You have not begun anything in “{product}” yet. On {day} your place goes back to {team}."),
                "Begin one of its courses before that day, and the place stays yours.".to_owned(),
            ],
        )
    };
    json!({ "heading": heading, "paragraphs": paragraphs })
}
