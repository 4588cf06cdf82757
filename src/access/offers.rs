//! Addresses of invitations and of joins to be confirmed: signed, never stored.
//!
//! An address carries the account, the record and, for an invitation, its generation; a new generation ends the addresses
//! of older ones. An invitation has two: the mailed one proves that its reader owns the mailbox, the copied one, which
//! whoever may see it can hand over by other ways, proves nothing of the kind. Looking at either changes nothing.

use super::links::suffix;
use super::signed;
use crate::app::App;
use crate::types::AccountId;

crate::words! {
    /// How an address came to its reader.
    pub enum Way {
        /// By mail: it proves the address.
        Mailed = "mailed",
        /// Copied by somebody who may see it, and handed over.
        Copied = "copied",
    }
}

impl Way {
    /// Part of every signature.
    const fn purpose(self) -> &'static str {
        match self {
            Self::Mailed => "invitation-mailed",
            Self::Copied => "invitation-copied",
        }
    }
}

/// Part of every signature of a join.
const JOIN: &str = "join-confirmation";

/// What the address of an invitation names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvitationToken {
    /// The account.
    pub account: AccountId,
    /// The invitation's id.
    pub id: String,
    /// Which of its addresses it is.
    pub generation: i64,
    /// How it came to its reader.
    pub way: Way,
}

/// The address of an invitation.
pub fn invitation_url(
    app: &App,
    account: &AccountId,
    id: &str,
    generation: i64,
    way: Way,
) -> String {
    let payload = format!("{}.{}.{generation}", suffix(account.as_str()), suffix(id));
    let token = signed::sign(&app.keys.link, way.purpose(), &payload);
    format!("{}/invitation/{token}", app.config.server.origin())
}

/// What the token of an invitation's address names; none for every other text.
pub fn read_invitation(app: &App, token: &str) -> Option<InvitationToken> {
    let open = |way: &Way| Some((*way, signed::open(&app.keys.link, way.purpose(), token)?));
    let (way, payload) = Way::ALL.iter().find_map(open)?;
    let mut parts = payload.split('.');
    Some(InvitationToken {
        account: AccountId::parse(&format!("account_{}", parts.next()?))?,
        id: format!("invitation_{}", parts.next()?),
        generation: parts.next()?.parse().ok()?,
        way,
    })
}

/// The address by which a join is confirmed.
pub fn join_url(app: &App, account: &AccountId, request_id: &str) -> String {
    let payload = format!("{}.{}", suffix(account.as_str()), suffix(request_id));
    let token = signed::sign(&app.keys.link, JOIN, &payload);
    format!("{}/join/confirm/{token}", app.config.server.origin())
}

/// The account and the request that the token of a join names; none for every other text.
pub fn read_join(app: &App, token: &str) -> Option<(AccountId, String)> {
    let payload = signed::open(&app.keys.link, JOIN, token)?;
    let (account, request) = payload.split_once('.')?;
    Some((
        AccountId::parse(&format!("account_{account}"))?,
        format!("link_request_{request}"),
    ))
}
