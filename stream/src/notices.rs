//! Notices of changed links, so that caches forget them at once. Only a hint: a cache's short time
//! to live makes good what a notice that got lost did not tell.
//!
//! Within one process they are told directly. Over NATS they are a watch of the snapshot of links
//! (`snapshot/notices.rs`): a redirector that reads the snapshot must not hear of a change before
//! it is there.

use async_trait::async_trait;
use domain::{ApiKeyId, HostName, LinkAddress, WorkspaceId};
use futures_util::StreamExt as _;
use futures_util::stream::{BoxStream, unfold};
use tokio::sync::broadcast::{self, error::RecvError};

use crate::StreamError;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkEvent {
    /// The link at this address is not what it was.
    Changed { address: LinkAddress },
    /// The domain of this host is not what it was.
    HostChanged { host: HostName },
    /// An API key was made or revoked.
    Key { id: ApiKeyId },
    /// A workspace decided something else for its redirects.
    Workspace { id: WorkspaceId },
    /// Some notice may have been missed: whatever is cached may be out of date.
    Unsure,
}

#[async_trait]
pub trait LinkNotices: Send + Sync + std::fmt::Debug {
    /// Tells all redirectors. Never waits long, never fails.
    async fn publish(&self, event: LinkEvent);

    /// The notices from now on. Where the stream ends, some may have been missed: follow again.
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
    async fn publish(&self, event: LinkEvent) {
        let _ = self.0.send(event);
    }

    async fn follow(&self) -> Result<BoxStream<'static, LinkEvent>, StreamError> {
        Ok(events(self.0.subscribe()))
    }
}
