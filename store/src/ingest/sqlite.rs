//! Ingest on SQLite: rows in statements of a few fixed sizes, so that each is prepared once.

use std::collections::{BTreeMap, HashSet};
use std::sync::LazyLock;

use domain::{LossReason, Millis, Seq, WorkspaceId};
use sqlx::{Row, Sqlite, SqlitePool, Transaction};
use uuid::Uuid;

use super::columns::{NAMES, bind_row};
use super::rejudge::{JudgedRow, Rejudged, changes};
use super::rollup::Changes;
use super::too_late::{Late, split};
use super::visits::{Visit, Visits, candidates};
use super::{CLOSED, Failure, Head, Incoming, Ingested, Part, derived, guard, nothing, rejudge, stored};

/// Rows in one statement, largest first; SQLite takes 32,766 parameters.
pub(super) const CHUNKS: [usize; 3] = [128, 16, 1];

static INSERTS: LazyLock<[String; 3]> = LazyLock::new(|| {
    let names = NAMES.join(", ");
    CHUNKS.map(|rows| format!("INSERT INTO clicks ({names}) VALUES {} ON CONFLICT (id) DO NOTHING RETURNING id", places(rows, NAMES.len())))
});

static KNOWN: LazyLock<[String; 3]> = LazyLock::new(|| CHUNKS.map(|rows| format!("SELECT id FROM clicks WHERE id IN {}", places(1, rows))));

static VISITS: LazyLock<[String; 3]> = LazyLock::new(|| {
    CHUNKS.map(|rows| {
        let rows = places(rows, 4);
        format!(
            "INSERT INTO visitor_days (workspace_id, day, link_id, visitor) VALUES {rows} \
             ON CONFLICT DO NOTHING RETURNING day, link_id, visitor"
        )
    })
});

/// Places for so many rows of so many values.
pub(super) fn places(rows: usize, values: usize) -> String {
    let row = format!("({})", vec!["?"; values].join(", "));
    vec![row.as_str(); rows].join(", ")
}

/// The statements of a kind with the rows that each takes.
pub(super) fn chunks<'a, T>(mut rest: &'a [T], sql: &'static [String; 3]) -> impl Iterator<Item = (&'static str, &'a [T])> {
    CHUNKS.iter().zip(sql).flat_map(move |(size, sql)| {
        let (whole, after) = rest.split_at(rest.len() - rest.len() % size);
        rest = after;
        whole.chunks(*size).map(|chunk| (sql.as_str(), chunk))
    })
}

pub(super) async fn ingest(pool: &SqlitePool, batch: &BTreeMap<WorkspaceId, Vec<&Incoming>>, now: Millis) -> Result<Part, Failure> {
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    let mut part = Part::default();
    for (workspace, clicks) in batch {
        let head = head(&mut transaction, *workspace).await?.filter(|head| head.guarded_until != CLOSED);
        let Some(Head { seq: previous, kept_from, guarded_until }) = head else {
            part.stored.push(nothing(*workspace, clicks));
            continue;
        };
        let came = clicks.len();
        let mut clicks = clicks.clone();
        // Before those that are too late are counted: what was erased counts as that alone.
        if guarded_until > now.0 {
            let refused = guard::sqlite::refuse(&mut transaction, *workspace, &clicks).await?;
            clicks.retain(|incoming| !refused.clicks.contains(&incoming.click.id.0));
        }
        let erased = (came - clicks.len()) as u64;
        let (late, clicks) = split(&clicks, kept_from);
        part.too_late += count_late(&mut transaction, *workspace, &late).await?;
        let visits = visits(&mut transaction, *workspace, &clicks).await?;
        let new = insert(&mut transaction, *workspace, previous, &clicks, &visits).await?;
        let ingested = Ingested { erased, ..stored(*workspace, previous, &clicks, &new) };
        if !ingested.clicks.is_empty() {
            count(&mut transaction, *workspace, Changes::of(&ingested.clicks, |id| visits.marks(id))).await?;
            raise_head(&mut transaction, &ingested).await?;
        }
        part.stored.push(ingested);
    }
    transaction.commit().await?;
    Ok(part)
}

/// `None` where the workspace is gone: each has a head from its beginning to its end. The writer's lock on the
/// whole database stands for the head row's.
async fn head(transaction: &mut Transaction<'_, Sqlite>, workspace: WorkspaceId) -> Result<Option<Head>, Failure> {
    let sql = "SELECT head, kept_from, guarded_until FROM workspace_heads WHERE workspace_id = ?";
    Ok(sqlx::query_as(sql).bind(workspace.0).fetch_optional(&mut **transaction).await?.map(Head::of))
}

/// A click's own id is its counter, so that it counts once.
async fn count_late(transaction: &mut Transaction<'_, Sqlite>, workspace: WorkspaceId, late: &[Late]) -> Result<u64, Failure> {
    let mut counted = 0;
    for late in late {
        let sql =
            "INSERT INTO ingest_counters (workspace_id, minute, reason, counter_id, count) VALUES (?, ?, ?, ?, 1) ON CONFLICT DO NOTHING";
        let query = sqlx::query(sql).bind(workspace.0).bind(late.minute).bind(LossReason::TooLate.code()).bind(late.click);
        counted += query.execute(&mut **transaction).await?.rows_affected();
    }
    Ok(counted)
}

async fn visits<'a>(
    transaction: &mut Transaction<'_, Sqlite>,
    workspace: WorkspaceId,
    batch: &[&'a Incoming],
) -> Result<Visits<'a>, Failure> {
    let candidates = candidates(batch);
    let mut known = HashSet::new();
    for (sql, chunk) in chunks(&candidates, &KNOWN) {
        let query = chunk.iter().fold(sqlx::query(sql), |query, id| query.bind(*id));
        for row in query.fetch_all(&mut **transaction).await? {
            known.insert(row.try_get(0)?);
        }
    }
    let mut visits = Visits::of(batch, &known);
    let rows: Vec<Visit<'a>> = visits.rows().copied().collect();
    for (sql, chunk) in chunks(&rows, &VISITS) {
        let bind = |query: sqlx::query::Query<'a, Sqlite, _>, visit: &Visit<'a>| {
            query.bind(workspace.0).bind(visit.day).bind(visit.link).bind(visit.visitor)
        };
        for row in chunk.iter().fold(sqlx::query(sql), bind).fetch_all(&mut **transaction).await? {
            visits.is_new(row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        }
    }
    Ok(visits)
}

async fn insert(
    transaction: &mut Transaction<'_, Sqlite>,
    workspace: WorkspaceId,
    previous: Seq,
    batch: &[&Incoming],
    visits: &Visits<'_>,
) -> Result<HashSet<Uuid>, Failure> {
    let mut new = HashSet::with_capacity(batch.len());
    let mut seq = previous;
    for (sql, chunk) in chunks(batch, &INSERTS) {
        let mut query = sqlx::query(sql);
        for incoming in chunk {
            seq += 1;
            query = bind_row(query, workspace, seq, visits.marks(incoming.click.id.0), &incoming.click);
        }
        for row in query.fetch_all(&mut **transaction).await? {
            new.insert(row.try_get(0)?);
        }
    }
    Ok(new)
}

async fn count(transaction: &mut Transaction<'_, Sqlite>, workspace: WorkspaceId, mut changes: Changes) -> Result<(), Failure> {
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
    changes.check()?;
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
    sqlx::query("UPDATE workspace_heads SET head = ?2 WHERE workspace_id = ?1")
        .bind(ingested.workspace.0)
        .bind(ingested.head)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

pub(super) async fn rejudge(pool: &SqlitePool, workspace: WorkspaceId, clicks: &BTreeMap<Uuid, Rejudged>) -> Result<u64, Failure> {
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    let mut rows: Vec<JudgedRow> = Vec::with_capacity(clicks.len());
    for (id, click) in clicks {
        let sql = "SELECT id, link_id, outcome, verdict, first_of_day FROM clicks WHERE workspace_id = ? AND id = ?";
        rows.extend(sqlx::query_as::<_, JudgedRow>(sql).bind(workspace.0).bind(id).fetch_optional(&mut *transaction).await?);
        sqlx::query("UPDATE clicks SET verdict = ?, verdict_reason = ?, rules_version = ? WHERE workspace_id = ? AND id = ?")
            .bind(click.verdict.code())
            .bind(click.reason.code())
            .bind(click.rules_version)
            .bind(workspace.0)
            .bind(id)
            .execute(&mut *transaction)
            .await?;
    }
    derived::write_sqlite(&mut transaction, workspace, &rejudge::derived(clicks)).await?;
    count(&mut transaction, workspace, changes(&rows, clicks)?).await?;
    transaction.commit().await?;
    Ok(rows.len() as u64)
}
