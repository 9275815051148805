//! Brings API keys and what workspaces decide to the snapshot of links, as `feeder.rs` does links:
//! what changed from an outbox, everything into a bucket that has none of it.

use domain::{ApiKeyState, WorkspacePolicy};
use store::{PolicySubject, Store};
use stream::{LinkSnapshot, StreamError};

use crate::feeder::FeedError;

/// Changes drained and subjects filled in at a time.
const BATCH: u32 = 200;

/// Publishes a batch of changes; true when there may be more.
pub(crate) async fn feed(store: &Store, snapshot: &LinkSnapshot) -> Result<bool, FeedError> {
    let changes = store.policy_outbox(BATCH).await?;
    for change in &changes {
        write(store, snapshot, change.subject).await?;
    }
    let ids: Vec<i64> = changes.iter().map(|change| change.id).collect();
    store.clear_policy_outbox(&ids).await?;
    Ok(ids.len() >= BATCH as usize)
}

/// Writes everything, never lowering a version.
pub(crate) async fn fill(store: &Store, snapshot: &LinkSnapshot) -> Result<(), FeedError> {
    let filling = snapshot.begin_filling_policies().await?;
    let mut after = PolicySubject::FIRST;
    loop {
        let subjects = store.policy_subjects_after(after, BATCH).await?;
        let Some(last) = subjects.last() else { break };
        after = *last;
        for subject in subjects {
            write(store, snapshot, subject).await?;
        }
    }
    if let Some(filling) = filling {
        snapshot.finish_filling(filling).await?;
    }
    Ok(())
}

/// Fills a bucket that has none of it.
pub(crate) async fn fill_if_new(store: &Store, snapshot: &LinkSnapshot) -> Result<(), FeedError> {
    if snapshot.begin_filling_policies().await?.is_some() {
        fill(store, snapshot).await?;
    }
    Ok(())
}

/// Writes what a subject is now. A key or a workspace that is not there any more is good for nothing, for ever.
async fn write(store: &Store, snapshot: &LinkSnapshot, subject: PolicySubject) -> Result<(), FeedError> {
    let written: Result<bool, StreamError> = match subject {
        PolicySubject::Key(id) => match store.api_key(id).await? {
            Some(state) => snapshot.put_api_key(&state).await,
            None => snapshot.put_api_key(&ApiKeyState { id, version: i32::MAX, right: None }).await,
        },
        PolicySubject::Workspace(id) => {
            let policy = store.workspace_policy(id).await?;
            // Whatever is told of has changed at least once.
            let policy = if policy.version == 0 { WorkspacePolicy::gone(id) } else { policy };
            snapshot.put_workspace_policy(&policy).await
        }
    };
    Ok(written.map(drop)?)
}
