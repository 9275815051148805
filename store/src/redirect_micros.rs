//! Percentiles of the time that redirects took, over the clicks that counts take: by the nearest rank in the
//! buckets of a histogram, each told by its middle, so within 6.3 %. Cells have the same buckets.

use std::collections::BTreeMap;

use domain::{BucketSpan, ClickFilter, Millis, Verdict};
use entity::click;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, Select};

use crate::cells::Found;
use crate::counts::index_of;
use crate::filter_sql::within;
use crate::plan::{Kept, Plan};
use crate::rollup::{LINK, OTHER, bucket_of, middle_of};
use crate::{StoreError, WorkspaceScope};

/// In microseconds, from the request read to the click captured, just before it is appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RedirectMicros {
    pub p50: u32,
    pub p95: u32,
    pub p99: u32,
}

/// Clicks by bucket.
type Histogram = BTreeMap<u64, u64>;

impl WorkspaceScope {
    /// Over the clicks of the filter's verdicts, of people when it names none; `None` when there
    /// are no clicks.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn redirect_micros(&self, filter: &ClickFilter) -> Result<Option<RedirectMicros>, StoreError> {
        let mut histogram = Histogram::new();
        self.histograms(filter, &[], |_, bucket, clicks| *histogram.entry(bucket).or_default() += clicks).await?;
        Ok(percentiles(&histogram))
    }

    /// The same for each of `spans`, which join; what lies outside the filter's range is left out.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn redirect_micros_in(&self, filter: &ClickFilter, spans: &[BucketSpan]) -> Result<Vec<Option<RedirectMicros>>, StoreError> {
        let mut histograms = vec![Histogram::new(); spans.len()];
        let add = |start, bucket, clicks| {
            if let Some(histogram) = index_of(spans, start).and_then(|index| histograms.get_mut(index)) {
                *histogram.entry(bucket).or_default() += clicks;
            }
        };
        self.histograms(&within(filter, spans), spans, add).await?;
        Ok(histograms.iter().map(percentiles).collect())
    }

    /// Tells a piece's start, a bucket and its clicks.
    async fn histograms(
        &self,
        filter: &ClickFilter,
        spans: &[BucketSpan],
        mut each: impl FnMut(Millis, u64, u64),
    ) -> Result<(), StoreError> {
        let filter = &filter.with_default_verdicts(&[Verdict::Human]);
        let verdicts = filter.verdicts_or(Verdict::ALL);
        let question = self.question(filter, None).await?;
        // Links know it each by themselves, values of dimensions do not.
        let question = question.filter(|question| question.kept == Kept::Totals || question.block == LINK);
        let question = question.map(|question| question.of_latency(filter));
        let plan = match &question {
            Some(question) => question.plan(filter, question.pieces(spans))?,
            None => Plan::of_clicks(filter.clone()),
        };
        if let Some(question) = &question {
            let tell = |found: Found| {
                if verdicts.contains(&found.verdict) {
                    each(found.start, found.value.saturating_sub(OTHER + 1), found.count.clicks.unsigned_abs());
                }
            };
            self.read_cells(question, &plan, tell).await?;
        }
        for part in &plan.clicks {
            self.micros_of_clicks(part, spans, &mut each).await?;
        }
        Ok(())
    }

    async fn micros_of_clicks(
        &self,
        filter: &ClickFilter,
        spans: &[BucketSpan],
        each: &mut impl FnMut(Millis, u64, u64),
    ) -> Result<(), StoreError> {
        if spans.is_empty() {
            let rows: Vec<(i32, i64)> = self.by_micros(filter).into_tuple().all(&self.transaction).await?;
            rows.into_iter().for_each(|(micros, clicks)| each(Millis(0), bucket_of(micros.unsigned_abs()), clicks.unsigned_abs()));
        }
        // Neighbours of the same width are one question; days have others only where clocks change.
        for run in spans.chunk_by(|one, next| one.width() == next.width()) {
            let [first, ..] = run else { continue };
            let index = Expr::cust(format!("(occurred_at - {}) / {}", first.start.0, first.width()));
            let inside = within(filter, run);
            if inside.from >= inside.to {
                continue;
            }
            let query = self.by_micros(&inside).column_as(index.clone(), "span").group_by(index);
            let rows: Vec<(i32, i64, i64)> = query.into_tuple().all(&self.transaction).await?;
            for (micros, clicks, index) in rows {
                if let Some(span) = usize::try_from(index).ok().and_then(|index| run.get(index)) {
                    each(span.start, bucket_of(micros.unsigned_abs()), clicks.unsigned_abs());
                }
            }
        }
        Ok(())
    }

    /// How many clicks took each number of microseconds.
    fn by_micros(&self, filter: &ClickFilter) -> Select<click::Entity> {
        click::Entity::find()
            .select_only()
            .column(click::Column::RedirectMicros)
            .column_as(click::Column::Id.count(), "clicks")
            .filter(self.counted(filter))
            .group_by(click::Column::RedirectMicros)
    }
}

fn percentiles(histogram: &Histogram) -> Option<RedirectMicros> {
    let total: u64 = histogram.values().sum();
    let nearest = |percent: u64| {
        let rank = (total * percent).div_ceil(100);
        let mut seen = 0;
        histogram.iter().find_map(|(bucket, clicks)| {
            seen += clicks;
            (seen >= rank).then(|| middle_of(*bucket))
        })
    };
    Some(RedirectMicros { p50: nearest(50)?, p95: nearest(95)?, p99: nearest(99)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_rank_is_told_by_its_bucket() {
        let of = |counts: &[(u32, u64)]| {
            let histogram = counts.iter().map(|(micros, clicks)| (bucket_of(*micros), *clicks)).collect();
            percentiles(&histogram).map(|micros| (micros.p50, micros.p95, micros.p99))
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[(7, 1)]), Some((7, 7, 7)));
        // Rank 2 of 4, and 3.8 is rank 4; 42 is the middle of 40 to 43.
        assert_eq!(of(&[(40, 1), (10, 1), (30, 1), (20, 1)]), Some((21, 42, 42)));
        // Rank 95 of 100 is the last of the ordinary ones, rank 96 of 101 the first slow one.
        assert_eq!(of(&[(14, 95), (5_000, 5)]), Some((14, 14, 4_864)));
        assert_eq!(of(&[(14, 95), (5_000, 6)]), Some((14, 4_864, 4_864)));
    }
}
