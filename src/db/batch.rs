//! Several reads at once: sent together on PostgreSQL, over one snapshot on SQLite. On both an earlier one sees no later state
//! than one that was added after it, so what tells whether a plan is stale is added before what the plan is made from.

use std::any::Any;
use std::marker::PhantomData;

use super::{DbError, FromRow, Reader, Select};

/// Collects rows of one kind.
pub(super) trait Sink: Send {
    fn push(&mut self, reader: &mut Reader<'_>) -> Result<(), DbError>;
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
}

struct Rows<R>(Vec<R>);

impl<R: FromRow + Send + 'static> Sink for Rows<R> {
    fn push(&mut self, reader: &mut Reader<'_>) -> Result<(), DbError> {
        self.0.push(R::from_row(reader)?);
        Ok(())
    }
    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

pub(super) struct Entry {
    pub(super) select: Select,
    pub(super) sink: Box<dyn Sink>,
}

/// Reads to be done together.
#[derive(Default)]
pub struct Batch {
    pub(super) entries: Vec<Entry>,
}

/// Where the rows of one read of a batch will be.
pub struct Slot<R>(usize, PhantomData<fn() -> R>);

impl Batch {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a read; its rows are taken from the answer by the slot.
    pub fn add<R: FromRow + Send + 'static>(&mut self, select: Select) -> Slot<R> {
        let rows = Rows::<R>(Vec::with_capacity(select.room));
        self.entries.push(Entry {
            select,
            sink: Box::new(rows),
        });
        Slot(self.entries.len() - 1, PhantomData)
    }
}

/// The rows of a batch.
pub struct Answers {
    pub(super) sinks: Vec<Option<Box<dyn Sink>>>,
}

impl Answers {
    /// The rows of one read. A second taking finds none.
    pub fn take<R: FromRow + Send + 'static>(&mut self, slot: &Slot<R>) -> Vec<R> {
        let sink = self.sinks.get_mut(slot.0).and_then(Option::take);
        sink.and_then(|sink| sink.into_any().downcast::<Rows<R>>().ok())
            .map_or_else(Vec::new, |rows| rows.0)
    }

    /// The first row of one read.
    pub fn first<R: FromRow + Send + 'static>(&mut self, slot: &Slot<R>) -> Option<R> {
        self.take(slot).into_iter().next()
    }
}
