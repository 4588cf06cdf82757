//! Requests that hold for one version of a record only (RFC 9110 section 13).

use serde::Serialize;

use crate::error::{Code, Error, Result};
use crate::http::reply::{Reply, etag};

/// 304 without a body, and free of charge, when the caller has this version already (RFC 9110 section 13.1.2).
pub fn conditional(reply: Reply, if_none_match: Option<&str>) -> Reply {
    let tag = reply
        .headers
        .iter()
        .find(|(name, _)| name == "etag")
        .map(|(_, tag)| tag.as_str());
    match (if_none_match, tag) {
        (Some(known), Some(tag))
            if known == "*"
                || known
                    .split(',')
                    .any(|one| one.trim().trim_start_matches("W/") == tag) =>
        {
            Reply {
                status: 304,
                body: Vec::new(),
                counts: false,
                ..reply
            }
        }
        _ => reply,
    }
}

/// Refuses when the record is not the version that If-Match names.
pub fn check_match<R: Serialize>(record: &R, if_match: Option<&str>) -> Result<()> {
    let Some(wanted) = if_match else {
        return Ok(());
    };
    let tag = etag(&serde_json::to_vec(record).map_err(Error::internal)?);
    if wanted == "*" || wanted.split(',').any(|one| one.trim() == tag) {
        return Ok(());
    }
    Err(version_gone())
}

/// The same for a PUT, which may find no record: then it is not the version that If-Match names.
pub fn check_put<R: Serialize>(record: Option<&R>, if_match: Option<&str>) -> Result<()> {
    match (record, if_match) {
        (Some(record), _) => check_match(record, if_match),
        (None, Some(_)) => Err(version_gone()),
        (None, None) => Ok(()),
    }
}

/// The record has changed since the version that the caller named.
pub fn version_gone() -> Error {
    Error::new(
        Code::PreconditionFailed,
        "The record has changed since the version given in If-Match. Read it again and decide anew.",
    )
}
