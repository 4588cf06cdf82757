//! Courses: what people learn.

use std::collections::BTreeMap;

use maud::{Markup, Render, html};
use serde_json::{Map, Value as JsonValue, json};

use super::desk::{Desk, Shown, fault, faults, read, summary};
use super::look::{PUBLISH, publish_badge};
use super::users::pager;
use crate::access::Permission;
use crate::dashboard::components::{
    Avatar, Button, Card, Cell, Column, EmptyState, Field, FilterBar, Menu, Row, Table, day,
};
use crate::dashboard::form::FieldErrors;
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::db::Select;
use crate::error::Result;
use crate::params;
use crate::records;
use crate::resources::Course;
use crate::resources::course::{CoursePatch, NewCourse};
use crate::types::{ExternalId, Id, Ref, json_list};

fn actions(desk: &Desk) -> Markup {
    html! {
        @if desk.may_in_account(Permission::CoursesWrite) {
            (Button::link("New course", "/dashboard/courses/new").primary().icon(Icon::Plus))
        }
    }
}

/// The list.
pub(super) async fn courses(desk: Desk) -> Result<Shown> {
    let list = desk.records::<Course>().await?;
    let url = desk.list("/dashboard/courses");
    let learners = desk
        .db()
        .fetch::<(Id<Course>, i64)>(
            &desk.caller().account,
            Select::new(
                "SELECT course_id, count(*) FROM enrollments WHERE account_id = $1 AND status IN ('active', 'completed') \
                 AND course_id IN (SELECT value FROM JSON_LIST($2) AS wanted) GROUP BY course_id",
                params![json_list(list.rows.iter().map(|course| &course.id))],
            ),
        )
        .await?;
    let learners: BTreeMap<_, _> = learners.into_iter().collect();
    let rows = list.rows.iter().map(|course| {
        row(
            &desk,
            course,
            learners.get(&course.id).copied().unwrap_or(0),
        )
    });
    let columns = [
        Column::new("Name").sort(&url, "name"),
        Column::new("Status"),
        Column::new("Chapters").numeric(),
        Column::new("Learners").numeric(),
        Column::new("Created").sort(&url, "created_at"),
    ];
    let filters = FilterBar::new(url.clone()).search("Search by name");
    let empty = if filters.is_active() {
        EmptyState::no_match("/dashboard/courses")
    } else {
        EmptyState::new(
            Icon::Book,
            "No courses yet",
            "Courses come from your LMS, or are made here by hand.",
        )
        .actions(actions(&desk))
    };
    let table = Table::new("Courses", columns, rows)
        .empty(empty)
        .pager(pager(&desk, &url, &list));
    let page = Page {
        lead: Some("What people learn. Products bundle them.".into()),
        actions: Some(actions(&desk)),
        ..Page::titled("Courses")
    };
    Ok(Shown::page(page, html! { div.stack { (filters) (table) } }))
}

fn row(desk: &Desk, course: &Course, learners: i64) -> Row {
    let name = course.name.as_str();
    let edit = format!("/dashboard/courses/{}/edit", course.id);
    let key = course.external_id.as_ref().map(ExternalId::as_str);
    let writes = desk.may_in_account(Permission::CoursesWrite);
    let title = if writes {
        Cell::record(&Avatar::group(name), name, &edit, key)
    } else {
        Cell::new(name)
    };
    let row = Row::new([
        title,
        Cell::new(publish_badge(course.status)),
        Cell::new(course.chapters.0.len().to_string()),
        if learners == 0 {
            Cell::none()
        } else {
            Cell::new(learners.to_string())
        },
        Cell::new(day(course.created_at.to_jiff())),
    ]);
    if writes {
        let products = format!("/dashboard/products?course={}", course.id);
        row.actions(
            Menu::new(format!("Actions for {name}"))
                .link(Icon::Edit, "Edit", &edit)
                .link(Icon::Box, "Products with it", &products),
        )
    } else {
        row
    }
}

const MEMBERS: [&str; 5] = ["name", "slug", "description", "external_id", "image_url"];

fn body(desk: &Desk, mut members: Map<String, JsonValue>) -> JsonValue {
    let chapters: Vec<&str> = desk
        .field("chapters")
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    members.insert("chapters".into(), json!(chapters));
    if !desk.field("status").is_empty() {
        members.insert("status".into(), json!(desk.field("status")));
    }
    members.into()
}

fn fields(desk: &Desk, course: Option<&Course>, errors: Option<&FieldErrors>) -> Markup {
    let stored = course.map(|course| serde_json::to_value(course).unwrap_or_default());
    let value = |name: &str| {
        let found = stored.as_ref().and_then(|stored| stored.get(name));
        desk.shown(name, found.and_then(JsonValue::as_str).unwrap_or_default())
    };
    let chapters: Vec<String> = course.map_or_else(Vec::new, |course| {
        course.chapters.0.iter().map(ToString::to_string).collect()
    });
    let status = value("status");
    html! {
        (Field::text("name", "Name").value(value("name")).error(fault(errors, "name")).required().autocomplete("off"))
        (Field::text_area("description", "Description").value(value("description")).error(fault(errors, "description")))
        (Field::text_area("chapters", "Chapters").value(desk.shown("chapters", &chapters.join("\n"))).error(fault(errors, "chapters")).hint("One on a line, in order."))
        div.form-row {
            (Field::text("slug", "Short name").value(value("slug")).error(fault(errors, "slug")).mono().hint("For addresses: work-safety."))
            (Field::select("status", "Status", PUBLISH).value(if status.is_empty() { "published" } else { &status }).error(fault(errors, "status")).required())
        }
        (Field::text("external_id", "External id").value(value("external_id")).error(fault(errors, "external_id")).mono())
        (Field::url("image_url", "Picture").value(value("image_url")).error(fault(errors, "image_url")).placeholder("https://"))
    }
}

fn page(title: &str) -> Page {
    Page {
        crumbs: vec![("Courses".into(), "/dashboard/courses".into())],
        narrow: true,
        ..Page::titled(title)
    }
}

/// The form of a new course.
pub(super) async fn create(desk: Desk) -> Result<Shown> {
    desk.require(Permission::CoursesWrite)?;
    let mut errors = None;
    if desk.is_post() {
        match make(&desk).await {
            Ok(course) => {
                let text = format!("{} was created.", course.name);
                return Ok(Shown::done("/dashboard/courses", text));
            }
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let call = desk
        .api("call-course", "POST", "/courses")
        .body(json!({ "name": "Safety at work", "slug": "work-safety", "chapters": ["Hazards", "Test"] }))
        .scope("courses:write");
    let form = desk
        .post(
            "/dashboard/courses/new",
            fields(&desk, None, errors.as_ref()),
        )
        .errors(summary(errors.as_ref()))
        .buttons([
            Button::submit("Create course").primary(),
            Button::link("Cancel", "/dashboard/courses").quiet(),
        ])
        .after(call);
    Ok(Shown::form(
        page("New course"),
        errors.as_ref(),
        Card::new(form.render()).render(),
    ))
}

async fn make(desk: &Desk) -> Result<Course> {
    let new: NewCourse = read(&body(desk, desk.filled(&MEMBERS)))?;
    let (db, ids, call) = (desk.db(), &desk.app.ids, &desk.call);
    desk.commit(|| records::plan_create::<Course>(db, ids, call, new.clone()))
        .await
}

/// The form of a course's details.
pub(super) async fn edit(desk: Desk) -> Result<Shown> {
    desk.require(Permission::CoursesWrite)?;
    let course = records::find::<Course>(desk.db(), desk.caller(), &desk.reference(0)?).await?;
    let mut errors = None;
    if desk.is_post() {
        match change(&desk, &course).await {
            Ok(course) => {
                let text = format!("{} was saved.", course.name);
                return Ok(Shown::done("/dashboard/courses", text));
            }
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let call = desk
        .api("call-course", "PATCH", &format!("/courses/{}", course.id))
        .body(json!({ "name": course.name, "status": course.status }))
        .scope("courses:write");
    let action = format!("/dashboard/courses/{}/edit", course.id);
    let form = desk
        .post(action, fields(&desk, Some(&course), errors.as_ref()))
        .errors(summary(errors.as_ref()))
        .buttons([
            Button::submit("Save").primary(),
            Button::link("Cancel", "/dashboard/courses").quiet(),
        ])
        .after(call);
    let title = course.name.to_string();
    Ok(Shown::form(
        page(&title),
        errors.as_ref(),
        Card::new(form.render()).render(),
    ))
}

async fn change(desk: &Desk, course: &Course) -> Result<Course> {
    let patch: CoursePatch = read(&body(desk, desk.changed(&MEMBERS)))?;
    let (db, call, reference) = (desk.db(), &desk.call, Ref::Id(course.id.clone()));
    desk.commit(|| {
        records::plan_change::<Course, _>(db, call, &reference, patch.clone(), |_| Ok(()))
    })
    .await
}
