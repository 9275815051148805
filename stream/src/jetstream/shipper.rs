//! From the spool to the broker. One frame per shard is in flight; the next is cut when it is
//! acked, from whatever has gathered meanwhile: the shipper clocks itself, but for the millisecond
//! that the reader lets records gather once one has come. A frame that is not
//! acked is sent again as it is, for ever; memory stays bounded, since reading stops meanwhile.
//!
//! A broker that fell back, wiped or restored from an older state, is sent again what is kept: it
//! is known by its stream's creation time, by a last sequence number below one that it gave, and by
//! an ack that does not count on. The cursor durably goes back then, so that a restart in between
//! changes nothing. Frames are cut anew; their ids cover their content.

use std::time::Duration;

use domain::{Loss, Shard};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use platform::{Health, Metrics, Rng};
use prometheus_client::metrics::counter::Counter;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::publisher::Publisher;
use super::under_way::UnderWay;
use super::{Direct, NatsClient, StreamError};
use crate::spool::{BrokerMark, Cursor, Entry, Spool};

/// Records held in memory before reading stops.
const HELD_BYTES: usize = 8 << 20;
const READ: usize = 1_024;
const CURSOR_EVERY: Duration = Duration::from_secs(1);
/// How often the broker is asked whether it fell back, besides at each connection.
const CHECK_EVERY: Duration = Duration::from_secs(30);
/// How long a stop waits for what can still be sent.
const DRAIN: Duration = Duration::from_secs(3);

#[derive(Debug)]
pub struct Shipper {
    spool: Spool,
    publisher: Publisher,
    shipped: Counter,
    fallbacks: Counter,
}

impl Shipper {
    pub fn new(spool: Spool, nats: NatsClient, health: Health, metrics: &Metrics, rng: Rng) -> Self {
        let shipped = metrics.register("shipper_shipped", "Clicks that the broker has acked", Counter::default());
        let fallbacks = metrics.register("shipper_fallbacks", "Times that the broker had fallen back", Counter::default());
        spool.set_direct(Direct::new(nats.clone()));
        Self { spool, publisher: Publisher::new(nats, health, metrics, rng), shipped, fallbacks }
    }

    /// Ships until the stop.
    ///
    /// # Errors
    /// When the spool cannot be read.
    pub async fn run(self, stopping: CancellationToken) -> Result<(), StreamError> {
        let nats = self.publisher.nats();
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
                if let Some(frame) = under_way.queue(shard).cut(self.spool.0.id, shard) {
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

    fn acked(&self, (clicks, losses): (usize, Vec<Loss>)) {
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

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
