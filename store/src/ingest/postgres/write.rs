//! Everything that a workspace's batch writes, in one statement. Rows travel as one array for each column, which are
//! unnested side by side in the list of what is selected: as tables (`FROM UNNEST`) PostgreSQL would first put each
//! aside, which doubles what the insert costs.

use std::sync::LazyLock;

use domain::WorkspaceId;
use sqlx::PgTransaction;
use uuid::Uuid;

use super::read::column;
use crate::failure::Failure;
use crate::ingest::Ingested;
use crate::ingest::cells::postgres::{cells_sql, statistics_sql, unnest, values_sql};
use crate::ingest::columns::{Arrays, NAMES, POSTGRES_TYPES};
use crate::ingest::sketches::sketches_sql;
use crate::ingest::visits::{Visit, Visits};
use crate::rollup::{Cell, CellKey, Changes, SketchKey, Spelled, link_of};

/// Nothing is left out for being there already: under the head's lock it was asked what is. An id that another
/// workspace has a click of is the database's to refuse.
static SQL: LazyLock<String> = LazyLock::new(|| {
    let arrays = unnest(1, POSTGRES_TYPES);
    let next = POSTGRES_TYPES.len();
    let place = |nth: usize| format!("${}", next + nth);
    format!(
        "WITH a AS (INSERT INTO clicks ({names}) SELECT {arrays}), \
         b AS (INSERT INTO visitor_days (workspace_id, day, visitor, link_id) SELECT {workspace}::uuid, {visits}), \
         c AS ({values}), d AS ({cells}), e AS ({statistics}), f AS ({sketches}) \
         UPDATE workspace_heads SET head = {head}, next_value = {value} WHERE workspace_id = {workspace}::uuid",
        names = NAMES.join(", "),
        workspace = place(1),
        head = place(2),
        value = place(3),
        visits = unnest(next + 4, &["int", "bytea", "uuid"]),
        values = values_sql(next + 1, next + 7),
        cells = cells_sql(next + 1, next + 11),
        statistics = statistics_sql(next + 1, next + 15),
        sketches = sketches_sql(next + 1, next + 18),
    )
});

/// What is new, and what it changes; cells are merged with what is stored.
pub(super) struct Written<'a> {
    pub ingested: &'a Ingested,
    pub visits: &'a Visits<'a>,
    pub met_first: &'a [Visit<'a>],
    pub values: &'a [(Spelled, i64)],
    /// The first number that no value has.
    pub next_value: i64,
    pub changes: &'a Changes,
    pub sketches: &'a [(SketchKey, Vec<u8>)],
}

pub(super) async fn write(transaction: &mut PgTransaction<'_>, workspace: WorkspaceId, written: &Written<'_>) -> Result<(), Failure> {
    let mut arrays = Arrays::default();
    for click in &written.ingested.clicks {
        arrays.push(workspace, click.seq, written.visits.marks(click.id.0), click);
    }
    let (cells, bodies): (Vec<CellKey>, Vec<Vec<u8>>) = written.changes.cells.iter().map(|(key, cell)| (*key, Cell::encode(cell))).unzip();
    let links: Vec<Uuid> = written.changes.links.keys().copied().collect();
    let (counts, lasts): (Vec<i64>, Vec<i64>) = written.changes.links.values().copied().unzip();
    arrays
        .bind(sqlx::query(SQL.as_str()))
        .bind(workspace.0)
        .bind(written.ingested.head)
        .bind(written.next_value)
        .bind(column(written.met_first, |visit| visit.day))
        .bind(column(written.met_first, |visit| visit.visitor.as_bytes()))
        .bind(column(written.met_first, |visit| visit.link))
        .bind(column(written.values, |((block, _), _)| block.0.cast_signed()))
        .bind(column(written.values, |((_, text), _)| text.as_str()))
        .bind(column(written.values, |(_, id)| *id))
        .bind(column(written.values, |(value, _)| link_of(value)))
        .bind(column(&cells, |(link, ..)| *link))
        .bind(column(&cells, |(_, grain, _)| *grain))
        .bind(column(&cells, |(.., quarter)| *quarter))
        .bind(&bodies)
        .bind(links)
        .bind(counts)
        .bind(lasts)
        .bind(column(written.sketches, |((link, _), _)| *link))
        .bind(column(written.sketches, |((_, day), _)| *day))
        .bind(column(written.sketches, |(_, body)| body.as_slice()))
        .execute(&mut **transaction)
        .await?;
    Ok(())
}
