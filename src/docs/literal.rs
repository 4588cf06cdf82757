//! JSON values as literals of other languages.

use std::fmt::Write as _;

use serde_json::Value as JsonValue;

/// How a language writes what JSON can say.
pub(super) struct Syntax {
    /// A text with its quotes.
    pub(super) text: fn(&str) -> String,
    /// True, false and nothing.
    pub(super) words: [&'static str; 3],
    /// Around the members of an object.
    pub(super) object: [&'static str; 2],
    /// An object without members.
    pub(super) empty_object: &'static str,
    /// Between the name of a member and its value.
    pub(super) colon: &'static str,
}

/// JSON itself, which is JavaScript as well.
pub(super) const JSON: Syntax = Syntax {
    text: json_text,
    words: ["true", "false", "null"],
    object: ["{", "}"],
    empty_object: "{}",
    colon: ": ",
};

/// Python, whose text literals know every escape of JSON.
pub(super) const PYTHON: Syntax = Syntax {
    text: json_text,
    words: ["True", "False", "None"],
    ..JSON
};

/// PHP.
pub(super) const PHP: Syntax = Syntax {
    text: php_text,
    object: ["[", "]"],
    empty_object: "new stdClass()",
    colon: " => ",
    ..JSON
};

/// Rust, inside `serde_json::json!`.
pub(super) const RUST: Syntax = Syntax {
    text: rust_text,
    ..JSON
};

/// A text in double quotes with the escapes of JSON.
pub(super) fn json_text(text: &str) -> String {
    JsonValue::from(text).to_string()
}

/// A text in single quotes, in which PHP replaces nothing but these two escapes.
pub(super) fn php_text(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// A text as a Rust literal.
pub(super) fn rust_text(text: &str) -> String {
    format!("\"{}\"", text.escape_default())
}

/// A text in single quotes for a POSIX shell.
pub(super) fn shell_text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// A value on several lines, of which all but the first are indented by `indent` spaces. What is short stays on one.
pub(super) fn literal(value: &JsonValue, syntax: &Syntax, indent: usize) -> String {
    let flat = inline(value, syntax);
    let is_nested = match value {
        JsonValue::Array(items) => items.iter().any(JsonValue::is_object),
        JsonValue::Object(members) => members.len() > 1 || members.values().any(is_deep),
        _ => false,
    };
    if !is_nested || flat.len() <= 40 {
        return flat;
    }
    let (inner, outer) = (" ".repeat(indent + 2), " ".repeat(indent));
    let mut out = String::new();
    let parts: Vec<String> = match value {
        JsonValue::Array(items) => items
            .iter()
            .map(|item| literal(item, syntax, indent + 2))
            .collect(),
        JsonValue::Object(members) => members
            .iter()
            .map(|(name, value)| {
                let value = literal(value, syntax, indent + 2);
                format!("{}{}{value}", (syntax.text)(name), syntax.colon)
            })
            .collect(),
        _ => Vec::new(),
    };
    let [open, close] = brackets(value, syntax);
    let _ = write!(
        out,
        "{open}\n{inner}{}\n{outer}{close}",
        parts.join(&format!(",\n{inner}"))
    );
    out
}

fn is_deep(value: &JsonValue) -> bool {
    value.is_object() || value.is_array()
}

const fn brackets(value: &JsonValue, syntax: &Syntax) -> [&'static str; 2] {
    match value {
        JsonValue::Object(_) => syntax.object,
        _ => ["[", "]"],
    }
}

/// A value on one line.
fn inline(value: &JsonValue, syntax: &Syntax) -> String {
    let [yes, no, nothing] = syntax.words;
    match value {
        JsonValue::Null => nothing.to_owned(),
        JsonValue::Bool(true) => yes.to_owned(),
        JsonValue::Bool(false) => no.to_owned(),
        JsonValue::Number(number) => number.to_string(),
        JsonValue::String(text) => (syntax.text)(text),
        JsonValue::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| inline(item, syntax)).collect();
            format!("[{}]", items.join(", "))
        }
        JsonValue::Object(members) if members.is_empty() => syntax.empty_object.to_owned(),
        JsonValue::Object(members) => {
            let members: Vec<_> = members
                .iter()
                .map(|(name, value)| {
                    format!(
                        "{}{}{}",
                        (syntax.text)(name),
                        syntax.colon,
                        inline(value, syntax)
                    )
                })
                .collect();
            let [open, close] = syntax.object;
            let space = if open == "{" { " " } else { "" };
            format!("{open}{space}{}{space}{close}", members.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn texts_cannot_leave_their_quotes() {
        let text = "O'Neil said \"$HOME\\n\" `id` \u{7}\n";
        assert_eq!(
            shell_text(text),
            "'O'\\''Neil said \"$HOME\\n\" `id` \u{7}\n'"
        );
        assert_eq!(
            php_text(text),
            "'O\\'Neil said \"$HOME\\\\n\" `id` \u{7}\n'"
        );
        assert_eq!(
            rust_text(text),
            r#""O\'Neil said \"$HOME\\n\" `id` \u{7}\n""#
        );
        assert_eq!(
            json_text(text),
            r#""O'Neil said \"$HOME\\n\" `id` \u0007\n""#
        );
    }

    #[test]
    fn each_language_has_its_own_words() {
        let value = json!({ "a": true, "b": null, "c": {}, "d": [1, "x"] });
        assert_eq!(
            inline(&value, &PYTHON),
            r#"{ "a": True, "b": None, "c": {}, "d": [1, "x"] }"#
        );
        assert_eq!(
            inline(&value, &PHP),
            "['a' => true, 'b' => null, 'c' => new stdClass(), 'd' => [1, 'x']]"
        );
    }

    #[test]
    fn the_json_form_reads_back_as_the_same_value() {
        let value = json!({ "user": { "email": "ada@example.com", "name": "Ada \"Countess\" Byron" }, "seats": [{ "product": "ext:a", "quantity": 10 }, { "product": "ext:b" }], "tags": ["a", "b"], "dry": false });
        let text = literal(&value, &JSON, 0);
        assert_eq!(serde_json::from_str::<JsonValue>(&text).unwrap(), value);
        assert!(text.contains("\n  \"user\": {\n    \"email\""), "{text}");
        assert!(text.contains("\"tags\": [\"a\", \"b\"]"), "{text}");
    }
}
