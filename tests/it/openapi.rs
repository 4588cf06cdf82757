//! The document that is kept in the tree is the one that is served.

use b2b_dashboard::http::openapi::document;
use serde_json::Value as JsonValue;

#[test]
fn the_file_is_what_is_served() {
    let kept: JsonValue =
        serde_json::from_str(include_str!("../../openapi.json")).expect("openapi.json is JSON");
    assert!(
        kept == document(None),
        "openapi.json is out of date; make it again: b2b-dashboard openapi > openapi.json"
    );
}
