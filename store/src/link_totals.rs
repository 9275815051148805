//! The totals of many links at once, each of its own clicks: what a list of links shows beside them.

use std::collections::HashMap;

use domain::{ClickFilter, LinkId, Verdict};
use entity::click::{Column, Entity};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use crate::cells::{Found, Question};
use crate::counts::{Tally, Totals, bits};
use crate::ingest::Marks;
use crate::plan::{Pieces, Plan};
use crate::rollup::Count;
use crate::{StoreError, WorkspaceScope};

/// A link, a verdict, and of its clicks how many there are, how many are firsts and of how many it is known whose.
type Row = (Uuid, i16, i64, i64, i64);

impl WorkspaceScope {
    /// For each of `links` what [`Self::totals`] says of it alone; whichever links the filter names.
    ///
    /// # Errors
    /// When the database does not answer; [`StoreError::Folded`].
    pub async fn totals_of_links(&self, filter: &ClickFilter, links: &[LinkId]) -> Result<HashMap<LinkId, Totals>, StoreError> {
        let mut any = filter.of_any_verdict();
        any.include.links = links.to_vec();
        let fresh = || -> HashMap<Uuid, Tally> { links.iter().map(|link| (link.0, Tally::of_one(&any))).collect() };
        let mut tallies = fresh();
        let mut plan = Plan::of_clicks(any.clone());
        if let Some(question) = self.question_of_each(&any).await? {
            let of_cells = question.plan(&any, Pieces::Any)?;
            let add = |found: Found| add(&mut tallies, found.link, found.verdict, found.count);
            let capped = self.read_cells(&question, &of_cells, add).await?;
            if capped && question.chooses() {
                // What is asked for may be among what a cell left out.
                tallies = fresh();
            } else {
                plan = of_cells;
            }
        }
        for part in &plan.clicks {
            for (link, verdict, clicks, firsts, told) in self.clicks_by_link(part).await? {
                let verdict = Verdict::from_code(verdict).ok_or_else(|| StoreError::Internal("a click has no known verdict".into()))?;
                add(&mut tallies, link, verdict, Count { clicks, firsts, told });
            }
        }
        let (source, data_from, head) = (plan.source(), self.data_from(&any, &plan).await?, self.head().await?);
        Ok(tallies.into_iter().map(|(link, tally)| (LinkId(link), Totals { tally, source, data_from, head })).collect())
    }

    async fn question_of_each<'a>(&self, filter: &'a ClickFilter) -> Result<Option<Question<'a>>, StoreError> {
        if filter.one_dimension() == Some(None) {
            return Ok(Some(Question::of_links(filter, self.horizon().await?.0)));
        }
        Ok(self.question(filter, None).await?.map(|question| question.by_link(filter)))
    }

    async fn clicks_by_link(&self, filter: &ClickFilter) -> Result<Vec<Row>, StoreError> {
        let rows = Entity::find()
            .select_only()
            .columns([Column::LinkId, Column::Verdict])
            .column_as(Column::Id.count(), "clicks")
            .column_as(bits(Marks::FIRST_OF_LINK), "firsts")
            .column_as(bits(Marks::TOLD), "told")
            .filter(self.counted(filter))
            .group_by(Column::LinkId)
            .group_by(Column::Verdict);
        Ok(rows.into_tuple().all(&self.transaction).await?)
    }
}

fn add(tallies: &mut HashMap<Uuid, Tally>, link: Uuid, verdict: Verdict, count: Count) {
    if let Some(tally) = tallies.get_mut(&link) {
        tally.add_count(verdict, count);
    }
}
