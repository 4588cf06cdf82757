//! Credits: what a team or an organization has to spend, every movement, and credits added or taken.

use maud::{Markup, Render, html};
use serde_json::json;

use super::desk::{Desk, Shown, fault, faults, read, summary};
use super::look::{count, link, organization_href, team_href};
use super::seat_edit::whole;
use super::users::pager;
use crate::access::Permission;
use crate::commerce::account::Owner;
use crate::commerce::credits::{Credits, CreditsInput, credits, plan_move};
use crate::commerce::entry::{CreditEntry, CreditReason};
use crate::dashboard::components::{
    Badge, Button, Card, Cell, Column, EmptyState, Field, Row, Stat, Table, Tone, columns, moment,
    number, split,
};
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::error::Result;
use crate::listing::ListQuery;
use crate::records;
use crate::resources::{Organization, Team};

/// An amount with its sign.
pub(super) fn signed(amount: i64) -> String {
    let sign = match amount {
        ..0 => "−",
        0 => "",
        1.. => "+",
    };
    format!("{sign}{}", number(amount.unsigned_abs()))
}

/// A balance, which may be below zero.
fn plain(amount: i64) -> String {
    format!(
        "{}{}",
        if amount < 0 { "−" } else { "" },
        number(amount.unsigned_abs())
    )
}

/// Whose credits a page shows.
struct Whose {
    owner: Owner,
    name: String,
    crumbs: Vec<(String, String)>,
    href: String,
    /// The member of the list's query that names it.
    filter: (&'static str, String),
    /// Its address in the API.
    api: String,
}

/// The page of a team's credits.
pub(super) async fn of_team(desk: Desk) -> Result<Shown> {
    let team = records::find::<Team>(desk.db(), desk.caller(), &desk.reference(0)?).await?;
    let href = team_href(team.id.as_str());
    let whose = Whose {
        owner: Owner::Team(team.id.clone()),
        name: team.name.to_string(),
        crumbs: vec![
            ("Teams".into(), "/dashboard/teams".into()),
            (team.name.to_string(), href.clone()),
        ],
        href: format!("{href}/credits"),
        filter: ("team", team.id.to_string()),
        api: format!("/teams/{}/credits", team.id),
    };
    page(desk, whose).await
}

/// The page of an organization's credits.
pub(super) async fn of_organization(desk: Desk) -> Result<Shown> {
    let node = records::find::<Organization>(desk.db(), desk.caller(), &desk.reference(0)?).await?;
    desk.caller().require_account()?;
    let href = organization_href(node.id.as_str());
    let whose = Whose {
        owner: Owner::Organization(node.id.clone()),
        name: node.name.to_string(),
        crumbs: vec![
            ("Organizations".into(), "/dashboard/organizations".into()),
            (node.name.to_string(), href.clone()),
        ],
        href: format!("{href}/credits"),
        filter: ("organization", node.id.to_string()),
        api: format!("/organizations/{}/credits", node.id),
    };
    page(desk, whose).await
}

async fn page(desk: Desk, whose: Whose) -> Result<Shown> {
    desk.require(Permission::CreditsRead)?;
    let mut errors = None;
    if desk.is_post() {
        match add(&desk, &whose.owner).await {
            Ok(entry) => {
                let text = format!("{} credits were entered.", signed(entry.amount));
                return Ok(Shown::done(whose.href, text));
            }
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let wrong = errors.as_ref();
    let credits = credits(desk.db(), &desk.app.ids, &desk.call, &whose.owner).await?;
    let entries = entries(&desk, &whose).await?;
    let figures = columns(
        3,
        &[
            Stat::new("Balance", plain(credits.balance))
                .icon(Icon::Tag)
                .render(),
            Stat::new("Overdraft", number(count(credits.overdraft)))
                .icon(Icon::ArrowDown)
                .note("How far below zero it may go")
                .render(),
            Stat::new("Can be spent", plain(credits.spendable))
                .icon(Icon::Cart)
                .note("With the organizations above")
                .render(),
        ],
    );
    let aside = html! {
        @if desk.may_in_account(Permission::CreditsWrite) { (form(&desk, &whose, wrong)) }
        (Card::new(payers_table(&credits).render()).title("Who pays").lead("In this order.").flush())
    };
    let page = Page {
        crumbs: whose.crumbs.clone(),
        lead: Some("Credits buy items of the catalog. Every movement stays.".into()),
        ..Page::titled(format!("Credits of {}", whose.name))
    };
    let body = html! { div.stack { (figures) (split(&entries, &aside)) } };
    Ok(Shown::form(page, wrong, body))
}

async fn entries(desk: &Desk, whose: &Whose) -> Result<Markup> {
    let mut pairs = desk.query.pairs().to_vec();
    pairs.push((whose.filter.0.to_owned(), whose.filter.1.clone()));
    pairs.push(("include".to_owned(), "total_count".to_owned()));
    let key = &desk.app.keys.cursor;
    let query = ListQuery::parse::<CreditEntry>(&pairs, desk.caller(), key)?;
    let list = query
        .run::<CreditEntry>(desk.db(), desk.caller(), key)
        .await?;
    let rows = list.rows.iter().map(row);
    let heads = [
        Column::new("When"),
        Column::new("Why"),
        Column::new("Amount").numeric(),
        Column::new("Reference"),
        Column::new("By"),
    ];
    let empty = EmptyState::new(
        Icon::Tag,
        "No credits have moved yet",
        "Credits that are added or spent stand here.",
    );
    let url = desk.list(&whose.href);
    let table = Table::new("Movements", heads, rows)
        .empty(empty)
        .pager(pager(desk, &url, &list));
    Ok(Card::new(table.render())
        .title("Movements")
        .flush()
        .render())
}

fn row(entry: &CreditEntry) -> Row {
    let badge = match entry.reason {
        CreditReason::Grant => Badge::new("Granted").tone(Tone::Success),
        CreditReason::Correction => Badge::new("Corrected").tone(Tone::Warning),
        CreditReason::Withdrawal => Badge::new("Withdrawn"),
        CreditReason::Purchase => Badge::new("Spent").tone(Tone::Accent),
        CreditReason::Refund => Badge::new("Refunded").tone(Tone::Success),
    };
    let note = entry.note.as_ref().map_or("", |note| note.as_str());
    let reference = match (&entry.order_id, &entry.reference) {
        (Some(order), _) => link(&format!("/dashboard/orders/{order}"), "Order"),
        (None, Some(reference)) => html! { code { (reference) } },
        (None, None) => html! {},
    };
    Row::new([
        Cell::new(moment(entry.created_at.to_jiff())),
        Cell::new(html! { (badge) @if !note.is_empty() { " " (note) } }),
        Cell::new(html! { span.num { (signed(entry.amount)) } }),
        Cell::new(reference),
        Cell::text(&entry.actor_name),
    ])
}

fn form(desk: &Desk, whose: &Whose, wrong: Option<&crate::dashboard::form::FieldErrors>) -> Card {
    let fields = html! {
        (Field::number("amount", "Credits").value(desk.shown("amount", "")).error(fault(wrong, "amount")).required().hint("Below zero: taken."))
        (Field::select("reason", "Why", [("", "Granted or withdrawn"), ("correction", "A correction")]).value(desk.shown("reason", "")).error(fault(wrong, "reason")))
        (Field::text("note", "Note").value(desk.shown("note", "")).error(fault(wrong, "note")))
        (Field::text("reference", "Reference").value(desk.shown("reference", "")).error(fault(wrong, "reference")).mono().hint("Such as an invoice's number. Counted once."))
    };
    let call = desk
        .api("call-credits", "POST", &whose.api)
        .body(json!({ "amount": 500, "reason": "grant", "reference": "invoice-2026-117" }))
        .scope("credits:write");
    let form = desk
        .post(whose.href.clone(), fields)
        .errors(summary(wrong))
        .buttons([Button::submit("Enter credits").primary()])
        .after(call);
    Card::new(form.render()).title("Add or take credits")
}

async fn add(desk: &Desk, owner: &Owner) -> Result<CreditEntry> {
    let mut members = desk.filled(&["reason", "note", "reference"]);
    members.insert("amount".into(), whole(desk.field("amount")));
    let input: CreditsInput = read(&members.into())?;
    let (db, ids, call) = (desk.db(), &desk.app.ids, &desk.call);
    let done = desk
        .commit(|| plan_move(db, ids, call, owner, &input))
        .await?;
    Ok(done.entry)
}

/// Those who pay, with what they have.
pub(super) fn payers_table(credits: &Credits) -> Table {
    let rows = credits.payers.iter().map(|payer| {
        let href = match (&payer.team_id, &payer.organization_id) {
            (Some(team), _) => format!("{}/credits", team_href(team.as_str())),
            (None, Some(node)) => format!("{}/credits", organization_href(node.as_str())),
            (None, None) => String::new(),
        };
        Row::new([
            Cell::new(link(&href, &payer.name)),
            Cell::new(html! { span.num { (plain(payer.available)) } }),
        ])
    });
    Table::new(
        "Who pays",
        [Column::new("Name"), Column::new("Credits").numeric()],
        rows,
    )
    .plain()
}

/// The card on the page of a team or an organization, for visitors who may see credits.
pub(super) async fn purse(desk: &Desk, owner: &Owner) -> Result<Markup> {
    let of_team = matches!(owner, Owner::Team(_));
    let may_see = desk.may(Permission::CreditsRead)
        && (of_team || desk.may_in_account(Permission::CreditsRead));
    if !may_see {
        return Ok(html! {});
    }
    let credits = credits(desk.db(), &desk.app.ids, &desk.call, owner).await?;
    let href = match owner {
        Owner::Team(id) => team_href(id.as_str()),
        Owner::Organization(id) => organization_href(id.as_str()),
    };
    let body = html! {
        p { b.num { (plain(credits.balance)) } " credits of its own" }
        @if credits.spendable != credits.available { p.muted { (plain(credits.spendable)) " with the organizations above it" } }
    };
    let more = Button::link("Movements", format!("{href}/credits")).small();
    Ok(Card::new(body)
        .title("Credits")
        .foot(more.render())
        .render())
}
