//! The members of a list's query, as the document tells of them, made from what a kind of record states.

use serde_json::{Value as JsonValue, json};

use super::endpoint::Endpoint;
use super::expand::paths_of;
use crate::listing::{DEFAULT_LIMIT, MAX_LIMIT};
use crate::resource::{FieldKind, Record};

/// Adds all that a list takes: page, order, search, related records and filters.
pub fn of_list<R: Record>(list: Endpoint) -> Endpoint {
    let sorts: Vec<String> = R::FIELDS
        .iter()
        .filter(|field| field.sort)
        .flat_map(|field| [field.name.to_owned(), format!("-{}", field.name)])
        .collect();
    let mut list = list
        .parameter(
            "limit",
            "Records on a page.",
            json!({"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}),
        )
        .parameter(
            "cursor",
            "Where to go on: `page.next_cursor` of the page before.",
            json!({"type": "string"}),
        )
        .parameter(
            "include",
            "`total_count` adds the exact number of all records.",
            json!({"type": "string", "enum": ["total_count"]}),
        )
        .parameter(
            "sort",
            "Order; `-` before the name for descending.",
            json!({"type": "string", "enum": sorts}),
        );
    if !R::SEARCH.is_empty() {
        list = list.parameter(
            "q",
            "Beginnings of names and addresses, without regard to case.",
            json!({"type": "string", "minLength": 1, "maxLength": 200}),
        );
    }
    if R::SOFT_DELETE {
        list = list.parameter(
            "deleted",
            "`true` lists what was put aside and can be restored, instead of what is there.",
            json!({"type": "boolean", "default": false}),
        );
    }
    let mut list = of_expand::<R>(list);
    for field in R::FIELDS {
        let (schema, words) = filter(field.kind);
        list = list.parameter(field.name, words, schema);
    }
    list
}

/// Adds `expand`, where there is something to expand.
pub fn of_expand<R: Record>(endpoint: Endpoint) -> Endpoint {
    if R::EXPANDS.is_empty() {
        return endpoint;
    }
    let names: Vec<_> = R::EXPANDS
        .iter()
        .map(|expand| format!("`{}`", expand.name))
        .collect();
    let words = format!(
        "Adds related records: {}; several by comma, deeper ones by a point, three levels at most.",
        names.join(", ")
    );
    let schema = several(&json!({ "type": "string", "enum": paths_of(R::EXPANDS) }));
    endpoint.parameter("expand", words, schema)
}

/// Several values of this schema in one member of the query.
fn several(items: &JsonValue) -> JsonValue {
    json!({ "type": "array", "items": items, "minItems": 1, "maxItems": 100 })
}

/// The schema of a filter's value, and what it does.
fn filter(kind: FieldKind) -> (JsonValue, &'static str) {
    match kind {
        FieldKind::Text | FieldKind::Folded => {
            (json!({"type": "string"}), "Equal to; several by comma.")
        }
        FieldKind::Int => (
            json!({"type": "integer"}),
            "Equal to; also [gt], [gte], [lt], [lte], [ne].",
        ),
        FieldKind::Time => (
            json!({"type": "string", "format": "date-time"}),
            "Exactly at; also [gt], [gte], [lt], [lte], [ne].",
        ),
        FieldKind::Bool => (json!({"type": "boolean"}), "Equal to."),
        FieldKind::Word(words) => (
            several(&json!({"type": "string", "enum": words})),
            "Equal to; several by comma.",
        ),
        FieldKind::Reference(prefix, _) => {
            let pattern = format!(
                "^({prefix}_[0-7][0-9a-hjkmnp-tv-z]{{25}}|ext:[^,\\x00-\\x1f\\x7f-\\x9f]{{1,200}})$"
            );
            (
                several(&json!({"type": "string", "pattern": pattern})),
                "The record's id or `ext:<external_id>`; several by comma.",
            )
        }
    }
}
