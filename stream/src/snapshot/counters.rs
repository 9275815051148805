//! How the snapshot is written to.

use platform::Metrics;
use prometheus_client::metrics::counter::Counter;

/// Clones count together.
#[derive(Clone, Debug, Default)]
pub(super) struct Counters {
    pub writes: Counter,
    /// Another process wrote first; then it is looked at again.
    pub conflicts: Counter,
}

impl Counters {
    pub fn register(&self, metrics: &Metrics) {
        metrics.register("link_snapshot_writes", "Links written to the snapshot in NATS", self.writes.clone());
        metrics.register("link_snapshot_conflicts", "Writes to the snapshot that another process was ahead of", self.conflicts.clone());
    }
}
