//! The frame around a page: the signed-in shell and the centred card of the sign-in pages.
//!
//! A request makes one [`Shell`] (who looks, at which account, with which navigation), a page adds its [`Page`]
//! (title, crumbs, actions) and its body. Both are data: nothing here asks the database or the session.

use maud::{DOCTYPE, Markup, html};

use super::assets::asset_url;
use super::components::{Avatar, Flash, SearchBox, Tone};
use super::icons::Icon;
pub use super::nav::{NavGroup, NavItem};

/// Light, dark, or as the reader's system has it. Kept in the cookie `theme`, so that the server writes it into
/// the page and nothing flashes while it loads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// What the browser says (`prefers-color-scheme`).
    #[default]
    System,
    /// Always light.
    Light,
    /// Always dark.
    Dark,
}

impl Theme {
    /// Reads the theme from the value of a `Cookie` header; anything unknown is [`Theme::System`].
    pub fn from_cookies(header: &str) -> Self {
        let value = header
            .split(';')
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(name, _)| *name == "theme");
        match value {
            Some((_, "light")) => Self::Light,
            Some((_, "dark")) => Self::Dark,
            _ => Self::System,
        }
    }

    const fn attribute(self) -> Option<&'static str> {
        match self {
            Self::System => None,
            Self::Light => Some("light"),
            Self::Dark => Some("dark"),
        }
    }
}

/// Who is signed in, and the menu in the corner.
#[derive(Clone, Debug, Default)]
pub struct UserMenu {
    /// The name shown in the bar.
    pub name: String,
    /// The address shown in the menu.
    pub email: String,
    /// Links above «Sign out».
    pub links: Vec<NavItem>,
    /// Where the sign-out form posts to.
    pub sign_out: String,
    /// The CSRF token of the session, sent as the hidden field `csrf`.
    pub csrf: String,
}

/// A line above everything that says under which special condition the page is seen.
#[derive(Clone, Debug)]
pub struct Banner {
    /// The colour: [`Tone::Warning`] for impersonation, [`Tone::Accent`] for demo mode.
    pub tone: Tone,
    /// What holds.
    pub text: String,
    /// A link or form with a button that ends it.
    pub action: Option<Markup>,
}

/// What all pages of one request share.
#[derive(Clone, Debug, Default)]
pub struct Shell {
    /// The name of the product or of the account's brand, beside the mark.
    pub brand: String,
    /// The name of the account that is looked at.
    pub account: String,
    /// Where the mark leads.
    pub home: String,
    /// The theme the reader chose.
    pub theme: Theme,
    /// The navigation, in order.
    pub nav: Vec<NavGroup>,
    /// The path of the global search (GET, field `q`); none hides it.
    pub search: Option<String>,
    /// The signed-in person.
    pub user: UserMenu,
    /// Impersonation, demo mode.
    pub banner: Option<Banner>,
    /// What the last request has to say.
    pub flashes: Vec<Flash>,
    /// The last line of the sidebar, such as the version.
    pub footer: String,
}

/// What one page adds to the shell. Only the title must be given; the rest has `..Page::default()`.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The heading, and the first part of the window's title.
    pub title: String,
    /// The way here: label and address, from the top, without the page itself.
    pub crumbs: Vec<(String, String)>,
    /// A sentence under the heading.
    pub lead: Option<String>,
    /// Something before the heading, such as a large avatar.
    pub mark: Option<Markup>,
    /// Badges beside the heading.
    pub badges: Option<Markup>,
    /// Buttons at the right of the heading.
    pub actions: Option<Markup>,
    /// [`super::components::Tabs`] under the heading.
    pub tabs: Option<Markup>,
    /// A narrower column, for pages that are mostly a form.
    pub narrow: bool,
}

impl Page {
    /// A page with this title and nothing else.
    pub fn titled(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            ..Self::default()
        }
    }
}

/// A whole signed-in page, from the doctype on.
pub fn page(shell: &Shell, page: &Page, body: &Markup) -> Markup {
    let content = html! {
        a.skip-link href="#main" { "Skip to content" }
        @if let Some(banner) = &shell.banner {
            div class={ "banner" (banner_class(banner.tone)) } role="region" aria-label="Notice" {
                span { (banner.text) }
                @if let Some(action) = &banner.action { (action) }
            }
        }
        div.shell {
            (sidebar(shell))
            div.body {
                (topbar(shell))
                main #main .main .main-narrow[page.narrow] tabindex="-1" {
                    @if !shell.flashes.is_empty() {
                        div.toasts { @for flash in &shell.flashes { (flash) } }
                    }
                    (page_head(page))
                    @if let Some(tabs) = &page.tabs { (tabs) }
                    (body)
                }
            }
        }
    };
    document(
        &format!("{} · {}", page.title, shell.account),
        shell.theme,
        "",
        "en",
        &content,
    )
}

const fn banner_class(tone: Tone) -> &'static str {
    match tone {
        Tone::Danger => " banner-danger",
        Tone::Warning => "",
        Tone::Neutral | Tone::Success | Tone::Accent => " banner-info",
    }
}

fn page_head(page: &Page) -> Markup {
    html! {
        @if !page.crumbs.is_empty() {
            nav.crumbs aria-label="Breadcrumbs" {
                ol {
                    @for (label, href) in &page.crumbs { li { a href=(href) { (label) } (Icon::ChevronRight) } }
                    li { span aria-current="page" { (page.title) } }
                }
            }
        }
        header.page-head {
            div.person {
                @if let Some(mark) = &page.mark { (mark) }
                div {
                    div.page-title {
                        h1 { (page.title) }
                        @if let Some(badges) = &page.badges { (badges) }
                    }
                    @if let Some(lead) = &page.lead { p.page-lead { (lead) } }
                }
            }
            @if let Some(actions) = &page.actions { div.page-actions { (actions) } }
        }
    }
}

/// The mark with the name of the product and a second line, as a link.
pub(crate) fn brand_mark(name: &str, detail: Option<&str>, href: &str) -> Markup {
    html! {
        a.brand href=(href) {
            span.brand-mark { (Icon::Seat) }
            span.brand-name { b { (name) } @if let Some(detail) = detail { span { (detail) } } }
        }
    }
}

fn sidebar(shell: &Shell) -> Markup {
    html! {
        // A popover below 60rem, opened by the button in the top bar without script; a plain column above it.
        div #navigation .sidebar popover {
            (brand_mark(&shell.brand, Some(&shell.account), &shell.home))
            nav aria-label="Main" {
                @for (index, group) in shell.nav.iter().enumerate() {
                    div.nav-group {
                        @if let Some(label) = &group.label { h2.nav-label id={ "nav-" (index) } { (label) } }
                        ul aria-labelledby=[group.label.as_ref().map(|_| format!("nav-{index}"))] {
                            @for item in &group.items { li { (nav_link(item)) } }
                        }
                    }
                }
            }
            @if !shell.footer.is_empty() { p.sidebar-foot { (shell.footer) } }
        }
    }
}

/// One entry of a navigation.
pub(crate) fn nav_link(item: &NavItem) -> Markup {
    html! {
        a.nav-link href=(item.href) aria-current=[item.current.then_some("page")] {
            (item.icon) span { (item.label) }
            @if let Some((count, alert)) = item.count.filter(|(count, _)| *count > 0) {
                span.nav-count.nav-count-alert[alert] { (count) @if alert { span.sr-only { " need attention" } } }
            }
        }
    }
}

fn topbar(shell: &Shell) -> Markup {
    html! {
        header.topbar {
            button.icon-btn.topbar-menu type="button" popovertarget="navigation" aria-label="Navigation" { (Icon::Menu) }
            @if let Some(action) = &shell.search {
                form.search action=(action) method="get" role="search" {
                    (SearchBox::new("q", "Search people, teams, seats").id("global-search").global())
                }
            }
            div.topbar-end {
                (theme_toggle())
                (user_menu(&shell.user))
            }
        }
    }
}

/// The button that changes between the themes.
pub(crate) fn theme_toggle() -> Markup {
    html! {
        button.icon-btn.theme-toggle.needs-js type="button" data-theme-toggle aria-label="Theme" {
            (Icon::Monitor.with_class("icon-system")) (Icon::Sun.with_class("icon-light")) (Icon::Moon.with_class("icon-dark"))
        }
    }
}

fn user_menu(user: &UserMenu) -> Markup {
    html! {
        details.menu.user-menu {
            summary aria-label={ "Your menu, " (user.name) } {
                (Avatar::person(&user.name).small()) span.user-name { (user.name) } (Icon::ChevronDown)
            }
            div.menu-panel {
                div.menu-head { b { (user.name) } div.muted.truncate { (user.email) } }
                @for link in &user.links { a.menu-item href=(link.href) { (link.icon) (link.label) } }
                form method="post" action=(user.sign_out) {
                    input type="hidden" name="csrf" value=(user.csrf);
                    button.menu-item type="submit" { (Icon::LogOut) "Sign out" }
                }
            }
        }
    }
}

/// A page with one card in the middle: sign-in, a new password, an invitation, a message.
#[derive(Clone, Debug, Default)]
pub struct CardPage {
    /// The name of the product or of the account's brand, above the card.
    pub brand: String,
    /// The heading of the card.
    pub title: String,
    /// A sentence under the heading.
    pub lead: Option<String>,
    /// The theme the reader chose.
    pub theme: Theme,
    /// What the last request has to say.
    pub flashes: Vec<Flash>,
    /// A line below the card, such as a link to the other way in.
    pub after: Option<Markup>,
    /// A wider card, for more than a short form.
    pub wide: bool,
    /// The language it is written in; English when empty.
    pub lang: String,
    /// The address of a style sheet with the account's colour.
    pub style: Option<String>,
    /// The address of the account's logo, shown instead of the mark.
    pub logo: Option<String>,
}

/// A whole page with one card, from the doctype on.
pub fn card_page(page: &CardPage, body: &Markup) -> Markup {
    let content = html! {
        @if let Some(style) = &page.style { link rel="stylesheet" href=(style); }
        main #main {
            @if let Some(logo) = &page.logo { p.brand { img.brand-logo src=(logo) alt=(page.brand); } }
            @else { (brand_mark(&page.brand, None, "/")) }
            @if !page.flashes.is_empty() { div.toasts { @for flash in &page.flashes { (flash) } } }
            div.card-box {
                header {
                    h1 { (page.title) }
                    @if let Some(lead) = &page.lead { p { (lead) } }
                }
                (body)
            }
            @if let Some(after) = &page.after { div.card-page-after { (after) } }
        }
    };
    let class = if page.wide {
        "card-page card-page-wide"
    } else {
        "card-page"
    };
    document(
        &format!("{} · {}", page.title, page.brand),
        page.theme,
        class,
        if page.lang.is_empty() {
            "en"
        } else {
            &page.lang
        },
        &content,
    )
}

/// A whole page around `content`, from the doctype on, in the language `lang`; `class` is that of the body.
pub(crate) fn document(
    title: &str,
    theme: Theme,
    class: &str,
    lang: &str,
    content: &Markup,
) -> Markup {
    html! {
        (DOCTYPE)
        html lang=(lang) data-theme=[theme.attribute()] {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                link rel="icon" type="image/svg+xml" href=(asset_url("favicon.svg"));
                link rel="stylesheet" href=(asset_url("app.css"));
                script src=(asset_url("app.js")) defer {}
            }
            body class=[(!class.is_empty()).then_some(class)] {
                (content)
                div #live .toasts.toasts-live role="status" aria-live="polite" {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell() -> Shell {
        Shell {
            brand: "B2B Dashboard".to_owned(),
            account: "Acme <Training>".to_owned(),
            nav: vec![NavGroup::plain([
                NavItem::new(Icon::Home, "Home", "/dashboard").current(true),
                NavItem::new(Icon::Alert, "Failed jobs", "/dashboard/jobs").alert_count(3),
                NavItem::new(Icon::Users, "Users", "/dashboard/users").count(0),
            ])],
            search: Some("/dashboard/search".to_owned()),
            user: UserMenu {
                name: "Ada Byron".to_owned(),
                csrf: "t\"oken".to_owned(),
                ..UserMenu::default()
            },
            ..Shell::default()
        }
    }

    #[test]
    fn a_page_has_landmarks_a_skip_link_and_one_current_entry() {
        let text = page(&shell(), &Page::titled("Home"), &html! { p { "x" } }).into_string();
        for part in [
            "<!DOCTYPE html>",
            r##"href="#main""##,
            r#"<main class="main" id="main""#,
            r#"aria-label="Main""#,
            r#"role="search""#,
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert_eq!(text.matches("aria-current").count(), 1);
        assert_eq!(text.matches("<h1>").count(), 1);
        assert!(text.contains("need attention"));
    }

    #[test]
    fn names_are_escaped_and_nothing_is_inline() {
        let text = page(&shell(), &Page::titled("<script>"), &html! {}).into_string();
        assert!(text.contains("&lt;script&gt; · Acme &lt;Training&gt;"));
        assert!(text.contains(r#"value="t&quot;oken""#));
        assert!(!text.contains(" style=") && !text.contains(" onclick="));
    }

    #[test]
    fn the_theme_is_read_from_the_cookie_and_written_on_the_root() {
        assert_eq!(Theme::from_cookies("a=b; theme=dark; c=d"), Theme::Dark);
        assert_eq!(Theme::from_cookies("nottheme=dark"), Theme::System);
        let text = card_page(
            &CardPage {
                theme: Theme::Dark,
                ..CardPage::default()
            },
            &html! {},
        )
        .into_string();
        assert!(text.contains(r#"data-theme="dark">"#));
    }
}
