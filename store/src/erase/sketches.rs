//! Sketches of the days that clicks are taken out of: made anew of those that are left where they cannot forget.

use std::collections::BTreeMap;

use domain::Quarter;
use entity::visitor_sketch::{self, Column, Entity};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Statement};
use uuid::Uuid;

use super::take_out::TakingOut;
use crate::StoreError;
use crate::ingest::{FIRSTS_OF_DAY, ids_of_day, read_rows};
use crate::rollup::{SketchChange, day_start};

impl TakingOut<'_> {
    /// Once the clicks are gone.
    pub(super) async fn write_sketches(&self, changes: BTreeMap<(Uuid, i64), SketchChange>) -> Result<(), StoreError> {
        for ((link, day), change) in changes {
            let key = (self.workspace.0, link, day);
            let stored = Entity::find_by_id(key).one(self.transaction).await?;
            let sketches = match change
                .merge(stored.as_ref().map(|row| row.body.as_slice()))
                .map_err(|_| StoreError::Rollups { workspace: self.workspace, quarter: Quarter(day) })?
            {
                Some(sketches) => sketches,
                None => {
                    let (first, end) = ids_of_day(day, &self.zone);
                    let values = [self.workspace.0.into(), link.into(), first.into(), end.into()];
                    let statement = Statement::from_sql_and_values(self.backend(), FIRSTS_OF_DAY, values);
                    read_rows(&self.transaction.query_all_raw(statement).await?, day)?
                }
            };
            if sketches.is_empty() {
                Entity::delete_by_id(key).exec(self.transaction).await?;
                continue;
            }
            let row = visitor_sketch::ActiveModel {
                workspace_id: Set(self.workspace.0),
                link_id: Set(link),
                quarter: Set(day),
                body: Set(sketches.encode()),
            };
            let again = OnConflict::columns([Column::WorkspaceId, Column::LinkId, Column::Quarter]).update_column(Column::Body).to_owned();
            Entity::insert(row).on_conflict(again).exec_without_returning(self.transaction).await?;
        }
        Ok(())
    }

    /// Those of a link's days that were over, whose clicks are kept no more or gone.
    pub(super) async fn take_out_old_sketches(&self, link: Uuid, before: Quarter) -> Result<(), StoreError> {
        Entity::delete_many()
            .filter(Column::WorkspaceId.eq(self.workspace.0))
            .filter(Column::LinkId.eq(link))
            .filter(Column::Quarter.lt(day_start(before.start(), &self.zone).0))
            .exec(self.transaction)
            .await?;
        Ok(())
    }
}
