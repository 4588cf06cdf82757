//! The limits of a link: one conditional update when somebody joins, and a count of those who were refused.

use super::link::Link;
use crate::access::Call;
use crate::app::App;
use crate::db::Statement;
use crate::error::{Code, Error, Result};
use crate::params;
use crate::seats::actions::record_denial;
use crate::types::{AccountId, Id, Timestamp};

/// Counts so many uses of a link that is open at this moment and has that many left.
pub(super) fn use_open(link: &Link, now: Timestamp) -> Statement {
    Statement::guarded(
        "UPDATE links SET used = used + 1, version = version + 1, updated_at = $2 WHERE account_id = $1 AND id = $3 AND NOT paused \
         AND (max_uses IS NULL OR used < max_uses) AND (starts_at IS NULL OR starts_at <= $2) AND (expires_at IS NULL OR expires_at > $2)",
        params![now, link.id.clone()],
    )
}

/// Counts so many uses by decision: whoever decides is not bound by pause and times, but by the number.
pub(super) fn use_by_decision(link: &Link, uses: i64, now: Timestamp) -> Statement {
    Statement::guarded(
        "UPDATE links SET used = used + $2, version = version + 1, updated_at = $3 WHERE account_id = $1 AND id = $4 \
         AND (max_uses IS NULL OR used + $2 <= max_uses)",
        params![uses, now, link.id.clone()],
    )
}

/// Whether an error is one of a link's refusals, and not a fault.
pub fn is_refusal(error: &Error) -> bool {
    matches!(
        error.code(),
        Code::LinkPaused
            | Code::LinkNotStarted
            | Code::LinkExpired
            | Code::LinkUsedUp
            | Code::DomainNotAllowed
            | Code::SeatsExhausted
    )
}

/// Counts a refusal by its reason. One that cannot be counted is told to the log alone: the person gets their answer.
pub(super) async fn count_refusal(
    app: &App,
    account: &AccountId,
    link: &Id<Link>,
    error: &Error,
    now: Timestamp,
) {
    if !is_refusal(error) {
        return;
    }
    let count = Statement::new(
        "INSERT INTO link_refusals (account_id, link_id, reason, refused, last_at) VALUES ($1, $2, $3, 1, $4) \
         ON CONFLICT (account_id, link_id, reason) DO UPDATE SET refused = link_refusals.refused + 1, last_at = excluded.last_at",
        params![link.clone(), error.code().as_str().to_owned(), now],
    );
    let counted: Result<()> = async {
        app.db.write(account, vec![count]).await?;
        let call = Call::system(account.clone(), "link", now);
        record_denial(&app.db, &app.ids, &call, error, "link").await
    }
    .await;
    if let Err(error) = counted {
        tracing::warn!(%error, "a refusal of a link was not counted");
    }
}
