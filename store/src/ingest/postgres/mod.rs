//! Ingest on PostgreSQL: for each workspace its head is locked, one statement reads all that must be known, and one
//! writes everything.

mod read;
mod write;

use std::collections::{BTreeMap, HashSet};
use std::sync::LazyLock;

use domain::{LossReason, Millis, WorkspaceId};
use sea_orm::FromQueryResult as _;
use sqlx::{PgPool, PgTransaction};
use uuid::Uuid;

use self::read::Asked;
use self::write::Written;
use super::rejudge::Rejudged;
use super::too_late::{Late, split};
use super::visits::{Marks, Visit, Visits};
use super::{CLOSED, Head, Incoming, Ingested, Part, cells, counted, derived, guard, nothing, rejudge, sketches, stored};
use crate::StoreError;
use crate::failure::Failure;
use crate::rollup::{COLUMNS, CountedRow, Facts, Interner, ValueCache};

static HEAD: LazyLock<String> =
    LazyLock::new(|| format!("SELECT {} FROM workspace_heads WHERE workspace_id = $1 FOR UPDATE", Head::COLUMNS));

/// Each id is looked up by itself, as in [`read`].
static COUNTED: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT c.* FROM UNNEST($2::uuid[]) AS k (id), \
         LATERAL (SELECT {COLUMNS} FROM clicks WHERE clicks.id = k.id AND clicks.workspace_id = $1 OFFSET 0) AS c"
    )
});

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
        let (ingested, values) = store(&mut transaction, values, *workspace, &head, &clicks).await?;
        counted::add_postgres(&mut transaction, *workspace, LossReason::Duplicate, &counted::again(&clicks, &ingested)).await?;
        learned.extend(values);
        let ingested = Ingested { erased, ..ingested };
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

/// Stores and counts what is new of these clicks; what was learned of values is to be remembered after the commit. The
/// head's lock holds off whoever else stores clicks of this workspace, so what is new here stays so.
async fn store(
    transaction: &mut PgTransaction<'_>,
    values: &ValueCache,
    workspace: WorkspaceId,
    head: &Head,
    batch: &[&Incoming],
) -> Result<(Ingested, Option<Interner>), Failure> {
    if batch.is_empty() {
        return Ok((stored(workspace, head.head, batch, &HashSet::new()), None));
    }
    let mut counting = head.counting()?;
    let mut values = Interner::new(values, workspace, head.numbers());
    let all: Vec<Facts<'_>> = batch.iter().map(|incoming| Facts::of(&incoming.click, Marks::default())).collect();
    let told: Vec<Visit<'_>> = Visits::of(batch, &HashSet::new()).rows().copied().collect();
    let missing = values.missing(all.iter(), &counting);
    let asked =
        Asked { clicks: batch, visits: &told, values: &missing, cells: &counting.cells_of(&all), sketches: &counting.sketches_of(&all) };
    let found = read::read(transaction, workspace, &asked).await?;
    let new: HashSet<Uuid> = batch.iter().map(|incoming| incoming.click.id.0).filter(|id| !found.clicks.contains(id)).collect();
    let ingested = stored(workspace, head.head, batch, &new);
    if ingested.clicks.is_empty() {
        return Ok((ingested, None));
    }
    let mut visits = Visits::of(batch, &found.clicks);
    let met_first = visits.mark(&found.visits);
    found.values.into_iter().for_each(|(value, id)| values.learn(value, id));
    let facts: Vec<Facts<'_>> = ingested.clicks.iter().map(|click| Facts::of(click, visits.marks(click.id.0))).collect();
    let fresh = values.missing(facts.iter(), &counting);
    let given = cells::give(workspace, &mut values, fresh, &facts, &mut counting, &found.cells)?;
    let mut changes = cells::added(&facts, &mut counting, &values)?;
    let visitors = std::mem::take(&mut changes.sketches);
    let sketches = sketches::grown(workspace, &visitors, &found.sketches)?;
    changes.merge(workspace, found.cells)?;
    let written = Written {
        ingested: &ingested,
        visits: &visits,
        met_first: &met_first,
        values: &given,
        next_value: values.next(),
        changes: &changes,
        sketches: &sketches,
    };
    write::write(transaction, workspace, &written).await?;
    Ok((ingested, Some(values)))
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
    let mut values = Interner::new(values, workspace, head.numbers());
    // What has no number yet was counted with the others.
    let missing = values.missing(before.iter(), &counting);
    let unnumbered = cells::postgres::find(&mut transaction, workspace, missing, &mut values).await?;
    unnumbered.into_iter().for_each(|value| values.leave_out(value));
    let missing = values.missing(after.iter(), &counting);
    let fresh = cells::postgres::find(&mut transaction, workspace, missing, &mut values).await?;
    let given = values.give(fresh);
    cells::postgres::write_values(&mut transaction, workspace, &given, values.next()).await?;
    let mut changes = cells::moved(&before, &after, &mut counting, &values)?;
    let visitors = std::mem::take(&mut changes.sketches);
    cells::postgres::write(&mut transaction, workspace, changes).await?;
    sketches::write_postgres(&mut transaction, workspace, &visitors, &head.zone()).await?;
    transaction.commit().await?;
    values.remember();
    Ok(found)
}
