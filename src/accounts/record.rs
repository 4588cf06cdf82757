//! The row of an account, what is given to make and to change one, and what is wrong with it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as JsonValue;

use crate::columns;
use crate::error::Fault;
use crate::resources::team::Team;
use crate::seats::settings::SeatSettings;
use crate::types::text::{Json, Language, WebUrl, Zone};
use crate::types::{AccountId, Email, Name, Patch, Ref, Timestamp};

/// Highest limit of requests a minute.
const MOST_REQUESTS: i64 = 10_000_000;
/// Longest default term of seats in days: a hundred years.
const MOST_DAYS: i64 = 36_500;

crate::words! {
    /// What the account has subscribed to.
    pub enum AccountPlan {
        /// The usual.
        Standard = "standard",
        /// Large companies.
        Enterprise = "enterprise",
    }
}

crate::words! {
    /// How a seat's assignments end.
    pub enum DefaultExpiry {
        /// They do not.
        Never = "never",
        /// So many days after they began.
        Days = "days",
    }
}

/// A training company: the owner of every other record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Its name, as its people see it.
    pub name: Name,
    /// What it has subscribed to.
    pub plan: AccountPlan,
    /// Its requests a minute, where they differ from the installation's.
    pub requests_per_minute: Option<i64>,
    /// The language for people who have chosen none.
    pub locale: Language,
    /// The time zone for people who have chosen none.
    pub timezone: Zone,
    /// The team for new people who belong to none.
    pub default_team_id: Option<String>,
    /// How it looks and what it does by itself.
    pub settings: Json<AccountSettings>,
    /// Counts the changes.
    #[serde(skip)]
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}
columns!(Account in "accounts": name, plan, requests_per_minute, locale, timezone, settings, default_team_id, version, created_at, updated_at; id = "accounts.account_id");

/// How an account looks and what it does by itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AccountSettings {
    /// How it looks in mails and pages.
    pub brand: Brand,
    /// The terms of seats that are made without any.
    pub default_seat_terms: SeatTerms,
    /// What invitations do by themselves.
    pub invitations: InvitationSettings,
    /// What is done about seats by itself.
    pub seats: SeatSettings,
    /// Whether everything in it is made up.
    pub demo: bool,
}

/// What invitations do by themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct InvitationSettings {
    /// On which days before its end an invitation that is still open is sent once more as a reminder; none: never.
    #[schemars(length(max = 5), inner(range(min = 1, max = 365)))]
    pub reminder_days: Vec<i64>,
}

impl Default for InvitationSettings {
    fn default() -> Self {
        Self {
            reminder_days: vec![3],
        }
    }
}

/// How an account looks in mails and pages.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Brand {
    /// The name it goes by, where that is not the account's own.
    pub name: Option<Name>,
    /// The colour of its buttons, `#` and six hexadecimal digits.
    #[schemars(regex(pattern = "^#[0-9A-Fa-f]{6}$"))]
    pub color: Option<String>,
    /// The address of its logo.
    pub logo_url: Option<WebUrl>,
    /// The postal address at the foot of mails, on one line.
    pub postal_address: Option<Name>,
    /// Where people ask for help.
    pub support_email: Option<Email>,
}

/// The terms of seats.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SeatTerms {
    /// How assignments end.
    pub expiry: DefaultExpiry,
    /// After how many days, where `expiry` is `days`.
    #[schemars(range(min = 1, max = 36_500))]
    pub days: Option<i64>,
    /// Whether a released place can be given again.
    pub reusable: bool,
    /// Whether assignments can be extended.
    pub extendable: bool,
}

impl Default for SeatTerms {
    fn default() -> Self {
        Self {
            expiry: DefaultExpiry::Never,
            days: None,
            reusable: true,
            extendable: true,
        }
    }
}

/// An account to be made. Language and time zone are English and UTC unless given.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// Its name.
    pub name: Name,
    /// What it has subscribed to.
    pub plan: AccountPlan,
    /// The language for people who have chosen none.
    pub locale: Option<Language>,
    /// The time zone for people who have chosen none.
    pub timezone: Option<Zone>,
    /// How it looks and what it does by itself.
    pub settings: AccountSettings,
}

impl NewAccount {
    /// An account of the usual plan.
    pub fn named(name: Name) -> Self {
        Self {
            name,
            plan: AccountPlan::Standard,
            locale: None,
            timezone: None,
            settings: AccountSettings::default(),
        }
    }
}

/// A change of an account: members that are left out stay as they are; `null` empties.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AccountPatch {
    /// Its name.
    pub name: Option<Name>,
    /// The language for people who have chosen none.
    pub locale: Option<Language>,
    /// The time zone for people who have chosen none.
    pub timezone: Option<Zone>,
    /// The team for new people who belong to none.
    pub default_team: Patch<Ref<Team>>,
    /// How it looks, as a whole.
    pub brand: Option<Brand>,
    /// The terms of seats that are made without any, as a whole.
    pub default_seat_terms: Option<SeatTerms>,
    /// What invitations do by themselves, as a whole.
    pub invitations: Option<InvitationSettings>,
    /// What is done about seats by itself, as a whole.
    pub seats: Option<SeatSettings>,
    /// What it has subscribed to; the operator's to change.
    #[serde(skip)]
    pub plan: Option<AccountPlan>,
    /// Its requests a minute; the operator's to change.
    #[serde(skip)]
    pub requests_per_minute: Patch<i64>,
}

impl AccountPatch {
    pub(super) fn apply(&self, account: &mut Account) {
        account.name = self.name.clone().unwrap_or_else(|| account.name.clone());
        account.locale = self
            .locale
            .clone()
            .unwrap_or_else(|| account.locale.clone());
        account.timezone = self
            .timezone
            .clone()
            .unwrap_or_else(|| account.timezone.clone());
        account.plan = self.plan.unwrap_or(account.plan);
        self.requests_per_minute
            .clone()
            .apply(&mut account.requests_per_minute);
        let settings = &mut account.settings.0;
        settings.brand = self.brand.clone().unwrap_or_else(|| settings.brand.clone());
        settings.default_seat_terms = self
            .default_seat_terms
            .clone()
            .unwrap_or_else(|| settings.default_seat_terms.clone());
        settings.invitations = self
            .invitations
            .clone()
            .unwrap_or_else(|| settings.invitations.clone());
        settings.seats = self.seats.clone().unwrap_or_else(|| settings.seats.clone());
    }
}

/// The members that differ, with their values before.
pub(super) fn differences(before: &Account, after: &Account) -> serde_json::Map<String, JsonValue> {
    let members = |account: &Account| {
        serde_json::to_value(account)
            .ok()
            .and_then(|value| value.as_object().cloned())
            .unwrap_or_default()
    };
    let after = members(after);
    members(before)
        .into_iter()
        .filter(|(name, value)| name != "updated_at" && after.get(name) != Some(value))
        .collect()
}

/// What is wrong with an account.
pub(super) fn faults(account: &Account) -> Vec<Fault> {
    let mut faults = Vec::new();
    let Json(AccountSettings {
        brand,
        default_seat_terms: terms,
        invitations,
        ..
    }) = &account.settings;
    let is_color = |color: &str| {
        color
            .strip_prefix('#')
            .is_some_and(|rest| rest.len() == 6 && rest.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    if brand.color.as_deref().is_some_and(|color| !is_color(color)) {
        faults.push(Fault::new(
            "/brand/color",
            "invalid",
            "must be # and six hexadecimal digits, such as #1f6feb",
        ));
    }
    if (terms.expiry == DefaultExpiry::Days) != terms.days.is_some() {
        faults.push(Fault::new(
            "/default_seat_terms/days",
            "invalid",
            "goes together with the expiry «days»: give both or neither",
        ));
    }
    if terms
        .days
        .is_some_and(|days| !(1..=MOST_DAYS).contains(&days))
    {
        faults.push(Fault::new(
            "/default_seat_terms/days",
            "out_of_range",
            format!("must be from 1 to {MOST_DAYS}"),
        ));
    }
    let days = &invitations.reminder_days;
    if days.len() > 5 || days.iter().any(|day| !(1..=365).contains(day)) {
        faults.push(Fault::new(
            "/invitations/reminder_days",
            "out_of_range",
            "must be up to five numbers from 1 to 365",
        ));
    }
    if account
        .requests_per_minute
        .is_some_and(|limit| !(1..=MOST_REQUESTS).contains(&limit))
    {
        faults.push(Fault::new(
            "/requests_per_minute",
            "out_of_range",
            format!("must be from 1 to {MOST_REQUESTS}"),
        ));
    }
    faults
}
