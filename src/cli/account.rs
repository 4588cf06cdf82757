//! `account create | list | set`: the accounts of the installation.

use clap::{Args, Subcommand};
use serde_json::json;

use super::session::{block_on, open};
use super::{CliError, Output};
use crate::accounts::{self, Account, AccountPatch, AccountPlan, InvitationSettings, NewAccount};
use crate::commit::commit;
use crate::config::Config;
use crate::types::text::{Language, Zone};
use crate::types::{Name, Patch, Ref};

/// What to do with accounts.
#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    /// Make an account.
    Create(Facts),
    /// Show all accounts.
    List,
    /// Change an account: what is not given stays as it is.
    Set(Change),
}

/// What may be said of an account.
#[derive(Debug, Args)]
pub struct Facts {
    /// Its name.
    #[arg(long)]
    pub name: Option<String>,
    /// What it has subscribed to.
    #[arg(long, value_parser = ["standard", "enterprise"])]
    pub plan: Option<String>,
    /// Language for people who have chosen none, such as de.
    #[arg(long)]
    pub locale: Option<String>,
    /// Time zone for people who have chosen none, such as Europe/Berlin.
    #[arg(long)]
    pub timezone: Option<String>,
    /// Requests a minute; 0: as the installation's settings say.
    #[arg(long, value_name = "NUMBER")]
    pub requests_per_minute: Option<i64>,
}

/// A change of an account.
#[derive(Debug, Args)]
pub struct Change {
    /// The account, by id or name; not needed where there is only one.
    #[arg(long)]
    pub account: Option<String>,
    #[command(flatten)]
    facts: Facts,
    /// Team for new people who belong to none: its id or ext:KEY; an empty text: none.
    #[arg(long, value_name = "TEAM")]
    pub default_team: Option<String>,
    /// Days before the end on which open invitations are sent once more, such as 3,1; an empty text: never.
    #[arg(long, value_name = "DAYS")]
    pub invitation_reminders: Option<String>,
}

impl Change {
    /// What invitations are to do by themselves, where that is said.
    fn invitations(&self) -> Result<Option<InvitationSettings>, CliError> {
        let Some(text) = self.invitation_reminders.as_deref() else {
            return Ok(None);
        };
        let days = text.split(',').map(str::trim).filter(|day| !day.is_empty());
        let days = days.map(str::parse).collect::<Result<Vec<i64>, _>>();
        let reminder_days =
            days.map_err(|_| wrong("--invitation-reminders", "takes numbers such as 3,1"))?;
        Ok(Some(InvitationSettings { reminder_days }))
    }
}

/// Runs it.
pub fn run(config: Config, command: &AccountCommand) -> Result<Output, CliError> {
    block_on(false, async {
        let app = open(config).await?;
        match command {
            AccountCommand::Create(facts) => {
                let patch = facts.patch()?;
                let name = patch
                    .name
                    .clone()
                    .ok_or_else(|| wrong("--name", "is needed"))?;
                let new = NewAccount {
                    plan: patch.plan.unwrap_or(AccountPlan::Standard),
                    locale: patch.locale.clone(),
                    timezone: patch.timezone.clone(),
                    ..NewAccount::named(name)
                };
                let mut account = accounts::create(&app, &new).await?;
                if patch.requests_per_minute != Patch::Keep {
                    account = set(&app, &account, &patch).await?;
                }
                let text = format!(
                    "Made {}. Make its first owner: b2b-dashboard admin create --account {} --email you@example.com",
                    shown(&account),
                    account.id
                );
                Ok(Output::new(text, json!({ "account": account })))
            }
            AccountCommand::List => {
                let all = accounts::list(&app.db).await?;
                let lines: Vec<String> = all.iter().map(shown).collect();
                let text = if lines.is_empty() {
                    "There is no account yet.".to_owned()
                } else {
                    lines.join("\n")
                };
                Ok(Output::new(text, json!({ "accounts": all })))
            }
            AccountCommand::Set(change) => {
                let account = accounts::choose(&app.db, change.account.as_deref()).await?;
                let mut patch = change.facts.patch()?;
                patch.default_team = match change.default_team.as_deref() {
                    None => Patch::Keep,
                    Some("") => Patch::Clear,
                    Some(team) => Patch::Set(
                        Ref::parse(team).map_err(|fault| wrong("--default-team", &fault))?,
                    ),
                };
                patch.invitations = change.invitations()?;
                let account = set(&app, &account, &patch).await?;
                Ok(Output::new(shown(&account), json!({ "account": account })))
            }
        }
    })
}

async fn set(
    app: &crate::app::App,
    account: &Account,
    patch: &AccountPatch,
) -> Result<Account, CliError> {
    let call = accounts::operator(app, account.id.clone());
    Ok(commit(&app.db, &app.ids, &call, || {
        accounts::set(&app.db, &call, patch)
    })
    .await?
    .value)
}

impl Facts {
    fn patch(&self) -> Result<AccountPatch, CliError> {
        Ok(AccountPatch {
            name: read("--name", self.name.as_deref(), Name::parse)?,
            plan: self.plan.as_deref().and_then(AccountPlan::from_word),
            locale: read("--locale", self.locale.as_deref(), Language::parse)?,
            timezone: read("--timezone", self.timezone.as_deref(), Zone::parse)?,
            requests_per_minute: match self.requests_per_minute {
                None => Patch::Keep,
                Some(0) => Patch::Clear,
                Some(limit) => Patch::Set(limit),
            },
            ..AccountPatch::default()
        })
    }
}

fn shown(account: &Account) -> String {
    let limit = account
        .requests_per_minute
        .map_or_else(String::new, |limit| format!(", {limit} requests a minute"));
    format!(
        "{}  {}  ({}, {}, {}{limit})",
        account.id, account.name, account.plan, account.locale, account.timezone
    )
}

/// Reads an argument; its fault names the argument.
pub(super) fn read<T>(
    argument: &str,
    text: Option<&str>,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<T>, CliError> {
    text.map(parse)
        .transpose()
        .map_err(|fault| wrong(argument, &fault))
}

/// An argument that cannot be used.
pub(super) fn wrong(argument: &str, fault: &str) -> CliError {
    CliError::Usage {
        detail: format!("{argument} {fault}"),
    }
}
