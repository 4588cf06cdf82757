//! Moving an organization: where to, what that changes, and the deed.

use maud::{Markup, html};
use serde_json::json;

use super::desk::{Desk, Shown, fault, faults, summary};
use super::look::organization_href;
use super::organization::find;
use super::organization_edit::{choices, page, shown};
use super::person_edit::warning;
use super::provision::with_none;
use crate::access::Permission;
use crate::dashboard::components::{Button, Field, counted};
use crate::error::{Error, Fault, Result};
use crate::resources::Organization;
use crate::resources::organization::preview::OrganizationMove;
use crate::resources::organization::tree;
use crate::types::Ref;

/// Moves an organization: where to, what that changes, the deed.
pub(super) async fn relocate(desk: Desk) -> Result<Shown> {
    desk.require(Permission::OrganizationsWrite)?;
    let node = find(&desk).await?;
    let href = organization_href(node.id.as_str());
    let (db, reference) = (desk.db(), Ref::Id(node.id.clone()));
    let mut errors = None;
    let mut preview = None;
    if desk.is_post() {
        let target: Option<Ref<Organization>> = match desk.field("parent") {
            "" => None,
            text => Some(
                Ref::parse(text)
                    .map_err(|why| Error::invalid(vec![Fault::new("/parent", "invalid", why)]))?,
            ),
        };
        let confirmed = !desk.field("confirmed").is_empty();
        let dry = desk.dry();
        let call = if confirmed { &desk.call } else { &dry };
        let plan = || tree::plan_move(db, call, &reference, target.as_ref(), |_| Ok(()));
        let done = if confirmed {
            desk.commit(plan).await
        } else {
            desk.rehearse(call, plan).await.map(|done| done.value)
        };
        match done {
            Ok(told) if confirmed => {
                let text = format!("{} was moved.", told.organization.name);
                return Ok(Shown::done(href, text));
            }
            Ok(told) => preview = Some(told),
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let choices: Vec<_> = choices(&desk)
        .await?
        .into_iter()
        .filter(|(id, _)| id != node.id.as_str())
        .collect();
    let stands = node.parent_id.as_ref().map_or("", |id| id.as_str());
    let body = html! {
        (Field::select("parent", "Below", with_none("Nothing: a customer of its own", &choices)).value(desk.shown("parent", stands)).error(fault(errors.as_ref(), "parent")))
        @if let Some(told) = &preview { (consequences(told)) }
    };
    let call = desk
        .api(
            "call-move",
            "POST",
            &format!("/organizations/{}/move?dry_run=true", node.id),
        )
        .body(json!({ "parent": "ext:acme" }))
        .scope("organizations:write");
    let confirm = Button::submit_value("Move it", "confirmed", "true").primary();
    let look = Button::submit(if preview.is_some() {
        "Look again"
    } else {
        "Show what changes"
    });
    let cancel = Button::link("Cancel", href.clone()).quiet();
    let buttons = match &preview {
        Some(_) => vec![confirm, look, cancel],
        None => vec![look.primary(), cancel],
    };
    let form = desk
        .post(format!("{href}/move"), body)
        .errors(summary(errors.as_ref()))
        .buttons(buttons)
        .after(call);
    Ok(shown(
        page(&node, &format!("Move {}", node.name)),
        errors.as_ref(),
        &form,
    ))
}

/// What a move changes, in words.
fn consequences(told: &OrganizationMove) -> Markup {
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let names = |list: &[crate::resources::organization::inheritance::Named]| {
        let names: Vec<&str> = list.iter().map(|one| one.name.as_str()).collect();
        names.join(", ")
    };
    let mut lines = vec![
        format!("It stands at level {} afterwards.", told.organization.depth),
        format!(
            "{} and {} come along.",
            counted(
                number(told.organization_count),
                "organization below it",
                "organizations below it"
            ),
            counted(number(told.team_count), "team", "teams")
        ),
    ];
    if !told.catalog_gained.is_empty() {
        lines.push(format!(
            "It sees the catalog of {}.",
            names(&told.catalog_gained)
        ));
    }
    if !told.catalog_lost.is_empty() {
        lines.push(format!(
            "It does not see the catalog of {} any more.",
            names(&told.catalog_lost)
        ));
    }
    for change in &told.branding {
        let value = |one: &Option<crate::resources::organization::branding::Sourced>| {
            one.as_ref()
                .map_or("nothing".to_owned(), |one| one.value.clone())
        };
        let (before, after) = (value(&change.before), value(&change.after));
        lines.push(format!(
            "Look, {}: {before} becomes {after}.",
            change.member.replace('_', " ")
        ));
    }
    for (list, words) in [
        (
            &told.admins_gained,
            [
                "person further up looks after it from then on",
                "people further up look after it from then on",
            ],
        ),
        (
            &told.admins_lost,
            [
                "person further up does not look after it any more",
                "people further up do not look after it any more",
            ],
        ),
    ] {
        if !list.is_empty() {
            let [one, many] = words;
            lines.push(format!("{}.", counted(number(list.len()), one, many)));
        }
    }
    if !told.default_teams_cleared.is_empty() {
        lines.push(format!(
            "{} lose their default team, which moves away.",
            names(&told.default_teams_cleared)
        ));
    }
    warning(true, told.organization.name.as_str(), &lines)
}
