//! Breakdowns: the clicks of each value of a dimension, most first. Links are summed from their
//! rollup cells where the filter allows; everything else is grouped from clicks.
//!
//! Text has as many values as visitors care to send, so the database orders and cuts it. Links and
//! the few values of enums are ordered here, by names that no column holds.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use domain::{Channel, ClickFilter, Device, Dimension, DimensionValue, LinkId, Millis, Seq, Verdict, VerdictReason};
use entity::click::{Column, Entity};
use entity::link;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait as _, DbBackend, EntityTrait, IdenStatic as _, Order, PaginatorTrait as _};
use sea_orm::{QueryFilter, QueryOrder, QuerySelect, Select};
use uuid::Uuid;

use crate::cell::Count;
use crate::filter_sql::{any_of, contains};
use crate::plan::{CellsOf, Plan, Source};
use crate::{StoreError, WorkspaceScope};

#[derive(Clone, Debug)]
pub struct BreakdownRequest {
    pub dimension: Dimension,
    /// Where it names no verdicts, the dimension's default ones are counted.
    pub filter: ClickFilter,
    /// The same question about another range, for [`BreakdownRow::previous`].
    pub compared: Option<ClickFilter>,
    /// Only rows whose value, or a link's slug or title, contains this, without regard to case.
    pub search: Option<String>,
    /// The most rows.
    pub first: u64,
}

#[derive(Clone, Debug)]
pub struct Breakdown {
    /// By clicks, most first, then by value, the unknown last.
    pub rows: Vec<BreakdownRow>,
    /// Of all values, also those that are not among the rows.
    pub total: u64,
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
    /// In the range compared with; `None` when there is none.
    pub previous: Option<u64>,
}

type Values = HashMap<DimensionValue, u64>;

/// Rows without what they are compared with, all clicks, and what both come from.
type Found = (Vec<(DimensionValue, u64)>, u64, Plan);

impl WorkspaceScope {
    /// # Errors
    /// When the database does not answer.
    pub async fn breakdown(&self, request: &BreakdownRequest) -> Result<Breakdown, StoreError> {
        let verdicts = request.dimension.default_verdicts();
        let filter = request.filter.with_default_verdicts(verdicts);
        let (rows, total, plan) = match text_column(request.dimension) {
            Some(column) => self.largest_texts(column, &filter, request).await?,
            None => self.largest_values(&filter, request).await?,
        };
        let previous = match &request.compared {
            Some(compared) => Some(self.previous(&compared.with_default_verdicts(verdicts), &rows, request.dimension).await?),
            None => None,
        };
        // Cells are used of both ranges or of neither, since the filters differ in time only.
        let previous_data_from = match &request.compared {
            Some(compared) => {
                let plan = if plan.cells.is_some() { Plan::of(compared) } else { Plan::of_clicks(compared.clone()) };
                Some(self.data_from(compared, &plan).await?)
            }
            None => None,
        };
        let row = |(value, clicks)| BreakdownRow {
            previous: previous.as_ref().map(|previous| previous.get(&value).copied().unwrap_or(0)),
            value,
            clicks,
        };
        Ok(Breakdown {
            rows: rows.into_iter().map(row).collect(),
            total,
            source: plan.source(),
            data_from: self.data_from(&filter, &plan).await?,
            previous_data_from,
            head: self.head().await?,
        })
    }

    /// What these rules were called at the last of their clicks that match.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn rule_names(&self, filter: &ClickFilter, ids: &[String]) -> Result<HashMap<String, String>, StoreError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let wanted: Vec<Option<String>> = ids.iter().cloned().map(Some).collect();
        let rows: Vec<(String, String)> = Entity::find()
            .select_only()
            .column(Column::RuleId)
            .column(Column::RuleName)
            .filter(self.counted(filter))
            .filter(any_of(Column::RuleId.as_str(), &wanted))
            .filter(Column::RuleName.is_not_null())
            .group_by(Column::RuleId)
            .group_by(Column::RuleName)
            .order_by(Column::Seq.max(), Order::Asc)
            .into_tuple()
            .all(&self.transaction)
            .await?;
        Ok(rows.into_iter().collect())
    }

    async fn largest_texts(&self, column: Column, filter: &ClickFilter, request: &BreakdownRequest) -> Result<Found, StoreError> {
        let total = Entity::find().filter(self.counted(filter)).count(&self.transaction).await?;
        let found = request.search.as_deref().map(|search| contains(column, search));
        // By bytes on both databases, whatever collation PostgreSQL was set up with.
        let postgres = self.transaction.get_database_backend() == DbBackend::Postgres;
        let by_bytes = Expr::cust(format!("{}{}", column.as_str(), if postgres { " COLLATE \"C\"" } else { "" }));
        let rows: Vec<(Option<String>, i64)> = self
            .grouped(column, filter)
            .filter(Condition::all().add_option(found))
            .order_by(Column::Id.count(), Order::Desc)
            .order_by(Expr::col(column).is_null(), Order::Asc)
            .order_by(by_bytes, Order::Asc)
            .limit(request.first)
            .into_tuple()
            .all(&self.transaction)
            .await?;
        let rows = rows.into_iter().map(|(text, clicks)| (text.into(), clicks.unsigned_abs()));
        Ok((rows.collect(), total, Plan::of_clicks(filter.clone())))
    }

    async fn largest_values(&self, filter: &ClickFilter, request: &BreakdownRequest) -> Result<Found, StoreError> {
        let (values, plan) = self.values(request.dimension, filter).await?;
        let total = values.values().sum();
        let mut rows: Vec<_> = match &request.search {
            Some(search) => {
                let found = self.find(request.dimension, search).await?;
                values.into_iter().filter(|(value, _)| found.contains(value)).collect()
            }
            None => values.into_iter().collect(),
        };
        rows.sort_by_cached_key(|(value, clicks)| (Reverse(*clicks), value.text()));
        rows.truncate(usize::try_from(request.first).unwrap_or(usize::MAX));
        Ok((rows, total, plan))
    }

    /// The clicks of each of the values among `rows`, and maybe of others.
    async fn previous(&self, filter: &ClickFilter, rows: &[(DimensionValue, u64)], dimension: Dimension) -> Result<Values, StoreError> {
        let Some(column) = text_column(dimension) else { return Ok(self.values(dimension, filter).await?.0) };
        if rows.is_empty() {
            return Ok(Values::new());
        }
        let texts: Vec<Option<String>> = rows.iter().map(|(value, _)| value.text()).collect();
        let query = self.grouped(column, filter).filter(any_of(column.as_str(), &texts));
        let rows: Vec<(Option<String>, i64)> = query.into_tuple().all(&self.transaction).await?;
        Ok(rows.into_iter().map(|(text, clicks)| (text.into(), clicks.unsigned_abs())).collect())
    }

    /// The clicks of every value of a dimension that is no text.
    async fn values(&self, dimension: Dimension, filter: &ClickFilter) -> Result<(Values, Plan), StoreError> {
        let (column, read): (_, fn(i16) -> Option<DimensionValue>) = match dimension {
            Dimension::Device => (Column::Device, |code| Device::from_code(code).map(DimensionValue::Device)),
            Dimension::Channel => return self.channels(filter).await,
            Dimension::Verdict => (Column::Verdict, |code| Verdict::from_code(code).map(DimensionValue::Verdict)),
            Dimension::VerdictReason => (Column::VerdictReason, |code| VerdictReason::from_code(code).map(DimensionValue::VerdictReason)),
            _ => return self.links_clicked(filter).await,
        };
        let rows: Vec<(i16, i64)> = self.grouped(column, filter).into_tuple().all(&self.transaction).await?;
        let unknown = || StoreError::Internal(format!("a click has no known {}", column.as_str()));
        let value = |(code, clicks): (i16, i64)| Ok((read(code).ok_or_else(unknown)?, clicks.unsigned_abs()));
        Ok((rows.into_iter().map(value).collect::<Result<_, StoreError>>()?, Plan::of_clicks(filter.clone())))
    }

    /// Clicks that were stored before there were channels have none.
    async fn channels(&self, filter: &ClickFilter) -> Result<(Values, Plan), StoreError> {
        let rows: Vec<(Option<i16>, i64)> = self.grouped(Column::Channel, filter).into_tuple().all(&self.transaction).await?;
        let value = |code: Option<i16>| code.and_then(Channel::from_code).map_or(DimensionValue::Unknown, DimensionValue::Channel);
        Ok((rows.into_iter().map(|(code, clicks)| (value(code), clicks.unsigned_abs())).collect(), Plan::of_clicks(filter.clone())))
    }

    async fn links_clicked(&self, filter: &ClickFilter) -> Result<(Values, Plan), StoreError> {
        let plan = Plan::of(filter);
        let mut sums: HashMap<Uuid, u64> = HashMap::new();
        for part in &plan.clicks {
            let rows: Vec<(Uuid, i64)> = self.grouped(Column::LinkId, part).into_tuple().all(&self.transaction).await?;
            rows.into_iter().for_each(|(link, clicks)| *sums.entry(link).or_default() += clicks.unsigned_abs());
        }
        if let Some(range) = &plan.cells {
            let verdicts = filter.verdicts_or(Verdict::ALL);
            for (link, _, cell) in self.cells(CellsOf::by_link(filter), range).await? {
                let wanted = cell.totals().filter(|(verdict, _)| verdicts.contains(verdict));
                *sums.entry(link).or_default() += wanted.map(|(_, Count { clicks, .. })| clicks).sum::<u64>();
            }
        }
        let value = |(link, clicks)| (DimensionValue::Link(LinkId(link)), clicks);
        Ok((sums.into_iter().filter(|(_, clicks)| *clicks > 0).map(value).collect(), plan))
    }

    fn grouped(&self, column: Column, filter: &ClickFilter) -> Select<Entity> {
        Entity::find().select_only().column(column).column_as(Column::Id.count(), "clicks").filter(self.counted(filter)).group_by(column)
    }

    /// The values of a dimension that is no text whose name contains `search`.
    async fn find(&self, dimension: Dimension, search: &str) -> Result<HashSet<DimensionValue>, StoreError> {
        let named = |values: Vec<DimensionValue>| {
            let search = search.to_ascii_uppercase();
            values.into_iter().filter(|value| value.text().is_some_and(|name| name.contains(&search))).collect()
        };
        Ok(match dimension {
            Dimension::Device => named(Device::ALL.iter().copied().map(DimensionValue::Device).collect()),
            Dimension::Channel => named(Channel::ALL.iter().copied().map(DimensionValue::Channel).collect()),
            Dimension::Verdict => named(Verdict::ALL.iter().copied().map(DimensionValue::Verdict).collect()),
            Dimension::VerdictReason => named(VerdictReason::ALL.iter().copied().map(DimensionValue::VerdictReason).collect()),
            _ => self.links_named(search).await?.into_iter().map(DimensionValue::Link).collect(),
        })
    }

    /// Deleted ones as well, since their clicks stay.
    async fn links_named(&self, search: &str) -> Result<Vec<LinkId>, StoreError> {
        let named = Condition::any().add(contains(link::Column::Slug, search)).add(contains(link::Column::Title, search));
        let rows: Vec<Uuid> = link::Entity::find()
            .select_only()
            .column(link::Column::Id)
            .filter(link::Column::WorkspaceId.eq(self.workspace.0))
            .filter(named)
            .into_tuple()
            .all(&self.transaction)
            .await?;
        Ok(rows.into_iter().map(LinkId).collect())
    }
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
        Dimension::Device | Dimension::Channel | Dimension::Link | Dimension::Verdict | Dimension::VerdictReason => return None,
    })
}
