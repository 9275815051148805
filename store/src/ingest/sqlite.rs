//! Ingest on SQLite: rows in statements of a few fixed sizes, so that each is prepared once.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::LazyLock;

use domain::{LossReason, Millis, Seq, WorkspaceId};
use sea_orm::FromQueryResult as _;
use sqlx::{Row, Sqlite, SqlitePool, Transaction};
use uuid::Uuid;

use super::columns::{NAMES, bind_row};
use super::rejudge::Rejudged;
use super::too_late::{Late, split};
use super::visits::{Before, Visit, Visits};
use super::{CLOSED, Head, Incoming, Ingested, Part, cells, counted, derived, guard, nothing, rejudge, sketches, stored};
use crate::StoreError;
use crate::failure::Failure;
use crate::rollup::{COLUMNS, CellKey, CountedRow, Facts, Interner, ValueCache};

/// Rows in one statement, largest first; SQLite takes 32,766 parameters.
pub(super) const CHUNKS: [usize; 5] = [256, 64, 16, 4, 1];

static INSERTS: LazyLock<[String; 5]> = LazyLock::new(|| {
    let names = NAMES.join(", ");
    CHUNKS.map(|rows| format!("INSERT INTO clicks ({names}) VALUES {}", places(rows, NAMES.len())))
});

/// The workspace's own: an id that another one has a click of is the database's to refuse. With the plus no index of
/// workspaces is taken for the one of ids.
static KNOWN: LazyLock<[String; 5]> =
    LazyLock::new(|| CHUNKS.map(|rows| format!("SELECT id FROM clicks WHERE id IN {} AND +workspace_id = ?", places(1, rows))));

/// The places of those whose visitor was met, twice, and one more where it was on the link; all in one row: each that is
/// answered wakes whoever waits.
static MET: LazyLock<[String; 5]> = LazyLock::new(|| {
    CHUNKS.map(|rows| {
        let row = |place| format!("({place}, ?{}, ?{}, ?{})", 2 + 3 * place, 3 + 3 * place, 4 + 3 * place);
        let rows: Vec<String> = (0..rows).map(row).collect();
        format!(
            "WITH k (place, day, visitor, link_id) AS (VALUES {}) SELECT group_concat(2 * k.place + EXISTS ({of_visitor} AND v.link_id = k.link_id)) \
             FROM k WHERE EXISTS ({of_visitor})",
            rows.join(", "),
            of_visitor = "SELECT 1 FROM visitor_days v WHERE v.workspace_id = ?1 AND v.day = k.day AND v.visitor = k.visitor"
        )
    })
});

static VISITS: LazyLock<[String; 5]> = LazyLock::new(|| {
    CHUNKS.map(|rows| format!("INSERT INTO visitor_days (workspace_id, day, visitor, link_id) VALUES {}", places(rows, 4)))
});

static HEAD: LazyLock<String> = LazyLock::new(|| format!("SELECT {} FROM workspace_heads WHERE workspace_id = ?", Head::COLUMNS));

static COUNTED: LazyLock<String> = LazyLock::new(|| format!("SELECT {COLUMNS} FROM clicks WHERE workspace_id = ? AND id = ?"));

/// Places for so many rows of so many values.
pub(super) fn places(rows: usize, values: usize) -> String {
    let row = format!("({})", vec!["?"; values].join(", "));
    vec![row.as_str(); rows].join(", ")
}

/// The statements of a kind with the rows that each takes.
pub(super) fn chunks<'a, T>(mut rest: &'a [T], sql: &'static [String; 5]) -> impl Iterator<Item = (&'static str, &'a [T])> {
    CHUNKS.iter().zip(sql).flat_map(move |(size, sql)| {
        let (whole, after) = rest.split_at(rest.len() - rest.len() % size);
        rest = after;
        whole.chunks(*size).map(|chunk| (sql.as_str(), chunk))
    })
}

pub(super) async fn ingest(
    pool: &SqlitePool,
    values: &ValueCache,
    batch: &BTreeMap<WorkspaceId, Vec<&Incoming>>,
    now: Millis,
) -> Result<Part, Failure> {
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    let mut part = Part::default();
    let mut learned = Vec::new();
    for (workspace, clicks) in batch {
        let head = head(&mut transaction, *workspace).await?.filter(|head| head.guarded_until != CLOSED);
        let Some(head) = head else {
            part.stored.push(nothing(*workspace, clicks));
            continue;
        };
        let previous = head.head;
        let came = clicks.len();
        let mut clicks = clicks.clone();
        // Before those that are too late are counted: what was erased counts as that alone.
        if head.guarded_until > now.0 {
            let refused = guard::sqlite::refuse(&mut transaction, *workspace, &clicks).await?;
            clicks.retain(|incoming| !refused.clicks.contains(&incoming.click.id.0));
        }
        let erased = (came - clicks.len()) as u64;
        let (late, clicks) = split(&clicks, head.kept_from());
        part.too_late += count_late(&mut transaction, *workspace, &late).await?;
        let known = known(&mut transaction, *workspace, &clicks).await?;
        let visits = visits(&mut transaction, *workspace, &clicks, &known).await?;
        let new = insert(&mut transaction, *workspace, previous, &clicks, &known, &visits).await?;
        let ingested = Ingested { erased, ..stored(*workspace, previous, &clicks, &new) };
        counted::add_sqlite(&mut transaction, *workspace, LossReason::Duplicate, &counted::again(&clicks, &ingested)).await?;
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

/// `None` where the workspace is gone: each has a head from its beginning to its end. The writer's lock on the
/// whole database stands for the head row's.
async fn head(transaction: &mut Transaction<'_, Sqlite>, workspace: WorkspaceId) -> Result<Option<Head>, Failure> {
    let row = sqlx::query(HEAD.as_str()).bind(workspace.0).fetch_optional(&mut **transaction).await?;
    Ok(row.map(|row| Head::from_query_result(&row.into(), "")).transpose().map_err(StoreError::from)?)
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

/// The clicks that were stored before. Nobody else writes meanwhile, so the others are new until they are inserted.
async fn known(transaction: &mut Transaction<'_, Sqlite>, workspace: WorkspaceId, batch: &[&Incoming]) -> Result<HashSet<Uuid>, Failure> {
    let mut known = HashSet::new();
    for (sql, chunk) in chunks(batch, &KNOWN) {
        let query = chunk.iter().fold(sqlx::query(sql), |query, incoming| query.bind(incoming.click.id.0));
        for row in query.bind(workspace.0).fetch_all(&mut **transaction).await? {
            known.insert(row.try_get(0)?);
        }
    }
    Ok(known)
}

async fn visits<'a>(
    transaction: &mut Transaction<'_, Sqlite>,
    workspace: WorkspaceId,
    batch: &[&'a Incoming],
    known: &HashSet<Uuid>,
) -> Result<Visits<'a>, Failure> {
    let mut visits = Visits::of(batch, known);
    let rows: Vec<Visit<'a>> = visits.rows().copied().collect();
    let mut met: HashMap<Visit<'a>, Before> = HashMap::new();
    for (sql, chunk) in chunks(&rows, &MET) {
        let query = sqlx::query_scalar(sql).bind(workspace.0);
        let query = chunk.iter().fold(query, |query, visit| query.bind(visit.day).bind(visit.visitor.as_bytes()).bind(visit.link));
        let found: Option<String> = query.fetch_one(&mut **transaction).await?;
        let found = found.iter().flat_map(|places| places.split(',')).filter_map(|place| place.parse::<usize>().ok());
        met.extend(
            found.filter_map(|place| Some((*chunk.get(place / 2)?, if place % 2 == 1 { Before::OnTheLink } else { Before::Elsewhere }))),
        );
    }
    let new = visits.mark(&met);
    for (sql, chunk) in chunks(&new, &VISITS) {
        let query = chunk
            .iter()
            .fold(sqlx::query(sql), |query, visit| query.bind(workspace.0).bind(visit.day).bind(visit.visitor.as_bytes()).bind(visit.link));
        query.execute(&mut **transaction).await?;
    }
    Ok(visits)
}

/// Inserts what was not stored before; which clicks those are.
async fn insert(
    transaction: &mut Transaction<'_, Sqlite>,
    workspace: WorkspaceId,
    previous: Seq,
    batch: &[&Incoming],
    known: &HashSet<Uuid>,
    visits: &Visits<'_>,
) -> Result<HashSet<Uuid>, Failure> {
    // The same click twice in one batch is inserted once, as its first.
    let mut met = HashSet::new();
    let is_new = |(_, incoming): &(Seq, &Incoming)| !known.contains(&incoming.click.id.0) && met.insert(incoming.click.id.0);
    let new: Vec<(Seq, &Incoming)> = (previous + 1..).zip(batch.iter().copied()).filter(is_new).collect();
    for (sql, chunk) in chunks(&new, &INSERTS) {
        let mut query = sqlx::query(sql);
        for (seq, incoming) in chunk {
            query = bind_row(query, workspace, *seq, visits.marks(incoming.click.id.0), &incoming.click);
        }
        query.execute(&mut **transaction).await?;
    }
    Ok(new.into_iter().map(|(_, incoming)| incoming.click.id.0).collect())
}

/// Counts new clicks; what was learned of values is to be remembered after the commit.
async fn count(
    transaction: &mut Transaction<'_, Sqlite>,
    values: &ValueCache,
    workspace: WorkspaceId,
    head: &Head,
    ingested: &Ingested,
    visits: &Visits<'_>,
) -> Result<Interner, Failure> {
    let mut counting = head.counting()?;
    let mut values = Interner::new(values, workspace, head.numbers());
    let facts: Vec<Facts<'_>> = ingested.clicks.iter().map(|click| Facts::of(click, visits.marks(click.id.0))).collect();
    let stored = cells::sqlite::stored(transaction, workspace, &counting.cells_of(&facts)).await?;
    let missing = values.missing(facts.iter(), &counting);
    let fresh = cells::sqlite::find(transaction, workspace, missing, &mut values).await?;
    let given = cells::give(workspace, &mut values, fresh, &facts, &mut counting, &stored)?;
    cells::sqlite::write_values(transaction, workspace, given, values.next()).await?;
    let mut changes = cells::added(&facts, &mut counting, &values)?;
    let visitors = std::mem::take(&mut changes.sketches);
    cells::sqlite::write(transaction, workspace, changes, stored).await?;
    sketches::write_sqlite(transaction, workspace, &visitors, &head.zone()).await?;
    Ok(values)
}

async fn raise_head(transaction: &mut Transaction<'_, Sqlite>, ingested: &Ingested) -> Result<(), Failure> {
    sqlx::query("UPDATE workspace_heads SET head = ?2 WHERE workspace_id = ?1")
        .bind(ingested.workspace.0)
        .bind(ingested.head)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

pub(super) async fn rejudge(
    pool: &SqlitePool,
    values: &ValueCache,
    workspace: WorkspaceId,
    clicks: &BTreeMap<Uuid, Rejudged>,
) -> Result<u64, Failure> {
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    let Some(head) = head(&mut transaction, workspace).await? else { return Ok(0) };
    let mut rows: Vec<CountedRow> = Vec::with_capacity(clicks.len());
    for (id, click) in clicks {
        let row = sqlx::query(COUNTED.as_str()).bind(workspace.0).bind(id).fetch_optional(&mut *transaction).await?;
        rows.extend(row.map(CountedRow::of).transpose()?);
        sqlx::query("UPDATE clicks SET verdict = ?, verdict_reason = ?, rules_version = ? WHERE workspace_id = ? AND id = ?")
            .bind(click.verdict.code())
            .bind(click.reason.code())
            .bind(click.rules_version)
            .bind(workspace.0)
            .bind(id)
            .execute(&mut *transaction)
            .await?;
    }
    let found = rows.len() as u64;
    derived::write_sqlite(&mut transaction, workspace, &rejudge::derived(clicks)).await?;
    let moved = cells::Moved::new(rows, clicks);
    let (before, after) = moved.facts()?;
    let mut counting = head.counting()?;
    let mut values = Interner::new(values, workspace, head.numbers());
    // What has no number yet was counted with the others.
    let missing = values.missing(before.iter(), &counting);
    let unnumbered = cells::sqlite::find(&mut transaction, workspace, missing, &mut values).await?;
    unnumbered.into_iter().for_each(|value| values.leave_out(value));
    let missing = values.missing(after.iter(), &counting);
    let fresh = cells::sqlite::find(&mut transaction, workspace, missing, &mut values).await?;
    let given = values.give(fresh);
    cells::sqlite::write_values(&mut transaction, workspace, given, values.next()).await?;
    let mut changes = cells::moved(&before, &after, &mut counting, &values)?;
    let visitors = std::mem::take(&mut changes.sketches);
    let keys: Vec<CellKey> = changes.cells.keys().copied().collect();
    let stored = cells::sqlite::stored(&mut transaction, workspace, &keys).await?;
    cells::sqlite::write(&mut transaction, workspace, changes, stored).await?;
    sketches::write_sqlite(&mut transaction, workspace, &visitors, &head.zone()).await?;
    transaction.commit().await?;
    values.remember();
    Ok(found)
}
