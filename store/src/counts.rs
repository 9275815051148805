//! Totals and series: sums of clicks per verdict over pieces of time, which are quarter-hours or,
//! where a series asks for finer points, minutes.

use std::collections::BTreeMap;

use domain::{BucketSpan, ClickFilter, Millis, Quarter, Seq, Verdict};
use entity::click;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QuerySelect};

use crate::cell::Count;
use crate::filter_sql::{counted, within};
use crate::plan::{CellsOf, Plan, Source};
use crate::{StoreError, WorkspaceScope};

/// Clicks per verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub human: u64,
    pub suspected: u64,
    pub bot: u64,
    pub internal: u64,
}

impl Counts {
    fn slot(&mut self, verdict: Verdict) -> &mut u64 {
        match verdict {
            Verdict::Human => &mut self.human,
            Verdict::Suspected => &mut self.suspected,
            Verdict::Bot => &mut self.bot,
            Verdict::Internal => &mut self.internal,
        }
    }

    /// The clicks of these verdicts; of people when none is named.
    pub fn of(&self, verdicts: &[Verdict]) -> u64 {
        let mut copy = *self;
        let wanted = |verdict: &&Verdict| if verdicts.is_empty() { **verdict == Verdict::Human } else { verdicts.contains(verdict) };
        Verdict::ALL.iter().filter(wanted).map(|verdict| *copy.slot(*verdict)).sum()
    }

    fn add(&mut self, other: &Self) {
        self.human += other.human;
        self.suspected += other.suspected;
        self.bot += other.bot;
        self.internal += other.internal;
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Totals {
    pub counts: Counts,
    pub source: Source,
    /// The first instant the answer covers.
    pub data_from: Millis,
    /// The head of the snapshot that was counted.
    pub head: Seq,
}

#[derive(Clone, Debug)]
pub struct Series {
    /// One for each bucket asked for.
    pub points: Vec<Counts>,
    pub source: Source,
    pub data_from: Millis,
    pub head: Seq,
}

/// The finest points of a series.
const MINUTE: i64 = 60_000;

impl WorkspaceScope {
    /// # Errors
    /// When the database does not answer.
    pub async fn totals(&self, filter: &ClickFilter) -> Result<Totals, StoreError> {
        let plan = Plan::of(&of_any_verdict(filter));
        let mut counts = Counts::default();
        self.sums(&plan, Quarter::MILLIS).await?.values().for_each(|piece| counts.add(piece));
        Ok(Totals { counts, source: plan.source(), data_from: self.data_from(filter).await?, head: self.head().await? })
    }

    /// The clicks in each of `spans`, which join and whose edges are edges of minutes; what lies
    /// outside the filter's range is not counted. Cells hold quarters, so if any edge lies within
    /// one, clicks are counted.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn series(&self, filter: &ClickFilter, spans: &[BucketSpan]) -> Result<Series, StoreError> {
        let inside = of_any_verdict(&within(filter, spans));
        let on_quarters = spans.iter().all(|span| Quarter::is_edge(span.start) && Quarter::is_edge(span.end));
        let (plan, width) = if on_quarters { (Plan::of(&inside), Quarter::MILLIS) } else { (Plan::of_clicks(inside), MINUTE) };
        let mut points = vec![Counts::default(); spans.len()];
        for (start, counts) in self.sums(&plan, width).await? {
            let after = spans.partition_point(|span| span.start <= start);
            if let Some(point) = after.checked_sub(1).and_then(|index| points.get_mut(index)) {
                point.add(&counts);
            }
        }
        Ok(Series { points, source: plan.source(), data_from: self.data_from(filter).await?, head: self.head().await? })
    }

    pub(crate) async fn data_from(&self, filter: &ClickFilter) -> Result<Millis, StoreError> {
        let created_at = self.get().await?.created_at;
        Ok(filter.from.map_or(created_at, |from| from.max(created_at)))
    }

    /// The counts of pieces `width` milliseconds wide, by the start of each; cells are only read
    /// where that is a quarter.
    async fn sums(&self, plan: &Plan, width: i64) -> Result<BTreeMap<Millis, Counts>, StoreError> {
        let mut sums = BTreeMap::new();
        for filter in &plan.clicks {
            self.add_clicks(filter, width, &mut sums).await?;
        }
        if let Some(range) = &plan.cells {
            let of = if range.links.is_empty() { CellsOf::Workspace } else { CellsOf::Links(&range.links) };
            for (_, quarter, cell) in self.cells(of, range).await? {
                let counts: &mut Counts = sums.entry(quarter.start()).or_default();
                cell.totals().for_each(|(verdict, Count { clicks, .. })| *counts.slot(verdict) += clicks);
            }
        }
        Ok(sums)
    }

    async fn add_clicks(&self, filter: &ClickFilter, width: i64, sums: &mut BTreeMap<Millis, Counts>) -> Result<(), StoreError> {
        // Written out, since PostgreSQL takes two bound parameters for two different expressions.
        let piece = Expr::cust(format!("occurred_at / {width}"));
        let rows = click::Entity::find()
            .select_only()
            .column_as(piece.clone(), "piece")
            .column(click::Column::Verdict)
            .column_as(click::Column::Id.count(), "clicks")
            .filter(counted(self.workspace, filter))
            .group_by(piece)
            .group_by(click::Column::Verdict)
            .into_model::<CountRow>()
            .all(&self.transaction)
            .await?;
        for row in rows {
            let verdict = Verdict::from_code(row.verdict).ok_or_else(|| StoreError::Internal("a click has no known verdict".into()))?;
            *sums.entry(Millis(row.piece * width)).or_default().slot(verdict) += row.clicks.unsigned_abs();
        }
        Ok(())
    }
}

/// The verdict counts ignore the filter's verdicts, which only choose what `clicks` sums.
fn of_any_verdict(filter: &ClickFilter) -> ClickFilter {
    ClickFilter { verdicts: Vec::new(), ..filter.clone() }
}

#[derive(FromQueryResult)]
struct CountRow {
    piece: i64,
    verdict: i16,
    clicks: i64,
}
