//! Reports: what there is to ask, and each of them on a page with its filters, its table and its file.

use axum::Router;
use axum::extract::{Path, RawQuery};
use axum::http::header;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};

use super::desk::{Desk, Shown};
use crate::access::Permission;
use crate::app::App;
use crate::dashboard::answer::Answer;
use crate::dashboard::components::{
    ApiCall, Button, Card, Cell, Column, EmptyState, Field, Pager, Row, Table,
};
use crate::dashboard::door::Visitor;
use crate::dashboard::form::FormData;
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::db::Select;
use crate::error::{Code, Error, Result};
use crate::http::reports::csv;
use crate::reports::{self, Asked, Filter, REPORTS, Report};
use crate::resources::{Course, Organization, Product, Team};
use crate::types::Currency;

const PATH: &str = "/dashboard/reports";
/// Rows on a page.
const ROWS: i64 = 50;
/// Records that a filter offers.
const OFFERED: usize = 200;

/// The files, which are no pages.
pub(super) fn routes() -> Router<App> {
    Router::new().route("/dashboard/reports/{name}/file", get(file))
}

/// The list.
pub(super) async fn list(desk: Desk) -> Result<Shown> {
    desk.require(Permission::ReportsRead)?;
    let rows = REPORTS.iter().map(|report| {
        let href = format!("{PATH}/{}", report.name);
        Row::new([
            Cell::link(report.title, &href, None),
            Cell::new(sentence(report.summary)),
        ])
    });
    let table = Table::new(
        "Reports",
        ["Report", "What it tells"].map(Column::new),
        rows,
    );
    let page = Page {
        lead: Some(
            "Questions about the whole account, on the page, as a file and by the API.".into(),
        ),
        ..Page::titled("Reports")
    };
    Ok(Shown::page(page, html! { div.stack { (table) } }))
}

/// A sentence with its words of code as such.
fn sentence(text: &str) -> Markup {
    html! {
        @for (n, part) in text.split('`').enumerate() {
            @if n % 2 == 0 { (part) } @else { code { (part) } }
        }
    }
}

fn named(name: &str) -> Result<&'static Report> {
    reports::find(name).ok_or_else(|| Error::new(Code::NotFound, "There is no such report."))
}

/// One report.
pub(super) async fn show(desk: Desk) -> Result<Shown> {
    desk.require(Permission::ReportsRead)?;
    let report = named(desk.places.first().map_or("", String::as_str))?;
    let path = format!("{PATH}/{}", report.name);
    let url = desk.list(&path);
    let (filters, place) = split(desk.query.pairs());
    let caller = desk.call.caller.acting(Permission::ReportsRead)?;
    let asked = Asked::read(desk.db(), &caller, report, &filters, desk.call.now).await?;
    let found = report
        .page(desk.db(), &caller, &asked, place.as_ref(), ROWS)
        .await?;
    // Ids are for the file and for programs; people read the names beside them.
    let shown = |name: &str| name == "external_id" || !(name == "id" || name.ends_with("_id"));
    let columns = report
        .columns
        .iter()
        .filter(|column| shown(column.name))
        .map(|column| {
            let head = Column::new(heading(column.name));
            if matches!(column.kind, "number" | "money") {
                head.numeric()
            } else {
                head
            }
        });
    let rows = found.rows.iter().map(|row| {
        let cells = report.columns.iter().zip(row);
        let named = cells.filter(|(column, _)| shown(column.name));
        Row::new(named.map(|(column, cell)| {
            let text = if column.kind == "money" {
                money(report, row, cell)
            } else {
                cell.plain()
            };
            Cell::text(&text)
        }))
    });
    let empty = if filters.is_empty() {
        EmptyState::new(
            Icon::Chart,
            "Nothing to tell yet",
            "Rows appear here as soon as there is something to report.",
        )
    } else {
        EmptyState::no_match(&path)
    };
    let table = Table::new(report.title, columns, rows)
        .empty(empty)
        .pager(Pager {
            previous: place
                .is_some()
                .then(|| url.without("after").without("at").href()),
            next: found
                .next
                .as_ref()
                .map(|(key, id)| url.with("after", key).with("at", id).href()),
            shown: found.rows.len() as u64,
            total: None,
            limit: ROWS.unsigned_abs(),
            url: url.clone(),
        });
    let file = url
        .without("after")
        .without("at")
        .at(format!("{path}/file"))
        .href();
    let page = Page {
        lead: Some(report.summary.replace('`', "")),
        crumbs: vec![("Reports".to_owned(), PATH.to_owned())],
        actions: Some(html! { (Button::link("CSV file", file).icon(Icon::Download)) }),
        ..Page::titled(report.title)
    };
    let offers = offers(&desk, report).await?;
    let form = form(&desk, report, &asked, &offers, &path);
    let note = format!("Days and times are those of {}.", asked.zone_name);
    let body = html! {
        div.stack { (Card::new(form)) div.table-wide { (table) } p.hint { (note) } (call(&desk, report, &filters)) }
    };
    Ok(Shown::page(page, body))
}

/// An amount as people write it, in the currency of its row.
fn money(report: &Report, row: &[reports::Cell], amount: &reports::Cell) -> String {
    let mut cells = report.columns.iter().zip(row);
    let currency = cells.find(|(column, _)| column.name == "currency");
    let currency = currency.and_then(|(_, cell)| Currency::parse(&cell.plain()).ok());
    match (amount, currency) {
        (reports::Cell::Int(minor), Some(currency)) => currency.show(*minor),
        (amount, _) => amount.plain(),
    }
}

/// The members of the query that narrow the report, and the place where the page before ended.
fn split(pairs: &[(String, String)]) -> (Vec<(String, String)>, Option<reports::Place>) {
    let value = |name: &str| pairs.iter().find(|(known, _)| known == name);
    let place = value("after").map(|(_, key)| {
        let id = value("at").map_or_else(String::new, |(_, id)| id.clone());
        (key.clone(), id)
    });
    let rest = pairs
        .iter()
        .filter(|(name, value)| name != "after" && name != "at" && !value.is_empty());
    (rest.cloned().collect(), place)
}

/// A column's name as a heading: `enrolled_at` is «Enrolled at».
fn heading(name: &str) -> String {
    let words = name.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// What each filter offers: ids and names.
type Offers = Vec<(Filter, Vec<(String, String)>)>;

async fn offers(desk: &Desk, report: &Report) -> Result<Offers> {
    let mut all = Vec::new();
    for filter in report.filters {
        let select = match filter {
            Filter::Organization => desk
                .within::<Organization>(&text("organizations", "organizations.path"), Vec::new()),
            Filter::Team => desk.within::<Team>(&text("teams", "teams.name_key"), Vec::new()),
            Filter::Product => {
                desk.within::<Product>(&text("products", "products.name_key"), Vec::new())
            }
            Filter::Course => {
                desk.within::<Course>(&text("courses", "courses.name_key"), Vec::new())
            }
            _ => continue,
        };
        all.push((*filter, named_rows(desk, select).await?));
    }
    Ok(all)
}

fn text(table: &str, order: &str) -> String {
    let live = if table == "teams" {
        " AND teams.deleted_at IS NULL"
    } else {
        ""
    };
    format!(
        "SELECT {table}.id, {table}.name FROM {table} WHERE {table}.account_id = $1{live}{{reach}} ORDER BY {order} LIMIT {OFFERED}"
    )
}

async fn named_rows(desk: &Desk, select: Select) -> Result<Vec<(String, String)>> {
    Ok(desk.db().fetch(&desk.caller().account, select).await?)
}

fn form(desk: &Desk, report: &Report, asked: &Asked, offers: &Offers, path: &str) -> Markup {
    let fields = report.filters.iter().map(|filter| {
        let name = filter.name();
        let label = heading(name);
        let any = (String::new(), "Any".to_owned());
        match filter {
            Filter::From | Filter::To => Field::date(name, &label),
            Filter::Tag | Filter::Source => Field::text(name, &label),
            Filter::Status => {
                let words = report
                    .statuses
                    .iter()
                    .map(|word| ((*word).to_owned(), heading(word)));
                Field::select(name, &label, std::iter::once(any).chain(words))
            }
            _ => {
                let offered = offers.iter().find(|(of, _)| of == filter);
                let offered = offered.map(|(_, list)| list.clone()).unwrap_or_default();
                Field::select(name, &label, std::iter::once(any).chain(offered))
            }
        }
        .value(desk.get(name))
    });
    html! {
        form.form method="get" action=(path) {
            div.form-row.wrap {
                @for field in fields { (field) }
                (Field::text("time_zone", "Time zone").value(&asked.zone_name))
            }
            div.form-actions { (Button::submit("Show").primary()) (Button::link("Reset", path).quiet()) }
        }
    }
}

fn call(desk: &Desk, report: &Report, filters: &[(String, String)]) -> ApiCall {
    let mut members = url::form_urlencoded::Serializer::new(String::new());
    members.extend_pairs(filters);
    let query = members.finish();
    let mark = if query.is_empty() { "" } else { "?" };
    desk.api(
        "call-report",
        "GET",
        &format!("/reports/{}{mark}{query}", report.name),
    )
    .scope("reports:read")
}

/// The report as a file, streamed.
async fn file(visitor: Visitor, Path(name): Path<String>, RawQuery(query): RawQuery) -> Answer {
    let mut call = visitor.call();
    call.caller = call.caller.acting(Permission::ReportsRead)?;
    let report = named(&name)?;
    let query = FormData::parse(query.unwrap_or_default().as_bytes());
    let (filters, _) = split(query.pairs());
    let asked = Asked::read(&visitor.app.db, &call.caller, report, &filters, call.now).await?;
    let parts = csv(visitor.app.clone(), call, report, asked, None);
    let mut response = Response::new(axum::body::Body::from_stream(parts));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("text/csv; charset=utf-8; header=present"),
    );
    headers.insert(
        header::CACHE_CONTROL,
        header::HeaderValue::from_static("no-store"),
    );
    let name = format!("attachment; filename=\"{}.csv\"", report.name);
    if let Ok(name) = header::HeaderValue::try_from(name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_columns_are_headings() {
        assert_eq!(heading("enrolled_at"), "Enrolled at");
        assert_eq!(heading("status"), "Status");
        assert_eq!(heading(""), "");
    }

    #[test]
    fn the_place_is_no_filter() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let (filters, place) = split(&[
            pair("team", "ext:a"),
            pair("tag", ""),
            pair("after", "k"),
            pair("at", "i"),
        ]);
        assert_eq!(filters, [pair("team", "ext:a")]);
        assert_eq!(place, Some(pair("k", "i")));
    }
}
