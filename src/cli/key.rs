//! `key create | list | revoke`: API keys, for the first one and for an emergency.

use clap::{Args, Subcommand};
use serde_json::json;

use super::account::wrong;
use super::session::{block_on, open};
use super::{CliError, Output};
use crate::access::Permission;
use crate::access::api_keys::{
    self, ApiKey, ApiKeyId, Network, NewApiKey, Preset, ScopeChoice, ShownApiKey,
};
use crate::accounts;
use crate::app::App;
use crate::commit::commit;
use crate::config::Config;
use crate::types::{Name, Timestamp};

/// What to do with API keys.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make a key and print it, once.
    Create(Create),
    /// Show the keys, without their secrets.
    List {
        /// The account, by id or name; not needed where there is only one.
        #[arg(long)]
        account: Option<String>,
    },
    /// End a key for good.
    Revoke(Revoke),
}

/// A key to be made.
#[derive(Debug, Args)]
pub struct Create {
    /// The account, by id or name; not needed where there is only one.
    #[arg(long)]
    pub account: Option<String>,
    /// What the key is for.
    #[arg(long)]
    pub name: String,
    /// `full`, `read_only`, `provisioning`, or scopes such as `users:read,seats:assign`.
    #[arg(long, value_name = "SCOPES")]
    pub scopes: String,
    /// When it ends, such as 2027-12-31T00:00:00Z; without it, never.
    #[arg(long, value_name = "TIME")]
    pub expires_at: Option<String>,
    /// A network it may be used from, such as 203.0.113.0/24; may be given several times.
    #[arg(long = "allow", value_name = "NETWORK")]
    pub allowed_addresses: Vec<String>,
    /// Its own limit of requests a minute.
    #[arg(long, value_name = "NUMBER")]
    pub requests_per_minute: Option<i64>,
}

/// A key to be ended.
#[derive(Debug, Args)]
pub struct Revoke {
    /// The key's id (key_…), or its last four characters.
    #[arg(value_name = "KEY")]
    pub key: String,
    /// The account, by id or name; not needed where there is only one.
    #[arg(long)]
    pub account: Option<String>,
}

/// Runs it.
pub fn run(config: Config, command: &KeyCommand) -> Result<Output, CliError> {
    block_on(false, async {
        let app = open(config).await?;
        match command {
            KeyCommand::Create(command) => create(&app, command).await,
            KeyCommand::List { account } => list(&app, account.as_deref()).await,
            KeyCommand::Revoke(command) => revoke(&app, command).await,
        }
    })
}

async fn create(app: &App, command: &Create) -> Result<Output, CliError> {
    let account = accounts::choose(&app.db, command.account.as_deref()).await?;
    let new = command.input()?;
    let call = accounts::operator(app, account.id.clone());
    let (key, secret) = commit(&app.db, &app.ids, &call, || {
        api_keys::create(app, &call, &new)
    })
    .await?
    .value;
    let text = format!(
        "{}\nThis is the key «{}» of {}. It is shown this once: keep it where secrets are kept.",
        secret.expose(),
        key.name,
        account.name
    );
    Ok(Output::new(
        text,
        json!({ "api_key": secret.expose(), "key": key.shown(call.now) }),
    ))
}

async fn list(app: &App, account: Option<&str>) -> Result<Output, CliError> {
    let account = accounts::choose(&app.db, account).await?;
    let now = app.clock.now();
    let keys: Vec<ShownApiKey> = all(app, &account.id)
        .await?
        .iter()
        .map(|key| key.shown(now))
        .collect();
    let line = |shown: &ShownApiKey| {
        format!(
            "{}  {}…{}  {}  {}",
            shown.key.id, shown.key.prefix, shown.key.last_four, shown.status, shown.key.name
        )
    };
    let text = if keys.is_empty() {
        "There is no key yet: b2b-dashboard key create --name NAME --scopes provisioning".to_owned()
    } else {
        keys.iter().map(line).collect::<Vec<_>>().join("\n")
    };
    Ok(Output::new(
        text,
        json!({ "account_id": account.id, "keys": keys }),
    ))
}

async fn revoke(app: &App, command: &Revoke) -> Result<Output, CliError> {
    let account = accounts::choose(&app.db, command.account.as_deref()).await?;
    let id = match ApiKeyId::parse(&command.key) {
        Some(id) => id,
        None => by_last_four(app, &account.id, &command.key).await?,
    };
    let call = accounts::operator(app, account.id.clone());
    let plan =
        || async { api_keys::revoke(&call, &api_keys::find(&app.db, &account.id, &id).await?) };
    let key = commit(&app.db, &app.ids, &call, plan).await?.value;
    Ok(Output::new(
        format!(
            "The key «{}» ({}…{}) is revoked.",
            key.name, key.prefix, key.last_four
        ),
        json!({ "key": key.shown(call.now) }),
    ))
}

async fn all(app: &App, account: &crate::types::AccountId) -> Result<Vec<ApiKey>, CliError> {
    let mut keys: Vec<ApiKey> = Vec::new();
    loop {
        let page = api_keys::list(&app.db, account, keys.last().map(|key| &key.id), 500).await?;
        if page.is_empty() {
            return Ok(keys);
        }
        keys.extend(page);
    }
}

async fn by_last_four(
    app: &App,
    account: &crate::types::AccountId,
    text: &str,
) -> Result<ApiKeyId, CliError> {
    let mut keys = all(app, account).await?;
    keys.retain(|key| key.last_four == text && key.revoked_at.is_none());
    match (keys.pop(), keys.is_empty()) {
        (Some(key), true) => Ok(key.id),
        (Some(_), false) => Err(wrong(
            "KEY",
            "means several keys: give its id, see `key list`",
        )),
        (None, _) => Err(CliError::Failed {
            code: "not_found",
            detail: format!(
                "there is no live key with the id or the last four characters {text}; see `key list`"
            ),
        }),
    }
}

impl Create {
    fn input(&self) -> Result<NewApiKey, CliError> {
        let name = Name::parse(&self.name).map_err(|fault| wrong("--name", &fault))?;
        let scopes = match Preset::from_word(&self.scopes) {
            Some(preset) => ScopeChoice::Preset(preset),
            None => ScopeChoice::List(
                self.scopes
                    .split(',')
                    .map(scope)
                    .collect::<Result<_, _>>()?,
            ),
        };
        let network = |text: &String| {
            Network::parse(text).ok_or_else(|| {
                wrong(
                    "--allow",
                    &format!("{text} is not a network such as 203.0.113.0/24"),
                )
            })
        };
        let end = |text: &String| {
            Timestamp::parse(text)
                .ok_or_else(|| wrong("--expires-at", "is not a time such as 2027-12-31T00:00:00Z"))
        };
        Ok(NewApiKey {
            expires_at: self.expires_at.as_ref().map(end).transpose()?,
            allowed_addresses: self
                .allowed_addresses
                .iter()
                .map(network)
                .collect::<Result<_, _>>()?,
            requests_per_minute: self.requests_per_minute,
            ..NewApiKey::new(name, scopes)
        })
    }
}

fn scope(word: &str) -> Result<Permission, CliError> {
    Permission::from_word(word.trim()).ok_or_else(|| {
        let known = Permission::ALL
            .iter()
            .map(|scope| scope.as_str())
            .collect::<Vec<_>>()
            .join(", ");
        wrong(
            "--scopes",
            &format!(
                "{word} is not a scope; give full, read_only, provisioning or some of {known}"
            ),
        )
    })
}
