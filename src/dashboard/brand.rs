//! An account's look on its public pages: its name, its logo, its colour.
//!
//! The content security policy allows no style inside a page, so a colour is a style sheet of its own, made from the six
//! digits in its address: the same for everybody, and kept for ever.

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use maud::{Markup, html};

use super::answer::{self, Policy};
use super::door::Guest;
use super::layout::{self, CardPage};
use crate::invitations::accept::Look;
use crate::locale::{Language, Locale};

/// `GET /brand/{color}.css`.
pub fn routes() -> Router {
    Router::new().route("/brand/{file}", get(serve))
}

/// Red, green and blue of six hexadecimal digits.
fn channels(color: &str) -> Option<[u8; 3]> {
    let digits = color.trim_start_matches('#');
    if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let value = u32::from_str_radix(digits, 16).ok()?;
    let [_, red, green, blue] = value.to_be_bytes();
    Some([red, green, blue])
}

/// Relative luminance (WCAG 2.2), from 0 to 1.
fn luminance(channels: [u8; 3]) -> f64 {
    let linear = |channel: u8| {
        let part = f64::from(channel) / 255.0;
        if part <= 0.040_45 {
            part / 12.92
        } else {
            ((part + 0.055) / 1.055).powf(2.4)
        }
    };
    let [red, green, blue] = channels.map(linear);
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/// The letters that can be read on a colour: white where its contrast is 4.5 or more, else black.
fn letters_on(channels: [u8; 3]) -> &'static str {
    if 1.05 / (luminance(channels) + 0.05) >= 4.5 {
        "#ffffff"
    } else {
        "#000000"
    }
}

fn style(channels: [u8; 3]) -> String {
    let [red, green, blue] = channels;
    let (color, on) = (
        format!("#{red:02x}{green:02x}{blue:02x}"),
        letters_on(channels),
    );
    format!(
        ":root{{--accent:{color};--accent-hover:color-mix(in srgb,{color} 85%,#000);--accent-soft:color-mix(in srgb,{color} 12%,var(--surface));\
         --accent-line:color-mix(in srgb,{color} 35%,var(--surface));\
         --accent-text:light-dark(color-mix(in srgb,{color} 70%,#000),color-mix(in srgb,{color} 45%,#fff));--on-accent:{on}}}"
    )
}

async fn serve(Path(file): Path<String>) -> Response {
    let Some(channels) = file.strip_suffix(".css").and_then(channels) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers: [(HeaderName, HeaderValue); 3] = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/css; charset=utf-8"),
        ),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=31536000, immutable"),
        ),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
    ];
    (headers, style(channels)).into_response()
}

/// The language of a public page: the one chosen on it, else the reader's or their browser's, else the account's.
pub(super) fn locale(guest: &Guest, chosen: &str, look: Option<&Look>) -> Locale {
    let is_ours = |tag: &str| Language::ALL.iter().any(|one| one.code() == tag);
    if let Some(locale) = Some(chosen).filter(|tag| is_ours(tag)) {
        return Locale::parse(locale).unwrap_or_else(|_| Locale::english());
    }
    let says_nothing = guest.session.is_none() && guest.languages.is_none();
    let own = look.filter(|_| says_nothing);
    own.and_then(|look| Locale::parse(&look.locale).ok())
        .unwrap_or_else(|| guest.locale())
}

/// The links to the same page in the other languages.
fn languages(path: &str, locale: &Locale) -> Markup {
    let others = Language::ALL
        .into_iter()
        .filter(|one| *one != locale.language());
    let name = |language: Language| match language {
        Language::En => "English",
        Language::De => "Deutsch",
    };
    html! {
        p { @for one in others { a href={ (path) "?lang=" (one.code()) } lang=(one.code()) hreflang=(one.code()) { (name(one)) } " " } }
    }
}

/// What a public page is about.
pub(super) struct Public<'a> {
    /// Whose page it is; none where that is not known.
    pub(super) look: Option<&'a Look>,
    /// Its path, for the links to other languages.
    pub(super) path: &'a str,
    /// The language it is written in.
    pub(super) locale: &'a Locale,
    /// Its heading.
    pub(super) title: String,
    /// A sentence under the heading.
    pub(super) lead: Option<String>,
    /// The status it goes out with.
    pub(super) status: StatusCode,
}

/// A public page with one card, in the account's look.
pub(super) fn page(guest: &Guest, public: Public<'_>, body: &Markup) -> Response {
    let color = public.look.and_then(|look| look.color.as_deref());
    let color = color.and_then(channels);
    let mut card = CardPage {
        title: public.title,
        lead: public.lead,
        lang: public.locale.language().code().to_owned(),
        theme: guest.theme,
        after: Some(languages(public.path, public.locale)),
        style: color.map(|[red, green, blue]| format!("/brand/{red:02x}{green:02x}{blue:02x}.css")),
        logo: public.look.and_then(|look| look.logo_url.clone()),
        ..CardPage::default()
    };
    if let Some(look) = public.look {
        card.brand.clone_from(&look.name);
    } else {
        super::door::PRODUCT.clone_into(&mut card.brand);
    }
    let flash = guest.notice.clone().map(super::notice::Notice::flash);
    card.flashes.extend(flash);
    let policy = if card.logo.is_some() {
        Policy::Logo
    } else {
        Policy::Strict
    };
    let mut response = answer::html(guest, &layout::card_page(&card, body), policy);
    *response.status_mut() = public.status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_can_be_read_on_every_colour() {
        for color in ["000000", "ffffff", "1f6feb", "ffcc00", "767676", "d9480f"] {
            let channels = channels(color).expect("a colour");
            let on = super::channels(letters_on(channels)).expect("a colour");
            let (a, b) = (luminance(channels), luminance(on));
            let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
            assert!(contrast >= 4.5, "{color}: {contrast}");
        }
        for wrong in ["", "fff", "1f6fe", "1f6feg", "1f6feb;}", "é12345"] {
            assert_eq!(super::channels(wrong), None, "{wrong}");
        }
    }
}
