//! Moments: microseconds since 1970 in UTC, RFC 3339 with `Z` outside, and the clock that hands them in.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::db::{Column, DbError, Value, json};

/// A moment in UTC, exact to the microsecond, the same before and after the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Microseconds since 1970-01-01T00:00:00Z.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970-01-01T00:00:00Z, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// So many seconds later, or earlier when negative.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1_000_000)))
    }

    /// So many days of 24 hours later.
    #[must_use]
    pub const fn plus_days(self, days: i64) -> Self {
        self.plus_seconds(days.saturating_mul(86_400))
    }

    /// Reads RFC 3339 with any offset, cut to microseconds; `None` outside the years 1970 to 9999.
    pub fn parse(text: &str) -> Option<Self> {
        let moment: jiff::Timestamp = text.parse().ok()?;
        let micros = moment.as_microsecond();
        (0..=253_402_300_799_999_999)
            .contains(&micros)
            .then_some(Self(micros))
    }

    /// The same moment for calendars and zones; out-of-range values are held at the edges of the calendar.
    pub fn to_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_microsecond(self.0).unwrap_or(if self.0 < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        })
    }
}

/// The numbers from 0 to 99 in two digits.
#[expect(
    clippy::indexing_slicing,
    reason = "within the bounds that the loop looks at"
)]
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [*b"00"; 100];
    let mut n = 1;
    while n < 100 {
        let [tens, ones] = pairs[n - 1];
        pairs[n] = if ones == b'9' {
            [tens + 1, b'0']
        } else {
            [tens, ones + 1]
        };
        n += 1;
    }
    pairs
};

fn pair(n: u64) -> [u8; 2] {
    let at = usize::try_from(n).unwrap_or_default();
    PAIRS.get(at).copied().unwrap_or(*b"00")
}

/// Room for `2027-01-31T09:30:00.123456Z`.
type Text = [u8; 27];

impl Timestamp {
    /// RFC 3339 without needless digits, written by hand since every record of every page has two or three of them;
    /// `None` outside the years 1970 to 9999.
    fn write(self, text: &mut Text) -> Option<&str> {
        let micros = u64::try_from(self.0)
            .ok()
            .filter(|micros| *micros < 253_402_300_800_000_000)?;
        let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
        let (days, second) = (seconds / 86_400, seconds % 86_400);
        // Days to year, month and day in the calendar that begins in March of the year 0, where the leap day is last.
        let days = days + 719_468;
        let (era, of_era) = (days / 146_097, days % 146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * of_year + 2) / 153;
        let day = of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 {
            shifted + 3
        } else {
            shifted - 9
        };
        let year = era * 400 + year_of_era + u64::from(month <= 2);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        let [y1, y2] = pair(year / 100);
        let [y3, y4] = pair(year % 100);
        let [m1, m2] = pair(month);
        let [d1, d2] = pair(day);
        let [h1, h2] = pair(hour);
        let [i1, i2] = pair(minute);
        let [s1, s2] = pair(second);
        let [f1, f2] = pair(fraction / 10_000);
        let [f3, f4] = pair(fraction / 100 % 100);
        let [f5, f6] = pair(fraction % 100);
        *text = [
            y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', i1, i2, b':', s1, s2,
            b'.', f1, f2, f3, f4, f5, f6, b'Z',
        ];
        let mut end = if fraction == 0 { 19 } else { 26 };
        while end > 20 && text.get(end - 1) == Some(&b'0') {
            end -= 1;
        }
        *text.get_mut(end)? = b'Z';
        std::str::from_utf8(text.get(..=end)?).ok()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.write(&mut Text::default()) {
            Some(text) => f.write_str(text),
            None => self.to_jiff().fmt(f),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.write(&mut Text::default()) {
            Some(text) => serializer.serialize_str(text),
            None => serializer.collect_str(&self.to_jiff()),
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            serde::de::Error::custom("is not a time of RFC 3339 such as 2027-01-31T09:30:00Z")
        })
    }
}

impl JsonSchema for Timestamp {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Timestamp".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

impl Column for Timestamp {
    type As<'a> = i64;
    fn of(micros: i64) -> Result<Self, DbError> {
        Ok(Self(micros))
    }
    fn write_json(micros: i64, out: &mut Vec<u8>) -> Result<(), DbError> {
        let (time, mut digits) = (Self(micros), Text::default());
        let Some(text) = time.write(&mut digits) else {
            return json::write(&time, out);
        };
        json::write_plain(text, out);
        Ok(())
    }
    fn value(&self) -> Value {
        Value::Int(Some(self.0))
    }
    fn null() -> Value {
        Value::Int(None)
    }
}

/// Where the time comes from: the system, or a hand that tests turn.
#[derive(Clone, Default)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// The system's clock, cut to microseconds.
    pub const fn system() -> Self {
        Self(None)
    }

    /// A clock that stands still until it is moved.
    pub fn fixed(at: Timestamp) -> Self {
        Self(Some(Arc::new(AtomicI64::new(at.micros()))))
    }

    /// The present moment.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the system's clock is read"
    )]
    pub fn now(&self) -> Timestamp {
        self.0.as_ref().map_or_else(
            || Timestamp(jiff::Timestamp::now().as_microsecond()),
            |hand| Timestamp(hand.load(Ordering::SeqCst)),
        )
    }

    /// Moves a fixed clock forward by so many seconds; the system's clock is left alone.
    pub fn advance(&self, seconds: i64) {
        if let Some(hand) = &self.0 {
            hand.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_back_to_the_microsecond() {
        let moment = Timestamp::parse("2027-01-31T10:30:00.1234567+01:00").expect("a time");
        assert_eq!(moment.to_string(), "2027-01-31T09:30:00.123456Z");
        assert_eq!(Timestamp::parse("2027-01-31"), None);
        assert_eq!(Timestamp::parse("-009999-01-01T00:00:00Z"), None);
    }

    proptest::proptest! {
        #[test]
        fn every_time_is_written_as_the_calendar_has_it(micros in 0_i64..253_402_300_800_000_000, unit in proptest::sample::select(vec![1_i64, 1000, 100_000, 1_000_000, 86_400_000_000])) {
            let moment = Timestamp::from_micros(micros / unit * unit);
            proptest::prop_assert_eq!(moment.to_string(), moment.to_jiff().to_string());
        }
    }

    #[test]
    fn the_edges_of_the_calendar_are_written() {
        for micros in [
            -1,
            0,
            951_782_399_999_999,
            951_782_400_000_000,
            4_107_542_400_000_000,
        ] {
            let moment = Timestamp::from_micros(micros);
            assert_eq!(moment.to_string(), moment.to_jiff().to_string());
        }
        // Later than the calendar of the library goes.
        let last = Timestamp::from_micros(253_402_300_799_999_999);
        assert_eq!(last.to_string(), "9999-12-31T23:59:59.999999Z");
    }
}
