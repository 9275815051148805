//! How often the log tells of what happens again and again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What an outage repeats is told of this often.
const EVERY: Duration = Duration::from_secs(10);

/// At once the first time, then no more often than every ten seconds. Clones share it.
#[derive(Clone, Debug)]
pub struct Throttle {
    began: Instant,
    /// When it may be told of next: milliseconds after the beginning.
    next: Arc<AtomicU64>,
}

impl Default for Throttle {
    fn default() -> Self {
        Self { began: Instant::now(), next: Arc::default() }
    }
}

impl Throttle {
    /// Whether to tell of it now.
    pub fn may_tell(&self) -> bool {
        self.may_tell_after(self.began.elapsed())
    }

    fn may_tell_after(&self, elapsed: Duration) -> bool {
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let next = self.next.load(Ordering::Relaxed);
        // Of several at once the fastest tells.
        millis(elapsed) >= next && self.next.compare_exchange(next, millis(elapsed + EVERY), Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_tells_at_once_and_then_seldom() {
        let throttle = Throttle::default();
        let told: Vec<bool> = [0, 1, 9_999, 10_000, 19_999, 20_001].map(|at| throttle.may_tell_after(Duration::from_millis(at))).into();
        assert_eq!(told, [true, false, false, true, false, true]);
        assert!(!throttle.clone().may_tell_after(Duration::from_millis(30_000)));
    }
}
