//! The live feed: news of what was stored, for whoever watches a workspace.
//!
//! It may lose an announcement; it never tells a wrong one. A follower that sees a `previous` that
//! is not its own head reads the rows above its head from the store.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use domain::{Click, Seq, WorkspaceId};
use futures_util::StreamExt as _;
use futures_util::stream::{BoxStream, unfold};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::{self, error::RecvError};

use crate::{NatsClient, StreamError};

/// One transaction's clicks of one workspace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Announcement {
    pub workspace: WorkspaceId,
    /// The workspace's head before and after.
    pub previous: Seq,
    pub head: Seq,
    /// All clicks above `previous` up to `head`, if the last one's place is `head`; else they are
    /// not told here.
    pub clicks: Arc<Vec<Click>>,
}

#[async_trait]
pub trait LiveFeed: Send + Sync + std::fmt::Debug {
    /// Tells whoever listens. Never waits long, never fails: a lost announcement is made good by
    /// the store.
    async fn announce(&self, announcement: Announcement);

    /// The announcements of a workspace from now on.
    ///
    /// # Errors
    /// When the feed cannot be listened to.
    async fn follow(&self, workspace: WorkspaceId) -> Result<BoxStream<'static, Announcement>, StreamError>;
}

/// Announcements kept for a slow follower; one that falls further behind misses some.
const BACKLOG: usize = 256;

/// Within one process.
#[derive(Clone, Debug, Default)]
pub struct LocalFeed {
    followed: Arc<Mutex<HashMap<WorkspaceId, broadcast::Sender<Announcement>>>>,
}

#[async_trait]
impl LiveFeed for LocalFeed {
    async fn announce(&self, announcement: Announcement) {
        let mut followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        let workspace = announcement.workspace;
        // An error means that nobody follows any more.
        if followed.get(&workspace).is_some_and(|sender| sender.send(announcement).is_err()) {
            followed.remove(&workspace);
        }
    }

    async fn follow(&self, workspace: WorkspaceId) -> Result<BoxStream<'static, Announcement>, StreamError> {
        let receiver = {
            let mut followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
            followed.entry(workspace).or_insert_with(|| broadcast::channel(BACKLOG).0).subscribe()
        };
        let next = |mut receiver: broadcast::Receiver<Announcement>| async {
            loop {
                match receiver.recv().await {
                    Ok(announcement) => return Some((announcement, receiver)),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return None,
                }
            }
        };
        Ok(unfold(receiver, next).boxed())
    }
}

/// A message stays below this, well under the broker's 1 MB.
const MESSAGE_BYTES: usize = 512 * 1_024;
/// How long announcing may hold up the worker while the broker is away.
const PATIENCE: Duration = Duration::from_millis(500);

/// Over NATS core subjects, one for each workspace.
#[derive(Clone, Debug)]
pub struct NatsFeed {
    nats: NatsClient,
}

impl NatsFeed {
    pub fn new(nats: NatsClient) -> Self {
        Self { nats }
    }

    async fn send(&self, announcement: &Announcement) {
        let Ok(body) = serde_json::to_vec(announcement) else { return };
        if body.len() <= MESSAGE_BYTES {
            // With the broker away the client's queue fills up; the store has it all.
            if self.nats.is_connected() {
                let publish = self.nats.client.publish(subject(announcement.workspace), body.into());
                let _ = tokio::time::timeout(PATIENCE, publish).await;
            }
            return;
        }
        for part in halves(announcement) {
            Box::pin(self.send(&part)).await;
        }
    }
}

/// Two announcements that join on; one too large for halving goes without its clicks.
fn halves(announcement: &Announcement) -> Vec<Announcement> {
    let middle = announcement.clicks.len() / 2;
    if middle == 0 {
        return vec![Announcement { clicks: Arc::default(), ..announcement.clone() }];
    }
    let (first, second) = announcement.clicks.split_at(middle);
    let between = first.last().map_or(announcement.previous, |click| click.seq);
    let part = |previous, head, clicks: &[Click]| Announcement {
        workspace: announcement.workspace,
        previous,
        head,
        clicks: Arc::new(clicks.to_vec()),
    };
    vec![part(announcement.previous, between, first), part(between, announcement.head, second)]
}

fn subject(workspace: WorkspaceId) -> String {
    format!("live.v1.{}", workspace.0.simple())
}

#[async_trait]
impl LiveFeed for NatsFeed {
    async fn announce(&self, announcement: Announcement) {
        self.send(&announcement).await;
    }

    async fn follow(&self, workspace: WorkspaceId) -> Result<BoxStream<'static, Announcement>, StreamError> {
        let broker = |error: &dyn std::fmt::Display| StreamError::Broker(error.to_string());
        let subscription = self.nats.client.subscribe(subject(workspace)).await.map_err(|error| broker(&error))?;
        let decode = |message: async_nats::Message| async move { serde_json::from_slice(&message.payload).ok() };
        Ok(subscription.filter_map(decode).boxed())
    }
}
