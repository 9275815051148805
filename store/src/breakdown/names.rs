//! What the numbers of a breakdown stand for.

use std::collections::HashMap;

use domain::{Channel, Device, Dimension, DimensionValue, LinkId, VerdictReason};
use uuid::Uuid;

use super::BreakdownRequest;
use super::cells::Known;
use super::search::Searched;
use crate::rollup::{Block, OTHER, UNKNOWN, code_of};
use crate::{StoreError, WorkspaceScope};

impl WorkspaceScope {
    /// What the numbers stand for, with what was known by its value already; only what was searched for, and of
    /// numbers only what may be among the first.
    pub(super) async fn named(
        &self,
        block: Block,
        request: &BreakdownRequest,
        clicks: HashMap<Known, u64>,
    ) -> Result<HashMap<DimensionValue, u64>, StoreError> {
        let mut values: HashMap<DimensionValue, u64> = HashMap::new();
        let mut numbers: Vec<(u64, u64)> = Vec::new();
        for (known, clicks) in clicks.into_iter().filter(|(_, clicks)| *clicks > 0) {
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
        } else if wanted.is_none() && (values.is_empty() || values.keys().eq([&DimensionValue::Unknown])) {
            // What certainly is not among the first need not be named.
            request.order.cut(&mut numbers, request.first);
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
        Ok(values)
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
}
