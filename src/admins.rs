//! Administrators: people with a role that holds in the whole account, made and helped back in by the operator.
//!
//! The same person may be a learner too. A generated password is shown once; setting one ends the person's sessions.

use crate::access::grants::Granted;
use crate::access::password::{check_rules, salt};
use crate::access::roles::{AccountRole, GlobalRole};
use crate::access::{Call, account_roles};
use crate::app::App;
use crate::db::{Db, Select, Statement};
use crate::error::{Code, Error, Fault, Result};
use crate::events::{Event, Plan};
use crate::params;
use crate::records;
use crate::resource::{Resource, Stamp};
use crate::resources::user::{NewUser, User, UserStatus};
use crate::types::{AccountId, Email, Id, Name, Ref, Secret, Timestamp};

/// Characters of a generated password: no two that look alike.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// Groups of four letters in a generated password: 24 letters of 5 bits are 120 bits.
const GROUPS: usize = 6;

/// Plans a person with a role: made if the address is new, else given the role beside what they have. With `password`,
/// its hash (see [`hash`]) is set and older sessions end. The second part tells whether the person is new.
pub async fn create(
    app: &App,
    call: &Call,
    email: &Email,
    name: Option<&Name>,
    role: GlobalRole,
    hash: Option<&str>,
) -> Result<(Plan, (User, bool))> {
    call.caller.require_account()?;
    require_all(call, role)?;
    let known = records::maybe::<User>(&app.db, &call.caller, &Ref::Email(email.clone())).await?;
    let is_new = known.is_none();
    let mut plan = Plan::new("admin.create");
    let user = match known {
        Some(user) if user.status == UserStatus::Deactivated => {
            return Err(Error::new(
                Code::StateConflict,
                format!("{email} is deactivated. Activate the person first."),
            ));
        }
        Some(user) => user,
        None => {
            let new = NewUser {
                name: name.cloned(),
                ..NewUser::with_email(email.clone())
            };
            let user = User::from_new(
                new,
                &Stamp {
                    ids: &app.ids,
                    now: call.now,
                },
            );
            plan.write_all(records::insertion(&user));
            plan.event(user.event("created"));
            user
        }
    };
    let held = roles(&app.db, call.account(), &user.id).await?;
    if !held.iter().any(|one| *one == role) {
        account_roles::give(&mut plan, &user, &Granted::built_in(role), call.now);
    }
    if let Some(hash) = hash {
        plan.write_all(password_statements(&user.id, hash, call.now));
        plan.event(
            Event::new(
                "user.password_set",
                &user.id,
                serde_json::json!({ "user_id": user.id }),
            )
            .user(&user.id),
        );
    }
    Ok((plan, (user, is_new)))
}

/// Plans a new password for a person, which ends their sessions and open sign-in links.
pub fn set_password(call: &Call, user: &User, hash: &str) -> Plan {
    let mut plan = Plan::new("user.set_password");
    plan.write_all(password_statements(&user.id, hash, call.now));
    plan.write(Statement::new(
        "UPDATE sign_in_links SET used_at = $2 WHERE account_id = $1 AND user_id = $3 AND used_at IS NULL",
        params![call.now, user.id],
    ));
    plan.event(
        Event::new(
            "user.password_set",
            &user.id,
            serde_json::json!({ "user_id": user.id }),
        )
        .user(&user.id),
    );
    plan
}

/// Plans the loss of a role. 409 `last_owner` for the account's last owner; nothing for a role the person has not.
pub async fn remove_role(db: &Db, call: &Call, user: &User, role: GlobalRole) -> Result<Plan> {
    let held = roles(db, call.account(), &user.id).await?;
    if !held.iter().any(|one| *one == role) {
        return Ok(Plan::new("user.remove_role"));
    }
    account_roles::plan_withdraw(db, call, user, &Granted::built_in(role)).await
}

/// The roles of a person.
pub async fn roles(db: &Db, account: &AccountId, user: &Id<User>) -> Result<Vec<AccountRole>> {
    let held = account_roles::held(db, account, user).await?;
    Ok(held.into_iter().map(|one| one.role).collect())
}

/// Those who administer the account and may sign in, with their roles.
pub async fn list(db: &Db, account: &AccountId) -> Result<Vec<(User, Vec<AccountRole>)>> {
    let select = Select::rows::<User>(
        "WHERE users.account_id = $1 AND users.deleted_at IS NULL AND users.status <> 'deactivated' \
         AND EXISTS (SELECT 1 FROM user_roles r WHERE r.account_id = $1 AND r.user_id = users.id) ORDER BY users.name_key, users.id",
        Vec::new(),
    );
    let mut admins = Vec::new();
    for user in db.fetch::<User>(account, select).await? {
        let roles = roles(db, account, &user.id).await?;
        admins.push((user, roles));
    }
    Ok(admins)
}

/// A new password of 24 letters and digits in groups of four.
pub fn generate_password(app: &App) -> Secret<String> {
    let mut chance = [0_u8; GROUPS * 4];
    app.ids.fill(&mut chance);
    let letter = |byte: &u8| {
        LETTERS
            .get(usize::from(byte & 31))
            .copied()
            .map_or('x', char::from)
    };
    let groups = chance
        .chunks(4)
        .map(|group| group.iter().map(letter).collect::<String>());
    Secret::new(groups.collect::<Vec<_>>().join("-"))
}

/// The hash of a password that somebody has chosen; 422 when it is one that may not be chosen.
pub async fn hash(app: &App, password: &Secret<String>, names: &[&str]) -> Result<String> {
    if let Err(fault) = check_rules(password.expose(), names) {
        return Err(Error::invalid(vec![Fault::new(
            "/password",
            "weak_password",
            fault.to_string(),
        )]));
    }
    let made = app
        .passwords
        .hash_password(password, salt(&mut rand::rng()));
    made.await.map_err(Error::internal)
}

fn password_statements(user: &Id<User>, hash: &str, now: Timestamp) -> [Statement; 2] {
    [
        Statement::new(
            "INSERT INTO user_passwords (account_id, user_id, hash, changed_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (account_id, user_id) DO UPDATE SET hash = excluded.hash, changed_at = excluded.changed_at",
            params![*user, hash.to_owned(), now],
        ),
        Statement::new(
            "DELETE FROM sessions WHERE account_id = $1 AND user_id = $2",
            params![*user],
        ),
    ]
}

/// Nobody grants or takes what they do not hold.
fn require_all(call: &Call, role: GlobalRole) -> Result<()> {
    role.permissions()
        .into_iter()
        .try_for_each(|permission| call.caller.require(permission))
}
