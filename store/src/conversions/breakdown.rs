//! What the clicks of each value of a dimension led to. Clicks are read, whatever cells hold: a click with
//! conversions must be found with its properties.

use std::collections::HashMap;

use domain::{ClickFilter, Dimension, DimensionValue, Money};
use entity::{click, conversion};
use sea_orm::sea_query::{Alias, Condition, Expr, ExprTrait as _, JoinType, Order, SimpleExpr};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait};

use super::grouping::Grouping;
use super::{ConversionQuestion, ConversionTotals, sums};
use crate::{StoreError, WorkspaceScope};

#[derive(Clone, Debug)]
pub struct ConversionBreakdownRequest {
    pub dimension: Dimension,
    pub question: ConversionQuestion,
    /// The most rows.
    pub first: u64,
}

#[derive(Clone, Debug)]
pub struct ConversionBreakdown {
    /// By conversions, most first, then by clicks, then by value, the unknown last.
    pub rows: Vec<ConversionRow>,
    /// Of all values.
    pub totals: ConversionTotals,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversionRow {
    pub value: DimensionValue,
    pub clicks: u64,
    pub converted_clicks: u64,
    pub conversions: u64,
    /// Summed by currency, in the order of their codes.
    pub money: Vec<Money>,
}

const CONVERTED: &str = "converted";

impl WorkspaceScope {
    /// # Errors
    /// When the database does not answer.
    pub async fn conversion_breakdown(&self, request: &ConversionBreakdownRequest) -> Result<ConversionBreakdown, StoreError> {
        let (question, grouping) = (&request.question, Grouping::of(request.dimension)?);
        let (filter, data_from) = self.attributable(&question.filter, request.dimension.default_verdicts()).await?;
        let name = question.name.as_deref();
        let mut rows = self.rows_by(&grouping, &filter, name, request.first).await?;
        let mut money = self.money_by(&grouping, &filter, name, &rows).await?;
        for row in &mut rows {
            row.money = money.remove(&row.value).map(sums::add_up).transpose()?.unwrap_or_default();
        }
        Ok(ConversionBreakdown { rows, totals: self.totals_of(&filter, name, data_from).await? })
    }

    async fn rows_by(
        &self,
        grouping: &Grouping,
        filter: &ClickFilter,
        name: Option<&str>,
        first: u64,
    ) -> Result<Vec<ConversionRow>, StoreError> {
        let by_click = conversion::Entity::find()
            .select_only()
            .column(conversion::Column::ClickId)
            .column_as(conversion::Column::EventId.count(), "conversions")
            .filter(self.conversions_within(filter, name))
            .group_by(conversion::Column::ClickId)
            .into_query();
        let converted = |column: &'static str| Expr::col((Alias::new(CONVERTED), Alias::new(column)));
        let conversions = || -> SimpleExpr { Expr::cust("CAST(COALESCE(SUM(converted.conversions), 0) AS BIGINT)") };
        let of_click = converted("click_id").equals((click::Entity, click::Column::Id));
        let mut select = click::Entity::find().select_only().column(grouping.column).filter(self.counted(filter)).into_query();
        select
            .join_subquery(JoinType::LeftJoin, by_click, Alias::new(CONVERTED), Condition::all().add(of_click))
            .expr(click::Column::Id.count())
            .expr(converted("click_id").count())
            .expr(conversions())
            .group_by_col((click::Entity, grouping.column))
            .order_by_expr(conversions(), Order::Desc)
            .order_by_expr(click::Column::Id.count(), Order::Desc)
            .order_by_expr(Expr::col((click::Entity, grouping.column)).is_null(), Order::Asc)
            .order_by_expr(grouping.order(self.transaction.get_database_backend()), Order::Asc)
            .limit(first);
        let number = |row: &sea_orm::QueryResult, index| Ok::<_, StoreError>(row.try_get_by_index::<i64>(index)?.unsigned_abs());
        let rows = self.transaction.query_all(&select).await?;
        let row = |row: &sea_orm::QueryResult| {
            Ok(ConversionRow {
                value: grouping.value(row)?,
                clicks: number(row, 1)?,
                converted_clicks: number(row, 2)?,
                conversions: number(row, 3)?,
                money: Vec::new(),
            })
        };
        rows.iter().map(row).collect()
    }

    async fn money_by(
        &self,
        grouping: &Grouping,
        filter: &ClickFilter,
        name: Option<&str>,
        rows: &[ConversionRow],
    ) -> Result<HashMap<DimensionValue, Vec<(String, i64, i64)>>, StoreError> {
        let converted: Vec<DimensionValue> = rows.iter().filter(|row| row.conversions > 0).map(|row| row.value.clone()).collect();
        let mut found: HashMap<_, Vec<_>> = HashMap::new();
        if converted.is_empty() {
            return Ok(found);
        }
        let [millions, rest] = sums::parts();
        let select = self
            .converted(filter, name)
            .column(grouping.column)
            .column(conversion::Column::Currency)
            .column_as(millions, "millions")
            .column_as(rest, "rest")
            .filter(conversion::Column::Amount.is_not_null())
            .filter(grouping.among(&converted))
            .group_by(grouping.column)
            .group_by(conversion::Column::Currency)
            .into_query();
        for row in &self.transaction.query_all(&select).await? {
            let sum = (row.try_get_by_index(1)?, row.try_get_by_index(2)?, row.try_get_by_index(3)?);
            found.entry(grouping.value(row)?).or_default().push(sum);
        }
        Ok(found)
    }
}
