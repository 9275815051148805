//! Stored clicks that are judged and read again: rows, cells and the firsts of visitors' days move together.

use std::collections::BTreeMap;

use domain::{ClickId, Derived, Verdict, VerdictReason, WorkspaceId};
use uuid::Uuid;

use super::{postgres, sqlite};
use crate::connect::Pools;
use crate::failure::Failure;
use crate::{Store, StoreError};

/// What a stored click is judged to be now.
#[derive(Clone, Debug)]
pub struct Rejudged {
    pub click: ClickId,
    pub verdict: Verdict,
    pub reason: VerdictReason,
    /// Of the rules that judged.
    pub rules_version: i16,
    /// What was read of it anew; `None` leaves that as it is.
    pub derived: Option<Box<Derived>>,
}

impl Store {
    /// Gives clicks of a workspace their new verdicts, in one transaction; those that are not there any
    /// more are passed over. How many there were.
    ///
    /// # Errors
    /// When the database does not answer; then nothing was changed.
    pub async fn rejudge(&self, workspace: WorkspaceId, clicks: &[Rejudged]) -> Result<u64, StoreError> {
        // The last word counts where a click is named twice.
        let clicks: BTreeMap<Uuid, Rejudged> = clicks.iter().map(|click| (click.click.0, click.clone())).collect();
        let mut counted_anew = Vec::new();
        loop {
            let done = match &self.pools {
                Pools::Sqlite { writer, .. } => sqlite::rejudge(writer, &self.values, workspace, &clicks).await,
                Pools::Postgres(pool) => postgres::rejudge(pool, &self.values, workspace, &clicks).await,
            };
            match done {
                Err(Failure::Other(StoreError::Rollups { workspace, quarter })) => {
                    self.count_anew((workspace, quarter), &mut counted_anew).await?;
                }
                done => return Ok(done?),
            }
        }
    }
}

/// What is to be read anew of them.
pub(super) fn derived(clicks: &BTreeMap<Uuid, Rejudged>) -> Vec<(Uuid, &Derived)> {
    clicks.iter().filter_map(|(id, click)| Some((*id, click.derived.as_deref()?))).collect()
}
