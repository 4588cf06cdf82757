//! The ways in which people and teams go, come back and become one.
//!
//! Deleting puts aside: places and memberships end in the same list of writes, name, address and external id are free at
//! once, and what is needed to bring it all back is kept for 30 days ([`restore`]). Then, or when a person asks for it,
//! comes the erasure ([`erase`]): the row stays, since assignments and ledgers refer to it, and tells nothing any more;
//! what others keep of the person is found and replaced by a job ([`traces`]) that may be cut off anywhere and begins
//! anew. Two records of one person become one by [`merge`]; what the other was known by leads to it from then on.

pub mod consequences;
pub mod courses;
pub mod erase;
pub mod explain;
mod explain_scene;
mod explain_ways;
pub mod export;
pub mod lms;
pub mod merge;
mod purge;
pub mod references;
pub mod restore;
mod scrub;
pub mod traces;

pub use purge::purge_due;

/// Days for which what was put aside can be restored.
pub const RESTORABLE_DAYS: i64 = 30;
