//! What came of clicks goes with them: when their time is over, and when they are erased.

use domain::{ClickId, Millis};
use sea_orm::{ConnectionTrait, DatabaseTransaction, Statement, Value};
use uuid::Uuid;

use crate::retention::STEP;
use crate::{Store, StoreError, WorkspaceScope};

const TABLES: [(&str, &str); 2] = [("conversions", "event_id"), ("engagements", "click_id")];

impl WorkspaceScope {
    /// Deletes some of what came of clicks from before the watermark; of how many at most in either table.
    pub(crate) async fn purge_conversions(&self, store: &Store, before: Millis) -> Result<u64, StoreError> {
        if store.is_postgres() {
            let row = self.transaction.query_one_raw(store.statement("SELECT linklogger_purge_conversions($1)", [STEP.into()])).await?;
            return Ok(row.map_or(Ok(0), |row| row.try_get_by_index::<i64>(0))?.unsigned_abs());
        }
        let mut most = 0;
        for (table, key) in TABLES {
            let sql = format!(
                "DELETE FROM {table} WHERE workspace_id = $1 AND {key} IN ( \
                     SELECT {key} FROM {table} WHERE workspace_id = $1 AND click_id < $2 ORDER BY click_id LIMIT $3)"
            );
            let values = [self.workspace.0.into(), ClickId::floor(before).0.into(), STEP.into()];
            most = self.execute(&sql, values).await?.max(most);
        }
        Ok(most)
    }
}

/// Deletes what came of these clicks, whose rows the transaction has deleted already: so nobody adds to it.
pub(crate) async fn take_out(
    transaction: &DatabaseTransaction,
    workspace: domain::WorkspaceId,
    clicks: impl Iterator<Item = Uuid>,
) -> Result<(), StoreError> {
    let values: Vec<Value> = std::iter::once(workspace.0.into()).chain(clicks.map(Value::from)).collect();
    if values.len() == 1 {
        return Ok(());
    }
    let places: Vec<String> = (2..=values.len()).map(|at| format!("${at}")).collect();
    for (table, _) in TABLES {
        let sql = format!("DELETE FROM {table} WHERE workspace_id = $1 AND click_id IN ({})", places.join(", "));
        transaction.execute_raw(Statement::from_sql_and_values(transaction.get_database_backend(), sql, values.clone())).await?;
    }
    Ok(())
}
