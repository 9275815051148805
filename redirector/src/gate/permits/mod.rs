//! Permits of links whose clicks are limited. A block is leased from the one counter of the link,
//! handed out in memory, and given back when it is not used up in time. A link that is clicked a
//! lot gets larger blocks, and the counter makes them smaller near the limit. What a process that
//! dies still held stays unused.
//!
//! In strict mode whoever comes waits for a permit, so the limit may be reached early and is never
//! passed (`strict`). In fast mode it may be passed by a bound, up to which nobody but a link's first visitor waits (`fast`).

mod fast;
mod strict;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use domain::{LeaseId, LimitMode, LinkId, PermitLease, ResolvedLink, Wanted, WorkspaceId};
use platform::{Clock, Rng, Throttle};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::PermitSource;
use fast::Fast;
use strict::Strict;

/// How long a block is handed out from.
const LEASE_MILLIS: i64 = 10_000;
/// How long a counter that refused or did not answer is not asked again.
const CLOSED_MILLIS: i64 = 1_000;
/// How long a link that nobody asks for is remembered.
const FORGOTTEN_MILLIS: i64 = 3_600_000;
const SWEEP: Duration = Duration::from_secs(1);
/// How long the process's end may wait for the counter, after requests under way had their time.
const LAST_SWEEP: Duration = Duration::from_secs(3);
const TIMEOUT: Duration = Duration::from_secs(2);
/// Questions of one sweep under way at a time.
const AT_ONCE: usize = 32;
/// Giving back twice is safe, so a lost answer is made good.
const GIVE_BACK_ATTEMPTS: u32 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Permit {
    Granted,
    /// The limit is reached.
    Refused,
    /// The counter does not answer.
    CannotTell,
}

/// Clones share the blocks.
#[derive(Clone, Debug)]
pub(crate) struct Permits {
    leases: Leases,
    strict: Strict,
    fast: Fast,
}

impl Permits {
    /// Must be made on the main runtime: permits are leased there.
    pub fn new(source: Arc<dyn PermitSource>, clock: Clock, rng: Rng) -> Self {
        let leases = Leases { source, clock, rng, outages: Throttle::default(), main: Handle::current(), questions: TaskTracker::new() };
        Self { strict: Strict::new(leases.clone()), fast: Fast::new(leases.clone()), leases }
    }

    pub async fn take(&self, link: &ResolvedLink, mode: LimitMode) -> Permit {
        match mode {
            LimitMode::Strict => self.strict.take(link).await,
            LimitMode::Fast => self.fast.take(link).await,
        }
    }

    /// Whether there is a permit, for a request that needs none of its own.
    pub async fn is_open(&self, link: &ResolvedLink, mode: LimitMode) -> Permit {
        match mode {
            LimitMode::Strict => self.strict.is_open(link).await,
            LimitMode::Fast if self.fast.is_closed(link.id) => Permit::Refused,
            LimitMode::Fast => Permit::Granted,
        }
    }

    /// Gives back what is not used in time, and everything once the threads that take permits have
    /// ended.
    pub async fn sweep(self, stopping: CancellationToken, threads: TaskTracker) -> Result<(), Infallible> {
        loop {
            tokio::select! {
                () = tokio::time::sleep(SWEEP) => self.sweep_once(false).await,
                () = stopping.cancelled() => break,
            }
        }
        // Requests under way take permits as before.
        threads.wait().await;
        let last = async {
            self.leases.answered().await;
            self.sweep_once(true).await;
        };
        // What the counter does not take in time stays unused.
        let _ = tokio::time::timeout(LAST_SWEEP, last).await;
        Ok(())
    }

    async fn sweep_once(&self, stop: bool) {
        tokio::join!(self.strict.sweep(stop), self.fast.sweep(stop));
    }
}

/// The ways to the counter.
#[derive(Clone, Debug)]
struct Leases {
    source: Arc<dyn PermitSource>,
    clock: Clock,
    rng: Rng,
    outages: Throttle,
    main: Handle,
    /// Under way, some of which nobody waits for any more.
    questions: TaskTracker,
}

impl Leases {
    /// A block that was not asked for yet.
    fn block_of(&self, link: LinkId, workspace: WorkspaceId) -> PermitLease {
        PermitLease { id: LeaseId::new(self.clock.now(), self.rng.entropy()), link, workspace }
    }

    /// `None` when the counter does not answer.
    async fn lease(&self, lease: PermitLease, wanted: Wanted) -> Option<u32> {
        let source = self.source.clone();
        let question = async move { tokio::time::timeout(TIMEOUT, source.lease(&lease, wanted)).await };
        let task = self.questions.spawn_on(question, &self.main);
        match task.await {
            Ok(Ok(Ok(leased))) => Some(leased),
            Ok(Ok(Err(error))) => {
                if self.outages.may_tell() {
                    tracing::warn!(%error, "permits of a link with a limit cannot be leased");
                }
                None
            }
            Ok(Err(_)) | Err(_) => None,
        }
    }

    /// Waits until nothing is asked any more. Only once nobody begins to.
    async fn answered(&self) {
        self.questions.close();
        self.questions.wait().await;
    }

    async fn give_back(&self, lease: PermitLease, unused: u32) {
        for _ in 0..GIVE_BACK_ATTEMPTS {
            let source = self.source.clone();
            let task = self.main.spawn(async move { tokio::time::timeout(TIMEOUT, source.give_back(&lease, unused)).await });
            if matches!(task.await, Ok(Ok(Ok(())))) {
                return;
            }
        }
        tracing::warn!("unused permits of a link could not be given back; its limit is reached earlier");
    }
}
