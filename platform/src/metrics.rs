//! The registry behind `/metrics`. Metrics are registered when their owner is made, so each exists
//! from the start with 0.

use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Metric, Registry};

use crate::health::Health;

/// A handle to the process's registry; clones share it.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Mutex<Registry>>);

impl Default for Metrics {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Registry::with_prefix("linklogger"))))
    }
}

impl Metrics {
    /// Registers `metric` as `linklogger_<name>` and returns it. Counters get `_total` appended.
    pub fn register<M: Metric + Clone>(&self, name: &str, help: &str, metric: M) -> M {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).register(name, help, metric.clone());
        metric
    }

    /// Shows what each hop's acknowledgement survives, as `health` is told.
    pub fn show_durability(&self, health: Health) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).register_collector(Box::new(Durability(health)));
    }

    /// The OpenMetrics text form.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        let registry = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Writing to a String cannot fail.
        let _ = prometheus_client::encoding::text::encode(&mut text, &registry);
        text
    }
}

#[derive(Debug)]
struct Durability(Health);

impl Collector for Durability {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let help = "1 for the class of each hop of a click: os survives the death of the process, fsync a power cut";
        let one = ConstGauge::<i64>::new(1);
        let mut family = encoder.encode_descriptor("durability", help, None, MetricType::Gauge)?;
        for (hop, durability) in self.0.snapshot().durability {
            one.encode(family.encode_family(&[("hop", hop), ("class", durability.class.as_str())])?)?;
        }
        Ok(())
    }
}
