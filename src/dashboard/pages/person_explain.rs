//! Why a person may enter a course, or not, and what would change a no.

use maud::{Markup, Render, html};
use serde_json::Value as JsonValue;

use super::desk::{Desk, Shown};
use super::person_edit::page;
use super::person_life::departed;
use crate::access::Permission;
use crate::dashboard::components::{Badge, Card, CodeBlock, Tone, day};
use crate::dashboard::layout::Page;
use crate::error::Result;
use crate::lifecycle::explain::{ChainLink, Explanation, explain as explain_access};
use crate::records;
use crate::resources::{Course, User};
use crate::types::Ref;

/// Why the person may enter a course, or not, and what would change a no.
pub(super) async fn explain(desk: Desk) -> Result<Shown> {
    desk.require(Permission::EnrollmentsRead)?;
    let reference: Ref<User> = desk.reference(0)?;
    let user = match records::maybe::<User>(desk.db(), desk.caller(), &reference).await? {
        Some(user) => user,
        None => departed(&desk).await?,
    };
    let course: Ref<Course> = desk.reference(1)?;
    let course = records::find::<Course>(desk.db(), desk.caller(), &course).await?;
    let told = explain_access(
        desk.db(),
        &desk.call,
        &Ref::Id(user.id.clone()),
        &Ref::Id(course.id.clone()),
    )
    .await?;
    let path = format!("/explain?user={}&course={}", user.id, course.id);
    let call = desk
        .api("call-explain", "GET", &path)
        .scope("enrollments:read");
    let badge = if told.access {
        Badge::new("Yes").tone(Tone::Success).dot()
    } else {
        Badge::new("No").tone(Tone::Warning).dot()
    };
    let page = Page {
        badges: Some(badge.render()),
        lead: Some(told.says.clone()),
        ..page(&user, &format!("«{}»: why?", course.name))
    };
    let body = html! { div.stack { (explanation(&told)) (call) } };
    Ok(Shown::page(page, body))
}

fn explanation(told: &Explanation) -> Markup {
    html! {
        @if told.access {
            (Card::new(html! { ol.chains { @for link in &told.chain { (chain_link(link)) } } }).title("What leads to it"))
        } @else if told.requests.is_empty() {
            (Card::new(html! { p.secondary { "No request changes this; the record of the access tells what went wrong." } }).title("What would change it"))
        } @else {
            (Card::new(html! {
                ol.chains {
                    @for one in &told.requests {
                        li.chain {
                            p.strong { (one.says) }
                            (CodeBlock { title: format!("{} {}", one.method, one.path), code: pretty(&one.body) })
                        }
                    }
                }
            }).title("What would change it").lead("The shortest list of requests, in their order."))
        }
    }
}

fn pretty(body: &JsonValue) -> String {
    serde_json::to_string_pretty(body).unwrap_or_default()
}

fn chain_link(link: &ChainLink) -> Markup {
    html! {
        li.chain {
            div.row.row-between {
                span.strong { (link.step.as_str()) }
                @if let Some(at) = link.at { span.muted { (day(at.to_jiff())) } }
            }
            p.secondary.small { (link.says) @if let Some(event) = &link.event { " · " (event.r#type) " by " (event.actor_name) } }
        }
    }
}
