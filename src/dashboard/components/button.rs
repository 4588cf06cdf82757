//! Buttons and links that look like buttons.

use maud::{Markup, Render, html};

use crate::dashboard::icons::Icon;

#[derive(Clone, Debug)]
enum Kind {
    Link(String),
    Submit(Option<(String, String)>),
    Plain,
}

/// A link, a submit button or a plain button. Without a variant it is a secondary one; a page has one primary
/// button at most.
#[derive(Clone, Debug)]
#[must_use]
pub struct Button {
    kind: Kind,
    label: String,
    icon: Option<Icon>,
    classes: String,
    label_hidden: bool,
    confirm: Option<String>,
    dialog: Option<String>,
    form: Option<String>,
    closes_dialog: bool,
    disabled: bool,
}

impl Button {
    fn make(kind: Kind, label: impl Into<String>) -> Self {
        Self {
            kind,
            label: label.into(),
            icon: None,
            classes: "btn".to_owned(),
            label_hidden: false,
            confirm: None,
            dialog: None,
            form: None,
            closes_dialog: false,
            disabled: false,
        }
    }

    /// Leads to `href`.
    pub fn link(label: impl Into<String>, href: impl Into<String>) -> Self {
        Self::make(Kind::Link(href.into()), label)
    }

    /// Sends the form it stands in.
    pub fn submit(label: impl Into<String>) -> Self {
        Self::make(Kind::Submit(None), label)
    }

    /// Sends the form with `name=value`, for forms with several buttons.
    pub fn submit_value(
        label: impl Into<String>,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Self {
        Self::make(Kind::Submit(Some((name.into(), value.into()))), label)
    }

    /// Closes the dialog it stands in.
    pub fn close(label: impl Into<String>) -> Self {
        Self {
            closes_dialog: true,
            ..Self::make(Kind::Plain, label)
        }
    }

    fn class(mut self, class: &str) -> Self {
        self.classes.push(' ');
        self.classes.push_str(class);
        self
    }

    /// The one thing to do on this page.
    pub fn primary(self) -> Self {
        self.class("btn-primary")
    }

    /// Destroys or takes away.
    pub fn danger(self) -> Self {
        self.class("btn-danger")
    }

    /// Without a frame, for minor actions.
    pub fn quiet(self) -> Self {
        self.class("btn-quiet")
    }

    /// Looks like a link in running text.
    pub fn text_link(self) -> Self {
        self.class("btn-link")
    }

    /// For rows and card heads.
    pub fn small(self) -> Self {
        self.class("btn-small")
    }

    /// As wide as its container.
    pub fn block(self) -> Self {
        self.class("btn-block")
    }

    /// An icon before the label.
    pub const fn icon(mut self, icon: Icon) -> Self {
        self.icon = Some(icon);
        self
    }

    /// Shows the icon only; the label is still read out and shown on hover.
    pub const fn icon_only(mut self) -> Self {
        self.label_hidden = true;
        self
    }

    /// Asks this question before the form is sent. A courtesy of the script: what cannot be undone has a page of
    /// its own that asks, and `dialog` shows it in place.
    pub fn confirm(mut self, question: impl Into<String>) -> Self {
        self.confirm = Some(question.into());
        self
    }

    /// Opens the [`super::Dialog`] of this id; without script the link is followed, to a page that does the same.
    pub fn dialog(mut self, id: impl Into<String>) -> Self {
        self.dialog = Some(id.into());
        self
    }

    /// Sends the form of this id, from outside it.
    pub fn for_form(mut self, id: impl Into<String>) -> Self {
        self.form = Some(id.into());
        self
    }

    /// Greyed out and not to be used. Say beside it why.
    pub const fn disabled(mut self, disabled: bool) -> Self {
        self.disabled = disabled;
        self
    }

    fn content(&self) -> Markup {
        html! {
            @if let Some(icon) = self.icon { (icon) }
            @if self.label_hidden { span.sr-only { (self.label) } } @else { (self.label) }
        }
    }
}

impl Render for Button {
    fn render(&self) -> Markup {
        let title = self.label_hidden.then_some(self.label.as_str());
        let dialog = self.dialog.as_deref();
        match &self.kind {
            Kind::Link(_) if self.disabled => html! {
                a class=(self.classes) role="link" aria-disabled="true" title=[title] { (self.content()) }
            },
            Kind::Link(href) => html! {
                a class=(self.classes) href=(href) data-dialog=[dialog] aria-haspopup=[dialog.map(|_| "dialog")] title=[title] {
                    (self.content())
                }
            },
            Kind::Submit(pair) => html! {
                button class=(self.classes) type="submit" form=[self.form.as_deref()] title=[title]
                    name=[pair.as_ref().map(|(name, _)| name)] value=[pair.as_ref().map(|(_, value)| value)]
                    data-confirm=[self.confirm.as_deref()] disabled[self.disabled] { (self.content()) }
            },
            Kind::Plain => html! {
                button class=(self.classes) type="button" title=[title] data-dialog-close[self.closes_dialog] disabled[self.disabled] {
                    (self.content())
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_icon_button_keeps_its_name() {
        let text = Button::link("Edit \"Ada\"", "/x?a=1&b=2")
            .icon(Icon::Edit)
            .icon_only()
            .render()
            .into_string();
        assert!(
            text.contains(r#"<span class="sr-only">Edit &quot;Ada&quot;</span>"#),
            "{text}"
        );
        assert!(text.contains(r#"href="/x?a=1&amp;b=2""#), "{text}");
    }

    #[test]
    fn a_disabled_link_leads_nowhere() {
        let text = Button::link("Buy", "/buy")
            .disabled(true)
            .render()
            .into_string();
        assert!(
            text.contains(r#"aria-disabled="true""#) && !text.contains("href"),
            "{text}"
        );
    }
}
