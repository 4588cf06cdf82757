//! The rule of granting, in one place for every path: nobody grants what they do not hold.

use std::collections::{BTreeSet, HashMap};

use super::rights::{Permissions, Rights};
use super::roles::{BuiltIn, Held, Named};
use super::{Caller, Permission};
use crate::db::{Batch, Db, Select, Slot, Statement};
use crate::error::{Code, Error, Fault, Result};
use crate::params;
use crate::resources::Role;
use crate::resources::role::note_grant;
use crate::types::{AccountId, Name, Ref};

/// Refuses to grant a set of permissions of which the caller lacks some: 403 `grant_exceeds_rights`, naming those.
pub fn require_grant(caller: &Caller, granted: &BTreeSet<Permission>) -> Result<()> {
    require_held(&caller.permissions, granted)
}

/// The same for what is granted in a team or on an organization, by its id: it must be held there.
pub fn require_grant_in(
    caller: &Caller,
    place: &str,
    granted: &BTreeSet<Permission>,
) -> Result<()> {
    require_held(&caller.rights.at(place), granted)
}

/// The same for what is granted in the whole account: it must be held there, whatever the caller does just now.
pub fn require_grant_in_account(caller: &Caller, granted: &BTreeSet<Permission>) -> Result<()> {
    require_held(caller.rights.account(), granted)
}

/// Refuses to act in the place of somebody who may do more than the caller: to make a way in for them, or to change the
/// address by which they come in.
pub fn require_rights(caller: &Caller, theirs: &Rights) -> Result<()> {
    let beyond: Vec<_> = theirs
        .beyond(&caller.rights)
        .iter()
        .map(|permission| permission.as_str())
        .collect();
    if beyond.is_empty() {
        return Ok(());
    }
    Err(Error::new(
        Code::GrantExceedsRights,
        format!(
            "This person may do more than you: {}. Somebody with the same rights can do this for them.",
            beyond.join(", ")
        ),
    )
    .with("missing", beyond))
}

/// A role that a body names, looked up: what it is and what it would give.
#[derive(Debug, Clone)]
pub struct Granted<B> {
    /// The role as it will be held.
    pub role: Held<B>,
    /// What it may do where it is held.
    pub permissions: Permissions,
    /// Its name, where it is a custom one.
    pub name: Option<Name>,
}

impl<B: BuiltIn> Granted<B> {
    /// A built-in role.
    pub fn built_in(role: B) -> Self {
        Self {
            role: role.into(),
            permissions: role.held(),
            name: None,
        }
    }

    /// The statement that goes with the grant, once in a list of writes for each custom role.
    pub fn note(&self) -> Option<Statement> {
        match &self.role {
            Held::BuiltIn(_) => None,
            Held::Custom(id) => Some(note_grant(id)),
        }
    }
}

impl<B> From<Held<B>> for Named<B> {
    fn from(role: Held<B>) -> Self {
        match role {
            Held::BuiltIn(role) => Self::BuiltIn(role),
            Held::Custom(id) => Self::Custom(Ref::Id(id)),
        }
    }
}

impl<B: BuiltIn> Named<B> {
    /// The role as it is held, once it was looked up.
    pub fn settled(self) -> Result<Held<B>> {
        match self {
            Self::BuiltIn(role) => Ok(Held::BuiltIn(role)),
            Self::Custom(Ref::Id(id)) => Ok(Held::Custom(id)),
            Self::Custom(other) => Err(Error::internal(format!(
                "the role {other} was not looked up before its use"
            ))),
        }
    }
}

/// Looks up roles, each named at its place of the body; those that lead nowhere, or to a role that holds elsewhere, are
/// faults. In the order given.
pub async fn look_up<B: BuiltIn>(
    db: &Db,
    account: &AccountId,
    named: &[(String, Named<B>)],
) -> Result<Vec<Granted<B>>> {
    let mut batch = Batch::new();
    let mut slots: Vec<(String, Slot<Role>)> = Vec::new();
    for (_, role) in named {
        let Named::Custom(reference) = role else {
            continue;
        };
        let text = reference.to_string();
        if slots.iter().any(|(known, _)| *known == text) {
            continue;
        }
        let (column, value) = match reference {
            Ref::External(key) => ("external_id", key.to_string()),
            other => ("id", other.to_string()),
        };
        let rest = format!("WHERE account_id = $1 AND {column} = $2");
        slots.push((text, batch.add(Select::rows::<Role>(&rest, params![value]))));
    }
    let mut found: HashMap<String, Role> = HashMap::new();
    if !slots.is_empty() {
        let mut rows = db.read(account, batch).await?;
        for (text, slot) in slots {
            found.extend(rows.first(&slot).map(|role| (text, role)));
        }
    }
    let mut faults = Vec::new();
    let mut granted = Vec::new();
    for (pointer, role) in named {
        let one = match role {
            Named::BuiltIn(role) => Some(Granted::built_in(*role)),
            Named::Custom(reference) => found
                .get(&reference.to_string())
                .filter(|role| role.kind == B::KIND)
                .and_then(of_record),
        };
        match one {
            Some(one) => granted.push(one),
            None => faults.push(Fault::new(
                pointer,
                "reference_not_found",
                format!(
                    "There is no role «{role}» of the kind «{}» in this account.",
                    B::KIND
                ),
            )),
        }
    }
    if faults.is_empty() {
        Ok(granted)
    } else {
        Err(Error::invalid(faults))
    }
}

/// Looks one role up that a body names at `/role`.
pub async fn look_up_one<B: BuiltIn>(
    db: &Db,
    account: &AccountId,
    named: &Named<B>,
) -> Result<Granted<B>> {
    let found = look_up(db, account, &[("/role".to_owned(), named.clone())]).await?;
    found
        .into_iter()
        .next()
        .ok_or_else(|| Error::internal("a role was looked up and is neither there nor missing"))
}

/// What a membership's role may do, as it is held.
pub async fn permissions_of<B: BuiltIn>(
    db: &Db,
    account: &AccountId,
    role: &Held<B>,
) -> Result<Permissions> {
    match role {
        Held::BuiltIn(role) => Ok(role.held()),
        Held::Custom(id) => {
            let rest = "WHERE account_id = $1 AND id = $2";
            let role = db
                .first::<Role>(account, Select::rows::<Role>(rest, params![*id]))
                .await?;
            Ok(role.map_or_else(Permissions::new, |role| role.permissions.iter().collect()))
        }
    }
}

fn of_record<B: BuiltIn>(role: &Role) -> Option<Granted<B>> {
    let held = match &role.word {
        Some(word) => Held::parse(word)?,
        None => Held::Custom(role.id.clone()),
    };
    Some(Granted {
        name: matches!(held, Held::Custom(_)).then(|| role.name.clone()),
        role: held,
        permissions: role.permissions.iter().collect(),
    })
}

fn require_held(held: &BTreeSet<Permission>, granted: &BTreeSet<Permission>) -> Result<()> {
    let missing: Vec<_> = granted
        .difference(held)
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
