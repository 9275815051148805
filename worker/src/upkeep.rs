//! What must be done now and then for the store to go on.

use std::convert::Infallible;
use std::time::Duration;

use platform::Clock;
use store::Store;
use tokio_util::sync::CancellationToken;

const EVERY: Duration = Duration::from_secs(6 * 3_600);
const RETRY: Duration = Duration::from_secs(60);

/// Makes the partitions of the coming months, months ahead; a failure has all that time to pass.
///
/// # Errors
/// Never.
pub async fn keep_partitions(store: Store, clock: Clock, stopping: CancellationToken) -> Result<(), Infallible> {
    loop {
        let wait = match store.ensure_partitions(clock.now()).await {
            Ok(()) => EVERY,
            Err(error) => {
                tracing::warn!(%error, "the partitions of the coming months cannot be made; trying again");
                RETRY
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = stopping.cancelled() => return Ok(()),
        }
    }
}

/// Forgets permits of click limits that nobody can use any more.
///
/// # Errors
/// Never.
pub async fn clean_permits(store: Store, clock: Clock, stopping: CancellationToken) -> Result<(), Infallible> {
    loop {
        let wait = match store.clean_permits(clock.now()).await {
            Ok(()) => EVERY,
            Err(error) => {
                tracing::warn!(%error, "permits that nobody can use any more cannot be forgotten; trying again");
                RETRY
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = stopping.cancelled() => return Ok(()),
        }
    }
}
