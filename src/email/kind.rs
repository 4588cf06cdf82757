//! The kinds of mail there are, and what the template of each may speak of.
//!
//! Each kind has one struct here: its members are the variables of its templates, its schema is what
//! the settings page lists, its sample is what a preview shows. Times are RFC 3339 texts in a
//! template; the filters `date`, `date_time` and `last_day` (of access that ends then) write them for the reader.

use jiff::Timestamp;
use schemars::{JsonSchema, Schema, schema_for};
use serde::{Deserialize, Serialize};

/// What a mail is for; chooses its templates and its variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TemplateKind {
    /// First mail to a person: who gave access to what, and how to sign in ([`Welcome`]).
    Welcome,
    /// A sign-in link somebody asked for ([`SignInLink`]).
    SignInLink,
    /// A link to choose a new password ([`SetPassword`]).
    SetPassword,
    /// An offer to join a team ([`Invitation`]).
    Invitation,
    /// A join by a link, whose address is to be confirmed ([`JoinConfirmation`]).
    JoinConfirmation,
    /// A seat was given to somebody who already has an account ([`SeatAssigned`]).
    SeatAssigned,
    /// A wait for a seat has ended ([`WaitlistPromoted`]).
    WaitlistPromoted,
    /// Access ends soon ([`SeatExpiring`]).
    SeatExpiring,
    /// Somebody of the reader's team asks for a seat ([`SeatRequested`]).
    SeatRequested,
    /// A request for a seat was decided ([`SeatRequestDecided`]).
    SeatRequestDecided,
    /// A place goes back because it is not used ([`SeatIdle`]).
    SeatIdle,
    /// A notice in free words, such as a webhook that was switched off ([`AccountNotice`]).
    AccountNotice,
}

impl TemplateKind {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::Welcome,
        Self::SignInLink,
        Self::SetPassword,
        Self::Invitation,
        Self::JoinConfirmation,
        Self::SeatAssigned,
        Self::WaitlistPromoted,
        Self::SeatExpiring,
        Self::SeatRequested,
        Self::SeatRequestDecided,
        Self::SeatIdle,
        Self::AccountNotice,
    ];

    /// The name in files, rows and the API, such as `seat_assigned`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Welcome => "welcome",
            Self::SignInLink => "sign_in_link",
            Self::SetPassword => "set_password",
            Self::Invitation => "invitation",
            Self::JoinConfirmation => "join_confirmation",
            Self::SeatAssigned => "seat_assigned",
            Self::WaitlistPromoted => "waitlist_promoted",
            Self::SeatExpiring => "seat_expiring",
            Self::SeatRequested => "seat_requested",
            Self::SeatRequestDecided => "seat_request_decided",
            Self::SeatIdle => "seat_idle",
            Self::AccountNotice => "account_notice",
        }
    }

    /// The kind of that name, if there is one.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The JSON Schema of this kind's variables, each with a sentence.
    pub fn schema(self) -> Schema {
        match self {
            Self::Welcome => schema_for!(Welcome),
            Self::SignInLink => schema_for!(SignInLink),
            Self::SetPassword => schema_for!(SetPassword),
            Self::Invitation => schema_for!(Invitation),
            Self::JoinConfirmation => schema_for!(JoinConfirmation),
            Self::SeatAssigned => schema_for!(SeatAssigned),
            Self::WaitlistPromoted => schema_for!(WaitlistPromoted),
            Self::SeatExpiring => schema_for!(SeatExpiring),
            Self::SeatRequested => schema_for!(SeatRequested),
            Self::SeatRequestDecided => schema_for!(SeatRequestDecided),
            Self::SeatIdle => schema_for!(SeatIdle),
            Self::AccountNotice => schema_for!(AccountNotice),
        }
    }
}

/// The look and sender of every mail: the account's, or its organization's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Brand {
    /// Name of the account or organization, shown at the head and foot.
    pub name: String,
    /// `https` address of a logo, shown 40 pixels high instead of the name.
    pub logo_url: Option<String>,
    /// Colour of buttons and links as `#rrggbb`; anything else becomes the default blue.
    pub color: String,
    /// Postal address of the sender, which some countries demand in a mail.
    pub postal_address: Option<String>,
    /// Where a reader may ask, as an e-mail address.
    pub support_email: Option<String>,
}

/// Who reads the mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Recipient {
    /// Full name; the e-mail address where none is known.
    pub name: String,
    /// First name, where known.
    pub first_name: Option<String>,
    /// E-mail address.
    pub email: String,
}

/// Variables every kind has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Common {
    /// Look and sender.
    pub brand: Brand,
    /// Reader.
    pub recipient: Recipient,
    /// The sign-in page, where a new link can be asked for.
    pub sign_in_url: String,
    /// The reader's IANA time zone, such as `Europe/Berlin`; UTC where unknown.
    pub time_zone: String,
}

/// A product somebody gets, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Access {
    /// Name of the product.
    pub name: String,
    /// Names of its courses, where they say more than the product's name; else empty.
    pub courses: Vec<String>,
    /// When access ends; absent: no end date.
    #[schemars(with = "Option<String>")]
    pub ends_at: Option<Timestamp>,
}

/// Variables of [`TemplateKind::Welcome`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Welcome {
    /// What every mail has.
    #[serde(flatten)]
    pub common: Common,
    /// Organization that gives access, where the person belongs to one.
    pub organization: Option<String>,
    /// Person who gave access, where it was one.
    pub inviter: Option<String>,
    /// Team the person is in, where there is one.
    pub team: Option<String>,
    /// What the person gets.
    pub products: Vec<Access>,
    /// Single-use sign-in link.
    pub link: String,
    /// When the link ends.
    #[schemars(with = "String")]
    pub link_expires_at: Timestamp,
}

/// Variables of [`TemplateKind::SignInLink`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignInLink {
    /// What every mail has.
    #[serde(flatten)]
    pub common: Common,
    /// Single-use sign-in link.
    pub link: String,
    /// When the link ends.
    #[schemars(with = "String")]
    pub link_expires_at: Timestamp,
}

/// Variables of [`TemplateKind::SetPassword`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SetPassword {
    /// What every mail has.
    #[serde(flatten)]
    pub common: Common,
    /// Single-use link to the page where the password is chosen.
    pub link: String,
    /// When the link ends.
    #[schemars(with = "String")]
    pub link_expires_at: Timestamp,
}

/// Variables of [`TemplateKind::Invitation`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Invitation {
    /// What every mail has.
    #[serde(flatten)]
    pub common: Common,
    /// Team to join.
    pub team: String,
    /// Organization of the team, where there is one.
    pub organization: Option<String>,
    /// Person who invites, where it was one.
    pub inviter: Option<String>,
    /// Name of the role offered, such as `manager`.
    pub role: String,
    /// What comes with the membership; may be empty.
    pub products: Vec<Access>,
    /// Whether it is sent once more, because it ends soon.
    pub reminder: bool,
    /// Link to the page where the invitation is accepted or declined.
    pub link: String,
    /// When the invitation ends.
    #[schemars(with = "String")]
    pub link_expires_at: Timestamp,
}

/// Variables of [`TemplateKind::JoinConfirmation`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JoinConfirmation {
    /// What every mail has.
    #[serde(flatten)]
    pub common: Common,
    /// Team to join.
    pub team: String,
    /// Organization of the team, where there is one.
    pub organization: Option<String>,
    /// What comes with the membership; may be empty.
    pub products: Vec<Access>,
    /// Link to the page where the join is confirmed.
    pub link: String,
    /// When the link ends.
    #[schemars(with = "String")]
    pub link_expires_at: Timestamp,
}

/// Variables of [`TemplateKind::SeatAssigned`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SeatAssigned {
    /// What every mail has.
    #[serde(flatten)]
    pub common: Common,
    /// Team that holds the seat, where there is one.
    pub team: Option<String>,
    /// Person who gave the seat, where it was one.
    pub assigned_by: Option<String>,
    /// What the person gets.
    pub products: Vec<Access>,
    /// The page with the person's courses.
    pub courses_url: String,
}

/// Variables of [`TemplateKind::WaitlistPromoted`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WaitlistPromoted {
    /// What every mail has.
    #[serde(flatten)]
    pub common: Common,
    /// Team that holds the seat, where there is one.
    pub team: Option<String>,
    /// What the person waited for.
    pub products: Vec<Access>,
    /// The page with the person's courses.
    pub courses_url: String,
}

/// Variables of [`TemplateKind::SeatExpiring`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SeatExpiring {
    /// What every mail has.
    #[serde(flatten)]
    pub common: Common,
    /// Team that holds the seat, where there is one.
    pub team: Option<String>,
    /// Name of the product.
    pub product: String,
    /// When access ends.
    #[schemars(with = "String")]
    pub ends_at: Timestamp,
    /// Days left, to the nearest; 0 in the last hours.
    pub days_left: u32,
    /// The page with the person's courses.
    pub courses_url: String,
}

/// Variables of [`TemplateKind::SeatRequested`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SeatRequested {
    /// What every mail has.
    #[serde(flatten)]
    pub common: Common,
    /// Team whose seat it would be, where there is one.
    pub team: Option<String>,
    /// Person who asks.
    pub person: String,
    /// Name of the product.
    pub product: String,
    /// What the person says about it, where they say something.
    pub note: Option<String>,
    /// The page on which requests are decided.
    pub requests_url: String,
}

/// Variables of [`TemplateKind::SeatRequestDecided`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SeatRequestDecided {
    /// What every mail has.
    #[serde(flatten)]
    pub common: Common,
    /// Team whose seat it is, where there is one.
    pub team: Option<String>,
    /// Name of the product.
    pub product: String,
    /// Whether the request was approved.
    pub approved: bool,
    /// Whether no seat was free, so that the person waits in line for one.
    pub waiting: bool,
    /// When access ends; absent: no end date.
    #[schemars(with = "Option<String>")]
    pub ends_at: Option<Timestamp>,
    /// Why it was declined, where that is said.
    pub reason: Option<String>,
    /// The page with the person's courses.
    pub courses_url: String,
}

/// Variables of [`TemplateKind::SeatIdle`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SeatIdle {
    /// What every mail has.
    #[serde(flatten)]
    pub common: Common,
    /// Team that holds the seat, where there is one.
    pub team: Option<String>,
    /// Name of the product.
    pub product: String,
    /// Days since the last activity.
    pub idle_days: u32,
    /// When the place goes back.
    #[schemars(with = "String")]
    pub reclaim_at: Timestamp,
    /// The page with the person's courses.
    pub courses_url: String,
}

/// A button of an [`AccountNotice`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Button {
    /// What it says.
    pub label: String,
    /// Where it leads.
    pub url: String,
}

/// Variables of [`TemplateKind::AccountNotice`]. Its words come in the reader's language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountNotice {
    /// What every mail has.
    #[serde(flatten)]
    pub common: Common,
    /// Subject and heading.
    pub heading: String,
    /// What happened and what to do, one text for each paragraph.
    pub paragraphs: Vec<String>,
    /// The one thing to do, where there is one.
    pub button: Option<Button>,
}
