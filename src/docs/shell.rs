//! The frame of the documentation: navigation at the left, search above, the sections of the page at the right.

use maud::{Markup, html};

use super::catalog;
use super::guides::GUIDES;
use crate::dashboard::components::{Button, SearchBox};
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::{
    NavGroup, NavItem, Theme, brand_mark, document, nav_link, theme_toggle,
};

/// A page of the documentation.
pub(super) struct Page {
    /// The heading.
    pub(super) title: String,
    /// A sentence under it.
    pub(super) lead: Option<String>,
    /// Its address, by which its entry in the navigation is known.
    pub(super) href: String,
    /// Above the heading: the page that this one belongs to.
    pub(super) above: Option<(&'static str, &'static str)>,
    /// Id and text of its sections.
    pub(super) sections: Vec<(String, String)>,
    /// What was searched for.
    pub(super) query: String,
    /// Everything below the heading.
    pub(super) body: Markup,
}

impl Page {
    pub(super) fn new(title: impl Into<String>, href: impl Into<String>, body: Markup) -> Self {
        Self {
            title: title.into(),
            lead: None,
            href: href.into(),
            above: None,
            sections: Vec::new(),
            query: String::new(),
            body,
        }
    }

    pub(super) fn lead(mut self, lead: impl Into<String>) -> Self {
        self.lead = Some(lead.into());
        self
    }

    pub(super) const fn above(mut self, label: &'static str, href: &'static str) -> Self {
        self.above = Some((label, href));
        self
    }

    pub(super) fn sections(mut self, sections: Vec<(String, String)>) -> Self {
        self.sections = sections;
        self
    }
}

/// The whole page, from the doctype on.
pub(super) fn write(page: &Page, theme: Theme) -> Markup {
    let content = html! {
        a.skip-link href="#main" { "Skip to content" }
        div.shell {
            div #navigation .sidebar popover {
                (brand_mark("B2B Dashboard", Some("Documentation"), "/docs"))
                nav aria-label="Documentation" {
                    @for (index, group) in navigation(page).iter().enumerate() {
                        div.nav-group {
                            @if let Some(label) = &group.label { h2.nav-label id={ "nav-" (index) } { (label) } }
                            ul aria-labelledby=[group.label.as_ref().map(|_| format!("nav-{index}"))] {
                                @for item in &group.items { li { (nav_link(item)) } }
                            }
                        }
                    }
                }
                p.sidebar-foot { "Version " (env!("CARGO_PKG_VERSION")) }
            }
            div.body {
                (topbar(&page.query))
                main #main .main tabindex="-1" {
                    div.docs[!page.sections.is_empty()] {
                        div.docs-text { (head(page)) (page.body) }
                        @if !page.sections.is_empty() { (contents(&page.sections)) }
                    }
                }
            }
        }
    };
    let title = format!("{} · B2B Dashboard documentation", page.title);
    document(&title, theme, "", "en", &content)
}

fn head(page: &Page) -> Markup {
    html! {
        header.page-head {
            div {
                @if let Some((label, href)) = page.above {
                    nav.crumbs aria-label="Breadcrumbs" { ol {
                        li { a href=(href) { (label) } (Icon::ChevronRight) }
                        li { span aria-current="page" { (page.title) } }
                    } }
                }
                h1 { (page.title) }
                @if let Some(lead) = &page.lead { p.page-lead { (lead) } }
            }
        }
    }
}

fn topbar(query: &str) -> Markup {
    html! {
        header.topbar.docs-topbar {
            button.icon-btn.topbar-menu type="button" popovertarget="navigation" aria-label="Navigation" { (Icon::Menu) }
            form.search action="/docs/search" method="get" role="search" {
                (SearchBox::new("q", "Search the documentation").value(query).id("docs-search").global())
            }
            div.topbar-end {
                (theme_toggle())
                (Button::link("Dashboard", "/").quiet())
            }
        }
    }
}

fn contents(sections: &[(String, String)]) -> Markup {
    html! {
        nav.docs-contents aria-label="On this page" {
            h2 { "On this page" }
            ul { @for (id, text) in sections { li { a href={ "#" (id) } { (text) } } } }
        }
    }
}

fn navigation(page: &Page) -> Vec<NavGroup> {
    let entry = |icon, label: &str, href: String| {
        let current = href == page.href;
        NavItem::new(icon, label, href).current(current)
    };
    let start = [entry(Icon::Home, "Start", "/docs".to_owned())];
    let mut guides: Vec<NavItem> = GUIDES
        .iter()
        .map(|guide| entry(guide.icon, guide.label, guide.href()))
        .collect();
    let operating = guides.pop();
    let mut reference = vec![entry(
        Icon::List,
        "All operations",
        "/docs/reference".to_owned(),
    )];
    reference.extend(catalog::tags().into_iter().map(|tag| {
        entry(
            icon_of(tag),
            &heading(tag),
            format!("/docs/reference/{tag}"),
        )
    }));
    reference.push(entry(Icon::Alert, "Problems", "/docs/problems".to_owned()));
    let operator = operating.into_iter().chain([
        entry(Icon::Code, "Commands", "/docs/commands".to_owned()),
        entry(Icon::Edit, "Settings", "/docs/settings".to_owned()),
    ]);
    vec![
        NavGroup::plain(start),
        NavGroup::named("Guides", guides),
        NavGroup::named("Reference", reference),
        NavGroup::named("For operators", operator),
    ]
}

/// The name of a group of operations as a heading.
pub(super) fn heading(tag: &str) -> String {
    let words = tag.replace(['_', '-'], " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// The icon of a group of operations.
pub(super) fn icon_of(tag: &str) -> Icon {
    match tag {
        "users" => Icon::Users,
        "teams" | "team_members" | "members" => Icon::Team,
        "organizations" => Icon::Building,
        "courses" | "enrollments" => Icon::Book,
        "products" => Icon::Box,
        "seats" | "seat_templates" | "seat_assignments" | "assignments" => Icon::Seat,
        "provision" | "provisions" => Icon::Bolt,
        "api_keys" | "keys" => Icon::Key,
        "mails" => Icon::Mail,
        "events" | "audit" => Icon::Activity,
        "jobs" => Icon::Clock,
        _ => Icon::Settings,
    }
}
