//! Which language a person reads, and how dates are written in it.
//!
//! A [`Locale`] is a language tag of BCP 47 (RFC 5646) that is right once it exists. Texts exist in
//! the languages of [`Language`]; a tag without texts of its own falls back to its language and then
//! to English, so every locale can be written to. The region is kept, since dates depend on it.

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp, ZonedDateTime, civil::Date, tz::TimeZone};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use unic_langid::LanguageIdentifier;

/// Longest `Accept-Language` header that is looked at, in bytes; a longer one counts as absent.
const MAX_ACCEPT_LANGUAGE: usize = 1000;

const ENGLISH_MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const GERMAN_MONTHS: [&str; 12] = [
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
];

/// A language this program has texts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    /// English, the last fallback of every locale.
    En,
    /// German.
    De,
}

impl Language {
    /// Every language there is, the fallback first.
    pub const ALL: [Self; 2] = [Self::En, Self::De];

    /// The language's subtag: `en` or `de`. Folders of texts have this name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::De => "de",
        }
    }

    /// The language's name in the language itself, for a menu to choose from.
    pub const fn endonym(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::De => "Deutsch",
        }
    }

    fn find(code: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|language| language.code() == code)
    }
}

/// A well-formed language tag in canonical case, such as `en`, `de-CH` or `zh-Hant-TW`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct Locale(#[schemars(with = "String")] LanguageIdentifier);

/// A text that is no language tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not a language tag such as en, de or de-CH")]
pub struct InvalidLocale;

impl Locale {
    /// Plain English.
    pub fn english() -> Self {
        Language::En.into()
    }

    /// Reads a tag of language, script, region and variants (RFC 5646 section 2.1); extensions and
    /// private use are refused, since nothing here depends on them.
    pub fn parse(tag: &str) -> Result<Self, InvalidLocale> {
        let id: LanguageIdentifier = tag.parse().map_err(|_| InvalidLocale)?;
        if id.language.is_empty() {
            return Err(InvalidLocale);
        }
        Ok(Self(id))
    }

    /// The language the texts for this locale are in: its own where there are texts, else English.
    pub fn language(&self) -> Language {
        self.own_language().unwrap_or(Language::En)
    }

    fn own_language(&self) -> Option<Language> {
        Language::find(self.0.language.as_str())
    }

    /// The locale to speak: the person's own setting if there are texts for it, else the first such
    /// wish of an `Accept-Language` header (RFC 9110 section 12.5.4, by weight, then by order), else
    /// English. A header that cannot be read counts as absent.
    pub fn negotiate(setting: Option<&Self>, accept_language: Option<&str>) -> Self {
        if let Some(own) = setting.filter(|locale| locale.own_language().is_some()) {
            return own.clone();
        }
        let header = accept_language.filter(|header| header.len() <= MAX_ACCEPT_LANGUAGE);
        let mut best: Option<(u16, Self)> = None;
        for wish in header.unwrap_or_default().split(',') {
            let Some((locale, weight)) = parse_wish(wish) else {
                continue;
            };
            let better = best.as_ref().is_none_or(|(so_far, _)| weight > *so_far);
            if weight > 0 && better && locale.own_language().is_some() {
                best = Some((weight, locale));
            }
        }
        best.map_or_else(Self::english, |(_, locale)| locale)
    }

    /// A day in words: `4 March 2026`, `March 4, 2026` (en-US), `4. März 2026`.
    pub fn date(&self, at: Timestamp, zone: &TimeZone) -> String {
        self.day(at.to_zoned_datetime(zone.clone()).date())
    }

    /// The last day on which something that ends at `at` can be used: for an end at midnight, the day
    /// before it.
    pub fn last_day(&self, at: Timestamp, zone: &TimeZone) -> String {
        let before = at.saturating_sub(SignedDuration::from_micros(1));
        self.date(before.unwrap_or(at), zone)
    }

    /// A day with the time and its zone: `4 March 2026, 14:30 CET`, `4. März 2026, 14:30 Uhr (MEZ)`.
    pub fn date_time(&self, at: Timestamp, zone: &TimeZone) -> String {
        let local = at.to_zoned_datetime(zone.clone());
        let day = self.day(local.date());
        let clock = format!("{:02}:{:02}", local.hour(), local.minute());
        let zone = zone_name(&local, self.language());
        match self.language() {
            Language::En => format!("{day}, {clock} {zone}"),
            Language::De => format!("{day}, {clock} Uhr ({zone})"),
        }
    }

    fn day(&self, date: Date) -> String {
        let month = usize::try_from(date.month() - 1).unwrap_or_default();
        let name = |months: [&'static str; 12]| months.get(month).copied().unwrap_or_default();
        let (day, year) = (date.day(), date.year());
        match self.language() {
            Language::De => format!("{day}. {} {year}", name(GERMAN_MONTHS)),
            Language::En if self.0.region.is_some_and(|region| region == "US") => {
                format!("{} {day}, {year}", name(ENGLISH_MONTHS))
            }
            Language::En => format!("{day} {} {year}", name(ENGLISH_MONTHS)),
        }
    }
}

/// One element of `Accept-Language`: its tag and its weight in thousandths.
fn parse_wish(wish: &str) -> Option<(Locale, u16)> {
    let mut parts = wish.split(';').map(str::trim);
    let locale = Locale::parse(parts.next()?).ok()?;
    let Some(weight) = parts.next() else {
        return Some((locale, 1000));
    };
    let weight: f32 = weight.strip_prefix("q=")?.parse().ok()?;
    if !(0.0..=1.0).contains(&weight) {
        return None;
    }
    // The range was checked, so that the cast keeps the value.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0 to 1000"
    )]
    Some((locale, (weight * 1000.0).round() as u16))
}

/// The zone's short name; German has its own words for those of Central Europe.
fn zone_name(local: &ZonedDateTime, language: Language) -> String {
    let name = local.strftime("%Z").to_string();
    match (language, name.as_str()) {
        (Language::De, "CET") => "MEZ".into(),
        (Language::De, "CEST") => "MESZ".into(),
        (_, other) if other.starts_with(['+', '-']) => format!("UTC{other}"),
        _ => name,
    }
}

impl fmt::Display for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Locale {
    type Err = InvalidLocale;

    fn from_str(tag: &str) -> Result<Self, InvalidLocale> {
        Self::parse(tag)
    }
}

impl TryFrom<String> for Locale {
    type Error = InvalidLocale;

    fn try_from(tag: String) -> Result<Self, InvalidLocale> {
        Self::parse(&tag)
    }
}

impl From<Locale> for String {
    fn from(locale: Locale) -> Self {
        locale.to_string()
    }
}

impl From<Language> for Locale {
    fn from(language: Language) -> Self {
        Self(language.code().parse().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn negotiated(setting: Option<&str>, header: &str) -> String {
        let setting = setting.map(|tag| Locale::parse(tag).unwrap());
        Locale::negotiate(setting.as_ref(), Some(header)).to_string()
    }

    #[test]
    fn tags_are_checked_and_brought_to_canonical_case() {
        assert_eq!(Locale::parse("DE-ch").unwrap().to_string(), "de-CH");
        assert_eq!(Locale::english().to_string(), "en");
        assert_eq!(Locale::from(Language::De).to_string(), "de");
        for wrong in [
            "",
            "und",
            "d",
            "de_",
            "de--CH",
            "<de>",
            "de-CH\r\nX: y",
            "1de",
        ] {
            assert_eq!(Locale::parse(wrong), Err(InvalidLocale), "{wrong:?}");
        }
        assert!(serde_json::from_str::<Locale>("\"x y\"").is_err());
    }

    #[test]
    fn the_setting_wins_then_the_heaviest_wish_there_are_texts_for() {
        assert_eq!(negotiated(Some("de"), "en"), "de");
        assert_eq!(negotiated(Some("fr"), "de-AT, en"), "de-AT");
        assert_eq!(negotiated(None, "fr, en;q=0.5, de;q=0.8"), "de");
        assert_eq!(negotiated(None, "de;q=0, *"), "en");
        assert_eq!(negotiated(None, "de;q=7, ;;, \u{1F600}"), "en");
        assert_eq!(negotiated(None, &"de,".repeat(500)), "en");
    }

    #[test]
    fn dates_are_written_as_each_language_writes_them() {
        let at: Timestamp = "2026-03-04T23:30:00Z".parse().unwrap();
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let sao_paulo = TimeZone::get("America/Sao_Paulo").unwrap();
        let locale = |tag: &str| Locale::parse(tag).unwrap();
        assert_eq!(locale("en").date(at, &berlin), "5 March 2026");
        let midnight: Timestamp = "2026-03-31T22:00:00Z".parse().unwrap();
        assert_eq!(locale("de").last_day(midnight, &berlin), "31. März 2026");
        assert_eq!(locale("en-US").date(at, &TimeZone::UTC), "March 4, 2026");
        assert_eq!(locale("fr").date(at, &TimeZone::UTC), "4 March 2026");
        assert_eq!(
            locale("de-CH").date_time(at, &berlin),
            "5. März 2026, 00:30 Uhr (MEZ)"
        );
        assert_eq!(
            locale("en").date_time(at, &sao_paulo),
            "4 March 2026, 20:30 UTC-03"
        );
    }
}
