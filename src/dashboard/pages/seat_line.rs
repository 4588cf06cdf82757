//! The demand beside a seat: who waits and in which order, and the wishes there was no place for.

use maud::{Render, html};

use super::desk::{Desk, Shown};
use super::look::{seat_href, user_href};
use super::seat::{Sitting, person_cell};
use crate::access::Permission;
use crate::dashboard::components::{Card, Cell, Column, Menu, Row, Table, day, moment};
use crate::dashboard::icons::Icon;
use crate::db::{Column as _, DbError, FromRow, Reader, Row as _, Select};
use crate::error::{Code, Error, Result};
use crate::params;
use crate::records;
use crate::seats::waitlist::{ReorderInput, Waiting, plan_leave, plan_reorder};
use crate::seats::{Assignment, Denial, Seat};
use crate::types::{Id, Ref};

/// Denials on the page.
const SHOWN: i64 = 10;

/// A denial with the name of who was refused.
pub(super) struct Refused {
    denial: Denial,
    name: Option<String>,
}

impl FromRow for Refused {
    fn from_row(reader: &mut Reader<'_>) -> Result<Self, DbError> {
        Ok(Self {
            denial: Denial::from_row(reader)?,
            name: Option::read(reader)?,
        })
    }
}

/// The read of the latest denials of a seat.
pub(super) fn denials_of(seat: &Seat) -> Select {
    Select::new(
        format!(
            "SELECT {}, coalesce(u.name, u.email) FROM seat_denials LEFT JOIN users u ON u.account_id = $1 AND u.id = seat_denials.user_id \
             WHERE seat_denials.account_id = $1 AND seat_id = $2 ORDER BY seat_denials.created_at DESC, seat_denials.id DESC LIMIT $3",
            Denial::selection()
        ),
        params![seat.id.clone(), SHOWN],
    )
}

/// The waiting line, the first first.
pub(super) fn waiting(desk: &Desk, line: &[Sitting]) -> Card {
    let last = line.len();
    let rows = line.iter().enumerate().map(|(n, one)| {
        let row = Row::new([
            person_cell(one),
            Cell::new(format!("{}.", n + 1)),
            Cell::new(day(one.assignment.created_at.to_jiff())),
        ]);
        if desk.may(Permission::SeatsAssign) {
            row.actions(menu(desk, one, n == 0, n + 1 == last))
        } else {
            row
        }
    });
    let heads = [
        Column::new("Person"),
        Column::new("In line").numeric(),
        Column::new("Since"),
    ];
    Card::new(Table::new("Waiting line", heads, rows).plain().render())
        .title("Waiting line")
        .lead("A freed or added place goes to the first in the same moment.")
        .flush()
}

fn menu(desk: &Desk, one: &Sitting, is_first: bool, is_last: bool) -> Menu {
    let place = &one.assignment;
    let base = format!("{}/line/{}", seat_href(place.seat_id.as_str()), place.id);
    let to = |word: &str| format!("{base}/{word}");
    let mut menu = Menu::new(format!("Actions for {} in the line", one.name));
    if !is_first {
        menu = menu
            .post(
                Icon::ArrowUp,
                "To the front",
                &to("first"),
                &desk.csrf,
                None,
            )
            .post(Icon::ArrowUp, "One place up", &to("up"), &desk.csrf, None);
    }
    if !is_last {
        menu = menu.post(
            Icon::ArrowDown,
            "One place down",
            &to("down"),
            &desk.csrf,
            None,
        );
    }
    let question = format!("Shall {} wait no more?", one.name);
    menu.post(
        Icon::X,
        "Take out of the line",
        &to("leave"),
        &desk.csrf,
        Some(&question),
    )
}

/// Moves somebody in the line, or takes them out of it.
pub(super) async fn step(desk: Desk) -> Result<Shown> {
    desk.require_post()?;
    let seat: Ref<Seat> = desk.reference(0)?;
    let assignment: Ref<Assignment> = desk.reference(1)?;
    let word = desk.places.get(2).map_or("", String::as_str);
    let (db, ids, call) = (desk.db(), &desk.app.ids, &desk.call);
    let href = format!("/dashboard/seats/{seat}");
    if word == "leave" {
        let plan = || async {
            let plan = plan_leave(db, ids, call, &seat, &assignment).await?;
            Ok((plan, ()))
        };
        desk.commit(plan).await?;
        return Ok(Shown::done(href, "The person does not wait any more."));
    }
    let reference = Id::<Waiting>::parse(&assignment.to_string());
    let reference = reference.ok_or_else(|| Error::not_found("seat_wait"))?;
    let waiting: Waiting = records::find(db, desk.caller(), &Ref::Id(reference)).await?;
    let position = match word {
        "first" => 1,
        "up" => (waiting.position - 1).max(1),
        "down" => waiting.position + 1,
        _ => {
            return Err(Error::new(
                Code::RouteNotFound,
                "There is no page at this address.",
            ));
        }
    };
    let input = ReorderInput {
        assignment: Id::parse(waiting.id.as_str()).ok_or_else(|| Error::not_found("seat_wait"))?,
        before: None,
        after: None,
        position: Some(position),
    };
    let moved = desk
        .commit(|| plan_reorder(db, call, &seat, &input))
        .await?;
    Ok(Shown::done(
        href,
        format!("Now number {} in the line.", moved.position),
    ))
}

/// The latest wishes that were refused for want of a place.
pub(super) fn denials(refused: &[Refused]) -> Card {
    let rows = refused.iter().map(|one| {
        let denial = &one.denial;
        let who = if let (Some(id), Some(name)) = (&denial.user_id, &one.name) {
            html! { a href=(user_href(id.as_str())) { (name) } }
        } else {
            html! { span.muted { "Nobody in particular" } }
        };
        Row::new([
            Cell::new(who),
            Cell::new(denial.requested.to_string()),
            Cell::new(way(&denial.cause)),
            Cell::new(moment(denial.created_at.to_jiff())),
        ])
    });
    let heads = [
        Column::new("For"),
        Column::new("Places").numeric(),
        Column::new("By"),
        Column::new("When"),
    ];
    Card::new(Table::new("Denials", heads, rows).plain().render())
        .title("Refused wishes")
        .lead("For want of a place; the latest of them.")
        .flush()
}

/// The way on which a wish came, in plain words.
fn way(cause: &str) -> String {
    match cause {
        "api" => "a program".to_owned(),
        "dashboard" => "the dashboard".to_owned(),
        "bulk" => "a bulk job".to_owned(),
        other => format!("a {other}"),
    }
}
