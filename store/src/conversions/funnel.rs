//! How far clicks went: to the target's page, to doing something there, and through conversions in an order.
//!
//! A click has reached a step when it has a conversion of that name that is not from before the one by which it
//! reached the step before; the first such counts. So later steps are never reached by more clicks than earlier
//! ones.

use domain::{ClickFilter, Dimension, DimensionValue, Millis, Verdict};
use entity::{click, conversion, engagement};
use sea_orm::sea_query::{Alias, CommonTableExpression, Condition, Expr, ExprTrait as _, JoinType, Order, SelectStatement, WithClause};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait};

use super::grouping::Grouping;
use crate::{StoreError, WorkspaceScope};

#[derive(Clone, Debug)]
pub struct FunnelRequest {
    pub filter: ClickFilter,
    /// The names of conversions, in the order in which they are to happen.
    pub steps: Vec<String>,
    /// What to tell apart, and how many values of it at most.
    pub by: Option<(Dimension, u64)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Funnel {
    /// Clicks that reached each step: all, those that did anything on the target, and each conversion.
    pub reached: Vec<u64>,
    /// By clicks, most first.
    pub groups: Vec<FunnelGroup>,
    pub data_from: Millis,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunnelGroup {
    pub value: DimensionValue,
    pub reached: Vec<u64>,
}

impl WorkspaceScope {
    /// Of people's clicks, unless the filter names verdicts.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn funnel(&self, request: &FunnelRequest) -> Result<Funnel, StoreError> {
        let verdicts = request.by.map_or(&[Verdict::Human][..], |(dimension, _)| dimension.default_verdicts());
        let (filter, data_from) = self.attributable(&request.filter, verdicts).await?;
        let columns = request.steps.len() + 2;
        let query = self.steps_of(&filter, &request.steps, None).with(self.ways(&filter, &request.steps));
        let row = self.transaction.query_one(&query).await?;
        let reached = row.map_or_else(|| Ok(vec![0; columns]), |row| numbers(&row, 0, columns))?;
        let mut groups = Vec::new();
        if let Some((dimension, first)) = request.by {
            let grouping = Grouping::of(dimension)?;
            let mut select = self.steps_of(&filter, &request.steps, Some(&grouping));
            select.limit(first);
            for row in &self.transaction.query_all(&select.with(self.ways(&filter, &request.steps))).await? {
                groups.push(FunnelGroup { value: grouping.value(row)?, reached: numbers(row, 1, columns)? });
            }
        }
        Ok(Funnel { reached, groups, data_from })
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

    /// How many clicks reached each step, by the values of a dimension or all together.
    fn steps_of(&self, filter: &ClickFilter, steps: &[String], grouping: Option<&Grouping>) -> SelectStatement {
        let click_id = || (click::Entity, click::Column::Id);
        let engaged = Condition::all()
            .add(Expr::col((engagement::Entity, engagement::Column::ClickId)).equals(click_id()))
            .add(self.engagements_within(filter));
        let mut select = click::Entity::find().select_only().filter(self.counted(filter)).into_query();
        if let Some(grouping) = grouping {
            let column = (click::Entity, grouping.column);
            select.column(column).group_by_col(column);
            select.order_by_expr(click::Column::Id.count(), Order::Desc).order_by_expr(Expr::col(column).is_null(), Order::Asc);
            select.order_by_expr(grouping.order(self.transaction.get_database_backend()), Order::Asc);
        }
        select.join(JoinType::LeftJoin, engagement::Entity, engaged);
        select.expr(click::Column::Id.count());
        // Whoever led to something has done something, whether a page told of it or not.
        select.expr(Expr::cust("COUNT(COALESCE(engagements.click_id, step0.click_id))"));
        for index in 0..steps.len() {
            let reached = || Expr::col((way(index), Alias::new("click_id")));
            select.join(JoinType::LeftJoin, way(index), Condition::all().add(reached().equals(click_id())));
            select.expr(reached().count());
        }
        select
    }
}

fn way(index: usize) -> Alias {
    Alias::new(format!("step{index}"))
}

fn numbers(row: &sea_orm::QueryResult, first: usize, count: usize) -> Result<Vec<u64>, StoreError> {
    (first..first + count).map(|index| Ok(row.try_get_by_index::<i64>(index)?.unsigned_abs())).collect()
}
