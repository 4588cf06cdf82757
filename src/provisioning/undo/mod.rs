//! Taking a provision back, for seven days: what it made goes where nothing later stands on it, and the rest is named
//! with the reason. Nothing is half undone: it is one plan, made from what is true and refused when that has changed.
//!
//! People and teams that go are put aside and can be restored. A place that was used stays; places that were added go as
//! far as they are free, and the order of the provision says so. A second undo finds the first one's report and changes
//! nothing.

mod people;
mod places;
mod scene;

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use self::scene::scene;
use super::answer::{Made, Provision};
use crate::access::{Call, Permission};
use crate::db::{Db, Statement};
use crate::error::{Code, Error, Result};
use crate::events::{Event, Plan};
use crate::params;
use crate::seats::Seat;
use crate::types::{Id, Ids, Timestamp, json_list};

/// Days for which a provision can be taken back.
pub const UNDO_DAYS: i64 = 7;

crate::words! {
    /// What became of an undo.
    pub enum UndoOutcome {
        /// It was carried out.
        Undone = "undone",
        /// It was carried out before; nothing has changed.
        AlreadyUndone = "already_undone",
    }
}

/// One thing that the provision made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UndoItem {
    /// What it is: `user`, `team`, `membership`, `assignment`, `places`, `seat`, `order`, `mail`.
    pub what: String,
    /// Its id.
    pub id: String,
    /// What becomes of it, or why it stays.
    pub says: String,
}

/// What was taken back and what was not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UndoReport {
    /// What was taken back.
    pub undone: Vec<UndoItem>,
    /// What stays, and why.
    pub kept: Vec<UndoItem>,
}

/// A provision that was taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Undone {
    /// The provision.
    pub id: Id<Provision>,
    /// Whether this call has done it.
    pub outcome: UndoOutcome,
    /// When it was taken back.
    pub undone_at: Timestamp,
    /// What was taken back and what was not.
    #[serde(flatten)]
    pub report: UndoReport,
}

impl UndoReport {
    fn undone(&mut self, what: &str, id: &(impl ToString + ?Sized), says: impl Into<String>) {
        self.undone.push(item(what, id, says));
    }

    fn kept(&mut self, what: &str, id: &(impl ToString + ?Sized), says: impl Into<String>) {
        self.kept.push(item(what, id, says));
    }
}

fn item(what: &str, id: &(impl ToString + ?Sized), says: impl Into<String>) -> UndoItem {
    UndoItem {
        what: what.to_owned(),
        id: id.to_string(),
        says: says.into(),
    }
}

/// What is gone by then: for a look ahead over several undos, what those before would have taken back.
#[derive(Debug, Clone, Default)]
pub struct Gone {
    provisions: BTreeSet<String>,
    /// By what they are and their id.
    items: BTreeSet<(String, String)>,
}

impl Gone {
    /// Adds what an undo would take back.
    pub fn add(&mut self, provision: &Id<Provision>, report: &UndoReport) {
        self.provisions.insert(provision.to_string());
        let items = report.undone.iter();
        self.items
            .extend(items.map(|one| (one.what.clone(), one.id.clone())));
    }

    fn has(&self, what: &str, id: &str) -> bool {
        self.items.contains(&(what.to_owned(), id.to_owned()))
    }

    /// The ids of one kind, as `JSON_LIST` takes them.
    fn list(&self, what: &str) -> String {
        let items = self.items.iter().filter(|(of, _)| of == what);
        json_list(items.map(|(_, id)| id))
    }
}

/// Plans the taking back of a provision.
pub async fn plan_undo(
    db: &Db,
    ids: &Ids,
    call: &Call,
    id: &Id<Provision>,
) -> Result<(Plan, Undone)> {
    plan_undo_after(db, ids, call, id, &Gone::default()).await
}

/// The same as if something were gone already, which only a look ahead may say.
pub async fn plan_undo_after(
    db: &Db,
    ids: &Ids,
    call: &Call,
    id: &Id<Provision>,
    gone: &Gone,
) -> Result<(Plan, Undone)> {
    call.caller.require(Permission::ProvisionUndo)?;
    let scene = scene(db, call, id, gone).await?;
    let mut plan = Plan::new("provision.undo");
    if let Some(at) = scene.provision.undone_at {
        let report = scene.provision.undo_report.clone().unwrap_or_default();
        let undone = Undone {
            id: id.clone(),
            outcome: UndoOutcome::AlreadyUndone,
            undone_at: at,
            report: serde_json::from_value(report).unwrap_or_default(),
        };
        return Ok((plan, undone));
    }
    if scene.provision.created_at.plus_days(UNDO_DAYS) <= call.now {
        return Err(Error::new(
            Code::StateConflict,
            format!(
                "A provision can be taken back for {UNDO_DAYS} days. Remove what it made by itself: revoke the places, remove the member, delete the person."
            ),
        ));
    }
    let mut work = Work {
        ids,
        call,
        made: scene.provision.made.0.clone(),
        plan: &mut plan,
        report: UndoReport::default(),
        taken: Vec::new(),
    };
    work.mail(&scene);
    let ended = work.seats(&scene)?;
    work.order(db, &scene)?;
    work.records(&scene, &ended)?;
    work.changes(&scene);
    let report = work.report;
    plan.write(Statement::guarded(
        "UPDATE provisions SET undone_at = $2, undo_report = $3 WHERE account_id = $1 AND id = $4 AND undone_at IS NULL",
        params![
            call.now,
            serde_json::to_string(&report).unwrap_or_default(),
            id.clone()
        ],
    ));
    let data = json!({ "id": id, "undone": report.undone, "kept": report.kept });
    let mut event = Event::new("provision.undone", id, data).user(&scene.provision.user_id);
    if let Some(team) = &scene.provision.team_id {
        event = event.team(team);
    }
    plan.event(event);
    let undone = Undone {
        id: id.clone(),
        outcome: UndoOutcome::Undone,
        undone_at: call.now,
        report,
    };
    Ok((plan, undone))
}

struct Work<'w> {
    ids: &'w Ids,
    call: &'w Call,
    made: Made,
    plan: &'w mut Plan,
    report: UndoReport,
    /// Places that were taken off a seat.
    taken: Vec<(Id<Seat>, i64)>,
}
