//! Look-ups in the DNS: the texts at a name. Answers are not kept, so that a record made a moment ago is seen.
//!
//! The system's servers are asked, or those of `dns.servers`. A server that is silent costs the time limit and no more.

use std::net::SocketAddr;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::RData;
use tokio::sync::OnceCell;

/// What one server gets for one attempt.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Why there is no answer.
#[derive(Debug)]
pub enum DnsFault {
    /// There is no such name.
    NoSuchName,
    /// The name has no text.
    NoText,
    /// No server has answered in time or with sense.
    Unreachable(String),
}

/// The way to the DNS.
pub struct Dns {
    servers: Vec<SocketAddr>,
    resolver: OnceCell<TokioResolver>,
}

impl Dns {
    /// By these servers, or those of the system where there are none. Nothing is asked yet.
    pub fn new(servers: Vec<SocketAddr>) -> Self {
        Self {
            servers,
            resolver: OnceCell::new(),
        }
    }

    fn open(&self) -> Result<TokioResolver, NetError> {
        let mut builder = if self.servers.is_empty() {
            TokioResolver::builder_tokio()?
        } else {
            let servers = self.servers.iter().map(|server| {
                let at = |mut connection: ConnectionConfig| {
                    connection.port = server.port();
                    connection
                };
                let mut config = NameServerConfig::udp_and_tcp(server.ip());
                config.connections = config.connections.into_iter().map(at).collect();
                config
            });
            let config = ResolverConfig::from_parts(None, Vec::new(), servers.collect());
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        };
        let options = builder.options_mut();
        options.timeout = TIMEOUT;
        options.attempts = 1;
        options.cache_size = 0;
        builder.build()
    }

    /// The texts at a name, each put together from its parts.
    pub async fn texts(&self, name: &str) -> Result<Vec<String>, DnsFault> {
        let unreachable = |error: NetError| DnsFault::Unreachable(error.to_string());
        let resolver = self
            .resolver
            .get_or_try_init(|| async { self.open() })
            .await
            .map_err(unreachable)?;
        // The point at the end says that nothing is to be put behind it.
        let answer = match resolver.txt_lookup(format!("{name}.")).await {
            Ok(answer) => answer,
            Err(error) if error.is_nx_domain() => return Err(DnsFault::NoSuchName),
            Err(error) if error.is_no_records_found() => return Err(DnsFault::NoText),
            Err(error) => return Err(unreachable(error)),
        };
        let texts = answer
            .answers()
            .iter()
            .filter_map(|record| match &record.data {
                RData::TXT(text) => {
                    Some(String::from_utf8_lossy(&text.txt_data.concat()).into_owned())
                }
                _ => None,
            });
        Ok(texts.collect())
    }
}
