//! The page of a link: its address, its QR code, its limits and its requests, and what is done with it there.

use maud::{Markup, PreEscaped, Render, html};
use serde_json::json;

use super::desk::{Desk, Shown, read};
use super::links::{ROOM, href, state_badge, uses};
use super::look::{count, link, named_role_badge, team_href};
use super::offers::answered;
use crate::access::Permission;
use crate::dashboard::components::{
    Badge, Button, Card, Cell, Column, CopyField, EmptyState, Facts, Menu, Row, Table, Tone,
    moment, number, split,
};
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::dashboard::notice::Notice;
use crate::db::{Batch, Select};
use crate::error::Result;
use crate::http::links::url as link_url;
use crate::joining::decide::{self, ApproveInput, DeclineInput};
use crate::joining::input::LinkPatch;
use crate::joining::{Link, LinkRequest, RequestState, manage, qr};
use crate::params;
use crate::records;
use crate::types::{Ref, Timestamp, json_list};

/// Requests shown on a link's page.
const SHOWN: i64 = 100;

fn request_badge(state: RequestState) -> Badge {
    match state {
        RequestState::Unconfirmed => Badge::new("Not confirmed"),
        RequestState::Pending => Badge::new("Waits for you").tone(Tone::Warning).dot(),
        RequestState::Joined => Badge::new("Joined").tone(Tone::Success),
        RequestState::Declined => Badge::new("Declined").tone(Tone::Danger),
    }
}

/// One link: its address, its QR code, its limits, its requests.
pub(super) async fn one(desk: Desk) -> Result<Shown> {
    desk.require(Permission::LinksRead)?;
    let one: Link = records::find(desk.db(), desk.caller(), &desk.reference(0)?).await?;
    let mut batch = Batch::new();
    let team = batch.add::<(String,)>(Select::new(
        "SELECT name FROM teams WHERE account_id = $1 AND id = $2",
        params![one.team_id.clone()],
    ));
    let products = batch.add::<(String,)>(Select::new(
        "SELECT name FROM products WHERE account_id = $1 AND id IN (SELECT value FROM JSON_LIST($2) AS wanted) ORDER BY name_key",
        params![json_list(&one.product_ids.0)],
    ));
    // Those who wait for a decision first.
    let requests = batch.add::<LinkRequest>(Select::rows::<LinkRequest>(
        "WHERE account_id = $1 AND link_id = $2 ORDER BY CASE WHEN state = 'pending' THEN 0 ELSE 1 END, created_at DESC LIMIT $3",
        params![one.id.clone(), SHOWN],
    ));
    let refused = batch.add::<(String, i64)>(Select::new(
        "SELECT reason, refused FROM link_refusals WHERE account_id = $1 AND link_id = $2 ORDER BY reason",
        params![one.id.clone()],
    ));
    let views = batch.add::<(i64, Timestamp)>(Select::new(
        "SELECT views, last_at FROM link_views WHERE account_id = $1 AND link_id = $2",
        params![one.id.clone()],
    ));
    let mut rows = desk.db().read(&desk.caller().account, batch).await?;
    let team = rows.first(&team).map_or_else(String::new, |(name,)| name);
    let products = rows.take(&products).into_iter();
    let told = Told {
        team: &team,
        products: products.map(|(name,)| name).collect(),
        refused: rows.take(&refused),
        views: rows.first(&views),
    };
    let page = Page {
        crumbs: vec![("Links".into(), ROOM.into())],
        lead: Some(team.clone()),
        badges: Some(state_badge(&one, desk.call.now).render()),
        actions: Some(actions(&desk, &one)),
        ..Page::titled(one.name.as_str())
    };
    let main = html! { (requests_card(&desk, &one, &rows.take(&requests))) };
    let aside = html! {
        (address(&desk, &one)?)
        (Card::new(facts(&one, &told).render()).title("Details"))
    };
    Ok(Shown::page(page, split(&main, &aside)))
}

fn actions(desk: &Desk, one: &Link) -> Markup {
    let label = if one.paused { "Resume" } else { "Pause" };
    html! {
        @if desk.may(Permission::LinksWrite) {
            (desk.post(format!("{}/pause", href(&one.id)), html! { (Button::submit(label).icon(Icon::Clock)) }))
            (Button::link("Edit", format!("{}/edit", href(&one.id))).icon(Icon::Edit))
            (Menu::new(format!("More actions for {}", one.name)).post(
                Icon::Trash, "Delete", &format!("{}/delete", href(&one.id)), &desk.csrf, Some("Delete this link? Its address is dead at once."),
            ))
        }
    }
}

fn address(desk: &Desk, one: &Link) -> Result<Card> {
    let url = link_url(&desk.app, one.slug.as_str());
    let picture = qr::svg(&url)?;
    let picture = picture.split_once("<svg").map_or("", |(_, rest)| rest);
    let body = html! {
        div.stack.stack-tight {
            (CopyField { label: "Address".into(), value: url.clone() })
            div.qr role="img" aria-label="QR code of the address" { (PreEscaped(format!("<svg{picture}"))) }
            div.row {
                (Button::link("Download SVG", format!("{}/qr/link.svg", href(&one.id))).small())
                (Button::link("Download PNG", format!("{}/qr/link.png", href(&one.id))).small())
                (Button::link("Open page", url).small().quiet())
            }
        }
    };
    Ok(Card::new(body).title("Address"))
}

/// What the details say beside the record.
struct Told<'a> {
    team: &'a str,
    products: Vec<String>,
    refused: Vec<(String, i64)>,
    /// How often the page was opened, and when last.
    views: Option<(i64, Timestamp)>,
}

fn facts(one: &Link, told: &Told<'_>) -> Facts {
    let at = |at: Option<Timestamp>| {
        html! { @if let Some(at) = at { (moment(at.to_jiff())) } @else { span.muted { "–" } } }
    };
    let domains: Vec<String> = one
        .allowed_domains
        .0
        .iter()
        .map(ToString::to_string)
        .collect();
    let views = told.views.map_or(0, |(views, _)| views);
    let refused: Vec<String> = told
        .refused
        .iter()
        .map(|(reason, count)| format!("{} × {count}", reason.replace('_', " ")))
        .collect();
    Facts::new()
        .markup("Team", link(&team_href(one.team_id.as_str()), told.team))
        .markup(
            "Role",
            named_role_badge(&one.role, one.role_name.as_deref()).render(),
        )
        .text("Places of", told.products.join(", "))
        .text("Views", number(count(views)))
        .markup("Last view", at(told.views.map(|(_, at)| at)))
        .text("Joined", uses(one))
        .markup("Opens", at(one.starts_at))
        .markup("Ends", at(one.expires_at))
        .text("Domains", domains.join(", "))
        .text(
            "Approval",
            if one.requires_approval {
                "Somebody decides"
            } else {
                "Not needed"
            },
        )
        .text("Refused", refused.join(", "))
        .text(
            "External id",
            one.external_id.as_ref().map_or("", |key| key.as_str()),
        )
}

fn requests_card(desk: &Desk, one: &Link, requests: &[LinkRequest]) -> Card {
    let rows = requests.iter().map(|request| {
        let name = request.name.as_ref().map_or(request.email.as_str(), |name| name.as_str());
        let row = Row::new([
            Cell::new(html! { b { (name) } div.muted.small { (request.email) } }),
            Cell::new(request_badge(request.state)),
            Cell::new(moment(request.created_at.to_jiff())),
        ]);
        let decidable = matches!(request.state, RequestState::Pending);
        if !decidable || !desk.may(Permission::LinksWrite) {
            return row;
        }
        row.actions(html! {
            div.row {
                (decision(desk, one, request, "approve", &Button::submit("Approve").small().primary()))
                (decision(desk, one, request, "decline", &Button::submit("Decline").small()))
            }
        })
    });
    let empty = EmptyState::new(
        Icon::Users,
        "Nobody has asked yet",
        "Those who open the link appear here, with what became of it.",
    );
    let table = Table::new(
        "Requests",
        ["Person", "State", "Asked"].map(Column::new),
        rows,
    )
    .empty(empty)
    .plain();
    Card::new(table.render()).title("Requests").flush()
}

/// The page of the link that an address names.
fn at(reference: &Ref<Link>) -> String {
    format!("{ROOM}/{reference}")
}

fn decision(desk: &Desk, one: &Link, request: &LinkRequest, verb: &str, button: &Button) -> Markup {
    let form = desk.post(format!("{}/{verb}", href(&one.id)), html! { (button) });
    form.hidden("request", request.id.as_str()).render()
}

/// Lets people in.
pub(super) async fn approve(desk: Desk) -> Result<Shown> {
    desk.require_post()?;
    let reference: Ref<Link> = desk.reference(0)?;
    let input: ApproveInput = read(&json!({ "requests": desk.fields("request") }))?;
    let done = desk
        .commit(|| decide::plan_approve(&desk.app, &desk.call, &reference, &input))
        .await;
    answered(
        at(&reference),
        done.map(|_| "Approved. The person is in, and told by mail.".to_owned()),
    )
}

/// Refuses people.
pub(super) async fn decline(desk: Desk) -> Result<Shown> {
    desk.require_post()?;
    let reference: Ref<Link> = desk.reference(0)?;
    let input: DeclineInput = read(&json!({ "requests": desk.fields("request") }))?;
    let done = desk
        .commit(|| decide::plan_decline(&desk.app, &desk.call, &reference, &input))
        .await;
    answered(
        at(&reference),
        done.map(|_| "Declined. The person is told by mail.".to_owned()),
    )
}

/// Pauses a link, or lets it go on.
pub(super) async fn pause(desk: Desk) -> Result<Shown> {
    desk.require_post()?;
    let one: Link = records::find(desk.db(), desk.caller(), &desk.reference(0)?).await?;
    let (reference, paused) = (Ref::Id(one.id), !one.paused);
    let patch = || LinkPatch {
        paused: Some(paused),
        ..LinkPatch::default()
    };
    let (db, call) = (desk.db(), &desk.call);
    let done = desk
        .commit(|| manage::plan_change(db, call, &reference, patch(), |_| Ok(())))
        .await;
    let text = if paused {
        "Paused: nobody can join by it until you resume it."
    } else {
        "People can join by it again."
    };
    answered(at(&reference), done.map(|_| text.to_owned()))
}

/// Deletes a link that nobody has used.
pub(super) async fn delete(desk: Desk) -> Result<Shown> {
    desk.require_post()?;
    let reference: Ref<Link> = desk.reference(0)?;
    let (db, call) = (desk.db(), &desk.call);
    let done = desk
        .commit(|| async {
            let plan = manage::plan_delete(db, call, &reference, |_| Ok(())).await?;
            Ok((plan, ()))
        })
        .await;
    match done {
        Ok(()) => Ok(Shown::done(ROOM, "The link was deleted.")),
        Err(error) if error.code() == crate::error::Code::InUse => {
            let text =
                "People have joined by this link, so it stays with its history. Pause it instead.";
            Ok(Shown::Go(at(&reference), Notice::error(text)))
        }
        Err(error) => answered(at(&reference), Err(error)),
    }
}
