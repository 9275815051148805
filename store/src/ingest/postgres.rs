//! Ingest on PostgreSQL: rows travel as one array for each column.

use std::collections::{BTreeMap, HashSet};
use std::sync::LazyLock;

use domain::{LossReason, Millis, Seq, WorkspaceId};
use sea_orm::FromQueryResult as _;
use sqlx::{PgPool, PgTransaction, Row};
use uuid::Uuid;

use super::columns::{Arrays, NAMES, POSTGRES_TYPES};
use super::rejudge::Rejudged;
use super::too_late::{Late, split};
use super::visits::{Visits, candidates};
use super::{CLOSED, Failure, Head, Incoming, Ingested, Part, cells, derived, guard, nothing, rejudge, sketches, stored};
use crate::StoreError;
use crate::rollup::{COLUMNS, CountedRow, Facts, Interner, ValueCache};

static INSERT: LazyLock<String> = LazyLock::new(|| {
    let arrays: Vec<String> = POSTGRES_TYPES.iter().enumerate().map(|(i, kind)| format!("${}::{kind}[]", i + 1)).collect();
    format!(
        "INSERT INTO clicks ({}) SELECT * FROM UNNEST({}) ON CONFLICT (id) DO NOTHING RETURNING id",
        NAMES.join(", "),
        arrays.join(", ")
    )
});

static HEAD: LazyLock<String> =
    LazyLock::new(|| format!("SELECT {} FROM workspace_heads WHERE workspace_id = $1 FOR UPDATE", Head::COLUMNS));

static COUNTED: LazyLock<String> = LazyLock::new(|| format!("SELECT {COLUMNS} FROM clicks WHERE workspace_id = $1 AND id = ANY ($2)"));

pub(super) async fn ingest(
    pool: &PgPool,
    values: &ValueCache,
    batch: &BTreeMap<WorkspaceId, Vec<&Incoming>>,
    now: Millis,
) -> Result<Part, Failure> {
    let mut transaction = pool.begin().await?;
    let mut part = Part::default();
    let mut learned = Vec::new();
    for (workspace, clicks) in batch {
        enter(&mut transaction, &workspace.0.to_string()).await?;
        let head = lock_head(&mut transaction, *workspace).await?.filter(|head| head.guarded_until != CLOSED);
        let Some(head) = head else {
            part.stored.push(nothing(*workspace, clicks));
            continue;
        };
        let previous = head.head;
        let came = clicks.len();
        let mut clicks = clicks.clone();
        // Before those that are too late are counted: what was erased counts as that alone.
        if head.guarded_until > now.0 {
            let refused = guard::postgres::refuse(&mut transaction, *workspace, &clicks).await?;
            clicks.retain(|incoming| !refused.clicks.contains(&incoming.click.id.0));
        }
        let erased = (came - clicks.len()) as u64;
        let (late, clicks) = split(&clicks, head.kept_from());
        part.too_late += count_late(&mut transaction, *workspace, &late).await?;
        let visits = visits(&mut transaction, *workspace, &clicks).await?;
        let new = insert(&mut transaction, *workspace, previous, &clicks, &visits).await?;
        let ingested = Ingested { erased, ..stored(*workspace, previous, &clicks, &new) };
        if !ingested.clicks.is_empty() {
            learned.push(count(&mut transaction, values, *workspace, &head, &ingested, &visits).await?);
            raise_head(&mut transaction, &ingested).await?;
        }
        part.stored.push(ingested);
    }
    transaction.commit().await?;
    learned.into_iter().for_each(Interner::remember);
    Ok(part)
}

async fn enter(transaction: &mut PgTransaction<'_>, workspace: &str) -> Result<(), Failure> {
    sqlx::query("SELECT set_config('role', 'linklogger_worker', true), set_config('app.workspace', $1, true)")
        .bind(workspace)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// `None` where the workspace is gone: each has a head from its beginning to its end.
async fn lock_head(transaction: &mut PgTransaction<'_>, workspace: WorkspaceId) -> Result<Option<Head>, Failure> {
    // What the row itself says is read again after a wait for its lock; another table would be as before.
    let row = sqlx::query(HEAD.as_str()).bind(workspace.0).fetch_optional(&mut **transaction).await?;
    Ok(row.map(|row| Head::from_query_result(&row.into(), "")).transpose().map_err(StoreError::from)?)
}

/// A click's own id is its counter, so that it counts once.
async fn count_late(transaction: &mut PgTransaction<'_>, workspace: WorkspaceId, late: &[Late]) -> Result<u64, Failure> {
    if late.is_empty() {
        return Ok(0);
    }
    let (minutes, ids): (Vec<i64>, Vec<Uuid>) = late.iter().map(|late| (late.minute, late.click)).unzip();
    let done = sqlx::query(
        "INSERT INTO ingest_counters (workspace_id, minute, reason, counter_id, count) \
         SELECT $1, l.minute, $2, l.click, 1 FROM UNNEST($3::bigint[], $4::uuid[]) AS l (minute, click) ON CONFLICT DO NOTHING",
    )
    .bind(workspace.0)
    .bind(LossReason::TooLate.code())
    .bind(&minutes)
    .bind(&ids)
    .execute(&mut **transaction)
    .await?;
    Ok(done.rows_affected())
}

/// The head's lock holds off whoever else stores clicks of this workspace, so what is new here stays so.
async fn visits<'a>(transaction: &mut PgTransaction<'_>, workspace: WorkspaceId, batch: &[&'a Incoming]) -> Result<Visits<'a>, Failure> {
    let candidates = candidates(batch);
    if candidates.is_empty() {
        return Ok(Visits::default());
    }
    let known = sqlx::query("SELECT id FROM clicks WHERE id = ANY ($1)").bind(&candidates).fetch_all(&mut **transaction).await?;
    let mut visits = Visits::of(batch, &known.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?);
    let mut rows = (Vec::new(), Vec::new(), Vec::new());
    for visit in visits.rows() {
        rows.0.push(visit.day);
        rows.1.push(visit.link);
        rows.2.push(visit.visitor);
    }
    let new = sqlx::query(
        "INSERT INTO visitor_days (workspace_id, day, link_id, visitor) SELECT $1, * FROM UNNEST($2::int[], $3::uuid[], $4::bytea[]) \
         ON CONFLICT DO NOTHING RETURNING day, link_id, visitor",
    )
    .bind(workspace.0)
    .bind(&rows.0)
    .bind(&rows.1)
    .bind(&rows.2)
    .fetch_all(&mut **transaction)
    .await?;
    for row in &new {
        visits.is_new(row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    }
    Ok(visits)
}

async fn insert(
    transaction: &mut PgTransaction<'_>,
    workspace: WorkspaceId,
    previous: Seq,
    batch: &[&Incoming],
    visits: &Visits<'_>,
) -> Result<HashSet<Uuid>, Failure> {
    let mut arrays = Arrays::default();
    let clicks = batch.iter().map(|incoming| &incoming.click);
    clicks.zip(previous + 1..).for_each(|(click, seq)| arrays.push(workspace, seq, visits.marks(click.id.0), click));
    let rows = arrays.bind(sqlx::query(INSERT.as_str())).fetch_all(&mut **transaction).await?;
    Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
}

/// Counts new clicks; what was learned of values is to be remembered after the commit.
async fn count(
    transaction: &mut PgTransaction<'_>,
    values: &ValueCache,
    workspace: WorkspaceId,
    head: &Head,
    ingested: &Ingested,
    visits: &Visits<'_>,
) -> Result<Interner, Failure> {
    let mut counting = head.counting()?;
    let mut values = Interner::new(values, workspace, head.next_value);
    let facts: Vec<Facts<'_>> = ingested.clicks.iter().map(|click| Facts::of(click, visits.marks(click.id.0))).collect();
    let missing = values.missing(facts.iter(), &counting);
    cells::postgres::number(transaction, workspace, missing, &mut values).await?;
    let mut changes = cells::added(&facts, &mut counting, &values)?;
    let visitors = std::mem::take(&mut changes.sketches);
    cells::postgres::write(transaction, workspace, changes).await?;
    sketches::write_postgres(transaction, workspace, &visitors, &head.zone()).await?;
    Ok(values)
}

async fn raise_head(transaction: &mut PgTransaction<'_>, ingested: &Ingested) -> Result<(), Failure> {
    sqlx::query("UPDATE workspace_heads SET head = $2 WHERE workspace_id = $1")
        .bind(ingested.workspace.0)
        .bind(ingested.head)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

pub(super) async fn rejudge(
    pool: &PgPool,
    values: &ValueCache,
    workspace: WorkspaceId,
    clicks: &BTreeMap<Uuid, Rejudged>,
) -> Result<u64, Failure> {
    let mut transaction = pool.begin().await?;
    enter(&mut transaction, &workspace.0.to_string()).await?;
    let Some(head) = lock_head(&mut transaction, workspace).await? else { return Ok(0) };
    let ids: Vec<Uuid> = clicks.keys().copied().collect();
    let rows = sqlx::query(COUNTED.as_str()).bind(workspace.0).bind(&ids).fetch_all(&mut *transaction).await?;
    let rows = rows.into_iter().map(CountedRow::of).collect::<Result<Vec<_>, _>>()?;
    let found = rows.len() as u64;
    sqlx::query(
        "UPDATE clicks c SET verdict = n.verdict, verdict_reason = n.reason, rules_version = n.rules \
         FROM UNNEST($2::uuid[], $3::smallint[], $4::smallint[], $5::smallint[]) AS n (id, verdict, reason, rules) \
         WHERE c.workspace_id = $1 AND c.id = n.id",
    )
    .bind(workspace.0)
    .bind(&ids)
    .bind(clicks.values().map(|click| click.verdict.code()).collect::<Vec<_>>())
    .bind(clicks.values().map(|click| click.reason.code()).collect::<Vec<_>>())
    .bind(clicks.values().map(|click| click.rules_version).collect::<Vec<_>>())
    .execute(&mut *transaction)
    .await?;
    derived::write_postgres(&mut transaction, workspace, &rejudge::derived(clicks)).await?;
    let moved = cells::Moved::new(rows, clicks);
    let (before, after) = moved.facts()?;
    let mut counting = head.counting()?;
    let mut values = Interner::new(values, workspace, head.next_value);
    let missing = values.missing(before.iter().chain(&after), &counting);
    cells::postgres::number(&mut transaction, workspace, missing, &mut values).await?;
    let mut changes = cells::moved(&before, &after, &mut counting, &values)?;
    let visitors = std::mem::take(&mut changes.sketches);
    cells::postgres::write(&mut transaction, workspace, changes).await?;
    sketches::write_postgres(&mut transaction, workspace, &visitors, &head.zone()).await?;
    transaction.commit().await?;
    values.remember();
    Ok(found)
}
