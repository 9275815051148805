//! Start and stop of a process: tasks are tracked, a stop is asked for once, and a task that dies
//! takes the process down with it.
//!
//! The order of a stop is: stop intake (`stopping`), let tasks drain, then close. Whoever does not
//! end in time is left behind, and the process ends all the same.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Shared by all tasks of a process.
#[derive(Clone, Debug, Default)]
pub struct Lifecycle {
    stopping: CancellationToken,
    tasks: TaskTracker,
    failed: Arc<AtomicBool>,
}

impl Lifecycle {
    pub fn new() -> Self {
        Self::default()
    }

    /// The token that is cancelled when a stop is asked for.
    pub fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    pub fn stop(&self) {
        self.stopping.cancel();
    }

    /// Runs a task that is meant to last until the stop. When it fails, panics or ends early, the
    /// process stops with a failure.
    pub fn spawn<E: std::fmt::Display + Send + 'static>(
        &self,
        name: &'static str,
        task: impl Future<Output = Result<(), E>> + Send + 'static,
    ) {
        let this = self.clone();
        let inner = tokio::spawn(task);
        self.tasks.spawn(async move {
            match inner.await {
                Ok(Ok(())) if this.stopping.is_cancelled() => return,
                Ok(Ok(())) => tracing::error!(task = name, "a task ended before the stop"),
                Ok(Err(error)) => tracing::error!(task = name, %error, "a task failed"),
                Err(error) => tracing::error!(task = name, %error, "a task panicked"),
            }
            this.failed.store(true, Ordering::Relaxed);
            this.stop();
        });
    }

    /// Waits for a signal (SIGTERM, SIGINT) or a failed task.
    pub async fn until_stopped(&self) {
        tokio::select! {
            () = signalled() => tracing::info!("stop asked for: finishing what is under way"),
            () = self.stopping.cancelled() => {}
        }
        self.stop();
    }

    /// Waits for the tasks to end, at most `limit`. True when all ended and none failed.
    pub async fn drained(&self, limit: Duration) -> bool {
        self.tasks.close();
        let in_time = tokio::time::timeout(limit, self.tasks.wait()).await.is_ok();
        if !in_time {
            tracing::warn!(seconds = limit.as_secs(), "some tasks did not end in time and are left behind");
        }
        !self.failed.load(Ordering::Relaxed)
    }
}

async fn signalled() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        tracing::error!("signals cannot be received: stop this process with SIGKILL");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
}
