//! What is done for rollups beside counting clicks: hours older than 90 days are folded into their days, once a
//! day; and the days of a workspace from before cells had dimensions are counted anew, the last one first, so that
//! nobody must run a command after an upgrade. And the values of parameters that are counted no more are forgotten.
//!
//! How far it has come is in the database, each step holds the lock of its workspace, and steps done twice do no
//! harm: any worker goes on where another has died, and several at once only share the work.

use std::collections::HashMap;
use std::convert::Infallible;
use std::time::{Duration, Instant};

use domain::{Entropy, Millis, WorkspaceId};
use platform::{Clock, Metrics, Rng};
use prometheus_client::metrics::counter::Counter;
use store::{FoldPlace, Store, StoreError};
use tokio_util::sync::CancellationToken;

const LEAST_WAIT: Duration = Duration::from_secs(10 * 60);
/// Added at random, so that workers do not all begin at once.
const JITTER_MILLIS: u64 = 10 * 60_000;
/// The first round comes soon after the start.
const FIRST_MILLIS: u64 = 10_000;
const RETRY: Duration = Duration::from_secs(60);
const FOLD_EVERY_MILLIS: i64 = 24 * 3_600_000;
/// Between steps, so that clicks are stored; at least as long as the step before took.
const LEAST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Workspaces looked at together.
const PAGE: u32 = 500;

/// What a round did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RollupRound {
    /// Cells that were folded into their days.
    pub folded: u64,
    /// Days that were counted anew.
    pub days: u64,
}

#[derive(Clone, Debug)]
pub struct RollupUpkeep {
    store: Store,
    clock: Clock,
    rng: Rng,
    folded: Counter,
    days: Counter,
    /// When this process last folded a workspace to the end.
    folded_at: HashMap<WorkspaceId, Millis>,
}

impl RollupUpkeep {
    pub fn new(store: Store, clock: Clock, rng: Rng, metrics: &Metrics) -> Self {
        let counter = |name, help| metrics.register(name, help, Counter::default());
        Self {
            store,
            clock,
            rng,
            folded: counter("worker_rollup_cells_folded", "Rollup cells of hours deleted because only their days are kept"),
            days: counter("worker_rollup_days_recounted", "Days of workspaces counted anew to have dimensions, after an upgrade"),
            folded_at: HashMap::new(),
        }
    }

    /// # Errors
    /// Never.
    pub async fn run(mut self, stopping: CancellationToken) -> Result<(), Infallible> {
        let mut wait = Duration::from_millis(self.rng.below(FIRST_MILLIS));
        loop {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = stopping.cancelled() => return Ok(()),
            }
            wait = match self.round(&stopping).await {
                Ok(_) => LEAST_WAIT + Duration::from_millis(self.rng.below(JITTER_MILLIS)),
                Err(error) => {
                    tracing::warn!(%error, "rollups cannot be folded or counted anew; trying again");
                    RETRY
                }
            };
        }
    }

    /// All that is due, or as much as there is time for before a stop.
    ///
    /// # Errors
    /// When the database does not answer; what was done stays done.
    pub async fn round(&mut self, stopping: &CancellationToken) -> Result<RollupRound, StoreError> {
        let (mut round, mut done) = (RollupRound::default(), Ok(()));
        let mut after = WorkspaceId::new(Millis(0), Entropy::default());
        while !stopping.is_cancelled() {
            let page = self.store.workspaces_after(after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = *last;
            for workspace in page {
                // What fails for one workspace keeps no other's from being done.
                let tended = match self.tend(workspace, &mut round, stopping).await {
                    // It was removed meanwhile.
                    Err(StoreError::NotFound) => Ok(()),
                    tended => tended,
                };
                done = done.and(tended);
            }
        }
        if round.folded > 0 {
            tracing::info!(cells = round.folded, "hours older than 90 days were folded into their days");
        }
        done.map(|()| round)
    }

    async fn tend(&mut self, workspace: WorkspaceId, round: &mut RollupRound, stopping: &CancellationToken) -> Result<(), StoreError> {
        let now = self.clock.now();
        if self.folded_at.get(&workspace).is_none_or(|at| at.plus(FOLD_EVERY_MILLIS) <= now)
            && self.fold(workspace, now, round, stopping).await?
        {
            self.folded_at.insert(workspace, now);
        }
        if self.store.forget_uncounted(workspace, now).await? {
            tracing::info!(%workspace, "values of a parameter that is counted no more were forgotten");
        }
        self.catch_up(workspace, round, stopping).await
    }

    /// Whether it came to the end.
    async fn fold(
        &self,
        workspace: WorkspaceId,
        now: Millis,
        round: &mut RollupRound,
        stopping: &CancellationToken,
    ) -> Result<bool, StoreError> {
        let mut place = Some(FoldPlace::default());
        while let Some(from) = place {
            if stopping.is_cancelled() {
                return Ok(false);
            }
            let began = Instant::now();
            let folded = self.store.fold_rollups(workspace, now, from).await?;
            self.folded.inc_by(folded.cells);
            round.folded += folded.cells;
            place = folded.next;
            if place.is_some() {
                pause(began, stopping).await;
            }
        }
        Ok(true)
    }

    async fn catch_up(&self, workspace: WorkspaceId, round: &mut RollupRound, stopping: &CancellationToken) -> Result<(), StoreError> {
        let (mut days, mut first) = (0_u64, None);
        while !stopping.is_cancelled() {
            let began = Instant::now();
            let Some(rebuilt) = self.store.catch_up_rollups(workspace).await? else { break };
            if days == 0 {
                tracing::info!(%workspace, from = %rebuilt.day.start(), "days without dimensions are counted anew, the last one first");
            }
            self.days.inc();
            (days, first) = (days + 1, Some(rebuilt.day.start()));
            round.days += 1;
            pause(began, stopping).await;
        }
        if let Some(first) = first {
            tracing::info!(%workspace, days, from = %first, "cells have dimensions from then on");
        }
        Ok(())
    }
}

async fn pause(began: Instant, stopping: &CancellationToken) {
    tokio::select! {
        () = tokio::time::sleep(began.elapsed().clamp(LEAST_PAUSE, LONGEST_PAUSE)) => {}
        () = stopping.cancelled() => {}
    }
}

#[cfg(test)]
#[path = "rollups_tests.rs"]
mod tests;
