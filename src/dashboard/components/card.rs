//! Surfaces and arrangement: cards, tabs, lists of facts, and the three ways in which a page is divided.

use maud::{Markup, Render, html};

/// A surface with an optional heading, actions and foot.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Card {
    title: Option<String>,
    lead: Option<String>,
    actions: Option<Markup>,
    foot: Option<Markup>,
    flush: bool,
    body: String,
}

impl Card {
    /// A card around `body`.
    pub fn new(body: Markup) -> Self {
        Self {
            body: body.into_string(),
            ..Self::default()
        }
    }

    /// Its heading (`h2`).
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// A line under the heading.
    pub fn lead(mut self, lead: impl Into<String>) -> Self {
        self.lead = Some(lead.into());
        self
    }

    /// Buttons or a badge at the right of the heading.
    pub fn actions(mut self, actions: Markup) -> Self {
        self.actions = Some(actions);
        self
    }

    /// A line at the bottom.
    pub fn foot(mut self, foot: Markup) -> Self {
        self.foot = Some(foot);
        self
    }

    /// No space around the body: for tables and lists that bring their own.
    pub const fn flush(mut self) -> Self {
        self.flush = true;
        self
    }
}

impl Render for Card {
    fn render(&self) -> Markup {
        html! {
            section.card.card-flush[self.flush] {
                @if self.title.is_some() || self.actions.is_some() {
                    header.card-head {
                        div {
                            @if let Some(title) = &self.title { h2 { (title) } }
                            @if let Some(lead) = &self.lead { p { (lead) } }
                        }
                        @if let Some(actions) = &self.actions { div.row { (actions) } }
                    }
                }
                div.card-body { (maud::PreEscaped(&self.body)) }
                @if let Some(foot) = &self.foot { footer.card-foot { (foot) } }
            }
        }
    }
}

/// Names and values of one record.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Facts(Vec<(String, Markup)>);

impl Facts {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// A value that is text; an empty one is shown as a dash.
    pub fn text(self, name: impl Into<String>, value: impl AsRef<str>) -> Self {
        let value = value.as_ref();
        self.markup(
            name,
            html! { @if value.is_empty() { span.muted { "–" } } @else { (value) } },
        )
    }

    /// A value that is anything else.
    pub fn markup(mut self, name: impl Into<String>, value: Markup) -> Self {
        self.0.push((name.into(), value));
        self
    }
}

impl Render for Facts {
    fn render(&self) -> Markup {
        html! { dl.facts { @for (name, value) in &self.0 { div { dt { (name) } dd { (value) } } } } }
    }
}

/// Links between the parts of one record or one settings page.
#[derive(Clone, Debug)]
#[must_use]
pub struct Tabs {
    label: String,
    tabs: Vec<(String, String, Option<u64>, bool)>,
}

impl Tabs {
    /// `label` names the tabs for screen readers.
    pub fn new(label: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            tabs: Vec::new(),
        }
    }

    /// One tab; `current` is the one that is shown.
    pub fn tab(mut self, label: impl Into<String>, href: impl Into<String>, current: bool) -> Self {
        self.tabs.push((label.into(), href.into(), None, current));
        self
    }

    /// One tab with a number beside its label.
    pub fn counted(
        mut self,
        label: impl Into<String>,
        href: impl Into<String>,
        count: u64,
        current: bool,
    ) -> Self {
        self.tabs
            .push((label.into(), href.into(), Some(count), current));
        self
    }
}

impl Render for Tabs {
    fn render(&self) -> Markup {
        html! {
            nav.tabs aria-label=(self.label) {
                ul {
                    @for (label, href, count, current) in &self.tabs {
                        li {
                            a href=(href) aria-current=[current.then_some("page")] {
                                (label) @if let Some(count) = count { span.nav-count { (super::number(*count)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Blocks under each other with even space.
pub fn stack(blocks: &[Markup]) -> Markup {
    html! { div.stack { @for block in blocks { (block) } } }
}

/// Blocks beside each other, 2 to 4 on a wide screen, under each other where they do not fit.
pub fn columns(count: u8, blocks: &[Markup]) -> Markup {
    html! { div class={ "columns columns-" (count.clamp(2, 4)) } { @for block in blocks { (block) } } }
}

/// A wide column and a narrow one at its right (below it on small screens).
pub fn split(main: &Markup, aside: &Markup) -> Markup {
    html! { div.split { div.stack { (main) } aside.stack { (aside) } } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_current_tab_says_so() {
        let text = Tabs::new("Ada")
            .tab("Overview", "/a", true)
            .counted("Seats", "/b", 1200, false)
            .render()
            .into_string();
        assert_eq!(text.matches("aria-current=\"page\"").count(), 1);
        assert!(text.contains("1,200"));
    }

    #[test]
    fn empty_facts_show_a_dash_and_values_are_escaped() {
        let text = Facts::new()
            .text("Phone", "")
            .text("Note", "<i>")
            .render()
            .into_string();
        assert!(text.contains("–") && text.contains("&lt;i&gt;"), "{text}");
    }
}
