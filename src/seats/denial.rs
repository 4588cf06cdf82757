//! Denials: wishes for a place that were refused for want of one, kept beside the seat and told as `seat.denied`.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::seat::Seat;
use crate::access::{Call, Permission};
use crate::columns;
use crate::commit::commit;
use crate::db::{Db, Statement};
use crate::error::{Code, Error, Result};
use crate::events::{Event, Plan};
use crate::records;
use crate::resource::{Expand, Field, FieldKind, Record};
use crate::resources::User;
use crate::types::{Id, Ids, Kind, Ref, Timestamp};

/// A wish that was refused for want of places.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Denial {
    /// The denial's id.
    pub id: Id<Self>,
    /// The seat that was full.
    pub seat_id: Id<Seat>,
    /// The person who was to get a place, where it was one.
    pub user_id: Option<Id<User>>,
    /// Places that were wanted.
    pub requested: i64,
    /// Places that were free.
    pub available: i64,
    /// The way on which the wish came: `api`, `provision`, `hold`, …
    pub cause: String,
    /// When.
    pub created_at: Timestamp,
}
columns!(Denial in "seat_denials": id, seat_id, user_id, requested, available, cause, created_at);

impl Kind for Denial {
    const PREFIX: &'static str = "denial";
}

impl Record for Denial {
    const KIND: &'static str = "seat_denial";
    const SUMMARY: &'static str = "A wish for a place that was refused because none was free.";
    const FIELDS: &'static [Field] = &[
        Field::sorted("created_at", "created_at", FieldKind::Time),
        Field::filter("seat", "seat_id", FieldKind::Reference("seat", "seats")),
        Field::filter("user", "user_id", FieldKind::Reference("user", "users")),
    ];
    const SEARCH: &'static [&'static str] = &[];
    const EXPANDS: &'static [Expand] = &[
        Expand {
            name: "seat",
            member: "seat_id",
            table: "seats",
        },
        Expand {
            name: "user",
            member: "user_id",
            table: "users",
        },
    ];
    const SOFT_DELETE: bool = false;
    const REACH: Option<&'static str> = Some(
        "EXISTS (SELECT 1 FROM seat_teams t WHERE t.account_id = $1 AND t.seat_id = seat_denials.seat_id AND t.team_id IN {})",
    );
    const READ: Permission = Permission::SeatsRead;

    fn id(&self) -> &Id<Self> {
        &self.id
    }
}

/// 409 `seats_exhausted`, with the numbers and the way out.
pub fn exhausted(seat: &Seat, requested: i64) -> Error {
    let available = seat.available.unwrap_or(0).max(0);
    Error::new(
        Code::SeatsExhausted,
        format!(
            "The seat has {available} free places, and {requested} are wanted. Add places with «quantity», wait with «if_full»: «waitlist», or let it grow with «if_full»: «grow»."
        ),
    )
    .with("seat_id", seat.id.as_str())
    .with("requested", requested)
    .with("available", available)
}

/// A denial of one place, kept beside the seat and told as `seat.denied`.
pub fn deny(seat: &Seat, user: Option<&Id<User>>, cause: &str, call: &Call, ids: &Ids) -> Plan {
    deny_places(seat, user, 1, cause, call, ids)
}

fn deny_places(
    seat: &Seat,
    user: Option<&Id<User>>,
    requested: i64,
    cause: &str,
    call: &Call,
    ids: &Ids,
) -> Plan {
    let mut plan = Plan::new("seat.deny");
    let denial = Denial {
        id: ids.next(call.now),
        seat_id: seat.id.clone(),
        user_id: user.cloned(),
        requested,
        available: seat.available.unwrap_or(0).max(0),
        cause: cause.to_owned(),
        created_at: call.now,
    };
    plan.write(Statement::insert(&denial));
    let data = json!({ "seat": seat, "user_id": user, "requested": requested, "available": denial.available, "cause": cause });
    let event = Event::new("seat.denied", &seat.id, data).seat(&seat.id);
    let event = match seat.team_ids.0.first() {
        Some(team) => event.team(team),
        None => event,
    };
    plan.event(match user {
        Some(user) => event.user(user),
        None => event,
    });
    plan
}

/// Keeps the denial behind a refusal for want of places; other refusals leave no trace. It stands even though the plan
/// that was refused does not.
pub async fn record_denial(
    db: &Db,
    ids: &Ids,
    call: &Call,
    error: &Error,
    cause: &'static str,
) -> Result<()> {
    if error.code() != Code::SeatsExhausted || call.dry_run {
        return Ok(());
    }
    let member = |wanted: &str| {
        let found = error.members().iter().find(|(name, _)| *name == wanted);
        found.map(|(_, value)| value)
    };
    let seat = member("seat_id").and_then(|id| Id::<Seat>::parse(id.as_str()?));
    let Some(seat) = seat else { return Ok(()) };
    let requested = member("requested").and_then(serde_json::Value::as_i64);
    let user = member("user_id").and_then(|id| Id::<User>::parse(id.as_str()?));
    let Some(seat) = records::maybe::<Seat>(db, &call.caller, &Ref::Id(seat)).await? else {
        return Ok(());
    };
    let plan = || async {
        let requested = requested.unwrap_or(1);
        Ok((
            deny_places(&seat, user.as_ref(), requested, cause, call, ids),
            (),
        ))
    };
    commit(db, ids, call, plan).await.map(|_| ())
}
