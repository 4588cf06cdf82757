//! What was sold, refunded and moved in credits: the rows by which an accountant compares a shop, the orders and the books.
//!
//! A row is one fact: a paid or open order, a refund, or one account's side of a movement of credits. `amount` has money
//! and `credits` what orders cost, both less by refunds; `balance_change` has what moved on accounts. So for each order
//! its `credits` and the `balance_change` of its movements sum to zero, and for each account the changes are its balance.

use super::cell::{Minor, report_row};
use super::{Asked, Asks, Conditions, Filter, Place, Report, read};
use crate::access::Caller;
use crate::db::{Column as _, Select, Value};
use crate::types::Timestamp;

report_row! {
    /// A fact of the books.
    Booking {
        /// When it counts: an order when it was paid, or else placed; the others when they happened.
        booked_at: Timestamp,
        /// `order`, `refund` or `credit_entry`.
        kind: String,
        /// The order, the refund or the credit entry.
        id: String,
        /// The order it belongs to.
        order_id: Option<String>,
        /// Where the order stands now.
        status: Option<String>,
        /// Where the order came from.
        source: Option<String>,
        /// The order's number at its source, or the reference of the refund or the movement.
        reference: Option<String>,
        /// The team that buys, or whose credits moved.
        team_id: Option<String>,
        /// The team's name.
        team: Option<String>,
        /// The organization that buys, or whose credits moved.
        organization_id: Option<String>,
        /// The organization's name.
        organization: Option<String>,
        /// Places that an order bought.
        places: Option<i64>,
        /// Money in minor units of the currency: of a paid order, or less for a refund.
        amount: Option<Minor>,
        /// The currency, by ISO 4217.
        currency: Option<String>,
        /// Credits that a paid order cost, or less for a refund.
        credits: Option<i64>,
        /// By how much the credits of an account moved.
        balance_change: Option<i64>,
        /// The account that moved.
        credit_account_id: Option<String>,
        /// The movement; all its sides, with the system's, sum to zero.
        transaction_id: Option<String>,
        /// Why: the reason of a movement, or how the order is paid.
        reason: String,
        /// The same in words.
        note: Option<String>,
        /// Who did it, where it is a refund or a movement.
        actor: Option<String>,
    }
}

/// The report.
pub(super) const REPORT: Report = Report {
    name: "orders_and_credits",
    title: "Orders and credits",
    summary: "Each order, each refund and each movement of credits on the days asked for, the earliest first, so that sales, money and balances can be compared.",
    filters: &[
        Filter::Organization,
        Filter::Team,
        Filter::Status,
        Filter::Source,
        Filter::From,
        Filter::To,
    ],
    statuses: &[
        "draft",
        "pending",
        "paid",
        "fulfilled",
        "partially_refunded",
        "refunded",
        "cancelled",
        "failed",
    ],
    columns: <Booking as super::ReportRow>::COLUMNS,
    read: read::<Booking>,
};

/// One of the three kinds of rows: its columns, where they come from, and whose it is.
struct Part {
    name: &'static str,
    columns: &'static str,
    tables: &'static str,
    at: &'static str,
    id: &'static str,
    team: &'static str,
    organization: &'static str,
    always: &'static str,
}

const ORDERS: Part = Part {
    name: "sold",
    columns: "'order' AS kind, o.id AS id, o.id AS order_id, o.external_reference AS reference, \
              (SELECT CAST(sum(l.places) AS BIGINT) FROM order_lines l WHERE l.account_id = $1 AND l.order_id = o.id) AS places, \
              CASE WHEN o.paid_at IS NOT NULL THEN o.total_amount END AS amount, o.currency AS currency, \
              CASE WHEN o.paid_at IS NOT NULL THEN o.total_credits END AS credits, CAST(NULL AS BIGINT) AS balance_change, \
              CAST(NULL AS TEXT) AS credit_account_id, CAST(NULL AS TEXT) AS transaction_id, o.payment AS reason, o.note AS note, \
              CAST(NULL AS TEXT) AS actor",
    tables: "orders o",
    // As in the index orders_by_booking.
    at: "COALESCE(o.paid_at, o.created_at)",
    id: "o.id",
    team: "o.team_id",
    organization: "o.organization_id",
    always: "o.account_id = $1",
};

const REFUNDS: Part = Part {
    name: "refunded",
    columns: "'refund' AS kind, w.id AS id, o.id AS order_id, w.reference AS reference, CAST(NULL AS BIGINT) AS places, \
              CASE WHEN o.total_amount IS NOT NULL THEN -w.amount END AS amount, o.currency AS currency, \
              CASE WHEN o.total_credits IS NOT NULL THEN -w.credits END AS credits, CAST(NULL AS BIGINT) AS balance_change, \
              CAST(NULL AS TEXT) AS credit_account_id, CAST(NULL AS TEXT) AS transaction_id, o.payment AS reason, w.reason AS note, \
              w.actor_name AS actor",
    tables: "order_refunds w JOIN orders o ON o.account_id = $1 AND o.id = w.order_id",
    at: "w.created_at",
    id: "w.id",
    team: "o.team_id",
    organization: "o.organization_id",
    always: "w.account_id = $1",
};

const ENTRIES: Part = Part {
    name: "moved",
    columns: "'credit_entry' AS kind, w.id AS id, w.order_id AS order_id, w.reference AS reference, CAST(NULL AS BIGINT) AS places, \
              CAST(NULL AS BIGINT) AS amount, CAST(NULL AS TEXT) AS currency, CAST(NULL AS BIGINT) AS credits, w.amount AS balance_change, \
              w.credit_account_id AS credit_account_id, w.transaction_id AS transaction_id, w.reason AS reason, w.note AS note, \
              w.actor_name AS actor",
    tables: "credit_entries w LEFT JOIN orders o ON o.account_id = $1 AND o.id = w.order_id",
    at: "w.created_at",
    id: "w.id",
    team: "w.team_id",
    organization: "w.organization_id",
    // The system's side follows from the others.
    always: "w.account_id = $1 AND w.credit_account_id IS NOT NULL",
};

impl Part {
    /// The rows of the kind after a place, the earliest first; their values are added to `params`.
    fn select(
        &self,
        caller: &Caller,
        asked: &Asked,
        after: Option<&Place>,
        params: Vec<Value>,
        limit: &str,
    ) -> (String, Vec<Value>) {
        let Self {
            name,
            columns,
            tables,
            at,
            id,
            team,
            organization,
            always,
        } = self;
        let mut wanted = Conditions {
            text: String::new(),
            params,
        };
        wanted.reach(caller, &format!("{team} IN {{}} OR {organization} IN {{}}"));
        wanted.with(
            &format!("{team} = {{}}"),
            asked.team.as_deref().map(Value::text),
        );
        let below = "b.account_id = $1 AND b.path >= {} AND b.path < {} || '~'";
        wanted.with(
            &format!(
                "{organization} IN (SELECT b.id FROM organizations b WHERE {below}) OR {team} IN \
                 (SELECT i.id FROM organizations b JOIN teams i ON i.account_id = $1 AND i.organization_id = b.id WHERE {below})"
            ),
            asked.organization.as_deref().map(Value::text),
        );
        wanted.status(asked, "o.status");
        wanted.with("o.source = {}", asked.source.as_deref().map(Value::text));
        wanted.days(asked, at);
        if let Some((key, last)) = after {
            let key = wanted.place(Value::Int(Some(key.parse().unwrap_or(i64::MAX))));
            let last = wanted.place(Value::text(last.as_str()));
            wanted.and(&format!("({at}, {id}) > ({key}, {last})"));
        }
        let text = format!(
            "SELECT * FROM (SELECT {columns}, {at} AS booked_at, o.status AS status, o.source AS source, {team} AS team_id, t.name AS team, \
             {organization} AS organization_id, g.name AS organization FROM {tables} \
             LEFT JOIN teams t ON t.account_id = $1 AND t.id = {team} \
             LEFT JOIN organizations g ON g.account_id = $1 AND g.id = {organization} \
             WHERE {always}{} ORDER BY {at}, {id} LIMIT {limit}) AS {name}",
            wanted.text
        );
        (text, wanted.params)
    }
}

impl Asks for Booking {
    fn select(caller: &Caller, asked: &Asked, after: Option<&Place>, limit: i64) -> Select {
        let mut begin = Conditions::default();
        let limit = begin.place(limit.value());
        let mut params = begin.params;
        let mut parts = Vec::new();
        for part in [ORDERS, REFUNDS, ENTRIES] {
            let (text, further) = part.select(caller, asked, after, params, &limit);
            parts.push(text);
            params = further;
        }
        Select::new(
            format!(
                "SELECT booked_at, kind, id, order_id, status, source, reference, team_id, team, organization_id, organization, places, \
                 amount, currency, credits, balance_change, credit_account_id, transaction_id, reason, note, actor, \
                 CAST(booked_at AS TEXT), id FROM ({}) AS bookings ORDER BY bookings.booked_at, bookings.id LIMIT {limit}",
                parts.join(" UNION ALL ")
            ),
            params,
        )
    }
}
