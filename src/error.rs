//! What can go wrong, for the whole service: a stable code and a kind sentence for the client, the cause for the log.
//!
//! Nothing here knows of HTTP bodies; `http::problem` turns an [`Error`] into the answer. Each [`Code`] has a page in
//! the documentation, made from the table below.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;
use serde_json::Value as JsonValue;

use crate::db::{ConstraintKind, DbError};

/// The outcome of nearly everything.
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $code:literal, $status:literal, $title:literal;)+) => {
        /// A stable name of a fault, the same for ever.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[doc = $doc])+ $variant),+ }

        impl Code {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its name in `snake_case`.
            pub const fn as_str(self) -> &'static str { match self { $(Self::$variant => $code),+ } }

            /// The HTTP status that goes with it.
            pub const fn status(self) -> u16 { match self { $(Self::$variant => $status),+ } }

            /// A short summary that is the same at every occurrence.
            pub const fn title(self) -> &'static str { match self { $(Self::$variant => $title),+ } }

            /// What it means and what to do about it.
            pub const fn explanation(self) -> &'static str { match self { $(Self::$variant => concat!($($doc),+)),+ } }
        }
    };
}

codes! {
    /// The request could not be read: the JSON is broken, or a header has a form that cannot be understood. Send it again, corrected.
    MalformedRequest = "malformed_request", 400, "The request cannot be read";
    /// A query parameter is unknown or has a value that this endpoint does not take. The answer names those that are allowed.
    InvalidParameter = "invalid_parameter", 400, "A query parameter is not allowed";
    /// The cursor was made for another list, filter, sort or account. Begin again without a cursor.
    CursorMismatch = "cursor_mismatch", 400, "The cursor does not fit this list";
    /// The key was sent in the address. Addresses are logged and shared: send the key in the Authorization header, and replace it, since it may have been seen.
    KeyInQuery = "key_in_query", 400, "API keys do not belong in addresses";
    /// The request has no API key. Send it as `Authorization: Bearer <key>`; keys are made in Settings > API.
    KeyMissing = "key_missing", 401, "An API key is missing";
    /// The text in the Authorization header is not an API key: a character is missing, added or mistyped.
    KeyMalformed = "key_malformed", 401, "The API key is mistyped";
    /// No such API key exists here.
    KeyUnknown = "key_unknown", 401, "The API key is unknown";
    /// The API key's time has ended. Make a new one or rotate it in Settings > API.
    KeyExpired = "key_expired", 401, "The API key has expired";
    /// The API key has been revoked.
    KeyRevoked = "key_revoked", 401, "The API key has been revoked";
    /// Nobody is signed in, or the session has ended.
    SignInRequired = "sign_in_required", 401, "Sign in first";
    /// The address or the password is wrong.
    SignInFailed = "sign_in_failed", 401, "Address or password is wrong";
    /// The key may be used from listed addresses only, and the request came from another.
    IpNotAllowed = "ip_not_allowed", 403, "The key may not be used from this address";
    /// The key lacks the scope that the operation needs; `required` and `granted` tell which.
    InsufficientScope = "insufficient_scope", 403, "The key lacks a scope";
    /// The person's roles do not allow this.
    Forbidden = "forbidden", 403, "Not allowed";
    /// A role or a key would give more than the caller holds; `missing` tells what. Nobody grants what they do not hold.
    GrantExceedsRights = "grant_exceeds_rights", 403, "More than the caller holds";
    /// The form was not sent from a page of this session. Load the page again and repeat.
    CsrfMismatch = "csrf_mismatch", 403, "The form has expired";
    /// There is no such address in this API.
    RouteNotFound = "route_not_found", 404, "No such address";
    /// There is no such record in this account.
    NotFound = "not_found", 404, "Not found";
    /// The strategy `specific` names a team that does not exist within reach. Create it first, or use the strategy `auto` or `create`.
    TeamNotFound = "team_not_found", 404, "No such team";
    /// The address exists, but not for this method; the Allow header lists those it takes.
    MethodNotAllowed = "method_not_allowed", 405, "Wrong method";
    /// The answer is JSON; the Accept header asks for something else only.
    NotAcceptable = "not_acceptable", 406, "Not available in that form";
    /// Another record of this account already has this value, which must be unique. The answer names the member.
    AlreadyExists = "already_exists", 409, "The value is already taken";
    /// The record is still referred to by others; the answer names what does.
    InUse = "in_use", 409, "Still in use";
    /// The id, the external id and the e-mail of a person belong to different people. The answer gives both.
    IdentityConflict = "identity_conflict", 409, "The identifiers belong to different people";
    /// Somebody else's team has this name. Join it with `"on_existing": "use"`, or give another name.
    TeamNameTaken = "team_name_taken", 409, "The team's name is taken";
    /// Not enough free seats. Add some with `quantity`, wait with `"if_full": "waitlist"`, or grow with `"if_full": "grow"`.
    SeatsExhausted = "seats_exhausted", 409, "No free seat";
    /// The quantity would be lower than what is in use. Say with `on_shortfall` what is to happen.
    QuantityBelowUsage = "quantity_below_usage", 409, "More places are in use";
    /// Those who pay have too few credits; nothing was taken. `missing` tells how many, `payers` who has how much. Add credits, or buy less.
    InsufficientCredits = "insufficient_credits", 409, "Not enough credits";
    /// The reference was used before for something else; `differences` tells what. A repeat must say the same; a new thing needs a new reference.
    ReferenceReused = "reference_reused", 409, "The reference belongs to something else";
    /// The order is paid, but its places could not be given; it stays paid, with the reason, until it is fulfilled or refunded. Put right what is named, then fulfil it again.
    FulfilmentFailed = "fulfilment_failed", 409, "Paid, but not fulfilled";
    /// The hold's time ended before it was confirmed, and its places were given back. Make a new hold.
    HoldLapsed = "hold_lapsed", 409, "The hold has lapsed";
    /// The organization would come to stand below itself. Move the lower one out first.
    OrganizationCycle = "organization_cycle", 409, "An organization cannot stand below itself";
    /// The tree of organizations would get more than eight levels. Choose a place further up.
    OrganizationTooDeep = "organization_too_deep", 409, "The tree is too deep";
    /// The record is not in a state in which this can be done.
    StateConflict = "state_conflict", 409, "Not possible in this state";
    /// The link for self-enrolment has been paused. Ask those who gave it to you, or set `paused` to false.
    LinkPaused = "link_paused", 409, "The link is paused";
    /// The link for self-enrolment is not open yet; `starts_at` tells from when on it is.
    LinkNotStarted = "link_not_started", 409, "The link is not open yet";
    /// The time of the link for self-enrolment is over. Ask for a new one, or give it a later `expires_at`.
    LinkExpired = "link_expired", 409, "The link has expired";
    /// The link for self-enrolment has been used as often as it may be. Ask for a new one, or give it more `max_uses`.
    LinkUsedUp = "link_used_up", 409, "The link is used up";
    /// The link for self-enrolment takes addresses of certain domains only; `allowed_domains` tells which.
    DomainNotAllowed = "domain_not_allowed", 409, "Addresses of this domain are not taken";
    /// The last owner cannot leave or be demoted. Make somebody else an owner first.
    LastOwner = "last_owner", 409, "The last owner must stay";
    /// A request with the same Idempotency-Key is still running. Ask again in a second.
    IdempotencyInProgress = "idempotency_in_progress", 409, "The same request is still running";
    /// Others changed the same records at the same moment, several times over. Send the request again.
    Contention = "contention", 409, "Too many changes at once";
    /// The record has changed since the version given in If-Match. Read it again and decide anew.
    PreconditionFailed = "precondition_failed", 412, "The record has changed";
    /// The body is larger than this endpoint takes.
    BodyTooLarge = "body_too_large", 413, "The body is too large";
    /// The body must be JSON: send Content-Type: application/json.
    UnsupportedMediaType = "unsupported_media_type", 415, "The body is not JSON";
    /// The body is readable, but some members are wrong; `errors` lists every one of them.
    ValidationFailed = "validation_failed", 422, "Some members are wrong";
    /// The strategy `first` found no team: the person is in none, and no default team for new people is set. Set one in the organization or the account, or use another strategy.
    NoTeam = "no_team", 422, "No team to join";
    /// The Idempotency-Key was used for a different request. Use a new key for a new request.
    IdempotencyKeyReused = "idempotency_key_reused", 422, "The idempotency key belongs to another request";
    /// The limit of requests is used up. Wait for the seconds in Retry-After.
    RateLimited = "rate_limited", 429, "Too many requests";
    /// An invitation may be sent again once a minute. Wait for the seconds in Retry-After.
    ResendTooSoon = "resend_too_soon", 429, "The invitation has just been sent";
    /// The key has ten streams open on this node. Close one, or read one stream for all.
    TooManyStreams = "too_many_streams", 429, "Too many streams";
    /// Something went wrong here. It has been logged under the request id; repeating is safe with an Idempotency-Key.
    Internal = "internal_error", 500, "Something went wrong here";
    /// The database is not reachable or overloaded at the moment; nothing was changed. Repeat after the seconds in Retry-After.
    Unavailable = "unavailable", 503, "Temporarily unavailable";
}

impl Code {
    /// Whether the same request may succeed later without a change.
    pub const fn is_retryable(self) -> bool {
        matches!(
            self,
            Self::IdempotencyInProgress
                | Self::Contention
                | Self::RateLimited
                | Self::ResendTooSoon
                | Self::Internal
                | Self::Unavailable
        )
    }
}

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

/// What a named constraint of the schema means to a client: the member at fault and the sentence.
const CONSTRAINTS: &[(&str, &str, &str)] = &[
    (
        "users_email",
        "email",
        "A person with this e-mail address already exists.",
    ),
    (
        "users_external_id",
        "external_id",
        "A person with this external_id already exists.",
    ),
    (
        "teams_name",
        "name",
        "A team of this name already exists in the organization.",
    ),
    (
        "teams_external_id",
        "external_id",
        "A team with this external_id already exists.",
    ),
    (
        "organizations_external_id",
        "external_id",
        "An organization with this external_id already exists.",
    ),
    (
        "courses_external_id",
        "external_id",
        "A course with this external_id already exists.",
    ),
    (
        "courses_slug",
        "slug",
        "A course with this slug already exists.",
    ),
    (
        "products_external_id",
        "external_id",
        "A product with this external_id already exists.",
    ),
    (
        "seats_external_id",
        "external_id",
        "A seat with this external_id already exists.",
    ),
    (
        "seat_templates_external_id",
        "external_id",
        "A seat template with this external_id already exists.",
    ),
    (
        "enrollments_external_id",
        "external_id",
        "An enrollment with this external_id already exists.",
    ),
    (
        "enrollments_one",
        "course",
        "The person has an enrollment in this course from this source already: change that one.",
    ),
    (
        "catalog_items_external_id",
        "external_id",
        "A catalog item with this external_id already exists.",
    ),
    (
        "orders_external_id",
        "external_id",
        "An order with this external_id already exists.",
    ),
    (
        "seat_teams_one_live",
        "teams",
        "One of the teams already has a live seat of this product: add to that one.",
    ),
    (
        "team_members_pkey",
        "user",
        "The person is already a member of the team.",
    ),
    (
        "invitations_one_open",
        "email",
        "An invitation of this person to this team is open already: resend it, or revoke it first.",
    ),
    (
        "links_external_id",
        "external_id",
        "A link with this external_id already exists.",
    ),
    (
        "link_slugs_pkey",
        "slug",
        "A link with this slug already exists. Choose another, or leave it out for one that nobody guesses.",
    ),
    (
        "custom_roles_name",
        "name",
        "A role of this name and kind already exists.",
    ),
    (
        "custom_roles_external_id",
        "external_id",
        "A role with this external_id already exists.",
    ),
    (
        "domain_claims_domain",
        "domain",
        "The domain is claimed already in this account. Change or release that claim instead.",
    ),
    (
        "groups_external_id",
        "external_id",
        "A group with this external_id already exists.",
    ),
    (
        "groups_lms_group",
        "lms_group_id",
        "Another group has this lms_group_id already.",
    ),
    (
        "group_teams_once",
        "team",
        "The team is mapped to this group already.",
    ),
    (
        "organization_members_pkey",
        "user",
        "The person looks after this organization already.",
    ),
];

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
            DbError::Constraint { kind, name } => constraint_error(kind, &name),
            DbError::Internal(source) => Self::internal(source),
        }
    }
}

fn constraint_error(kind: ConstraintKind, name: &str) -> Error {
    if let Some((_, member, detail)) = CONSTRAINTS.iter().find(|(known, ..)| *known == name) {
        return Error::new(Code::AlreadyExists, *detail).with("member", *member);
    }
    match kind {
        ConstraintKind::ForeignKey => Error::new(
            Code::InUse,
            "A record that this refers to is not there any more, or this one is still referred to.",
        )
        .with("constraint", name),
        ConstraintKind::Unique => Error::new(
            Code::Contention,
            "Others made the same record at the same moment. Repeat the request.",
        )
        .retry_after(1),
        ConstraintKind::Check | ConstraintKind::NotNull => Error::internal(format!(
            "constraint {name} refused a write that should have been checked before"
        )),
    }
}
