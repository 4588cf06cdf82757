//! How records look in pages: badges, meters, terms, links.

use maud::{Markup, html};

use crate::access::roles::{Held, MemberRole, TeamRole};
use crate::dashboard::components::{Badge, Tone, UsageMeter, ago, day};
use crate::dashboard::icons::Icon;
use crate::email::outbox::MailState;
use crate::resources::course::PublishStatus;
use crate::resources::enrollment::EnrollmentStatus;
use crate::resources::user::UserStatus;
use crate::seats::{AssignmentState, Expiry, Seat};
use crate::types::Timestamp;

/// A count as the components take it; what is below zero counts as nothing.
pub(super) fn count(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// The length of a list.
pub(super) fn many<T>(list: &[T]) -> u64 {
    u64::try_from(list.len()).unwrap_or(u64::MAX)
}

/// Where a person stands.
pub(super) fn user_badge(status: UserStatus) -> Badge {
    match status {
        UserStatus::Invited => Badge::new("Invited").tone(Tone::Accent).dot(),
        UserStatus::Active => Badge::new("Active").tone(Tone::Success).dot(),
        UserStatus::Deactivated => Badge::new("Deactivated").dot(),
    }
}

/// Where a place stands.
pub(super) fn state_badge(state: AssignmentState) -> Badge {
    match state {
        AssignmentState::Waitlisted => Badge::new("Waiting").tone(Tone::Warning).dot(),
        AssignmentState::Reserved => Badge::new("Reserved").tone(Tone::Accent).dot(),
        AssignmentState::Active => Badge::new("Active").tone(Tone::Success).dot(),
        AssignmentState::Released => Badge::new("Given back"),
        AssignmentState::Revoked => Badge::new("Revoked").tone(Tone::Danger),
        AssignmentState::Expired => Badge::new("Expired"),
    }
}

/// Where somebody stands in a course.
pub(super) fn enrollment_badge(status: EnrollmentStatus) -> Badge {
    match status {
        EnrollmentStatus::Pending => Badge::new("On its way").tone(Tone::Accent).dot(),
        EnrollmentStatus::Active => Badge::new("Has access").tone(Tone::Success).dot(),
        EnrollmentStatus::Completed => Badge::new("Completed")
            .tone(Tone::Success)
            .icon(Icon::Check),
        EnrollmentStatus::Expired => Badge::new("Ended"),
        EnrollmentStatus::Failed => Badge::new("Failed").tone(Tone::Danger),
    }
}

/// How far a mail has come.
pub(super) fn mail_badge(state: MailState) -> Badge {
    match state {
        MailState::Queued => Badge::new("Queued").tone(Tone::Accent).dot(),
        MailState::Sent => Badge::new("Sent").tone(Tone::Success),
        MailState::Caught => Badge::new("Kept here").tone(Tone::Neutral),
        MailState::Failed => Badge::new("Failed").tone(Tone::Danger),
    }
}

/// Whether something is on offer.
pub(super) fn publish_badge(status: PublishStatus) -> Badge {
    match status {
        PublishStatus::Draft => Badge::new("Draft").tone(Tone::Warning),
        PublishStatus::Published => Badge::new("Published").tone(Tone::Success),
        PublishStatus::Archived => Badge::new("Archived"),
    }
}

/// Value and label of each publish status.
pub(super) const PUBLISH: [(&str, &str); 3] = [
    ("published", "Published"),
    ("draft", "Draft"),
    ("archived", "Archived"),
];

/// A role in a team.
pub(super) fn role_badge(role: &MemberRole) -> Badge {
    let Held::BuiltIn(role) = role else {
        return Badge::new("Custom role").tone(Tone::Neutral);
    };
    match role {
        TeamRole::Owner => Badge::new("Owner").tone(Tone::Accent),
        TeamRole::Manager => Badge::new("Manager").tone(Tone::Neutral),
        TeamRole::Member => Badge::new("Member"),
    }
}

/// A role in a team with its name, where it is a custom one.
pub(super) fn named_role_badge(role: &MemberRole, name: Option<&str>) -> Badge {
    match (role, name) {
        (Held::Custom(_), Some(name)) => Badge::new(name).tone(Tone::Neutral),
        _ => role_badge(role),
    }
}

/// How full a seat is.
pub(super) fn meter(seat: &Seat, compact: bool) -> UsageMeter {
    UsageMeter {
        used: count(seat.assigned + seat.spent),
        reserved: count(seat.reserved),
        waiting: count(seat.waitlisted),
        total: seat.quantity.map(count),
        compact,
    }
}

/// A seat's terms in a few words each.
pub(super) fn terms(seat: &Seat) -> Vec<(Icon, String)> {
    let end = match (seat.expiry, seat.expires_at, seat.expires_in_days) {
        (Expiry::Date, Some(at), _) => format!("Until {}", at.to_jiff().strftime("%-d %b %Y")),
        (Expiry::Days, _, Some(days)) => format!("{days} days each"),
        _ => "No end".to_owned(),
    };
    let reuse = if seat.reusable {
        "Reusable"
    } else {
        "Used once"
    };
    let mut terms = vec![(Icon::Calendar, end), (Icon::Refresh, reuse.to_owned())];
    if seat.team_ids.0.len() > 1 {
        terms.push((
            Icon::Team,
            format!("Shared by {} teams", seat.team_ids.0.len()),
        ));
    }
    terms
}

/// When something ends, or that it does not; marked when that is within 30 days.
pub(super) fn end(at: Option<Timestamp>, now: Timestamp) -> Markup {
    match at {
        None => html! { span.muted { "No end" } },
        Some(at) if at > now && at < now.plus_days(30) => html! {
            span.row { (day(at.to_jiff())) (Badge::new("soon").tone(Tone::Warning)) }
        },
        Some(at) => day(at.to_jiff()),
    }
}

/// How long ago, or a dash.
pub(super) fn since(at: Option<Timestamp>) -> Markup {
    html! { @if let Some(at) = at { (ago(at.to_jiff())) } @else { span.muted { "Never" } } }
}

/// A link in running text.
pub(super) fn link(href: &str, text: &str) -> Markup {
    html! { a href=(href) { (text) } }
}

/// The page of a person.
pub(super) fn user_href(id: &str) -> String {
    format!("/dashboard/users/{id}")
}

/// The page of a team.
pub(super) fn team_href(id: &str) -> String {
    format!("/dashboard/teams/{id}")
}

/// The page of a seat.
pub(super) fn seat_href(id: &str) -> String {
    format!("/dashboard/seats/{id}")
}

/// The page of an organization.
pub(super) fn organization_href(id: &str) -> String {
    format!("/dashboard/organizations/{id}")
}
