//! Enrollments over HTTP: progress, history, a person's courses, and why somebody may or may not enter one.

use axum::http::Method;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value as JsonValue, json};

use super::crud::{self, PageInfo, Paths, conditional};
use super::endpoint::Endpoint;
use super::reply::Reply;
use super::request::Request;
use super::write::write;
use crate::access::{Permission, signed};
use crate::app::App;
use crate::db::Select;
use crate::error::{Code, Error, Result};
use crate::events::{EventRow, Plan};
use crate::lifecycle::courses::{UserCourses, courses_of};
use crate::lifecycle::explain::{Explanation, explain};
use crate::listing::{DEFAULT_LIMIT, MAX_LIMIT};
use crate::params;
use crate::records;
use crate::resources::enrollment::Progress;
use crate::resources::{Course, Enrollment, User};
use crate::types::{Ref, Timestamp};

/// Something that happened to an enrollment, or to the places that lead to it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct HistoryEntry {
    /// The event's id.
    pub id: String,
    /// What happened: `seat.assigned`, `enrollment.progressed`, …
    pub r#type: String,
    /// When.
    pub created_at: Timestamp,
    /// What kind of thing acted.
    pub actor_type: String,
    /// Its name at that moment.
    pub actor_name: String,
    /// The record after it.
    pub data: JsonValue,
    /// Changed members as they were before.
    pub previous: Option<JsonValue>,
}

/// A page of an enrollment's history.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HistoryPage {
    /// The newest first.
    pub data: Vec<HistoryEntry>,
    /// Where it goes on.
    pub page: PageInfo,
}

/// The operations.
pub fn endpoints(paths: &Paths) -> Vec<Endpoint> {
    let new = json!({ "user": "email:ada@example.com", "course": "ext:safety-course", "source": "private", "external_id": "shop-90" });
    let mut create = crud::create_endpoint::<Enrollment>(paths, new.clone());
    create.description.push_str(" For access that was bought privately or is on trial: it is kept apart and never uses a company's seat. Places of seats are given by `POST /seats/{id}/assign`.");
    let mut patch = crud::patch_endpoint::<Enrollment>(paths, json!({ "external_id": "shop-91" }));
    patch.description.push_str(
        " Only access that no seat gives has an end of its own; a later end revives what is over.",
    );
    vec![
        create,
        patch.problems(&[Code::StateConflict]),
        crud::put_endpoint::<Enrollment>(paths, new).problems(&[Code::StateConflict]),
        Endpoint::new(Method::POST, "/enrollments/{id}/progress", "progress_enrollment", "enrollments", progress)
            .about(
                "Tell progress",
                "What an LMS or a class tells of a person in a course. Late and doubled tellings do no harm: the percent never falls unless \
                 `allow_decrease` says so, the beginning never moves later, what is completed stays completed. Events: `enrollment.started`, \
                 `enrollment.progressed`, `enrollment.completed`.",
            )
            .scope(Permission::EnrollmentsWrite)
            .takes::<Progress>(json!({ "percent": 40 }))
            .gives::<Enrollment>(200)
            .problems(&[Code::NotFound]),
        Endpoint::new(Method::GET, "/enrollments/{id}/history", "list_enrollment_history", "enrollments", history)
            .about("The history of an enrollment", "Its own events and those of the places that lead to the course, the newest first; as long as events are kept.")
            .scope(Permission::EnrollmentsRead)
            .parameter("limit", "Entries on a page.", json!({"type": "integer", "minimum": 1, "maximum": 200, "default": 25}))
            .parameter("cursor", "Where to go on: `page.next_cursor` of the page before.", json!({"type": "string"}))
            .gives::<HistoryPage>(200)
            .problems(&[Code::NotFound, Code::CursorMismatch]),
        Endpoint::new(Method::GET, "/users/{id}/courses", "list_user_courses", "enrollments", courses)
            .about("A person's courses", "Each course once, with access and its end over all grants: the latest live one counts.")
            .scope(Permission::EnrollmentsRead)
            .gives::<UserCourses>(200)
            .problems(&[Code::NotFound]),
        Endpoint::new(Method::GET, "/explain", "explain_access", "enrollments", explain_access)
            .about(
                "Explain why somebody may enter a course, or not",
                "On yes the chain: order, seat, assignment, enrollment, end, each with its event. On no the reason, and the shortest list of requests \
                 that would turn it into a yes; carry them out in their order and ask again. Needs `enrollments:read` and `seats:read`.",
            )
            .scope(Permission::EnrollmentsRead)
            .parameter("user", "The person: id, `ext:` or `email:`; also one who was put aside.", json!({"type": "string"}))
            .parameter("course", "The course: id or `ext:`.", json!({"type": "string"}))
            .gives::<Explanation>(200)
            .problems(&[Code::NotFound, Code::InvalidParameter]),
    ]
}

async fn progress(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let reference: Ref<Enrollment> = request.reference(0)?;
    let told: Progress = request.body()?;
    write(&app, &request, || async {
        let call = &request.call;
        call.caller.require(Permission::EnrollmentsWrite)?;
        let before = records::find::<Enrollment>(&app.db, &call.caller, &reference).await?;
        let (plan, after) = plan_progress(before, &told, call.now)?;
        Ok((plan, Reply::json(200, &after)?.with_etag()))
    })
    .await
}

/// The plan of what was told: nothing where nothing is new.
fn plan_progress(
    before: Enrollment,
    told: &Progress,
    now: Timestamp,
) -> Result<(Plan, Enrollment)> {
    let (after, verbs) = before.advance(told, now)?;
    let mut plan = Plan::new("enrollment.progress");
    if after == before {
        return Ok((plan, before));
    }
    plan.write(crate::db::Statement::update(&after, before.version));
    for verb in &verbs {
        plan.event(after.progress_event(verb, &before));
    }
    if verbs.is_empty() {
        plan.event(after.progress_event("updated", &before));
    }
    Ok((plan, after))
}

async fn courses(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let found = courses_of(&app.db, &request.call, &request.reference(0)?).await?;
    let reply = Reply::json(200, &found)?.with_etag();
    Ok(conditional(reply, request.if_none_match.as_deref()))
}

async fn explain_access(app: App, request: Request) -> Result<Reply> {
    let (mut user, mut course) = (None, None);
    for (name, value) in &request.query {
        match name.as_str() {
            "user" => user = Some(reference::<User>("user", value)?),
            "course" => course = Some(reference::<Course>("course", value)?),
            _ => return request.no_query().map(|()| Reply::empty()),
        }
    }
    let (Some(user), Some(course)) = (user, course) else {
        return Err(Error::new(
            Code::InvalidParameter,
            "Name the person and the course: ?user=email:ada@example.com&course=ext:safety-course.",
        ));
    };
    let found = explain(&app.db, &request.call, &user, &course).await?;
    Reply::json(200, &found)
}

fn reference<K: crate::types::Kind>(name: &str, value: &str) -> Result<Ref<K>> {
    Ref::parse(value)
        .map_err(|fault| Error::new(Code::InvalidParameter, format!("«{name}» {fault}.")))
}

async fn history(app: App, request: Request) -> Result<Reply> {
    let caller = &request.call.caller;
    let one: Enrollment = records::find(&app.db, caller, &request.reference(0)?).await?;
    let mut limit = DEFAULT_LIMIT;
    // Behind every id: `~` sorts after the letters.
    let mut before = "~".to_owned();
    for (name, value) in &request.query {
        match name.as_str() {
            "limit" => {
                let number = value
                    .parse()
                    .ok()
                    .filter(|number| (1..=MAX_LIMIT).contains(number));
                limit = number.ok_or_else(|| {
                    Error::new(
                        Code::InvalidParameter,
                        format!("limit is a whole number from 1 to {MAX_LIMIT}."),
                    )
                })?;
            }
            "cursor" => {
                let opened = signed::open(&app.keys.cursor, "cursor", value);
                let place = opened
                    .as_deref()
                    .and_then(|text| text.split_once(' '))
                    .filter(|(of, _)| *of == one.id.as_str())
                    .map(|(_, place)| place.to_owned());
                before = place.ok_or_else(|| {
                    Error::new(
                        Code::CursorMismatch,
                        "This cursor was made for another list. Begin again without a cursor.",
                    )
                })?;
            }
            _ => return request.no_query().map(|()| Reply::empty()),
        }
    }
    let mut rows: Vec<EventRow> = app
        .db
        .fetch(&caller.account, events_of(&one, &before, limit + 1))
        .await?;
    let size = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = rows.len() > size;
    rows.truncate(size);
    let next_cursor = rows.last().filter(|_| has_more).map(|last| {
        signed::sign(
            &app.keys.cursor,
            "cursor",
            &format!("{} {}", one.id, last.id),
        )
    });
    let page = PageInfo::new(next_cursor, None);
    let data = rows.into_iter().map(entry).collect();
    Reply::json(200, &HistoryPage { data, page })
}

fn entry(row: EventRow) -> HistoryEntry {
    HistoryEntry {
        id: row.id.to_string(),
        r#type: row.r#type,
        created_at: row.created_at,
        actor_type: row.actor_type,
        actor_name: row.actor_name,
        data: row.data,
        previous: row.previous,
    }
}

fn events_of(one: &Enrollment, before: &str, limit: i64) -> Select {
    Select::rows::<EventRow>(
        "WHERE account_id = $1 AND user_id = $2 AND id < $3 AND (subject_id = $4 OR ($5 AND type LIKE 'seat.%' AND seat_id IN \
         (SELECT s.id FROM seats s JOIN product_courses c ON c.account_id = $1 AND c.product_id = s.product_id \
         WHERE s.account_id = $1 AND c.course_id = $6))) ORDER BY id DESC LIMIT $7",
        params![
            one.user_id.clone(),
            before.to_owned(),
            one.id.clone(),
            one.source == crate::resources::enrollment::EnrollmentSource::Seat,
            one.course_id.clone(),
            limit
        ],
    )
}
