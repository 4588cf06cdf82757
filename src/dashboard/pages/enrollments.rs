//! The list of enrollments: who is in which course, how far, and until when.

use maud::html;

use super::desk::{Desk, Shown};
use super::look::{end, enrollment_badge, link, since, user_href};
use super::names::{self, Named, Names};
use super::users::{pager, team_choices};
use crate::access::Permission;
use crate::dashboard::components::{
    Avatar, Button, Cell, Column, EmptyState, FilterBar, Menu, Row, Table,
};
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::db::{Batch, Select};
use crate::error::Result;
use crate::params;
use crate::resources::Enrollment;
use crate::resources::enrollment::EnrollmentSource;

type Choices = Vec<(String, String)>;

/// The page.
pub(super) async fn enrollments(desk: Desk) -> Result<Shown> {
    let list = desk.records::<Enrollment>().await?;
    let url = desk.list("/dashboard/enrollments");
    let (names, teams, courses) = beside(&desk, &list.rows).await?;
    let filters = FilterBar::new(url.clone())
        .select(
            "status",
            "Status",
            [
                ("active", "Has access"),
                ("completed", "Completed"),
                ("expired", "Ended"),
                ("pending", "On its way"),
                ("failed", "Failed"),
            ],
        )
        .select(
            "source",
            "Source",
            [("seat", "Seat"), ("private", "Private"), ("trial", "Trial")],
        )
        .select("course", "Course", courses)
        .select("team", "Team", teams);
    let rows = list.rows.iter().map(|one| row(one, &names, &desk));
    let columns = [
        Column::new("Person"),
        Column::new("Course"),
        Column::new("Status"),
        Column::new("Progress").sort(&url, "percent").numeric(),
        Column::new("Source"),
        Column::new("Last there"),
        Column::new("Ends"),
    ];
    let empty = if filters.is_active() {
        EmptyState::no_match("/dashboard/enrollments")
    } else {
        EmptyState::new(
            Icon::Book,
            "Nobody is in a course yet",
            "A place of a seat opens the courses of its product; private and trial access comes by the API.",
        )
        .actions(Button::link("Seats", "/dashboard/seats"))
    };
    let table = Table::new("Enrollments", columns, rows)
        .empty(empty)
        .pager(pager(&desk, &url, &list));
    let call = desk
        .api("call-enrollments", "GET", "/enrollments")
        .scope("enrollments:read");
    let page = Page {
        lead: Some("Who is in which course, how far, and until when.".into()),
        ..Page::titled("Enrollments")
    };
    Ok(Shown::page(
        page,
        html! { div.stack { (filters) (table) (call) } },
    ))
}

async fn beside(desk: &Desk, list: &[Enrollment]) -> Result<(Names, Choices, Choices)> {
    let ids = |of: fn(&Enrollment) -> String| list.iter().map(of).collect::<Vec<String>>();
    let mut batch = Batch::new();
    let slots = [
        batch.add::<(String, String)>(names::select(
            Named::Person,
            ids(|one| one.user_id.to_string()),
        )),
        batch.add::<(String, String)>(names::select(
            Named::Course,
            ids(|one| one.course_id.to_string()),
        )),
    ];
    let teams = batch.add::<(String, String)>(team_choices(desk));
    let courses = batch.add::<(String, String)>(Select::new(
        "SELECT id, name FROM courses WHERE account_id = $1 ORDER BY name_key LIMIT 200",
        params![],
    ));
    let mut rows = desk.db().read(&desk.caller().account, batch).await?;
    let names = slots.iter().flat_map(|slot| rows.take(slot)).collect();
    Ok((names, rows.take(&teams), rows.take(&courses)))
}

fn row(one: &Enrollment, names: &Names, desk: &Desk) -> Row {
    let name = |id: &str| names.get(id).map_or("", String::as_str);
    let (person, course) = (name(one.user_id.as_str()), name(one.course_id.as_str()));
    let href = user_href(one.user_id.as_str());
    let why = format!("{href}/explain/{}", one.course_id);
    let row = Row::new([
        Cell::record(&Avatar::person(person), person, &href, None),
        Cell::new(link(&why, course)),
        Cell::new(enrollment_badge(one.status)),
        Cell::new(format!("{} %", one.percent)),
        Cell::new(match one.source {
            EnrollmentSource::Seat => "Seat",
            EnrollmentSource::Private => "Private",
            EnrollmentSource::Trial => "Trial",
        }),
        Cell::new(since(one.last_activity_at)),
        Cell::new(end(one.expires_at, desk.call.now)),
    ]);
    if desk.may(Permission::SeatsRead) {
        row.actions(Menu::new(format!("Actions for {person} in {course}")).link(
            Icon::Info,
            "Why?",
            &why,
        ))
    } else {
        row
    }
}
