//! Access: who may do what.

pub mod caller;

pub use caller::{Actor, ActorKind, Call, Caller, Permission, Reach};
