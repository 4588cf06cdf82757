//! What is wrong with a template, in words for the operator who edits it.

use std::fmt;

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Value};

/// A template that cannot be used, with all that is needed to correct it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateError {
    /// The part it is in, such as `welcome.html`.
    pub template: String,
    /// The line, counted from 1, where it is known.
    pub line: Option<usize>,
    /// What is wrong, in a sentence.
    pub problem: String,
    /// The variable that was probably meant.
    pub suggestion: Option<String>,
    /// Every variable there is, such as `brand.name` or `products[].ends_at`.
    pub variables: Vec<String>,
}

impl std::error::Error for TemplateError {}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.template)?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        write!(f, ": {}", self.problem)?;
        if let Some(suggestion) = &self.suggestion {
            write!(f, " (did you mean {suggestion:?}?)")?;
        }
        write!(f, ". Variables: {}", self.variables.join(", "))
    }
}

/// Turns an error of the engine into one for the operator. `source` is the text of `name`; an error in
/// a template it includes keeps that template's name and line.
pub(super) fn explain(error: &Error, name: &str, source: &str, context: &Value) -> TemplateError {
    let own = error.name().is_none_or(|at| at == name);
    let expression = error
        .range()
        .filter(|_| own)
        .and_then(|range| source.get(range))
        .map(|text| text.trim_matches(|c: char| c.is_whitespace() || "{}%".contains(c)))
        .filter(|text| text.len() <= 80 && !text.is_empty());
    let detail = error.detail();
    let (problem, wanted) = match (error.kind(), expression) {
        (ErrorKind::UndefinedError, Some(text)) => {
            let variable = variable_in(text);
            (format!("there is no variable {variable:?}"), Some(variable))
        }
        (ErrorKind::UndefinedError, None) => ("there is no such variable".into(), None),
        (ErrorKind::OutOfFuel, _) => (
            "it computes for too long; is a loop too large?".into(),
            None,
        ),
        (kind, text) => {
            let what = detail.map_or_else(|| kind.to_string(), ToOwned::to_owned);
            let place = text
                .map(|text| format!(", at {text:?}"))
                .unwrap_or_default();
            (format!("{what}{place}"), None)
        }
    };
    let variables = variables(context);
    TemplateError {
        template: error.name().unwrap_or(name).to_owned(),
        line: error.line(),
        suggestion: wanted.and_then(|name| nearest(name, &variables)),
        problem,
        variables,
    }
}

/// The error for a variable that exists nowhere, at the first line that names it.
pub(super) fn unknown_name(
    variable: &str,
    template: &str,
    source: &str,
    context: &Value,
) -> TemplateError {
    let variables = variables(context);
    let names_it = |line: &str| {
        line.split(|c: char| !(c.is_alphanumeric() || c == '_'))
            .any(|word| word == variable)
    };
    TemplateError {
        template: template.to_owned(),
        line: source.lines().position(names_it).map(|before| before + 1),
        problem: format!("there is no variable {variable:?}"),
        suggestion: nearest(variable, &variables),
        variables,
    }
}

/// The variable an expression begins with: `if inviterr` and `inviterr|upper` both speak of
/// `inviterr`.
fn variable_in(expression: &str) -> &str {
    let last_word = expression
        .split_whitespace()
        .next_back()
        .unwrap_or(expression);
    last_word.split('|').next().unwrap_or(last_word)
}

fn nearest(wanted: &str, variables: &[String]) -> Option<String> {
    variables
        .iter()
        .map(|name| (strsim::damerau_levenshtein(wanted, name), name))
        .filter(|(distance, name)| *distance <= 1 + name.len() / 4)
        .min()
        .map(|(_, name)| name.clone())
}

/// The paths of all plain values in a context; `[]` stands for each element of a list.
fn variables(context: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect(context, "", 0, &mut found);
    found.sort();
    found.dedup();
    found
}

fn collect(value: &Value, path: &str, depth: usize, found: &mut Vec<String>) {
    if depth > 4 {
        return;
    }
    match value.kind() {
        ValueKind::Map => {
            for key in value.try_iter().into_iter().flatten() {
                let dot = if path.is_empty() { "" } else { "." };
                let inner = value.get_item(&key).unwrap_or_default();
                collect(&inner, &format!("{path}{dot}{key}"), depth + 1, found);
            }
        }
        ValueKind::Seq => {
            let path = format!("{path}[]");
            let mut elements = value.try_iter().into_iter().flatten().peekable();
            if elements.peek().is_none() {
                found.push(path.clone());
            }
            for element in elements.take(3) {
                collect(&element, &path, depth + 1, found);
            }
        }
        _ => found.push(path.to_owned()),
    }
}
