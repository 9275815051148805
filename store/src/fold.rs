//! Folding: of what is older than 90 days dimensions are kept by local days only, so that what a workspace takes
//! grows by days and not by hours. Days are always up to date, so that folding is deleting hours.
//!
//! The mark moves first and never back, under the lock of the head that ingest takes: from then on nobody reads or
//! writes hours from before it, so whatever dies in between, the rest can be deleted later. Each step holds that
//! lock, and finds the hours of some links by their key.

use domain::{Millis, WorkspaceId};
use entity::workspace_head::Column as Head;
use entity::{rollup_cell, rollup_value};
use jiff::tz::TimeZone;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::erase::places_of_rows;
use crate::rollup::{Grain, LINK, WHOLE_WORKSPACE, day_start};
use crate::{Store, StoreError, WorkspaceScope};

/// Dimensions are kept by the hour for so long.
const FINE_MILLIS: i64 = 90 * 86_400_000;
/// Cells of one step, so that clicks are stored in between.
const STEP: usize = 2_000;
/// Links looked at in one step.
const LINKS: u64 = 500;

/// How far a pass over a workspace's links has come; it begins with the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FoldPlace(i64);

/// What a step did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Folded {
    /// Cells that were deleted.
    pub cells: u64,
    /// Where to go on; `None` at the end.
    pub next: Option<FoldPlace>,
}

/// The first quarter of the local day 90 days ago.
fn fine_from(now: Millis, zone: &TimeZone) -> i64 {
    day_start(now.plus(-FINE_MILLIS), zone).0
}

impl Store {
    /// Deletes some of the hours from before the local day 90 days before `now`; to be called again with the place
    /// that it returns.
    ///
    /// # Errors
    /// When the database does not answer; then the step has left no trace. [`StoreError::NotFound`].
    pub async fn fold_rollups(&self, workspace: WorkspaceId, now: Millis, place: FoldPlace) -> Result<Folded, StoreError> {
        let scope = self.as_eraser(workspace).await?;
        let Some(head) = scope.open_head().await? else { return Ok(Folded::default()) };
        let before = fine_from(now, &head.zone()).max(head.folded_before);
        if before > head.folded_before {
            scope.head_update().col_expr(Head::FoldedBefore, Expr::value(before)).exec(&scope.transaction).await?;
        }
        let (links, next) = scope.links_from(place).await?;
        let cells = scope.delete_fine(&links, before).await?;
        scope.commit().await?;
        // There may be more of the same links.
        let next = if cells >= STEP as u64 { Some(place) } else { next };
        Ok(Folded { cells, next })
    }
}

impl WorkspaceScope {
    /// Some links that are counted, and where the next ones are; the whole workspace is before the first.
    async fn links_from(&self, place: FoldPlace) -> Result<(Vec<Uuid>, Option<FoldPlace>), StoreError> {
        use rollup_value::Column;
        let rows: Vec<(i64, Option<Uuid>)> = rollup_value::Entity::find()
            .select_only()
            .column(Column::Id)
            .column(Column::LinkId)
            .filter(Column::WorkspaceId.eq(self.workspace.0))
            .filter(Column::Block.eq(LINK.0))
            .filter(Column::Id.gt(place.0))
            .order_by_asc(Column::Id)
            .limit(LINKS)
            .into_tuple()
            .all(&self.transaction)
            .await?;
        let next = rows.last().filter(|_| rows.len() as u64 >= LINKS).map(|(id, _)| FoldPlace(*id));
        let whole = (place == FoldPlace::default()).then_some(WHOLE_WORKSPACE);
        Ok((rows.into_iter().filter_map(|(_, link)| link).chain(whole).collect(), next))
    }

    async fn delete_fine(&self, links: &[Uuid], before: i64) -> Result<u64, StoreError> {
        use rollup_cell::Column;
        let keys: Vec<(Uuid, i64)> = rollup_cell::Entity::find()
            .select_only()
            .column(Column::LinkId)
            .column(Column::Quarter)
            .filter(Column::WorkspaceId.eq(self.workspace.0))
            .filter(Column::LinkId.is_in(links.iter().copied()))
            .filter(Column::Grain.eq(Grain::Fine.code()))
            .filter(Column::Quarter.lt(before))
            .limit(STEP as u64)
            .into_tuple()
            .all(&self.transaction)
            .await?;
        if keys.is_empty() {
            return Ok(0);
        }
        let backend = sea_orm::ConnectionTrait::get_database_backend(&self.transaction);
        let places = places_of_rows(backend == sea_orm::DbBackend::Postgres, 2, keys.len(), 3);
        let sql = format!("DELETE FROM rollup_cells WHERE workspace_id = $1 AND (link_id, grain, quarter) IN {places}");
        let key = |(link, quarter): &(Uuid, i64)| [(*link).into(), Grain::Fine.code().into(), (*quarter).into()];
        let values = std::iter::once(self.workspace.0.into()).chain(keys.iter().flat_map(key));
        let statement = sea_orm::Statement::from_sql_and_values(backend, sql, values);
        Ok(sea_orm::ConnectionTrait::execute_raw(&self.transaction, statement).await?.rows_affected())
    }
}
