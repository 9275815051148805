//! Writing what first clicks change in the sketches of links' days. Under the head's lock, once the clicks
//! themselves are as they are to be: a sketch that cannot forget is made anew of them.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use domain::{ClickId, Quarter, WorkspaceId};
use jiff::tz::TimeZone;
use sqlx::{PgTransaction, Row, Sqlite, Transaction};
use uuid::Uuid;

use super::cells::postgres::unnest;
use super::sqlite::{CHUNKS, chunks, places};
use crate::StoreError;
use crate::failure::Failure;
use crate::rollup::{Met, SketchChange, SketchKey, Sketches, VisitorHash, day_end};

type Sketched = BTreeMap<SketchKey, SketchChange>;

/// The first clicks of a link's day.
const FIRSTS: &str = "SELECT verdict, visitor FROM clicks WHERE workspace_id = $1 AND link_id = $2 AND id >= $3 AND id < $4 \
                      AND first_of_day & 1 = 1 AND visitor IS NOT NULL";

static STORED: LazyLock<[String; 5]> = LazyLock::new(|| {
    CHUNKS.map(|rows| {
        format!(
            "WITH k (link_id, quarter) AS (VALUES {}) SELECT s.link_id, s.quarter, s.body FROM k CROSS JOIN visitor_sketches s \
             ON s.workspace_id = ? AND s.link_id = k.link_id AND s.quarter = k.quarter",
            places(rows, 2)
        )
    })
});

static WRITTEN: LazyLock<[String; 5]> = LazyLock::new(|| {
    CHUNKS.map(|rows| {
        format!(
            "INSERT INTO visitor_sketches (workspace_id, link_id, quarter, body) VALUES {} \
             ON CONFLICT (workspace_id, link_id, quarter) DO UPDATE SET body = excluded.body",
            places(rows, 4)
        )
    })
});

/// The ids that the clicks of a day have.
pub(crate) fn ids_of_day(day: i64, zone: &TimeZone) -> (Uuid, Uuid) {
    let start = Quarter(day).start();
    (ClickId::floor(start).0, ClickId::floor(day_end(start, zone).start()).0)
}

/// Their verdicts, and whose they are.
fn read<R: Row>(rows: &[R], day: i64) -> Result<Sketches, sqlx::Error>
where
    usize: sqlx::ColumnIndex<R>,
    i16: for<'r> sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
    String: for<'r> sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
{
    let met = |row: &R| Ok((row.try_get(0)?, VisitorHash::of(&row.try_get::<String, _>(1)?, day)));
    Ok(Sketches::of(rows.iter().map(met).collect::<Result<Vec<Met>, sqlx::Error>>()?))
}

/// Sketches with those that new clicks add, of the ones as stored; only what changes.
pub(super) fn grown(
    workspace: WorkspaceId,
    changes: &Sketched,
    stored: &HashMap<SketchKey, Vec<u8>>,
) -> Result<Vec<(SketchKey, Vec<u8>)>, StoreError> {
    let mut grown = Vec::new();
    for (key, change) in changes {
        let known = stored.get(key);
        let body = change.grow(known.map(Vec::as_slice)).map_err(|_| unreadable(workspace, *key))?.encode();
        if known != Some(&body) {
            grown.push((*key, body));
        }
    }
    Ok(grown)
}

fn unreadable(workspace: WorkspaceId, (_, day): SketchKey) -> StoreError {
    StoreError::Rollups { workspace, quarter: Quarter(day) }
}

/// Writes whole sketches; the parameters are the workspace, and from `first` on the columns.
pub(super) fn sketches_sql(workspace: usize, first: usize) -> String {
    format!(
        "INSERT INTO visitor_sketches (workspace_id, link_id, quarter, body) \
         SELECT ${workspace}::uuid, {} ON CONFLICT (workspace_id, link_id, quarter) DO UPDATE SET body = excluded.body",
        unnest(first, &["uuid", "bigint", "bytea"])
    )
}

static WHOLE: LazyLock<String> = LazyLock::new(|| sketches_sql(1, 2));

/// What is to be written of sketches that also lose visitors, which are to go, and which are to be made anew first.
#[derive(Debug, Default)]
struct Settled {
    written: Vec<(SketchKey, Vec<u8>)>,
    gone: Vec<SketchKey>,
    anew: Vec<SketchKey>,
}

impl Settled {
    fn of(workspace: WorkspaceId, changes: &Sketched, stored: &HashMap<SketchKey, Vec<u8>>) -> Result<Self, StoreError> {
        let mut settled = Self::default();
        for (key, change) in changes {
            let known = stored.get(key).map(Vec::as_slice);
            match change.merge(known).map_err(|_| unreadable(workspace, *key))? {
                Some(sketches) => settled.put(*key, known, &sketches),
                None => settled.anew.push(*key),
            }
        }
        Ok(settled)
    }

    fn put(&mut self, key: SketchKey, known: Option<&[u8]>, sketches: &Sketches) {
        let body = sketches.encode();
        if sketches.is_empty() {
            self.gone.push(key);
        } else if known != Some(body.as_slice()) {
            self.written.push((key, body));
        }
    }
}

pub(super) async fn write_sqlite(
    transaction: &mut Transaction<'_, Sqlite>,
    workspace: WorkspaceId,
    changes: &Sketched,
    zone: &TimeZone,
) -> Result<(), Failure> {
    let keys: Vec<SketchKey> = changes.keys().copied().collect();
    let mut stored: HashMap<SketchKey, Vec<u8>> = HashMap::new();
    for (sql, chunk) in chunks(&keys, &STORED) {
        let query = chunk.iter().fold(sqlx::query(sql), |query, (link, day)| query.bind(*link).bind(*day)).bind(workspace.0);
        for row in query.fetch_all(&mut **transaction).await? {
            stored.insert((row.try_get(0)?, row.try_get(1)?), row.try_get(2)?);
        }
    }
    let mut settled = Settled::of(workspace, changes, &stored)?;
    for key @ (link, day) in std::mem::take(&mut settled.anew) {
        let (first, end) = ids_of_day(day, zone);
        let query = sqlx::query(FIRSTS).bind(workspace.0).bind(link).bind(first).bind(end);
        let sketches = read(&query.fetch_all(&mut **transaction).await?, day)?;
        settled.put(key, stored.get(&key).map(Vec::as_slice), &sketches);
    }
    let Settled { written, gone, .. } = settled;
    for (link, day) in gone {
        let sql = "DELETE FROM visitor_sketches WHERE workspace_id = ? AND link_id = ? AND quarter = ?";
        sqlx::query(sql).bind(workspace.0).bind(link).bind(day).execute(&mut **transaction).await?;
    }
    for (sql, chunk) in chunks(&written, &WRITTEN) {
        let mut query = sqlx::query(sql);
        for ((link, day), body) in chunk {
            query = query.bind(workspace.0).bind(*link).bind(*day).bind(body.as_slice());
        }
        query.execute(&mut **transaction).await?;
    }
    Ok(())
}

pub(super) async fn write_postgres(
    transaction: &mut PgTransaction<'_>,
    workspace: WorkspaceId,
    changes: &Sketched,
    zone: &TimeZone,
) -> Result<(), Failure> {
    if changes.is_empty() {
        return Ok(());
    }
    let (links, days): (Vec<Uuid>, Vec<i64>) = changes.keys().copied().unzip();
    let rows = sqlx::query(
        // Each by itself, whatever the planner takes an empty table for.
        "SELECT k.link_id, k.quarter, f.body FROM UNNEST($2::uuid[], $3::bigint[]) AS k (link_id, quarter), \
         LATERAL (SELECT s.body FROM visitor_sketches s \
         WHERE s.workspace_id = $1 AND s.link_id = k.link_id AND s.quarter = k.quarter OFFSET 0) AS f",
    )
    .bind(workspace.0)
    .bind(&links)
    .bind(&days)
    .fetch_all(&mut **transaction)
    .await?;
    let stored = rows.iter().map(|row| Ok(((row.try_get(0)?, row.try_get(1)?), row.try_get(2)?)));
    let stored: HashMap<SketchKey, Vec<u8>> = stored.collect::<Result<_, sqlx::Error>>()?;
    let mut settled = Settled::of(workspace, changes, &stored)?;
    for key @ (link, day) in std::mem::take(&mut settled.anew) {
        let (first, end) = ids_of_day(day, zone);
        let query = sqlx::query(FIRSTS).bind(workspace.0).bind(link).bind(first).bind(end);
        let sketches = read(&query.fetch_all(&mut **transaction).await?, day)?;
        settled.put(key, stored.get(&key).map(Vec::as_slice), &sketches);
    }
    let Settled { written, gone, .. } = settled;
    if !gone.is_empty() {
        let (links, days): (Vec<Uuid>, Vec<i64>) = gone.into_iter().unzip();
        let sql = "DELETE FROM visitor_sketches s USING UNNEST($2::uuid[], $3::bigint[]) AS k (link_id, quarter) \
                   WHERE s.workspace_id = $1 AND s.link_id = k.link_id AND s.quarter = k.quarter";
        sqlx::query(sql).bind(workspace.0).bind(links).bind(days).execute(&mut **transaction).await?;
    }
    if !written.is_empty() {
        let (keys, bodies): (Vec<SketchKey>, Vec<Vec<u8>>) = written.into_iter().unzip();
        let (links, days): (Vec<Uuid>, Vec<i64>) = keys.into_iter().unzip();
        sqlx::query(WHOLE.as_str()).bind(workspace.0).bind(links).bind(days).bind(bodies).execute(&mut **transaction).await?;
    }
    Ok(())
}

/// The same of clicks that were read in a transaction of SeaORM's.
pub(crate) const FIRSTS_OF_DAY: &str = FIRSTS;

/// What such rows say.
///
/// # Errors
/// When they have other columns.
pub(crate) fn read_rows(rows: &[sea_orm::QueryResult], day: i64) -> Result<Sketches, StoreError> {
    let met = |row: &sea_orm::QueryResult| {
        let visitor: String = row.try_get("", "visitor")?;
        Ok((row.try_get("", "verdict")?, VisitorHash::of(&visitor, day)))
    };
    Ok(Sketches::of(rows.iter().map(met).collect::<Result<Vec<Met>, StoreError>>()?))
}
