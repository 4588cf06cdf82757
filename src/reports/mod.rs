//! Reports: named questions over the whole account, answered page by page, each page by one statement.
//!
//! A report states its columns, its filters and one SQL text. Pages are keysets, so a report of any length is read without
//! holding it: as JSON a page at a time, as CSV in one stream. Days begin and end as in the time zone that is asked for,
//! and the zone stands in the answer.

mod asked;
pub mod cell;
mod denials_and_waitlist;
mod enrollment_progress;
mod expiring_access;
mod idle_places;
mod orders_and_credits;
mod organization_rollup;
mod places;
mod seat_usage;

use std::fmt::Write as _;

use futures::future::BoxFuture;

pub use asked::{Asked, Filter, LABEL};
pub use cell::{Cell, Column};

use cell::ReportRow;

use crate::access::Caller;
use crate::db::{Column as DbColumn, Db, FromRow, Reader, Select, Value};
use crate::error::Result;

/// Rows that a stream reads at once.
pub const STREAM_ROWS: i64 = 1000;

/// Where a page ends: the two keys of its last row.
pub type Place = (String, String);

type Read = for<'a> fn(
    &'a Db,
    &'a Caller,
    &'a Asked,
    Option<&'a Place>,
    i64,
) -> BoxFuture<'a, Result<Rows>>;

/// A named question.
pub struct Report {
    /// Its name in addresses.
    pub name: &'static str,
    /// What it is called.
    pub title: &'static str,
    /// What it tells.
    pub summary: &'static str,
    /// What it can be narrowed by.
    pub filters: &'static [Filter],
    /// The words of its filter `status`.
    pub statuses: &'static [&'static str],
    /// Its columns.
    pub columns: &'static [Column],
    read: Read,
}

/// A page of a report.
pub struct Rows {
    /// Its rows, each with a cell for every column.
    pub rows: Vec<Vec<Cell>>,
    /// Where the next page begins, if there is one.
    pub next: Option<Place>,
}

/// All of them, in the order in which they are listed.
pub static REPORTS: &[Report] = &[
    enrollment_progress::REPORT,
    seat_usage::REPORT,
    expiring_access::REPORT,
    idle_places::REPORT,
    denials_and_waitlist::REPORT,
    organization_rollup::REPORT,
    orders_and_credits::REPORT,
];

/// The report of this name.
pub fn find(name: &str) -> Option<&'static Report> {
    REPORTS.iter().find(|report| report.name == name)
}

impl Report {
    /// A page of at most `limit` rows after a place.
    pub async fn page(
        &self,
        db: &Db,
        caller: &Caller,
        asked: &Asked,
        after: Option<&Place>,
        limit: i64,
    ) -> Result<Rows> {
        (self.read)(db, caller, asked, after, limit).await
    }
}

/// A row that knows how it is asked for.
trait Asks: ReportRow {
    /// The SELECT of at most `limit` rows after a place: the columns, then the two keys as texts.
    fn select(caller: &Caller, asked: &Asked, after: Option<&Place>, limit: i64) -> Select;
}

struct Keyed<R>(R, String, String);

impl<R: FromRow> FromRow for Keyed<R> {
    fn from_row(reader: &mut Reader<'_>) -> std::result::Result<Self, crate::db::DbError> {
        Ok(Self(
            R::from_row(reader)?,
            DbColumn::read(reader)?,
            DbColumn::read(reader)?,
        ))
    }
}

fn read<'a, R: Asks>(
    db: &'a Db,
    caller: &'a Caller,
    asked: &'a Asked,
    after: Option<&'a Place>,
    limit: i64,
) -> BoxFuture<'a, Result<Rows>> {
    Box::pin(async move {
        let select = R::select(caller, asked, after, limit + 1);
        let mut found: Vec<Keyed<R>> = db.fetch(&caller.account, select).await?;
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = found.len() > wanted;
        found.truncate(wanted);
        let last = found.last().filter(|_| has_more);
        let next = last.map(|last| (last.1.clone(), last.2.clone()));
        let rows = found.iter().map(|keyed| keyed.0.cells(&asked.clockwork));
        Ok(Rows {
            rows: rows.collect(),
            next,
        })
    })
}

/// Conditions and their values while a text is put together.
#[derive(Default)]
struct Conditions {
    text: String,
    params: Vec<Value>,
}

impl Conditions {
    /// Gives a value its place in the text.
    fn place(&mut self, value: Value) -> String {
        self.params.push(value);
        format!("${}", self.params.len() + 1)
    }

    /// Adds a condition.
    fn and(&mut self, condition: &str) {
        let _ = write!(self.text, " AND ({condition})");
    }

    /// Adds a condition with one value, at `{}`.
    fn with(&mut self, condition: &str, value: Option<Value>) {
        if let Some(value) = value {
            let place = self.place(value);
            self.and(&condition.replace("{}", &place));
        }
    }

    /// Adds the condition by which a caller limited to teams sees rows, with `{}` for the list of teams.
    fn reach(&mut self, caller: &Caller, condition: &str) {
        if let crate::access::Reach::Teams(teams) = &caller.reach {
            let place = self.place(Value::text(teams.as_ref()));
            let list = format!("(SELECT value FROM JSON_LIST({place}) AS reach)");
            self.and(&condition.replace("{}", &list));
        }
    }

    /// Adds the days that were asked for.
    fn days(&mut self, asked: &Asked, column: &str) {
        self.with(
            &format!("{column} >= {{}}"),
            asked.from.map(|at| at.value()),
        );
        self.with(&format!("{column} < {{}}"), asked.to.map(|at| at.value()));
    }

    /// Adds «one of the words that were asked for», in a column or an expression.
    fn status(&mut self, asked: &Asked, expression: &str) {
        let words = asked.status.as_ref();
        let list = words.map(|words| serde_json::json!(words).value());
        self.with(
            &format!("{expression} IN (SELECT value FROM JSON_LIST({{}}) AS words)"),
            list,
        );
    }

    /// Adds «is below this organization» for an expression that is the id of a team.
    fn team_below(&mut self, asked: &Asked, team: &str) {
        let path = asked.organization.as_deref().map(Value::text);
        self.with(
            &format!(
                "{team} IN (SELECT t.id FROM organizations o JOIN teams t ON t.account_id = $1 AND t.organization_id = o.id \
                 WHERE o.account_id = $1 AND o.path >= {{0}} AND o.path < {{0}} || '~')"
            )
            .replace("{0}", "{}"),
            path,
        );
    }
}
