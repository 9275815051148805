//! Counting a workspace's stored clicks anew: a local day at a time, the last one first, each under the head's
//! lock, so that clicks go on being stored and whoever asks meanwhile gets right numbers.

use std::collections::BTreeMap;

use domain::{Millis, Quarter, WorkspaceId};
use entity::rollup_cell::{self, Column};
use entity::{visitor_sketch, workspace_head};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::erase::ERASER;
use crate::ingest::Head;
use crate::recount::Unnumbered;
use crate::rollup::{Cell, CellKey, Interner, SketchChange, Sketches, day_start};
use crate::{Access, Store, StoreError, WorkspaceScope};

/// Cells in one statement.
const MOST: usize = 2_000;

/// A day that was counted anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    /// The quarter-hour that the day begins with.
    pub day: Quarter,
    /// Cells that are there now.
    pub cells: u64,
}

impl Store {
    /// Counts the day anew that the instant before `before` is in, of clicks as far as they are kept; `None` where
    /// that day is older than what is kept, whose cells are all that is left of it. From that day on cells have
    /// dimensions, given that the days after it were counted before.
    ///
    /// # Errors
    /// When the database does not answer; then the day's cells are as they were.
    pub async fn rebuild_rollups(&self, workspace: WorkspaceId, before: Millis) -> Result<Option<Rebuilt>, StoreError> {
        let transaction = self.begin_as(ERASER, &workspace.0.to_string(), Access::Write).await?;
        let scope = WorkspaceScope { workspace, transaction, link_outbox: false };
        let head = scope.counting_head(true).await?;
        let zone = head.zone();
        let day = day_start(before.plus(-1), &zone);
        let end = day_start(Quarter(day.0 + 30 * 4).start(), &zone);
        let Some(oldest) = scope.first_kept().await? else { return Ok(None) };
        // A day of which clicks are gone already would lose their counts.
        if end.start() <= oldest || day.start() < head.kept_from() {
            return Ok(None);
        }
        let last = scope.last_counted().await?;
        // What comes after the day must have dimensions too, or not be there.
        let is_last = last.is_none_or(|last| last < end);
        let joined = |from: i64| if is_last || from <= end.0 { from.min(day.0) } else { from };
        // Visitors who have lost their ids would be missing.
        let has_visitors = day.start() >= scope.forgotten().await?.visitors_from;
        let (from, visitors_from) =
            (joined(head.dimensions_from), if has_visitors { joined(head.sketches_from) } else { head.sketches_from });
        let head = Head { dimensions_from: from, sketches_from: visitors_from, ..head };
        let mut values = Interner::new(&self.values, workspace, head.next_value);
        let found = scope.recount(&head, &mut values, Unnumbered::Number, (day, end)).await?;
        let cells = scope.replace_cells(day, end, found.cells.into_iter().collect()).await?;
        if has_visitors && day.0 >= head.known_visitors_from() {
            scope.replace_sketches(day, end, found.sketches).await?;
        }
        workspace_head::Entity::update_many()
            .col_expr(workspace_head::Column::DimensionsFrom, Expr::value(from))
            .col_expr(workspace_head::Column::SketchesFrom, Expr::value(visitors_from))
            .filter(workspace_head::Column::WorkspaceId.eq(workspace.0))
            .exec(&scope.transaction)
            .await?;
        scope.commit().await?;
        values.remember();
        Ok(Some(Rebuilt { day, cells }))
    }
}

impl WorkspaceScope {
    async fn replace_sketches(&self, day: Quarter, end: Quarter, found: BTreeMap<(Uuid, i64), SketchChange>) -> Result<(), StoreError> {
        use visitor_sketch::Column;
        visitor_sketch::Entity::delete_many()
            .filter(Column::WorkspaceId.eq(self.workspace.0))
            .filter(Column::Quarter.gte(day.0))
            .filter(Column::Quarter.lt(end.0))
            .exec(&self.transaction)
            .await?;
        let row = |((link, day), change): ((Uuid, i64), SketchChange)| visitor_sketch::ActiveModel {
            workspace_id: Set(self.workspace.0),
            link_id: Set(link),
            quarter: Set(day),
            body: Set(Sketches::of(change.added).encode()),
        };
        let rows: Vec<_> = found.into_iter().map(row).collect();
        for rows in rows.chunks(MOST) {
            visitor_sketch::Entity::insert_many(rows.iter().cloned()).exec_without_returning(&self.transaction).await?;
        }
        Ok(())
    }

    async fn replace_cells(&self, day: Quarter, end: Quarter, cells: Vec<(CellKey, Cell)>) -> Result<u64, StoreError> {
        rollup_cell::Entity::delete_many()
            .filter(Column::WorkspaceId.eq(self.workspace.0))
            .filter(Column::Quarter.gte(day.0))
            .filter(Column::Quarter.lt(end.0))
            .exec(&self.transaction)
            .await?;
        let row = |((link, grain, quarter), cell): &(CellKey, Cell)| rollup_cell::ActiveModel {
            workspace_id: Set(self.workspace.0),
            link_id: Set(*link),
            grain: Set(*grain),
            quarter: Set(*quarter),
            body: Set(cell.encode()),
        };
        for cells in cells.chunks(MOST) {
            rollup_cell::Entity::insert_many(cells.iter().map(row)).exec_without_returning(&self.transaction).await?;
        }
        Ok(cells.len() as u64)
    }
}
