//! The first page, the guides, commands, settings, the page for a wrong address, and the index for programs.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::catalog::{self, href};
use super::guides::{self, GUIDES, Guide, slug};
use super::reference::marked;
use super::shell::{Page, heading};
use crate::config;
use crate::dashboard::components::{CodeBlock, EmptyState};
use crate::dashboard::icons::Icon;

/// `/docs`: where to go, then the guide from the beginning.
pub(super) fn page(origin: &str) -> Page {
    let mut cards: Vec<(Icon, &str, String, &str)> = GUIDES
        .iter()
        .filter(|guide| matches!(guide.name, "provisioning" | "api" | "operating"))
        .map(|guide| (guide.icon, guide.label, guide.href(), guide.about))
        .collect();
    cards.insert(
        1,
        (
            Icon::List,
            "Reference",
            "/docs/reference".to_owned(),
            "Every operation, with an example in five languages.",
        ),
    );
    let first = GUIDES.iter().find(|guide| guide.name == "guide");
    let guide = first.map(|guide| guides::render(&guide.markdown(origin)));
    let body = html! {
        div.stack {
            ul.docs-cards { @for (icon, label, href, about) in &cards { (card(*icon, label, href, about)) } }
            @if let (Some(first), Some(guide)) = (first, &guide) {
                section aria-labelledby="first-guide" { h2.docs-part id="first-guide" { (first.title()) } (guide.body) }
            }
        }
    };
    Page::new("Documentation", "/docs", body)
        .lead("One call brings a person, their team and their seats together. It takes ten minutes to send the first one.")
        .sections(guide.map(|guide| guide.sections).unwrap_or_default())
}

fn card(icon: Icon, label: &str, href: &str, about: &str) -> Markup {
    html! { li.card { a href=(href) { (icon) b { (label) } span { (about) } } } }
}

/// `/docs/guides/{name}`; none where there is no such guide.
pub(super) fn guide(name: &str, origin: &str) -> Option<Page> {
    let guide = GUIDES.iter().find(|guide| guide.name == name)?;
    let rendered = guides::render(&guide.markdown(origin));
    let page = Page::new(guide.title(), guide.href(), rendered.body)
        .lead(guide.about)
        .sections(rendered.sections);
    Some(page)
}

/// `/docs/commands`: the command line, as its own help tells of it.
pub(super) fn commands() -> Page {
    let body = html! {
        div.stack {
            div.prose {
                p { "Every command takes " code { "--config FILE" } " and " code { "--json" } ", which makes the answer one JSON value, and ends with 0 when it is done, 1 when it failed, 2 when the command line or the settings are wrong." }
            }
            @for command in catalog::commands() {
                section.docs-group aria-labelledby=(slug(&command.name)) {
                    h2 id=(slug(&command.name)) { code { "b2b-dashboard " (command.name) } }
                    p { (command.about) "." }
                    p.docs-notes { code { (command.usage.trim_start_matches("Usage: ")) } }
                    @if !command.arguments.is_empty() {
                        dl.docs-members { @for (argument, about) in &command.arguments {
                            div { dt { code { (argument) } } dd { p { (marked(about)) } } }
                        } }
                    }
                }
            }
        }
    };
    let sections = catalog::commands()
        .iter()
        .map(|command| (slug(&command.name), command.name.clone()));
    Page::new("Commands", "/docs/commands", body)
        .lead("The program's command line.")
        .sections(sections.collect())
}

/// `/docs/settings`: the example file, which holds every setting with its default.
pub(super) fn settings() -> Page {
    let body = html! {
        div.stack {
            div.prose { p { "Later ones win: the defaults below, then the file (" code { (config::DEFAULT_FILE) } ", or the one that " code { "--config" } " names), then the environment. " code { "b2b-dashboard config check" } " shows each value and where it comes from." } }
            (CodeBlock { title: config::DEFAULT_FILE.to_owned(), code: config::EXAMPLE.trim_end().to_owned() })
        }
    };
    Page::new("Settings", "/docs/settings", body).lead("Every setting with its default.")
}

/// The page for an address that leads nowhere.
pub(super) fn nowhere() -> Page {
    let body = html! { (EmptyState::new(Icon::Search, "There is no such page", "Look in the navigation, or search for a word of it.")) };
    Page::new("Not found", "/docs/none", body)
}

/// The index in the form of llmstxt.org.
pub(super) fn plain_index(origin: &str) -> String {
    let mut text = format!(
        "# B2B Dashboard\n\n> Seats, teams and provisioning in front of an LMS. `POST /api/provision` brings a person, their team and their seats together in one call.\n\nBase address: {origin}/api. Key: `Authorization: Bearer <key>`. OpenAPI 3.1: {origin}/api/openapi.json\n\n## Guides\n\n"
    );
    for Guide {
        name, label, about, ..
    } in GUIDES
    {
        let _ = writeln!(text, "- [{label}]({origin}/docs/guides/{name}.md): {about}");
    }
    for tag in catalog::tags() {
        let _ = write!(text, "\n## {}\n\n", heading(tag));
        for operation in catalog::of_tag(tag) {
            let _ = writeln!(
                text,
                "- [{}]({origin}{}): {} /api{}. {}",
                operation.summary,
                href(operation),
                operation.method,
                operation.path,
                operation.description
            );
        }
    }
    let _ = write!(
        text,
        "\n## Problems\n\n- [All codes]({origin}/docs/problems): what each means and whether to repeat.\n"
    );
    text
}
