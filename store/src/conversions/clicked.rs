//! How many clicks each value had, to set what they led to beside. A cell that is full counts what came after its
//! first values without these; a rate of that would be too high, so then clicks are counted.

use std::collections::HashMap;

use domain::{ClickFilter, DimensionValue};

use super::led::Led;
use crate::breakdown::TextRequest;
use crate::grouped::Grouping;
use crate::plan::{Pieces, Source};
use crate::{BreakdownOrder, BreakdownRequest, StoreError, WorkspaceScope};

/// Values that are read of cells at most.
const MOST_VALUES: u64 = 200_000;

pub(super) type Clicked = HashMap<DimensionValue, u64>;

fn request(filter: &ClickFilter, by: Grouping<'_>, first: u64) -> BreakdownRequest {
    BreakdownRequest { key: by.key.map(str::to_owned), ..BreakdownRequest::new(by.dimension, filter.clone(), first) }
}

impl WorkspaceScope {
    /// The clicks of every value, where cells can say it of all of them.
    pub(super) async fn clicked_in_cells(&self, filter: &ClickFilter, by: Grouping<'_>) -> Result<Option<Clicked>, StoreError> {
        let Some(question) = self.question(filter, Some((by.dimension, by.key))).await? else { return Ok(None) };
        if question.plan(filter, Pieces::Any)?.cells.is_empty() {
            return Ok(None);
        }
        let found = self.breakdown(&request(filter, by, MOST_VALUES)).await?;
        let whole = found.source == Source::Rollup && !found.capped && (found.rows.len() as u64) < MOST_VALUES;
        Ok(whole.then(|| found.rows.into_iter().map(|row| (row.value, row.clicks)).collect()))
    }

    /// The clicks of every value of a dimension whose values are no texts.
    pub(super) async fn clicked(&self, filter: &ClickFilter, by: Grouping<'_>) -> Result<(Clicked, Source), StoreError> {
        match self.clicked_in_cells(filter, by).await? {
            Some(clicked) => Ok((clicked, Source::Rollup)),
            None => Ok((self.grouped(filter, by).await?.into_iter().collect(), Source::Clicks)),
        }
    }

    /// The values with the most clicks, in their order.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn most_clicked(
        &self,
        filter: &ClickFilter,
        by: Grouping<'_>,
        first: u64,
    ) -> Result<(Vec<(DimensionValue, u64)>, Source), StoreError> {
        let found = self.breakdown(&request(filter, by, first)).await?;
        let (rows, source) = if found.capped {
            let request = TextRequest { by, search: None, first, order: BreakdownOrder::default() };
            (self.largest_texts(filter, None, request).await?.rows, Source::Clicks)
        } else {
            (found.rows, found.source)
        };
        Ok((rows.into_iter().map(|row| (row.value, row.clicks)).collect(), source))
    }
}

/// Whether every click that led to something is among those that were counted.
pub(super) fn covers(clicked: &Clicked, led: &HashMap<DimensionValue, Led>) -> bool {
    led.iter().all(|(value, led)| clicked.get(value).is_some_and(|clicks| *clicks >= led.clicks))
}
