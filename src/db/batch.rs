//! Several reads at once: sent together on PostgreSQL, over one snapshot on SQLite. On both an earlier one sees no later state
//! than one that was added after it, so what tells whether a plan is stale is added before what the plan is made from.

use std::any::Any;
use std::marker::PhantomData;

use serde::Serialize;

use super::json::{JsonRows, Member};
use super::{DbError, FromRow, Reader, Row, Select};

/// About as long is a record's JSON.
const BYTES_A_ROW: usize = 512;

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

    /// Adds a read whose rows are written as JSON behind `opening`, `most` at the most; see [`JsonRows`].
    pub fn add_json<R, L>(
        &mut self,
        select: Select,
        members: &'static [Member],
        most: usize,
        opening: &str,
    ) -> JsonSlot<R, L>
    where
        R: Row + Serialize + 'static,
        L: FromRow + Send + 'static,
    {
        let mut text = Vec::with_capacity(opening.len() + BYTES_A_ROW * select.room);
        text.extend_from_slice(opening.as_bytes());
        let rows = JsonRows::<R, L>::new(members, most, text);
        self.entries.push(Entry {
            select,
            sink: Box::new(rows),
        });
        JsonSlot(self.entries.len() - 1, PhantomData)
    }
}

/// Where the rows of one read of a batch will be as JSON, and the last of them as an `L`.
pub struct JsonSlot<R, L>(usize, PhantomData<fn() -> (R, L)>);

/// The rows of a batch.
pub struct Answers {
    pub(super) sinks: Vec<Option<Box<dyn Sink>>>,
}

impl Answers {
    /// The rows of one read. A second taking finds none.
    pub fn take<R: FromRow + Send + 'static>(&mut self, slot: &Slot<R>) -> Vec<R> {
        self.sink::<Rows<R>>(slot.0)
            .map_or_else(Vec::new, |rows| rows.0)
    }

    /// The rows of one read as JSON. A second taking finds none.
    pub fn take_json<R: 'static, L: 'static>(
        &mut self,
        slot: &JsonSlot<R, L>,
    ) -> Option<Box<JsonRows<R, L>>> {
        self.sink(slot.0)
    }

    fn sink<S: 'static>(&mut self, at: usize) -> Option<Box<S>> {
        let sink = self.sinks.get_mut(at).and_then(Option::take);
        sink.and_then(|sink| sink.into_any().downcast().ok())
    }

    /// The first row of one read.
    pub fn first<R: FromRow + Send + 'static>(&mut self, slot: &Slot<R>) -> Option<R> {
        self.take(slot).into_iter().next()
    }
}
