//! The person of the call, and their membership in the team.

use serde_json::json;

use super::Work;
use crate::access::grants::{Granted, permissions_of, require_grant, require_grant_in};
use crate::access::owners;
use crate::access::roles::{MemberRole, TeamRole};
use crate::db::{Db, Statement};
use crate::error::{Code, Error, Result};
use crate::events::Event;
use crate::params;
use crate::provisioning::answer::{MembershipAnswer, RecordOutcome};
use crate::provisioning::request::UserPart;
use crate::provisioning::scene::{First, SeatScene};
use crate::records;
use crate::resource::{Resolved, Resource};
use crate::resources::user::{NewUser, UserPatch, UserStatus};
use crate::resources::{Team, User};
use crate::seats::change::member_event;
use crate::types::Patch;

impl Work<'_> {
    pub(super) fn user(&mut self, first: &First) -> Result<(User, RecordOutcome)> {
        let part = &self.request.user;
        let Some(before) = &first.user else {
            let email = part
                .email
                .clone()
                .ok_or_else(|| Error::internal("a person without an address was let through"))?;
            let user = User::from_new(new_user(part, email), &self.stamp());
            self.plan.write_all(records::insertion(&user));
            self.plan.event(user.event("created"));
            return Ok((user, RecordOutcome::Created));
        };
        if before.status == UserStatus::Deactivated {
            return Err(Error::new(Code::StateConflict, "The person is deactivated. Activate them first: PATCH /api/users/{id} with «status»: «active».")
                .with("user_id", before.id.as_str()));
        }
        let mut after = before.clone();
        let patch = patch_of(part, before, &first.known_by);
        after.apply(patch, &Resolved::default(), self.call.now)?;
        let changes = records::change(before, &after, "updated");
        if changes.is_empty() {
            return Ok((before.clone(), RecordOutcome::Existing));
        }
        self.plan.absorb(changes);
        Ok((after, RecordOutcome::Updated))
    }

    pub(super) async fn membership(
        &mut self,
        db: &Db,
        user: &User,
        team: &Team,
        team_outcome: RecordOutcome,
        first: &First,
        scene: &SeatScene,
    ) -> Result<MembershipAnswer> {
        let wanted = self.role.clone();
        let standing = first
            .candidates
            .memberships
            .iter()
            .find(|membership| membership.team.id == team.id);
        let Some(standing) = standing else {
            let first_member = if team_outcome == RecordOutcome::Created {
                TeamRole::Owner
            } else {
                TeamRole::Member
            };
            let role = wanted.unwrap_or_else(|| Granted::built_in(first_member));
            self.require_to_give(team, team_outcome, &role)?;
            self.plan.write(Statement::new(
                "INSERT INTO team_members (account_id, team_id, user_id, role, managed_by, joined_at) VALUES ($1, $2, $3, $4, 'provision', $5)",
                params![team.id.clone(), user.id.clone(), role.role, self.call.now],
            ));
            self.plan.write_all(role.note());
            self.plan
                .event(member_event(team, &user.id, role.role.as_str()));
            return Ok(MembershipAnswer {
                role: role.role.to_string(),
                outcome: RecordOutcome::Created,
            });
        };
        let Some(role) = wanted.filter(|role| role.role.as_str() != standing.role) else {
            self.is_member = true;
            return Ok(MembershipAnswer {
                role: standing.role.clone(),
                outcome: RecordOutcome::Existing,
            });
        };
        self.require_to_give(team, team_outcome, &role)?;
        if let Some(present) = MemberRole::parse(&standing.role) {
            let held = permissions_of(db, self.call.account(), &present).await?;
            require_grant_in(&self.call.caller, team.id.as_str(), &held)?;
        }
        if standing.role == TeamRole::Owner.as_str() {
            self.plan.write(owners::leave_team(&team.id, scene.owners)?);
        }
        self.plan.write(Statement::guarded(
            "UPDATE team_members SET role = $2, version = version + 1 WHERE account_id = $1 AND team_id = $3 AND user_id = $4 AND role = $5",
            params![role.role, team.id.clone(), user.id.clone(), standing.role.clone()],
        ));
        self.plan.write_all(role.note());
        let data = json!({ "team_id": team.id, "user_id": user.id, "role": role.role });
        self.plan.event(
            Event::new("team_member.updated", &team.id, data)
                .team(&team.id)
                .user(&user.id)
                .previous(json!({ "role": standing.role })),
        );
        Ok(MembershipAnswer {
            role: role.role.to_string(),
            outcome: RecordOutcome::Updated,
        })
    }

    /// Refuses a role that holds what the caller does not hold in the team. A team that this very call makes has nothing
    /// yet, and whoever may make it may give it its first owner.
    fn require_to_give(
        &self,
        team: &Team,
        team_outcome: RecordOutcome,
        role: &Granted<TeamRole>,
    ) -> Result<()> {
        let caller = &self.call.caller;
        if team_outcome == RecordOutcome::Existing {
            return require_grant_in(caller, team.id.as_str(), &role.permissions);
        }
        if role.permissions.is_subset(&TeamRole::Owner.permissions()) {
            return Ok(());
        }
        require_grant(caller, &role.permissions)
    }
}

fn new_user(part: &UserPart, email: crate::types::Email) -> NewUser {
    NewUser {
        email,
        first_name: part.first_name.clone(),
        last_name: part.last_name.clone(),
        name: part.name.clone(),
        company: part.company.clone(),
        external_id: part.external_id.clone(),
        locale: part.locale.clone(),
        timezone: part.timezone.clone(),
        tags: part.tags.clone().unwrap_or_default(),
        metadata: part.metadata.clone().unwrap_or_default(),
    }
}

/// The members given, as a patch; absent ones stay. An address or a key by which the person is known already, be it in
/// other letters or from before a merge, changes nothing.
fn patch_of(part: &UserPart, before: &User, known_by: &[&str]) -> UserPatch {
    fn set<T: Clone>(given: Option<&T>) -> Patch<T> {
        given.cloned().map_or(Patch::Keep, Patch::Set)
    }
    UserPatch {
        email: part
            .email
            .clone()
            .filter(|_| !known_by.contains(&"email_key")),
        first_name: set(part.first_name.as_ref()),
        last_name: set(part.last_name.as_ref()),
        name: set(part
            .name
            .as_ref()
            .filter(|name| before.name.as_ref() != Some(name))),
        company: set(part.company.as_ref()),
        external_id: set(part
            .external_id
            .as_ref()
            .filter(|_| !known_by.contains(&"external_id"))),
        locale: set(part.locale.as_ref()),
        timezone: set(part.timezone.as_ref()),
        status: None,
        tags: part.tags.clone(),
        metadata: part.metadata.clone(),
    }
}
