//! What everybody has who is signed in: their courses, their teams, their password.

use axum::Router;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, Render as _, html};

use super::my_requests;
use crate::access::password_rules::{MAX_BYTES, MIN_CHARS, PasswordRuleError, check_rules};
use crate::access::passwords;
use crate::app::App;
use crate::dashboard::answer::{self, Answer};
use crate::dashboard::components::{
    Avatar, Badge, Button, Callout, Card, EmptyState, Field, Form, Tone,
};
use crate::dashboard::door::Reader;
use crate::dashboard::form::{FieldErrors, ReaderPosted};
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::CardPage;
use crate::dashboard::learner;
use crate::dashboard::notice::Notice;
use crate::db::{Batch, Select};
use crate::error::Result;
use crate::i18n::text as say;
use crate::locale::Locale;
use crate::params;
use crate::resources::enrollment::EnrollmentStatus;
use crate::types::{Secret, Timestamp};

/// The pages.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/my", get(home))
        .route("/my/courses", get(home))
        .route("/my/password", get(password).post(save_password))
}

/// One course of a person: name, status, percent, when begun, completed, ended.
type Course = (
    String,
    EnrollmentStatus,
    i64,
    Option<Timestamp>,
    Option<Timestamp>,
);

/// The reader's language and the zone their days are counted in.
pub(super) struct Tongue {
    pub(super) locale: Locale,
    zone: jiff::tz::TimeZone,
}

impl Tongue {
    pub(super) fn of(reader: &Reader) -> Self {
        let session = &reader.session;
        let zone = session
            .user
            .timezone
            .as_ref()
            .unwrap_or(&session.account_timezone);
        Self {
            locale: reader.guest.locale(),
            zone: jiff::tz::TimeZone::get(zone).unwrap_or(jiff::tz::TimeZone::UTC),
        }
    }

    pub(super) fn say(&self, key: &str) -> String {
        say(&self.locale, key, &[])
    }

    fn dated(&self, key: &str, date: String) -> String {
        say(&self.locale, key, &[("date", date.into())])
    }
}

async fn home(reader: Reader) -> Answer {
    let tongue = Tongue::of(&reader);
    let (app, user) = (&reader.guest.app, &reader.session.user.id);
    let mut batch = Batch::new();
    let courses = batch.add::<Course>(Select::new(
        "SELECT c.name, e.status, e.percent, e.completed_at, e.expires_at FROM enrollments e \
         JOIN courses c ON c.account_id = $1 AND c.id = e.course_id \
         WHERE e.account_id = $1 AND e.user_id = $2 ORDER BY c.name_key, e.id",
        params![*user],
    ));
    let waiting = batch.add::<(String, i64)>(Select::new(
        "SELECT p.name, (SELECT count(*) FROM seat_assignments o WHERE o.account_id = $1 AND o.seat_id = a.seat_id AND o.state = 'waitlisted' \
         AND (o.waiting_at < a.waiting_at OR (o.waiting_at = a.waiting_at AND o.id <= a.id))) FROM seat_assignments a \
         JOIN products p ON p.account_id = $1 AND p.id = a.product_id \
         WHERE a.account_id = $1 AND a.user_id = $2 AND a.state = 'waitlisted' ORDER BY a.id",
        params![*user],
    ));
    let going = batch.add::<(String, Timestamp)>(Select::new(
        "SELECT p.name, a.reclaim_at FROM seat_assignments a JOIN products p ON p.account_id = $1 AND p.id = a.product_id \
         WHERE a.account_id = $1 AND a.user_id = $2 AND a.state = 'active' AND a.reclaim_at IS NOT NULL ORDER BY a.reclaim_at, a.id",
        params![*user],
    ));
    let teams = batch.add::<(String, String)>(Select::new(
        "SELECT t.name, m.role FROM team_members m JOIN teams t ON t.account_id = $1 AND t.id = m.team_id AND t.deleted_at IS NULL \
         WHERE m.account_id = $1 AND m.user_id = $2 ORDER BY m.joined_at, t.id",
        params![*user],
    ));
    let mut rows = app.db.read(&reader.session.account, batch).await?;
    let wishes = my_requests::section(&reader, &tongue).await?;
    let (courses, waiting, teams) = (rows.take(&courses), rows.take(&waiting), rows.take(&teams));
    let going = rows.take(&going);
    let body = html! {
        div.stack {
            section aria-labelledby="courses" {
                h2.section-title #courses { (tongue.say("courses-title")) }
                @for (product, at) in &going { (going_back(&tongue, product, *at)) }
                (course_list(&tongue, &courses, &waiting, reader.guest.now))
            }
            (wishes)
            section aria-labelledby="teams" {
                h2.section-title #teams { (tongue.say("teams-title")) }
                (team_list(&tongue, &teams))
            }
        }
    };
    let name = reader.session.user.name.clone();
    let title = say(&tongue.locale, "courses-greeting", &[("name", name.into())]);
    let lead = say(
        &tongue.locale,
        "courses-count",
        &[("count", courses.len().into())],
    );
    Ok(learner::page(&reader, &title, &lead, &body))
}

/// A place that goes back because nobody uses it.
fn going_back(tongue: &Tongue, product: &str, at: Timestamp) -> Callout {
    let date = tongue.locale.date(at.to_jiff(), &tongue.zone);
    let values = [("product", product.into()), ("date", date.into())];
    Callout::new(
        Tone::Warning,
        say(&tongue.locale, "courses-going-back", &values),
    )
    .body(html! { (tongue.say("courses-going-back-way")) })
}

fn course_list(
    tongue: &Tongue,
    courses: &[Course],
    waiting: &[(String, i64)],
    now: Timestamp,
) -> Markup {
    if courses.is_empty() && waiting.is_empty() {
        let empty = EmptyState::new(
            Icon::Book,
            tongue.say("courses-empty-title"),
            tongue.say("courses-empty"),
        );
        return Card::new(empty.render()).flush().render();
    }
    html! {
        div.columns.columns-2 {
            @for course in courses { (course_card(tongue, course, now)) }
            @for (product, place) in waiting {
                section.card.course {
                    h3 { (product) }
                    p.secondary { (Icon::Clock) " " (say(&tongue.locale, "courses-waitlisted", &[("place", (*place).into())])) }
                }
            }
        }
    }
}

fn course_card(
    tongue: &Tongue,
    (name, status, percent, completed, ends): &Course,
    now: Timestamp,
) -> Markup {
    let date = |at: Timestamp| tongue.locale.date(at.to_jiff(), &tongue.zone);
    let last_day = |at: Timestamp| tongue.locale.last_day(at.to_jiff(), &tongue.zone);
    let percent = (*percent).clamp(0, 100);
    let progress = match status {
        EnrollmentStatus::Pending => tongue.say("courses-preparing"),
        EnrollmentStatus::Failed => tongue.say("courses-failed"),
        EnrollmentStatus::Completed => completed.map_or_else(
            || tongue.say("courses-done"),
            |at| tongue.dated("courses-completed", date(at)),
        ),
        EnrollmentStatus::Active | EnrollmentStatus::Expired if percent == 0 => {
            tongue.say("courses-not-started")
        }
        EnrollmentStatus::Active | EnrollmentStatus::Expired => say(
            &tongue.locale,
            "courses-progress",
            &[("percent", percent.into())],
        ),
    };
    let until = match ends {
        None => tongue.say("courses-no-end"),
        Some(end) if *end <= now => tongue.dated("courses-ended", last_day(*end)),
        Some(end) => tongue.dated("courses-until", last_day(*end)),
    };
    let left = ends.map(|end| (end.micros() - now.micros()) / 86_400_000_000);
    let soon = left.filter(|days| (0..=14).contains(days) && *status == EnrollmentStatus::Active);
    let bar = if *status == EnrollmentStatus::Completed {
        100
    } else {
        percent
    };
    html! {
        section.card.course {
            div.row.row-between {
                h3 { (name) }
                @if let Some(days) = soon {
                    (Badge::new(say(&tongue.locale, "courses-days-left", &[("days", days.into())])).tone(Tone::Warning).icon(Icon::Clock))
                } @else if *status == EnrollmentStatus::Completed {
                    (Badge::new(tongue.say("courses-done")).tone(Tone::Success).icon(Icon::Check))
                }
            }
            div.meter {
                svg.meter-bar viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true" {
                    rect.fill-success[bar == 100].fill-used[bar < 100] width=(bar) height="1" {}
                }
                div.row.row-between.small { span.meter-text { (progress) } span.muted { (until) } }
            }
        }
    }
}

fn team_list(tongue: &Tongue, teams: &[(String, String)]) -> Markup {
    let role = |role: &str| match role {
        "owner" => tongue.say("teams-owner"),
        "manager" => tongue.say("teams-manager"),
        _ => tongue.say("teams-member"),
    };
    if teams.is_empty() {
        return html! { p.muted { (tongue.say("teams-empty")) } };
    }
    let list = html! {
        ul.plain-list {
            @for (name, held) in teams {
                li.row.row-between { div.person { (Avatar::group(name)) span.strong { (name) } } (Badge::new(role(held))) }
            }
        }
    };
    Card::new(list).flush().render()
}

/// What was wrong with a new password, by field.
type Wrong = (&'static str, String);

async fn password(reader: Reader) -> Answer {
    password_page(&reader, None).await
}

async fn has_password(reader: &Reader) -> Result<bool> {
    let select = Select::new(
        "SELECT user_id FROM user_passwords WHERE account_id = $1 AND user_id = $2",
        params![reader.session.user.id],
    );
    let row = reader
        .guest
        .app
        .db
        .first::<(String,)>(&reader.session.account, select);
    Ok(row.await?.is_some())
}

async fn password_page(reader: &Reader, wrong: Option<Wrong>) -> Answer {
    let locale = reader.guest.locale();
    let t = |key: &str| say(&locale, key, &[]);
    let error = |name: &str| {
        wrong
            .as_ref()
            .filter(|(field, _)| *field == name)
            .map(|(_, text)| text.as_str())
    };
    let (title, lead) = if has_password(reader).await? {
        (t("password-change-title"), t("password-change-explain"))
    } else {
        (t("password-title"), t("password-explain"))
    };
    let rule = say(&locale, "password-rule", &[("length", MIN_CHARS.into())]);
    let fields = html! {
        // For password managers, which keep the new password with this address.
        input.sr-only type="text" name="username" value=(reader.session.user.email) autocomplete="username" tabindex="-1" aria-hidden="true" readonly;
        (Field::password("password", &t("password-new")).autocomplete("new-password").hint(rule).required().error(error("password")))
        (Field::password("repeat", &t("password-repeat")).autocomplete("new-password").required().error(error("repeat")))
        (Button::submit(t("password-submit")).primary().block())
        (Button::link(t("password-skip"), "/dashboard").quiet().block())
    };
    let page = CardPage {
        title,
        lead: Some(lead),
        lang: locale.language().code().to_owned(),
        ..CardPage::default()
    };
    let form = Form::post("/my/password", reader.csrf.clone(), fields);
    Ok(reader.guest.card(page, &html! { (form) }))
}

async fn save_password(ReaderPosted { reader, form }: ReaderPosted) -> Answer {
    let locale = reader.guest.locale();
    let (new, session) = (form.raw("password"), &reader.session);
    let user = &session.user;
    let names = [
        user.email.as_str(),
        user.name.as_str(),
        session.account_name.as_str(),
    ];
    if let Err(rule) = check_rules(new, &names) {
        return password_page(&reader, Some(("password", rule_text(&locale, rule)))).await;
    }
    if new != form.raw("repeat") {
        let text = say(&locale, "password-differ", &[]);
        return password_page(&reader, Some(("repeat", text))).await;
    }
    let guest = &reader.guest;
    let call = session.call(guest.request_id.clone(), guest.address.clone(), guest.now);
    let secret = Secret::new(new.to_owned());
    match passwords::set_password(&guest.app, &call, &user.id, &secret, Some(&session.id)).await {
        Ok(()) => Ok(saved(&reader, &locale)),
        Err(error) if !error.faults().is_empty() => {
            let text = FieldErrors::of(&error)
                .get("password")
                .unwrap_or_default()
                .to_owned();
            password_page(&reader, Some(("password", text))).await
        }
        Err(error) => Err(error.into()),
    }
}

fn saved(reader: &Reader, locale: &Locale) -> Response {
    let notice = Notice::success(say(locale, "password-saved", &[]));
    let to = if reader.session.has_dashboard() {
        "/dashboard"
    } else {
        "/my"
    };
    let cookie = notice.cookie(&reader.guest.app, reader.guest.now);
    answer::with_cookie(answer::see_other(to), &cookie)
}

fn rule_text(locale: &Locale, rule: PasswordRuleError) -> String {
    let (key, length) = match rule {
        PasswordRuleError::TooShort => ("password-too-short", MIN_CHARS),
        PasswordRuleError::TooLong => ("password-too-long", MAX_BYTES),
        PasswordRuleError::Repeated => ("password-repeated", 0),
        PasswordRuleError::Sequence => ("password-sequence", 0),
        PasswordRuleError::Common => ("password-too-common", 0),
        PasswordRuleError::Personal => ("password-personal", 0),
    };
    say(locale, key, &[("length", length.into())])
}
