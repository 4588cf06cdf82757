//! The room of invitations: every one in every state, the form that sends them, and what can be done with one.

use std::collections::BTreeMap;

use maud::{Markup, Render, html};
use serde_json::json;

use super::desk::{Desk, Shown, fault, faults, read, summary};
use super::look::{link, role_badge, team_href, user_href};
use super::users::{pager, team_choices};
use crate::access::Permission;
use crate::access::offers::{Way, invitation_url};
use crate::access::roles::Held;
use crate::dashboard::components::{
    Avatar, Badge, Button, Callout, Card, Cell, Checkbox, Column, CopyField, EmptyState, Facts,
    Field, FilterBar, Menu, Row, Table, Tone, counted, moment,
};
use crate::dashboard::form::FieldErrors;
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::db::{Batch, Select};
use crate::error::{Error, Fault, Result};
use crate::invitations::record::{NewInvitation, ResendInput};
use crate::invitations::{Invitation, InvitationState, again, invite};
use crate::params;
use crate::records;
use crate::resources::{Product, Team};
use crate::types::{Id, Ref, Timestamp};

/// The room.
const ROOM: &str = "/dashboard/invitations";
/// Addresses of one form at the most.
const AT_ONCE: usize = 100;

const ROLES: [(&str, &str); 3] = [
    ("member", "Member"),
    ("manager", "Manager"),
    ("owner", "Owner"),
];
/// Value and label of what happens when no place is free.
pub(super) const IF_FULL: [(&str, &str); 2] = [("fail", "Refuse"), ("waitlist", "Wait in line")];

fn state_badge(state: InvitationState) -> Badge {
    match state {
        InvitationState::Queued => Badge::new("Queued").tone(Tone::Accent).dot(),
        InvitationState::Sent => Badge::new("Sent").tone(Tone::Accent),
        InvitationState::Failed => Badge::new("Mail failed").tone(Tone::Danger).dot(),
        InvitationState::Accepted => Badge::new("Accepted").tone(Tone::Success).icon(Icon::Check),
        InvitationState::Expired => Badge::new("Expired").tone(Tone::Warning),
        InvitationState::Revoked => Badge::new("Revoked"),
    }
}

fn href(id: &Id<Invitation>) -> String {
    format!("{ROOM}/{id}")
}

fn invite_button(desk: &Desk) -> Markup {
    html! {
        @if desk.may(Permission::InvitationsWrite) {
            (Button::link("Invite people", format!("{ROOM}/new")).primary().icon(Icon::Mail))
        }
    }
}

/// The list.
pub(super) async fn list(desk: Desk) -> Result<Shown> {
    let list = desk.records::<Invitation>().await?;
    let url = desk.list(ROOM);
    let teams: Vec<&str> = list.rows.iter().map(|one| one.team_id.as_str()).collect();
    let mut batch = Batch::new();
    let names = batch.add::<(Id<Team>, String)>(Select::new(
        "SELECT id, name FROM teams WHERE account_id = $1 AND id IN (SELECT value FROM JSON_LIST($2) AS wanted)",
        params![json!(teams).to_string()],
    ));
    let choices = batch.add::<(String, String)>(team_choices(&desk));
    let mut rows = desk.db().read(&desk.caller().account, batch).await?;
    let names: BTreeMap<_, _> = rows.take(&names).into_iter().collect();
    let filters = FilterBar::new(url.clone())
        .search("Search by address")
        .select(
            "state",
            "State",
            [
                ("queued,sent,failed", "Open"),
                ("failed", "Mail failed"),
                ("accepted", "Accepted"),
                ("expired", "Expired"),
                ("revoked", "Revoked"),
            ],
        )
        .select("team", "Team", rows.take(&choices));
    let table_rows = list.rows.iter().map(|one| row(&desk, one, &names));
    let columns = [
        Column::new("Address").sort(&url, "email"),
        Column::new("Team"),
        Column::new("Role"),
        Column::new("State"),
        Column::new("Ends").sort(&url, "expires_at"),
        Column::new("Invited").sort(&url, "created_at"),
    ];
    let empty = if filters.is_active() {
        EmptyState::no_match(ROOM)
    } else {
        EmptyState::new(
            Icon::Mail,
            "No invitations yet",
            "An invitation offers somebody a place in a team by mail. Places of its products are held until they decide.",
        )
        .actions(invite_button(&desk))
    };
    let table = Table::new("Invitations", columns, table_rows)
        .empty(empty)
        .pager(pager(&desk, &url, &list));
    let page = Page {
        lead: Some(
            "Who was invited where, how far the mail has come, and who has accepted.".into(),
        ),
        actions: Some(invite_button(&desk)),
        ..Page::titled("Invitations")
    };
    Ok(Shown::page(page, html! { div.stack { (filters) (table) } }))
}

fn row(desk: &Desk, one: &Invitation, teams: &BTreeMap<Id<Team>, String>) -> Row {
    let team = teams.get(&one.team_id).map_or("", String::as_str);
    let address = one.email.as_str();
    let mut menu =
        Menu::new(format!("Actions for {address}")).link(Icon::Eye, "View", &href(&one.id));
    if desk.may(Permission::InvitationsWrite) {
        if one.state.is_open() || one.state == InvitationState::Expired {
            menu = menu.post(
                Icon::Refresh,
                "Send again",
                &format!("{}/resend", href(&one.id)),
                &desk.csrf,
                None,
            );
        }
        if one.state.is_open() {
            let question = format!("Take the invitation of {address} back?");
            menu = menu.post(
                Icon::Trash,
                "Revoke",
                &format!("{}/revoke", href(&one.id)),
                &desk.csrf,
                Some(&question),
            );
        }
    }
    Row::new([
        Cell::record(&Avatar::person(address), address, &href(&one.id), None),
        Cell::new(link(&team_href(one.team_id.as_str()), team)),
        Cell::new(role_badge(&Held::BuiltIn(one.role))),
        Cell::new(state_badge(one.state)),
        Cell::new(moment(one.expires_at.to_jiff())),
        Cell::new(moment(one.created_at.to_jiff())),
    ])
    .actions(menu)
}

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
        params![json!(one.product_ids.0).to_string()],
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
        .markup("Role", role_badge(&Held::BuiltIn(one.role)).render())
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
    answered(&reference, done, |one| {
        format!("The invitation to {} is on its way again.", one.email)
    })
}

/// Takes one back.
pub(super) async fn revoke(desk: Desk) -> Result<Shown> {
    desk.require_post()?;
    let reference: Ref<Invitation> = desk.reference(0)?;
    let (db, ids, call) = (desk.db(), &desk.app.ids, &desk.call);
    let done = desk
        .commit(|| again::plan_revoke(db, ids, call, &reference))
        .await;
    answered(&reference, done, |one| {
        format!("The invitation to {} was taken back.", one.email)
    })
}

/// Back to the invitation, with what came of it.
fn answered(
    reference: &Ref<Invitation>,
    done: Result<Invitation>,
    text: impl Fn(&Invitation) -> String,
) -> Result<Shown> {
    match done {
        Ok(one) => Ok(Shown::done(href(&one.id), text(&one))),
        Err(error) => {
            let faults = faults(error)?;
            let sentence = faults.plain().into_iter().next().map(|(_, text)| text);
            let notice = crate::dashboard::notice::Notice::error(sentence.unwrap_or_default());
            Ok(Shown::Go(format!("{ROOM}/{reference}"), notice))
        }
    }
}

/// The form that invites, and what came of each address.
pub(super) async fn create(desk: Desk) -> Result<Shown> {
    desk.require(Permission::InvitationsWrite)?;
    let mut errors = None;
    let mut results = Vec::new();
    if desk.is_post() {
        match send(&desk).await {
            Ok(sent) if sent.iter().all(|(_, outcome)| outcome.is_ok()) => {
                let count = u64::try_from(sent.len()).unwrap_or(u64::MAX);
                let text = format!(
                    "{} on the way.",
                    counted(count, "invitation is", "invitations are")
                );
                return Ok(Shown::done(ROOM, text));
            }
            Ok(sent) => results = sent,
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let call = desk
        .api("call-invite", "POST", "/invitations")
        .body(json!({ "email": "lin@example.com", "team": "ext:engines", "role": "member", "products": ["ext:safety-101"], "if_full": "waitlist" }))
        .scope("invitations:write");
    let form = desk
        .post(
            format!("{ROOM}/new"),
            fields(&desk, errors.as_ref(), &results).await?,
        )
        .errors(summary(errors.as_ref()))
        .buttons([
            Button::submit("Send invitations")
                .primary()
                .icon(Icon::Mail),
            Button::link("Cancel", ROOM).quiet(),
        ])
        .after(call);
    let page = Page {
        crumbs: vec![("Invitations".into(), ROOM.into())],
        narrow: true,
        ..Page::titled("Invite people")
    };
    let body = html! { div.stack { (told_of(&results)) (Card::new(form.render())) } };
    Ok(Shown::form(page, errors.as_ref(), body))
}

type Sent = (String, std::result::Result<bool, String>);

/// What became of each address, where some were refused.
fn told_of(results: &[Sent]) -> Markup {
    if results.is_empty() {
        return html! {};
    }
    let rows = results.iter().map(|(address, outcome)| {
        let (badge, text) = match outcome {
            Ok(true) => (Badge::new("On the way").tone(Tone::Success), String::new()),
            Ok(false) => (
                Badge::new("Open already").tone(Tone::Neutral),
                String::new(),
            ),
            Err(text) => (Badge::new("Not sent").tone(Tone::Danger), text.clone()),
        };
        Row::new([Cell::text(address), Cell::new(badge), Cell::text(&text)])
    });
    let columns = ["Address", "Result", "Why"].map(Column::new);
    let table = Table::new("Results", columns, rows).plain();
    Card::new(table.render())
        .title("What came of it")
        .flush()
        .render()
}

/// The addresses in the form, each once.
fn addresses(desk: &Desk) -> Vec<String> {
    let mut seen = std::collections::BTreeSet::new();
    let texts = desk
        .field("emails")
        .split([',', ';', '\n', '\r', ' ', '\t']);
    texts
        .map(str::trim)
        .filter(|text| !text.is_empty() && seen.insert(text.to_lowercase()))
        .map(str::to_owned)
        .collect()
}

/// Invites each address by itself: one that is refused leaves the others alone.
async fn send(desk: &Desk) -> Result<Vec<Sent>> {
    let addresses = addresses(desk);
    if addresses.is_empty() || addresses.len() > AT_ONCE {
        let detail = format!("Enter from 1 to {AT_ONCE} addresses.");
        return Err(Error::invalid(vec![Fault::new(
            "/emails",
            "out_of_range",
            detail,
        )]));
    }
    if desk.field("team").is_empty() {
        return Err(Error::invalid(vec![Fault::new(
            "/team",
            "required",
            "Choose the team.",
        )]));
    }
    let mut sent = Vec::new();
    for address in addresses {
        let outcome = one_address(desk, &address).await;
        let outcome = match outcome {
            Ok(made) => Ok(made),
            Err(error) if error.code().status() >= 500 => return Err(error),
            Err(error) => {
                let faults = FieldErrors::of(&error);
                let texts: Vec<String> = faults.plain().into_iter().map(|(_, text)| text).collect();
                Err(texts.join(" "))
            }
        };
        sent.push((address, outcome));
    }
    Ok(sent)
}

async fn one_address(desk: &Desk, address: &str) -> Result<bool> {
    let mut body = json!({ "email": address, "products": desk.fields("product") });
    for name in ["team", "role", "if_full"] {
        if let (value, Some(members)) = (desk.field(name), body.as_object_mut())
            && !value.is_empty()
        {
            members.insert(name.to_owned(), value.into());
        }
    }
    let days = desk
        .form
        .as_ref()
        .map(|form| form.number("expires_in_days"));
    if let (Some(days), Some(members)) = (
        days.transpose()
            .map_err(|fault| Error::invalid(vec![fault]))?
            .flatten(),
        body.as_object_mut(),
    ) {
        members.insert("expires_in_days".to_owned(), days.into());
    }
    let new: NewInvitation = read(&body)?;
    let (db, ids, call) = (desk.db(), &desk.app.ids, &desk.call);
    desk.commit(|| async {
        let (plan, _, made) = invite::plan_invite(db, ids, call, &new).await?;
        Ok((plan, made))
    })
    .await
}

async fn fields(desk: &Desk, errors: Option<&FieldErrors>, results: &[Sent]) -> Result<Markup> {
    let mut batch = Batch::new();
    let teams = batch.add::<(String, String)>(team_choices(desk));
    let products = batch.add::<(Id<Product>, String)>(product_choices());
    let mut rows = desk.db().read(&desk.caller().account, batch).await?;
    let team = desk.shown("team", desk.get("team"));
    // What was sent is not offered again.
    let left: Vec<&str> = results
        .iter()
        .filter(|(_, outcome)| outcome.is_err())
        .map(|(address, _)| address.as_str())
        .collect();
    let emails = if results.is_empty() {
        desk.shown("emails", "")
    } else {
        left.join("\n")
    };
    let shown = |name: &str, usual: &str| {
        let value = desk.shown(name, usual);
        if value.is_empty() {
            usual.to_owned()
        } else {
            value
        }
    };
    Ok(html! {
        (Field::text_area("emails", "E-mail addresses").value(emails).error(fault(errors, "emails")).required().hint("One a line, or separated by commas; a hundred at the most."))
        div.form-row {
            (Field::select("team", "Team", rows.take(&teams)).value(team).error(fault(errors, "team")).required())
            (Field::select("role", "Role", ROLES).value(shown("role", "member")).error(fault(errors, "role")).required())
        }
        (product_fields(desk, &rows.take(&products), &[]))
        div.form-row {
            (Field::select("if_full", "When no place is free", IF_FULL).value(shown("if_full", "fail")).error(fault(errors, "if_full")).required())
            (Field::number("expires_in_days", "Good for (days)").value(shown("expires_in_days", "7")).error(fault(errors, "expires_in_days")))
        }
    })
}

/// Products to choose from: id and name.
pub(super) fn product_choices() -> Select {
    Select::new(
        "SELECT id, name FROM products WHERE account_id = $1 ORDER BY name_key LIMIT 200",
        params![],
    )
}

/// A box for each product.
pub(super) fn product_fields(
    desk: &Desk,
    products: &[(Id<Product>, String)],
    stored: &[Id<Product>],
) -> Markup {
    let sent = desk.fields("product");
    let ticked = |id: &Id<Product>| {
        if desk.is_post() {
            sent.iter().any(|one| one == id.as_str())
        } else {
            stored.contains(id)
        }
    };
    html! {
        fieldset.field {
            legend { "Places of" }
            @if products.is_empty() { p.hint { "There are no products yet." } }
            @for (id, name) in products {
                (Checkbox { name: "product".into(), value: id.to_string(), label: name.clone(), checked: ticked(id), ..Checkbox::default() })
            }
        }
    }
}
