//! The list of places: who sits or waits where, and until when.

use maud::html;

use super::desk::{Desk, Shown};
use super::look::{end, link, seat_href, state_badge, team_href, user_href};
use super::names::{self, Named, Names};
use super::person::place_menu;
use super::users::pager;
use crate::access::Permission;
use crate::dashboard::components::{
    Avatar, Button, Cell, Column, EmptyState, FilterBar, Row, Table, day,
};
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::error::Result;
use crate::seats::{Assignment, AssignmentState};

/// The page.
pub(super) async fn assignments(desk: Desk) -> Result<Shown> {
    let list = desk.records::<Assignment>().await?;
    let url = desk.list("/dashboard/assignments");
    let (names, teams) = names(&desk, &list.rows).await?;
    let filters = FilterBar::new(url.clone())
        .select(
            "state",
            "State",
            [
                ("active", "Active"),
                ("waitlisted", "Waiting"),
                ("reserved", "Reserved"),
                ("released", "Given back"),
                ("revoked", "Revoked"),
                ("expired", "Expired"),
            ],
        )
        .select("team", "Team", teams);
    let until = desk.get("expires_at[lte]");
    let filters = if until.is_empty() {
        filters
    } else {
        filters.chip(
            "expires_at[lte]",
            "Ends by",
            until.get(..10).unwrap_or(until),
        )
    };
    let filters = match desk.get("seat") {
        "" => filters,
        seat => filters.chip(
            "seat",
            "Seat",
            names.get(seat).map_or("one", String::as_str),
        ),
    };
    let rows = list.rows.iter().map(|one| row(&desk, one, &names));
    let columns = [
        Column::new("Person"),
        Column::new("Seat"),
        Column::new("Team"),
        Column::new("State"),
        Column::new("Since").sort(&url, "created_at"),
        Column::new("Ends"),
    ];
    let empty = if filters.is_active() {
        EmptyState::no_match("/dashboard/assignments")
    } else {
        EmptyState::new(
            Icon::Seat,
            "Nobody has a place yet",
            "Give places from a seat's page, or provision somebody with one.",
        )
        .actions(Button::link("Seats", "/dashboard/seats"))
    };
    let table = Table::new("Places", columns, rows)
        .empty(empty)
        .pager(pager(&desk, &url, &list));
    let page = Page {
        crumbs: vec![("Seats".into(), "/dashboard/seats".into())],
        lead: Some("Who sits or waits where, and until when.".into()),
        ..Page::titled("Places")
    };
    Ok(Shown::page(page, html! { div.stack { (filters) (table) } }))
}

async fn names(desk: &Desk, list: &[Assignment]) -> Result<(Names, Vec<(String, String)>)> {
    let ids = |of: fn(&Assignment) -> String| list.iter().map(of).collect::<Vec<String>>();
    let lists = [
        (Named::Person, ids(|one| one.user_id.to_string())),
        (Named::Seat, ids(|one| one.seat_id.to_string())),
        (Named::Team, ids(|one| one.team_id.to_string())),
    ];
    names::beside(desk, lists).await
}

fn row(desk: &Desk, one: &Assignment, names: &Names) -> Row {
    let name = |id: &str| names.get(id).map_or("", String::as_str);
    let person = name(one.user_id.as_str());
    let row = Row::new([
        Cell::record(
            &Avatar::person(person),
            person,
            &user_href(one.user_id.as_str()),
            None,
        ),
        Cell::new(link(
            &seat_href(one.seat_id.as_str()),
            name(one.seat_id.as_str()),
        )),
        Cell::new(link(
            &team_href(one.team_id.as_str()),
            name(one.team_id.as_str()),
        )),
        Cell::new(state_badge(one.state)),
        Cell::new(day(one.starts_at.unwrap_or(one.created_at).to_jiff())),
        Cell::new(match one.ended_at {
            Some(at) => html! { span.muted { "Ended " (day(at.to_jiff())) } },
            None => end(one.expires_at, desk.call.now),
        }),
    ]);
    let is_live = matches!(
        one.state,
        AssignmentState::Active | AssignmentState::Reserved | AssignmentState::Waitlisted
    );
    if is_live && desk.may(Permission::SeatsAssign) {
        row.actions(place_menu(one, person))
    } else {
        row
    }
}
