//! How often one key may log a click: 1,000 a second, after a burst of 2,000.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use domain::{ApiKeyId, Millis};
use moka::future::Cache;

const MICROS_EACH: i64 = 1_000;
const BURST: i64 = 2_000;
const MAX_KEYS: u64 = 50_000;

/// For each key the instant at which it will have paid for what it did (the generic cell rate
/// algorithm), in microseconds.
#[derive(Clone, Debug)]
pub(super) struct KeyRates(Cache<ApiKeyId, Arc<AtomicI64>>);

impl Default for KeyRates {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(MAX_KEYS).build())
    }
}

impl KeyRates {
    /// Whether the key may do one more at `now`, which is counted if so.
    pub async fn admit(&self, key: ApiKeyId, now: Millis) -> bool {
        let paid = self.0.get_with(key, async { Arc::default() }).await;
        let now = now.0 * 1_000;
        let next = |at: i64| {
            let at = at.max(now) + MICROS_EACH;
            (at <= now + BURST * MICROS_EACH).then_some(at)
        };
        paid.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_burst_and_then_a_thousand_a_second() {
        let (rates, key, other) = (KeyRates::default(), ApiKeyId::new(Millis(1), [1; 10]), ApiKeyId::new(Millis(1), [2; 10]));
        let admitted = async |key, at| {
            let mut count = 0;
            while rates.admit(key, Millis(at)).await {
                count += 1;
            }
            count
        };
        assert_eq!(admitted(key, 1_000_000).await, 2_000);
        assert_eq!(admitted(key, 1_000_500).await, 500);
        assert_eq!(admitted(other, 1_000_500).await, 2_000);
        assert_eq!(admitted(key, 9_000_000).await, 2_000);
    }
}
