//! What stands beside an organization: its details, and its look with where each part comes from.

use maud::{Markup, Render, html};

use super::desk::Desk;
use super::look::{link, organization_href, team_href};
use super::organization::Dossier;
use crate::access::Permission;
use crate::dashboard::components::{Badge, Button, Card, CopyField, Facts, Tone, day};
use crate::resources::organization::branding::{BrandSource, Sourced};

/// What is known of it.
pub(super) fn details(dossier: &Dossier) -> Markup {
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
pub(super) fn look(desk: &Desk, dossier: &Dossier) -> Markup {
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
