//! Reading rollup cells: whose, which pieces, and what of them a question is about.

mod numbers;
mod question;

use std::collections::BTreeMap;

use domain::{Dimension, Millis, Quarter, Verdict};
use entity::rollup_cell::{Column, Entity};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use crate::plan::{CellRange, Plan};
use crate::rollup::{Block, Cell, Count, Grain, UNKNOWN, WHOLE_WORKSPACE, block_of};
use crate::{StoreError, WorkspaceScope};

pub(crate) use question::{CellsOf, Question};

/// Totals and latency stand in front, and are within so many bytes of nearly every cell.
const HEAD_BYTES: i32 = 1_024;
/// The first of the dimensions, the country, comes right after them.
const FIRST_BYTES: i32 = 4_096;

/// One number of a cell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub link: Uuid,
    /// When its piece begins.
    pub start: Millis,
    pub value: u64,
    pub verdict: Verdict,
    pub count: Count,
}

impl WorkspaceScope {
    /// Reads what a question asks of the cells of a plan. Whether any of these has left values out that may have
    /// been asked for.
    ///
    /// # Errors
    /// When the database does not answer, or a cell cannot be read.
    pub(crate) async fn read_cells(&self, question: &Question<'_>, plan: &Plan, mut each: impl FnMut(Found)) -> Result<bool, StoreError> {
        let mut capped = false;
        for range in &plan.cells {
            let blocks = [Block::TOTALS, question.block];
            for (link, quarter, cell) in self.cells(question.of, range, &blocks).await? {
                capped |= cell.is_capped(question.block);
                let mut tell = |value, verdict, count| {
                    if question.wants(value) {
                        each(Found { link, start: quarter.start(), value, verdict, count });
                    }
                };
                let mut unknown: BTreeMap<i16, Count> = BTreeMap::new();
                for (verdict, count) in cell.totals() {
                    unknown.insert(verdict.code(), count);
                }
                if question.block != Block::TOTALS {
                    for entry in cell.block(question.block) {
                        let Some(verdict) = entry.key.verdict() else { continue };
                        unknown.entry(verdict.code()).or_default().add(entry.count.minus());
                        tell(entry.key.value(), verdict, entry.count);
                    }
                }
                // How long redirects took is never unknown.
                let unknown = unknown.into_iter().filter(|(_, count)| count.clicks > 0 && question.block != Block::LATENCY);
                for (verdict, count) in unknown.filter_map(|(code, count)| Some((Verdict::from_code(code)?, count))) {
                    tell(UNKNOWN, verdict, count);
                }
            }
        }
        Ok(capped)
    }

    /// The cells of a range, each with its link and quarter, in no order; only these blocks of them.
    pub(crate) async fn cells(
        &self,
        of: CellsOf<'_>,
        range: &CellRange,
        blocks: &[Block],
    ) -> Result<Vec<(Uuid, Quarter, Cell)>, StoreError> {
        let last = blocks.iter().max().copied().unwrap_or(Block::TOTALS);
        let bytes = match range.grain {
            Grain::Quarter => None,
            _ if last <= Block::LATENCY => Some(HEAD_BYTES),
            _ if Some(last) == block_of(Dimension::Country) => Some(FIRST_BYTES),
            _ => None,
        };
        let found = if bytes.is_some() { self.cells_cut(of, range, blocks, bytes).await? } else { None };
        match found {
            Some(cells) => Ok(cells),
            None => self.cells_cut(of, range, blocks, None).await?.ok_or_else(|| StoreError::Internal("a rollup cell is cut off".into())),
        }
    }

    /// `None` where so many bytes are too few for one of them.
    async fn cells_cut(
        &self,
        of: CellsOf<'_>,
        range: &CellRange,
        blocks: &[Block],
        bytes: Option<i32>,
    ) -> Result<Option<Vec<(Uuid, Quarter, Cell)>>, StoreError> {
        let of_a_link = || Condition::all().add(Column::LinkId.ne(WHOLE_WORKSPACE));
        let wanted = Condition::all()
            .add(Column::WorkspaceId.eq(self.workspace.0))
            .add(Column::Grain.eq(range.grain.code()))
            .add(match of {
                CellsOf::Workspace => Column::LinkId.eq(WHOLE_WORKSPACE).into(),
                CellsOf::Links(filter) => of_a_link().add(self.of_links(filter, Column::LinkId)),
                CellsOf::EveryLink => of_a_link(),
            })
            .add_option(range.first.map(|first| Column::Quarter.gte(first)))
            .add_option(range.end.map(|end| Column::Quarter.lt(end)));
        let body = bytes.map_or_else(|| Expr::cust("body"), |bytes| Expr::cust(format!("substr(body, 1, {bytes})")));
        let query = Entity::find().select_only().column(Column::LinkId).column(Column::Quarter).column_as(body, "part");
        let rows: Vec<(Uuid, i64, Vec<u8>)> = query.filter(wanted).into_tuple().all(&self.transaction).await?;
        let mut cells = Vec::with_capacity(rows.len());
        for (link, quarter, body) in rows {
            match Cell::decode_some(&body, |block| blocks.contains(&block)) {
                Ok(cell) => cells.push((link, Quarter(quarter), cell)),
                Err(_) if bytes.is_some() => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Some(cells))
    }
}
