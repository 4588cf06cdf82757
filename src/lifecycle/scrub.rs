//! Texts in which a person is named nowhere: the pure half of an erasure.

use serde::{Deserialize, Serialize};
use serde_json::Value as JsonValue;

use crate::resources::User;

/// Members that tell who somebody is.
const PERSONAL: &[&str] = &[
    "email",
    "first_name",
    "last_name",
    "name",
    "company",
    "external_id",
    "locale",
    "timezone",
    "tags",
    "metadata",
    "lms_user_id",
];

/// What is sought of one person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Traces {
    /// Addresses and full names, which are replaced wherever they stand.
    pub(super) words: Vec<String>,
    /// Single names, which are replaced where a whole text of a row about the person is nothing else.
    pub(super) names: Vec<String>,
}

impl Traces {
    /// What tells of a person: the present record and the addresses of before.
    pub(super) fn of(user: &User, addresses: &[String]) -> Self {
        let mut words: Vec<String> = addresses.to_vec();
        words.push(user.email.to_string());
        words.push(user.email.key());
        let names: Vec<String> = [&user.first_name, &user.last_name, &user.name]
            .into_iter()
            .flatten()
            .map(ToString::to_string)
            .collect();
        if let (Some(first), Some(last)) = (&user.first_name, &user.last_name) {
            words.push(format!("{first} {last}"));
            words.push(format!("{last}, {first}"));
        }
        // A full name of one short word is too common a text to be sought everywhere.
        words.extend(
            user.name
                .iter()
                .map(ToString::to_string)
                .filter(|name| name.contains(' ') || name.chars().count() > 5),
        );
        words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        words.dedup();
        Self { words, names }
    }

    /// Whether a whole text is nothing but one of the names.
    fn is_name(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        self.names.iter().any(|name| name.to_lowercase() == text)
    }

    /// The forms in which the words may stand in a text: as they are, in small letters, and as JSON writes them.
    pub(super) fn forms(&self) -> Vec<String> {
        let mut forms = Vec::new();
        for word in &self.words {
            for form in [word.to_ascii_lowercase(), word.to_lowercase()] {
                let json = serde_json::to_string(&form).unwrap_or_default();
                forms.push(json.trim_matches('"').to_owned());
                forms.push(form);
            }
        }
        forms.sort();
        forms.dedup();
        forms
    }
}

/// What stands in place of a person's name.
pub(super) fn label(user: &str) -> String {
    let end = user.len().saturating_sub(6);
    format!("Erased person {}", user.get(end..).unwrap_or_default())
}

/// A text without the words, whatever their case, where they are not part of a longer word.
fn without(text: &str, traces: &Traces, label: &str) -> String {
    let mut out = text.to_owned();
    for word in &traces.words {
        out = replaced(&out, word, label);
    }
    out
}

fn replaced(text: &str, word: &str, label: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let lower = |c: &char| c.to_lowercase().next().unwrap_or(*c);
    let wanted: Vec<char> = word.chars().map(|c| lower(&c)).collect();
    if wanted.is_empty() {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(rest) = chars.get(at..).filter(|rest| !rest.is_empty()) {
        let begins =
            rest.len() >= wanted.len() && rest.iter().zip(&wanted).all(|(c, w)| lower(c) == *w);
        let is_inside = |c: Option<&char>| c.is_some_and(|c| c.is_alphanumeric());
        let before = at.checked_sub(1).and_then(|before| chars.get(before));
        if begins && !is_inside(before) && !is_inside(rest.get(wanted.len())) {
            out.push_str(label);
            at += wanted.len();
        } else {
            out.extend(rest.first());
            at += 1;
        }
    }
    out
}

/// A JSON value in which the person is named nowhere. `is_own`: the row is about the person.
fn scrub(value: &mut JsonValue, user: &str, traces: &Traces, is_own: bool, label: &str) {
    match value {
        JsonValue::String(text) => {
            let is_name = is_own && traces.is_name(text);
            *text = if is_name {
                label.to_owned()
            } else {
                without(text, traces, label)
            };
        }
        JsonValue::Array(items) => {
            for item in items {
                scrub(item, user, traces, is_own, label);
            }
        }
        JsonValue::Object(members) => {
            let is_person = members.get("id").is_some_and(|id| id == user);
            let looks_so = members.contains_key("email") || members.contains_key("first_name");
            if is_person && looks_so {
                forget(members, label);
            }
            if is_person && let Some(JsonValue::Object(previous)) = members.get_mut("previous") {
                forget(previous, label);
            }
            // Somebody else of the same name keeps it.
            let is_other = looks_so
                && !is_person
                && members
                    .get("id")
                    .and_then(JsonValue::as_str)
                    .is_some_and(|id| id.starts_with("user_"));
            for (name, member) in members.iter_mut() {
                let is_theirs = matches!(name.as_str(), "name" | "first_name" | "last_name");
                if !(is_other && is_theirs) {
                    scrub(member, user, traces, is_own, label);
                }
            }
        }
        _ => {}
    }
}

/// Empties the members that tell who somebody is.
fn forget(members: &mut serde_json::Map<String, JsonValue>, label: &str) {
    for name in PERSONAL {
        if let Some(member) = members.get_mut(*name) {
            *member = match member {
                JsonValue::Array(_) => JsonValue::Array(Vec::new()),
                JsonValue::Object(_) => JsonValue::Object(serde_json::Map::new()),
                JsonValue::String(_) if matches!(*name, "email" | "name") => label.into(),
                _ => JsonValue::Null,
            };
        }
    }
}

/// A stored text in which the person is named nowhere, or none where it names nobody as it is.
pub(super) fn cleaned(
    text: &str,
    column: &str,
    user: &str,
    traces: &Traces,
    is_own: bool,
) -> Option<String> {
    let label = label(user);
    let after = match serde_json::from_str::<JsonValue>(text) {
        Ok(mut value) if value.is_object() || value.is_array() => {
            let before = value.clone();
            if is_own
                && column == "previous"
                && let JsonValue::Object(members) = &mut value
                && (members.contains_key("email")
                    || members.contains_key("first_name")
                    || members.contains_key("last_name")
                    || members.contains_key("name")
                    || members.contains_key("external_id")
                    || members.contains_key("metadata")
                    || members.contains_key("company"))
            {
                forget(members, &label);
            }
            scrub(&mut value, user, traces, is_own, &label);
            if value == before {
                return None;
            }
            serde_json::to_string(&value).unwrap_or_default()
        }
        _ if is_own && traces.is_name(text) => label.clone(),
        _ if column.ends_with("_key") => without(text, traces, &label.to_lowercase()),
        _ => without(text, traces, &label),
    };
    (after != text).then_some(after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const USER: &str = "user_01h455vb4pex5vsknk084sn02q";

    fn ada() -> Traces {
        Traces {
            words: vec!["ada@example.com".to_owned(), "Ada Byron".to_owned()],
            names: vec!["Ada".to_owned(), "Byron".to_owned(), "Ada Byron".to_owned()],
        }
    }

    #[test]
    fn words_go_in_any_case_but_not_out_of_longer_ones() {
        let gone = |text: &str| without(text, &ada(), "X");
        assert_eq!(gone("550 <ADA@Example.com> unknown"), "550 <X> unknown");
        assert_eq!(gone("ada byron's team"), "X's team");
        assert_eq!(
            gone("Nada Byronov and nada@example.com"),
            "Nada Byronov and nada@example.com"
        );
        assert_eq!(gone("İzmir, Ada Byron"), "İzmir, X");
    }

    #[test]
    fn a_person_is_emptied_wherever_the_record_stands() {
        let text = json!({
            "user": { "id": USER, "email": "Ada@Example.com", "first_name": "Ada", "tags": ["vip"], "metadata": { "a": "b" }, "company": "Navy" },
            "team": { "id": "team_1", "name": "Ada Byron's team" },
            "by": "Grace",
        });
        let clean = cleaned(&text.to_string(), "data", USER, &ada(), true).expect("a change");
        for gone in ["Ada", "Byron", "example.com", "vip", "Navy"] {
            assert!(!clean.contains(gone), "{gone}: {clean}");
        }
        assert!(clean.contains("Grace") && clean.contains("team_1"));
        assert_eq!(
            cleaned(&clean, "data", USER, &ada(), true),
            None,
            "a second run finds nothing"
        );
    }

    #[test]
    fn somebody_else_of_the_same_name_keeps_it() {
        let other = json!({ "id": "user_01h455vb4pex5vsknk084sn02z", "email": "b@example.com", "name": "Ada Byron" });
        assert_eq!(
            cleaned(&other.to_string(), "data", USER, &ada(), false),
            None
        );
    }

    #[test]
    fn first_names_go_only_from_rows_about_the_person() {
        let text = json!({ "greeting": "Ada" }).to_string();
        assert_eq!(cleaned(&text, "data", USER, &ada(), false), None);
        assert!(cleaned(&text, "data", USER, &ada(), true).is_some());
    }

    #[test]
    fn changed_members_of_before_are_emptied() {
        let text = json!({ "last_name": "Noel", "company": "Navy" }).to_string();
        let clean = cleaned(&text, "previous", USER, &ada(), true).expect("a change");
        assert_eq!(
            clean,
            json!({ "last_name": null, "company": null }).to_string()
        );
    }
}
