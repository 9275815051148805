//! The click stream in one process: the worker reads the spool itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use domain::Shard;
use tokio::time::Instant;

use crate::source::Receipt;
use crate::spool::{Cursor, Entry, Reader, Spool};
use crate::{ClickSource, Delivery, Frame, FrameId, Lane, StreamError};

/// How often the cursor is made durable at most; what it does not know is delivered again after a
/// crash, and stored once all the same.
const CURSOR_EVERY: Duration = Duration::from_millis(500);

/// Reads the spool of its own process, in one lane.
#[derive(Clone, Debug)]
pub struct LocalSource {
    spool: Spool,
}

impl LocalSource {
    pub fn new(spool: Spool) -> Self {
        Self { spool }
    }
}

impl ClickSource for LocalSource {
    fn lanes(&self) -> Vec<Box<dyn Lane>> {
        let cursor = Cursor::open(&self.spool.0.dir);
        let from = cursor.durable();
        let acked = Acked { pending: BTreeMap::new(), read: from, cursor, saved_at: Instant::now() };
        let ledger = Arc::new(Ledger { spool: self.spool.clone(), acked: Mutex::new(acked) });
        vec![Box::new(LocalLane { reader: Reader::new(self.spool.clone(), from), ledger })]
    }
}

struct LocalLane {
    reader: Reader,
    ledger: Arc<Ledger>,
}

/// What was handed over and not acked yet.
#[derive(Debug)]
struct Ledger {
    spool: Spool,
    acked: Mutex<Acked>,
}

#[derive(Debug)]
struct Acked {
    /// By the offset where a read began: how many of its frames are not acked.
    pending: BTreeMap<u64, usize>,
    /// The end of everything handed over.
    read: u64,
    cursor: Cursor,
    saved_at: Instant,
}

impl Ledger {
    fn handed_over(&self, start: u64, end: u64, frames: usize) {
        let mut acked = self.acked.lock().unwrap_or_else(PoisonError::into_inner);
        acked.pending.insert(start, frames);
        acked.read = end;
        self.show_depth(&acked);
    }

    fn ack(&self, start: u64, records: usize) -> std::io::Result<()> {
        let mut acked = self.acked.lock().unwrap_or_else(PoisonError::into_inner);
        self.spool.0.metrics.acked.inc_by(records as u64);
        if let Some(frames) = acked.pending.get_mut(&start) {
            *frames -= 1;
            if *frames == 0 {
                acked.pending.remove(&start);
            }
        }
        let drained = acked.pending.is_empty();
        if drained || acked.saved_at.elapsed() >= CURSOR_EVERY {
            acked.save()?;
        }
        self.show_depth(&acked);
        Ok(())
    }

    fn show_depth(&self, acked: &Acked) {
        let depth = self.spool.end().0.saturating_sub(acked.low());
        self.spool.0.metrics.depth.set(i64::try_from(depth).unwrap_or(i64::MAX));
    }
}

impl Acked {
    /// Everything before this is acked.
    fn low(&self) -> u64 {
        self.pending.first_key_value().map_or(self.read, |(start, _)| *start)
    }

    fn save(&mut self) -> std::io::Result<()> {
        self.saved_at = Instant::now();
        let low = self.low();
        self.cursor.advance(low)
    }
}

#[async_trait]
impl Lane for LocalLane {
    async fn next(&mut self, max_clicks: usize) -> Result<Vec<Delivery>, StreamError> {
        let entries = self.reader.next(max_clicks).await?;
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return Ok(Vec::new()) };
        let (start, end) = (first.start, last.end);
        let frames = frames(self.ledger.spool.0.id, entries);
        self.ledger.handed_over(start, end, frames.len());
        let delivery = |frame: Frame| {
            let receipt = LocalReceipt { ledger: self.ledger.clone(), start, records: frame.records.len() };
            Delivery::new(frame, receipt)
        };
        Ok(frames.into_iter().map(delivery).collect())
    }
}

fn frames(spool: u64, entries: Vec<Entry>) -> Vec<Frame> {
    let mut by_shard: BTreeMap<Shard, (u64, Vec<Bytes>)> = BTreeMap::new();
    for entry in entries {
        by_shard.entry(entry.shard).or_insert((entry.start, Vec::new())).1.push(entry.record);
    }
    by_shard.into_iter().map(|(shard, (offset, records))| Frame { id: FrameId::new(spool, offset, &records), shard, records }).collect()
}

struct LocalReceipt {
    ledger: Arc<Ledger>,
    start: u64,
    records: usize,
}

#[async_trait]
impl Receipt for LocalReceipt {
    async fn ack(self: Box<Self>) -> Result<(), StreamError> {
        let ledger = self.ledger.clone();
        let saved = tokio::task::spawn_blocking(move || ledger.ack(self.start, self.records)).await;
        match saved {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(StreamError::Cursor(error.to_string())),
            Err(error) => Err(StreamError::Cursor(error.to_string())),
        }
    }

    async fn extend(&self) -> Result<(), StreamError> {
        Ok(())
    }
}
