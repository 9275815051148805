//! Breakdowns: the clicks of each value of a dimension, most first unless another order is asked for. Summed from
//! rollup cells where the filter allows; everything else is grouped from clicks.
//!
//! Text has as many values as visitors care to send. Cells know only the first of a day; of clicks the database
//! orders and cuts them. Links and the few values of enums are ordered here, by names that no column holds.

mod cells;
mod names;
mod of_links;
mod order;
mod search;
mod texts;

use std::collections::HashMap;

use domain::{ClickFilter, Dimension, DimensionValue, Millis, Seq};

pub use order::{BreakdownOrder, BreakdownOrderField};
pub(crate) use texts::{TextRequest, Texts};

use crate::grouped::Grouping;
use crate::plan::{Plan, Source};
use crate::{LinkGroup, StoreError, WorkspaceScope};

#[derive(Clone, Debug)]
pub struct BreakdownRequest {
    pub dimension: Dimension,
    /// Of a parameter or of metadata, its name.
    pub key: Option<String>,
    /// Where it names no verdicts, the dimension's default ones are counted.
    pub filter: ClickFilter,
    /// The same question about another range, for [`BreakdownRow::previous`].
    pub compared: Option<ClickFilter>,
    /// Only rows whose value, or a link's slug or title, contains this, without regard to case.
    pub search: Option<String>,
    /// The most rows.
    pub first: u64,
    pub order: BreakdownOrder,
    /// What the domain of links on the shared one is called.
    pub shared_domain: String,
}

#[derive(Clone, Debug)]
pub struct Breakdown {
    pub rows: Vec<BreakdownRow>,
    /// Of all values, also those that are not among the rows. Less than the rows say together where links are in
    /// several groups.
    pub total: u64,
    /// The clicks that are in none of the rows.
    pub other: u64,
    /// Whether some clicks, of this range or of the one compared with, are counted without their values, so that rows
    /// may have more than is told.
    pub capped: bool,
    pub source: Source,
    /// The first instant the answer covers.
    pub data_from: Millis,
    /// Of the range compared with.
    pub previous_data_from: Option<Millis>,
    /// The head of the snapshot that was counted.
    pub head: Seq,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakdownRow {
    pub value: DimensionValue,
    pub clicks: u64,
    /// In the range compared with; `None` when there is none, or when its clicks there may be among those that are
    /// counted without their values.
    pub previous: Option<u64>,
}

/// What was found of a range and of the one that it is compared with.
struct Found {
    rows: Vec<BreakdownRow>,
    total: u64,
    other: u64,
    capped: bool,
    plan: Plan,
    previous_plan: Option<Plan>,
}

/// What was found of one range.
struct Values {
    values: HashMap<DimensionValue, u64>,
    /// Of all values, whatever was searched for.
    total: u64,
    capped: bool,
    plan: Plan,
}

impl BreakdownRequest {
    /// Most clicks first, compared with nothing.
    pub fn new(dimension: Dimension, filter: ClickFilter, first: u64) -> Self {
        let order = BreakdownOrder::default();
        Self { dimension, key: None, filter, compared: None, search: None, first, order, shared_domain: String::new() }
    }

    fn asked(&self) -> (Dimension, Option<&str>) {
        (self.dimension, self.key.as_deref())
    }

    fn grouping(&self) -> Grouping<'_> {
        Grouping { dimension: self.dimension, key: self.key.as_deref() }
    }

    fn is_by_change(&self) -> bool {
        self.order.field == BreakdownOrderField::Change && self.compared.is_some()
    }

    /// The same without a limit.
    fn of_all(&self) -> Self {
        Self { first: u64::MAX, ..self.clone() }
    }

    fn of_texts(&self) -> TextRequest<'_> {
        TextRequest { by: self.grouping(), search: self.search.as_deref(), first: self.first, order: self.order }
    }
}

impl WorkspaceScope {
    /// # Errors
    /// When the database does not answer; [`StoreError::Folded`].
    pub async fn breakdown(&self, request: &BreakdownRequest) -> Result<Breakdown, StoreError> {
        let verdicts = request.dimension.default_verdicts();
        let filter = request.filter.with_default_verdicts(verdicts);
        let compared = request.compared.as_ref().map(|compared| compared.with_default_verdicts(verdicts));
        let found = match (LinkGroup::of(request.dimension, request.key.as_deref()), &compared) {
            (Some(group), compared) => self.breakdown_of_links(&group, &filter, compared.as_ref(), request).await?,
            (None, Some(compared)) if request.is_by_change() => self.most_changed(&filter, compared, request).await?,
            (None, compared) => self.largest(&filter, compared.as_ref(), request).await?,
        };
        let previous_data_from = match compared.as_ref().zip(found.previous_plan.as_ref()) {
            Some((compared, plan)) => Some(self.data_from(compared, plan).await?),
            None => None,
        };
        Ok(Breakdown {
            rows: found.rows,
            total: found.total,
            other: found.other,
            capped: found.capped,
            source: found.plan.source(),
            data_from: self.data_from(&filter, &found.plan).await?,
            previous_data_from,
            head: self.head().await?,
        })
    }

    async fn largest(&self, filter: &ClickFilter, compared: Option<&ClickFilter>, request: &BreakdownRequest) -> Result<Found, StoreError> {
        let mut found = match self.values(filter, request).await? {
            Some(Values { values, total, capped, plan }) => {
                let rows = request.order.first(of_links::rows(values, None, request), request.first);
                found(rows, total, capped, plan)
            }
            None => {
                let Texts { rows, total } = self.largest_texts(filter, None, request.of_texts()).await?;
                found(rows, total, false, Plan::of_clicks(filter.clone()))
            }
        };
        if let Some(compared) = compared {
            let before = self.counted_values(compared, request, &found.rows).await?;
            for row in &mut found.rows {
                row.previous = before.values.get(&row.value).copied().or_else(|| (!may_hide(before.capped, &row.value)).then_some(0));
            }
            found.capped |= before.capped;
            found.previous_plan = Some(before.plan);
        }
        Ok(found)
    }

    /// By the difference of two ranges, also those values that only the other one has.
    async fn most_changed(&self, filter: &ClickFilter, compared: &ClickFilter, request: &BreakdownRequest) -> Result<Found, StoreError> {
        let all = request.of_all();
        let now = self.values(filter, &all).await?;
        let before = if now.is_some() { self.values(compared, &all).await? } else { None };
        let Some((now, before)) = now.zip(before) else {
            let Texts { rows, total } = self.largest_texts(filter, Some(compared), request.of_texts()).await?;
            let found = found(rows, total, false, Plan::of_clicks(filter.clone()));
            return Ok(Found { previous_plan: Some(Plan::of_clicks(compared.clone())), ..found });
        };
        let mut rows = of_links::rows(now.values, Some(before.values), request);
        // Of what one of the ranges may hide it is not known how it changed.
        rows.retain(|row| row.clicks > 0 || !may_hide(now.capped, &row.value));
        rows.iter_mut().filter(|row| row.previous == Some(0) && may_hide(before.capped, &row.value)).for_each(|row| row.previous = None);
        let rows = request.order.first(rows, request.first);
        Ok(Found { previous_plan: Some(before.plan), ..found(rows, now.total, now.capped || before.capped, now.plan) })
    }

    /// The clicks of each of the values of `rows`, and maybe of others.
    async fn counted_values(&self, filter: &ClickFilter, request: &BreakdownRequest, rows: &[BreakdownRow]) -> Result<Values, StoreError> {
        let all = BreakdownRequest { search: None, ..request.of_all() };
        if let Some(values) = self.values(filter, &all).await? {
            return Ok(values);
        }
        let values: Vec<DimensionValue> = rows.iter().map(|row| row.value.clone()).collect();
        let values: HashMap<DimensionValue, u64> = self.grouped_of(filter, request.grouping(), &values).await?.into_iter().collect();
        let total = values.values().sum();
        Ok(Values { values, total, capped: false, plan: Plan::of_clicks(filter.clone()) })
    }
}

/// Whether a value that was not found may be among those that cells left out.
fn may_hide(capped: bool, value: &DimensionValue) -> bool {
    capped && *value != DimensionValue::Unknown
}

/// Compared with nothing.
fn found(rows: Vec<BreakdownRow>, total: u64, capped: bool, plan: Plan) -> Found {
    let shown = rows.iter().map(|row| row.clicks).sum::<u64>();
    Found { rows, total, other: total.saturating_sub(shown), capped, plan, previous_plan: None }
}
