//! Bodies: JSON read into a type, with every fault told at once.
//!
//! A body that its type takes is read once. One that it refuses is checked a second time against the type's JSON Schema,
//! the same that stands in the document, so that the caller learns of all faults and not of the first alone.

use std::any::TypeId;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use jsonschema::Validator;
use jsonschema::error::ValidationErrorKind;
use serde::de::DeserializeOwned;
use serde_json::Value as JsonValue;

use crate::error::{Code, Error, Fault, Result};
use crate::types::text::FORMATS;

/// The code of a member of another JSON type than its schema says.
const WRONG_TYPE: &str = "wrong_type";

/// Reads a body. What `T` refuses is told member by member, from its JSON Schema.
pub fn read_body<T: DeserializeOwned + schemars::JsonSchema + 'static>(body: &[u8]) -> Result<T> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let first = match serde_path_to_error::deserialize::<_, T>(&mut reader) {
        Ok(value) => {
            reader.end().map_err(|fault| malformed(&fault))?;
            return hold_to_schema::<T>(body).map(|()| value);
        }
        Err(fault) => fault,
    };
    let value: JsonValue = serde_json::from_slice(body).map_err(|fault| malformed(&fault))?;
    let mut faults = faults_of::<T>(&value);
    if faults.is_empty() {
        let pointer = first
            .path()
            .iter()
            .fold(String::new(), |pointer, segment| match segment {
                serde_path_to_error::Segment::Seq { index } => format!("{pointer}/{index}"),
                serde_path_to_error::Segment::Map { key } => format!("{pointer}/{}", escape(key)),
                _ => pointer,
            });
        faults.push(Fault::new(
            pointer,
            "invalid",
            sentence(&first.inner().to_string()),
        ));
    }
    Err(Error::invalid(faults))
}

/// Refuses what serde lets pass and the schema forbids: lists where objects are meant, numbers out of bounds, lists of
/// too many. Texts know their own bounds.
fn hold_to_schema<T: schemars::JsonSchema + 'static>(body: &[u8]) -> Result<()> {
    let value: JsonValue = serde_json::from_slice(body).map_err(|fault| malformed(&fault))?;
    let mut faults = faults_of::<T>(&value);
    faults.retain(|fault| {
        let at = value.pointer(&fault.pointer);
        let is_list = at.is_some_and(JsonValue::is_array);
        match &*fault.code {
            WRONG_TYPE | "too_long" | "too_short" => is_list,
            "too_large" | "too_small" => true,
            _ => false,
        }
    });
    if faults.is_empty() {
        Ok(())
    } else {
        Err(Error::invalid(faults))
    }
}

fn malformed(fault: &serde_json::Error) -> Error {
    Error::new(
        Code::MalformedRequest,
        format!(
            "The body is not JSON: {} at line {}, column {}.",
            category(fault),
            fault.line(),
            fault.column()
        ),
    )
}

fn category(fault: &serde_json::Error) -> &'static str {
    match fault.classify() {
        serde_json::error::Category::Eof => "it ends too early",
        _ => "something unexpected",
    }
}

fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// A serde message without its position, as a sentence.
fn sentence(message: &str) -> String {
    let message = message.split(" at line ").next().unwrap_or(message);
    format!("{}.", message.trim_end_matches('.'))
}

static VALIDATORS: LazyLock<Mutex<HashMap<TypeId, Option<Arc<Validator>>>>> =
    LazyLock::new(Mutex::default);

fn validator<T: schemars::JsonSchema + 'static>() -> Option<Arc<Validator>> {
    let mut known = VALIDATORS.lock().unwrap_or_else(PoisonError::into_inner);
    let validator = known.entry(TypeId::of::<T>()).or_insert_with(|| {
        let schema = serde_json::to_value(schemars::schema_for!(T)).ok()?;
        let mut options = jsonschema::options().should_validate_formats(true);
        for (name, check) in FORMATS {
            options = options.with_format(*name, check);
        }
        options.build(&schema).ok().map(Arc::new)
    });
    validator.clone()
}

/// Every fault of a body, by its type's schema, 50 at the most.
fn faults_of<T: schemars::JsonSchema + 'static>(value: &JsonValue) -> Vec<Fault> {
    let Some(validator) = validator::<T>() else {
        return Vec::new();
    };
    validator
        .iter_errors(value)
        .take(50)
        .flat_map(|error| faults_of_error::<T>(&error))
        .collect()
}

fn faults_of_error<T: schemars::JsonSchema + 'static>(
    error: &jsonschema::ValidationError<'_>,
) -> Vec<Fault> {
    let pointer = error.instance_path().to_string();
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let known = member_names::<T>();
            unexpected
                .iter()
                .map(|name| unknown_member(&pointer, name, &known))
                .collect()
        }
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            vec![Fault::new(
                format!("{pointer}/{}", escape(name)),
                "required",
                "This member is missing.",
            )]
        }
        kind => {
            let code = match kind {
                ValidationErrorKind::Type { .. } => WRONG_TYPE,
                ValidationErrorKind::Format { .. } | ValidationErrorKind::Pattern { .. } => {
                    "invalid_format"
                }
                ValidationErrorKind::MaxLength { .. }
                | ValidationErrorKind::MaxItems { .. }
                | ValidationErrorKind::MaxProperties { .. } => "too_long",
                ValidationErrorKind::MinLength { .. } | ValidationErrorKind::MinItems { .. } => {
                    "too_short"
                }
                ValidationErrorKind::Maximum { .. } => "too_large",
                ValidationErrorKind::Minimum { .. } => "too_small",
                ValidationErrorKind::Enum { .. } | ValidationErrorKind::Constant { .. } => {
                    "not_allowed"
                }
                _ => "invalid",
            };
            // The masked form does not repeat the value: it may be personal.
            let detail: Cow<'_, str> = match kind {
                ValidationErrorKind::Format { format } => format!(
                    "This is not a valid {}.",
                    format.trim_start_matches("idn-").replace('-', " ")
                )
                .into(),
                _ => sentence(&error.masked_with("This value").to_string()).into(),
            };
            vec![Fault::new(pointer, code, detail)]
        }
    }
}

fn unknown_member(pointer: &str, name: &str, known: &[String]) -> Fault {
    let nearest = known
        .iter()
        .map(|other| (strsim::damerau_levenshtein(name, other), other))
        .min();
    let hint = match nearest {
        Some((distance, other)) if distance <= 2.max(name.len() / 3) => {
            format!(" Did you mean «{other}»?")
        }
        _ => String::new(),
    };
    let shown: String = name.chars().take(60).collect();
    Fault::new(
        format!("{pointer}/{}", escape(&shown)),
        "unknown_member",
        format!("There is no member «{shown}» here.{hint}"),
    )
}

/// All member names that occur anywhere in a type's schema.
fn member_names<T: schemars::JsonSchema>() -> Vec<String> {
    fn walk(value: &JsonValue, names: &mut Vec<String>) {
        match value {
            JsonValue::Object(members) => {
                if let Some(JsonValue::Object(properties)) = members.get("properties") {
                    names.extend(properties.keys().cloned());
                }
                members.values().for_each(|member| walk(member, names));
            }
            JsonValue::Array(items) => items.iter().for_each(|item| walk(item, names)),
            _ => {}
        }
    }
    let mut names = Vec::new();
    walk(
        &serde_json::to_value(schemars::schema_for!(T)).unwrap_or_default(),
        &mut names,
    );
    names.sort();
    names.dedup();
    names
}
