//! Visitors of several links, each told apart by day.

use std::collections::HashMap;

use domain::{ClickFilter, LinkId, Verdict};
use entity::click::{Column, Entity};
use sea_orm::{EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use crate::cells::Question;
use crate::counts::bits;
use crate::ingest::Marks;
use crate::plan::Pieces;
use crate::rollup::Count;
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
        if links.is_empty() || filter.one_dimension() != Some(None) {
            return Ok(HashMap::new());
        }
        let verdicts = filter.verdicts_or(&[Verdict::Human]);
        let mut filter = filter.with_default_verdicts(&[Verdict::Human]);
        filter.include.links = links;
        // The workspace's own cells know whose first click of a day anywhere it was, not of each link.
        let (horizon, _) = self.horizon().await?;
        let question = Question::of_links(&filter, horizon);
        let plan = question.plan(&filter, Pieces::Any)?;
        let mut sums: HashMap<Uuid, Count> = HashMap::new();
        let add = |found: crate::cells::Found| {
            if verdicts.contains(&found.verdict) {
                sums.entry(found.link).or_default().add(found.count);
            }
        };
        self.read_cells(&question, &plan, add).await?;
        for part in &plan.clicks {
            let query = Entity::find().select_only().column(Column::LinkId).column_as(bits(Marks::FIRST_OF_LINK), "firsts");
            let query = query.column_as(bits(Marks::TOLD), "told").filter(self.counted(part)).group_by(Column::LinkId);
            let rows: Vec<(Uuid, i64, i64)> = query.into_tuple().all(&self.transaction).await?;
            for (link, firsts, told) in rows {
                sums.entry(link).or_default().add(Count { clicks: 0, firsts, told });
            }
        }
        let told = sums.into_iter().filter(|(_, count)| count.told > 0);
        Ok(told.map(|(link, count)| (LinkId(link), count.firsts.unsigned_abs())).collect())
    }
}
