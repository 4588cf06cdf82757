//! Small marks: status, tags, the circle with somebody's initials.

use maud::{Markup, Render, html};

use super::Tone;
use crate::dashboard::icons::Icon;

/// A status or kind in one or two words.
#[derive(Clone, Debug)]
#[must_use]
pub struct Badge {
    label: String,
    tone: Tone,
    dot: bool,
    icon: Option<Icon>,
}

impl Badge {
    /// A grey badge.
    pub fn new(label: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            tone: Tone::Neutral,
            dot: false,
            icon: None,
        }
    }

    /// Its colour.
    pub const fn tone(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }

    /// A dot before the word: for states that change by themselves.
    pub const fn dot(mut self) -> Self {
        self.dot = true;
        self
    }

    /// An icon before the word.
    pub const fn icon(mut self, icon: Icon) -> Self {
        self.icon = Some(icon);
        self
    }
}

impl Render for Badge {
    fn render(&self) -> Markup {
        html! {
            span class={ "badge badge-" (self.tone.name()) (if self.dot { " badge-dot" } else { "" }) } {
                @if let Some(icon) = self.icon { (icon) }
                (self.label)
            }
        }
    }
}

/// The tags of a record, as a list.
#[derive(Clone, Debug)]
pub struct Tags(pub Vec<String>);

impl Render for Tags {
    fn render(&self) -> Markup {
        html! { ul.tags { @for tag in &self.0 { li.tag { (tag) } } } }
    }
}

/// Initials on a colour that follows from the name, so that it is the same everywhere. Decoration: the name must
/// stand beside it.
#[derive(Clone, Debug)]
#[must_use]
pub struct Avatar {
    initials: String,
    colour: u32,
    square: bool,
    size: &'static str,
}

impl Avatar {
    fn make(name: &str, square: bool) -> Self {
        let words: Vec<&str> = name.split_whitespace().collect();
        let first = words.first().and_then(|word| word.chars().next());
        let last = if words.len() > 1 {
            words.last().and_then(|word| word.chars().next())
        } else {
            None
        };
        let initials: String = first
            .into_iter()
            .chain(last)
            .flat_map(char::to_uppercase)
            .collect();
        let sum = name.bytes().fold(7_u32, |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(u32::from(byte))
        });
        Self {
            initials,
            colour: (sum ^ (sum >> 9)) % 6,
            square,
            size: "",
        }
    }

    /// A person: round.
    pub fn person(name: &str) -> Self {
        Self::make(name, false)
    }

    /// A team or organization: square.
    pub fn group(name: &str) -> Self {
        Self::make(name, true)
    }

    /// For bars and tight rows.
    pub const fn small(mut self) -> Self {
        self.size = " avatar-small";
        self
    }

    /// For the head of a page.
    pub const fn large(mut self) -> Self {
        self.size = " avatar-large";
        self
    }
}

impl Render for Avatar {
    fn render(&self) -> Markup {
        html! {
            span class={ "avatar avatar-" (self.colour) (self.size) (if self.square { " avatar-square" } else { "" }) } aria-hidden="true" {
                (self.initials)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_are_of_the_first_and_last_word() {
        let initials = ["Ada Byron", "ada king byron", "élodie", "", "<b> x"]
            .map(|name| Avatar::person(name).initials);
        assert_eq!(initials, ["AB", "AB", "É", "", "<X"]);
        assert!(
            Avatar::person("<b> x")
                .render()
                .into_string()
                .contains("&lt;X")
        );
    }
}
