//! The page on which somebody confirms the address they asked to join with.

use axum::Router;
use axum::extract::{Path, RawQuery};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use maud::html;

use super::join::{finish, lang_of, public, refused, team_title, told, unknown, what_comes};
use crate::app::App;
use crate::dashboard::answer::{self, Answer};
use crate::dashboard::brand;
use crate::dashboard::components::{Button, Callout, Form, Tone};
use crate::dashboard::door::Guest;
use crate::dashboard::form::GuestPosted;
use crate::error::{Code, Error};
use crate::i18n::text as say;
use crate::joining::ask::Door;
use crate::joining::confirm::{self, Asked};
use crate::types::Email;

/// The page.
pub(super) fn routes() -> Router<App> {
    Router::new().route("/join/confirm/{token}", get(look).post(confirm))
}

async fn look(guest: Guest, Path(token): Path<String>, RawQuery(query): RawQuery) -> Answer {
    let lang = lang_of(query);
    show_asked(&guest, &token, &lang).await
}

async fn show_asked(guest: &Guest, token: &str, lang: &str) -> Answer {
    let path = format!("/join/confirm/{token}");
    let asked = confirm::look(&guest.app, token, guest.now).await?;
    let (door, title, text) = match &asked {
        Asked::Open(open) => return Ok(confirm_page(guest, &open.0, &open.1.email, lang, &path)),
        Asked::Pending(door) => (Some(door), "join-waits-title", "join-waits"),
        Asked::Joined(door) => (Some(door), "join-joined-title", "join-joined"),
        Asked::Declined(door) => (Some(door), "join-declined-title", "join-declined"),
        Asked::Expired => (None, "join-lapsed-title", "join-lapsed"),
        Asked::Invalid => return Ok(unknown(guest, lang, &path)),
    };
    let look = door.map(|door| &door.look);
    let locale = brand::locale(guest, lang, look);
    let way_on = matches!(asked, Asked::Joined(_)).then(|| {
        Button::link(say(&locale, "sign-in-submit", &[]), "/sign-in")
            .primary()
            .block()
    });
    let body = html! { @if let Some(way_on) = way_on { (way_on) } };
    Ok(told(
        guest,
        look,
        &locale,
        &path,
        (title, text),
        StatusCode::OK,
        &body,
    ))
}

fn confirm_page(guest: &Guest, door: &Door, email: &Email, lang: &str, path: &str) -> Response {
    let locale = brand::locale(guest, lang, Some(&door.look));
    if let Some((code, _)) = &door.refusal {
        return refused(guest, door, &locale, *code);
    }
    let other = guest
        .session
        .as_ref()
        .filter(|session| session.user.email != email.as_str());
    let fields = html! {
        @if let Some(other) = other {
            (Callout::new(Tone::Warning, say(&locale, "join-confirm-other", &[("email", other.user.email.clone().into())])))
        }
        (what_comes(door, &locale))
        (Button::submit(say(&locale, "join-confirm-submit", &[])).primary().block())
    };
    let form = Form::post(path, guest.csrf(), fields).hidden("lang", locale.language().code());
    let title = team_title(door, &locale, "join-confirm-title");
    let lead = say(
        &locale,
        "join-confirm-lead",
        &[("email", email.to_string().into())],
    );
    brand::page(
        guest,
        public(door, &locale, path, title, Some(lead)),
        &html! { (form) },
    )
}

async fn confirm(Path(token): Path<String>, GuestPosted { guest, form }: GuestPosted) -> Answer {
    let lang = form.get("lang");
    let path = format!("/join/confirm/{token}");
    let Asked::Open(open) = confirm::look(&guest.app, &token, guest.now).await? else {
        return Ok(answer::see_other(&path));
    };
    let locale = brand::locale(&guest, lang, Some(&open.0.look));
    let session = guest
        .session
        .as_ref()
        .map(|session| session.user.id.as_str());
    let joined = confirm::confirm(
        &guest.app,
        &token,
        None,
        session,
        &guest.origin(),
        guest.now,
    )
    .await;
    if let Err(error) = &joined
        && is_gone(error)
    {
        // Somebody was quicker: the page says how it stands.
        return Ok(answer::see_other(&path));
    }
    finish(&guest, &open.0, &locale, &path, joined).await
}

fn is_gone(error: &Error) -> bool {
    error.code() == Code::StateConflict
}
