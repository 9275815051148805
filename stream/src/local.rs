//! The click stream in one process: the worker reads the spool itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use domain::{Loss, Millis, Shard};
use tokio::time::Instant;

use crate::source::Receipt;
use crate::spool::{Cursor, Entry, Reader, Spool};
use crate::{ClickSource, Delivery, Frame, FrameId, Lane, StreamError};

/// How often the cursor is made durable at most; what it does not know is delivered again after a
/// crash, and stored once all the same.
const CURSOR_EVERY: Duration = Duration::from_millis(500);

/// How often, while no clicks come, counters of lost ones are looked for and what was acked long enough ago goes.
const IDLE_EVERY: Duration = Duration::from_secs(1);

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
        let cursor = Cursor::open(&self.spool);
        let from = cursor.durable();
        let acked = Acked { pending: BTreeMap::new(), read: from, telling_losses: false, cursor, saved_at: Instant::now() };
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
    /// By the offset where a read began: how many of its frames are not acked, and when its first
    /// click was.
    pending: BTreeMap<u64, (usize, Option<Millis>)>,
    /// The end of everything handed over.
    read: u64,
    /// Counters of losses were handed over and not acked.
    telling_losses: bool,
    cursor: Cursor,
    saved_at: Instant,
}

impl Ledger {
    fn handed_over(&self, first: &Entry, end: u64, frames: usize) {
        let mut acked = self.acked.lock().unwrap_or_else(PoisonError::into_inner);
        acked.pending.insert(first.start, (frames, first.captured_at()));
        acked.read = end;
        self.show_depth(&acked);
    }

    /// Everything before `offset` was handed over or cannot be read.
    fn passed(&self, offset: u64) {
        let mut acked = self.acked.lock().unwrap_or_else(PoisonError::into_inner);
        acked.read = offset;
        self.show_depth(&acked);
        if let Err(error) = acked.save() {
            tracing::warn!(%error, "the spool's cursor cannot be kept; after a restart clicks are delivered again");
        }
    }

    /// The counters of losses that nobody is being told of, from now on being told.
    fn losses(&self) -> Vec<Loss> {
        let mut acked = self.acked.lock().unwrap_or_else(PoisonError::into_inner);
        let losses = if acked.telling_losses { Vec::new() } else { self.spool.losses() };
        acked.telling_losses |= !losses.is_empty();
        losses
    }

    fn ack(&self, receipt: &LocalReceipt) -> std::io::Result<()> {
        self.spool.losses_acked(&receipt.losses);
        let mut acked = self.acked.lock().unwrap_or_else(PoisonError::into_inner);
        acked.telling_losses &= receipt.losses.is_empty();
        self.spool.0.metrics.acked.inc_by(receipt.records as u64);
        if let Some(start) = receipt.start
            && let Some((frames, _)) = acked.pending.get_mut(&start)
        {
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
        self.spool.0.metrics.oldest.set(acked.pending.first_key_value().and_then(|(_, (_, captured_at))| *captured_at));
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
        let mark = self.cursor.mark();
        self.cursor.advance(low, mark)
    }
}

#[async_trait]
impl Lane for LocalLane {
    async fn next(&mut self, max_clicks: usize) -> Result<Vec<Delivery>, StreamError> {
        // Not at once: while clicks come, their acks do the same.
        let mut idle = tokio::time::interval_at(Instant::now() + IDLE_EVERY, IDLE_EVERY);
        let (entries, losses) = loop {
            tokio::select! {
                entries = self.reader.next(max_clicks) => break (entries?, self.ledger.losses()),
                _ = idle.tick() => {
                    let (ledger, offset) = (self.ledger.clone(), self.reader.offset());
                    // It writes to the disk.
                    let _ = tokio::task::spawn_blocking(move || ledger.passed(offset)).await;
                    match self.ledger.losses() {
                        losses if losses.is_empty() => {}
                        losses => break (Vec::new(), losses),
                    }
                }
            }
        };
        let start = entries.first().map(|first| first.start);
        let ends = entries.first().cloned().zip(entries.last().map(|last| last.end));
        let frames = frames(self.ledger.spool.0.id, entries, losses);
        if let Some((first, end)) = ends {
            self.ledger.handed_over(&first, end, frames.len());
        }
        let delivery = |frame: Frame| {
            let (records, losses) = (frame.records.len(), frame.losses.clone());
            Delivery::new(frame, LocalReceipt { ledger: self.ledger.clone(), start, records, losses })
        };
        Ok(frames.into_iter().map(delivery).collect())
    }
}

fn frames(spool: u64, entries: Vec<Entry>, losses: Vec<Loss>) -> Vec<Frame> {
    let mut by_shard: BTreeMap<Shard, (u64, Vec<Bytes>, Vec<Loss>)> = BTreeMap::new();
    for entry in entries {
        by_shard.entry(entry.shard).or_insert((entry.start, Vec::new(), Vec::new())).1.push(entry.record);
    }
    for loss in losses {
        by_shard.entry(Shard::of(loss.workspace)).or_default().2.push(loss);
    }
    let frame = |(shard, (offset, records, losses)): (Shard, (u64, Vec<Bytes>, Vec<Loss>))| {
        let id = FrameId::new(spool, offset, &records).and_losses(&losses);
        Frame { id, shard, records, losses }
    };
    by_shard.into_iter().map(frame).collect()
}

struct LocalReceipt {
    ledger: Arc<Ledger>,
    /// Where its read began; a frame of losses alone has none.
    start: Option<u64>,
    records: usize,
    losses: Vec<Loss>,
}

#[async_trait]
impl Receipt for LocalReceipt {
    async fn ack(self: Box<Self>) -> Result<(), StreamError> {
        let ledger = self.ledger.clone();
        let saved = tokio::task::spawn_blocking(move || ledger.ack(&self)).await;
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
