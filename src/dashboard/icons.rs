//! The icons, drawn for this dashboard on a grid of 20 by 20 with one stroke, and written into the page as SVG.
//!
//! An icon never carries meaning alone: it is hidden from screen readers, and the words beside it (or the label
//! of the control) say what it shows.

use maud::{Markup, PreEscaped, Render, html};

macro_rules! icons {
    ($($(#[$doc:meta])* $name:ident $body:literal;)+) => {
        /// One of the drawn icons. In a template write `(Icon::Home)`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Icon { $($(#[$doc])* $name,)+ }

        impl Icon {
            /// Every icon, for the style guide.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The inside of the `<svg>` element.
            const fn body(self) -> &'static str {
                match self { $(Self::$name => $body,)+ }
            }
        }
    };
}

icons! {
    /// A pulse: activity, health.
    Activity r#"<path d="M2.5 10.5h3.2l2.4-6 3.6 11 2.4-5h3.4"/>"#;
    /// A triangle with a mark: warning.
    Alert r#"<path d="M10 3.2 17.8 16.5H2.2zM10 8.2v3.6M10 14.1v.1"/>"#;
    /// Arrow down.
    ArrowDown r#"<path d="M10 4v12M5 11l5 5 5-5"/>"#;
    /// Arrow up.
    ArrowUp r#"<path d="M10 16V4M5 9l5-5 5 5"/>"#;
    /// A lightning: provisioning.
    Bolt r#"<path d="M11 2.5 4.5 11.5H10l-1 6 6.5-9H10z"/>"#;
    /// An open book: courses.
    Book r#"<path d="M10 5.5C8.3 4.3 5.8 4 3 4v11.5c2.8 0 5.3.3 7 1.5 1.7-1.2 4.2-1.5 7-1.5V4c-2.8 0-5.3.3-7 1.5zM10 5.5V17"/>"#;
    /// A box: products.
    Box r#"<path d="M10 2.8 16.8 6.4v7.2L10 17.2l-6.8-3.6V6.4zM3.4 6.6 10 10l6.6-3.4M10 10v7"/>"#;
    /// Houses: organizations.
    Building r#"<path d="M4 17V4.5L11 3v14M11 7.5l5 1.5v8M2.5 17h15M6.8 7h1.4M6.8 10h1.4M6.8 13h1.4"/>"#;
    /// A calendar leaf.
    Calendar r#"<rect x="3" y="4.5" width="14" height="12.5" rx="2"/><path d="M3 8.5h14M7 3v3M13 3v3"/>"#;
    /// A shopping cart: orders.
    Cart r#"<path d="M2.5 3.5H5l2 9h8l1.8-6.5H5.7"/><circle cx="8" cy="16" r=".9"/><circle cx="14" cy="16" r=".9"/>"#;
    /// Bars: reports.
    Chart r#"<path d="M3.5 3.5v13h13M7.5 13V9.5M11 13V6M14.5 13v-5"/>"#;
    /// A tick.
    Check r#"<path d="M4 10.5 8 14.5 16 5.5"/>"#;
    /// Points down: opens a menu.
    ChevronDown r#"<path d="M5.5 8 10 12.5 14.5 8"/>"#;
    /// Points left: previous.
    ChevronLeft r#"<path d="M12 5.5 7.5 10l4.5 4.5"/>"#;
    /// Points right: next, deeper.
    ChevronRight r#"<path d="M8 5.5 12.5 10 8 14.5"/>"#;
    /// A clock: time, waiting.
    Clock r#"<circle cx="10" cy="10" r="7"/><path d="M10 6v4.2l2.8 1.8"/>"#;
    /// Angle brackets: code, API.
    Code r#"<path d="M7 6 3 10l4 4M13 6l4 4-4 4"/>"#;
    /// Two sheets: copy.
    Copy r#"<rect x="7" y="7" width="10" height="10" rx="2"/><path d="M13 7V5a2 2 0 0 0-2-2H5a2 2 0 0 0-2 2v6a2 2 0 0 0 2 2h2"/>"#;
    /// Arrow into a tray: export.
    Download r#"<path d="M10 3v9M6 8.5l4 4 4-4M3.5 16.5h13"/>"#;
    /// A pencil.
    Edit r#"<path d="M12.5 4.5l3 3L7 16H4v-3zM10.5 6.5l3 3"/>"#;
    /// An arrow out of a frame: another site.
    External r#"<path d="M11.5 3.5h5v5M16.5 3.5 9 11M14 11.5v4a1 1 0 0 1-1 1H4.5a1 1 0 0 1-1-1V7a1 1 0 0 1 1-1h4"/>"#;
    /// An eye: look, impersonate.
    Eye r#"<path d="M2 10c1.8-3.6 4.6-5.4 8-5.4s6.2 1.8 8 5.4c-1.8 3.6-4.6 5.4-8 5.4S3.8 13.6 2 10z"/><circle cx="10" cy="10" r="2.4"/>"#;
    /// Shorter and shorter lines: filters.
    Filter r#"<path d="M3 5h14M5.5 10h9M8 15h4"/>"#;
    /// A globe: language, site.
    Globe r#"<circle cx="10" cy="10" r="7"/><path d="M3 10h14M10 3c2.4 2 3.4 4.4 3.4 7S12.4 15 10 17c-2.4-2-3.4-4.4-3.4-7S7.6 5 10 3z"/>"#;
    /// A house: the first page.
    Home r#"<path d="M3 9.2 10 3.5l7 5.7M5 7.8v8.7h10V7.8M8.2 16.5v-4.6h3.6v4.6"/>"#;
    /// A tray: caught mails, nothing here.
    Inbox r#"<path d="M3 11l2.5-6.5h9L17 11v5.5H3zM3 11h4l1 2h4l1-2h4"/>"#;
    /// An i in a circle: note.
    Info r#"<circle cx="10" cy="10" r="7"/><path d="M10 9.4v4M10 6.7v.1"/>"#;
    /// A key: API keys.
    Key r#"<circle cx="7" cy="13" r="3.3"/><path d="M9.4 10.7 16.5 3.5M13.2 6.8l2.3 2.3"/>"#;
    /// A chain: links.
    Link r#"<path d="M8.5 11.5a3.2 3.2 0 0 0 4.6 0l2.6-2.6a3.2 3.2 0 0 0-4.6-4.6l-1 1M11.5 8.5a3.2 3.2 0 0 0-4.6 0l-2.6 2.6a3.2 3.2 0 0 0 4.6 4.6l1-1"/>"#;
    /// Lines with dots: log.
    List r#"<path d="M7 5h10M7 10h10M7 15h10M3.2 5h.1M3.2 10h.1M3.2 15h.1"/>"#;
    /// A closed lock.
    Lock r#"<rect x="4.5" y="9" width="11" height="8" rx="2"/><path d="M7 9V6.5a3 3 0 0 1 6 0V9"/>"#;
    /// An arrow through a door: sign out.
    LogOut r#"<path d="M8 3.5H4.5v13H8M8.5 10H17M13.5 6.5 17 10l-3.5 3.5"/>"#;
    /// An envelope.
    Mail r#"<rect x="2.5" y="4.5" width="15" height="11" rx="2"/><path d="M3 6l7 5 7-5"/>"#;
    /// Three lines: the navigation on a phone.
    Menu r#"<path d="M3 6h14M3 10h14M3 14h14"/>"#;
    /// A screen: the theme of the system.
    Monitor r#"<rect x="2.5" y="3.5" width="15" height="10" rx="2"/><path d="M7 17h6M10 13.5V17"/>"#;
    /// A moon: dark theme.
    Moon r#"<path d="M16.5 11.5A7 7 0 1 1 8.5 3.5a5.6 5.6 0 0 0 8 8z"/>"#;
    /// Three dots: more actions.
    More r#"<circle class="fill" cx="4.5" cy="10" r="1.4"/><circle class="fill" cx="10" cy="10" r="1.4"/><circle class="fill" cx="15.5" cy="10" r="1.4"/>"#;
    /// A plus: make something.
    Plus r#"<path d="M10 4v12M4 10h12"/>"#;
    /// Two arrows in a ring: run again.
    Refresh r#"<path d="M16.2 8A6.6 6.6 0 0 0 4 7M3.5 3.5V7.5H7.5M3.8 12A6.6 6.6 0 0 0 16 13M16.5 16.5V12.5H12.5"/>"#;
    /// A magnifying glass.
    Search r#"<circle cx="9" cy="9" r="5.5"/><path d="M13.2 13.2 17 17"/>"#;
    /// An armchair: seats.
    Seat r#"<path d="M5 9.5V6.2a2.7 2.7 0 0 1 2.7-2.7h4.6A2.7 2.7 0 0 1 15 6.2v3.3M6.5 13v-1.7a1.8 1.8 0 0 0-3.6 0v4h14.2v-4a1.8 1.8 0 0 0-3.6 0V13zM5.5 15.3V17M14.5 15.3V17"/>"#;
    /// A paper plane: webhooks, sent.
    Send r#"<path d="M17 3 9 11M17 3l-5 14-3-6-6-3z"/>"#;
    /// Sliders: settings.
    Settings r#"<path d="M3 6h7M14 6h3M3 14h3M10 14h7"/><circle cx="12" cy="6" r="2"/><circle cx="8" cy="14" r="2"/>"#;
    /// A shield with a tick: roles, safety.
    Shield r#"<path d="M10 2.8 16 5v4.6c0 3.6-2.4 6.3-6 7.6-3.6-1.3-6-4-6-7.6V5zM7.3 9.8l2 2 3.4-3.6"/>"#;
    /// Two small arrows: can be sorted.
    Sort r#"<path d="M6.5 8 10 4.5 13.5 8M6.5 12l3.5 3.5 3.5-3.5"/>"#;
    /// A sun: light theme.
    Sun r#"<circle cx="10" cy="10" r="3.2"/><path d="M10 2.5v1.6M10 15.9v1.6M2.5 10h1.6M15.9 10h1.6M4.7 4.7l1.1 1.1M14.2 14.2l1.1 1.1M15.3 4.7l-1.1 1.1M5.8 14.2l-1.1 1.1"/>"#;
    /// A label: tags.
    Tag r#"<path d="M3.5 3.5h6l7 7-6 6-7-7zM7 7v.1"/>"#;
    /// Three people: teams.
    Team r#"<circle cx="10" cy="6.5" r="2.6"/><path d="M5.2 15.8c.4-2.8 2.2-4.3 4.8-4.3s4.4 1.5 4.8 4.3M4.6 10.6a2 2 0 1 1 .3-3.9M15.4 10.6a2 2 0 1 0-.3-3.9M1.8 15.2c.1-1.3.6-2.3 1.5-3M18.2 15.2c-.1-1.3-.6-2.3-1.5-3"/>"#;
    /// A bin.
    Trash r#"<path d="M4 5.5h12M8 5.5v-2h4v2M5.5 5.5l.7 11h7.6l.7-11M8.5 8.8v4.6M11.5 8.8v4.6"/>"#;
    /// Arrow out of a tray: import.
    Upload r#"<path d="M10 12.5v-9M6 7l4-4 4 4M3.5 16.5h13"/>"#;
    /// One person.
    User r#"<circle cx="10" cy="7" r="3.2"/><path d="M3.8 16.8c.6-3.2 3-5 6.2-5s5.6 1.8 6.2 5"/>"#;
    /// Two people: users.
    Users r#"<circle cx="7.5" cy="7" r="2.8"/><path d="M2 16.2c.5-2.9 2.6-4.6 5.5-4.6s5 1.7 5.5 4.6M13 4.4a2.8 2.8 0 0 1 0 5.2M15 12c1.6.7 2.7 2.2 3 4.2"/>"#;
    /// A cross: close, remove, failed.
    X r#"<path d="M5 5l10 10M15 5 5 15"/>"#;
}

impl Icon {
    /// The icon with one more class, for the few places where the style depends on which icon it is.
    pub(crate) fn with_class(self, class: &str) -> Markup {
        html! {
            svg class={ "icon " (class) } viewBox="0 0 20 20" aria-hidden="true" focusable="false" { (PreEscaped(self.body())) }
        }
    }
}

impl Render for Icon {
    fn render(&self) -> Markup {
        html! {
            svg class="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false" { (PreEscaped(self.body())) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_icon_is_hidden_from_screen_readers() {
        for icon in Icon::ALL {
            assert!(
                icon.render()
                    .into_string()
                    .contains(r#"aria-hidden="true""#),
                "{icon:?}"
            );
        }
    }
}
