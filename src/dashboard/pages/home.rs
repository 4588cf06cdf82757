//! Home: what needs somebody, how the account stands, and what happened last.

use maud::{Markup, Render, html};

use super::desk::{Desk, Shown};
use super::feed::{self, About, Told};
use super::look::count;
use crate::access::{Permission, Reach};
use crate::commerce::Order;
use crate::dashboard::components::{
    Attention, AttentionItem, BarChart, Button, Card, EmptyState, LineChart, Series, Stat, Tone,
    columns, counted, number, split,
};
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::db::{Batch, Select};
use crate::error::Result;
use crate::params;
use crate::resources::{Team, User};
use crate::seats::settings::{self, SeatSettings};
use crate::seats::{Assignment, Seat, SeatRequest};
use crate::types::Timestamp;

/// Days of the first chart.
const DAYS: i64 = 30;
/// Weeks of the second.
const WEEKS: i64 = 12;
const DAY: i64 = 86_400_000_000;
/// A level that no seat reaches.
const NEVER: i64 = 1_000_000;

/// What the page shows, as it is read.
struct Figures {
    jobs: i64,
    mails: i64,
    unfulfilled: i64,
    full: i64,
    low: i64,
    lowest: i64,
    waiting: i64,
    requests: i64,
    expiring: i64,
    ownerless: i64,
    people: Vec<(String, i64)>,
    teams: i64,
    seats: (i64, i64, i64),
    provisions: Vec<(i64, i64)>,
    joined: Vec<(i64, String, i64)>,
    told: Vec<Told>,
}

/// The page.
pub(super) async fn home(desk: Desk) -> Result<Shown> {
    desk.require(Permission::TeamsRead)?;
    let figures = figures(&desk).await?;
    let page = Page {
        lead: Some("What needs you, and how your customers are doing.".into()),
        actions: Some(
            html! { @if desk.may(Permission::ProvisionWrite) { (Button::link("Provision a person", "/dashboard/provision").primary().icon(Icon::Bolt)) } },
        ),
        ..Page::titled("Home")
    };
    if figures.teams == 0 && figures.people.iter().map(|(_, n)| n).sum::<i64>() <= 1 {
        return Ok(Shown::page(page, first_steps(&desk)));
    }
    let attention = Card::new(Attention(attention(&desk, &figures)).render())
        .title("Needs attention")
        .flush();
    let latest = Card::new(feed::timeline(&figures.told, About::Account)).title("Latest");
    let whole = desk.caller().reach == Reach::Account;
    let main = html! {
        (attention)
        @if whole { (columns(2, &[provisions(&desk, &figures), people(&desk, &figures)])) }
    };
    let body = html! {
        div.stack {
            (tiles(&figures))
            (split(&main, &latest.render()))
        }
    };
    Ok(Shown::page(page, body))
}

async fn figures(desk: &Desk) -> Result<Figures> {
    let now = desk.call.now;
    let whole = desk.caller().reach == Reach::Account;
    let row = desk.db().first(&desk.caller().account, settings::read());
    let levels = SeatSettings::of(row.await?).low_levels;
    let lowest = levels.iter().min().copied().unwrap_or(NEVER);
    let mut batch = Batch::new();
    let jobs = batch.add::<(i64,)>(Select::new(
        "SELECT count(*) FROM jobs WHERE account_id = $1 AND state = 'dead'",
        params![],
    ));
    let mails = batch.add::<(i64,)>(Select::new(
        "SELECT count(*) FROM mails WHERE account_id = $1 AND state = 'failed'",
        params![],
    ));
    let unfulfilled = batch.add::<(i64,)>(desk.within::<Order>(
        "SELECT count(*) FROM orders WHERE orders.account_id = $1 AND orders.status = 'paid' AND orders.failure IS NOT NULL{reach}",
        params![],
    ));
    let seats = batch.add::<(i64, i64, i64, i64, i64)>(desk.within::<Seat>(
        "SELECT CAST(coalesce(sum(assigned + reserved + spent), 0) AS BIGINT), \
         CAST(coalesce(sum(CASE WHEN quantity IS NOT NULL THEN assigned + reserved + spent ELSE 0 END), 0) AS BIGINT), \
         CAST(coalesce(sum(quantity), 0) AS BIGINT), \
         CAST(coalesce(sum(CASE WHEN available <= 0 THEN 1 ELSE 0 END), 0) AS BIGINT), CAST(coalesce(sum(waitlisted), 0) AS BIGINT) \
         FROM seats WHERE seats.account_id = $1 AND status = 'active'{reach}",
        params![],
    ));
    let requests = batch.add::<(i64,)>(desk.within::<SeatRequest>(
        "SELECT count(*) FROM seat_requests WHERE seat_requests.account_id = $1 AND state = 'pending'{reach}",
        params![],
    ));
    let low = batch.add::<(i64,)>(desk.within::<Seat>(
        "SELECT count(*) FROM seats WHERE seats.account_id = $1 AND status = 'active' AND quantity > 0 AND available > 0 \
         AND (assigned + reserved + spent) * 100 >= quantity * $2{reach}",
        params![lowest],
    ));
    let expiring = batch.add::<(i64,)>(desk.within::<Assignment>(
        "SELECT count(*) FROM seat_assignments WHERE seat_assignments.account_id = $1 AND state = 'active' AND expires_at > $2 AND expires_at <= $3{reach}",
        params![now, now.plus_days(30)],
    ));
    let teams = batch.add::<(i64, i64)>(desk.within::<Team>(
        "SELECT count(*), CAST(coalesce(sum(CASE WHEN EXISTS (SELECT 1 FROM team_members o WHERE o.account_id = $1 AND o.team_id = teams.id AND o.role = 'owner') \
         THEN 0 ELSE 1 END), 0) AS BIGINT) FROM teams WHERE teams.account_id = $1 AND deleted_at IS NULL{reach}",
        params![],
    ));
    let people = batch.add::<(String, i64)>(desk.within::<User>(
        "SELECT status, count(*) FROM users WHERE users.account_id = $1 AND deleted_at IS NULL{reach} GROUP BY status",
        params![],
    ));
    let provisions = batch.add::<(i64, i64)>(Select::new(
        "SELECT (created_at - $2) / 86400000000, count(*) FROM provisions WHERE account_id = $1 AND created_at >= $2 GROUP BY 1",
        params![first_day(now, DAYS)],
    ));
    let joined = batch.add::<(i64, String, i64)>(Select::new(
        "SELECT (created_at - $2) / 604800000000, status, count(*) FROM users WHERE account_id = $1 AND created_at >= $2 AND deleted_at IS NULL GROUP BY 1, 2",
        params![first_day(now, WEEKS * 7)],
    ));
    let told = batch.add::<Told>(match &desk.caller().reach {
        Reach::Account => feed::select(
            " AND events.type NOT IN ('mail.queued', 'mail.sent', 'mail.caught', 'seat.expiring')",
            params![],
            12,
        ),
        Reach::Teams(teams) => feed::select(
            " AND events.team_id IN (SELECT value FROM JSON_LIST($2) AS reach)",
            params![teams.to_string()],
            12,
        ),
    });
    let mut rows = desk.db().read(&desk.caller().account, batch).await?;
    let (used, counted, total, full, waiting) = rows.first(&seats).unwrap_or_default();
    let (teams, ownerless) = rows.first(&teams).unwrap_or_default();
    let account_only = |value: i64| if whole { value } else { 0 };
    Ok(Figures {
        jobs: account_only(rows.first(&jobs).map_or(0, |(n,)| n)),
        mails: account_only(rows.first(&mails).map_or(0, |(n,)| n)),
        unfulfilled: rows.first(&unfulfilled).map_or(0, |(n,)| n),
        full,
        low: rows.first(&low).map_or(0, |(n,)| n),
        lowest,
        waiting,
        requests: rows.first(&requests).map_or(0, |(n,)| n),
        expiring: rows.first(&expiring).map_or(0, |(n,)| n),
        ownerless,
        people: rows.take(&people),
        teams,
        seats: (used, counted, total),
        provisions: rows.take(&provisions),
        joined: rows.take(&joined),
        told: rows.take(&told),
    })
}

/// Midnight of the first of so many days, today being the last.
fn first_day(now: Timestamp, days: i64) -> Timestamp {
    let today = now.micros().div_euclid(DAY);
    Timestamp::from_micros((today - days + 1) * DAY)
}

fn attention(desk: &Desk, figures: &Figures) -> Vec<AttentionItem> {
    let until = desk.call.now.plus_days(30);
    let day = until.to_jiff().strftime("%Y-%m-%dT%H:%M:%SZ");
    let expiring = format!("/dashboard/assignments?state=active&expires_at[lte]={day}");
    let item = |value: i64, icon, tone, words: (&str, &str), detail: &str, href: &str| {
        (value > 0).then(|| AttentionItem {
            icon,
            tone,
            title: counted(count(value), words.0, words.1),
            detail: detail.to_owned(),
            href: href.to_owned(),
        })
    };
    let items = [
        item(
            figures.jobs,
            Icon::Alert,
            Tone::Danger,
            ("job failed for good", "jobs failed for good"),
            "Look at the error, then run them again",
            "/dashboard/jobs?state=dead",
        ),
        item(
            figures.mails,
            Icon::Mail,
            Tone::Danger,
            ("mail was not delivered", "mails were not delivered"),
            "The mail server refused them",
            "/dashboard/mails?state=failed",
        ),
        item(
            figures.unfulfilled,
            Icon::Cart,
            Tone::Danger,
            (
                "order is paid and not fulfilled",
                "orders are paid and not fulfilled",
            ),
            "Its places could not be given; see why, then fulfil it",
            "/dashboard/orders?status=paid",
        ),
        item(
            figures.requests,
            Icon::Inbox,
            Tone::Warning,
            (
                "request for a place is to be decided",
                "requests for places are to be decided",
            ),
            "Approve or decline; the person is told by mail",
            "/dashboard/requests?state=pending",
        ),
        item(
            figures.waiting,
            Icon::Clock,
            Tone::Warning,
            ("person waits for a seat", "people wait for a seat"),
            "Add places and they move up by themselves",
            "/dashboard/seats?waitlisted[gte]=1",
        ),
        item(
            figures.full,
            Icon::Seat,
            Tone::Warning,
            ("allocation is full", "allocations are full"),
            "The next wish will be refused or wait",
            "/dashboard/seats?available[lte]=0",
        ),
        item(
            figures.low,
            Icon::Seat,
            Tone::Accent,
            ("allocation runs low", "allocations run low"),
            &format!(
                "{}% or more of the places are in use; the fewest free first",
                figures.lowest
            ),
            "/dashboard/seats?available[gte]=1",
        ),
        item(
            figures.expiring,
            Icon::Calendar,
            Tone::Accent,
            ("access ends within 30 days", "accesses end within 30 days"),
            "Extend them, or let them end",
            &expiring,
        ),
        item(
            figures.ownerless,
            Icon::Team,
            Tone::Accent,
            ("team has no owner", "teams have no owner"),
            "Nobody there can invite or assign",
            "/dashboard/teams?ownerless=true",
        ),
    ];
    items.into_iter().flatten().collect()
}

fn tiles(figures: &Figures) -> Markup {
    let of = |status: &str| {
        figures
            .people
            .iter()
            .find(|(found, _)| found == status)
            .map_or(0, |(_, n)| *n)
    };
    let everybody: i64 = figures.people.iter().map(|(_, n)| n).sum();
    let (used, counted_used, total) = figures.seats;
    let share = (counted_used * 100).checked_div(total).unwrap_or(0);
    let days = series(&figures.provisions, DAYS);
    let week: u64 = days.iter().rev().take(7).sum();
    let before: u64 = days.iter().rev().skip(7).take(7).sum();
    columns(
        4,
        &[
            Stat::new("People", number(count(everybody)))
                .icon(Icon::Users)
                .href("/dashboard/users")
                .note(format!(
                    "{} active, {} invited",
                    number(count(of("active"))),
                    number(count(of("invited")))
                ))
                .render(),
            Stat::new("Teams", number(count(figures.teams)))
                .icon(Icon::Team)
                .href("/dashboard/teams")
                .note(if figures.ownerless == 0 {
                    "each with an owner".to_owned()
                } else {
                    format!("{} without an owner", number(count(figures.ownerless)))
                })
                .render(),
            Stat::new("Seats in use", number(count(used)))
                .icon(Icon::Seat)
                .href("/dashboard/seats")
                .note(if total > 0 {
                    format!("{share}% of {}", number(count(total)))
                } else {
                    "none allocated yet".to_owned()
                })
                .render(),
            Stat::new("Provisions this week", number(week))
                .icon(Icon::Bolt)
                .note(format!("{} the week before", number(before)))
                .spark(days)
                .render(),
        ],
    )
}

/// A value for each place, zero where nothing was found.
fn series(found: &[(i64, i64)], places: i64) -> Vec<u64> {
    let value = |place: i64| {
        found
            .iter()
            .find(|(n, _)| *n == place)
            .map_or(0, |(_, value)| count(*value))
    };
    (0..places).map(value).collect()
}

fn labels(desk: &Desk, places: i64, step: i64) -> Vec<String> {
    let first = first_day(desk.call.now, places * step);
    (0..places)
        .map(|n| {
            first
                .plus_days(n * step)
                .to_jiff()
                .strftime("%-d %b")
                .to_string()
        })
        .collect()
}

fn provisions(desk: &Desk, figures: &Figures) -> Markup {
    let chart = LineChart::new(
        "Provisions per day",
        labels(desk, DAYS, 1),
        vec![Series::new("Provisions", series(&figures.provisions, DAYS))],
    );
    Card::new(chart.render())
        .title("Provisions")
        .lead("Per day, last 30 days")
        .render()
}

fn people(desk: &Desk, figures: &Figures) -> Markup {
    let of = |status: &str| {
        let found: Vec<(i64, i64)> = figures
            .joined
            .iter()
            .filter(|(_, found, _)| found == status)
            .map(|(week, _, n)| (*week, *n))
            .collect();
        series(&found, WEEKS)
    };
    let chart = BarChart::new(
        "New people by week and where they stand now",
        labels(desk, WEEKS, 7),
        vec![
            Series::new("Active", of("active")),
            Series::new("Still invited", of("invited")),
        ],
    );
    Card::new(chart.render())
        .title("New people")
        .lead("By week, and whether they have signed in")
        .render()
}

/// What an account begins with.
fn first_steps(desk: &Desk) -> Markup {
    let step = |done: Permission, icon: Icon, title: &str, text: &str, label: &str, href: &str| {
        let state = EmptyState::new(icon, title, text);
        let state = if desk.may_in_account(done) {
            state.actions(Button::link(label, href))
        } else {
            state
        };
        Card::new(state.render()).flush().render()
    };
    html! {
        div.stack {
            (columns(3, &[
                step(Permission::ProductsWrite, Icon::Box, "1. What you sell", "Courses, and products made of them. Seats are places in a product.", "Add a product", "/dashboard/products/new"),
                step(Permission::TeamsWrite, Icon::Team, "2. Who learns together", "A team is a customer, a department or a class. It holds seats and has an owner.", "Create a team", "/dashboard/teams/new"),
                step(Permission::ProvisionWrite, Icon::Bolt, "3. Bring somebody in", "One form makes the person, finds the team, gives a seat and sends the welcome mail.", "Provision a person", "/dashboard/provision"),
            ]))
        }
    }
}
