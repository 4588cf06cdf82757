//! The list of teams.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::desk::{Desk, Shown};
use super::look::{count, link, organization_href, team_href};
use super::names::{self, Named};
use super::users::pager;
use crate::access::Permission;
use crate::dashboard::components::{
    Avatar, Badge, Button, Cell, Column, EmptyState, FilterBar, ListUrl, Menu, Row, Table, Tone,
    UsageMeter, day, number,
};
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::db::{Batch, Select};
use crate::error::Result;
use crate::listing;
use crate::params;
use crate::resources::{Organization, Team};
use crate::types::{Id, json_list};

/// Used places, places in all of limited seats, unlimited seats, people waiting.
type Usage = (i64, i64, i64, i64);

struct Beside {
    organizations: BTreeMap<Id<Organization>, String>,
    usage: BTreeMap<Id<Team>, Usage>,
    choices: Vec<(String, String)>,
}

/// The page.
pub(super) async fn teams(desk: Desk) -> Result<Shown> {
    let list = desk.records::<Team>().await?;
    let beside = beside(&desk, &list.rows).await?;
    let url = desk.list("/dashboard/teams");
    let filters = FilterBar::new(url.clone())
        .search("Search by name")
        .select("organization", "Organization", beside.choices.clone())
        .select(
            "ownerless",
            "Owner",
            [("true", "Without an owner"), ("false", "With an owner")],
        )
        .select("deleted", "Record", [("true", "Put aside")]);
    let page = Page {
        lead: Some("Who learns together: a customer, a department, a class.".into()),
        actions: Some(actions(&desk)),
        ..Page::titled("Teams")
    };
    let body =
        html! { div.stack { (filters) (table(&desk, &url, &list, &beside, filters.is_active())) } };
    Ok(Shown::page(page, body))
}

fn actions(desk: &Desk) -> Markup {
    html! {
        @if desk.may_in_account(Permission::TeamsWrite) {
            (Button::link("New team", "/dashboard/teams/new").primary().icon(Icon::Plus))
        }
    }
}

/// The read of how full the seats of teams are: team, used, places, unlimited seats, waiting.
pub(super) fn usage_of(ids: &[&str]) -> Select {
    Select::new(
        "SELECT st.team_id, CAST(sum(s.assigned + s.reserved + s.spent) AS BIGINT), CAST(coalesce(sum(s.quantity), 0) AS BIGINT), \
         CAST(sum(CASE WHEN s.quantity IS NULL THEN 1 ELSE 0 END) AS BIGINT), CAST(sum(s.waitlisted) AS BIGINT) \
         FROM seat_teams st JOIN seats s ON s.account_id = $1 AND s.id = st.seat_id \
         WHERE st.account_id = $1 AND st.live AND st.team_id IN (SELECT value FROM JSON_LIST($2) AS wanted) GROUP BY st.team_id",
        params![json_list(ids)],
    )
}

/// The meter of what [`usage_of`] found.
pub(super) const fn usage_meter(used: u64, total: u64, unlimited: i64, waiting: u64) -> UsageMeter {
    UsageMeter {
        used,
        reserved: 0,
        waiting,
        total: if unlimited > 0 { None } else { Some(total) },
        compact: true,
    }
}

/// Organizations to choose from: id and name.
pub(super) fn organization_choices() -> Select {
    Select::new(
        "SELECT id, name FROM organizations WHERE account_id = $1 ORDER BY path LIMIT 200",
        params![],
    )
}

async fn beside(desk: &Desk, teams: &[Team]) -> Result<Beside> {
    let ids: Vec<&str> = teams.iter().map(|team| team.id.as_str()).collect();
    let above: Vec<&str> = teams
        .iter()
        .filter_map(|team| team.organization_id.as_ref().map(Id::as_str))
        .collect();
    let mut batch = Batch::new();
    let organizations =
        batch.add::<(Id<Organization>, String)>(names::select(Named::Organization, &above));
    let usage = batch.add::<(Id<Team>, i64, i64, i64, i64)>(usage_of(&ids));
    let whole = desk.may_in_account(Permission::OrganizationsRead);
    let choices = batch.add::<(String, String)>(organization_choices());
    let mut rows = desk.db().read(&desk.caller().account, batch).await?;
    let choices = rows.take(&choices);
    Ok(Beside {
        organizations: rows.take(&organizations).into_iter().collect(),
        usage: rows
            .take(&usage)
            .into_iter()
            .map(|(id, used, total, unlimited, waiting)| (id, (used, total, unlimited, waiting)))
            .collect(),
        choices: if whole { choices } else { Vec::new() },
    })
}

fn table(
    desk: &Desk,
    url: &ListUrl,
    list: &listing::Page<Team>,
    beside: &Beside,
    filtered: bool,
) -> Table {
    let columns = [
        Column::new("Name").sort(url, "name"),
        Column::new("Organization"),
        Column::new("Members").numeric(),
        Column::new("Seats"),
        Column::new("Owner"),
        Column::new("Created").sort(url, "created_at"),
    ];
    let rows = list.rows.iter().map(|team| row(desk, team, beside));
    let empty = if filtered {
        EmptyState::no_match("/dashboard/teams")
    } else {
        EmptyState::new(
            Icon::Team,
            "No teams yet",
            "A team is who learns together: a customer, a department, a class. It holds seats and has an owner.",
        )
        .actions(actions(desk))
    };
    Table::new("Teams", columns, rows)
        .empty(empty)
        .pager(pager(desk, url, list))
}

fn row(desk: &Desk, team: &Team, beside: &Beside) -> Row {
    let href = match team.deleted_at {
        // A team that is put aside has one page: the one that brings it back.
        Some(_) => format!("{}/restore", team_href(team.id.as_str())),
        None => team_href(team.id.as_str()),
    };
    let name = team.name.as_str();
    let organization = team
        .organization_id
        .as_ref()
        .and_then(|id| Some((id, beside.organizations.get(id)?)));
    let mut menu = Menu::new(format!("Actions for {name}"));
    if team.deleted_at.is_some() {
        menu = menu.link(Icon::Refresh, "Restore", &href);
    } else {
        menu = menu.link(Icon::Eye, "View", &href);
    }
    if team.deleted_at.is_none() && desk.may(Permission::TeamsWrite) {
        menu = menu.link(Icon::Edit, "Edit", &format!("{href}/edit"));
    }
    Row::new([
        Cell::record(&Avatar::group(name), name, &href, None),
        match organization {
            Some((id, name)) if desk.may(Permission::OrganizationsRead) => {
                Cell::new(link(&organization_href(id.as_str()), name))
            }
            Some((_, name)) => Cell::new(name.as_str()),
            None => Cell::none(),
        },
        Cell::new(number(count(team.member_count))),
        match beside.usage.get(&team.id) {
            Some((used, total, unlimited, waiting)) => Cell::new(usage_meter(
                count(*used),
                count(*total),
                *unlimited,
                count(*waiting),
            )),
            None => Cell::none(),
        },
        if team.deleted_at.is_some() {
            Cell::new(Badge::new("Put aside").tone(Tone::Warning))
        } else if team.ownerless {
            Cell::new(Badge::new("No owner").tone(Tone::Warning).dot())
        } else {
            Cell::new(Badge::new("Owned"))
        },
        Cell::new(day(team.created_at.to_jiff())),
    ])
    .actions(menu)
}
