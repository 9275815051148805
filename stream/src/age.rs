//! A gauge that shows how long ago something was, as of the moment it is read.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use domain::Millis;
use platform::Clock;
use prometheus_client::encoding::{EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;

const NOTHING: i64 = i64::MIN;

/// Clones share the moment.
#[derive(Clone, Debug)]
pub(crate) struct Age {
    since: Arc<AtomicI64>,
    clock: Clock,
}

impl Age {
    pub fn new(clock: &Clock) -> Self {
        Self { since: Arc::new(AtomicI64::new(NOTHING)), clock: clock.clone() }
    }

    pub fn set(&self, since: Option<Millis>) {
        self.since.store(since.map_or(NOTHING, |since| since.0), Ordering::Relaxed);
    }

    /// 0 when there is nothing to be old.
    fn seconds(&self) -> f64 {
        match self.since.load(Ordering::Relaxed) {
            NOTHING => 0.0,
            since => (self.clock.now().0 - since).max(0) as f64 / 1_000.0,
        }
    }
}

impl EncodeMetric for Age {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), std::fmt::Error> {
        encoder.encode_gauge(&self.seconds())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Gauge
    }
}
