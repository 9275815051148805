//! Misses in the spool: records like clicks, which may not take the room of these. Where little is left they are
//! counted instead of kept, and none is ever sent past the spool.

use std::sync::atomic::Ordering;

use domain::{CapturedMiss, LossReason, WorkspaceId};

use super::keep::Kept;
use super::{Shared, Spool, SpoolError};

impl Spool {
    /// Keeps a miss with the spool's durability, or counts it where three quarters of the quota are used up or
    /// the disk refuses.
    pub fn keep_miss(&self, miss: &CapturedMiss) -> Kept<'_> {
        let appended = if self.0.is_tight() { Err(SpoolError::Quota(self.0.quota)) } else { self.append_record(miss) };
        match appended {
            Ok(_) if self.0.flusher.is_none() => Kept::Now,
            Ok(position) => Kept::Soon(Box::pin(self.settled(position))),
            Err(error) => {
                self.count_miss(miss.workspace);
                Kept::Soon(Box::pin(std::future::ready(Err(error))))
            }
        }
    }

    /// Counts a miss that is not kept, by the hour; as durable as a count of lost clicks.
    pub fn count_miss(&self, workspace: WorkspaceId) {
        self.0.metrics.misses_not_kept.inc();
        self.count_loss(workspace, LossReason::Miss);
    }
}

impl Shared {
    /// Whether what is left is for clicks alone.
    fn is_tight(&self) -> bool {
        self.used.load(Ordering::Relaxed) / 3 > self.quota / 4
    }
}
