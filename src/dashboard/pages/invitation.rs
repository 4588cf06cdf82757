//! The page on which an invitation is accepted or declined. Looking at it changes nothing; only its form does.

use axum::Router;
use axum::extract::{Path, RawQuery};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};

use super::sign_in::{has_password, leave};
use crate::access::cookies;
use crate::app::App;
use crate::dashboard::answer::{self, Answer};
use crate::dashboard::brand::{self, Public};
use crate::dashboard::components::{Button, Callout, Facts, Field, Form, Tone};
use crate::dashboard::door::Guest;
use crate::dashboard::form::{FormData, GuestPosted};
use crate::dashboard::notice::Notice;
use crate::error::Code;
use crate::i18n::text as say;
use crate::invitations::accept::{self, Accepted, Look, Offer, Seen};
use crate::invitations::role_name;
use crate::locale::Locale;
use crate::types::Name;

/// The pages.
pub(super) fn routes() -> Router<App> {
    Router::new().route("/invitation/{token}", get(look).post(submit))
}

fn path(token: &str) -> String {
    format!("/invitation/{token}")
}

async fn look(guest: Guest, Path(token): Path<String>, RawQuery(query): RawQuery) -> Answer {
    let query = FormData::parse(query.unwrap_or_default().as_bytes());
    show(&guest, &token, query.get("lang"), None).await
}

/// The page as things stand, with what went wrong before, if anything.
async fn show(guest: &Guest, token: &str, lang: &str, wrong: Option<&str>) -> Answer {
    let seen = accept::look(&guest.app, token, guest.now).await?;
    let (look, title, text) = match &seen {
        Seen::Open(offer) => return Ok(offer_page(guest, offer, token, lang, wrong)),
        Seen::Superseded(look) => (
            Some(look),
            "invitation-superseded-title",
            "invitation-superseded",
        ),
        Seen::Accepted(look) => (
            Some(look),
            "invitation-accepted-title",
            "invitation-accepted",
        ),
        Seen::Expired(look) => (Some(look), "invitation-expired-title", "invitation-expired"),
        Seen::Revoked(look) => (Some(look), "invitation-revoked-title", "invitation-revoked"),
        Seen::Invalid => (None, "invitation-invalid-title", "invitation-invalid"),
    };
    let locale = brand::locale(guest, lang, look);
    let way_on = matches!(seen, Seen::Accepted(_)).then(|| {
        Button::link(say(&locale, "sign-in-submit", &[]), "/sign-in")
            .primary()
            .block()
    });
    let body = html! { @if let Some(way_on) = way_on { (way_on) } };
    let status = if look.is_some() {
        StatusCode::OK
    } else {
        StatusCode::NOT_FOUND
    };
    Ok(told(
        guest,
        look,
        &locale,
        token,
        (title, text),
        status,
        &body,
    ))
}

/// A page that only says something.
fn told(
    guest: &Guest,
    look: Option<&Look>,
    locale: &Locale,
    token: &str,
    (title, text): (&str, &str),
    status: StatusCode,
    body: &Markup,
) -> Response {
    let public = Public {
        look,
        path: &path(token),
        locale,
        title: say(locale, title, &[]),
        lead: Some(say(locale, text, &[])),
        status,
    };
    brand::page(guest, public, body)
}

fn offer_page(
    guest: &Guest,
    offer: &Offer,
    token: &str,
    lang: &str,
    wrong: Option<&str>,
) -> Response {
    let locale = brand::locale(guest, lang, Some(&offer.look));
    let t = |key: &str| say(&locale, key, &[]);
    let invited = offer.user.email.to_string();
    let session = guest.session.as_ref();
    let is_here = session.is_some_and(|session| session.user.id == offer.user.id.as_str());
    let other = session.filter(|_| !is_here);
    let lead = if offer.invitation.is_by_person {
        let by = offer.invitation.inviter_name.to_string();
        say(&locale, "invitation-lead", &[("inviter", by.into())])
    } else {
        let company = offer
            .organization
            .clone()
            .unwrap_or_else(|| offer.look.name.clone());
        say(
            &locale,
            "invitation-lead-company",
            &[("company", company.into())],
        )
    };
    let fields = html! {
        @if let Some(wrong) = wrong { (Callout::new(Tone::Warning, wrong.to_owned())) }
        @if let Some(other) = other {
            (Callout::new(Tone::Warning, say(&locale, "invitation-other", &[
                ("email", other.user.email.clone().into()), ("invited", invited.clone().into()),
            ])))
        }
        (facts(offer, &locale))
        @if offer.user.name.is_none() {
            (Field::text("name", &t("invitation-name")).autocomplete("name").required())
        }
        (Button::submit_value(t("invitation-accept"), "way", "accept").primary().block())
        (Button::submit_value(t("invitation-decline"), "way", "decline").quiet().block())
    };
    let body = if is_here || offer.signs_in {
        let form =
            Form::post(path(token), guest.csrf(), fields).hidden("lang", locale.language().code());
        html! { (form) }
    } else {
        let next = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("next", &path(token))
            .finish();
        let why = say(&locale, "invitation-sign-in", &[("email", invited.into())]);
        let way = if session.is_some() {
            // The sign-in page sends on whoever is signed in: out first.
            let out = Form::post(
                "/sign-out",
                guest.csrf(),
                html! {
                    (Button::submit(say(&locale, "page-sign-out", &[])).primary().block())
                },
            );
            html! { (out) }
        } else {
            html! { (Button::link(t("invitation-sign-in-button"), format!("/sign-in?{next}")).primary().block()) }
        };
        html! { div.stack { (facts(offer, &locale)) (Callout::new(Tone::Neutral, why)) (way) } }
    };
    let title = say(
        &locale,
        "invitation-title",
        &[("team", offer.team.clone().into())],
    );
    let public = Public {
        look: Some(&offer.look),
        path: &path(token),
        locale: &locale,
        title,
        lead: Some(lead),
        status: StatusCode::OK,
    };
    brand::page(guest, public, &body)
}

/// What is offered: shown before anybody accepts.
fn facts(offer: &Offer, locale: &Locale) -> Facts {
    let t = |key: &str| say(locale, key, &[]);
    let zone = jiff::tz::TimeZone::get(&offer.look.timezone).unwrap_or(jiff::tz::TimeZone::UTC);
    let until = locale.date_time(offer.invitation.expires_at.to_jiff(), &zone);
    let mut facts = Facts::new().text(t("invitation-team"), &offer.team);
    if let Some(organization) = &offer.organization {
        facts = facts.text(t("invitation-organization"), organization);
    }
    facts = facts.text(t("invitation-role"), role_name(&offer.invitation, locale));
    if !offer.products.is_empty() {
        facts = facts.text(t("invitation-products"), offer.products.join(", "));
    }
    facts
        .text(t("invitation-for"), offer.user.email.as_str())
        .text(t("invitation-until"), until)
}

async fn submit(Path(token): Path<String>, GuestPosted { guest, form }: GuestPosted) -> Answer {
    let lang = form.get("lang");
    if form.get("way") == "decline" {
        return decline(&guest, &token, lang).await;
    }
    let name = form
        .optional("name")
        .and_then(|name| Name::parse(name).ok());
    let session = guest
        .session
        .as_ref()
        .map(|session| session.user.id.as_str());
    let accepted = accept::accept(
        &guest.app,
        &token,
        name.as_ref(),
        session,
        &guest.origin(),
        guest.now,
    )
    .await;
    match accepted {
        Ok(accepted) => arrive(&guest, &accepted, lang).await,
        Err(error) if error.code() == Code::SeatsExhausted => {
            let locale = brand::locale(&guest, lang, None);
            let full = say(&locale, "invitation-full", &[]);
            let mut page = show(&guest, &token, lang, Some(&full)).await?;
            *page.status_mut() = StatusCode::CONFLICT;
            Ok(page)
        }
        // Somebody was quicker, or the time is over, or another person must sign in first: the page says which.
        Err(error) if matches!(error.code(), Code::StateConflict | Code::SignInRequired) => {
            Ok(answer::see_other(&path(&token)))
        }
        Err(error) => Err(error.into()),
    }
}

async fn decline(guest: &Guest, token: &str, lang: &str) -> Answer {
    let seen = accept::look(&guest.app, token, guest.now).await?;
    let Seen::Open(offer) = seen else {
        return Ok(answer::see_other(&path(token)));
    };
    match accept::decline(&guest.app, token, &guest.origin(), guest.now).await {
        Ok(()) => {}
        Err(error) if error.code() == Code::StateConflict => {
            return Ok(answer::see_other(&path(token)));
        }
        Err(error) => return Err(error.into()),
    }
    let locale = brand::locale(guest, lang, Some(&offer.look));
    let words = ("invitation-declined-title", "invitation-declined");
    Ok(told(
        guest,
        Some(&offer.look),
        &locale,
        token,
        words,
        StatusCode::OK,
        &html! {},
    ))
}

/// Leads the person in: to choose a password where they have none, else to their courses.
async fn arrive(guest: &Guest, accepted: &Accepted, lang: &str) -> Answer {
    let locale = brand::locale(guest, lang, None);
    let welcome = say(
        &locale,
        "invitation-welcome",
        &[("team", accepted.team.clone().into())],
    );
    let notice = Notice::success(welcome).cookie(&guest.app, guest.now);
    let Some(started) = &accepted.started else {
        return Ok(answer::with_cookie(answer::see_other("/my"), &notice));
    };
    leave(guest).await;
    let next = if has_password(&guest.app, started).await? {
        "/my"
    } else {
        "/my/password"
    };
    let response = answer::with_cookie(answer::see_other(next), &notice);
    let cookie = cookies::set_cookie(&guest.app.config, Some(started));
    Ok(answer::with_cookie(response, &cookie))
}
