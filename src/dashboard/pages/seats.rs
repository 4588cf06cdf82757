//! The board of seats: every allocation as a card, how full it is and under which terms.

use std::collections::BTreeMap;

use maud::{Markup, Render, html};

use super::desk::{Desk, Shown};
use super::names::{self, Named};
use super::team::{Stock, seat_card};
use super::users::{pager, team_choices};
use crate::access::Permission;
use crate::dashboard::components::{Button, Card, EmptyState, FilterBar, columns};
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::db::{Batch, Select};
use crate::error::Result;
use crate::params;
use crate::resources::{Product, Team};
use crate::seats::Seat;
use crate::types::{Id, json_list};

/// The page.
pub(super) async fn seats(desk: Desk) -> Result<Shown> {
    let list = desk.records::<Seat>().await?;
    let url = desk.list("/dashboard/seats");
    let products: Vec<&str> = list
        .rows
        .iter()
        .map(|seat| seat.product_id.as_str())
        .collect();
    let teams: Vec<&str> = list
        .rows
        .iter()
        .flat_map(|seat| seat.team_ids.0.iter().map(Id::as_str))
        .collect();
    let mut batch = Batch::new();
    let product_names =
        batch.add::<(Id<Product>, String)>(names::select(Named::Product, &products));
    let team_names = batch.add::<(Id<Team>, String, Option<String>)>(desk.within::<Team>(
        "SELECT teams.id, teams.name, o.name FROM teams LEFT JOIN organizations o ON o.account_id = $1 AND o.id = teams.organization_id \
         WHERE teams.account_id = $1 AND teams.id IN (SELECT value FROM JSON_LIST($2) AS wanted){reach}",
        params![json_list(teams)],
    ));
    let team_options = batch.add::<(String, String)>(team_choices(&desk));
    let product_options = batch.add::<(String, String)>(Select::new(
        "SELECT id, name FROM products WHERE account_id = $1 ORDER BY name_key LIMIT 200",
        params![],
    ));
    let mut rows = desk.db().read(&desk.caller().account, batch).await?;
    let product_names: BTreeMap<_, _> = rows.take(&product_names).into_iter().collect();
    let team_names: BTreeMap<_, _> = rows
        .take(&team_names)
        .into_iter()
        .map(|(id, name, above)| (id, (name, above)))
        .collect();
    let filters = FilterBar::new(url.clone())
        .select("team", "Team", rows.take(&team_options))
        .select("product", "Product", rows.take(&product_options))
        .select(
            "available[lte]",
            "Places",
            [("0", "Full"), ("3", "Three or fewer free")],
        )
        .select("waitlisted[gte]", "Waiting", [("1", "Somebody waits")]);
    let cards: Vec<Markup> = list
        .rows
        .iter()
        .map(|seat| {
            let stock = Stock {
                product: product_names
                    .get(&seat.product_id)
                    .cloned()
                    .unwrap_or_default(),
                seat: seat.clone(),
            };
            seat_card(&desk, &stock, held_by(seat, &team_names)).render()
        })
        .collect();
    let body = html! {
        div.stack {
            (filters)
            @if cards.is_empty() { (Card::new(empty(&desk, filters.is_active()).render()).flush()) }
            @else { (columns(3, &cards)) (pager(&desk, &url, &list)) }
        }
    };
    let page = Page {
        lead: Some("Who holds how many places of which product, and how full they are.".into()),
        actions: Some(actions(&desk)),
        ..Page::titled("Seats")
    };
    Ok(Shown::page(page, body))
}

fn actions(desk: &Desk) -> Markup {
    html! {
        (Button::link("All places", "/dashboard/assignments").icon(Icon::List))
        @if desk.may_in_account(Permission::SeatsWrite) {
            (Button::link("Allocate seats", "/dashboard/seats/new").primary().icon(Icon::Plus))
        }
    }
}

fn empty(desk: &Desk, filtered: bool) -> EmptyState {
    if filtered {
        return EmptyState::no_match("/dashboard/seats");
    }
    EmptyState::new(
        Icon::Seat,
        "No seats yet",
        "An allocation gives a team places in a product. The team hands them to its people.",
    )
    .actions(actions(desk))
}

/// The team that holds a seat with its organization, or how many share it.
fn held_by(seat: &Seat, names: &BTreeMap<Id<Team>, (String, Option<String>)>) -> String {
    let name = |(name, above): &(String, Option<String>)| match above {
        Some(above) => format!("{above} · {name}"),
        None => name.clone(),
    };
    let known: Vec<_> = seat
        .team_ids
        .0
        .iter()
        .filter_map(|id| names.get(id))
        .collect();
    match known.as_slice() {
        [] => String::new(),
        [one] => name(one),
        [first, rest @ ..] => format!("{} and {} more", first.0, rest.len()),
    }
}
