//! What a batch's new clicks add to cells and to link statistics.

use std::collections::BTreeMap;

use domain::{Click, Quarter};
use uuid::Uuid;

use crate::cell::{Cell, Count};
use crate::plan::WHOLE_WORKSPACE;

/// What the new clicks of one workspace change, in key order.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// By (link or whole workspace, quarter).
    pub cells: BTreeMap<(Uuid, i64), Cell>,
    /// By link: counted clicks, time of the last one.
    pub links: BTreeMap<Uuid, (i64, i64)>,
}

impl Changes {
    pub fn of(clicks: &[Click]) -> Self {
        let mut changes = Self::default();
        for click in clicks.iter().filter(|click| click.outcome.is_counted()) {
            let at = click.occurred_at();
            let quarter = Quarter::of(at).0;
            for key in [(click.link.0, quarter), (WHOLE_WORKSPACE, quarter)] {
                changes.cells.entry(key).or_default().add(click.verdict, Count { clicks: 1, firsts: 0 });
            }
            let (count, last) = changes.links.entry(click.link.0).or_insert((0, at.0));
            *count += 1;
            *last = at.0.max(*last);
        }
        changes
    }

    /// Merges a cell as stored into its change.
    ///
    /// # Errors
    /// When the stored bytes are of no known form.
    pub fn merge(&mut self, key: (Uuid, i64), stored: &[u8]) -> Result<(), crate::StoreError> {
        let mut cell = Cell::decode(stored).map_err(|error| crate::StoreError::Internal(error.to_string()))?;
        if let Some(change) = self.cells.get_mut(&key) {
            cell.merge(change);
            *change = cell;
        }
        Ok(())
    }
}
