//! What a request says beside its operation: its query, the media it accepts, its body.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use http_body_util::{BodyExt, Limited};

use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::http::endpoint::Endpoint;
use crate::http::stream;

pub(super) fn query_pairs(query: Option<&str>) -> Result<Vec<(String, String)>> {
    let Some(query) = query.filter(|query| !query.is_empty()) else {
        return Ok(Vec::new());
    };
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    if pairs.iter().any(|(name, value)| {
        value.contains("b2b_live_") || matches!(name.as_str(), "api_key" | "access_token")
    }) {
        return Err(Error::new(
            Code::KeyInQuery,
            "An API key was sent in the address, where it is logged and shared. Send it in the Authorization header, and replace it: it may have been seen.",
        ));
    }
    Ok(pairs)
}

pub(super) fn take_dry_run(query: &mut Vec<(String, String)>) -> Result<bool> {
    let Some(at) = query.iter().position(|(name, _)| name == "dry_run") else {
        return Ok(false);
    };
    match query.remove(at).1.as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Error::new(
            Code::InvalidParameter,
            "dry_run takes true or false.",
        )),
    }
}

pub(super) fn accepts(headers: &HeaderMap, endpoint: &Endpoint) -> Result<()> {
    let mut accepted = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .peekable();
    if accepted.peek().is_none() {
        return Ok(());
    }
    let fits = |range: &str| {
        let range = range.split(';').next().unwrap_or("").trim();
        matches!(
            range,
            "*/*" | "application/*" | "application/json" | "application/problem+json"
        ) || endpoint.also_media == Some(range)
            || endpoint.pictures.contains(&range)
            || (range == "image/*" && !endpoint.pictures.is_empty())
    };
    if accepted.any(|value| value.split(',').any(fits)) {
        return Ok(());
    }
    Err(Error::new(
        Code::NotAcceptable,
        "The answers of this API are JSON; the Accept header asks for something else only.",
    ))
}

/// Whether the Accept header names the media type of streams.
pub(super) fn names_stream(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter();
    let mut ranges = accepted
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    ranges.any(|range| range.split(';').next().unwrap_or("").trim() == stream::MEDIA)
}

/// JSON lines.
pub(super) const LINES: &str = "application/x-ndjson";

/// The media type of a body, without parameters and in lower case.
pub(super) fn media_type(headers: &HeaderMap) -> String {
    let media = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    let essence = media.split(';').next().unwrap_or("");
    essence.trim().to_ascii_lowercase()
}

pub(super) async fn read_body(
    app: &App,
    headers: &HeaderMap,
    body: Body,
    wanted: bool,
    is_lines: bool,
) -> Result<Vec<u8>> {
    let limit = if is_lines {
        app.config.server.upload_limit_bytes
    } else {
        app.config.server.body_limit_bytes
    };
    let too_large = || {
        Error::new(
            Code::BodyTooLarge,
            format!("The body is larger than the {limit} bytes that this endpoint takes."),
        )
    };
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let read = tokio::time::timeout(Duration::from_secs(30), Limited::new(body, limit).collect());
    let bytes = match read.await {
        Ok(Ok(collected)) => collected.to_bytes(),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => return Err(too_large()),
        Ok(Err(_)) => {
            return Err(Error::new(
                Code::MalformedRequest,
                "The body broke off before its end.",
            ));
        }
        Err(_) => {
            return Err(Error::new(
                Code::MalformedRequest,
                "The body did not arrive within 30 seconds.",
            ));
        }
    };
    if !wanted {
        return Ok(Vec::new());
    }
    let essence = media_type(headers);
    if !is_lines
        && essence != "application/json"
        && !(essence.starts_with("application/") && essence.ends_with("+json"))
    {
        return Err(Error::new(
            Code::UnsupportedMediaType,
            "The body must be JSON: send Content-Type: application/json.",
        ));
    }
    if bytes.is_empty() {
        return Err(Error::new(
            Code::MalformedRequest,
            "The body is empty; this operation takes a JSON object.",
        ));
    }
    Ok(bytes.to_vec())
}
