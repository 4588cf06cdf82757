//! The feed of events as a stream: Server-Sent Events, each with its sequence as id, so that whoever is cut off goes on
//! where they were.
//!
//! A stream reads what was published after its place when it is told that there is more, with the filters and within the
//! reach of the list, and with the rights that its key has then. It ends when the key is revoked and when the node shuts
//! down; a client comes back by itself with `Last-Event-ID`.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::response::IntoResponse as _;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::stream::{self, Stream};
use serde_json::json;

use super::endpoint::Endpoint;
use super::reply::{Reply, Streamed};
use super::request::Request;
use crate::access::{Call, Caller, Permission, again};
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::events::EventRow;
use crate::listing::{ListQuery, MAX_LIMIT};
use crate::streams::{self, Follower};
use crate::types::Timestamp;

/// The media type of a stream.
pub const MEDIA: &str = "text/event-stream";
/// So often something is said when nothing happens, so that nobody between takes the connection for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long a client waits before it comes back.
const RETRY: Duration = Duration::from_secs(2);
/// For so many microseconds the rights of a key are believed while events are sent.
const BELIEVED: i64 = 1_000_000;

/// Members of the list's query that mean nothing to a stream.
const OF_PAGES: [&str; 5] = ["limit", "cursor", "sort", "include", "expand"];

/// The operation, made of the list it follows.
pub fn endpoint(list: &Endpoint) -> Endpoint {
    let once = Arc::clone(&list.run);
    let mut endpoint = list.clone();
    endpoint.path = "/events/stream";
    "stream_events".clone_into(&mut endpoint.id);
    endpoint
        .query
        .retain(|one| !OF_PAGES.contains(&one.name.as_str()));
    endpoint.also_media = Some(MEDIA);
    endpoint
        .about(
            "Stream events",
            "With `Accept: text/event-stream`: Server-Sent Events from this moment on, or after the sequence in `Last-Event-ID` or `since`. Each has its \
             sequence as `id`, its type as `event` and the event as `data`; filters and reach are those of the list. Comments keep the connection alive. It \
             ends when the key is revoked or the node shuts down: connect again with the last `id`. A key has ten streams on a node at the most. Without \
             that header it answers once, like the list.",
        )
        .problems(&[Code::TooManyStreams, Code::InvalidParameter])
        .runs(move |app, request: Request| {
            let once = Arc::clone(&once);
            async move {
                if let Some((name, _)) = request.query.iter().find(|(name, _)| OF_PAGES.contains(&name.as_str())) {
                    return Err(Error::new(
                        Code::InvalidParameter,
                        format!("A stream has no pages and no order but its own: leave «{name}» out."),
                    ));
                }
                if request.accepts_stream {
                    open(app, request).await
                } else {
                    once(app, request).await
                }
            }
        })
}

/// Members of a query with their values.
type Filters = Vec<(String, String)>;

/// What a stream is.
struct Open {
    app: App,
    follower: Follower,
    caller: Arc<Caller>,
    /// When its rights were read.
    checked: Timestamp,
    filters: Filters,
    /// The sequence that was passed last.
    passed: i64,
    /// Events that were read and not sent yet, the next one last.
    waiting: Vec<EventRow>,
}

async fn open(app: App, request: Request) -> Result<Reply> {
    let Call { caller, now, .. } = request.call.clone();
    let (begin, filters) = asked(&request)?;
    // Wrong filters are told before anything is streamed.
    query(&app, &caller, &filters, 0)?;
    let mut follower = streams::follow(&app, &caller).await?;
    let passed = match begin {
        Some(begin) => begin,
        None => follower.news().map_or(0, |news| news.sequence),
    };
    let open = Open {
        app,
        follower,
        caller,
        checked: now,
        filters,
        passed,
        waiting: Vec::new(),
    };
    let sse =
        Sse::new(events(open)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE).text("keep-alive"));
    let body = sse.into_response().into_body();
    Ok(Reply {
        stream: Some(Streamed::of(body)),
        ..Reply::text(MEDIA, Vec::new())
    }
    .header("x-accel-buffering", "no"))
}

/// Where the stream begins, if that is said, and its filters. What a client says when it comes back goes before the
/// address it was given at first.
fn asked(request: &Request) -> Result<(Option<i64>, Filters)> {
    let number = |name: &str, text: &str| {
        let number = text.trim().parse().ok().filter(|number: &i64| *number >= 0);
        number.ok_or_else(|| {
            Error::new(
                Code::InvalidParameter,
                format!("{name} takes the sequence of an event."),
            )
        })
    };
    let mut begin = None;
    let mut filters = Vec::new();
    for (name, value) in &request.query {
        if name == "since" {
            begin = Some(number("since", value)?);
        } else {
            filters.push((name.clone(), value.clone()));
        }
    }
    if let Some(last) = request.last_event_id.as_deref().filter(|id| !id.is_empty()) {
        begin = Some(number("Last-Event-ID", last)?);
    }
    Ok((begin, filters))
}

fn query(
    app: &App,
    caller: &Caller,
    filters: &[(String, String)],
    passed: i64,
) -> Result<ListQuery> {
    let mut pairs = filters.to_vec();
    pairs.push(("sequence[gt]".to_owned(), passed.to_string()));
    pairs.push(("sort".to_owned(), "sequence".to_owned()));
    pairs.push(("limit".to_owned(), MAX_LIMIT.to_string()));
    ListQuery::parse::<EventRow>(&pairs, caller, &app.keys.cursor)
}

/// The events of a stream, read when they are wanted: a client that reads slowly is sent no faster.
fn events(open: Open) -> impl Stream<Item = std::result::Result<Event, Infallible>> + Send {
    let hello = Event::default().retry(RETRY).comment("open");
    stream::unfold((Some(hello), open), |(hello, mut open)| async move {
        if let Some(hello) = hello {
            return Some((Ok(hello), (None, open)));
        }
        let next = open.next().await?;
        Some((Ok(next), (None, open)))
    })
}

impl Open {
    /// The next event, when there is one; none at the end.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(row) = self.waiting.pop() {
                return Some(shown(&row));
            }
            let news = self.follower.news()?;
            if news.sequence > self.passed {
                if let Err(error) = self.read(news.sequence).await {
                    if error.code().status() >= 500 {
                        tracing::warn!(%error, "a stream of events is ended");
                    }
                    return None;
                }
            } else if !self.follower.changed().await {
                return None;
            }
        }
    }

    /// Reads on. All up to `known` are published, so what is not found up to there is not for this stream.
    async fn read(&mut self, known: i64) -> Result<()> {
        let now = self.app.clock.now();
        if now.micros() - self.checked.micros() >= BELIEVED {
            let actor = &self.caller.actor;
            let again = again::caller(
                &self.app,
                &self.caller.account,
                Some(actor.kind.as_str()),
                actor.id.as_deref(),
                &actor.name,
            );
            let caller = again.await?.ok_or_else(|| {
                Error::new(
                    Code::KeyRevoked,
                    "The key of the stream is not good any more.",
                )
            })?;
            self.caller = Arc::new(caller).acting(Permission::EventsRead)?;
            self.checked = now;
        }
        let page = query(&self.app, &self.caller, &self.filters, self.passed)?
            .run::<EventRow>(&self.app.db, &self.caller, &self.app.keys.cursor)
            .await?;
        let last = page.rows.last().and_then(|row| row.sequence);
        self.passed = match last {
            Some(last) if page.next_cursor.is_some() => last,
            Some(last) => last.max(known),
            None => known,
        };
        self.waiting = page.rows;
        self.waiting.reverse();
        Ok(())
    }
}

fn shown(row: &EventRow) -> Event {
    let data = serde_json::to_string(row).unwrap_or_else(|_| json!({}).to_string());
    Event::default()
        .id(row.sequence.unwrap_or_default().to_string())
        .event(&row.r#type)
        .data(data)
}
