//! Series of the values of a dimension: the clicks of each in each of some spans of time, and of all other values
//! together.

use std::collections::HashMap;

use domain::{BucketSpan, ClickFilter, Dimension, DimensionValue, LinkId, Millis, Verdict};
use entity::link;
use sea_orm::QuerySelect;
use uuid::Uuid;

use crate::cells::{Found, Question};
use crate::counts::index_of;
use crate::filter_sql::within;
use crate::plan::{Plan, Source};
use crate::rollup::{LINK, OTHER, UNKNOWN, coded};
use crate::{BreakdownRequest, LinkGroup, StoreError, WorkspaceScope};

/// Clicks by span.
type Points = Vec<u64>;

#[derive(Clone, Debug)]
pub struct SplitSeries {
    /// For each of the values, in their order, the clicks in each of the spans.
    pub values: Vec<Points>,
    /// The clicks that are in none of them.
    pub other: Points,
    /// Whether some clicks are counted without their values, so that values may have more than is told.
    pub capped: bool,
    pub source: Source,
    /// The first instant that the answer covers.
    pub data_from: Millis,
}

/// Which of the values a click is of.
enum Sorter {
    /// By numbers of cells.
    Numbers(HashMap<u64, Vec<usize>>),
    Verdicts(HashMap<Verdict, Vec<usize>>),
    Links(HashMap<Uuid, Vec<usize>>),
}

impl Sorter {
    fn places(&self, found: &Found) -> &[usize] {
        match self {
            Self::Numbers(places) => places.get(&found.value),
            Self::Verdicts(places) => places.get(&found.verdict),
            Self::Links(places) => places.get(&found.link),
        }
        .map_or(&[], Vec::as_slice)
    }
}

/// The answer while it is summed up.
pub(crate) struct Sums<'a> {
    pub spans: &'a [BucketSpan],
    values: Vec<Points>,
    other: Points,
}

impl<'a> Sums<'a> {
    fn new(spans: &'a [BucketSpan], values: usize) -> Self {
        Self { spans, values: vec![vec![0; spans.len()]; values], other: vec![0; spans.len()] }
    }

    pub fn add(&mut self, start: Millis, places: &[usize], clicks: u64) {
        let Some(index) = index_of(self.spans, start) else { return };
        let mut lists: Vec<&mut Points> = match places {
            [] => vec![&mut self.other],
            places => self.values.iter_mut().enumerate().filter(|(place, _)| places.contains(place)).map(|(_, points)| points).collect(),
        };
        lists.iter_mut().filter_map(|points| points.get_mut(index)).for_each(|point| *point += clicks);
    }
}

impl WorkspaceScope {
    /// The clicks of each of `values` in each of `spans`, which join and whose edges are edges of minutes; what lies
    /// outside the filter's range is not counted. Of the request only what is asked about matters, not how much of it.
    ///
    /// # Errors
    /// When the database does not answer; [`StoreError::Folded`].
    pub async fn split_series(
        &self,
        request: &BreakdownRequest,
        spans: &[BucketSpan],
        values: &[DimensionValue],
    ) -> Result<SplitSeries, StoreError> {
        let filter = within(&request.filter.with_default_verdicts(request.dimension.default_verdicts()), spans);
        let mut sums = Sums::new(spans, values.len());
        let group = LinkGroup::of(request.dimension, request.key.as_deref());
        let asked = if group.is_some() { (Dimension::Link, None) } else { (request.dimension, request.key.as_deref()) };
        let (mut capped, mut plan) = (false, Plan::of_clicks(filter.clone()));
        if let Some(question) = self.question(&filter, Some(asked)).await? {
            let (question, of_cells) = self.split_plan(question, &filter, spans)?;
            let sorter = self.sorter(&question, request, group.as_ref(), values).await?;
            (capped, plan) = (self.split_cells(&question, &of_cells, &sorter, &filter, &mut sums).await?, of_cells);
            if capped && question.block == LINK {
                // Each link knows its own clicks.
                let each = question.of_each_link(&filter);
                plan = each.plan(&filter, each.pieces(spans))?;
                sums = Sums::new(spans, values.len());
                let sorter = self.sorter(&each, request, group.as_ref(), values).await?;
                self.split_cells(&each, &plan, &sorter, &filter, &mut sums).await?;
                capped = false;
            } else if capped && question.chooses() {
                (capped, plan, sums) = (false, Plan::of_clicks(filter.clone()), Sums::new(spans, values.len()));
            }
        }
        for part in &plan.clicks {
            self.split_clicks(part, request, group.as_ref(), values, &mut sums).await?;
        }
        let data_from = self.data_from(&request.filter, &plan).await?;
        Ok(SplitSeries { values: sums.values, other: sums.other, capped, source: plan.source(), data_from })
    }

    fn split_plan<'a>(
        &self,
        question: Question<'a>,
        filter: &'a ClickFilter,
        spans: &[BucketSpan],
    ) -> Result<(Question<'a>, Plan), StoreError> {
        match question.plan(filter, question.pieces(spans)) {
            // What links have each by themselves is kept for ever.
            Err(StoreError::Folded(_)) if question.block == LINK => {
                let each = question.of_each_link(filter);
                let plan = each.plan(filter, each.pieces(spans))?;
                Ok((each, plan))
            }
            plan => Ok((question, plan?)),
        }
    }

    async fn split_cells(
        &self,
        question: &Question<'_>,
        plan: &Plan,
        sorter: &Sorter,
        filter: &ClickFilter,
        sums: &mut Sums<'_>,
    ) -> Result<bool, StoreError> {
        let verdicts = filter.verdicts_or(Verdict::ALL);
        let add = |found: Found| {
            if verdicts.contains(&found.verdict) {
                sums.add(found.start, sorter.places(&found), found.count.clicks.unsigned_abs());
            }
        };
        self.read_cells(question, plan, add).await
    }

    /// Where among `values` what the cells of a question tell is.
    async fn sorter(
        &self,
        question: &Question<'_>,
        request: &BreakdownRequest,
        group: Option<&LinkGroup>,
        values: &[DimensionValue],
    ) -> Result<Sorter, StoreError> {
        let by_link = question.block == LINK || request.dimension == Dimension::Link || group.is_some();
        if by_link {
            let links = self.places_of_links(request, group, values).await?;
            if question.block != LINK {
                return Ok(Sorter::Links(links));
            }
            let numbers = self.link_numbers(&ClickFilter::default()).await?;
            return Ok(Sorter::Numbers(
                numbers.into_iter().filter_map(|(number, link)| Some((number, links.get(&link)?.clone()))).collect(),
            ));
        }
        if request.dimension == Dimension::Verdict {
            let verdict = |(place, value): (usize, &DimensionValue)| {
                if let DimensionValue::Verdict(verdict) = value { Some((*verdict, vec![place])) } else { None }
            };
            return Ok(Sorter::Verdicts(values.iter().enumerate().filter_map(verdict).collect()));
        }
        let texts: Vec<Option<String>> = values.iter().map(DimensionValue::text).collect();
        let known = self.numbers(question.block, &texts).await?;
        let number = |value: &DimensionValue| match value {
            DimensionValue::Unknown => Some(UNKNOWN),
            DimensionValue::Device(device) => Some(coded(device.code())),
            DimensionValue::Channel(channel) => Some(coded(channel.code())),
            DimensionValue::VerdictReason(reason) => Some(coded(reason.code())),
            other => other.text().and_then(|text| known.get(&text).copied()).filter(|number| *number != OTHER),
        };
        Ok(Sorter::Numbers(values.iter().enumerate().filter_map(|(place, value)| Some((number(value)?, vec![place]))).collect()))
    }

    /// Which of `values` each link is in; links in none of them are left out.
    async fn places_of_links(
        &self,
        request: &BreakdownRequest,
        group: Option<&LinkGroup>,
        values: &[DimensionValue],
    ) -> Result<HashMap<Uuid, Vec<usize>>, StoreError> {
        let Some(group) = group else {
            let link = |(place, value): (usize, &DimensionValue)| {
                if let DimensionValue::Link(link) = value { Some((link.0, vec![place])) } else { None }
            };
            return Ok(values.iter().enumerate().filter_map(link).collect());
        };
        let groups = self.groups_of_links(group, &request.shared_domain).await?;
        let links: Vec<Uuid> = self.all().select_only().column(link::Column::Id).into_tuple().all(&self.transaction).await?;
        let places = |link: LinkId| -> Vec<usize> {
            let own = groups.of(link);
            values.iter().enumerate().filter(|(_, value)| own.contains(value)).map(|(place, _)| place).collect()
        };
        Ok(links.into_iter().map(|link| (link, places(LinkId(link)))).filter(|(_, places)| !places.is_empty()).collect())
    }
}
