//! A write over HTTP: the plan is carried out, its answer remembered with it, its repeats answered from memory.

use std::future::Future;

use super::idempotency::Idempotency;
use super::reply::Reply;
use super::request::Request;
use crate::access::Call;
use crate::app::App;
use crate::commit::{REMEMBERED, commit};
use crate::error::{Code, Error, Result};
use crate::events::Plan;

/// Carries out a planned write for a request: dry run, Idempotency-Key and races included.
pub async fn write<F, Fut>(app: &App, request: &Request, plan: F) -> Result<Reply>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<(Plan, Reply)>>,
{
    let call = &request.call;
    let Some(idempotency) = request.idempotency.as_ref().filter(|_| !call.dry_run) else {
        let done = commit(&app.db, &app.ids, call, &plan).await?;
        return Ok(match done.planned {
            Some(changes) => done.value.as_dry_run(changes),
            None => done.value,
        });
    };
    let _place = idempotency.enter(app, call)?;
    let remembered = || async {
        let (mut made, reply) = plan().await?;
        made.remember(idempotency.remember(call, &reply));
        Ok((made, reply))
    };
    let error = match commit(&app.db, &app.ids, call, remembered).await {
        Ok(done) => return Ok(done.value),
        Err(error) => error,
    };
    // Either a repeat, or a refusal: a repeat is answered as the first was, a lasting refusal is kept for repeats.
    if let Some(reply) = idempotency.recall(app, call).await? {
        return Ok(reply);
    }
    if is_lasting(&error) {
        let told = Reply::problem(&error, &call.request_id);
        let reply = keep(app, call, idempotency, told).await?;
        if !reply.counts {
            return Ok(reply);
        }
    }
    Err(error)
}

/// Remembers an answer that no plan carries. Gives it, or the one that another node has remembered meanwhile.
pub async fn keep(
    app: &App,
    call: &Call,
    idempotency: &Idempotency,
    reply: Reply,
) -> Result<Reply> {
    let row = vec![idempotency.remember(call, &reply)];
    match app.db.write(call.account(), row).await {
        Ok(_) => Ok(reply),
        Err(fault) if fault.is_constraint(REMEMBERED) => {
            Ok(idempotency.recall(app, call).await?.unwrap_or(reply))
        }
        Err(fault) => Err(fault.into()),
    }
}

/// Statuses of refusals that may last.
pub const fn is_lasting_status(status: u16) -> bool {
    matches!(status, 400..500) && !matches!(status, 401 | 403 | 429)
}

/// Refusals that the same request would meet again.
fn is_lasting(error: &Error) -> bool {
    let code = error.code();
    is_lasting_status(code.status()) && !code.is_retryable() && code != Code::PreconditionFailed
}
