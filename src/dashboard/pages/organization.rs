//! The page of an organization: what it has with everything below it, its look with where each part comes from, those
//! who look after it, its domains.

use maud::{Markup, Render, html};
use serde_json::json;

use super::desk::{Desk, Shown};
use super::domains::claims_table;
use super::look::{count, link, organization_href, team_href, user_href};
use super::organizations::nodes_table;
use crate::access::Permission;
use crate::commerce::account::Owner;
use crate::dashboard::components::{
    Avatar, Badge, Button, Card, Cell, Column, CopyField, EmptyState, Facts, Field, Menu, Row,
    Stat, Table, Tone, columns, counted, day, number, split,
};
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::db::{Batch, Row as _, Select};
use crate::error::Result;
use crate::params;
use crate::records;
use crate::resources::organization::admins::{OrganizationAdmin, admins_of};
use crate::resources::organization::branding::{BrandSource, Sourced};
use crate::resources::organization::inheritance::{Named, OrganizationEffective, effective};
use crate::resources::organization::summary::{self, OrganizationSummary};
use crate::resources::{DomainClaim, Organization, Team};
use crate::types::Ref;

/// Rows of a table on the page.
const SHOWN: i64 = 100;

struct Dossier {
    node: Organization,
    children: Vec<Organization>,
    summaries: Vec<OrganizationSummary>,
    teams: Vec<Team>,
    admins: Vec<OrganizationAdmin>,
    claims: Vec<DomainClaim>,
    effective: OrganizationEffective,
}

/// The organization that the address names.
pub(super) async fn find(desk: &Desk) -> Result<Organization> {
    records::find::<Organization>(desk.db(), desk.caller(), &desk.reference(0)?).await
}

/// The page.
pub(super) async fn node(desk: Desk) -> Result<Shown> {
    desk.require(Permission::OrganizationsRead)?;
    let node = find(&desk).await?;
    let dossier = dossier(&desk, node).await?;
    let node = &dossier.node;
    let page = Page {
        crumbs: crumbs(&dossier.effective.path, node),
        mark: Some(Avatar::group(node.name.as_str()).large().render()),
        lead: Some(counted(count(node.team_count), "team here", "teams here")),
        actions: Some(actions(&desk, node)),
        ..Page::titled(node.name.as_str())
    };
    let main = html! {
        (figures(&dossier))
        (teams(&desk, &dossier))
        @if !dossier.children.is_empty() {
            (Card::new(nodes_table(&dossier.children, &dossier.summaries, node.depth + 1).plain().render()).title("Below it").flush())
        }
        (admins(&desk, &dossier))
        (domains(&desk, &dossier))
    };
    let owner = Owner::Organization(dossier.node.id.clone());
    let purse = super::credits::purse(&desk, &owner).await?;
    let aside = html! { (details(&dossier)) (purse) (look(&desk, &dossier)) };
    Ok(Shown::page(page, split(&main, &aside)))
}

async fn dossier(desk: &Desk, node: Organization) -> Result<Dossier> {
    let effective = effective(desk.db(), &desk.call, &Ref::Id(node.id.clone())).await?;
    let mut batch = Batch::new();
    let children = batch.add::<Organization>(desk.within::<Organization>(
        &format!(
            "SELECT {} FROM organizations WHERE organizations.account_id = $1 AND path > $2 AND path < $2 || '~'{{reach}} ORDER BY path LIMIT {SHOWN}",
            Organization::selection()
        ),
        params![node.path.clone()],
    ));
    let teams = batch.add::<Team>(desk.within::<Team>(
        &format!(
            "SELECT {} FROM teams WHERE teams.account_id = $1 AND organization_id = $2 AND deleted_at IS NULL{{reach}} ORDER BY name_key LIMIT {SHOWN}",
            Team::selection()
        ),
        params![node.id.clone()],
    ));
    let admins = batch.add::<OrganizationAdmin>(admins_of(&node.id, None, SHOWN));
    let claims = batch.add::<DomainClaim>(Select::rows::<DomainClaim>(
        "WHERE account_id = $1 AND organization_id = $2 ORDER BY created_at, id LIMIT 100",
        params![node.id.clone()],
    ));
    let mut rows = desk.db().read(&desk.caller().account, batch).await?;
    let children = rows.take(&children);
    let counted: Vec<&str> = std::iter::once(node.id.as_str())
        .chain(children.iter().map(|child| child.id.as_str()))
        .collect();
    let summaries = desk
        .db()
        .fetch::<OrganizationSummary>(&desk.caller().account, summary::of(desk.caller(), &counted))
        .await?;
    Ok(Dossier {
        children,
        summaries,
        teams: rows.take(&teams),
        admins: rows.take(&admins),
        claims: rows.take(&claims),
        effective,
        node,
    })
}

/// The way down to an organization.
pub(super) fn crumbs(path: &[Named], node: &Organization) -> Vec<(String, String)> {
    let mut way = vec![(
        "Organizations".to_owned(),
        "/dashboard/organizations".to_owned(),
    )];
    let above = path.iter().filter(|one| one.id != node.id);
    way.extend(above.map(|one| (one.name.to_string(), organization_href(one.id.as_str()))));
    way
}

fn actions(desk: &Desk, node: &Organization) -> Markup {
    let href = organization_href(node.id.as_str());
    html! {
        @if desk.may_in_account(Permission::OrganizationsWrite) {
            (Button::link("Edit", format!("{href}/edit")).icon(Icon::Edit))
            (Button::link("Add below", format!("/dashboard/organizations/new?parent={}", node.id)).icon(Icon::Plus))
        }
        @if desk.may_in_account(Permission::TeamsWrite) {
            (Button::link("New team", format!("/dashboard/teams/new?organization={}", node.id)).primary().icon(Icon::Plus))
        }
        @if desk.may_in_account(Permission::OrganizationsWrite) {
            (Menu::new(format!("More actions for {}", node.name))
                .link(Icon::External, "Move", &format!("{href}/move"))
                .link(Icon::Trash, "Delete", &format!("{href}/delete")))
        }
    }
}

/// What it has, with everything below it.
fn figures(dossier: &Dossier) -> Markup {
    let id = &dossier.node.id;
    let Some(sum) = dossier
        .summaries
        .iter()
        .find(|one| one.organization_id == *id)
    else {
        return html! {};
    };
    let places = if sum.unlimited_seats > 0 {
        format!("{} and no bound", number(count(sum.quantity)))
    } else {
        number(count(sum.quantity))
    };
    let tiles = [
        Stat::new("Teams", number(count(sum.teams)))
            .icon(Icon::Team)
            .href(format!("/dashboard/teams?within={id}"))
            .note(format!(
                "in {}",
                counted(
                    count(sum.organizations + 1),
                    "organization",
                    "organizations"
                )
            ))
            .render(),
        Stat::new("People", number(count(sum.members)))
            .icon(Icon::Users)
            .note("each counted once")
            .render(),
        Stat::new("Places", places)
            .icon(Icon::Seat)
            .note(format!(
                "{} in use, {} free",
                number(count(sum.assigned)),
                number(count(sum.available))
            ))
            .render(),
        Stat::new("Waiting", number(count(sum.waiting)))
            .icon(Icon::Clock)
            .note("for a place")
            .render(),
    ];
    columns(4, &tiles)
}

fn teams(desk: &Desk, dossier: &Dossier) -> Markup {
    let href = organization_href(dossier.node.id.as_str());
    let may_take = desk.may_in_account(Permission::TeamsWrite);
    let default = dossier.node.default_team_id.as_ref();
    let rows = dossier.teams.iter().map(|team| {
        let name = team.name.as_str();
        let row = Row::new([
            Cell::record(
                &Avatar::group(name).small(),
                name,
                &team_href(team.id.as_str()),
                (default == Some(&team.id)).then_some("Default team for new people"),
            ),
            Cell::new(number(count(team.member_count))),
            Cell::new(day(team.created_at.to_jiff())),
        ]);
        if !may_take {
            return row;
        }
        let action = format!("{href}/teams/{}/remove", team.id);
        let question = format!(
            "Take {name} away from {}? The team stays, outside of every organization.",
            dossier.node.name
        );
        row.actions(Menu::new(format!("Actions for {name}")).post(
            Icon::LogOut,
            "Take away",
            &action,
            &desk.csrf,
            Some(&question),
        ))
    });
    let heads = [
        Column::new("Name"),
        Column::new("Members").numeric(),
        Column::new("Created"),
    ];
    let empty = EmptyState::new(
        Icon::Team,
        "No team at this node",
        "Teams hold seats and people.",
    );
    let card = Card::new(
        Table::new("Teams", heads, rows)
            .empty(empty)
            .plain()
            .render(),
    )
    .title("Teams")
    .flush();
    if may_take {
        let assign = Button::link("Assign teams", format!("{href}/teams")).small();
        return card.actions(assign.render()).render();
    }
    card.render()
}

fn admins(desk: &Desk, dossier: &Dossier) -> Markup {
    let href = organization_href(dossier.node.id.as_str());
    let may = desk.may_in_account(Permission::OrganizationsWrite);
    let rows = dossier.admins.iter().map(|admin| {
        let user = &admin.user;
        let name = user.display_name();
        let row = Row::new([
            Cell::record(
                &Avatar::person(name),
                name,
                &user_href(user.id.as_str()),
                Some(user.email.as_str()),
            ),
            Cell::new(day(admin.created_at.to_jiff())),
        ]);
        if !may {
            return row;
        }
        let question = format!(
            "{name} will not look after {} and what stands below it any more.",
            dossier.node.name
        );
        row.actions(Menu::new(format!("Actions for {name}")).post(
            Icon::LogOut,
            "End the role",
            &format!("{href}/admins/{}/remove", user.id),
            &desk.csrf,
            Some(&question),
        ))
    });
    let above = dossier
        .effective
        .admins
        .iter()
        .filter(|admin| admin.organization_id != dossier.node.id)
        .count();
    let empty = EmptyState::new(
        Icon::Shield,
        "Nobody is named here",
        "An administrator looks after the organization and everything below it.",
    );
    let table = Table::new("Administrators", ["Person", "Since"].map(Column::new), rows)
        .empty(empty)
        .plain();
    let body = html! {
        (table)
        @if may { div.card-part { (admin_form(desk, &dossier.node)) } }
    };
    let card = Card::new(body).title("Administrators").flush();
    if above == 0 {
        return card.render();
    }
    let above = counted(
        u64::try_from(above).unwrap_or(0),
        "more looks after it by a role further up",
        "more look after it by a role further up",
    );
    card.lead(above).render()
}

/// The form that names an administrator.
pub(super) fn admin_form(desk: &Desk, node: &Organization) -> Markup {
    let field = Field::email("email", "E-mail")
        .value(desk.field("email"))
        .required()
        .autocomplete("off")
        .hint("Of somebody who is known here already.");
    let call = desk
        .api(
            "call-admin",
            "PUT",
            &format!("/organizations/{}/admins/email:ada@example.com", node.id),
        )
        .scope("organizations:write");
    desk.post(
        format!("{}/admins", organization_href(node.id.as_str())),
        field.render(),
    )
    .buttons([Button::submit("Name administrator")])
    .after(call)
    .render()
}

fn domains(desk: &Desk, dossier: &Dossier) -> Markup {
    let table = claims_table(desk, &dossier.claims);
    let card = Card::new(table.plain().render())
        .title("Domains")
        .lead("New people with an address of a verified domain join the default team.")
        .flush();
    if !desk.may(Permission::DomainsWrite) {
        return card.render();
    }
    let new = format!("/dashboard/domains/new?organization={}", dossier.node.id);
    card.actions(Button::link("Claim a domain", new).small().render())
        .render()
}

fn details(dossier: &Dossier) -> Markup {
    let node = &dossier.node;
    let default = node.default_team_id.as_ref().map(|id| {
        let own = dossier.teams.iter().find(|team| team.id == *id);
        let name = own.map_or("A team further down", |team| team.name.as_str());
        link(&team_href(id.as_str()), name)
    });
    let catalog: Vec<&str> = dossier
        .effective
        .catalog
        .iter()
        .filter(|one| one.id != node.id)
        .map(|one| one.name.as_str())
        .collect();
    let catalog = match (dossier.effective.account_catalog, catalog.is_empty()) {
        (true, true) => "What is for all".to_owned(),
        (true, false) => format!("What is for all, and of {}", catalog.join(", ")),
        (false, true) => "Its own only".to_owned(),
        (false, false) => format!("Its own, and of {}", catalog.join(", ")),
    };
    let facts = Facts::new()
        .markup(
            "Default team",
            default.unwrap_or_else(|| html! { span.muted { "–" } }),
        )
        .text("Catalog", catalog)
        .text(
            "External id",
            node.external_id.as_ref().map_or("", |id| id.as_str()),
        )
        .text("Level", node.depth.to_string())
        .markup("Created", day(node.created_at.to_jiff()));
    let body = html! {
        div.stack.stack-tight {
            @if let Some(text) = &node.description { p.prose { (text) } }
            (facts)
            (CopyField { label: "Id".into(), value: node.id.to_string() })
        }
    };
    Card::new(body).title("Details").render()
}

/// The look as it comes out, each part with where it comes from.
fn look(desk: &Desk, dossier: &Dossier) -> Markup {
    let labels = ["Name", "Logo", "Colour", "Postal address", "Help"];
    let mut facts = Facts::new();
    for (label, (_, value)) in labels.into_iter().zip(dossier.effective.branding.members()) {
        let shown = match value {
            None => html! { span.muted { "Not set" } },
            Some(one) => html! { (one.value) " " (source(dossier, one)) },
        };
        facts = facts.markup(label, shown);
    }
    let edit = format!("{}/edit", organization_href(dossier.node.id.as_str()));
    let card = Card::new(facts.render())
        .title("Look")
        .lead("In mails to the people of its teams.");
    if desk.may_in_account(Permission::OrganizationsWrite) {
        return card
            .actions(Button::link("Edit", edit).small().quiet().render())
            .render();
    }
    card.render()
}

fn source(dossier: &Dossier, one: &Sourced) -> Badge {
    match (&one.organization_id, one.from) {
        (Some(id), _) if *id == dossier.node.id => Badge::new("own").tone(Tone::Accent),
        (Some(id), _) => {
            let above = dossier.effective.path.iter().find(|named| named.id == *id);
            Badge::new(above.map_or("from above".to_owned(), |named| {
                format!("from {}", named.name)
            }))
        }
        (None, BrandSource::Account) => Badge::new("from the account"),
        (None, BrandSource::Organization) => Badge::new("from above"),
    }
}

/// The API call that assigns teams.
pub(super) fn assign_call(desk: &Desk, node: &Organization) -> impl Render + use<> {
    desk.api(
        "call-teams",
        "POST",
        &format!("/organizations/{}/teams", node.id),
    )
    .body(json!({ "teams": ["ext:engines"] }))
    .scope("teams:write")
}
