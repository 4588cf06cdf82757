//! The texts of the pages learners see, in every language of [`Language`].
//!
//! The catalogues are Fluent files (<https://projectfluent.org/fluent/guide/>) of `locales/`,
//! compiled in. [`text`] never fails: a text that is missing comes in English, and an unknown key
//! comes back as itself and is logged. The tests below keep both from happening: every key exists in
//! every language with the same variables, pages use no key that does not exist, and no page in use
//! leaves keys of its own unused.

use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use unic_langid::LanguageIdentifier;

use crate::locale::{Language, Locale};

/// A value for a variable of a text: made by `.into()` from a text or a number.
pub type TextValue<'a> = FluentValue<'a>;

/// U+2068 and U+2069: what stands between them keeps its own direction of writing.
const ISOLATE: (char, char) = ('\u{2068}', '\u{2069}');

static ENGLISH: LazyLock<FluentBundle<FluentResource>> = LazyLock::new(|| load(Language::En));
static GERMAN: LazyLock<FluentBundle<FluentResource>> = LazyLock::new(|| load(Language::De));

const fn source(language: Language) -> &'static str {
    match language {
        Language::En => include_str!("../locales/en/learner.ftl"),
        Language::De => include_str!("../locales/de/learner.ftl"),
    }
}

fn catalogue(language: Language) -> &'static FluentBundle<FluentResource> {
    match language {
        Language::En => &ENGLISH,
        Language::De => &GERMAN,
    }
}

fn load(language: Language) -> FluentBundle<FluentResource> {
    let id: LanguageIdentifier = language.code().parse().unwrap_or_default();
    let mut bundle = FluentBundle::new_concurrent(vec![id]);
    // Names are isolated below, and only where it changes how they are shown, so that copied text
    // has no invisible characters.
    bundle.set_use_isolating(false);
    let resource = FluentResource::try_new(source(language).to_owned()).unwrap_or_else(
        |(readable, errors)| {
            tracing::error!(
                language = language.code(),
                ?errors,
                "unreadable text catalogue"
            );
            readable
        },
    );
    if let Err(errors) = bundle.add_resource(resource) {
        tracing::error!(
            language = language.code(),
            ?errors,
            "text catalogue with doubles"
        );
    }
    bundle
}

/// The text of `key` in the reader's language, its variables filled with `values`.
///
/// The answer is plain text: escaping is up to the page. Numbers choose the plural form by the rules
/// of the language. A value written from right to left is isolated, so that the sentence around it
/// keeps its order.
pub fn text(locale: &Locale, key: &str, values: &[(&str, TextValue<'_>)]) -> String {
    let mut arguments = FluentArgs::with_capacity(values.len());
    for (name, value) in values {
        arguments.set((*name).to_owned(), isolated(value));
    }
    for language in [locale.language(), Language::En] {
        let bundle = catalogue(language);
        let Some(pattern) = bundle.get_message(key).and_then(|message| message.value()) else {
            continue;
        };
        let mut errors = Vec::new();
        let text = bundle.format_pattern(pattern, Some(&arguments), &mut errors);
        if !errors.is_empty() {
            tracing::error!(key, language = language.code(), ?errors, "text with gaps");
        }
        return text.into_owned();
    }
    tracing::error!(key, "unknown text");
    key.to_owned()
}

fn isolated<'a>(value: &TextValue<'a>) -> TextValue<'a> {
    match value {
        FluentValue::String(text) if text.chars().any(is_right_to_left) => {
            format!("{}{text}{}", ISOLATE.0, ISOLATE.1).into()
        }
        other => other.clone(),
    }
}

/// Whether a character belongs to a block of the Unicode standard that is written from right to left
/// (Hebrew to Arabic Extended-A, their presentation forms, and U+10800 to U+10FFF, U+1E800 to U+1EFFF),
/// or is a mark that changes the direction.
fn is_right_to_left(c: char) -> bool {
    matches!(c,
        '\u{590}'..='\u{8FF}'
        | '\u{FB1D}'..='\u{FDFF}'
        | '\u{FE70}'..='\u{FEFF}'
        | '\u{10800}'..='\u{10FFF}'
        | '\u{1E800}'..='\u{1EFFF}'
        | '\u{200F}'
        | '\u{202B}'
        | '\u{202E}')
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::Path;

    use super::*;

    /// Key → variables named in its lines, read from the source text.
    fn keys(language: Language) -> BTreeMap<&'static str, BTreeSet<&'static str>> {
        let mut found: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let mut current = "";
        for line in source(language)
            .lines()
            .filter(|line| !line.starts_with('#'))
        {
            if let Some((key, _)) = line.split_once(" = ").filter(|_| !line.starts_with(' ')) {
                assert!(found.insert(key, BTreeSet::new()).is_none(), "{key} twice");
                current = key;
            }
            for rest in line.split('$').skip(1) {
                let end = rest
                    .find(|c: char| !c.is_ascii_lowercase())
                    .unwrap_or(rest.len());
                found.get_mut(current).unwrap().insert(&rest[..end]);
            }
        }
        found
    }

    fn read_sources(folder: &Path, into: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read_sources(&path, into);
            } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("i18n.rs") {
                into.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }

    fn say(tag: &str, key: &str, values: &[(&str, TextValue<'_>)]) -> String {
        text(&Locale::parse(tag).unwrap(), key, values)
    }

    #[test]
    fn every_language_has_the_same_keys_with_the_same_variables() {
        let english = keys(Language::En);
        assert!(english.len() > 60);
        for language in Language::ALL {
            assert_eq!(keys(language), english, "{}", language.code());
            FluentResource::try_new(source(language).to_owned()).unwrap();
        }
    }

    #[test]
    fn every_text_is_complete_when_its_variables_are_given() {
        for language in Language::ALL {
            for (key, variables) in keys(language) {
                for number in [0, 1, 2] {
                    let values: Vec<_> = variables
                        .iter()
                        .map(|name| (*name, TextValue::from(number)))
                        .collect();
                    let written = text(&language.into(), key, &values);
                    assert!(
                        !written.is_empty() && !written.contains(['{', '$']),
                        "{key}: {written}"
                    );
                    assert_ne!(written, key);
                }
            }
        }
    }

    /// A page's keys (those before the first dash) are held to be used once a page uses one of them.
    #[test]
    fn pages_use_keys_that_exist_and_leave_none_unused() {
        let mut program = String::new();
        read_sources(
            Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")),
            &mut program,
        );
        let english = keys(Language::En);
        let used = |key: &&str| program.contains(&format!("\"{key}\""));
        let page = |key: &str| key.split('-').next().unwrap().to_owned();
        let pages: BTreeSet<String> = english.keys().copied().filter(used).map(page).collect();
        let unused: Vec<_> = english
            .keys()
            .filter(|key| pages.contains(&page(key)) && !used(key))
            .collect();
        assert!(unused.is_empty(), "no page uses {unused:?}");
        for call in program.split("i18n::text(").skip(1) {
            // Some are given a key that stands elsewhere.
            let written = call.split(',').nth(1).unwrap().trim().strip_prefix('"');
            if let Some(key) = written.and_then(|rest| rest.split('"').next()) {
                assert!(english.contains_key(key), "there is no text {key:?}");
            }
        }
    }

    #[test]
    fn plurals_fallbacks_and_directions_are_right() {
        assert_eq!(
            say("de-CH", "courses-count", &[("count", 1.into())]),
            "Sie haben einen Kurs."
        );
        assert_eq!(
            say("de", "courses-count", &[("count", 12.into())]),
            "Sie haben 12 Kurse."
        );
        assert_eq!(
            say("fr", "courses-days-left", &[("days", 0.into())]),
            "Last day"
        );
        assert_eq!(
            say("en", "confirm-title", &[("name", "Ada".into())]),
            "Sign in as Ada"
        );
        assert_eq!(
            say("en", "confirm-title", &[("name", "نور".into())]),
            "Sign in as \u{2068}نور\u{2069}"
        );
        assert_eq!(say("en", "no-such-key", &[]), "no-such-key");
    }
}
