//! The door of the dashboard: what happens to each request before its page is made, and what leaves with the page.
//!
//! [`enter`] reads the session once and lays a [`Guest`] beside the request; pages take it, or the [`Visitor`] in it, as
//! an argument. Whoever is not signed in is sent to the sign-in page and back again afterwards; who has no part in the
//! dashboard is sent to their courses.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures::FutureExt as _;
use maud::Markup;

use super::answer::{self, PageError};
use super::layout::{self, CardPage, NavItem, Page, Shell, Theme, UserMenu};
use super::notice::Notice;
use super::rooms::{self, Room};
use crate::access::sessions::{self, Origin, Session};
use crate::access::{Call, Permission, cookies};
use crate::app::App;
use crate::dashboard::icons::Icon;
use crate::error::{Error, Result};
use crate::http::door::client_address;
use crate::locale::Locale;
use crate::types::Timestamp;

/// The name of the product.
pub const PRODUCT: &str = "B2B Dashboard";
/// Longest name of a browser that is passed on.
const AGENT_MAX: usize = 400;

/// Whoever opens a page, signed in or not.
#[derive(Clone)]
pub struct Guest {
    /// The parts of the program.
    pub app: App,
    /// The session, if there is one that is good now.
    pub session: Option<Session>,
    /// The theme they chose.
    pub theme: Theme,
    /// What the last request had to say.
    pub notice: Option<Notice>,
    /// The time that counts for everything this request does.
    pub now: Timestamp,
    /// The id of the request.
    pub request_id: Arc<str>,
    /// The address it came from.
    pub address: Option<Arc<str>>,
    /// The browser's name for itself.
    pub agent: Option<Arc<str>>,
    /// What the browser says of languages.
    pub languages: Option<Arc<str>>,
    /// Path and query.
    pub target: Arc<str>,
}

/// Somebody signed in who may see the dashboard.
#[derive(Clone)]
pub struct Visitor {
    /// The parts of the program.
    pub app: App,
    /// Their session.
    pub session: Session,
    /// The token that every form carries.
    pub csrf: String,
    /// The rest that is known of the request.
    pub guest: Guest,
}

/// Somebody signed in, whatever they may do.
#[derive(Clone)]
pub struct Reader {
    /// Their session.
    pub session: Session,
    /// The token that every form carries.
    pub csrf: String,
    /// The rest that is known of the request.
    pub guest: Guest,
}

impl Guest {
    /// Where a sign-in comes from.
    pub fn origin(&self) -> Origin {
        Origin {
            address: self.address.clone(),
            agent: self.agent.clone(),
            request_id: Arc::clone(&self.request_id),
        }
    }

    /// The language of the learner's pages: the person's own, else the browser's, else the account's.
    pub fn locale(&self) -> Locale {
        let parse = |tag: Option<&String>| tag.and_then(|tag| Locale::parse(tag).ok());
        let own = parse(
            self.session
                .as_ref()
                .and_then(|session| session.user.locale.as_ref()),
        );
        let account = parse(self.session.as_ref().map(|session| &session.account_locale));
        match (&own, self.languages.as_deref()) {
            (None, None) => account.unwrap_or_else(Locale::english),
            (own, header) => Locale::negotiate(own.as_ref(), header),
        }
    }

    /// The token of this session's forms; empty without one.
    pub fn csrf(&self) -> String {
        self.session
            .as_ref()
            .map(|session| cookies::csrf_token(&self.app, session))
            .unwrap_or_default()
    }

    /// A page with one card in the middle.
    pub fn card(&self, mut page: CardPage, body: &Markup) -> Response {
        if page.brand.is_empty() {
            page.brand = self.session.as_ref().map_or_else(
                || PRODUCT.to_owned(),
                |session| session.account_name.clone(),
            );
        }
        page.theme = self.theme;
        page.flashes.extend(self.notice.clone().map(Notice::flash));
        answer::html(
            self,
            &layout::card_page(&page, body),
            answer::Policy::Strict,
        )
    }

    /// The reader in it: sends those away who are not signed in.
    #[expect(
        clippy::result_large_err,
        reason = "the other way out is a whole answer, made once a request"
    )]
    pub fn reader(self) -> Result<Reader, Response> {
        let Some(session) = self.session.clone() else {
            return Err(answer::to_sign_in(&self.target));
        };
        Ok(Reader {
            csrf: self.csrf(),
            session,
            guest: self,
        })
    }

    /// The visitor in it: sends those away who are not signed in, or have no part in the dashboard.
    #[expect(
        clippy::result_large_err,
        reason = "the other way out is a whole answer, made once a request"
    )]
    pub fn visitor(self) -> Result<Visitor, Response> {
        let Some(session) = self.session.clone() else {
            return Err(answer::to_sign_in(&self.target));
        };
        if !session.has_dashboard() {
            return Err(answer::see_other("/my"));
        }
        Ok(Visitor {
            app: self.app.clone(),
            csrf: self.csrf(),
            session,
            guest: self,
        })
    }
}

impl Visitor {
    /// A call of this person, for everything the page does.
    pub fn call(&self) -> Call {
        let guest = &self.guest;
        self.session.call(
            Arc::clone(&guest.request_id),
            guest.address.clone(),
            guest.now,
        )
    }

    /// The time that counts for everything this request does.
    pub const fn now(&self) -> Timestamp {
        self.guest.now
    }

    /// The address under which the world knows this installation, without a slash at its end.
    pub fn origin(&self) -> String {
        self.app.config.server.origin()
    }

    /// The frame around a page of `room`.
    pub fn shell(&self, room: impl Into<Option<Room>>) -> Shell {
        let session = &self.session;
        Shell {
            brand: PRODUCT.to_owned(),
            account: session.account_name.clone(),
            home: "/dashboard".to_owned(),
            theme: self.guest.theme,
            nav: rooms::navigation(&session.caller, room.into()),
            search: session
                .caller
                .may(Permission::UsersRead)
                .then(|| "/dashboard/search".to_owned()),
            user: UserMenu {
                name: session.user.name.clone(),
                email: session.user.email.clone(),
                links: vec![
                    NavItem::new(Icon::Book, "My courses", "/my"),
                    NavItem::new(Icon::Lock, "Password", "/my/password"),
                ],
                sign_out: "/sign-out".to_owned(),
                csrf: self.csrf.clone(),
            },
            banner: None,
            flashes: self
                .guest
                .notice
                .clone()
                .map(Notice::flash)
                .into_iter()
                .collect(),
            footer: format!("{PRODUCT} {}", env!("CARGO_PKG_VERSION")),
        }
    }

    /// A page of `room`.
    pub fn render(&self, room: Room, page: &Page, body: &Markup) -> Response {
        self.render_under(answer::Policy::Strict, room, page, body)
    }

    /// A page of `room` that may do more than others, as `policy` says.
    pub fn render_under(
        &self,
        policy: answer::Policy,
        room: Room,
        page: &Page,
        body: &Markup,
    ) -> Response {
        answer::html(
            &self.guest,
            &layout::page(&self.shell(room), page, body),
            policy,
        )
    }

    /// Leads on to another page after something was done (303).
    pub fn redirect(&self, to: &str) -> Response {
        answer::see_other(to)
    }

    /// The same, with a sentence that the next page shows.
    pub fn redirect_with(&self, to: &str, notice: Notice) -> Response {
        answer::with_cookie(
            answer::see_other(to),
            &notice.cookie(&self.app, self.guest.now),
        )
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn cookies_of(headers: &HeaderMap) -> String {
    let all: Vec<&str> = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    all.join("; ")
}

/// Reads who comes in, makes the page, and turns what went wrong into a page as well.
pub async fn enter(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let now = app.clock.now();
    let headers = request.headers();
    let cookie_header = cookies_of(headers);
    let limited = |text: &str| text.chars().take(AGENT_MAX).collect::<String>().into();
    let mut guest = Guest {
        session: None,
        theme: Theme::from_cookies(&cookie_header),
        notice: Notice::read(&app, &cookie_header, now),
        now,
        request_id: app.ids.uuid(now).to_string().into(),
        address: client_address(&app, &request).map(|address| address.to_string().into()),
        agent: text(headers, header::USER_AGENT).map(limited),
        languages: text(headers, header::ACCEPT_LANGUAGE).map(limited),
        target: request
            .uri()
            .path_and_query()
            .map_or("/", |target| target.as_str())
            .into(),
        app: app.clone(),
    };
    if let Some(cookie) = cookies::cookie_of(&app.config, &cookie_header) {
        match sessions::resume(&app, cookie, now).await {
            Ok(session) => guest.session = session,
            Err(error) => return answer::error_page(&guest, &error),
        }
    }
    request.extensions_mut().insert(guest.clone());
    let is_write = !matches!(*request.method(), Method::GET | Method::HEAD);
    let response = serve(request, next, is_write).await;
    let Some(PageError(error)) = response.extensions().get::<PageError>().cloned() else {
        return response;
    };
    answer::error_page(&guest, &error)
}

/// Runs the page; a write to its end, whatever becomes of the client.
async fn serve(request: Request, next: Next, is_write: bool) -> Response {
    let run = AssertUnwindSafe(next.run(request)).catch_unwind();
    let outcome = if is_write {
        match crate::tasks::spawn(run).await {
            Ok(outcome) => outcome,
            Err(error) => return PageError::from(Error::internal(error)).into_response(),
        }
    } else {
        run.await
    };
    outcome.unwrap_or_else(|_| PageError::from(Error::internal("a page panicked")).into_response())
}

impl<S: Send + Sync> FromRequestParts<S> for Guest {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| {
            PageError::from(Error::internal("a page outside of the door")).into_response()
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Reader {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        Guest::from_request_parts(parts, state).await?.reader()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        Guest::from_request_parts(parts, state).await?.visitor()
    }
}

/// Carries out the plan of a page's form, as the API would, and gives what came of it.
pub async fn carry_out<T, F, Fut>(visitor: &Visitor, plan: F) -> Result<T>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<(crate::events::Plan, T)>>,
{
    let (app, call) = (&visitor.app, visitor.call());
    Ok(crate::commit::commit(&app.db, &app.ids, &call, plan)
        .await?
        .value)
}
