//! Dialogs and menus. Both are HTML's own elements; script only opens the dialog and closes the menu.

use maud::{Markup, Render, html};

use crate::dashboard::icons::Icon;

/// A window over the page. It is opened by a link that carries its id ([`super::Button::dialog`]); without script
/// that link leads to a page with the same form, so put the form into a function and use it in both places.
#[derive(Clone, Debug)]
#[must_use]
pub struct Dialog {
    id: String,
    title: String,
    body: Markup,
    open: bool,
}

impl Dialog {
    /// `id` is unique on the page.
    pub fn new(id: impl Into<String>, title: impl Into<String>, body: impl Render) -> Self {
        Self {
            id: id.into(),
            title: title.into(),
            body: body.render(),
            open: false,
        }
    }

    /// Opens it as soon as the page is there, for a form that came back with errors.
    pub const fn open(mut self, open: bool) -> Self {
        self.open = open;
        self
    }
}

impl Render for Dialog {
    fn render(&self) -> Markup {
        html! {
            dialog.dialog id=(self.id) aria-labelledby={ (self.id) "-title" } data-open[self.open] {
                header.dialog-head {
                    h2 id={ (self.id) "-title" } { (self.title) }
                    button.icon-btn type="button" data-dialog-close aria-label="Close" { (Icon::X) }
                }
                div.dialog-body { (self.body) }
            }
        }
    }
}

/// More actions behind three dots, for rows and page heads.
#[derive(Clone, Debug)]
#[must_use]
pub struct Menu {
    label: String,
    items: Vec<Markup>,
}

impl Menu {
    /// `label` names the menu, with the record it is for: «Actions for Ada Byron».
    pub fn new(label: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            items: Vec::new(),
        }
    }

    /// A link.
    pub fn link(mut self, icon: Icon, label: &str, href: &str) -> Self {
        self.items
            .push(html! { a.menu-item href=(href) { (icon) (label) } });
        self
    }

    /// A link that opens a dialog; see [`Dialog`].
    pub fn dialog(mut self, icon: Icon, label: &str, href: &str, dialog: &str) -> Self {
        self.items.push(html! { a.menu-item href=(href) data-dialog=(dialog) aria-haspopup="dialog" { (icon) (label) } });
        self
    }

    /// A form of one button that posts to `action`; `confirm` asks before.
    pub fn post(
        mut self,
        icon: Icon,
        label: &str,
        action: &str,
        csrf: &str,
        confirm: Option<&str>,
    ) -> Self {
        self.items.push(html! {
            form method="post" action=(action) data-confirm=[confirm] {
                input type="hidden" name="csrf" value=(csrf);
                button.menu-item.menu-item-danger[confirm.is_some()] type="submit" { (icon) (label) }
            }
        });
        self
    }
}

impl Render for Menu {
    fn render(&self) -> Markup {
        html! {
            details.menu {
                summary.icon-btn aria-label=(self.label) { (Icon::More) }
                div.menu-panel { @for item in &self.items { (item) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dialog_is_named_by_its_heading() {
        let text = Dialog::new("invite", "Invite <people>", "…")
            .render()
            .into_string();
        assert!(
            text.contains(r#"aria-labelledby="invite-title""#)
                && text.contains("Invite &lt;people&gt;"),
            "{text}"
        );
    }

    #[test]
    fn a_menu_entry_that_changes_something_is_a_form_with_its_token() {
        let text = Menu::new("Actions")
            .post(Icon::Trash, "Delete", "/x", "tok", Some("Sure?"))
            .render()
            .into_string();
        assert!(
            text.contains(r#"name="csrf" value="tok""#) && text.contains(r#"data-confirm="Sure?""#),
            "{text}"
        );
    }
}
