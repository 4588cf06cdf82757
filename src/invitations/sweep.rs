//! What time and the mail server bring about: invitations that expire, reminders, and the state that follows the mail.
//!
//! Each invitation is settled in a list of writes of its own under its version, so what is cut off half-way goes on at the
//! next run, and two workers do nothing twice.

use serde_json::{Value as JsonValue, json};

use super::again::{end, next_reminder};
use super::mail::{self, Told};
use super::record::{Invitation, InvitationState, OPEN};
use crate::access::Call;
use crate::app::App;
use crate::commit::commit;
use crate::db::{Batch, Select, Statement};
use crate::email::outbox::{MailRow, MailState};
use crate::error::Result;
use crate::events::Plan;
use crate::params;
use crate::types::{AccountId, Id, Timestamp};

/// So many invitations are read at once.
const AT_ONCE: i64 = 100;

fn by_id(id: &Id<Invitation>) -> Select {
    Select::rows::<Invitation>("WHERE account_id = $1 AND id = $2", params![id.clone()])
}

/// Ends invitations whose time is over, and sends the reminders that are due.
pub async fn sweep(app: &App, account: &AccountId) -> Result<()> {
    let now = app.clock.now();
    let call = Call::system(account.clone(), "worker: invitations", now);
    let over = format!(
        "SELECT id FROM invitations WHERE account_id = $1 AND {OPEN} AND expires_at <= $2 ORDER BY expires_at LIMIT $3"
    );
    let to_remind = "SELECT id FROM invitations WHERE account_id = $1 AND state = 'sent' AND remind_at <= $2 AND expires_at > $2 ORDER BY remind_at LIMIT $3";
    loop {
        let found = due(app, account, over.clone(), now).await?;
        for (id,) in &found {
            expire(app, &call, id).await?;
        }
        if found.is_empty() {
            break;
        }
    }
    loop {
        let found = due(app, account, to_remind, now).await?;
        for (id,) in &found {
            remind(app, &call, id).await?;
        }
        if found.is_empty() {
            return Ok(());
        }
    }
}

async fn due(
    app: &App,
    account: &AccountId,
    sql: impl Into<std::borrow::Cow<'static, str>>,
    now: Timestamp,
) -> Result<Vec<(Id<Invitation>,)>> {
    let select = Select::new(sql, params![now, AT_ONCE]);
    Ok(app.db.fetch(account, select).await?)
}

async fn expire(app: &App, call: &Call, id: &Id<Invitation>) -> Result<()> {
    let plan = || async {
        let mut plan = Plan::new("invitation.expire");
        let found = app
            .db
            .first::<Invitation>(call.account(), by_id(id))
            .await?;
        let over = |one: &Invitation| one.state.is_open() && one.expires_at <= call.now;
        if let Some(before) = found.filter(over) {
            let (db, ids) = (&app.db, &app.ids);
            end(db, ids, call, &mut plan, &before, InvitationState::Expired).await?;
        }
        Ok((plan, ()))
    };
    commit(&app.db, &app.ids, call, plan).await.map(|_| ())
}

/// The days before the end on which the account reminds.
fn reminder_days(settings: &JsonValue) -> Vec<i64> {
    let given = settings.pointer("/invitations/reminder_days");
    match given.and_then(JsonValue::as_array) {
        Some(days) => days.iter().filter_map(JsonValue::as_i64).collect(),
        None => vec![3],
    }
}

async fn remind(app: &App, call: &Call, id: &Id<Invitation>) -> Result<()> {
    let plan = || async {
        let mut plan = Plan::new("invitation.remind");
        let mut batch = Batch::new();
        let found = batch.add::<Invitation>(by_id(id));
        let settings = batch.add::<(JsonValue,)>(settings_of());
        let names = batch.add::<(String, Option<String>)>(Select::new(
            "SELECT t.name, o.name FROM teams t LEFT JOIN organizations o ON o.account_id = $1 AND o.id = t.organization_id \
             WHERE t.account_id = $1 AND t.id IN (SELECT team_id FROM invitations WHERE account_id = $1 AND id = $2)",
            params![id.clone()],
        ));
        let products = batch.add::<(String, Option<Timestamp>)>(Select::new(
            "SELECT p.name, a.expires_at FROM seat_assignments a JOIN products p ON p.account_id = $1 AND p.id = a.product_id \
             WHERE a.account_id = $1 AND a.cause = 'invited' AND a.state IN ('reserved', 'waitlisted') AND a.user_id IN (SELECT user_id FROM invitations WHERE account_id = $1 AND id = $2) \
             AND a.team_id IN (SELECT team_id FROM invitations WHERE account_id = $1 AND id = $2) ORDER BY a.id",
            params![id.clone()],
        ));
        let mut rows = app.db.read(call.account(), batch).await?;
        let is_due = |one: &Invitation| {
            one.state == InvitationState::Sent && one.remind_at.is_some_and(|at| at <= call.now)
        };
        let (Some(before), Some((team, organization))) =
            (rows.first(&found).filter(is_due), rows.first(&names))
        else {
            return Ok((plan, ()));
        };
        let days = rows
            .first(&settings)
            .map(|(settings,)| reminder_days(&settings));
        let mut after = Invitation {
            remind_at: next_reminder(&days.unwrap_or_default(), before.expires_at, call.now),
            updated_at: call.now,
            ..before.clone()
        };
        let told = Told {
            team: &team,
            organization: organization.as_deref(),
            products: rows.take(&products),
            is_reminder: true,
        };
        mail::send(&mut plan, &app.ids, call.now, &mut after, &told);
        plan.write(Statement::update(&after, before.version));
        plan.event(after.event("reminded"));
        Ok((plan, ()))
    };
    commit(&app.db, &app.ids, call, plan).await.map(|_| ())
}

fn settings_of() -> Select {
    Select::new(
        "SELECT settings FROM accounts WHERE account_id = $1",
        Vec::new(),
    )
}

/// Notes on an invitation how far its mail has come. Other mails concern nobody here.
pub async fn follow_mail(app: &App, account: &AccountId, mail_id: &str) -> Result<()> {
    let call = Call::system(account.clone(), "worker", app.clock.now());
    let plan = || async {
        let mut plan = Plan::new("invitation.follow");
        let mut batch = Batch::new();
        let found = batch.add::<Invitation>(Select::rows::<Invitation>(
            &format!("WHERE account_id = $1 AND mail_id = $2 AND {OPEN}"),
            params![mail_id.to_owned()],
        ));
        let mail = batch.add::<MailRow>(Select::rows::<MailRow>(
            "WHERE account_id = $1 AND id = $2",
            params![mail_id.to_owned()],
        ));
        let settings = batch.add::<(JsonValue,)>(settings_of());
        let mut rows = app.db.read(account, batch).await?;
        let (Some(before), Some(mail)) = (rows.first(&found), rows.first(&mail)) else {
            return Ok((plan, ()));
        };
        let days = rows
            .first(&settings)
            .map(|(settings,)| reminder_days(&settings));
        let after = followed(&before, &mail, &days.unwrap_or_default(), call.now);
        if after == before {
            return Ok((plan, ()));
        }
        plan.write(Statement::update(&after, before.version));
        if after.state != before.state {
            let previous = json!({ "state": before.state });
            plan.event(after.event(after.state.as_str()).previous(previous));
        }
        Ok((plan, ()))
    };
    commit(&app.db, &app.ids, &call, plan).await.map(|_| ())
}

/// The invitation as its mail makes it. A mail that is kept here for want of a mail server has gone nowhere: the
/// invitation stays `queued`, with the reason.
fn followed(before: &Invitation, mail: &MailRow, days: &[i64], now: Timestamp) -> Invitation {
    let mut after = before.clone();
    after.mail_reply.clone_from(&mail.last_reply);
    match mail.state {
        MailState::Sent if before.state == InvitationState::Sent => {}
        MailState::Sent => {
            after.state = InvitationState::Sent;
            after.sent_at = mail.sent_at;
            after.remind_at = next_reminder(days, before.expires_at, now);
        }
        MailState::Failed => {
            after.state = InvitationState::Failed;
            after.remind_at = None;
        }
        MailState::Queued | MailState::Caught => {}
    }
    if after != *before {
        after.updated_at = now;
    }
    after
}
