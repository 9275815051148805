//! Rollup cells and link statistics of what is taken out.

use domain::{ClickId, LinkId, Millis, Outcome, Quarter, WorkspaceId};
use entity::rollup_cell::{self, Column};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Statement,
    Value,
};
use uuid::Uuid;

use super::places_of_rows;
use super::take_out::TakingOut;
use crate::cell::{Cell, Count};
use crate::ingest::Changes;
use crate::plan::WHOLE_WORKSPACE;
use crate::{Store, StoreError};

/// Cells of a link that go in one transaction.
const CELLS: u64 = 300;

impl TakingOut<'_> {
    /// Merges the changes into the cells that there are; nothing stays of a cell without counts.
    pub(super) async fn write_cells(&self, mut changes: Changes) -> Result<(), StoreError> {
        let keys: Vec<(Uuid, i64)> = changes.cells.keys().copied().collect();
        if keys.is_empty() {
            return Ok(());
        }
        let places = places_of_rows(self.is_postgres(), 2, keys.len(), 2);
        let sql = format!("SELECT link_id, quarter, body FROM rollup_cells WHERE workspace_id = $1 AND (link_id, quarter) IN {places}");
        let values = keys.iter().flat_map(|(link, quarter)| [Value::from(*link), Value::from(*quarter)]);
        let statement = Statement::from_sql_and_values(self.backend(), sql, std::iter::once(self.workspace.0.into()).chain(values));
        for row in self.transaction.query_all_raw(statement).await? {
            let body: Vec<u8> = row.try_get("", "body")?;
            changes.merge((row.try_get("", "link_id")?, row.try_get("", "quarter")?), &body)?;
        }
        changes.check()?;
        let (gone, left): (Vec<_>, Vec<_>) = changes.cells.into_iter().partition(|(_, cell)| cell.is_empty());
        self.delete_cells(&gone.into_iter().map(|(key, _)| key).collect::<Vec<_>>()).await?;
        self.upsert(&left).await
    }

    async fn upsert(&self, cells: &[((Uuid, i64), Cell)]) -> Result<(), StoreError> {
        let row = |((link, quarter), cell): &((Uuid, i64), Cell)| rollup_cell::ActiveModel {
            workspace_id: Set(self.workspace.0),
            link_id: Set(*link),
            quarter: Set(*quarter),
            body: Set(cell.encode()),
        };
        if cells.is_empty() {
            return Ok(());
        }
        let again = OnConflict::columns([Column::WorkspaceId, Column::LinkId, Column::Quarter]).update_column(Column::Body).to_owned();
        rollup_cell::Entity::insert_many(cells.iter().map(row)).on_conflict(again).exec_without_returning(self.transaction).await?;
        Ok(())
    }

    async fn delete_cells(&self, keys: &[(Uuid, i64)]) -> Result<(), StoreError> {
        if keys.is_empty() {
            return Ok(());
        }
        let places = places_of_rows(self.is_postgres(), 2, keys.len(), 2);
        let values = keys.iter().flat_map(|(link, quarter)| [Value::from(*link), Value::from(*quarter)]).collect();
        self.run(format!("DELETE FROM rollup_cells WHERE workspace_id = $1 AND (link_id, quarter) IN {places}"), values).await
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
        use entity::click::Column as Click;
        let counted = Outcome::ALL.iter().filter(|outcome| outcome.is_counted()).map(|outcome| outcome.code());
        let last = entity::click::Entity::find()
            .select_only()
            .column(Click::Id)
            .filter(Click::WorkspaceId.eq(self.workspace.0))
            .filter(Click::LinkId.eq(link))
            .filter(Click::Outcome.is_in(counted))
            .order_by_desc(Click::Id);
        let last: Option<Uuid> = last.into_tuple().one(self.transaction).await?;
        let last = match last {
            Some(id) => Some(ClickId(id).made_at()),
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
        match before {
            Some(before) => cells.filter(Column::Quarter.lt(before.0)),
            None => cells,
        }
    }

    /// Takes what is left in a link's cells, of clicks that are kept no more, out of the workspace's as well.
    /// Whether their visitors were met elsewhere on the day nobody can tell any more: the workspace keeps
    /// these firsts, as far as it has clicks for them.
    async fn take_out_old_cells(&self, link: Uuid, before: Quarter) -> Result<bool, StoreError> {
        let cells = self.cells_of(link, Some(before)).order_by_asc(Column::Quarter).limit(CELLS).all(self.transaction).await?;
        let malformed = |error: crate::cell::CellError| StoreError::Internal(error.to_string());
        let (mut left, mut keys, mut clicks) = (Vec::new(), Vec::new(), 0);
        for row in &cells {
            let own = Cell::decode(&row.body).map_err(malformed)?;
            clicks += own.totals().map(|(_, count)| count.clicks).sum::<u64>();
            keys.push((link, row.quarter));
            let key = (self.workspace.0, WHOLE_WORKSPACE, row.quarter);
            let Some(whole) = rollup_cell::Entity::find_by_id(key).one(self.transaction).await? else { continue };
            let mut whole = Cell::decode(&whole.body).map_err(malformed)?;
            whole.take_what_is_there(&own);
            if whole.is_empty() {
                keys.push((WHOLE_WORKSPACE, row.quarter));
            } else {
                left.push(((WHOLE_WORKSPACE, row.quarter), whole));
            }
        }
        self.delete_cells(&keys).await?;
        self.upsert(&left).await?;
        if !cells.is_empty() {
            self.correct_statistics(link, i64::try_from(clicks).unwrap_or(i64::MAX)).await?;
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
        let taking_out = TakingOut { transaction, workspace, zone: jiff::tz::TimeZone::UTC };
        taking_out.take_out_old_cells(link.0, Quarter::of(before)).await
    }
}

impl Cell {
    /// Takes out what was added before, or as much of it as there is.
    fn take_what_is_there(&mut self, other: &Self) {
        for (verdict, count) in other.totals() {
            let there = self.totals().find(|(known, _)| *known == verdict).map(|(_, count)| count).unwrap_or_default();
            let told = there.told.saturating_sub(count.told);
            let taken =
                Count { clicks: count.clicks.min(there.clicks), told: there.told - told, firsts: there.firsts.saturating_sub(told) };
            let mut part = Self::default();
            part.add(verdict, taken);
            // There is as much by the lines above.
            let _ = self.take(&part);
        }
    }
}
