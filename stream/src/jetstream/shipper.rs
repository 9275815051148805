//! From the spool to the broker. One frame per shard is in flight; the next is cut when it is
//! acked, from whatever has gathered meanwhile: the shipper clocks itself, but for the millisecond
//! that the reader lets records gather once one has come. A frame that is not
//! acked is sent again as it is, for ever; memory stays bounded, since reading stops meanwhile.
//!
//! A broker that fell back, wiped or restored from an older state, is sent again what is kept: it
//! is known by its stream's creation time, by a last sequence number below one that it gave, and by
//! an ack that does not count on. The cursor durably goes back then, so that a restart in between
//! changes nothing. Frames are cut anew; their ids cover their content.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_nats::HeaderMap;
use domain::{Loss, SHARDS, Shard};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use platform::{Backoff, Health, Metrics, Readiness, Rng};
use prometheus_client::metrics::counter::Counter;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Direct, NatsClient, SUBJECT, StreamError};
use crate::spool::{BrokerMark, Cursor, Entry, Reader, Spool};
use crate::{Frame, FrameId};

/// A frame ends at this many clicks or bytes, whichever comes first.
const FRAME_CLICKS: usize = 256;
const FRAME_BYTES: usize = 64 * 1_024;
/// Records held in memory before reading stops.
const HELD_BYTES: usize = 8 << 20;
const READ: usize = 1_024;
const CURSOR_EVERY: Duration = Duration::from_secs(1);
/// How often the broker is asked whether it fell back, besides at each connection.
const CHECK_EVERY: Duration = Duration::from_secs(30);
/// How long a stop waits for what can still be sent.
const DRAIN: Duration = Duration::from_secs(3);
const BACKOFF_MIN: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(3);

#[derive(Debug)]
pub struct Shipper {
    spool: Spool,
    publisher: Publisher,
    shipped: Counter,
    fallbacks: Counter,
}

/// A frame counts as refused for as long as this lives.
#[derive(Debug)]
struct Refused(Arc<AtomicUsize>);

impl Refused {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count.clone())
    }
}

impl Drop for Refused {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What sending one frame needs.
#[derive(Clone, Debug)]
struct Publisher {
    nats: NatsClient,
    health: Health,
    rng: Rng,
    retries: Counter,
    /// Frames that the broker has refused, or not answered, so far.
    refused: Arc<AtomicUsize>,
}

/// The records of one shard on their way.
#[derive(Debug, Default)]
struct Queue {
    entries: VecDeque<Entry>,
    /// How many of them, from the front, are in flight.
    in_flight: usize,
    /// Counters of losses that wait, and those in flight.
    losses: Vec<Loss>,
    losses_in_flight: Vec<Loss>,
}

/// A frame that the broker has.
#[derive(Clone, Copy, Debug)]
struct Taken {
    shard: Shard,
    /// Whether its sequence number follows those known when the frame was cut.
    counts_on: bool,
    sequence: u64,
}

/// Where reading is, and what was read and not acked.
#[derive(Debug)]
struct UnderWay {
    reader: Reader,
    held: usize,
    queues: [Queue; SHARDS as usize],
}

impl Shipper {
    pub fn new(spool: Spool, nats: NatsClient, health: Health, metrics: &Metrics, rng: Rng) -> Self {
        let shipped = metrics.register("shipper_shipped", "Clicks that the broker has acked", Counter::default());
        let retries = metrics.register("shipper_retries", "Frames sent again", Counter::default());
        let fallbacks = metrics.register("shipper_fallbacks", "Times that the broker had fallen back", Counter::default());
        spool.set_direct(Direct::new(nats.clone()));
        Self { spool, publisher: Publisher { nats, health, rng, retries, refused: Arc::default() }, shipped, fallbacks }
    }

    /// Ships until the stop.
    ///
    /// # Errors
    /// When the spool cannot be read.
    pub async fn run(self, stopping: CancellationToken) -> Result<(), StreamError> {
        let nats = &self.publisher.nats;
        let mut connections = nats.connections();
        let mut cursor = Cursor::open(&self.spool);
        let mut mark = cursor.mark();
        let mut under_way = UnderWay::new(&self.spool, cursor.durable());
        let (mut sending, mut checking) = (FuturesUnordered::new(), FuturesUnordered::new());
        let (mut tick, mut check) = (interval(CURSOR_EVERY), interval(CHECK_EVERY));
        let mut suspect = false;
        let mut deadline: Option<Instant> = None;
        loop {
            for shard in Shard::all() {
                let queue = &mut under_way.queues[usize::from(shard.index())];
                if let Some(frame) = queue.cut(self.spool.0.id, shard) {
                    sending.push(self.publisher.clone().publish(frame, mark.last_sequence));
                }
            }
            let drained = sending.is_empty() && deadline.is_some();
            if drained || deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                break;
            }
            tokio::select! {
                entries = under_way.reader.next(READ), if under_way.held < HELD_BYTES && deadline.is_none() => under_way.take(entries?),
                Some(taken) = sending.next() => {
                    self.acked(&mut under_way.queues[usize::from(taken.shard.index())], &mut under_way.held);
                    mark.last_sequence = mark.last_sequence.max(taken.sequence);
                    if !taken.counts_on && !std::mem::replace(&mut suspect, true) {
                        checking.push(look(nats, mark));
                    }
                }
                Some((before, found)) = checking.next() => {
                    let (before, found): (BrokerMark, Option<BrokerMark>) = (before, found);
                    let Some(found) = found else { continue };
                    if mark.created == 0 {
                        mark = found;
                    } else if std::mem::take(&mut suspect) || fell_back(before, found) {
                        tracing::warn!("the broker has fallen back to an earlier state; what is kept is sent again");
                        self.fallbacks.inc();
                        mark = found;
                        let from = cursor.rewind(mark).map_err(|error| StreamError::Cursor(error.to_string()))?;
                        self.spool.tell_losses_again();
                        sending = FuturesUnordered::new();
                        under_way = UnderWay::new(&self.spool, from);
                    }
                }
                _ = tick.tick() => {
                    under_way.take_losses(&self.spool.losses());
                    self.save(&mut cursor, &under_way, mark);
                }
                _ = check.tick(), if checking.is_empty() && nats.is_connected() => checking.push(look(nats, mark)),
                _ = connections.recv() => checking.push(look(nats, mark)),
                () = stopping.cancelled(), if deadline.is_none() => {
                    // What was appended a moment ago still goes out, if it can; a backlog waits in
                    // the spool for the next start.
                    let entries = under_way.reader.read(READ)?;
                    under_way.take(entries);
                    deadline = Some(Instant::now() + DRAIN);
                }
                () = until(deadline) => {}
            }
        }
        self.save(&mut cursor, &under_way, mark);
        Ok(())
    }

    fn acked(&self, queue: &mut Queue, held: &mut usize) {
        let (clicks, bytes, losses) = queue.acked();
        *held -= bytes;
        self.spool.losses_acked(&losses);
        self.shipped.inc_by(clicks as u64);
        self.spool.0.metrics.acked.inc_by(clicks as u64);
    }

    fn save(&self, cursor: &mut Cursor, under_way: &UnderWay, mark: BrokerMark) {
        let oldest = under_way.oldest();
        let low = oldest.map_or(under_way.reader.offset(), |entry| entry.start);
        let depth = self.spool.end().0.saturating_sub(low);
        self.spool.0.metrics.depth.set(i64::try_from(depth).unwrap_or(i64::MAX));
        self.spool.0.metrics.oldest.set(oldest.and_then(Entry::captured_at));
        if let Err(error) = cursor.advance(low, mark) {
            tracing::error!(%error, "the spool's cursor cannot be kept; after a restart clicks are sent again");
        }
    }
}

fn interval(every: Duration) -> tokio::time::Interval {
    let mut interval = tokio::time::interval(every);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    interval
}

/// What was known of the broker when it was asked, and what it says.
async fn look(nats: &NatsClient, before: BrokerMark) -> (BrokerMark, Option<BrokerMark>) {
    (before, nats.ensure_stream().await.ok())
}

fn fell_back(before: BrokerMark, now: BrokerMark) -> bool {
    before.created != 0 && (now.created != before.created || now.last_sequence < before.last_sequence)
}

impl UnderWay {
    fn new(spool: &Spool, from: u64) -> Self {
        Self { reader: Reader::new(spool.clone(), from), held: 0, queues: Default::default() }
    }

    fn take(&mut self, entries: Vec<Entry>) {
        for entry in entries {
            self.held += entry.record.len();
            self.queues[usize::from(entry.shard.index())].entries.push_back(entry);
        }
    }

    fn take_losses(&mut self, losses: &[Loss]) {
        for shard in Shard::all() {
            let queue = &mut self.queues[usize::from(shard.index())];
            // Those in flight come again, should they have risen meanwhile.
            if queue.losses_in_flight.is_empty() {
                queue.losses = losses.iter().filter(|loss| Shard::of(loss.workspace) == shard).copied().collect();
            }
        }
    }

    /// Everything before this one is acked.
    fn oldest(&self) -> Option<&Entry> {
        self.queues.iter().filter_map(|queue| queue.entries.front()).min_by_key(|entry| entry.start)
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

impl Queue {
    /// The next frame, unless one is in flight or there is nothing to send.
    fn cut(&mut self, spool: u64, shard: Shard) -> Option<Frame> {
        if self.in_flight > 0 || !self.losses_in_flight.is_empty() || (self.entries.is_empty() && self.losses.is_empty()) {
            return None;
        }
        let first = self.entries.front().map_or(0, |entry| entry.start);
        let mut bytes = 0;
        let fits = |entry: &&Entry| {
            bytes += entry.record.len();
            bytes <= FRAME_BYTES || bytes == entry.record.len()
        };
        let records: Vec<_> = self.entries.iter().take(FRAME_CLICKS).take_while(fits).map(|entry| entry.record.clone()).collect();
        self.in_flight = records.len();
        let losses = std::mem::take(&mut self.losses);
        self.losses_in_flight.clone_from(&losses);
        Some(Frame { id: FrameId::new(spool, first, &records).and_losses(&losses), shard, records, losses })
    }

    /// Drops what was in flight; returns its clicks, bytes and losses.
    fn acked(&mut self) -> (usize, usize, Vec<Loss>) {
        let clicks = std::mem::take(&mut self.in_flight);
        let bytes = self.entries.drain(..clicks).map(|entry| entry.record.len()).sum();
        (clicks, bytes, std::mem::take(&mut self.losses_in_flight))
    }
}

impl Publisher {
    /// Sends a frame until the broker has it. `after` is the last sequence number that it gave so
    /// far.
    async fn publish(self, frame: Frame, after: u64) -> Taken {
        let subject = format!("{SUBJECT}.{}", frame.shard.index());
        let body = frame.encode();
        let mut backoff = Backoff::new(BACKOFF_MIN, BACKOFF_MAX);
        let mut refused = None;
        loop {
            let mut headers = HeaderMap::new();
            headers.insert(async_nats::header::NATS_MESSAGE_ID, frame.id.as_str());
            let error = match self.nats.jetstream.publish_with_headers(subject.clone(), headers, body.clone()).await {
                Ok(ack) => match ack.await {
                    // `duplicate` too: the id covers the content, so the broker has it.
                    Ok(ack) => {
                        drop(refused);
                        // Not while others wait, or a full stream would be told of with each frame that it takes.
                        if self.refused.load(Ordering::Relaxed) == 0 {
                            self.health.report("stream", Readiness::Ready, "");
                        }
                        // A duplicate has the number of its first copy.
                        let counts_on = ack.duplicate || ack.sequence > after;
                        return Taken { shard: frame.shard, counts_on, sequence: ack.sequence };
                    }
                    Err(error) => error,
                },
                Err(error) => error,
            };
            self.retries.inc();
            refused.get_or_insert_with(|| Refused::new(&self.refused));
            let detail = "the broker does not take clicks; they wait in the spool";
            self.health.report("stream", Readiness::Degraded, detail);
            tracing::debug!(%error, "{detail}");
            backoff.pause(&self.rng).await;
            // The stream may be gone, or never have been there.
            if self.nats.is_connected()
                && let Err(error) = self.nats.ensure_stream().await
            {
                tracing::warn!(%error, "the stream cannot be made; trying again");
            }
        }
    }
}
