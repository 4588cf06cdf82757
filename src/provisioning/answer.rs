//! What the call answers, and how it is kept and read later.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as JsonValue;

use super::team::Decision;
use crate::access::{Caller, Reach};
use crate::columns;
use crate::db::{Batch, Db, Select};
use crate::email::outbox;
use crate::error::{Code, Error, Result};
use crate::params;
use crate::resources::{Team, User};
use crate::seats::{Assignment, Seat};
use crate::types::text::Json;
use crate::types::{Id, Kind, Timestamp};

crate::words! {
    /// How far a provision has come.
    pub enum ProvisionOutcome {
        /// Everything is done.
        Complete = "complete",
        /// Mail or LMS are still at work.
        InProgress = "in_progress",
        /// At least one wish waits for a free place.
        Waitlisted = "waitlisted",
    }
}

crate::words! {
    /// What became of a record.
    pub enum RecordOutcome {
        /// It was made.
        Created = "created",
        /// It was changed.
        Updated = "updated",
        /// It stood already.
        Existing = "existing",
    }
}

crate::words! {
    /// What became of a line of seats.
    pub enum SeatOutcome {
        /// The person got a place.
        Assigned = "assigned",
        /// The person has one already.
        AlreadyAssigned = "already_assigned",
        /// The person waits for one.
        Waitlisted = "waitlisted",
        /// Places were added.
        Added = "added",
        /// The places were added before, under the same reference.
        AlreadyAdded = "already_added",
    }
}

crate::words! {
    /// What became of the welcome mail.
    pub enum MailOutcome {
        /// It is on its way.
        Queued = "queued",
        /// The person got one before.
        NotNeeded = "not_needed",
        /// The call did not want one.
        Off = "off",
    }
}

/// The person, and what became of them.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct UserAnswer {
    /// The person.
    #[serde(flatten)]
    pub user: User,
    /// What became of the record.
    pub outcome: RecordOutcome,
}

/// A membership, and what became of it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct MembershipAnswer {
    /// The person's role in the team.
    pub role: String,
    /// What became of it.
    pub outcome: RecordOutcome,
}

/// The team, why it is this one, and the membership.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TeamAnswer {
    /// The team.
    #[serde(flatten)]
    pub team: Team,
    /// What became of the record.
    pub outcome: RecordOutcome,
    /// Why it is this team.
    pub decision: Decision,
    /// The person in it.
    pub membership: MembershipAnswer,
}

/// One line of seats, in the order of the call.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SeatAnswer {
    /// The seat.
    pub seat_id: Id<Seat>,
    /// Its product.
    pub product_id: String,
    /// What became of the line.
    pub outcome: SeatOutcome,
    /// The person's place, with its end.
    pub assignment: Option<Assignment>,
    /// Places in all; absent: unlimited.
    pub quantity: Option<i64>,
    /// Places in use after the call.
    pub assigned: i64,
    /// Places free after the call; absent: unlimited.
    pub available: Option<i64>,
    /// Other teams that share the seat.
    pub shared_with: Vec<Id<Team>>,
}

/// The welcome mail.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct MailAnswer {
    /// What became of it.
    pub state: MailOutcome,
    /// The mail.
    pub id: Option<String>,
}

/// What the call answers.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Answer {
    /// The provision's id.
    pub id: Id<Provision>,
    /// How far it has come.
    pub outcome: ProvisionOutcome,
    /// Your own reference.
    pub external_reference: Option<String>,
    /// The person.
    pub user: UserAnswer,
    /// The team.
    pub team: TeamAnswer,
    /// The lines of seats.
    pub seats: Vec<SeatAnswer>,
    /// The welcome mail.
    pub welcome_email: MailAnswer,
    /// The LMS: `off` where none is connected.
    pub lms: &'static str,
    /// When.
    pub created_at: Timestamp,
}

/// A provision as it is kept: the answer of its moment.
#[derive(Debug, Clone)]
pub struct Provision {
    /// Its id.
    pub id: Id<Self>,
    /// The caller's own reference.
    pub external_reference: Option<String>,
    /// How far it had come.
    pub outcome: ProvisionOutcome,
    /// The person.
    pub user_id: Id<User>,
    /// The team.
    pub team_id: Option<Id<Team>>,
    /// The welcome mail.
    pub mail_id: Option<String>,
    /// The answer.
    pub answer: JsonValue,
    /// What it made, as far as it can be taken back.
    pub made: Json<Made>,
    /// When.
    pub created_at: Timestamp,
    /// When it was taken back.
    pub undone_at: Option<Timestamp>,
    /// What was taken back and what was not, once it has been undone.
    pub undo_report: Option<JsonValue>,
}
columns!(Provision in "provisions": id, external_reference, outcome, user_id, team_id, mail_id, answer, made, created_at, undone_at, undo_report);

/// What a provision made, and which records that stood before it has changed: those are not taken back.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each tells of another record, and is read by its name"
)]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Made {
    /// Whether it made the person.
    pub user: bool,
    /// Whether it changed the person's record.
    pub user_updated: bool,
    /// Whether it made the team.
    pub team: bool,
    /// The role of the membership it made.
    pub membership: Option<String>,
    /// Whether it changed the role of a membership that stood.
    pub role_changed: bool,
    /// Seats to which it added places.
    pub places: Vec<MadePlaces>,
    /// Assignments it made, those that wait included.
    pub assignments: Vec<Id<Assignment>>,
    /// The mail it queued.
    pub mail: Option<String>,
}

/// Places that a provision added to a seat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadePlaces {
    /// The seat.
    pub seat_id: Id<Seat>,
    /// How many.
    pub quantity: i64,
    /// Whether the seat was made for it.
    pub seat_made: bool,
}

impl Kind for Provision {
    const PREFIX: &'static str = "provision";
}

/// A step that follows a provision.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// What it is: `welcome_email`.
    pub step: String,
    /// How far it has come: `queued`, `sent`, `caught`, `failed`.
    pub state: String,
    /// How often it was tried.
    pub attempts: i64,
    /// What went wrong last.
    pub last_error: Option<String>,
}

/// A provision later: its answer as it is now, with every step that follows it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ProvisionStatus {
    /// The provision's id.
    pub id: Id<Provision>,
    /// How far it has come by now.
    pub outcome: ProvisionOutcome,
    /// The steps that follow the call.
    pub steps: Vec<Step>,
    /// The answer of the call.
    pub answer: JsonValue,
    /// When it was taken back, if it was.
    pub undone_at: Option<Timestamp>,
    /// What was taken back and what was not.
    pub undo_report: Option<JsonValue>,
}

/// How far a provision has come by now.
pub async fn status(db: &Db, caller: &Caller, id: &Id<Provision>) -> Result<ProvisionStatus> {
    let mut batch = Batch::new();
    let found = batch.add::<Provision>(Select::rows::<Provision>(
        "WHERE account_id = $1 AND id = $2",
        params![id.clone()],
    ));
    let mails = batch.add::<outbox::MailRow>(outbox::of_provision(id.as_str()));
    let waiting = batch.add::<(i64,)>(Select::new(
        "SELECT count(*) FROM seat_assignments WHERE account_id = $1 AND provision_id = $2 AND state = 'waitlisted' AND user_id IN \
         (SELECT user_id FROM provisions WHERE account_id = $1 AND id = $2)",
        params![id.to_string()],
    ));
    let mut rows = db.read(&caller.account, batch).await?;
    let provision = rows.first(&found).ok_or_else(|| {
        Error::new(
            Code::NotFound,
            "There is no such provision in this account.",
        )
    })?;
    if let (Reach::Teams(teams), Some(team)) = (&caller.reach, &provision.team_id)
        && !teams.contains(team.as_str())
    {
        return Err(Error::not_found("provision"));
    }
    let steps: Vec<Step> = rows
        .take(&mails)
        .into_iter()
        .map(|mail| Step {
            step: "welcome_email".to_owned(),
            state: mail.state.to_string(),
            attempts: mail.attempts,
            last_error: mail.last_reply.filter(|_| {
                !matches!(
                    mail.state,
                    outbox::MailState::Sent | outbox::MailState::Caught
                )
            }),
        })
        .collect();
    let waits = rows.first(&waiting).is_some_and(|(count,)| count > 0);
    let outcome = if waits {
        ProvisionOutcome::Waitlisted
    } else if steps.iter().any(|step| step.state == "queued") {
        ProvisionOutcome::InProgress
    } else {
        ProvisionOutcome::Complete
    };
    Ok(ProvisionStatus {
        id: provision.id,
        outcome,
        steps,
        answer: provision.answer,
        undone_at: provision.undone_at,
        undo_report: provision.undo_report,
    })
}
