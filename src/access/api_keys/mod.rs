//! API keys as records: made, changed, rotated and revoked, each as a plan whose events and audit fact go with it.
//!
//! A key's secret is never stored, only its HMAC; it leaves these functions once, beside the key. Whoever makes, changes
//! or rotates a key must hold every scope it has, so a key is never a way to more rights than one's own. A key that is
//! made by a key belongs to the person behind that key, and never outlives it or is used from more addresses.

mod input;
mod maker;
mod row;

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde_json::json;

pub use input::{ApiKeyPatch, NewApiKey, Preset, RotateApiKey, ScopeChoice};
pub use row::{ApiKey, ApiKeyId, ApiKeyStatus, Network, Scopes, ShownApiKey};

use maker::Maker;

use super::keys::ApiKeySecret;
use super::{Call, Permission};
use crate::app::App;
use crate::db::{Batch, Db, Select, Statement};
use crate::error::{Code, Error, Fault, Result};
use crate::events::{Event, Plan};
use crate::params;
use crate::types::text::Json;
use crate::types::{AccountId, Timestamp};

/// The longest time for which the older secret of a rotated key goes on working.
pub const MAX_OVERLAP_SECONDS: i64 = 7 * 86_400;

/// The key with this id; 404 when the account has none.
pub async fn find(db: &Db, account: &AccountId, id: &ApiKeyId) -> Result<ApiKey> {
    let select = Select::rows::<ApiKey>("WHERE account_id = $1 AND id = $2", params![*id]);
    db.first(account, select)
        .await?
        .ok_or_else(|| Error::not_found("api_key"))
}

/// Up to `limit` keys in the order of their making, after the one with the id `after`; revoked ones are among them.
pub async fn list(
    db: &Db,
    account: &AccountId,
    after: Option<&ApiKeyId>,
    limit: i64,
) -> Result<Vec<ApiKey>> {
    let after = after.map_or_else(String::new, ToString::to_string);
    let select = Select::rows::<ApiKey>(
        "WHERE account_id = $1 AND id > $2 ORDER BY id LIMIT $3",
        params![after, limit],
    );
    Ok(db.fetch(account, select).await?)
}

/// Plans a new key. Needs `keys:write` and every scope that the key shall have.
pub async fn create(
    app: &App,
    call: &Call,
    new: &NewApiKey,
) -> Result<(Plan, (ApiKey, ApiKeySecret))> {
    let scopes = new.scopes.granted();
    may_change(call, &scopes)?;
    let maker = Maker::of(&app.db, call).await?;
    let mut faults = new.faults(call.now);
    faults.extend(unknown_restrictions(&app.db, call.account(), new).await?);
    faults.extend(maker.faults(new.expires_at, &new.allowed_addresses, &scopes));
    if !faults.is_empty() {
        return Err(Error::invalid(faults));
    }
    let secret = generate(app);
    let key = ApiKey {
        id: app.ids.next(call.now),
        name: new.name.clone(),
        scopes,
        prefix: secret.display_prefix().to_owned(),
        last_four: secret.last_four().to_owned(),
        allowed_addresses: Json(maker.addresses(new.allowed_addresses.clone())),
        organization_ids: row::ids(&new.organization_ids),
        team_ids: row::ids(&new.team_ids),
        requests_per_minute: new.requests_per_minute,
        expires_at: new.expires_at.or(maker.expires_at),
        revoked_at: None,
        rotated_at: None,
        last_used_at: None,
        last_used_address: None,
        last_used_agent: None,
        created_by: maker.person,
        version: 1,
        created_at: call.now,
        updated_at: call.now,
    };
    let mut plan = Plan::new("api_key.create");
    plan.write(Statement::insert(&key));
    plan.write(store_secret(app, &key.id, &secret, call.now));
    plan.event(event("api_key.created", &key, call.now));
    Ok((plan, (key, secret)))
}

/// Plans a new secret for a key. The older one works for `overlap_seconds` more, seven days at most; zero ends it at
/// once. Needs `keys:write` and every scope that the key has; 409 for a key that is revoked or has expired.
pub async fn rotate(
    app: &App,
    call: &Call,
    key: &ApiKey,
    overlap_seconds: i64,
) -> Result<(Plan, (ApiKey, ApiKeySecret))> {
    may_change(call, &key.scopes)?;
    if !(0..=MAX_OVERLAP_SECONDS).contains(&overlap_seconds) {
        let detail = format!("must be a number of seconds from 0 to {MAX_OVERLAP_SECONDS}");
        return Err(Error::invalid(vec![Fault::new(
            "/overlap_seconds",
            "out_of_range",
            detail,
        )]));
    }
    must_live(key, call.now, "rotated")?;
    let maker = Maker::of(&app.db, call).await?;
    let wider: Vec<Fault> = maker
        .faults(key.expires_at, &key.allowed_addresses.0, &key.scopes)
        .into_iter()
        .chain(maker.widenings(key))
        .collect();
    if !wider.is_empty() {
        return Err(Error::new(
            Code::Forbidden,
            "The key reaches further than the one you use, which is bound to addresses or a time.",
        ));
    }
    let secret = generate(app);
    let ends = call.now.plus_seconds(overlap_seconds);
    let rotated = ApiKey {
        prefix: secret.display_prefix().to_owned(),
        last_four: secret.last_four().to_owned(),
        rotated_at: Some(call.now),
        ..changed(key, call.now)
    };
    let mut plan = Plan::new("api_key.rotate");
    plan.write(Statement::guarded(
        "UPDATE api_keys SET prefix = $2, last_four = $3, rotated_at = $4, updated_at = $4, version = version + 1 \
         WHERE account_id = $1 AND id = $5 AND version = $6 AND revoked_at IS NULL",
        params![rotated.prefix, rotated.last_four, call.now, key.id, key.version],
    ));
    plan.write(Statement::new(
        "UPDATE api_key_secrets SET expires_at = $2 WHERE account_id = $1 AND key_id = $3 AND (expires_at IS NULL OR expires_at > $2)",
        params![ends, key.id],
    ));
    plan.write(store_secret(app, &key.id, &secret, call.now));
    plan.event(
        event("api_key.rotated", &rotated, call.now)
            .previous(json!({ "last_four": key.last_four })),
    );
    Ok((plan, (rotated, secret)))
}

/// Plans the end of a key with all its secrets, for good. Needs `keys:write` only: to take rights away, one need not
/// hold them. A revoked key stays as it is.
pub fn revoke(call: &Call, key: &ApiKey) -> Result<(Plan, ApiKey)> {
    may_change(call, &Scopes::default())?;
    let mut plan = Plan::new("api_key.revoke");
    if key.revoked_at.is_some() {
        return Ok((plan, key.clone()));
    }
    let revoked = ApiKey {
        revoked_at: Some(call.now),
        ..changed(key, call.now)
    };
    plan.write(Statement::guarded(
        "UPDATE api_keys SET revoked_at = $2, updated_at = $2, version = version + 1 WHERE account_id = $1 AND id = $3 AND version = $4",
        params![call.now, key.id, key.version],
    ));
    let before = key.status(call.now).as_str();
    plan.event(event("api_key.revoked", &revoked, call.now).previous(json!({ "status": before })));
    Ok((plan, revoked))
}

/// Plans a change of a key's name, addresses, limit or end. Needs `keys:write` and every scope that the key has; 409 for
/// a revoked key. A patch that changes nothing plans nothing.
pub async fn update(
    app: &App,
    call: &Call,
    key: &ApiKey,
    patch: &ApiKeyPatch,
) -> Result<(Plan, ApiKey)> {
    may_change(call, &key.scopes)?;
    if key.revoked_at.is_some() {
        return Err(Error::new(
            Code::StateConflict,
            "A revoked key cannot be changed. Make a new one.",
        ));
    }
    let maker = Maker::of(&app.db, call).await?;
    let mut updated = changed(key, call.now);
    patch.apply(&mut updated);
    let mut faults = patch.faults(call.now);
    faults.extend(maker.faults(
        updated.expires_at,
        &updated.allowed_addresses.0,
        &key.scopes,
    ));
    faults.extend(maker.widenings(&updated));
    if !faults.is_empty() {
        return Err(Error::invalid(faults));
    }
    let mut plan = Plan::new("api_key.update");
    let previous = row::differences(key, &updated);
    if previous.is_empty() {
        return Ok((plan, key.clone()));
    }
    plan.write(Statement::guarded(
        "UPDATE api_keys SET name = $2, allowed_addresses = $3, requests_per_minute = $4, expires_at = $5, updated_at = $6, version = version + 1 \
         WHERE account_id = $1 AND id = $7 AND version = $8 AND revoked_at IS NULL",
        params![updated.name, updated.allowed_addresses, updated.requests_per_minute, updated.expires_at, call.now, key.id, key.version],
    ));
    plan.event(event("api_key.updated", &updated, call.now).previous(previous.into()));
    Ok((plan, updated))
}

fn changed(key: &ApiKey, now: Timestamp) -> ApiKey {
    ApiKey {
        updated_at: now,
        version: key.version + 1,
        ..key.clone()
    }
}

fn event(kind: &str, key: &ApiKey, now: Timestamp) -> Event {
    Event::new(
        kind,
        &key.id,
        serde_json::to_value(key.shown(now)).unwrap_or_default(),
    )
}

fn generate(app: &App) -> ApiKeySecret {
    let mut seed = [0; 32];
    app.ids.fill(&mut seed);
    ApiKeySecret::generate(&mut StdRng::from_seed(seed))
}

fn store_secret(app: &App, key: &ApiKeyId, secret: &ApiKeySecret, now: Timestamp) -> Statement {
    Statement::new(
        "INSERT INTO api_key_secrets (account_id, secret_hash, key_id, last_four, created_at) VALUES ($1, $2, $3, $4, $5)",
        params![
            secret.hash(&app.keys.pepper).to_string(),
            *key,
            secret.last_four().to_owned(),
            now
        ],
    )
}

/// Refuses a caller who may not write keys, sees some teams only, or lacks one of these scopes.
fn may_change(call: &Call, scopes: &Scopes) -> Result<()> {
    call.caller.require(Permission::KeysWrite)?;
    call.caller.require_account()?;
    let lacking: Vec<&str> = scopes
        .iter()
        .filter(|scope| !call.caller.may(*scope))
        .map(Permission::as_str)
        .collect();
    if lacking.is_empty() {
        return Ok(());
    }
    let detail = format!(
        "Nobody gives a key more than they hold themselves; you lack {}.",
        lacking.join(", ")
    );
    Err(Error::new(Code::InsufficientScope, detail).with("required", lacking))
}

fn must_live(key: &ApiKey, now: Timestamp, verb: &str) -> Result<()> {
    match key.status(now) {
        ApiKeyStatus::Active => Ok(()),
        ApiKeyStatus::Revoked => Err(Error::new(
            Code::StateConflict,
            format!("A revoked key cannot be {verb}. Make a new one."),
        )),
        ApiKeyStatus::Expired => Err(Error::new(
            Code::StateConflict,
            format!(
                "An expired key cannot be {verb}. Give it a later expires_at first, or make a new one."
            ),
        )),
    }
}

/// The organizations and teams of a restriction that the account does not have.
async fn unknown_restrictions(db: &Db, account: &AccountId, new: &NewApiKey) -> Result<Vec<Fault>> {
    if new.organization_ids.is_empty() && new.team_ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut batch = Batch::new();
    let organizations = batch.add::<(String,)>(Select::new(
        "SELECT id FROM organizations WHERE account_id = $1 AND id IN (SELECT value FROM JSON_LIST($2) AS l)",
        params![json!(new.organization_ids)],
    ));
    let teams = batch.add::<(String,)>(Select::new(
        "SELECT id FROM teams WHERE account_id = $1 AND deleted_at IS NULL AND id IN (SELECT value FROM JSON_LIST($2) AS l)",
        params![json!(new.team_ids)],
    ));
    let mut rows = db.read(account, batch).await?;
    let mut faults = Vec::new();
    let asked = [
        (
            "organization",
            "/organization_ids",
            &new.organization_ids,
            rows.take(&organizations),
        ),
        ("team", "/team_ids", &new.team_ids, rows.take(&teams)),
    ];
    for (kind, pointer, ids, known) in asked {
        for (n, id) in ids
            .iter()
            .enumerate()
            .filter(|(_, id)| !known.iter().any(|(known,)| known == *id))
        {
            faults.push(Fault::new(
                format!("{pointer}/{n}"),
                "not_found",
                format!("there is no {kind} {id} in this account"),
            ));
        }
    }
    Ok(faults)
}
