//! Cells and values on SQLite: statements of a few fixed sizes, each prepared once; a statement for each row of values,
//! which are rarely new.

use std::sync::LazyLock;

use domain::WorkspaceId;
use sqlx::{Row, Sqlite, Transaction};
use uuid::Uuid;

use crate::failure::Failure;
use crate::ingest::sqlite::{CHUNKS, chunks, places};
use crate::rollup::{Cell, CellKey, Changes, Interner, Spelled, link_of};

static STORED: LazyLock<[String; 5]> = LazyLock::new(|| {
    CHUNKS.map(|rows| {
        format!(
            "WITH k (link_id, grain, quarter) AS (VALUES {}) SELECT c.link_id, c.grain, c.quarter, c.body FROM k CROSS JOIN rollup_cells c \
             ON c.workspace_id = ? AND c.link_id = k.link_id AND c.grain = k.grain AND c.quarter = k.quarter",
            places(rows, 3)
        )
    })
});

static CELLS: LazyLock<[String; 5]> = LazyLock::new(|| {
    CHUNKS.map(|rows| {
        format!(
            "INSERT INTO rollup_cells (workspace_id, link_id, grain, quarter, body) VALUES {} \
             ON CONFLICT (workspace_id, link_id, grain, quarter) DO UPDATE SET body = excluded.body",
            places(rows, 5)
        )
    })
});

static LINKS: LazyLock<[String; 5]> = LazyLock::new(|| {
    CHUNKS.map(|rows| {
        format!(
            "INSERT INTO link_stats (workspace_id, link_id, clicks, last_clicked_at) VALUES {} \
             ON CONFLICT (workspace_id, link_id) DO UPDATE SET clicks = link_stats.clicks + excluded.clicks, \
             last_clicked_at = max(link_stats.last_clicked_at, excluded.last_clicked_at)",
            places(rows, 4)
        )
    })
});

/// Reads the numbers of these values; those that have none are returned.
pub(in crate::ingest) async fn find(
    transaction: &mut Transaction<'_, Sqlite>,
    workspace: WorkspaceId,
    missing: Vec<Spelled>,
    values: &mut Interner,
) -> Result<Vec<Spelled>, Failure> {
    let mut fresh = Vec::new();
    for value in missing {
        let sql = "SELECT id FROM rollup_values WHERE workspace_id = ? AND block = ? AND value = ?";
        let query = sqlx::query_scalar::<_, i64>(sql).bind(workspace.0).bind(i64::from(value.0.0)).bind(&value.1);
        match query.fetch_optional(&mut **transaction).await? {
            Some(id) => values.learn(value, id.unsigned_abs()),
            None => fresh.push(value),
        }
    }
    Ok(fresh)
}

/// Writes the numbers that values were given.
pub(in crate::ingest) async fn write_values(
    transaction: &mut Transaction<'_, Sqlite>,
    workspace: WorkspaceId,
    given: Vec<(Spelled, i64)>,
    next: i64,
) -> Result<(), Failure> {
    if given.is_empty() {
        return Ok(());
    }
    for (value, id) in given {
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
        .bind(next)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// The cells that there are of these.
pub(in crate::ingest) async fn stored(
    transaction: &mut Transaction<'_, Sqlite>,
    workspace: WorkspaceId,
    keys: &[CellKey],
) -> Result<Vec<(CellKey, Vec<u8>)>, Failure> {
    let mut stored: Vec<(CellKey, Vec<u8>)> = Vec::new();
    for (sql, chunk) in chunks(keys, &STORED) {
        let bind =
            |query: sqlx::query::Query<'static, Sqlite, _>, (link, grain, quarter): &CellKey| query.bind(*link).bind(*grain).bind(*quarter);
        let query = chunk.iter().fold(sqlx::query(sql), bind).bind(workspace.0);
        for row in query.fetch_all(&mut **transaction).await? {
            stored.push(((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?), row.try_get(3)?));
        }
    }
    Ok(stored)
}

/// Merges what changes into what is stored, and writes that.
pub(in crate::ingest) async fn write(
    transaction: &mut Transaction<'_, Sqlite>,
    workspace: WorkspaceId,
    mut changes: Changes,
    stored: Vec<(CellKey, Vec<u8>)>,
) -> Result<(), Failure> {
    changes.merge(workspace, stored)?;
    let cells: Vec<(&CellKey, &Cell)> = changes.cells.iter().collect();
    for (sql, chunk) in chunks(&cells, &CELLS) {
        let mut query = sqlx::query(sql);
        for ((link, grain, quarter), cell) in chunk {
            query = query.bind(workspace.0).bind(*link).bind(*grain).bind(*quarter).bind(cell.encode());
        }
        query.execute(&mut **transaction).await?;
    }
    let links: Vec<(Uuid, i64, i64)> = changes.links.iter().map(|(link, (count, last))| (*link, *count, *last)).collect();
    for (sql, chunk) in chunks(&links, &LINKS) {
        let mut query = sqlx::query(sql);
        for (link, count, last) in chunk {
            query = query.bind(workspace.0).bind(*link).bind(*count).bind(*last);
        }
        query.execute(&mut **transaction).await?;
    }
    Ok(())
}
