//! Access: who may come in and what they may do.

pub mod api_keys;
pub mod authenticate;
pub mod caller;
pub mod keys;
pub mod master_key;
pub mod password;
pub mod password_rules;
pub mod rate_limit;
pub mod roles;
pub mod signed;

pub use caller::{Actor, ActorKind, Call, Caller, Permission, Reach};
