//! What the clicks of each value of a dimension led to: the clicks as a breakdown has them, and what they led to
//! from the conversions' side. Where clicks must be read and values are texts, of which there may be any number, the
//! database puts both together and knows the first.

use std::cmp::Reverse;
use std::collections::HashMap;

use domain::{ClickFilter, DimensionValue, Money};
use entity::{click, conversion};
use sea_orm::sea_query::{Alias, Condition, Expr, ExprTrait as _, JoinType, Order, Query, SelectStatement};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait};

use super::by::ConversionDimension;
use super::clicked::{Clicked, covers};
use super::led::{Led, Sums};
use super::{ConversionQuestion, ConversionTotals, sums};
use crate::filter_sql::by_bytes;
use crate::grouped::{Grouping, VALUE};
use crate::plan::Source;
use crate::{StoreError, WorkspaceScope};

#[derive(Clone, Debug)]
pub struct ConversionBreakdownRequest {
    pub by: ConversionDimension,
    pub question: ConversionQuestion,
    /// The most rows.
    pub first: u64,
}

#[derive(Clone, Debug)]
pub struct ConversionBreakdown {
    /// By conversions, most first, then by clicks, then by value, the unknown last.
    pub rows: Vec<ConversionRow>,
    /// What the rows' clicks were counted from.
    pub source: Source,
    /// Of all values, each click once.
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

/// What is counted of one value.
type Counted = (u64, Led);

impl WorkspaceScope {
    /// # Errors
    /// When the database does not answer.
    pub async fn conversion_breakdown(&self, request: &ConversionBreakdownRequest) -> Result<ConversionBreakdown, StoreError> {
        let (question, by) = (&request.question, &request.by);
        let (filter, data_from) = self.attributable(&question.filter, by.dimension.default_verdicts()).await?;
        let name = question.name.as_deref();
        let (rows, source) = self.rows_by(by, &filter, name, request.first).await?;
        let rows = self.with_money(rows, by, &filter, name).await?;
        Ok(ConversionBreakdown { rows, source, totals: self.totals_of(&filter, name, data_from).await? })
    }

    /// Without their money.
    async fn rows_by(
        &self,
        by: &ConversionDimension,
        filter: &ClickFilter,
        name: Option<&str>,
        first: u64,
    ) -> Result<(Vec<ConversionRow>, Source), StoreError> {
        let grouping = by.grouping();
        let clicked = self.clicked_in_cells(filter, grouping).await?;
        if clicked.is_none() && grouping.is_text() {
            return Ok((self.largest_converted_texts(grouping, filter, name, first).await?, Source::Clicks));
        }
        let led = self.led_by(filter, name, grouping, None).await?;
        let (clicked, source) = match clicked {
            Some(clicked) if covers(&clicked, &led) => (clicked, Source::Rollup),
            _ if grouping.is_text() => {
                return Ok((self.largest_converted_texts(grouping, filter, name, first).await?, Source::Clicks));
            }
            _ => (self.grouped(filter, grouping).await?.into_iter().collect(), Source::Clicks),
        };
        let mut counted = side_by_side(clicked, led);
        if let Some(of_links) = self.groups_by(by).await? {
            counted = of_links.sum(&counted, |sum, (clicks, led)| {
                sum.0 += clicks;
                sum.1.clicks += led.clicks;
                sum.1.conversions += led.conversions;
            });
        }
        let mut rows: Vec<ConversionRow> = counted.into_iter().map(row).collect();
        let rank = |row: &ConversionRow| (Reverse(row.conversions), Reverse(row.clicks), row.value == DimensionValue::Unknown);
        rows.sort_by_cached_key(|row| (rank(row), row.value.text()));
        rows.truncate(usize::try_from(first).unwrap_or(usize::MAX));
        Ok((rows, source))
    }

    async fn with_money(
        &self,
        mut rows: Vec<ConversionRow>,
        by: &ConversionDimension,
        filter: &ClickFilter,
        name: Option<&str>,
    ) -> Result<Vec<ConversionRow>, StoreError> {
        let converted: Vec<DimensionValue> = rows.iter().filter(|row| row.conversions > 0).map(|row| row.value.clone()).collect();
        if converted.is_empty() {
            return Ok(rows);
        }
        let mut money = self.money_by(filter, name, by.grouping(), Some(&converted)).await?;
        if let Some(of_links) = self.groups_by(by).await? {
            money = of_links.sum(&money, |sums: &mut Sums, more| sums.extend(more.iter().cloned()));
        }
        for row in &mut rows {
            row.money = money.remove(&row.value).map(sums::add_up).transpose()?.unwrap_or_default();
        }
        Ok(rows)
    }

    /// All from clicks, ordered and cut by the database; texts by their bytes.
    async fn largest_converted_texts(
        &self,
        by: Grouping<'_>,
        filter: &ClickFilter,
        name: Option<&str>,
        first: u64,
    ) -> Result<Vec<ConversionRow>, StoreError> {
        let columns = ["conversions", "clicks", "led"].map(Alias::new);
        let mut select = Query::select();
        select
            .column(Alias::new(VALUE))
            .columns(columns.clone())
            .from_subquery(self.clicks_and_converted(by, filter, name), Alias::new("g"))
            .order_by(columns[0].clone(), Order::Desc)
            .order_by(columns[1].clone(), Order::Desc)
            .order_by_expr(Expr::col(Alias::new(VALUE)).is_null(), Order::Asc)
            .order_by_expr(Expr::cust(format!("{VALUE}{}", by_bytes(self))), Order::Asc)
            .limit(first);
        let number = |row: &sea_orm::QueryResult, column| Ok::<_, StoreError>(row.try_get::<i64>("", column)?.unsigned_abs());
        let read = |found: &sea_orm::QueryResult| {
            let led = Led { clicks: number(found, "led")?, conversions: number(found, "conversions")? };
            Ok(row((by.value(found)?, (number(found, "clicks")?, led))))
        };
        self.transaction.query_all(&select).await?.iter().map(read).collect()
    }

    fn clicks_and_converted(&self, by: Grouping<'_>, filter: &ClickFilter, name: Option<&str>) -> SelectStatement {
        let by_click = conversion::Entity::find()
            .select_only()
            .column(conversion::Column::ClickId)
            .column_as(conversion::Column::EventId.count(), "conversions")
            .filter(self.conversions_within(filter, name))
            .group_by(conversion::Column::ClickId)
            .into_query();
        let converted = |column: &'static str| Expr::col((Alias::new("converted"), Alias::new(column)));
        let of_click = converted("click_id").equals((click::Entity, click::Column::Id));
        let mut select = click::Entity::find()
            .select_only()
            .column_as(by.expr(self.transaction.get_database_backend()), VALUE)
            .column_as(click::Column::Id.count(), "clicks")
            .filter(self.counted(filter))
            .group_by(Expr::cust(VALUE))
            .into_query();
        select
            .join_subquery(JoinType::LeftJoin, by_click, Alias::new("converted"), Condition::all().add(of_click))
            .expr_as(converted("click_id").count(), Alias::new("led"))
            .expr_as(Expr::cust("CAST(COALESCE(SUM(converted.conversions), 0) AS BIGINT)"), Alias::new("conversions"));
        select
    }
}

fn side_by_side(clicked: Clicked, mut led: HashMap<DimensionValue, Led>) -> HashMap<DimensionValue, Counted> {
    let with = |(value, clicks): (DimensionValue, u64)| {
        let led = led.remove(&value).unwrap_or_default();
        (value, (clicks, led))
    };
    clicked.into_iter().filter(|(_, clicks)| *clicks > 0).map(with).collect()
}

fn row((value, (clicks, led)): (DimensionValue, Counted)) -> ConversionRow {
    ConversionRow { value, clicks, converted_clicks: led.clicks, conversions: led.conversions, money: Vec::new() }
}
