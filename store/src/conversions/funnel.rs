//! How far clicks went: to the target's page, to doing something there, and through conversions in an order.
//!
//! A click has reached a step when it has a conversion of that name that is not from before the one by which it
//! reached the step before; the first such counts. So later steps are never reached by more clicks than earlier
//! ones. All clicks are counted as everywhere; only those that led to something are read.

use std::cmp::Reverse;
use std::collections::HashMap;

use domain::{ClickFilter, DimensionValue, Millis, Verdict};
use entity::{click, conversion, engagement};
use sea_orm::sea_query::{
    Alias, CommonTableExpression, Condition, Expr, ExprTrait as _, JoinType, Query, SelectStatement, UnionType, WithClause,
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait};

use super::by::ConversionDimension;
use crate::grouped::{Grouping, VALUE};
use crate::link_groups::Groups;
use crate::plan::Source;
use crate::{StoreError, WorkspaceScope};

#[derive(Clone, Debug)]
pub struct FunnelRequest {
    pub filter: ClickFilter,
    /// The names of conversions, in the order in which they are to happen.
    pub steps: Vec<String>,
    /// What to tell apart, and how many values of it at most.
    pub by: Option<(ConversionDimension, u64)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Funnel {
    /// Clicks that reached each step: all, those that did anything on the target, and each conversion.
    pub reached: Vec<u64>,
    /// By clicks, most first.
    pub groups: Vec<FunnelGroup>,
    /// What all clicks were counted from.
    pub source: Source,
    pub data_from: Millis,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunnelGroup {
    pub value: DimensionValue,
    pub reached: Vec<u64>,
}

/// The clicks that did anything on the target, or led to the first step.
const SEEN: &str = "seen";

impl WorkspaceScope {
    /// Of people's clicks, unless the filter names verdicts.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn funnel(&self, request: &FunnelRequest) -> Result<Funnel, StoreError> {
        let verdicts = request.by.as_ref().map_or(&[Verdict::Human][..], |(by, _)| by.dimension.default_verdicts());
        let (filter, data_from) = self.attributable(&request.filter, verdicts).await?;
        let totals = self.totals(&filter).await?;
        let query = self.steps_of(&filter, &request.steps, None, &[]).with(self.ways(&filter, &request.steps));
        let row = self.transaction.query_one(&query).await?;
        let further = row.map_or_else(|| Ok(vec![0; request.steps.len() + 1]), |row| numbers(&row, 0, request.steps.len() + 1))?;
        let groups = match &request.by {
            Some((by, first)) => self.funnels_by(by, &filter, &request.steps, *first).await?,
            None => Vec::new(),
        };
        let all = totals.tally.counts.of(&filter.verdicts_or(Verdict::ALL));
        Ok(Funnel { reached: with_all(all, further), groups, source: totals.source, data_from })
    }

    async fn funnels_by(
        &self,
        by: &ConversionDimension,
        filter: &ClickFilter,
        steps: &[String],
        first: u64,
    ) -> Result<Vec<FunnelGroup>, StoreError> {
        let of_links = self.groups_by(by).await?;
        let values = match &of_links {
            Some(of_links) => largest(of_links.sum(&self.clicked(filter, by.grouping()).await?.0, |sum, clicks| *sum += clicks), first),
            None => self.most_clicked(filter, by.grouping(), first).await?.0,
        };
        let mut further = self.further_by(by.grouping(), filter, steps, &values, of_links.as_ref()).await?;
        let group = |(value, clicks): (DimensionValue, u64)| {
            let further = further.remove(&value).unwrap_or_else(|| vec![0; steps.len() + 1]);
            FunnelGroup { value, reached: with_all(clicks, further) }
        };
        Ok(values.into_iter().map(group).collect())
    }

    /// What the clicks of each value reached beyond being clicks.
    async fn further_by(
        &self,
        by: Grouping<'_>,
        filter: &ClickFilter,
        steps: &[String],
        values: &[(DimensionValue, u64)],
        of_links: Option<&Groups>,
    ) -> Result<HashMap<DimensionValue, Vec<u64>>, StoreError> {
        let mut further = HashMap::new();
        if values.is_empty() {
            return Ok(further);
        }
        let query = self.steps_of(filter, steps, Some(by), values).with(self.ways(filter, steps));
        for row in &self.transaction.query_all(&query).await? {
            further.insert(by.value(row)?, numbers(row, 1, steps.len() + 1)?);
        }
        let add = |sum: &mut Vec<u64>, more: &Vec<u64>| {
            sum.resize(more.len(), 0);
            sum.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
        };
        Ok(match of_links {
            Some(of_links) => of_links.sum(&further, add),
            None => further,
        })
    }

    /// For each step, which clicks reached it, and when.
    fn ways(&self, filter: &ClickFilter, steps: &[String]) -> WithClause {
        let mut ways = WithClause::new();
        for (index, name) in steps.iter().enumerate() {
            let mut reached = conversion::Entity::find()
                .select_only()
                .column(conversion::Column::ClickId)
                .filter(self.conversions_within(filter, Some(name)))
                .into_query();
            reached.expr(conversion::Column::OccurredAt.min()).group_by_col((conversion::Entity, conversion::Column::ClickId));
            if let Some(before) = index.checked_sub(1).map(way) {
                let of_click =
                    Expr::col((before.clone(), Alias::new("click_id"))).equals((conversion::Entity, conversion::Column::ClickId));
                let in_order = Expr::col((conversion::Entity, conversion::Column::OccurredAt))
                    .gte(Expr::col((before.clone(), Alias::new("reached_at"))));
                reached.join(JoinType::InnerJoin, before, Condition::all().add(of_click).add(in_order));
            }
            let mut table = CommonTableExpression::new();
            table.table_name(way(index)).columns([Alias::new("click_id"), Alias::new("reached_at")]).query(reached);
            ways.cte(table);
        }
        ways
    }

    /// How many clicks did anything, and how many reached each step, by the values of a dimension or all together.
    fn steps_of(
        &self,
        filter: &ClickFilter,
        steps: &[String],
        by: Option<Grouping<'_>>,
        values: &[(DimensionValue, u64)],
    ) -> SelectStatement {
        let click_id = || (click::Entity, click::Column::Id);
        let column = |table: Alias| Expr::col((table, Alias::new("click_id")));
        let mut select = click::Entity::find().select_only().filter(self.counted(filter)).into_query();
        if let Some(by) = by {
            let values: Vec<DimensionValue> = values.iter().map(|(value, _)| value.clone()).collect();
            select.expr_as(by.expr(self.transaction.get_database_backend()), Alias::new(VALUE));
            select.cond_where(Condition::all().add_option(self.is_among(by, &values))).add_group_by([Expr::cust(VALUE)]);
        }
        select.expr(click::Column::Id.count());
        select.join_subquery(
            JoinType::InnerJoin,
            self.seen(filter),
            Alias::new(SEEN),
            Condition::all().add(column(Alias::new(SEEN)).equals(click_id())),
        );
        for index in 0..steps.len() {
            select.join(JoinType::LeftJoin, way(index), Condition::all().add(column(way(index)).equals(click_id())));
            select.expr(column(way(index)).count());
        }
        select
    }

    /// Whoever led to something has done something, whether a page told of it or not.
    fn seen(&self, filter: &ClickFilter) -> SelectStatement {
        let engaged = engagement::Entity::find().select_only().column(engagement::Column::ClickId);
        let mut seen = engaged.filter(self.engagements_within(filter)).into_query();
        seen.union(UnionType::Distinct, Query::select().column(Alias::new("click_id")).from(way(0)).to_owned());
        seen
    }
}

fn way(index: usize) -> Alias {
    Alias::new(format!("step{index}"))
}

fn with_all(clicks: u64, further: Vec<u64>) -> Vec<u64> {
    std::iter::once(clicks).chain(further).collect()
}

fn largest(clicked: HashMap<DimensionValue, u64>, first: u64) -> Vec<(DimensionValue, u64)> {
    let mut values: Vec<_> = clicked.into_iter().filter(|(_, clicks)| *clicks > 0).collect();
    values.sort_by_cached_key(|(value, clicks)| (Reverse(*clicks), *value == DimensionValue::Unknown, value.text()));
    values.truncate(usize::try_from(first).unwrap_or(usize::MAX));
    values
}

fn numbers(row: &sea_orm::QueryResult, first: usize, count: usize) -> Result<Vec<u64>, StoreError> {
    (first..first + count).map(|index| Ok(row.try_get_by_index::<i64>(index)?.unsigned_abs())).collect()
}
