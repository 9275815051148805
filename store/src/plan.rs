//! Which part of a range is read from rollup cells and which from clicks: cells for all whole
//! quarters where the filter asks for nothing that they do not hold, clicks for everything else
//! and for the pieces of a quarter at the range's ends.

use domain::{ClickFilter, Quarter};
use entity::rollup_cell::{Column, Entity};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use crate::cell::Cell;
use crate::{StoreError, WorkspaceScope};

/// The link id of cells that count the whole workspace.
pub(crate) const WHOLE_WORKSPACE: Uuid = Uuid::nil();

/// What an answer was computed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Rollup,
    Clicks,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    pub cells: Option<CellRange>,
    /// Filters that share no click with each other nor with the cells.
    pub clicks: Vec<ClickFilter>,
}

/// Whole quarters, half-open; `None` where the range is open.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CellRange {
    first: Option<Quarter>,
    end: Option<Quarter>,
}

/// Whose cells.
#[derive(Clone, Copy, Debug)]
pub(crate) enum CellsOf<'a> {
    Workspace,
    /// Of the links that the filter lets through.
    Links(&'a ClickFilter),
    EveryLink,
}

impl<'a> CellsOf<'a> {
    /// The fewest cells that hold all clicks of a filter.
    pub fn fewest(filter: &'a ClickFilter) -> Self {
        if filter.names_links() { Self::Links(filter) } else { Self::Workspace }
    }

    /// The same, with each link's by itself.
    pub fn by_link(filter: &'a ClickFilter) -> Self {
        if filter.names_links() { Self::Links(filter) } else { Self::EveryLink }
    }
}

impl CellRange {
    pub fn between(first: Quarter, end: Quarter) -> Self {
        Self { first: Some(first), end: Some(end) }
    }
}

impl Plan {
    pub fn of(filter: &ClickFilter) -> Self {
        let first = filter.from.map(|from| Quarter::of(from.plus(Quarter::MILLIS - 1)));
        let end = filter.to.map(Quarter::of);
        let whole_quarters = first.zip(end).is_none_or(|(first, end)| first < end);
        if filter.needs_clicks() || !whole_quarters {
            return Self::of_clicks(filter.clone());
        }
        let head = filter.from.zip(first).map(|(from, first)| (from, first.start()));
        let tail = filter.to.zip(end).map(|(to, end)| (end.start(), to));
        let ragged = head.into_iter().chain(tail).filter(|(from, to)| from < to);
        Self {
            clicks: ragged.map(|(from, to)| ClickFilter { from: Some(from), to: Some(to), ..filter.clone() }).collect(),
            cells: Some(CellRange { first, end }),
        }
    }

    pub fn of_clicks(filter: ClickFilter) -> Self {
        Self { cells: None, clicks: vec![filter] }
    }

    pub fn source(&self) -> Source {
        if self.cells.is_some() { Source::Rollup } else { Source::Clicks }
    }
}

impl WorkspaceScope {
    /// The cells of a range, each with its link and quarter, in no order.
    pub(crate) async fn cells(&self, of: CellsOf<'_>, range: &CellRange) -> Result<Vec<(Uuid, Quarter, Cell)>, StoreError> {
        let of_a_link = || Condition::all().add(Column::LinkId.ne(WHOLE_WORKSPACE));
        let wanted = Condition::all()
            .add(Column::WorkspaceId.eq(self.workspace.0))
            .add(match of {
                CellsOf::Workspace => Column::LinkId.eq(WHOLE_WORKSPACE).into(),
                CellsOf::Links(filter) => of_a_link().add(self.of_links(filter, Column::LinkId)),
                CellsOf::EveryLink => of_a_link(),
            })
            .add_option(range.first.map(|first| Column::Quarter.gte(first.0)))
            .add_option(range.end.map(|end| Column::Quarter.lt(end.0)));
        let rows: Vec<(Uuid, i64, Vec<u8>)> = Entity::find()
            .select_only()
            .column(Column::LinkId)
            .column(Column::Quarter)
            .column(Column::Body)
            .filter(wanted)
            .into_tuple()
            .all(&self.transaction)
            .await?;
        let decode = |(link, quarter, body): (_, _, Vec<u8>)| {
            let cell = Cell::decode(&body).map_err(|error| StoreError::Internal(error.to_string()))?;
            Ok((link, Quarter(quarter), cell))
        };
        rows.into_iter().map(decode).collect()
    }
}

#[cfg(test)]
mod tests {
    use domain::Millis;

    use super::*;

    fn between(from: Option<i64>, to: Option<i64>) -> ClickFilter {
        ClickFilter { from: from.map(Millis), to: to.map(Millis), ..ClickFilter::default() }
    }

    #[test]
    fn only_what_is_no_whole_quarter_is_read_from_clicks() {
        const Q: i64 = Quarter::MILLIS;
        for (from, to, clicks, cells) in [
            (None, None, vec![], true),
            (Some(Q), Some(3 * Q), vec![], true),
            (Some(Q + 1), Some(3 * Q + 2), vec![(Q + 1, 2 * Q), (3 * Q, 3 * Q + 2)], true),
            (None, Some(3 * Q + 2), vec![(3 * Q, 3 * Q + 2)], true),
            (Some(Q + 1), Some(2 * Q), vec![(Q + 1, 2 * Q)], false),
            (Some(Q + 1), Some(2 * Q + 5), vec![(Q + 1, 2 * Q + 5)], false),
        ] {
            let plan = Plan::of(&between(from, to));
            let wanted: Vec<_> = clicks.into_iter().map(|(from, to)| between(Some(from), Some(to))).collect();
            assert_eq!((&plan.clicks, plan.cells.is_some()), (&wanted, cells), "{from:?} {to:?}");
        }
    }
}
