//! Who may export right now: one export of clicks for each workspace, and a few in all.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use domain::WorkspaceId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::schema::error::ApiError;

/// Exports of clicks at once in this process, each with a page of clicks in memory.
const AT_ONCE: usize = 8;
/// In seconds.
const COME_AGAIN: u64 = 10;

#[derive(Clone, Debug)]
pub(crate) struct Turns {
    all: Arc<Semaphore>,
    busy: Arc<Mutex<HashSet<WorkspaceId>>>,
}

impl Default for Turns {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(AT_ONCE)), busy: Arc::default() }
    }
}

impl Turns {
    /// # Errors
    /// [`ApiError::RateLimited`] while the workspace has its turn already, or all are taken.
    pub fn take(&self, workspace: WorkspaceId) -> Result<Turn, ApiError> {
        let busy = |message| ApiError::RateLimited { retry_after: COME_AGAIN, message };
        let all = self.all.clone().try_acquire_owned();
        let all = all.map_err(|_| busy("As many exports as there may be are under way. Try again in a moment."))?;
        if !self.busy.lock().unwrap_or_else(PoisonError::into_inner).insert(workspace) {
            return Err(busy("An export of this workspace is under way already. Try again when it has ended."));
        }
        Ok(Turn { turns: self.clone(), workspace, _all: all })
    }
}

/// Given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    turns: Turns,
    workspace: WorkspaceId,
    _all: OwnedSemaphorePermit,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.workspace);
    }
}

#[cfg(test)]
mod tests {
    use domain::Millis;

    use super::*;

    #[test]
    fn a_workspace_has_one_turn_and_all_have_a_few() {
        let turns = Turns::default();
        let workspace = |seed| WorkspaceId::new(Millis(1), [seed; 10]);
        let first = turns.take(workspace(0)).unwrap();
        assert!(matches!(turns.take(workspace(0)), Err(ApiError::RateLimited { .. })));
        let others: Vec<Turn> = (1..8).map(|seed| turns.take(workspace(seed)).unwrap()).collect();
        assert!(turns.take(workspace(9)).is_err());
        drop(first);
        assert!(turns.take(workspace(0)).is_ok() && turns.take(workspace(1)).is_err());
        drop(others);
    }
}
