//! Mails written from templates, which an operator may edit while the program runs.
//!
//! A mail has three parts: subject, plain text and HTML. The built-in ones are compiled in from
//! `templates/email/`; an override replaces all three parts of its kind. Templates are strict: a
//! variable that does not exist is an error that names the template, the line and the variables
//! there are, never an empty place in somebody's mail. HTML is escaped by itself, subject and text
//! are not. A template that computes without end runs out of fuel and is an error as well.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value};
use serde::{Deserialize, Serialize};

use super::builtin;
use super::filter;
use super::kind::TemplateKind;
use super::template_error::{TemplateError, explain, unknown_name};
use crate::locale::Locale;

/// Steps a part may take; the largest built-in one takes about a hundredth of it.
const FUEL: u64 = 200_000;
/// Longest part that is written, in bytes.
const MAX_PART: usize = 512 * 1024;
/// Longest subject, in characters; a longer one ends in an ellipsis.
const MAX_SUBJECT: usize = 200;

/// The sources of one mail, in the language of minijinja (that of Jinja2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Template {
    /// Subject line.
    pub subject: String,
    /// Plain text part.
    pub text: String,
    /// HTML part; may extend `layout.html` as the built-in ones do.
    pub html: String,
}

/// A mail ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Rendered {
    /// One line without control characters, 200 characters at most.
    pub subject: String,
    /// Plain text part.
    pub text: String,
    /// HTML part.
    pub html: String,
}

/// The built-in template of a kind in the locale's language, for an operator to start from.
pub fn built_in(kind: TemplateKind, locale: &Locale) -> Template {
    let [subject, text, html] = builtin::sources(kind, locale.language());
    Template {
        subject: subject.into(),
        text: text.into(),
        html: html.into(),
    }
}

/// Writes a mail of `kind` in the locale's language, from `overriding` or else the built-in template.
///
/// `context` is the struct of the kind (see [`TemplateKind`]) or the same as JSON.
///
/// # Errors
/// When a template is wrong or asks for a variable the context does not have.
pub fn render(
    kind: TemplateKind,
    locale: &Locale,
    overriding: Option<&Template>,
    context: &impl Serialize,
) -> Result<Rendered, TemplateError> {
    let context = Value::from(Serde(context));
    let sources = match overriding {
        Some(own) => [own.subject.as_str(), own.text.as_str(), own.html.as_str()],
        None => builtin::sources(kind, locale.language()),
    };
    let mut parts = Vec::with_capacity(3);
    for (ending, source) in ["subject.txt", "txt", "html"].into_iter().zip(sources) {
        let name = format!("{}.{ending}", kind.name());
        parts.push(render_part(&name, source, locale, &context)?);
    }
    let mut parts = parts.into_iter();
    let mut next = || parts.next().unwrap_or_default();
    Ok(Rendered {
        subject: one_line(&next()),
        text: without_gaps(&next()),
        html: next(),
    })
}

/// Tries an edited template with the sample of its kind, in all its branches: to be called before it
/// is kept. The answer is the preview.
///
/// # Errors
/// As [`render`], and for a variable that exists nowhere even if no branch of the sample reaches it.
pub fn check(
    kind: TemplateKind,
    locale: &Locale,
    template: &Template,
) -> Result<Rendered, TemplateError> {
    let sample = kind.sample(locale);
    let context = Value::from(Serde(&sample));
    let parts = [
        ("subject.txt", &template.subject),
        ("txt", &template.text),
        ("html", &template.html),
    ];
    for (ending, source) in parts {
        let name = format!("{}.{ending}", kind.name());
        let environment = environment(locale);
        let parsed = environment
            .template_from_named_str(&name, source)
            .map_err(|error| explain(&error, &name, source, &context))?;
        for variable in parsed.undeclared_variables(false) {
            let known = context.get_attr(&variable).is_ok_and(|v| !v.is_undefined());
            let global = environment.globals().any(|(name, _)| name == variable);
            if !known && !global {
                return Err(unknown_name(&variable, &name, source, &context));
            }
        }
    }
    render(kind, locale, Some(template), &sample)
}

fn render_part(
    name: &str,
    source: &str,
    locale: &Locale,
    context: &Value,
) -> Result<String, TemplateError> {
    let environment = environment(locale);
    let part = environment
        .template_from_named_str(name, source)
        .and_then(|template| template.render(context.clone()))
        .map_err(|error| explain(&error, name, source, context))?;
    if part.len() > MAX_PART {
        let error = Error::new(
            ErrorKind::WriteFailure,
            "the mail would be larger than 512 KiB",
        );
        return Err(explain(&error, name, source, context));
    }
    Ok(part)
}

fn environment(locale: &Locale) -> Environment<'static> {
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build();
    environment.set_syntax(syntax.unwrap_or_default());
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_debug(true);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(40);
    environment.set_auto_escape_callback(|name| {
        if name.rsplit('.').next() == Some("html") {
            AutoEscape::Html
        } else {
            AutoEscape::None
        }
    });
    environment.set_formatter(|out, state, value| {
        if matches!(value.kind(), ValueKind::None) {
            return Err(Error::new(
                ErrorKind::InvalidOperation,
                "this variable may be empty: put {% if … %} around it",
            ));
        }
        minijinja::escape_formatter(out, state, value)
    });
    let language = locale.language();
    environment.set_loader(move |name| Ok(builtin::shared(name, language).map(str::to_owned)));
    environment.add_global("language", locale.to_string());
    filter::add(&mut environment, locale);
    environment
}

/// Plain text without the empty lines that absent parts of a template leave behind: one at most in a
/// row, none at the ends.
fn without_gaps(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut gap = false;
    for line in text.lines().map(str::trim_end) {
        if line.is_empty() {
            gap = true;
            continue;
        }
        if gap && !kept.is_empty() {
            kept.push('\n');
        }
        gap = false;
        kept.push_str(line);
        kept.push('\n');
    }
    kept
}

/// One line of text: runs of white space and control characters become one space.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        if !word.is_empty() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    if line.chars().count() > MAX_SUBJECT {
        line = line.chars().take(MAX_SUBJECT - 1).collect();
        line.push('…');
    }
    line
}
