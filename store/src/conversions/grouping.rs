//! Dimensions of clicks as columns to group by, whatever is joined to the clicks.

use domain::{Channel, Device, Dimension, DimensionValue, LinkId, Verdict, VerdictReason};
use entity::click::Column;
use sea_orm::sea_query::{Condition, Expr, ExprTrait as _, SimpleExpr};
use sea_orm::{ColumnTrait, DbBackend, IdenStatic as _, QueryResult};
use uuid::Uuid;

use crate::StoreError;
use crate::breakdown::text_column;
use crate::filter_sql::any_of;

/// A column, and what its values mean.
#[derive(Clone, Copy)]
pub(super) struct Grouping {
    pub column: Column,
    read: Read,
}

#[derive(Clone, Copy)]
enum Read {
    Text,
    Link,
    Code(fn(i16) -> Option<DimensionValue>),
}

impl Grouping {
    /// # Errors
    /// [`StoreError::Internal`] for a dimension that is no column.
    pub fn of(dimension: Dimension) -> Result<Self, StoreError> {
        if let Some(column) = text_column(dimension) {
            return Ok(Self { column, read: Read::Text });
        }
        let (column, read) = match dimension {
            Dimension::Link => (Column::LinkId, Read::Link),
            Dimension::Device => (Column::Device, Read::Code(|code| Device::from_code(code).map(DimensionValue::Device))),
            Dimension::Channel => (Column::Channel, Read::Code(|code| Channel::from_code(code).map(DimensionValue::Channel))),
            Dimension::Verdict => (Column::Verdict, Read::Code(|code| Verdict::from_code(code).map(DimensionValue::Verdict))),
            Dimension::VerdictReason => {
                (Column::VerdictReason, Read::Code(|code| VerdictReason::from_code(code).map(DimensionValue::VerdictReason)))
            }
            other => return Err(StoreError::Internal(format!("conversions are not grouped by {other:?}"))),
        };
        Ok(Self { column, read })
    }

    /// By which rows of the same counts are ordered: text by its bytes on both databases.
    pub fn order(&self, backend: DbBackend) -> SimpleExpr {
        let name = format!("clicks.{}", self.column.as_str());
        let by_bytes = matches!(self.read, Read::Text) && backend == DbBackend::Postgres;
        Expr::cust(if by_bytes { format!("{name} COLLATE \"C\"") } else { name })
    }

    /// The value in the first column of a row.
    pub fn value(&self, row: &QueryResult) -> Result<DimensionValue, StoreError> {
        Ok(match self.read {
            Read::Text => row.try_get_by_index::<Option<String>>(0)?.into(),
            Read::Link => DimensionValue::Link(LinkId(row.try_get_by_index::<Uuid>(0)?)),
            Read::Code(read) => row.try_get_by_index::<Option<i16>>(0)?.and_then(read).unwrap_or(DimensionValue::Unknown),
        })
    }

    /// The clicks with any of these values.
    pub fn among(&self, values: &[DimensionValue]) -> Condition {
        let (mut texts, mut ids, mut codes, mut unknown) = (Vec::new(), Vec::new(), Vec::new(), false);
        for value in values {
            match value {
                DimensionValue::Text(text) => texts.push(Some(text.clone())),
                DimensionValue::Link(link) => ids.push(link.0),
                DimensionValue::Device(device) => codes.push(device.code()),
                DimensionValue::Channel(channel) => codes.push(channel.code()),
                DimensionValue::Verdict(verdict) => codes.push(verdict.code()),
                DimensionValue::VerdictReason(reason) => codes.push(reason.code()),
                DimensionValue::Unknown => unknown = true,
            }
        }
        let unknown_text = unknown && matches!(self.read, Read::Text);
        texts.extend(unknown_text.then_some(None));
        Condition::any()
            .add_option((!texts.is_empty()).then(|| any_of(self.column.as_str(), &texts)))
            .add_option((!ids.is_empty()).then(|| self.column.is_in(ids)))
            .add_option((!codes.is_empty()).then(|| self.column.is_in(codes)))
            .add_option((unknown && !unknown_text).then(|| Expr::col(self.column).is_null()))
    }
}
