//! What the product says to its reader: flashes, callouts, empty states, steps, the list of what needs attention.

use maud::{Markup, Render, html};

use super::Tone;
use crate::dashboard::icons::Icon;

const fn icon_of(tone: Tone) -> Icon {
    match tone {
        Tone::Neutral | Tone::Accent => Icon::Info,
        Tone::Success => Icon::Check,
        Tone::Warning | Tone::Danger => Icon::Alert,
    }
}

/// One sentence about what the last request did, at the top of the page that follows it.
#[derive(Clone, Debug)]
#[must_use]
pub struct Flash {
    tone: Tone,
    text: String,
    link: Option<(String, String)>,
}

impl Flash {
    /// Something was done.
    pub fn success(text: impl Into<String>) -> Self {
        Self {
            tone: Tone::Success,
            text: text.into(),
            link: None,
        }
    }

    /// Something was not done.
    pub fn error(text: impl Into<String>) -> Self {
        Self {
            tone: Tone::Danger,
            text: text.into(),
            link: None,
        }
    }

    /// Something was done, with a reservation.
    pub fn warning(text: impl Into<String>) -> Self {
        Self {
            tone: Tone::Warning,
            text: text.into(),
            link: None,
        }
    }

    /// A link after the sentence, such as «Undo».
    pub fn link(mut self, label: impl Into<String>, href: impl Into<String>) -> Self {
        self.link = Some((label.into(), href.into()));
        self
    }
}

impl Render for Flash {
    fn render(&self) -> Markup {
        let role = if self.tone == Tone::Danger {
            "alert"
        } else {
            "status"
        };
        html! {
            div class={ "toast toast-" (self.tone.name()) } role=(role) {
                (icon_of(self.tone)) span { (self.text) }
                @if let Some((label, href)) = &self.link { a href=(href) { (label) } }
                button.icon-btn.needs-js type="button" data-dismiss aria-label="Dismiss" { (Icon::X) }
            }
        }
    }
}

/// A note in the page: what to know before going on.
#[derive(Clone, Debug)]
#[must_use]
pub struct Callout {
    tone: Tone,
    title: String,
    body: Option<Markup>,
    actions: Option<Markup>,
}

impl Callout {
    /// `title` is a sentence that can stand alone.
    pub fn new(tone: Tone, title: impl Into<String>) -> Self {
        Self {
            tone,
            title: title.into(),
            body: None,
            actions: None,
        }
    }

    /// More words.
    pub fn body(mut self, body: impl Render) -> Self {
        self.body = Some(body.render());
        self
    }

    /// What can be done about it.
    pub fn actions(mut self, actions: impl Render) -> Self {
        self.actions = Some(actions.render());
        self
    }
}

impl Render for Callout {
    fn render(&self) -> Markup {
        html! {
            div class={ "callout callout-" (self.tone.name()) } role="note" {
                (icon_of(self.tone))
                div {
                    b { (self.title) }
                    @if let Some(body) = &self.body { div { (body) } }
                    @if let Some(actions) = &self.actions { div.callout-actions { (actions) } }
                }
            }
        }
    }
}

/// What stands where a list would be: why it is empty and how to fill it.
#[derive(Clone, Debug)]
#[must_use]
pub struct EmptyState {
    icon: Icon,
    title: String,
    text: String,
    actions: Option<Markup>,
}

impl EmptyState {
    /// `title` says what is not there, `text` what it would be good for.
    pub fn new(icon: Icon, title: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            icon,
            title: title.into(),
            text: text.into(),
            actions: None,
        }
    }

    /// For a list that is empty because of its filters; the button leads to the list without them.
    pub fn no_match(reset: impl Into<String>) -> Self {
        Self::new(
            Icon::Search,
            "Nothing matches these filters",
            "Try fewer words or remove a filter.",
        )
        .actions(super::Button::link("Clear all filters", reset))
    }

    /// Buttons.
    pub fn actions(mut self, actions: impl Render) -> Self {
        self.actions = Some(actions.render());
        self
    }
}

impl Render for EmptyState {
    fn render(&self) -> Markup {
        html! {
            div.empty {
                span.empty-icon { (self.icon) }
                h3 { (self.title) }
                p { (self.text) }
                @if let Some(actions) = &self.actions { div.row { (actions) } }
            }
        }
    }
}

/// How far a procedure of a few steps has come.
#[derive(Clone, Debug)]
pub struct Steps {
    /// What is to be done, in order.
    pub labels: Vec<String>,
    /// The step that is under way, counted from zero; as many as there are labels when all are done.
    pub current: usize,
}

impl Render for Steps {
    fn render(&self) -> Markup {
        html! {
            ol.steps aria-label="Progress" {
                @for (index, label) in self.labels.iter().enumerate() {
                    li.done[index < self.current] aria-current=[(index == self.current).then_some("step")] {
                        span.steps-mark aria-hidden="true" { @if index < self.current { (Icon::Check) } @else { (index + 1) } }
                        (label)
                        @if index < self.current { span.sr-only { " (done)" } }
                    }
                }
            }
        }
    }
}

/// One thing that wants a person.
#[derive(Clone, Debug)]
pub struct AttentionItem {
    /// A picture of the kind of thing.
    pub icon: Icon,
    /// How urgent it is.
    pub tone: Tone,
    /// What is the matter, with its number.
    pub title: String,
    /// What follows from it, or what to do.
    pub detail: String,
    /// Where to do it.
    pub href: String,
}

/// What needs attention, most urgent first; a friendly line when nothing does.
#[derive(Clone, Debug)]
pub struct Attention(pub Vec<AttentionItem>);

impl Render for Attention {
    fn render(&self) -> Markup {
        html! {
            @if self.0.is_empty() {
                (EmptyState::new(Icon::Check, "Nothing needs you", "Failed jobs, full seats and expiring access would be shown here."))
            } @else {
                ul.attention {
                    @for item in &self.0 {
                        li {
                            span class={ "attention-icon tone-" (item.tone.name()) } { (item.icon) }
                            div { a href=(item.href) { (item.title) } p { (item.detail) } }
                            (Icon::ChevronRight)
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_interrupt_and_the_rest_waits() {
        assert!(
            Flash::error("No <b>")
                .render()
                .into_string()
                .contains(r#"role="alert""#)
        );
        let text = Flash::success("Made <b>")
            .link("Undo", "/undo")
            .render()
            .into_string();
        assert!(
            text.contains(r#"role="status""#) && text.contains("&lt;b&gt;"),
            "{text}"
        );
    }

    #[test]
    fn the_current_step_is_marked_and_done_ones_say_so() {
        let text = Steps {
            labels: vec!["File".into(), "Check".into(), "Run".into()],
            current: 1,
        }
        .render()
        .into_string();
        assert_eq!(text.matches("aria-current=\"step\"").count(), 1);
        assert_eq!(text.matches("(done)").count(), 1);
    }
}
