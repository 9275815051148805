//! What must be done now and then for the store to go on.

use std::convert::Infallible;
use std::time::Duration;

use platform::Clock;
use store::Store;
use tokio_util::sync::CancellationToken;

use crate::Salts;

const EVERY: Duration = Duration::from_secs(6 * 3_600);
const RETRY: Duration = Duration::from_secs(60);
/// A small part of the hour between a salt's time and the moment by which it must be gone.
const SALTS_EVERY: Duration = Duration::from_secs(300);

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

/// Destroys the salts of days that are over, and forgets who had clicked on them: 47 hours after each day
/// began, and so within 48 ([`domain::LocalDay::KEPT`]).
///
/// # Errors
/// Never.
pub async fn destroy_salts(salts: Salts, clock: Clock, stopping: CancellationToken) -> Result<(), Infallible> {
    loop {
        let wait = match salts.destroy(clock.now()).await {
            Ok(()) => SALTS_EVERY,
            Err(error) => {
                tracing::warn!(%error, "salts of past days cannot be destroyed; trying again");
                RETRY
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = stopping.cancelled() => return Ok(()),
        }
    }
}
