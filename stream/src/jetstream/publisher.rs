//! Sends one frame until the broker has it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_nats::HeaderMap;
use domain::Shard;
use platform::{Backoff, Health, Metrics, Readiness, Rng, Throttle};
use prometheus_client::metrics::counter::Counter;

use super::{NatsClient, SUBJECT};
use crate::Frame;

const BACKOFF_MIN: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(3);
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
    /// Frames that the broker has refused, or not answered, so far.
    refused: Arc<AtomicUsize>,
}

/// A frame that the broker has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    pub shard: Shard,
    /// Whether its sequence number follows those known when the frame was cut.
    pub counts_on: bool,
    pub sequence: u64,
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

impl Publisher {
    pub fn new(nats: NatsClient, health: Health, metrics: &Metrics, rng: Rng) -> Self {
        let retries = metrics.register("shipper_retries", "Frames sent again", Counter::default());
        Self { nats, health, rng, retries, unmade: Throttle::default(), refused: Arc::default() }
    }

    pub fn nats(&self) -> &NatsClient {
        &self.nats
    }

    /// Sends a frame until the broker has it. `after` is the last sequence number that it gave so
    /// far.
    pub async fn publish(self, frame: Frame, after: u64) -> Taken {
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
