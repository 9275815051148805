//! Who is there right now: visitors of the last minutes, read from those few clicks by their ids.

use domain::{ClickFilter, Verdict};
use entity::click::{Column, Entity};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};

use crate::{StoreError, WorkspaceScope};

/// Visitors told apart, and the clicks that they were told by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveVisitors {
    /// By the key of their day, or the id that they consented to.
    pub visitors: u64,
    pub clicks: u64,
    /// Of these clicks, those that say nothing of who made them.
    pub without_visitor: u64,
}

impl WorkspaceScope {
    /// The visitors of the filter's verdicts, of people when it names none, in its range, which is meant to be short: their
    /// clicks are read.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn live_visitors(&self, filter: &ClickFilter) -> Result<LiveVisitors, StoreError> {
        let query = Entity::find()
            .select_only()
            .column_as(Expr::cust("COUNT(DISTINCT visitor)"), "visitors")
            .column_as(Column::Id.count(), "clicks")
            .column_as(Column::Visitor.count(), "told")
            .filter(self.counted(&filter.with_default_verdicts(&[Verdict::Human])));
        let counts: Option<(i64, i64, i64)> = query.into_tuple().one(&self.transaction).await?;
        let (visitors, clicks, told) = counts.unwrap_or_default();
        let [visitors, clicks, told] = [visitors, clicks, told].map(i64::unsigned_abs);
        Ok(LiveVisitors { visitors, clicks, without_visitor: clicks - told })
    }
}
