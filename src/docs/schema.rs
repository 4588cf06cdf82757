//! A JSON Schema as rows that people read.

use serde_json::{Map, Value as JsonValue};

/// Members within members are shown to this depth.
pub(super) const DEPTH: usize = 5;

/// One member of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    /// Where it stands: `seats[].product`.
    pub(super) path: String,
    /// `string`, `array of object`, `string or null`.
    pub(super) kind: String,
    /// Whether a body without it is refused, or an answer without it is never given.
    pub(super) required: bool,
    /// What it is.
    pub(super) description: String,
    /// Bounds, defaults, formats.
    pub(super) notes: Vec<String>,
    /// The words it may be, with what each means.
    pub(super) words: Vec<(String, String)>,
}

/// The schemas that others refer to: `components.schemas` of the document.
pub(super) struct Schemas<'a>(pub(super) &'a Map<String, JsonValue>);

impl Schemas<'_> {
    /// The schema with its reference followed; what stands beside the reference wins.
    pub(super) fn resolve(&self, schema: &JsonValue) -> Map<String, JsonValue> {
        let own = schema.as_object().cloned().unwrap_or_default();
        let target = own
            .get("$ref")
            .and_then(JsonValue::as_str)
            .and_then(|reference| self.0.get(reference.rsplit('/').next()?));
        let Some(target) = target else {
            return own;
        };
        let mut merged = target.as_object().cloned().unwrap_or_default();
        merged.extend(own.into_iter().filter(|(name, _)| name != "$ref"));
        merged
    }

    /// The members of an object, each followed by its own members.
    pub(super) fn members(&self, schema: &JsonValue) -> Vec<Member> {
        let mut members = Vec::new();
        self.add_members(&self.resolve(schema), "", 0, &mut members);
        members
    }

    fn add_members(
        &self,
        schema: &Map<String, JsonValue>,
        prefix: &str,
        depth: usize,
        out: &mut Vec<Member>,
    ) {
        if depth >= DEPTH {
            return;
        }
        for variant in self.variants(schema) {
            if let Some(items) = variant.get("items") {
                self.add_members(&self.resolve(items), &format!("{prefix}[]"), depth + 1, out);
            }
            let required = variant.get("required").and_then(JsonValue::as_array);
            let properties = variant.get("properties").and_then(JsonValue::as_object);
            for (name, property) in properties.into_iter().flatten() {
                let path = match prefix {
                    "" => name.clone(),
                    prefix => format!("{prefix}.{name}"),
                };
                let is_required =
                    required.is_some_and(|names| names.iter().any(|known| known == name));
                let property = self.resolve(property);
                if out.iter().all(|known| known.path != path) {
                    out.push(self.member(path.clone(), is_required, &property));
                    self.add_members(&property, &path, depth + 1, out);
                }
            }
        }
    }

    fn member(&self, path: String, required: bool, schema: &Map<String, JsonValue>) -> Member {
        let description = text(schema, "description");
        let mut member = Member {
            path,
            kind: self.kind(schema),
            required,
            description,
            notes: Vec::new(),
            words: self.words(schema),
        };
        for variant in self.variants(schema) {
            for note in notes(&variant) {
                if !member.notes.contains(&note) {
                    member.notes.push(note);
                }
            }
            if let (Some(items), true) = (variant.get("items"), member.words.is_empty()) {
                member.words = self.words(&self.resolve(items));
            }
        }
        if let Some(default) = schema.get("default").filter(|value| !is_nothing(value)) {
            member.notes.push(format!("default {default}"));
        }
        member
    }

    /// The forms a value may have, apart from `null`: the schema itself, or what its `anyOf` or `oneOf` names.
    pub(super) fn variants(&self, schema: &Map<String, JsonValue>) -> Vec<Map<String, JsonValue>> {
        let choices = ["anyOf", "oneOf", "allOf"]
            .iter()
            .find_map(|word| schema.get(*word)?.as_array());
        let Some(choices) = choices else {
            return vec![schema.clone()];
        };
        let mut variants: Vec<_> = choices
            .iter()
            .map(|choice| self.resolve(choice))
            .filter(|choice| choice.get("type").is_none_or(|kind| kind != "null"))
            .flat_map(|choice| self.variants(&choice))
            .collect();
        if schema.contains_key("properties") {
            variants.insert(0, schema.clone());
        }
        variants
    }

    pub(super) fn may_be_null(schema: &Map<String, JsonValue>) -> bool {
        let is_null = |kind: &JsonValue| kind == "null";
        let own = match schema.get("type") {
            Some(JsonValue::Array(kinds)) => kinds.iter().any(is_null),
            Some(kind) => is_null(kind),
            None => false,
        };
        let choices = schema.get("anyOf").or_else(|| schema.get("oneOf"));
        own || choices
            .and_then(JsonValue::as_array)
            .into_iter()
            .flatten()
            .any(|choice| choice.get("type").is_some_and(is_null))
    }

    /// The type in words.
    pub(super) fn kind(&self, schema: &Map<String, JsonValue>) -> String {
        let mut kinds: Vec<String> = Vec::new();
        for variant in self.variants(schema) {
            for kind in self.plain_kinds(&variant) {
                if !kinds.contains(&kind) {
                    kinds.push(kind);
                }
            }
        }
        if Self::may_be_null(schema) {
            kinds.push("null".to_owned());
        }
        if kinds.is_empty() {
            kinds.push("any".to_owned());
        }
        kinds.join(" or ")
    }

    pub(super) fn plain_kinds(&self, schema: &Map<String, JsonValue>) -> Vec<String> {
        let named: Vec<&str> = match schema.get("type") {
            Some(JsonValue::Array(kinds)) => kinds.iter().filter_map(JsonValue::as_str).collect(),
            Some(JsonValue::String(kind)) => vec![kind],
            _ if schema.contains_key("enum") || schema.contains_key("const") => vec!["string"],
            _ => Vec::new(),
        };
        let in_words = |kind: &str| match (kind, schema.get("items")) {
            ("array", Some(items)) => format!("array of {}", self.kind(&self.resolve(items))),
            (kind, _) => kind.to_owned(),
        };
        named
            .into_iter()
            .filter(|kind| *kind != "null")
            .map(in_words)
            .collect()
    }

    /// The words a value may be: an `enum`, or a choice of constants with their descriptions.
    pub(super) fn words(&self, schema: &Map<String, JsonValue>) -> Vec<(String, String)> {
        let mut words = Vec::new();
        for variant in self.variants(schema) {
            let listed = variant.get("enum").and_then(JsonValue::as_array);
            words.extend(
                listed
                    .into_iter()
                    .flatten()
                    .filter_map(JsonValue::as_str)
                    .map(|word| (word.to_owned(), String::new())),
            );
            if let Some(word) = variant.get("const").and_then(JsonValue::as_str) {
                words.push((word.to_owned(), text(&variant, "description")));
            }
        }
        words
    }
}

/// A parameter of the OpenAPI document; its schema refers to no other.
pub(super) fn parameter(parameter: &JsonValue) -> Member {
    let none = Map::new();
    let schemas = Schemas(&none);
    let object = parameter.as_object().unwrap_or(&none);
    let schema = schemas.resolve(parameter.get("schema").unwrap_or(&JsonValue::Null));
    let required = object
        .get("required")
        .is_some_and(|required| required == true);
    Member {
        description: text(object, "description"),
        ..schemas.member(text(object, "name"), required, &schema)
    }
}

fn text(schema: &Map<String, JsonValue>, member: &str) -> String {
    schema
        .get(member)
        .and_then(JsonValue::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn is_nothing(value: &JsonValue) -> bool {
    match value {
        JsonValue::Null => true,
        JsonValue::Array(items) => items.is_empty(),
        JsonValue::Object(members) => members.is_empty(),
        _ => false,
    }
}

/// The prefix of an id, from the pattern `^user_[…]{25}$`.
pub(super) fn id_prefix(schema: &Map<String, JsonValue>) -> Option<&str> {
    let pattern = schema.get("pattern")?.as_str()?;
    let (prefix, rest) = pattern.trim_start_matches(['^', '(']).split_once('_')?;
    let is_word = prefix
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    (is_word && rest.starts_with('[')).then_some(prefix)
}

/// Bounds and formats in words.
fn notes(schema: &Map<String, JsonValue>) -> Vec<String> {
    let bound = |name: &str| schema.get(name).and_then(JsonValue::as_u64);
    let mut notes = Vec::new();
    if let Some(prefix) = id_prefix(schema) {
        notes.push(format!("{prefix}_…"));
    }
    let formats = [
        "date-time",
        "date",
        "uri",
        "idn-email",
        "language-tag",
        "time-zone",
    ];
    if let Some(format) = schema
        .get("format")
        .and_then(JsonValue::as_str)
        .filter(|format| formats.contains(format))
    {
        notes.push(format.replace("idn-email", "e-mail"));
    }
    let range = |low: Option<u64>, high: Option<u64>, unit: &str| match (low, high) {
        (Some(low), Some(high)) if low > 0 => Some(format!("{low} to {high}{unit}")),
        (Some(low), None) if low > 0 => Some(format!("{low}{unit} at least")),
        (_, Some(high)) => Some(format!("{high}{unit} at most")),
        _ => None,
    };
    let bounds = [
        range(bound("minimum"), bound("maximum"), ""),
        range(bound("minLength"), bound("maxLength"), " characters"),
        range(bound("minItems"), bound("maxItems"), " items"),
        range(bound("minProperties"), bound("maxProperties"), " members"),
    ];
    notes.extend(bounds.into_iter().flatten());
    notes
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use serde_json::json;

    pub(in crate::docs) fn components() -> Map<String, JsonValue> {
        let value = json!({
            "Status": { "oneOf": [{ "type": "string", "const": "on", "description": "It runs." }, { "type": "string", "const": "off" }] },
            "Seat": { "type": "object", "required": ["id"], "properties": {
                "id": { "type": "string", "pattern": "^seat_[0-7][0-9a-hjkmnp-tv-z]{25}$" },
                "status": { "$ref": "#/components/schemas/Status", "description": "Whether it runs." },
                "parent": { "anyOf": [{ "$ref": "#/components/schemas/Seat" }, { "type": "null" }] },
                "name": { "type": ["string", "null"], "minLength": 1, "maxLength": 9 },
                "teams": { "type": "array", "maxItems": 3, "items": { "type": "object", "properties": { "role": { "type": "string", "enum": ["owner"] } } } },
                "quantity": { "type": "integer", "minimum": 1, "maximum": 100, "default": 5 },
                "ends_at": { "type": ["string", "null"], "format": "date-time" },
            } },
        });
        value.as_object().unwrap().clone()
    }

    #[test]
    fn members_are_told_with_their_bounds_words_and_own_members() {
        let components = components();
        let members = Schemas(&components).members(&json!({ "$ref": "#/components/schemas/Seat" }));
        let find = |path: &str| {
            members
                .iter()
                .find(|member| member.path == path)
                .unwrap_or_else(|| panic!("{path} in {members:?}"))
        };
        assert!(find("id").required && !find("name").required);
        assert_eq!(find("id").notes, ["seat_…"]);
        assert_eq!(find("name").kind, "string or null");
        assert_eq!(find("name").notes, ["1 to 9 characters"]);
        assert_eq!(find("quantity").notes, ["1 to 100", "default 5"]);
        assert_eq!(find("status").description, "Whether it runs.");
        assert_eq!(
            find("status").words,
            [
                ("on".to_owned(), "It runs.".to_owned()),
                ("off".to_owned(), String::new())
            ]
        );
        assert_eq!(find("teams").kind, "array of object");
        assert_eq!(find("teams[].role").words.len(), 1);
        assert_eq!(find("parent").kind, "object or null");
        assert_eq!(find("parent.id").kind, "string");
    }

    #[test]
    fn a_schema_that_contains_itself_comes_to_an_end() {
        let components = components();
        let schema = json!({ "$ref": "#/components/schemas/Seat" });
        assert!(Schemas(&components).members(&schema).len() < 60);
    }
}
