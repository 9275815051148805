//! One subscription's reader. It knows how far it has come; announcements that join on exactly
//! there are taken as they are, anything else sends it to the store for the rows above its head.
//! So it tells every click once, in the order of storage, whatever the feed does; and where clicks above
//! its head were deleted for their age, it tells of the gap before it goes on.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use domain::{Click, ClickFilter, Seq, WorkspaceId};
use futures_util::{Stream, stream::unfold};
use store::{Access, PageRequest, Store, StoreError};
use stream::Announcement;
use tokio::sync::broadcast::{self, error::RecvError};

use super::hub::Topic;

/// Rows read at once when catching up.
const PAGE: u64 = 500;
/// How long to wait before a store that does not answer is asked again.
const RETRY: Duration = Duration::from_secs(1);

/// Where a subscription begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// With the next click that is stored.
    Now,
    /// With the first click stored after this one.
    After(Seq),
}

/// What a subscription is told.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Told {
    Click(Box<Click>),
    /// Clicks after `after`, up to `to`, were deleted; others in between may still be there, and follow.
    Gap {
        after: Seq,
        to: Seq,
    },
}

#[derive(Debug)]
pub(super) struct Follower {
    store: Store,
    workspace: WorkspaceId,
    filter: ClickFilter,
    /// Keeps the topic's task alive.
    _topic: Arc<Topic>,
    news: broadcast::Receiver<Arc<Announcement>>,
    /// Everything up to here was told or is in `ready`.
    head: Seq,
    /// The store is known to reach at least this far.
    known: Seq,
    ready: VecDeque<Told>,
    /// Up to here gaps were told of.
    told_to: Seq,
}

impl Follower {
    pub fn new(
        store: Store,
        workspace: WorkspaceId,
        filter: ClickFilter,
        topic: Arc<Topic>,
        news: broadcast::Receiver<Arc<Announcement>>,
        head: Seq,
        known: Seq,
    ) -> Self {
        Self { store, workspace, filter, _topic: topic, news, head, known, ready: VecDeque::new(), told_to: head }
    }

    pub fn into_stream(self) -> impl Stream<Item = Told> {
        unfold(self, |mut this| async {
            let told = this.next().await?;
            Some((told, this))
        })
    }

    async fn next(&mut self) -> Option<Told> {
        loop {
            if let Some(told) = self.ready.pop_front() {
                return Some(told);
            }
            if self.head < self.known {
                if let Err(error) = self.read_on().await {
                    tracing::warn!(%error, "a subscription cannot read on and tries again");
                    tokio::time::sleep(RETRY).await;
                }
                continue;
            }
            match self.news.recv().await {
                Ok(announcement) => self.take(&announcement),
                // Too far behind: whatever was missed is in the store.
                Err(RecvError::Lagged(_)) => self.known = self.head + 1,
                Err(RecvError::Closed) => return None,
            }
        }
    }

    fn take(&mut self, announcement: &Announcement) {
        if announcement.head <= self.head {
            return;
        }
        let complete = announcement.clicks.last().is_some_and(|last| last.seq == announcement.head);
        if complete && announcement.previous <= self.head {
            let mut new = announcement.clicks.iter().filter(|click| click.seq > self.head && self.filter.matches(click)).peekable();
            // What a link is now, its domain and tags for instance, is known to the store alone.
            if !self.filter.asks_of_links() || new.peek().is_none() {
                self.ready.extend(new.cloned().map(|click| Told::Click(Box::new(click))));
                self.head = announcement.head;
            }
        }
        self.known = self.known.max(announcement.head);
    }

    async fn read_on(&mut self) -> Result<(), StoreError> {
        let scope = self.store.workspace(self.workspace, Access::Read).await?;
        let purged_to = scope.forgotten().await?.purged_to;
        if purged_to > self.told_to.max(self.head) {
            self.ready.push_back(Told::Gap { after: self.head, to: purged_to });
            self.told_to = purged_to;
        }
        let request = PageRequest { after: Some(self.head), ..PageRequest::first(PAGE) };
        let page = scope.clicks_by_storage(&self.filter, &request).await?;
        self.head = match page.clicks.last() {
            Some(last) if page.has_next => last.seq,
            // Nothing more matches in this snapshot.
            _ => scope.head().await?.max(self.head),
        };
        self.known = if page.has_next { self.known.max(self.head + 1) } else { self.head };
        self.ready.extend(page.clicks.into_iter().map(|click| Told::Click(Box::new(click))));
        Ok(())
    }
}
