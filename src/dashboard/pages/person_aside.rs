//! What stands beside a person's seats: details, teams, mails.

use maud::{Markup, Render, html};

use super::desk::Desk;
use super::look::{
    link, mail_badge, many, organization_href, role_badge, since, team_href, user_href,
};
use super::person::Dossier;
use crate::access::Permission;
use crate::dashboard::components::{Avatar, Button, Card, CopyField, Facts, Tags, ago, day};
use crate::dashboard::icons::Icon;
use crate::email::outbox::{self, MailRow};
use crate::resources::User;
use crate::types::text::{Language, Zone};
use crate::types::{ExternalId, Name};

/// Who the person is.
pub(super) fn facts(user: &User) -> Card {
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let facts = Facts::new()
        .text("Company", text(user.company.as_ref().map(Name::as_str)))
        .text("Language", text(user.locale.as_ref().map(Language::as_str)))
        .text("Time zone", text(user.timezone.as_ref().map(Zone::as_str)))
        .text(
            "External id",
            text(user.external_id.as_ref().map(ExternalId::as_str)),
        )
        .text("LMS id", text(user.lms_user_id.as_deref()))
        .markup("Last seen", since(user.last_seen_at))
        .markup("Added", day(user.created_at.to_jiff()));
    let tags: Vec<String> = user
        .tags
        .as_slice()
        .iter()
        .map(ToString::to_string)
        .collect();
    let body = html! {
        div.stack.stack-tight {
            (facts)
            @if !tags.is_empty() { (Tags(tags)) }
            @for (name, value) in user.metadata.members() { p.small.secondary { (name) ": " (value) } }
            (CopyField { label: "Id".into(), value: user.id.to_string() })
        }
    };
    Card::new(body).title("Details")
}

/// The teams they are in.
pub(super) fn teams(desk: &Desk, dossier: &Dossier) -> Card {
    let body = html! {
        @if dossier.teams.is_empty() {
            p.secondary { "In no team." @if desk.may(Permission::TeamsRead) { " Add them on a team's page." } }
        } @else {
            ul.rows {
                @for one in &dossier.teams {
                    li.row.row-between {
                        span.person {
                            (Avatar::group(one.name.as_str()).small())
                            span {
                                (link(&team_href(one.team.as_str()), one.name.as_str()))
                                span.cell-sub {
                                    @if let Some((id, name)) = &one.organization { (link(&organization_href(id.as_str()), name.as_str())) " · " }
                                    "since " (day(one.joined.to_jiff()))
                                }
                            }
                        }
                        (role_badge(&one.role))
                    }
                }
            }
        }
    };
    Card::new(body).title(format!("Teams ({})", many(&dossier.teams)))
}

/// The mails that went to them.
pub(super) fn mails(desk: &Desk, dossier: &Dossier) -> Card {
    let href = user_href(dossier.user.id.as_str());
    let body = html! {
        @if dossier.mails.is_empty() { p.secondary { "No mail has gone to this person." } }
        @else {
            ul.rows {
                @for mail in &dossier.mails {
                    li.row.row-between {
                        span { (mail_name(mail)) span.cell-sub { (ago(mail.sent_at.unwrap_or(mail.created_at).to_jiff())) @if mail.state == outbox::MailState::Failed { @if let Some(reply) = &mail.last_reply { " · " (reply) } } } }
                        (mail_badge(mail.state))
                    }
                }
            }
        }
    };
    let card = Card::new(body).title("Mails");
    if desk.may(Permission::UsersWrite) {
        card.foot(
            Button::link("Copy sign-in link", format!("{href}/sign-in-link"))
                .small()
                .icon(Icon::Link)
                .render(),
        )
    } else {
        card
    }
}

/// The subject of a mail, or what it is for while it is not written yet.
fn mail_name(mail: &MailRow) -> Markup {
    let kind = mail.kind.name().replace('_', " ");
    html! { (mail.subject.as_deref().unwrap_or(&kind)) }
}
