//! Settings > Roles: what each role may do, the account's own ones, and who holds them.

mod edit;

use std::collections::BTreeMap;

use maud::{Markup, Render, html};

use super::desk::{Desk, Shown};
use super::look::{link, user_href};
use super::users::pager;
use crate::access::explain::sentences;
use crate::access::{Permission, Reach};
use crate::dashboard::components::{
    Avatar, Badge, Button, Card, Cell, Column, EmptyState, FilterBar, Menu, Row, Table, Tone, split,
};
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::db::{Batch, Select};
use crate::error::Result;
use crate::params;
use crate::records;
use crate::resources::Role;
use crate::resources::role::RoleKind;
use crate::types::ExternalId;

pub(super) use edit::{create, delete, edit};

const PATH: &str = "/dashboard/settings/roles";

/// Holders shown on a role's page.
const SHOWN: i64 = 100;

fn kind_badge(kind: RoleKind) -> Badge {
    match kind {
        RoleKind::Global => Badge::new("Whole account").tone(Tone::Accent),
        RoleKind::Organization => Badge::new("Organization and below").tone(Tone::Neutral),
        RoleKind::Team => Badge::new("Team"),
    }
}

fn new_button(desk: &Desk) -> Markup {
    html! {
        @if desk.may_in_account(Permission::RolesWrite) {
            (Button::link("New role", format!("{PATH}/new")).primary().icon(Icon::Plus))
        }
    }
}

/// The list.
pub(super) async fn roles(desk: Desk) -> Result<Shown> {
    let list = desk.records::<Role>().await?;
    let url = desk.list(PATH);
    let filters = FilterBar::new(url.clone()).search("Search by name").select(
        "kind",
        "Holds in",
        [
            ("global", "The whole account"),
            ("organization", "An organization"),
            ("team", "A team"),
        ],
    );
    let holders = holder_counts(&desk).await?;
    let rows = list.rows.iter().map(|role| row(&desk, role, &holders));
    let columns = [
        Column::new("Name").sort(&url, "name"),
        Column::new("Holds in"),
        Column::new("Permissions").numeric(),
        Column::new("Holders").numeric(),
    ];
    let empty = if filters.is_active() {
        EmptyState::no_match(PATH)
    } else {
        EmptyState::new(
            Icon::Shield,
            "No roles",
            "A role is a named set of permissions.",
        )
    };
    let table = Table::new("Roles", columns, rows)
        .empty(empty)
        .pager(pager(&desk, &url, &list));
    let page = Page {
        lead: Some("Who may do what: the roles that come with the program, and your own.".into()),
        actions: Some(new_button(&desk)),
        ..Page::titled("Roles")
    };
    Ok(Shown::page(page, html! { div.stack { (filters) (table) } }))
}

/// How many hold each role, by kind and by the text under which it is held.
async fn holder_counts(desk: &Desk) -> Result<BTreeMap<(String, String), i64>> {
    if desk.caller().reach != Reach::Account {
        return Ok(BTreeMap::new());
    }
    let select = Select::new(
        "SELECT 'global', role, count(*) FROM user_roles WHERE account_id = $1 GROUP BY role \
         UNION ALL SELECT 'organization', role, count(*) FROM organization_members WHERE account_id = $1 GROUP BY role \
         UNION ALL SELECT 'team', role, count(*) FROM team_members WHERE account_id = $1 GROUP BY role",
        params![],
    );
    let rows = desk
        .db()
        .fetch::<(String, String, i64)>(&desk.caller().account, select)
        .await?;
    Ok(rows
        .into_iter()
        .map(|(kind, role, count)| ((kind, role), count))
        .collect())
}

/// The text under which a role is held.
fn held_as(role: &Role) -> String {
    role.word.clone().unwrap_or_else(|| role.id.to_string())
}

fn row(desk: &Desk, role: &Role, holders: &BTreeMap<(String, String), i64>) -> Row {
    let name = role.name.as_str();
    let href = format!("{PATH}/{}", role.id);
    let count = holders.get(&(role.kind.to_string(), held_as(role)));
    let sub = if role.built_in {
        Some("Built in")
    } else {
        role.external_id.as_ref().map(ExternalId::as_str)
    };
    let mut menu = Menu::new(format!("Actions for {name}")).link(Icon::Eye, "View", &href);
    if !role.built_in && desk.may_in_account(Permission::RolesWrite) {
        menu = menu.link(Icon::Edit, "Edit", &format!("{href}/edit")).link(
            Icon::Trash,
            "Delete",
            &format!("{href}/delete"),
        );
    }
    Row::new([
        Cell::record(&Avatar::group(name), name, &href, sub),
        Cell::new(kind_badge(role.kind)),
        Cell::text(&role.permissions.iter().count().to_string()),
        Cell::text(&count.copied().unwrap_or(0).to_string()),
    ])
    .actions(menu)
}

/// A role's page: what it may do and who holds it.
pub(super) async fn role(desk: Desk) -> Result<Shown> {
    desk.require(Permission::RolesRead)?;
    let role = records::find::<Role>(desk.db(), desk.caller(), &desk.reference(0)?).await?;
    let href = format!("{PATH}/{}", role.id);
    let may = !role.built_in && desk.may_in_account(Permission::RolesWrite);
    let actions = html! {
        @if may {
            (Button::link("Edit", format!("{href}/edit")).icon(Icon::Edit))
            (Button::link("Delete", format!("{href}/delete")).danger())
        }
    };
    let page = Page {
        crumbs: vec![("Roles".into(), PATH.into())],
        lead: role.description.as_ref().map(ToString::to_string),
        badges: Some(html! {
            (kind_badge(role.kind))
            @if role.built_in { (Badge::new("Built in")) }
        }),
        actions: Some(actions),
        ..Page::titled(role.name.as_str())
    };
    let main =
        Card::new(granted(&role)).title(format!("May do ({})", role.permissions.iter().count()));
    Ok(Shown::page(
        page,
        split(&main.render(), &holders(&desk, &role).await?.render()),
    ))
}

/// The permissions of a role by what they are about, each with what it allows.
fn granted(role: &Role) -> Markup {
    let words = sentences();
    let groups = grouped(role.permissions.iter());
    html! {
        @if groups.is_empty() {
            p.secondary { "Nothing beyond what is their own: their courses, places and memberships, which everybody sees." }
        }
        @for (resource, permissions) in &groups {
            h3 { (resource) }
            ul.rows {
                @for permission in permissions {
                    li.row {
                        span {
                            code { (permission) }
                            span.cell-sub { (words.get(permission.as_str()).map_or("", String::as_str)) }
                        }
                    }
                }
            }
        }
    }
}

/// Permissions by their resource, in the order of their declaration.
fn grouped(permissions: impl Iterator<Item = Permission>) -> Vec<(String, Vec<Permission>)> {
    let mut groups: Vec<(String, Vec<Permission>)> = Vec::new();
    for permission in permissions {
        let resource = permission.as_str().split(':').next().unwrap_or_default();
        let title = title(resource);
        match groups.iter_mut().find(|(known, _)| *known == title) {
            Some((_, list)) => list.push(permission),
            None => groups.push((title, vec![permission])),
        }
    }
    groups
}

fn title(resource: &str) -> String {
    let mut letters = resource.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// Those who hold a role, the first of them.
async fn holders(desk: &Desk, role: &Role) -> Result<Card> {
    let sql = match role.kind {
        RoleKind::Global => {
            "SELECT u.id, coalesce(u.name, u.email), '', '' FROM user_roles r JOIN users u ON u.account_id = $1 AND u.id = r.user_id AND u.deleted_at IS NULL \
             WHERE r.account_id = $1 AND r.role = $2 ORDER BY u.name_key LIMIT $3"
        }
        RoleKind::Organization => {
            "SELECT u.id, coalesce(u.name, u.email), '/dashboard/organizations/' || o.id, o.name FROM organization_members m JOIN users u ON u.account_id = $1 AND u.id = m.user_id AND u.deleted_at IS NULL \
             JOIN organizations o ON o.account_id = $1 AND o.id = m.organization_id WHERE m.account_id = $1 AND m.role = $2 ORDER BY m.organization_id, m.user_id LIMIT $3"
        }
        RoleKind::Team => {
            "SELECT u.id, coalesce(u.name, u.email), '/dashboard/teams/' || t.id, t.name FROM team_members m JOIN users u ON u.account_id = $1 AND u.id = m.user_id AND u.deleted_at IS NULL \
             JOIN teams t ON t.account_id = $1 AND t.id = m.team_id AND t.deleted_at IS NULL WHERE m.account_id = $1 AND m.role = $2 ORDER BY m.team_id, m.user_id LIMIT $3"
        }
    };
    let mut batch = Batch::new();
    let slot = batch
        .add::<(String, String, String, String)>(Select::new(sql, params![held_as(role), SHOWN]));
    let rows = if desk.caller().reach == Reach::Account {
        let mut rows = desk.db().read(&desk.caller().account, batch).await?;
        rows.take(&slot)
    } else {
        Vec::new()
    };
    let count = rows.len();
    let body = html! {
        @if rows.is_empty() {
            p.secondary { "Nobody holds it." }
        } @else {
            ul.rows {
                @for (user, name, place, place_name) in &rows {
                    li.row {
                        span.person {
                            (Avatar::person(name).small())
                            span {
                                (link(&user_href(user), name))
                                @if !place.is_empty() { span.cell-sub { "in " (link(place, place_name)) } }
                            }
                        }
                    }
                }
            }
        }
    };
    let card = Card::new(body).title(format!("Held by ({count})"));
    Ok(if i64::try_from(count).unwrap_or(i64::MAX) >= SHOWN {
        card.lead(format!("The first {SHOWN}."))
    } else {
        card
    })
}

/// Roles of teams to choose from: what is sent, and what is shown.
pub(super) async fn choices(desk: &Desk, kind: RoleKind) -> Result<Vec<(String, String)>> {
    let select = Select::rows::<Role>(
        "WHERE roles.account_id = $1 AND roles.kind = $2 ORDER BY roles.built_in DESC, roles.name_key LIMIT 200",
        params![kind],
    );
    let roles = desk
        .db()
        .fetch::<Role>(&desk.caller().account, select)
        .await?;
    let choice = |role: Role| (held_as(&role), role.name.to_string());
    Ok(roles.into_iter().map(choice).collect())
}
