//! Writing what clicks change: numbers for values that are new, cells merged with what is stored, link statistics.
//! Under the head's lock, so that nobody else does meanwhile.

pub(super) mod postgres;
pub(super) mod sqlite;

use crate::StoreError;
use crate::rollup::{CellKey, Changes, CountedRow, Counting, Facts, FullBlocks, Interner, Spelled, Target, facts_of};

use std::collections::BTreeMap;

use domain::{Quarter, WorkspaceId};
use uuid::Uuid;

use super::rejudge::Rejudged;

/// Gives numbers to values that have none and that a cell will name; what cells there are is as stored.
pub(super) fn give(
    workspace: WorkspaceId,
    values: &mut Interner,
    fresh: Vec<Spelled>,
    clicks: &[Facts<'_>],
    counting: &mut Counting,
    stored: &[(CellKey, Vec<u8>)],
) -> Result<Vec<(Spelled, i64)>, StoreError> {
    if fresh.is_empty() {
        return Ok(Vec::new());
    }
    let full = FullBlocks::of_stored(stored.iter().map(|(key, body)| (key, body.as_slice())))
        .map_err(|((.., quarter), _)| StoreError::Rollups { workspace, quarter: Quarter(quarter) })?;
    let (named, left_out) = full.part(fresh, clicks, counting);
    left_out.into_iter().for_each(|value| values.leave_out(value));
    Ok(values.give(named))
}

/// What new clicks change.
pub(super) fn added(clicks: &[Facts<'_>], counting: &mut Counting, values: &Interner) -> Result<Changes, StoreError> {
    let mut target = Target::new(counting, values);
    clicks.iter().try_for_each(|facts| target.add(facts))?;
    Ok(target.finish())
}

/// Stored clicks as they are, and as they will be once they are judged and read again.
pub(super) struct Moved {
    before: Vec<CountedRow>,
    after: Vec<CountedRow>,
}

impl Moved {
    pub fn new(before: Vec<CountedRow>, judged: &BTreeMap<Uuid, Rejudged>) -> Self {
        let mut after = before.clone();
        for row in &mut after {
            let Some(judged) = judged.get(&row.id) else { continue };
            row.verdict = judged.verdict.code();
            row.verdict_reason = judged.reason.code();
            if let Some(derived) = &judged.derived {
                row.derive(derived);
            }
        }
        Self { before, after }
    }

    /// Before and after.
    pub fn facts(&self) -> Result<(Vec<Facts<'_>>, Vec<Facts<'_>>), StoreError> {
        Ok((facts_of(&self.before)?, facts_of(&self.after)?))
    }
}

/// What changes where clicks were counted as `before` and are now to be as `after`.
pub(super) fn moved(before: &[Facts<'_>], after: &[Facts<'_>], counting: &mut Counting, values: &Interner) -> Result<Changes, StoreError> {
    let mut target = Target::new(counting, values);
    before.iter().try_for_each(|facts| target.take(facts))?;
    after.iter().try_for_each(|facts| target.add(facts))?;
    // How often and when links were clicked stays.
    Ok(Changes { links: BTreeMap::new(), ..target.finish() })
}
