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

    /// After so many attempts, for whoever only knows their number.
    #[must_use]
    pub fn after(self, attempts: usize) -> Self {
        let factor = u32::try_from(attempts).ok().and_then(|attempts| 1_u32.checked_shl(attempts)).unwrap_or(u32::MAX);
        Self { next: self.next.saturating_mul(factor).min(self.most), ..self }
    }

    /// Waits before the next attempt.
    pub async fn pause(&mut self, rng: &Rng) {
        tokio::time::sleep(self.step(rng)).await;
    }

    /// The pause before the next attempt, for whoever waits for something else too.
    pub fn step(&mut self, rng: &Rng) -> Duration {
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

    #[test]
    fn the_number_of_attempts_tells_as_much() {
        let new = || Backoff::new(Duration::from_millis(50), Duration::from_secs(2));
        for (attempts, most) in [(0, 50), (1, 100), (5, 1_600), (6, 2_000), (40, 2_000), (usize::MAX, 2_000)] {
            let pause = new().after(attempts).step(&Rng::seeded(1)).as_millis();
            assert!((most / 2..most).contains(&pause), "{attempts}: {pause}");
        }
    }
}
