//! What can be done with any kind of record: find, list, create, change, delete. Written once.

use std::future::Future;

use serde::Serialize;
use serde_json::{Map, Value as JsonValue};

use crate::access::{Call, Caller};
use crate::db::{Db, Select, Statement, Value, row};
use crate::error::{Code, Error, Result};
use crate::events::Plan;
use crate::params;
use crate::resource::{Input, Record, Resource, Stamp, named_by, resolve, within};
use crate::types::{Id, Ids, Ref, json_list};

/// The condition by which a caller limited to teams sees rows, with its value at `$n`.
pub fn reach_condition<R: Record>(caller: &Caller, n: usize) -> Option<(String, Value)> {
    within(caller, R::REACH, n)
}

/// Finds a record by reference among those the caller may see; 404 otherwise, whosever it is.
pub async fn find<R: Record>(db: &Db, caller: &Caller, reference: &Ref<R>) -> Result<R> {
    maybe(db, caller, reference)
        .await?
        .ok_or_else(|| Error::not_found(R::KIND))
}

/// Finds a record by reference, if there is one.
pub async fn maybe<R: Record>(db: &Db, caller: &Caller, reference: &Ref<R>) -> Result<Option<R>> {
    let (column, value) = match reference {
        Ref::Id(id) => ("id", id.to_string()),
        Ref::External(key) => ("external_id", key.to_string()),
        Ref::Email(email) => ("email_key", email.key()),
    };
    // A kind without such a key has no record by it.
    if !row::has::<R>(column) {
        return Ok(None);
    }
    let live = if R::SOFT_DELETE {
        " AND deleted_at IS NULL"
    } else {
        ""
    };
    let mut params = params![value];
    let reach = reach_condition::<R>(caller, 3).map(|(condition, value)| {
        params.push(value);
        condition
    });
    let rest = format!(
        "WHERE {}.account_id = $1 AND {}{live}{}",
        R::TABLE,
        named_by(R::TABLE, column, R::ALIASES),
        reach.unwrap_or_default()
    );
    let mut select = Select::rows::<R>(&rest, params);
    if R::COMPUTED.is_empty() {
        select = select.brief();
    }
    Ok(db.first(&caller.account, select).await?)
}

/// The records with these ids among those the caller may see, in one read.
pub async fn find_all<R: Record>(db: &Db, caller: &Caller, ids: &[Id<R>]) -> Result<Vec<R>> {
    let live = if R::SOFT_DELETE {
        " AND deleted_at IS NULL"
    } else {
        ""
    };
    let mut params = params![json_list(ids)];
    let reach = reach_condition::<R>(caller, 3).map(|(condition, value)| {
        params.push(value);
        condition
    });
    let rest = format!(
        "WHERE {0}.account_id = $1 AND {0}.id IN (SELECT value FROM JSON_LIST($2) AS wanted){live}{1}",
        R::TABLE,
        reach.unwrap_or_default()
    );
    Ok(db
        .fetch(&caller.account, Select::rows::<R>(&rest, params))
        .await?)
}

/// The statements that put a new record in place.
pub fn insertion<R: Resource>(record: &R) -> Vec<Statement> {
    let mut list = vec![Statement::insert(record)];
    list.extend(record.companions(None));
    list
}

/// Plans a new record. It belongs to the account: who is limited to some teams would make what they could not see.
pub async fn plan_create<R: Resource>(
    db: &Db,
    ids: &Ids,
    call: &Call,
    new: R::New,
) -> Result<(Plan, R)> {
    call.caller.require(R::WRITE)?;
    call.caller.require_account()?;
    let refs = resolve(db, &call.caller, new.references()).await?;
    let record = R::create(new, &refs, &Stamp { ids, now: call.now })?;
    let mut plan = Plan::new(format!("{}.create", R::KIND));
    plan.write_all(insertion(&record));
    plan.event(record.event("created"));
    Ok((plan, record))
}

/// Plans a change of a record. `check` sees the record as it is and may refuse (If-Match).
pub async fn plan_change<R, C>(
    db: &Db,
    call: &Call,
    reference: &Ref<R>,
    patch: R::Patch,
    check: C,
) -> Result<(Plan, R)>
where
    R: Resource,
    C: FnOnce(&R) -> Result<()>,
{
    call.caller.require(R::WRITE)?;
    if R::REACH.is_none() {
        call.caller.require_account()?;
    }
    let before = find::<R>(db, &call.caller, reference).await?;
    check(&before)?;
    let refs = resolve(db, &call.caller, patch.references()).await?;
    let mut after = before.clone();
    after.apply(patch, &refs, call.now)?;
    let plan = change(&before, &after, "updated");
    // What is written nowhere has not changed: the answer is the record as it stands.
    let record = if plan.is_empty() { before } else { after };
    Ok((plan, record))
}

/// The plan that turns one state of a record into another: nothing when they are equal.
pub fn change<R: Resource>(before: &R, after: &R, verb: &str) -> Plan {
    let mut plan = Plan::new(format!("{}.{}", R::KIND, verb.trim_end_matches('d')));
    let previous = differences(before, after);
    if previous.is_empty() {
        return plan;
    }
    plan.write(Statement::update(after, before.version()));
    plan.write_all(after.companions(Some(before)));
    plan.event(after.event(verb).previous(previous.into()));
    plan
}

/// The members that differ, with their values before.
pub fn differences<R: Serialize>(before: &R, after: &R) -> Map<String, JsonValue> {
    let (Ok(JsonValue::Object(before)), Ok(JsonValue::Object(after))) =
        (serde_json::to_value(before), serde_json::to_value(after))
    else {
        return Map::new();
    };
    before
        .into_iter()
        .filter(|(name, value)| name != "updated_at" && after.get(name) != Some(value))
        .collect()
}

/// Plans the deletion of a record: put aside, or removed for good where nothing refers to it.
pub async fn plan_delete<R, C>(
    db: &Db,
    call: &Call,
    reference: &Ref<R>,
    check: C,
) -> Result<(Plan, R)>
where
    R: Resource,
    C: FnOnce(&R) -> Result<()>,
{
    call.caller.require(R::WRITE)?;
    call.caller.require_account()?;
    let record = find::<R>(db, &call.caller, reference).await?;
    check(&record)?;
    let mut plan = Plan::new(format!("{}.delete", R::KIND));
    if R::SOFT_DELETE {
        plan.write_all(record.farewell(call.now));
        plan.write(Statement::guarded(
            format!("UPDATE {} SET deleted_at = $2, updated_at = $2, version = version + 1 WHERE account_id = $1 AND id = $3 AND deleted_at IS NULL", R::TABLE),
            params![call.now, record.id().to_string()],
        ));
    } else {
        plan.write_all(record.farewell(call.now));
        plan.write(Statement::guarded(
            format!(
                "DELETE FROM {} WHERE account_id = $1 AND id = $2 AND version = $3",
                R::TABLE
            ),
            params![record.id().to_string(), record.version()],
        ));
    }
    plan.event(record.event("deleted"));
    Ok((plan, record))
}

/// Makes a record by the caller's own key, or changes the one that has it: an upsert that is safe to repeat.
/// Tells whether it was made. `check` sees the record as it is, or none, and may refuse (If-Match).
pub async fn plan_put<R, P, Fut, C>(
    db: &Db,
    ids: &Ids,
    call: &Call,
    reference: &Ref<R>,
    new: R::New,
    as_patch: P,
    check: C,
) -> Result<(Plan, R, bool)>
where
    R: Resource,
    P: FnOnce(R::New) -> Fut,
    Fut: Future<Output = Result<R::Patch>>,
    C: Fn(Option<&R>) -> Result<()>,
{
    if maybe::<R>(db, &call.caller, reference).await?.is_some() {
        let patch = as_patch(new).await?;
        let (plan, record) =
            plan_change(db, call, reference, patch, |record| check(Some(record))).await?;
        return Ok((plan, record, false));
    }
    check(None)?;
    if matches!(reference, Ref::Id(_)) {
        return Err(Error::new(
            Code::NotFound,
            format!(
                "There is no such {}. To make one by PUT, name it by your own key: ext:<value>.",
                R::KIND
            ),
        ));
    }
    let (plan, record) = plan_create::<R>(db, ids, call, new).await?;
    Ok((plan, record, true))
}
