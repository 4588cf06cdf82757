//! The room of invitations: every one in every state.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::desk::{Desk, Shown};
use super::look::{link, named_role_badge, team_href};
use super::names::{self, Named};
use super::users::{pager, team_choices};
use crate::access::Permission;
use crate::dashboard::components::{
    Avatar, Badge, Button, Cell, Column, EmptyState, FilterBar, Menu, Row, Table, Tone, moment,
};
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::db::Batch;
use crate::error::Result;
use crate::invitations::{Invitation, InvitationState};
use crate::resources::Team;
use crate::types::Id;

/// The room.
pub(super) const ROOM: &str = "/dashboard/invitations";

pub(super) fn state_badge(state: InvitationState) -> Badge {
    match state {
        InvitationState::Queued => Badge::new("Queued").tone(Tone::Accent).dot(),
        InvitationState::Sent => Badge::new("Sent").tone(Tone::Accent),
        InvitationState::Failed => Badge::new("Mail failed").tone(Tone::Danger).dot(),
        InvitationState::Accepted => Badge::new("Accepted").tone(Tone::Success).icon(Icon::Check),
        InvitationState::Expired => Badge::new("Expired").tone(Tone::Warning),
        InvitationState::Revoked => Badge::new("Revoked"),
    }
}

pub(super) fn href(id: &Id<Invitation>) -> String {
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
    let names = batch.add::<(Id<Team>, String)>(names::select(Named::Team, &teams));
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
        Cell::new(named_role_badge(&one.role, one.role_name.as_deref())),
        Cell::new(state_badge(one.state)),
        Cell::new(moment(one.expires_at.to_jiff())),
        Cell::new(moment(one.created_at.to_jiff())),
    ])
    .actions(menu)
}
