//! The room of links: self-enrolment addresses with their limits, their QR codes and their requests.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, PreEscaped, Render, html};
use serde_json::{Map, Value as JsonValue, json};

use super::desk::{Desk, Shown, fault, faults, read, summary};
use super::invitations::{IF_FULL, product_choices, product_fields};
use super::look::{link, role_badge, team_href};
use super::users::{pager, team_choices};
use crate::access::Permission;
use crate::access::roles::Held;
use crate::app::App;
use crate::dashboard::answer::Answer;
use crate::dashboard::components::{
    Avatar, Badge, Button, Card, Cell, Checkbox, Column, CopyField, EmptyState, Facts, Field,
    FilterBar, Menu, Row, Table, Tone, moment, split,
};
use crate::dashboard::door::Visitor;
use crate::dashboard::form::FieldErrors;
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::dashboard::notice::Notice;
use crate::db::{Batch, Select};
use crate::error::{Error, Result};
use crate::http::links::url as link_url;
use crate::joining::decide::{self, ApproveInput, DeclineInput};
use crate::joining::link::{LinkPatch, NewLink};
use crate::joining::{Link, LinkRequest, RequestState, manage, qr};
use crate::params;
use crate::records;
use crate::resources::{Product, Team};
use crate::types::{Id, Ref, Timestamp};

/// The room.
const ROOM: &str = "/dashboard/links";
/// Requests shown on a link's page.
const SHOWN: i64 = 100;
/// Value and label of the roles a link may give.
const ROLES: [(&str, &str); 2] = [("member", "Member"), ("manager", "Manager")];

fn href(id: &Id<Link>) -> String {
    format!("{ROOM}/{id}")
}

fn state_badge(one: &Link, now: Timestamp) -> Badge {
    use crate::error::Code;
    match one.refusal(None, now).map(|refusal| refusal.code()) {
        None => Badge::new("Open").tone(Tone::Success).dot(),
        Some(Code::LinkPaused) => Badge::new("Paused").tone(Tone::Warning).dot(),
        Some(Code::LinkNotStarted) => Badge::new("Not open yet").tone(Tone::Accent),
        Some(Code::LinkExpired) => Badge::new("Expired"),
        Some(_) => Badge::new("Used up"),
    }
}

fn request_badge(state: RequestState) -> Badge {
    match state {
        RequestState::Unconfirmed => Badge::new("Not confirmed"),
        RequestState::Pending => Badge::new("Waits for you").tone(Tone::Warning).dot(),
        RequestState::Joined => Badge::new("Joined").tone(Tone::Success),
        RequestState::Declined => Badge::new("Declined").tone(Tone::Danger),
    }
}

fn uses(one: &Link) -> String {
    match one.max_uses {
        Some(most) => format!("{} of {most}", one.used),
        None => one.used.to_string(),
    }
}

fn new_button(desk: &Desk) -> Markup {
    html! {
        @if desk.may(Permission::LinksWrite) {
            (Button::link("New link", format!("{ROOM}/new")).primary().icon(Icon::Plus))
        }
    }
}

/// The pictures of the codes, to be kept.
pub(super) fn routes() -> Router<App> {
    Router::new().route("/dashboard/links/{id}/qr/{file}", get(picture))
}

async fn picture(visitor: Visitor, Path((id, file)): Path<(String, String)>) -> Answer {
    let caller = visitor.call().caller;
    caller.require(Permission::LinksRead)?;
    let reference = Ref::parse(&id).map_err(|_| Error::not_found("link"))?;
    let one: Link = records::find(&visitor.app.db, &caller, &reference).await?;
    let url = link_url(&visitor.app, one.slug.as_str());
    let (kind, bytes) = match file.as_str() {
        "link.svg" => ("image/svg+xml", qr::svg(&url)?.into_bytes()),
        "link.png" => ("image/png", qr::png(&url)?),
        _ => return Err(Error::not_found("picture").into()),
    };
    let mut response = Response::new(Body::from(bytes));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::CONTENT_DISPOSITION,
        HeaderValue::from_static("attachment"),
    );
    Ok(response)
}

/// The list.
pub(super) async fn list(desk: Desk) -> Result<Shown> {
    let list = desk.records::<Link>().await?;
    let url = desk.list(ROOM);
    let teams: Vec<&str> = list.rows.iter().map(|one| one.team_id.as_str()).collect();
    let ids: Vec<&str> = list.rows.iter().map(|one| one.id.as_str()).collect();
    let mut batch = Batch::new();
    let names = batch.add::<(Id<Team>, String)>(Select::new(
        "SELECT id, name FROM teams WHERE account_id = $1 AND id IN (SELECT value FROM JSON_LIST($2) AS wanted)",
        params![json!(teams).to_string()],
    ));
    let waiting = batch.add::<(Id<Link>, i64)>(Select::new(
        "SELECT link_id, count(*) FROM link_requests WHERE account_id = $1 AND state = 'pending' AND link_id IN (SELECT value FROM JSON_LIST($2) AS wanted) GROUP BY link_id",
        params![json!(ids).to_string()],
    ));
    let choices = batch.add::<(String, String)>(team_choices(&desk));
    let mut rows = desk.db().read(&desk.caller().account, batch).await?;
    let names: BTreeMap<_, _> = rows.take(&names).into_iter().collect();
    let waiting: BTreeMap<_, _> = rows.take(&waiting).into_iter().collect();
    let filters = FilterBar::new(url.clone()).search("Search by name").select(
        "team",
        "Team",
        rows.take(&choices),
    );
    let table_rows = list.rows.iter().map(|one| {
        let team = names.get(&one.team_id).map_or("", String::as_str);
        row(&desk, one, team, waiting.get(&one.id).copied().unwrap_or(0))
    });
    let columns = [
        Column::new("Name").sort(&url, "name"),
        Column::new("Team"),
        Column::new("State"),
        Column::new("Joined"),
        Column::new("Requests").numeric(),
        Column::new("Created").sort(&url, "created_at"),
    ];
    let empty = if filters.is_active() {
        EmptyState::no_match(ROOM)
    } else {
        EmptyState::new(
            Icon::Link,
            "No links yet",
            "A link is an address, with a QR code, by which people join a team themselves, within the limits you set.",
        )
        .actions(new_button(&desk))
    };
    let table = Table::new("Links", columns, table_rows)
        .empty(empty)
        .pager(pager(&desk, &url, &list));
    let page = Page {
        lead: Some("Addresses by which people join a team themselves.".into()),
        actions: Some(new_button(&desk)),
        ..Page::titled("Links")
    };
    Ok(Shown::page(page, html! { div.stack { (filters) (table) } }))
}

fn row(desk: &Desk, one: &Link, team: &str, waiting: i64) -> Row {
    let name = one.name.as_str();
    let mut menu = Menu::new(format!("Actions for {name}")).link(Icon::Eye, "View", &href(&one.id));
    if desk.may(Permission::LinksWrite) {
        let label = if one.paused { "Resume" } else { "Pause" };
        menu = menu
            .link(Icon::Edit, "Edit", &format!("{}/edit", href(&one.id)))
            .post(
                Icon::Clock,
                label,
                &format!("{}/pause", href(&one.id)),
                &desk.csrf,
                None,
            );
    }
    Row::new([
        Cell::record(&Avatar::group(name), name, &href(&one.id), None),
        Cell::new(link(&team_href(one.team_id.as_str()), team)),
        Cell::new(state_badge(one, desk.call.now)),
        Cell::new(uses(one)),
        if waiting == 0 {
            Cell::none()
        } else {
            Cell::new(Badge::new(waiting.to_string()).tone(Tone::Warning).dot())
        },
        Cell::new(moment(one.created_at.to_jiff())),
    ])
    .actions(menu)
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
        params![json!(one.product_ids.0).to_string()],
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
    let mut rows = desk.db().read(&desk.caller().account, batch).await?;
    let team = rows.first(&team).map_or_else(String::new, |(name,)| name);
    let products: Vec<String> = rows
        .take(&products)
        .into_iter()
        .map(|(name,)| name)
        .collect();
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
        (Card::new(facts(&one, &team, &products, &rows.take(&refused)).render()).title("Details"))
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

fn facts(one: &Link, team: &str, products: &[String], refused: &[(String, i64)]) -> Facts {
    let at = |at: Option<Timestamp>| {
        html! { @if let Some(at) = at { (moment(at.to_jiff())) } @else { span.muted { "–" } } }
    };
    let domains: Vec<String> = one
        .allowed_domains
        .0
        .iter()
        .map(ToString::to_string)
        .collect();
    let refused: Vec<String> = refused
        .iter()
        .map(|(reason, count)| format!("{} × {count}", reason.replace('_', " ")))
        .collect();
    Facts::new()
        .markup("Team", link(&team_href(one.team_id.as_str()), team))
        .markup("Role", role_badge(&Held::BuiltIn(one.role)).render())
        .text("Places of", products.join(", "))
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
        &reference,
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
        &reference,
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
    answered(&reference, done.map(|_| text.to_owned()))
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
            Ok(Shown::Go(
                format!("{ROOM}/{reference}"),
                Notice::error(text),
            ))
        }
        Err(error) => answered(&reference, Err(error)),
    }
}

/// Back to the link, with what came of it.
fn answered(reference: &Ref<Link>, done: Result<String>) -> Result<Shown> {
    let at = format!("{ROOM}/{reference}");
    match done {
        Ok(text) => Ok(Shown::done(at, text)),
        Err(error) => {
            let faults = faults(error)?;
            let texts: Vec<String> = faults.plain().into_iter().map(|(_, text)| text).collect();
            Ok(Shown::Go(at, Notice::error(texts.join(" "))))
        }
    }
}

/// The form of a new link.
pub(super) async fn create(desk: Desk) -> Result<Shown> {
    desk.require(Permission::LinksWrite)?;
    let mut errors = None;
    if desk.is_post() {
        match make(&desk).await {
            Ok(one) => return Ok(Shown::done(href(&one.id), format!("{} is open.", one.name))),
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let call = desk
        .api("call-link", "POST", "/links")
        .body(json!({ "name": "Poster in the hall", "team": "ext:engines", "products": ["ext:safety-101"], "max_uses": 30, "allowed_domains": ["example.com"] }))
        .scope("links:write");
    let form = desk
        .post(
            format!("{ROOM}/new"),
            fields(&desk, None, errors.as_ref()).await?,
        )
        .errors(summary(errors.as_ref()))
        .buttons([
            Button::submit("Create link").primary(),
            Button::link("Cancel", ROOM).quiet(),
        ])
        .after(call);
    Ok(Shown::form(
        page("New link"),
        errors.as_ref(),
        Card::new(form.render()).render(),
    ))
}

/// The form of a link's details.
pub(super) async fn edit(desk: Desk) -> Result<Shown> {
    desk.require(Permission::LinksWrite)?;
    let one: Link = records::find(desk.db(), desk.caller(), &desk.reference(0)?).await?;
    let mut errors = None;
    if desk.is_post() {
        match change(&desk, &one).await {
            Ok(one) => {
                return Ok(Shown::done(
                    href(&one.id),
                    format!("{} was saved.", one.name),
                ));
            }
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let call = desk
        .api("call-link", "PATCH", &format!("/links/{}", one.id))
        .body(json!({ "max_uses": one.max_uses, "paused": one.paused }))
        .scope("links:write");
    let form = desk
        .post(
            format!("{}/edit", href(&one.id)),
            fields(&desk, Some(&one), errors.as_ref()).await?,
        )
        .errors(summary(errors.as_ref()))
        .buttons([
            Button::submit("Save").primary(),
            Button::link("Cancel", href(&one.id)).quiet(),
        ])
        .after(call);
    Ok(Shown::form(
        page(one.name.as_str()),
        errors.as_ref(),
        Card::new(form.render()).render(),
    ))
}

fn page(title: &str) -> Page {
    Page {
        crumbs: vec![("Links".into(), ROOM.into())],
        narrow: true,
        ..Page::titled(title)
    }
}

async fn make(desk: &Desk) -> Result<Link> {
    let mut members = desk.filled(&["name", "team", "role", "if_full", "slug", "external_id"]);
    members.extend(limits(desk, false)?);
    let new: NewLink = read(&members.into())?;
    let (db, ids, call) = (desk.db(), &desk.app.ids, &desk.call);
    desk.commit(|| manage::plan_create(db, ids, call, new.clone()))
        .await
}

async fn change(desk: &Desk, one: &Link) -> Result<Link> {
    let mut members = desk.filled(&["name", "role", "if_full", "slug"]);
    members.extend(desk.changed(&["external_id"]));
    members.extend(limits(desk, true)?);
    let patch: LinkPatch = read(&members.into())?;
    let (db, call, reference) = (desk.db(), &desk.call, Ref::Id(one.id.clone()));
    desk.commit(|| manage::plan_change(db, call, &reference, patch.clone(), |_| Ok(())))
        .await
}

/// The members that are no plain texts; with `empties`, what was left empty becomes `null`.
fn limits(desk: &Desk, empties: bool) -> Result<Map<String, JsonValue>> {
    let mut members = Map::new();
    let uses = desk
        .form
        .as_ref()
        .map(|form| form.number("max_uses"))
        .transpose();
    let uses = uses.map_err(|fault| Error::invalid(vec![fault]))?.flatten();
    if uses.is_some() || empties {
        members.insert("max_uses".into(), json!(uses));
    }
    for name in ["starts_at", "expires_at"] {
        let day = desk.field(name);
        if !day.is_empty() {
            members.insert(name.into(), format!("{day}T00:00:00Z").into());
        } else if empties {
            members.insert(name.into(), JsonValue::Null);
        }
    }
    members.insert("products".into(), json!(desk.fields("product")));
    members.insert("allowed_domains".into(), desk.labels("allowed_domains"));
    members.insert(
        "requires_approval".into(),
        desk.ticked("requires_approval", false).into(),
    );
    Ok(members)
}

async fn fields(desk: &Desk, one: Option<&Link>, errors: Option<&FieldErrors>) -> Result<Markup> {
    let mut batch = Batch::new();
    let teams = batch.add::<(String, String)>(team_choices(desk));
    let products = batch.add::<(Id<Product>, String)>(product_choices());
    let mut rows = desk.db().read(&desk.caller().account, batch).await?;
    let stored = one.map(|one| serde_json::to_value(one).unwrap_or_default());
    let value = |name: &str| {
        let found = stored.as_ref().and_then(|stored| stored.get(name));
        let text = match found {
            Some(JsonValue::String(text)) => text.clone(),
            Some(JsonValue::Number(number)) => number.to_string(),
            Some(JsonValue::Array(list)) => {
                let texts: Vec<&str> = list.iter().filter_map(JsonValue::as_str).collect();
                texts.join(", ")
            }
            _ => String::new(),
        };
        desk.shown(name, &text)
    };
    let or = |name: &str, usual: &str| {
        let value = value(name);
        if value.is_empty() {
            usual.to_owned()
        } else {
            value
        }
    };
    let day = |name: &str| value(name).chars().take(10).collect::<String>();
    let chosen = one.map_or(&[][..], |one| one.product_ids.0.as_slice());
    let team = desk.shown("team", desk.get("team"));
    Ok(html! {
        (Field::text("name", "Name").value(value("name")).error(fault(errors, "name")).required().autocomplete("off").hint("Where it hangs, or whom it is for."))
        div.form-row {
            @if one.is_none() {
                (Field::select("team", "Team", rows.take(&teams)).value(team).error(fault(errors, "team")).required())
            }
            (Field::select("role", "Role", ROLES).value(or("role", "member")).error(fault(errors, "role")).required())
        }
        (product_fields(desk, &rows.take(&products), chosen))
        div.form-row {
            (Field::select("if_full", "When no place is free", IF_FULL).value(or("if_full", "fail")).error(fault(errors, "if_full")).required())
            (Field::number("max_uses", "People at most").value(value("max_uses")).error(fault(errors, "max_uses")))
        }
        div.form-row {
            (Field::date("starts_at", "Opens on").value(day("starts_at")).error(fault(errors, "starts_at")).hint("In UTC."))
            (Field::date("expires_at", "Ends on").value(day("expires_at")).error(fault(errors, "expires_at")).hint("In UTC."))
        }
        (Field::text("allowed_domains", "Domains").value(value("allowed_domains")).error(fault(errors, "allowed_domains")).hint("Separated by commas; empty: addresses of any domain."))
        (Checkbox { name: "requires_approval".into(), value: "true".into(), label: "Somebody decides on each request".into(), checked: desk.ticked("requires_approval", one.is_some_and(|one| one.requires_approval)), ..Checkbox::default() })
        div.form-row {
            (Field::text("slug", "Address").value(value("slug")).error(fault(errors, "slug")).mono().hint("Empty: letters that nobody guesses."))
            (Field::text("external_id", "External id").value(value("external_id")).error(fault(errors, "external_id")).mono())
        }
    })
}
