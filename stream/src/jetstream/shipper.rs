//! From the spool to the broker. One frame per shard is in flight; the next is cut when it is
//! acked, from whatever has gathered meanwhile: the shipper clocks itself, but for the millisecond
//! that the reader lets records gather once one has come. A frame that is not
//! acked is sent again as it is, for ever; memory stays bounded, since reading stops meanwhile.
//!
//! A broker that fell back, wiped or restored from an older state, is sent again what is kept: it
//! is known by the spool's mark in its stream (`marks.rs`), below which the cursor stays, and sooner by
//! the stream's creation time, by a last sequence number below one that it gave, and by an ack that
//! does not count on. The cursor durably goes back then, so that a restart in between changes nothing.
//! What was acked since the last mark is sent again after each new connection and after each mark that
//! the broker did not take, since nothing tells whether it still has that. Frames are cut anew; their ids
//! cover their content.

use std::time::Duration;

use domain::{Loss, Shard};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use platform::{Health, Metrics, Rng};
use prometheus_client::metrics::counter::Counter;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::marks::{self, Mark};
use super::publisher::Publisher;
use super::tidied::Tidied;
use super::tidy::Tidy;
use super::under_way::UnderWay;
use super::{Direct, NatsClient, STREAM, StreamError};
use crate::spool::{BrokerMark, Cursor, Entry, Spool};

/// Records held in memory before reading stops.
const HELD_BYTES: usize = 8 << 20;
const READ: usize = 1_024;
/// How often a mark is put and the cursor follows it.
const CURSOR_EVERY: Duration = Duration::from_secs(1);
/// How often the broker is asked whether it fell back, besides at each connection.
const CHECK_EVERY: Duration = Duration::from_secs(30);
/// How long a stop waits for what can still be sent.
const DRAIN: Duration = Duration::from_secs(3);
/// How long it waits for the last mark.
const LAST_MARK: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub struct Shipper {
    spool: Spool,
    publisher: Publisher,
    shipped: Counter,
    fallbacks: Counter,
    tidied: Tidied,
}

impl Shipper {
    pub fn new(spool: Spool, nats: NatsClient, health: Health, metrics: &Metrics, rng: Rng) -> Self {
        let shipped = metrics.register("shipper_shipped", "Clicks that the broker has acked", Counter::default());
        let fallbacks = metrics.register("shipper_fallbacks", "Times that the broker had fallen back", Counter::default());
        let tidied = Tidied::new(&spool.0.clock, &health, metrics);
        spool.set_direct(Direct::new(nats.clone()));
        Self { spool, publisher: Publisher::new(nats, health, metrics, rng), shipped, fallbacks, tidied }
    }

    /// Ships until the stop.
    ///
    /// # Errors
    /// When the spool cannot be read.
    pub async fn run(self, stopping: CancellationToken) -> Result<(), StreamError> {
        let (nats, spool) = (self.publisher.nats(), self.spool.0.id);
        let mut connections = nats.connections();
        let mut cursor = Cursor::open(&self.spool);
        let mut mark = cursor.mark();
        // Of what is below the broker has the mark; the cursor is never above it.
        let mut marked = cursor.durable();
        let mut under_way = UnderWay::new(&self.spool, marked);
        let (mut sending, mut marking, mut checking) = (FuturesUnordered::new(), FuturesUnordered::new(), FuturesUnordered::new());
        let (mut tick, mut check) = (interval(CURSOR_EVERY), interval(CHECK_EVERY));
        let mut tidy = Tidy::new(nats, spool, &self.spool.0.clock, self.tidied.clone());
        let mut suspect = false;
        // The place of the spool's mark in the stream, since it was last looked at.
        let mut place: Option<u64> = None;
        // Whether the broker has no mark that says what the cursor does.
        let mut is_unmarked = false;
        let mut deadline: Option<Instant> = None;
        loop {
            for shard in Shard::all() {
                if let Some(frame) = under_way.queue(shard).cut(spool, shard) {
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
                    self.acked(under_way.acked(taken.shard));
                    mark.last_sequence = mark.last_sequence.max(taken.sequence);
                    if !taken.counts_on && !std::mem::replace(&mut suspect, true) {
                        checking.push(look(nats, mark, spool));
                    }
                }
                Some(put) = marking.next() => match put {
                    Some(Mark { offset, sequence }) => (marked, place, is_unmarked) = (offset, Some(sequence), false),
                    None => {
                        (sending, under_way, place) = (FuturesUnordered::new(), UnderWay::new(&self.spool, marked), None);
                        checking.push(look(nats, mark, spool));
                    }
                },
                Some((before, found)) = checking.next() => {
                    let (before, found): (BrokerMark, Option<(BrokerMark, Mark)>) = (before, found);
                    let Some((found, ours)) = found else { continue };
                    if marking.is_empty() {
                        place = Some(ours.sequence);
                    }
                    if mark.created == 0 {
                        mark = found;
                    } else if std::mem::take(&mut suspect) || fell_back(before, found) || ours.offset < cursor.durable() {
                        tracing::warn!("the broker has fallen back to an earlier state; what is kept is sent again");
                        self.fallbacks.inc();
                        mark = found;
                        marked = cursor.rewind(mark).map_err(|error| StreamError::Cursor(error.to_string()))?;
                        self.spool.tell_losses_again();
                        (sending, marking, checking) = (FuturesUnordered::new(), FuturesUnordered::new(), FuturesUnordered::new());
                        (under_way, place, is_unmarked) = (UnderWay::new(&self.spool, marked), Some(ours.sequence), true);
                    }
                }
                _ = tick.tick() => {
                    under_way.take_losses(&self.spool.losses());
                    self.publisher.tell_of_calm();
                    self.save(&mut cursor, &under_way, marked, mark);
                    tidy.tick();
                    let low = under_way.low();
                    let is_due = |place| low > marked || is_unmarked || tidy.wants_again(place);
                    if let Some(place) = place.filter(|place| is_due(*place) && marking.is_empty() && nats.is_connected()) {
                        marking.push(marks::put(nats, spool, low, place));
                    }
                }
                _ = check.tick(), if checking.is_empty() && nats.is_connected() => checking.push(look(nats, mark, spool)),
                _ = connections.recv() => {
                    if under_way.low() > marked {
                        (sending, under_way) = (FuturesUnordered::new(), UnderWay::new(&self.spool, marked));
                    }
                    // A mark that is still on its way says nothing of the broker that is there now.
                    (marking, place) = (FuturesUnordered::new(), None);
                    checking.push(look(nats, mark, spool));
                }
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
        let low = under_way.low();
        if let Some(place) = place.filter(|_| low > marked && nats.is_connected()) {
            let put = tokio::time::timeout(LAST_MARK, marks::put(nats, spool, low, place)).await;
            marked = put.ok().flatten().map_or(marked, |put| put.offset);
        }
        self.save(&mut cursor, &under_way, marked, mark);
        Ok(())
    }

    fn acked(&self, (clicks, losses): (usize, Vec<Loss>)) {
        self.spool.losses_acked(&losses);
        self.shipped.inc_by(clicks as u64);
        self.spool.0.metrics.acked.inc_by(clicks as u64);
    }

    fn save(&self, cursor: &mut Cursor, under_way: &UnderWay, marked: u64, mark: BrokerMark) {
        let depth = self.spool.end().0.saturating_sub(under_way.low());
        self.spool.0.metrics.depth.set(i64::try_from(depth).unwrap_or(i64::MAX));
        self.spool.0.metrics.oldest.set(under_way.oldest().and_then(Entry::captured_at));
        if let Err(error) = cursor.advance(marked, mark) {
            tracing::error!(%error, "the spool's cursor cannot be kept; after a restart clicks are sent again");
        }
    }
}

fn interval(every: Duration) -> tokio::time::Interval {
    let mut interval = tokio::time::interval(every);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    interval
}

/// What was known of the broker when it was asked, and what it says: of its stream, and of this spool.
async fn look(nats: &NatsClient, before: BrokerMark, spool: u64) -> (BrokerMark, Option<(BrokerMark, Mark)>) {
    let found = async {
        let found = nats.ensure_stream().await?;
        let stream = nats.jetstream.get_stream_no_info(STREAM).await.map_err(|error| StreamError::Broker(error.to_string()))?;
        Ok::<_, StreamError>((found, marks::read(&stream, spool).await?))
    };
    (before, found.await.ok())
}

fn fell_back(before: BrokerMark, now: BrokerMark) -> bool {
    before.created != 0 && (now.created != before.created || now.last_sequence < before.last_sequence)
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
