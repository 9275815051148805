//! Clicks grouped by the value of a dimension, read from clicks themselves.

use domain::{Channel, ClickFilter, Device, Dimension, DimensionValue, LinkId, Verdict, VerdictReason};
use entity::click::{Column, Entity};
use sea_orm::sea_query::{Expr, SimpleExpr};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait as _, DbBackend, EntityTrait, QueryFilter, QuerySelect, Select};
use uuid::Uuid;

use crate::filter_sql::among_expr;
use crate::{StoreError, WorkspaceScope};

/// By what clicks are grouped.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grouping<'a> {
    pub dimension: Dimension,
    /// Of a parameter, its name.
    pub key: Option<&'a str>,
}

/// What a group is called in a statement.
pub(crate) const VALUE: &str = "grouped";

impl Grouping<'_> {
    /// Whether its values are texts, or null.
    pub fn is_text(&self) -> bool {
        self.dimension == Dimension::Parameter || text_column(self.dimension).is_some()
    }

    /// The text that clicks are grouped by.
    pub(crate) fn text(&self, backend: DbBackend) -> Option<SimpleExpr> {
        if self.dimension == Dimension::Parameter {
            // The first of the click's parameters of that name.
            let sql = match backend {
                DbBackend::Postgres => {
                    "(SELECT p.value ->> 'value' FROM jsonb_array_elements(parameters::jsonb) p WHERE p.value ->> 'key' = $1 LIMIT 1)"
                }
                _ => "(SELECT p.value ->> 'value' FROM json_each(parameters) p WHERE p.value ->> 'key' = ? LIMIT 1)",
            };
            return Some(Expr::cust_with_values(sql, [self.key.unwrap_or_default()]));
        }
        text_column(self.dimension).map(Expr::col)
    }

    /// What clicks are grouped by, also where other tables are joined to them.
    pub(crate) fn expr(&self, backend: DbBackend) -> SimpleExpr {
        let column = if self.dimension == Dimension::Link { Column::LinkId } else { code_column(self.dimension) };
        self.text(backend).unwrap_or_else(|| Expr::col((Entity, column)))
    }

    /// The value of a group, in its row.
    pub(crate) fn value(&self, row: &sea_orm::QueryResult) -> Result<DimensionValue, StoreError> {
        if self.is_text() {
            return Ok(row.try_get::<Option<String>>("", VALUE)?.into());
        }
        if self.dimension == Dimension::Link {
            return Ok(DimensionValue::Link(LinkId(row.try_get("", VALUE)?)));
        }
        coded(self.dimension, row.try_get("", VALUE)?)
    }
}

impl WorkspaceScope {
    /// The clicks of every value.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn grouped(&self, filter: &ClickFilter, by: Grouping<'_>) -> Result<Vec<(DimensionValue, u64)>, StoreError> {
        if let Some(text) = by.text(self.transaction.get_database_backend()) {
            let rows: Vec<(Option<String>, i64)> = self.groups(filter, text).into_tuple().all(&self.transaction).await?;
            return Ok(texts(rows));
        }
        if by.dimension == Dimension::Link {
            let rows: Vec<(Uuid, i64)> = self.groups(filter, Expr::col(Column::LinkId)).into_tuple().all(&self.transaction).await?;
            return Ok(rows.into_iter().map(|(link, clicks)| (DimensionValue::Link(LinkId(link)), clicks.unsigned_abs())).collect());
        }
        let column = code_column(by.dimension);
        let rows: Vec<(Option<i16>, i64)> = self.groups(filter, Expr::col(column)).into_tuple().all(&self.transaction).await?;
        rows.into_iter().map(|(code, clicks)| Ok((coded(by.dimension, code)?, clicks.unsigned_abs()))).collect()
    }

    /// The clicks that have this value.
    pub(crate) fn of_value(&self, by: Grouping<'_>, value: &DimensionValue) -> Condition {
        if let Some(text) = by.text(self.transaction.get_database_backend()) {
            return among_expr(text, &[value.text()]);
        }
        let column = code_column(by.dimension);
        let code = match value {
            DimensionValue::Link(link) => return Condition::all().add(Column::LinkId.eq(link.0)),
            DimensionValue::Device(device) => Some(device.code()),
            DimensionValue::Channel(channel) => Some(channel.code()),
            DimensionValue::Verdict(verdict) => Some(verdict.code()),
            DimensionValue::VerdictReason(reason) => Some(reason.code()),
            DimensionValue::Text(_) | DimensionValue::Unknown => None,
        };
        Condition::all().add(code.map_or_else(|| column.is_null(), |code| column.eq(code)))
    }

    /// The clicks of these values, and maybe of others.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn grouped_of(
        &self,
        filter: &ClickFilter,
        by: Grouping<'_>,
        values: &[DimensionValue],
    ) -> Result<Vec<(DimensionValue, u64)>, StoreError> {
        let Some(text) = by.text(self.transaction.get_database_backend()) else { return self.grouped(filter, by).await };
        if values.is_empty() {
            return Ok(Vec::new());
        }
        let wanted: Vec<Option<String>> = values.iter().map(DimensionValue::text).collect();
        let query = self.groups(filter, text.clone()).filter(among_expr(text, &wanted));
        Ok(texts(query.into_tuple().all(&self.transaction).await?))
    }

    /// A row for each value, with its clicks.
    pub(crate) fn groups(&self, filter: &ClickFilter, by: SimpleExpr) -> Select<Entity> {
        Entity::find()
            .select_only()
            .column_as(by, VALUE)
            .column_as(Column::Id.count(), "clicks")
            .filter(self.counted(filter))
            .group_by(Expr::cust(VALUE))
    }
}

fn texts(rows: Vec<(Option<String>, i64)>) -> Vec<(DimensionValue, u64)> {
    rows.into_iter().map(|(text, clicks)| (text.into(), clicks.unsigned_abs())).collect()
}

fn code_column(dimension: Dimension) -> Column {
    match dimension {
        Dimension::Device => Column::Device,
        Dimension::Channel => Column::Channel,
        Dimension::VerdictReason => Column::VerdictReason,
        _ => Column::Verdict,
    }
}

fn coded(dimension: Dimension, code: Option<i16>) -> Result<DimensionValue, StoreError> {
    // Clicks that were stored before there were channels have none.
    let Some(code) = code else { return Ok(DimensionValue::Unknown) };
    let value = match dimension {
        Dimension::Device => Device::from_code(code).map(DimensionValue::Device),
        Dimension::Channel => Some(Channel::from_code(code).map_or(DimensionValue::Unknown, DimensionValue::Channel)),
        Dimension::VerdictReason => VerdictReason::from_code(code).map(DimensionValue::VerdictReason),
        _ => Verdict::from_code(code).map(DimensionValue::Verdict),
    };
    value.ok_or_else(|| StoreError::Internal(format!("a click has the unknown code {code}")))
}

/// The column of a dimension whose values are text, or null.
pub(crate) fn text_column(dimension: Dimension) -> Option<Column> {
    Some(match dimension {
        Dimension::Country => Column::Country,
        Dimension::Region => Column::Region,
        Dimension::City => Column::City,
        Dimension::Browser => Column::Browser,
        Dimension::Os => Column::Os,
        Dimension::Language => Column::Language,
        Dimension::Referrer => Column::ReferrerHost,
        Dimension::UtmSource => Column::UtmSource,
        Dimension::UtmMedium => Column::UtmMedium,
        Dimension::UtmCampaign => Column::UtmCampaign,
        Dimension::UtmTerm => Column::UtmTerm,
        Dimension::UtmContent => Column::UtmContent,
        Dimension::Network => Column::Network,
        Dimension::Rule => Column::RuleId,
        Dimension::Variant => Column::Variant,
        Dimension::Device
        | Dimension::Channel
        | Dimension::Link
        | Dimension::Verdict
        | Dimension::VerdictReason
        | Dimension::Tag
        | Dimension::Folder
        | Dimension::Domain
        | Dimension::Metadata
        | Dimension::Parameter => return None,
    })
}
