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
use crate::ingest::{CLOSED, Head};
use crate::recount::Unnumbered;
use crate::rollup::{Cell, CellKey, Interner, SketchChange, Sketches, day_after, day_start};
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
    /// that day is older than what is kept, whose cells are all that is left of it, and where the workspace goes.
    /// From that day on cells have dimensions, given that the days after it were counted before.
    ///
    /// # Errors
    /// When the database does not answer; then the day's cells are as they were. [`StoreError::NotFound`].
    pub async fn rebuild_rollups(&self, workspace: WorkspaceId, before: Millis) -> Result<Option<Rebuilt>, StoreError> {
        let scope = self.as_eraser(workspace).await?;
        match scope.open_head().await? {
            Some(head) => self.rebuild_day(scope, head, before).await,
            None => Ok(None),
        }
    }

    /// Counts the last day anew whose cells have no dimensions yet, as a workspace's from before there were any;
    /// `None` where all days have that clicks are kept of. Where it has come to is in the database.
    ///
    /// # Errors
    /// When the database does not answer; then the day's cells are as they were. [`StoreError::NotFound`].
    pub async fn catch_up_rollups(&self, workspace: WorkspaceId) -> Result<Option<Rebuilt>, StoreError> {
        let scope = self.as_eraser(workspace).await?;
        let Some(head) = scope.open_head().await?.filter(|head| head.dimensions_from > 0) else { return Ok(None) };
        let first_of_them = if head.dimensions_from < i64::MAX {
            Some(Quarter(head.dimensions_from))
        } else {
            scope.last_counted().await?.map(|last| day_after(last, &head.zone()))
        };
        match first_of_them {
            Some(quarter) => self.rebuild_day(scope, head, quarter.start()).await,
            None => Ok(None),
        }
    }

    async fn rebuild_day(&self, scope: WorkspaceScope, head: Head, before: Millis) -> Result<Option<Rebuilt>, StoreError> {
        let zone = head.zone();
        let day = day_start(before.plus(-1), &zone);
        let end = day_after(day, &zone);
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
        let mut values = Interner::new(&self.values, scope.workspace, head.numbers());
        let found = scope.recount(&head, &mut values, Unnumbered::Number, (day, end)).await?;
        let cells = scope.replace_cells(day, end, found.cells.into_iter().collect()).await?;
        if has_visitors && day.0 >= head.known_visitors_from() {
            scope.replace_sketches(day, end, found.sketches).await?;
        }
        scope
            .head_update()
            .col_expr(workspace_head::Column::DimensionsFrom, Expr::value(from))
            .col_expr(workspace_head::Column::SketchesFrom, Expr::value(visitors_from))
            .exec(&scope.transaction)
            .await?;
        scope.commit().await?;
        values.remember();
        Ok(Some(Rebuilt { day, cells }))
    }

    /// In the role that may delete.
    pub(crate) async fn as_eraser(&self, workspace: WorkspaceId) -> Result<WorkspaceScope, StoreError> {
        let transaction = self.begin_as(ERASER, &workspace.0.to_string(), Access::Write).await?;
        Ok(WorkspaceScope { workspace, transaction, link_outbox: false, snapshot: None })
    }
}

impl WorkspaceScope {
    /// The day that counting anew goes back to: the first one that all clicks are kept of. `None` without clicks.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn first_whole_day(&self) -> Result<Option<Quarter>, StoreError> {
        let head = self.counting_head(false).await?;
        let Some(oldest) = self.first_kept().await? else { return Ok(None) };
        let day = day_start(oldest, &head.zone());
        Ok(Some(if day.start() < head.kept_from() { day_after(day, &head.zone()) } else { day }))
    }

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

    /// The head, locked; `None` where nothing is counted any more, since the workspace goes.
    pub(crate) async fn open_head(&self) -> Result<Option<Head>, StoreError> {
        Ok(Some(self.counting_head(true).await?).filter(|head| head.guarded_until != CLOSED))
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
