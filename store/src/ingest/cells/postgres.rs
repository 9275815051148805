//! Cells and values on PostgreSQL: rows travel as one array for each column. Each key is looked up by itself
//! (`LATERAL … OFFSET 0`), whatever the planner takes an empty table for.

use std::sync::LazyLock;

use domain::WorkspaceId;
use sqlx::{PgTransaction, Row};
use uuid::Uuid;

use crate::failure::Failure;
use crate::rollup::link_of;
use crate::rollup::{Block, Cell, CellKey, Changes, Interner, Spelled};

/// The rows of arrays side by side, the parameters from `first` on.
pub(in crate::ingest) fn unnest(first: usize, kinds: &[&str]) -> String {
    let columns: Vec<String> = kinds.iter().zip(first..).map(|(kind, place)| format!("unnest(${place}::{kind}[])")).collect();
    columns.join(", ")
}

/// Inserts values; the parameters are the workspace, and from `first` on the columns.
pub(in crate::ingest) fn values_sql(workspace: usize, first: usize) -> String {
    format!(
        "INSERT INTO rollup_values (workspace_id, block, value, id, link_id) \
         SELECT ${workspace}::uuid, {}",
        unnest(first, &["int", "text", "bigint", "uuid"])
    )
}

/// Writes whole cells.
pub(in crate::ingest) fn cells_sql(workspace: usize, first: usize) -> String {
    format!(
        "INSERT INTO rollup_cells (workspace_id, link_id, grain, quarter, body) \
         SELECT ${workspace}::uuid, {} ON CONFLICT (workspace_id, link_id, grain, quarter) DO UPDATE SET body = excluded.body",
        unnest(first, &["uuid", "smallint", "bigint", "bytea"])
    )
}

/// Adds to links' statistics.
pub(in crate::ingest) fn statistics_sql(workspace: usize, first: usize) -> String {
    format!(
        "INSERT INTO link_stats (workspace_id, link_id, clicks, last_clicked_at) \
         SELECT ${workspace}::uuid, {} \
         ON CONFLICT (workspace_id, link_id) DO UPDATE SET clicks = link_stats.clicks + excluded.clicks, \
         last_clicked_at = GREATEST(link_stats.last_clicked_at, excluded.last_clicked_at)",
        unnest(first, &["uuid", "bigint", "bigint"])
    )
}

static VALUES: LazyLock<String> = LazyLock::new(|| values_sql(1, 2));
static CELLS: LazyLock<String> = LazyLock::new(|| cells_sql(1, 2));
static STATISTICS: LazyLock<String> = LazyLock::new(|| statistics_sql(1, 2));

/// Reads the numbers of these values; those that have none are returned.
pub(in crate::ingest) async fn find(
    transaction: &mut PgTransaction<'_>,
    workspace: WorkspaceId,
    missing: Vec<Spelled>,
    values: &mut Interner,
) -> Result<Vec<Spelled>, Failure> {
    if missing.is_empty() {
        return Ok(missing);
    }
    let (blocks, texts): (Vec<i32>, Vec<&str>) = missing.iter().map(|(block, text)| (block.0.cast_signed(), text.as_str())).unzip();
    let rows = sqlx::query(
        "SELECT k.block, k.value, v.id FROM UNNEST($2::int[], $3::text[]) AS k (block, value), \
         LATERAL (SELECT s.id FROM rollup_values s WHERE s.workspace_id = $1 AND s.block = k.block AND s.value = k.value OFFSET 0) AS v",
    )
    .bind(workspace.0)
    .bind(&blocks)
    .bind(&texts)
    .fetch_all(&mut **transaction)
    .await?;
    let mut fresh: std::collections::BTreeSet<Spelled> = missing.into_iter().collect();
    for row in rows {
        let value = (Block(row.try_get::<i32, _>(0)?.cast_unsigned()), row.try_get(1)?);
        fresh.remove(&value);
        values.learn(value, row.try_get::<i64, _>(2)?.unsigned_abs());
    }
    Ok(fresh.into_iter().collect())
}

/// Writes the numbers that values were given.
pub(in crate::ingest) async fn write_values(
    transaction: &mut PgTransaction<'_>,
    workspace: WorkspaceId,
    given: &[(Spelled, i64)],
    next: i64,
) -> Result<(), Failure> {
    if given.is_empty() {
        return Ok(());
    }
    sqlx::query(VALUES.as_str())
        .bind(workspace.0)
        .bind(given.iter().map(|((block, _), _)| block.0.cast_signed()).collect::<Vec<_>>())
        .bind(given.iter().map(|((_, text), _)| text.as_str()).collect::<Vec<_>>())
        .bind(given.iter().map(|(_, id)| *id).collect::<Vec<_>>())
        .bind(given.iter().map(|(value, _)| link_of(value)).collect::<Vec<_>>())
        .execute(&mut **transaction)
        .await?;
    sqlx::query("UPDATE workspace_heads SET next_value = $2 WHERE workspace_id = $1")
        .bind(workspace.0)
        .bind(next)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// Merges what changes into what is stored.
pub(in crate::ingest) async fn write(
    transaction: &mut PgTransaction<'_>,
    workspace: WorkspaceId,
    mut changes: Changes,
) -> Result<(), Failure> {
    if changes.cells.is_empty() {
        return Ok(());
    }
    let (links, grains, quarters) = columns(changes.cells.keys());
    let rows = sqlx::query(
        "SELECT k.link_id, k.grain, k.quarter, c.body FROM UNNEST($2::uuid[], $3::smallint[], $4::bigint[]) AS k (link_id, grain, quarter), \
         LATERAL (SELECT s.body FROM rollup_cells s WHERE s.workspace_id = $1 AND s.link_id = k.link_id AND s.grain = k.grain \
         AND s.quarter = k.quarter OFFSET 0) AS c",
    )
    .bind(workspace.0)
    .bind(&links)
    .bind(&grains)
    .bind(&quarters)
    .fetch_all(&mut **transaction)
    .await?;
    let stored = rows.iter().map(|row| Ok(((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?), row.try_get(3)?)));
    changes.merge(workspace, stored.collect::<Result<_, sqlx::Error>>()?)?;
    let bodies: Vec<Vec<u8>> = changes.cells.values().map(Cell::encode).collect();
    sqlx::query(CELLS.as_str())
        .bind(workspace.0)
        .bind(&links)
        .bind(&grains)
        .bind(&quarters)
        .bind(&bodies)
        .execute(&mut **transaction)
        .await?;
    write_statistics(transaction, workspace, &changes).await
}

fn columns<'a>(keys: impl Iterator<Item = &'a CellKey>) -> (Vec<Uuid>, Vec<i16>, Vec<i64>) {
    let mut columns = (Vec::new(), Vec::new(), Vec::new());
    for (link, grain, quarter) in keys {
        columns.0.push(*link);
        columns.1.push(*grain);
        columns.2.push(*quarter);
    }
    columns
}

async fn write_statistics(transaction: &mut PgTransaction<'_>, workspace: WorkspaceId, changes: &Changes) -> Result<(), Failure> {
    if changes.links.is_empty() {
        return Ok(());
    }
    let links: Vec<Uuid> = changes.links.keys().copied().collect();
    let (counts, lasts): (Vec<i64>, Vec<i64>) = changes.links.values().copied().unzip();
    sqlx::query(STATISTICS.as_str()).bind(workspace.0).bind(&links).bind(&counts).bind(&lasts).execute(&mut **transaction).await?;
    Ok(())
}
