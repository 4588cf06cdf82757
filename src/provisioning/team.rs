//! Which team: the four strategies, decided purely from what was read.

use schemars::JsonSchema;
use serde::Serialize;

use super::request::{OnExisting, Strategy, TeamPart};
use crate::error::{Code, Error, Result};
use crate::resources::Team;
use crate::types::{Name, Timestamp};

/// A team of the person, and their role in it.
#[derive(Debug, Clone)]
pub struct Membership {
    /// The team.
    pub team: Team,
    /// The role.
    pub role: String,
    /// Since when.
    pub joined_at: Timestamp,
}

/// What the decision is made from.
#[derive(Debug, Default)]
pub struct Candidates {
    /// The team that the body names by id or own key.
    pub named_by_id: Option<Team>,
    /// Teams of the name that the body gives, within reach: the organization's where one is given.
    pub named: Vec<Team>,
    /// A team of the name that a new one would have, in the same organization.
    pub of_default_name: Option<Team>,
    /// Of the numbered forms of that name, the keys of those that are taken.
    pub taken: Vec<String>,
    /// The person's own teams, the one joined first before the others.
    pub memberships: Vec<Membership>,
    /// The team that claims the address's domain.
    pub of_domain: Option<Team>,
    /// The default team for new people.
    pub default: Option<Team>,
}

/// A rule that did not fit, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PassedOver {
    /// The rule.
    pub rule: &'static str,
    /// Why it did not fit.
    pub why: String,
}

/// Which rule won, and why the earlier ones did not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Decision {
    /// The rule that won, such as `auto.joined_first`.
    pub rule: &'static str,
    /// Why.
    pub why: String,
    /// The rules before it.
    pub passed_over: Vec<PassedOver>,
}

/// What was decided.
#[derive(Debug, Clone)]
pub enum Choice {
    /// A team that stands.
    Existing(Box<Team>),
    /// A new team of this name.
    New(Name),
}

/// A choice with its reasons.
#[derive(Debug, Clone)]
pub struct Decided {
    /// The team.
    pub choice: Choice,
    /// The reasons.
    pub decision: Decision,
}

fn existing(
    team: &Team,
    rule: &'static str,
    why: impl Into<String>,
    passed_over: Vec<PassedOver>,
) -> Decided {
    Decided {
        choice: Choice::Existing(Box::new(team.clone())),
        decision: Decision {
            rule,
            why: why.into(),
            passed_over,
        },
    }
}

/// Decides. `default_name` is what a new team would be called.
pub fn decide(part: &TeamPart, default_name: &Name, candidates: &Candidates) -> Result<Decided> {
    match part.strategy.unwrap_or(Strategy::Auto) {
        Strategy::Specific => specific(part, candidates),
        Strategy::First => first(candidates),
        Strategy::Create => create(part, default_name, candidates),
        Strategy::Auto => auto(part, default_name, candidates),
    }
}

fn not_found(what: &str) -> Error {
    Error::new(
        Code::TeamNotFound,
        format!(
            "There is no team {what} within reach. Create it first, or use the strategy «auto» or «create»."
        ),
    )
}

fn specific(part: &TeamPart, candidates: &Candidates) -> Result<Decided> {
    if let Some(id) = &part.id {
        let team = candidates
            .named_by_id
            .as_ref()
            .ok_or_else(|| not_found(&format!("«{id}»")))?;
        return Ok(existing(
            team,
            "specific.id",
            "The body names the team.",
            Vec::new(),
        ));
    }
    let name = part.name.as_ref().map_or("", Name::as_str);
    match candidates.named.as_slice() {
        [] => Err(not_found(&format!("of the name «{name}»"))),
        [team] => Ok(existing(
            team,
            "specific.name",
            "The body names the team by its exact name.",
            Vec::new(),
        )),
        several => {
            let ids: Vec<_> = several.iter().map(|team| team.id.to_string()).collect();
            Err(Error::new(Code::TeamNotFound, format!("{} teams have the name «{name}». Name the organization too, or the team by its id.", several.len())).with("teams", ids))
        }
    }
}

fn first(candidates: &Candidates) -> Result<Decided> {
    if let Some(membership) = candidates.memberships.first() {
        return Ok(existing(
            &membership.team,
            "first.joined_first",
            "It is the team that the person joined first.",
            Vec::new(),
        ));
    }
    let passed = vec![PassedOver {
        rule: "first.joined_first",
        why: "The person is in no team.".to_owned(),
    }];
    let team = candidates.default.as_ref().ok_or_else(|| {
        Error::new(
            Code::NoTeam,
            "The person is in no team, and no default team for new people is set. Set one in the organization or the account, or use the strategy «auto» or «create».",
        )
    })?;
    Ok(existing(
        team,
        "first.default",
        "It is the default team for new people.",
        passed,
    ))
}

fn create(part: &TeamPart, default_name: &Name, candidates: &Candidates) -> Result<Decided> {
    let name = part.name.as_ref().unwrap_or(default_name);
    let standing = if part.name.is_some() {
        candidates.named.first()
    } else {
        candidates.of_default_name.as_ref()
    };
    let Some(team) = standing else {
        let decision = Decision {
            rule: "create.new",
            why: "No team of this name stands in the organization.".to_owned(),
            passed_over: Vec::new(),
        };
        return Ok(Decided {
            choice: Choice::New(name.clone()),
            decision,
        });
    };
    if candidates
        .memberships
        .iter()
        .any(|membership| membership.team.id == team.id)
    {
        return Ok(existing(
            team,
            "create.repeat",
            "The person is already in the team of this name: a repeat.",
            Vec::new(),
        ));
    }
    if part.on_existing == Some(OnExisting::Use) {
        return Ok(existing(
            team,
            "create.use_existing",
            "A team of this name stands, and «on_existing» says to use it.",
            Vec::new(),
        ));
    }
    Err(Error::new(
        Code::TeamNameTaken,
        format!("Another team has the name «{name}». Join it with «on_existing»: «use», or give another name."),
    )
    .with("team_id", team.id.as_str()))
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

fn auto(part: &TeamPart, default_name: &Name, candidates: &Candidates) -> Result<Decided> {
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
pub(super) fn numbered(name: &Name) -> impl Iterator<Item = Name> {
    let shortened: String = name.as_str().chars().take(190).collect();
    (2..=200).filter_map(move |number| Name::parse(&format!("{shortened} ({number})")).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::Stamp;
    use crate::types::Ids;

    fn name(text: &str) -> Name {
        Name::parse(text).expect("a name")
    }

    fn team(text: &str) -> Team {
        Team::named(
            name(text),
            None,
            &Stamp {
                ids: &Ids::seeded(text.len() as u64),
                now: Timestamp::from_micros(1_000_000),
            },
        )
    }

    fn member_of(text: &str, role: &str) -> Membership {
        Membership {
            team: team(text),
            role: role.to_owned(),
            joined_at: Timestamp::from_micros(0),
        }
    }

    fn rule(part: &TeamPart, candidates: &Candidates) -> &'static str {
        decide(part, &name("Ada Byron's team"), candidates)
            .expect("a decision")
            .decision
            .rule
    }

    #[test]
    fn auto_takes_the_first_rule_that_fits() {
        let auto = TeamPart::default();
        assert_eq!(rule(&auto, &Candidates::default()), "auto.create");
        let default = || Candidates {
            default: Some(team("Default")),
            ..Candidates::default()
        };
        assert_eq!(rule(&auto, &default()), "auto.default");
        let domain = || Candidates {
            of_domain: Some(team("Domain")),
            ..default()
        };
        assert_eq!(rule(&auto, &domain()), "auto.domain");
        let joined = Candidates {
            memberships: vec![member_of("One", "member")],
            ..domain()
        };
        assert_eq!(rule(&auto, &joined), "auto.joined_first");
        let owner = Candidates {
            memberships: vec![member_of("One", "member"), member_of("Second", "owner")],
            ..domain()
        };
        assert_eq!(rule(&auto, &owner), "auto.owned");
        let both = Candidates {
            memberships: vec![member_of("One", "owner"), member_of("Second", "owner")],
            ..domain()
        };
        let decided = decide(&auto, &name("x"), &both).expect("a decision");
        assert_eq!(decided.decision.rule, "auto.joined_first");
        assert_eq!(decided.decision.passed_over.len(), 3);
        let named = TeamPart {
            name: Some(name("New")),
            ..TeamPart::default()
        };
        assert!(
            matches!(decide(&named, &name("x"), &both), Ok(Decided { choice: Choice::New(made), .. }) if made == name("New"))
        );
    }

    #[test]
    fn create_repeats_uses_or_refuses() {
        let part = TeamPart {
            strategy: Some(Strategy::Create),
            name: Some(name("One")),
            ..TeamPart::default()
        };
        assert_eq!(rule(&part, &Candidates::default()), "create.new");
        let standing = || Candidates {
            named: vec![team("One")],
            ..Candidates::default()
        };
        assert_eq!(
            decide(&part, &name("x"), &standing())
                .expect_err("taken")
                .code(),
            Code::TeamNameTaken
        );
        let mine = Candidates {
            memberships: vec![member_of("One", "owner")],
            ..standing()
        };
        assert_eq!(rule(&part, &mine), "create.repeat");
        let using = TeamPart {
            on_existing: Some(OnExisting::Use),
            ..part
        };
        assert_eq!(rule(&using, &standing()), "create.use_existing");
    }

    #[test]
    fn specific_and_first_never_make_a_team() {
        let part = TeamPart {
            strategy: Some(Strategy::Specific),
            name: Some(name("One")),
            ..TeamPart::default()
        };
        assert_eq!(
            decide(&part, &name("x"), &Candidates::default())
                .expect_err("none")
                .code(),
            Code::TeamNotFound
        );
        let part = TeamPart {
            strategy: Some(Strategy::First),
            ..TeamPart::default()
        };
        assert_eq!(
            decide(&part, &name("x"), &Candidates::default())
                .expect_err("none")
                .code(),
            Code::NoTeam
        );
    }
}
