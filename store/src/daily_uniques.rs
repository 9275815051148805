//! Visitors of several links, each told apart by day.

use std::collections::HashMap;

use domain::{ClickFilter, LinkId, Verdict};
use entity::click::{Column, Entity};
use sea_orm::{EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use crate::counts::{bits, has_firsts};
use crate::filter_sql::counted;
use crate::ingest::Marks;
use crate::plan::{CellsOf, Plan};
use crate::{StoreError, WorkspaceScope};

impl WorkspaceScope {
    /// Of each of `links` the visitors whose first click of a day there matches: of people when the filter
    /// names no verdict. `None` where the filter asks for another property of clicks than time, link and
    /// verdict, since the first click may then be another one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn daily_uniques_of(&self, filter: &ClickFilter, links: Vec<LinkId>) -> Result<Option<HashMap<LinkId, u64>>, StoreError> {
        if links.is_empty() || !has_firsts(&ClickFilter { links: Vec::new(), ..filter.clone() }) {
            return Ok(None);
        }
        let filter = ClickFilter { links, ..filter.with_default_verdicts(&[Verdict::Human]) };
        let plan = Plan::of(&filter);
        let mut sums: HashMap<LinkId, u64> = filter.links.iter().map(|link| (*link, 0)).collect();
        for part in &plan.clicks {
            let query = Entity::find().select_only().column(Column::LinkId).column_as(bits(Marks::FIRST_OF_LINK), "firsts");
            let query = query.filter(counted(self.workspace, part)).group_by(Column::LinkId);
            let rows: Vec<(Uuid, i64)> = query.into_tuple().all(&self.transaction).await?;
            rows.into_iter().for_each(|(link, firsts)| *sums.entry(LinkId(link)).or_default() += firsts.unsigned_abs());
        }
        if let Some(range) = &plan.cells {
            for (link, _, cell) in self.cells(CellsOf::Links(&range.links), range).await? {
                let wanted = cell.totals().filter(|(verdict, _)| filter.verdicts.contains(verdict));
                *sums.entry(LinkId(link)).or_default() += wanted.map(|(_, count)| count.firsts).sum::<u64>();
            }
        }
        Ok(Some(sums))
    }
}
