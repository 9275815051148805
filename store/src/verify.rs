//! Whether rollup cells are the counts of the clicks they were made of: a day at a time, clicks and cells read
//! in one snapshot, so that it can be asked while clicks are stored.

use std::collections::{BTreeMap, BTreeSet};

use domain::{ClickFilter, ClickId, LinkId, Millis, Quarter, Verdict};
use entity::click::{Column, Entity};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::cell::{Cell, Count};
use crate::counts::bits;
use crate::ingest::Marks;
use crate::plan::{CellRange, CellsOf, WHOLE_WORKSPACE};
use crate::{StoreError, WorkspaceScope};

/// What is counted of one verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    pub clicks: u64,
    /// Of these, the first of their visitor's day.
    pub firsts: u64,
    /// Of these, those whose visitor was told from others.
    pub told: u64,
}

/// A cell that says something else than its clicks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CellDifference {
    /// `None` for the cell of the whole workspace.
    pub link: Option<LinkId>,
    pub quarter: Quarter,
    pub verdict: Verdict,
    pub cell: Counted,
    pub clicks: Counted,
}

/// What a comparison found.
#[derive(Clone, Debug, Default)]
pub struct Verified {
    /// Cells that were compared.
    pub cells: u64,
    /// In the order of links and time; the whole workspace first.
    pub differences: Vec<CellDifference>,
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
        use entity::rollup_cell as cell;
        let last = Entity::find().select_only().column(Column::Id).filter(Column::WorkspaceId.eq(self.workspace.0));
        let last = last.order_by_desc(Column::Id).into_tuple::<Uuid>().one(&self.transaction).await?;
        let cells = cell::Entity::find().filter(cell::Column::WorkspaceId.eq(self.workspace.0));
        let cells = cells.filter(cell::Column::LinkId.eq(WHOLE_WORKSPACE)).order_by_desc(cell::Column::Quarter);
        let cell = cells.one(&self.transaction).await?.map(|row| Quarter(row.quarter));
        Ok(last.map(|id| Quarter::of(ClickId(id).made_at())).max(cell))
    }

    /// Compares the cells of quarters from `first` on and before `end` with their clicks, as far as these are
    /// kept: a purge that is under way has deleted some of those before.
    ///
    /// # Errors
    /// When the database does not answer, or a cell cannot be read.
    pub async fn verify_cells(&self, first: Quarter, end: Quarter) -> Result<Verified, StoreError> {
        let first = first.max(Quarter::of(self.forgotten().await?.kept_from));
        if first >= end {
            return Ok(Verified::default());
        }
        let mut pairs: BTreeMap<(Uuid, i64), (Cell, Cell)> = BTreeMap::new();
        let range = CellRange::between(first, end);
        for of in [CellsOf::Workspace, CellsOf::EveryLink] {
            for (link, quarter, cell) in self.cells(of, &range).await? {
                pairs.entry((link, quarter.0)).or_default().0 = cell;
            }
        }
        for row in self.counted_anew(first, end).await? {
            let verdict = Verdict::from_code(row.verdict).ok_or_else(|| StoreError::Internal("a click has no known verdict".into()))?;
            let count =
                |firsts: i64| Count { clicks: row.clicks.unsigned_abs(), firsts: firsts.unsigned_abs(), told: row.told.unsigned_abs() };
            pairs.entry((row.link_id, row.quarter)).or_default().1.add(verdict, count(row.of_link));
            pairs.entry((WHOLE_WORKSPACE, row.quarter)).or_default().1.add(verdict, count(row.of_workspace));
        }
        let differences = pairs.iter().flat_map(|((link, quarter), (cell, clicks))| differing(*link, Quarter(*quarter), cell, clicks));
        Ok(Verified { cells: pairs.len() as u64, differences: differences.collect() })
    }

    async fn counted_anew(&self, first: Quarter, end: Quarter) -> Result<Vec<Row>, StoreError> {
        let filter = ClickFilter { from: Some(first.start()), to: Some(end.start()), ..ClickFilter::default() };
        // Written out, since PostgreSQL takes two bound parameters for two different expressions.
        let quarter = Expr::cust(format!("occurred_at / {}", Quarter::MILLIS));
        let query = Entity::find()
            .select_only()
            .column_as(quarter.clone(), "quarter")
            .column(Column::LinkId)
            .column(Column::Verdict)
            .column_as(Column::Id.count(), "clicks")
            .column_as(bits(Marks::FIRST_OF_LINK), "of_link")
            .column_as(bits(Marks::FIRST_OF_WORKSPACE), "of_workspace")
            .column_as(bits(Marks::TOLD), "told")
            .filter(self.counted(&filter));
        let query = query.group_by(quarter).group_by(Column::LinkId).group_by(Column::Verdict);
        Ok(query.into_model().all(&self.transaction).await?)
    }
}

fn differing(link: Uuid, quarter: Quarter, cell: &Cell, clicks: &Cell) -> Vec<CellDifference> {
    let (cell, clicks): (BTreeMap<_, _>, BTreeMap<_, _>) = (cell.totals().collect(), clicks.totals().collect());
    let of = |counts: &BTreeMap<Verdict, Count>, verdict: &Verdict| {
        let Count { clicks, firsts, told } = counts.get(verdict).copied().unwrap_or_default();
        Counted { clicks, firsts, told }
    };
    let verdicts: BTreeSet<&Verdict> = cell.keys().chain(clicks.keys()).collect();
    let difference = |verdict: &Verdict| CellDifference {
        link: (link != WHOLE_WORKSPACE).then_some(LinkId(link)),
        quarter,
        verdict: *verdict,
        cell: of(&cell, verdict),
        clicks: of(&clicks, verdict),
    };
    verdicts.into_iter().map(difference).filter(|difference| difference.cell != difference.clicks).collect()
}

#[derive(FromQueryResult)]
struct Row {
    quarter: i64,
    link_id: Uuid,
    verdict: i16,
    clicks: i64,
    of_link: i64,
    of_workspace: i64,
    told: i64,
}
