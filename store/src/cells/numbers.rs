//! The numbers that values of dimensions are counted by in cells, and what they stand for.

use std::collections::HashMap;

use domain::ClickFilter;
use entity::rollup_value::{Column, Entity};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use crate::filter_sql::any_of;
use crate::rollup::{Block, LINK, OTHER};
use crate::{StoreError, WorkspaceScope};

/// In one statement; both databases take more.
const MOST_AT_ONCE: usize = 5_000;

impl WorkspaceScope {
    /// The numbers of the links that a filter lets through.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn link_numbers(&self, filter: &ClickFilter) -> Result<HashMap<u64, Uuid>, StoreError> {
        let rows: Vec<(i64, Option<Uuid>)> = Entity::find()
            .select_only()
            .column(Column::Id)
            .column(Column::LinkId)
            .filter(Column::WorkspaceId.eq(self.workspace.0))
            .filter(Column::Block.eq(LINK.0))
            .filter(self.of_links(filter, Column::LinkId))
            .into_tuple()
            .all(&self.transaction)
            .await?;
        Ok(rows.into_iter().filter_map(|(id, link)| Some((id.unsigned_abs(), link?))).collect())
    }

    /// The numbers of those of these texts that have one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn numbers(&self, block: Block, texts: &[Option<String>]) -> Result<HashMap<String, u64>, StoreError> {
        let texts: Vec<Option<String>> = texts.iter().filter(|text| text.is_some()).cloned().collect();
        let mut numbers = HashMap::new();
        for part in texts.chunks(MOST_AT_ONCE) {
            let rows: Vec<(String, i64)> = Entity::find()
                .select_only()
                .column(Column::Value)
                .column(Column::Id)
                .filter(Column::WorkspaceId.eq(self.workspace.0))
                .filter(Column::Block.eq(block.0))
                .filter(any_of("value", part))
                .into_tuple()
                .all(&self.transaction)
                .await?;
            numbers.extend(rows.into_iter().map(|(text, id)| (text, id.unsigned_abs())));
        }
        Ok(numbers)
    }

    /// What these numbers stand for.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn texts(&self, block: Block, numbers: &[u64]) -> Result<HashMap<u64, String>, StoreError> {
        let mut texts = HashMap::new();
        let numbers: Vec<i64> = numbers.iter().filter(|number| **number > OTHER).map(|number| number.cast_signed()).collect();
        for part in numbers.chunks(MOST_AT_ONCE) {
            let rows: Vec<(i64, String)> = Entity::find()
                .select_only()
                .column(Column::Id)
                .column(Column::Value)
                .filter(Column::WorkspaceId.eq(self.workspace.0))
                .filter(Column::Block.eq(block.0))
                .filter(Column::Id.is_in(part.iter().copied()))
                .into_tuple()
                .all(&self.transaction)
                .await?;
            texts.extend(rows.into_iter().map(|(id, text)| (id.unsigned_abs(), text)));
        }
        Ok(texts)
    }
}
