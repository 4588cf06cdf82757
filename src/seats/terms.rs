//! Terms: how long an assignment lasts, and whether a place can be given again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::Fault;
use crate::types::Timestamp;

crate::words! {
    /// When an assignment ends.
    pub enum Expiry {
        /// Not at all.
        Never = "never",
        /// On the seat's date, the same for all.
        Date = "date",
        /// So many days after it was given.
        Days = "days",
    }
}

/// How long assignments last, and whether their places can be given again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Terms {
    /// When an assignment ends.
    pub expiry: Expiry,
    /// The date, with `expiry: date`.
    pub expires_at: Option<Timestamp>,
    /// The days, with `expiry: days`.
    pub expires_in_days: Option<i64>,
    /// Whether a released place can be given again.
    pub reusable: bool,
    /// Whether an assignment may be extended beyond its end.
    pub extendable: bool,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            expiry: Expiry::Never,
            expires_at: None,
            expires_in_days: None,
            reusable: true,
            extendable: true,
        }
    }
}

/// Days ahead at most: a hundred years.
pub const MAX_DAYS: i64 = 36_500;

impl Terms {
    /// The terms of seats that are made without any, from an account's settings.
    pub fn of_settings(settings: &serde_json::Value) -> Self {
        let given = settings.get("default_seat_terms");
        let member = |name: &str| given.and_then(|given| given.get(name));
        let days = member("days")
            .and_then(serde_json::Value::as_i64)
            .filter(|days| (1..=MAX_DAYS).contains(days));
        let by_days =
            member("expiry").and_then(serde_json::Value::as_str) == Some("days") && days.is_some();
        let truth = |name: &str| {
            member(name)
                .and_then(serde_json::Value::as_bool)
                .unwrap_or(true)
        };
        Self {
            expiry: if by_days { Expiry::Days } else { Expiry::Never },
            expires_at: None,
            expires_in_days: days.filter(|_| by_days),
            reusable: truth("reusable"),
            extendable: truth("extendable"),
        }
    }

    /// Puts terms together from what a body gave, over what stood before. Faults are told at their members.
    pub fn from_parts(
        before: Self,
        expiry: Option<Expiry>,
        expires_at: Option<Timestamp>,
        days: Option<i64>,
    ) -> Result<Self, Vec<Fault>> {
        let implied = match (expiry, expires_at, days) {
            (Some(expiry), ..) => expiry,
            (None, Some(_), _) => Expiry::Date,
            (None, None, Some(_)) => Expiry::Days,
            (None, None, None) => before.expiry,
        };
        let mut faults = Vec::new();
        let expires_at = expires_at
            .or(before.expires_at)
            .filter(|_| implied == Expiry::Date);
        let days = days
            .or(before.expires_in_days)
            .filter(|_| implied == Expiry::Days);
        if implied == Expiry::Date && expires_at.is_none() {
            faults.push(Fault::new(
                "/expires_at",
                "required",
                "With expiry «date» the date is needed.",
            ));
        }
        if implied == Expiry::Days && !days.is_some_and(|days| (1..=MAX_DAYS).contains(&days)) {
            faults.push(Fault::new(
                "/expires_in_days",
                "required",
                format!("With expiry «days» a number from 1 to {MAX_DAYS} is needed."),
            ));
        }
        if faults.is_empty() {
            Ok(Self {
                expiry: implied,
                expires_at,
                expires_in_days: days,
                ..before
            })
        } else {
            Err(faults)
        }
    }

    /// When an assignment given at `now` ends; none: never.
    pub fn end(&self, now: Timestamp) -> Option<Timestamp> {
        match self.expiry {
            Expiry::Never => None,
            Expiry::Date => self.expires_at,
            Expiry::Days => self.expires_in_days.map(|days| now.plus_days(days)),
        }
    }

    /// When an assignment ends that was asked to end at `wanted`: never later than the terms allow.
    pub fn end_within(
        &self,
        wanted: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, String> {
        let end = self.end(now);
        match (wanted, end) {
            (None, end) => Ok(end),
            (Some(wanted), _) if wanted <= now => Err("lies in the past".to_owned()),
            (Some(wanted), Some(end)) if wanted > end => {
                Err(format!("lies beyond the seat's terms, which end {end}"))
            }
            (wanted, _) => Ok(wanted),
        }
    }
}

/// The later of two ends, where none means never.
pub fn later(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.max(b)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

    #[test]
    fn an_end_is_never_beyond_the_terms() {
        let thirty = Terms {
            expiry: Expiry::Days,
            expires_in_days: Some(30),
            ..Terms::default()
        };
        assert_eq!(thirty.end_within(None, NOW), Ok(Some(NOW.plus_days(30))));
        assert_eq!(
            thirty.end_within(Some(NOW.plus_days(7)), NOW),
            Ok(Some(NOW.plus_days(7)))
        );
        assert!(thirty.end_within(Some(NOW.plus_days(31)), NOW).is_err());
        assert!(
            Terms::default().end_within(Some(NOW), NOW).is_err(),
            "the past"
        );
        assert_eq!(later(None, Some(NOW)), None, "never is the latest");
    }

    #[test]
    fn parts_imply_their_expiry() {
        assert_eq!(
            Terms::from_parts(Terms::default(), None, None, Some(5)).map(|terms| terms.expiry),
            Ok(Expiry::Days)
        );
        assert!(Terms::from_parts(Terms::default(), Some(Expiry::Date), None, None).is_err());
        assert!(Terms::from_parts(Terms::default(), None, None, Some(0)).is_err());
    }
}
