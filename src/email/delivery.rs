//! Sending one mail of the outbox, as often as its job says.
//!
//! What is written is what is true at the time: the person's present name and address, the present brand. A
//! mail that was sent or whose reader is gone is left alone, so a job that runs twice sends once; only a node that dies
//! between the mail server's «taken» and its own note of it sends again, under the same Message-ID.

use std::time::Duration;

use serde_json::{Map, Value as JsonValue, json};

use super::look;
use super::offer::Offer;
use super::outbox::{self, MailId, MailRow, MailState};
use super::{
    Brand, Common, Mailer, OutgoingMail, Recipient, Rendered, SendError, ServerReply, Template,
    render,
};
use crate::access::{Call, links};
use crate::app::App;
use crate::commit::commit;
use crate::db::{Batch, Select, Statement};
use crate::error::{Error, Result};
use crate::events::Plan;
use crate::locale::Locale;
use crate::params;
use crate::types::{AccountId, Email, Timestamp};

/// What one dialogue with the mail server may take in all; its single steps have limits of their own.
const DIALOGUE: Duration = Duration::from_mins(2);
/// So often the outcome of a sent mail is noted before the job is given up.
const NOTES: u32 = 5;

/// What is read for a mail.
struct Facts {
    mail: MailRow,
    brand: Brand,
    account_zone: String,
    reader: Option<Reader>,
    link: Option<(String, Timestamp)>,
    /// Why the mail must not go out any more.
    is_void: Option<&'static str>,
    overriding: Option<Template>,
}

/// The person a mail is for.
struct Reader {
    email: String,
    first_name: Option<String>,
    name: Option<String>,
    timezone: Option<String>,
}

/// Sends a mail if it is still to be sent. `last` says that no attempt will follow this one.
///
/// An error means that another attempt may help; the mail keeps the server's words either way.
pub async fn deliver(app: &App, account: &AccountId, mail_id: &str, last: bool) -> Result<()> {
    let Some(id) = MailId::parse(mail_id) else {
        return Ok(());
    };
    let Some(facts) = read(app, account, &id).await? else {
        return Ok(());
    };
    if facts.mail.state != MailState::Queued {
        return Ok(());
    }
    if facts.mail.user_id.is_some() && facts.reader.is_none() {
        return note(
            app,
            account,
            &facts.mail,
            MailState::Failed,
            "The person is not here any more.",
            None,
        )
        .await;
    }
    if let Some(why) = facts.is_void {
        return note(app, account, &facts.mail, MailState::Failed, why, None).await;
    }
    let rendered = match write(app, &facts) {
        Ok(rendered) => rendered,
        Err(fault) => {
            return note(app, account, &facts.mail, MailState::Failed, &fault, None).await;
        }
    };
    let mut mail = facts.mail.clone();
    mail.subject = Some(rendered.subject.clone());
    mail.to_address = facts
        .reader
        .as_ref()
        .map_or(mail.to_address, |reader| reader.email.clone());
    let (Some(mailer), Some(from)) = (&app.mailer, &app.config.email.from) else {
        let why = "No mail server is set: the mail is kept here.";
        return note(app, account, &mail, MailState::Caught, why, Some(&rendered)).await;
    };
    let message_id = mail.message_id.take();
    let message_id = message_id.unwrap_or_else(|| format!("{}@{}", mail.id, from.email.domain()));
    mail.message_id = Some(message_id.clone());
    let outgoing = outgoing(&facts, &mail, message_id, rendered);
    let (state, reply) = match hand_over(mailer, &outgoing).await {
        Ok(reply) => (MailState::Sent, format!("{} {}", reply.code, reply.text)),
        Err(SendError::Permanent { reply }) => (MailState::Failed, reply),
        Err(SendError::Transient { reply }) => {
            let state = if last {
                MailState::Failed
            } else {
                MailState::Queued
            };
            note(app, account, &mail, state, &reply, None).await?;
            return Err(Error::internal(format!("not sent yet: {reply}")));
        }
    };
    note(app, account, &mail, state, &reply, None).await
}

async fn hand_over(mailer: &Mailer, mail: &OutgoingMail) -> Result<ServerReply, SendError> {
    let late = |_| SendError::Transient {
        reply: format!(
            "the mail server took longer than {} seconds",
            DIALOGUE.as_secs()
        ),
    };
    tokio::time::timeout(DIALOGUE, mailer.send(mail))
        .await
        .map_err(late)?
}

fn outgoing(facts: &Facts, mail: &MailRow, message_id: String, text: Rendered) -> OutgoingMail {
    let reader = facts.reader.as_ref();
    OutgoingMail {
        message_id,
        date: mail.created_at.to_jiff(),
        from_name: Some(plain(&facts.brand.name)),
        reply_to: facts
            .brand
            .support_email
            .clone()
            .filter(|text| Email::parse(text).is_ok()),
        to_name: reader.and_then(|reader| reader.name.as_deref()).map(plain),
        to: mail.to_address.clone(),
        subject: text.subject,
        text: text.text,
        html: text.html,
    }
}

/// Control characters in a name would make the mail invalid; they become spaces.
fn plain(name: &str) -> String {
    name.replace(
        |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'),
        " ",
    )
}

async fn read(app: &App, account: &AccountId, id: &MailId) -> Result<Option<Facts>> {
    let Some(mail) = app.db.first::<MailRow>(account, outbox::by_id(id)).await? else {
        return Ok(None);
    };
    let mut batch = Batch::new();
    let own = batch.add::<(String,)>(Select::new(
        "SELECT timezone FROM accounts WHERE account_id = $1",
        vec![],
    ));
    let reader = batch.add::<(String, Option<String>, Option<String>, Option<String>, Option<String>)>(Select::new(
        "SELECT email, first_name, last_name, name, timezone FROM users WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL",
        params![mail.user_id],
    ));
    let link = batch.add::<(Timestamp,)>(Select::new(
        "SELECT expires_at FROM sign_in_links WHERE account_id = $1 AND id = $2",
        params![mail.link_id],
    ));
    let offer = Offer::ask(&mut batch, &mail);
    let template = batch.add::<(String, String, String)>(Select::new(
        "SELECT subject, text_body, html_body FROM mail_templates WHERE account_id = $1 AND kind = $2 AND locale = $3",
        params![mail.kind, locale(&mail).language().code().to_owned()],
    ));
    let mut rows = app.db.read(account, batch).await?;
    let Some((account_zone,)) = rows.first(&own) else {
        return Ok(None);
    };
    let brand = look::brand_of(&app.db, account, &mail).await?;
    let reader = rows
        .first(&reader)
        .map(|(email, first_name, last_name, name, timezone)| {
            let both = [first_name.clone(), last_name]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(" ");
            let name = name.or_else(|| Some(both).filter(|both| !both.is_empty()));
            Reader {
                email,
                first_name,
                name,
                timezone,
            }
        });
    let sign_in = rows.first(&link).zip(mail.link_id.as_deref());
    let sign_in = sign_in.map(|((at,), id)| (links::url(app, account, id), at));
    let (offered, is_void) = offer.read(app, account, &mut rows);
    Ok(Some(Facts {
        brand,
        account_zone,
        reader,
        link: sign_in.or(offered),
        is_void,
        overriding: rows.first(&template).map(|(subject, text, html)| Template {
            subject,
            text,
            html,
        }),
        mail,
    }))
}

fn locale(mail: &MailRow) -> Locale {
    Locale::parse(&mail.locale).unwrap_or_else(|_| Locale::english())
}

/// Writes the mail; an operator's own template that fails gives way to the built-in one. The error is for the operator.
fn write(app: &App, facts: &Facts) -> Result<Rendered, String> {
    let context = context(app, facts);
    let (mail, locale) = (&facts.mail, locale(&facts.mail));
    if let Some(own) = &facts.overriding {
        match render(mail.kind, &locale, Some(own), &context) {
            Ok(rendered) => return Ok(rendered),
            Err(error) => {
                tracing::warn!(mail_id = %mail.id, kind = mail.kind.name(), %error, "the account's own template failed; the built-in one is used");
            }
        }
    }
    render(mail.kind, &locale, None, &context)
        .map_err(|error| format!("The mail could not be written: {error}"))
}

/// All variables of the mail's kind: what the row knows, and what is true now.
fn context(app: &App, facts: &Facts) -> JsonValue {
    let (mail, reader) = (&facts.mail, facts.reader.as_ref());
    let email = reader.map_or_else(|| mail.to_address.clone(), |reader| reader.email.clone());
    let origin = app.config.server.origin();
    let common = Common {
        brand: facts.brand.clone(),
        recipient: Recipient {
            name: reader
                .and_then(|reader| reader.name.clone())
                .unwrap_or_else(|| email.clone()),
            first_name: reader.and_then(|reader| reader.first_name.clone()),
            email,
        },
        sign_in_url: format!("{origin}/sign-in"),
        time_zone: reader
            .and_then(|reader| reader.timezone.clone())
            .unwrap_or_else(|| facts.account_zone.clone()),
    };
    // Members that a kind may lack are there for every kind: a template asks whether they are empty.
    let mut all = Map::new();
    for name in [
        "organization",
        "inviter",
        "team",
        "assigned_by",
        "button",
        "note",
        "reason",
    ] {
        all.insert(name.to_owned(), JsonValue::Null);
    }
    all.insert("products".to_owned(), json!([]));
    all.insert("reminder".to_owned(), false.into());
    all.insert(
        "courses_url".to_owned(),
        format!("{origin}/my/courses").into(),
    );
    all.insert(
        "requests_url".to_owned(),
        format!("{origin}/my/requests").into(),
    );
    if let JsonValue::Object(members) = &mail.context {
        all.extend(members.clone());
    }
    for product in all
        .get_mut("products")
        .and_then(JsonValue::as_array_mut)
        .into_iter()
        .flatten()
        .filter_map(JsonValue::as_object_mut)
    {
        product.entry("courses").or_insert_with(|| json!([]));
        product.entry("ends_at").or_insert(JsonValue::Null);
    }
    if let JsonValue::Object(members) = json!(common) {
        all.extend(members);
    }
    if let Some((link, expires_at)) = &facts.link {
        all.insert("link".to_owned(), link.as_str().into());
        all.insert("link_expires_at".to_owned(), json!(expires_at));
    }
    all.into()
}

/// Notes an attempt and what came of it. A mail that was taken is noted even if the database is away for a moment.
async fn note(
    app: &App,
    account: &AccountId,
    mail: &MailRow,
    state: MailState,
    reply: &str,
    kept: Option<&Rendered>,
) -> Result<()> {
    let now = app.clock.now();
    let mut mail = mail.clone();
    mail.state = state;
    mail.attempts += 1;
    mail.last_reply = Some(reply.to_owned());
    mail.sent_at = matches!(state, MailState::Sent | MailState::Caught).then_some(now);
    let statement = Statement::guarded(
        "UPDATE mails SET state = $2, attempts = attempts + 1, last_reply = $3, sent_at = $4, message_id = $5, subject = $6, \
         to_address = $7, text_body = $8, html_body = $9 WHERE account_id = $1 AND id = $10 AND state = 'queued'",
        params![
            state,
            mail.last_reply,
            mail.sent_at,
            mail.message_id,
            mail.subject,
            mail.to_address,
            kept.map(|kept| kept.text.clone()),
            kept.map(|kept| kept.html.clone()),
            mail.id
        ],
    );
    let action = match state {
        MailState::Queued => {
            app.db.write(account, vec![statement]).await?;
            return Ok(());
        }
        MailState::Sent => "mail.sent",
        MailState::Caught => "mail.caught",
        MailState::Failed => "mail.failed",
    };
    app.metrics.mail(state.as_str());
    let call = Call::system(account.clone(), "worker", now);
    for attempt in 1.. {
        let plan = || async {
            let mut plan = Plan::new(action);
            plan.write(statement.clone());
            plan.event(outbox::event(action, &mail));
            Ok((plan, ()))
        };
        match commit(&app.db, &app.ids, &call, plan).await {
            Err(error) if attempt < NOTES && error.code().is_retryable() => {
                tokio::time::sleep(Duration::from_millis(200 * u64::from(attempt))).await;
            }
            Err(error) => return Err(error),
            Ok(_) => break,
        }
    }
    Ok(())
}
