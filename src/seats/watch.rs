//! Seats that run low: every crossing of a level of use upwards is told once.
//!
//! What was in use after each change stands in the ledger, so the sweep goes through the entries that have come since it
//! looked last, compares each change with the one before it, and can miss none, however much later it runs. A level that
//! is left and reached again is told again. A seat is measured from the first change on: one that is made full is not
//! told of.

use serde_json::json;

use super::notices::reader_locale;
use super::seat::Seat;
use super::settings::{self, SeatSettings};
use crate::access::Call;
use crate::app::App;
use crate::commit::commit;
use crate::db::{Batch, Select, Statement};
use crate::email::{TemplateKind, outbox};
use crate::error::Result;
use crate::events::{Event, Plan};
use crate::i18n;
use crate::params;
use crate::types::{AccountId, Email, Id, Timestamp};

/// So many changes of one seat are looked at in one go.
const AT_ONCE: i64 = 500;
/// Seats that are read at once.
const SEATS: i64 = 100;

/// What stood after a change: when, the quantity, the places in use.
type Standing = (Timestamp, Option<i64>, i64);

/// Somebody to be told: id, address, own language.
type Reader = (String, Email, Option<String>);

/// A level that was reached from below.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Crossing {
    level: i64,
    at: Timestamp,
    used: i64,
    quantity: i64,
}

/// Tells of every level that seats have reached since the last time.
pub async fn watch_seats(app: &App, account: &AccountId) -> Result<()> {
    let call = Call::system(account.clone(), "worker: seats", app.clock.now());
    let mut after = String::new();
    loop {
        let open = Select::new(
            "SELECT id FROM seats WHERE account_id = $1 AND ledger_at > watched_at AND id > $2 ORDER BY id LIMIT $3",
            params![after, SEATS],
        );
        let seats = app.db.fetch::<(Id<Seat>,)>(account, open).await?;
        let Some((last,)) = seats.last() else {
            return Ok(());
        };
        after = last.to_string();
        for (seat,) in &seats {
            while watch(app, &call, seat).await? {}
        }
    }
}

/// The crossings in the changes of a seat: the first stands for what was there before.
fn crossings(changes: &[Standing], settings: &SeatSettings) -> Vec<Crossing> {
    let level = |(_, quantity, used): &Standing| settings.level(*used, *quantity);
    changes
        .iter()
        .zip(changes.iter().skip(1))
        .filter(|(before, after)| level(after) > level(before))
        .map(|(_, after)| Crossing {
            level: level(after),
            at: after.0,
            used: after.2,
            quantity: after.1.unwrap_or(0),
        })
        .collect()
}

/// Looks at the next changes of a seat, and tells whether there are more.
async fn watch(app: &App, call: &Call, seat_id: &Id<Seat>) -> Result<bool> {
    let done = commit(&app.db, &app.ids, call, || async {
        let mut plan = Plan::new("seat.watch");
        let mut batch = Batch::new();
        let seat = batch.add::<Seat>(Select::rows::<Seat>(
            "WHERE account_id = $1 AND id = $2",
            params![seat_id.clone()],
        ));
        let watched = batch.add::<(Timestamp,)>(Select::new(
            "SELECT watched_at FROM seats WHERE account_id = $1 AND id = $2",
            params![seat_id.clone()],
        ));
        let changes = batch.add::<Standing>(Select::new(
            "SELECT created_at, quantity_after, assigned_after + reserved_after + spent_after FROM seat_ledger WHERE account_id = $1 AND seat_id = $2 \
             AND created_at >= (SELECT watched_at FROM seats WHERE account_id = $1 AND id = $2) AND closes ORDER BY created_at, id LIMIT $3",
            params![seat_id.clone(), AT_ONCE],
        ));
        let settings = batch.add::<(serde_json::Value,)>(settings::read());
        let mut rows = app.db.read(call.account(), batch).await?;
        let changes = rows.take(&changes);
        let (Some(seat), Some((watched,)), Some(last)) =
            (rows.first(&seat), rows.first(&watched), changes.last())
        else {
            return Ok((plan, false));
        };
        let settings = SeatSettings::of(rows.first(&settings));
        let found = crossings(&changes, &settings);
        let is_all = changes.len() < usize::try_from(AT_ONCE).unwrap_or(usize::MAX);
        let up_to = if is_all {
            last.0.max(seat.ledger_at)
        } else {
            last.0
        };
        plan.write(Statement::guarded(
            "UPDATE seats SET watched_at = $2 WHERE account_id = $1 AND id = $3 AND watched_at = $4",
            params![up_to, seat_id.clone(), watched],
        ));
        for crossing in &found {
            plan.event(event(&seat, crossing));
        }
        // A mail is about what is true now: of a level that was left again only the event tells.
        let latest = found.last().filter(|it| {
            settings.low_mail && settings.level(seat.used(), seat.quantity) >= it.level
        });
        if let Some(crossing) = latest {
            tell(app, call, &mut plan, &seat, crossing).await?;
        }
        Ok((plan, !is_all))
    });
    Ok(done.await?.value)
}

fn event(seat: &Seat, crossing: &Crossing) -> Event {
    let data = json!({
        "seat": seat,
        "level": crossing.level,
        "used": crossing.used,
        "quantity": crossing.quantity,
        "crossed_at": crossing.at,
    });
    let event = Event::new("seat.low", &seat.id, data).seat(&seat.id);
    match seat.team_ids.0.first() {
        Some(team) => event.team(team),
        None => event,
    }
}

/// Mails to the owners and managers of the seat's teams.
async fn tell(
    app: &App,
    call: &Call,
    plan: &mut Plan,
    seat: &Seat,
    crossing: &Crossing,
) -> Result<()> {
    let mut batch = Batch::new();
    let names = batch.add::<(String, String)>(Select::new(
        "SELECT p.name, ac.locale FROM products p JOIN accounts ac ON ac.account_id = $1 WHERE p.account_id = $1 AND p.id = $2",
        params![seat.product_id.clone()],
    ));
    let readers = batch.add::<Reader>(Select::new(
        "SELECT u.id, u.email, u.locale FROM users u WHERE u.account_id = $1 AND u.deleted_at IS NULL AND u.status <> 'deactivated' AND u.id IN \
         (SELECT m.user_id FROM team_members m JOIN seat_teams s ON s.account_id = $1 AND s.team_id = m.team_id AND s.seat_id = $2 \
         WHERE m.account_id = $1 AND m.role IN ('owner', 'manager')) ORDER BY u.id LIMIT 50",
        params![seat.id.clone()],
    ));
    let mut rows = app.db.read(call.account(), batch).await?;
    let Some((product, account_locale)) = rows.first(&names) else {
        return Ok(());
    };
    let url = format!("{}/dashboard/seats/{}", app.config.server.origin(), seat.id);
    for (user, email, locale) in rows.take(&readers) {
        let locale = reader_locale(locale.as_deref(), Some(&account_locale));
        let say = |key: &str| {
            let values = [
                ("product", product.clone().into()),
                ("used", crossing.used.into()),
                ("quantity", crossing.quantity.into()),
                ("free", (crossing.quantity - crossing.used).max(0).into()),
            ];
            i18n::text(&locale, key, &values)
        };
        let heading = if crossing.used >= crossing.quantity {
            say("seat-full-heading")
        } else {
            say("seat-low-heading")
        };
        let key = format!("seat-low:{}:{}:{user}", seat.id, crossing.at.micros());
        let context = json!({
            "team_id": seat.team_ids.0.first(),
            "heading": heading,
            "paragraphs": [say("seat-low-text"), say("seat-low-way")],
            "button": { "label": say("seat-low-button"), "url": url },
        });
        let mail = outbox::NewMail {
            kind: TemplateKind::AccountNotice,
            user_id: Some(user),
            to: email,
            locale: locale.clone(),
            context,
            once_key: Some(key),
            link_id: None,
            provision_id: None,
        };
        outbox::queue(plan, &app.ids, call.now, mail);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(used: &[i64]) -> Vec<i64> {
        let at = |n: usize| Timestamp::from_micros(i64::try_from(n).unwrap_or(0));
        let changes: Vec<Standing> = used
            .iter()
            .enumerate()
            .map(|(n, used)| (at(n), Some(10), *used))
            .collect();
        crossings(&changes, &SeatSettings::default())
            .iter()
            .map(|it| it.level)
            .collect()
    }

    #[test]
    fn each_crossing_upwards_is_found_and_none_downwards() {
        assert_eq!(levels(&[7, 8, 9, 10]), [75, 90, 100]);
        assert_eq!(levels(&[0, 10]), [100], "the highest of several");
        assert_eq!(levels(&[10, 9, 10, 8, 9]), [100, 90], "again after it fell");
        assert_eq!(levels(&[8, 8, 8]), Vec::<i64>::new());
        assert_eq!(levels(&[10]), Vec::<i64>::new(), "what was there before");
    }
}
