//! Rollup cells and link statistics of what is taken out.

use std::collections::BTreeSet;

use domain::{LinkId, Millis, Quarter, WorkspaceId};
use entity::rollup_cell::{self, Column};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Statement, Value,
};
use uuid::Uuid;

use super::places_of_rows;
use super::take_out::TakingOut;
use super::values::parameters_in;
use crate::link_stats::last_click;
use crate::rollup::{Cell, CellKey, Changes, Grain, LINK, WHOLE_WORKSPACE, day_start};
use crate::{Store, StoreError};

/// Cells of a link that go in one transaction.
const CELLS: u64 = 300;
/// Cells in one statement.
const MOST_KEYS: usize = 2_000;

fn values_of((link, grain, quarter): &CellKey) -> [Value; 3] {
    [(*link).into(), (*grain).into(), (*quarter).into()]
}

impl TakingOut<'_> {
    /// Merges the changes into the cells that there are; nothing stays of a cell without counts.
    pub(super) async fn write_cells(&self, mut changes: Changes) -> Result<(), StoreError> {
        let keys: Vec<CellKey> = changes.cells.keys().copied().collect();
        let mut stored = Vec::new();
        for keys in keys.chunks(MOST_KEYS) {
            let places = places_of_rows(self.is_postgres(), 2, keys.len(), 3);
            let sql = format!(
                "SELECT link_id, grain, quarter, body FROM rollup_cells WHERE workspace_id = $1 AND (link_id, grain, quarter) IN {places}"
            );
            let values = std::iter::once(self.workspace.0.into()).chain(keys.iter().flat_map(values_of));
            let statement = Statement::from_sql_and_values(self.backend(), sql, values);
            for row in self.transaction.query_all_raw(statement).await? {
                let key = (row.try_get("", "link_id")?, row.try_get("", "grain")?, row.try_get("", "quarter")?);
                stored.push((key, row.try_get("", "body")?));
            }
        }
        changes.merge(self.workspace, stored)?;
        let (gone, left): (Vec<_>, Vec<_>) = changes.cells.into_iter().partition(|(_, cell)| cell.is_empty());
        self.delete_cells(&gone.into_iter().map(|(key, _)| key).collect::<Vec<_>>()).await?;
        self.upsert(&left).await
    }

    async fn upsert(&self, cells: &[(CellKey, Cell)]) -> Result<(), StoreError> {
        let row = |((link, grain, quarter), cell): &(CellKey, Cell)| rollup_cell::ActiveModel {
            workspace_id: Set(self.workspace.0),
            link_id: Set(*link),
            grain: Set(*grain),
            quarter: Set(*quarter),
            body: Set(cell.encode()),
        };
        for cells in cells.chunks(MOST_KEYS) {
            let key = [Column::WorkspaceId, Column::LinkId, Column::Grain, Column::Quarter];
            let again = OnConflict::columns(key).update_column(Column::Body).to_owned();
            rollup_cell::Entity::insert_many(cells.iter().map(row)).on_conflict(again).exec_without_returning(self.transaction).await?;
        }
        Ok(())
    }

    async fn delete_cells(&self, keys: &[CellKey]) -> Result<(), StoreError> {
        for keys in keys.chunks(MOST_KEYS) {
            let places = places_of_rows(self.is_postgres(), 2, keys.len(), 3);
            let sql = format!("DELETE FROM rollup_cells WHERE workspace_id = $1 AND (link_id, grain, quarter) IN {places}");
            self.run(sql, keys.iter().flat_map(values_of).collect()).await?;
        }
        Ok(())
    }

    /// Takes clicks out of a link's statistics. When it was last clicked is asked of the clicks that are left,
    /// and where those are kept no more of its cells, which know it to the quarter-hour.
    pub(super) async fn correct_statistics(&self, link: Uuid, clicks: i64) -> Result<(), StoreError> {
        self.run(
            "UPDATE link_stats SET clicks = clicks - $3 WHERE workspace_id = $1 AND link_id = $2".to_owned(),
            vec![link.into(), clicks.into()],
        )
        .await?;
        let none = "DELETE FROM link_stats WHERE workspace_id = $1 AND link_id = $2 AND clicks <= 0";
        self.run(none.to_owned(), vec![link.into()]).await?;
        let last = match last_click(self.transaction, self.workspace, link).await? {
            Some(at) => Some(at),
            None => self
                .cells_of(link, None)
                .order_by_desc(Column::Quarter)
                .one(self.transaction)
                .await?
                .map(|row| Quarter(row.quarter).start()),
        };
        if let Some(last) = last {
            let sql = "UPDATE link_stats SET last_clicked_at = $3 WHERE workspace_id = $1 AND link_id = $2 AND last_clicked_at > $3";
            self.run(sql.to_owned(), vec![link.into(), last.0.into()]).await?;
        }
        Ok(())
    }

    fn cells_of(&self, link: Uuid, before: Option<Quarter>) -> sea_orm::Select<rollup_cell::Entity> {
        let cells = rollup_cell::Entity::find().filter(Column::WorkspaceId.eq(self.workspace.0)).filter(Column::LinkId.eq(link));
        let Some(before) = before else { return cells.filter(Column::Grain.eq(Grain::Quarter.code())) };
        // Wider pieces are over with their day. Clicks are purged by whole days too, so those of the day that is
        // not over are there yet, and have been taken out one by one.
        let whole_days = Condition::all().add(Column::Grain.ne(Grain::Quarter.code()));
        let whole_days = whole_days.add(Column::Quarter.lt(day_start(before.start(), &self.zone).0));
        let quarters = Condition::all().add(Column::Grain.eq(Grain::Quarter.code())).add(Column::Quarter.lt(before.0));
        cells.filter(Condition::any().add(whole_days).add(quarters))
    }

    /// The link's number in the workspace's cells.
    async fn number_of(&self, link: Uuid) -> Result<Option<u64>, StoreError> {
        use entity::rollup_value::Column;
        let row = entity::rollup_value::Entity::find().filter(Column::WorkspaceId.eq(self.workspace.0));
        let row = row.filter(Column::Block.eq(LINK.0)).filter(Column::Value.eq(link.to_string())).one(self.transaction).await?;
        Ok(row.map(|row| row.id.unsigned_abs()))
    }

    /// Takes what is left in a link's cells, of clicks that are kept no more, out of the workspace's as well.
    /// Whether their visitors were met elsewhere on the day nobody can tell any more: the workspace keeps
    /// these firsts, as far as it has clicks for them.
    async fn take_out_old_cells(&self, link: Uuid, before: Quarter) -> Result<bool, StoreError> {
        let cells = self.cells_of(link, Some(before)).order_by_asc(Column::Quarter).limit(CELLS).all(self.transaction).await?;
        let (mut left, mut keys, mut clicks) = (Vec::new(), Vec::new(), 0);
        let (number, mut named) = (self.number_of(link).await?, BTreeSet::new());
        for row in &cells {
            let mut own = Cell::decode(&row.body)?;
            named.extend(parameters_in(&own));
            if row.grain == Grain::Quarter.code() {
                clicks += own.totals().map(|(_, count)| count.clicks).sum::<i64>();
            }
            keys.push((link, row.grain, row.quarter));
            let key = (self.workspace.0, WHOLE_WORKSPACE, row.grain, row.quarter);
            let Some(whole) = rollup_cell::Entity::find_by_id(key).one(self.transaction).await? else { continue };
            let mut whole = Cell::decode(&whole.body)?;
            if let Some(number) = number {
                own.name_link(number);
            }
            whole.take_what_is_there(&own);
            let key = (WHOLE_WORKSPACE, row.grain, row.quarter);
            if whole.is_empty() {
                keys.push(key);
            } else {
                left.push((key, whole));
            }
        }
        self.delete_cells(&keys).await?;
        self.upsert(&left).await?;
        self.doubt(named).await?;
        if !cells.is_empty() {
            self.correct_statistics(link, clicks).await?;
        }
        Ok(cells.len() as u64 >= CELLS)
    }
}

impl Store {
    /// A part of what is left in the cells of a link whose clicks are gone; true while there is more.
    pub(super) async fn take_out_cells(
        &self,
        transaction: &DatabaseTransaction,
        workspace: WorkspaceId,
        link: LinkId,
        before: Millis,
    ) -> Result<bool, StoreError> {
        let zone = self.zone_of(transaction, workspace).await?;
        let taking_out = TakingOut { transaction, workspace, zone, values: &self.values };
        taking_out.take_out_old_sketches(link.0, Quarter::of(before)).await?;
        taking_out.take_out_old_cells(link.0, Quarter::of(before)).await
    }
}
