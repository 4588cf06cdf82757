//! What templates can do beyond Jinja's own filters: dates for the reader, colours that are safe in a
//! style and legible on one another.

use jiff::{Timestamp, tz::TimeZone};
use minijinja::{Environment, Error, ErrorKind, State};

use crate::locale::Locale;

/// Colour of buttons where the brand has none that can be used.
const DEFAULT_COLOR: &str = "#1f4fd8";

/// Adds the filters `date`, `date_time`, `last_day`, `css_color` and `text_on`.
pub(super) fn add(environment: &mut Environment<'static>, locale: &Locale) {
    let reader = locale.clone();
    environment.add_filter("date", move |state: &State<'_, '_>, at: &str| {
        Ok::<_, Error>(reader.date(time(at)?, &zone(state)))
    });
    let reader = locale.clone();
    environment.add_filter("date_time", move |state: &State<'_, '_>, at: &str| {
        Ok::<_, Error>(reader.date_time(time(at)?, &zone(state)))
    });
    let reader = locale.clone();
    environment.add_filter("last_day", move |state: &State<'_, '_>, at: &str| {
        Ok::<_, Error>(reader.last_day(time(at)?, &zone(state)))
    });
    environment.add_filter("css_color", css_color);
    environment.add_filter("text_on", |color: &str| text_on(&css_color(color)));
}

fn time(at: &str) -> Result<Timestamp, Error> {
    at.parse().map_err(|_| {
        Error::new(
            ErrorKind::InvalidOperation,
            "a date filter takes a time such as link_expires_at",
        )
    })
}

/// The reader's zone; UTC where the context names none that exists.
fn zone(state: &State<'_, '_>) -> TimeZone {
    state
        .lookup("time_zone")
        .and_then(|name| TimeZone::get(name.as_str()?).ok())
        .unwrap_or(TimeZone::UTC)
}

fn css_color(color: &str) -> String {
    let hex = color.strip_prefix('#').unwrap_or_default();
    if hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        color.to_ascii_lowercase()
    } else {
        DEFAULT_COLOR.into()
    }
}

/// White or near-black, whichever contrasts more with the colour (WCAG 2.2, relative luminance).
fn text_on(color: &str) -> String {
    let channel = |at: usize| {
        let byte = color
            .get(at..at + 2)
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        let value = f64::from(byte.unwrap_or_default()) / 255.0;
        if value <= 0.04045 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    };
    let luminance = 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5);
    let (on_white, on_black) = (1.05 / (luminance + 0.05), (luminance + 0.05) / 0.05);
    if on_white >= on_black {
        "#ffffff"
    } else {
        "#111827"
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_checked_and_text_on_them_is_legible() {
        assert_eq!(css_color("#AbCdEf"), "#abcdef");
        for unsafe_color in ["red", "#12345", "#12345g", "#fff;}", "", "#ааа"] {
            assert_eq!(css_color(unsafe_color), DEFAULT_COLOR, "{unsafe_color}");
        }
        assert_eq!(text_on("#1f4fd8"), "#ffffff");
        assert_eq!(text_on("#ffd400"), "#111827");
    }
}
