//! Sends one frame until the broker has it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::HeaderMap;
use domain::Shard;
use platform::{Backoff, Health, Metrics, Readiness, Rng, Throttle};
use prometheus_client::metrics::counter::Counter;
use tokio::time::Instant;

use super::{NatsClient, SUBJECT};
use crate::Frame;

const BACKOFF_MIN: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(3);
/// How long the broker takes every frame before that is told of.
const CALM: Duration = Duration::from_secs(3);
const NOT_TAKEN: &str = "The broker does not take clicks; they wait in the spool. Start NATS with JetStream; where it runs, \
                         its stream CLICKS may be full: start workers, which empty it.";

/// What sending one frame needs.
#[derive(Clone, Debug)]
pub(super) struct Publisher {
    nats: NatsClient,
    health: Health,
    rng: Rng,
    retries: Counter,
    /// Of streams that cannot be made: each shard tries.
    unmade: Throttle,
    refusals: Refusals,
}

/// A frame that the broker has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    pub shard: Shard,
    /// Whether its sequence number follows those known when the frame was cut.
    pub counts_on: bool,
    pub sequence: u64,
}

/// What the broker has refused, or not answered. Clones share it.
#[derive(Clone, Debug, Default)]
struct Refusals {
    /// Frames that wait.
    waiting: Arc<AtomicUsize>,
    /// The last refusal, until the calm after it was told of.
    last: Arc<Mutex<Option<Instant>>>,
}

impl Refusals {
    fn last(&self) -> MutexGuard<'_, Option<Instant>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refused(&self) {
        *self.last() = Some(Instant::now());
    }

    /// Whether nothing was refused for a while. A full stream takes a frame now and then, which is no news.
    fn is_calm(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) == 0 && self.last().is_none_or(|last| last.elapsed() >= CALM)
    }
}

/// A frame waits for as long as this lives.
#[derive(Debug)]
struct Waits(Refusals);

impl Waits {
    fn new(refusals: &Refusals) -> Self {
        refusals.waiting.fetch_add(1, Ordering::Relaxed);
        Self(refusals.clone())
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Publisher {
    pub fn new(nats: NatsClient, health: Health, metrics: &Metrics, rng: Rng) -> Self {
        let retries = metrics.register("shipper_retries", "Frames sent again", Counter::default());
        Self { nats, health, rng, retries, unmade: Throttle::default(), refusals: Refusals::default() }
    }

    pub fn nats(&self) -> &NatsClient {
        &self.nats
    }

    /// Says that the broker takes clicks again, for there may be no more that it takes. Called now and then.
    pub fn tell_of_calm(&self) {
        if self.refusals.last().is_some() {
            self.taken();
        }
    }

    fn taken(&self) {
        if self.refusals.is_calm() {
            *self.refusals.last() = None;
            self.health.report("stream", Readiness::Ready, "");
        }
    }

    /// Sends a frame until the broker has it. `after` is the last sequence number that it gave so
    /// far.
    pub async fn publish(self, frame: Frame, after: u64) -> Taken {
        let subject = format!("{SUBJECT}.{}", frame.shard.index());
        let body = frame.encode();
        let mut backoff = Backoff::new(BACKOFF_MIN, BACKOFF_MAX);
        let mut waits = None;
        loop {
            let mut headers = HeaderMap::new();
            headers.insert(async_nats::header::NATS_MESSAGE_ID, frame.id.as_str());
            let error = match self.nats.jetstream.publish_with_headers(subject.clone(), headers, body.clone()).await {
                Ok(ack) => match ack.await {
                    // `duplicate` too: the id covers the content, so the broker has it.
                    Ok(ack) => {
                        drop(waits);
                        self.taken();
                        // A duplicate has the number of its first copy.
                        let counts_on = ack.duplicate || ack.sequence > after;
                        return Taken { shard: frame.shard, counts_on, sequence: ack.sequence };
                    }
                    Err(error) => error,
                },
                Err(error) => error,
            };
            self.retries.inc();
            waits.get_or_insert_with(|| Waits::new(&self.refusals));
            self.refusals.refused();
            self.health.report("stream", Readiness::Degraded, NOT_TAKEN);
            tracing::debug!(%error, "the broker does not take a frame; trying again");
            backoff.pause(&self.rng).await;
            // The stream may be gone, or never have been there.
            if self.nats.is_connected()
                && let Err(error) = self.nats.ensure_stream().await
                && self.unmade.may_tell()
            {
                tracing::warn!(%error, "the stream cannot be made; trying again");
            }
        }
    }
}
