//! Texts that only this server can have written: list cursors, sign-in links, CSRF tokens, session cookies.
//!
//! A token is `base64url(payload) "." base64url(HMAC-SHA-256)`, without padding. The payload can be read by anybody and
//! changed by nobody. The purpose is part of what is signed, so a token made for one use is refused by every other even
//! under the same key. Expiry is the payload's business: a token as such is valid as long as its key.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::digest::Key;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Longest token that is looked at, in bytes; longer ones are refused before any work.
pub const TOKEN_MAX_BYTES: usize = 8192;

/// HMAC-SHA-256 (RFC 2104, FIPS 198-1) over the parts, each preceded by its length as 8 bytes big-endian, so that no two
/// lists of parts share an input.
pub(crate) fn mac_of(key: &[u8; 32], parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = new_mac(key);
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac
}

/// An HMAC whose key is shorter than a block and therefore padded with zeros, as RFC 2104 section 2 says.
fn new_mac(key: &[u8; 32]) -> Hmac<Sha256> {
    let mut block = Key::<Hmac<Sha256>>::default();
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    Hmac::<Sha256>::new(&block)
}

/// Signs `payload` for one `purpose`. The result is safe in addresses, headers and cookies.
pub fn sign(key: &[u8; 32], purpose: &'static str, payload: &str) -> String {
    let tag = mac_of(key, &[purpose.as_bytes(), payload.as_bytes()])
        .finalize()
        .into_bytes();
    format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(payload),
        URL_SAFE_NO_PAD.encode(tag)
    )
}

/// The payload of a token made by [`sign`] with the same key and purpose; `None` for everything else, without saying
/// what was wrong. The signature is compared in constant time.
pub fn open(key: &[u8; 32], purpose: &'static str, token: &str) -> Option<String> {
    if token.len() > TOKEN_MAX_BYTES {
        return None;
    }
    let (payload, tag) = token.split_once('.')?;
    let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
    let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
    mac_of(key, &[purpose.as_bytes(), &payload])
        .verify_slice(&tag)
        .ok()?;
    String::from_utf8(payload).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: [u8; 32] = [7; 32];

    #[test]
    fn mac_is_the_standard_one() {
        // RFC 4231, test case 2: a short key equals the same key followed by zeros.
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        let mut mac = new_mac(&key);
        mac.update(b"what do ya want for nothing?");
        assert_eq!(
            hex(&mac.finalize().into_bytes()),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    fn hex(bytes: &[u8]) -> String {
        use std::fmt::Write;
        bytes.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    #[test]
    fn refuses_other_purposes_keys_and_forms() {
        let token = sign(&KEY, "cursor", "{\"after\":1}");
        assert_eq!(
            open(&KEY, "cursor", &token).as_deref(),
            Some("{\"after\":1}")
        );
        assert_eq!(open(&KEY, "session", &token), None);
        assert_eq!(open(&[8; 32], "cursor", &token), None);
        for bad in [
            "",
            ".",
            "a",
            "a.b",
            "a.b.c",
            &format!("{token}A"),
            &format!("{token}="),
        ] {
            assert_eq!(open(&KEY, "cursor", bad), None, "{bad}");
        }
        assert_eq!(
            open(
                &KEY,
                "cursor",
                &sign(&KEY, "cursor", &"x".repeat(TOKEN_MAX_BYTES))
            ),
            None
        );
    }

    #[test]
    fn purpose_and_payload_cannot_be_shifted() {
        let token = sign(&KEY, "a", "bc");
        let tag = token.split_once('.').unwrap().1;
        let shifted = format!("{}.{tag}", URL_SAFE_NO_PAD.encode("c"));
        assert_eq!(open(&KEY, "ab", &shifted), None);
    }

    proptest! {
        #[test]
        fn every_payload_comes_back(payload in "\\PC{0,200}") {
            prop_assert_eq!(open(&KEY, "p", &sign(&KEY, "p", &payload)), Some(payload));
        }

        #[test]
        fn a_changed_byte_is_refused(payload in "[a-z]{1,40}", at in any::<prop::sample::Index>(), to in "[A-Za-z0-9_-]") {
            let token = sign(&KEY, "p", &payload);
            let at = at.index(token.len());
            let mut changed = token.clone();
            changed.replace_range(at..=at, &to);
            prop_assume!(changed != token);
            prop_assert_eq!(open(&KEY, "p", &changed), None);
        }
    }
}
