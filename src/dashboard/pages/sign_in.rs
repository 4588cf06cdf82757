//! Signing in with a password or a link, and signing out.
//!
//! Opening a link shows who would be signed in and changes nothing, since mail scanners open every link; only the form
//! on that page uses it up.

use axum::Router;
use axum::extract::Path;
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, html};

use crate::access::cookies;
use crate::access::links::{self, LinkPurpose, LinkState, ValidLink};
use crate::access::passwords::{self, Choice, SignIn};
use crate::access::sessions::{self, Started};
use crate::app::App;
use crate::dashboard::answer::{self, Answer};
use crate::dashboard::components::{Button, Callout, Field, Form, Tone};
use crate::dashboard::door::Guest;
use crate::dashboard::form::{FormData, GuestPosted};
use crate::dashboard::layout::CardPage;
use crate::dashboard::notice::Notice;
use crate::db::Select;
use crate::error::{Code, Result};
use crate::i18n::text as say;
use crate::locale::Locale;
use crate::params;
use crate::types::{Email, Secret};

/// The pages.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/sign-in", get(show).post(submit))
        .route("/sign-in/choose", post(choose))
        .route("/sign-in/link/{token}", get(look).post(confirm))
        .route("/sign-out", post(sign_out))
}

/// What stands in the sign-in form, and what was wrong with it.
#[derive(Default)]
struct Tried<'a> {
    email: &'a str,
    next: &'a str,
    email_error: Option<String>,
    password_error: Option<String>,
    whole_error: Option<String>,
}

async fn show(guest: Guest, axum::extract::RawQuery(query): axum::extract::RawQuery) -> Response {
    let query = FormData::parse(query.unwrap_or_default().as_bytes());
    if guest.session.is_some() {
        return answer::see_other(answer::own_path(query.get("next")).unwrap_or("/dashboard"));
    }
    let tried = Tried {
        next: query.get("next"),
        ..Tried::default()
    };
    sign_in_page(&guest, &tried)
}

fn card(
    guest: &Guest,
    locale: &Locale,
    title: String,
    lead: Option<String>,
    body: &Markup,
) -> Response {
    let page = CardPage {
        title,
        lead,
        lang: locale.language().code().to_owned(),
        ..CardPage::default()
    };
    guest.card(page, body)
}

fn sign_in_page(guest: &Guest, tried: &Tried<'_>) -> Response {
    let locale = guest.locale();
    let t = |key: &str| say(&locale, key, &[]);
    let fields = html! {
        @if let Some(error) = &tried.whole_error { (Callout::new(Tone::Danger, error.clone())) }
        (Field::email("email", &t("sign-in-email")).value(tried.email).autocomplete("username").required().autofocus().error(tried.email_error.as_deref()))
        (Field::password("password", &t("sign-in-password")).autocomplete("current-password").required().error(tried.password_error.as_deref()))
        (Button::submit_value(t("sign-in-submit"), "way", "password").primary().block())
        div.or { (t("sign-in-or")) }
        (Button::submit_value(t("sign-in-send-link"), "way", "link").block())
    };
    let form = Form::post("/sign-in", guest.csrf(), fields).hidden("next", tried.next);
    let body = html! { (form) };
    card(
        guest,
        &locale,
        t("sign-in-title"),
        Some(t("sign-in-lead")),
        &body,
    )
}

async fn submit(GuestPosted { guest, form }: GuestPosted) -> Answer {
    let locale = guest.locale();
    let t = |key: &str| say(&locale, key, &[]);
    let mut tried = Tried {
        email: form.get("email"),
        next: form.get("next"),
        ..Tried::default()
    };
    let Ok(email) = Email::parse(tried.email) else {
        tried.email_error = Some(t("sign-in-email-wrong"));
        return Ok(sign_in_page(&guest, &tried));
    };
    if form.get("way") == "link" {
        return send_link(&guest, &email).await;
    }
    if form.raw("password").is_empty() {
        tried.password_error = Some(t("sign-in-password-missing"));
        return Ok(sign_in_page(&guest, &tried));
    }
    let password = Secret::new(form.raw("password").to_owned());
    let signed_in =
        passwords::sign_in_with_password(&guest.app, &email, &password, &guest.origin(), guest.now)
            .await;
    match signed_in {
        Ok(SignIn::Done(started)) => Ok(enter(&guest, &started, tried.next).await),
        Ok(SignIn::Choose(choices)) => Ok(choice_page(&guest, &choices, tried.next)),
        Err(error) if error.code() == Code::SignInFailed => {
            tried.whole_error = Some(t("sign-in-wrong"));
            Ok(sign_in_page(&guest, &tried))
        }
        Err(error) => Err(error.into()),
    }
}

async fn send_link(guest: &Guest, email: &Email) -> Answer {
    let locale = guest.locale();
    passwords::request_link(
        &guest.app,
        email,
        LinkPurpose::SignIn,
        &guest.origin(),
        guest.now,
    )
    .await?;
    let sent = say(
        &locale,
        "sign-in-link-sent",
        &[("email", email.as_str().to_owned().into())],
    );
    let body = html! {
        div.stack.stack-tight {
            p.secondary { (sent) }
            (Button::link(say(&locale, "sign-in-back", &[]), "/sign-in").block())
        }
    };
    let title = say(&locale, "sign-in-link-sent-title", &[]);
    Ok(card(guest, &locale, title, None, &body))
}

fn choice_page(guest: &Guest, choices: &[Choice], next: &str) -> Response {
    let locale = guest.locale();
    let body = html! {
        div.stack.stack-tight {
            @for choice in choices {
                (Form::post("/sign-in/choose", guest.csrf(), html! { (Button::submit(&choice.account_name).block()) })
                    .hidden("choice", &choice.token).hidden("next", next))
            }
        }
    };
    let lead = say(&locale, "sign-in-choose", &[]);
    card(
        guest,
        &locale,
        say(&locale, "sign-in-choose-title", &[]),
        Some(lead),
        &body,
    )
}

async fn choose(GuestPosted { guest, form }: GuestPosted) -> Answer {
    let chosen =
        passwords::sign_in_by_choice(&guest.app, form.get("choice"), &guest.origin(), guest.now)
            .await;
    match chosen {
        Ok(started) => Ok(enter(&guest, &started, form.get("next")).await),
        Err(error) if error.code() == Code::SignInFailed => Ok(answer::see_other("/sign-in")),
        Err(error) => Err(error.into()),
    }
}

/// Gives the browser the new session in place of the one it had, and leads on.
async fn enter(guest: &Guest, started: &Started, next: &str) -> Response {
    leave(guest).await;
    let to = answer::own_path(next).unwrap_or("/dashboard");
    let cookie = cookies::set_cookie(&guest.app.config, Some(started));
    answer::with_cookie(answer::see_other(to), &cookie)
}

/// Ends the session there was. A failure leaves a session that ends by itself, and is no reason to stay.
pub(super) async fn leave(guest: &Guest) {
    let Some(session) = &guest.session else {
        return;
    };
    let call = session.call(guest.request_id.clone(), guest.address.clone(), guest.now);
    if let Err(error) = sessions::end(&guest.app, session, &call).await {
        tracing::warn!(%error, "a session was not ended");
    }
}

async fn look(guest: Guest, Path(token): Path<String>) -> Answer {
    let state = links::look(&guest.app, &token, guest.now).await?;
    let page = match state {
        LinkState::Valid(link) => confirm_page(&guest, &link, &token),
        LinkState::Used => dead_link(&guest, ("confirm-used-title", "confirm-used")),
        LinkState::Expired => dead_link(&guest, ("confirm-expired-title", "confirm-expired")),
        LinkState::Invalid => dead_link(&guest, ("confirm-invalid-title", "confirm-invalid")),
    };
    Ok(page)
}

fn confirm_page(guest: &Guest, link: &ValidLink, token: &str) -> Response {
    let locale = guest.locale();
    let title = say(
        &locale,
        "confirm-title",
        &[("name", link.name.clone().into())],
    );
    let explain = say(
        &locale,
        "confirm-explain",
        &[
            ("email", link.email.clone().into()),
            ("account", link.account_name.clone().into()),
        ],
    );
    let other = guest
        .session
        .as_ref()
        .filter(|session| session.user.id != link.user_id);
    let fields = html! {
        @if let Some(session) = other {
            (Callout::new(Tone::Warning, say(&locale, "confirm-other", &[("email", session.user.email.clone().into())])))
        }
        (Button::submit(say(&locale, "confirm-submit", &[])).primary().block())
    };
    let page = CardPage {
        brand: link.account_name.clone(),
        title,
        lead: Some(explain),
        after: Some(html! { (say(&locale, "confirm-not-you", &[])) }),
        lang: locale.language().code().to_owned(),
        ..CardPage::default()
    };
    let form = Form::post(format!("/sign-in/link/{token}"), guest.csrf(), fields);
    guest.card(page, &html! { (form) })
}

/// Says why a link leads nowhere, with the way to a new one.
fn dead_link(guest: &Guest, (title, text): (&str, &str)) -> Response {
    let locale = guest.locale();
    let fields = html! {
        (Field::email("email", &say(&locale, "sign-in-email", &[])).autocomplete("username").required())
        (Button::submit_value(say(&locale, "confirm-new-link", &[]), "way", "link").primary().block())
    };
    let page = CardPage {
        title: say(&locale, title, &[]),
        lead: Some(say(&locale, text, &[])),
        after: Some(html! { a href="/sign-in" { (say(&locale, "sign-in-back", &[])) } }),
        lang: locale.language().code().to_owned(),
        ..CardPage::default()
    };
    guest.card(
        page,
        &html! { (Form::post("/sign-in", guest.csrf(), fields)) },
    )
}

async fn confirm(Path(token): Path<String>, GuestPosted { guest, .. }: GuestPosted) -> Answer {
    let LinkState::Valid(link) = links::look(&guest.app, &token, guest.now).await? else {
        return Ok(answer::see_other(&format!("/sign-in/link/{token}")));
    };
    let started = match links::consume(&guest.app, &token, &guest.origin(), guest.now).await {
        Ok(started) => started,
        // Somebody was quicker: the page of the link says so.
        Err(error) if error.code() == Code::SignInFailed => {
            return Ok(answer::see_other(&format!("/sign-in/link/{token}")));
        }
        Err(error) => return Err(error.into()),
    };
    let offers =
        link.purpose == LinkPurpose::SetPassword || !has_password(&guest.app, &started).await?;
    let next = if offers { "/my/password" } else { "/dashboard" };
    Ok(enter(&guest, &started, next).await)
}

pub(super) async fn has_password(app: &App, started: &Started) -> Result<bool> {
    let select = Select::new(
        "SELECT user_id FROM user_passwords WHERE account_id = $1 AND user_id = $2",
        params![started.user_id],
    );
    Ok(app
        .db
        .first::<(String,)>(&started.account, select)
        .await?
        .is_some())
}

async fn sign_out(GuestPosted { guest, .. }: GuestPosted) -> Response {
    leave(&guest).await;
    let notice = Notice::success(say(&guest.locale(), "sign-in-signed-out", &[]));
    let response = answer::with_cookie(
        answer::see_other("/sign-in"),
        &notice.cookie(&guest.app, guest.now),
    );
    answer::with_cookie(response, &cookies::set_cookie(&guest.app.config, None))
}
