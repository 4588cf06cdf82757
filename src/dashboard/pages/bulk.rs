//! Several people at once: first what would happen to each, then what did.

use maud::{Render, html};
use serde_json::json;

use super::desk::{Desk, Shown};
use super::look::{user_badge, user_href};
use crate::access::Permission;
use crate::dashboard::components::{
    Avatar, Badge, Button, Callout, Cell, Column, EmptyState, Row, Table, Tone, counted,
};
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::db::{Batch, Row as _, Select};
use crate::error::{Code, Error, Result};
use crate::params;
use crate::resources::User;
use crate::resources::user::{UserPatch, UserStatus};
use crate::seats::leave::plan_change_user;
use crate::types::{Id, Ref, json_list};

/// People in one go at the most.
const MOST: usize = 200;

/// What is to be done with all of them.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Action {
    word: &'static str,
    to: UserStatus,
    label: &'static str,
}

fn action(desk: &Desk) -> Result<Action> {
    desk.require(Permission::UsersWrite)?;
    desk.require_post()?;
    match desk.field("action") {
        "activate" => Ok(Action {
            word: "activate",
            to: UserStatus::Active,
            label: "Activate",
        }),
        "deactivate" => Ok(Action {
            word: "deactivate",
            to: UserStatus::Deactivated,
            label: "Deactivate",
        }),
        _ => Err(Error::new(
            Code::InvalidParameter,
            "Choose what is to be done with the selected people.",
        )),
    }
}

async fn selected(desk: &Desk) -> Result<Vec<(User, i64)>> {
    let ids = desk.fields("id");
    if ids.len() > MOST {
        let text = format!("{MOST} people at once are the most. Select fewer.");
        return Err(Error::new(Code::InvalidParameter, text));
    }
    let ids = json_list(ids);
    let mut batch = Batch::new();
    let users = batch.add::<User>(desk.within::<User>(
        &format!(
            "SELECT {} FROM users WHERE users.account_id = $1 AND deleted_at IS NULL AND users.id IN (SELECT value FROM JSON_LIST($2) AS wanted){{reach}} ORDER BY name_key",
            User::selection()
        ),
        params![ids],
    ));
    let places = batch.add::<(Id<User>, i64)>(Select::new(
        "SELECT user_id, count(*) FROM seat_assignments WHERE account_id = $1 AND state IN ('waitlisted', 'reserved', 'active') \
         AND user_id IN (SELECT value FROM JSON_LIST($2) AS wanted) GROUP BY user_id",
        params![ids],
    ));
    let mut rows = desk.db().read(&desk.caller().account, batch).await?;
    let places: std::collections::BTreeMap<_, _> = rows.take(&places).into_iter().collect();
    let with = |user: User| {
        let held = places.get(&user.id).copied().unwrap_or(0);
        (user, held)
    };
    Ok(rows.take(&users).into_iter().map(with).collect())
}

fn page(action: Action, people: &[(User, i64)]) -> Page {
    let title = counted(super::look::many(people), "person", "people");
    Page {
        crumbs: vec![("Users".into(), "/dashboard/users".into())],
        ..Page::titled(format!("{} {title}", action.label))
    }
}

fn person_cell(user: &User) -> Cell {
    let name = user.display_name();
    let href = user_href(user.id.as_str());
    Cell::record(
        &Avatar::person(name),
        name,
        &href,
        Some(user.email.as_str()),
    )
}

fn nobody() -> EmptyState {
    EmptyState::new(
        Icon::Users,
        "Nobody is selected",
        "Tick people in the list, then choose what is to be done.",
    )
    .actions(Button::link("Back to the list", "/dashboard/users"))
}

/// What would happen to each; nothing has happened yet.
pub(super) async fn preview(desk: Desk) -> Result<Shown> {
    let action = action(&desk)?;
    let people = selected(&desk).await?;
    let leaves = action.to == UserStatus::Deactivated;
    let rows = people.iter().map(|(user, held)| {
        let (badge, text) = if user.status == action.to {
            (Badge::new("Stays"), "It is so already".to_owned())
        } else if leaves && *held > 0 {
            let places = counted(
                super::look::count(*held),
                "place is given back",
                "places are given back",
            );
            (
                Badge::new("Changes").tone(Tone::Warning),
                format!("Signed out; {places}"),
            )
        } else if leaves {
            (
                Badge::new("Changes").tone(Tone::Warning),
                "Signed out".to_owned(),
            )
        } else {
            (
                Badge::new("Changes").tone(Tone::Success),
                "May sign in".to_owned(),
            )
        };
        Row::new([
            person_cell(user),
            Cell::new(user_badge(user.status)),
            Cell::new(badge),
            Cell::new(text),
        ])
    });
    let columns = ["Person", "Now", "Outcome", "What happens"].map(Column::new);
    let table = Table::new("Preview", columns, rows).empty(nobody());
    let hidden = people.iter().fold(
        desk.post("/dashboard/users/bulk/run", html! {})
            .hidden("action", action.word),
        |form, (user, _)| form.hidden("id", user.id.as_str()),
    );
    let button = Button::submit(format!("{} now", action.label));
    let form = hidden.buttons([
        if leaves {
            button.danger()
        } else {
            button.primary()
        },
        Button::link("Cancel", "/dashboard/users").quiet(),
    ]);
    let call = desk
        .api("call-bulk", "PATCH", "/users/{id}")
        .body(json!({ "status": action.to }))
        .scope("users:write");
    let body = html! {
        div.stack {
            (Callout::new(Tone::Neutral, "Nothing has been changed yet").body("This is what would happen to each person. Each is a change of its own: one that fails does not hold up the others."))
            (table)
            @if !people.is_empty() { (form.after(call)) }
        }
    };
    Ok(Shown::page(page(action, &people), body))
}

/// Does it, and tells what came of each.
pub(super) async fn run(desk: Desk) -> Result<Shown> {
    let action = action(&desk)?;
    let people = selected(&desk).await?;
    let patch = UserPatch {
        status: Some(action.to),
        ..UserPatch::default()
    };
    let (db, ids, call) = (desk.db(), &desk.app.ids, &desk.call);
    let mut rows = Vec::new();
    let mut failed = 0_u64;
    for (user, _) in &people {
        let reference = Ref::Id(user.id.clone());
        let outcome = if user.status == action.to {
            (Badge::new("Unchanged"), String::new())
        } else {
            let plan = || plan_change_user(db, ids, call, &reference, patch.clone(), |_| Ok(()));
            match desk.commit(plan).await {
                Ok(_) => (
                    Badge::new("Done").tone(Tone::Success).icon(Icon::Check),
                    String::new(),
                ),
                Err(error) => {
                    failed += 1;
                    (
                        Badge::new("Failed").tone(Tone::Danger).icon(Icon::X),
                        error.detail().to_owned(),
                    )
                }
            }
        };
        rows.push(Row::new([
            person_cell(user),
            Cell::new(outcome.0),
            Cell::text(&outcome.1),
        ]));
    }
    let columns = ["Person", "Result", "Why"].map(Column::new);
    let callout = if failed == 0 {
        Callout::new(Tone::Success, "All of it was done")
    } else {
        Callout::new(
            Tone::Danger,
            format!(
                "{} could not be changed",
                counted(failed, "person", "people")
            ),
        )
    };
    let body = html! {
        div.stack {
            (callout)
            (Table::new("Results", columns, rows).empty(nobody()))
            div.row { (Button::link("Back to the list", "/dashboard/users").render()) }
        }
    };
    Ok(Shown::page(page(action, &people), body))
}
