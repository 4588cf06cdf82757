//! Places with what a mail to their holders needs, read many at once.

use serde_json::Value as JsonValue;

use super::assignment::Assignment;
use super::notices::reader_locale;
use crate::db::{Column as _, DbError, FromRow, Reader, Row as _};
use crate::email::{TemplateKind, outbox};
use crate::events::Plan;
use crate::types::{Email, Ids, Timestamp};

/// A place with whom to tell of it.
pub(super) struct Holding {
    pub(super) assignment: Assignment,
    pub(super) team: String,
    pub(super) product: String,
    email: Email,
    locale: Option<String>,
    account_locale: String,
}

impl FromRow for Holding {
    fn from_row(reader: &mut Reader<'_>) -> std::result::Result<Self, DbError> {
        Ok(Self {
            assignment: Assignment::from_row(reader)?,
            team: String::read(reader)?,
            product: String::read(reader)?,
            email: Email::read(reader)?,
            locale: Option::read(reader)?,
            account_locale: String::read(reader)?,
        })
    }
}

impl Holding {
    /// The beginning of a SELECT of places: their columns, `further` ones behind them, and the tables they come from. The
    /// holder is `u` there.
    pub(super) fn selection(further: &str) -> String {
        format!(
            "SELECT {}, t.name, p.name, u.email, u.locale, ac.locale{further} FROM seat_assignments \
             JOIN accounts ac ON ac.account_id = $1 \
             JOIN users u ON u.account_id = $1 AND u.id = seat_assignments.user_id \
             JOIN teams t ON t.account_id = $1 AND t.id = seat_assignments.team_id \
             JOIN products p ON p.account_id = $1 AND p.id = seat_assignments.product_id",
            Assignment::selection()
        )
    }

    /// Queues a mail to the holder.
    pub(super) fn queue(
        &self,
        plan: &mut Plan,
        ids: &Ids,
        now: Timestamp,
        (kind, once_key): (TemplateKind, String),
        context: JsonValue,
    ) {
        let mail = outbox::NewMail {
            kind,
            user_id: Some(self.assignment.user_id.to_string()),
            to: self.email.clone(),
            locale: reader_locale(self.locale.as_deref(), Some(&self.account_locale)),
            context,
            once_key: Some(once_key),
            link_id: None,
            provision_id: None,
        };
        outbox::queue(plan, ids, now, mail);
    }
}
