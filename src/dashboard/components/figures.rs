//! Figures: a number on a tile, how full something is, one allocation of seats.

use maud::{Markup, Render, html};

use super::{Badge, Sparkline, Tone, counted, number, percent};
use crate::dashboard::icons::Icon;

/// How a number moved, in words such as `12%`, and whether that is welcome.
#[derive(Clone, Debug)]
pub enum Trend {
    /// More, and that is good.
    Up(String),
    /// Less, and that is bad.
    Down(String),
    /// More, and that is bad.
    Worse(String),
    /// Less, and that is good.
    Better(String),
}

impl Render for Trend {
    fn render(&self) -> Markup {
        let (text, icon, class, word) = match self {
            Self::Up(text) => (text, Icon::ArrowUp, "trend-good", "up "),
            Self::Down(text) => (text, Icon::ArrowDown, "trend-bad", "down "),
            Self::Worse(text) => (text, Icon::ArrowUp, "trend-bad", "up "),
            Self::Better(text) => (text, Icon::ArrowDown, "trend-good", "down "),
        };
        html! { span class={ "trend " (class) } { (icon) span.sr-only { (word) } (text) } }
    }
}

/// A number with its name. Put several into [`super::columns`].
#[derive(Clone, Debug)]
#[must_use]
pub struct Stat {
    label: String,
    value: String,
    icon: Option<Icon>,
    href: Option<String>,
    trend: Option<Trend>,
    note: Option<String>,
    spark: Option<Sparkline>,
}

impl Stat {
    /// `value` is written as given; see [`number`].
    pub fn new(label: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            value: value.into(),
            icon: None,
            href: None,
            trend: None,
            note: None,
            spark: None,
        }
    }

    /// An icon before the label.
    pub const fn icon(mut self, icon: Icon) -> Self {
        self.icon = Some(icon);
        self
    }

    /// The list behind the number.
    pub fn href(mut self, href: impl Into<String>) -> Self {
        self.href = Some(href.into());
        self
    }

    /// How it moved.
    pub fn trend(mut self, trend: Trend) -> Self {
        self.trend = Some(trend);
        self
    }

    /// Words after the trend: since when, out of what.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// Its course over time, at the right.
    pub fn spark(mut self, values: Vec<u64>) -> Self {
        self.spark = Some(Sparkline::new(format!("{} over time", self.label), values));
        self
    }
}

impl Render for Stat {
    fn render(&self) -> Markup {
        html! {
            dl.card.tile {
                dt {
                    @if let Some(icon) = self.icon { (icon) }
                    @if let Some(href) = &self.href { a href=(href) { (self.label) } } @else { (self.label) }
                }
                dd.tile-value { (self.value) }
                @if let Some(spark) = &self.spark { dd { (spark) } }
                @if self.trend.is_some() || self.note.is_some() {
                    dd.tile-note {
                        @if let Some(trend) = &self.trend { (trend) }
                        @if let Some(note) = &self.note { span { (note) } }
                    }
                }
            }
        }
    }
}

/// How many places of an allocation are used, reserved, free and wished for. `total: None` is unlimited.
#[derive(Clone, Copy, Debug, Default)]
#[must_use]
pub struct UsageMeter {
    /// People who sit.
    pub used: u64,
    /// Places kept for people who are invited.
    pub reserved: u64,
    /// People on the waitlist.
    pub waiting: u64,
    /// Places there are; none for an unlimited allocation.
    pub total: Option<u64>,
    /// A bar and `8 / 10` on one line, for tables.
    pub compact: bool,
}

impl UsageMeter {
    /// Places nobody holds; none for an unlimited allocation.
    pub fn free(&self) -> Option<u64> {
        self.total
            .map(|total| total.saturating_sub(self.used + self.reserved))
    }

    /// Places held beyond the total, where a policy allowed it.
    fn over(&self) -> u64 {
        self.total
            .map_or(0, |total| (self.used + self.reserved).saturating_sub(total))
    }

    fn is_over(&self) -> bool {
        self.over() > 0
    }

    /// The whole meter in words.
    pub fn sentence(&self) -> String {
        let mut text = self.total.map_or_else(
            || format!("{} used, unlimited", number(self.used)),
            |total| {
                format!(
                    "{} of {} used",
                    number(self.used),
                    counted(total, "seat", "seats")
                )
            },
        );
        for (count, word) in [
            (self.reserved, "reserved"),
            (self.free().unwrap_or(0), "free"),
            (self.over(), "over"),
            (self.waiting, "waiting"),
        ] {
            if count > 0 {
                text.push_str(", ");
                text.push_str(&format_count(count, word));
            }
        }
        text
    }

    fn bar(&self) -> Markup {
        let taken = self.used + self.reserved;
        let whole = self
            .total
            .unwrap_or_else(|| taken.saturating_mul(4))
            .max(taken)
            .max(1);
        let used = if self.is_over() {
            "fill-over"
        } else {
            "fill-used"
        };
        html! {
            svg.meter-bar role="img" aria-label=(self.sentence()) {
                title { (self.sentence()) }
                @if self.reserved > 0 {
                    rect.fill-reserved width={ (percent(taken, whole)) "%" } height="100%" {}
                    rect.meter-gap x={ (percent(self.used, whole)) "%" } width="2" height="100%" {}
                }
                rect class=(used) width={ (percent(self.used, whole)) "%" } height="100%" {}
            }
        }
    }
}

fn format_count(count: u64, word: &str) -> String {
    format!("{} {word}", number(count))
}

impl Render for UsageMeter {
    fn render(&self) -> Markup {
        let total = self.total.map_or_else(|| "∞".to_owned(), number);
        let used = if self.is_over() {
            "fill-over"
        } else {
            "fill-used"
        };
        if self.compact {
            return html! {
                div.meter.meter-compact { (self.bar()) span.meter-text aria-hidden="true" { (number(self.used + self.reserved)) " / " (total) } }
            };
        }
        html! {
            div.meter {
                (self.bar())
                ul.meter-legend aria-hidden="true" {
                    li { span class={ "swatch " (used) } {} b { (number(self.used)) } "used" }
                    @if self.reserved > 0 { li { span.swatch.fill-reserved {} b { (number(self.reserved)) } "reserved" } }
                    @if self.is_over() {
                        li { b { (number(self.over())) } "over" }
                    } @else if let Some(free) = self.free() {
                        li { span.swatch {} b { (number(free)) } "free" }
                    }
                    @if self.waiting > 0 { li { span.swatch.fill-waiting {} b { (number(self.waiting)) } "waiting" } }
                }
            }
        }
    }
}

/// One allocation on the board of seats.
#[derive(Clone, Debug, Default)]
pub struct SeatCard {
    /// The product.
    pub product: String,
    /// The page of the allocation.
    pub href: String,
    /// The team, or the teams that share it.
    pub team: String,
    /// How full it is.
    pub usage: UsageMeter,
    /// Terms in a few words, each with an icon: expiry, reusable, shared.
    pub terms: Vec<(Icon, String)>,
    /// What is expected, such as «Full in about 9 days».
    pub forecast: Option<String>,
    /// Buttons.
    pub actions: Option<Markup>,
}

impl SeatCard {
    fn badge(&self) -> Badge {
        match (self.usage.free(), self.usage.is_over()) {
            (_, true) => Badge::new("Over").tone(Tone::Danger).dot(),
            (Some(0), _) if self.usage.waiting > 0 => {
                Badge::new("Full, waiting").tone(Tone::Danger).dot()
            }
            (Some(0), _) => Badge::new("Full").tone(Tone::Warning).dot(),
            (Some(free), _) => Badge::new(format!("{} free", number(free)))
                .tone(Tone::Success)
                .dot(),
            (None, _) => Badge::new("Unlimited").tone(Tone::Accent).dot(),
        }
    }
}

impl Render for SeatCard {
    fn render(&self) -> Markup {
        html! {
            article.card.seat-card {
                header.seat-card-head {
                    div { h3 { a href=(self.href) { (self.product) } } span.cell-sub { (self.team) } }
                    (self.badge())
                }
                (self.usage)
                @if !self.terms.is_empty() || self.forecast.is_some() {
                    div.seat-card-terms {
                        @for (icon, term) in &self.terms { span { (icon) (term) } }
                        @if let Some(forecast) = &self.forecast { span { (Icon::Activity) (forecast) } }
                    }
                }
                @if let Some(actions) = &self.actions { div.row { (actions) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meter_says_in_words_what_it_shows() {
        let meter = UsageMeter {
            used: 6,
            reserved: 2,
            waiting: 1,
            total: Some(10),
            compact: false,
        };
        assert_eq!(
            meter.sentence(),
            "6 of 10 seats used, 2 reserved, 2 free, 1 waiting"
        );
        let text = meter.render().into_string();
        assert!(
            text.contains(r#"aria-label="6 of 10 seats used, 2 reserved, 2 free, 1 waiting""#)
                && text.contains(r#"width="60.00%""#),
            "{text}"
        );
    }

    #[test]
    fn overuse_and_unlimited_are_told_apart() {
        let over = SeatCard {
            usage: UsageMeter {
                used: 12,
                total: Some(10),
                ..UsageMeter::default()
            },
            ..SeatCard::default()
        };
        assert!(
            over.render()
                .into_string()
                .contains("12 of 10 seats used, 2 over")
        );
        let unlimited = SeatCard {
            usage: UsageMeter {
                used: 12,
                ..UsageMeter::default()
            },
            ..SeatCard::default()
        };
        assert!(unlimited.render().into_string().contains("Unlimited"));
    }
}
