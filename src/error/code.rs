//! The names of faults, each with what it means and the way out.

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
