//! How often the page of a link was opened: counted in memory, and written together a moment later.
//!
//! A page that is opened by a whole hall at once costs one write for each link and moment, and no request waits for it.
//! What a node has counted and not written yet is lost with it when it dies; one that ends in order writes it first.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::link::Link;
use crate::app::App;
use crate::db::Statement;
use crate::params;
use crate::types::{AccountId, Id};

/// How long counts are gathered.
const GATHER: Duration = Duration::from_secs(2);

type Counts = HashMap<AccountId, HashMap<Id<Link>, i64>>;

/// Counts that are not written yet.
#[derive(Debug, Default)]
pub struct Views(Mutex<Counts>);

impl Views {
    /// Adds to a link's count and tells whether it is the first one to be written.
    fn add(&self, account: &AccountId, link: &Id<Link>, views: i64) -> bool {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = counts.is_empty();
        let of_account = counts.entry(account.clone()).or_default();
        *of_account.entry(link.clone()).or_default() += views;
        is_first
    }

    fn take(&self) -> Counts {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Counts that the page of a link was opened.
pub fn count(app: &App, account: &AccountId, link: &Id<Link>) {
    if app.link_views.add(account, link, 1) {
        let app = app.clone();
        crate::tasks::spawn(async move {
            tokio::time::sleep(GATHER).await;
            write(&app).await;
        });
    }
}

/// Writes what was counted. What cannot be written is counted again for the next time.
pub async fn write(app: &App) {
    let now = app.clock.now();
    for (account, counts) in app.link_views.take() {
        let statement = |(link, views): (&Id<Link>, &i64)| {
            Statement::new(
                "INSERT INTO link_views (account_id, link_id, views, first_at, last_at) SELECT $1, l.id, $2, $3, $3 FROM links l \
                 WHERE l.account_id = $1 AND l.id = $4 ON CONFLICT (account_id, link_id) DO UPDATE \
                 SET views = link_views.views + excluded.views, last_at = excluded.last_at",
                params![*views, now, link.clone()],
            )
        };
        let list = counts.iter().map(statement).collect();
        if let Err(error) = app.db.write(&account, list).await {
            tracing::warn!(%account, %error, "the views of links were not written");
            for (link, views) in counts {
                app.link_views.add(&account, &link, views);
            }
        }
    }
}
