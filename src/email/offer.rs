//! The address in a mail that offers something: an invitation, or a join to be confirmed.
//!
//! The mail's row knows which record it is about. The address is made when the mail is sent, and only if the record is
//! still open and this is its newest mail: nobody gets an offer that no longer stands.

use super::outbox::MailRow;
use crate::access::offers::{Way, invitation_url, join_url};
use crate::app::App;
use crate::db::{Answers, Batch, Select, Slot};
use crate::params;
use crate::types::{AccountId, Timestamp};

/// What stands in a mail's context.
const INVITATION: &str = "invitation_id";
const JOIN: &str = "link_request_id";

/// Where the answers about the record will be.
pub(super) enum Offer {
    /// The mail is about neither.
    None,
    /// Generation and end of the invitation, if it is open and the mail its newest.
    Invitation(String, Slot<(i64, Timestamp)>),
    /// End of the request, if it can still be confirmed.
    Join(String, Slot<(Timestamp,)>),
}

impl Offer {
    /// Asks for the record that a mail is about.
    pub(super) fn ask(batch: &mut Batch, mail: &MailRow) -> Self {
        let id = |name: &str| Some(mail.context.get(name)?.as_str()?.to_owned());
        if let Some(id) = id(INVITATION) {
            let open = "SELECT generation, expires_at FROM invitations WHERE account_id = $1 AND id = $2 AND mail_id = $3 AND state IN ('queued', 'sent', 'failed')";
            let slot = batch.add(Select::new(open, params![id, mail.id]));
            return Self::Invitation(id, slot);
        }
        if let Some(id) = id(JOIN) {
            let open = "SELECT expires_at FROM link_requests WHERE account_id = $1 AND id = $2";
            let slot = batch.add(Select::new(open, params![id]));
            return Self::Join(id, slot);
        }
        Self::None
    }

    /// The address with its end, or why the mail must not go out any more.
    pub(super) fn read(
        &self,
        app: &App,
        account: &AccountId,
        rows: &mut Answers,
    ) -> (Option<(String, Timestamp)>, Option<&'static str>) {
        let now = app.clock.now();
        match self {
            Self::None => (None, None),
            Self::Invitation(id, slot) => match rows.first(slot) {
                Some((generation, at)) if at > now => {
                    let url = invitation_url(app, account, id, generation, Way::Mailed);
                    (Some((url, at)), None)
                }
                _ => (
                    None,
                    Some("The invitation has ended, or a newer mail has taken this one's place."),
                ),
            },
            Self::Join(id, slot) => match rows.first(slot) {
                Some((at,)) if at > now => (Some((join_url(app, account, id), at)), None),
                _ => (None, Some("The request to join has ended.")),
            },
        }
    }
}
