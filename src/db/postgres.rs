//! PostgreSQL: a pool of connections, reads in one round trip, writes as one statement.
//!
//! A list of writes goes out as one data-modifying CTE. The statement is its own transaction, so it is whole or not at
//! all whatever happens to the caller: a dropped request leaves no session idle in a transaction and no lock behind.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::fmt::Write as _;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Metrics, Object, Pool, RecyclingMethod, Runtime,
};
use tokio_postgres::types::{ToSql, Type};

use super::batch::Entry;
use super::portable::{Dialect, check_tenant, translate, written_table};
use super::{DbError, DbSettings, Expect, Reader, Select, Statement, Value};

/// So many texts are kept prepared; past it they are forgotten together and prepared anew.
const PREPARED_MAX: usize = 1000;
/// How long a connection keeps the plans of its prepared statements. PostgreSQL plans by the size that tables have at
/// the time, and would keep the plan of a small one until statistics are gathered anew, long after an import.
const PLANS_KEPT: Duration = Duration::from_secs(10);
/// Of so many connections of the pool one is shared by brief reads.
const POOL_FOR_LANE: usize = 8;
/// So many brief reads may be under way on one connection; further ones take one of their own.
const LANE_MAX: usize = 16;
/// A shared connection that has not answered for so long is left alone until it does: something is in the way.
const LANE_STUCK: Duration = Duration::from_millis(20);

pub(super) struct Postgres {
    pool: Pool,
    lanes: Vec<Lane>,
    texts: RwLock<HashMap<u64, Arc<str>>>,
}

/// A connection that brief reads share, the next sent before the one before is answered: the server goes from one to the
/// next without waking up in between.
struct Lane {
    held: RwLock<Option<Held>>,
    is_being_renewed: AtomicBool,
    begun: Instant,
    /// When it last answered, or was asked with nothing else under way: microseconds since it was begun.
    moved: AtomicU64,
}

struct Held {
    client: Arc<Object>,
    since: Instant,
}

/// What a brief read goes by. While it waits for the pool it holds no connection: all might wait for those that all hold.
enum Way<'l> {
    Shared(Arc<Object>, &'l Lane),
    Renewing(Renewal<'l>),
    Alone,
}

/// The renewal of a lane, of which there is one at a time; ended with this, however that goes.
struct Renewal<'l>(&'l Lane);

impl Drop for Renewal<'_> {
    fn drop(&mut self) {
        self.0.is_being_renewed.store(false, Ordering::Release);
    }
}

impl Lane {
    fn new() -> Self {
        Self {
            held: RwLock::default(),
            is_being_renewed: AtomicBool::new(false),
            begun: Instant::now(),
            moved: AtomicU64::new(0),
        }
    }

    /// The connection, unless it has ended or it is time to hand it back to the pool, which looks after it.
    fn held(&self) -> Option<Arc<Object>> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.as_ref()
            .filter(|held| held.since.elapsed() < PLANS_KEPT && !held.client.is_closed())
            .map(|held| Arc::clone(&held.client))
    }

    /// Hands its connection back, for one that the caller is to find; nothing where another caller is at it.
    fn renew(&self) -> Option<Renewal<'_>> {
        if self.is_being_renewed.swap(true, Ordering::AcqRel) {
            return None;
        }
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = None;
        Some(Renewal(self))
    }

    fn hold(&self, client: &Arc<Object>) {
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = Some(Held {
            client: Arc::clone(client),
            since: Instant::now(),
        });
        self.move_on();
    }

    fn move_on(&self) {
        let micros = u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.moved.store(micros, Ordering::Relaxed);
    }

    fn is_stuck(&self) -> bool {
        let moved = Duration::from_micros(self.moved.load(Ordering::Relaxed));
        self.begun.elapsed().saturating_sub(moved) > LANE_STUCK
    }
}

/// A read that can be sent.
enum Ready {
    Prepared(tokio_postgres::Statement),
    /// Planned for its parameters.
    Text(Arc<str>),
}

impl Postgres {
    pub(super) fn open(url: &str, settings: &DbSettings) -> Result<Self, DbError> {
        let manager = Manager::from_config(
            config(url, settings)?,
            tls(),
            ManagerConfig {
                recycling_method: RecyclingMethod::Fast,
            },
        );
        let pool = Pool::builder(manager)
            .max_size(settings.pool_size)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(settings.acquire_timeout))
            .create_timeout(Some(settings.acquire_timeout))
            .post_recycle(Hook::async_fn(|client, metrics| {
                Box::pin(async move {
                    if is_first_of_its_period(metrics) {
                        let discarded = client.batch_execute("DISCARD PLANS").await;
                        discarded.map_err(HookError::Backend)?;
                    }
                    Ok(())
                })
            }))
            .build()
            .map_err(|error| DbError::Internal(error.into()))?;
        Ok(Self {
            pool,
            lanes: (0..settings.pool_size / POOL_FOR_LANE)
                .map(|_| Lane::new())
                .collect(),
            texts: RwLock::default(),
        })
    }

    pub(super) async fn client(&self) -> Result<Object, DbError> {
        let client = self.pool.get().await?;
        if client.statement_cache.size() > PREPARED_MAX {
            client.statement_cache.clear();
        }
        Ok(client)
    }

    /// A connection for a brief read, with the lane it is of, if it is shared.
    async fn shared(&self) -> Result<(Arc<Object>, Option<&Lane>), DbError> {
        let renewal = match self.way() {
            Way::Shared(client, lane) => return Ok((client, Some(lane))),
            Way::Renewing(renewal) => Some(renewal),
            Way::Alone => None,
        };
        let client = Arc::new(self.client().await?);
        let lane = renewal.map(|renewal| {
            renewal.0.hold(&client);
            renewal.0
        });
        Ok((client, lane))
    }

    /// The lane on which the fewest brief reads are under way, or one that has no connection and gets none yet; for want
    /// of both a connection alone.
    fn way(&self) -> Way<'_> {
        let mut quietest: Option<(usize, Arc<Object>, &Lane)> = None;
        for lane in &self.lanes {
            let Some(client) = lane.held() else {
                match lane.renew() {
                    Some(renewal) => return Way::Renewing(renewal),
                    None => continue,
                }
            };
            // Two of the holders are this one and the lane, if it has no other by now.
            let busy = Arc::strong_count(&client).saturating_sub(2);
            if busy == 0 {
                lane.move_on();
                return Way::Shared(client, lane);
            }
            let is_least = quietest.as_ref().is_none_or(|(least, ..)| busy < *least);
            if is_least && busy < LANE_MAX && !lane.is_stuck() {
                quietest = Some((busy, client, lane));
            }
        }
        quietest.map_or(Way::Alone, |(_, client, lane)| Way::Shared(client, lane))
    }

    fn cached(
        &self,
        key: u64,
        make: impl FnOnce() -> Result<String, DbError>,
    ) -> Result<Arc<str>, DbError> {
        if let Some(text) = self
            .texts
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
        {
            return Ok(Arc::clone(text));
        }
        let text: Arc<str> = make()?.into();
        let mut texts = self.texts.write().unwrap_or_else(PoisonError::into_inner);
        if texts.len() > 4 * PREPARED_MAX {
            texts.clear();
        }
        texts.insert(key, Arc::clone(&text));
        Ok(text)
    }

    /// All reads of a batch on one connection, sent together in their order, answered in one round trip. Each sees what was
    /// committed before it began.
    pub(super) async fn read(
        &self,
        account: &Value,
        entries: &mut [Entry],
        scan: bool,
    ) -> Result<(), DbError> {
        let (client, lane) = if entries.iter().all(|entry| entry.select.is_brief) {
            self.shared().await?
        } else {
            (Arc::new(self.client().await?), None)
        };
        // All are prepared before the first is sent, so that they are read in the order in which they were added.
        let ready = entries
            .iter()
            .map(|entry| self.prepare(&client, account, &entry.select, scan));
        let ready = futures::future::try_join_all(ready).await?;
        let reads = entries
            .iter_mut()
            .zip(&ready)
            .map(|(entry, ready)| Self::fetch(&client, account, ready, entry));
        futures::future::try_join_all(reads).await?;
        if let Some(lane) = lane {
            lane.move_on();
        }
        Ok(())
    }

    async fn prepare(
        &self,
        client: &Object,
        account: &Value,
        select: &Select,
        scan: bool,
    ) -> Result<Ready, DbError> {
        let text = self.cached(hash_one(&select.sql), || {
            if !scan {
                check_tenant(&select.sql)?;
            }
            Ok(translate(&select.sql, Dialect::Postgres).into_owned())
        })?;
        if select.is_planned_anew {
            return Ok(Ready::Text(text));
        }
        let params = std::iter::once(account).chain(&select.params);
        let types: Vec<Type> = params.map(Value::postgres_type).collect();
        let statement = client.prepare_typed_cached(&text, &types).await?;
        Ok(Ready::Prepared(statement))
    }

    async fn fetch(
        client: &Object,
        account: &Value,
        ready: &Ready,
        entry: &mut Entry,
    ) -> Result<(), DbError> {
        let params = std::iter::once(account).chain(&entry.select.params);
        let rows = match ready {
            Ready::Text(text) => {
                let typed: Vec<(&(dyn ToSql + Sync), Type)> = params
                    .map(|value| (value as &(dyn ToSql + Sync), value.postgres_type()))
                    .collect();
                client.query_typed(text, &typed).await?
            }
            Ready::Prepared(statement) => {
                let params: Vec<&(dyn ToSql + Sync)> =
                    params.map(|value| value as &(dyn ToSql + Sync)).collect();
                client.query(statement, &params).await?
            }
        };
        for row in rows {
            entry.sink.push(&mut Reader::postgres(&row))?;
        }
        Ok(())
    }

    /// A list of writes as one statement: all of it, or nothing.
    pub(super) async fn write(
        &self,
        account: &Value,
        statements: &[Statement],
    ) -> Result<Vec<u64>, DbError> {
        let text = self.cached(hash_all(statements), || merge(statements))?;
        let own = statements.iter().flat_map(|statement| &statement.params);
        let params: Vec<&Value> = std::iter::once(account).chain(own).collect();
        let types: Vec<Type> = params.iter().map(|value| value.postgres_type()).collect();
        let client = self.client().await?;
        let statement = client.prepare_typed_cached(&text, &types).await?;
        let params: Vec<&(dyn ToSql + Sync)> = params
            .into_iter()
            .map(|value| value as &(dyn ToSql + Sync))
            .collect();
        let row = client.query_one(&statement, &params).await?;
        (0..statements.len())
            .map(|n| Ok(u64::try_from(row.try_get::<_, i64>(n)?).unwrap_or(0)))
            .collect()
    }
}

/// Whether a connection is taken for the first time in one of the periods of its life.
fn is_first_of_its_period(metrics: &Metrics) -> bool {
    let taken = metrics.recycled.unwrap_or(metrics.created);
    let period = |age: Duration| age.as_secs() / PLANS_KEPT.as_secs();
    period(metrics.age()) != period(taken.duration_since(metrics.created))
}

/// Joins writes into `WITH w0 AS (… RETURNING 1), … SELECT count…`. All see the rows as they were before the first of
/// them, so no two may touch one row; what one wants to know of a row that another has written stands in that one's
/// `RETURNING`. A guard that changed nothing divides by zero, which undoes the whole.
fn merge(statements: &[Statement]) -> Result<String, DbError> {
    let mut text = String::from("WITH ");
    let mut offset = 0;
    let written = statements
        .iter()
        .enumerate()
        .map(|(n, statement)| written_before(statements, n, statement))
        .collect::<Result<Vec<_>, _>>()?;
    for (n, statement) in statements.iter().enumerate() {
        check_tenant(&statement.sql)?;
        let comma = if n == 0 { "" } else { ", " };
        let wanted = written.iter().flatten().find(|(_, writer)| *writer == n);
        let returned = wanted.map_or_else(|| "1".to_owned(), |(table, _)| format!("{table}.*"));
        let mut own = renumber(&translate(&statement.sql, Dialect::Postgres), offset);
        if let Some(Some((table, writer))) = written.get(n) {
            own = own.replace(&format!("WRITTEN({table})"), &format!("w{writer}"));
        }
        let _ = write!(text, "{comma}w{n} AS ({own} RETURNING {returned})");
        offset += statement.params.len();
    }
    for (n, statement) in statements.iter().enumerate() {
        let word = if n == 0 { " SELECT " } else { ", " };
        let count = format!("(SELECT count(*) FROM w{n})");
        let _ = match statement.expect {
            Expect::Any => write!(text, "{word}{count}"),
            Expect::Some => write!(
                text,
                "{word}{count} / CASE WHEN {count} = 0 THEN 0 ELSE 1 END"
            ),
            Expect::Exactly(wanted) => write!(
                text,
                "{word}{count} / CASE WHEN {count} = {wanted} THEN 1 ELSE 0 END"
            ),
        };
    }
    Ok(text)
}

/// The table of which a statement reads `WRITTEN(table)`, and the place of the nearest write of it before.
fn written_before<'s>(
    statements: &[Statement],
    place: usize,
    statement: &'s Statement,
) -> Result<Option<(&'s str, usize)>, DbError> {
    let Some(table) = written_table(&statement.sql) else {
        return Ok(None);
    };
    let writes = |before: &Statement| {
        let sql = before.sql.trim_start();
        ["UPDATE ", "INSERT INTO "].iter().any(|verb| {
            sql.strip_prefix(verb)
                .and_then(|rest| rest.strip_prefix(table))
                .is_some_and(|rest| rest.starts_with(' '))
        })
    };
    let before = statements.iter().take(place).rposition(writes);
    before.map(|writer| Some((table, writer))).ok_or_else(|| {
        DbError::Internal(format!("nothing writes {table} before: {}", statement.sql).into())
    })
}

/// Moves `$2`, `$3`, … on by the offset; `$1`, the account, is everybody's.
fn renumber(sql: &str, offset: usize) -> String {
    let mut out = String::with_capacity(sql.len() + 16);
    let mut rest = sql;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = after.split_at(digits);
        let number: usize = number.parse().unwrap_or(1);
        let _ = write!(out, "${}", if number == 1 { 1 } else { number + offset });
        rest = tail;
    }
    out.push_str(rest);
    out
}

fn hash_one(sql: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    sql.hash(&mut hasher);
    hasher.finish()
}

fn hash_all(statements: &[Statement]) -> u64 {
    let mut hasher = DefaultHasher::new();
    statements.len().hash(&mut hasher);
    for statement in statements {
        statement.sql.hash(&mut hasher);
        statement.expect.hash(&mut hasher);
    }
    hasher.finish()
}

fn config(url: &str, settings: &DbSettings) -> Result<tokio_postgres::Config, DbError> {
    let mut config: tokio_postgres::Config = url
        .parse()
        .map_err(|_| DbError::Internal("database.url is not a PostgreSQL address".into()))?;
    let timeout = settings.statement_timeout.as_millis();
    // Nothing may wait or hold for ever, however a client or a node ends. And no statement wants to read a table from end to
    // end: one that was prepared while its table was small would do so until statistics are gathered anew.
    let limits = format!(
        "-c enable_seqscan=off -c statement_timeout={timeout} -c lock_timeout={timeout} -c idle_in_transaction_session_timeout=10000 \
         -c client_min_messages=warning -c jit=off"
    );
    let options = config
        .get_options()
        .map_or_else(|| limits.clone(), |given| format!("{limits} {given}"));
    config
        .options(options)
        .application_name("b2b-dashboard")
        .connect_timeout(Duration::from_secs(5));
    config
        .keepalives_idle(Duration::from_secs(30))
        .tcp_user_timeout(Duration::from_secs(30));
    Ok(config)
}

fn tls() -> tokio_postgres_rustls::MakeRustlsConnect {
    let roots = rustls::RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = builder.map_or_else(
        |_| {
            rustls::ClientConfig::builder()
                .with_root_certificates(roots.clone())
                .with_no_client_auth()
        },
        |builder| {
            builder
                .with_root_certificates(roots.clone())
                .with_no_client_auth()
        },
    );
    tokio_postgres_rustls::MakeRustlsConnect::new(config)
}

/// A connection outside the pool, for migrations and checks.
pub(super) async fn connect(
    url: &str,
    settings: &DbSettings,
) -> Result<tokio_postgres::Client, DbError> {
    let mut config = config(url, settings)?;
    config.options("-c client_min_messages=warning");
    let (client, connection) = config
        .connect(tls())
        .await
        .map_err(|error| match DbError::from(error) {
            DbError::Internal(source) => DbError::Unavailable(source),
            other => other,
        })?;
    crate::tasks::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a database connection has ended");
        }
    });
    Ok(client)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_becomes_one_statement() {
        let list = [
            Statement::new(
                "INSERT INTO a (account_id, x) VALUES ($1, $2)",
                vec![Value::Int(Some(1))],
            ),
            Statement::guarded(
                "UPDATE b SET x = $2 WHERE account_id = $1 AND y = $3",
                vec![Value::Int(Some(1)), Value::Int(None)],
            ),
        ];
        assert_eq!(
            merge(&list).expect("a text"),
            "WITH w0 AS (INSERT INTO a (account_id, x) VALUES ($1, $2) RETURNING 1), \
             w1 AS (UPDATE b SET x = $3 WHERE account_id = $1 AND y = $4 RETURNING 1) \
             SELECT (SELECT count(*) FROM w0), (SELECT count(*) FROM w1) / CASE WHEN (SELECT count(*) FROM w1) = 0 THEN 0 ELSE 1 END"
        );
    }

    #[test]
    fn what_was_written_before_is_read_from_its_own_statement() {
        let update = "UPDATE a SET x = x + $2 WHERE account_id = $1";
        let reads = "INSERT INTO b (account_id, y) SELECT $1, w.x FROM WRITTEN(a) w WHERE w.account_id = $1";
        let update = Statement::new(update, vec![Value::Int(Some(1))]);
        let reads = Statement::new(reads, Vec::new());
        let text = merge(&[update, reads.clone()]).expect("a text");
        assert!(
            text.contains("account_id = $1 RETURNING a.*), w1 AS ("),
            "{text}"
        );
        assert!(text.contains("FROM w0 w WHERE"), "{text}");
        assert!(merge(&[reads]).is_err(), "nothing was written before");
    }
}
