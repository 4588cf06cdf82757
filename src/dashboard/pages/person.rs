//! A person's page: who they are, what they have and why, and everything that happened.

use maud::{Markup, Render, html};

use super::desk::{Desk, Shown};
use super::feed::{self, About, Told};
use super::look::{end, enrollment_badge, link, seat_href, state_badge, user_badge, user_href};
use super::person_aside::{facts, mails, teams};
use super::person_life::departed;
use super::person_roles;
use crate::access::Permission;
use crate::access::account_roles::{self, HeldRole};
use crate::access::roles::MemberRole;
use crate::dashboard::components::{
    Avatar, Badge, Button, Card, Cell, Column, EmptyState, Menu, Row, Table, Tone, ago, day, split,
};
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::db::{Batch, Column as _, DbError, FromRow, Reader, Row as _};
use crate::email::outbox::{self, MailFilter, MailRow};
use crate::error::{Error, Result};
use crate::lifecycle::courses::{CourseAccess, UserCourses, courses_of};
use crate::params;
use crate::records;
use crate::resources::enrollment::{EnrollmentSource, EnrollmentStatus};
use crate::resources::user::UserStatus;
use crate::resources::{Organization, Team, User};
use crate::seats::{Assignment, AssignmentState};
use crate::types::{Id, Name, Ref, Timestamp};

/// A membership as it is shown.
pub(super) struct Membership {
    pub(super) team: Id<Team>,
    pub(super) name: Name,
    pub(super) role: MemberRole,
    pub(super) joined: Timestamp,
    pub(super) organization: Option<(Id<Organization>, Name)>,
}

impl FromRow for Membership {
    fn from_row(reader: &mut Reader<'_>) -> Result<Self, DbError> {
        let (team, name) = (Id::read(reader)?, Name::read(reader)?);
        let (role, joined) = (MemberRole::read(reader)?, Timestamp::read(reader)?);
        let id = Option::<Id<Organization>>::read(reader)?;
        let organization = id.zip(Option::<Name>::read(reader)?);
        Ok(Self {
            team,
            name,
            role,
            joined,
            organization,
        })
    }
}

/// A place with the names of its product and team.
pub(super) struct Place {
    assignment: Assignment,
    product: String,
    team: String,
}

impl FromRow for Place {
    fn from_row(reader: &mut Reader<'_>) -> Result<Self, DbError> {
        Ok(Self {
            assignment: Assignment::from_row(reader)?,
            product: String::read(reader)?,
            team: String::read(reader)?,
        })
    }
}

/// Everything about a person that the page shows.
pub(super) struct Dossier {
    pub(super) user: User,
    pub(super) teams: Vec<Membership>,
    pub(super) places: Vec<Place>,
    /// Their courses, for those who may see them.
    pub(super) courses: Option<UserCourses>,
    pub(super) mails: Vec<MailRow>,
    pub(super) roles: Vec<HeldRole>,
    pub(super) told: Vec<Told>,
}

/// The page.
pub(super) async fn person(desk: Desk) -> Result<Shown> {
    desk.require(Permission::UsersRead)?;
    let reference = desk.reference(0)?;
    let Some(user) = records::maybe::<User>(desk.db(), desk.caller(), &reference).await? else {
        if !desk.may_in_account(Permission::UsersWrite) {
            return Err(Error::not_found("user"));
        }
        let user = departed(&desk).await?;
        let href = user_href(user.id.as_str());
        return Ok(Shown::put_aside(&href, user.display_name()));
    };
    let dossier = dossier(&desk, user).await?;
    let user = &dossier.user;
    let name = user.display_name();
    let page = Page {
        crumbs: vec![("Users".into(), "/dashboard/users".into())],
        mark: Some(Avatar::person(name).large().render()),
        badges: Some(badges(&dossier)),
        lead: Some(user.email.to_string()),
        actions: Some(actions(&desk, user)),
        ..Page::titled(name)
    };
    let main = html! {
        (places(&desk, &dossier))
        @if let Some(told) = &dossier.courses { (courses(&dossier, told)) }
        (Card::new(feed::timeline(&dossier.told, About::Person)).title("Timeline"))
    };
    let aside = html! { (facts(user)) @if desk.may(Permission::RolesRead) { (person_roles::card(&desk, user, &dossier.roles)) } (teams(&desk, &dossier)) @if desk.may(Permission::MailsRead) { (mails(&desk, &dossier)) } };
    Ok(Shown::page(page, split(&main, &aside)))
}

async fn dossier(desk: &Desk, user: User) -> Result<Dossier> {
    let id = || params![user.id.clone()];
    let mut batch = Batch::new();
    let teams = batch.add::<Membership>(desk.within::<Team>(
        "SELECT teams.id, teams.name, m.role, m.joined_at, o.id, o.name FROM team_members m JOIN teams ON teams.account_id = $1 AND teams.id = m.team_id \
         LEFT JOIN organizations o ON o.account_id = $1 AND o.id = teams.organization_id \
         WHERE m.account_id = $1 AND m.user_id = $2{reach} ORDER BY m.joined_at",
        id(),
    ));
    let places = batch.add::<Place>(desk.within::<Assignment>(
        &format!(
            "SELECT {}, p.name, t.name FROM seat_assignments JOIN products p ON p.account_id = $1 AND p.id = seat_assignments.product_id \
             JOIN teams t ON t.account_id = $1 AND t.id = seat_assignments.team_id \
             WHERE seat_assignments.account_id = $1 AND seat_assignments.user_id = $2{{reach}} ORDER BY seat_assignments.id DESC LIMIT 200",
            Assignment::selection()
        ),
        id(),
    ));
    let mails = batch.add::<MailRow>(outbox::list(
        &MailFilter {
            user_id: Some(user.id.to_string()),
            ..MailFilter::default()
        },
        10,
    ));
    let roles = batch.add::<HeldRole>(account_roles::of_person(&user.id));
    let told = batch.add::<Told>(feed::select(" AND events.user_id = $2", id(), 50));
    let mut rows = desk.db().read(&desk.caller().account, batch).await?;
    let courses = if desk.may(Permission::EnrollmentsRead) {
        Some(courses_of(desk.db(), &desk.call, &Ref::Id(user.id.clone())).await?)
    } else {
        None
    };
    Ok(Dossier {
        teams: rows.take(&teams),
        places: rows.take(&places),
        courses,
        mails: rows.take(&mails),
        roles: rows.take(&roles),
        told: rows.take(&told),
        user,
    })
}

fn badges(dossier: &Dossier) -> Markup {
    html! {
        (user_badge(dossier.user.status))
        @for role in &dossier.roles { (Badge::new(format!("Account: {}", role.name)).tone(Tone::Accent).icon(Icon::Shield)) }
    }
}

fn actions(desk: &Desk, user: &User) -> Markup {
    let href = user_href(user.id.as_str());
    let at = |page: &str| format!("{href}/{page}");
    if !desk.may(Permission::UsersWrite) {
        return html! {};
    }
    let switch = if user.status == UserStatus::Deactivated {
        ("Activate", Icon::Check)
    } else {
        ("Deactivate", Icon::Lock)
    };
    let menu = Menu::new(format!("More actions for {}", user.display_name()))
        .link(Icon::Link, "Sign-in link", &at("sign-in-link"))
        .link(Icon::Mail, "Send welcome mail again", &at("welcome"))
        .link(switch.1, switch.0, &at("status"));
    let menu = if desk.may_in_account(Permission::UsersMerge) {
        menu.link(Icon::Users, "Merge another record", &at("merge"))
    } else {
        menu
    };
    let menu = if desk.may_in_account(Permission::EventsRead) {
        menu.link(Icon::Download, "Export all data", &at("export"))
    } else {
        menu
    };
    let menu = menu.link(Icon::Trash, "Delete", &at("delete"));
    let menu = if desk.may_in_account(Permission::UsersErase) {
        menu.link(Icon::Alert, "Erase for good", &at("erase"))
    } else {
        menu
    };
    let again = format!("/dashboard/provision?email={}", escape(user.email.as_str()));
    html! {
        (Button::link("Edit", at("edit")).icon(Icon::Edit))
        @if desk.may(Permission::ProvisionWrite) { (Button::link("Give seats", again).primary().icon(Icon::Seat)) }
        (menu)
    }
}

fn escape(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn places(desk: &Desk, dossier: &Dossier) -> Card {
    let rows = dossier.places.iter().map(|place| place_row(desk, place));
    let columns = [
        Column::new("Seat"),
        Column::new("State"),
        Column::new("Since"),
        Column::new("Ends"),
    ];
    let empty = EmptyState::new(
        Icon::Seat,
        "No seat yet",
        "A seat gives access to the courses of a product for as long as its terms say.",
    );
    let table = Table::new("Seats", columns, rows).empty(empty).plain();
    let live = dossier
        .places
        .iter()
        .filter(|place| is_live(place.assignment.state))
        .count();
    Card::new(table.render())
        .title("Seats")
        .lead(format!("{live} live, {} in all", dossier.places.len()))
        .flush()
}

const fn is_live(state: AssignmentState) -> bool {
    matches!(
        state,
        AssignmentState::Active | AssignmentState::Reserved | AssignmentState::Waitlisted
    )
}

fn place_row(desk: &Desk, place: &Place) -> Row {
    let one = &place.assignment;
    let href = seat_href(one.seat_id.as_str());
    let row = Row::new([
        Cell::link(&place.product, &href, Some(&place.team)),
        Cell::new(state_badge(one.state)),
        Cell::new(day(one.starts_at.unwrap_or(one.created_at).to_jiff())),
        Cell::new(match one.ended_at {
            Some(at) => html! { span.muted { "Ended " (day(at.to_jiff())) } },
            None => end(one.expires_at, desk.call.now),
        }),
    ]);
    if !is_live(one.state) || !desk.may(Permission::SeatsAssign) {
        return row;
    }
    row.actions(place_menu(one, &place.product))
}

/// What can be done with one place.
pub(super) fn place_menu(one: &Assignment, of: &str) -> Menu {
    let href = seat_href(one.seat_id.as_str());
    let to = |page: &str| format!("{href}/{page}?user={}", one.user_id);
    let menu = Menu::new(format!("Actions for the place of {of}"));
    let menu = if one.state == AssignmentState::Active {
        menu.link(Icon::Calendar, "Extend", &to("extend")).link(
            Icon::Users,
            "Hand over",
            &to("transfer"),
        )
    } else {
        menu
    };
    menu.link(Icon::Lock, "Revoke", &to("revoke"))
}

/// Each course, and what leads to it: as `GET /api/users/{id}/courses` tells it.
fn courses(dossier: &Dossier, told: &UserCourses) -> Card {
    let body = html! {
        @if told.courses.is_empty() {
            p.secondary { "No course is open to this person. A seat of a product opens the product's courses." }
        } @else {
            ul.chains { @for one in &told.courses { (course(dossier, one)) } }
        }
    };
    Card::new(body)
        .title("Courses, and why")
        .lead("What leads to each: seat, place, access, end.")
}

fn course_badge(one: &CourseAccess) -> Badge {
    if one.completed {
        enrollment_badge(EnrollmentStatus::Completed)
    } else if one.access {
        enrollment_badge(EnrollmentStatus::Active)
    } else {
        let status = one.sources.first().map(|source| source.status);
        let status = status.filter(|status| *status != EnrollmentStatus::Active);
        enrollment_badge(status.unwrap_or(EnrollmentStatus::Expired))
    }
}

fn course(dossier: &Dossier, one: &CourseAccess) -> Markup {
    let is_of = |place: &&Place| one.assignments.contains(&place.assignment.id);
    let places = dossier.places.iter().filter(is_of);
    let by_hand = one
        .sources
        .iter()
        .filter(|source| source.source != EnrollmentSource::Seat);
    let last = one
        .sources
        .iter()
        .filter_map(|source| source.last_activity_at)
        .max();
    html! {
        li.chain {
            div.row.row-between {
                span.strong { (link(&format!("{}/explain/{}", user_href(dossier.user.id.as_str()), one.course_id), one.name.as_str())) }
                span.row { (course_badge(one)) @if one.percent > 0 { span.muted { (one.percent) "%" } } }
            }
            @for place in places {
                p.secondary.small {
                    (link(&seat_href(place.assignment.seat_id.as_str()), &place.product)) " of " (place.team)
                    " → place given " (day(place.assignment.starts_at.unwrap_or(place.assignment.created_at).to_jiff())) " by " (place.assignment.cause)
                    " → " @match place.assignment.expires_at { Some(at) => { "until " (day(at.to_jiff())) } None => { "without an end" } }
                }
            }
            @for grant in by_hand {
                p.secondary.small {
                    "Granted beside the seats (" (grant.source.as_str()) ") → " (enrollment_badge(grant.status))
                    @if let Some(at) = grant.expires_at { " until " (day(at.to_jiff())) }
                }
            }
            p.secondary.small {
                @if !one.access { "No access now" }
                @else if let Some(at) = one.expires_at { "Access counts until " (day(at.to_jiff())) ", the latest of these" }
                @else { "Access has no end" }
                @if let Some(at) = last { " · last there " (ago(at.to_jiff())) }
            }
        }
    }
}
