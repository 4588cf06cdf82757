//! Reports over HTTP: as JSON a page at a time, as CSV in one stream that never holds all rows.
//!
//! CSV is RFC 4180 with a line of names first and the time zone in the last column. A stream that breaks off ends the
//! connection without its proper end, so no client takes a part for the whole.

use axum::body::Bytes;
use axum::http::Method;
use futures::stream::{self, Stream};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as JsonValue, json};

use super::crud::PageInfo;
use super::endpoint::{Content, Endpoint};
use super::reply::{Reply, Streamed};
use super::request::Request;
use crate::access::{Call, Permission, signed};
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::listing::{DEFAULT_LIMIT, MAX_LIMIT};
use crate::reports::{Asked, Cell, Column, Filter, LABEL, Place, REPORTS, Report, STREAM_ROWS};

/// The media type of CSV.
const CSV: &str = "text/csv";

/// A report that there is.
#[derive(Debug, Serialize, JsonSchema)]
struct ReportInfo {
    /// Its name.
    name: &'static str,
    /// What it is called.
    title: &'static str,
    /// What it tells.
    summary: &'static str,
    /// Where it is.
    url: String,
    /// What it can be narrowed by.
    filters: Vec<&'static str>,
    /// Its columns.
    columns: Vec<ColumnInfo>,
}

/// A column of a report.
#[derive(Debug, Serialize, JsonSchema)]
struct ColumnInfo {
    /// Its name.
    name: &'static str,
    /// `text`, `number`, `money`, `time` or `truth`.
    kind: &'static str,
    /// What it says.
    description: &'static str,
}

/// All reports.
#[derive(Debug, Serialize, JsonSchema)]
struct ReportList {
    /// The reports.
    data: Vec<ReportInfo>,
}

#[derive(Serialize, Deserialize)]
struct Cursor {
    binding: String,
    place: Place,
}

/// The operations.
pub fn endpoints() -> Vec<Endpoint> {
    let mut all = vec![
        Endpoint::new(Method::GET, "/reports", "list_reports", "reports", list)
            .about(
                "List reports",
                "Every report with its columns and what it can be narrowed by.",
            )
            .scope(Permission::ReportsRead)
            .gives::<ReportList>(200),
    ];
    all.extend(REPORTS.iter().map(endpoint));
    all
}

fn endpoint(report: &'static Report) -> Endpoint {
    let words = format!(
        "{} Days and stamps are those of `time_zone`. `format=csv` streams all rows; a text that a spreadsheet would take for a formula gets an apostrophe before it there.",
        report.summary
    );
    let mut endpoint = Endpoint::new(
        Method::GET,
        // The list of operations is made once.
        format!("/reports/{}", report.name).leak(),
        format!("report_{}", report.name),
        "reports",
        move |app, request| run(app, request, report),
    )
    .about(report.title, words)
    .scope(Permission::ReportsRead)
    .parameter(
        "time_zone",
        "The IANA time zone of days and stamps; the account's unless said.",
        json!({"type": "string", "maxLength": 100, "default": "UTC"}),
    )
    .parameter(
        "format",
        "`json` a page at a time, or `csv` all at once.",
        json!({"type": "string", "enum": ["json", "csv"], "default": "json"}),
    )
    .parameter(
        "limit",
        "Rows on a page.",
        json!({"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}),
    )
    .parameter(
        "cursor",
        "Where to go on: `page.next_cursor` of the page before.",
        json!({"type": "string"}),
    )
    .problems(&[Code::InvalidParameter, Code::CursorMismatch]);
    for filter in report.filters {
        let (words, schema) = filter_schema(*filter, report);
        endpoint = endpoint.parameter(filter.name(), words, schema);
    }
    endpoint.output = Some(Content {
        schema: std::sync::Arc::new(|_: &mut _| schema_of(report)),
        example: None,
    });
    endpoint.also_media = Some(CSV);
    endpoint
}

fn filter_schema(filter: Filter, report: &Report) -> (&'static str, JsonValue) {
    let reference = |prefix: &str| {
        let pattern = format!(
            "^({prefix}_[0-7][0-9a-hjkmnp-tv-z]{{25}}|ext:[^,\\x00-\\x1f\\x7f-\\x9f]{{1,200}})$"
        );
        json!({"type": "string", "pattern": pattern})
    };
    match filter {
        Filter::Organization => (
            "An organization with all below it.",
            reference("organization"),
        ),
        Filter::Team => ("A team.", reference("team")),
        Filter::Product => ("A product.", reference("product")),
        Filter::Course => ("A course.", reference("course")),
        Filter::Status => (
            "One of these; several by comma.",
            json!({"type": "array", "items": {"type": "string", "enum": report.statuses}, "minItems": 1}),
        ),
        Filter::Tag => (
            "A label.",
            json!({"type": "string", "minLength": 1, "maxLength": LABEL}),
        ),
        Filter::Source => (
            "Where an order came from: a shop's name, `api`, `catalog`, `provision`.",
            json!({"type": "string", "minLength": 1, "maxLength": LABEL}),
        ),
        Filter::From => (
            "The first day.",
            json!({"type": "string", "format": "date"}),
        ),
        Filter::To => ("The last day.", json!({"type": "string", "format": "date"})),
    }
}

fn schema_of(report: &Report) -> schemars::Schema {
    let kind = |column: &Column| match column.kind {
        "number" | "money" => {
            json!({"type": ["integer", "null"], "description": column.words})
        }
        "truth" => json!({"type": ["boolean", "null"], "description": column.words}),
        "time" => {
            json!({"type": ["string", "null"], "format": "date-time", "description": column.words})
        }
        _ => json!({"type": ["string", "null"], "description": column.words}),
    };
    let members: Map<String, JsonValue> = report
        .columns
        .iter()
        .map(|column| (column.name.to_owned(), kind(column)))
        .collect();
    let schema = json!({
        "type": "object",
        "required": ["report", "time_zone", "generated_at", "data", "page"],
        "properties": {
            "report": { "type": "string", "description": "Its name." },
            "time_zone": { "type": "string", "description": "The zone of its days and stamps." },
            "generated_at": { "type": "string", "format": "date-time", "description": "When it was made, in that zone." },
            "data": { "type": "array", "items": { "type": "object", "properties": members } },
            "page": { "type": "object", "required": ["next_cursor", "has_more"], "properties": {
                "next_cursor": { "type": ["string", "null"] }, "has_more": { "type": "boolean" } } },
        },
    });
    schemars::Schema::try_from(schema).unwrap_or_default()
}

async fn list(_: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let column = |column: &Column| ColumnInfo {
        name: column.name,
        kind: column.kind,
        description: column.words,
    };
    let info = |report: &Report| ReportInfo {
        name: report.name,
        title: report.title,
        summary: report.summary,
        url: format!("/api/reports/{}", report.name),
        filters: report.filters.iter().map(|filter| filter.name()).collect(),
        columns: report.columns.iter().map(column).collect(),
    };
    let data = REPORTS.iter().map(info).collect();
    Reply::json(200, &ReportList { data })
}

/// The members of the query that are about the form of the answer.
struct Form {
    csv: bool,
    limit: i64,
    cursor: Option<String>,
    rest: Vec<(String, String)>,
}

fn refuse(detail: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(Code::InvalidParameter, detail)
}

impl Form {
    fn read(query: &[(String, String)]) -> Result<Self> {
        let mut form = Self {
            csv: false,
            limit: DEFAULT_LIMIT,
            cursor: None,
            rest: Vec::new(),
        };
        for (name, value) in query {
            match name.as_str() {
                "format" => {
                    form.csv = match value.as_str() {
                        "json" => false,
                        "csv" => true,
                        _ => return Err(refuse("format takes json or csv.")),
                    }
                }
                "limit" => {
                    let limit = value.parse().ok();
                    form.limit = limit
                        .filter(|limit| (1..=MAX_LIMIT).contains(limit))
                        .ok_or_else(|| {
                            refuse(format!("limit is a whole number from 1 to {MAX_LIMIT}."))
                        })?;
                }
                "cursor" => form.cursor = Some(value.clone()),
                _ => form.rest.push((name.clone(), value.clone())),
            }
        }
        Ok(form)
    }
}

async fn run(app: App, request: Request, report: &'static Report) -> Result<Reply> {
    let form = Form::read(&request.query)?;
    let call = request.call.clone();
    let asked = Asked::read(&app.db, &call.caller, report, &form.rest, call.now).await?;
    let binding = asked.binding(report, &call.caller);
    let after = match &form.cursor {
        None => None,
        Some(text) => Some(resume(&app, text, &binding)?),
    };
    if form.csv {
        return Ok(csv_reply(csv(app, call, report, asked, after), report));
    }
    let page = report
        .page(&app.db, &call.caller, &asked, after.as_ref(), form.limit)
        .await?;
    let next_cursor = page.next.map(|place| {
        let cursor = Cursor { binding, place };
        let text = serde_json::to_string(&cursor).unwrap_or_default();
        signed::sign(&app.keys.cursor, "report_cursor", &text)
    });
    let info = PageInfo::new(next_cursor, None);
    let body = json!({
        "report": report.name,
        "time_zone": asked.zone_name,
        "generated_at": asked.clockwork.stamp(call.now),
        "data": page.rows.iter().map(|row| object(report, row)).collect::<Vec<_>>(),
        "page": info,
    });
    let reply = Reply::json(200, &body)?;
    Ok(info.linked(
        &format!("/api/reports/{}", report.name),
        &request.query,
        reply,
    ))
}

fn object(report: &Report, row: &[Cell]) -> JsonValue {
    let members = report.columns.iter().zip(row);
    members
        .map(|(column, cell)| (column.name.to_owned(), cell.json()))
        .collect::<Map<_, _>>()
        .into()
}

fn resume(app: &App, text: &str, binding: &str) -> Result<Place> {
    let opened = signed::open(&app.keys.cursor, "report_cursor", text);
    opened
        .and_then(|text| serde_json::from_str::<Cursor>(&text).ok())
        .filter(|cursor| cursor.binding == binding)
        .map(|cursor| cursor.place)
        .ok_or_else(|| {
            Error::new(
                Code::CursorMismatch,
                "This cursor was made for another report, filter, zone or account. Begin again without a cursor.",
            )
        })
}

/// The answer that streams a report as a file.
pub fn csv_reply(
    parts: impl Stream<Item = Result<Bytes>> + Send + 'static,
    report: &Report,
) -> Reply {
    Reply {
        stream: Some(Streamed::new(parts)),
        ..Reply::text("text/csv; charset=utf-8; header=present", Vec::new())
    }
    .header(
        "content-disposition",
        format!("attachment; filename=\"{}.csv\"", report.name),
    )
}

/// A report as CSV, a part for each page read.
pub fn csv(
    app: App,
    call: Call,
    report: &'static Report,
    asked: Asked,
    after: Option<Place>,
) -> impl Stream<Item = Result<Bytes>> + Send + 'static {
    let begin = Some((app, call, asked, after, true));
    stream::try_unfold(begin, move |state| async move {
        let Some((app, call, asked, after, is_first)) = state else {
            return Ok(None);
        };
        let page = report
            .page(&app.db, &call.caller, &asked, after.as_ref(), STREAM_ROWS)
            .await?;
        let mut file = csv::WriterBuilder::new()
            .terminator(csv::Terminator::CRLF)
            .from_writer(Vec::new());
        let names = report.columns.iter().map(|column| column.name);
        if is_first {
            file.write_record(names.chain(["time_zone"]))
                .map_err(Error::internal)?;
        }
        for row in &page.rows {
            let texts = row.iter().map(Cell::safe).chain([asked.zone_name.clone()]);
            file.write_record(texts).map_err(Error::internal)?;
        }
        let part = file
            .into_inner()
            .map_err(|error| Error::internal(error.to_string()))?;
        let next = page
            .next
            .map(|place| (app, call, asked, Some(place), false));
        Ok(Some((Bytes::from(part), next)))
    })
}
