//! What can go wrong, for the whole service: a stable code and a kind sentence for the client, the cause for the log.
//!
//! Nothing here knows of HTTP bodies; `http::problem` turns an [`Error`] into the answer. Each [`Code`] has a page in
//! the documentation, made from the table in `code`.

mod code;
mod constraint;

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;
use serde_json::Value as JsonValue;

pub use code::Code;

use crate::db::DbError;

/// The outcome of nearly everything.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// One thing that is wrong with a body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Fault {
    /// Where, as a JSON Pointer (RFC 6901).
    pub pointer: String,
    /// A stable word for what.
    pub code: Cow<'static, str>,
    /// A sentence that says what, and the way out.
    pub detail: String,
}

impl Fault {
    /// A fault at a place of the body.
    pub fn new(pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            code: code.into(),
            detail: detail.into(),
        }
    }
}

/// A failure: the code and the sentence may be read by the client, the source is for the log alone.
pub struct Error(Box<Inner>);

struct Inner {
    code: Code,
    detail: Cow<'static, str>,
    faults: Vec<Fault>,
    members: Vec<(&'static str, JsonValue)>,
    retry_after: Option<u64>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// A failure with a sentence for the client: what happened, and what to do next.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            code,
            detail: detail.into(),
            faults: Vec::new(),
            members: Vec::new(),
            retry_after: None,
            source: None,
        }))
    }

    /// A body with these faults.
    pub fn invalid(faults: Vec<Fault>) -> Self {
        let detail = match faults.as_slice() {
            [one] if one.pointer.is_empty() => one.detail.clone(),
            [one] => format!("{}: {}", one.pointer, one.detail),
            many => format!("{} members are wrong; see errors.", many.len()),
        };
        let mut error = Self::new(Code::ValidationFailed, detail);
        error.0.faults = faults;
        error
    }

    /// There is no such record in this account.
    pub fn not_found(kind: &str) -> Self {
        Self::new(
            Code::NotFound,
            format!(
                "There is no such {} in this account.",
                kind.replace('_', " ")
            ),
        )
    }

    /// A fault of the program or its surroundings, told to the log only.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        let mut error = Self::new(
            Code::Internal,
            "Something went wrong here. It has been logged under this request id.",
        );
        error.0.source = Some(source.into());
        error
    }

    /// Adds a member that programs can read.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<JsonValue>) -> Self {
        self.0.members.push((name, value.into()));
        self
    }

    /// Says after how many seconds a repeat makes sense.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after = Some(seconds);
        self
    }

    /// Its code.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// Its sentence.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// The faults of the body, when the body is at fault.
    pub fn faults(&self) -> &[Fault] {
        &self.0.faults
    }

    /// Members for programs.
    pub fn members(&self) -> &[(&'static str, JsonValue)] {
        &self.0.members
    }

    /// Seconds after which a repeat makes sense.
    pub fn retry_after_seconds(&self) -> Option<u64> {
        self.0.retry_after
    }

    /// The cause, for the log.
    pub fn cause(&self) -> Option<&(dyn std::error::Error + Send + Sync)> {
        self.0.source.as_deref()
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code.as_str(), self.0.detail)?;
        for fault in &self.0.faults {
            write!(f, "; {} {} {}", fault.pointer, fault.code, fault.detail)?;
        }
        self.0
            .source
            .as_ref()
            .map_or(Ok(()), |source| write!(f, " ({source})"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.detail)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0
            .source
            .as_ref()
            .map(|source| source.as_ref() as &(dyn std::error::Error + 'static))
    }
}

impl From<DbError> for Error {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Unavailable(source) => {
                let mut error = Self::new(Code::Unavailable, "The database cannot be reached at the moment; nothing was acknowledged. Repeat the request.").retry_after(2);
                error.0.source = Some(source);
                error
            }
            DbError::Overloaded => Self::new(
                Code::Unavailable,
                "Too many writes are waiting at the moment. Repeat the request.",
            )
            .retry_after(1),
            DbError::Stale => Self::new(
                Code::Contention,
                "Others changed the same records at the same moment. Repeat the request.",
            )
            .retry_after(1),
            DbError::Constraint { kind, name } => constraint::refusal(kind, &name),
            DbError::Internal(source) => Self::internal(source),
        }
    }
}
