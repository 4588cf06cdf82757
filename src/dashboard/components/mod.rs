//! What pages are made of. Each component is a small builder that writes itself into a template:
//!
//! ```
//! use b2b_dashboard::dashboard::components::{Badge, Button, Tone};
//! use maud::html;
//!
//! let page = html! {
//!     (Button::link("Invite people", "/dashboard/users/invite").primary())
//!     (Badge::new("Active").tone(Tone::Success).dot())
//! };
//! assert!(page.into_string().contains("btn-primary"));
//! ```
//!
//! What they promise together: text is escaped, everything has an accessible name, colour is never the only
//! sign, nothing needs script, and no `style` attribute or inline script is written (the content security policy
//! refuses both). Sizes in charts and meters are attributes of SVG elements.

mod badge;
mod button;
mod card;
mod chart;
mod code;
mod dialog;
mod feedback;
mod field;
mod figures;
mod form;
mod list;
mod table;
mod timeline;

pub use badge::{Avatar, Badge, Tags};
pub use button::Button;
pub use card::{Card, Facts, Tabs, columns, split, stack};
pub use chart::{BarChart, LineChart, Series, Sparkline};
pub use code::{ApiCall, CodeBlock, CodeTabs, CopyField, Secret};
pub use dialog::{Dialog, Menu};
pub use feedback::{Attention, AttentionItem, Callout, EmptyState, Flash, Steps};
pub use field::{Checkbox, Field, RadioCards};
pub use figures::{SeatCard, Stat, Trend, UsageMeter};
pub use form::{ErrorSummary, Form};
pub use list::{Counted, FilterBar, ListUrl, Pager, SearchBox};
pub use table::{BulkAction, BulkBar, Cell, Column, Row, Table};
pub use timeline::{Timeline, TimelineItem, ago, day, moment};

/// What a colour says. The words beside it say the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Nothing particular.
    #[default]
    Neutral,
    /// In use, new, notable.
    Accent,
    /// Good, done, active.
    Success,
    /// Should be looked at.
    Warning,
    /// Failed, blocked, destructive.
    Danger,
}

impl Tone {
    /// The last part of the class names of this tone.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Neutral => "neutral",
            Self::Accent => "accent",
            Self::Success => "success",
            Self::Warning => "warning",
            Self::Danger => "danger",
        }
    }
}

/// A whole number with its thousands apart: `12,480`.
pub fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `part` of `whole` in percent with two places, for SVG attributes; `0` of nothing, 100 at most.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "0".to_owned();
    }
    let hundredths = u128::from(part.min(whole)) * 10_000 / u128::from(whole);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// `1 seat`, `12,480 seats`: the number and the word in its number.
pub fn counted(value: u64, one: &str, many: &str) -> String {
    format!("{} {}", number(value), if value == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(
            [number(0), number(999), number(1000), number(1_234_567)],
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!(counted(1, "seat", "seats"), "1 seat");
    }

    #[test]
    fn percent_never_divides_by_nothing_nor_passes_the_whole() {
        assert_eq!(
            [
                percent(1, 3),
                percent(5, 0),
                percent(9, 3),
                percent(u64::MAX, u64::MAX)
            ],
            ["33.33", "0", "100.00", "100.00"]
        );
    }
}
