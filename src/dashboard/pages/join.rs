//! The public page of a link: the form by which people ask to join, and what came of it.

use axum::Router;
use axum::extract::{Path, RawQuery};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};

use super::join_confirm;
use super::sign_in::{has_password, leave};
use crate::access::cookies;
use crate::access::sessions::Session;
use crate::app::App;
use crate::dashboard::answer::{self, Answer};
use crate::dashboard::brand::{self, Public};
use crate::dashboard::components::{Button, Facts, Field, Form};
use crate::dashboard::door::Guest;
use crate::dashboard::form::{FormData, GuestPosted};
use crate::dashboard::notice::Notice;
use crate::error::Code;
use crate::i18n::text as say;
use crate::invitations::accept::Look;
use crate::joining::ask::{self, Door};
use crate::joining::confirm::{self, Joined};
use crate::joining::limits::is_refusal;
use crate::joining::views;
use crate::locale::Locale;
use crate::types::{Email, Name, Timestamp};

/// Forms from one network address in a minute: a class behind one router can join, a program cannot send in bulk.
const FORMS_A_MINUTE: u32 = 60;

/// The pages.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/join/{slug}", get(show).post(submit))
        .merge(join_confirm::routes())
}

pub(super) fn lang_of(query: Option<String>) -> String {
    FormData::parse(query.unwrap_or_default().as_bytes())
        .get("lang")
        .to_owned()
}

/// What stands in the form, and what was wrong with it.
#[derive(Default)]
struct Tried {
    name: String,
    email: String,
    name_error: Option<String>,
    email_error: Option<String>,
}

async fn show(
    method: Method,
    guest: Guest,
    Path(slug): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    let lang = lang_of(query);
    let Some(door) = ask::look(&guest.app, &slug, guest.now).await? else {
        return Ok(unknown(&guest, &lang, &format!("/join/{slug}")));
    };
    // Programs that only ask whether it is there have not seen it.
    if method == Method::GET {
        views::count(&guest.app, &door.account, &door.link.id);
    }
    let locale = brand::locale(&guest, &lang, Some(&door.look));
    if let Some((code, _)) = &door.refusal {
        return Ok(refused(&guest, &door, &locale, *code));
    }
    Ok(form_page(&guest, &door, &locale, &Tried::default()))
}

pub(super) fn public<'a>(
    door: &'a Door,
    locale: &'a Locale,
    path: &'a str,
    title: String,
    lead: Option<String>,
) -> Public<'a> {
    Public {
        look: Some(&door.look),
        path,
        locale,
        title,
        lead,
        status: StatusCode::OK,
    }
}

fn path(door: &Door) -> String {
    format!("/join/{}", door.link.slug)
}

pub(super) fn team_title(door: &Door, locale: &Locale, key: &str) -> String {
    say(locale, key, &[("team", door.team.name.to_string().into())])
}

fn domains(door: &Door) -> String {
    let domains = door.link.allowed_domains.0.iter();
    domains
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

/// Who is signed in here, in the account of the link.
fn here<'a>(guest: &'a Guest, door: &Door) -> Option<&'a Session> {
    let session = guest.session.as_ref();
    session.filter(|session| session.account == door.account)
}

pub(super) fn what_comes(door: &Door, locale: &Locale) -> Markup {
    let list = door.products.join(", ");
    html! { @if !list.is_empty() { (Facts::new().text(say(locale, "join-products", &[]), list)) } }
}

fn form_page(guest: &Guest, door: &Door, locale: &Locale, tried: &Tried) -> Response {
    let t = |key: &str| say(locale, key, &[]);
    let path = path(door);
    let title = team_title(door, locale, "join-title");
    let lang = locale.language().code();
    if let Some(session) = here(guest, door) {
        let name = session.user.name.clone();
        let fields = html! {
            (what_comes(door, locale))
            (Button::submit(say(locale, "join-as", &[("name", name.into())])).primary().block())
        };
        let lead = say(
            locale,
            "join-as-lead",
            &[("email", session.user.email.clone().into())],
        );
        let form = Form::post(path.clone(), guest.csrf(), fields).hidden("lang", lang);
        let out = Form::post(
            "/sign-out",
            guest.csrf(),
            html! {
                p.muted.small { (t("join-not-you")) }
                (Button::submit(t("page-sign-out")).quiet().block())
            },
        );
        let body = html! { div.stack { (form) (out) } };
        return brand::page(guest, public(door, locale, &path, title, Some(lead)), &body);
    }
    let hint = (!door.link.allowed_domains.0.is_empty())
        .then(|| say(locale, "join-domains", &[("domains", domains(door).into())]));
    let mut email = Field::email("email", &t("join-email"))
        .value(tried.email.as_str())
        .autocomplete("email")
        .required()
        .error(tried.email_error.as_deref());
    if let Some(hint) = hint {
        email = email.hint(hint);
    }
    let fields = html! {
        (what_comes(door, locale))
        (Field::text("name", &t("join-name")).value(tried.name.as_str()).autocomplete("name").required().error(tried.name_error.as_deref()))
        (email)
        (Button::submit(t("join-submit")).primary().block())
    };
    let lead = t(if door.link.requires_approval {
        "join-lead-approval"
    } else {
        "join-lead"
    });
    let form = Form::post(path.clone(), guest.csrf(), fields).hidden("lang", lang);
    brand::page(
        guest,
        public(door, locale, &path, title, Some(lead)),
        &html! { (form) },
    )
}

/// Says which limit stands in the way.
pub(super) fn refused(guest: &Guest, door: &Door, locale: &Locale, code: Code) -> Response {
    let zone = jiff::tz::TimeZone::get(&door.look.timezone).unwrap_or(jiff::tz::TimeZone::UTC);
    let date = |at: Option<Timestamp>| {
        let at = at.map(|at| locale.date_time(at.to_jiff(), &zone));
        [("date", at.unwrap_or_default().into())]
    };
    let text = match code {
        Code::LinkPaused => say(locale, "join-paused", &[]),
        Code::LinkNotStarted => say(locale, "join-not-started", &date(door.link.starts_at)),
        Code::LinkExpired => say(locale, "join-expired", &date(door.link.expires_at)),
        Code::LinkUsedUp => say(locale, "join-used-up", &[]),
        Code::DomainNotAllowed => say(locale, "join-domain", &[("domains", domains(door).into())]),
        Code::Forbidden => say(locale, "join-deactivated", &[]),
        _ => say(locale, "join-full", &[]),
    };
    let path = path(door);
    let title = say(locale, "join-refused-title", &[]);
    let page = Public {
        status: StatusCode::CONFLICT,
        ..public(door, locale, &path, title, Some(text))
    };
    brand::page(guest, page, &html! {})
}

/// The page for an address that leads nowhere.
pub(super) fn unknown(guest: &Guest, lang: &str, path: &str) -> Response {
    let locale = brand::locale(guest, lang, None);
    told(
        guest,
        None,
        &locale,
        path,
        ("join-invalid-title", "join-invalid"),
        StatusCode::NOT_FOUND,
        &html! {},
    )
}

pub(super) fn told(
    guest: &Guest,
    look: Option<&Look>,
    locale: &Locale,
    path: &str,
    (title, text): (&str, &str),
    status: StatusCode,
    body: &Markup,
) -> Response {
    let page = Public {
        look,
        path,
        locale,
        title: say(locale, title, &[]),
        lead: Some(say(locale, text, &[])),
        status,
    };
    brand::page(guest, page, body)
}

async fn submit(Path(slug): Path<String>, GuestPosted { guest, form }: GuestPosted) -> Answer {
    let name = format!("join\n{}", guest.address.as_deref().unwrap_or_default());
    guest
        .app
        .sign_in_failures
        .take(&name, FORMS_A_MINUTE, guest.now)?;
    let lang = form.get("lang");
    let Some(door) = ask::look(&guest.app, &slug, guest.now).await? else {
        return Ok(unknown(&guest, lang, &format!("/join/{slug}")));
    };
    let locale = brand::locale(&guest, lang, Some(&door.look));
    if let Some(session) = here(&guest, &door) {
        let joined = confirm::join(
            &guest.app,
            &slug,
            session,
            &locale,
            &guest.origin(),
            guest.now,
        )
        .await;
        return finish(&guest, &door, &locale, &path(&door), joined).await;
    }
    let mut tried = Tried {
        name: form.get("name").to_owned(),
        email: form.get("email").to_owned(),
        ..Tried::default()
    };
    let (name, email) = (Name::parse(&tried.name), Email::parse(&tried.email));
    tried.name_error = name
        .is_err()
        .then(|| say(&locale, "join-name-missing", &[]));
    tried.email_error = email
        .is_err()
        .then(|| say(&locale, "join-email-wrong", &[]));
    let (Ok(name), Ok(email)) = (name, email) else {
        let mut page = form_page(&guest, &door, &locale, &tried);
        *page.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(page);
    };
    let asked = ask::ask(
        &guest.app,
        &slug,
        &email,
        Some(&name),
        &locale,
        &guest.origin(),
        guest.now,
    )
    .await;
    match asked {
        Ok(()) => {}
        Err(error) if error.code() == Code::DomainNotAllowed => {
            let values = [("domains", domains(&door).into())];
            tried.email_error = Some(say(&locale, "join-domain", &values));
            let mut page = form_page(&guest, &door, &locale, &tried);
            *page.status_mut() = StatusCode::CONFLICT;
            return Ok(page);
        }
        Err(error) if is_refusal(&error) => {
            return Ok(refused(&guest, &door, &locale, error.code()));
        }
        Err(error) => return Err(error.into()),
    }
    let lead = say(&locale, "join-sent", &[("email", email.to_string().into())]);
    let title = say(&locale, "join-sent-title", &[]);
    let path = path(&door);
    Ok(brand::page(
        &guest,
        public(&door, &locale, &path, title, Some(lead)),
        &html! {},
    ))
}

/// What came of a join, as a page or as the way in.
pub(super) async fn finish(
    guest: &Guest,
    door: &Door,
    locale: &Locale,
    path: &str,
    joined: crate::error::Result<Joined>,
) -> Answer {
    match joined {
        Ok(Joined::In(started)) => {
            let welcome = team_title(door, locale, "join-welcome");
            let notice = Notice::success(welcome).cookie(&guest.app, guest.now);
            let Some(started) = started else {
                return Ok(answer::with_cookie(answer::see_other("/my"), &notice));
            };
            leave(guest).await;
            let next = if has_password(&guest.app, &started).await? {
                "/my"
            } else {
                "/my/password"
            };
            let response = answer::with_cookie(answer::see_other(next), &notice);
            let cookie = cookies::set_cookie(&guest.app.config, Some(&started));
            Ok(answer::with_cookie(response, &cookie))
        }
        Ok(Joined::Waits) => {
            let words = ("join-waits-title", "join-waits");
            let look = Some(&door.look);
            Ok(told(
                guest,
                look,
                locale,
                path,
                words,
                StatusCode::OK,
                &html! {},
            ))
        }
        Err(error) if is_refusal(&error) || error.code() == Code::Forbidden => {
            Ok(refused(guest, door, locale, error.code()))
        }
        Err(error) => Err(error.into()),
    }
}
