//! Access: who may come in and what they may do.

pub mod account_roles;
pub mod again;
pub mod api_keys;
pub mod authenticate;
pub mod caller;
pub mod cookies;
pub mod explain;
pub mod failures;
pub mod grants;
pub mod keys;
pub mod links;
pub mod master_key;
pub mod offers;
pub mod owners;
pub mod password;
pub mod password_rules;
pub mod passwords;
pub mod rate_limit;
pub mod rights;
pub mod roles;
pub mod sessions;
pub mod signed;

pub use caller::{Actor, ActorKind, Call, Caller, Permission, Reach};
