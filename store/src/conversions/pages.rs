//! Everything that came of a workspace's clicks, page by page.

use domain::{ClickId, Conversion, LinkId, Millis};
use entity::{conversion, engagement};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::to_conversion;
use crate::{StoreError, WorkspaceScope};

/// A click whose visitor did something on the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Engagement {
    pub click: ClickId,
    pub link: LinkId,
    pub engaged_at: Millis,
}

impl WorkspaceScope {
    /// Conversions after that event id, in the order of these.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn conversions_after(&self, after: Option<&str>, limit: u64) -> Result<Vec<Conversion>, StoreError> {
        use conversion::Column;
        let mut query =
            conversion::Entity::find().filter(Column::WorkspaceId.eq(self.workspace.0)).order_by_asc(Column::EventId).limit(limit);
        if let Some(after) = after {
            query = query.filter(Column::EventId.gt(after));
        }
        query.all(&self.transaction).await?.into_iter().map(to_conversion).collect()
    }

    /// Engagements of clicks after that one, in the order of these.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn engagements_after(&self, after: Option<ClickId>, limit: u64) -> Result<Vec<Engagement>, StoreError> {
        use engagement::Column;
        let mut query =
            engagement::Entity::find().filter(Column::WorkspaceId.eq(self.workspace.0)).order_by_asc(Column::ClickId).limit(limit);
        if let Some(after) = after {
            query = query.filter(Column::ClickId.gt(after.0));
        }
        let rows = query.all(&self.transaction).await?;
        let engagement = |row: engagement::Model| Engagement {
            click: ClickId(row.click_id),
            link: LinkId(row.link_id),
            engaged_at: Millis(row.engaged_at),
        };
        Ok(rows.into_iter().map(engagement).collect())
    }
}
