//! Visitors of several links, each told apart by day.

use std::collections::HashMap;

use domain::{ClickFilter, LinkId, Verdict};
use entity::click::{Column, Entity};
use sea_orm::{EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use crate::cell::Count;
use crate::counts::bits;
use crate::ingest::Marks;
use crate::plan::{CellsOf, Plan};
use crate::{StoreError, WorkspaceScope};

impl WorkspaceScope {
    /// Of each of `links`, which the filter lets through, the visitors whose first click of a day there
    /// matches: of people when it names no verdict. Without links none of whose clicks says who it is of, and without any where the
    /// filter asks for another property of clicks than time, link and verdict, since the first click may then
    /// be another one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn daily_uniques_of(&self, filter: &ClickFilter, links: Vec<LinkId>) -> Result<HashMap<LinkId, u64>, StoreError> {
        if links.is_empty() || filter.needs_clicks() {
            return Ok(HashMap::new());
        }
        let verdicts = filter.verdicts_or(&[Verdict::Human]);
        let mut filter = filter.with_default_verdicts(&[Verdict::Human]);
        filter.include.links = links;
        let plan = Plan::of(&filter);
        let mut sums: HashMap<Uuid, Count> = HashMap::new();
        for part in &plan.clicks {
            let query = Entity::find().select_only().column(Column::LinkId).column_as(bits(Marks::FIRST_OF_LINK), "firsts");
            let query = query.column_as(bits(Marks::TOLD), "told").filter(self.counted(part)).group_by(Column::LinkId);
            let rows: Vec<(Uuid, i64, i64)> = query.into_tuple().all(&self.transaction).await?;
            for (link, firsts, told) in rows {
                let count = Count { clicks: 0, firsts: firsts.unsigned_abs(), told: told.unsigned_abs() };
                sums.entry(link).or_default().add(count);
            }
        }
        if let Some(range) = &plan.cells {
            for (link, _, cell) in self.cells(CellsOf::Links(&filter), range).await? {
                let wanted = cell.totals().filter(|(verdict, _)| verdicts.contains(verdict));
                wanted.for_each(|(_, count)| sums.entry(link).or_default().add(count));
            }
        }
        Ok(sums.into_iter().filter(|(_, count)| count.told > 0).map(|(link, count)| (LinkId(link), count.firsts)).collect())
    }
}
