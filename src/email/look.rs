//! The brand a mail goes out with: that of the organization it concerns, else the account's.
//!
//! A mail concerns the team that its context names, or that its provision led to. One that names none, such as a sign-in
//! link, concerns what all teams of its reader have in common: whoever is in teams of one customer hears from that
//! customer, whoever is in teams of two hears from the account. It is decided when the mail is sent, so that a mail that
//! waits has the look of that moment.

use serde_json::Value as JsonValue;

use super::Brand;
use super::outbox::MailRow;
use crate::db::{Batch, Db, Select};
use crate::error::Result;
use crate::params;
use crate::resources::organization::branding::{EffectiveBranding, Sourced};
use crate::resources::organization::inheritance::{Way, account_look, common_path, look_of};
use crate::types::AccountId;

/// The colour of a brand that has none.
const COLOR: &str = "#1f4fd8";

/// Teams of a reader that are looked at.
const TEAMS: i64 = 100;

/// The brand of a mail as it is now.
pub async fn brand_of(db: &Db, account: &AccountId, mail: &MailRow) -> Result<Brand> {
    let path = path_of(db, account, mail).await?;
    let mut batch = Batch::new();
    let way = Way::ask(&mut batch, &path);
    let own = batch.add::<(String, JsonValue)>(account_look());
    let mut rows = db.read(account, batch).await?;
    let way = way.take(&mut rows);
    let look = EffectiveBranding::of(&way, &look_of(rows.first(&own)));
    let text = |one: Option<Sourced>| one.map(|one| one.value);
    Ok(Brand {
        name: look.name.value,
        logo_url: text(look.logo_url),
        color: text(look.color).unwrap_or_else(|| COLOR.to_owned()),
        postal_address: text(look.postal_address),
        support_email: text(look.support_email),
    })
}

/// The path of the organization that a mail concerns; `/` where it is none.
async fn path_of(db: &Db, account: &AccountId, mail: &MailRow) -> Result<String> {
    let named = mail.context.get("team_id").and_then(JsonValue::as_str);
    let path = "SELECT coalesce(o.path, '/') FROM teams t LEFT JOIN organizations o ON o.account_id = $1 AND o.id = t.organization_id WHERE t.account_id = $1";
    let mut batch = Batch::new();
    let concerned = batch.add::<(String,)>(Select::new(
        format!("{path} AND t.id = coalesce(NULLIF($2, ''), (SELECT p.team_id FROM provisions p WHERE p.account_id = $1 AND p.id = $3))"),
        params![named.unwrap_or_default().to_owned(), mail.provision_id.clone()],
    ));
    let readers = batch.add::<(String,)>(Select::new(
        format!("{path} AND t.deleted_at IS NULL AND t.id IN (SELECT m.team_id FROM team_members m WHERE m.account_id = $1 AND m.user_id = $2) LIMIT $3"),
        params![mail.user_id.clone(), TEAMS],
    ));
    let mut rows = db.read(account, batch).await?;
    if let Some((path,)) = rows.first(&concerned) {
        return Ok(path);
    }
    let paths: Vec<String> = rows
        .take(&readers)
        .into_iter()
        .map(|(path,)| path)
        .collect();
    Ok(common_path(&paths))
}
