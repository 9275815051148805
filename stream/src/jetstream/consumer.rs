//! The durable consumer of a shard. Of several workers the broker pins one, which alone is given frames, so
//! that a shard is read in order by one at a time; the others stand by. Nothing relies on that: frames that
//! two workers read are stored once all the same, so a consumer that cannot be pinned is read as it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::jetstream::consumer::pull::{self, Config};
use async_nats::jetstream::consumer::{AckPolicy, Consumer, PriorityPolicy};
use async_nats::jetstream::stream::{ConsumerError, ConsumerErrorKind, Stream};
use domain::Shard;

use super::{SUBJECT, StreamError};

/// How long the broker waits for an ack before it delivers again.
const ACK_WAIT: Duration = Duration::from_secs(10);
/// Frames asked for at once.
const PULL: usize = 32;
/// When a question for frames ends and is asked anew, which keeps the pin.
const PULL_EXPIRES: Duration = Duration::from_secs(4);
const HEARTBEAT: Duration = Duration::from_secs(2);
/// Who has not asked for so long, since it was killed, loses its pin to another.
const PINNED_FOR: Duration = Duration::from_secs(8);
const GROUP: &str = "workers";

/// Makes consumers; clones say together, once, that one is not pinned.
#[derive(Clone, Debug, Default)]
pub(super) struct Consumers {
    told: Arc<AtomicBool>,
}

impl Consumers {
    /// The consumer of a shard: made if need be, and brought up to date where an older program made it.
    pub async fn of(&self, shard: Shard, stream: &Stream) -> Result<Consumer<Config>, StreamError> {
        let found = match stream.get_or_create_consumer(&name(shard), pinned(shard)).await {
            Err(error) if is_refusal(&error) => stream.get_or_create_consumer(&name(shard), shared(shard)).await.map_err(broker)?,
            found => found.map_err(broker)?,
        };
        if is_pinned(&found) && found.cached_info().config.priority_timeout == PINNED_FOR {
            return Ok(found);
        }
        let changed = match stream.create_consumer(pinned(shard)).await {
            Err(error) if is_refusal(&error) => found,
            changed => changed.map_err(broker)?,
        };
        if !is_pinned(&changed) && !self.told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "The broker does not keep a shard to one worker: several workers read it together, and clicks are stored once all \
                 the same. Run a nats-server of 2.12 or later; if it is one, delete the stream's consumers worker-0 to worker-7, \
                 which are made again."
            );
        }
        Ok(changed)
    }
}

/// Asks for frames, and again whenever the question ends.
pub(super) async fn frames(consumer: &Consumer<Config>) -> Result<pull::Stream, StreamError> {
    let question = consumer.stream().max_messages_per_batch(PULL).expires(PULL_EXPIRES).heartbeat(HEARTBEAT);
    let question = match consumer.cached_info().config.priority_groups.first() {
        Some(group) => question.group(group),
        None => question,
    };
    question.messages().await.map_err(broker)
}

/// Gives up a pin, so that nobody need wait until it ends by itself. Its reader must be gone.
pub(super) async fn release(shard: Shard, stream: &Stream, pin: &str) {
    let Ok(info) = stream.consumer_info(name(shard)).await else { return };
    let group = info.priority_groups.iter().find(|group| group.pinned_client_id.as_deref() == Some(pin));
    if let Some(group) = group
        && let Err(error) = stream.unpin_consumer(&name(shard), &group.group).await
    {
        tracing::debug!(shard = shard.index(), %error, "a pin cannot be given up; it ends by itself");
    }
}

fn name(shard: Shard) -> String {
    format!("worker-{}", shard.index())
}

fn shared(shard: Shard) -> Config {
    Config {
        durable_name: Some(name(shard)),
        filter_subject: format!("{SUBJECT}.{}", shard.index()),
        ack_policy: AckPolicy::Explicit,
        ack_wait: ACK_WAIT,
        max_deliver: -1,
        ..Config::default()
    }
}

fn pinned(shard: Shard) -> Config {
    Config {
        priority_policy: PriorityPolicy::PinnedClient,
        priority_groups: vec![GROUP.to_owned()],
        priority_timeout: PINNED_FOR,
        ..shared(shard)
    }
}

/// An older broker leaves out what it does not know.
fn is_pinned(consumer: &Consumer<Config>) -> bool {
    consumer.cached_info().config.priority_policy == PriorityPolicy::PinnedClient
}

fn is_refusal(error: &ConsumerError) -> bool {
    matches!(error.kind(), ConsumerErrorKind::JetStream(_))
}

fn broker(error: impl std::fmt::Display) -> StreamError {
    StreamError::Broker(error.to_string())
}
