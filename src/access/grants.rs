//! The rule of granting, in one place for every path: nobody grants what they do not hold.

use std::collections::BTreeSet;

use super::{Caller, Permission};
use crate::error::{Code, Error, Result};

/// Refuses to grant a set of permissions of which the caller lacks some: 403 `grant_exceeds_rights`, naming those.
pub fn require_grant(caller: &Caller, granted: &BTreeSet<Permission>) -> Result<()> {
    let missing: Vec<_> = granted
        .difference(&caller.permissions)
        .map(|permission| permission.as_str())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::new(
        Code::GrantExceedsRights,
        format!(
            "Nobody grants what they do not hold. You lack {}: ask somebody who has it, or grant less.",
            missing.join(", ")
        ),
    )
    .with("missing", missing))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{AccountId, Ids, Timestamp};

    #[test]
    fn only_what_is_held_can_be_granted() {
        let account: AccountId = Ids::seeded(1).next(Timestamp::from_micros(1));
        let caller = Caller {
            permissions: [Permission::UsersRead, Permission::SeatsAssign].into(),
            ..Caller::system(account, "test")
        };
        assert!(require_grant(&caller, &[Permission::UsersRead].into()).is_ok());
        assert!(require_grant(&caller, &BTreeSet::new()).is_ok());
        let refused = require_grant(
            &caller,
            &[Permission::UsersRead, Permission::SeatsWrite].into(),
        );
        assert_eq!(refused.unwrap_err().code(), Code::GrantExceedsRights);
    }
}
