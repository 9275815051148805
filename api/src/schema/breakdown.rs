//! Breakdowns: the clicks of each value of a dimension.

use std::collections::HashMap;

use async_graphql::dataloader::DataLoader;
use async_graphql::{ComplexObject, Context, Enum, InputObject, Object, SimpleObject};
use domain::{ApiScope, DimensionValue, Invalid, Issue, IssueCode, LinkId, WorkspaceId};
use store::{BreakdownRequest, BreakdownRow as StoredRow};

use super::context::{reader, services};
use super::counts::Source;
use super::dimension::{Dimension, check_key};
use super::dimension_label::{label, link_label, unknown};
use super::error::{ApiError, ApiResult};
use super::filter::{ClickFilterInput, resolve_compared};
use super::link::Link;
use super::link_list::OrderDirection;
use super::loader::{LinkKey, LinkLoader};
use super::page::{Cursor, StoredCursor};
use super::period::Compare;
use super::scalars::DateTime;

/// What the rows of a breakdown are ordered by. Rows that are alike in it are in the order of their values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "store::BreakdownOrderField")]
pub enum BreakdownOrderField {
    Clicks,
    /// The text of the value, by its bytes; null is last in both directions.
    Value,
    /// The clicks more (or, below 0, less) than in the range compared with, so `compare` must be given. Values that
    /// were clicked only in that range are rows as well.
    Change,
}

/// The order of a breakdown's rows.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct BreakdownOrder {
    field: BreakdownOrderField,
    #[graphql(default_with = "OrderDirection::Desc")]
    direction: OrderDirection,
}

impl From<BreakdownOrder> for store::BreakdownOrder {
    fn from(order: BreakdownOrder) -> Self {
        Self { field: order.field.into(), descending: order.direction == OrderDirection::Desc }
    }
}

/// Clicks of the same value in the range compared with.
#[derive(Clone, Copy, Debug, SimpleObject)]
pub struct PreviousClicks {
    pub clicks: u64,
}

/// One value of a dimension.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct BreakdownRow {
    /// As the filter takes it: the name of a CHANNEL, DEVICE, VERDICT or VERDICT_REASON, the id of a LINK.
    /// Null is unknown, for REFERRER direct, and for what links have a link without.
    pub value: Option<String>,
    pub clicks: u64,
    /// Of the total, 0 to 1. Those of all tags may add up to more, as links may have several.
    pub share: f64,
    /// Of a LINK its visitors by day, as ClickTotals.dailyUniques of that link alone. Null for other
    /// dimensions, where the filter asks for more than time, link and verdict, and where none of the
    /// clicks says who it is of.
    pub daily_uniques: Option<u64>,
    /// Null unless compare was asked for and the range has a beginning; also null, beside `capped`, where that range
    /// has clicks that are counted without their values and does not name this one.
    pub previous: Option<PreviousClicks>,
    #[graphql(skip)]
    unknown: &'static str,
    /// Of a rule, what it is or was called; read only where a label is asked for.
    #[graphql(skip)]
    rule_name: Option<String>,
    #[graphql(skip)]
    link_key: Option<LinkKey>,
}

#[ComplexObject]
impl BreakdownRow {
    /// The value for a person: of a LINK its title, or else its slug; of a RULE its name.
    async fn label(&self, ctx: &Context<'_>) -> ApiResult<String> {
        let name = self.load(ctx).await?.map(|link| link_label(&link)).or_else(|| self.rule_name.clone());
        Ok(label(name, self.value.clone(), self.unknown))
    }

    /// The link as it is now, deleted or not. Null unless the dimension is LINK.
    async fn link(&self, ctx: &Context<'_>) -> ApiResult<Option<Link>> {
        let services = services(ctx)?;
        Ok(self.load(ctx).await?.map(|link| Link::new(services, link)))
    }
}

impl BreakdownRow {
    /// All rows of an answer are looked up together.
    async fn load(&self, ctx: &Context<'_>) -> Result<Option<domain::Link>, ApiError> {
        let Some(key) = self.link_key else { return Ok(None) };
        let loader = ctx.data::<DataLoader<LinkLoader>>().map_err(|error| ApiError::Internal(error.message))?;
        loader.load_one(key).await.map_err(|error| ApiError::Internal(error.to_string()))
    }
}

/// The clicks that were sent on, by the values of a dimension.
#[derive(Clone, Debug, SimpleObject)]
pub struct ClickBreakdown {
    /// Most clicks first, then by value, unless orderBy says otherwise.
    pub rows: Vec<BreakdownRow>,
    /// The clicks that are in none of the rows.
    pub other: u64,
    /// Whether rows may have more clicks than they say, in this range or in the one compared with: a cell names the
    /// first 1,000 values of a dimension, and counts what comes after them without its value. These are in `other`.
    pub capped: bool,
    /// Clicks of all values, whatever was searched for.
    pub total: u64,
    pub source: Source,
    /// The first instant that the answer covers in full: after the last clicks that it would have to count
    /// and that are not kept any more (`Workspace.clicksKeptFrom`).
    pub data_from: DateTime,
    /// As dataFrom, of the range compared with. Null unless there is one.
    pub previous_data_from: Option<DateTime>,
    /// A subscription after this cursor misses and repeats nothing of what was counted.
    pub live_cursor: String,
}

#[derive(Default)]
pub struct BreakdownQuery;

#[Object]
impl BreakdownQuery {
    /// How many clicks each value of a dimension had. People's clicks, unless the filter names
    /// verdicts; of VERDICT and VERDICT_REASON everybody's. `search` keeps the rows whose value,
    /// or a link's title or slug, contains it, without regard to case. `first` is 50 unless given,
    /// 500 at most. TAG, FOLDER, DOMAIN and METADATA are those of the clicks' links as these are now, deleted
    /// ones included: a link with several tags is counted with each.
    #[expect(clippy::too_many_arguments, reason = "the arguments of the field")]
    async fn click_breakdown(
        &self,
        ctx: &Context<'_>,
        filter: Option<ClickFilterInput>,
        dimension: Dimension,
        #[graphql(desc = "The name of a PARAMETER or of METADATA, 1 to 64 characters; of nothing else.")] key: Option<String>,
        compare: Option<Compare>,
        #[graphql(desc = "Default: {field: CLICKS, direction: DESC}.")] order_by: Option<BreakdownOrder>,
        search: Option<String>,
        first: Option<i32>,
    ) -> ApiResult<Option<ClickBreakdown>> {
        let (services, workspace) = (services(ctx)?, reader(ctx, ApiScope::ClicksRead)?);
        let scope = services.read(workspace).await?;
        let wanting_compare = order_by.is_some_and(|order| order.field == BreakdownOrderField::Change) && compare.is_none();
        let (search, first) = check((dimension, key.as_deref()), search, first, wanting_compare)?;
        let (filter, compared) = resolve_compared(services, &scope, filter, compare).await?;
        let (order, shared_domain) = (order_by.map(Into::into).unwrap_or_default(), services.short_domain.authority());
        let request = BreakdownRequest { dimension: dimension.into(), key, filter, compared, search, first, order, shared_domain };
        let found = scope.breakdown(&request).await?;
        let names = if dimension == Dimension::Rule && ctx.look_ahead().field("rows").field("label").exists() {
            let ids: Vec<String> = found.rows.iter().filter_map(|row| row.value.text()).collect();
            scope.rule_names(&ids).await?
        } else {
            HashMap::new()
        };
        let with_uniques = dimension == Dimension::Link && ctx.look_ahead().field("rows").field("dailyUniques").exists();
        let uniques = if with_uniques { scope.daily_uniques_of(&request.filter, links_of(&found.rows)).await? } else { HashMap::new() };
        let total = found.total;
        let row = |row| to_row(workspace, dimension, total, (&names, &uniques), row);
        Ok(Some(ClickBreakdown {
            other: found.other,
            rows: found.rows.into_iter().map(row).collect(),
            capped: found.capped,
            total,
            source: found.source.into(),
            data_from: DateTime(found.data_from),
            previous_data_from: found.previous_data_from.map(DateTime),
            live_cursor: StoredCursor(found.head).encode(),
        }))
    }
}

const DEFAULT_ROWS: i32 = 50;
const MOST_ROWS: i32 = 500;
/// In characters. No value that is searched for is longer than a parameter's 512.
const LONGEST_SEARCH: usize = 200;

fn check(
    (dimension, key): (Dimension, Option<&str>),
    search: Option<String>,
    first: Option<i32>,
    wanting_compare: bool,
) -> Result<(Option<String>, u64), Invalid> {
    let mut invalid = Invalid::default();
    if wanting_compare {
        let message = "Say what to compare with: CHANGE is against that range.";
        invalid.0.push(Issue::new("compare", IssueCode::Required, message));
    }
    invalid.0.extend(check_key(dimension, key));
    let first = first.unwrap_or(DEFAULT_ROWS);
    if !(0..=MOST_ROWS).contains(&first) {
        let message = format!("Ask for 0 to {MOST_ROWS} rows, or search for the one you need.");
        invalid.0.push(Issue::new("first", IssueCode::OutOfRange, message));
    }
    if search.as_ref().is_some_and(|search| search.chars().count() > LONGEST_SEARCH) {
        let message = format!("Search for at most {LONGEST_SEARCH} characters.");
        invalid.0.push(Issue::new("search", IssueCode::TooLong, message));
    }
    invalid.finish()?;
    Ok((search.filter(|search| !search.is_empty()), first.unsigned_abs().into()))
}

fn links_of(rows: &[StoredRow]) -> Vec<LinkId> {
    rows.iter().filter_map(|row| if let DimensionValue::Link(link) = row.value { Some(link) } else { None }).collect()
}

/// What rules are called, and the visitors of links.
type About<'a> = (&'a HashMap<String, String>, &'a HashMap<LinkId, u64>);

fn to_row(workspace: WorkspaceId, dimension: Dimension, total: u64, (names, uniques): About<'_>, row: StoredRow) -> BreakdownRow {
    let link_key = if let DimensionValue::Link(link) = row.value { Some(LinkKey { workspace, link }) } else { None };
    let value = row.value.text();
    BreakdownRow {
        link_key,
        rule_name: value.as_ref().and_then(|id| names.get(id).cloned()),
        value,
        clicks: row.clicks,
        share: if total > 0 { row.clicks as f64 / total as f64 } else { 0.0 },
        daily_uniques: link_key.and_then(|key| uniques.get(&key.link).copied()),
        previous: row.previous.map(|clicks| PreviousClicks { clicks }),
        unknown: unknown(dimension.into()),
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::resolver_utils::enum_value;

    use super::*;
    use crate::schema::click::{Device, Verdict};

    #[test]
    fn values_are_named_as_in_the_schema() {
        let text = |value: DimensionValue| value.text().unwrap_or_default();
        for device in domain::Device::ALL {
            assert_eq!(enum_value(Device::from(*device)).to_string(), text(DimensionValue::Device(*device)));
        }
        for verdict in domain::Verdict::ALL {
            assert_eq!(enum_value(Verdict::from(*verdict)).to_string(), text(DimensionValue::Verdict(*verdict)));
        }
    }

    #[test]
    fn all_offences_are_told_at_once() {
        let paths: Vec<_> = check((Dimension::Parameter, None), Some("x".repeat(201)), Some(501), true)
            .unwrap_err()
            .0
            .into_iter()
            .map(|issue| issue.path)
            .collect();
        assert_eq!(paths, ["compare", "key", "first", "search"]);
        assert_eq!(check((Dimension::City, None), Some(String::new()), None, false), Ok((None, 50)));
        assert!(check((Dimension::City, None), None, Some(-1), false).is_err());
    }
}
