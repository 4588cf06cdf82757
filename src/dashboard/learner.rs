//! The frame of the pages that everybody has who is signed in: their courses, their password.

use axum::response::Response;
use maud::{Markup, html};

use super::answer::{self, Policy};
use super::components::Avatar;
use super::door::Reader;
use super::icons::Icon;
use super::layout::{brand_mark, document, theme_toggle};
use super::notice::Notice;
use crate::i18n::text as say;
use crate::locale::Locale;

/// A whole page with this heading and a sentence under it.
pub fn page(reader: &Reader, title: &str, lead: &str, body: &Markup) -> Response {
    let (guest, session) = (&reader.guest, &reader.session);
    let locale = guest.locale();
    let content = html! {
        a.skip-link href="#main" { (say(&locale, "page-skip-to-content", &[])) }
        div.body {
            header.topbar {
                (brand_mark(&session.account_name, None, "/my"))
                div.topbar-end { (theme_toggle()) (menu(reader, &locale)) }
            }
            main #main .main .main-narrow tabindex="-1" {
                @if let Some(notice) = guest.notice.clone().map(Notice::flash) { div.toasts { (notice) } }
                header.page-head { div { h1 { (title) } p.page-lead { (lead) } } }
                (body)
            }
        }
    };
    let title = format!("{title} · {}", session.account_name);
    let lang = locale.language().code();
    answer::html(
        guest,
        &document(&title, guest.theme, "", lang, &content),
        Policy::Strict,
    )
}

fn menu(reader: &Reader, locale: &Locale) -> Markup {
    let user = &reader.session.user;
    html! {
        details.menu.user-menu {
            summary aria-label={ (say(locale, "page-menu", &[])) ", " (user.name) } {
                (Avatar::person(&user.name).small()) span.user-name { (user.name) } (Icon::ChevronDown)
            }
            div.menu-panel {
                div.menu-head { b { (user.name) } div.muted.truncate { (user.email) } }
                @if reader.session.has_dashboard() {
                    a.menu-item href="/dashboard" { (Icon::Home) (say(locale, "page-dashboard", &[])) }
                }
                a.menu-item href="/my/password" { (Icon::Lock) (say(locale, "page-password", &[])) }
                form method="post" action="/sign-out" {
                    input type="hidden" name="csrf" value=(reader.csrf);
                    button.menu-item type="submit" { (Icon::LogOut) (say(locale, "page-sign-out", &[])) }
                }
            }
        }
    }
}
