//! What an account does about seats by itself: who is told of what, and which places go back.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as JsonValue;

use crate::db::Select;
use crate::types::Patch;
use crate::types::merge::present;

/// What an account does about seats by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own, as the settings page shows it"
)]
pub struct SeatSettings {
    /// Whether people are told by mail when they are given a place, unless the call says otherwise.
    pub assigned_mail: bool,
    /// Whether people are told by mail when they move up from the waiting line.
    pub promoted_mail: bool,
    /// On how many days before the end of a place its holder is reminded by mail; none: never.
    #[schemars(length(max = 10), inner(range(min = 1, max = 365)))]
    pub reminder_days: Vec<i64>,
    /// At which shares of its places in use, in percent, a seat runs low; none: never.
    #[schemars(length(max = 10), inner(range(min = 1, max = 100)))]
    pub low_levels: Vec<i64>,
    /// Whether owners and managers of a seat's teams are told by mail when it runs low.
    pub low_mail: bool,
    /// After how many days without activity the holder of a place is told that it goes back; absent: never. A seat may
    /// have a rule of its own.
    #[schemars(range(min = 1, max = 3650))]
    pub reclaim_after_days: Option<i64>,
    /// How many days after that the place goes back, unless its holder becomes active.
    #[schemars(range(min = 1, max = 365))]
    pub reclaim_notice_days: i64,
    /// Whether the end of a membership gives back the places that the person has for the team.
    pub release_on_leave: bool,
}

impl Default for SeatSettings {
    fn default() -> Self {
        Self {
            assigned_mail: false,
            promoted_mail: true,
            reminder_days: vec![30, 7, 1],
            low_levels: vec![75, 90, 100],
            low_mail: true,
            reclaim_after_days: None,
            reclaim_notice_days: 7,
            release_on_leave: true,
        }
    }
}

/// A change of what an account does about seats by itself.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SeatSettingsPatch {
    /// Whether people are told by mail when they are given a place, unless the call says otherwise.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "bool")]
    pub assigned_mail: Option<bool>,
    /// Whether people are told by mail when they move up from the waiting line.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "bool")]
    pub promoted_mail: Option<bool>,
    /// On how many days before the end of a place its holder is reminded by mail; none: never.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "Vec<i64>", length(max = 10), inner(range(min = 1, max = 365)))]
    pub reminder_days: Option<Vec<i64>>,
    /// At which shares of its places in use, in percent, a seat runs low; none: never.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "Vec<i64>", length(max = 10), inner(range(min = 1, max = 100)))]
    pub low_levels: Option<Vec<i64>>,
    /// Whether owners and managers of a seat's teams are told by mail when it runs low.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "bool")]
    pub low_mail: Option<bool>,
    /// After how many days without activity the holder of a place is told that it goes back; `null`: never.
    #[schemars(range(min = 1, max = 3650))]
    pub reclaim_after_days: Patch<i64>,
    /// How many days after that the place goes back, unless its holder becomes active.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "i64", range(min = 1, max = 365))]
    pub reclaim_notice_days: Option<i64>,
    /// Whether the end of a membership gives back the places that the person has for the team.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "bool")]
    pub release_on_leave: Option<bool>,
}

/// The read of an account's settings.
pub fn read() -> Select {
    Select::new(
        "SELECT settings FROM accounts WHERE account_id = $1",
        Vec::new(),
    )
}

/// Each number once, the greatest first.
fn descending(numbers: &[i64]) -> Vec<i64> {
    let mut numbers = numbers.to_vec();
    numbers.sort_unstable_by(|a, b| b.cmp(a));
    numbers.dedup();
    numbers
}

impl SeatSettings {
    /// Those of an account, from the row that [`read`] gives.
    pub fn of(row: Option<(JsonValue,)>) -> Self {
        let given = row.and_then(|(settings,)| settings.get("seats").cloned());
        given
            .and_then(|given| serde_json::from_value(given).ok())
            .unwrap_or_default()
    }

    /// They with a change.
    #[must_use]
    pub fn with(mut self, patch: &SeatSettingsPatch) -> Self {
        let put = |target: &mut bool, given: Option<bool>| *target = given.unwrap_or(*target);
        put(&mut self.assigned_mail, patch.assigned_mail);
        put(&mut self.promoted_mail, patch.promoted_mail);
        put(&mut self.low_mail, patch.low_mail);
        put(&mut self.release_on_leave, patch.release_on_leave);
        if let Some(days) = &patch.reminder_days {
            self.reminder_days = descending(days);
        }
        if let Some(levels) = &patch.low_levels {
            self.low_levels = descending(levels);
            self.low_levels.reverse();
        }
        let after_days = patch.reclaim_after_days.clone();
        after_days.apply(&mut self.reclaim_after_days);
        self.reclaim_notice_days = patch
            .reclaim_notice_days
            .unwrap_or(self.reclaim_notice_days);
        self
    }

    /// The highest level that so many used places of a quantity reach; 0: none. Without places there is nothing to run
    /// low.
    pub fn level(&self, used: i64, quantity: Option<i64>) -> i64 {
        let Some(quantity) = quantity.filter(|quantity| *quantity > 0) else {
            return 0;
        };
        let reached = |level: &&i64| used.saturating_mul(100) >= quantity.saturating_mul(**level);
        self.low_levels
            .iter()
            .filter(reached)
            .max()
            .copied()
            .unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_reached_by_the_share_of_places_in_use() {
        let settings = SeatSettings::default();
        let levels = [74, 75, 89, 90, 99, 100, 120].map(|used| settings.level(used, Some(100)));
        assert_eq!(levels, [0, 75, 75, 90, 90, 100, 100]);
        assert_eq!(settings.level(2, Some(3)), 0, "two thirds");
        assert_eq!(settings.level(5, None), 0, "unlimited");
        assert_eq!(settings.level(0, Some(0)), 0, "no places");
        let none = SeatSettings {
            low_levels: Vec::new(),
            ..SeatSettings::default()
        };
        assert_eq!(none.level(1, Some(1)), 0, "no levels");
    }

    #[test]
    fn numbers_are_kept_once_and_in_order() {
        let patch = SeatSettingsPatch {
            reminder_days: Some(vec![1, 14, 1]),
            low_levels: Some(vec![100, 50]),
            ..SeatSettingsPatch::default()
        };
        let settings = SeatSettings::default().with(&patch);
        assert_eq!(settings.reminder_days, [14, 1]);
        assert_eq!(settings.low_levels, [50, 100]);
        assert!(settings.promoted_mail, "the rest stays");
    }
}
