//! Whoever follows the events of an account while they happen: told when there is something new, and when to end.
//!
//! However many follow an account here, its last sequence is asked for by one read after each write of this process, and
//! once a second for what other nodes have written. The same read tells which of their keys are still good. Between two
//! events a follower holds nothing but its place in the list.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::access::Caller;
use crate::app::App;
use crate::db::{Batch, Select};
use crate::error::{Code, Error, Result};
use crate::params;
use crate::types::{AccountId, json_list};

/// Streams of one key on one node at the most.
pub const STREAMS_OF_A_KEY: usize = 10;
/// So often the feed is looked at when nothing is written here.
const POLL: Duration = Duration::from_secs(1);
/// After a write this is waited for others.
const GATHER: Duration = Duration::from_millis(50);

/// What those who follow an account are told.
#[derive(Debug, Clone, Default)]
pub struct News {
    /// The last sequence of the account's feed.
    pub sequence: i64,
    /// Keys among theirs that are not good any more.
    ended: Arc<BTreeSet<String>>,
}

/// Who follows which account here.
#[derive(Default)]
pub struct Streams(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    is_closing: bool,
    accounts: HashMap<AccountId, Followed>,
}

struct Followed {
    news: watch::Sender<News>,
    /// How many streams each key has.
    keys: BTreeMap<String, usize>,
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One stream; its place is free again when it is dropped.
pub struct Follower {
    state: Arc<Mutex<State>>,
    account: AccountId,
    key: String,
    news: watch::Receiver<News>,
}

impl Follower {
    /// What is known at this moment; none when the stream is to end.
    pub fn news(&mut self) -> Option<News> {
        let news = self.news.borrow_and_update().clone();
        (!news.ended.contains(&self.key) && !lock(&self.state).is_closing).then_some(news)
    }

    /// Waits for something else to be told; false when there will be nothing more.
    pub async fn changed(&mut self) -> bool {
        self.news.changed().await.is_ok()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let mut state = lock(&self.state);
        let Some(followed) = state.accounts.get_mut(&self.account) else {
            return;
        };
        if let Some(count) = followed.keys.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                followed.keys.remove(&self.key);
            }
        }
    }
}

/// Begins to follow the account of a caller. 429 `too_many_streams` where their key has as many as it may.
pub async fn follow(app: &App, caller: &Caller) -> Result<Follower> {
    let account = caller.account.clone();
    let key = caller.actor.id.as_deref().unwrap_or_default().to_owned();
    let first = look(app, &account, &[]).await?;
    let streams = Arc::clone(&app.streams.0);
    let mut state = lock(&streams);
    if state.is_closing {
        return Err(Error::new(Code::Unavailable, "This node is shutting down.").retry_after(1));
    }
    let is_new = !state.accounts.contains_key(&account);
    let followed = state
        .accounts
        .entry(account.clone())
        .or_insert_with(|| Followed {
            news: watch::Sender::new(first),
            keys: BTreeMap::new(),
        });
    let count = followed.keys.entry(key.clone()).or_default();
    if *count >= STREAMS_OF_A_KEY {
        return Err(Error::new(
            Code::TooManyStreams,
            format!("This key has {STREAMS_OF_A_KEY} streams open. Close one first, or read one stream for all."),
        )
        .retry_after(1));
    }
    *count += 1;
    let news = followed.news.subscribe();
    drop(state);
    if is_new {
        crate::tasks::spawn(watch_feed(app.clone(), account.clone()));
    }
    Ok(Follower {
        state: streams,
        account,
        key,
        news,
    })
}

/// Ends all streams, and takes no new ones.
pub fn close(app: &App) {
    let mut state = lock(&app.streams.0);
    state.is_closing = true;
    // Whoever waits for news of an account whose sender is gone goes on, and sees that it is the end.
    state.accounts.clear();
}

/// Looks at the feed of an account as long as somebody follows it.
async fn watch_feed(app: App, account: AccountId) {
    loop {
        // Made before anything is read, so that no write between the reading and the waiting goes unnoticed.
        let written = app.db.written();
        let Some(keys) = keys_of(&app, &account) else {
            return;
        };
        match look(&app, &account, &keys).await {
            Ok(news) => tell(&app, &account, news),
            Err(error) => {
                tracing::warn!(%account, ?error, "the feed of events could not be looked at");
            }
        }
        tokio::select! {
            () = tokio::time::sleep(POLL) => {}
            () = written => tokio::time::sleep(GATHER).await,
        }
    }
}

/// The keys that follow an account. Where nobody does any more it is forgotten.
fn keys_of(app: &App, account: &AccountId) -> Option<Vec<String>> {
    let mut state = lock(&app.streams.0);
    let keys: Vec<String> = state.accounts.get(account)?.keys.keys().cloned().collect();
    if keys.is_empty() {
        state.accounts.remove(account);
        return None;
    }
    Some(keys)
}

fn tell(app: &App, account: &AccountId, news: News) {
    let state = lock(&app.streams.0);
    let Some(followed) = state.accounts.get(account) else {
        return;
    };
    followed.news.send_if_modified(|known| {
        let is_new = known.sequence != news.sequence || known.ended != news.ended;
        *known = news;
        is_new
    });
}

/// The account's last sequence, and which of these keys are not good any more.
async fn look(app: &App, account: &AccountId, keys: &[String]) -> Result<News> {
    let mut batch = Batch::new();
    let last = batch.add::<(i64,)>(Select::new(
        "SELECT last_sequence FROM accounts WHERE account_id = $1",
        Vec::new(),
    ));
    let good = batch.add::<(String,)>(Select::new(
        "SELECT k.id FROM api_keys k WHERE k.account_id = $1 AND k.id IN (SELECT value FROM JSON_LIST($2) AS l) AND k.revoked_at IS NULL \
         AND (k.expires_at IS NULL OR k.expires_at > $3) AND EXISTS (SELECT 1 FROM api_key_secrets s WHERE s.account_id = $1 AND s.key_id = k.id \
         AND (s.expires_at IS NULL OR s.expires_at > $3))",
        params![
            json_list(keys),
            app.clock.now()
        ],
    ));
    let mut rows = app.db.read(account, batch).await?;
    let good: BTreeSet<String> = rows.take(&good).into_iter().map(|(id,)| id).collect();
    let ended = keys.iter().filter(|key| !good.contains(*key)).cloned();
    Ok(News {
        sequence: rows.first(&last).map_or(0, |(last,)| last),
        ended: Arc::new(ended.collect()),
    })
}
