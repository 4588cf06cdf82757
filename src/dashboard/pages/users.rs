//! The list of people: search, filters, order, pages, and the bulk actions' form.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::desk::{Desk, Shown};
use super::look::{count, link, many, since, team_href, user_badge, user_href};
use crate::access::Permission;
use crate::dashboard::components::{
    Avatar, Badge, BulkAction, BulkBar, Button, Cell, Column, Counted, EmptyState, FilterBar,
    ListUrl, Menu, Pager, Row, Table, Tone, day,
};
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::db::{Batch, Select};
use crate::error::Result;
use crate::listing;
use crate::params;
use crate::resources::{Team, User};
use crate::types::{Id, Name, json_list};

/// Teams in a filter at the most.
pub(super) const CHOICES: i64 = 200;

/// What stands beside the people of a page.
struct Beside {
    teams: BTreeMap<Id<User>, Vec<(Id<Team>, Name)>>,
    places: BTreeMap<Id<User>, i64>,
    choices: Vec<(String, String)>,
}

/// The page.
pub(super) async fn users(desk: Desk) -> Result<Shown> {
    let list = desk.records::<User>().await?;
    let beside = beside(&desk, &list.rows).await?;
    let url = desk.list("/dashboard/users");
    let page = Page {
        lead: Some("Learners, managers and administrators of your customers.".into()),
        actions: Some(actions(&desk)),
        ..Page::titled("Users")
    };
    let filters = FilterBar::new(url.clone())
        .search("Search by name or e-mail")
        .select(
            "status",
            "Status",
            [
                ("active", "Active"),
                ("invited", "Invited"),
                ("deactivated", "Deactivated"),
            ],
        )
        .select("team", "Team", beside.choices.clone())
        .select("deleted", "Record", [("true", "Put aside")]);
    let body =
        html! { div.stack { (filters) (table(&desk, &url, &list, &beside, filters.is_active())) } };
    Ok(Shown::page(page, body))
}

fn actions(desk: &Desk) -> Markup {
    html! {
        @if desk.may(Permission::ProvisionWrite) {
            (Button::link("New person", "/dashboard/provision").primary().icon(Icon::Plus))
        }
    }
}

async fn beside(desk: &Desk, people: &[User]) -> Result<Beside> {
    let ids = json_list(people.iter().map(|user| &user.id));
    let mut batch = Batch::new();
    let teams = batch.add::<(Id<User>, Id<Team>, Name)>(desk.within::<Team>(
        "SELECT m.user_id, teams.id, teams.name FROM team_members m JOIN teams ON teams.account_id = $1 AND teams.id = m.team_id \
         WHERE m.account_id = $1 AND m.user_id IN (SELECT value FROM JSON_LIST($2) AS wanted){reach} ORDER BY m.joined_at",
        params![ids],
    ));
    let places = batch.add::<(Id<User>, i64)>(Select::new(
        "SELECT user_id, count(*) FROM seat_assignments WHERE account_id = $1 AND state = 'active' \
         AND user_id IN (SELECT value FROM JSON_LIST($2) AS wanted) GROUP BY user_id",
        params![ids],
    ));
    let choices = batch.add::<(String, String)>(team_choices(desk));
    let mut rows = desk.db().read(&desk.caller().account, batch).await?;
    let mut by_user: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (user, team, name) in rows.take(&teams) {
        by_user.entry(user).or_default().push((team, name));
    }
    Ok(Beside {
        teams: by_user,
        places: rows.take(&places).into_iter().collect(),
        choices: rows.take(&choices),
    })
}

/// Teams to choose from: id and name.
pub(super) fn team_choices(desk: &Desk) -> Select {
    desk.within::<Team>(
        &format!(
            "SELECT teams.id, CASE WHEN o.name IS NULL THEN teams.name ELSE o.name || ' · ' || teams.name END FROM teams \
             LEFT JOIN organizations o ON o.account_id = $1 AND o.id = teams.organization_id \
             WHERE teams.account_id = $1 AND teams.deleted_at IS NULL{{reach}} ORDER BY teams.name_key LIMIT {CHOICES}"
        ),
        params![],
    )
}

fn table(
    desk: &Desk,
    url: &ListUrl,
    list: &listing::Page<User>,
    beside: &Beside,
    filtered: bool,
) -> Table {
    let rows = list.rows.iter().map(|user| row(desk, user, beside));
    let columns = [
        Column::new("Name").sort(url, "name"),
        Column::new("Status"),
        Column::new("Teams"),
        Column::new("Seats").numeric(),
        Column::new("Last seen"),
        Column::new("Created").sort(url, "created_at"),
    ];
    let empty = if filtered {
        EmptyState::no_match("/dashboard/users")
    } else {
        EmptyState::new(
            Icon::Users,
            "Nobody here yet",
            "Provision the first person: one form makes them, finds their team and gives them a seat.",
        )
        .actions(actions(desk))
    };
    let table = Table::new("People", columns, rows)
        .empty(empty)
        .pager(pager(desk, url, list));
    if desk.may(Permission::UsersWrite) && desk.get("deleted") != "true" {
        table.bulk(BulkBar {
            id: "bulk".into(),
            action: "/dashboard/users/bulk".into(),
            csrf: desk.csrf.clone(),
            actions: vec![
                BulkAction::new("activate", "Activate", Icon::Check),
                BulkAction::new("deactivate", "Deactivate", Icon::Lock).danger(),
            ],
        })
    } else {
        table
    }
}

/// The links to other pages of a list by cursor: back leads to the first.
pub(super) fn pager<R>(desk: &Desk, url: &ListUrl, list: &listing::Page<R>) -> Pager {
    let is_first = desk.get("cursor").is_empty();
    Pager {
        previous: (!is_first).then(|| url.without("cursor").href()),
        next: list
            .next_cursor
            .as_ref()
            .map(|cursor| url.with("cursor", cursor).href()),
        shown: many(&list.rows),
        total: list.total_count.map(|number| Counted {
            number: count(number),
            has_more: list.has_uncounted,
        }),
        limit: desk.get("limit").parse().unwrap_or(25),
        url: url.clone(),
    }
}

fn row(desk: &Desk, user: &User, beside: &Beside) -> Row {
    let name = user.display_name();
    let href = match user.deleted_at {
        // Whoever is put aside has one page: the one that brings them back.
        Some(_) => format!("{}/restore", user_href(user.id.as_str())),
        None => user_href(user.id.as_str()),
    };
    let places = beside.places.get(&user.id).copied().unwrap_or(0);
    let teams = beside.teams.get(&user.id).map_or(&[][..], Vec::as_slice);
    let mut menu = Menu::new(format!("Actions for {name}"));
    if user.deleted_at.is_some() {
        menu = menu.link(Icon::Refresh, "Restore", &href);
    } else {
        menu = menu.link(Icon::Eye, "View", &href);
    }
    if user.deleted_at.is_none() && desk.may(Permission::UsersWrite) {
        menu = menu.link(Icon::Edit, "Edit", &format!("{href}/edit")).link(
            Icon::Link,
            "Sign-in link",
            &format!("{href}/sign-in-link"),
        );
    }
    Row::new([
        Cell::record(
            &Avatar::person(name),
            name,
            &href,
            (name != user.email.as_str()).then_some(user.email.as_str()),
        ),
        match user.deleted_at {
            Some(_) => Cell::new(Badge::new("Put aside").tone(Tone::Warning)),
            None => Cell::new(user_badge(user.status)),
        },
        team_cell(teams),
        if places == 0 {
            Cell::none()
        } else {
            Cell::new(places.to_string())
        },
        Cell::new(since(user.last_seen_at)),
        Cell::new(day(user.created_at.to_jiff())),
    ])
    .key(user.id.as_str(), name)
    .actions(menu)
}

/// The first team and how many more.
fn team_cell(teams: &[(Id<Team>, Name)]) -> Cell {
    match teams {
        [] => Cell::none(),
        [(id, name), rest @ ..] => Cell::new(html! {
            (link(&team_href(id.as_str()), name.as_str()))
            @if !rest.is_empty() { " " span.muted { "+" (rest.len()) } }
        }),
    }
}
