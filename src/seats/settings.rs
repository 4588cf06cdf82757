//! What an account does about seats by itself: who is told of what.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as JsonValue;

use crate::db::Select;

/// What an account does about seats by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SeatSettings {
    /// Whether people are told by mail when they are given a place, unless the call says otherwise.
    pub assigned_mail: bool,
    /// Whether people are told by mail when they move up from the waiting line.
    pub promoted_mail: bool,
}

impl Default for SeatSettings {
    fn default() -> Self {
        Self {
            assigned_mail: false,
            promoted_mail: true,
        }
    }
}

/// The read of an account's settings.
pub fn read() -> Select {
    Select::new(
        "SELECT settings FROM accounts WHERE account_id = $1",
        Vec::new(),
    )
}

impl SeatSettings {
    /// Those of an account, from the row that [`read`] gives.
    pub fn of(row: Option<(JsonValue,)>) -> Self {
        let given = row.and_then(|(settings,)| settings.get("seats").cloned());
        given
            .and_then(|given| serde_json::from_value(given).ok())
            .unwrap_or_default()
    }
}
