//! Organizations: the tree of customers, and a page for each node.

use maud::{Markup, Render, html};
use serde_json::{Value as JsonValue, json};

use super::desk::{Desk, Shown, fault, faults, read, summary};
use super::look::{count, organization_href, team_href};
use super::provision::with_none;
use super::teams::organization_choices;
use crate::access::Permission;
use crate::commerce::account::Owner;
use crate::dashboard::components::{
    Avatar, Button, Card, Cell, Column, CopyField, EmptyState, Facts, Field, Row, Table, counted,
    day, number, split,
};
use crate::dashboard::form::FieldErrors;
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::db::{Batch, Row as _, Select};
use crate::error::Result;
use crate::params;
use crate::records;
use crate::resources::organization::{NewOrganization, OrganizationPatch, plan_create};
use crate::resources::{Organization, Team};
use crate::types::Ref;

/// Nodes shown at once.
const SHOWN: i64 = 500;

fn actions(desk: &Desk) -> Markup {
    html! {
        @if desk.may_in_account(Permission::OrganizationsWrite) {
            (Button::link("New organization", "/dashboard/organizations/new").primary().icon(Icon::Plus))
        }
    }
}

/// The read of the nodes below a path, in the order of the tree.
fn below(desk: &Desk, path: &str) -> Select {
    desk.within::<Organization>(
        &format!(
            "SELECT {} FROM organizations WHERE organizations.account_id = $1 AND path > $2 AND path < $3{{reach}} ORDER BY path LIMIT {SHOWN}",
            Organization::selection()
        ),
        params![path.to_owned(), format!("{path}~")],
    )
}

/// The whole tree.
pub(super) async fn tree(desk: Desk) -> Result<Shown> {
    desk.require(Permission::OrganizationsRead)?;
    let nodes = desk
        .db()
        .fetch::<Organization>(&desk.caller().account, below(&desk, "/"))
        .await?;
    let page = Page {
        lead: Some("Your customers, as trees: teams stand at any node.".into()),
        actions: Some(actions(&desk)),
        ..Page::titled("Organizations")
    };
    let empty = EmptyState::new(
        Icon::Building,
        "No organizations yet",
        "An organization is a customer as a whole, with departments or sites below it and teams at each.",
    )
    .actions(actions(&desk));
    Ok(Shown::page(
        page,
        nodes_table(&nodes, 1).empty(empty).render(),
    ))
}

/// Nodes as an indented table; `top` is the level that is not indented.
fn nodes_table(nodes: &[Organization], top: i64) -> Table {
    let rows = nodes.iter().map(|node| {
        let name = node.name.as_str();
        let indent = (node.depth - top).clamp(0, 7);
        let children = nodes
            .iter()
            .filter(|other| other.parent_id.as_ref() == Some(&node.id))
            .count();
        Row::new([
            Cell::new(html! {
                div class={ "person indent-" (indent) } {
                    (Avatar::group(name).small())
                    a.row-link href=(organization_href(node.id.as_str())) { (name) }
                }
            }),
            if children == 0 {
                Cell::none()
            } else {
                Cell::new(children.to_string())
            },
            Cell::new(number(count(node.team_count))),
            Cell::text(node.external_id.as_ref().map_or("", |id| id.as_str())),
            Cell::new(day(node.created_at.to_jiff())),
        ])
    });
    let columns = [
        Column::new("Name"),
        Column::new("Below it").numeric(),
        Column::new("Teams").numeric(),
        Column::new("External id"),
        Column::new("Created"),
    ];
    Table::new("Organizations", columns, rows)
}

async fn find(desk: &Desk) -> Result<Organization> {
    records::find::<Organization>(desk.db(), desk.caller(), &desk.reference(0)?).await
}

/// One node: what is above, below and at it.
pub(super) async fn node(desk: Desk) -> Result<Shown> {
    desk.require(Permission::OrganizationsRead)?;
    let node = find(&desk).await?;
    let mut batch = Batch::new();
    let above: Vec<&str> = node.path.split('/').filter(|id| !id.is_empty()).collect();
    let crumbs = batch.add::<(String, String)>(Select::new(
        "SELECT id, name FROM organizations WHERE account_id = $1 AND id <> $2 AND id IN (SELECT value FROM JSON_LIST($3) AS above) ORDER BY depth",
        params![node.id.clone(), json!(above).to_string()],
    ));
    let children = batch.add::<Organization>(below(&desk, &node.path));
    let teams = batch.add::<Team>(desk.within::<Team>(
        &format!(
            "SELECT {} FROM teams WHERE teams.account_id = $1 AND organization_id = $2 AND deleted_at IS NULL{{reach}} ORDER BY name_key LIMIT 200",
            Team::selection()
        ),
        params![node.id.clone()],
    ));
    let mut rows = desk.db().read(&desk.caller().account, batch).await?;
    let mut way = vec![(
        "Organizations".to_owned(),
        "/dashboard/organizations".to_owned(),
    )];
    for (id, name) in rows.take(&crumbs) {
        way.push((name, organization_href(&id)));
    }
    let (children, teams) = (rows.take(&children), rows.take(&teams));
    let href = organization_href(node.id.as_str());
    let write = desk.may_in_account(Permission::OrganizationsWrite);
    let page = Page {
        crumbs: way,
        mark: Some(Avatar::group(node.name.as_str()).large().render()),
        lead: Some(counted(count(node.team_count), "team here", "teams here")),
        actions: Some(html! {
            @if write {
                (Button::link("Edit", format!("{href}/edit")).icon(Icon::Edit))
                (Button::link("Add below", format!("/dashboard/organizations/new?parent={}", node.id)).icon(Icon::Plus))
            }
            @if desk.may_in_account(Permission::TeamsWrite) { (Button::link("New team", format!("/dashboard/teams/new?organization={}", node.id)).primary().icon(Icon::Plus)) }
        }),
        ..Page::titled(node.name.as_str())
    };
    let main = html! {
        (Card::new(teams_table(&teams).render()).title("Teams").flush())
        @if !children.is_empty() { (Card::new(nodes_table(&children, node.depth + 1).plain().render()).title("Below it").flush()) }
    };
    let facts = Facts::new()
        .text(
            "External id",
            node.external_id.as_ref().map_or("", |id| id.as_str()),
        )
        .text("Level", node.depth.to_string())
        .markup("Created", day(node.created_at.to_jiff()));
    let details = html! {
        div.stack.stack-tight {
            @if let Some(text) = &node.description { p.prose { (text) } }
            (facts)
            (CopyField { label: "Id".into(), value: node.id.to_string() })
        }
    };
    let purse = super::credits::purse(&desk, &Owner::Organization(node.id.clone())).await?;
    let aside = html! { (Card::new(details).title("Details")) (purse) };
    Ok(Shown::page(page, split(&main, &aside)))
}

fn teams_table(teams: &[Team]) -> Table {
    let rows = teams.iter().map(|team| {
        let name = team.name.as_str();
        Row::new([
            Cell::record(
                &Avatar::group(name).small(),
                name,
                &team_href(team.id.as_str()),
                None,
            ),
            Cell::new(number(count(team.member_count))),
            Cell::new(day(team.created_at.to_jiff())),
        ])
    });
    let columns = [
        Column::new("Name"),
        Column::new("Members").numeric(),
        Column::new("Created"),
    ];
    let empty = EmptyState::new(
        Icon::Team,
        "No team at this node",
        "Teams hold seats and people.",
    );
    Table::new("Teams", columns, rows).empty(empty).plain()
}

fn fields(desk: &Desk, node: Option<&Organization>, errors: Option<&FieldErrors>) -> Markup {
    let stored = node.map(|node| serde_json::to_value(node).unwrap_or_default());
    let value = |name: &str| {
        let found = stored.as_ref().and_then(|stored| stored.get(name));
        desk.shown(name, found.and_then(JsonValue::as_str).unwrap_or_default())
    };
    html! {
        (Field::text("name", "Name").value(value("name")).error(fault(errors, "name")).required().autocomplete("off"))
        (Field::text_area("description", "Description").value(value("description")).error(fault(errors, "description")))
        (Field::text("external_id", "External id").value(value("external_id")).error(fault(errors, "external_id")).mono().hint("Your own key, such as that of your CRM."))
    }
}

/// The form of a new organization.
pub(super) async fn create(desk: Desk) -> Result<Shown> {
    desk.require(Permission::OrganizationsWrite)?;
    let mut errors = None;
    if desk.is_post() {
        match make(&desk).await {
            Ok(node) => {
                let text = format!("{} was created.", node.name);
                return Ok(Shown::done(organization_href(node.id.as_str()), text));
            }
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let choices = desk
        .db()
        .fetch::<(String, String)>(&desk.caller().account, organization_choices())
        .await?;
    let fields = html! {
        (fields(&desk, None, errors.as_ref()))
        (Field::select("parent", "Below", with_none("Nothing: a customer of its own", &choices)).value(desk.shown("parent", desk.get("parent"))).error(fault(errors.as_ref(), "parent")))
    };
    let call = desk
        .api("call-organization", "POST", "/organizations")
        .body(json!({ "name": "Northwind", "external_id": "crm-12" }))
        .scope("organizations:write");
    let form = desk
        .post("/dashboard/organizations/new", fields)
        .errors(summary(errors.as_ref()))
        .buttons([
            Button::submit("Create organization").primary(),
            Button::link("Cancel", "/dashboard/organizations").quiet(),
        ])
        .after(call);
    let page = Page {
        crumbs: vec![("Organizations".into(), "/dashboard/organizations".into())],
        narrow: true,
        ..Page::titled("New organization")
    };
    Ok(Shown::form(
        page,
        errors.as_ref(),
        Card::new(form.render()).render(),
    ))
}

async fn make(desk: &Desk) -> Result<Organization> {
    let body = desk.filled(&["name", "description", "external_id", "parent"]);
    let new: NewOrganization = read(&body.into())?;
    let (db, ids, call) = (desk.db(), &desk.app.ids, &desk.call);
    desk.commit(|| plan_create(db, ids, call, new.clone()))
        .await
}

/// The form of an organization's details.
pub(super) async fn edit(desk: Desk) -> Result<Shown> {
    desk.require(Permission::OrganizationsWrite)?;
    let node = find(&desk).await?;
    let href = organization_href(node.id.as_str());
    let mut errors = None;
    if desk.is_post() {
        match change(&desk, &node).await {
            Ok(node) => return Ok(Shown::done(href, format!("{} was saved.", node.name))),
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let call = desk
        .api(
            "call-organization",
            "PATCH",
            &format!("/organizations/{}", node.id),
        )
        .body(json!({ "name": node.name }))
        .scope("organizations:write");
    let form = desk
        .post(
            format!("{href}/edit"),
            fields(&desk, Some(&node), errors.as_ref()),
        )
        .errors(summary(errors.as_ref()))
        .buttons([
            Button::submit("Save").primary(),
            Button::link("Cancel", href.clone()).quiet(),
        ])
        .after(call);
    let page = Page {
        crumbs: vec![
            ("Organizations".into(), "/dashboard/organizations".into()),
            (node.name.to_string(), href),
        ],
        narrow: true,
        ..Page::titled("Edit organization")
    };
    Ok(Shown::form(
        page,
        errors.as_ref(),
        Card::new(form.render()).render(),
    ))
}

async fn change(desk: &Desk, node: &Organization) -> Result<Organization> {
    let body = desk.changed(&["name", "description", "external_id"]);
    let patch: OrganizationPatch = read(&body.into())?;
    let (db, call, reference) = (desk.db(), &desk.call, Ref::Id(node.id.clone()));
    desk.commit(|| {
        records::plan_change::<Organization, _>(db, call, &reference, patch.clone(), |_| Ok(()))
    })
    .await
}
