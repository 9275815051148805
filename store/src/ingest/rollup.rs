//! What a batch's new clicks, or clicks that were judged again, change in cells and link statistics.

use std::collections::BTreeMap;

use domain::{Click, ClickId, LinkId, Quarter, Verdict};
use uuid::Uuid;

use super::visits::Marks;
use crate::StoreError;
use crate::cell::{Cell, Count};
use crate::plan::WHOLE_WORKSPACE;

/// A counted click that changes from one verdict to another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moved {
    pub id: ClickId,
    pub link: LinkId,
    pub marks: Marks,
    pub from: Verdict,
    pub to: Verdict,
}

/// What changes in one workspace, in key order.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// What is added to cells, by (link or whole workspace, quarter).
    pub cells: BTreeMap<(Uuid, i64), Cell>,
    /// What is taken out of some of them.
    taken: BTreeMap<(Uuid, i64), Cell>,
    /// By link: counted clicks, time of the last one.
    pub links: BTreeMap<Uuid, (i64, i64)>,
}

/// A counted click that goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Removed {
    pub id: ClickId,
    pub link: LinkId,
    pub marks: Marks,
    pub verdict: Verdict,
}

impl Changes {
    /// Of new clicks; what each is to its visitor's day is asked of `marks`.
    pub fn of(clicks: &[Click], marks: impl Fn(Uuid) -> Marks) -> Self {
        let mut changes = Self::default();
        for click in clicks.iter().filter(|click| click.outcome.is_counted()) {
            let at = click.occurred_at();
            for (key, count) in counts(click.link, Quarter::of(at), marks(click.id.0)) {
                changes.cells.entry(key).or_default().add(click.verdict, count);
            }
            let (count, last) = changes.links.entry(click.link.0).or_insert((0, at.0));
            *count += 1;
            *last = at.0.max(*last);
        }
        changes
    }

    /// Of stored clicks whose verdict changes: each takes along that it was the first of its visitor's day.
    pub fn moved(clicks: &[Moved]) -> Self {
        let mut changes = Self::default();
        for click in clicks.iter().filter(|click| click.from != click.to) {
            for (key, count) in counts(click.link, Quarter::of(click.id.made_at()), click.marks) {
                changes.taken.entry(key).or_default().add(click.from, count);
                changes.cells.entry(key).or_default().add(click.to, count);
            }
        }
        changes
    }

    /// Of counted clicks that go, and of those that are the first of their visitor's day instead: each with
    /// the marks that it gains.
    pub fn removed(clicks: &[Removed], firsts: &[Removed]) -> Self {
        let mut changes = Self::default();
        for click in clicks {
            for (key, count) in counts(click.link, Quarter::of(click.id.made_at()), click.marks) {
                changes.cells.entry(key).or_default();
                changes.taken.entry(key).or_default().add(click.verdict, count);
            }
        }
        for click in firsts {
            for (key, count) in counts(click.link, Quarter::of(click.id.made_at()), click.marks) {
                changes.cells.entry(key).or_default().add(click.verdict, Count { clicks: 0, told: 0, ..count });
            }
        }
        changes
    }

    /// Merges a cell as stored into its change.
    ///
    /// # Errors
    /// When the stored bytes are of no known form, or hold less than is taken out.
    pub fn merge(&mut self, key: (Uuid, i64), stored: &[u8]) -> Result<(), StoreError> {
        let mut cell = Cell::decode(stored).map_err(|error| StoreError::Internal(error.to_string()))?;
        if let Some(change) = self.cells.get_mut(&key) {
            cell.merge(change);
            if let Some(taken) = self.taken.remove(&key) {
                cell.take(&taken).map_err(|error| StoreError::Internal(error.to_string()))?;
            }
            *change = cell;
        }
        Ok(())
    }

    /// To be called when all stored cells are merged.
    ///
    /// # Errors
    /// When something is to be taken out of a cell that is not there.
    pub fn check(&self) -> Result<(), StoreError> {
        let missing = || StoreError::Internal("a click that was judged again is in no rollup cell".into());
        if self.taken.is_empty() { Ok(()) } else { Err(missing()) }
    }
}

/// What one click is in the cells of its link and of the workspace.
fn counts(link: LinkId, quarter: Quarter, marks: Marks) -> [((Uuid, i64), Count); 2] {
    let count = |first| Count { clicks: 1, firsts: marks.has(first).into(), told: marks.has(Marks::TOLD).into() };
    [((link.0, quarter.0), count(Marks::FIRST_OF_LINK)), ((WHOLE_WORKSPACE, quarter.0), count(Marks::FIRST_OF_WORKSPACE))]
}
