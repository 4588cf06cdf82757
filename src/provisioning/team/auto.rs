//! The strategy «auto»: the first rule that leads to a team, else a new one.

use super::{Candidates, Choice, Decided, Decision, PassedOver, existing, not_found};
use crate::error::{Code, Error, Result};
use crate::provisioning::request::TeamPart;
use crate::resources::Team;
use crate::types::Name;

pub(super) fn auto(
    part: &TeamPart,
    default_name: &Name,
    candidates: &Candidates,
) -> Result<Decided> {
    let mut passed: Vec<PassedOver> = Vec::new();
    if let Some(id) = &part.id {
        let team = candidates.named_by_id.as_ref();
        let team = team.ok_or_else(|| not_found(&format!("«{id}»")))?;
        let why = "The body names the team.";
        return Ok(existing(team, "auto.given_id", why, passed));
    }
    passed.push(passed_over(
        "auto.given_id",
        "The body names no team by id or ext: key.",
    ));
    if let Some(name) = &part.name {
        return Ok(given_name(name, candidates, passed));
    }
    passed.push(passed_over(
        "auto.given_name",
        "The body gives no team name.",
    ));
    match of_the_person(candidates, &mut passed).or_else(|| of_the_others(candidates, &mut passed))
    {
        Some((team, rule, why)) => Ok(existing(team, rule, why, passed)),
        None => new_team(default_name, candidates, passed),
    }
}

/// The team of the given name, or a new one. Of several teams of the name, one's own is meant.
fn given_name(name: &Name, candidates: &Candidates, passed_over: Vec<PassedOver>) -> Decided {
    let is_own = |team: &&Team| candidates.memberships.iter().any(|m| m.team.id == team.id);
    let own = candidates.named.iter().find(is_own);
    if let Some(team) = own.or(candidates.named.first()) {
        let why = "A team of the given name stands.";
        return existing(team, "auto.given_name", why, passed_over);
    }
    Decided {
        choice: Choice::New(name.clone()),
        decision: Decision {
            rule: "auto.given_name",
            why: "No team of the given name stands, so it is made.".to_owned(),
            passed_over,
        },
    }
}

fn passed_over(rule: &'static str, why: &str) -> PassedOver {
    PassedOver {
        rule,
        why: why.to_owned(),
    }
}

type Found<'a> = (&'a Team, &'static str, &'static str);

/// The rules on the person's own teams.
fn of_the_person<'a>(
    candidates: &'a Candidates,
    passed: &mut Vec<PassedOver>,
) -> Option<Found<'a>> {
    let all = &candidates.memberships;
    let owned: Vec<_> = all.iter().filter(|one| one.role == "owner").collect();
    if let [one] = owned.as_slice() {
        let why = "It is the only team the person owns.";
        return Some((&one.team, "auto.owned", why));
    }
    let why = if owned.is_empty() {
        "The person owns no team."
    } else {
        "The person owns several teams."
    };
    passed.push(passed_over("auto.owned", why));
    if let Some(first) = all.first() {
        let why = "It is the team that the person joined first.";
        return Some((&first.team, "auto.joined_first", why));
    }
    passed.push(passed_over(
        "auto.joined_first",
        "The person is in no team.",
    ));
    None
}

/// The rules on teams that take in new people.
fn of_the_others<'a>(
    candidates: &'a Candidates,
    passed: &mut Vec<PassedOver>,
) -> Option<Found<'a>> {
    if let Some(team) = &candidates.of_domain {
        let why = "The team claims the domain of the person's address.";
        return Some((team, "auto.domain", why));
    }
    passed.push(passed_over(
        "auto.domain",
        "No team claims the domain of the person's address.",
    ));
    if let Some(team) = &candidates.default {
        let why = "It is the default team for new people.";
        return Some((team, "auto.default", why));
    }
    passed.push(passed_over(
        "auto.default",
        "No default team for new people is set.",
    ));
    None
}

/// A team of the default name. Somebody else's team of that very name is not taken: the new one gets a free number.
fn new_team(
    default_name: &Name,
    candidates: &Candidates,
    passed_over: Vec<PassedOver>,
) -> Result<Decided> {
    let free = || numbered(default_name).find(|name| !candidates.taken.contains(&name.key()));
    let name = match &candidates.of_default_name {
        None => default_name.clone(),
        Some(team) => free().ok_or_else(|| {
            Error::new(
                Code::TeamNameTaken,
                format!("Teams of the name «{default_name}» and its numbers stand already. Give another name."),
            )
            .with("team_id", team.id.as_str())
        })?,
    };
    Ok(Decided {
        choice: Choice::New(name),
        decision: Decision {
            rule: "auto.create",
            why: "No rule led to a team, so one is made.".to_owned(),
            passed_over,
        },
    })
}

/// The name with a number behind it, from 2 on.
pub(in crate::provisioning) fn numbered(name: &Name) -> impl Iterator<Item = Name> {
    let shortened: String = name.as_str().chars().take(190).collect();
    (2..=200).filter_map(move |number| Name::parse(&format!("{shortened} ({number})")).ok())
}
