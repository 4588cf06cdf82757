//! The page of an invitation: how far it has come, and what is done with it there.

use maud::{Markup, Render, html};

use super::desk::{Desk, Shown};
use super::invitations::{ROOM, href, state_badge};
use super::look::{link, named_role_badge, team_href, user_href};
use super::offers::answered;
use crate::access::Permission;
use crate::access::offers::{Way, invitation_url};
use crate::dashboard::components::{Button, Callout, Card, CopyField, Facts, Tone, moment};
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::db::{Batch, Select};
use crate::error::Result;
use crate::invitations::record::ResendInput;
use crate::invitations::{Invitation, InvitationState, again};
use crate::params;
use crate::records;
use crate::types::{Ref, Timestamp, json_list};

/// One invitation.
pub(super) async fn one(desk: Desk) -> Result<Shown> {
    desk.require(Permission::InvitationsRead)?;
    let one: Invitation = records::find(desk.db(), desk.caller(), &desk.reference(0)?).await?;
    let mut batch = Batch::new();
    let team = batch.add::<(String,)>(Select::new(
        "SELECT name FROM teams WHERE account_id = $1 AND id = $2",
        params![one.team_id.clone()],
    ));
    let products = batch.add::<(String,)>(Select::new(
        "SELECT name FROM products WHERE account_id = $1 AND id IN (SELECT value FROM JSON_LIST($2) AS wanted) ORDER BY name_key",
        params![json_list(&one.product_ids.0)],
    ));
    let mut rows = desk.db().read(&desk.caller().account, batch).await?;
    let team = rows.first(&team).map_or_else(String::new, |(name,)| name);
    let products: Vec<String> = rows
        .take(&products)
        .into_iter()
        .map(|(name,)| name)
        .collect();
    let page = Page {
        crumbs: vec![("Invitations".into(), ROOM.into())],
        badges: Some(state_badge(one.state).render()),
        actions: Some(actions(&desk, &one)),
        narrow: true,
        ..Page::titled(one.email.as_str())
    };
    let body = html! {
        div.stack {
            (told(&one))
            (Card::new(facts(&one, &team, &products).render()).title("Details"))
            (address(&desk, &one))
        }
    };
    Ok(Shown::page(page, body))
}

fn actions(desk: &Desk, one: &Invitation) -> Markup {
    let may = desk.may(Permission::InvitationsWrite);
    let (open, expired) = (one.state.is_open(), one.state == InvitationState::Expired);
    html! {
        @if may && (open || expired) {
            (desk.post(format!("{}/resend", href(&one.id)), html! { (Button::submit("Send again").icon(Icon::Refresh)) }))
        }
        @if may && open {
            (desk.post(format!("{}/revoke", href(&one.id)), html! { (Button::submit("Revoke").danger()) }).confirm("Take this invitation back?"))
        }
    }
}

/// What should be known at once.
fn told(one: &Invitation) -> Markup {
    let reply = one.mail_reply.clone().unwrap_or_default();
    match one.state {
        InvitationState::Failed => Callout::new(Tone::Danger, "The mail server refused the mail")
            .body(reply)
            .render(),
        InvitationState::Queued if !reply.is_empty() => {
            Callout::new(Tone::Warning, "The mail has not gone out")
                .body(reply)
                .render()
        }
        InvitationState::Revoked if one.declined => {
            Callout::new(Tone::Neutral, "The person declined").render()
        }
        _ => html! {},
    }
}

fn facts(one: &Invitation, team: &str, products: &[String]) -> Facts {
    let at = |at: Option<Timestamp>| {
        html! { @if let Some(at) = at { (moment(at.to_jiff())) } @else { span.muted { "–" } } }
    };
    Facts::new()
        .markup("Team", link(&team_href(one.team_id.as_str()), team))
        .markup(
            "Person",
            link(&user_href(one.user_id.as_str()), one.email.as_str()),
        )
        .markup(
            "Role",
            named_role_badge(&one.role, one.role_name.as_deref()).render(),
        )
        .text("Products", products.join(", "))
        .text("Invited by", one.inviter_name.as_str())
        .markup("Invited", moment(one.created_at.to_jiff()))
        .markup("Mail sent", at(one.sent_at))
        .markup("Next reminder", at(one.remind_at))
        .markup("Ends", moment(one.expires_at.to_jiff()))
        .markup("Accepted", at(one.accepted_at))
}

/// The address to hand over by other ways, for those who may see mails.
fn address(desk: &Desk, one: &Invitation) -> Markup {
    if !one.is_open(desk.call.now) || !desk.may(Permission::MailsRead) {
        return html! {};
    }
    let account = &desk.caller().account;
    let value = invitation_url(
        &desk.app,
        account,
        one.id.as_str(),
        one.generation,
        Way::Copied,
    );
    let body = html! {
        div.stack.stack-tight {
            p.secondary { "For chats and other ways than mail. Somebody who has been here before signs in first and accepts then." }
            (CopyField { label: "Address of the invitation".into(), value })
        }
    };
    Card::new(body).title("Accept link").render()
}

/// Sends one again.
pub(super) async fn resend(desk: Desk) -> Result<Shown> {
    desk.require_post()?;
    let reference: Ref<Invitation> = desk.reference(0)?;
    let input = ResendInput::default();
    let (db, ids, call) = (desk.db(), &desk.app.ids, &desk.call);
    let done = desk
        .commit(|| again::plan_resend(db, ids, call, &reference, &input))
        .await;
    let text = |one: Invitation| format!("The invitation to {} is on its way again.", one.email);
    answered(format!("{ROOM}/{reference}"), done.map(text))
}

/// Takes one back.
pub(super) async fn revoke(desk: Desk) -> Result<Shown> {
    desk.require_post()?;
    let reference: Ref<Invitation> = desk.reference(0)?;
    let (db, ids, call) = (desk.db(), &desk.app.ids, &desk.call);
    let done = desk
        .commit(|| again::plan_revoke(db, ids, call, &reference))
        .await;
    let text = |one: Invitation| format!("The invitation to {} was taken back.", one.email);
    answered(format!("{ROOM}/{reference}"), done.map(text))
}
