//! Cells and values on SQLite: a statement for each row, each prepared once.

use domain::WorkspaceId;
use sqlx::{Row, Sqlite, Transaction};

use crate::ingest::Failure;
use crate::rollup::{CellKey, Changes, Interner, Spelled, link_of};

/// Reads the numbers of these values, and gives new ones to those that have none.
pub(in crate::ingest) async fn number(
    transaction: &mut Transaction<'_, Sqlite>,
    workspace: WorkspaceId,
    missing: Vec<Spelled>,
    values: &mut Interner,
) -> Result<(), Failure> {
    let mut fresh = Vec::new();
    for value in missing {
        let sql = "SELECT id FROM rollup_values WHERE workspace_id = ? AND block = ? AND value = ?";
        let query = sqlx::query_scalar::<_, i64>(sql).bind(workspace.0).bind(i64::from(value.0.0)).bind(&value.1);
        match query.fetch_optional(&mut **transaction).await? {
            Some(id) => values.learn(value, id.unsigned_abs()),
            None => fresh.push(value),
        }
    }
    if fresh.is_empty() {
        return Ok(());
    }
    for (value, id) in values.give(fresh) {
        sqlx::query("INSERT INTO rollup_values (workspace_id, block, value, id, link_id) VALUES (?, ?, ?, ?, ?)")
            .bind(workspace.0)
            .bind(i64::from(value.0.0))
            .bind(&value.1)
            .bind(id)
            .bind(link_of(&value))
            .execute(&mut **transaction)
            .await?;
    }
    sqlx::query("UPDATE workspace_heads SET next_value = ?2 WHERE workspace_id = ?1")
        .bind(workspace.0)
        .bind(values.next())
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// Merges what changes into what is stored.
pub(in crate::ingest) async fn write(
    transaction: &mut Transaction<'_, Sqlite>,
    workspace: WorkspaceId,
    mut changes: Changes,
) -> Result<(), Failure> {
    let mut stored: Vec<(CellKey, Vec<u8>)> = Vec::new();
    for key @ (link, grain, quarter) in changes.cells.keys() {
        let sql = "SELECT body FROM rollup_cells WHERE workspace_id = ? AND link_id = ? AND grain = ? AND quarter = ?";
        let row = sqlx::query(sql).bind(workspace.0).bind(link).bind(grain).bind(quarter).fetch_optional(&mut **transaction).await?;
        if let Some(row) = row {
            stored.push((*key, row.try_get(0)?));
        }
    }
    changes.merge(stored)?;
    for ((link, grain, quarter), cell) in &changes.cells {
        sqlx::query(
            "INSERT INTO rollup_cells (workspace_id, link_id, grain, quarter, body) VALUES (?, ?, ?, ?, ?) \
             ON CONFLICT (workspace_id, link_id, grain, quarter) DO UPDATE SET body = excluded.body",
        )
        .bind(workspace.0)
        .bind(link)
        .bind(grain)
        .bind(quarter)
        .bind(cell.encode())
        .execute(&mut **transaction)
        .await?;
    }
    for (link, (count, last)) in &changes.links {
        sqlx::query(
            "INSERT INTO link_stats (workspace_id, link_id, clicks, last_clicked_at) VALUES (?, ?, ?, ?) \
             ON CONFLICT (workspace_id, link_id) DO UPDATE SET clicks = link_stats.clicks + excluded.clicks, \
             last_clicked_at = max(link_stats.last_clicked_at, excluded.last_clicked_at)",
        )
        .bind(workspace.0)
        .bind(link)
        .bind(count)
        .bind(last)
        .execute(&mut **transaction)
        .await?;
    }
    Ok(())
}
