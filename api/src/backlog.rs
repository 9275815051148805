//! How far the snapshot of links is behind.

use std::sync::{Mutex, PoisonError};

use platform::Metrics;
use prometheus_client::metrics::gauge::Gauge;
use tokio::time::Instant;

/// Changed links that are not in the snapshot yet, as gauges.
#[derive(Debug)]
pub struct LinkBacklog {
    rows: Gauge,
    oldest_seconds: Gauge,
    /// The oldest row, and when this process first saw it.
    oldest: Mutex<Option<(i64, Instant)>>,
}

impl LinkBacklog {
    pub fn new(metrics: &Metrics) -> Self {
        let gauge = |name, help| metrics.register(name, help, Gauge::default());
        Self {
            rows: gauge("link_outbox_rows", "Changes of links that wait to be written to the snapshot; at most 10,000 are counted"),
            oldest_seconds: gauge("link_outbox_oldest_seconds", "How long this process has seen the oldest of them wait"),
            oldest: Mutex::default(),
        }
    }

    /// `oldest` is the first row's id.
    pub(crate) fn is(&self, rows: u64, oldest: Option<i64>) {
        let mut seen = self.oldest.lock().unwrap_or_else(PoisonError::into_inner);
        *seen = oldest.map(|id| seen.filter(|(before, _)| *before == id).unwrap_or_else(|| (id, Instant::now())));
        self.rows.set(i64::try_from(rows).unwrap_or(i64::MAX));
        self.show_age(*seen);
    }

    /// Where nothing is known anew, only the oldest gets older.
    pub(crate) fn goes_on(&self) {
        self.show_age(*self.oldest.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn show_age(&self, oldest: Option<(i64, Instant)>) {
        let seconds = oldest.map_or(0, |(_, since)| since.elapsed().as_secs());
        self.oldest_seconds.set(i64::try_from(seconds).unwrap_or(i64::MAX));
    }
}
