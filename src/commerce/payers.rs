//! Who pays: the buyer first, then the organizations above, one after the other.

use serde_json::{Value as JsonValue, json};

use super::account::{CreditAccount, Owner};
use crate::access::{Call, Reach};
use crate::db::{Batch, Db, Pair, Select};
use crate::error::{Code, Error, Result};
use crate::params;
use crate::resources::{Organization, Team};
use crate::types::{Id, Ids};

/// Somebody who may pay, with their account.
#[derive(Debug, Clone)]
pub struct Payer {
    /// The owner's name.
    pub name: String,
    /// The account; a new one where there is none yet.
    pub account: CreditAccount,
}

/// The organizations from a starting point upwards: id, name, how far up.
const CHAIN: &str = "WITH RECURSIVE up (id, parent_id, name, level) AS (\
     SELECT o.id, o.parent_id, o.name, CAST(1 AS BIGINT) FROM organizations o WHERE o.account_id = $1 \
     AND o.id IN (SELECT $3 UNION SELECT t.organization_id FROM teams t WHERE t.account_id = $1 AND t.id = $2) \
     UNION SELECT o.id, o.parent_id, o.name, up.level + 1 FROM organizations o JOIN up ON up.parent_id = o.id WHERE o.account_id = $1)";

/// Those who pay for an owner, in the order in which they do.
pub async fn payers(db: &Db, ids: &Ids, call: &Call, owner: &Owner) -> Result<Vec<Payer>> {
    let (team, organization) = match owner {
        Owner::Team(id) => (id.to_string(), String::new()),
        Owner::Organization(id) => (String::new(), id.to_string()),
    };
    let values = || params![team.clone(), organization.clone()];
    let mut batch = Batch::new();
    let own = batch.add::<(Id<Team>, String)>(Select::new(
        "SELECT id, name FROM teams WHERE account_id = $1 AND id = $2",
        params![team.clone()],
    ));
    let above = batch.add::<(Id<Organization>, String, i64)>(Select::new(
        format!("{CHAIN} SELECT id, name, level FROM up ORDER BY level"),
        values(),
    ));
    let of_team = batch.add::<CreditAccount>(Select::rows::<CreditAccount>(
        "WHERE account_id = $1 AND team_id = $2",
        params![team.clone()],
    ));
    let of_organizations = batch.add::<Pair<CreditAccount, (i64,)>>(Select::new(
        format!(
            "{CHAIN} SELECT {}, up.level FROM credit_accounts JOIN up ON up.id = credit_accounts.organization_id WHERE credit_accounts.account_id = $1",
            <CreditAccount as crate::db::Row>::selection()
        ),
        values(),
    ));
    let mut rows = db.read(call.account(), batch).await?;
    let account_of_team = rows.first(&of_team);
    let accounts = rows.take(&of_organizations);
    let mut payers = Vec::new();
    for (id, name) in rows.take(&own) {
        let fresh = || CreditAccount::of(&Owner::Team(id.clone()), ids, call.now);
        let account = account_of_team.clone().unwrap_or_else(fresh);
        payers.push(Payer { name, account });
    }
    for (id, name, _) in rows.take(&above) {
        let standing = accounts
            .iter()
            .find(|Pair(account, _)| account.organization_id.as_ref() == Some(&id));
        let account = standing.map_or_else(
            || CreditAccount::of(&Owner::Organization(id.clone()), ids, call.now),
            |Pair(account, _)| account.clone(),
        );
        payers.push(Payer { name, account });
    }
    Ok(payers)
}

/// How a price is shared out: credits first, in order, then overdrafts, in order. 409 `insufficient_credits` when all of
/// them together have too little, with who has how much as far as the caller may see it.
pub fn share_out(payers: &[Payer], price: i64, call: &Call) -> Result<Vec<(CreditAccount, i64)>> {
    let mut missing = price;
    let mut parts: Vec<i64> = Vec::new();
    for payer in payers {
        let part = payer.account.credits().min(missing);
        missing -= part;
        parts.push(part);
    }
    for (payer, part) in payers.iter().zip(&mut parts) {
        let more = (payer.account.available() - *part).max(0).min(missing);
        missing -= more;
        *part += more;
    }
    if missing > 0 {
        return Err(insufficient(payers, price, missing, call));
    }
    let taken = payers.iter().zip(parts).filter(|(_, part)| *part > 0);
    Ok(taken
        .map(|(payer, part)| (payer.account.clone(), -part))
        .collect())
}

fn insufficient(payers: &[Payer], price: i64, missing: i64, call: &Call) -> Error {
    let shown =
        |payer: &&Payer| call.caller.reach == Reach::Account || payer.account.team_id.is_some();
    let who: Vec<JsonValue> = payers
        .iter()
        .filter(shown)
        .map(|payer| {
            json!({
                "name": payer.name, "team_id": payer.account.team_id, "organization_id": payer.account.organization_id,
                "available": payer.account.available(),
            })
        })
        .collect();
    Error::new(
        Code::InsufficientCredits,
        format!("It costs {price} credits, and {missing} are missing. Add credits to the buyer or to an organization above it; nothing was taken."),
    )
    .with("price", price)
    .with("missing", missing)
    .with("payers", who)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{AccountId, Timestamp};

    fn payer(balance: i64, overdraft: i64) -> Payer {
        let ids = Ids::seeded(u64::try_from(balance + overdraft).unwrap_or(9));
        let now = Timestamp::from_micros(1);
        Payer {
            name: "Somebody".to_owned(),
            account: CreditAccount {
                balance,
                overdraft,
                ..CreditAccount::of(&Owner::Team(ids.next(now)), &ids, now)
            },
        }
    }

    fn parts(payers: &[Payer], price: i64) -> Option<Vec<i64>> {
        let account: AccountId = Ids::seeded(1).next(Timestamp::from_micros(1));
        let call = Call::system(account, "test", Timestamp::from_micros(1));
        let shared = share_out(payers, price, &call).ok()?;
        Some(shared.into_iter().map(|(_, part)| part).collect())
    }

    #[test]
    fn the_nearest_pay_first_and_overdrafts_last() {
        let three = [payer(5, 10), payer(-3, 20), payer(7, 0)];
        assert_eq!(parts(&three, 4), Some(vec![-4]));
        assert_eq!(parts(&three, 12), Some(vec![-5, -7]));
        assert_eq!(parts(&three, 15), Some(vec![-8, -7]));
        assert_eq!(parts(&three, 30), Some(vec![-15, -8, -7]));
        assert_eq!(parts(&three, 39), Some(vec![-15, -17, -7]));
        assert_eq!(parts(&three, 40), None, "not one more");
        assert_eq!(parts(&three, 0), Some(vec![]));
    }
}
