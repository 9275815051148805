//! What a spool tells of itself.

use domain::LossReason;
use platform::{Clock, Metrics};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use crate::age::Age;

/// The label of losses that no workspace can be told of, each place as one click at least.
const DAMAGED: &str = "damaged";

#[derive(Clone, Debug)]
pub(crate) struct SpoolMetrics {
    pub spooled: Counter,
    pub damaged: Counter,
    pub acked: Counter,
    pub depth: Gauge,
    /// When the oldest click that is not acked was captured.
    pub oldest: Age,
    pub direct: Counter,
    /// By reason.
    pub lost: Family<Vec<(&'static str, &'static str)>, Counter>,
    /// No lost clicks, which must never be.
    pub misses_not_kept: Counter,
}

impl SpoolMetrics {
    pub fn lost_to_damage(&self) {
        self.lost.get_or_create(&vec![("reason", DAMAGED)]).inc();
    }

    pub fn new(metrics: &Metrics, clock: &Clock) -> Self {
        let lost = Family::<Vec<_>, Counter>::default();
        for reason in LossReason::ALL.into_iter().filter(|reason| reason.is_of_lost_clicks()) {
            let _ = lost.get_or_create(&vec![("reason", reason.label())]);
        }
        let _ = lost.get_or_create(&vec![("reason", DAMAGED)]);
        Self {
            spooled: metrics.register("spool_records", "Clicks appended to the spool", Counter::default()),
            damaged: metrics.register("spool_damaged", "Damaged places met when reading the spool", Counter::default()),
            acked: metrics.register("spool_acked", "Clicks of the spool that were acked", Counter::default()),
            depth: metrics.register("spool_depth_bytes", "Bytes of the spool that are not acked yet", Gauge::default()),
            oldest: metrics.register("spool_oldest_unacked_seconds", "Age of the oldest click that is not acked yet", Age::new(clock)),
            direct: metrics.register("spool_sent_directly", "Clicks sent to the broker past a full spool", Counter::default()),
            misses_not_kept: metrics.register("spool_misses_not_kept", "Misses that were counted instead of kept", Counter::default()),
            lost: metrics.register("spool_lost", "Clicks that could not be kept, by reason", lost),
        }
    }
}
