//! Lists as statements take them.

use serde::Serialize;

/// A list of texts as one value, as `JSON_LIST($n)` takes it.
pub fn json_list<T: Serialize>(texts: impl IntoIterator<Item = T>) -> String {
    let texts: Vec<T> = texts.into_iter().collect();
    serde_json::to_string(&texts).unwrap_or_default()
}
