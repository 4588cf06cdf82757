//! What an account does about seats by itself: who is told of what, and what becomes of idle places.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as JsonValue;

use super::terms::MAX_DAYS;
use crate::db::Select;
use crate::error::Fault;

/// Reminders at most.
const MOST_REMINDERS: usize = 5;

/// What an account does about seats by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SeatSettings {
    /// So many days before its end the holder of a place is reminded; empty: never.
    #[schemars(length(max = 5))]
    pub reminder_days: Vec<i64>,
    /// Whether people are told by mail when they are given a place, unless the call says otherwise.
    pub assigned_mail: bool,
    /// Whether people are told by mail when they move up from the waiting line.
    pub promoted_mail: bool,
    /// Whether the owners of teams are told by mail when a seat is used to 75, 90 and 100 %.
    pub low_seat_mail: bool,
    /// Places whose holder has begun nothing for so many days go back to the seat; absent: they stay.
    #[schemars(range(min = 1, max = 36500))]
    pub reclaim_after_days: Option<i64>,
    /// So many days before that the holder is told.
    #[schemars(range(min = 1, max = 365))]
    pub reclaim_notice_days: i64,
}

impl Default for SeatSettings {
    fn default() -> Self {
        Self {
            reminder_days: vec![30, 7, 1],
            assigned_mail: false,
            promoted_mail: true,
            low_seat_mail: true,
            reclaim_after_days: None,
            reclaim_notice_days: 7,
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

    /// What is wrong with them.
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let days = |days: &i64| (1..=MAX_DAYS).contains(days);
        if self.reminder_days.len() > MOST_REMINDERS || !self.reminder_days.iter().all(days) {
            faults.push(Fault::new(
                "/seats/reminder_days",
                "invalid",
                format!("{MOST_REMINDERS} numbers of days at the most, each from 1 to {MAX_DAYS}"),
            ));
        }
        if self
            .reclaim_after_days
            .is_some_and(|after| !days(&after) || after <= self.reclaim_notice_days)
        {
            faults.push(Fault::new(
                "/seats/reclaim_after_days",
                "invalid",
                format!("a number up to {MAX_DAYS} and more than reclaim_notice_days"),
            ));
        }
        if !(1..=365).contains(&self.reclaim_notice_days) {
            faults.push(Fault::new(
                "/seats/reclaim_notice_days",
                "out_of_range",
                "a number from 1 to 365",
            ));
        }
        faults
    }
}
