//! Draws for the demo: chances, choices by weight, waiting times. Everything comes from one
//! generator, so that a seeded one replays the same traffic.

use platform::Rng;

#[derive(Clone, Debug)]
pub(super) struct Dice(Rng);

impl Dice {
    pub fn new(rng: Rng) -> Self {
        Self(rng)
    }

    /// A whole number in `0..bound`.
    pub fn below(&self, bound: u64) -> u64 {
        self.0.below(bound)
    }

    /// A number in `0.0..1.0`.
    pub fn unit(&self) -> f64 {
        const STEPS: u64 = 1 << 53;
        self.below(STEPS) as f64 / STEPS as f64
    }

    pub fn chance(&self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// A waiting time of a Poisson process.
    pub fn exponential(&self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }

    /// One of `items`, each equally likely. There must be one.
    pub fn any<'a, T>(&self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u64) as usize]
    }

    /// The place of one of `items`, each as likely as its weight says; where all weigh nothing,
    /// the last. There must be one.
    pub fn place<T>(&self, items: &[T], weight: impl Fn(&T) -> f64) -> usize {
        let mut left = self.unit() * items.iter().map(&weight).sum::<f64>();
        for (place, item) in items.iter().enumerate() {
            left -= weight(item);
            if left < 0.0 {
                return place;
            }
        }
        items.len() - 1
    }

    pub fn pick<'a, T>(&self, items: &'a [T], weight: impl Fn(&T) -> f64) -> &'a T {
        &items[self.place(items, weight)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_follow_their_weights() {
        let dice = Dice::new(Rng::seeded(1));
        let mut counts = [0_u32; 3];
        for _ in 0..10_000 {
            counts[dice.place(&[1.0, 0.0, 3.0], |weight| *weight)] += 1;
        }
        assert_eq!(counts[1], 0);
        assert!((2_300..2_700).contains(&counts[0]), "{counts:?}");
        assert_eq!(dice.place(&[0.0, 0.0], |weight| *weight), 1);
    }

    #[test]
    fn waiting_times_have_their_mean() {
        let dice = Dice::new(Rng::seeded(2));
        let sum: f64 = (0..10_000).map(|_| dice.exponential(0.2)).sum();
        assert!((1_900.0..2_100.0).contains(&sum), "{sum}");
    }
}
