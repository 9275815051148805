//! Keeps clicks in the spool, no more of them than may be written, and tells of it when one cannot be kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::CapturedClick;
use platform::{Health, Metrics, Readiness, Throttle};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use stream::{Spool, SpoolError};

use crate::policies::Settings;
use crate::strict::Reducer;

const SPOOL: [(&str, &str); 1] = [("reason", "spool")];

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

    pub async fn keep(&self, mut click: CapturedClick, settings: &Settings) {
        self.reducer.reduce(&mut click, settings);
        match self.spool.keep(&click).await {
            Ok(()) => self.kept(),
            // The visitor is sent on all the same.
            Err(error) => self.lost(&error),
        }
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
