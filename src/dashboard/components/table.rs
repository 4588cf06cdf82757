//! The table of records: sorted by links, selected by checkboxes, stacked into cards on a phone.

use maud::{Markup, Render, html};

use super::{Avatar, Button, EmptyState, ListUrl, Pager};
use crate::dashboard::icons::Icon;

/// A column with its head.
#[derive(Clone, Debug)]
#[must_use]
pub struct Column {
    label: String,
    numeric: bool,
    sort: Option<(String, Option<bool>)>,
}

impl Column {
    /// A column that cannot be sorted by.
    pub fn new(label: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            numeric: false,
            sort: None,
        }
    }

    /// Numbers, at the right.
    pub const fn numeric(mut self) -> Self {
        self.numeric = true;
        self
    }

    /// Can be sorted by `column` of the list at `url`.
    pub fn sort(mut self, url: &ListUrl, column: &str) -> Self {
        self.sort = Some((url.sort(column).href(), url.sorted(column)));
        self
    }
}

/// What stands in one place of a row.
#[derive(Clone, Debug)]
#[must_use]
pub struct Cell {
    content: Markup,
    empty: bool,
}

impl Cell {
    /// Any content: text, a badge, a meter, a time.
    pub fn new(content: impl Render) -> Self {
        Self {
            content: content.render(),
            empty: false,
        }
    }

    /// Nothing; a dash on wide screens, left out on a phone.
    pub fn none() -> Self {
        Self {
            content: html! { span.muted { span aria-hidden="true" { "–" } span.sr-only { "none" } } },
            empty: true,
        }
    }

    /// Text, or [`Cell::none`] when there is none.
    pub fn text(text: &str) -> Self {
        if text.is_empty() {
            Self::none()
        } else {
            Self::new(text)
        }
    }

    /// The name of the record, with a link that the whole row follows, and a line under it.
    pub fn link(title: &str, href: &str, sub: Option<&str>) -> Self {
        Self::new(
            html! { a.row-link href=(href) { (title) } @if let Some(sub) = sub { span.cell-sub { (sub) } } },
        )
    }

    /// The same with an avatar before it.
    pub fn record(avatar: &Avatar, title: &str, href: &str, sub: Option<&str>) -> Self {
        let link = Self::link(title, href, sub);
        Self::new(html! { div.person { (avatar) div { (link.content) } } })
    }
}

/// One record.
#[derive(Clone, Debug)]
#[must_use]
pub struct Row {
    cells: Vec<Cell>,
    key: Option<(String, String)>,
    actions: Option<Markup>,
}

impl Row {
    /// A cell for each column.
    pub fn new(cells: impl IntoIterator<Item = Cell>) -> Self {
        Self {
            cells: cells.into_iter().collect(),
            key: None,
            actions: None,
        }
    }

    /// Can be selected: sent as `id={id}` with the bulk form; `name` is read out.
    pub fn key(mut self, id: impl Into<String>, name: impl Into<String>) -> Self {
        self.key = Some((id.into(), name.into()));
        self
    }

    /// Buttons or a [`super::Menu`] at the end.
    pub fn actions(mut self, actions: impl Render) -> Self {
        self.actions = Some(actions.render());
        self
    }
}

/// What can be done with all selected rows.
#[derive(Clone, Debug)]
#[must_use]
pub struct BulkAction {
    /// Sent as `action`.
    pub value: String,
    /// The label of the button.
    pub label: String,
    /// Its icon.
    pub icon: Icon,
    /// Destroys or takes away.
    pub danger: bool,
}

impl BulkAction {
    /// An action.
    pub fn new(value: &str, label: &str, icon: Icon) -> Self {
        Self {
            value: value.to_owned(),
            label: label.to_owned(),
            icon,
            danger: false,
        }
    }

    /// Marked as destroying or taking away.
    pub const fn danger(mut self) -> Self {
        self.danger = true;
        self
    }
}

/// The form of the selected rows. It posts `action`, `csrf` and one `id` for each row to a page that previews
/// what would happen; the bar appears with the first selected row.
#[derive(Clone, Debug)]
pub struct BulkBar {
    /// Unique on the page.
    pub id: String,
    /// The page of the preview.
    pub action: String,
    /// The CSRF token of the session.
    pub csrf: String,
    /// The buttons.
    pub actions: Vec<BulkAction>,
}

impl Render for BulkBar {
    fn render(&self) -> Markup {
        html! {
            form.bulk id=(self.id) method="post" action=(self.action) aria-label="Selected rows" {
                input type="hidden" name="csrf" value=(self.csrf);
                span.bulk-count data-bulk-count role="status" { "Selected rows" }
                @for action in &self.actions {
                    @let button = Button::submit_value(&action.label, "action", &action.value).icon(action.icon).small();
                    @if action.danger { (button.danger()) } @else { (button) }
                }
                button.btn.btn-quiet.btn-small.needs-js type="button" data-select-none { "Clear" }
            }
        }
    }
}

/// A table with what belongs to it.
#[derive(Clone, Debug)]
#[must_use]
pub struct Table {
    caption: String,
    columns: Vec<Column>,
    rows: Vec<Row>,
    bulk: Option<BulkBar>,
    empty: Option<EmptyState>,
    pager: Option<Pager>,
    plain: bool,
}

impl Table {
    /// `caption` says what the rows are, for screen readers.
    pub fn new(
        caption: impl Into<String>,
        columns: impl IntoIterator<Item = Column>,
        rows: impl IntoIterator<Item = Row>,
    ) -> Self {
        Self {
            caption: caption.into(),
            columns: columns.into_iter().collect(),
            rows: rows.into_iter().collect(),
            bulk: None,
            empty: None,
            pager: None,
            plain: false,
        }
    }

    /// Rows with a key can be selected.
    pub fn bulk(mut self, bulk: BulkBar) -> Self {
        self.bulk = Some(bulk);
        self
    }

    /// What is shown instead of no rows.
    pub fn empty(mut self, empty: EmptyState) -> Self {
        self.empty = Some(empty);
        self
    }

    /// The links to other pages.
    pub fn pager(mut self, pager: Pager) -> Self {
        self.pager = Some(pager);
        self
    }

    /// Without a surface of its own, for a flush [`super::Card`].
    pub const fn plain(mut self) -> Self {
        self.plain = true;
        self
    }

    fn has_actions(&self) -> bool {
        self.rows.iter().any(|row| row.actions.is_some())
    }

    fn head(&self) -> Markup {
        html! {
            thead role="rowgroup" {
                tr role="row" {
                    @if self.bulk.is_some() {
                        th.select scope="col" role="columnheader" {
                            label.needs-js { input type="checkbox" data-select-all aria-label="Select all rows"; }
                        }
                    }
                    @for column in &self.columns { (column_head(column)) }
                    @if self.has_actions() { th scope="col" role="columnheader" { span.sr-only { "Actions" } } }
                }
            }
        }
    }

    fn row(&self, row: &Row, has_actions: bool) -> Markup {
        html! {
            tr role="row" {
                @if let Some(bulk) = &self.bulk {
                    td.select role="cell" {
                        @if let Some((id, name)) = &row.key {
                            label { input type="checkbox" name="id" value=(id) form=(bulk.id) data-select aria-label={ "Select " (name) }; }
                        }
                    }
                }
                @for (index, (cell, column)) in row.cells.iter().zip(&self.columns).enumerate() {
                    td role="cell" .numeric[column.numeric] .cell-none[cell.empty] data-label=[(index > 0).then_some(&column.label)] {
                        @if index > 0 { div { (cell.content) } } @else { (cell.content) }
                    }
                }
                @if has_actions { td.actions role="cell" { @if let Some(actions) = &row.actions { (actions) } } }
            }
        }
    }
}

fn column_head(column: &Column) -> Markup {
    let (sort, icon) = match &column.sort {
        None => (None, None),
        Some((_, None)) => (Some("none"), Some(Icon::Sort)),
        Some((_, Some(false))) => (Some("ascending"), Some(Icon::ArrowUp)),
        Some((_, Some(true))) => (Some("descending"), Some(Icon::ArrowDown)),
    };
    html! {
        th scope="col" role="columnheader" .numeric[column.numeric] aria-sort=[sort] {
            @if let Some((href, _)) = &column.sort {
                a.table-sort href=(href) { (column.label) @if let Some(icon) = icon { (icon) } }
            } @else {
                (column.label)
            }
        }
    }
}

impl Render for Table {
    fn render(&self) -> Markup {
        if let (true, Some(empty)) = (self.rows.is_empty(), &self.empty) {
            return html! { div.table-block { div.card[!self.plain] { (empty) } } };
        }
        let has_actions = self.has_actions();
        html! {
            div.table-block {
                div.table-card.card[!self.plain] {
                    div.table-scroll {
                        // The roles stand here because a stacked table (display: block) would lose them.
                        table.table role="table" {
                            caption.sr-only { (self.caption) }
                            (self.head())
                            tbody role="rowgroup" { @for row in &self.rows { (self.row(row, has_actions)) } }
                        }
                    }
                }
                @if let Some(bulk) = &self.bulk { (bulk) }
                @if let Some(pager) = &self.pager { (pager) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url() -> ListUrl {
        ListUrl::new("/users", [("sort".to_owned(), "-name".to_owned())])
    }

    fn table(rows: Vec<Row>) -> Table {
        Table::new(
            "Users",
            [
                Column::new("Name").sort(&url(), "name"),
                Column::new("Seats").numeric(),
            ],
            rows,
        )
    }

    #[test]
    fn the_head_says_how_it_is_sorted_and_links_to_the_other_way() {
        let text = table(vec![Row::new([
            Cell::link("<Ada>", "/u", None),
            Cell::none(),
        ])])
        .render()
        .into_string();
        assert!(
            text.contains(r#"aria-sort="descending""#)
                && text.contains(r#"href="/users?sort=name""#),
            "{text}"
        );
        assert!(
            text.contains("&lt;Ada&gt;") && text.contains("<caption"),
            "{text}"
        );
    }

    #[test]
    fn rows_are_selected_by_name_into_the_form_of_the_bar() {
        let bulk = BulkBar {
            id: "b".into(),
            action: "/bulk".into(),
            csrf: "tok".into(),
            actions: vec![BulkAction::new("tag", "Tag", Icon::Tag)],
        };
        let rows = vec![Row::new([Cell::new("Ada"), Cell::new("2")]).key("user_1", "Ada")];
        let text = table(rows).bulk(bulk).render().into_string();
        assert!(
            text.contains(r#"name="id" value="user_1" form="b""#)
                && text.contains(r#"aria-label="Select Ada""#),
            "{text}"
        );
        assert!(text.contains(r#"name="csrf" value="tok""#), "{text}");
    }

    #[test]
    fn no_rows_show_the_empty_state() {
        let text = table(vec![])
            .empty(EmptyState::new(Icon::Users, "No users yet", "…"))
            .render()
            .into_string();
        assert!(text.contains("No users yet") && !text.contains("<table"));
    }
}
