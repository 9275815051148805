//! Whose turn it is to ask a source: so many at once, the others wait in the order in which they
//! came, and of those only so many. A look-up keeps its turn until the source has answered, even if
//! nobody waits for the answer any more; whoever goes while waiting makes room at once.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::{LinkSourceDown, LookUpLimits};

#[derive(Clone, Debug)]
pub(super) struct Turns {
    turns: Arc<Semaphore>,
    /// Room to wait in.
    places: Arc<Semaphore>,
}

impl Turns {
    pub fn new(limits: LookUpLimits) -> Self {
        Self { turns: Arc::new(Semaphore::new(limits.at_once)), places: Arc::new(Semaphore::new(limits.waiting)) }
    }

    /// A turn, which lasts until it is dropped.
    ///
    /// # Errors
    /// [`LinkSourceDown`] when too many wait, or when it would come after `until`.
    pub async fn next(&self, until: Instant) -> Result<OwnedSemaphorePermit, LinkSourceDown> {
        // There is one to be had only while nobody waits.
        if let Ok(turn) = self.turns.clone().try_acquire_owned() {
            return Ok(turn);
        }
        let _place = self.places.try_acquire().map_err(|_| LinkSourceDown("too many look-ups wait".into()))?;
        let turn = timeout_at(until, self.turns.clone().acquire_owned()).await;
        turn.ok().and_then(Result::ok).ok_or_else(|| LinkSourceDown("no turn to ask in time".into()))
    }
}
