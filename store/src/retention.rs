//! What is no longer kept: the watermark of each workspace, and its clicks and audit entries from before, in
//! small steps. What is taken out of clicks that stay: `reduction.rs`.
//!
//! The watermark moves first and never back, under the lock of the head row that ingest takes: after that
//! no click from before it is stored any more, so whatever dies in between, the rest can be deleted later and
//! nothing of it comes back. Each step holds that lock too, so steps, ingest and re-judging wait for each
//! other and nobody works on the same rows at once. Cells and statistics of links are left as they are.

use domain::{AuditActor, AuditEntry, AuditId, ClickId, Millis, Privacy, Seq, WorkspaceId};
use entity::workspace_head::{Column, Entity, Model};
use jiff::tz::TimeZone;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, Statement, UpdateMany, Value};
use serde_json::json;
use uuid::Uuid;

use crate::ingest_settings::read_privacy;
use crate::{Access, Store, StoreError, WorkspaceScope};

/// Rows of one step, so that clicks are stored in between.
pub(crate) const STEP: i32 = 500;

/// What a workspace keeps.
#[derive(Clone, Debug)]
pub struct Keeping {
    pub workspace: WorkspaceId,
    pub zone: TimeZone,
    pub privacy: Privacy,
    /// The watermark; 0 before it was first set.
    pub kept_from: Millis,
    /// Whether there may be clicks from before it.
    pub is_purging: bool,
}

/// Of what is deleted, whether it is so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    pub rows: u64,
    pub more: bool,
}

impl Purged {
    pub(crate) fn step(rows: u64) -> Self {
        Self { rows, more: rows >= u64::from(STEP.unsigned_abs()) }
    }
}

/// What is told of a part of the past that is no longer there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Clicks from before this are not kept.
    pub kept_from: Millis,
    /// The highest place in the order of storage that was deleted.
    pub purged_to: Seq,
    /// Clicks from before this may have lost the id that their visitor consented to.
    pub visitors_from: Millis,
}

impl Store {
    /// A page of workspaces in the order of their ids.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn keeping_after(&self, after: Option<WorkspaceId>, most: u32) -> Result<Vec<Keeping>, StoreError> {
        let sql = if self.is_postgres() {
            "SELECT id, time_zone, privacy, kept_from, cleared_to FROM linklogger_retention_after($1, $2)"
        } else {
            "SELECT w.id, w.time_zone, w.privacy, COALESCE(h.kept_from, 0) AS kept_from, COALESCE(h.cleared_to, 0) AS cleared_to FROM workspaces w \
             LEFT JOIN workspace_heads h ON h.workspace_id = w.id WHERE w.id > $1 ORDER BY w.id LIMIT $2"
        };
        let values = [after.map_or(Uuid::nil(), |after| after.0).into(), i32::try_from(most).unwrap_or(i32::MAX).into()];
        let transaction = self.begin_as("linklogger_worker", "", Access::Read).await?;
        let rows = transaction.query_all_raw(Statement::from_sql_and_values(self.backend(), sql, values)).await?;
        let read = |row: &sea_orm::QueryResult| {
            let (kept_from, cleared_to): (i64, i64) = (row.try_get("", "kept_from")?, row.try_get("", "cleared_to")?);
            let zone: String = row.try_get("", "time_zone")?;
            Ok(Keeping {
                workspace: WorkspaceId(row.try_get("", "id")?),
                // As ingest reads it.
                zone: crate::zones::zone(&zone),
                privacy: read_privacy(row.try_get("", "privacy")?)?,
                kept_from: Millis(kept_from),
                is_purging: cleared_to < kept_from,
            })
        };
        rows.iter().map(read).collect()
    }

    /// Moves a workspace's watermark ahead; one that is further stays.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn keep_clicks_from(&self, workspace: WorkspaceId, kept_from: Millis) -> Result<(), StoreError> {
        let scope = self.as_worker(workspace).await?;
        scope
            .head_update()
            .col_expr(Column::KeptFrom, kept_from.0.into())
            .filter(Column::KeptFrom.lt(kept_from.0))
            .exec(&scope.transaction)
            .await?;
        scope.commit().await
    }

    /// Deletes some of the clicks from before the watermark; to be called again while there are more. When
    /// there are no more, the audit log is told how many there were, with `proof` for the entry's id.
    ///
    /// # Errors
    /// When the database does not answer; then nothing was deleted.
    pub async fn purge_clicks(&self, workspace: WorkspaceId, proof: AuditId) -> Result<Purged, StoreError> {
        let scope = self.as_worker(workspace).await?;
        let head = scope.lock_head().await?.filter(|head| head.cleared_to < head.kept_from);
        let Some(head) = head else { return Ok(Purged::default()) };
        let (deleted, last) = scope.delete_clicks(self, Millis(head.kept_from)).await?;
        let of_clicks = scope.purge_conversions(self, Millis(head.kept_from)).await?;
        let more = Purged::step(deleted.max(of_clicks)).more;
        let (purged, total) = (Purged { rows: deleted, more }, head.purged.saturating_add_unsigned(deleted));
        if !purged.more && total > 0 {
            let details = json!({ "clicks": total, "before": Millis(head.kept_from).to_string() });
            scope.tell(&by_system(proof, AuditEntry::CLICKS_PURGED, details)).await?;
        }
        scope
            .head_update()
            .col_expr(Column::Purged, if purged.more { total } else { 0 }.into())
            .col_expr(Column::ClearedTo, if purged.more { head.cleared_to } else { head.kept_from }.into())
            .col_expr(Column::PurgedTo, last.max(head.purged_to).into())
            .exec(&scope.transaction)
            .await?;
        scope.commit().await?;
        Ok(purged)
    }

    /// Forgets some of what was done before `before`; to be called again while there is more. On PostgreSQL
    /// nothing of the last 30 days goes, whatever is asked for.
    ///
    /// # Errors
    /// When the database does not answer; then nothing was deleted.
    pub async fn purge_audit_log(&self, workspace: WorkspaceId, before: Millis) -> Result<Purged, StoreError> {
        let scope = self.as_worker(workspace).await?;
        let rows = if self.is_postgres() {
            let sql = "SELECT linklogger_purge_audit($1, $2) AS forgotten";
            let statement = Statement::from_sql_and_values(self.backend(), sql, [before.0.into(), STEP.into()]);
            let row = scope.transaction.query_one_raw(statement).await?;
            row.map(|row| row.try_get::<i64>("", "forgotten")).transpose()?.unwrap_or_default().unsigned_abs()
        } else {
            let sql = "DELETE FROM audit_log WHERE workspace_id = $1 AND id IN ( \
                           SELECT id FROM audit_log WHERE workspace_id = $1 AND id < $2 ORDER BY id LIMIT $3)";
            scope.execute(sql, [workspace.0.into(), AuditId::floor(before).0.into(), STEP.into()]).await?
        };
        scope.commit().await?;
        Ok(Purged::step(rows))
    }

    pub(crate) async fn as_worker(&self, workspace: WorkspaceId) -> Result<WorkspaceScope, StoreError> {
        let transaction = self.begin_as("linklogger_worker", &workspace.0.to_string(), Access::Write).await?;
        Ok(WorkspaceScope { workspace, transaction, link_outbox: false, snapshot: None })
    }
}

impl WorkspaceScope {
    /// What of this workspace's clicks is no longer there.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn forgotten(&self) -> Result<Forgotten, StoreError> {
        Ok(self.head_row().await?.map_or_else(Forgotten::default, |head| Forgotten {
            kept_from: Millis(head.kept_from),
            purged_to: head.purged_to,
            visitors_from: Millis(head.visitors_from),
        }))
    }

    pub(crate) async fn lock_head(&self) -> Result<Option<Model>, StoreError> {
        Ok(Entity::find_by_id(self.workspace.0).lock_exclusive().one(&self.transaction).await?)
    }

    pub(crate) fn head_update(&self) -> UpdateMany<Entity> {
        Entity::update_many().filter(Column::WorkspaceId.eq(self.workspace.0))
    }

    /// How many clicks were deleted, and the highest place among them.
    async fn delete_clicks(&self, store: &Store, before: Millis) -> Result<(u64, Seq), StoreError> {
        if store.is_postgres() {
            let sql = "SELECT deleted, last_seq FROM linklogger_purge_clicks($1)";
            let row = self.transaction.query_one_raw(Statement::from_sql_and_values(store.backend(), sql, [STEP.into()])).await?;
            let Some(row) = row else { return Ok((0, 0)) };
            return Ok((row.try_get::<i64>("", "deleted")?.unsigned_abs(), row.try_get("", "last_seq")?));
        }
        let sql = "DELETE FROM clicks WHERE id IN (SELECT id FROM clicks WHERE workspace_id = $1 AND id < $2 ORDER BY id LIMIT $3) \
                   RETURNING seq";
        let values = [self.workspace.0.into(), ClickId::floor(before).0.into(), STEP.into()];
        let rows = self.transaction.query_all_raw(Statement::from_sql_and_values(store.backend(), sql, values)).await?;
        let places = rows.iter().map(|row| row.try_get::<Seq>("", "seq")).collect::<Result<Vec<_>, _>>()?;
        Ok((places.len() as u64, places.into_iter().max().unwrap_or_default()))
    }

    pub(crate) async fn execute<const N: usize>(&self, sql: &str, values: [Value; N]) -> Result<u64, StoreError> {
        let statement = Statement::from_sql_and_values(self.transaction.get_database_backend(), sql, values);
        Ok(self.transaction.execute_raw(statement).await?.rows_affected())
    }
}

pub(crate) fn by_system(id: AuditId, action: &str, details: serde_json::Value) -> AuditEntry {
    AuditEntry { id, actor: AuditActor::System, action: action.to_owned(), details }
}
