//! What is taken out of clicks that stay because its own time is over: addresses, and the ids that visitors
//! consented to. In small steps under the lock of the workspace's head row, as `retention.rs` deletes clicks.

use domain::{AuditEntry, AuditId, ClickId, Millis, WorkspaceId};
use entity::workspace_head::{Column, Model};
use sea_orm::sea_query::Expr;
use serde_json::json;

use crate::retention::{Purged, STEP, by_system};
use crate::rollup::{day_end, day_start};
use crate::{Store, StoreError};

/// The audit log is told of it once a day.
const TOLD_EVERY_MILLIS: i64 = 24 * 3_600_000;

/// What is taken out, and where it is kept how much of it.
struct Part {
    /// Changes at most `$3` clicks of the workspace `$1` with an id below `$2`.
    sql: &'static str,
    action: &'static str,
    /// In the audit log's details.
    name: &'static str,
    /// How many were taken out since the audit log was told, and when that was.
    untold: fn(&Model) -> (i64, i64),
    columns: (Column, Column),
    /// The instant before which clicks may be without.
    from: Option<Column>,
}

const ADDRESSES: Part = Part {
    sql: "UPDATE clicks SET ip = NULL WHERE workspace_id = $1 AND id < $2 AND id IN ( \
              SELECT c.id FROM clicks c WHERE c.workspace_id = $1 AND c.id < $2 AND c.ip IS NOT NULL ORDER BY c.id LIMIT $3)",
    action: AuditEntry::ADDRESSES_REMOVED,
    name: "addresses",
    untold: |head| (head.addresses_removed, head.addresses_told_at),
    columns: (Column::AddressesRemoved, Column::AddressesToldAt),
    from: None,
};

/// The recipe is written out, as in the index `clicks_with_consented_visitor`.
const VISITORS: Part = Part {
    sql: "UPDATE clicks SET visitor = NULL, visitor_recipe = NULL WHERE workspace_id = $1 AND id < $2 AND id IN ( \
              SELECT c.id FROM clicks c WHERE c.workspace_id = $1 AND c.id < $2 AND c.visitor_recipe = 2 ORDER BY c.id LIMIT $3)",
    action: AuditEntry::VISITORS_REMOVED,
    name: "clicks",
    untold: |head| (head.visitors_removed, head.visitors_told_at),
    columns: (Column::VisitorsRemoved, Column::VisitorsToldAt),
    from: Some(Column::VisitorsFrom),
};

impl Store {
    /// Takes the addresses out of some of the clicks from before `before`, which keep their networks; to be
    /// called again while there are more. The audit log is told of it once a day.
    ///
    /// # Errors
    /// When the database does not answer; then nothing was changed.
    pub async fn remove_addresses(&self, workspace: WorkspaceId, before: Millis, proof: AuditId) -> Result<Purged, StoreError> {
        self.reduce(&ADDRESSES, workspace, before, proof).await
    }

    /// Takes the ids that visitors consented to out of some of the clicks from before `before`; to be called
    /// again while there are more. The audit log is told of it once a day. Counts stay as they are.
    ///
    /// # Errors
    /// When the database does not answer; then nothing was changed.
    pub async fn remove_visitors(&self, workspace: WorkspaceId, before: Millis, proof: AuditId) -> Result<Purged, StoreError> {
        self.reduce(&VISITORS, workspace, before, proof).await
    }

    /// Forgets some of the sketches of visitors of days that began before `before`; to be called again while there
    /// are more. They hold traces of the ids that visitors consented to.
    ///
    /// # Errors
    /// When the database does not answer; then nothing was changed.
    pub async fn remove_sketches(&self, workspace: WorkspaceId, before: Millis) -> Result<Purged, StoreError> {
        let scope = self.as_worker(workspace).await?;
        let Some(head) = scope.lock_head().await? else { return Ok(Purged::default()) };
        let zone = crate::zones::zone(&head.day_zone);
        let start = day_start(before, &zone);
        let from = if start.start() == before { start } else { day_end(before, &zone) }.0;
        let sql = "DELETE FROM visitor_sketches WHERE workspace_id = $1 AND (link_id, quarter) IN ( \
                       SELECT s.link_id, s.quarter FROM visitor_sketches s WHERE s.workspace_id = $1 AND s.quarter < $2 LIMIT $3)";
        let removed = scope.execute(sql, [workspace.0.into(), from.into(), STEP.into()]).await?;
        if removed > 0 {
            scope.head_update().col_expr(Column::SketchesFrom, Expr::value(from.max(head.sketches_from))).exec(&scope.transaction).await?;
            scope.commit().await?;
        }
        Ok(Purged::step(removed))
    }

    async fn reduce(&self, part: &Part, workspace: WorkspaceId, before: Millis, proof: AuditId) -> Result<Purged, StoreError> {
        let scope = self.as_worker(workspace).await?;
        let Some(head) = scope.lock_head().await? else { return Ok(Purged::default()) };
        let removed = scope.execute(part.sql, [workspace.0.into(), ClickId::floor(before).0.into(), STEP.into()]).await?;
        let (untold, told_at) = (part.untold)(&head);
        let (purged, total) = (Purged::step(removed), untold.saturating_add_unsigned(removed));
        let tells = !purged.more && total > 0 && proof.made_at().0 - told_at >= TOLD_EVERY_MILLIS;
        if removed == 0 && !tells {
            return Ok(purged);
        }
        let (removed_column, told_column) = part.columns;
        let mut update = scope.head_update().col_expr(removed_column, if tells { 0 } else { total }.into());
        if let Some(from) = part.from {
            update = update.col_expr(from, Expr::value(before.0.max(head.visitors_from)));
        }
        if tells {
            let before = (before < Millis::MAX).then(|| before.to_string());
            scope.tell(&by_system(proof, part.action, json!({ part.name: total, "before": before }))).await?;
            update = update.col_expr(told_column, proof.made_at().0.into());
        }
        update.exec(&scope.transaction).await?;
        scope.commit().await?;
        Ok(purged)
    }
}
