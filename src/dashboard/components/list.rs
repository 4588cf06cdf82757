//! What stands around a table: search and filters, sort links, pages. Everything is a link or a GET form, so the
//! state of a list is its address and can be sent to a colleague.

use maud::{Markup, Render, html};
use url::form_urlencoded::Serializer;

use super::number;
use crate::dashboard::icons::Icon;

/// The address of a list: path and query, from which all its links are made. A change of anything but the page
/// leads back to the first page.
#[derive(Clone, Debug)]
#[must_use]
pub struct ListUrl {
    path: String,
    pairs: Vec<(String, String)>,
}

impl ListUrl {
    /// From the path and the query pairs of the request; pairs without a value are dropped.
    pub fn new(path: impl Into<String>, pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        Self {
            path: path.into(),
            pairs: pairs
                .into_iter()
                .filter(|(_, value)| !value.is_empty())
                .collect(),
        }
    }

    /// The value of a query parameter; empty when it is not there.
    pub fn get(&self, key: &str) -> &str {
        self.pairs
            .iter()
            .find(|(name, _)| name == key)
            .map_or("", |(_, value)| value.as_str())
    }

    fn other(&self, keys: &[&str]) -> Vec<(String, String)> {
        self.pairs
            .iter()
            .filter(|(name, _)| !keys.contains(&name.as_str()))
            .cloned()
            .collect()
    }

    /// The address as it is.
    pub fn href(&self) -> String {
        if self.pairs.is_empty() {
            return self.path.clone();
        }
        let query = Serializer::new(String::new())
            .extend_pairs(&self.pairs)
            .finish();
        format!("{}?{query}", self.path)
    }

    /// With `key=value`, on the first page.
    pub fn with(&self, key: &str, value: &str) -> Self {
        let mut pairs = self.other(&[key, "cursor"]);
        pairs.push((key.to_owned(), value.to_owned()));
        Self {
            path: self.path.clone(),
            pairs,
        }
    }

    /// Without `key`, on the first page.
    pub fn without(&self, key: &str) -> Self {
        Self {
            path: self.path.clone(),
            pairs: self.other(&[key, "cursor"]),
        }
    }

    /// Without any filter: only order and page size stay.
    pub fn reset(&self) -> Self {
        let pairs = self
            .pairs
            .iter()
            .filter(|(name, _)| matches!(name.as_str(), "sort" | "limit"))
            .cloned()
            .collect();
        Self {
            path: self.path.clone(),
            pairs,
        }
    }

    /// The same filters under another path, for an export.
    pub fn at(&self, path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            pairs: self.other(&["cursor", "limit"]),
        }
    }

    /// How the list is sorted by `column`: `Some(true)` descending, `Some(false)` ascending, none not.
    pub fn sorted(&self, column: &str) -> Option<bool> {
        let sort = self.get("sort");
        sort.strip_prefix('-')
            .map_or((sort == column).then_some(false), |name| {
                (name == column).then_some(true)
            })
    }

    /// The link of a column's head: ascending first, then descending (`sort=name`, `sort=-name`).
    pub fn sort(&self, column: &str) -> Self {
        match self.sorted(column) {
            Some(false) => self.with("sort", &format!("-{column}")),
            Some(true) | None => self.with("sort", column),
        }
    }
}

/// A search field with its icon, for the top bar and the filter bar.
#[derive(Clone, Debug)]
#[must_use]
pub struct SearchBox {
    name: String,
    label: String,
    value: String,
    id: String,
    global: bool,
}

impl SearchBox {
    /// `label` says what is searched; it is also the placeholder.
    pub fn new(name: &str, label: &str) -> Self {
        Self {
            name: name.to_owned(),
            label: label.to_owned(),
            value: String::new(),
            id: format!("search-{name}"),
            global: false,
        }
    }

    /// What was searched.
    pub fn value(mut self, value: &str) -> Self {
        value.clone_into(&mut self.value);
        self
    }

    /// Its id.
    pub fn id(mut self, id: &str) -> Self {
        id.clone_into(&mut self.id);
        self
    }

    /// The one that «/» leads to.
    pub const fn global(mut self) -> Self {
        self.global = true;
        self
    }
}

impl Render for SearchBox {
    fn render(&self) -> Markup {
        html! {
            (Icon::Search)
            label.sr-only for=(self.id) { (self.label) }
            input.input type="search" id=(self.id) name=(self.name) value=(self.value) placeholder=(self.label) autocomplete="off"
                data-search[self.global] aria-keyshortcuts=[self.global.then_some("/")];
            @if self.global { kbd.needs-js aria-hidden="true" { "/" } }
        }
    }
}

/// One filter: parameter, label, and value and label of each choice.
type Filter = (String, String, Vec<(String, String)>);

/// Search, selects, chips of what is chosen, export.
#[derive(Clone, Debug)]
#[must_use]
pub struct FilterBar {
    url: ListUrl,
    search: Option<String>,
    filters: Vec<Filter>,
    chips: Vec<(String, String, String)>,
    end: Option<Markup>,
}

impl FilterBar {
    /// A bar for the list at `url`.
    pub const fn new(url: ListUrl) -> Self {
        Self {
            url,
            search: None,
            filters: Vec::new(),
            chips: Vec::new(),
            end: None,
        }
    }

    /// A search field (parameter `q`); `label` says what is searched.
    pub fn search(mut self, label: impl Into<String>) -> Self {
        self.search = Some(label.into());
        self
    }

    /// A select for the parameter `key`. The first choice is «any».
    pub fn select<V: Into<String>, L: Into<String>>(
        mut self,
        key: &str,
        label: &str,
        options: impl IntoIterator<Item = (V, L)>,
    ) -> Self {
        let options = options
            .into_iter()
            .map(|(value, label)| (value.into(), label.into()))
            .collect();
        self.filters
            .push((key.to_owned(), label.to_owned(), options));
        self
    }

    /// A chip for a filter that has no select here, such as a team reached by a link: parameter, label, value.
    pub fn chip(mut self, key: &str, label: &str, value: &str) -> Self {
        self.chips
            .push((key.to_owned(), label.to_owned(), value.to_owned()));
        self
    }

    /// Buttons at the right: export, columns.
    pub fn end(mut self, end: impl Render) -> Self {
        self.end = Some(end.render());
        self
    }

    /// Whether anything narrows the list; tells which empty state to show.
    pub fn is_active(&self) -> bool {
        !self.active().is_empty()
    }

    /// Parameter, label and shown value of each filter in force.
    fn active(&self) -> Vec<(String, String, String)> {
        let mut active = Vec::new();
        let searched = self.url.get("q");
        if !searched.is_empty() {
            active.push(("q".to_owned(), "Search".to_owned(), searched.to_owned()));
        }
        for (key, label, options) in &self.filters {
            let value = self.url.get(key);
            if !value.is_empty() {
                let shown = options
                    .iter()
                    .find(|(option, _)| option == value)
                    .map_or(value, |(_, label)| label);
                active.push((key.clone(), label.clone(), shown.to_owned()));
            }
        }
        active.extend(self.chips.iter().cloned());
        active
    }
}

impl Render for FilterBar {
    fn render(&self) -> Markup {
        let mut shown: Vec<&str> = vec!["q", "cursor"];
        shown.extend(self.filters.iter().map(|(key, _, _)| key.as_str()));
        let active = self.active();
        html! {
            div.filters {
                form.filters-form method="get" action=(self.url.path) role="search" aria-label="Filter this list" data-auto-submit {
                    @for (name, value) in self.url.other(&shown) { input type="hidden" name=(name) value=(value); }
                    @if let Some(label) = &self.search {
                        div.search { (SearchBox::new("q", label).value(self.url.get("q")).id("filter-q")) }
                    }
                    @for (key, label, options) in &self.filters {
                        select.input name=(key) aria-label=(label) {
                            option value="" { (label) ": any" }
                            @for (value, text) in options { option value=(value) selected[self.url.get(key) == value] { (text) } }
                        }
                    }
                    noscript { button.btn type="submit" { "Apply" } }
                    @if let Some(end) = &self.end { div.filters-end { (end) } }
                }
                @if !active.is_empty() {
                    ul.chips aria-label="Filters in force" {
                        @for (key, label, value) in &active {
                            li.chip {
                                span { (label) ": " b { (value) } }
                                a href=(self.url.without(key).href()) aria-label={ "Remove filter " (label) ": " (value) } { (Icon::X) }
                            }
                        }
                        li { a.small href=(self.url.reset().href()) { "Clear all" } }
                    }
                }
            }
        }
    }
}

/// How many rows there are, as far as they were counted.
#[derive(Clone, Copy, Debug)]
pub struct Counted {
    /// So many.
    pub number: u64,
    /// And more.
    pub has_more: bool,
}

/// Pages of a list by cursor: the way back and on, and how many rows a page has.
#[derive(Clone, Debug)]
pub struct Pager {
    /// The list as it is shown.
    pub url: ListUrl,
    /// The page before this one; none on the first.
    pub previous: Option<String>,
    /// The page after this one; none on the last.
    pub next: Option<String>,
    /// Rows on this page.
    pub shown: u64,
    /// Rows of all pages, where they were counted.
    pub total: Option<Counted>,
    /// Rows a page has at most.
    pub limit: u64,
}

impl Render for Pager {
    fn render(&self) -> Markup {
        html! {
            nav.pager aria-label="Pages" {
                span { (number(self.shown)) @if let Some(total) = self.total { " of " (number(total.number)) @if total.has_more { "+" } } " shown" }
                span.row {
                    span { "Rows" }
                    @for size in [25_u64, 50, 100] {
                        a.pager-size href=(self.url.with("limit", &size.to_string()).href())
                            aria-current=[(size == self.limit).then_some("true")] aria-label={ (size) " rows per page" } { (size) }
                    }
                }
                span.pager-links {
                    (super::Button::link("Previous", self.previous.as_deref().unwrap_or_default()).icon(Icon::ChevronLeft).small().disabled(self.previous.is_none()))
                    (super::Button::link("Next", self.next.as_deref().unwrap_or_default()).icon(Icon::ChevronRight).small().disabled(self.next.is_none()))
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url() -> ListUrl {
        let pairs = [
            ("q", "a&b"),
            ("status", "active"),
            ("sort", "name"),
            ("cursor", "c2"),
            ("empty", ""),
        ];
        ListUrl::new(
            "/users",
            pairs.map(|(key, value)| (key.to_owned(), value.to_owned())),
        )
    }

    #[test]
    fn links_keep_the_filters_and_leave_the_page() {
        assert_eq!(url().without("status").href(), "/users?q=a%26b&sort=name");
        assert_eq!(
            url().sort("name").href(),
            "/users?q=a%26b&status=active&sort=-name"
        );
        assert_eq!(url().reset().href(), "/users?sort=name");
        assert_eq!(
            url().at("/users.csv").href(),
            "/users.csv?q=a%26b&status=active&sort=name"
        );
        assert_eq!(
            [url().sorted("name"), url().sorted("email")],
            [Some(false), None]
        );
    }

    #[test]
    fn active_filters_are_shown_by_their_labels_and_escaped() {
        let bar = FilterBar::new(url()).search("Search users").select(
            "status",
            "Status",
            [("active", "Active <now>")],
        );
        let text = bar.render().into_string();
        assert!(
            bar.is_active() && text.contains("Remove filter Status: Active &lt;now&gt;"),
            "{text}"
        );
        assert!(
            text.contains(r#"<input type="hidden" name="sort" value="name">"#)
                && !text.contains("c2"),
            "{text}"
        );
    }

    #[test]
    fn the_ends_of_a_list_have_no_link_further() {
        let pager = Pager {
            url: url(),
            previous: None,
            next: Some("/users?cursor=n".into()),
            shown: 25,
            total: Some(Counted {
                number: 1200,
                has_more: true,
            }),
            limit: 25,
        };
        let text = pager.render().into_string();
        assert_eq!(text.matches(r#"aria-disabled="true""#).count(), 1);
        assert!(text.contains("25 of 1,200+ shown"), "{text}");
    }
}
