//! Which part of a range is read from rollup cells and which from clicks: cells for whatever whole pieces they
//! have, days before smaller ones; clicks for the rest, which is less than an hour at either end of a range, and
//! for everything where a filter asks for what no cell knows.

use domain::{BucketSpan, ClickFilter, Millis, Quarter};
use jiff::tz::TimeZone;

use crate::rollup::{FINE_QUARTERS, Grain, day_start, fine_start};

/// What an answer was computed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Rollup,
    Clicks,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    /// Ranges that share no click with each other.
    pub cells: Vec<CellRange>,
    /// Filters that share no click with each other nor with the cells.
    pub clicks: Vec<ClickFilter>,
}

/// Whole pieces, by the quarters that they begin with, half-open; `None` where the range is open.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct CellRange {
    pub grain: Grain,
    pub first: Option<i64>,
    pub end: Option<i64>,
}

/// What there is to be read of a workspace, as its head says.
#[derive(Clone, Debug)]
pub(crate) struct Horizon {
    /// Of its days.
    pub zone: TimeZone,
    /// The quarter from which on what is asked for is in cells.
    pub since: i64,
    /// The quarter before which it is in days only.
    pub folded_before: i64,
    /// The instant from which on clicks are kept.
    pub kept_from: Millis,
}

/// The smallest pieces that may be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Pieces {
    /// Whatever is in cells.
    Any,
    /// Nothing wider than a fine cell.
    Fine,
    /// Clicks alone.
    None,
}

/// What is asked of cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// Totals of quarter-hours, which are kept for ever.
    Totals,
    /// The same, and how long redirects took.
    Latency,
    Dimension,
}

impl Kept {
    fn grain(self) -> Grain {
        if self == Self::Dimension { Grain::Fine } else { Grain::Quarter }
    }

    /// The quarter that the smallest piece with this one in it begins with.
    fn down(self, quarter: i64, horizon: &Horizon) -> i64 {
        match self {
            Self::Totals | Self::Latency => quarter,
            Self::Dimension => fine_start(quarter, day_start(Quarter(quarter).start(), &horizon.zone).0),
        }
    }

    /// The first edge of the smallest pieces from this quarter on.
    fn up(self, quarter: i64, horizon: &Horizon) -> i64 {
        let down = self.down(quarter, horizon);
        if down == quarter { quarter } else { self.down(down + FINE_QUARTERS, horizon) }
    }
}

impl Pieces {
    /// The widest that lie within one of `spans` each.
    pub fn within(spans: &[BucketSpan], kept: Kept, horizon: &Horizon) -> Self {
        let mut edges = spans.iter().map(|span| span.start).chain(spans.last().map(|span| span.end));
        let is_edge = |edge: Millis| Quarter::is_edge(edge) && kept.down(Quarter::of(edge).0, horizon) == Quarter::of(edge).0;
        if !edges.clone().all(is_edge) {
            return Self::None;
        }
        if edges.all(|edge| is_day_edge(edge, &horizon.zone)) { Self::Any } else { Self::Fine }
    }
}

fn is_day_edge(at: Millis, zone: &TimeZone) -> bool {
    day_start(at, zone).start() == at
}

impl Plan {
    pub fn of_clicks(filter: ClickFilter) -> Self {
        Self { cells: Vec::new(), clicks: vec![filter] }
    }

    pub fn source(&self) -> Source {
        if self.cells.is_empty() { Source::Clicks } else { Source::Rollup }
    }

    /// `filter` is about clicks whose counts are in cells as `kept`.
    pub fn of(filter: &ClickFilter, kept: Kept, pieces: Pieces, horizon: &Horizon) -> Self {
        let Some(mut cover) = Cover::of(filter, kept, horizon).filter(|_| pieces != Pieces::None) else {
            return Self::of_clicks(filter.clone());
        };
        match (cover.days(kept, horizon), pieces) {
            (Some((first, end)), Pieces::Any) => {
                let (before, after) = (cover.part(cover.first, first), cover.part(end, cover.end));
                cover.add(Grain::Day, first, end);
                // What is open has no pieces before or after its days.
                for part in [before, after].into_iter().flatten() {
                    cover.add_small(part, kept, horizon);
                }
            }
            _ => cover.add_small((cover.first, cover.end), kept, horizon),
        }
        cover.finish(filter)
    }
}

/// A range while it is cut up, in quarters; open ends are `None`.
struct Cover {
    first: Option<i64>,
    end: Option<i64>,
    cells: Vec<CellRange>,
    /// In milliseconds, half-open.
    clicks: Vec<(Option<Millis>, Option<Millis>)>,
}

type Range = (Option<i64>, Option<i64>);

impl Cover {
    /// `None` where there is no whole piece in the range.
    fn of(filter: &ClickFilter, kept: Kept, horizon: &Horizon) -> Option<Self> {
        let since = if kept == Kept::Totals || horizon.since == 0 { None } else { Some(horizon.since) };
        let from = filter.from.map(|from| Quarter::of(from.plus(Quarter::MILLIS - 1)).0);
        let (first, end) = (from.max(since), filter.to.filter(|to| *to < Millis::MAX).map(|to| Quarter::of(to).0));
        if first.zip(end).is_some_and(|(first, end)| first >= end) || since == Some(i64::MAX) {
            return None;
        }
        let mut cover = Self { first, end, cells: Vec::new(), clicks: Vec::new() };
        let start = first.map(|first| Quarter(first).start());
        if let Some(start) = start.filter(|start| filter.from.is_none_or(|from| from < *start)) {
            cover.clicks.push((filter.from, Some(start)));
        }
        if let Some((to, end)) = filter.to.zip(end).filter(|(to, end)| Quarter(*end).start() < *to) {
            cover.clicks.push((Some(Quarter(end).start()), Some(to)));
        }
        let is_whole = |first: i64, end: i64| kept.up(first, horizon) < kept.down(end, horizon);
        let has_pieces = first.zip(end).is_none_or(|(first, end)| is_whole(first, end) || cover.days(kept, horizon).is_some());
        has_pieces.then_some(cover)
    }

    /// The whole days in it; `None` where there are none.
    fn days(&self, kept: Kept, horizon: &Horizon) -> Option<Range> {
        let since = if horizon.since == 0 { None } else { Some(horizon.since) };
        let from = if kept == Kept::Totals { self.first.max(since) } else { self.first };
        if from == Some(i64::MAX) {
            return None;
        }
        let next = |quarter: i64| {
            let start = day_start(Quarter(quarter).start(), &horizon.zone);
            if start.0 == quarter { quarter } else { day_start(Quarter(start.0 + LONGEST_DAY).start(), &horizon.zone).0 }
        };
        let (first, end) = (from.map(next), self.end.map(|end| day_start(Quarter(end).start(), &horizon.zone).0));
        first.zip(end).is_none_or(|(first, end)| first < end).then_some((first, end))
    }

    fn part(&self, first: Option<i64>, end: Option<i64>) -> Option<Range> {
        let is_nothing = first == end || first.zip(end).is_some_and(|(first, end)| first >= end);
        // An open end of the days is an open end of the range.
        (!is_nothing).then_some((first, end))
    }

    fn add(&mut self, grain: Grain, first: Option<i64>, end: Option<i64>) {
        self.cells.push(CellRange { grain, first, end });
    }

    /// Pieces smaller than days; clicks where those are kept by the day only, and for what is no whole piece.
    fn add_small(&mut self, (first, end): Range, kept: Kept, horizon: &Horizon) {
        let folded = if kept == Kept::Dimension && horizon.folded_before > 0 { Some(horizon.folded_before) } else { None };
        let (cells_from, cells_to) = (first.max(folded).map(|first| kept.up(first, horizon)), end.map(|end| kept.down(end, horizon)));
        if cells_from.zip(cells_to).is_some_and(|(from, to)| from >= to) {
            self.add_clicks(first, end);
            return;
        }
        if cells_from != first {
            self.add_clicks(first, cells_from);
        }
        if cells_to != end {
            self.add_clicks(cells_to, end);
        }
        self.add(kept.grain(), cells_from, cells_to);
    }

    fn add_clicks(&mut self, first: Option<i64>, end: Option<i64>) {
        let start = |quarter: i64| Quarter(quarter).start();
        self.clicks.push((first.map(start), end.map(start)));
    }

    fn finish(self, filter: &ClickFilter) -> Plan {
        let part = |(from, to)| ClickFilter { from, to, ..filter.clone() };
        Plan { cells: self.cells, clicks: self.clicks.into_iter().map(part).collect() }
    }
}

/// In quarters, and less than two days.
const LONGEST_DAY: i64 = 30 * 4;

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
