//! Notices over NATS: whoever publishes one wakes the feeder of its process, which brings the
//! change from the outbox to the snapshot, and whoever follows watches the snapshot. So a notice
//! survives the death of the process that made the change, and is never ahead of the snapshot.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::kv::Watch;
use async_trait::async_trait;
use futures_util::StreamExt as _;
use futures_util::stream::{BoxStream, unfold};
use tokio::sync::{Notify, broadcast};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::value::{Decoded, decode};
use super::{LINKS, LinkSnapshot, broker, hosts, in_time, policies};
use crate::{LinkEvent, LinkNotices, StreamError};

/// How often a follower asks whether the bucket is still the same one.
const CHECK_EVERY: Duration = Duration::from_secs(2);

#[derive(Clone, Debug)]
pub struct SnapshotNotices {
    snapshot: LinkSnapshot,
    wake: Arc<Notify>,
}

impl SnapshotNotices {
    pub fn new(snapshot: LinkSnapshot) -> Self {
        Self { snapshot, wake: Arc::default() }
    }

    /// Waits for a change that this process has made.
    pub async fn woken(&self) {
        self.wake.notified().await;
    }
}

#[async_trait]
impl LinkNotices for SnapshotNotices {
    async fn publish(&self, _: LinkEvent) {
        self.wake.notify_one();
    }

    async fn follow(&self) -> Result<BoxStream<'static, LinkEvent>, StreamError> {
        let connections = self.snapshot.nats.connections();
        self.snapshot.ensure().await?;
        let made_at = self.snapshot.made_at().await?;
        let bucket = self.snapshot.bucket().await?;
        let subjects = [LINKS, hosts::SUBJECT].into_iter().chain(policies::SUBJECTS);
        let watch = in_time(bucket.watch_many(subjects)).await?.map_err(|error| broker(&error))?;
        let mut check = interval(CHECK_EVERY);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let follower = Follower { snapshot: self.snapshot.clone(), watch, connections, check, made_at };
        Ok(unfold(follower, async |mut follower| Some((follower.next().await?, follower))).boxed())
    }
}

/// What a written entry means to whoever caches.
fn event(key: &str, value: &[u8]) -> LinkEvent {
    policies::event(key).or_else(|| hosts::event(key, value)).unwrap_or_else(|| match decode(value) {
        Decoded::State(state) | Decoded::Sealed(state, _) => LinkEvent::Changed { address: state.address },
        Decoded::Newer(_) | Decoded::Malformed => LinkEvent::Unsure,
    })
}

struct Follower {
    snapshot: LinkSnapshot,
    watch: Watch,
    connections: broadcast::Receiver<()>,
    check: Interval,
    made_at: i64,
}

impl Follower {
    /// `None` when something may have been missed: the connection was lost, or the bucket is
    /// another one, of which the watch would say nothing.
    async fn next(&mut self) -> Option<LinkEvent> {
        loop {
            tokio::select! {
                entry = self.watch.next() => {
                    let entry = entry?.ok()?;
                    return Some(event(&entry.key, &entry.value));
                }
                _ = self.connections.recv() => return None,
                _ = self.check.tick() => {
                    let gone = match self.snapshot.made_at().await {
                        Ok(made_at) => made_at != self.made_at,
                        // With the broker away the connection says so when it is back.
                        Err(_) => self.snapshot.nats.is_connected(),
                    };
                    if gone {
                        return None;
                    }
                }
            }
        }
    }
}
