//! Pauses between attempts: each up to twice as long as the one before, the last half of each drawn
//! by lot, so that processes which failed together do not try again together.

use std::time::Duration;

use crate::Rng;

#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    next: Duration,
    most: Duration,
}

impl Backoff {
    pub fn new(least: Duration, most: Duration) -> Self {
        Self { next: least, most }
    }

    /// Waits before the next attempt.
    pub async fn pause(&mut self, rng: &Rng) {
        tokio::time::sleep(self.step(rng)).await;
    }

    fn step(&mut self, rng: &Rng) -> Duration {
        let jitter = rng.below(u64::try_from(self.next.as_millis()).unwrap_or(u64::MAX));
        let pause = self.next / 2 + Duration::from_millis(jitter / 2);
        self.next = (self.next * 2).min(self.most);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_differ() {
        let rng = Rng::seeded(1);
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(400));
        let pauses: Vec<_> = (0..40).map(|_| backoff.step(&rng).as_millis()).collect();
        for (pause, most) in pauses.iter().zip([100, 200].into_iter().chain(std::iter::repeat(400))) {
            assert!((most / 2..most).contains(pause), "{pauses:?}");
        }
        assert!(pauses[2..].iter().any(|pause| *pause != pauses[2]), "{pauses:?}");
    }
}
