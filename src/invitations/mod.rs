//! Invitations: an offer of a membership by mail, with places held for it.
//!
//! `invite` makes one: the person, where there is none of the address, the places held, the mail, in one list of writes.
//! `again` sends it once more or takes it back; `accept` is the page's side; `sweep` is what time and the mail server
//! bring about. `entrance` is how anybody enters a team with places, whether by invitation or by a link.
//!
//! Whatever ends an invitation (accepted, revoked, expired) settles its places in the same list of writes, so none is left
//! held for an offer that no longer stands.

pub mod accept;
pub mod again;
pub mod entrance;
pub mod invite;
mod mail;
pub mod record;
pub mod sweep;

pub(crate) use mail::role_name;
pub use record::{Invitation, InvitationState};
pub use sweep::{follow_mail, sweep};
