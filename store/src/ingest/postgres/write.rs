//! Everything that a workspace's batch writes, in one statement. Rows travel as one array for each column.

use std::sync::LazyLock;

use domain::WorkspaceId;
use sqlx::PgTransaction;
use uuid::Uuid;

use super::read::column;
use crate::ingest::cells::postgres::{cells_sql, statistics_sql, values_sql};
use crate::ingest::columns::{Arrays, NAMES, POSTGRES_TYPES};
use crate::ingest::visits::{Visit, Visits};
use crate::ingest::{Failure, Ingested};
use crate::rollup::{Cell, CellKey, Changes, Spelled, link_of};

/// Nothing is left out for being there already: under the head's lock it was asked what is. An id that another
/// workspace has a click of is the database's to refuse.
static SQL: LazyLock<String> = LazyLock::new(|| {
    let arrays: Vec<String> = POSTGRES_TYPES.iter().enumerate().map(|(i, kind)| format!("${}::{kind}[]", i + 1)).collect();
    let next = arrays.len();
    let place = |nth: usize| format!("${}", next + nth);
    format!(
        "WITH a AS (INSERT INTO clicks ({names}) SELECT * FROM UNNEST({arrays})), \
         b AS (INSERT INTO visitor_days (workspace_id, day, link_id, visitor) \
               SELECT {workspace}::uuid, * FROM UNNEST({days}::int[], {links}::uuid[], {visitors}::bytea[])), \
         c AS ({values}), d AS ({cells}), e AS ({statistics}) \
         UPDATE workspace_heads SET head = {head}, next_value = {value} WHERE workspace_id = {workspace}::uuid",
        names = NAMES.join(", "),
        arrays = arrays.join(", "),
        workspace = place(1),
        head = place(2),
        value = place(3),
        days = place(4),
        links = place(5),
        visitors = place(6),
        values = values_sql(next + 1, next + 7),
        cells = cells_sql(next + 1, next + 11),
        statistics = statistics_sql(next + 1, next + 15),
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
        .bind(column(written.met_first, |visit| visit.link))
        .bind(column(written.met_first, |visit| visit.visitor))
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
        .execute(&mut **transaction)
        .await?;
    Ok(())
}
