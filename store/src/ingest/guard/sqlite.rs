//! The guard on SQLite.

use std::collections::HashMap;
use std::sync::LazyLock;

use domain::{LossReason, WorkspaceId};
use sqlx::{Row, Sqlite, Transaction};
use uuid::Uuid;

use super::{Guard, Refused};
use crate::failure::Failure;
use crate::ingest::Incoming;
use crate::ingest::counted::add_sqlite;
use crate::ingest::sqlite::{CHUNKS, chunks, places};

static KNOWN: LazyLock<[String; 5]> = LazyLock::new(|| {
    CHUNKS.map(|rows| format!("SELECT hash, before_at FROM erased WHERE workspace_id = ? AND hash IN {}", places(1, rows)))
});

/// What of a batch is kept out; it is noted and counted.
pub(in crate::ingest) async fn refuse(
    transaction: &mut Transaction<'_, Sqlite>,
    workspace: WorkspaceId,
    batch: &[&Incoming],
) -> Result<Refused, Failure> {
    let guard = read(transaction, workspace).await?;
    let mut found = HashMap::new();
    let hashes = guard.hashes(batch);
    for (sql, chunk) in chunks(&hashes, &KNOWN) {
        let query = chunk.iter().fold(sqlx::query(sql).bind(workspace.0), |query, hash| query.bind(hash));
        for row in query.fetch_all(&mut **transaction).await? {
            found.insert(row.try_get(0)?, row.try_get(1)?);
        }
    }
    let refused = guard.refuse(batch, &found);
    note(transaction, workspace, &refused).await?;
    Ok(refused)
}

async fn read(transaction: &mut Transaction<'_, Sqlite>, workspace: WorkspaceId) -> Result<Guard, Failure> {
    let salts: Vec<(Vec<u8>, i64)> = sqlx::query_as("SELECT salt, until FROM erasure_salts WHERE workspace_id = ?")
        .bind(workspace.0)
        .fetch_all(&mut **transaction)
        .await?;
    let sql = "SELECT link_id, before_at FROM erasures WHERE workspace_id = ? AND link_id IS NOT NULL";
    let histories: Vec<(Uuid, i64)> = sqlx::query_as(sql).bind(workspace.0).fetch_all(&mut **transaction).await?;
    let sql = "SELECT DISTINCT recipient_parameter FROM erasures WHERE workspace_id = ? AND recipient_parameter IS NOT NULL";
    let parameters: Vec<String> = sqlx::query_scalar(sql).bind(workspace.0).fetch_all(&mut **transaction).await?;
    Ok(Guard::new(salts, histories, parameters))
}

async fn note(transaction: &mut Transaction<'_, Sqlite>, workspace: WorkspaceId, refused: &Refused) -> Result<(), Failure> {
    for (hash, until) in &refused.tombstones {
        sqlx::query("INSERT INTO erased (workspace_id, hash, before_at, until) VALUES (?, ?, NULL, ?) ON CONFLICT DO NOTHING")
            .bind(workspace.0)
            .bind(hash)
            .bind(until)
            .execute(&mut **transaction)
            .await?;
    }
    add_sqlite(transaction, workspace, LossReason::Erased, &refused.minutes).await
}
