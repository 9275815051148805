//! Percentiles of the time that redirects took: exact, by the nearest rank, over the clicks that
//! counts take. They are read from clicks, so only where somebody asks for them.

use domain::{BucketSpan, ClickFilter, Verdict};
use entity::click;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, Select};

use crate::filter_sql::within;
use crate::{StoreError, WorkspaceScope};

/// In microseconds, from the request read to the click captured, just before it is appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RedirectMicros {
    pub p50: u32,
    pub p95: u32,
}

impl WorkspaceScope {
    /// Over the clicks of the filter's verdicts, of people when it names none; `None` when there
    /// are no clicks.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn redirect_micros(&self, filter: &ClickFilter) -> Result<Option<RedirectMicros>, StoreError> {
        let rows: Vec<(i32, i64)> = self.by_micros(filter).into_tuple().all(&self.transaction).await?;
        Ok(percentiles(rows.into_iter()))
    }

    /// The same for each of `spans`, which join; what lies outside the filter's range is left out.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn redirect_micros_in(&self, filter: &ClickFilter, spans: &[BucketSpan]) -> Result<Vec<Option<RedirectMicros>>, StoreError> {
        let mut all = Vec::with_capacity(spans.len());
        // Neighbours of the same width are one question; days have others only where clocks change.
        for run in spans.chunk_by(|one, next| one.width() == next.width()) {
            let [first, ..] = run else { continue };
            let index = Expr::cust(format!("(occurred_at - {}) / {}", first.start.0, first.width()));
            let query = self.by_micros(&within(filter, run)).column_as(index.clone(), "span").group_by(index);
            let rows: Vec<(i32, i64, i64)> = query.into_tuple().all(&self.transaction).await?;
            all.extend(of_spans(rows, run.len()));
        }
        Ok(all)
    }

    /// How many clicks took each number of microseconds.
    fn by_micros(&self, filter: &ClickFilter) -> Select<click::Entity> {
        click::Entity::find()
            .select_only()
            .column(click::Column::RedirectMicros)
            .column_as(click::Column::Id.count(), "clicks")
            .filter(self.counted(&filter.with_default_verdicts(&[Verdict::Human])))
            .group_by(click::Column::RedirectMicros)
    }
}

/// Rows are microseconds, clicks, and the index of a span.
fn of_spans(mut rows: Vec<(i32, i64, i64)>, spans: usize) -> Vec<Option<RedirectMicros>> {
    let mut answers = vec![None; spans];
    rows.sort_unstable_by_key(|row| row.2);
    for rows in rows.chunk_by(|one, next| one.2 == next.2) {
        let index = rows.first().and_then(|row| usize::try_from(row.2).ok());
        if let Some(answer) = index.and_then(|index| answers.get_mut(index)) {
            *answer = percentiles(rows.iter().map(|(micros, clicks, _)| (*micros, *clicks)));
        }
    }
    answers
}

/// Of pairs of microseconds and clicks.
fn percentiles(counts: impl Iterator<Item = (i32, i64)>) -> Option<RedirectMicros> {
    let mut counts: Vec<(u32, u64)> = counts.map(|(micros, clicks)| (micros.unsigned_abs(), clicks.unsigned_abs())).collect();
    counts.sort_unstable();
    let total: u64 = counts.iter().map(|(_, clicks)| clicks).sum();
    let nearest = |percent: u64| {
        let rank = (total * percent).div_ceil(100);
        let mut seen = 0;
        counts.iter().find_map(|(micros, clicks)| {
            seen += clicks;
            (seen >= rank).then_some(*micros)
        })
    };
    Some(RedirectMicros { p50: nearest(50)?, p95: nearest(95)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_rank_is_a_value_that_occurred() {
        let of = |counts: &[(i32, i64)]| percentiles(counts.iter().copied()).map(|micros| (micros.p50, micros.p95));
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[(7, 1)]), Some((7, 7)));
        // Rank 2 of 4, and 3.8 is rank 4.
        assert_eq!(of(&[(40, 1), (10, 1), (30, 1), (20, 1)]), Some((20, 40)));
        // Rank 95 of 100 is the last of the ordinary ones, rank 96 of 101 the first slow one.
        assert_eq!(of(&[(90, 95), (5_000, 5)]), Some((90, 90)));
        assert_eq!(of(&[(90, 95), (5_000, 6)]), Some((90, 5_000)));
    }
}
