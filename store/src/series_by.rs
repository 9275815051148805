//! A series beside those of the largest values of a dimension. Counts of everybody's clicks reach back further than
//! clicks do, from which some values are told: here all of it covers the same time, so that it adds up.

use domain::{BucketSpan, ClickFilter, DimensionValue, Millis};

use crate::counts::Series;
use crate::plan::Source;
use crate::split_series::SplitSeries;
use crate::{BreakdownRequest, StoreError, WorkspaceScope};

#[derive(Clone, Debug)]
pub struct SeriesBy {
    /// What was counted: the filter, from the first instant on that all of it covers.
    pub filter: ClickFilter,
    pub series: Series,
    /// The largest in the whole of that time, most clicks first.
    pub values: Vec<DimensionValue>,
    pub split: SplitSeries,
    /// Whether some clicks are counted without their values.
    pub capped: bool,
    /// Clicks, where any of it was.
    pub source: Source,
    /// The first instant that all of it covers.
    pub data_from: Millis,
}

impl WorkspaceScope {
    /// The clicks in each of `spans`, which join and whose edges are edges of minutes, and those of the request's first
    /// values.
    ///
    /// # Errors
    /// When the database does not answer; [`StoreError::Folded`].
    pub async fn series_by(&self, request: &BreakdownRequest, spans: &[BucketSpan]) -> Result<SeriesBy, StoreError> {
        let mut request = request.clone();
        let created_at = self.get().await?.created_at;
        // From where on an answer covers everything if no click is missing.
        let mut data_from = request.filter.to.map_or(created_at, |to| to.min(created_at)).max(request.filter.from.unwrap_or_default());
        loop {
            // On the heap, since what each keeps between its waits would together fill much of a thread's stack.
            let series = Box::pin(self.series(&request.filter, spans)).await?;
            let top = Box::pin(self.breakdown(&request)).await?;
            let values: Vec<DimensionValue> = top.rows.into_iter().map(|row| row.value).collect();
            let split = Box::pin(self.split_series(&request, spans, &values)).await?;
            let covered = series.data_from.max(top.data_from).max(split.data_from);
            if covered <= data_from {
                let is_of_clicks = [series.source, top.source, split.source].contains(&Source::Clicks);
                let (capped, source) = (split.capped || top.capped, if is_of_clicks { Source::Clicks } else { Source::Rollup });
                return Ok(SeriesBy { filter: request.filter, series, values, split, capped, source, data_from });
            }
            // It only rises, and no further than to the end of what was asked for or the first click that is kept.
            data_from = covered;
            request.filter.from = Some(covered);
        }
    }
}
