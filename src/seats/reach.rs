//! How far a caller limited to teams reaches among seats: only places of its teams, and whole seats only where all their
//! teams are its own.

use crate::access::Caller;
use crate::error::{Code, Error, Result};
use crate::resources::Team;
use crate::types::Id;

/// Whether a team is within reach.
pub fn reaches(caller: &Caller, team: &Id<Team>) -> bool {
    caller.reach.holds(team.as_str())
}

/// Refuses what concerns teams beyond the caller's reach.
pub fn require_reach<'t>(
    caller: &Caller,
    teams: impl IntoIterator<Item = &'t Id<Team>>,
) -> Result<()> {
    if teams.into_iter().all(|team| reaches(caller, team)) {
        return Ok(());
    }
    Err(Error::new(
        Code::Forbidden,
        "The seat is shared with teams beyond your reach; only somebody who reaches them all can change it as a whole.",
    ))
}
