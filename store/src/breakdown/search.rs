//! Which values of a breakdown were searched for, without regard to case.

use std::collections::HashSet;

use domain::{Channel, Device, Dimension, DimensionValue, LinkId, Verdict, VerdictReason};
use entity::{link, rollup_value};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use crate::filter_sql::contains;
use crate::grouped::Grouping;
use crate::rollup::Block;
use crate::{StoreError, WorkspaceScope};

/// What was searched for.
pub(super) enum Searched {
    Numbers(HashSet<u64>, String),
    Values(HashSet<DimensionValue>),
}

impl Searched {
    /// Whether a value that was found in clicks, and so has no number here, is one of them: as `contains` has it.
    pub fn has(&self, value: &DimensionValue) -> bool {
        match (self, value) {
            (Self::Values(values), value) => values.contains(value),
            (Self::Numbers(_, search), DimensionValue::Text(text)) => holds(text, search),
            (Self::Numbers(..), _) => false,
        }
    }
}

/// As `contains` has it in a statement.
pub(super) fn holds(text: &str, search: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.contains(&search.to_lowercase()) || text.contains(&search.to_uppercase().to_ascii_lowercase())
}

impl WorkspaceScope {
    pub(super) async fn searched(&self, block: Block, dimension: Dimension, search: &str) -> Result<Searched, StoreError> {
        let grouping = Grouping { dimension, key: None };
        if !grouping.is_text() {
            return Ok(Searched::Values(self.find(dimension, search).await?));
        }
        use rollup_value::Column;
        let numbers: Vec<i64> = rollup_value::Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::WorkspaceId.eq(self.workspace.0))
            .filter(Column::Block.eq(block.0))
            .filter(contains(Column::Value, search))
            .into_tuple()
            .all(&self.transaction)
            .await?;
        Ok(Searched::Numbers(numbers.into_iter().map(i64::unsigned_abs).collect(), search.to_owned()))
    }

    /// The values of a dimension that is no text whose name contains `search`.
    pub(super) async fn find(&self, dimension: Dimension, search: &str) -> Result<HashSet<DimensionValue>, StoreError> {
        let named = |values: Vec<DimensionValue>| {
            let search = search.to_ascii_uppercase();
            values.into_iter().filter(|value| value.text().is_some_and(|name| name.contains(&search))).collect()
        };
        Ok(match dimension {
            Dimension::Device => named(Device::ALL.iter().copied().map(DimensionValue::Device).collect()),
            Dimension::Channel => named(Channel::ALL.iter().copied().map(DimensionValue::Channel).collect()),
            Dimension::Verdict => named(Verdict::ALL.iter().copied().map(DimensionValue::Verdict).collect()),
            Dimension::VerdictReason => named(VerdictReason::ALL.iter().copied().map(DimensionValue::VerdictReason).collect()),
            _ => self.links_named(search).await?.into_iter().map(DimensionValue::Link).collect(),
        })
    }

    /// Deleted ones as well, since their clicks stay.
    async fn links_named(&self, search: &str) -> Result<Vec<LinkId>, StoreError> {
        let named = Condition::any().add(contains(link::Column::Slug, search)).add(contains(link::Column::Title, search));
        let rows: Vec<Uuid> = link::Entity::find()
            .select_only()
            .column(link::Column::Id)
            .filter(link::Column::WorkspaceId.eq(self.workspace.0))
            .filter(named)
            .into_tuple()
            .all(&self.transaction)
            .await?;
        Ok(rows.into_iter().map(LinkId).collect())
    }
}
