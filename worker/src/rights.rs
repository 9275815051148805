//! Goes on with what persons and workspaces asked for: erasures that whoever began them did not finish, and
//! workspaces whose time is over.
//!
//! Each step is a transaction of its own, so a process that dies leaves nothing undone but the rest, and two
//! at once do no harm.

use std::convert::Infallible;
use std::time::Duration;

use domain::{ErasureId, Millis, WorkspaceId};
use platform::{Clock, Rng};
use store::{FreshSalt, Store, StoreError};
use tokio_util::sync::CancellationToken;

const EVERY: Duration = Duration::from_secs(10);
/// Whoever asks for an erasure carries it out itself for so long.
const OTHERS_MILLIS: i64 = 10_000;

/// Looks every ten seconds.
///
/// # Errors
/// Never.
pub async fn carry_out_rights(store: Store, rng: Rng, clock: Clock, stopping: CancellationToken) -> Result<(), Infallible> {
    loop {
        tokio::select! {
            done = carry_out(&store, &rng, clock.now()) => {
                if let Err(error) = done {
                    tracing::warn!(%error, "erasures and removals cannot go on; trying again");
                }
            }
            () = stopping.cancelled() => return Ok(()),
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = stopping.cancelled() => return Ok(()),
        }
    }
}

/// Everything that is due. What fails keeps nothing else from being done.
///
/// # Errors
/// The first failure; what is left is tried again the next time.
pub(crate) async fn carry_out(store: &Store, rng: &Rng, now: Millis) -> Result<(), StoreError> {
    let mut done = Ok(());
    let (erasures, removals) = (store.open_erasures(now.plus(-OTHERS_MILLIS)).await?, store.due_removals(now).await?);
    for (workspace, erasure) in &erasures {
        done = done.and(erase(store, rng, *workspace, *erasure, now).await);
    }
    for workspace in &removals {
        done = done.and(remove(store, *workspace, now).await);
    }
    if !erasures.is_empty() || !removals.is_empty() {
        // SQLite's log still has their pages.
        store.empty_log().await?;
    }
    while store.forget_erased(now).await? {}
    done
}

async fn erase(store: &Store, rng: &Rng, workspace: WorkspaceId, erasure: ErasureId, now: Millis) -> Result<(), StoreError> {
    while store.erase_step(workspace, erasure, FreshSalt(rng.bytes()), now).await?.more {}
    Ok(())
}

async fn remove(store: &Store, workspace: WorkspaceId, now: Millis) -> Result<(), StoreError> {
    while store.remove_step(workspace, now).await? {}
    tell(workspace);
    Ok(())
}

/// In the log, since the audit log went with its workspace.
fn tell(workspace: WorkspaceId) {
    tracing::info!(%workspace, "a workspace was removed");
}
