//! Which team: the four strategies, decided purely from what was read.

mod auto;

use schemars::JsonSchema;
use serde::Serialize;

use super::request::{OnExisting, Strategy, TeamPart};
use crate::error::{Code, Error, Result};
use crate::resources::Team;
use crate::types::{Name, Timestamp};
use auto::auto;

pub(super) use auto::numbered;

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
