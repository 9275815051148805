//! Reading cells one after the other, so that no more than one of them is in memory, however many links there are.

use domain::{Dimension, Quarter};
use entity::rollup_cell::{Column, Entity};
use futures_util::TryStreamExt as _;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use crate::cells::CellsOf;
use crate::plan::CellRange;
use crate::rollup::{Block, Cell, Grain, WHOLE_WORKSPACE, block_of};
use crate::{StoreError, WorkspaceScope};

/// Totals and latency stand in front, and are within so many bytes of nearly every cell.
const HEAD_BYTES: i32 = 1_024;
/// The first of the dimensions, the country, comes right after them.
const FIRST_BYTES: i32 = 4_096;

impl WorkspaceScope {
    /// Tells the cells of a range, each with its link and quarter, in no order; only these blocks of them.
    ///
    /// # Errors
    /// When the database does not answer, or a cell cannot be read.
    pub(crate) async fn each_cell(
        &self,
        of: CellsOf<'_>,
        range: &CellRange,
        blocks: &[Block],
        mut each: impl FnMut(Uuid, Quarter, Cell),
    ) -> Result<(), StoreError> {
        let last = blocks.iter().max().copied().unwrap_or(Block::TOTALS);
        let bytes = match range.grain {
            Grain::Quarter => None,
            _ if last <= Block::LATENCY => Some(HEAD_BYTES),
            _ if Some(last) == block_of(Dimension::Country) => Some(FIRST_BYTES),
            _ => None,
        };
        let body = bytes.map_or_else(|| Expr::cust("body"), |bytes| Expr::cust(format!("substr(body, 1, {bytes})")));
        let query = Entity::find().select_only().column(Column::LinkId).column(Column::Quarter).column_as(body, "part");
        let mut cut_off: Vec<(Uuid, i64)> = Vec::new();
        {
            let rows = query.filter(self.cells_of(of, range)).into_tuple::<(Uuid, i64, Vec<u8>)>();
            let mut rows = rows.stream(&self.transaction).await?;
            while let Some((link, quarter, body)) = rows.try_next().await? {
                match Cell::decode_some(&body, |block| blocks.contains(&block)) {
                    Ok(cell) => each(link, Quarter(quarter), cell),
                    Err(_) if bytes.is_some() => cut_off.push((link, quarter)),
                    Err(error) => return Err(error.into()),
                }
            }
        }
        for (link, quarter) in cut_off {
            let key = (self.workspace.0, link, range.grain.code(), quarter);
            if let Some(row) = Entity::find_by_id(key).one(&self.transaction).await? {
                each(link, Quarter(quarter), Cell::decode_some(&row.body, |block| blocks.contains(&block))?);
            }
        }
        Ok(())
    }

    fn cells_of(&self, of: CellsOf<'_>, range: &CellRange) -> Condition {
        let of_a_link = || Condition::all().add(Column::LinkId.ne(WHOLE_WORKSPACE));
        Condition::all()
            .add(Column::WorkspaceId.eq(self.workspace.0))
            .add(Column::Grain.eq(range.grain.code()))
            .add(match of {
                CellsOf::Workspace => Column::LinkId.eq(WHOLE_WORKSPACE).into(),
                CellsOf::Links(filter) => of_a_link().add(self.of_links(filter, Column::LinkId)),
                CellsOf::EveryLink => of_a_link(),
            })
            .add_option(range.first.map(|first| Column::Quarter.gte(first)))
            .add_option(range.end.map(|end| Column::Quarter.lt(end)))
    }
}
