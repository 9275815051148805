//! Clicks that were answered and could not be kept, per workspace, minute and reason. What comes
//! are states of counters that only rise, so the largest of each is kept, however often and in
//! whatever order they come. What ingest itself decides it counts in its own transaction (`ingest/counted.rs`), and
//! what was judged a machine's is told by rollup cells.

use std::collections::BTreeMap;

use domain::{Loss, LossReason, Millis, Quarter, Verdict, WorkspaceId};
use entity::ingest_counter::{self, Column};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use sqlx::{PgPool, SqlitePool};

use crate::cells::CellsOf;
use crate::connect::Pools;
use crate::plan::CellRange;
use crate::rollup::{Block, Cell, Grain};
use crate::scope::WorkspaceScope;
use crate::{Store, StoreError};

const MINUTE_MILLIS: i64 = 60_000;

/// The losses of a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LostClicks {
    /// Minutes since 1970, UTC.
    pub minute: i64,
    pub reason: LossReason,
    pub count: u64,
}

/// A place between losses, in the order of minutes and reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LossPlace(i64, i16);

impl Store {
    /// Stores states of counters, in one transaction; none of a workspace that is gone.
    ///
    /// # Errors
    /// When the database does not answer; then the same call completes it later.
    pub async fn count_losses(&self, losses: &[Loss]) -> Result<(), StoreError> {
        // In the order of workspaces, so that two workers never wait for each other in a circle.
        let mut by_workspace: BTreeMap<WorkspaceId, Vec<&Loss>> = BTreeMap::new();
        for loss in losses {
            by_workspace.entry(loss.workspace).or_default().push(loss);
        }
        for losses in by_workspace.values_mut() {
            losses.sort_unstable_by_key(|loss| (loss.minute, loss.reason, loss.counter));
        }
        match &self.pools {
            Pools::Sqlite { writer, .. } => in_sqlite(writer, &by_workspace).await,
            Pools::Postgres(pool) => in_postgres(pool, &by_workspace).await,
        }
    }
}

impl WorkspaceScope {
    /// The losses of the workspace in minutes that begin from `from` on and before `to`, by minute and
    /// reason.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn lost_clicks(&self, from: Millis, to: Millis) -> Result<Vec<LostClicks>, StoreError> {
        let first_from = |at: Millis| at.0.div_euclid(MINUTE_MILLIS) + i64::from(at.0.rem_euclid(MINUTE_MILLIS) > 0);
        let within = self.losses().filter(Column::Minute.gte(first_from(from))).filter(Column::Minute.lt(first_from(to)));
        let sums: Vec<(i64, i16, i64)> = within.into_tuple().all(&self.transaction).await?;
        Ok(sums.into_iter().map(lost).collect())
    }

    /// The clicks of machines in quarter-hours that begin from `from` on and before `to`, each as of its first minute.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn bots_by_quarter(&self, from: Millis, to: Millis) -> Result<Vec<LostClicks>, StoreError> {
        let first_from = |at: Millis| Some(Quarter::of(at.plus(Quarter::MILLIS - 1)).0);
        let range = CellRange { grain: Grain::Quarter, first: first_from(from), end: first_from(to) };
        let mut bots = Vec::new();
        let tell = |_, quarter: Quarter, cell: Cell| {
            let count = cell.totals().filter(|(verdict, _)| *verdict == Verdict::Bot).map(|(_, count)| count.clicks.unsigned_abs()).sum();
            let minute = quarter.start().0.div_euclid(MINUTE_MILLIS);
            bots.push(LostClicks { minute, reason: LossReason::Bot, count });
        };
        self.each_cell(CellsOf::Workspace, &range, &[Block::TOTALS], tell).await?;
        bots.retain(|bots| bots.count > 0);
        bots.sort_unstable_by_key(|bots| bots.minute);
        Ok(bots)
    }

    /// All losses after that place, oldest first, `limit` at most; and the place after them, `None` at the end.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn lost_clicks_after(
        &self,
        after: Option<LossPlace>,
        limit: u64,
    ) -> Result<(Vec<LostClicks>, Option<LossPlace>), StoreError> {
        let mut query = self.losses().limit(limit);
        if let Some(LossPlace(minute, reason)) = after {
            let later = Condition::all().add(Column::Minute.eq(minute)).add(Column::Reason.gt(reason));
            query = query.filter(Condition::any().add(Column::Minute.gt(minute)).add(later));
        }
        let sums: Vec<(i64, i16, i64)> = query.into_tuple().all(&self.transaction).await?;
        let place = sums.last().map(|(minute, reason, _)| LossPlace(*minute, *reason));
        Ok((sums.into_iter().map(lost).collect(), place))
    }

    /// Minute, reason and sum of the counters, in that order.
    fn losses(&self) -> Select<ingest_counter::Entity> {
        ingest_counter::Entity::find()
            .select_only()
            .columns([Column::Minute, Column::Reason])
            .column_as(Expr::cust("CAST(SUM(count) AS BIGINT)"), "lost")
            .filter(Column::WorkspaceId.eq(self.workspace.0))
            .group_by(Column::Minute)
            .group_by(Column::Reason)
            .order_by_asc(Column::Minute)
            .order_by_asc(Column::Reason)
    }
}

fn lost((minute, reason, count): (i64, i16, i64)) -> LostClicks {
    LostClicks { minute, reason: LossReason::from_code(reason), count: count.unsigned_abs() }
}

fn count(loss: &Loss) -> i64 {
    i64::try_from(loss.count).unwrap_or(i64::MAX)
}

async fn in_sqlite(pool: &SqlitePool, batch: &BTreeMap<WorkspaceId, Vec<&Loss>>) -> Result<(), StoreError> {
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    for loss in batch.values().flatten() {
        sqlx::query(
            "INSERT INTO ingest_counters (workspace_id, minute, reason, counter_id, count) \
             SELECT id, ?2, ?3, ?4, ?5 FROM workspaces WHERE id = ?1 \
             ON CONFLICT (workspace_id, minute, reason, counter_id) DO UPDATE SET count = max(ingest_counters.count, excluded.count)",
        )
        .bind(loss.workspace.0)
        .bind(loss.minute)
        .bind(loss.reason.code())
        .bind(loss.counter)
        .bind(count(loss))
        .execute(&mut *transaction)
        .await?;
    }
    Ok(transaction.commit().await?)
}

async fn in_postgres(pool: &PgPool, batch: &BTreeMap<WorkspaceId, Vec<&Loss>>) -> Result<(), StoreError> {
    let mut transaction = pool.begin().await?;
    for (workspace, losses) in batch {
        sqlx::query("SELECT set_config('role', 'linklogger_worker', true), set_config('app.workspace', $1, true)")
            .bind(workspace.0.to_string())
            .execute(&mut *transaction)
            .await?;
        for loss in losses {
            sqlx::query(
                "INSERT INTO ingest_counters (workspace_id, minute, reason, counter_id, count) \
                 SELECT id, $2::bigint, $3::smallint, $4::uuid, $5::bigint FROM workspaces WHERE id = $1 \
                 ON CONFLICT (workspace_id, minute, reason, counter_id) \
                 DO UPDATE SET count = GREATEST(ingest_counters.count, excluded.count)",
            )
            .bind(workspace.0)
            .bind(loss.minute)
            .bind(loss.reason.code())
            .bind(loss.counter)
            .bind(count(loss))
            .execute(&mut *transaction)
            .await?;
        }
    }
    Ok(transaction.commit().await?)
}
