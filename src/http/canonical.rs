//! Small header parsers, and the fingerprint that tells whether a repeated request is the same request.

use std::fmt::Write;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};
use thiserror::Error;
use url::form_urlencoded;

/// Longest idempotency key.
pub const IDEMPOTENCY_KEY_MAX: usize = 255;
/// Longest time a client may ask to wait with `Prefer: wait`.
pub const WAIT_MAX: Duration = Duration::from_mins(1);

/// What makes two requests the same under one Idempotency-Key: SHA-256 as 64 lower-case hexadecimal digits over method,
/// path, query (pairs decoded and sorted) and body.
///
/// A JSON body counts in its canonical form (RFC 8785), so that white space and the order of members do not matter;
/// any other body, and JSON that has no canonical form, byte by byte. RFC 8785 reads numbers as IEEE 754 doubles: two
/// integers that differ only beyond 2⁵³ are the same to it.
pub fn fingerprint(method: &str, path: &str, query: Option<&str>, body: &[u8]) -> String {
    let mut hash = Sha256::new();
    let mut add = |part: &[u8]| {
        // The length first, so that no two lists of parts run together into the same bytes.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    };
    add(method.as_bytes());
    add(path.as_bytes());
    let mut pairs: Vec<_> = form_urlencoded::parse(query.unwrap_or_default().as_bytes()).collect();
    pairs.sort();
    add(&(pairs.len() as u64).to_be_bytes());
    for (name, value) in &pairs {
        add(name.as_bytes());
        add(value.as_bytes());
    }
    let canonical = serde_json::from_slice::<Value>(body)
        .ok()
        .and_then(|json| serde_json_canonicalizer::to_vec(&json).ok());
    let (kind, content) = canonical
        .as_deref()
        .map_or((b"raw".as_slice(), body), |json| (b"json", json));
    add(kind);
    add(content);
    hash.finalize()
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// The value of an `Idempotency-Key` header.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

/// Why a header is not an idempotency key.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum IdempotencyKeyError {
    /// Nothing in it.
    #[error("the Idempotency-Key is empty")]
    Empty,
    /// More than [`IDEMPOTENCY_KEY_MAX`] characters.
    #[error("the Idempotency-Key has more than {IDEMPOTENCY_KEY_MAX} characters")]
    TooLong,
    /// Another character than those allowed, or one quotation mark without the other.
    #[error(
        "the Idempotency-Key may hold letters, digits and - _ . : only, with or without quotation marks around it"
    )]
    Character,
}

impl IdempotencyKey {
    /// Reads the header: an RFC 8941 string (`"abc"`, as draft-ietf-httpapi-idempotency-key-header wants it) or the same
    /// characters bare. Both forms give the same key.
    pub fn parse(header: &[u8]) -> Result<Self, IdempotencyKeyError> {
        let text = header.trim_ascii();
        let inner = match text.strip_prefix(b"\"") {
            Some(rest) => rest
                .strip_suffix(b"\"")
                .ok_or(IdempotencyKeyError::Character)?,
            None => text,
        };
        if inner.is_empty() {
            return Err(IdempotencyKeyError::Empty);
        }
        if inner.len() > IDEMPOTENCY_KEY_MAX {
            return Err(IdempotencyKeyError::TooLong);
        }
        let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(byte);
        if !inner.iter().all(allowed) {
            return Err(IdempotencyKeyError::Character);
        }
        Ok(Self(inner.iter().map(|byte| char::from(*byte)).collect()))
    }

    /// The key of a part of the request, which no header can name.
    pub(super) fn derived(&self, part: usize) -> Self {
        Self(format!("{}#{part}", self.0))
    }

    /// The key without quotation marks.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How long the client is ready to wait, from its `Prefer` headers (RFC 7240, section 4.3), at most [`WAIT_MAX`].
///
/// The first `wait` counts (section 2); one that is not a whole number of seconds is no preference, since a server
/// ignores what it does not understand.
pub fn preferred_wait<'a>(headers: impl IntoIterator<Item = &'a str>) -> Option<Duration> {
    let (_, value) = headers
        .into_iter()
        .flat_map(preferences)
        .find(|(name, _)| name.eq_ignore_ascii_case("wait"))?;
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    // More digits than a u64 holds is still a number, above the cap.
    digits.then(|| {
        value.parse().map_or(WAIT_MAX, |seconds| {
            Duration::from_secs(seconds).min(WAIT_MAX)
        })
    })
}

/// The preferences of one header as name and value, without quotation marks and parameters.
fn preferences(header: &str) -> impl Iterator<Item = (&str, &str)> {
    split_outside_quotes(header, ',')
        .into_iter()
        .map(|preference| {
            let head = split_outside_quotes(preference, ';')
                .first()
                .copied()
                .unwrap_or_default();
            let (name, value) = head.split_once('=').unwrap_or((head, ""));
            let value = value.trim();
            let inner = value
                .strip_prefix('"')
                .and_then(|rest| rest.strip_suffix('"'));
            (name.trim(), inner.unwrap_or(value))
        })
}

fn split_outside_quotes(text: &str, separator: char) -> Vec<&str> {
    let mut quoted = false;
    let mut escaped = false;
    text.split(|c: char| {
        let was_escaped = escaped;
        escaped = quoted && c == '\\' && !was_escaped;
        quoted ^= c == '"' && !was_escaped;
        !quoted && c == separator
    })
    .collect()
}

/// How long another server asks to wait, from its `Retry-After` (RFC 9110, section 10.2.3): seconds, or an HTTP date in
/// any of the three forms, measured from `now`. A date gone by is zero; anything else is `None`.
pub fn parse_retry_after(header: &str, now: Timestamp) -> Option<Duration> {
    let text = header.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().map(Duration::from_secs);
    }
    let then = Timestamp::try_from(httpdate::parse_http_date(text).ok()?).ok()?;
    Some(Duration::try_from(then.duration_since(now)).unwrap_or(Duration::ZERO))
}

/// The value to send in `Retry-After`: whole seconds, rounded up, at least 1, so that a client that obeys is not refused
/// again.
pub fn retry_after_seconds(wait: Duration) -> u64 {
    wait.as_secs()
        .saturating_add(u64::from(wait.subsec_nanos() > 0))
        .max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(query: &str, body: &str) -> String {
        fingerprint("POST", "/api/users", Some(query), body.as_bytes())
    }

    #[test]
    fn fingerprint_sees_content_not_form() {
        assert_eq!(
            of("a=1&b=2", r#"{"x":1,"y":"é"}"#),
            of("b=2&a=1", "{ \"y\": \"\\u00e9\",\n\"x\": 1.0 }")
        );
        assert_eq!(of("a=%41", ""), of("a=A", ""));
        assert_eq!(
            fingerprint("POST", "/", None, b""),
            fingerprint("POST", "/", Some(""), b"")
        );
        assert_eq!(of("", "").len(), 64);
    }

    #[test]
    fn fingerprint_tells_requests_apart() {
        let base = of("a=1", "{\"x\":1}");
        assert_ne!(base, of("a=2", "{\"x\":1}"));
        assert_ne!(base, of("a=1", "{\"x\":2}"));
        assert_ne!(base, of("a=1", "{\"x\":\"1\"}"));
        assert_ne!(
            base,
            fingerprint("PATCH", "/api/users", Some("a=1"), b"{\"x\":1}")
        );
        assert_ne!(of("", "[1,2]"), of("", "[2,1]"));
        assert_ne!(of("", "plain a"), of("", "plain  a"));
        assert_ne!(
            fingerprint("POST", "/ab", None, b"c"),
            fingerprint("POST", "/a", None, b"bc")
        );
    }

    #[test]
    fn idempotency_key_bare_or_quoted() {
        let parse = |text: &str| IdempotencyKey::parse(text.as_bytes());
        assert_eq!(
            parse("\"order-81:a.b_C\"").unwrap().as_str(),
            "order-81:a.b_C"
        );
        assert_eq!(parse(" order-81 "), parse("\"order-81\""));
        assert!(parse(&"a".repeat(255)).is_ok());
        assert_eq!(parse(&"a".repeat(256)), Err(IdempotencyKeyError::TooLong));
        assert_eq!(parse(""), Err(IdempotencyKeyError::Empty));
        assert_eq!(parse("\"\""), Err(IdempotencyKeyError::Empty));
        for bad in [
            "\"",
            "\"a",
            "a\"",
            "a b",
            "a,b",
            "ä",
            "\"a\";x=1",
            "\"a\\\"b\"",
        ] {
            assert_eq!(parse(bad), Err(IdempotencyKeyError::Character), "{bad}");
        }
    }

    #[test]
    fn prefer_wait_is_found_and_capped() {
        let wait =
            |headers: &[&str]| preferred_wait(headers.iter().copied()).map(|wait| wait.as_secs());
        assert_eq!(wait(&["wait=10"]), Some(10));
        assert_eq!(wait(&["respond-async, WAIT = \"5\" ; x=1"]), Some(5));
        assert_eq!(wait(&["return=minimal", "wait=3, wait=4"]), Some(3));
        assert_eq!(wait(&["wait=0"]), Some(0));
        assert_eq!(wait(&["wait=100"]), Some(60));
        assert_eq!(wait(&["wait=99999999999999999999999"]), Some(60));
        assert_eq!(wait(&["foo=\"a, wait=9\""]), None);
        assert_eq!(wait(&["foo=\"\\\", wait=9\", wait=2"]), Some(2));
        for none in [
            "",
            "wait",
            "wait=",
            "wait=-1",
            "wait=1.5",
            "waiting=3",
            "wait=+3",
        ] {
            assert_eq!(wait(&[none]), None, "{none}");
        }
    }

    #[test]
    fn retry_after_in_both_forms() {
        let now: Timestamp = "1994-11-06T08:49:00Z".parse().unwrap();
        assert_eq!(parse_retry_after("120", now), Some(Duration::from_mins(2)));
        for date in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(
                parse_retry_after(date, now),
                Some(Duration::from_secs(37)),
                "{date}"
            );
        }
        assert_eq!(
            parse_retry_after("Sun, 06 Nov 1994 08:40:00 GMT", now),
            Some(Duration::ZERO)
        );
        for bad in ["", "-1", "1.5", "soon", "99999999999999999999999"] {
            assert_eq!(parse_retry_after(bad, now), None, "{bad}");
        }
        assert_eq!(retry_after_seconds(Duration::ZERO), 1);
        assert_eq!(retry_after_seconds(Duration::from_millis(1001)), 2);
        assert_eq!(retry_after_seconds(Duration::MAX), u64::MAX);
    }

    proptest! {
        #[test]
        fn any_header_is_answered(text in "\\PC{0,80}") {
            let _ = IdempotencyKey::parse(text.as_bytes());
            let _ = preferred_wait([text.as_str()]);
            let _ = parse_retry_after(&text, Timestamp::UNIX_EPOCH);
        }

        #[test]
        fn order_of_query_pairs_does_not_matter(
            mut pairs in prop::collection::vec("[a-c]=[0-9]", 0..6),
            seed in any::<prop::sample::Index>(),
        ) {
            let one = of(&pairs.join("&"), "");
            if !pairs.is_empty() {
                let middle = seed.index(pairs.len());
                pairs.rotate_left(middle);
            }
            prop_assert_eq!(one, of(&pairs.join("&"), ""));
        }
    }
}
