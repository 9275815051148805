//! Totals and series. Both are sums over (quarter-hour, verdict): from rollup cells wherever the
//! filter allows, from clicks otherwise and for the pieces of a quarter at the range's ends.

use std::collections::BTreeMap;

use domain::{BucketSpan, ClickFilter, Millis, Outcome, Quarter, Seq, Verdict};
use entity::{click, rollup_cell};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, EntityTrait, FromQueryResult, QueryFilter, QuerySelect};
use uuid::Uuid;

use crate::cell::{Cell, Count};
use crate::filter_sql::condition;
use crate::{StoreError, WorkspaceScope};

/// The link id of cells that count the whole workspace.
pub(crate) const WHOLE_WORKSPACE: Uuid = Uuid::nil();

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

/// What an answer was computed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Rollup,
    Clicks,
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

impl WorkspaceScope {
    /// # Errors
    /// When the database does not answer.
    pub async fn totals(&self, filter: &ClickFilter) -> Result<Totals, StoreError> {
        let (quarters, source) = self.by_quarter(filter).await?;
        let mut counts = Counts::default();
        quarters.values().for_each(|quarter| counts.add(quarter));
        Ok(Totals { counts, source, data_from: self.data_from(filter).await?, head: self.head().await? })
    }

    /// The clicks in each of `spans`, which join and whose edges are edges of quarters; what lies
    /// outside the filter's range is not counted.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn series(&self, filter: &ClickFilter, spans: &[BucketSpan]) -> Result<Series, StoreError> {
        let (quarters, source) = self.by_quarter(filter).await?;
        let mut points = vec![Counts::default(); spans.len()];
        for (quarter, counts) in quarters {
            let after = spans.partition_point(|span| span.start <= quarter.start());
            if let Some(point) = after.checked_sub(1).and_then(|index| points.get_mut(index)) {
                point.add(&counts);
            }
        }
        Ok(Series { points, source, data_from: self.data_from(filter).await?, head: self.head().await? })
    }

    async fn data_from(&self, filter: &ClickFilter) -> Result<Millis, StoreError> {
        let created_at = self.get().await?.created_at;
        Ok(filter.from.map_or(created_at, |from| from.max(created_at)))
    }

    async fn by_quarter(&self, filter: &ClickFilter) -> Result<(BTreeMap<Quarter, Counts>, Source), StoreError> {
        let mut sums = BTreeMap::new();
        // The verdict counts ignore the filter's verdicts, which only choose what `clicks` sums.
        let filter = ClickFilter { verdicts: Vec::new(), ..filter.clone() };
        let first = filter.from.map(|from| Quarter::of(from.plus(Quarter::MILLIS - 1)));
        let end = filter.to.map(Quarter::of);
        let whole_quarters = first.zip(end).is_none_or(|(first, end)| first < end);
        if filter.needs_clicks() || !whole_quarters {
            self.add_clicks(&filter, &mut sums).await?;
            return Ok((sums, Source::Clicks));
        }
        if let Some((from, first)) = filter.from.zip(first).filter(|(from, first)| *from < first.start()) {
            self.add_clicks(&ClickFilter { from: Some(from), to: Some(first.start()), ..filter.clone() }, &mut sums).await?;
        }
        self.add_cells(&filter, first, end, &mut sums).await?;
        if let Some((to, end)) = filter.to.zip(end).filter(|(to, end)| end.start() < *to) {
            self.add_clicks(&ClickFilter { from: Some(end.start()), to: Some(to), ..filter.clone() }, &mut sums).await?;
        }
        Ok((sums, Source::Rollup))
    }

    async fn add_cells(
        &self,
        filter: &ClickFilter,
        first: Option<Quarter>,
        end: Option<Quarter>,
        sums: &mut BTreeMap<Quarter, Counts>,
    ) -> Result<(), StoreError> {
        let links = if filter.links.is_empty() { vec![WHOLE_WORKSPACE] } else { filter.links.iter().map(|link| link.0).collect() };
        let mut wanted =
            Condition::all().add(rollup_cell::Column::WorkspaceId.eq(self.workspace.0)).add(rollup_cell::Column::LinkId.is_in(links));
        if let Some(first) = first {
            wanted = wanted.add(rollup_cell::Column::Quarter.gte(first.0));
        }
        if let Some(end) = end {
            wanted = wanted.add(rollup_cell::Column::Quarter.lt(end.0));
        }
        let rows: Vec<(i64, Vec<u8>)> = rollup_cell::Entity::find()
            .select_only()
            .column(rollup_cell::Column::Quarter)
            .column(rollup_cell::Column::Body)
            .filter(wanted)
            .into_tuple()
            .all(&self.transaction)
            .await?;
        for (quarter, body) in rows {
            let cell = Cell::decode(&body).map_err(|error| StoreError::Internal(error.to_string()))?;
            let counts: &mut Counts = sums.entry(Quarter(quarter)).or_default();
            cell.totals().for_each(|(verdict, Count { clicks, .. })| *counts.slot(verdict) += clicks);
        }
        Ok(())
    }

    async fn add_clicks(&self, filter: &ClickFilter, sums: &mut BTreeMap<Quarter, Counts>) -> Result<(), StoreError> {
        let counted = Outcome::ALL.iter().filter(|outcome| outcome.is_counted()).map(|outcome| outcome.code());
        // Written out, since PostgreSQL takes two bound parameters for two different expressions.
        let quarter = Expr::cust(format!("occurred_at / {}", Quarter::MILLIS));
        let rows = click::Entity::find()
            .select_only()
            .column_as(quarter.clone(), "quarter")
            .column(click::Column::Verdict)
            .column_as(click::Column::Id.count(), "clicks")
            .filter(condition(self.workspace, filter))
            .filter(click::Column::Outcome.is_in(counted))
            .group_by(quarter)
            .group_by(click::Column::Verdict)
            .into_model::<CountRow>()
            .all(&self.transaction)
            .await?;
        for row in rows {
            let verdict = Verdict::from_code(row.verdict).ok_or_else(|| StoreError::Internal("a click has no known verdict".into()))?;
            *sums.entry(Quarter(row.quarter)).or_default().slot(verdict) += row.clicks.unsigned_abs();
        }
        Ok(())
    }
}

#[derive(FromQueryResult)]
struct CountRow {
    quarter: i64,
    verdict: i16,
    clicks: i64,
}
