//! Storing misses exactly once: a transaction for each workspace, which takes the lock of its head as ingest does,
//! leaves out what is no longer kept or of a workspace that goes, and counts only the rows that were new. So a frame
//! that is delivered again changes nothing, and counts are those of the rows as long as these are kept.
//!
//! Few come, since redirectors keep few of a domain, so one way through SeaORM serves both databases.

mod read;
mod verify;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use domain::{LossReason, Millis, Miss, MissId, Quarter, Verdict, WorkspaceId};
use sea_orm::{ConnectionTrait, DbBackend, Statement, Value};
use uuid::Uuid;

use crate::failure::{Failure, Parts};
use crate::ingest::{CLOSED, Poison};
use crate::retention::{Purged, STEP};
use crate::{Store, StoreError, WorkspaceScope};

pub use read::{MissCount, MissCountPlace, MissPage, MissedSlug};
pub use verify::{MissDifference, MissesVerified};

/// Rows in one statement: SQLite takes 32,766 parameters.
const ROWS: usize = 500;
const MINUTE_MILLIS: i64 = 60_000;

/// A miss to be stored, with what a dead letter would need.
#[derive(Clone, Debug)]
pub struct IncomingMiss {
    pub workspace: WorkspaceId,
    pub miss: Miss,
    /// The record's bytes as they were captured.
    pub record: Arc<[u8]>,
    /// The frame it came in.
    pub frame: Arc<str>,
}

/// What became of a batch.
#[derive(Clone, Debug, Default)]
pub struct MissReport {
    pub stored: u64,
    /// Stored before.
    pub duplicates: u64,
    /// From when misses are no longer kept: counted as losses, each once.
    pub too_late: u64,
    /// Of workspaces that go or are gone.
    pub erased: u64,
    /// Records that the database refuses, for the caller to set aside.
    pub poison: Vec<Poison>,
}

impl Store {
    /// Stores a batch. Once it returns, every miss of it is stored, durably, or left out for a reason that is told.
    ///
    /// # Errors
    /// When the database does not answer; parts of the batch may be stored, and the same batch given again
    /// completes it.
    pub async fn ingest_misses(&self, batch: &[IncomingMiss], now: Millis) -> Result<MissReport, StoreError> {
        let mut by_workspace: BTreeMap<WorkspaceId, Vec<&IncomingMiss>> = BTreeMap::new();
        for incoming in batch {
            by_workspace.entry(incoming.workspace).or_default().push(incoming);
        }
        let mut report = MissReport::default();
        for (workspace, misses) in &by_workspace {
            let mut parts = Parts::of(misses);
            while let Some(part) = parts.next() {
                let Err(failure) = self.store_misses(*workspace, part, &mut report).await else { continue };
                if let Some((poison, reason)) = parts.refused(part, failure)? {
                    let (id, frame, record) = (poison.miss.id.0, poison.frame.clone(), poison.record.to_vec());
                    report.poison.push(Poison { id, frame, reason, record, at: now });
                }
            }
        }
        Ok(report)
    }

    async fn store_misses(&self, workspace: WorkspaceId, batch: &[&IncomingMiss], report: &mut MissReport) -> Result<(), Failure> {
        let scope = self.as_worker(workspace).await?;
        let Some(kept_from) = scope.lock_open_head().await? else {
            report.erased += batch.len() as u64;
            return Ok(());
        };
        let is_late = |incoming: &&&IncomingMiss| incoming.miss.occurred_at() < kept_from;
        let (late, kept): (Vec<&IncomingMiss>, Vec<&IncomingMiss>) = batch.iter().partition(is_late);
        let too_late = scope.count_late_misses(&late).await?;
        let (mut new, mut counts) = (HashSet::new(), BTreeMap::new());
        for rows in kept.chunks(ROWS) {
            new.extend(scope.insert_misses(rows).await?);
        }
        let mut uncounted = new.clone();
        for miss in kept.iter().map(|incoming| &incoming.miss).filter(|miss| uncounted.remove(&miss.id)) {
            *counts.entry((Quarter::of(miss.occurred_at()).0, miss.domain.0, miss.verdict.code())).or_default() += 1;
        }
        scope.raise_miss_counts(&counts).await?;
        scope.commit().await?;
        let stored = new.len() as u64;
        report.stored += stored;
        report.too_late += too_late;
        report.duplicates += batch.len() as u64 - stored - too_late;
        Ok(())
    }

    /// Deletes some of the misses from before the watermark; to be called again while there are more. Their counts
    /// stay.
    ///
    /// # Errors
    /// When the database does not answer; then nothing was deleted.
    pub async fn purge_misses(&self, workspace: WorkspaceId) -> Result<Purged, StoreError> {
        let scope = self.as_worker(workspace).await?;
        let Some(head) = scope.lock_head().await? else { return Ok(Purged::default()) };
        let rows = if self.is_postgres() {
            let sql = "SELECT linklogger_purge_misses($1) AS deleted";
            let row = scope.transaction.query_one_raw(Statement::from_sql_and_values(self.backend(), sql, [STEP.into()])).await?;
            row.map(|row| row.try_get::<i64>("", "deleted")).transpose()?.unwrap_or_default().unsigned_abs()
        } else {
            let sql = "DELETE FROM misses WHERE id IN (SELECT id FROM misses WHERE workspace_id = $1 AND id < $2 ORDER BY id LIMIT $3)";
            scope.execute(sql, [workspace.0.into(), MissId::floor(Millis(head.kept_from)).0.into(), STEP.into()]).await?
        };
        scope.commit().await?;
        Ok(Purged::step(rows))
    }
}

impl WorkspaceScope {
    /// From when on the workspace keeps misses, under the lock that ingest of clicks takes too; `None` for one that
    /// goes or is gone.
    async fn lock_open_head(&self) -> Result<Option<Millis>, Failure> {
        // What the row itself says is read again after a wait for its lock. On SQLite the whole database is locked.
        let lock = if self.transaction.get_database_backend() == DbBackend::Postgres { " FOR UPDATE" } else { "" };
        let sql = format!("SELECT kept_from, guarded_until FROM workspace_heads WHERE workspace_id = $1{lock}");
        let Some(head) = self.transaction.query_one_raw(self.statement(&sql, vec![self.workspace.0.into()])).await? else {
            return Ok(None);
        };
        let (kept_from, guarded_until): (i64, i64) = (head.try_get("", "kept_from")?, head.try_get("", "guarded_until")?);
        Ok((guarded_until != CLOSED).then_some(Millis(kept_from)))
    }

    /// A miss's own id is its counter, so that it counts once. How many were new.
    async fn count_late_misses(&self, late: &[&IncomingMiss]) -> Result<u64, Failure> {
        let mut counted = 0;
        for rows in late.chunks(ROWS) {
            let mut values: Vec<Value> = Vec::with_capacity(5 * rows.len());
            for miss in rows.iter().map(|incoming| &incoming.miss) {
                let minute = LossReason::Miss.minute(miss.occurred_at().0.div_euclid(MINUTE_MILLIS));
                values.extend([self.workspace.0.into(), minute.into(), LossReason::Miss.code().into(), miss.id.0.into(), 1_i64.into()]);
            }
            let names = "workspace_id, minute, reason, counter_id, count";
            let sql = format!("INSERT INTO ingest_counters ({names}) VALUES {} ON CONFLICT DO NOTHING", places(rows.len(), 5));
            counted += self.transaction.execute_raw(self.statement(&sql, values)).await?.rows_affected();
        }
        Ok(counted)
    }

    /// Which of them were not there.
    async fn insert_misses(&self, rows: &[&IncomingMiss]) -> Result<Vec<MissId>, Failure> {
        let mut values: Vec<Value> = Vec::with_capacity(9 * rows.len());
        for miss in rows.iter().map(|incoming| &incoming.miss) {
            values.extend([miss.id.0.into(), self.workspace.0.into(), miss.domain.0.into(), miss.slug.clone().into()]);
            values.extend([miss.occurred_at().0.into(), miss.verdict.code().into()]);
            values.extend([miss.network.clone().into(), miss.country.clone().into(), miss.user_agent.clone().into()]);
        }
        let names = "id, workspace_id, domain_id, slug, occurred_at, verdict, network, country, user_agent";
        let sql = format!("INSERT INTO misses ({names}) VALUES {} ON CONFLICT (id) DO NOTHING RETURNING id", places(rows.len(), 9));
        let new = self.transaction.query_all_raw(self.statement(&sql, values)).await?;
        Ok(new.iter().map(|row| row.try_get::<Uuid>("", "id").map(MissId)).collect::<Result<_, _>>()?)
    }

    /// By quarter, domain and verdict, in the order of the table's key.
    async fn raise_miss_counts(&self, counts: &BTreeMap<(i64, Uuid, i16), i64>) -> Result<(), Failure> {
        let rows: Vec<_> = counts.iter().collect();
        for rows in rows.chunks(ROWS) {
            let mut values: Vec<Value> = Vec::with_capacity(5 * rows.len());
            for ((quarter, domain, verdict), count) in rows {
                values.extend([self.workspace.0.into(), (*quarter).into(), (*domain).into(), (*verdict).into(), (**count).into()]);
            }
            let sql = format!(
                "INSERT INTO miss_counts (workspace_id, quarter, domain_id, verdict, count) VALUES {} \
                 ON CONFLICT (workspace_id, quarter, domain_id, verdict) DO UPDATE SET count = miss_counts.count + excluded.count",
                places(rows.len(), 5)
            );
            self.transaction.execute_raw(self.statement(&sql, values)).await?;
        }
        Ok(())
    }

    fn statement(&self, sql: &str, values: Vec<Value>) -> Statement {
        Statement::from_sql_and_values(self.transaction.get_database_backend(), sql, values)
    }
}

/// Numbered places for so many rows of so many values.
fn places(rows: usize, values: usize) -> String {
    let row = |row: usize| format!("({})", (1..=values).map(|value| format!("${}", row * values + value)).collect::<Vec<_>>().join(", "));
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

pub(crate) fn verdict(code: i16) -> Result<Verdict, StoreError> {
    Verdict::from_code(code).ok_or_else(|| StoreError::Internal("a miss has no known verdict".into()))
}
