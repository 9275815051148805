//! Notices of changed links, so that caches forget them at once. Only a hint: a cache's short time
//! to live makes good what a notice that got lost did not tell.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use futures_util::stream::{BoxStream, select, unfold};
use tokio::sync::broadcast::{self, error::RecvError};

use crate::{NatsClient, StreamError};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkEvent {
    /// The link behind this folded slug is not what it was.
    Changed { slug: String },
    /// Some notice may have been missed: whatever is cached may be out of date.
    Unsure,
}

#[async_trait]
pub trait LinkNotices: Send + Sync + std::fmt::Debug {
    /// Tells all redirectors. Never waits long, never fails.
    async fn publish(&self, slug: &str);

    /// The notices from now on.
    ///
    /// # Errors
    /// When they cannot be listened to.
    async fn follow(&self) -> Result<BoxStream<'static, LinkEvent>, StreamError>;
}

const BACKLOG: usize = 1_024;

fn events(receiver: broadcast::Receiver<LinkEvent>) -> BoxStream<'static, LinkEvent> {
    let next = |mut receiver: broadcast::Receiver<LinkEvent>| async {
        match receiver.recv().await {
            Ok(event) => Some((event, receiver)),
            Err(RecvError::Lagged(_)) => Some((LinkEvent::Unsure, receiver)),
            Err(RecvError::Closed) => None,
        }
    };
    unfold(receiver, next).boxed()
}

/// Within one process.
#[derive(Clone, Debug)]
pub struct LocalNotices(broadcast::Sender<LinkEvent>);

impl Default for LocalNotices {
    fn default() -> Self {
        Self(broadcast::channel(BACKLOG).0)
    }
}

#[async_trait]
impl LinkNotices for LocalNotices {
    async fn publish(&self, slug: &str) {
        let _ = self.0.send(LinkEvent::Changed { slug: slug.to_owned() });
    }

    async fn follow(&self) -> Result<BoxStream<'static, LinkEvent>, StreamError> {
        Ok(events(self.0.subscribe()))
    }
}

const SUBJECT: &str = "links.v1.changed";
/// How long publishing may hold up a mutation while the broker is away.
const PATIENCE: Duration = Duration::from_millis(500);

/// Over one NATS core subject.
#[derive(Clone, Debug)]
pub struct NatsNotices {
    nats: NatsClient,
}

impl NatsNotices {
    pub fn new(nats: NatsClient) -> Self {
        Self { nats }
    }
}

#[async_trait]
impl LinkNotices for NatsNotices {
    async fn publish(&self, slug: &str) {
        let publish = self.nats.client.publish(SUBJECT, slug.to_owned().into());
        let _ = tokio::time::timeout(PATIENCE, publish).await;
    }

    async fn follow(&self) -> Result<BoxStream<'static, LinkEvent>, StreamError> {
        let connections = self.nats.connections();
        let subscription = self.nats.client.subscribe(SUBJECT).await.map_err(|error| StreamError::Broker(error.to_string()))?;
        // Whoever was cut off may have missed something.
        let reconnected = unfold(connections, |mut connections| async {
            match connections.recv().await {
                Ok(()) | Err(RecvError::Lagged(_)) => Some((LinkEvent::Unsure, connections)),
                Err(RecvError::Closed) => None,
            }
        });
        let changed = subscription.filter_map(|message| async move {
            let slug = String::from_utf8(message.payload.to_vec()).ok()?;
            Some(LinkEvent::Changed { slug })
        });
        Ok(select(changed, reconnected).boxed())
    }
}
