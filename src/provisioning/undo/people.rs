//! Membership, team and person: each goes where nothing later stands on it.

use serde_json::json;

use super::Work;
use super::scene::Scene;
use crate::access::owners;
use crate::db::Statement;
use crate::error::Result;
use crate::events::Event;
use crate::params;
use crate::resource::Resource;
use crate::resources::user::UserStatus;
use crate::seats::Assignment;
use crate::types::Timestamp;

impl Work<'_> {
    /// Membership, team and person, each where nothing stands on it.
    pub(super) fn records(&mut self, scene: &Scene, ended: &[Assignment]) -> Result<()> {
        let is_left = |one: &&Assignment| !ended.iter().any(|other| other.id == one.id);
        let left: Vec<_> = scene.live.iter().filter(is_left).collect();
        let places_for_team = left
            .iter()
            .filter(|one| Some(&one.team_id) == scene.provision.team_id.as_ref())
            .count();
        let own_seats = self.made.places.iter().filter(|one| one.seat_made).count();
        let own_seats = i64::try_from(own_seats).unwrap_or(i64::MAX);
        let counts = &scene.counts;
        let team_is_free = counts.members == 0
            && places_for_team == 0
            && counts.for_others == 0
            && counts.seats <= own_seats
            && !self.report.kept.iter().any(|one| one.what == "places");
        let team_goes = self.made.team && scene.team.is_some() && team_is_free;
        let user_goes = self.user_goes(scene, left.len(), team_goes);
        self.membership(scene, user_goes, team_goes, places_for_team)?;
        if let (true, Some(team)) = (self.made.team, &scene.team) {
            if team_goes {
                self.plan.write_all(team.farewell(self.call.now));
                self.plan.write(put_aside(
                    "teams",
                    team.id.as_str(),
                    self.call.now,
                    team.version,
                ));
                self.plan.event(team.event("deleted"));
                self.report.undone(
                    "team",
                    &team.id,
                    "It is put aside; it can be restored for 30 days.",
                );
            } else {
                self.report.kept(
                    "team",
                    &team.id,
                    "Others are in it, or places of it are in use.",
                );
            }
        }
        if let (true, Some(user)) = (user_goes, &scene.user) {
            self.plan.write_all(user.farewell(self.call.now));
            self.plan.write(put_aside(
                "users",
                user.id.as_str(),
                self.call.now,
                user.version,
            ));
            self.plan.event(user.event("deleted"));
            self.report.undone(
                "user",
                &user.id,
                "The person is put aside and can be restored for 30 days.",
            );
        }
        Ok(())
    }

    /// Whether the person goes; where not, the reason is told.
    fn user_goes(&mut self, scene: &Scene, places: usize, team_goes: bool) -> bool {
        let Some(user) = scene.user.as_ref().filter(|_| self.made.user) else {
            return false;
        };
        let counts = &scene.counts;
        let why = if user.status != UserStatus::Invited || user.last_seen_at.is_some() {
            "The person has signed in."
        } else if counts.teams > 0 {
            "The person is in other teams."
        } else if counts.provisions > 0 {
            "Later provisions are about the person."
        } else if places > 0 {
            "The person has places that are in use, or were given later."
        } else if counts.roles > 0 {
            "The person was given roles beyond the team."
        } else if is_last_owner(scene) && counts.members > 0 && !team_goes {
            "The person is the last owner of a team with other members."
        } else if user.version > 1 {
            "The record was changed later."
        } else {
            return true;
        };
        self.report.kept("user", &user.id, why);
        false
    }

    fn membership(
        &mut self,
        scene: &Scene,
        user_goes: bool,
        team_goes: bool,
        places: usize,
    ) -> Result<()> {
        let (Some(made), Some(team), Some(user)) =
            (&self.made.membership, &scene.team, &scene.user)
        else {
            return Ok(());
        };
        let Some(role) = scene.role.clone() else {
            return Ok(());
        };
        let why = if role != *made {
            Some("The role was changed later.")
        } else if places > 0 {
            Some("The person has places for this team.")
        } else if is_last_owner(scene) {
            Some("The person is the team's last owner.")
        } else {
            None
        };
        let name = format!("{}/{}", team.id, user.id);
        if let Some(why) = why.filter(|_| !user_goes && !team_goes) {
            self.report.kept("membership", &name, why);
            return Ok(());
        }
        self.report.undone("membership", &name, "It ends.");
        let data = json!({ "team_id": team.id, "user_id": user.id, "role": role });
        self.plan.event(
            Event::new("team_member.removed", &team.id, data)
                .team(&team.id)
                .user(&user.id),
        );
        // An owner who leaves a team that stays is missed, so that of two who leave at once one stays.
        if role == "owner" && !team_goes && !is_last_owner(scene) {
            self.plan.write(owners::leave_team(&team.id, scene.owners)?);
        }
        // With the person or the team the row goes anyway, and is kept for a restore.
        if !user_goes && !team_goes {
            self.plan.write(Statement::guarded(
                "DELETE FROM team_members WHERE account_id = $1 AND team_id = $2 AND user_id = $3 AND role = $4",
                params![team.id.clone(), user.id.clone(), role],
            ));
        }
        Ok(())
    }

    /// Changes of what stood before are not taken back.
    pub(super) fn changes(&mut self, scene: &Scene) {
        if self.made.user_updated {
            let says = "The record was changed, not made; its events tell how it was before.";
            self.report.kept("user", &scene.provision.user_id, says);
        }
        if let (true, Some(team)) = (self.made.role_changed, &scene.provision.team_id) {
            let name = format!("{team}/{}", scene.provision.user_id);
            let says = "The role was changed, not given; its events tell what it was before.";
            self.report.kept("membership", &name, says);
        }
    }
}

/// Whether the person owns the team and nobody else does.
fn is_last_owner(scene: &Scene) -> bool {
    let others = scene.owners.map_or(0, |(_, others)| others);
    scene.role.as_deref() == Some("owner") && others == 0
}

fn put_aside(table: &str, id: &str, now: Timestamp, version: i64) -> Statement {
    Statement::guarded(
        format!(
            "UPDATE {table} SET deleted_at = $2, updated_at = $2, version = version + 1 WHERE account_id = $1 AND id = $3 AND version = $4 AND deleted_at IS NULL"
        ),
        params![now, id.to_owned(), version],
    )
}
