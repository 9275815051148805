//! Keeps clicks and misses in the spool, no more of them than may be written, and tells of it when one cannot be kept.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::{CapturedClick, CapturedMiss, WorkspaceId};
use platform::{Health, Metrics, Readiness, Throttle};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use stream::{Kept, Spool, SpoolError};

use crate::settings::Settings;
use crate::strict::Reducer;

const SPOOL: [(&str, &str); 1] = [("reason", "spool")];

/// What is still to be waited for.
pub(crate) type Keeping<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Clones share everything.
#[derive(Clone, Debug)]
pub(crate) struct Keeper {
    spool: Spool,
    reducer: Reducer,
    health: Health,
    captured: Counter,
    /// Clicks that were answered without being captured, by reason.
    lost: Family<Vec<(&'static str, &'static str)>, Counter>,
    complaints: Throttle,
    /// Whether the last click could not be kept.
    losing: Arc<AtomicBool>,
}

impl Keeper {
    pub fn new(spool: Spool, reducer: Reducer, health: Health, metrics: &Metrics) -> Self {
        let captured = metrics.register("redirector_clicks", "Clicks captured", Counter::default());
        let lost = metrics.register("redirector_lost", "Clicks answered without being captured", Family::default());
        let _ = lost.get_or_create(&SPOOL.to_vec());
        Self { spool, reducer, health, captured, lost, complaints: Throttle::default(), losing: Arc::default() }
    }

    /// Keeps a click. `None` when that is done; most are.
    pub fn keep(&self, mut click: CapturedClick, settings: &Settings) -> Option<Keeping<'_>> {
        self.reducer.reduce(&mut click, settings);
        match self.spool.keep(click) {
            Kept::Now => self.kept(),
            Kept::Soon(rest) => {
                return Some(Box::pin(async move {
                    match rest.await {
                        Ok(()) => self.kept(),
                        // The visitor is sent on all the same.
                        Err(error) => self.lost(&error),
                    }
                }));
            }
        }
        None
    }

    /// Keeps a miss, or counts it.
    pub async fn keep_miss(&self, mut miss: CapturedMiss) {
        self.reducer.reduce_miss(&mut miss).await;
        if let Kept::Soon(rest) = self.spool.keep_miss(&miss)
            && let Err(error) = rest.await
        {
            tracing::debug!(%error, "a miss was answered but not kept");
        }
    }

    /// Counts a miss that is not kept.
    pub fn count_miss(&self, workspace: WorkspaceId) {
        self.spool.count_miss(workspace);
    }

    fn kept(&self) {
        self.captured.inc();
        if self.losing.load(Ordering::Relaxed) && self.losing.swap(false, Ordering::Relaxed) {
            self.health.report("spool", Readiness::Ready, "");
        }
    }

    fn lost(&self, error: &SpoolError) {
        self.lost.get_or_create(&SPOOL.to_vec()).inc();
        if !self.losing.swap(true, Ordering::Relaxed) {
            self.health.report("spool", Readiness::Degraded, format!("Clicks are answered and not captured. {error}"));
        }
        if self.complaints.may_tell() {
            tracing::error!(%error, "a click was answered but not captured");
        }
    }
}
