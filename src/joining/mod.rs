//! Self-enrolment: a link of a team by which people join it themselves, with its limits, its requests and its approvals.
//!
//! Whoever opens a link's public page says who they are; since that proves nothing, the join takes effect when the address
//! is confirmed by the link in a mail (or at once for somebody who is signed in). All limits are checked then by one
//! conditional update of the link, in the same list of writes as the seat guard, the membership and the place: of many who
//! join at once none passes a limit, and who is refused is told which one it was. See
//! `docs/decisions/0009-a-join-takes-effect-when-its-address-is-confirmed.md`.

pub mod ask;
pub mod confirm;
pub mod decide;
pub mod input;
pub mod limits;
pub mod link;
pub mod manage;
pub mod qr;
pub mod request;
pub mod sweep;
pub mod views;

pub use link::Link;
pub use request::{LinkRequest, RequestState};
pub use sweep::sweep;
