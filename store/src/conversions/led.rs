//! What the clicks of each value led to, found from the conversions' side.

use std::collections::HashMap;

use domain::{ClickFilter, DimensionValue};
use entity::conversion;
use sea_orm::sea_query::{Condition, Expr};
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter, QuerySelect, QueryTrait};

use super::sums;
use crate::filter_sql::among_expr;
use crate::grouped::{Grouping, VALUE};
use crate::{StoreError, WorkspaceScope};

/// What the clicks of one value led to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Led {
    /// Clicks that led to any.
    pub clicks: u64,
    pub conversions: u64,
}

/// Sums of one value: a currency, its millions, and the rest.
pub(super) type Sums = Vec<(String, i64, i64)>;

impl WorkspaceScope {
    /// Of the values that led to anything; only of these texts, and maybe others, where some are given.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn led_by(
        &self,
        filter: &ClickFilter,
        name: Option<&str>,
        by: Grouping<'_>,
        among: Option<&[DimensionValue]>,
    ) -> Result<HashMap<DimensionValue, Led>, StoreError> {
        let query = self
            .converted(filter, name)
            .column_as(by.expr(self.transaction.get_database_backend()), VALUE)
            .column_as(Expr::cust("COUNT(DISTINCT conversions.click_id)"), "led")
            .column_as(conversion::Column::EventId.count(), "conversions")
            .filter(Condition::all().add_option(among.and_then(|among| self.is_among(by, among))))
            .group_by(Expr::cust(VALUE))
            .into_query();
        let number = |row: &sea_orm::QueryResult, column| Ok::<_, StoreError>(row.try_get::<i64>("", column)?.unsigned_abs());
        let rows = self.transaction.query_all(&query).await?;
        rows.iter().map(|row| Ok((by.value(row)?, Led { clicks: number(row, "led")?, conversions: number(row, "conversions")? }))).collect()
    }

    /// The money of these values, and maybe of others.
    pub(super) async fn money_by(
        &self,
        filter: &ClickFilter,
        name: Option<&str>,
        by: Grouping<'_>,
        among: Option<&[DimensionValue]>,
    ) -> Result<HashMap<DimensionValue, Sums>, StoreError> {
        let [millions, rest] = sums::parts();
        let query = self
            .converted(filter, name)
            .column_as(by.expr(self.transaction.get_database_backend()), VALUE)
            .column(conversion::Column::Currency)
            .column_as(millions, "millions")
            .column_as(rest, "rest")
            .filter(conversion::Column::Amount.is_not_null())
            .filter(Condition::all().add_option(among.and_then(|among| self.is_among(by, among))))
            .group_by(Expr::cust(VALUE))
            .group_by(conversion::Column::Currency)
            .into_query();
        let mut found: HashMap<DimensionValue, Sums> = HashMap::new();
        for row in &self.transaction.query_all(&query).await? {
            let sum = (row.try_get("", "currency")?, row.try_get("", "millions")?, row.try_get("", "rest")?);
            found.entry(by.value(row)?).or_default().push(sum);
        }
        Ok(found)
    }

    /// Clicks with any of these texts; `None` where values are no texts, of which there are few enough.
    pub(super) fn is_among(&self, by: Grouping<'_>, values: &[DimensionValue]) -> Option<Condition> {
        let text = by.text(self.transaction.get_database_backend())?;
        Some(among_expr(text, &values.iter().map(DimensionValue::text).collect::<Vec<_>>()))
    }
}
