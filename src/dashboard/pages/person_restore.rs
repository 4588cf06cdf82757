//! The way back of a person who was put aside, after a page that says what comes back.

use maud::{Render, html};
use serde_json::json;

use super::desk::{Desk, Shown, fault, faults, read, summary};
use super::look::user_href;
use super::person_edit::warning;
use super::person_life::departed;
use crate::access::Permission;
use crate::dashboard::components::{Button, Card, Field, counted};
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::error::Result;
use crate::lifecycle::restore::{
    MembershipOutcome, RestoreUser, ReturnedMembership, plan_restore_user,
};
use crate::seats::restore::{PlaceOutcome, ReturnedPlace};
use crate::types::Ref;

/// Restores a person, after a page that says what comes back.
pub(super) async fn restore(desk: Desk) -> Result<Shown> {
    let user = departed(&desk).await?;
    let href = user_href(user.id.as_str());
    let body = match desk.field("email") {
        "" => json!({}),
        email => json!({ "email": email }),
    };
    let (db, ids, reference) = (desk.db(), &desk.app.ids, Ref::Id(user.id.clone()));
    let mut errors = None;
    if desk.is_post() {
        let done = match read::<RestoreUser>(&body) {
            Ok(input) => {
                desk.commit(|| plan_restore_user(db, ids, &desk.call, &reference, &input))
                    .await
            }
            Err(error) => Err(error),
        };
        match done {
            Ok(done) => {
                let text = format!("{} is back.", done.user.display_name());
                return Ok(Shown::done(href, text));
            }
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let dry = desk.dry();
    let input = RestoreUser::default();
    let lines = match desk
        .rehearse(&dry, || {
            plan_restore_user(db, ids, &dry, &reference, &input)
        })
        .await
    {
        Ok(done) => restored_lines(&done.value.memberships, &done.value.places),
        Err(error) => vec![error.detail().to_owned()],
    };
    let email = Field::email("email", "Another address")
        .value(desk.field("email"))
        .error(fault(errors.as_ref(), "email"))
        .autocomplete("off")
        .hint("Only where the old one belongs to somebody else by now.");
    let call = desk
        .api(
            "call-restore",
            "POST",
            &format!("/users/{}/restore", user.id),
        )
        .body(body)
        .scope("users:write");
    let form = desk
        .post(
            format!("{href}/restore"),
            html! { (warning(false, user.display_name(), &lines)) (email) },
        )
        .errors(summary(errors.as_ref()))
        .buttons([
            Button::submit("Restore").primary().icon(Icon::Refresh),
            Button::link("Cancel", "/dashboard/users?deleted=true").quiet(),
        ])
        .after(call);
    let lead = user.deleted_at.map(|at| {
        format!(
            "Put aside on {}; can be restored for 30 days.",
            at.to_jiff().strftime("%-d %b %Y")
        )
    });
    let page = Page {
        crumbs: vec![
            ("Users".into(), "/dashboard/users".into()),
            ("Put aside".into(), "/dashboard/users?deleted=true".into()),
        ],
        lead,
        narrow: true,
        actions: desk.may(Permission::UsersErase).then(|| {
            html! { (Button::link("Erase for good", format!("{href}/erase")).icon(Icon::Trash)) }
        }),
        ..Page::titled(format!("Restore {}", user.display_name()))
    };
    Ok(Shown::form(
        page,
        errors.as_ref(),
        Card::new(form.render()).render(),
    ))
}

/// What comes back, in plain words.
fn restored_lines(memberships: &[ReturnedMembership], places: &[ReturnedPlace]) -> Vec<String> {
    let members = |outcome| {
        memberships
            .iter()
            .filter(|one| one.outcome == outcome)
            .map(|_| 1)
            .sum::<u64>()
    };
    let seats = |outcome| {
        places
            .iter()
            .filter(|one| one.outcome == outcome)
            .map(|_| 1)
            .sum::<u64>()
    };
    let lines = [
        (
            members(MembershipOutcome::Restored),
            "membership comes back.",
            "memberships come back.",
        ),
        (
            members(MembershipOutcome::Waits),
            "membership waits for its team, which is put aside too.",
            "memberships wait for their teams, which are put aside too.",
        ),
        (
            seats(PlaceOutcome::Restored),
            "place comes back, with its history.",
            "places come back, with their history.",
        ),
        (
            seats(PlaceOutcome::Waitlisted),
            "place is taken by now: the person waits in line.",
            "places are taken by now: the person waits in line.",
        ),
    ];
    let mut told: Vec<String> = vec!["They may sign in again.".to_owned()];
    told.extend(
        lines
            .into_iter()
            .filter(|(count, ..)| *count > 0)
            .map(|(count, one, many)| counted(count, one, many)),
    );
    told.extend(
        places
            .iter()
            .filter_map(|one| one.why)
            .map(|why| format!("One place does not come back: {why}")),
    );
    told
}
