//! The guard on PostgreSQL.

use std::collections::HashMap;

use domain::{LossReason, WorkspaceId};
use sqlx::{PgTransaction, Row};
use uuid::Uuid;

use super::{Guard, Refused};
use crate::failure::Failure;
use crate::ingest::Incoming;
use crate::ingest::counted::add_postgres;

/// What of a batch is kept out; it is noted and counted.
pub(in crate::ingest) async fn refuse(
    transaction: &mut PgTransaction<'_>,
    workspace: WorkspaceId,
    batch: &[&Incoming],
) -> Result<Refused, Failure> {
    let guard = read(transaction, workspace).await?;
    let hashes = guard.hashes(batch);
    let rows = sqlx::query("SELECT hash, before_at FROM erased WHERE workspace_id = $1 AND hash = ANY ($2)")
        .bind(workspace.0)
        .bind(&hashes)
        .fetch_all(&mut **transaction)
        .await?;
    let mut found = HashMap::with_capacity(rows.len());
    for row in rows {
        found.insert(row.try_get(0)?, row.try_get(1)?);
    }
    let refused = guard.refuse(batch, &found);
    note(transaction, workspace, &refused).await?;
    Ok(refused)
}

async fn read(transaction: &mut PgTransaction<'_>, workspace: WorkspaceId) -> Result<Guard, Failure> {
    let salts: Vec<(Vec<u8>, i64)> = sqlx::query_as("SELECT salt, until FROM erasure_salts WHERE workspace_id = $1")
        .bind(workspace.0)
        .fetch_all(&mut **transaction)
        .await?;
    let sql = "SELECT link_id, before_at FROM erasures WHERE workspace_id = $1 AND link_id IS NOT NULL";
    let histories: Vec<(Uuid, i64)> = sqlx::query_as(sql).bind(workspace.0).fetch_all(&mut **transaction).await?;
    let sql = "SELECT DISTINCT recipient_parameter FROM erasures WHERE workspace_id = $1 AND recipient_parameter IS NOT NULL";
    let parameters: Vec<String> = sqlx::query_scalar(sql).bind(workspace.0).fetch_all(&mut **transaction).await?;
    Ok(Guard::new(salts, histories, parameters))
}

async fn note(transaction: &mut PgTransaction<'_>, workspace: WorkspaceId, refused: &Refused) -> Result<(), Failure> {
    if refused.minutes.is_empty() {
        return Ok(());
    }
    let (hashes, ends): (Vec<Vec<u8>>, Vec<i64>) = refused.tombstones.iter().cloned().unzip();
    sqlx::query(
        "INSERT INTO erased (workspace_id, hash, before_at, until) SELECT $1, h.hash, NULL, h.until \
         FROM UNNEST($2::bytea[], $3::bigint[]) AS h (hash, until) ON CONFLICT DO NOTHING",
    )
    .bind(workspace.0)
    .bind(&hashes)
    .bind(&ends)
    .execute(&mut **transaction)
    .await?;
    add_postgres(transaction, workspace, LossReason::Erased, &refused.minutes).await
}
