//! Brings a team back that was put aside, after a page that says what comes with it.

use maud::{Render, html};
use serde_json::json;

use super::desk::{Desk, Shown, fault, faults, read, summary};
use super::look::{many, team_href};
use super::person_edit::warning;
use crate::access::Permission;
use crate::dashboard::components::{Button, Card, Field, counted};
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::error::{Error, Result};
use crate::lifecycle::restore::{
    DomainOutcome, RestoreTeam, RestoredTeam, ReturnedDomain, aside, plan_restore_team,
};
use crate::resources::Team;
use crate::seats::restore::PlaceOutcome;
use crate::types::Ref;

/// The team of the address that was put aside.
pub(super) async fn departed(desk: &Desk) -> Result<Team> {
    desk.require(Permission::TeamsWrite)?;
    desk.caller().require_account()?;
    let found = desk
        .db()
        .first::<Team>(&desk.caller().account, aside::<Team>(&desk.reference(0)?))
        .await?;
    found.ok_or_else(|| Error::not_found("team"))
}

/// The page and the deed.
pub(super) async fn restore(desk: Desk) -> Result<Shown> {
    let team = departed(&desk).await?;
    let href = team_href(team.id.as_str());
    let (db, ids, reference) = (desk.db(), &desk.app.ids, Ref::Id(team.id.clone()));
    let body = match desk.field("name") {
        "" => json!({}),
        name => json!({ "name": name }),
    };
    let mut errors = None;
    if desk.is_post() {
        let done = match read::<RestoreTeam>(&body) {
            Ok(input) => {
                desk.commit(|| plan_restore_team(db, ids, &desk.call, &reference, &input))
                    .await
            }
            Err(error) => Err(error),
        };
        match done {
            Ok(done) => return Ok(Shown::done(href, format!("{} is back.", done.team.name))),
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let dry = desk.dry();
    let input = RestoreTeam::default();
    let lines = match desk
        .rehearse(&dry, || {
            plan_restore_team(db, ids, &dry, &reference, &input)
        })
        .await
    {
        Ok(done) => lines(&done.value),
        Err(error) => vec![error.detail().to_owned()],
    };
    let call = desk
        .api(
            "call-restore",
            "POST",
            &format!("/teams/{}/restore", team.id),
        )
        .body(body)
        .scope("teams:write");
    let name = Field::text("name", "Another name")
        .value(desk.field("name"))
        .error(fault(errors.as_ref(), "name"))
        .autocomplete("off")
        .hint("Only where the old one belongs to another team by now.");
    let form = desk
        .post(
            format!("{href}/restore"),
            html! { (warning(false, team.name.as_str(), &lines)) (name) },
        )
        .errors(summary(errors.as_ref()))
        .buttons([
            Button::submit("Restore").primary().icon(Icon::Refresh),
            Button::link("Cancel", "/dashboard/teams?deleted=true").quiet(),
        ])
        .after(call);
    let page = Page {
        crumbs: vec![
            ("Teams".into(), "/dashboard/teams".into()),
            ("Put aside".into(), "/dashboard/teams?deleted=true".into()),
        ],
        narrow: true,
        ..Page::titled(format!("Restore {}", team.name))
    };
    Ok(Shown::form(
        page,
        errors.as_ref(),
        Card::new(form.render()).render(),
    ))
}

fn lines(done: &RestoredTeam) -> Vec<String> {
    let places = |outcome| {
        done.places
            .iter()
            .filter(|one| one.outcome == outcome)
            .map(|_| 1)
            .sum::<u64>()
    };
    let whole = |count| u64::try_from(count).unwrap_or(0);
    let mut lines = vec![counted(
        whole(done.memberships_restored),
        "member comes back.",
        "members come back.",
    )];
    let further = [
        (
            whole(done.memberships_waiting),
            "member is put aside too and comes back with a restore of their own.",
            "members are put aside too and come back with a restore of their own.",
        ),
        (
            places(PlaceOutcome::Restored),
            "place comes back, with its history.",
            "places come back, with their history.",
        ),
        (
            places(PlaceOutcome::Waitlisted),
            "place is taken by now: its person waits in line.",
            "places are taken by now: their people wait in line.",
        ),
        (
            places(PlaceOutcome::NotRestored),
            "place does not come back.",
            "places do not come back.",
        ),
    ];
    let domain = |one: &ReturnedDomain| match one.outcome {
        DomainOutcome::Restored => format!("{} is claimed for it again.", one.domain),
        DomainOutcome::Taken => format!("{} is claimed by somebody else by now.", one.domain),
    };
    lines.extend(done.domains.iter().map(domain));
    if done.is_account_default {
        lines.push("It is the account's default team again.".to_owned());
    }
    if !done.default_of.is_empty() {
        let organizations = counted(many(&done.default_of), "organization", "organizations");
        lines.push(format!("It is the default team of {organizations} again."));
    }
    lines.extend(
        further
            .into_iter()
            .filter(|(count, ..)| *count > 0)
            .map(|(count, one, many)| counted(count, one, many)),
    );
    lines
}
