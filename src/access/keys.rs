//! The form of an API key: `b2b_live_`, 32 characters of chance, 6 characters of check.
//!
//! The check finds a mistyped or cut key without a look-up, and lets secret scanners tell a real key from a look-alike.
//! Only [`KeyHash`] is stored; the key itself is shown once, when it is made.

use std::fmt;
use std::str::FromStr;

use hmac::Mac;
use rand::CryptoRng;
use thiserror::Error;
use zeroize::Zeroizing;

use super::signed::mac_of;
use crate::types::secret::Secret;

/// What every key begins with.
pub const PREFIX: &str = "b2b_live_";
/// Characters of chance: 62³² is a little more than 190 bits.
const RANDOM_LEN: usize = 32;
/// Characters of check: 62⁶ is the least power of 62 above 2³².
const CHECK_LEN: usize = 6;
/// Length of a key in bytes.
pub const KEY_LEN: usize = PREFIX.len() + RANDOM_LEN + CHECK_LEN;
/// Digits in the order of their value.
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Domain of the stored hash, so that no other HMAC under the same pepper can equal it.
const HASH_DOMAIN: &[u8] = b"api-key";

/// Why a text is not an API key. Nothing in it repeats the text.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum KeyFormatError {
    /// It begins otherwise.
    #[error("an API key begins with b2b_live_")]
    Prefix,
    /// It is too short or too long.
    #[error("an API key has {KEY_LEN} characters, this one has {found}; was it cut when copied?")]
    Length {
        /// How many characters there are.
        found: usize,
    },
    /// Something after the prefix is neither a letter from A to Z nor a digit.
    #[error("an API key has only letters and digits after b2b_live_")]
    Character,
    /// The last six characters do not fit the rest.
    #[error("the API key is mistyped: its check characters do not fit the rest")]
    Check,
}

/// An API key as its holder knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeySecret(Secret<String>);

impl ApiKeySecret {
    /// Makes a new key; every character of the random part is equally likely.
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        let mut text = String::with_capacity(KEY_LEN);
        text.push_str(PREFIX);
        let mut chunk = Zeroizing::new([0_u8; 64]);
        while text.len() < PREFIX.len() + RANDOM_LEN {
            rng.fill_bytes(chunk.as_mut());
            // 6 bits give 0 to 63; 62 and 63 are thrown away, since folding them would favour two characters.
            let digits = chunk
                .iter()
                .filter_map(|byte| BASE62.get(usize::from(byte & 63)));
            text.extend(
                digits
                    .take(PREFIX.len() + RANDOM_LEN - text.len())
                    .map(|digit| char::from(*digit)),
            );
        }
        let check = check_of(&text);
        text.push_str(&check);
        Self(Secret::new(text))
    }

    /// Reads a key and verifies its form and check.
    pub fn parse(text: &str) -> Result<Self, KeyFormatError> {
        let rest = text.strip_prefix(PREFIX).ok_or(KeyFormatError::Prefix)?;
        if !rest.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(KeyFormatError::Character);
        }
        if text.len() != KEY_LEN {
            return Err(KeyFormatError::Length { found: text.len() });
        }
        let (body, check) = text.split_at(KEY_LEN - CHECK_LEN);
        if check_of(body) != check {
            return Err(KeyFormatError::Check);
        }
        Ok(Self(Secret::new(text.to_owned())))
    }

    /// What is stored and looked up: HMAC-SHA-256 of the key under the server's pepper. A stolen database without the
    /// pepper does not even allow to test a guess.
    pub fn hash(&self, pepper: &[u8; 32]) -> KeyHash {
        KeyHash(
            mac_of(pepper, &[HASH_DOMAIN, self.0.expose().as_bytes()])
                .finalize()
                .into_bytes()
                .into(),
        )
    }

    /// The key in clear, to be shown once.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// `b2b_live_` and the first four random characters: enough to recognize a key in a list.
    pub fn display_prefix(&self) -> &str {
        self.0.expose().get(..PREFIX.len() + 4).unwrap_or_default()
    }

    /// The last four characters, as shown beside the prefix.
    pub fn last_four(&self) -> &str {
        self.0.expose().get(KEY_LEN - 4..).unwrap_or_default()
    }
}

/// The CRC-32 (ISO-HDLC, as in zip and PNG) of `text` as six base62 digits, zeros in front.
fn check_of(text: &str) -> String {
    let mut rest = crc32fast::hash(text.as_bytes());
    let mut digits = [b'0'; CHECK_LEN];
    for slot in digits.iter_mut().rev() {
        // The remainder is below 62, so the digit is always there.
        *slot = BASE62.get((rest % 62) as usize).copied().unwrap_or(b'0');
        rest /= 62;
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

/// The stored form of a key; its text is 64 hexadecimal digits in lower case. Comparing need not take constant time:
/// who does not know the pepper cannot aim at a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyHash([u8; 32]);

impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A text that is not 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("a key hash is 64 hexadecimal digits")]
pub struct KeyHashError;

impl FromStr for KeyHash {
    type Err = KeyHashError;

    fn from_str(text: &str) -> Result<Self, KeyHashError> {
        let digits: Vec<u8> = text
            .chars()
            .map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()))
            .collect::<Option<_>>()
            .ok_or(KeyHashError)?;
        let bytes: Vec<u8> = digits
            .chunks(2)
            .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
            .collect();
        let exact = digits.len() == 64;
        <[u8; 32]>::try_from(bytes)
            .ok()
            .filter(|_| exact)
            .map(Self)
            .ok_or(KeyHashError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    fn key(seed: u64) -> ApiKeySecret {
        ApiKeySecret::generate(&mut StdRng::seed_from_u64(seed))
    }

    #[test]
    fn has_its_form_and_hides_itself() {
        let key = key(1);
        assert_eq!(key.expose().len(), 47);
        assert!(key.expose().starts_with("b2b_live_"));
        assert_eq!(key.display_prefix().len(), 13);
        assert!(key.expose().ends_with(key.last_four()));
        assert_eq!(format!("{key:?}"), "ApiKeySecret(***)");
        assert_eq!(ApiKeySecret::parse(key.expose()), Ok(key));
    }

    #[test]
    fn check_is_crc32_of_the_known_vector() {
        // CRC-32/ISO-HDLC of "123456789" is 0xcbf43926 = 3421780262.
        let value = check_of("123456789").bytes().fold(0_u64, |sum, byte| {
            sum * 62 + BASE62.iter().position(|digit| *digit == byte).unwrap() as u64
        });
        assert_eq!(value, 0xcbf4_3926);
        assert_eq!(check_of(""), "000000");
    }

    #[test]
    fn says_what_is_wrong() {
        let text = key(2).expose().to_owned();
        let parse = |text: &str| ApiKeySecret::parse(text).unwrap_err();
        assert_eq!(parse(""), KeyFormatError::Prefix);
        assert_eq!(parse(&text.replace("live", "test")), KeyFormatError::Prefix);
        assert_eq!(parse(&text[..46]), KeyFormatError::Length { found: 46 });
        assert_eq!(
            parse(&format!("{text}0")),
            KeyFormatError::Length { found: 48 }
        );
        assert_eq!(parse(&format!("{text}\n")), KeyFormatError::Character);
        assert_eq!(
            parse(&format!("{}é", &text[..45])),
            KeyFormatError::Character
        );
        assert_eq!(
            parse("b2b_live_00000000000000000000000000000000000000"),
            KeyFormatError::Check
        );
    }

    #[test]
    fn hash_depends_on_key_and_pepper_and_has_a_text() {
        let (one, two) = (key(3), key(4));
        assert_ne!(one.hash(&[1; 32]), two.hash(&[1; 32]));
        assert_ne!(one.hash(&[1; 32]), one.hash(&[2; 32]));
        let hash = one.hash(&[1; 32]);
        assert_eq!(hash.to_string().parse(), Ok(hash));
        for bad in ["", "0", &"0".repeat(63), &"0".repeat(66), &"g".repeat(64)] {
            assert_eq!(bad.parse::<KeyHash>(), Err(KeyHashError));
        }
    }

    #[test]
    fn every_digit_is_about_equally_likely() {
        let mut rng = StdRng::seed_from_u64(5);
        let mut counts = [0_u32; 256];
        for _ in 0..2000 {
            let key = ApiKeySecret::generate(&mut rng);
            key.expose()
                .bytes()
                .skip(PREFIX.len())
                .take(RANDOM_LEN)
                .for_each(|byte| counts[usize::from(byte)] += 1);
        }
        // 64,000 characters: 1032 each expected; six standard deviations are 192.
        assert!(
            BASE62
                .iter()
                .all(|digit| (840..1225).contains(&counts[usize::from(*digit)]))
        );
    }

    proptest! {
        #[test]
        fn a_changed_character_is_refused(seed: u64, at in 0..KEY_LEN, to in "[ -~]") {
            let text = key(seed).expose().to_owned();
            let mut changed = text.clone();
            changed.replace_range(at..=at, &to);
            prop_assume!(changed != text);
            prop_assert!(ApiKeySecret::parse(&changed).is_err());
        }

        #[test]
        fn swapped_neighbours_are_refused(seed: u64, at in 0..KEY_LEN - 1) {
            let text = key(seed).expose().to_owned();
            let mut bytes = text.clone().into_bytes();
            bytes.swap(at, at + 1);
            let swapped = String::from_utf8(bytes).unwrap();
            prop_assume!(swapped != text);
            prop_assert!(ApiKeySecret::parse(&swapped).is_err());
        }

        #[test]
        fn any_text_is_answered(text in "(b2b_live_)?\\PC{0,60}") {
            let _ = ApiKeySecret::parse(&text);
        }
    }
}
