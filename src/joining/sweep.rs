//! Requests whose address was never confirmed are removed when their time is over: they may be anybody's.

use crate::app::App;
use crate::db::Statement;
use crate::error::Result;
use crate::params;
use crate::types::AccountId;

/// So many are removed by one write.
const AT_ONCE: i64 = 500;

/// Removes what was never confirmed.
pub async fn sweep(app: &App, account: &AccountId) -> Result<()> {
    loop {
        let lapsed = Statement::new(
            "DELETE FROM link_requests WHERE account_id = $1 AND state = 'unconfirmed' AND id IN \
             (SELECT id FROM link_requests WHERE account_id = $1 AND state = 'unconfirmed' AND expires_at <= $2 ORDER BY expires_at LIMIT $3)",
            params![app.clock.now(), AT_ONCE],
        );
        let removed: u64 = app.db.write(account, vec![lapsed]).await?.into_iter().sum();
        if removed < AT_ONCE.unsigned_abs() {
            return Ok(());
        }
    }
}
