//! Low seats: when a seat is used to 75, 90 or 100 %, that is told once, as `seat.low` and by mail to the teams' owners.
//!
//! The seat remembers the level that was told last; a change that leads to another level queues the job that tells it, and
//! the sweep finds those whose job was lost. When the use falls, the memory falls with it, so that the next crossing is
//! told again.

use serde_json::json;

use super::seat::Seat;
use super::settings::{self, SeatSettings};
use crate::access::Call;
use crate::app::App;
use crate::commit::commit;
use crate::db::{Batch, Select, Statement};
use crate::email::{TemplateKind, outbox};
use crate::error::Result;
use crate::events::{Event, Plan};
use crate::locale::{Language, Locale};
use crate::params;
use crate::resources::{Product, User};
use crate::types::{AccountId, Id};

/// Owners who are told of one seat at the most.
const MOST_READERS: i64 = 20;

/// The seats whose level was not told; the index `seats_level_untold` holds exactly those.
const UNTOLD: &str = "quantity > 0 AND low_level <> CASE WHEN (assigned + reserved + spent) >= quantity THEN 100 \
    WHEN (assigned + reserved + spent) * 100 >= quantity * 90 THEN 90 WHEN (assigned + reserved + spent) * 100 >= quantity * 75 THEN 75 ELSE 0 END";

/// The level at which a seat is used: 0, 75, 90 or 100.
pub fn level(seat: &Seat) -> i64 {
    let Some(quantity) = seat.quantity.filter(|quantity| *quantity > 0) else {
        return 0;
    };
    let used = seat.used();
    match () {
        () if used >= quantity => 100,
        () if used * 100 >= quantity * 90 => 90,
        () if used * 100 >= quantity * 75 => 75,
        () => 0,
    }
}

/// Tells the levels of an account that were not told yet.
pub async fn tell_all(app: &App, account: &AccountId) -> Result<()> {
    loop {
        let untold = Select::new(
            format!("SELECT id FROM seats WHERE account_id = $1 AND {UNTOLD} ORDER BY id LIMIT 100"),
            Vec::new(),
        );
        let untold = app.db.fetch::<(String,)>(account, untold).await?;
        if untold.is_empty() {
            return Ok(());
        }
        for (seat,) in untold {
            tell(app, account, &seat).await?;
        }
    }
}

/// Tells the level of one seat, if it is another than was told last.
pub async fn tell(app: &App, account: &AccountId, seat_id: &str) -> Result<()> {
    let call = Call::system(account.clone(), "worker: levels", app.clock.now());
    commit(&app.db, &app.ids, &call, || async {
        let plan = plan(app, &call, seat_id).await?;
        Ok((plan, ()))
    })
    .await
    .map(|_| ())
}

async fn plan(app: &App, call: &Call, seat_id: &str) -> Result<Plan> {
    let id = || params![seat_id.to_owned()];
    let mut batch = Batch::new();
    let seat = batch.add::<Seat>(Select::rows::<Seat>(
        "WHERE account_id = $1 AND id = $2",
        id(),
    ));
    let product = batch.add::<Product>(Select::rows::<Product>(
        "WHERE account_id = $1 AND id IN (SELECT product_id FROM seats WHERE account_id = $1 AND id = $2)",
        id(),
    ));
    let mut values = id();
    values.push(crate::db::Value::Int(Some(MOST_READERS)));
    let owners = batch.add::<User>(Select::rows::<User>(
        "WHERE account_id = $1 AND deleted_at IS NULL AND status <> 'deactivated' AND id IN (SELECT m.user_id FROM team_members m \
         JOIN seat_teams s ON s.account_id = $1 AND s.team_id = m.team_id AND s.seat_id = $2 WHERE m.account_id = $1 AND m.role = 'owner') ORDER BY id LIMIT $3",
        values,
    ));
    let settings = batch.add::<(serde_json::Value,)>(settings::read());
    let locale = batch.add::<(String,)>(Select::new(
        "SELECT locale FROM accounts WHERE account_id = $1",
        Vec::new(),
    ));
    let mut rows = app.db.read(call.account(), batch).await?;
    let mut plan = Plan::new("seat.level");
    let (Some(seat), Some(product)) = (rows.first(&seat), rows.first(&product)) else {
        return Ok(plan);
    };
    let level = level(&seat);
    if level == seat.low_level {
        return Ok(plan);
    }
    plan.write(Statement::guarded(
        "UPDATE seats SET low_level = $2, version = version + 1 WHERE account_id = $1 AND id = $3 AND version = $4",
        params![level, seat.id.clone(), seat.version],
    ));
    if level < seat.low_level {
        return Ok(plan);
    }
    let data = json!({ "seat": seat, "level": level });
    let event = Event::new("seat.low", &seat.id, data).seat(&seat.id);
    plan.event(match seat.team_ids.0.first() {
        Some(team) => event.team(team),
        None => event,
    });
    if SeatSettings::of(rows.first(&settings)).low_seat_mail {
        let locale = rows.first(&locale).map(|(locale,)| locale);
        for owner in rows.take(&owners) {
            mail(app, &mut plan, call, (&seat, &product, level), &owner, locale.as_deref());
        }
    }
    Ok(plan)
}

fn mail(
    app: &App,
    plan: &mut Plan,
    call: &Call,
    (seat, product, level): (&Seat, &Product, i64),
    owner: &User,
    locale: Option<&str>,
) {
    let own = owner.locale.as_ref();
    let locale = own
        .and_then(|tag| Locale::parse(tag.as_str()).ok())
        .or_else(|| Locale::parse(locale?).ok())
        .unwrap_or_else(Locale::english);
    let (used, quantity) = (seat.used(), seat.quantity.unwrap_or(0));
    let (heading, paragraph, label) = if locale.language() == Language::De {
        (
            format!("{}: {level} % der Plätze sind vergeben", product.name),
            format!("{used} von {quantity} Plätzen sind vergeben, {} warten auf einen. Neue Plätze gehen zuerst an die, die warten.", seat.waitlisted),
            "Plätze ansehen",
        )
    } else {
        (
            format!("{}: {level} % of the places are in use", product.name),
            format!("{used} of {quantity} places are in use, and {} people wait for one. New places go to those who wait first.", seat.waitlisted),
            "Look at the seat",
        )
    };
    let url = format!("{}/dashboard/seats/{}", app.config.server.origin(), seat.id);
    outbox::queue(
        plan,
        &app.ids,
        call.now,
        outbox::NewMail {
            kind: TemplateKind::AccountNotice,
            user_id: Some(owner.id.to_string()),
            to: owner.email.clone(),
            locale,
            context: json!({ "heading": heading, "paragraphs": [paragraph], "button": { "label": label, "url": url } }),
            once_key: Some(once_key(seat, &owner.id, level)),
            link_id: None,
            provision_id: None,
        },
    );
}

/// One mail for each crossing: the version of the seat at which it was told.
fn once_key(seat: &Seat, owner: &Id<User>, level: i64) -> String {
    format!("seat-low:{}:{level}:{}:{owner}", seat.id, seat.version)
}
