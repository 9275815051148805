//! Breakdowns: the clicks of each value of a dimension, most first. Summed from rollup cells where the filter
//! allows; everything else is grouped from clicks.
//!
//! Text has as many values as visitors care to send. Cells know only the first of a day; of clicks the database
//! orders and cuts them. Links and the few values of enums are ordered here, by names that no column holds.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use domain::{Channel, ClickFilter, Device, Dimension, DimensionValue, LinkId, Millis, Seq, Verdict, VerdictReason};
use entity::click::{Column, Entity};
use entity::{link, rollup_value};
use sea_orm::{ColumnTrait, Condition, EntityTrait, IdenStatic as _, Order, PaginatorTrait as _};
use sea_orm::{QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::cells::Question;
use crate::filter_sql::{any_of, contains};
use crate::grouped::Grouping;
use crate::plan::{Pieces, Plan, Source};
use crate::rollup::{Block, LINK, OTHER, UNKNOWN, code_of};
use crate::{StoreError, WorkspaceScope};

#[derive(Clone, Debug)]
pub struct BreakdownRequest {
    pub dimension: Dimension,
    /// Of a parameter, its name.
    pub key: Option<String>,
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
    /// Whether some clicks are counted without their values, so that rows may have more than is told.
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
    /// In the range compared with; `None` when there is none.
    pub previous: Option<u64>,
}

/// What was found of one range.
struct Found {
    rows: Vec<(DimensionValue, u64)>,
    total: u64,
    capped: bool,
    plan: Plan,
}

/// What a value is known by while it is summed up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Known {
    Number(u64),
    /// In clicks, but not in cells.
    Value(DimensionValue),
}

struct Sums {
    clicks: HashMap<Known, u64>,
    capped: bool,
    plan: Plan,
}

impl BreakdownRequest {
    fn asked(&self) -> (Dimension, Option<&str>) {
        (self.dimension, self.key.as_deref())
    }
}

impl WorkspaceScope {
    /// # Errors
    /// When the database does not answer; [`StoreError::Folded`].
    pub async fn breakdown(&self, request: &BreakdownRequest) -> Result<Breakdown, StoreError> {
        let verdicts = request.dimension.default_verdicts();
        let filter = request.filter.with_default_verdicts(verdicts);
        let found = self.largest(&filter, request).await?;
        let compared = request.compared.as_ref().map(|compared| compared.with_default_verdicts(verdicts));
        let mut previous_data_from = None;
        let mut previous = None;
        if let Some(compared) = &compared {
            let (values, plan) = self.counted_values(compared, request, &found.rows).await?;
            previous_data_from = Some(self.data_from(compared, &plan).await?);
            previous = Some(values);
        }
        let row = |(value, clicks)| BreakdownRow {
            previous: previous.as_ref().map(|previous| previous.get(&value).copied().unwrap_or(0)),
            value,
            clicks,
        };
        Ok(Breakdown {
            rows: found.rows.into_iter().map(row).collect(),
            total: found.total,
            capped: found.capped,
            source: found.plan.source(),
            data_from: self.data_from(&filter, &found.plan).await?,
            previous_data_from,
            head: self.head().await?,
        })
    }

    async fn largest(&self, filter: &ClickFilter, request: &BreakdownRequest) -> Result<Found, StoreError> {
        let Some(question) = self.question(filter, Some(request.asked())).await? else {
            return self.largest_of_clicks(filter, request).await;
        };
        let sums = self.sums_of(&question, filter, request).await?;
        if sums.plan.cells.is_empty() {
            return self.largest_of_clicks(filter, request).await;
        }
        let total = sums.clicks.values().sum();
        let block = question.block;
        let mut rows = self.named(block, request, sums.clicks).await?;
        rows.retain(|(_, clicks)| *clicks > 0);
        rows.sort_by_cached_key(|(value, clicks)| (Reverse(*clicks), *value == DimensionValue::Unknown, value.text()));
        rows.truncate(usize::try_from(request.first).unwrap_or(usize::MAX));
        Ok(Found { rows, total, capped: sums.capped, plan: sums.plan })
    }

    /// Sums up what cells and clicks say.
    async fn sums_of(&self, question: &Question<'_>, filter: &ClickFilter, request: &BreakdownRequest) -> Result<Sums, StoreError> {
        let verdicts = filter.verdicts_or(Verdict::ALL);
        let by_verdict = request.dimension == Dimension::Verdict;
        let mut plan = question.plan(filter, Pieces::Any)?;
        let mut clicks: HashMap<Known, u64> = HashMap::new();
        let mut capped = self
            .read_cells(question, &plan, |found| {
                if verdicts.contains(&found.verdict) {
                    let known = if by_verdict { Known::Value(DimensionValue::Verdict(found.verdict)) } else { Known::Number(found.value) };
                    *clicks.entry(known).or_default() += found.count.clicks.unsigned_abs();
                }
            })
            .await?;
        if capped && question.block == LINK {
            // Each link knows its own clicks.
            let each = question.of_each_link(filter);
            plan = each.plan(filter, Pieces::Any)?;
            clicks.clear();
            let mut links: HashMap<Uuid, u64> = HashMap::new();
            let add = |found: crate::cells::Found| {
                if verdicts.contains(&found.verdict) {
                    *links.entry(found.link).or_default() += found.count.clicks.unsigned_abs();
                }
            };
            self.read_cells(&each, &plan, add).await?;
            clicks.extend(links.into_iter().map(|(link, count)| (Known::Value(DimensionValue::Link(LinkId(link))), count)));
            capped = false;
        } else if capped && question.chooses() {
            return Ok(Sums { clicks: HashMap::new(), capped, plan: Plan::of_clicks(filter.clone()) });
        }
        for part in &plan.clicks {
            let grouping = Grouping { dimension: request.dimension, key: request.key.as_deref() };
            for (value, count) in self.grouped(part, grouping).await? {
                *clicks.entry(Known::Value(value)).or_default() += count;
            }
        }
        Ok(Sums { clicks, capped, plan })
    }

    /// What the numbers stand for, with what was known by its value already; only what was searched for.
    async fn named(
        &self,
        block: Block,
        request: &BreakdownRequest,
        clicks: HashMap<Known, u64>,
    ) -> Result<Vec<(DimensionValue, u64)>, StoreError> {
        let mut values: HashMap<DimensionValue, u64> = HashMap::new();
        let mut numbers: Vec<(u64, u64)> = Vec::new();
        for (known, clicks) in clicks {
            match known {
                Known::Number(UNKNOWN) => *values.entry(DimensionValue::Unknown).or_default() += clicks,
                Known::Number(OTHER) => {}
                Known::Number(number) => numbers.push((number, clicks)),
                Known::Value(value) => *values.entry(value).or_default() += clicks,
            }
        }
        let wanted = match &request.search {
            Some(search) => Some(self.searched(block, request.dimension, search).await?),
            None => None,
        };
        if let Some(wanted) = &wanted {
            values.retain(|value, _| wanted.has(value));
        }
        if let Some(Searched::Numbers(wanted, _)) = &wanted {
            numbers.retain(|(number, _)| wanted.contains(number));
        } else if values.is_empty() || values.keys().eq([&DimensionValue::Unknown]) {
            // What certainly is not among the first need not be named.
            cut(&mut numbers, request.first);
        }
        let names = self.values_of(block, request.dimension, &numbers).await?;
        for (number, clicks) in numbers {
            if let Some(value) = names.get(&number) {
                *values.entry(value.clone()).or_default() += clicks;
            }
        }
        if let Some(Searched::Values(wanted)) = wanted {
            values.retain(|value, _| wanted.contains(value));
        }
        Ok(values.into_iter().collect())
    }

    async fn values_of(
        &self,
        block: Block,
        dimension: Dimension,
        numbers: &[(u64, u64)],
    ) -> Result<HashMap<u64, DimensionValue>, StoreError> {
        let coded = |read: fn(i16) -> Option<DimensionValue>| {
            numbers.iter().filter_map(|(number, _)| Some((*number, read(code_of(*number)?)?))).collect()
        };
        let numbers: Vec<u64> = numbers.iter().map(|(number, _)| *number).collect();
        Ok(match dimension {
            Dimension::Device => coded(|code| Device::from_code(code).map(DimensionValue::Device)),
            Dimension::Channel => coded(|code| Channel::from_code(code).map(DimensionValue::Channel)),
            Dimension::VerdictReason => coded(|code| VerdictReason::from_code(code).map(DimensionValue::VerdictReason)),
            Dimension::Link => {
                let links = self.texts(block, &numbers).await?.into_iter();
                links.filter_map(|(number, text)| Some((number, DimensionValue::Link(LinkId(Uuid::try_parse(&text).ok()?))))).collect()
            }
            _ => self.texts(block, &numbers).await?.into_iter().map(|(number, text)| (number, DimensionValue::Text(text))).collect(),
        })
    }

    /// The clicks of each of the values among `rows`, and maybe of others.
    async fn counted_values(
        &self,
        filter: &ClickFilter,
        request: &BreakdownRequest,
        rows: &[(DimensionValue, u64)],
    ) -> Result<(HashMap<DimensionValue, u64>, Plan), StoreError> {
        if let Some(question) = self.question(filter, Some(request.asked())).await? {
            let sums = self.sums_of(&question, filter, request).await?;
            if !sums.plan.cells.is_empty() {
                let all = BreakdownRequest { search: None, first: u64::MAX, ..request.clone() };
                let values = self.named(question.block, &all, sums.clicks).await?;
                return Ok((values.into_iter().collect(), sums.plan));
            }
        }
        let values: Vec<DimensionValue> = rows.iter().map(|(value, _)| value.clone()).collect();
        let grouping = Grouping { dimension: request.dimension, key: request.key.as_deref() };
        let counted = self.grouped_of(filter, grouping, &values).await?;
        Ok((counted.into_iter().collect(), Plan::of_clicks(filter.clone())))
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

    /// Everything from clicks: text is ordered and cut by the database.
    async fn largest_of_clicks(&self, filter: &ClickFilter, request: &BreakdownRequest) -> Result<Found, StoreError> {
        let grouping = Grouping { dimension: request.dimension, key: request.key.as_deref() };
        let plan = Plan::of_clicks(filter.clone());
        if grouping.is_text() {
            let total = Entity::find().filter(self.counted(filter)).count(&self.transaction).await?;
            let rows = self.largest_texts(filter, grouping, request.search.as_deref(), request.first).await?;
            return Ok(Found { rows, total, capped: false, plan });
        }
        let values = self.grouped(filter, grouping).await?;
        let total = values.iter().map(|(_, clicks)| clicks).sum();
        let mut rows: Vec<_> = match &request.search {
            Some(search) => {
                let found = self.find(request.dimension, search).await?;
                values.into_iter().filter(|(value, _)| found.contains(value)).collect()
            }
            None => values,
        };
        rows.sort_by_cached_key(|(value, clicks)| (Reverse(*clicks), *value == DimensionValue::Unknown, value.text()));
        rows.truncate(usize::try_from(request.first).unwrap_or(usize::MAX));
        Ok(Found { rows, total, capped: false, plan })
    }

    async fn searched(&self, block: Block, dimension: Dimension, search: &str) -> Result<Searched, StoreError> {
        let grouping = Grouping { dimension, key: None };
        if !grouping.is_text() {
            return Ok(Searched::Values(self.find(dimension, search).await?));
        }
        use rollup_value::Column;
        let numbers: Vec<i64> = rollup_value::Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::WorkspaceId.eq(self.workspace.0))
            .filter(Column::Block.eq(block.0))
            .filter(contains(Column::Value, search))
            .into_tuple()
            .all(&self.transaction)
            .await?;
        Ok(Searched::Numbers(numbers.into_iter().map(i64::unsigned_abs).collect(), search.to_owned()))
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

/// What was searched for.
enum Searched {
    Numbers(HashSet<u64>, String),
    Values(HashSet<DimensionValue>),
}

impl Searched {
    /// Whether a value that was found in clicks, and so has no number here, is one of them: as `contains` has it.
    fn has(&self, value: &DimensionValue) -> bool {
        match (self, value) {
            (Self::Values(values), value) => values.contains(value),
            (Self::Numbers(_, search), DimensionValue::Text(text)) => {
                let text = text.to_ascii_lowercase();
                text.contains(&search.to_lowercase()) || text.contains(&search.to_uppercase().to_ascii_lowercase())
            }
            (Self::Numbers(..), _) => false,
        }
    }
}

/// Leaves the `first` largest, and those that have as many clicks as the last of them.
fn cut(numbers: &mut Vec<(u64, u64)>, first: u64) {
    numbers.sort_unstable_by_key(|(_, clicks)| Reverse(*clicks));
    let last = usize::try_from(first).ok().and_then(|first| numbers.get(first.saturating_sub(1))).map(|(_, clicks)| *clicks);
    if let Some(last) = last {
        numbers.retain(|(_, clicks)| *clicks >= last);
    }
}
