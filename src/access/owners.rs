//! The last owner of an account or of a team stays, on every path and in parallel calls.
//!
//! Account and team count the departures of their owners. Who takes one away reads the count together with the number
//! of the others and raises it in the same list of writes; of two who do so at once the later one finds another count,
//! plans anew, and is refused by what is true then.

use crate::db::{Batch, Select, Slot, Statement};
use crate::error::{Code, Error, Result};
use crate::params;
use crate::resources::{Team, User};
use crate::types::Id;

/// Where the count of departures and the number of other owners will be.
pub type OwnerSlot = Slot<(i64, i64)>;

/// Asks for a team's owners beside a person.
pub fn ask_team(batch: &mut Batch, team: &str, user: &str) -> OwnerSlot {
    batch.add(Select::new(
        "SELECT owner_departures, (SELECT count(*) FROM team_members o WHERE o.account_id = $1 AND o.team_id = $2 AND o.role = 'owner' AND o.user_id <> $3) \
         FROM teams WHERE account_id = $1 AND id = $2",
        params![team.to_owned(), user.to_owned()],
    ))
}

/// Asks for the account's owners who may sign in, beside a person.
pub fn ask_account(batch: &mut Batch, user: &Id<User>) -> OwnerSlot {
    batch.add(Select::new(
        "SELECT owner_departures, (SELECT count(*) FROM user_roles r JOIN users u ON u.account_id = $1 AND u.id = r.user_id AND u.deleted_at IS NULL \
         AND u.status <> 'deactivated' WHERE r.account_id = $1 AND r.role = 'owner' AND r.user_id <> $2) FROM accounts WHERE account_id = $1",
        params![*user],
    ))
}

/// The statement that goes with the departure of a team's owner; 409 `last_owner` where there is no other.
pub fn leave_team(team: &Id<Team>, found: Option<(i64, i64)>) -> Result<Statement> {
    let (departures, others) = found.unwrap_or_default();
    if others == 0 {
        return Err(Error::new(
            Code::LastOwner,
            "The last owner of a team cannot leave or be demoted. Make somebody else an owner first.",
        )
        .with("team_id", team.as_str()));
    }
    Ok(Statement::guarded(
        "UPDATE teams SET owner_departures = owner_departures + 1 WHERE account_id = $1 AND id = $2 AND owner_departures = $3",
        params![*team, departures],
    ))
}

/// The statement that goes with the departure of an account's owner; 409 `last_owner` where there is no other.
pub fn leave_account(found: Option<(i64, i64)>) -> Result<Statement> {
    let (departures, others) = found.unwrap_or_default();
    if others == 0 {
        return Err(Error::new(
            Code::LastOwner,
            "This person is the account's last owner and stays. Make somebody else an owner first.",
        ));
    }
    Ok(Statement::guarded(
        "UPDATE accounts SET owner_departures = owner_departures + 1 WHERE account_id = $1 AND owner_departures = $2",
        params![departures],
    ))
}
