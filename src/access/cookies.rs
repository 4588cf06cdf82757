//! What a browser holds of a session: its cookie and the tokens of its forms.

use super::sessions::{LIFETIME, Session, Started};
use super::signed;
use crate::app::App;
use crate::config::Config;
use crate::error::{Code, Error, Result};

/// Part of every form token.
const CSRF: &str = "csrf";

fn is_https(config: &Config) -> bool {
    config.server.origin().starts_with("https://")
}

/// The cookie's name: with `https` one that browsers take from this host alone (RFC 6265bis section 4.1.3.2).
pub fn cookie_name(config: &Config) -> &'static str {
    if is_https(config) {
        "__Host-b2b_session"
    } else {
        "b2b_session"
    }
}

/// The session's cookie in a `Cookie` header (RFC 6265 section 5.4), if there is one.
pub fn cookie_of<'a>(config: &Config, header: &'a str) -> Option<&'a str> {
    let name = cookie_name(config);
    header
        .split(';')
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(found, _)| *found == name)
        .map(|(_, value)| value)
}

/// The `Set-Cookie` header that gives the browser a session, or takes it away.
pub fn set_cookie(config: &Config, started: Option<&Started>) -> String {
    let (value, age) = started.map_or(("", 0), |started| {
        (started.cookie.expose().as_str(), LIFETIME)
    });
    let secure = if is_https(config) { "; Secure" } else { "" };
    format!(
        "{}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{secure}",
        cookie_name(config)
    )
}

/// The token that every form of this session carries.
pub fn csrf_token(app: &App, session: &Session) -> String {
    signed::sign(&app.keys.csrf, CSRF, session.id.as_str())
}

/// Refuses a form that was not sent from a page of this session: 403 `csrf_mismatch`.
pub fn check_csrf(app: &App, session: &Session, token: &str) -> Result<()> {
    if signed::open(&app.keys.csrf, CSRF, token).as_deref() == Some(session.id.as_str()) {
        return Ok(());
    }
    Err(Error::new(
        Code::CsrfMismatch,
        "The form has expired. Load the page again and repeat.",
    ))
}
