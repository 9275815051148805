//! One follower of the live feed for each workspace that somebody watches, shared by all of its
//! subscriptions.
//!
//! The feed may lose announcements, so the head is also read from the store now and then: a click
//! may come late by [`POLL`], but never not at all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use domain::{ClickFilter, Seq, WorkspaceId};
use futures_util::{Stream, StreamExt as _};
use store::{Access, Store, StoreError};
use stream::{Announcement, LiveFeed};
use tokio::sync::broadcast;
use tokio::task::AbortHandle;
use tokio::time::MissedTickBehavior;

use super::follower::{Follower, Start, Told};

/// How often the head of a watched workspace is read.
const POLL: Duration = Duration::from_secs(2);
/// How long to wait before a feed that failed is followed again.
const RETRY: Duration = Duration::from_secs(1);
/// Announcements kept for a slow subscription; one that falls further behind reads the store.
const BACKLOG: usize = 256;

/// What happened in one workspace, for all who watch it.
#[derive(Debug)]
pub(super) struct Topic {
    pub(super) news: broadcast::Sender<Arc<Announcement>>,
    task: AbortHandle,
}

impl Drop for Topic {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Hears that something was stored, in one workspace.
#[derive(Debug)]
pub(crate) struct Changes {
    news: broadcast::Receiver<Arc<Announcement>>,
    /// Keeps the topic's task alive.
    _topic: Arc<Topic>,
}

impl Changes {
    /// Waits for something that was not heard of yet.
    pub async fn next(&mut self) {
        // What was missed is a change as well; and where nobody tells any more, whoever waits has a limit of their own.
        if matches!(self.news.recv().await, Err(broadcast::error::RecvError::Closed)) {
            std::future::pending::<()>().await;
        }
        // What came until now is answered together.
        self.news = self.news.resubscribe();
    }
}

#[derive(Debug)]
pub(crate) struct Hub {
    store: Store,
    feed: Arc<dyn LiveFeed>,
    topics: Mutex<HashMap<WorkspaceId, Weak<Topic>>>,
}

impl Hub {
    pub fn new(store: Store, feed: Arc<dyn LiveFeed>) -> Self {
        Self { store, feed, topics: Mutex::default() }
    }

    /// The clicks of a workspace from `start` on. `None` when `start` is ahead of the store.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn follow(
        &self,
        workspace: WorkspaceId,
        filter: ClickFilter,
        start: Start,
    ) -> Result<Option<impl Stream<Item = Told> + use<>>, StoreError> {
        // Listening begins before the head is read, so that nothing falls in between.
        let topic = self.topic(workspace);
        let news = topic.news.subscribe();
        let head = self.store.workspace(workspace, Access::Read).await?.head().await?;
        let from = match start {
            Start::Now => head,
            Start::After(seq) if seq > head => return Ok(None),
            Start::After(seq) => seq,
        };
        Ok(Some(Follower::new(self.store.clone(), workspace, filter, topic, news, from, head).into_stream()))
    }

    /// That something was stored in a workspace, for whoever only wants to know when to look again.
    pub fn changes(&self, workspace: WorkspaceId) -> Changes {
        let topic = self.topic(workspace);
        Changes { news: topic.news.subscribe(), _topic: topic }
    }

    fn topic(&self, workspace: WorkspaceId) -> Arc<Topic> {
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(topic) = topics.get(&workspace).and_then(Weak::upgrade) {
            return topic;
        }
        topics.retain(|_, topic| topic.strong_count() > 0);
        let (news, _) = broadcast::channel(BACKLOG);
        let task = tokio::spawn(watch(self.store.clone(), self.feed.clone(), workspace, news.clone())).abort_handle();
        let topic = Arc::new(Topic { news, task });
        topics.insert(workspace, Arc::downgrade(&topic));
        topic
    }
}

/// Passes on what the feed announces and what the store's head betrays, for as long as the topic
/// lives.
async fn watch(store: Store, feed: Arc<dyn LiveFeed>, workspace: WorkspaceId, news: broadcast::Sender<Arc<Announcement>>) {
    let mut poll = tokio::time::interval(POLL);
    poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut head: Seq = 0;
    loop {
        let Ok(mut announcements) = feed.follow(workspace).await else {
            tokio::time::sleep(RETRY).await;
            continue;
        };
        loop {
            tokio::select! {
                announcement = announcements.next() => {
                    let Some(announcement) = announcement else { break };
                    head = head.max(announcement.head);
                    let _ = news.send(Arc::new(announcement));
                }
                _ = poll.tick() => match read_head(&store, workspace).await {
                    Ok(now) if now > head => {
                        let announcement = Announcement { workspace, previous: head, head: now, clicks: Arc::default() };
                        head = now;
                        let _ = news.send(Arc::new(announcement));
                    }
                    Ok(_) => {}
                    Err(error) => tracing::debug!(%error, "the head of a watched workspace cannot be read"),
                },
            }
        }
    }
}

async fn read_head(store: &Store, workspace: WorkspaceId) -> Result<Seq, StoreError> {
    store.workspace(workspace, Access::Read).await?.head().await
}
