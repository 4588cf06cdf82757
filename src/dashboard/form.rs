//! Forms as they come in: read within a limit, sent from one of our own pages, with the token of the session.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts as _, Request};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use http_body_util::{BodyExt as _, Limited};

use super::answer::PageError;
use super::door::{Guest, Reader, Visitor};
use crate::access::cookies;
use crate::app::App;
use crate::error::{Code, Error, Fault, Result};

/// Most bytes of a form.
const BODY_MAX: usize = 1 << 20;

/// The fields of a form.
#[derive(Debug, Clone, Default)]
pub struct FormData(Vec<(String, String)>);

impl FormData {
    /// From names and values.
    pub const fn new(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    /// The pairs of a query or of a form's body.
    pub fn parse(text: &[u8]) -> Self {
        Self(url::form_urlencoded::parse(text).into_owned().collect())
    }

    /// A field's value without space around it; empty when it is not there.
    pub fn get(&self, name: &str) -> &str {
        self.raw(name).trim()
    }

    /// A field's value as it was typed: for passwords.
    pub fn raw(&self, name: &str) -> &str {
        self.0
            .iter()
            .find(|(found, _)| found == name)
            .map_or("", |(_, value)| value.as_str())
    }

    /// A field's value, unless it was left empty.
    pub fn optional(&self, name: &str) -> Option<&str> {
        Some(self.get(name)).filter(|value| !value.is_empty())
    }

    /// All values of a field that can be sent more than once.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether a box was ticked.
    pub fn checked(&self, name: &str) -> bool {
        self.get(name) == "true"
    }

    /// A number; none where the field was left empty; a fault at `/name` for anything else.
    pub fn number(&self, name: &str) -> Result<Option<i64>, Fault> {
        self.optional(name)
            .map(|text| {
                text.parse().map_err(|_| {
                    Fault::new(format!("/{name}"), "invalid", "must be a whole number")
                })
            })
            .transpose()
    }

    /// The pairs, for [`super::components::ListUrl`].
    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }
}

/// What was wrong with a form: the field and what to do about it.
#[derive(Debug, Clone, Default)]
pub struct FieldErrors(Vec<(String, String)>);

impl FieldErrors {
    /// From an error: its faults by the first part of their pointer, the member of a conflict, or the whole form.
    pub fn of(error: &Error) -> Self {
        if !error.faults().is_empty() {
            let field = |fault: &Fault| {
                let name = fault.pointer.split('/').nth(1).unwrap_or_default();
                (name.to_owned(), fault.detail.clone())
            };
            return Self(error.faults().iter().map(field).collect());
        }
        let member = error
            .members()
            .iter()
            .find(|(name, _)| *name == "member")
            .and_then(|(_, value)| value.as_str())
            .unwrap_or_default();
        Self(vec![(member.to_owned(), error.detail().to_owned())])
    }

    /// What is wrong with one field, for [`super::components::Field::error`].
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(field, _)| field == name)
            .map(|(_, detail)| detail.as_str())
    }

    /// For [`super::components::Form::errors`]: field and sentence of each.
    pub fn summary(&self) -> Vec<(String, String)> {
        let sentence = |(field, detail): &(String, String)| (field.clone(), said(field, detail));
        self.0.iter().map(sentence).collect()
    }

    /// The sentences alone, for a page without the form.
    pub fn plain(&self) -> Vec<(String, String)> {
        let sentence = |(field, detail): &(String, String)| (String::new(), said(field, detail));
        self.0.iter().map(sentence).collect()
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// `expires_at`, `must be in the future` → `Expires at must be in the future`.
fn said(field: &str, detail: &str) -> String {
    if field.is_empty() || detail.starts_with(char::is_uppercase) {
        return detail.to_owned();
    }
    let mut name = field.replace('_', " ");
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    format!("{name} {detail}")
}

/// A form that a visitor sent from one of our pages.
pub struct Posted {
    /// Who sent it.
    pub visitor: Visitor,
    /// What is in it.
    pub form: FormData,
}

/// A form that somebody signed in sent from one of our pages, whatever they may do.
pub struct ReaderPosted {
    /// Who sent it.
    pub reader: Reader,
    /// What is in it.
    pub form: FormData,
}

/// A form that anybody sent from one of our pages. With a session, its token was right.
pub struct GuestPosted {
    /// Who sent it.
    pub guest: Guest,
    /// What is in it.
    pub form: FormData,
}

impl FromRequest<App> for GuestPosted {
    type Rejection = Response;

    async fn from_request(request: Request, state: &App) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let guest = Guest::from_request_parts(&mut parts, state).await?;
        let refuse = |error: Error| PageError(Arc::new(error)).into_response();
        check_origin(state, &parts.headers).map_err(refuse)?;
        let form = read(&parts.headers, body).await.map_err(refuse)?;
        if let Some(session) = &guest.session {
            cookies::check_csrf(state, session, form.raw("csrf")).map_err(refuse)?;
        }
        Ok(Self { guest, form })
    }
}

impl FromRequest<App> for Posted {
    type Rejection = Response;

    async fn from_request(request: Request, state: &App) -> Result<Self, Response> {
        let GuestPosted { guest, form } = GuestPosted::from_request(request, state).await?;
        Ok(Self {
            visitor: guest.visitor()?,
            form,
        })
    }
}

impl FromRequest<App> for ReaderPosted {
    type Rejection = Response;

    async fn from_request(request: Request, state: &App) -> Result<Self, Response> {
        let GuestPosted { guest, form } = GuestPosted::from_request(request, state).await?;
        Ok(Self {
            reader: guest.reader()?,
            form,
        })
    }
}

/// Refuses what another site's page sent. Browsers say it in `Sec-Fetch-Site` (Fetch Metadata), older ones in `Origin`.
fn check_origin(app: &App, headers: &HeaderMap) -> Result<()> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let is_own = match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => {
            let host = origin.split_once("://").map(|(_, host)| host);
            origin == app.config.server.origin() || (host.is_some() && host == text("host"))
        }
        (None, None) => true,
    };
    if is_own {
        return Ok(());
    }
    Err(Error::new(
        Code::CsrfMismatch,
        "This form was sent from another site. Open the page here and repeat.",
    ))
}

async fn read(headers: &HeaderMap, body: Body) -> Result<FormData> {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if !kind.starts_with("application/x-www-form-urlencoded") {
        return Err(Error::new(
            Code::UnsupportedMediaType,
            "This address takes the form of its page.",
        ));
    }
    match Limited::new(body, BODY_MAX).collect().await {
        Ok(collected) => Ok(FormData::parse(&collected.to_bytes())),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(Error::new(
            Code::BodyTooLarge,
            "The form is larger than a mebibyte.",
        )),
        Err(_) => Err(Error::new(
            Code::MalformedRequest,
            "The form broke off before its end.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_by_name() {
        let form = FormData::parse(b"name=+Ada+&scope=a&scope=b&on=true&n=x&empty=");
        assert_eq!((form.get("name"), form.raw("name")), ("Ada", " Ada "));
        assert_eq!(form.all("scope").collect::<Vec<_>>(), ["a", "b"]);
        assert!(form.checked("on") && !form.checked("off"));
        assert_eq!(form.optional("empty"), None);
        assert_eq!(form.number("n").unwrap_err().pointer, "/n");
        assert_eq!(form.number("empty").unwrap(), None);
    }

    #[test]
    fn faults_find_their_field() {
        let faults = vec![Fault::new(
            "/expires_at",
            "in_the_past",
            "must be in the future",
        )];
        let errors = FieldErrors::of(&Error::invalid(faults));
        assert_eq!(errors.get("expires_at"), Some("must be in the future"));
        assert_eq!(
            errors.summary(),
            [(
                "expires_at".to_owned(),
                "Expires at must be in the future".to_owned()
            )]
        );
        let taken = Error::new(Code::AlreadyExists, "Taken.").with("member", "email");
        assert_eq!(FieldErrors::of(&taken).get("email"), Some("Taken."));
    }
}
