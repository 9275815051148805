//! Reading rollup cells: whose, which pieces, and what of them a question is about.

mod numbers;
mod question;

use std::collections::BTreeMap;

use domain::{Millis, Quarter, Verdict};
use uuid::Uuid;

use crate::plan::Plan;
use crate::rollup::{Block, Cell, Count, UNKNOWN};
use crate::{StoreError, WorkspaceScope};

pub(crate) use question::{CellsOf, Question};

/// One number of a cell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub link: Uuid,
    /// When its piece begins.
    pub start: Millis,
    pub value: u64,
    pub verdict: Verdict,
    pub count: Count,
}

impl WorkspaceScope {
    /// Reads what a question asks of the cells of a plan. Whether any of these has left values out that may have
    /// been asked for.
    ///
    /// # Errors
    /// When the database does not answer, or a cell cannot be read.
    pub(crate) async fn read_cells(&self, question: &Question<'_>, plan: &Plan, mut each: impl FnMut(Found)) -> Result<bool, StoreError> {
        let mut capped = false;
        for range in &plan.cells {
            let blocks = [Block::TOTALS, question.block];
            let read = |link, quarter: Quarter, cell: Cell| {
                capped |= cell.is_capped(question.block);
                let mut tell = |value, verdict, count| {
                    if question.wants(value) {
                        each(Found { link, start: quarter.start(), value, verdict, count });
                    }
                };
                let mut unknown: BTreeMap<i16, Count> = BTreeMap::new();
                for (verdict, count) in cell.totals() {
                    unknown.insert(verdict.code(), count);
                }
                if question.block != Block::TOTALS {
                    for entry in cell.block(question.block) {
                        let Some(verdict) = entry.key.verdict() else { continue };
                        unknown.entry(verdict.code()).or_default().add(entry.count.minus());
                        tell(entry.key.value(), verdict, entry.count);
                    }
                }
                // How long redirects took is never unknown.
                let unknown = unknown.into_iter().filter(|(_, count)| count.clicks > 0 && question.block != Block::LATENCY);
                for (verdict, count) in unknown.filter_map(|(code, count)| Some((Verdict::from_code(code)?, count))) {
                    tell(UNKNOWN, verdict, count);
                }
            };
            self.each_cell(question.of, range, &blocks, read).await?;
        }
        Ok(capped)
    }
}
