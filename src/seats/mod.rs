//! The seat engine: the one door to every seat. API, provisioning, dashboard and jobs come through here.
//!
//! A seat is an allocation of places. Every change of it is an append-only ledger entry with actor, cause and reference;
//! its counters move in the same list of writes and equal the ledger's sums, always ([`integrity`] proves it). Nobody
//! counts and then writes: the one UPDATE of a seat carries the guard, with a CHECK and a partial unique index «one live
//! assignment per seat and person» behind it. If the guard does not hold, nothing was written and the plan is made anew.
//!
//! [`Change`] collects what one plan does to one seat, so that the row is touched once.

pub mod access;
pub mod actions;
pub mod allocate;
pub mod assignment;
pub mod cause;
pub mod change;
pub mod denial;
pub mod hold;
mod holding;
pub mod holds;
pub mod integrity;
pub mod leave;
pub mod ledger;
pub mod merge;
pub mod notices;
pub mod reach;
pub mod reclaim;
pub mod relocate;
pub mod relocation;
pub mod remind;
pub mod request;
pub mod request_mails;
pub mod requests;
pub mod restore;
pub mod seat;
pub mod seat_input;
pub mod settings;
pub mod sharing;
pub mod shortfall;
pub mod sweep;
pub mod template;
pub mod terms;
pub mod waitlist;
pub mod watch;

pub use access::Access;
pub use assignment::{Assignment, AssignmentState};
pub use cause::Cause;
pub use change::Change;
pub use denial::Denial;
pub use hold::SeatHold;
pub use integrity::check_integrity;
pub use reclaim::reclaim_idle;
pub use request::SeatRequest;
pub use seat::Seat;
pub use shortfall::OnShortfall;
pub use sweep::{expire_due, promote_waitlist, sweep};
pub use template::SeatTemplate;
pub use terms::{Expiry, Terms};
