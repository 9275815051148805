//! The clicks of every value of a dimension, summed up from cells and from what clicks cells do not have.

use std::collections::HashMap;

use domain::{ClickFilter, Dimension, DimensionValue, LinkId, Verdict};
use uuid::Uuid;

use super::{BreakdownRequest, Values};
use crate::cells::Question;
use crate::plan::{Pieces, Plan};
use crate::rollup::LINK;
use crate::{StoreError, WorkspaceScope};

/// What a value is known by while it is summed up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Known {
    Number(u64),
    /// In clicks, but not in cells.
    Value(DimensionValue),
}

struct Sums {
    clicks: HashMap<Known, u64>,
    capped: bool,
    plan: Plan,
}

impl WorkspaceScope {
    /// What was searched for of the values, and of those in cells only what may be among the first. `None` where all
    /// is in clicks and its values are texts, of which the database knows the first.
    pub(super) async fn values(&self, filter: &ClickFilter, request: &BreakdownRequest) -> Result<Option<Values>, StoreError> {
        if let Some(question) = self.question(filter, Some(request.asked())).await? {
            let sums = self.sums_of(&question, filter, request).await?;
            if !sums.plan.cells.is_empty() && !self.finds_more_in_clicks(&sums, filter, request).await? {
                let total = sums.clicks.values().sum();
                let values = self.named(question.block, request, sums.clicks).await?;
                return Ok(Some(Values { values, total, capped: sums.capped, plan: sums.plan }));
            }
        }
        let grouping = request.grouping();
        if grouping.is_text() {
            return Ok(None);
        }
        let mut values: HashMap<DimensionValue, u64> = self.grouped(filter, grouping).await?.into_iter().collect();
        let total = values.values().sum();
        if let Some(search) = &request.search {
            let found = self.find(request.dimension, search).await?;
            values.retain(|value, _| found.contains(value));
        }
        Ok(Some(Values { values, total, capped: false, plan: Plan::of_clicks(filter.clone()) }))
    }

    /// Whether cells have not named all that may be searched for, and the clicks of all that they cover are kept.
    async fn finds_more_in_clicks(&self, sums: &Sums, filter: &ClickFilter, request: &BreakdownRequest) -> Result<bool, StoreError> {
        if request.search.is_none() || !sums.capped || !request.grouping().is_text() {
            return Ok(false);
        }
        let clicks_from = self.data_from(filter, &Plan::of_clicks(filter.clone())).await?;
        Ok(clicks_from <= self.data_from(filter, &sums.plan).await?)
    }

    /// The clicks of every value of a dimension that is no text.
    pub(super) async fn all_values(&self, filter: &ClickFilter, request: &BreakdownRequest) -> Result<Values, StoreError> {
        let all = request.of_all();
        self.values(filter, &all).await?.ok_or_else(|| StoreError::Internal("texts are not told at once".into()))
    }

    /// Sums up what cells and clicks say.
    async fn sums_of(&self, question: &Question<'_>, filter: &ClickFilter, request: &BreakdownRequest) -> Result<Sums, StoreError> {
        let verdicts = filter.verdicts_or(Verdict::ALL);
        let by_verdict = request.dimension == Dimension::Verdict;
        let mut plan = question.plan(filter, Pieces::Any)?;
        let mut clicks: HashMap<Known, u64> = HashMap::new();
        let mut capped = self
            .read_cells(question, &plan, |found| {
                if verdicts.contains(&found.verdict) {
                    let known = if by_verdict { Known::Value(DimensionValue::Verdict(found.verdict)) } else { Known::Number(found.value) };
                    *clicks.entry(known).or_default() += found.count.clicks.unsigned_abs();
                }
            })
            .await?;
        if capped && question.block == LINK {
            // Each link knows its own clicks.
            let each = question.of_each_link(filter);
            plan = each.plan(filter, Pieces::Any)?;
            clicks.clear();
            let mut links: HashMap<Uuid, u64> = HashMap::new();
            let add = |found: crate::cells::Found| {
                if verdicts.contains(&found.verdict) {
                    *links.entry(found.link).or_default() += found.count.clicks.unsigned_abs();
                }
            };
            self.read_cells(&each, &plan, add).await?;
            clicks.extend(links.into_iter().map(|(link, count)| (Known::Value(DimensionValue::Link(LinkId(link))), count)));
            capped = false;
        } else if capped && question.chooses() {
            return Ok(Sums { clicks: HashMap::new(), capped, plan: Plan::of_clicks(filter.clone()) });
        }
        for part in &plan.clicks {
            for (value, count) in self.grouped(part, request.grouping()).await? {
                *clicks.entry(Known::Value(value)).or_default() += count;
            }
        }
        Ok(Sums { clicks, capped, plan })
    }
}
