//! The outbox: every mail that is to go, went, was caught or failed, as a row.
//!
//! [`queue`] adds a mail to a plan, so that it stands or falls with the change it tells of; the job that goes with it
//! sends it ([`super::delivery`]). A row keeps facts only: names and ends, no link and no secret. Mails that must be
//! sent once have a `once_key`; a second row with it is refused by the index `mails_once`.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Value as JsonValue, json};

use super::TemplateKind;
use crate::columns;
use crate::db::{Column, DbError, Select, Statement, Value};
use crate::events::{Event, Plan};
use crate::jobs::Job;
use crate::locale::Locale;
use crate::params;
use crate::types::{Email, Id, Ids, Kind, Timestamp};

impl Kind for MailRow {
    const PREFIX: &'static str = "mail";
}

/// The id of a mail.
pub type MailId = Id<MailRow>;

crate::words! {
    /// How far a mail has come.
    pub enum MailState {
        /// It waits for its turn or for another attempt.
        Queued = "queued",
        /// The mail server has taken it.
        Sent = "sent",
        /// There is no mail server: it is kept here to be read in the dashboard.
        Caught = "caught",
        /// The mail server refused it for good, or took it in no attempt.
        Failed = "failed",
    }
}

impl Column for TemplateKind {
    type As<'a> = &'a str;
    fn of(name: &str) -> Result<Self, DbError> {
        Self::find(name).ok_or_else(|| DbError::decode("a kind of mail", name))
    }
    fn value(&self) -> Value {
        Value::text(self.name())
    }
    fn null() -> Value {
        Value::Text(None)
    }
}

/// A mail as others see it: everything but its text.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(rename = "Mail")]
pub struct MailRow {
    /// Its id.
    pub id: MailId,
    /// What it is for.
    pub kind: TemplateKind,
    /// The person it is for.
    pub user_id: Option<String>,
    /// The address it goes to.
    pub to_address: String,
    /// The language it is written in.
    pub locale: String,
    /// How far it has come.
    pub state: MailState,
    /// Its Message-ID, from the first attempt on; the same over all of them.
    pub message_id: Option<String>,
    /// Facts for its template.
    #[serde(skip)]
    #[schemars(skip)]
    pub context: JsonValue,
    /// What it may be sent once for.
    #[serde(skip)]
    #[schemars(skip)]
    pub once_key: Option<String>,
    /// The sign-in link in it.
    pub link_id: Option<String>,
    /// The provision it belongs to.
    pub provision_id: Option<String>,
    /// Its subject line, once it is written.
    pub subject: Option<String>,
    /// How often it was tried.
    pub attempts: i64,
    /// The mail server's last words, or what went wrong.
    pub last_reply: Option<String>,
    /// When it was queued.
    pub created_at: Timestamp,
    /// When the mail server took it, or when it was caught.
    pub sent_at: Option<Timestamp>,
}
columns!(MailRow in "mails": id, kind, user_id, to_address, locale, state, message_id, context, once_key, link_id, provision_id, subject, attempts, last_reply, created_at, sent_at);

/// A mail to be queued.
#[derive(Debug, Clone)]
pub struct NewMail {
    /// What it is for.
    pub kind: TemplateKind,
    /// The person it is for. Their address at the time of sending counts.
    pub user_id: Option<String>,
    /// The address it goes to.
    pub to: Email,
    /// The language to write it in.
    pub locale: Locale,
    /// Members of the kind's template struct that only the caller knows, such as `inviter`, `team`, `organization`,
    /// `products` (`[{"name", "courses", "ends_at"}]`). Facts only; links, brand and recipient are added when it is sent.
    /// `team_id` is the team it concerns, whose organization's look it gets: see [`super::look`].
    pub context: JsonValue,
    /// At most one mail of an account has this key, such as `welcome:<user id>`.
    pub once_key: Option<String>,
    /// The sign-in link to put in.
    pub link_id: Option<String>,
    /// The provision it belongs to.
    pub provision_id: Option<String>,
}

/// Adds a mail to a plan: its row, the event `mail.queued` and the job that sends it.
///
/// A `once_key` that is taken fails the plan with the constraint `mails_once`; a caller who cannot rule that out asks
/// [`by_once_key`] first.
pub fn queue(plan: &mut Plan, ids: &Ids, now: Timestamp, new: NewMail) -> MailId {
    let mail = MailRow {
        id: ids.next(now),
        kind: new.kind,
        user_id: new.user_id,
        to_address: new.to.as_str().to_owned(),
        locale: new.locale.to_string(),
        state: MailState::Queued,
        message_id: None,
        context: new.context,
        once_key: new.once_key,
        link_id: new.link_id,
        provision_id: new.provision_id,
        subject: None,
        attempts: 0,
        last_reply: None,
        created_at: now,
        sent_at: None,
    };
    plan.write(Statement::insert(&mail));
    announce(plan, &mail);
    mail.id
}

/// Puts a failed mail in the queue again. The plan is stale if it is not `failed` any more.
pub fn retry(plan: &mut Plan, mail: &MailRow) {
    plan.write(Statement::guarded(
        "UPDATE mails SET state = 'queued' WHERE account_id = $1 AND id = $2 AND state = 'failed'",
        params![mail.id],
    ));
    announce(
        plan,
        &MailRow {
            state: MailState::Queued,
            ..mail.clone()
        },
    );
}

fn announce(plan: &mut Plan, mail: &MailRow) {
    plan.event(event("mail.queued", mail));
    let subject = mail
        .provision_id
        .clone()
        .unwrap_or_else(|| mail.id.to_string());
    plan.job(
        Job::SendMail {
            mail_id: mail.id.to_string(),
        },
        Some(subject),
    );
}

/// An event about a mail, on its reader's timeline.
pub(super) fn event(kind: &str, mail: &MailRow) -> Event {
    let event = Event::new(kind, &mail.id, json!(mail));
    match &mail.user_id {
        Some(user) => event.user(user),
        None => event,
    }
}

/// The mail of this id.
pub fn by_id(id: &MailId) -> Select {
    Select::rows::<MailRow>("WHERE account_id = $1 AND id = $2", params![*id])
}

/// The mail with this once-key, if it was ever queued.
pub fn by_once_key(key: &str) -> Select {
    Select::rows::<MailRow>(
        "WHERE account_id = $1 AND once_key = $2",
        params![key.to_owned()],
    )
}

/// The mails of a provision, the oldest first.
pub fn of_provision(provision_id: &str) -> Select {
    Select::rows::<MailRow>(
        "WHERE account_id = $1 AND provision_id = $2 ORDER BY id",
        params![provision_id.to_owned()],
    )
}

/// Which mails to list.
#[derive(Debug, Clone, Default)]
pub struct MailFilter {
    /// Those in this state.
    pub state: Option<MailState>,
    /// Those to this person.
    pub user_id: Option<String>,
    /// Those of this kind.
    pub kind: Option<TemplateKind>,
    /// Those older than this one: where the page before ended.
    pub before: Option<MailId>,
}

/// Mails that fit the filter, the newest first, at most `limit`.
pub fn list(filter: &MailFilter, limit: i64) -> Select {
    let mut rest = String::from("WHERE account_id = $1");
    let mut values = Vec::new();
    let mut narrow = |condition: &str, value: Value| {
        values.push(value);
        let _ = write!(rest, " AND {condition} ${}", values.len() + 1);
    };
    if let Some(state) = &filter.state {
        narrow("state =", state.value());
    }
    if let Some(user) = &filter.user_id {
        narrow("user_id =", user.value());
    }
    if let Some(kind) = &filter.kind {
        narrow("kind =", kind.value());
    }
    if let Some(before) = &filter.before {
        narrow("id <", before.value());
    }
    values.push(limit.value());
    let _ = write!(rest, " ORDER BY id DESC LIMIT ${}", values.len() + 1);
    Select::rows::<MailRow>(&rest, values)
}

/// The text of a caught mail: text, HTML. Absent for a mail that went out, whose text is not kept.
pub fn bodies(id: &MailId) -> Select {
    Select::new(
        "SELECT text_body, html_body FROM mails WHERE account_id = $1 AND id = $2 AND text_body IS NOT NULL AND html_body IS NOT NULL",
        params![*id],
    )
}
