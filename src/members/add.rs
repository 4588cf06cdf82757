//! Somebody joins a team: who is known already, or somebody new who is made in the same transaction.

use super::change::change_role;
use super::{insertion, require_to_give, scene};
use crate::access::grants::{Granted, look_up_one};
use crate::access::roles::TeamRole;
use crate::access::{Call, Permission, Reach};
use crate::db::{Batch, Db, Select};
use crate::error::{Code, Error, Fault, Result};
use crate::events::Plan;
use crate::params;
use crate::records;
use crate::resource::{Reference, Resource, Stamp, resolve};
use crate::resources::member::{ManagedBy, Member, NewMember};
use crate::resources::user::NewUser;
use crate::resources::{Team, User};
use crate::seats::change::member_event;
use crate::types::{Email, Ids, Ref};

/// Plans a membership; one that stands is left alone but for its role. Tells whether it was made.
pub async fn plan_add(
    db: &Db,
    ids: &Ids,
    call: &Call,
    team: &Ref<Team>,
    new: &NewMember,
    managed_by: ManagedBy,
) -> Result<(Plan, Member, bool)> {
    call.caller.require(Permission::MembersWrite)?;
    let team = records::find::<Team>(db, &call.caller, team).await?;
    let role: Option<Granted<TeamRole>> = match &new.role {
        Some(role) => Some(look_up_one(db, call.account(), role).await?),
        None => None,
    };
    let known = known(db, call, new).await?;
    if let Some(user) = &known {
        let scene = scene(db, call, &team.id, &user.id).await?;
        if scene.standing.is_some() {
            let role = role.as_ref();
            let (plan, member) = change_role(db, call, &team, user.clone(), &scene, role).await?;
            return Ok((plan, member, false));
        }
    }
    let role = role.unwrap_or_else(|| Granted::built_in(TeamRole::Member));
    require_to_give(call, &team.id, &role)?;
    let mut plan = Plan::new("team_member.add");
    let user = if let Some(user) = known {
        user
    } else {
        let user = User::from_new(new.person()?, &Stamp { ids, now: call.now });
        plan.write_all(records::insertion(&user));
        plan.event(user.event("created"));
        user
    };
    plan.write(insertion(
        &team.id, &user.id, &role.role, managed_by, call.now,
    ));
    plan.write_all(role.note());
    plan.event(member_event(&team, &user.id, role.role.as_str()));
    let member = Member {
        team_id: team.id,
        user,
        role: role.role,
        managed_by,
        joined_at: call.now,
    };
    Ok((plan, member, true))
}

/// The person of a body, if they are known.
async fn known(db: &Db, call: &Call, new: &NewMember) -> Result<Option<User>> {
    match (&new.user, &new.email) {
        (Some(reference), None) if !new.describes() => {
            let refs = resolve(db, &call.caller, vec![Reference::to("/user", reference)]).await?;
            let found = Ref::Id(refs.id(reference)?);
            records::find::<User>(db, &call.caller, &found)
                .await
                .map(Some)
        }
        (Some(_), _) => Err(Error::invalid(vec![Fault::new(
            "/user",
            "ambiguous",
            "Name somebody who is known by «user» alone, or describe somebody by «email», names and so on.",
        )])),
        (None, Some(email)) => described(db, call, email, new).await,
        (None, None) => Err(Error::invalid(vec![Fault::new(
            "/user",
            "required",
            "Name somebody who is known by «user», or give the «email» of somebody new.",
        )])),
    }
}

/// Who has the address or the key of a body. It must be one person, and one whom the caller may see: somebody limited to
/// some teams would else draw people of others into their own.
async fn described(db: &Db, call: &Call, email: &Email, new: &NewMember) -> Result<Option<User>> {
    let mut batch = Batch::new();
    let by_email = batch.add::<User>(Select::rows::<User>(
        "WHERE account_id = $1 AND email_key = $2 AND deleted_at IS NULL",
        params![email.key()],
    ));
    let by_key = new.external_id.as_ref().map(|key| {
        batch.add::<User>(Select::rows::<User>(
            "WHERE account_id = $1 AND external_id = $2 AND deleted_at IS NULL",
            params![*key],
        ))
    });
    let mut rows = db.read(call.account(), batch).await?;
    let (by_email, by_key) = (
        rows.first(&by_email),
        by_key.and_then(|slot| rows.first(&slot)),
    );
    if let (Some(one), Some(other)) = (&by_email, &by_key)
        && one.id != other.id
    {
        return Err(Error::new(
            Code::IdentityConflict,
            "The external_id and the e-mail address given belong to different people. Correct one of them, or merge the people.",
        )
        .with("user_ids", vec![one.id.to_string(), other.id.to_string()]));
    }
    let Some(user) = by_email.or(by_key) else {
        return Ok(None);
    };
    if call.caller.reach != Reach::Account {
        let seen = records::maybe::<User>(db, &call.caller, &Ref::Id(user.id.clone())).await?;
        if seen.is_none() {
            return Err(out_of_reach());
        }
    }
    Ok(Some(user))
}

/// The refusal of somebody who is known, but not to a caller limited to some teams.
pub fn out_of_reach() -> Error {
    Error::new(
        Code::Forbidden,
        "This is limited to some teams, and the person is in none of them. Invite them: whoever accepts an invitation has joined by themselves.",
    )
}

impl NewMember {
    /// Whether it says more of the person than who they are.
    fn describes(&self) -> bool {
        self.first_name.is_some()
            || self.last_name.is_some()
            || self.name.is_some()
            || self.company.is_some()
            || self.external_id.is_some()
            || self.locale.is_some()
    }

    /// The person to be made.
    fn person(&self) -> Result<NewUser> {
        let email = self.email.clone();
        let email =
            email.ok_or_else(|| Error::internal("a person without an address was let through"))?;
        Ok(NewUser {
            first_name: self.first_name.clone(),
            last_name: self.last_name.clone(),
            name: self.name.clone(),
            company: self.company.clone(),
            external_id: self.external_id.clone(),
            locale: self.locale.clone(),
            ..NewUser::with_email(email)
        })
    }
}
