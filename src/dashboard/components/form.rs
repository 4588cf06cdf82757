//! The form around the fields: token, error summary, buttons.

use maud::{Markup, Render, html};

use super::Button;
use crate::dashboard::icons::Icon;

/// What is wrong with a form, at its top, with a link to each field. For faults of the whole form the field is
/// empty.
#[derive(Clone, Debug, Default)]
pub struct ErrorSummary(pub Vec<(String, String)>);

impl Render for ErrorSummary {
    fn render(&self) -> Markup {
        html! {
            @if !self.0.is_empty() {
                div.callout.callout-danger role="alert" tabindex="-1" {
                    (Icon::Alert)
                    div {
                        h2 { @if self.0.len() == 1 { "One thing must be changed" } @else { (self.0.len()) " things must be changed" } }
                        ul {
                            @for (field, message) in &self.0 {
                                li { @if field.is_empty() { (message) } @else { a href={ "#" (super::field::id_of(field)) } { (message) } } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A form that posts. The token goes as the hidden field `csrf`.
#[derive(Clone, Debug)]
#[must_use]
pub struct Form {
    action: String,
    csrf: String,
    id: Option<String>,
    confirm: Option<String>,
    multipart: bool,
    hidden: Vec<(String, String)>,
    errors: ErrorSummary,
    body: Markup,
    buttons: Option<Markup>,
    after: Option<Markup>,
}

impl Form {
    /// A form to `action` with the fields in `body`.
    pub fn post(action: impl Into<String>, csrf: impl Into<String>, body: Markup) -> Self {
        Self {
            action: action.into(),
            csrf: csrf.into(),
            id: None,
            confirm: None,
            multipart: false,
            hidden: Vec::new(),
            errors: ErrorSummary::default(),
            body,
            buttons: None,
            after: None,
        }
    }

    /// Its id, for buttons outside it.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// A value that goes along unseen.
    pub fn hidden(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.hidden.push((name.into(), value.into()));
        self
    }

    /// What was wrong with the last try: name of the field (empty: the whole form) and message.
    pub fn errors(mut self, errors: Vec<(String, String)>) -> Self {
        self.errors = ErrorSummary(errors);
        self
    }

    /// A question before it is sent; see [`Button::confirm`].
    pub fn confirm(mut self, question: impl Into<String>) -> Self {
        self.confirm = Some(question.into());
        self
    }

    /// Sends files (`multipart/form-data`).
    pub const fn multipart(mut self) -> Self {
        self.multipart = true;
        self
    }

    /// Its buttons, the most important first.
    pub fn buttons(mut self, buttons: impl IntoIterator<Item = Button>) -> Self {
        self.buttons = Some(html! { @for button in buttons { (button) } });
        self
    }

    /// What stands below the buttons, such as [`super::ApiCall`].
    pub fn after(mut self, after: impl Render) -> Self {
        self.after = Some(after.render());
        self
    }
}

impl Render for Form {
    fn render(&self) -> Markup {
        html! {
            form.form method="post" action=(self.action) id=[self.id.as_deref()] data-confirm=[self.confirm.as_deref()]
                enctype=[self.multipart.then_some("multipart/form-data")] novalidate {
                input type="hidden" name="csrf" value=(self.csrf);
                @for (name, value) in &self.hidden { input type="hidden" name=(name) value=(value); }
                (self.errors)
                (self.body)
                @if let Some(buttons) = &self.buttons { div.form-actions { (buttons) } }
                @if let Some(after) = &self.after { (after) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_links_to_each_field() {
        let errors = vec![
            ("email".to_owned(), "Not an <address>".to_owned()),
            (String::new(), "Try again".to_owned()),
        ];
        let text = Form::post("/x", "tok", html! {})
            .errors(errors)
            .render()
            .into_string();
        assert!(
            text.contains(r##"<a href="#f-email">Not an &lt;address&gt;</a>"##),
            "{text}"
        );
        assert!(
            text.contains("2 things") && text.contains(r#"name="csrf" value="tok""#),
            "{text}"
        );
    }
}
