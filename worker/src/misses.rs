//! Misses: from what was captured to what is stored, as their workspaces have decided by now. Each is judged by itself
//! alone.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::{CapturedMiss, Millis, Privacy, WorkspaceId};
use store::{IncomingMiss, MissReport, StoreError};

use crate::Pump;

/// A miss as it came, with what a dead letter of it would need.
#[derive(Debug)]
pub(crate) struct DecodedMiss {
    pub captured: CapturedMiss,
    pub record: Arc<[u8]>,
    pub frame: Arc<str>,
}

impl Pump {
    /// Stores misses; any number of times.
    pub(crate) async fn ingest_misses(&self, misses: &[DecodedMiss], now: Millis) -> Result<MissReport, StoreError> {
        if misses.is_empty() {
            return Ok(MissReport::default());
        }
        let parts = self.parts();
        let workspaces: BTreeSet<WorkspaceId> = misses.iter().map(|miss| miss.captured.workspace).collect();
        let settings = parts.store.ingest_settings(&workspaces.into_iter().collect::<Vec<_>>()).await?;
        let undecided = Privacy::default();
        let incoming = |DecodedMiss { captured, record, frame }: &DecodedMiss| {
            let privacy = settings.get(&captured.workspace).map_or(&undecided, |settings| &settings.privacy);
            let miss = parts.enricher.miss(captured, privacy);
            IncomingMiss { workspace: captured.workspace, miss, record: record.clone(), frame: frame.clone() }
        };
        parts.store.ingest_misses(&misses.iter().map(incoming).collect::<Vec<_>>(), now).await
    }
}

#[cfg(test)]
#[path = "misses_tests.rs"]
mod tests;
