//! A seat as a pool: its places move to other teams, other teams share it, holds keep some, and the line is put in order.

use maud::{Markup, Render, html};
use serde_json::json;

use super::desk::{Desk, Shown, fault, faults, read, summary};
use super::look::{count, seat_href, team_href, user_href};
use super::seat::title;
use super::seat_edit::whole;
use crate::access::Permission;
use crate::dashboard::components::{
    Avatar, Button, Card, Cell, Column, EmptyState, Field, Row, Table, counted, day,
};
use crate::dashboard::form::FieldErrors;
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::db::{Batch, Select};
use crate::error::Result;
use crate::params;
use crate::records;
use crate::resources::{Team, User};
use crate::seats::actions::{self, MoveInput, ShareInput};
use crate::seats::hold::HoldState;
use crate::seats::waitlist::{self, WaiterPatch};
use crate::seats::{Denial, Seat, SeatHold, holds};
use crate::types::{Id, Ref};

/// Holds, denials and teams shown at once.
const SHOWN: i64 = 100;

struct Pool {
    seat: Seat,
    product: String,
    teams: Vec<(Id<Team>, String)>,
    others: Vec<(String, String)>,
    holds: Vec<SeatHold>,
    denials: Vec<(Denial, Option<String>)>,
}

async fn pool(desk: &Desk) -> Result<Pool> {
    desk.require(Permission::SeatsRead)?;
    let seat = records::find::<Seat>(desk.db(), desk.caller(), &desk.reference(0)?).await?;
    let id = || params![seat.id.clone(), SHOWN];
    let ids: Vec<&str> = seat.team_ids.0.iter().map(Id::as_str).collect();
    let ids = json!(ids).to_string();
    let mut batch = Batch::new();
    let product = batch.add::<(String,)>(Select::new(
        "SELECT name FROM products WHERE account_id = $1 AND id = $2",
        params![seat.product_id.clone()],
    ));
    let teams = batch.add::<(Id<Team>, String)>(desk.within::<Team>(
        "SELECT teams.id, teams.name FROM teams WHERE teams.account_id = $1 AND teams.id IN (SELECT value FROM JSON_LIST($2) AS own){reach} ORDER BY name_key",
        params![ids.clone()],
    ));
    let others = batch.add::<(String, String)>(desk.within::<Team>(
        "SELECT teams.id, teams.name FROM teams WHERE teams.account_id = $1 AND deleted_at IS NULL \
         AND teams.id NOT IN (SELECT value FROM JSON_LIST($2) AS own){reach} ORDER BY name_key, id LIMIT 200",
        params![ids],
    ));
    let holds = batch.add::<SeatHold>(Select::rows::<SeatHold>(
        "WHERE account_id = $1 AND id IN (SELECT hold_id FROM seat_hold_items WHERE account_id = $1 AND seat_id = $2) ORDER BY created_at DESC, id DESC LIMIT $3",
        id(),
    ));
    let denials = batch.add::<crate::db::Pair<Denial, (Option<String>,)>>(Select::new(
        format!(
            "SELECT {}, coalesce(u.name, u.email) FROM seat_denials LEFT JOIN users u ON u.account_id = $1 AND u.id = seat_denials.user_id \
             WHERE seat_denials.account_id = $1 AND seat_id = $2 ORDER BY seat_denials.created_at DESC, seat_denials.id DESC LIMIT $3",
            <Denial as crate::db::Row>::selection()
        ),
        id(),
    ));
    let mut rows = desk.db().read(&desk.caller().account, batch).await?;
    Ok(Pool {
        product: rows
            .first(&product)
            .map_or_else(String::new, |(name,)| name),
        teams: rows.take(&teams),
        others: rows.take(&others),
        holds: rows.take(&holds),
        denials: rows
            .take(&denials)
            .into_iter()
            .map(|crate::db::Pair(denial, (name,))| (denial, name))
            .collect(),
        seat,
    })
}

impl Pool {
    fn href(&self) -> String {
        seat_href(self.seat.id.as_str())
    }

    fn page(&self, heading: &str, lead: &str, narrow: bool) -> Page {
        Page {
            crumbs: vec![
                ("Seats".into(), "/dashboard/seats".into()),
                (title(&self.product, &self.seat), self.href()),
            ],
            lead: Some(lead.to_owned()),
            narrow,
            ..Page::titled(heading)
        }
    }

    fn choices(&self) -> Vec<(String, String)> {
        let first = (String::new(), "Choose a team".to_owned());
        std::iter::once(first)
            .chain(self.others.iter().cloned())
            .collect()
    }

    fn form(
        &self,
        desk: &Desk,
        (action, path): (&str, &str),
        (fields, button): (Markup, Button),
        body: serde_json::Value,
        errors: Option<&FieldErrors>,
    ) -> Markup {
        let path = format!("/seats/{}/{path}", self.seat.id);
        let call = desk
            .api(&format!("call-{action}"), "POST", &path)
            .body(body)
            .scope("seats:write");
        let form = desk
            .post(format!("{}/{action}", self.href()), fields)
            .errors(summary(errors))
            .buttons([button, Button::link("Cancel", self.href()).quiet()])
            .after(call);
        Card::new(form.render()).render()
    }
}

/// Moves free places to another team's seat.
pub(super) async fn relocate(desk: Desk) -> Result<Shown> {
    desk.require(Permission::SeatsWrite)?;
    let pool = pool(&desk).await?;
    let mut errors = None;
    if desk.is_post() {
        let body = json!({ "to_team": desk.field("to_team"), "quantity": whole(desk.field("quantity")) });
        let done: Result<_> = async {
            let input: MoveInput = read(&body)?;
            let (db, ids, call) = (desk.db(), &desk.app.ids, &desk.call);
            let seat = Ref::Id(pool.seat.id.clone());
            desk.commit(|| actions::plan_move(db, ids, call, &seat, &input))
                .await
        }
        .await;
        match done {
            Ok(moved) => {
                return Ok(Shown::done(
                    seat_href(moved.to.id.as_str()),
                    "The places were moved. Both ledgers name each other.",
                ));
            }
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let wrong = errors.as_ref();
    let free = pool.seat.available.unwrap_or(0).max(0);
    let lead = counted(count(free), "place is free to move", "places are free to move");
    let fields = html! {
        (Field::select("to_team", "To the team", pool.choices()).value(desk.field("to_team")).error(fault(wrong, "to_team")).required().hint("Its own seat of the product gets them; one is made under the same terms if it has none."))
        (Field::number("quantity", "Places").value(desk.shown("quantity", "1")).error(fault(wrong, "quantity")).hint("Nobody who sits is disturbed."))
    };
    let body = json!({ "to_team": "ext:engines", "quantity": 2 });
    let button = Button::submit("Move places").primary();
    let form = pool.form(&desk, ("move", "move"), (fields, button), body, wrong);
    let page = pool.page("Move places to another team", &lead, true);
    Ok(Shown::form(page, wrong, form))
}

/// Which teams share the seat: another one joins, one of them leaves.
pub(super) async fn share(desk: Desk) -> Result<Shown> {
    desk.require(Permission::SeatsWrite)?;
    let pool = pool(&desk).await?;
    let mut errors = None;
    if desk.is_post() {
        match change_teams(&desk, &pool).await {
            Ok(text) => return Ok(Shown::done(format!("{}/share", pool.href()), text)),
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let wrong = errors.as_ref();
    let rows = pool.teams.iter().map(|(id, name)| {
        let leave = |label: &str, release: &str| {
            desk.post(format!("{}/share", pool.href()), html! {})
                .hidden("leaves", id.as_str())
                .hidden("release", release)
                .buttons([Button::submit(label).quiet()])
        };
        let row = Row::new([
            Cell::record(&Avatar::group(name), name, &team_href(id.as_str()), None),
            Cell::new(html! { @if pool.teams.len() > 1 { div.row { (leave("Take it away", "")) (leave("Take it away and release its people", "true")) } } }),
        ]);
        row
    });
    let heads = [Column::new("Team"), Column::new("")];
    let table = Table::new("Teams", heads, rows).plain();
    let fields = html! {
        (Field::select("team", "Share with", pool.choices()).value(desk.field("team")).error(fault(wrong, "team")).required().hint("Its people can sit by this seat; places and waiting line are common to all."))
    };
    let body = json!({ "team": "ext:engines" });
    let button = Button::submit("Share").primary();
    let form = pool.form(&desk, ("share", "teams"), (fields, button), body, wrong);
    let page = pool.page("Teams of the seat", "One allocation, and people of all its teams sit by it.", false);
    let body = html! { div.stack { (Card::new(table.render()).flush()) (form) } };
    Ok(Shown::form(page, wrong, body))
}

async fn change_teams(desk: &Desk, pool: &Pool) -> Result<String> {
    let (db, ids, call) = (desk.db(), &desk.app.ids, &desk.call);
    let seat = Ref::Id(pool.seat.id.clone());
    if desk.field("leaves").is_empty() {
        let input: ShareInput = read(&json!({ "team": desk.field("team") }))?;
        desk.commit(|| actions::plan_share(db, call, &seat, &input))
            .await?;
        return Ok("The team shares the seat from now on.".to_owned());
    }
    let team = Ref::<Team>::parse(desk.field("leaves"))
        .map_err(|_| crate::error::Error::not_found("team"))?;
    let release = !desk.field("release").is_empty();
    let done = desk
        .commit(|| actions::plan_unshare(db, ids, call, &seat, &team, release))
        .await?;
    let ended = u64::try_from(done.results.len()).unwrap_or(u64::MAX);
    Ok(format!(
        "The team shares the seat no longer; {}.",
        counted(ended, "place was released", "places were released")
    ))
}

/// The holds and the denials of the seat.
pub(super) async fn promises(desk: Desk) -> Result<Shown> {
    let pool = pool(&desk).await?;
    if desk.is_post() {
        let hold = Ref::<SeatHold>::parse(desk.field("hold"))
            .map_err(|_| crate::error::Error::not_found("seat_hold"))?;
        let (db, ids, call) = (desk.db(), &desk.app.ids, &desk.call);
        desk.commit(|| holds::plan_release(db, ids, call, &hold))
            .await?;
        let back = format!("{}/promises", pool.href());
        return Ok(Shown::done(back, "The held places were given back."));
    }
    let page = pool.page(
        "Holds and denials",
        "Places that are promised for a while, and wishes that were refused because none was free.",
        false,
    );
    let body = html! { div.stack { (hold_table(&desk, &pool)) (denial_table(&pool)) } };
    Ok(Shown::page(page, body))
}

fn hold_table(desk: &Desk, pool: &Pool) -> Card {
    let rows = pool.holds.iter().map(|hold| {
        let places = hold.items.0.iter().find(|item| item.seat_id == pool.seat.id);
        let held = hold.state == HoldState::Held;
        let release = desk
            .post(format!("{}/promises", pool.href()), html! {})
            .hidden("hold", hold.id.as_str())
            .buttons([Button::submit("Release").quiet()]);
        Row::new([
            Cell::new(hold.reference.as_ref().map_or_else(|| hold.id.to_string(), ToString::to_string)),
            Cell::new(places.map_or(0, |item| item.quantity).to_string()),
            Cell::new(hold.state.as_str()),
            Cell::new(day(hold.ended_at.unwrap_or(hold.expires_at).to_jiff())),
            Cell::new(html! { @if held && desk.may(Permission::SeatsHold) { (release) } }),
        ])
    });
    let heads = [
        Column::new("Hold"),
        Column::new("Places").numeric(),
        Column::new("State"),
        Column::new("Until"),
        Column::new(""),
    ];
    let empty = EmptyState::new(
        Icon::Clock,
        "No holds",
        "A checkout keeps places by POST /api/seats/{id}/holds until it is paid.",
    );
    Card::new(Table::new("Holds", heads, rows).empty(empty).plain().render())
        .title("Holds")
        .flush()
}

fn denial_table(pool: &Pool) -> Card {
    let rows = pool.denials.iter().map(|(denial, name)| {
        let who = match (&denial.user_id, name) {
            (Some(id), Some(name)) => Cell::record(
                &Avatar::person(name),
                name,
                &user_href(id.as_str()),
                None,
            ),
            _ => Cell::new("Not for one person"),
        };
        Row::new([
            who,
            Cell::new(denial.requested.to_string()),
            Cell::new(denial.available.to_string()),
            Cell::new(denial.cause.clone()),
            Cell::new(day(denial.created_at.to_jiff())),
        ])
    });
    let heads = [
        Column::new("Person"),
        Column::new("Wanted").numeric(),
        Column::new("Free").numeric(),
        Column::new("By"),
        Column::new("When"),
    ];
    let empty = EmptyState::new(
        Icon::Check,
        "Nobody was refused",
        "Wishes for a place of a full seat are kept here.",
    );
    Card::new(Table::new("Denials", heads, rows).empty(empty).plain().render())
        .title("Denials")
        .flush()
}

/// Moves somebody in the waiting line, or takes them out of it.
pub(super) async fn line(desk: Desk) -> Result<Shown> {
    desk.require_post()?;
    desk.require(Permission::SeatsAssign)?;
    let (db, ids, call) = (desk.db(), &desk.app.ids, &desk.call);
    let seat: Ref<Seat> = desk.reference(0)?;
    let user = Ref::<User>::parse(desk.field("user"))
        .map_err(|_| crate::error::Error::not_found("user"))?;
    let back = format!("/dashboard/seats/{seat}");
    if desk.field("position").is_empty() {
        desk.commit(|| async {
            let plan = waitlist::plan_leave(db, ids, call, &seat, &user).await?;
            Ok((plan, ()))
        })
        .await?;
        return Ok(Shown::done(back, "They wait no longer; the others move up."));
    }
    let patch: WaiterPatch = read(&json!({ "position": whole(desk.field("position")) }))?;
    desk.commit(|| waitlist::plan_move(db, call, &seat, &user, &patch))
        .await?;
    Ok(Shown::done(back, "The waiting line was put in order."))
}

