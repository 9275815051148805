//! Whether rollup cells are the counts of the clicks they were made of: a local day at a time, clicks and cells
//! read in one snapshot, so that it can be asked while clicks are stored.

mod difference;

use std::collections::BTreeMap;

use domain::{ClickId, Millis, Quarter};
use entity::click::{Column, Entity};
use entity::{rollup_cell as cell, visitor_sketch};
use jiff::tz::TimeZone;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::ingest::Head;
use crate::recount::Unnumbered;
use crate::rollup::{Cell, CellKey, Grain, Interner, Sketches, ValueCache, WHOLE_WORKSPACE, day_after, day_start};
use crate::{StoreError, WorkspaceScope};

pub use difference::{CellDifference, Counted, Measure, Piece, UnreadableCell};
use difference::{compare, compare_sketches, named};

/// What a comparison found.
#[derive(Clone, Debug, Default)]
pub struct Verified {
    /// Cells that were compared.
    pub cells: u64,
    /// In the order of links and time; the whole workspace first.
    pub differences: Vec<CellDifference>,
    /// Not among the differences.
    pub unreadable: Vec<UnreadableCell>,
}

impl WorkspaceScope {
    /// When the oldest click happened that is still kept; cells from before its quarter have none to be
    /// compared with.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn first_kept(&self) -> Result<Option<Millis>, StoreError> {
        let oldest = Entity::find().select_only().column(Column::Id).filter(Column::WorkspaceId.eq(self.workspace.0));
        let oldest = oldest.order_by_asc(Column::Id).into_tuple::<Uuid>().one(&self.transaction).await?;
        Ok(oldest.map(|id| ClickId(id).made_at()))
    }

    /// The last quarter of which there is a click or a cell.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn last_counted(&self) -> Result<Option<Quarter>, StoreError> {
        let last = Entity::find().select_only().column(Column::Id).filter(Column::WorkspaceId.eq(self.workspace.0));
        let last = last.order_by_desc(Column::Id).into_tuple::<Uuid>().one(&self.transaction).await?;
        let cells = cell::Entity::find().filter(cell::Column::WorkspaceId.eq(self.workspace.0));
        let cells = cells.filter(cell::Column::LinkId.eq(WHOLE_WORKSPACE)).order_by_desc(cell::Column::Quarter);
        let cell = cells.one(&self.transaction).await?.map(|row| Quarter(row.quarter));
        Ok(last.map(|id| Quarter::of(ClickId(id).made_at())).max(cell))
    }

    /// The zone of the days that are counted.
    ///
    /// # Errors
    /// When the database does not answer; [`StoreError::NotFound`].
    pub async fn day_zone(&self) -> Result<TimeZone, StoreError> {
        Ok(self.counting_head(false).await?.zone())
    }

    /// The quarter that the day after this one's begins with.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn next_day(&self, quarter: Quarter) -> Result<Quarter, StoreError> {
        Ok(day_after(quarter, &self.counting_head(false).await?.zone()))
    }

    /// Compares the cells of the days of quarters from `first` on and before `end` with their clicks, as far as
    /// these are kept: a purge that is under way has deleted some of those before.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn verify_cells(&self, first: Quarter, end: Quarter) -> Result<Verified, StoreError> {
        let head = self.counting_head(false).await?;
        let zone = head.zone();
        let kept_from = Quarter::of(self.forgotten().await?.kept_from);
        let mut day = day_start(first.start(), &zone);
        let mut verified = Verified::default();
        // What this process remembers is not needed for a look from outside.
        let mut values = Interner::new(&ValueCache::default(), self.workspace, head.numbers());
        while day < end {
            let next = day_after(day, &zone);
            // Days that are purged in part have whole cells.
            if next > kept_from {
                let part = (day.max(kept_from), next);
                let mut found = self.recount(&head, &mut values, Unnumbered::Ignore, part).await?;
                let stored = self.stored(part, &head, &mut verified).await?;
                // What cannot be read is told of once.
                for unreadable in &verified.unreadable {
                    found.cells.remove(&unreadable.key());
                }
                compare(&stored, &found.cells, &mut verified);
                // Of a part of a day there is no sketch.
                if part.0 == day && day.0 >= head.known_visitors_from() {
                    compare_sketches(&self.stored_sketches(part).await?, &found.sketches, &mut verified);
                }
            }
            day = next;
        }
        Ok(verified)
    }

    async fn stored_sketches(&self, (first, end): (Quarter, Quarter)) -> Result<BTreeMap<(Uuid, i64), Sketches>, StoreError> {
        use visitor_sketch::Column;
        let rows = visitor_sketch::Entity::find()
            .filter(Column::WorkspaceId.eq(self.workspace.0))
            .filter(Column::Quarter.gte(first.0))
            .filter(Column::Quarter.lt(end.0))
            .all(&self.transaction)
            .await?;
        rows.into_iter().map(|row| Ok(((row.link_id, row.quarter), Sketches::decode(&row.body)?))).collect()
    }

    /// Those that can be read. Fine ones of a folded time mean nothing any more, and may not have been deleted yet; nor
    /// do parameters that are counted no more.
    async fn stored(
        &self,
        (first, end): (Quarter, Quarter),
        head: &Head,
        verified: &mut Verified,
    ) -> Result<BTreeMap<CellKey, Cell>, StoreError> {
        let counting = head.counting()?;
        let rows = cell::Entity::find()
            .filter(cell::Column::WorkspaceId.eq(self.workspace.0))
            .filter(cell::Column::Quarter.gte(first.0))
            .filter(cell::Column::Quarter.lt(end.0))
            .filter(Condition::any().add(cell::Column::Grain.ne(Grain::Fine.code())).add(cell::Column::Quarter.gte(head.folded_before)))
            .order_by_asc(cell::Column::LinkId)
            .order_by_asc(cell::Column::Quarter)
            .all(&self.transaction)
            .await?;
        let mut cells = BTreeMap::new();
        for row in rows {
            if let Ok(mut cell) = Cell::decode(&row.body) {
                cell.retain(|block| counting.knows(block));
                cells.insert((row.link_id, row.grain, row.quarter), cell);
            } else {
                let quarter = Quarter(row.quarter);
                verified.cells += 1;
                verified.unreadable.push(UnreadableCell { link: named(row.link_id), piece: Piece::of(row.grain), quarter });
            }
        }
        Ok(cells)
    }
}
