//! Accounts: the training companies of this installation, one or many.
//!
//! Only the operator makes them. The first one is made at the first start, by one node alone: whichever writes the name
//! `first_account` into the installation's settings together with the account.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as JsonValue;

use crate::access::{Call, Permission};
use crate::app::App;
use crate::columns;
use crate::commit::commit;
use crate::db::{Db, Scan, Select, Statement};
use crate::error::{Code, Error, Fault, Result};
use crate::events::{Event, Plan};
use crate::params;
use crate::resource::{Reference, resolve};
use crate::resources::team::Team;
use crate::types::text::{Json, Language, WebUrl, Zone};
use crate::types::{AccountId, Email, Name, Patch, Ref, Timestamp};

/// The name of the account made at the first start, where no other is given.
pub const FIRST_NAME: &str = "My company";

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
    /// Whether everything in it is made up.
    pub demo: bool,
}

/// How an account looks in mails and pages.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Brand {
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
    /// What it has subscribed to; the operator's to change.
    #[serde(skip)]
    pub plan: Option<AccountPlan>,
    /// Its requests a minute; the operator's to change.
    #[serde(skip)]
    pub requests_per_minute: Patch<i64>,
}

/// The account with this id.
pub async fn find(db: &Db, account: &AccountId) -> Result<Account> {
    let select = Select::rows::<Account>("WHERE accounts.account_id = $1", Vec::new());
    db.first(account, select)
        .await?
        .ok_or_else(|| Error::not_found("account"))
}

/// All accounts, by name.
pub async fn list(db: &Db) -> Result<Vec<Account>> {
    let mut accounts = Vec::new();
    for (id,) in db.scan::<(AccountId,)>(Scan::Accounts, Vec::new()).await? {
        accounts.push(find(db, &id).await?);
    }
    Ok(accounts)
}

/// Makes an account, by the operator.
pub async fn create(app: &App, new: &NewAccount) -> Result<Account> {
    let call = operator(app, app.ids.next(app.clock.now()));
    let done = commit(&app.db, &app.ids, &call, || async {
        let account = make(&call, new)?;
        Ok((creation(&account), account))
    });
    Ok(done.await?.value)
}

/// Makes the first account if there is none; `None` when there is one already. Of several nodes that start at once, one
/// makes it.
pub async fn create_first(app: &App, new: &NewAccount) -> Result<Option<Account>> {
    let call = operator(app, app.ids.next(app.clock.now()));
    let done = commit(&app.db, &app.ids, &call, || async {
        if !app
            .db
            .scan::<(AccountId,)>(Scan::Accounts, Vec::new())
            .await?
            .is_empty()
        {
            return Ok((Plan::new("account.create"), None));
        }
        let account = make(&call, new)?;
        let mut plan = creation(&account);
        let claim = "INSERT INTO installation_settings (name, value) VALUES ('first_account', $2)";
        plan.write(Statement::new(claim, params![account.id]));
        Ok((plan, Some(account)))
    });
    Ok(done.await?.value)
}

/// Plans a change. Needs `settings:write`; the plan is empty when nothing differs.
pub async fn set(db: &Db, call: &Call, patch: &AccountPatch) -> Result<(Plan, Account)> {
    call.caller.require(Permission::SettingsWrite)?;
    call.caller.require_account()?;
    let before = find(db, call.account()).await?;
    let mut after = before.clone();
    match &patch.default_team {
        Patch::Keep => {}
        Patch::Clear => after.default_team_id = None,
        Patch::Set(team) => {
            let refs = resolve(
                db,
                call.account(),
                vec![Reference::to("/default_team", team)],
            )
            .await?;
            after.default_team_id = Some(refs.id(team)?.to_string());
        }
    }
    patch.apply(&mut after);
    after.updated_at = call.now;
    let faults = faults(&after);
    if !faults.is_empty() {
        return Err(Error::invalid(faults));
    }
    let mut plan = Plan::new("account.update");
    let previous = differences(&before, &after);
    if previous.is_empty() {
        return Ok((plan, before));
    }
    plan.write(Statement::guarded(
        "UPDATE accounts SET name = $2, plan = $3, requests_per_minute = $4, locale = $5, timezone = $6, settings = $7, default_team_id = $8, \
         updated_at = $9, version = version + 1 WHERE account_id = $1 AND version = $10",
        params![
            after.name,
            after.plan,
            after.requests_per_minute,
            after.locale,
            after.timezone,
            after.settings,
            after.default_team_id,
            call.now,
            before.version
        ],
    ));
    after.version += 1;
    plan.event(event("account.updated", &after).previous(previous.into()));
    Ok((plan, after))
}

/// The one account with this id or name, for the operator's commands; without either, the only one there is.
pub async fn choose(db: &Db, wanted: Option<&str>) -> Result<Account> {
    let mut accounts = list(db).await?;
    if let Some(wanted) = wanted {
        accounts.retain(|account| account.id.as_str() == wanted || account.name.as_str() == wanted);
    }
    let names = accounts
        .iter()
        .map(|account| format!("{} ({})", account.id, account.name))
        .collect::<Vec<_>>()
        .join(", ");
    match (accounts.pop(), accounts.is_empty(), wanted) {
        (Some(account), true, _) => Ok(account),
        (Some(_), false, _) => Err(Error::new(
            Code::StateConflict,
            format!("Several accounts are meant: name one by its id: {names}."),
        )),
        (None, _, Some(wanted)) => Err(Error::new(
            Code::NotFound,
            format!("There is no account with the id or name {wanted}."),
        )),
        (None, _, None) => Err(Error::new(
            Code::NotFound,
            "There is no account yet. Make one: b2b-dashboard account create --name NAME",
        )),
    }
}

/// A call of the operator's command line.
pub fn operator(app: &App, account: AccountId) -> Call {
    Call::system(account, "operator", app.clock.now())
}

impl AccountPatch {
    fn apply(&self, account: &mut Account) {
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
    }
}

fn make(call: &Call, new: &NewAccount) -> Result<Account> {
    let language = |text| Language::parse(text).map_err(Error::internal);
    let account = Account {
        id: call.account().clone(),
        name: new.name.clone(),
        plan: new.plan,
        requests_per_minute: None,
        locale: new.locale.clone().map_or_else(|| language("en"), Ok)?,
        timezone: new
            .timezone
            .clone()
            .map_or_else(|| Zone::parse("UTC").map_err(Error::internal), Ok)?,
        default_team_id: None,
        settings: Json(new.settings.clone()),
        version: 1,
        created_at: call.now,
        updated_at: call.now,
    };
    let faults = faults(&account);
    if faults.is_empty() {
        Ok(account)
    } else {
        Err(Error::invalid(faults))
    }
}

fn creation(account: &Account) -> Plan {
    let mut plan = Plan::new("account.create");
    plan.write(Statement::insert(account));
    plan.event(event("account.created", account));
    plan
}

fn event(kind: &str, account: &Account) -> Event {
    Event::new(
        kind,
        &account.id,
        serde_json::to_value(account).unwrap_or_default(),
    )
}

fn differences(before: &Account, after: &Account) -> serde_json::Map<String, JsonValue> {
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

fn faults(account: &Account) -> Vec<Fault> {
    let mut faults = Vec::new();
    let Json(AccountSettings {
        brand,
        default_seat_terms: terms,
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
