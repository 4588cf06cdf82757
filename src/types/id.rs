//! Ids: a kind's prefix and a `UUIDv7` in 26 characters, so that an id says what it names and sorts by its time.
//!
//! The form is `TypeID` 0.3 (prefix, `_`, Crockford base32 of the 128 bits, lower case, most significant first); the
//! UUID is version 7 of RFC 9562 with the sub-millisecond time in `rand_a` (section 6.2, method 3).

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Timestamp;
use crate::db::{Column, DbError, Value, json};

/// A kind of record that has ids.
pub trait Kind {
    /// What stands before the underscore: `user` in `user_01jd…`.
    const PREFIX: &'static str;
}

/// The id of a record of kind `K`: opaque to callers, unique in the whole installation, ordered by its time of making.
pub struct Id<K: ?Sized>(Arc<str>, PhantomData<fn() -> K>);

/// One training company: the owner of every row.
pub enum AccountKind {}

impl Kind for AccountKind {
    const PREFIX: &'static str = "account";
}

/// The id of an account.
pub type AccountId = Id<AccountKind>;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const SUFFIX: usize = 26;

impl<K: Kind + ?Sized> Id<K> {
    /// Reads an id of this kind; `None` when the prefix is another's or the rest is not a 128-bit number in base32.
    pub fn parse(text: &str) -> Option<Self> {
        let suffix = text.strip_prefix(K::PREFIX)?.strip_prefix('_')?;
        let bytes = suffix.as_bytes();
        let first_fits = bytes.first().is_some_and(|b| (b'0'..=b'7').contains(b));
        (bytes.len() == SUFFIX && first_fits && bytes.iter().all(|b| ALPHABET.contains(b)))
            .then(|| Self(text.into(), PhantomData))
    }

    fn from_bits(bits: u128) -> Self {
        let mut text = String::with_capacity(K::PREFIX.len() + 1 + SUFFIX);
        text.push_str(K::PREFIX);
        text.push('_');
        for place in (0..SUFFIX).rev() {
            let digit = usize::try_from((bits >> (place * 5)) & 31).unwrap_or(0);
            text.push(char::from(ALPHABET.get(digit).copied().unwrap_or(b'0')));
        }
        Self(text.into(), PhantomData)
    }
}

impl<K: ?Sized> Id<K> {
    /// The whole id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<K: ?Sized> Clone for Id<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0), PhantomData)
    }
}

impl<K: ?Sized> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<K: ?Sized> Eq for Id<K> {}

impl<K: ?Sized> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<K: ?Sized> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

impl<K: ?Sized> Hash for Id<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<K: ?Sized> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<K: ?Sized> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<K: ?Sized> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de, K: Kind + ?Sized> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(format_args!("is not an id of a {}", K::PREFIX))
        })
    }
}

impl<K: Kind + ?Sized> JsonSchema for Id<K> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("{}_id", K::PREFIX).into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": format!("^{}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$", K::PREFIX) })
    }
}

impl<K: Kind + ?Sized> Column for Id<K> {
    type As<'a> = &'a str;
    fn of(text: &str) -> Result<Self, DbError> {
        // What the program itself has written is not checked again: reading is the hot path.
        Ok(Self(text.into(), PhantomData))
    }
    fn write_json(text: &str, out: &mut Vec<u8>) -> Result<(), DbError> {
        json::write_plain(text, out);
        Ok(())
    }
    fn value(&self) -> Value {
        Value::Text(Some(Arc::clone(&self.0)))
    }
    fn null() -> Value {
        Value::Text(None)
    }
}

/// Where new ids and other chance come from; seeded in tests, so that answers there are exact.
#[derive(Clone)]
pub struct Ids(Source);

#[derive(Clone)]
enum Source {
    System,
    Seeded(Arc<Mutex<StdRng>>),
}

impl Ids {
    /// Chance from the operating system.
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// The same ids in the same order at every run.
    pub fn seeded(seed: u64) -> Self {
        Self(Source::Seeded(Arc::new(Mutex::new(StdRng::seed_from_u64(
            seed,
        )))))
    }

    /// Fills a buffer with random bytes, fit for secrets when the source is the system's.
    pub fn fill(&self, bytes: &mut [u8]) {
        match &self.0 {
            Source::System => rand::rng().fill_bytes(bytes),
            Source::Seeded(source) => source
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .fill_bytes(bytes),
        }
    }

    /// A new id, made at `now`.
    pub fn next<K: Kind + ?Sized>(&self, now: Timestamp) -> Id<K> {
        Id::from_bits(self.uuid(now).as_u128())
    }

    /// A new UUID of version 7, made at `now`.
    pub fn uuid(&self, now: Timestamp) -> uuid::Uuid {
        let mut random = [0_u8; 10];
        self.fill(&mut random);
        let micros = u64::try_from(now.micros()).unwrap_or(0);
        // 1000 microseconds over the 4096 values of rand_a: ids of one millisecond stay in order.
        let fraction = u16::try_from((micros % 1000) * 4096 / 1000).unwrap_or(0);
        let [first, second, ..] = &mut random;
        [*first, *second] = fraction.to_be_bytes();
        uuid::Builder::from_unix_timestamp_millis(micros / 1000, &random).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    enum Thing {}
    impl Kind for Thing {
        const PREFIX: &'static str = "thing";
    }

    #[test]
    fn ids_read_back_sort_by_time_and_refuse_other_kinds() {
        let ids = Ids::seeded(1);
        let earlier: Id<Thing> = ids.next(Timestamp::from_micros(1_700_000_000_000_000));
        let later: Id<Thing> = ids.next(Timestamp::from_micros(1_700_000_000_000_300));
        assert!(earlier < later, "{earlier} {later}");
        assert_eq!(Id::<Thing>::parse(earlier.as_str()), Some(earlier.clone()));
        assert_eq!(AccountId::parse(earlier.as_str()), None);
        assert_eq!(
            Id::<Thing>::parse("thing_8zzzzzzzzzzzzzzzzzzzzzzzzz"),
            None,
            "129 bits"
        );
        assert_eq!(
            Id::<Thing>::parse("thing_01h455vb4pex5vsknk084sn02"),
            None,
            "too short"
        );
        assert_eq!(
            Id::<Thing>::parse("thing_01h455vb4pex5vsknk084sn02u"),
            None,
            "u is not in the alphabet"
        );
    }

    #[test]
    fn the_form_is_the_one_of_the_standard() {
        // The example of the TypeID specification: 01890a5d-ac96-774b-bcce-b302099a8057.
        let id: Id<Thing> = Id::from_bits(0x0189_0a5d_ac96_774b_bcce_b302_099a_8057);
        assert_eq!(id.as_str(), "thing_01h455vb4pex5vsknk084sn02q");
    }
}
