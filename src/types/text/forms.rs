//! The forms of texts that are more than a length: each takes what was typed and gives it as it is kept.

use super::clean;

pub(super) fn parse_slug(text: &str) -> Result<String, String> {
    let text = clean(text, 1, 100, false)?;
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if text.chars().all(good) {
        Ok(text)
    } else {
        Err("may have lower-case letters, digits and hyphens only".to_owned())
    }
}

pub(super) fn parse_language(text: &str) -> Result<String, String> {
    let text = clean(text, 2, 35, false)?;
    let mut parts = text.split('-');
    let primary = parts
        .next()
        .is_some_and(|p| (2..=8).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphabetic()));
    let rest =
        parts.all(|p| (1..=8).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphanumeric()));
    if primary && rest {
        Ok(text)
    } else {
        Err("is not a language tag such as en or de-AT".to_owned())
    }
}

pub(super) fn parse_zone(text: &str) -> Result<String, String> {
    let text = clean(text, 1, 64, false)?;
    if jiff::tz::TimeZone::get(&text).is_ok() {
        Ok(text)
    } else {
        Err("is not a time zone such as Europe/Berlin".to_owned())
    }
}

pub(super) fn parse_web_url(text: &str) -> Result<String, String> {
    let text = clean(text, 1, 2000, false)?;
    match url::Url::parse(&text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(text),
        _ => Err("is not an address that begins with https://".to_owned()),
    }
}

pub(super) fn parse_color(text: &str) -> Result<String, String> {
    let text = text.trim().to_ascii_lowercase();
    let digits = text.strip_prefix('#').unwrap_or_default();
    if digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        Ok(text)
    } else {
        Err("must be # and six hexadecimal digits, such as #1f6feb".to_owned())
    }
}

pub(super) fn parse_currency(text: &str) -> Result<String, String> {
    let text = clean(text, 3, 3, false)?;
    if iso_currency::Currency::from_code(&text).is_some() {
        Ok(text)
    } else {
        Err("is not a currency of ISO 4217 such as EUR".to_owned())
    }
}

pub(super) fn parse_domain(text: &str) -> Result<String, String> {
    let text = clean(text, 3, 253, false)?.to_lowercase();
    let label = |l: &str| {
        !l.is_empty() && l.len() <= 63 && l.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    if text.contains('.') && text.split('.').all(label) {
        Ok(text)
    } else {
        Err("is not a domain such as example.com".to_owned())
    }
}

pub(super) fn parse_email(text: &str) -> Result<String, String> {
    let fault = || "is not an e-mail address".to_owned();
    let text = clean(text, 3, 254, false).map_err(|_| fault())?;
    let options = email_address::Options::default()
        .with_required_tld()
        .without_display_text()
        .without_domain_literal();
    let parsed =
        email_address::EmailAddress::parse_with_options(&text, options).map_err(|_| fault())?;
    // Quoted local parts are legal and never real; refusing them keeps every address free of spaces and quotes.
    if text.len() > 254
        || parsed.local_part().starts_with('"')
        || text.chars().any(char::is_whitespace)
    {
        return Err(fault());
    }
    parse_domain(parsed.domain()).map_err(|_| fault())?;
    Ok(text)
}
