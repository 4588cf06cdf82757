//! Fields of a form: each with its label, hint and error, tied together for screen readers.

use maud::{Markup, Render, html};

use crate::dashboard::icons::Icon;

/// The id of the control of the field `name`.
pub(crate) fn id_of(name: &str) -> String {
    format!("f-{name}")
}

#[derive(Clone, Debug)]
enum Control {
    Input(&'static str),
    TextArea,
    Select(Vec<(String, String)>),
}

/// One field: text, e-mail, password, number, date, address, text area or select.
///
/// The name is also the source of its id (`f-{name}`); where two forms on one page have fields of one name, give
/// [`Field::scope`].
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an attribute of HTML that is there or not"
)]
#[derive(Clone, Debug)]
#[must_use]
pub struct Field {
    control: Control,
    name: String,
    id: String,
    label: String,
    value: String,
    hint: Option<String>,
    error: Option<String>,
    placeholder: Option<String>,
    autocomplete: Option<String>,
    prefix: Option<String>,
    required: bool,
    autofocus: bool,
    mono: bool,
    disabled: bool,
}

impl Field {
    fn make(control: Control, name: &str, label: &str) -> Self {
        Self {
            control,
            name: name.to_owned(),
            id: id_of(name),
            label: label.to_owned(),
            value: String::new(),
            hint: None,
            error: None,
            placeholder: None,
            autocomplete: None,
            prefix: None,
            required: false,
            autofocus: false,
            mono: false,
            disabled: false,
        }
    }

    /// One line of text.
    pub fn text(name: &str, label: &str) -> Self {
        Self::make(Control::Input("text"), name, label)
    }

    /// An e-mail address.
    pub fn email(name: &str, label: &str) -> Self {
        Self::make(Control::Input("email"), name, label)
    }

    /// A password; its value is never written into the page.
    pub fn password(name: &str, label: &str) -> Self {
        Self::make(Control::Input("password"), name, label)
    }

    /// A whole number.
    pub fn number(name: &str, label: &str) -> Self {
        Self::make(Control::Input("number"), name, label)
    }

    /// A day.
    pub fn date(name: &str, label: &str) -> Self {
        Self::make(Control::Input("date"), name, label)
    }

    /// A web address.
    pub fn url(name: &str, label: &str) -> Self {
        Self::make(Control::Input("url"), name, label)
    }

    /// A file; the form must be [`super::Form::multipart`].
    pub fn file(name: &str, label: &str) -> Self {
        Self::make(Control::Input("file"), name, label)
    }

    /// Several lines of text.
    pub fn text_area(name: &str, label: &str) -> Self {
        Self::make(Control::TextArea, name, label)
    }

    /// One of several: value and label of each.
    pub fn select<V: Into<String>, L: Into<String>>(
        name: &str,
        label: &str,
        options: impl IntoIterator<Item = (V, L)>,
    ) -> Self {
        let options = options
            .into_iter()
            .map(|(value, label)| (value.into(), label.into()))
            .collect();
        Self::make(Control::Select(options), name, label)
    }

    /// What stands in it, or is selected.
    pub fn value(mut self, value: impl Into<String>) -> Self {
        self.value = value.into();
        self
    }

    /// What to know for filling it in.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What was wrong with the last try, if anything.
    pub fn error(mut self, error: Option<&str>) -> Self {
        self.error = error.map(str::to_owned);
        self
    }

    /// An example; never instead of the label.
    pub fn placeholder(mut self, placeholder: impl Into<String>) -> Self {
        self.placeholder = Some(placeholder.into());
        self
    }

    /// The token of the HTML standard that lets the browser fill it in, such as `email` or `current-password`.
    pub fn autocomplete(mut self, token: impl Into<String>) -> Self {
        self.autocomplete = Some(token.into());
        self
    }

    /// A fixed text before the control, such as `https://`.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// Must be filled in. The others are marked «optional».
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Has the cursor when the page is there; one field of a page at most.
    pub const fn autofocus(mut self) -> Self {
        self.autofocus = true;
        self
    }

    /// Letters of one width, for ids and code.
    pub const fn mono(mut self) -> Self {
        self.mono = true;
        self
    }

    /// Shown but not to be changed; it is not sent.
    pub const fn disabled(mut self, disabled: bool) -> Self {
        self.disabled = disabled;
        self
    }

    /// Makes the id differ from that of a field of the same name in another form of the page. The error summary
    /// links to unscoped ids only.
    pub fn scope(mut self, scope: &str) -> Self {
        self.id = format!("f-{scope}-{}", self.name);
        self
    }

    fn described_by(&self) -> Option<String> {
        let hint = self.hint.as_ref().map(|_| format!("{}-hint", self.id));
        let error = self.error.as_ref().map(|_| format!("{}-error", self.id));
        let ids: Vec<String> = error.into_iter().chain(hint).collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }

    fn control(&self) -> Markup {
        let described = self.described_by();
        let invalid = self.error.as_ref().map(|_| "true");
        let class = if self.mono {
            "input input-mono"
        } else {
            "input"
        };
        match &self.control {
            Control::Input(kind) => html! {
                input class=(class) type=(kind) id=(self.id) name=(self.name)
                    value=[(*kind != "password" && *kind != "file" && !self.value.is_empty()).then_some(&self.value)]
                    placeholder=[self.placeholder.as_deref()] autocomplete=[self.autocomplete.as_deref()]
                    inputmode=[(*kind == "number").then_some("numeric")]
                    aria-describedby=[described] aria-invalid=[invalid]
                    required[self.required] autofocus[self.autofocus] disabled[self.disabled];
            },
            Control::TextArea => html! {
                textarea class=(class) id=(self.id) name=(self.name) rows="4" placeholder=[self.placeholder.as_deref()]
                    aria-describedby=[described] aria-invalid=[invalid]
                    required[self.required] autofocus[self.autofocus] disabled[self.disabled] {
                    // HTML drops one line break at the start of a text area.
                    @if self.value.starts_with('\n') { "\n" }
                    (self.value)
                }
            },
            Control::Select(options) => html! {
                select class=(class) id=(self.id) name=(self.name) aria-describedby=[described] aria-invalid=[invalid]
                    required[self.required] autofocus[self.autofocus] disabled[self.disabled] {
                    @for (value, label) in options { option value=(value) selected[*value == self.value] { (label) } }
                }
            },
        }
    }
}

fn error_line(id: &str, error: Option<&str>) -> Markup {
    html! {
        @if let Some(error) = error {
            p.field-error id={ (id) "-error" } { (Icon::Alert) span { span.sr-only { "Error: " } (error) } }
        }
    }
}

fn hint_line(id: &str, hint: Option<&str>) -> Markup {
    html! { @if let Some(hint) = hint { p.hint id={ (id) "-hint" } { (hint) } } }
}

impl Render for Field {
    fn render(&self) -> Markup {
        html! {
            div.field {
                label for=(self.id) { (self.label) @if !self.required { span.optional { "optional" } } }
                @if let Some(prefix) = &self.prefix {
                    div.affix { span { (prefix) } (self.control()) }
                } @else {
                    (self.control())
                }
                (error_line(&self.id, self.error.as_deref()))
                (hint_line(&self.id, self.hint.as_deref()))
            }
        }
    }
}

/// A box to tick, sent as `name=true` (or another value).
#[derive(Clone, Debug, Default)]
pub struct Checkbox {
    /// The name under which it is sent.
    pub name: String,
    /// The value it is sent with; `true` when empty. Boxes of one name need a value each.
    pub value: String,
    /// What ticking it means.
    pub label: String,
    /// More words.
    pub hint: Option<String>,
    /// What was wrong with the last try.
    pub error: Option<String>,
    /// Whether it is ticked.
    pub checked: bool,
}

impl Render for Checkbox {
    fn render(&self) -> Markup {
        let value = if self.value.is_empty() {
            "true"
        } else {
            &self.value
        };
        let id = if self.value.is_empty() {
            id_of(&self.name)
        } else {
            id_of(&format!("{}-{}", self.name, self.value))
        };
        let described = match (&self.error, &self.hint) {
            (Some(_), Some(_)) => Some(format!("{id}-error {id}-hint")),
            (Some(_), None) => Some(format!("{id}-error")),
            (None, Some(_)) => Some(format!("{id}-hint")),
            (None, None) => None,
        };
        html! {
            div.check {
                input type="checkbox" id=(id) name=(self.name) value=(value) checked[self.checked] aria-describedby=[described];
                label for=(id) { (self.label) }
                (error_line(&id, self.error.as_deref()))
                (hint_line(&id, self.hint.as_deref()))
            }
        }
    }
}

/// One of a few, each explained on a card.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct RadioCards {
    name: String,
    legend: String,
    selected: String,
    error: Option<String>,
    cards: Vec<(String, String, String)>,
}

impl RadioCards {
    /// `legend` is the question.
    pub fn new(name: &str, legend: &str) -> Self {
        Self {
            name: name.to_owned(),
            legend: legend.to_owned(),
            ..Self::default()
        }
    }

    /// One answer: its value, its title, and what it means.
    pub fn card(mut self, value: &str, title: &str, detail: &str) -> Self {
        self.cards
            .push((value.to_owned(), title.to_owned(), detail.to_owned()));
        self
    }

    /// The value that is chosen.
    pub fn selected(mut self, value: &str) -> Self {
        value.clone_into(&mut self.selected);
        self
    }

    /// What was wrong with the last try, if anything.
    pub fn error(mut self, error: Option<&str>) -> Self {
        self.error = error.map(str::to_owned);
        self
    }
}

impl Render for RadioCards {
    fn render(&self) -> Markup {
        let id = id_of(&self.name);
        html! {
            fieldset.field id=(id) aria-describedby=[self.error.as_ref().map(|_| format!("{id}-error"))] {
                legend { (self.legend) }
                div.radio-cards {
                    @for (value, title, detail) in &self.cards {
                        label.radio-card {
                            input type="radio" name=(self.name) value=(value) checked[*value == self.selected];
                            b { (title) }
                            @if !detail.is_empty() { span { (detail) } }
                        }
                    }
                }
                (error_line(&id, self.error.as_deref()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_hint_and_error_are_tied_to_the_control() {
        let field = Field::email("email", "E-mail")
            .value("a\"><b>")
            .hint("Work address")
            .error(Some("Not an address"))
            .required();
        let text = field.render().into_string();
        assert!(
            text.contains(r#"<label for="f-email">E-mail</label>"#),
            "{text}"
        );
        assert!(
            text.contains(r#"aria-describedby="f-email-error f-email-hint" aria-invalid="true""#),
            "{text}"
        );
        assert!(text.contains(r#"value="a&quot;&gt;&lt;b&gt;""#), "{text}");
    }

    #[test]
    fn passwords_are_never_written_back() {
        assert!(
            !Field::password("p", "Password")
                .value("secret")
                .render()
                .into_string()
                .contains("secret")
        );
    }

    #[test]
    fn a_select_shows_its_value_and_a_text_area_keeps_its_first_line() {
        let select = Field::select("role", "Role", [("member", "Member"), ("owner", "Owner")])
            .value("owner")
            .render()
            .into_string();
        assert!(
            select.contains(r#"<option value="owner" selected>"#),
            "{select}"
        );
        let area = Field::text_area("note", "Note")
            .value("\nx</textarea>")
            .render()
            .into_string();
        assert!(area.contains(">\n\nx&lt;/textarea&gt;"), "{area}");
    }

    #[test]
    fn radio_cards_are_a_named_group() {
        let text = RadioCards::new("if_full", "If full?")
            .card("fail", "Fail", "")
            .card("waitlist", "Wait", "In order")
            .selected("fail");
        let text = text.render().into_string();
        assert!(text.contains("<legend>If full?</legend>"), "{text}");
        assert_eq!(text.matches(" checked").count(), 1);
    }
}
