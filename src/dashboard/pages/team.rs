//! A team's page: its people, its seats, what happened.

use maud::{Markup, Render, html};

use super::desk::{Desk, Shown};
use super::feed::{self, About, Told};
use super::look::{
    count, meter, organization_href, role_badge, seat_href, since, team_href, terms, user_badge,
    user_href,
};
use super::team_members::{fields, role_field};
use super::team_restore::departed;
use crate::access::Permission;
use crate::access::roles::TeamRole;
use crate::commerce::account::Owner;
use crate::dashboard::components::{
    Avatar, Badge, BulkAction, BulkBar, Button, Callout, Card, Cell, Column, CopyField, EmptyState,
    Facts, Menu, Row, SeatCard, Table, Tags, Tone, columns, counted, day, number, split,
};
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::db::{Batch, Column as _, DbError, FromRow, Reader, Row as _, Select};
use crate::error::{Error, Result};
use crate::params;
use crate::records;
use crate::resources::member::{Member, first_members_of};
use crate::resources::{Organization, Team};
use crate::seats::Seat;
use crate::types::{Id, Name};

/// Members shown on the page; more are in the list of people.
const SHOWN: i64 = 100;

/// A seat with its product's name.
pub(super) struct Stock {
    /// The seat.
    pub(super) seat: Seat,
    /// The name of what it is of.
    pub(super) product: String,
}

impl FromRow for Stock {
    fn from_row(reader: &mut Reader<'_>) -> Result<Self, DbError> {
        Ok(Self {
            seat: Seat::from_row(reader)?,
            product: String::read(reader)?,
        })
    }
}

struct Dossier {
    team: Team,
    members: Vec<Member>,
    seats: Vec<Stock>,
    organization: Option<(Id<Organization>, Name)>,
    told: Vec<Told>,
}

/// The page.
pub(super) async fn team(desk: Desk) -> Result<Shown> {
    desk.require(Permission::TeamsRead)?;
    let reference = desk.reference(0)?;
    let Some(team) = records::maybe::<Team>(desk.db(), desk.caller(), &reference).await? else {
        if !desk.may_in_account(Permission::TeamsWrite) {
            return Err(Error::not_found("team"));
        }
        let team = departed(&desk).await?;
        let href = team_href(team.id.as_str());
        return Ok(Shown::put_aside(&href, team.name.as_str()));
    };
    let dossier = dossier(&desk, team).await?;
    let team = &dossier.team;
    let purse = super::credits::purse(&desk, &Owner::Team(team.id.clone())).await?;
    let page = Page {
        crumbs: vec![("Teams".into(), "/dashboard/teams".into())],
        mark: Some(Avatar::group(team.name.as_str()).large().render()),
        lead: Some(lead(&dossier)),
        badges: team
            .ownerless
            .then(|| Badge::new("No owner").tone(Tone::Warning).dot().render()),
        actions: Some(actions(&desk, team)),
        ..Page::titled(team.name.as_str())
    };
    let main = html! {
        @if team.ownerless { (Callout::new(Tone::Warning, "Nobody owns this team").body("An owner invites people and gives them seats. Add one, or change the role of a member.")) }
        (seats(&desk, &dossier))
        (members(&desk, &dossier))
        (Card::new(feed::timeline(&dossier.told, About::Team)).title("Timeline"))
    };
    let add = if desk.may(Permission::MembersWrite) {
        Some(add_form(&desk, team).await?)
    } else {
        None
    };
    let aside = html! { (facts(&desk, &dossier)) (purse) @if let Some(add) = &add { (add) } };
    Ok(Shown::page(page, split(&main, &aside)))
}

async fn dossier(desk: &Desk, team: Team) -> Result<Dossier> {
    let id = || params![team.id.clone()];
    let mut batch = Batch::new();
    let members = batch.add::<Member>(first_members_of(&team.id, SHOWN));
    let seats = batch.add::<Stock>(Select::new(
        format!(
            "SELECT {}, p.name FROM seats JOIN seat_teams st ON st.account_id = $1 AND st.seat_id = seats.id AND st.team_id = $2 \
             JOIN products p ON p.account_id = $1 AND p.id = seats.product_id WHERE seats.account_id = $1 ORDER BY p.name_key, seats.id LIMIT 100",
            Seat::selection()
        ),
        id(),
    ));
    let above = team.organization_id.as_ref().map(ToString::to_string);
    let organization = batch.add::<(Id<Organization>, Name)>(Select::new(
        "SELECT id, name FROM organizations WHERE account_id = $1 AND id = $2",
        params![above.unwrap_or_default()],
    ));
    let told = batch.add::<Told>(feed::select(" AND events.team_id = $2", id(), 40));
    let mut rows = desk.db().read(&desk.caller().account, batch).await?;
    Ok(Dossier {
        members: rows.take(&members),
        seats: rows.take(&seats),
        organization: rows.first(&organization),
        told: rows.take(&told),
        team,
    })
}

fn lead(dossier: &Dossier) -> String {
    let people = counted(count(dossier.team.member_count), "member", "members");
    match &dossier.organization {
        Some((_, name)) => format!("{name} · {people}"),
        None => people,
    }
}

fn actions(desk: &Desk, team: &Team) -> Markup {
    let href = team_href(team.id.as_str());
    html! {
        @if desk.may(Permission::TeamsWrite) { (Button::link("Edit", format!("{href}/edit")).icon(Icon::Edit)) }
        @if desk.may(Permission::ProvisionWrite) { (Button::link("Add a person", format!("/dashboard/provision?team={}", team.id)).primary().icon(Icon::Plus)) }
        @if desk.may(Permission::InvitationsWrite) { (Button::link("Invite", format!("/dashboard/invitations/new?team={}", team.id)).icon(Icon::Mail)) }
        (more(desk, team, &href))
    }
}

/// What is done less often, and the rooms as far as they are the team's.
fn more(desk: &Desk, team: &Team, href: &str) -> Menu {
    let mut menu = Menu::new(format!("More actions for {}", team.name));
    if desk.may(Permission::InvitationsRead) {
        let list = format!("/dashboard/invitations?team={}", team.id);
        menu = menu.link(Icon::Mail, "Invitations", &list);
    }
    if desk.may(Permission::LinksRead) {
        let list = format!("/dashboard/links?team={}", team.id);
        menu = menu.link(Icon::Link, "Links", &list);
    }
    if desk.may(Permission::LinksWrite) {
        let new = format!("/dashboard/links/new?team={}", team.id);
        menu = menu.link(Icon::Plus, "New link", &new);
    }
    if desk.may_in_account(Permission::TeamsWrite) {
        menu = menu.link(Icon::Trash, "Delete", &format!("{href}/delete"));
    }
    menu
}

fn seats(desk: &Desk, dossier: &Dossier) -> Markup {
    let more = desk.may_in_account(Permission::SeatsWrite);
    let new = format!("/dashboard/seats/new?team={}", dossier.team.id);
    if dossier.seats.is_empty() {
        let empty = EmptyState::new(
            Icon::Seat,
            "No seats yet",
            "An allocation gives the team places in a product, which it hands to its people.",
        );
        let empty = if more {
            empty.actions(Button::link("Allocate seats", new))
        } else {
            empty
        };
        return Card::new(empty.render()).title("Seats").flush().render();
    }
    let cards: Vec<Markup> = dossier
        .seats
        .iter()
        .map(|stock| seat_card(desk, stock, String::new()).render())
        .collect();
    html! {
        section.stack.stack-tight {
            div.row.row-between {
                h2 { "Seats" }
                @if more { (Button::link("Allocate seats", new).small().icon(Icon::Plus)) }
            }
            (columns(2, &cards))
        }
    }
}

/// A seat as a card.
pub(super) fn seat_card(desk: &Desk, stock: &Stock, team: String) -> SeatCard {
    let seat = &stock.seat;
    let href = seat_href(seat.id.as_str());
    let product = match &seat.name {
        Some(name) => format!("{} · {name}", stock.product),
        None => stock.product.clone(),
    };
    SeatCard {
        product,
        team,
        usage: meter(seat, false),
        terms: terms(seat),
        forecast: None,
        actions: desk.may(Permission::SeatsAssign).then(|| {
            html! {
                (Button::link("Give a place", format!("{href}/assign")).small())
                @if desk.may_in_account(Permission::SeatsWrite) { (Button::link("Add places", format!("{href}/edit")).small().quiet()) }
            }
        }),
        href,
    }
}

fn members(desk: &Desk, dossier: &Dossier) -> Card {
    let rows = dossier
        .members
        .iter()
        .map(|member| member_row(desk, &dossier.team, member));
    let heads = ["Person", "Role", "Status", "Last seen", "Joined"].map(Column::new);
    let empty = EmptyState::new(
        Icon::Users,
        "Nobody is in this team",
        "Add somebody by e-mail, or provision them: that makes the person and gives a seat in one go.",
    );
    let table = Table::new("Members", heads, rows).empty(empty).plain();
    let table = if desk.may(Permission::MembersWrite) {
        table.bulk(BulkBar {
            id: "members".into(),
            action: format!("{}/members/remove", team_href(dossier.team.id.as_str())),
            csrf: desk.csrf.clone(),
            actions: vec![BulkAction::new("remove", "Remove", Icon::LogOut).danger()],
        })
    } else {
        table
    };
    let all = count(dossier.team.member_count);
    let card = Card::new(table.render())
        .title(format!("Members ({})", number(all)))
        .flush();
    if dossier.team.member_count > SHOWN {
        let list = format!("/dashboard/users?team={}", dossier.team.id);
        return card.foot(Button::link("All members", list).small().render());
    }
    card
}

fn member_row(desk: &Desk, team: &Team, member: &Member) -> Row {
    let user = &member.user;
    let (name, href) = (user.display_name(), user_href(user.id.as_str()));
    let row = Row::new([
        Cell::record(
            &Avatar::person(name),
            name,
            &href,
            Some(user.email.as_str()),
        ),
        Cell::new(role_badge(&member.role)),
        Cell::new(user_badge(user.status)),
        Cell::new(since(user.last_seen_at)),
        Cell::new(day(member.joined_at.to_jiff())),
    ])
    .key(user.id.as_str(), name);
    if !desk.may(Permission::MembersWrite) {
        return row;
    }
    let at = format!("{}/members/{}", team_href(team.id.as_str()), user.id);
    row.actions(
        Menu::new(format!("Actions for {name}"))
            .link(Icon::Eye, "View", &href)
            .link(Icon::Shield, "Change role", &at)
            .link(Icon::Team, "Move to another team", &format!("{at}/move"))
            .link(Icon::LogOut, "Remove", &format!("{at}/remove")),
    )
}

fn facts(desk: &Desk, dossier: &Dossier) -> Card {
    let team = &dossier.team;
    let owners: Vec<&str> = dossier
        .members
        .iter()
        .filter(|member| member.role == TeamRole::Owner)
        .map(|member| member.user.display_name())
        .collect();
    let mut facts = Facts::new();
    if let Some((id, name)) = &dossier.organization {
        let shown = if desk.may(Permission::OrganizationsRead) {
            super::look::link(&organization_href(id.as_str()), name.as_str())
        } else {
            html! { (name) }
        };
        facts = facts.markup("Organization", shown);
    }
    let facts = facts
        .text("Owner", owners.join(", "))
        .text(
            "External id",
            team.external_id.as_ref().map_or("", |id| id.as_str()),
        )
        .markup("Created", day(team.created_at.to_jiff()));
    let tags: Vec<String> = team
        .tags
        .as_slice()
        .iter()
        .map(ToString::to_string)
        .collect();
    let body = html! {
        div.stack.stack-tight {
            @if let Some(text) = &team.description { p.prose { (text) } }
            (facts)
            @if !tags.is_empty() { (Tags(tags)) }
            (CopyField { label: "Id".into(), value: team.id.to_string() })
        }
    };
    Card::new(body).title("Details")
}

async fn add_form(desk: &Desk, team: &Team) -> Result<Card> {
    let href = format!("{}/members", team_href(team.id.as_str()));
    let role = role_field(desk, "member", None, &[]).await?;
    let form = desk
        .post(href.clone(), fields(desk, None, &role))
        .buttons([
            Button::submit("Add to the team"),
            Button::link("Add several", format!("{href}/many")).quiet(),
        ])
        .after(add_call(desk, team));
    Ok(Card::new(form.render()).title("Add a member"))
}

/// The API call that adds a member.
pub(super) fn add_call(desk: &Desk, team: &Team) -> impl Render + use<> {
    desk.api("call-add", "POST", &format!("/teams/{}/members", team.id))
        .body(serde_json::json!({ "email": "ada@example.com", "first_name": "Ada", "role": "member" }))
        .scope("members:write")
}
