//! People are invited by a form: many addresses at once, each with what came of it.

use maud::{Markup, Render, html};
use serde_json::json;

use super::desk::{Desk, Shown, fault, faults, read, summary};
use super::invitations::ROOM;
use super::offers::{IF_FULL, product_choices, product_fields};
use super::team_members::role_field;
use super::users::team_choices;
use crate::access::Permission;
use crate::dashboard::components::{
    Badge, Button, Card, Cell, Column, Field, Row, Table, Tone, counted,
};
use crate::dashboard::form::FieldErrors;
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::db::Batch;
use crate::error::{Error, Fault, Result};
use crate::invitations::invite;
use crate::invitations::record::NewInvitation;
use crate::resources::Product;
use crate::types::Id;

/// Addresses of one form at the most.
const AT_ONCE: usize = 100;

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
    let roles = role_field(desk, &shown("role", "member"), errors, &[]).await?;
    Ok(html! {
        (Field::text_area("emails", "E-mail addresses").value(emails).error(fault(errors, "emails")).required().hint("One a line, or separated by commas; a hundred at the most."))
        div.form-row {
            (Field::select("team", "Team", rows.take(&teams)).value(team).error(fault(errors, "team")).required())
            (roles)
        }
        (product_fields(desk, &rows.take(&products), &[]))
        div.form-row {
            (Field::select("if_full", "When no place is free", IF_FULL).value(shown("if_full", "fail")).error(fault(errors, "if_full")).required())
            (Field::number("expires_in_days", "Good for (days)").value(shown("expires_in_days", "7")).error(fault(errors, "expires_in_days")))
        }
    })
}
