//! Keeps the snapshot of links up to date: drains the outbox into it, and fills a bucket that is
//! new. Several processes may do so at once; what is written twice changes nothing, and a version
//! is never lowered.

use std::convert::Infallible;
use std::time::Duration;

use domain::{DomainState, HostName, LinkState};
use futures_util::stream::{TryStreamExt as _, iter};
use platform::{Backoff, Health, Readiness, Rng};
use store::{Store, StoreError};
use stream::{LinkSnapshot, SnapshotNotices, StreamError};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{LinkBacklog, policy_feeder};

/// Changes drained and links filled in at a time.
const BATCH: u32 = 500;
/// Writes under way at once.
const AT_ONCE: usize = 32;
/// How often the outbox is looked at without being told: for changes of other processes.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often the bucket is asked whether it is still full.
const CHECK_EVERY: Duration = Duration::from_secs(2);
const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(3);

#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Snapshot(#[from] StreamError),
}

impl FeedError {
    fn advice(&self) -> &'static str {
        match self {
            Self::Store(_) => {
                "Changed links cannot be read from the database, so redirectors without one do not see them. Mend the database."
            }
            Self::Snapshot(_) => {
                "Changed links cannot be brought to NATS; they wait in the database. Start NATS with JetStream, mend LINKLOGGER_NATS_URL, or give JetStream more room (max_file_store)."
            }
        }
    }
}

/// Writes every link, host, API key and workspace of the database to the snapshot, never lowering a
/// version. Returns how many addresses of links there are.
///
/// # Errors
/// When the database or the broker does not answer.
pub async fn resync_links(store: &Store, snapshot: &LinkSnapshot) -> Result<u64, FeedError> {
    let filling = snapshot.begin_filling().await?;
    let (mut after, mut count) = (None, 0);
    loop {
        let page = store.links_after(after.as_ref(), BATCH).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.address.clone());
        count += page.len() as u64;
        write(snapshot, page).await?;
    }
    let mut after: Option<HostName> = None;
    loop {
        let page = store.domains_after(after.as_ref(), BATCH).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.host.clone());
        write_hosts(snapshot, page).await?;
    }
    if let Some(filling) = filling {
        snapshot.finish_filling(filling).await?;
    }
    policy_feeder::fill(store, snapshot).await?;
    Ok(count)
}

async fn write(snapshot: &LinkSnapshot, states: Vec<LinkState>) -> Result<(), StreamError> {
    let writes = iter(states.into_iter().map(Ok));
    writes.try_for_each_concurrent(AT_ONCE, async |state| snapshot.put_if_newer(&state).await.map(drop)).await
}

async fn write_hosts(snapshot: &LinkSnapshot, states: Vec<DomainState>) -> Result<(), StreamError> {
    let writes = iter(states.into_iter().map(Ok));
    writes.try_for_each_concurrent(AT_ONCE, async |state| snapshot.put_domain_if_newer(&state).await.map(drop)).await
}

/// The task of the role api that feeds the snapshot.
#[derive(Debug)]
pub struct LinkFeeder {
    pub store: Store,
    pub snapshot: LinkSnapshot,
    /// Told of changes that this process makes.
    pub notices: SnapshotNotices,
    pub rng: Rng,
    pub health: Health,
    pub backlog: LinkBacklog,
}

impl LinkFeeder {
    /// Feeds until the stop.
    ///
    /// # Errors
    /// Never: what fails is tried again.
    pub async fn run(self, stopping: CancellationToken) -> Result<(), Infallible> {
        let backoff_anew = || Backoff::new(BACKOFF_MIN, BACKOFF_MAX);
        let (mut backoff, mut checked) = (backoff_anew(), None);
        while !stopping.is_cancelled() {
            let pause = match self.feed(&mut checked).await {
                Ok(more) => {
                    self.health.report("link feeder", Readiness::Ready, "");
                    backoff = backoff_anew();
                    if more { Duration::ZERO } else { LOOK_EVERY }
                }
                Err(error) => {
                    self.health.report("link feeder", Readiness::Degraded, error.advice());
                    tracing::debug!(%error, "changed links cannot be brought to the snapshot; trying again");
                    self.backlog.goes_on();
                    // Whatever failed may have to do with the bucket.
                    checked = None;
                    backoff.step(&self.rng)
                }
            };
            tokio::select! {
                () = self.notices.woken() => {}
                () = tokio::time::sleep(pause) => {}
                () = stopping.cancelled() => {}
            }
        }
        Ok(())
    }

    /// Publishes a batch; true when there may be more.
    async fn feed(&self, checked: &mut Option<Instant>) -> Result<bool, FeedError> {
        let entries = self.store.link_outbox(BATCH).await?;
        let ids: Vec<i64> = entries.iter().map(|entry| entry.id).collect();
        let more = ids.len() >= BATCH as usize;
        let rows = if more { self.store.link_outbox_rows().await? } else { ids.len() as u64 };
        self.backlog.is(rows, ids.first().copied());
        if checked.is_none_or(|at| at.elapsed() >= CHECK_EVERY) {
            self.fill_if_new().await?;
            *checked = Some(Instant::now());
        }
        let more_policies = policy_feeder::feed(&self.store, &self.snapshot).await?;
        write(&self.snapshot, entries.into_iter().map(|entry| entry.state).collect()).await?;
        self.store.clear_link_outbox(&ids).await?;
        let hosts = self.store.domain_outbox(BATCH).await?;
        let host_ids: Vec<i64> = hosts.iter().map(|entry| entry.id).collect();
        write_hosts(&self.snapshot, hosts.into_iter().map(|entry| entry.state).collect()).await?;
        self.store.clear_domain_outbox(&host_ids).await?;
        if !more {
            self.backlog.is(0, None);
        }
        Ok(more || more_policies || host_ids.len() >= BATCH as usize)
    }

    async fn fill_if_new(&self) -> Result<(), FeedError> {
        if self.snapshot.begin_filling().await?.is_some() {
            let links = resync_links(&self.store, &self.snapshot).await?;
            tracing::info!(links, "the snapshot of links was new and is filled");
        }
        policy_feeder::fill_if_new(&self.store, &self.snapshot).await?;
        Ok(())
    }
}
