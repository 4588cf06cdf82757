//! Connections that brief reads share.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use deadpool_postgres::Object;

use super::PLANS_KEPT;

/// Of so many connections of the pool one is shared.
const POOL_FOR_LANE: usize = 8;
/// So many brief reads may be under way on one connection; further ones take one of their own.
const MAX: usize = 16;
/// A shared connection that has not answered for so long is left alone until it does: something is in the way.
const STUCK: Duration = Duration::from_millis(20);

/// The lanes of a pool.
pub(super) struct Lanes(Vec<Lane>);

/// A connection that brief reads share, the next sent before the one before is answered: the server goes from one to the
/// next without waking up in between.
pub(super) struct Lane {
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
pub(super) enum Way<'l> {
    Shared(Arc<Object>, &'l Lane),
    Renewing(Renewal<'l>),
    Alone,
}

/// The renewal of a lane, of which there is one at a time; ended with this, however that goes.
pub(super) struct Renewal<'l>(&'l Lane);

impl<'l> Renewal<'l> {
    /// Ends it with the connection that was found.
    pub(super) fn end(self, client: &Arc<Object>) -> &'l Lane {
        self.0.hold(client);
        self.0
    }
}

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

    pub(super) fn move_on(&self) {
        let micros = u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.moved.store(micros, Ordering::Relaxed);
    }

    fn is_stuck(&self) -> bool {
        let moved = Duration::from_micros(self.moved.load(Ordering::Relaxed));
        self.begun.elapsed().saturating_sub(moved) > STUCK
    }
}

impl Lanes {
    /// Those of a pool of so many connections.
    pub(super) fn of_pool(size: usize) -> Self {
        Self((0..size / POOL_FOR_LANE).map(|_| Lane::new()).collect())
    }

    /// The lane on which the fewest brief reads are under way, or one that has no connection and gets none yet; for want
    /// of both a connection alone.
    pub(super) fn way(&self) -> Way<'_> {
        let mut quietest: Option<(usize, Arc<Object>, &Lane)> = None;
        for lane in &self.0 {
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
            if is_least && busy < MAX && !lane.is_stuck() {
                quietest = Some((busy, client, lane));
            }
        }
        quietest.map_or(Way::Alone, |(_, client, lane)| Way::Shared(client, lane))
    }
}
