//! Cells of a report: typed as they are read, JSON for programs, texts for spreadsheets.
//!
//! A text that a spreadsheet would take for a formula gets an apostrophe before it (OWASP, «CSV Injection»): one that
//! begins with `=`, `+`, `-`, `@`, a tab, a line's end, or one of the first four in full width. Numbers are left as they
//! are. JSON is never changed.

use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::Value as JsonValue;

use crate::db::FromRow;
use crate::types::Timestamp;

/// A cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// Nothing.
    Empty,
    /// A text that came from somebody.
    Text(String),
    /// A whole number.
    Int(i64),
    /// A truth.
    Bool(bool),
    /// A moment with its offset, or a day.
    Stamp(String),
}

/// What cells are told by: the zone of the report and the moment it is made.
#[derive(Debug, Clone)]
pub struct Clockwork {
    /// The zone in which days and stamps are.
    pub zone: TimeZone,
    /// The moment.
    pub now: Timestamp,
}

impl Clockwork {
    /// A moment as the zone's clocks show it, with their offset.
    pub fn stamp(&self, at: Timestamp) -> String {
        let there = at.to_jiff().to_zoned_datetime(self.zone.clone());
        there.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }

    /// Days from today to the day of a moment, by the zone's calendar.
    pub fn days_until(&self, at: Timestamp) -> i64 {
        let day = |at: Timestamp| at.to_jiff().to_zoned_datetime(self.zone.clone()).date();
        day(self.now)
            .until(day(at))
            .map_or(0, |span| i64::from(span.get_days()))
    }
}

impl Cell {
    /// It for a program.
    pub fn json(&self) -> JsonValue {
        match self {
            Self::Empty => JsonValue::Null,
            Self::Text(text) | Self::Stamp(text) => text.as_str().into(),
            Self::Int(number) => (*number).into(),
            Self::Bool(truth) => (*truth).into(),
        }
    }

    /// It for people.
    pub fn plain(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Text(text) | Self::Stamp(text) => text.clone(),
            Self::Int(number) => number.to_string(),
            Self::Bool(truth) => truth.to_string(),
        }
    }

    /// It for a spreadsheet, which must not take it for a formula.
    pub fn safe(&self) -> String {
        match self {
            Self::Text(text) if is_formula(text) => format!("'{text}"),
            other => other.plain(),
        }
    }
}

fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'])
}

/// A type that is one cell.
pub trait AsCell {
    /// What the type is called in the list of columns.
    const KIND: &'static str;
    /// It as a cell.
    fn cell(&self, clockwork: &Clockwork) -> Cell;
}

impl AsCell for String {
    const KIND: &'static str = "text";
    fn cell(&self, _: &Clockwork) -> Cell {
        Cell::Text(self.clone())
    }
}

impl AsCell for i64 {
    const KIND: &'static str = "number";
    fn cell(&self, _: &Clockwork) -> Cell {
        Cell::Int(*self)
    }
}

impl AsCell for bool {
    const KIND: &'static str = "truth";
    fn cell(&self, _: &Clockwork) -> Cell {
        Cell::Bool(*self)
    }
}

impl AsCell for Timestamp {
    const KIND: &'static str = "time";
    fn cell(&self, clockwork: &Clockwork) -> Cell {
        Cell::Stamp(clockwork.stamp(*self))
    }
}

impl<T: AsCell> AsCell for Option<T> {
    const KIND: &'static str = T::KIND;
    fn cell(&self, clockwork: &Clockwork) -> Cell {
        self.as_ref().map_or(Cell::Empty, |it| it.cell(clockwork))
    }
}

/// A moment of which the days until then are told.
#[derive(Debug, Clone, Serialize)]
pub struct DaysLeft(Timestamp);

impl AsCell for DaysLeft {
    const KIND: &'static str = "number";
    fn cell(&self, clockwork: &Clockwork) -> Cell {
        Cell::Int(clockwork.days_until(self.0))
    }
}

impl crate::db::Column for DaysLeft {
    type As<'a> = i64;
    fn of(micros: i64) -> Result<Self, crate::db::DbError> {
        Ok(Self(Timestamp::from_micros(micros)))
    }
    fn value(&self) -> crate::db::Value {
        self.0.value()
    }
    fn null() -> crate::db::Value {
        Timestamp::null()
    }
}

/// An amount of money in minor units of the currency beside it.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Minor(i64);

impl AsCell for Minor {
    const KIND: &'static str = "money";
    fn cell(&self, _: &Clockwork) -> Cell {
        Cell::Int(self.0)
    }
}

impl crate::db::Column for Minor {
    type As<'a> = i64;
    fn of(amount: i64) -> Result<Self, crate::db::DbError> {
        Ok(Self(amount))
    }
    fn value(&self) -> crate::db::Value {
        self.0.value()
    }
    fn null() -> crate::db::Value {
        i64::null()
    }
}

/// A column of a report.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// `text`, `number`, `money`, `time` or `truth`.
    pub kind: &'static str,
    /// What it says.
    pub words: &'static str,
}

/// A row of a report.
pub trait ReportRow: FromRow + Send + 'static {
    /// Its columns.
    const COLUMNS: &'static [Column];
    /// Its cells, in their order.
    fn cells(&self, clockwork: &Clockwork) -> Vec<Cell>;
}

/// States the columns of a report's row, which is read from an SQL text in the same order.
macro_rules! report_row {
    ($(#[$meta:meta])* $name:ident { $(#[doc = $words:literal] $column:ident: $type:ty,)+ }) => {
        $(#[$meta])*
        struct $name { $($column: $type,)+ }

        impl $crate::db::FromRow for $name {
            fn from_row(reader: &mut $crate::db::Reader<'_>) -> Result<Self, $crate::db::DbError> {
                Ok(Self { $($column: $crate::db::Column::read(reader)?,)+ })
            }
        }

        impl $crate::reports::cell::ReportRow for $name {
            const COLUMNS: &'static [$crate::reports::cell::Column] = &[$($crate::reports::cell::Column {
                name: stringify!($column),
                kind: <$type as $crate::reports::cell::AsCell>::KIND,
                words: $words.trim_ascii(),
            },)+];
            fn cells(&self, clockwork: &$crate::reports::cell::Clockwork) -> Vec<$crate::reports::cell::Cell> {
                vec![$($crate::reports::cell::AsCell::cell(&self.$column, clockwork),)+]
            }
        }
    };
}
pub(super) use report_row;

/// States the columns of a row about a place: the place with its holder, then what the report says of it. It is read from
/// what [`super::places::select`] puts together.
macro_rules! place_row {
    ($(#[$meta:meta])* $name:ident { $(#[doc = $words:literal] $column:ident: $type:ty,)+ }) => {
        $crate::reports::cell::report_row! {
            $(#[$meta])*
            $name {
                /// The assignment.
                assignment_id: String,
                /// The person.
                user_id: String,
                /// Their address.
                email: String,
                /// Their name.
                name: Option<String>,
                /// The team they hold the place in.
                team_id: String,
                /// The team's name.
                team: String,
                /// The seat.
                seat_id: String,
                /// The product's name.
                product: String,
                /// When the place was given.
                starts_at: Option<crate::types::Timestamp>,
                $(#[doc = $words] $column: $type,)+
            }
        }
    };
}
pub(super) use place_row;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_would_be_a_formula_is_quoted_and_nothing_else() {
        for text in [
            "=1+1", "+49 30", "-2", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1",
        ] {
            assert_eq!(Cell::Text(text.to_owned()).safe(), format!("'{text}"));
            assert_eq!(Cell::Text(text.to_owned()).json(), text);
        }
        for text in ["Ada", "", "a=b", "'x", "1-2"] {
            assert_eq!(Cell::Text(text.to_owned()).safe(), text);
        }
        assert_eq!(Cell::Int(-5).safe(), "-5");
    }

    #[test]
    fn pain_50_days_are_those_of_the_zone_at_both_clock_changes() {
        let zone = TimeZone::get("Europe/Berlin").expect("a zone");
        let at = |text: &str| Timestamp::parse(text).expect("a time");
        let noon = |text: &str| Clockwork {
            zone: zone.clone(),
            now: at(text),
        };
        // In the night of 28 March 2027 two o'clock becomes three, in that of 31 October three becomes two.
        let spring = noon("2027-03-27T22:30:00Z");
        assert_eq!(
            spring.stamp(at("2027-03-28T00:59:59Z")),
            "2027-03-28T01:59:59+01:00"
        );
        assert_eq!(
            spring.stamp(at("2027-03-28T01:00:00Z")),
            "2027-03-28T03:00:00+02:00"
        );
        assert_eq!(spring.days_until(at("2027-03-27T22:59:59Z")), 0);
        assert_eq!(spring.days_until(at("2027-03-27T23:00:00Z")), 1);
        assert_eq!(spring.days_until(at("2027-03-28T21:59:59Z")), 1);
        assert_eq!(spring.days_until(at("2027-03-28T22:00:00Z")), 2);
        let autumn = noon("2027-10-30T21:30:00Z");
        assert_eq!(
            autumn.stamp(at("2027-10-31T00:30:00Z")),
            "2027-10-31T02:30:00+02:00"
        );
        assert_eq!(
            autumn.stamp(at("2027-10-31T01:30:00Z")),
            "2027-10-31T02:30:00+01:00"
        );
        assert_eq!(autumn.days_until(at("2027-10-30T22:00:00Z")), 1);
        assert_eq!(autumn.days_until(at("2027-10-31T22:59:59Z")), 1);
        assert_eq!(autumn.days_until(at("2027-10-31T23:00:00Z")), 2);
        assert_eq!(autumn.days_until(at("2027-10-29T21:00:00Z")), -1);
    }
}
