//! What the reports on places in use share: whose they are, and what they can be narrowed by.

use super::{Asked, Conditions, Place};
use crate::access::Caller;
use crate::db::{Select, Value};
use crate::resource::Record;
use crate::seats::Assignment;

/// The conditions of the places that the caller sees and asks for.
pub(super) fn conditions(caller: &Caller, asked: &Asked) -> Conditions {
    let mut places = Conditions::default();
    if let Some(reach) = Assignment::REACH {
        places.reach(caller, reach);
    }
    places.with(
        "seat_assignments.team_id = {}",
        asked.team.as_deref().map(Value::text),
    );
    places.team_below(asked, "seat_assignments.team_id");
    places.with(
        "seat_assignments.product_id = {}",
        asked.product.as_deref().map(Value::text),
    );
    places.with(
        "EXISTS (SELECT 1 FROM JSON_LIST(u.tags) AS tag WHERE tag.value = {})",
        asked.tag.as_deref().map(Value::text),
    );
    places
}

/// What a report on places in use has of its own.
pub(super) struct Shape<'a> {
    /// Its columns behind those of every place.
    pub(super) columns: &'a str,
    /// The tables that they come from beside the place, its holder, its team and its product.
    pub(super) joins: &'a str,
    /// The time by which its rows stand in order.
    pub(super) order: &'a str,
}

/// The SELECT of a report on places in use.
pub(super) fn select(
    mut places: Conditions,
    shape: &Shape<'_>,
    after: Option<&Place>,
    limit: i64,
) -> Select {
    let Shape {
        columns,
        joins,
        order,
    } = shape;
    if let Some((at, id)) = after {
        let at = places.place(Value::Int(Some(at.parse().unwrap_or(i64::MAX))));
        let id = places.place(Value::text(id.as_str()));
        places.and(&format!("({order}, seat_assignments.id) > ({at}, {id})"));
    }
    let limit = places.place(Value::Int(Some(limit)));
    Select::new(
        format!(
            "SELECT seat_assignments.id, u.id, u.email, u.name, t.id, t.name, seat_assignments.seat_id, p.name, \
             seat_assignments.starts_at, {columns}, \
             CAST({order} AS TEXT), seat_assignments.id \
             FROM seat_assignments JOIN users u ON u.account_id = $1 AND u.id = seat_assignments.user_id \
             JOIN teams t ON t.account_id = $1 AND t.id = seat_assignments.team_id \
             JOIN products p ON p.account_id = $1 AND p.id = seat_assignments.product_id {joins} \
             WHERE seat_assignments.account_id = $1 AND seat_assignments.state = 'active'{} \
             ORDER BY {order}, seat_assignments.id LIMIT {limit}",
            places.text
        ),
        places.params,
    )
}
