//! Mails over HTTP: what was written to whom, what became of it, and another attempt for what failed.

use axum::http::Method;
use schemars::JsonSchema;
use serde::Serialize;

use super::crud::{self, Paths, conditional};
use super::endpoint::Endpoint;
use super::reply::Reply;
use super::request::Request;
use super::write::write;
use crate::access::{Permission, again, links};
use crate::app::App;
use crate::db::{Batch, Select};
use crate::email::outbox::{self, MailRow, MailState};
use crate::error::{Code, Error, Result};
use crate::events::Plan;
use crate::params;
use crate::records;
use crate::types::Ref;

const PATHS: Paths = Paths {
    list: "/mails",
    one: "/mails/{id}",
};

/// A mail with its text.
#[derive(Debug, Serialize, JsonSchema)]
struct MailWithText {
    /// The mail.
    #[serde(flatten)]
    mail: MailRow,
    /// Its text, where it was caught here because there is no mail server. Not shown to a caller who may do less than its
    /// reader.
    text: Option<String>,
    /// The same as HTML.
    html: Option<String>,
    /// The sign-in link in it, while it works. Not shown to a caller who may do less than its reader.
    sign_in_url: Option<String>,
}

/// The operations.
pub fn endpoints() -> Vec<Endpoint> {
    let mut list = crud::reads::<MailRow>(&PATHS);
    for endpoint in &mut list {
        if endpoint.path == PATHS.one {
            *endpoint = endpoint
                .clone()
                .runs(get)
                .about(
                    "Get one mail",
                    "How far it has come, with the server's last words; its text where it was caught here, and the sign-in link in it while that works.",
                )
                .gives::<MailWithText>(200);
            endpoint.query.clear();
        }
    }
    list.push(
        Endpoint::new(Method::POST, "/mails/{id}/retry", "retry_mail", "mails", retry)
            .about("Send a failed mail again", "Written anew from what is true now, under the same Message-ID. Only for a mail that is `failed`.")
            .scope(Permission::JobsWrite)
            .gives::<MailRow>(200)
            .problems(&[Code::NotFound, Code::StateConflict]),
    );
    list
}

async fn get(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let caller = &request.call.caller;
    let mail: MailRow = records::find(&app.db, caller, &request.reference(0)?).await?;
    let mut batch = Batch::new();
    let bodies = batch.add::<(String, String)>(outbox::bodies(&mail.id));
    let live = batch.add::<(String,)>(Select::new(
        "SELECT id FROM sign_in_links WHERE account_id = $1 AND id = $2 AND used_at IS NULL AND expires_at > $3",
        params![mail.link_id, request.call.now],
    ));
    let mut rows = app.db.read(&caller.account, batch).await?;
    // Whoever reads a link can use it: nobody opens a door to more than they hold themselves.
    let may_see = match &mail.user_id {
        Some(user) => again::may_act_as(&app, caller, user).await?,
        None => true,
    };
    let (text, html) = rows.first(&bodies).filter(|_| may_see).unzip();
    let link = rows.first(&live).filter(|_| may_see);
    let shown = MailWithText {
        sign_in_url: link.map(|(id,)| links::url(&app, &caller.account, &id)),
        mail,
        text,
        html,
    };
    let reply = Reply::json(200, &shown)?.with_etag();
    Ok(conditional(reply, request.if_none_match.as_deref()))
}

async fn retry(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let reference: Ref<MailRow> = request.reference(0)?;
    write(&app, &request, || async {
        let mail: MailRow = records::find(&app.db, &request.call.caller, &reference).await?;
        if mail.state != MailState::Failed {
            return Err(
                Error::new(Code::StateConflict, "Only a failed mail can be sent again.")
                    .with("state", mail.state.as_str()),
            );
        }
        let mut plan = Plan::new("mail.retry");
        outbox::retry(&mut plan, &mail);
        let queued = MailRow {
            state: MailState::Queued,
            ..mail
        };
        Ok((plan, Reply::json(200, &queued)?))
    })
    .await
}
