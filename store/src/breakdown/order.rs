//! The order of a breakdown's rows.

use domain::DimensionValue;

use super::BreakdownRow;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BreakdownOrderField {
    #[default]
    Clicks,
    /// The text of the value, by its bytes.
    Value,
    /// The clicks that were gained against the range compared with.
    Change,
}

/// Values of the same rank are in the order of their texts, the unknown last; so it is in either direction of
/// [`BreakdownOrderField::Value`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakdownOrder {
    pub field: BreakdownOrderField,
    pub descending: bool,
}

/// Most clicks first.
impl Default for BreakdownOrder {
    fn default() -> Self {
        Self { field: BreakdownOrderField::Clicks, descending: true }
    }
}

impl BreakdownOrder {
    /// The first so many rows, in order.
    pub fn first(self, mut rows: Vec<BreakdownRow>, first: u64) -> Vec<BreakdownRow> {
        rows.sort_by_cached_key(|row| (self.rank(row), row.value == DimensionValue::Unknown, row.value.text()));
        if self.field == BreakdownOrderField::Value && self.descending {
            let known = rows.partition_point(|row| row.value != DimensionValue::Unknown);
            rows.get_mut(..known).unwrap_or_default().reverse();
        }
        rows.truncate(usize::try_from(first).unwrap_or(usize::MAX));
        rows
    }

    fn rank(self, row: &BreakdownRow) -> i128 {
        let rank = match self.field {
            BreakdownOrderField::Clicks => row.clicks.into(),
            BreakdownOrderField::Value => 0,
            // What is not known to have changed is where nothing has.
            BreakdownOrderField::Change => row.previous.map_or(0, |previous| i128::from(row.clicks) - i128::from(previous)),
        };
        if self.descending { -rank } else { rank }
    }

    /// Leaves those that may be among the first by clicks, of (value, clicks).
    pub(super) fn cut(self, numbers: &mut Vec<(u64, u64)>, first: u64) {
        let Some(index) = usize::try_from(first).ok().map(|first| first.saturating_sub(1)).filter(|_| self.is_by_clicks()) else { return };
        numbers.sort_unstable_by_key(|(_, clicks)| self.rank_of(*clicks));
        if let Some(last) = numbers.get(index).map(|(_, clicks)| self.rank_of(*clicks)) {
            numbers.retain(|(_, clicks)| self.rank_of(*clicks) <= last);
        }
    }

    fn is_by_clicks(self) -> bool {
        self.field == BreakdownOrderField::Clicks
    }

    fn rank_of(self, clicks: u64) -> i128 {
        if self.descending { -i128::from(clicks) } else { clicks.into() }
    }
}
