//! Breakdowns by what only the links of clicks say: tags, folders, domains and metadata. The clicks of each link are
//! counted, and those summed up by the groups that the links are in now.

use std::collections::{HashMap, HashSet};

use domain::{ClickFilter, Dimension, DimensionValue};

use super::search::holds;
use super::{BreakdownRequest, BreakdownRow, Found, Values};
use crate::{LinkGroup, StoreError, WorkspaceScope};

impl WorkspaceScope {
    pub(super) async fn breakdown_of_links(
        &self,
        group: &LinkGroup,
        filter: &ClickFilter,
        compared: Option<&ClickFilter>,
        request: &BreakdownRequest,
    ) -> Result<Found, StoreError> {
        let by_link = BreakdownRequest { dimension: Dimension::Link, key: None, search: None, ..request.clone() };
        let now = self.all_values(filter, &by_link).await?;
        let before = match compared {
            Some(compared) => Some(self.all_values(compared, &by_link).await?),
            None => None,
        };
        let groups = self.groups_of_links(group, &request.shared_domain).await?;
        let summed = |found: &Values| groups.sum(&found.values, |sum, clicks| *sum += clicks);
        let mut rows = rows(summed(&now), before.as_ref().map(summed), request);
        if let Some(search) = &request.search {
            rows.retain(|row| row.value.text().is_some_and(|text| holds(&text, search)));
        }
        let rows = request.order.first(rows, request.first);
        let shown: HashSet<&DimensionValue> = rows.iter().map(|row| &row.value).collect();
        let other = now.values.iter().filter(|(link, _)| !groups.of_value(link).iter().any(|value| shown.contains(value)));
        let other = other.map(|(_, clicks)| clicks).sum();
        let Values { total, capped, plan, .. } = now;
        Ok(Found { rows, total, other, capped, plan, previous_plan: before.map(|before| before.plan) })
    }
}

/// A row for each value; by change also for those that were clicked in the range compared with only.
pub(super) fn rows(
    now: HashMap<DimensionValue, u64>,
    before: Option<HashMap<DimensionValue, u64>>,
    request: &BreakdownRequest,
) -> Vec<BreakdownRow> {
    let has_previous = before.is_some();
    let mut before = before.unwrap_or_default();
    let now = now.into_iter().filter(|(_, clicks)| *clicks > 0);
    let mut rows: Vec<BreakdownRow> = now
        .map(|(value, clicks)| {
            let previous = before.remove(&value).unwrap_or_default();
            BreakdownRow { value, clicks, previous: has_previous.then_some(previous) }
        })
        .collect();
    if request.is_by_change() {
        let lost = before.into_iter().filter(|(_, clicks)| *clicks > 0);
        rows.extend(lost.map(|(value, clicks)| BreakdownRow { value, clicks: 0, previous: Some(clicks) }));
    }
    rows
}
