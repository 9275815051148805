//! From the spool to the broker. One frame per shard is in flight; the next is cut when it is
//! acked, from whatever has gathered meanwhile: the shipper clocks itself. A frame that is not
//! acked is sent again as it is, for ever; memory stays bounded, since reading stops meanwhile.

use std::collections::VecDeque;
use std::time::Duration;

use async_nats::HeaderMap;
use domain::{SHARDS, Shard};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use platform::{Health, Metrics, Readiness, Rng};
use prometheus_client::metrics::counter::Counter;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{NatsClient, SUBJECT, StreamError};
use crate::spool::{Cursor, Entry, Reader, Spool};
use crate::{Frame, FrameId};

/// A frame ends at this many clicks or bytes, whichever comes first.
const FRAME_CLICKS: usize = 256;
const FRAME_BYTES: usize = 64 * 1_024;
/// Records held in memory before reading stops.
const HELD_BYTES: usize = 8 << 20;
const READ: usize = 1_024;
const CURSOR_EVERY: Duration = Duration::from_secs(1);
/// How long a stop waits for what can still be sent.
const DRAIN: Duration = Duration::from_secs(3);
const BACKOFF_MIN: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(3);

#[derive(Debug)]
pub struct Shipper {
    spool: Spool,
    publisher: Publisher,
    shipped: Counter,
}

/// What sending one frame needs.
#[derive(Clone, Debug)]
struct Publisher {
    nats: NatsClient,
    health: Health,
    rng: Rng,
    retries: Counter,
}

/// The records of one shard on their way.
#[derive(Debug, Default)]
struct Queue {
    entries: VecDeque<Entry>,
    /// How many of them, from the front, are in flight.
    in_flight: usize,
}

impl Shipper {
    pub fn new(spool: Spool, nats: NatsClient, health: Health, metrics: &Metrics, rng: Rng) -> Self {
        let shipped = metrics.register("shipper_shipped", "Clicks that the broker has acked", Counter::default());
        let retries = metrics.register("shipper_retries", "Frames sent again", Counter::default());
        Self { spool, publisher: Publisher { nats, health, rng, retries }, shipped }
    }

    /// Ships until the stop.
    ///
    /// # Errors
    /// When the spool cannot be read.
    pub async fn run(self, stopping: CancellationToken) -> Result<(), StreamError> {
        let mut cursor = Cursor::open(&self.spool.0.dir);
        let mut reader = Reader::new(self.spool.clone(), cursor.durable());
        let mut read = cursor.durable();
        let mut queues: [Queue; SHARDS as usize] = Default::default();
        let mut sending = FuturesUnordered::new();
        let mut tick = tokio::time::interval(CURSOR_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut held = 0;
        let mut deadline: Option<Instant> = None;
        loop {
            for shard in Shard::all() {
                let queue = &mut queues[usize::from(shard.index())];
                if let Some(frame) = queue.cut(self.spool.0.id, shard) {
                    sending.push(self.publisher.clone().publish(frame));
                }
            }
            let drained = sending.is_empty() && deadline.is_some();
            if drained || deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                break;
            }
            tokio::select! {
                entries = reader.next(READ), if held < HELD_BYTES && deadline.is_none() => {
                    for entry in entries? {
                        held += entry.record.len();
                        read = entry.end;
                        queues[usize::from(entry.shard.index())].entries.push_back(entry);
                    }
                }
                Some(shard) = sending.next() => {
                    let (clicks, bytes) = queues[usize::from(Shard::index(shard))].acked();
                    held -= bytes;
                    self.shipped.inc_by(clicks as u64);
                    self.spool.0.metrics.acked.inc_by(clicks as u64);
                }
                _ = tick.tick() => self.save(&mut cursor, low(&queues, read)),
                () = stopping.cancelled(), if deadline.is_none() => {
                    // What was appended a moment ago still goes out, if it can; a backlog waits in
                    // the spool for the next start.
                    for entry in reader.read(READ)? {
                        held += entry.record.len();
                        read = entry.end;
                        queues[usize::from(entry.shard.index())].entries.push_back(entry);
                    }
                    deadline = Some(Instant::now() + DRAIN);
                }
                () = until(deadline) => {}
            }
        }
        self.save(&mut cursor, low(&queues, read));
        Ok(())
    }

    fn save(&self, cursor: &mut Cursor, low: u64) {
        let depth = self.spool.end().0.saturating_sub(low);
        self.spool.0.metrics.depth.set(i64::try_from(depth).unwrap_or(i64::MAX));
        if let Err(error) = cursor.advance(low) {
            tracing::error!(%error, "the spool's cursor cannot be kept; after a restart clicks are sent again");
        }
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Everything before this offset is acked.
fn low(queues: &[Queue], read: u64) -> u64 {
    queues.iter().filter_map(|queue| queue.entries.front()).map(|entry| entry.start).min().unwrap_or(read)
}

impl Queue {
    /// The next frame, unless one is in flight or there is nothing to send.
    fn cut(&mut self, spool: u64, shard: Shard) -> Option<Frame> {
        if self.in_flight > 0 {
            return None;
        }
        let first = self.entries.front()?.start;
        let mut bytes = 0;
        let fits = |entry: &&Entry| {
            bytes += entry.record.len();
            bytes <= FRAME_BYTES || bytes == entry.record.len()
        };
        let records: Vec<_> = self.entries.iter().take(FRAME_CLICKS).take_while(fits).map(|entry| entry.record.clone()).collect();
        self.in_flight = records.len();
        Some(Frame { id: FrameId::new(spool, first, &records), shard, records })
    }

    /// Drops what was in flight; returns its clicks and bytes.
    fn acked(&mut self) -> (usize, usize) {
        let clicks = std::mem::take(&mut self.in_flight);
        (clicks, self.entries.drain(..clicks).map(|entry| entry.record.len()).sum())
    }
}

impl Publisher {
    /// Sends a frame until the broker has it, and returns its shard.
    async fn publish(self, frame: Frame) -> Shard {
        let subject = format!("{SUBJECT}.{}", frame.shard.index());
        let body = frame.encode();
        let mut backoff = BACKOFF_MIN;
        loop {
            let mut headers = HeaderMap::new();
            headers.insert(async_nats::header::NATS_MESSAGE_ID, frame.id.as_str());
            let error = match self.nats.jetstream.publish_with_headers(subject.clone(), headers, body.clone()).await {
                Ok(ack) => match ack.await {
                    // `duplicate` too: the id covers the content, so the broker has it.
                    Ok(_) => {
                        self.health.report("stream", Readiness::Ready, "");
                        return frame.shard;
                    }
                    Err(error) => error,
                },
                Err(error) => error,
            };
            self.retries.inc();
            let detail = "the broker does not take clicks; they wait in the spool";
            self.health.report("stream", Readiness::Degraded, detail);
            tracing::debug!(%error, "{detail}");
            let jitter = self.rng.below(u64::try_from(backoff.as_millis()).unwrap_or(u64::MAX));
            tokio::time::sleep(backoff / 2 + Duration::from_millis(jitter / 2)).await;
            backoff = (backoff * 2).min(BACKOFF_MAX);
            // The stream may be gone, or never have been there.
            if self.nats.is_connected()
                && let Err(error) = self.nats.ensure_stream().await
            {
                tracing::warn!(%error, "the stream cannot be made; trying again");
            }
        }
    }
}
