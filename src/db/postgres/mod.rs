//! PostgreSQL: a pool of connections, reads in one round trip, writes as one statement.
//!
//! A list of writes goes out as one data-modifying CTE. The statement is its own transaction, so it is whole or not at
//! all whatever happens to the caller: a dropped request leaves no session idle in a transaction and no lock behind.

mod lanes;
mod merge;

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Metrics, Object, Pool, RecyclingMethod, Runtime,
};
use tokio_postgres::types::{ToSql, Type};

use super::batch::Entry;
use super::portable::{Dialect, check_tenant, translate};
use super::{DbError, DbSettings, Reader, Select, Statement, Value};
use lanes::{Lane, Lanes, Way};
use merge::merge;

/// So many texts are kept prepared; past it they are forgotten together and prepared anew.
const PREPARED_MAX: usize = 1000;
/// How long a connection keeps the plans of its prepared statements. PostgreSQL plans by the size that tables have at
/// the time, and would keep the plan of a small one until statistics are gathered anew, long after an import.
const PLANS_KEPT: Duration = Duration::from_secs(10);
pub(super) struct Postgres {
    pool: Pool,
    lanes: Lanes,
    texts: RwLock<HashMap<u64, Arc<str>>>,
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
            lanes: Lanes::of_pool(settings.pool_size),
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
        let renewal = match self.lanes.way() {
            Way::Shared(client, lane) => return Ok((client, Some(lane))),
            Way::Renewing(renewal) => Some(renewal),
            Way::Alone => None,
        };
        let client = Arc::new(self.client().await?);
        let lane = renewal.map(|renewal| renewal.end(&client));
        Ok((client, lane))
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
        let prepared = entries
            .iter()
            .map(|entry| self.prepare(&client, account, &entry.select, scan));
        let prepared = futures::future::try_join_all(prepared).await?;
        let reads = entries
            .iter_mut()
            .zip(&prepared)
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
