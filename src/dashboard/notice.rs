//! What one request has to say on the page that follows it: one sentence in a signed cookie that lasts a minute.

use serde::{Deserialize, Serialize};

use super::components::Flash;
use crate::access::signed;
use crate::app::App;
use crate::types::Timestamp;

/// The cookie's name.
pub(super) const COOKIE: &str = "b2b_notice";
/// Seconds for which it is good.
const LIFETIME: i64 = 60;
/// Part of what is signed.
const PURPOSE: &str = "notice";

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Kind {
    Success,
    Warning,
    Error,
}

/// A sentence about what was done, for [`super::door::Visitor::redirect_with`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    kind: Kind,
    text: String,
    link: Option<(String, String)>,
    until: i64,
}

impl Notice {
    fn make(kind: Kind, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
            link: None,
            until: 0,
        }
    }

    /// Something was done.
    pub fn success(text: impl Into<String>) -> Self {
        Self::make(Kind::Success, text)
    }

    /// Something was done, with a reservation.
    pub fn warning(text: impl Into<String>) -> Self {
        Self::make(Kind::Warning, text)
    }

    /// Something was not done.
    pub fn error(text: impl Into<String>) -> Self {
        Self::make(Kind::Error, text)
    }

    /// A link after the sentence, such as «View».
    #[must_use]
    pub fn link(mut self, label: impl Into<String>, href: impl Into<String>) -> Self {
        self.link = Some((label.into(), href.into()));
        self
    }

    /// As the page shows it.
    pub fn flash(self) -> Flash {
        let flash = match self.kind {
            Kind::Success => Flash::success(self.text),
            Kind::Warning => Flash::warning(self.text),
            Kind::Error => Flash::error(self.text),
        };
        match self.link {
            Some((label, href)) => flash.link(label, href),
            None => flash,
        }
    }

    /// The `Set-Cookie` header that carries it to the next page.
    pub fn cookie(mut self, app: &App, now: Timestamp) -> String {
        self.until = now.plus_seconds(LIFETIME).micros();
        let payload = serde_json::to_string(&self).unwrap_or_default();
        let value = signed::sign(&app.keys.csrf, PURPOSE, &payload);
        set(app, &value, LIFETIME)
    }

    /// What a `Cookie` header carries.
    pub(super) fn read(app: &App, header: &str, now: Timestamp) -> Option<Self> {
        let (_, value) = header
            .split(';')
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(name, _)| *name == COOKIE)?;
        let payload = signed::open(&app.keys.csrf, PURPOSE, value)?;
        let notice: Self = serde_json::from_str(&payload).ok()?;
        (notice.until > now.micros()).then_some(notice)
    }
}

/// The `Set-Cookie` header that takes it away again.
pub(super) fn cleared(app: &App) -> String {
    set(app, "", 0)
}

fn set(app: &App, value: &str, age: i64) -> String {
    let secure = if app.config.server.origin().starts_with("https://") {
        "; Secure"
    } else {
        ""
    };
    format!("{COOKIE}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{secure}")
}
