//! A JSON Schema as a sample of what it describes.

use serde_json::{Map, Value as JsonValue};

use super::examples::SAMPLE_ID;
use super::schema::{DEPTH, Schemas, id_prefix};

/// Stands in samples for a text of which nothing is known.
const UNKNOWN: &str = "…";

impl Schemas<'_> {
    /// A value that fits. Members that `known` has by the same name take its value.
    pub(super) fn sample(&self, schema: &JsonValue, known: &JsonValue) -> JsonValue {
        self.sample_at(&self.resolve(schema), "", known, 0)
    }

    /// Whether a known plain value, or a list of such, fits as it is.
    fn is_as_known(
        &self,
        schema: &Map<String, JsonValue>,
        words: &[(String, String)],
        known: &JsonValue,
    ) -> bool {
        let kinds = self.kind(schema);
        let has = |kind: &str| kinds.split(" or ").any(|word| word == kind);
        match known {
            JsonValue::String(text) => {
                has("string") && (words.is_empty() || words.iter().any(|(word, _)| word == text))
            }
            JsonValue::Number(_) => has("integer") || has("number"),
            JsonValue::Bool(_) => has("boolean"),
            JsonValue::Array(items) => {
                !items.is_empty()
                    && kinds.starts_with("array of string")
                    && items.iter().all(JsonValue::is_string)
            }
            JsonValue::Object(_) | JsonValue::Null => false,
        }
    }

    fn sample_at(
        &self,
        schema: &Map<String, JsonValue>,
        name: &str,
        known: &JsonValue,
        depth: usize,
    ) -> JsonValue {
        let words = self.words(schema);
        if self.is_as_known(schema, &words, known) {
            return known.clone();
        }
        if let Some((word, _)) = words.into_iter().next() {
            return word.into();
        }
        let variants = self.variants(schema);
        let Some(schema) = variants
            .iter()
            .find(|variant| variant.contains_key("properties"))
            .or_else(|| variants.first())
        else {
            return JsonValue::Null;
        };
        let kinds = self.plain_kinds(schema);
        match kinds.first().map(|kind| kind.split(' ').next()) {
            Some(Some("object")) if depth < DEPTH => {
                let properties = schema.get("properties").and_then(JsonValue::as_object);
                let member = |(name, property): (&String, &JsonValue)| {
                    let known = known.get(name).unwrap_or(&JsonValue::Null);
                    let value = self.sample_at(&self.resolve(property), name, known, depth + 1);
                    (name.clone(), value)
                };
                properties
                    .into_iter()
                    .flatten()
                    .map(member)
                    .collect::<Map<_, _>>()
                    .into()
            }
            Some(Some("array")) if depth < DEPTH => match schema.get("items") {
                Some(items) => {
                    let first = known.get(0).unwrap_or(&JsonValue::Null);
                    let item = self.sample_at(&self.resolve(items), name, first, depth + 1);
                    let items: Vec<JsonValue> = [item]
                        .into_iter()
                        .filter(|item| item != UNKNOWN && !item.is_null())
                        .collect();
                    items.into()
                }
                None => Vec::<JsonValue>::new().into(),
            },
            Some(Some("integer" | "number")) => number(schema),
            Some(Some("boolean")) => (name.starts_with("is_") || name == "assign").into(),
            Some(Some("string")) if Self::may_be_null(schema) && !is_worth_showing(schema) => {
                JsonValue::Null
            }
            Some(Some("string")) => sample_text(schema, name).into(),
            _ => JsonValue::Null,
        }
    }
}

fn is_worth_showing(schema: &Map<String, JsonValue>) -> bool {
    schema
        .get("format")
        .is_some_and(|format| format == "date-time")
        || id_prefix(schema).is_some()
}

fn number(schema: &Map<String, JsonValue>) -> JsonValue {
    let bound = |name: &str| schema.get(name).and_then(JsonValue::as_i64);
    bound("default")
        .or_else(|| bound("minimum"))
        .unwrap_or(1)
        .max(1)
        .min(bound("maximum").unwrap_or(i64::MAX))
        .into()
}

fn sample_text(schema: &Map<String, JsonValue>, name: &str) -> String {
    if let Some(prefix) = id_prefix(schema) {
        return format!("{prefix}_{SAMPLE_ID}");
    }
    match schema.get("format").and_then(JsonValue::as_str) {
        Some("date-time") => "2026-03-02T09:00:00Z".to_owned(),
        Some("idn-email" | "email") => "ada@example.com".to_owned(),
        Some("uri" | "web-url") => "https://example.com/".to_owned(),
        Some("language-tag") => "en".to_owned(),
        Some("time-zone") => "Europe/Berlin".to_owned(),
        _ if name.ends_with("_id") => format!("{}_{SAMPLE_ID}", name.trim_end_matches("_id")),
        _ => UNKNOWN.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::schema::tests::components;
    use super::*;
    use serde_json::json;

    #[test]
    fn a_sample_fits_its_schema_and_takes_what_is_known() {
        let components = components();
        let schema = json!({ "$ref": "#/components/schemas/Seat" });
        let known = json!({ "name": "Pilot", "quantity": "wrong", "status": "off", "parent": { "name": "Main" } });
        let sample = Schemas(&components).sample(&schema, &known);
        assert_eq!(sample["name"], "Pilot");
        assert_eq!(sample["quantity"], 5);
        assert_eq!(sample["id"], "seat_01h455vb4pex5vsknk084sn02q");
        assert_eq!(sample["status"], "off");
        assert_eq!(sample["parent"]["name"], "Main");
        assert_eq!(sample["parent"]["status"], "on");
        assert_eq!(sample["ends_at"], "2026-03-02T09:00:00Z");
    }
}
