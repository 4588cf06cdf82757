//! What an organization has with everything below it, counted in one query for any number of organizations.
//!
//! A person in several teams counts once, and so does a seat that several teams share.

use schemars::JsonSchema;
use serde::Serialize;

use super::Organization;
use crate::access::{Call, Caller, Permission, Reach};
use crate::db::{Column, Db, DbError, FromRow, Reader, Select, Value};
use crate::error::{Error, Result};
use crate::records;
use crate::types::{Id, Ref, json_list};

/// Counts over an organization and everything below it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct OrganizationSummary {
    /// The organization.
    pub organization_id: Id<Organization>,
    /// Organizations below it.
    pub organizations: i64,
    /// Teams.
    pub teams: i64,
    /// People in those teams, each counted once.
    pub members: i64,
    /// Live seats of those teams, shared ones counted once.
    pub seats: i64,
    /// Of these, seats without a bound.
    pub unlimited_seats: i64,
    /// Places in all seats that have a bound.
    pub quantity: i64,
    /// Places that people sit on, reserved ones included.
    pub assigned: i64,
    /// Free places in the seats that have a bound.
    pub available: i64,
    /// People who wait for a place.
    pub waiting: i64,
}

impl FromRow for OrganizationSummary {
    fn from_row(reader: &mut Reader<'_>) -> std::result::Result<Self, DbError> {
        Ok(Self {
            organization_id: Column::read(reader)?,
            organizations: Column::read(reader)?,
            teams: Column::read(reader)?,
            members: Column::read(reader)?,
            seats: Column::read(reader)?,
            unlimited_seats: Column::read(reader)?,
            quantity: Column::read(reader)?,
            assigned: Column::read(reader)?,
            available: Column::read(reader)?,
            waiting: Column::read(reader)?,
        })
    }
}

/// The read of the counts of these organizations, as far as the caller sees teams.
pub fn of(caller: &Caller, ids: &[&str]) -> Select {
    let mut params = vec![Value::text(json_list(ids))];
    let reach = match &caller.reach {
        Reach::Account => "",
        Reach::Teams(teams) => {
            params.push(Value::Text(Some(teams.clone())));
            " AND t.id IN (SELECT value FROM JSON_LIST($3) AS reach)"
        }
    };
    let sql = format!(
        "WITH top AS (SELECT id, path FROM organizations WHERE account_id = $1 AND id IN (SELECT value FROM JSON_LIST($2) AS wanted)), \
         below AS (SELECT top.id AS top, o.id FROM top JOIN organizations o ON o.account_id = $1 AND o.path >= top.path AND o.path < top.path || '~'), \
         of_teams AS (SELECT b.top, t.id FROM below b JOIN teams t ON t.account_id = $1 AND t.organization_id = b.id AND t.deleted_at IS NULL{reach}), \
         of_people AS (SELECT x.top, count(DISTINCT m.user_id) AS people FROM of_teams x JOIN team_members m ON m.account_id = $1 AND m.team_id = x.id GROUP BY x.top), \
         once AS (SELECT DISTINCT x.top, st.seat_id FROM of_teams x JOIN seat_teams st ON st.account_id = $1 AND st.team_id = x.id AND st.live), \
         of_seats AS (SELECT once.top, count(*) AS seats, sum(CASE WHEN s.quantity IS NULL THEN 1 ELSE 0 END) AS unlimited, \
         sum(coalesce(s.quantity, 0)) AS quantity, sum(s.assigned + s.reserved + s.spent) AS assigned, sum(coalesce(s.available, 0)) AS available, sum(s.waitlisted) AS waiting \
         FROM once JOIN seats s ON s.account_id = $1 AND s.id = once.seat_id GROUP BY once.top) \
         SELECT top.id, (SELECT count(*) - 1 FROM below WHERE below.top = top.id), (SELECT count(*) FROM of_teams WHERE of_teams.top = top.id), \
         coalesce(p.people, 0), CAST(coalesce(s.seats, 0) AS BIGINT), CAST(coalesce(s.unlimited, 0) AS BIGINT), CAST(coalesce(s.quantity, 0) AS BIGINT), \
         CAST(coalesce(s.assigned, 0) AS BIGINT), CAST(coalesce(s.available, 0) AS BIGINT), CAST(coalesce(s.waiting, 0) AS BIGINT) \
         FROM top LEFT JOIN of_people p ON p.top = top.id LEFT JOIN of_seats s ON s.top = top.id"
    );
    Select::new(sql, params)
}

/// The counts of one organization.
pub async fn summary(
    db: &Db,
    call: &Call,
    reference: &Ref<Organization>,
) -> Result<OrganizationSummary> {
    call.caller.require(Permission::OrganizationsRead)?;
    let node = records::find::<Organization>(db, &call.caller, reference).await?;
    db.first(call.account(), of(&call.caller, &[node.id.as_str()]))
        .await?
        .ok_or_else(|| Error::not_found("organization"))
}
