//! The HTTP server: connections in, the router in the middle, an orderly end.
//!
//! It speaks HTTP/1.1 in clear; TLS is the business of a proxy in front. A connection costs nothing for ever: its
//! headers must come within [`HEADER_TIME`], a body within `server.request_timeout`, what it is sent must be taken within
//! [`SEND_TIME`], and past [`CONNECTIONS`] new ones wait in the operating system's line. When told to stop, it takes no
//! new connections, finishes what runs for up to `server.shutdown_grace`, and only then are the background jobs stopped.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::extract::ConnectInfo;
use axum::http::Request;
use futures::StreamExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tower::ServiceExt as _;

use crate::app::App;
use crate::{joining, streams, tasks, worker};

/// Most connections at once.
pub const CONNECTIONS: usize = 10_000;
/// How long the headers of a request may take, and how long a connection may lie idle between two requests.
pub const HEADER_TIME: Duration = Duration::from_secs(30);
/// How long sent bytes may stay unacknowledged, or wait for room at the other end.
pub const SEND_TIME: Duration = Duration::from_mins(1);
/// Most bytes of request line and headers.
const HEADER_BYTES: usize = 64 * 1024;

/// Turns true when the process shall end, and stays so.
pub type Stop = watch::Receiver<bool>;

/// Resolves when `stop` has turned true, or when nobody is left who could turn it.
pub async fn stopped(stop: &mut Stop) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// A [`Stop`] that turns true on SIGTERM or SIGINT.
pub fn stop_on_signal() -> std::io::Result<Stop> {
    let (sender, stop) = watch::channel(false);
    #[cfg(unix)]
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tasks::spawn(async move {
        #[cfg(unix)]
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
        tracing::info!("asked to stop");
        let _ = sender.send(true);
        // The sender stays, so that a reader never takes its end for the signal.
        sender.closed().await;
    });
    Ok(stop)
}

/// Serves the router until `stop`, then ends in order. With `jobs.run_in_serve` the background jobs run beside it.
pub async fn serve(
    app: App,
    router: Router,
    listener: TcpListener,
    stop: Stop,
) -> std::io::Result<()> {
    let grace = app.config.server.shutdown_grace;
    let body_time = app.config.server.request_timeout;
    let (stop_jobs, jobs_stop) = watch::channel(false);
    let jobs = app
        .config
        .jobs
        .run_in_serve
        .then(|| tasks::spawn(worker::run(app.clone(), jobs_stop)));
    let graceful = accept(router, listener, stop, body_time).await;
    // A stream has no end of its own.
    streams::close(&app);
    if tokio::time::timeout(grace, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!(
            grace_ms = grace.as_millis(),
            "some requests were cut off at shutdown"
        );
    }
    joining::views::write(&app).await;
    // The jobs have gone on while the last requests finished.
    let _ = stop_jobs.send(true);
    match jobs {
        Some(jobs) => jobs.await.map_err(std::io::Error::other),
        None => Ok(()),
    }
}

/// Takes connections until `stop`; gives what waits for those that are still open.
async fn accept(
    router: Router,
    listener: TcpListener,
    mut stop: Stop,
    body_time: Duration,
) -> GracefulShutdown {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut stopped = pin!(stopped(&mut stop));
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await.ok();
            (listener.accept().await, place)
        };
        let (accepted, place) = tokio::select! {
            () = &mut stopped => return graceful,
            next = next => next,
        };
        match accepted {
            Ok((stream, address)) => {
                let connection =
                    graceful.watch(connection(stream, address, router.clone(), body_time));
                tasks::spawn(async move {
                    if let Err(error) = connection.await {
                        tracing::debug!(%error, "a connection ended early");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                // Out of file descriptors, or a client that left at once: the first needs a moment.
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// One connection, ready to be driven.
fn connection(
    stream: TcpStream,
    address: SocketAddr,
    router: Router,
    body_time: Duration,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> {
    set_up(&stream);
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let (mut parts, body) = request.into_parts();
        parts.extensions.insert(ConnectInfo(address));
        router
            .clone()
            .oneshot(Request::from_parts(parts, timed(body, body_time)))
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .max_buf_size(HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), service)
}

fn set_up(stream: &TcpStream) {
    let socket = socket2::SockRef::from(stream);
    let set = socket.set_tcp_nodelay(true);
    #[cfg(target_os = "linux")]
    let set = set.and_then(|()| socket.set_tcp_user_timeout(Some(SEND_TIME)));
    if let Err(error) = set {
        tracing::debug!(%error, "a connection could not be set up");
    }
}

/// The body, which fails when it is not there in time, however slowly it drips.
fn timed(body: Incoming, limit: Duration) -> Body {
    if body.is_end_stream() {
        return Body::empty();
    }
    let deadline = tokio::time::Instant::now() + limit;
    let parts = Body::new(body).into_data_stream();
    Body::from_stream(futures::stream::try_unfold(
        parts,
        move |mut parts| async move {
            match tokio::time::timeout_at(deadline, parts.next()).await {
                Ok(Some(part)) => part
                    .map(|part| Some((part, parts)))
                    .map_err(std::io::Error::other),
                Ok(None) => Ok(None),
                Err(_) => Err(std::io::Error::new(
                    std::io::ErrorKind::TimedOut,
                    "the body did not come in time",
                )),
            }
        },
    ))
}

/// Raises the number of files this process may have open as far as it may itself, for its connections.
#[cfg(unix)]
pub fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            ..limit
        },
    ) {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
}

/// Nothing to raise here.
#[cfg(not(unix))]
pub fn raise_file_limit() {}
