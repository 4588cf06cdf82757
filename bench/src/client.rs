//! A load client: keep-alive connections over plain TCP, as little work as can be, so that the server is what is measured.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What a run of load has seen.
#[derive(Debug, Clone, Default)]
pub struct Load {
    /// Answers a second.
    pub rate: f64,
    /// Latencies in microseconds, sorted.
    pub latencies: Vec<u64>,
    /// Answers by status.
    pub statuses: std::collections::BTreeMap<u16, u64>,
}

impl Load {
    /// A quantile of the latencies in milliseconds.
    pub fn quantile(&self, q: f64) -> f64 {
        let at = (self.latencies.len() as f64 * q) as usize;
        self.latencies
            .get(at.min(self.latencies.len().saturating_sub(1)))
            .map_or(0.0, |us| *us as f64 / 1000.0)
    }
}

/// How long, or how many.
#[derive(Debug, Clone, Copy)]
pub enum Until {
    /// For so long.
    Time(Duration),
    /// So many requests in all.
    Count(u64),
}

/// One connection.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects to `127.0.0.1:port`.
    pub async fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address)
            .await
            .expect("the server listens");
        stream.set_nodelay(true).expect("a socket");
        Self {
            stream,
            buffer: vec![0; 256 * 1024],
        }
    }

    /// Sends a request and gives status and body.
    pub async fn send(&mut self, request: &[u8]) -> (u16, Vec<u8>) {
        self.stream.write_all(request).await.expect("a connection");
        let mut filled = 0;
        loop {
            let read = self
                .stream
                .read(&mut self.buffer[filled..])
                .await
                .expect("a connection");
            assert!(read > 0, "the server closed the connection");
            filled += read;
            let seen = &self.buffer[..filled];
            let Some(end) = seen.windows(4).position(|four| four == b"\r\n\r\n") else {
                continue;
            };
            let head = std::str::from_utf8(&seen[..end]).expect("a head");
            let status = head[9..12].parse().expect("a status");
            let length: usize = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(0, |length| length.parse().expect("a length"));
            if filled >= end + 4 + length {
                return (status, self.buffer[end + 4..end + 4 + length].to_vec());
            }
            if self.buffer.len() < end + 4 + length {
                self.buffer.resize(end + 4 + length, 0);
            }
        }
    }
}

/// A request as bytes.
pub fn request(method: &str, path: &str, key: &str, body: Option<&str>) -> Vec<u8> {
    let body = body.unwrap_or_default();
    format!(
        "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Sends requests over so many connections until done; `make` gives the nth.
pub async fn load<F>(address: &str, connections: usize, until: Until, make: F) -> Load
where
    F: Fn(u64) -> Vec<u8> + Send + Sync + 'static,
{
    let (make, next) = (Arc::new(make), Arc::new(AtomicU64::new(0)));
    let mut open = Vec::new();
    for _ in 0..connections {
        open.push(Connection::open(address).await);
    }
    let begun = Instant::now();
    let tasks: Vec<_> = open
        .into_iter()
        .map(|mut connection| {
            let (make, next) = (Arc::clone(&make), Arc::clone(&next));
            b2b_dashboard::tasks::spawn(async move {
                let mut seen = Vec::new();
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    let done = match until {
                        Until::Time(limit) => begun.elapsed() >= limit,
                        Until::Count(count) => n >= count,
                    };
                    if done {
                        return seen;
                    }
                    let request = make(n);
                    let sent = Instant::now();
                    let (status, _) = connection.send(&request).await;
                    seen.push((status, sent.elapsed().as_micros() as u64));
                }
            })
        })
        .collect();
    let mut result = Load::default();
    for task in tasks {
        for (status, latency) in task.await.expect("a task") {
            *result.statuses.entry(status).or_default() += 1;
            result.latencies.push(latency);
        }
    }
    result.rate = result.latencies.len() as f64 / begun.elapsed().as_secs_f64();
    result.latencies.sort_unstable();
    result
}
