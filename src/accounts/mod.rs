//! Accounts: the training companies of this installation, one or many.
//!
//! Only the operator makes them. The first one is made at the first start, by one node alone: whichever writes the name
//! `first_account` into the installation's settings together with the account.

mod record;

pub use record::{
    Account, AccountPatch, AccountPlan, AccountSettings, Brand, DefaultExpiry, NewAccount,
    SeatTerms,
};
use record::{differences, faults};

use crate::access::{Call, Permission};
use crate::app::App;
use crate::commit::commit;
use crate::db::{Db, Scan, Select, Statement};
use crate::error::{Code, Error, Result};
use crate::events::{Event, Plan};
use crate::params;
use crate::resource::{Reference, resolve};
use crate::types::text::{Json, Language, Zone};
use crate::types::{AccountId, Patch};

/// The name of the account made at the first start, where no other is given.
pub const FIRST_NAME: &str = "My company";

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
            let refs =
                resolve(db, &call.caller, vec![Reference::to("/default_team", team)]).await?;
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
