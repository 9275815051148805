//! Jobs: what is asked for once and done in the background, in steps.

use crate::coded::coded;
use crate::{ClickId, JobId, Millis, WorkspaceId};

coded!(
    /// What is done.
    JobKind {
        /// Clicks of a range of time are read and judged again, by the rules and databases of today.
        Reclassify = 0,
        /// Clicks are ready to be fetched; done when it is asked for, since they are read while they are sent.
        ExportClicks = 1,
    }
);

coded!(
    /// How far a job is.
    JobStatus { Queued = 0, Running = 1, Done = 2, Failed = 3 }
);

/// A job of a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    pub id: JobId,
    pub workspace: WorkspaceId,
    pub kind: JobKind,
    pub status: JobStatus,
    /// The range of time that it is about, half-open.
    pub from: Millis,
    pub to: Millis,
    /// The last click that is done with, at first one before all of the range.
    pub position: ClickId,
    /// Clicks that were looked at, and of these the ones that are something else now.
    pub looked: u64,
    pub changed: u64,
    pub created_at: Millis,
    /// When it was done, or failed.
    pub finished_at: Option<Millis>,
}

impl Job {
    /// A new one over that range.
    pub fn reclassify(id: JobId, workspace: WorkspaceId, (from, to): (Millis, Millis), now: Millis) -> Self {
        Self {
            id,
            workspace,
            kind: JobKind::Reclassify,
            status: JobStatus::Queued,
            from,
            to,
            position: ClickId::floor(from),
            looked: 0,
            changed: 0,
            created_at: now,
            finished_at: None,
        }
    }

    /// A new export of that range, which is done.
    pub fn export(id: JobId, workspace: WorkspaceId, range: (Millis, Millis), now: Millis) -> Self {
        let job = Self::reclassify(id, workspace, range, now);
        Self { kind: JobKind::ExportClicks, status: JobStatus::Done, finished_at: Some(now), ..job }
    }

    /// How much of the range is done with, from 0 to 1, by time.
    pub fn progress(&self) -> f64 {
        if self.status == JobStatus::Done || self.to <= self.from {
            return 1.0;
        }
        let done = self.position.made_at().max(self.from).min(self.to).0 - self.from.0;
        done as f64 / (self.to.0 - self.from.0) as f64
    }
}
