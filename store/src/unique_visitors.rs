//! Visitors over any number of days. Only an id that a visitor consented to is the same on another day, so only
//! those can be told. They are read from clicks, so only where somebody asks for them.

use domain::{ClickFilter, Verdict};
use entity::click::Entity;
use sea_orm::sea_query::Expr;
use sea_orm::{EntityTrait, QueryFilter, QuerySelect};

use crate::{StoreError, WorkspaceScope};

/// Written out, as in the index `clicks_by_consented_visitor`.
pub(crate) const CONSENTED: &str = "visitor_recipe = 2";

impl WorkspaceScope {
    /// Visitors who consented to an id, each once, among the clicks of the filter's verdicts, of people when it
    /// names none. `None` where none of these has such an id, and where clicks of a part of the range are no longer
    /// kept, or without their ids: what is left would be too few.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn unique_visitors(&self, filter: &ClickFilter) -> Result<Option<u64>, StoreError> {
        let asked_from = self.get().await?.created_at.max(filter.from.unwrap_or_default());
        if self.clicks_from(filter).await?.max(self.forgotten().await?.visitors_from) > asked_from {
            return Ok(None);
        }
        let query = Entity::find()
            .select_only()
            .column_as(Expr::cust("COUNT(DISTINCT visitor)"), "visitors")
            .filter(self.counted(&filter.with_default_verdicts(&[Verdict::Human])))
            .filter(Expr::cust(CONSENTED));
        let visitors: Option<i64> = query.into_tuple().one(&self.transaction).await?;
        Ok(visitors.map(i64::unsigned_abs).filter(|visitors| *visitors > 0))
    }
}
