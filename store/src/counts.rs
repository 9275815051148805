//! Totals and series: sums of clicks, and of first clicks of visitors' days, per verdict over pieces of time,
//! which are cells or, where a series asks for finer points, minutes.

use domain::{BucketSpan, ClickFilter, Millis, Quarter, Seq, Verdict};
use entity::click;
use sea_orm::sea_query::{Expr, SimpleExpr};
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QuerySelect};

use crate::cells::Question;
use crate::filter_sql::within;
use crate::ingest::Marks;
use crate::plan::{Plan, Source};
use crate::rollup::{Count, LINK};
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

    pub(crate) fn add(&mut self, verdict: Verdict, clicks: u64) {
        *self.slot(verdict) += clicks;
    }

    /// The clicks of these verdicts.
    pub fn of(&self, verdicts: &[Verdict]) -> u64 {
        let mut copy = *self;
        Verdict::ALL.iter().filter(|verdict| verdicts.contains(verdict)).map(|verdict| *copy.slot(*verdict)).sum()
    }
}

/// What is counted of a piece of time, each per verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub counts: Counts,
    firsts: Counts,
    told: Counts,
    /// Whether what the firsts are of is one link or the whole workspace.
    exact: bool,
}

impl Tally {
    /// Of nothing yet, of what the filter asks for.
    pub(crate) fn of_one(filter: &ClickFilter) -> Self {
        let of_link = ClickFilter { include: domain::ClickProperties { links: Vec::new(), ..filter.include.clone() }, ..filter.clone() };
        Self { exact: of_link.one_dimension() == Some(None), ..Self::default() }
    }

    /// Visitors whose first click of their day is among these, by that click's verdict. `None` where neither
    /// one link nor the whole workspace is asked for, or only some of its clicks by another property than
    /// their time and verdict, or where none of the clicks says who it is of.
    pub fn daily_uniques(&self, verdicts: &[Verdict]) -> Option<u64> {
        (self.exact && self.tells_visitors(verdicts)).then(|| self.firsts.of(verdicts))
    }

    /// Whether any of these clicks says who it is of, or there are none.
    pub fn tells_visitors(&self, verdicts: &[Verdict]) -> bool {
        self.told.of(verdicts) > 0 || self.counts.of(verdicts) == 0
    }

    /// The clicks that no visitor could be told of.
    pub fn without_visitor(&self, verdicts: &[Verdict]) -> u64 {
        self.counts.of(verdicts).saturating_sub(self.told.of(verdicts))
    }

    pub(crate) fn add_count(&mut self, verdict: Verdict, count: Count) {
        self.counts.add(verdict, count.clicks.unsigned_abs());
        self.firsts.add(verdict, count.firsts.unsigned_abs());
        self.told.add(verdict, count.told.unsigned_abs());
    }
}

/// Whether firsts are known of what is asked for.
pub(crate) fn has_firsts(filter: &ClickFilter) -> bool {
    let one_link = filter.include.links.len() == 1;
    (one_link || !filter.names_links()) && filter.one_dimension() == Some(None)
}

#[derive(Clone, Copy, Debug)]
pub struct Totals {
    pub tally: Tally,
    pub source: Source,
    /// The first instant the answer covers.
    pub data_from: Millis,
    /// The head of the snapshot that was counted.
    pub head: Seq,
}

#[derive(Clone, Debug)]
pub struct Series {
    /// One for each bucket asked for.
    pub points: Vec<Tally>,
    pub source: Source,
    pub data_from: Millis,
    pub head: Seq,
}

/// The span that a piece of time is in.
pub(crate) fn index_of(spans: &[BucketSpan], start: Millis) -> Option<usize> {
    spans.partition_point(|span| span.start <= start).checked_sub(1)
}

/// The finest points of a series.
const MINUTE: i64 = 60_000;

/// The width in milliseconds of the widest pieces of clicks that lie within one of `spans` each, whatever these are.
pub(crate) fn finest(spans: &[BucketSpan]) -> i64 {
    let on_quarters = spans.iter().all(|span| Quarter::is_edge(span.start) && Quarter::is_edge(span.end));
    if on_quarters { Quarter::MILLIS } else { MINUTE }
}

impl WorkspaceScope {
    /// Of every verdict: the filter's say only what is to be summed of them.
    ///
    /// # Errors
    /// When the database does not answer; [`StoreError::Folded`].
    pub async fn totals(&self, filter: &ClickFilter) -> Result<Totals, StoreError> {
        let any = filter.of_any_verdict();
        let mut tally = Tally { exact: has_firsts(filter), ..Tally::default() };
        let plan = self.sums(&any, &[], |_, verdict, count| tally.add_count(verdict, count)).await?;
        Ok(Totals { tally, source: plan.source(), data_from: self.data_from(filter, &plan).await?, head: self.head().await? })
    }

    /// The clicks in each of `spans`, which join and whose edges are edges of minutes; what lies
    /// outside the filter's range is not counted. Where an edge lies within a cell, clicks are counted.
    ///
    /// # Errors
    /// When the database does not answer; [`StoreError::Folded`].
    pub async fn series(&self, filter: &ClickFilter, spans: &[BucketSpan]) -> Result<Series, StoreError> {
        let inside = within(&filter.of_any_verdict(), spans);
        let mut points = vec![Tally { exact: has_firsts(filter), ..Tally::default() }; spans.len()];
        let add = |start, verdict, count| {
            if let Some(point) = index_of(spans, start).and_then(|index| points.get_mut(index)) {
                point.add_count(verdict, count);
            }
        };
        let plan = self.sums(&inside, spans, add).await?;
        Ok(Series { points, source: plan.source(), data_from: self.data_from(filter, &plan).await?, head: self.head().await? })
    }

    /// Tells the counts of pieces of time, each within one of `spans`, or anywhere where there are none; and what
    /// they were read from.
    async fn sums(&self, filter: &ClickFilter, spans: &[BucketSpan], each: impl FnMut(Millis, Verdict, Count)) -> Result<Plan, StoreError> {
        let width = finest(spans);
        let Some(question) = self.question(filter, None).await? else {
            return self.sums_by(filter, None, Plan::of_clicks(filter.clone()), width, each).await;
        };
        let (question, plan) = match question.plan(filter, question.pieces(spans)) {
            // What links have each by themselves is kept for ever.
            Err(StoreError::Folded(_)) if question.block == LINK => {
                let each = question.of_each_link(filter);
                let plan = each.plan(filter, each.pieces(spans))?;
                (each, plan)
            }
            plan => (question, plan?),
        };
        self.sums_by(filter, Some(&question), plan, width, each).await
    }

    async fn sums_by(
        &self,
        filter: &ClickFilter,
        question: Option<&Question<'_>>,
        mut plan: Plan,
        width: i64,
        mut each: impl FnMut(Millis, Verdict, Count),
    ) -> Result<Plan, StoreError> {
        if let Some(question) = question {
            let mut found = Vec::new();
            let capped = self.read_cells(question, &plan, |one| found.push(one)).await?;
            if capped && question.chooses() {
                // What is asked for may be among what the cells left out.
                plan = Plan::of_clicks(filter.clone());
            } else {
                found.into_iter().for_each(|one| each(one.start, one.verdict, one.count));
            }
        }
        for part in &plan.clicks {
            self.add_clicks(part, width, &mut each).await?;
        }
        Ok(plan)
    }

    /// The first instant that an answer by this plan covers: where it counts clicks of a time from which they
    /// are no longer kept, it is after the last of them. Never after the end of what was asked for, which may lie before
    /// the workspace's beginning.
    pub(crate) async fn data_from(&self, filter: &ClickFilter, plan: &Plan) -> Result<Millis, StoreError> {
        let kept_from = self.forgotten().await?.kept_from;
        let missing = plan.clicks.iter().filter(|part| part.from.is_none_or(|from| from < kept_from));
        let after_missing = missing.map(|part| part.to.map_or(kept_from, |to| to.min(kept_from))).max();
        let from = self.get().await?.created_at.max(filter.from.unwrap_or_default()).max(after_missing.unwrap_or_default());
        Ok(filter.to.map_or(from, |to| from.min(to)))
    }

    /// The first instant that a list of clicks covers.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn clicks_from(&self, filter: &ClickFilter) -> Result<Millis, StoreError> {
        self.data_from(filter, &Plan::of_clicks(filter.clone())).await
    }

    /// The counts of pieces `width` milliseconds wide.
    pub(crate) async fn add_clicks(
        &self,
        filter: &ClickFilter,
        width: i64,
        each: &mut impl FnMut(Millis, Verdict, Count),
    ) -> Result<(), StoreError> {
        // Written out, since PostgreSQL takes two bound parameters for two different expressions.
        let piece = Expr::cust(format!("occurred_at / {width}"));
        let rows = click::Entity::find()
            .select_only()
            .column_as(piece.clone(), "piece")
            .column(click::Column::Verdict)
            .column_as(click::Column::Id.count(), "clicks")
            .column_as(bits(if filter.names_links() { Marks::FIRST_OF_LINK } else { Marks::FIRST_OF_WORKSPACE }), "firsts")
            .column_as(bits(Marks::TOLD), "told")
            .filter(self.counted(filter))
            .group_by(piece)
            .group_by(click::Column::Verdict)
            .into_model::<CountRow>()
            .all(&self.transaction)
            .await?;
        for row in rows {
            let verdict = Verdict::from_code(row.verdict).ok_or_else(|| StoreError::Internal("a click has no known verdict".into()))?;
            each(Millis(row.piece * width), verdict, Count { clicks: row.clicks, firsts: row.firsts, told: row.told });
        }
        Ok(())
    }
}

#[derive(FromQueryResult)]
struct CountRow {
    piece: i64,
    verdict: i16,
    clicks: i64,
    firsts: i64,
    told: i64,
}

/// How many clicks have this mark.
pub(crate) fn bits(mark: Marks) -> SimpleExpr {
    Expr::cust(format!("COALESCE(SUM((first_of_day & {0}) / {0}), 0)", mark.0))
}
