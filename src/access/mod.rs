//! Who may come in: API keys, passwords and what this server has signed.

pub mod keys;
pub mod master_key;
pub mod password;
pub mod password_rules;
pub mod signed;
