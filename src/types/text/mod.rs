//! Texts that have been looked at: trimmed, in Unicode NFC, without control characters, of a bounded length.
//!
//! Lengths are counted in characters. Each type's fault is the end of a sentence that begins with the member's name,
//! and each type's JSON Schema states the same bounds, so that the document and the door agree. `forms` reads those that
//! are more than a length, `structures` has what is kept as JSON.

mod forms;
mod structures;

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smol_str::SmolStr;
use unicode_normalization::UnicodeNormalization;

use crate::db::{Column, DbError, Value, json};
use forms::{
    parse_color, parse_currency, parse_domain, parse_email, parse_language, parse_slug,
    parse_web_url, parse_zone,
};

pub use structures::{Json, Metadata, Tags};

/// Trims, brings to NFC and checks a text of one or, with `lines`, several lines.
fn clean(text: &str, min: usize, max: usize, lines: bool) -> Result<String, String> {
    // Normalising can only shorten or keep; a text far over the bound is not worth the work.
    if text.len() > max * 4 + 1024 {
        return Err(format!("is longer than {max} characters"));
    }
    let clean: String = text.trim().nfc().collect();
    let length = clean.chars().count();
    if length < min {
        return Err(if min == 1 {
            "must not be empty".to_owned()
        } else {
            format!("is shorter than {min} characters")
        });
    }
    if length > max {
        return Err(format!("is longer than {max} characters"));
    }
    if clean
        .chars()
        .any(|c| c.is_control() && !(lines && matches!(c, '\n' | '\r' | '\t')))
    {
        return Err("contains control characters".to_owned());
    }
    Ok(clean)
}

macro_rules! text_type {
    ($(#[$meta:meta])* $name:ident, $format:literal, $min:literal ..= $max:literal, $parse:expr) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(SmolStr);

        impl $name {
            /// Reads the text; the error says what is wrong with it.
            pub fn parse(text: &str) -> Result<Self, String> {
                let parse: fn(&str) -> Result<String, String> = $parse;
                parse(text).map(|text| Self(text.into()))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<str>::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "format": $format, "minLength": $min, "maxLength": $max })
            }
        }

        impl Column for $name {
            type As<'a> = &'a str;
            fn of(text: &str) -> Result<Self, DbError> {
                Ok(Self(text.into()))
            }
            fn write_json(text: &str, out: &mut Vec<u8>) -> Result<(), DbError> {
                json::write_text(text, out)
            }
            fn value(&self) -> Value {
                Value::text(self.0.as_str())
            }
            fn null() -> Value {
                Value::Text(None)
            }
        }
    };
}

text_type!(
    /// A name shown to people: 1 to 200 characters on one line.
    Name, "name", 1..=200, |text| clean(text, 1, 200, false)
);

text_type!(
    /// Free text of up to 5,000 characters; line breaks are kept.
    Description, "description", 0..=5000, |text| clean(text, 0, 5000, true)
);

text_type!(
    /// The caller's own key of a record: 1 to 200 characters, compared letter by letter.
    ExternalId, "external-id", 1..=200, |text| clean(text, 1, 200, false)
);

text_type!(
    /// A label on a record: 1 to 50 characters.
    Tag, "tag", 1..=50, |text| clean(text, 1, 50, false)
);

text_type!(
    /// A short identifier for addresses: lower-case letters, digits and hyphens, 1 to 100 characters.
    Slug, "slug", 1..=100, parse_slug
);

text_type!(
    /// A language tag of BCP 47, such as `en` or `de-AT`.
    Language, "language-tag", 2..=35, parse_language
);

text_type!(
    /// A time zone by its IANA name, such as `Europe/Berlin`.
    Zone, "time-zone", 1..=64, parse_zone
);

text_type!(
    /// An absolute `https` or `http` address.
    WebUrl, "uri", 1..=2000, parse_web_url
);

text_type!(
    /// A colour: `#` and six hexadecimal digits, in lower case.
    Color, "color", 7..=7, parse_color
);

text_type!(
    /// A currency by its code of ISO 4217, such as `EUR`.
    Currency, "currency", 3..=3, parse_currency
);

text_type!(
    /// A domain name in lower case, such as `example.com`.
    Domain, "hostname", 3..=253, parse_domain
);

text_type!(
    /// An e-mail address as it was typed: an addr-spec of RFC 5321 and RFC 6531, 254 bytes at most.
    Email, "idn-email", 3..=254, parse_email
);

impl Currency {
    /// An amount of minor units as people write it: `1234.50 EUR`.
    pub fn show(&self, amount: i64) -> String {
        let places = iso_currency::Currency::from_code(&self.0)
            .and_then(iso_currency::Currency::exponent)
            .map_or(0, u32::from);
        let unit = 10_u64.pow(places.min(6));
        let (sign, amount) = (if amount < 0 { "-" } else { "" }, amount.unsigned_abs());
        let (whole, rest) = (amount / unit, amount % unit);
        match usize::try_from(places) {
            Ok(places @ 1..) => format!("{sign}{whole}.{rest:0places$} {self}"),
            _ => format!("{sign}{whole} {self}"),
        }
    }
}

impl Email {
    /// The form by which two addresses are the same person's: NFC and lower case.
    pub fn key(&self) -> String {
        self.0.to_lowercase().nfc().collect()
    }

    /// What stands after the `@`, in lower case.
    pub fn domain(&self) -> String {
        self.0
            .rsplit_once('@')
            .map_or_else(String::new, |(_, domain)| domain.to_lowercase())
    }

    /// The address with most of its local part hidden, for logs and public answers: `a…@example.com`.
    pub fn masked(&self) -> String {
        let first = self.0.chars().next().unwrap_or('?');
        format!("{first}…@{}", self.domain())
    }
}

impl Name {
    /// The form by which two names are the same: NFC, lower case, inner spaces folded.
    pub fn key(&self) -> String {
        self.0
            .to_lowercase()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .nfc()
            .collect()
    }
}

/// Whether a text is of a format.
pub type Check = fn(&str) -> bool;

/// The formats of the types above by the name their schemas carry; the door checks a body against them when it
/// collects every fault at once.
pub const FORMATS: &[(&str, Check)] = &[
    ("name", |t| Name::parse(t).is_ok()),
    ("description", |t| Description::parse(t).is_ok()),
    ("external-id", |t| ExternalId::parse(t).is_ok()),
    ("tag", |t| Tag::parse(t).is_ok()),
    ("slug", |t| Slug::parse(t).is_ok()),
    ("language-tag", |t| Language::parse(t).is_ok()),
    ("time-zone", |t| Zone::parse(t).is_ok()),
    ("uri", |t| WebUrl::parse(t).is_ok()),
    ("color", |t| Color::parse(t).is_ok()),
    ("currency", |t| Currency::parse(t).is_ok()),
    ("hostname", |t| Domain::parse(t).is_ok()),
    ("idn-email", |t| Email::parse(t).is_ok()),
    ("date-time", |t| super::Timestamp::parse(t).is_some()),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_person_have_one_key() {
        let key = |text: &str| Email::parse(text).map(|email| email.key());
        assert_eq!(key(" Ada@Example.COM "), Ok("ada@example.com".to_owned()));
        assert_eq!(key("JOSE\u{301}@example.com"), key("josé@example.com"));
        for bad in [
            "",
            "a",
            "a@b",
            "a b@example.com",
            "\"a b\"@example.com",
            "a@[127.0.0.1]",
            "Ada <a@example.com>",
            "a@exa\0mple.com",
            "a@@example.com",
        ] {
            assert!(Email::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_keep_every_script_and_refuse_control_characters() {
        for good in ["Ada", "عبد الله", "李小龍", "🦀 Ferris", "O'Brien-Smith"] {
            assert_eq!(Name::parse(good).expect(good).as_str(), good);
        }
        assert_eq!(
            Name::parse("a\0b"),
            Err("contains control characters".to_owned())
        );
        assert_eq!(Name::parse("   "), Err("must not be empty".to_owned()));
        assert_eq!(
            Name::parse(&"x".repeat(201)),
            Err("is longer than 200 characters".to_owned())
        );
        assert!(Name::parse(&"x".repeat(1_000_000)).is_err());
    }

    #[test]
    fn amounts_are_shown_with_the_currencys_own_places() {
        let show = |code: &str, amount| Currency::parse(code).map(|it| it.show(amount));
        assert_eq!(show("EUR", 123_450), Ok("1234.50 EUR".to_owned()));
        assert_eq!(show("EUR", -5), Ok("-0.05 EUR".to_owned()));
        assert_eq!(show("JPY", 1200), Ok("1200 JPY".to_owned()));
        assert_eq!(show("KWD", 1), Ok("0.001 KWD".to_owned()));
        for bad in ["eur", "EURO", "E", "ABC"] {
            assert!(Currency::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn metadata_is_bounded_and_clean() {
        assert!(serde_json::from_str::<Metadata>(r#"{"crm":"81"}"#).is_ok());
        assert!(serde_json::from_str::<Metadata>(r#"{"crm":"a\u0000"}"#).is_err());
        assert!(serde_json::from_str::<Metadata>(r#"{"":"x"}"#).is_err());
    }
}
