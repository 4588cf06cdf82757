//! Mails about places: who was given one, who moved up, whose place ends soon or is about to go back.
//!
//! Each is queued by a job that reads what is true when it runs, under a key that lets it be sent once.

use serde_json::{Value as JsonValue, json};

use super::assignment::{Assignment, AssignmentState};
use super::settings::SeatSettings;
use crate::access::Call;
use crate::app::App;
use crate::commit::commit;
use crate::db::{Batch, Row as _, Select};
use crate::email::{TemplateKind, outbox};
use crate::error::Result;
use crate::events::Plan;
use crate::locale::Locale;
use crate::params;
use crate::resources::{Course, Product, Team, User};
use crate::types::text::Language;
use crate::types::{AccountId, Ids, Timestamp};

/// What a mail about a place needs to know.
pub(super) struct Facts {
    pub(super) assignment: Assignment,
    pub(super) user: User,
    pub(super) team: String,
    pub(super) product: String,
    pub(super) courses: Vec<String>,
    pub(super) settings: SeatSettings,
    locale: Option<String>,
}

/// Reads them; none when the place or its holder is gone.
pub(super) async fn facts(
    app: &App,
    account: &AccountId,
    assignment_id: &str,
) -> Result<Option<Facts>> {
    let id = || params![assignment_id.to_owned()];
    let of = |column: &str| {
        format!("(SELECT {column} FROM seat_assignments WHERE account_id = $1 AND id = $2)")
    };
    let mut batch = Batch::new();
    let assignment = batch.add::<Assignment>(Select::rows::<Assignment>(
        "WHERE account_id = $1 AND id = $2",
        id(),
    ));
    let user = batch.add::<User>(Select::rows::<User>(
        &format!(
            "WHERE account_id = $1 AND id = {} AND deleted_at IS NULL AND status <> 'deactivated'",
            of("user_id")
        ),
        id(),
    ));
    let team = batch.add::<Team>(Select::rows::<Team>(
        &format!("WHERE account_id = $1 AND id = {}", of("team_id")),
        id(),
    ));
    let product = batch.add::<Product>(Select::rows::<Product>(
        &format!("WHERE account_id = $1 AND id = {}", of("product_id")),
        id(),
    ));
    let courses = batch.add::<Course>(Select::new(
        format!(
            "SELECT {} FROM courses JOIN product_courses pc ON pc.account_id = $1 AND pc.course_id = courses.id AND pc.product_id = {} \
             WHERE courses.account_id = $1 ORDER BY courses.name_key, courses.id",
            Course::selection(),
            of("product_id")
        ),
        id(),
    ));
    let settings = batch.add::<(JsonValue, String)>(Select::new(
        "SELECT settings, locale FROM accounts WHERE account_id = $1",
        Vec::new(),
    ));
    let mut rows = app.db.read(account, batch).await?;
    let (Some(assignment), Some(user), Some(team), Some(product)) = (
        rows.first(&assignment),
        rows.first(&user),
        rows.first(&team),
        rows.first(&product),
    ) else {
        return Ok(None);
    };
    let (settings, locale) = rows.first(&settings).unzip();
    Ok(Some(Facts {
        assignment,
        user,
        team: team.name.to_string(),
        product: product.name.to_string(),
        courses: rows
            .take(&courses)
            .into_iter()
            .map(|course| course.name.to_string())
            .collect(),
        settings: SeatSettings::of(settings.map(|settings| (settings,))),
        locale,
    }))
}

impl Facts {
    /// Queues a mail to the holder.
    pub(super) fn queue(
        &self,
        plan: &mut Plan,
        ids: &Ids,
        now: Timestamp,
        (kind, once_key): (TemplateKind, String),
        context: JsonValue,
    ) {
        let own = self.user.locale.as_ref().map(Language::as_str);
        outbox::queue(
            plan,
            ids,
            now,
            outbox::NewMail {
                kind,
                user_id: Some(self.user.id.to_string()),
                to: self.user.email.clone(),
                locale: reader_locale(own, self.locale.as_deref()),
                context,
                once_key: Some(once_key),
                link_id: None,
                provision_id: None,
            },
        );
    }
}

/// The language of a reader: their own, else the account's.
pub(super) fn reader_locale(own: Option<&str>, account: Option<&str>) -> Locale {
    own.and_then(|tag| Locale::parse(tag).ok())
        .or_else(|| Locale::parse(account?).ok())
        .unwrap_or_else(Locale::english)
}

/// Whether a mail of this key was queued before.
pub(super) async fn is_queued(app: &App, account: &AccountId, key: &str) -> Result<bool> {
    let known = app
        .db
        .first::<outbox::MailRow>(account, outbox::by_once_key(key))
        .await?;
    Ok(known.is_some())
}

/// Tells the holder of a place that they have it: once for each time it was given. Who moved up from the waiting line is
/// told so, unless the account's settings say otherwise.
pub async fn tell_of_place(app: &App, account: &AccountId, assignment_id: &str) -> Result<()> {
    let call = Call::system(account.clone(), "worker: notices", app.clock.now());
    commit(&app.db, &app.ids, &call, || async {
        let mut plan = Plan::new("seat.tell");
        let facts = facts(app, account, assignment_id).await?;
        let Some(facts) = facts.filter(|it| it.assignment.state == AssignmentState::Active) else {
            return Ok((plan, ()));
        };
        let waited = facts.assignment.waiting_at.is_some();
        if waited && !facts.settings.promoted_mail {
            return Ok((plan, ()));
        }
        let since = facts.assignment.starts_at.map_or(0, Timestamp::micros);
        let key = format!("seat-assigned:{assignment_id}:{since}");
        if is_queued(app, account, &key).await? {
            return Ok((plan, ()));
        }
        let kind = if waited {
            TemplateKind::WaitlistPromoted
        } else {
            TemplateKind::SeatAssigned
        };
        let product = json!({ "name": facts.product, "courses": facts.courses, "ends_at": facts.assignment.expires_at });
        let context = json!({ "team": facts.team, "products": [product] });
        facts.queue(&mut plan, &app.ids, call.now, (kind, key), context);
        Ok((plan, ()))
    })
    .await
    .map(|_| ())
}
