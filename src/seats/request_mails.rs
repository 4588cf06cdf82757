//! Mails about requests for places: to those who decide, while there is something to decide, and to whoever asked, once it
//! is decided. Each is queued by a job that reads what is true when it runs, and sent once.

use serde_json::json;

use super::assignment::{Assignment, AssignmentState};
use super::request::{SeatRequest, SeatRequestState};
use crate::access::Call;
use crate::app::App;
use crate::commit::commit;
use crate::db::{Batch, Select, Value};
use crate::email::{TemplateKind, outbox};
use crate::error::Result;
use crate::events::Plan;
use crate::locale::Locale;
use crate::params;
use crate::resources::User;
use crate::types::AccountId;

/// People who are told of one request at the most.
const DECIDERS: i64 = 50;

struct Facts {
    request: SeatRequest,
    user: User,
    team: String,
    product: String,
    locale: Option<String>,
    /// The owners and managers of the team, but for the one who asks.
    deciders: Vec<User>,
    place: Option<Assignment>,
    /// The once-keys of mails about the request that were queued before.
    queued: Vec<String>,
}

async fn facts(app: &App, account: &AccountId, request_id: &str) -> Result<Option<Facts>> {
    let id = || params![request_id.to_owned()];
    let of = |column: &str| {
        format!("(SELECT {column} FROM seat_requests WHERE account_id = $1 AND id = $2)")
    };
    let there = "deleted_at IS NULL AND status <> 'deactivated'";
    let mut batch = Batch::new();
    let request = batch.add::<SeatRequest>(Select::rows::<SeatRequest>(
        "WHERE account_id = $1 AND id = $2",
        id(),
    ));
    let user = batch.add::<User>(Select::rows::<User>(
        &format!(
            "WHERE account_id = $1 AND id = {} AND {there}",
            of("user_id")
        ),
        id(),
    ));
    let names = batch.add::<(String, String, String)>(Select::new(
        format!(
            "SELECT t.name, p.name, a.locale FROM teams t JOIN products p ON p.account_id = $1 AND p.id = {} JOIN accounts a ON a.account_id = $1 \
             WHERE t.account_id = $1 AND t.id = {}",
            of("product_id"),
            of("team_id")
        ),
        id(),
    ));
    let mut limited = id();
    limited.push(Value::Int(Some(DECIDERS)));
    let deciders = batch.add::<User>(Select::rows::<User>(
        &format!(
            "WHERE account_id = $1 AND {there} AND id <> {} AND id IN (SELECT m.user_id FROM team_members m WHERE m.account_id = $1 \
             AND m.team_id = {} AND m.role IN ('owner', 'manager')) ORDER BY id LIMIT $3",
            of("user_id"),
            of("team_id")
        ),
        limited,
    ));
    let place = batch.add::<Assignment>(Select::rows::<Assignment>(
        &format!("WHERE account_id = $1 AND id = {}", of("assignment_id")),
        id(),
    ));
    let queued = batch.add::<(String,)>(Select::new(
        "SELECT once_key FROM mails WHERE account_id = $1 AND once_key >= $2 AND once_key < $3",
        params![key(request_id, ""), format!("{}~", key(request_id, ""))],
    ));
    let mut rows = app.db.read(account, batch).await?;
    let (Some(request), Some(user), Some((team, product, locale))) =
        (rows.first(&request), rows.first(&user), rows.first(&names))
    else {
        return Ok(None);
    };
    Ok(Some(Facts {
        request,
        user,
        team,
        product,
        locale: Some(locale),
        deciders: rows.take(&deciders),
        place: rows.first(&place),
        queued: rows.take(&queued).into_iter().map(|(key,)| key).collect(),
    }))
}

/// What a mail to somebody about a request is sent once for.
fn key(request_id: &str, to: &str) -> String {
    format!("seat-request:{request_id}:{to}")
}

impl Facts {
    fn queue(
        &self,
        plan: &mut Plan,
        app: &App,
        call: &Call,
        (kind, to, about): (TemplateKind, &User, &str),
        context: serde_json::Value,
    ) {
        let once_key = key(self.request.id.as_str(), about);
        if self.queued.contains(&once_key) {
            return;
        }
        let own = to.locale.as_ref();
        let locale = own
            .and_then(|tag| Locale::parse(tag.as_str()).ok())
            .or_else(|| Locale::parse(self.locale.as_deref()?).ok());
        let mail = outbox::NewMail {
            kind,
            user_id: Some(to.id.to_string()),
            to: to.email.clone(),
            locale: locale.unwrap_or_else(Locale::english),
            context,
            once_key: Some(once_key),
            link_id: None,
            provision_id: None,
        };
        outbox::queue(plan, &app.ids, call.now, mail);
    }

    /// To those who decide.
    fn ask(&self, plan: &mut Plan, app: &App, call: &Call) {
        for decider in &self.deciders {
            let about = (TemplateKind::SeatRequested, decider, decider.id.as_str());
            let context = json!({
                "team": self.team,
                "team_id": self.request.team_id,
                "product": self.product,
                "person": self.user.display_name(),
                "note": self.request.note,
            });
            self.queue(plan, app, call, about, context);
        }
    }

    /// To whoever asked.
    fn answer(&self, plan: &mut Plan, app: &App, call: &Call) {
        let is_approved = self.request.state == SeatRequestState::Approved;
        let waits = |place: &Assignment| place.state == AssignmentState::Waitlisted;
        let context = json!({
            "team": self.team,
            "team_id": self.request.team_id,
            "product": self.product,
            "approved": is_approved,
            "waiting": is_approved && self.place.as_ref().is_some_and(waits),
            "ends_at": self.place.as_ref().and_then(|place| place.expires_at),
            "reason": self.request.reason,
        });
        let about = (TemplateKind::SeatRequestDecided, &self.user, "decided");
        self.queue(plan, app, call, about, context);
    }
}

/// Tells those whom a request concerns, as it stands now.
pub async fn tell_of_request(app: &App, account: &AccountId, request_id: &str) -> Result<()> {
    let call = Call::system(account.clone(), "worker: notices", app.clock.now());
    commit(&app.db, &app.ids, &call, || async {
        let mut plan = Plan::new("seat_request.tell");
        if let Some(facts) = facts(app, account, request_id).await? {
            match facts.request.state {
                SeatRequestState::Pending => facts.ask(&mut plan, app, &call),
                SeatRequestState::Approved | SeatRequestState::Declined => {
                    facts.answer(&mut plan, app, &call);
                }
                SeatRequestState::Cancelled => {}
            }
        }
        Ok((plan, ()))
    })
    .await
    .map(|_| ())
}
