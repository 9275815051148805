//! Ingest on SQLite: rows in statements of a few fixed sizes, so that each is prepared once.

use std::collections::{BTreeMap, HashSet};
use std::sync::LazyLock;

use domain::{Click, Millis, Seq, WorkspaceId};
use sqlx::{Row, Sqlite, SqlitePool, Transaction};
use uuid::Uuid;

use super::columns::{NAMES, bind_row};
use super::rollup::Changes;
use super::{Failure, Ingested, Poison, stored};
use crate::StoreError;

/// Rows in one statement, largest first; SQLite takes 32,766 parameters.
const CHUNKS: [usize; 3] = [128, 16, 1];

static INSERTS: LazyLock<[String; 3]> = LazyLock::new(|| {
    CHUNKS.map(|rows| {
        let row = format!("({})", vec!["?"; NAMES.len()].join(", "));
        let rows = vec![row.as_str(); rows].join(", ");
        format!("INSERT INTO clicks ({}) VALUES {rows} ON CONFLICT (id) DO NOTHING RETURNING id", NAMES.join(", "))
    })
});

pub(super) async fn ingest(pool: &SqlitePool, batch: &BTreeMap<WorkspaceId, Vec<&Click>>) -> Result<Vec<Ingested>, Failure> {
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    let mut all = Vec::with_capacity(batch.len());
    for (workspace, clicks) in batch {
        let previous = head(&mut transaction, *workspace).await?;
        let new = insert(&mut transaction, *workspace, previous, clicks).await?;
        let ingested = stored(*workspace, previous, clicks, &new);
        if !ingested.clicks.is_empty() {
            count(&mut transaction, *workspace, &ingested.clicks).await?;
            raise_head(&mut transaction, &ingested).await?;
        }
        all.push(ingested);
    }
    transaction.commit().await?;
    Ok(all)
}

/// The writer's lock on the whole database stands for the head row's.
async fn head(transaction: &mut Transaction<'_, Sqlite>, workspace: WorkspaceId) -> Result<Seq, Failure> {
    let row =
        sqlx::query("SELECT head FROM workspace_heads WHERE workspace_id = ?").bind(workspace.0).fetch_optional(&mut **transaction).await?;
    Ok(row.map_or(Ok(0), |row| row.try_get(0))?)
}

async fn insert(
    transaction: &mut Transaction<'_, Sqlite>,
    workspace: WorkspaceId,
    previous: Seq,
    clicks: &[&Click],
) -> Result<HashSet<Uuid>, Failure> {
    let mut new = HashSet::with_capacity(clicks.len());
    let (mut rest, mut seq) = (clicks, previous);
    for (size, sql) in CHUNKS.iter().zip(INSERTS.iter()) {
        while let Some((chunk, after)) = rest.split_at_checked(*size) {
            let mut query = sqlx::query(sql.as_str());
            for click in chunk {
                seq += 1;
                query = bind_row(query, workspace, seq, click);
            }
            for row in query.fetch_all(&mut **transaction).await? {
                new.insert(row.try_get(0)?);
            }
            rest = after;
        }
    }
    Ok(new)
}

async fn count(transaction: &mut Transaction<'_, Sqlite>, workspace: WorkspaceId, clicks: &[Click]) -> Result<(), Failure> {
    let mut changes = Changes::of(clicks);
    let keys: Vec<(Uuid, i64)> = changes.cells.keys().copied().collect();
    for (link, quarter) in keys {
        let row = sqlx::query("SELECT body FROM rollup_cells WHERE workspace_id = ? AND link_id = ? AND quarter = ?")
            .bind(workspace.0)
            .bind(link)
            .bind(quarter)
            .fetch_optional(&mut **transaction)
            .await?;
        if let Some(row) = row {
            let body: Vec<u8> = row.try_get(0)?;
            changes.merge((link, quarter), &body)?;
        }
    }
    for ((link, quarter), cell) in &changes.cells {
        sqlx::query(
            "INSERT INTO rollup_cells (workspace_id, link_id, quarter, body) VALUES (?, ?, ?, ?) \
             ON CONFLICT (workspace_id, link_id, quarter) DO UPDATE SET body = excluded.body",
        )
        .bind(workspace.0)
        .bind(link)
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

async fn raise_head(transaction: &mut Transaction<'_, Sqlite>, ingested: &Ingested) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO workspace_heads (workspace_id, head) VALUES (?, ?) ON CONFLICT (workspace_id) DO UPDATE SET head = excluded.head",
    )
    .bind(ingested.workspace.0)
    .bind(ingested.head)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

pub(super) async fn set_aside(pool: &SqlitePool, letters: &[Poison], now: Millis) -> Result<(), StoreError> {
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    for letter in letters {
        sqlx::query("INSERT INTO dead_letters (id, frame_id, reason, record, created_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING")
            .bind(letter.id)
            .bind(&*letter.frame)
            .bind(&letter.reason)
            .bind(&letter.record)
            .bind(now.0)
            .execute(&mut *transaction)
            .await?;
    }
    Ok(transaction.commit().await?)
}
