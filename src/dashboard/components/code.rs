//! Code to read and copy: blocks, tabs by language, secrets shown once, the API call of a form.

use maud::{Markup, Render, html};
use serde_json::Value;

use crate::dashboard::icons::Icon;

fn copy_button(text: Option<&str>) -> Markup {
    html! { button.copy.needs-js type="button" data-copy=(text.unwrap_or_default()) { (Icon::Copy) "Copy" } }
}

/// One piece of code with its title and a copy button.
#[derive(Clone, Debug)]
pub struct CodeBlock {
    /// What it is, such as `curl` or `Answer`.
    pub title: String,
    /// The text, shown as it is.
    pub code: String,
}

impl Render for CodeBlock {
    fn render(&self) -> Markup {
        html! {
            div.code data-copy-root {
                div.code-head { span { (self.title) } (copy_button(None)) }
                pre tabindex="0" { code data-copy-text { (self.code) } }
            }
        }
    }
}

/// The same in several languages (six at most). The choice is kept for all pages.
#[derive(Clone, Debug)]
pub struct CodeTabs {
    /// Unique on the page; the group of the tabs.
    pub id: String,
    /// Language and text.
    pub tabs: Vec<(String, String)>,
}

impl Render for CodeTabs {
    fn render(&self) -> Markup {
        html! {
            div.code data-copy-root {
                div.code-head role="group" aria-label="Language" {
                    @for (index, (language, _)) in self.tabs.iter().enumerate() {
                        label.code-tab {
                            input.sr-only type="radio" name={ (self.id) "-language" } data-language=(language) checked[index == 0];
                            (language)
                        }
                    }
                    (copy_button(None))
                }
                div.code-body {
                    @for (language, code) in &self.tabs {
                        div.code-panel { pre tabindex="0" aria-label=(language) { code data-copy-text { (code) } } }
                    }
                }
            }
        }
    }
}

/// A short text with a copy button beside it: an id, an address.
#[derive(Clone, Debug)]
pub struct CopyField {
    /// What it is, for screen readers.
    pub label: String,
    /// The text.
    pub value: String,
}

impl Render for CopyField {
    fn render(&self) -> Markup {
        html! {
            div.copy-field role="group" aria-label=(self.label) { code { (self.value) } (copy_button(Some(&self.value))) }
        }
    }
}

/// A secret that is shown this once: a key just made, a sign-in link.
#[derive(Clone, Debug)]
pub struct Secret {
    /// «Your new key».
    pub title: String,
    /// What to do with it, and that it is not shown again.
    pub text: String,
    /// The secret.
    pub value: String,
}

impl Render for Secret {
    fn render(&self) -> Markup {
        html! {
            section.secret {
                h2 { (Icon::Key) (self.title) }
                p { (self.text) }
                (CopyField { label: self.title.clone(), value: self.value.clone() })
            }
        }
    }
}

/// The API call that does what the form beside it does, closed until somebody asks for it.
#[derive(Clone, Debug)]
#[must_use]
pub struct ApiCall {
    id: String,
    method: String,
    url: String,
    body: Option<Value>,
    scope: Option<String>,
}

impl ApiCall {
    /// `id` is unique on the page; `url` is absolute, so that the example runs as it stands.
    pub fn new(id: impl Into<String>, method: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            method: method.into(),
            url: url.into(),
            body: None,
            scope: None,
        }
    }

    /// The JSON body.
    pub fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// The scope the key needs, such as `users:write`.
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = Some(scope.into());
        self
    }

    fn json(&self) -> Option<String> {
        self.body.as_ref().map(|body| format!("{body:#}"))
    }

    /// The call for a shell. The key is read from `$API_KEY`.
    pub fn curl(&self) -> String {
        let mut text = format!(
            "curl -X {} {} \\\n  -H \"Authorization: Bearer $API_KEY\"",
            self.method,
            shell_quoted(&self.url)
        );
        if let Some(json) = self.json() {
            text.push_str(" \\\n  -H \"Content-Type: application/json\" \\\n  -d ");
            text.push_str(&shell_quoted(&json));
        }
        text
    }

    /// The call in JavaScript, for Node.js 18 and later.
    pub fn javascript(&self) -> String {
        let method = Value::from(self.method.as_str());
        let url = Value::from(self.url.as_str());
        let (kind, body) = self.json().map_or_else(Default::default, |json| {
            (
                ", \"Content-Type\": \"application/json\"",
                format!("\n  body: JSON.stringify({}),", json.replace('\n', "\n  ")),
            )
        });
        format!(
            "const response = await fetch({url}, {{\n  method: {method},\n  headers: {{ Authorization: `Bearer ${{process.env.API_KEY}}`{kind} }},{body}\n}});\nconsole.log(response.status, await response.json());"
        )
    }

    /// The call in Python, with nothing but its standard library.
    pub fn python(&self) -> String {
        let method = Value::from(self.method.as_str());
        let url = Value::from(self.url.as_str());
        // A JSON text is a Python string literal once it is written as a JSON string.
        let body = self
            .body
            .as_ref()
            .map(|body| format!("\n    data={}.encode(),", Value::from(body.to_string())))
            .unwrap_or_default();
        let kind = if self.body.is_some() {
            ", \"Content-Type\": \"application/json\""
        } else {
            ""
        };
        format!(
            "import os, urllib.request\n\nrequest = urllib.request.Request(\n    {url},\n    method={method},\n    headers={{\"Authorization\": f\"Bearer {{os.environ['API_KEY']}}\"{kind}}},{body}\n)\nprint(urllib.request.urlopen(request).read().decode())"
        )
    }
}

/// `text` in single quotes for a POSIX shell.
fn shell_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

impl Render for ApiCall {
    fn render(&self) -> Markup {
        let tabs = [
            ("curl", self.curl()),
            ("JavaScript", self.javascript()),
            ("Python", self.python()),
        ];
        html! {
            details.disclosure {
                summary { (Icon::ChevronRight.with_class("icon-chevron")) "API call of this form" }
                @if let Some(scope) = &self.scope { p.hint { "Needs a key with the scope " code { (scope) } "." } }
                (CodeTabs { id: self.id.clone(), tabs: tabs.map(|(language, code)| (language.to_owned(), code)).into() })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_shell_sees_one_argument_whatever_the_body_holds() {
        let call = ApiCall::new("c", "POST", "https://b2b.example/api/users")
            .body(json!({ "name": "O'Neil $HOME `id`" }));
        assert!(
            call.curl()
                .ends_with("-d '{\n  \"name\": \"O'\\''Neil $HOME `id`\"\n}'"),
            "{}",
            call.curl()
        );
        assert!(
            call.python()
                .contains(r#"data="{\"name\":\"O'Neil $HOME `id`\"}".encode(),"#),
            "{}",
            call.python()
        );
    }

    #[test]
    fn code_is_escaped_in_the_page() {
        let text = ApiCall::new("c", "POST", "https://x/</code>")
            .body(json!("<script>"))
            .render()
            .into_string();
        assert!(
            !text.contains("<script>") && text.contains("&lt;script&gt;"),
            "{text}"
        );
        let field = CopyField {
            label: "Key".into(),
            value: "a\"b".into(),
        }
        .render()
        .into_string();
        assert!(field.contains(r#"data-copy="a&quot;b""#), "{field}");
    }
}
