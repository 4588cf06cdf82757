//! The entries of the sidebar, as data: a page never writes navigation itself.

use super::icons::Icon;

/// One entry of the navigation.
#[derive(Clone, Debug)]
#[must_use]
pub struct NavItem {
    pub(super) icon: Icon,
    pub(super) label: String,
    pub(super) href: String,
    pub(super) count: Option<(u64, bool)>,
    pub(super) current: bool,
}

impl NavItem {
    /// An entry that leads to `href`.
    pub fn new(icon: Icon, label: impl Into<String>, href: impl Into<String>) -> Self {
        Self {
            icon,
            label: label.into(),
            href: href.into(),
            count: None,
            current: false,
        }
    }

    /// A number beside the label; zero is not shown.
    pub const fn count(mut self, count: u64) -> Self {
        self.count = Some((count, false));
        self
    }

    /// A number that asks for something to be done, such as failed jobs; zero is not shown.
    pub const fn alert_count(mut self, count: u64) -> Self {
        self.count = Some((count, true));
        self
    }

    /// Marks the entry of the page that is shown.
    pub const fn current(mut self, current: bool) -> Self {
        self.current = current;
        self
    }
}

/// Entries under one heading; the first group usually has none.
#[derive(Clone, Debug, Default)]
pub struct NavGroup {
    /// The heading, if any.
    pub label: Option<String>,
    /// The entries.
    pub items: Vec<NavItem>,
}

impl NavGroup {
    /// A group without a heading.
    pub fn plain(items: impl IntoIterator<Item = NavItem>) -> Self {
        Self {
            label: None,
            items: items.into_iter().collect(),
        }
    }

    /// A group under `label`.
    pub fn named(label: impl Into<String>, items: impl IntoIterator<Item = NavItem>) -> Self {
        Self {
            label: Some(label.into()),
            items: items.into_iter().collect(),
        }
    }
}
