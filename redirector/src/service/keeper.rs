//! Keeps clicks in the spool, and tells of it when one cannot be kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use domain::CapturedClick;
use platform::{Clock, Health, Metrics, Readiness};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use stream::{Spool, SpoolError};

/// A full disk is told of this often.
const COMPLAIN_EVERY_MILLIS: i64 = 10_000;
const SPOOL: [(&str, &str); 1] = [("reason", "spool")];

/// Clones share everything.
#[derive(Clone, Debug)]
pub(crate) struct Keeper {
    spool: Spool,
    clock: Clock,
    health: Health,
    captured: Counter,
    /// Clicks that were answered without being captured, by reason.
    lost: Family<Vec<(&'static str, &'static str)>, Counter>,
    complained_at: Arc<AtomicI64>,
    /// Whether the last click could not be kept.
    losing: Arc<AtomicBool>,
}

impl Keeper {
    pub fn new(spool: Spool, clock: Clock, health: Health, metrics: &Metrics) -> Self {
        let captured = metrics.register("redirector_clicks", "Clicks captured", Counter::default());
        let lost = metrics.register("redirector_lost", "Clicks answered without being captured", Family::default());
        let _ = lost.get_or_create(&SPOOL.to_vec());
        Self { spool, clock, health, captured, lost, complained_at: Arc::default(), losing: Arc::default() }
    }

    pub async fn keep(&self, click: &CapturedClick) {
        match self.spool.keep(click).await {
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
        let now = self.clock.now().0;
        let last = self.complained_at.load(Ordering::Relaxed);
        if now - last >= COMPLAIN_EVERY_MILLIS
            && self.complained_at.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        {
            tracing::error!(%error, "a click was answered but not captured");
        }
    }
}
