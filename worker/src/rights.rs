//! Goes on with what persons and workspaces asked for: erasures that whoever began them did not finish, and
//! workspaces whose time is over.
//!
//! Each step is a transaction of its own, so a process that dies leaves nothing undone but the rest, and two
//! at once do no harm.

use std::convert::Infallible;
use std::time::Duration;

use domain::{Millis, WorkspaceId};
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

/// Everything that is due.
///
/// # Errors
/// When the database does not answer; the rest is done the next time.
pub(crate) async fn carry_out(store: &Store, rng: &Rng, now: Millis) -> Result<(), StoreError> {
    for (workspace, erasure) in store.open_erasures(now.plus(-OTHERS_MILLIS)).await? {
        while store.erase_step(workspace, erasure, FreshSalt(rng.bytes()), now).await?.more {}
    }
    for workspace in store.due_removals(now).await? {
        while store.remove_step(workspace, now).await? {}
        tell(workspace);
    }
    while store.forget_erased(now).await? {}
    Ok(())
}

/// In the log, since the audit log went with its workspace.
fn tell(workspace: WorkspaceId) {
    tracing::info!(%workspace, "a workspace was removed");
}
