//! The purge: what a workspace no longer keeps is deleted, again and again, in small steps with pauses.
//!
//! All of what was done is in the database, so a worker that dies is followed by any other, and several at
//! once only share the work: a step holds the lock of its workspace.

use std::convert::Infallible;
use std::time::Duration;

use domain::{AuditId, Millis, Retention, WorkspaceId};
use platform::{Clock, Metrics, Rng};
use prometheus_client::metrics::counter::Counter;
use store::{Keeping, Purged, Store, StoreError};
use tokio_util::sync::CancellationToken;

/// Well within the hour by which addresses go before they must ([`domain::Retention::addresses_from`]).
const LEAST_WAIT: Duration = Duration::from_secs(10 * 60);
/// Added at random, so that workers do not all begin at once.
const JITTER_MILLIS: u64 = 10 * 60_000;
/// The first round comes soon after the start.
const FIRST_MILLIS: u64 = 10_000;
const RETRY: Duration = Duration::from_secs(60);
/// Between steps, so that clicks are stored.
const PAUSE: Duration = Duration::from_millis(20);
/// Workspaces looked at together.
const PAGE: u32 = 200;

/// What a round did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Round {
    pub clicks: u64,
    pub misses: u64,
    pub addresses: u64,
    /// Clicks that lost the id that their visitor consented to.
    pub visitors: u64,
    /// Days of links whose visitors can no longer be counted with those of others.
    pub sketches: u64,
    pub audit_entries: u64,
    /// Months of clicks that nobody has any more.
    pub partitions: u64,
}

/// What is deleted some of.
#[derive(Clone, Copy, Debug)]
enum Step {
    Clicks,
    Misses,
    Addresses { before: Millis },
    Sketches { before: Millis },
    Visitors { before: Millis },
    Audit { before: Millis },
}

#[derive(Clone, Debug)]
pub struct Purge {
    store: Store,
    clock: Clock,
    rng: Rng,
    clicks: Counter,
    misses: Counter,
    addresses: Counter,
    visitors: Counter,
}

impl Purge {
    pub fn new(store: Store, clock: Clock, rng: Rng, metrics: &Metrics) -> Self {
        let counter = |name, help| metrics.register(name, help, Counter::default());
        Self {
            store,
            clock,
            rng,
            clicks: counter("worker_purged", "Clicks deleted because their time was over"),
            misses: counter("worker_misses_purged", "Misses deleted because their time was over"),
            addresses: counter("worker_addresses_removed", "Addresses taken out of clicks because their time was over"),
            visitors: counter("worker_visitors_removed", "Ids of visitors who consented taken out of clicks because their time was over"),
        }
    }

    /// # Errors
    /// Never.
    pub async fn run(self, stopping: CancellationToken) -> Result<(), Infallible> {
        let mut wait = Duration::from_millis(self.rng.below(FIRST_MILLIS));
        loop {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = stopping.cancelled() => return Ok(()),
            }
            wait = match self.round(&stopping).await {
                Ok(_) => LEAST_WAIT + Duration::from_millis(self.rng.below(JITTER_MILLIS)),
                Err(error) => {
                    tracing::warn!(%error, "what is no longer kept cannot be deleted; trying again");
                    RETRY
                }
            };
        }
    }

    /// Deletes all that is no longer kept, or as much as there is time for before a stop.
    ///
    /// # Errors
    /// When the database does not answer; what was done stays done.
    pub async fn round(&self, stopping: &CancellationToken) -> Result<Round, StoreError> {
        let (mut round, mut after, mut done) = (Round::default(), None, Ok(()));
        loop {
            let page = self.store.keeping_after(after, PAGE).await?;
            for keeping in &page {
                // What fails for one workspace keeps no other's from being deleted.
                done = done.and(self.purge(keeping, &mut round, stopping).await);
            }
            after = page.last().map(|keeping| keeping.workspace);
            if after.is_none() || stopping.is_cancelled() {
                break;
            }
        }
        round.partitions = self.store.drop_unused_partitions(self.clock.now()).await?;
        if round.clicks + round.misses + round.addresses + round.visitors + round.sketches > 0 {
            // SQLite's log still has their pages.
            self.store.empty_log().await?;
        }
        if round != Round::default() {
            let Round { clicks, misses, addresses, visitors, sketches, audit_entries, partitions } = round;
            tracing::info!(clicks, misses, addresses, visitors, sketches, audit_entries, partitions, "what is no longer kept was deleted");
        }
        done.map(|()| round)
    }

    async fn purge(&self, keeping: &Keeping, round: &mut Round, stopping: &CancellationToken) -> Result<(), StoreError> {
        let (now, workspace, retention) = (self.clock.now(), keeping.workspace, keeping.privacy.retention);
        let kept_from = retention.clicks_from(now, &keeping.zone).unwrap_or(keeping.kept_from);
        let is_moving = keeping.kept_from < kept_from;
        if is_moving {
            self.store.keep_clicks_from(workspace, kept_from).await?;
        }
        // Before the clicks and their ids, so that no sketch says of anybody who is in none of them.
        let sketches = Step::Sketches { before: Retention::consented_ids_from(now).max(kept_from).max(keeping.kept_from) };
        round.sketches += self.steps(workspace, sketches, stopping).await?;
        if is_moving || keeping.is_purging {
            round.clicks += self.steps(workspace, Step::Clicks, stopping).await?;
        }
        // Whoever moved the watermark may have died before they went, so they are looked for each time.
        round.misses += self.steps(workspace, Step::Misses, stopping).await?;
        let addresses = Step::Addresses { before: retention.addresses_from(keeping.privacy.level, now) };
        round.addresses += self.steps(workspace, addresses, stopping).await?;
        let visitors = Step::Visitors { before: Retention::consented_ids_from(now) };
        round.visitors += self.steps(workspace, visitors, stopping).await?;
        round.audit_entries += self.steps(workspace, Step::Audit { before: retention.audit_from(now) }, stopping).await?;
        Ok(())
    }

    /// Takes steps until there are no more, or a stop comes. How many rows there were.
    async fn steps(&self, workspace: WorkspaceId, step: Step, stopping: &CancellationToken) -> Result<u64, StoreError> {
        let mut rows = 0;
        while !stopping.is_cancelled() {
            let purged = self.step(workspace, step).await?;
            rows += purged.rows;
            if !purged.more {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(rows)
    }

    async fn step(&self, workspace: WorkspaceId, step: Step) -> Result<Purged, StoreError> {
        let proof = AuditId::new(self.clock.now(), self.rng.entropy());
        match step {
            Step::Clicks => {
                let purged = self.store.purge_clicks(workspace, proof).await?;
                self.clicks.inc_by(purged.rows);
                Ok(purged)
            }
            Step::Misses => {
                let purged = self.store.purge_misses(workspace).await?;
                self.misses.inc_by(purged.rows);
                Ok(purged)
            }
            Step::Addresses { before } => {
                let purged = self.store.remove_addresses(workspace, before, proof).await?;
                self.addresses.inc_by(purged.rows);
                Ok(purged)
            }
            Step::Sketches { before } => self.store.remove_sketches(workspace, before).await,
            Step::Visitors { before } => {
                let purged = self.store.remove_visitors(workspace, before, proof).await?;
                self.visitors.inc_by(purged.rows);
                Ok(purged)
            }
            Step::Audit { before } => self.store.purge_audit_log(workspace, before).await,
        }
    }
}

#[cfg(test)]
mod tests;
