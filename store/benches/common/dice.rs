//! Chance that is the same in every run, and cheap: SplitMix64 (Steele, Lea and Flood, "Fast splittable
//! pseudorandom number generators", 2014).

use domain::Entropy;

#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In `0.0..1.0`.
    pub fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// In `0..bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }

    pub fn happens(&mut self, share: f64) -> bool {
        self.share() < share
    }

    pub fn entropy(&mut self) -> Entropy {
        let mut bytes = [0; 10];
        bytes[..8].copy_from_slice(&self.next().to_be_bytes());
        bytes[8..].copy_from_slice(&self.next().to_be_bytes()[..2]);
        bytes
    }

    /// Of a lognormal distribution, by its median and the deviation of its logarithm (Box-Muller).
    pub fn lognormal(&mut self, median: f64, sigma: f64) -> f64 {
        let normal = (-2.0 * (1.0 - self.share()).ln()).sqrt() * (std::f64::consts::TAU * self.share()).cos();
        median * (sigma * normal).exp()
    }
}

/// Places of a list that are drawn as often as their weights say.
#[derive(Clone, Debug)]
pub struct Skew(Vec<f64>);

impl Skew {
    pub fn of(weights: impl IntoIterator<Item = f64>) -> Self {
        let sums = weights.into_iter().scan(0.0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        });
        Self(sums.collect())
    }

    /// The n-th as often as one over n to the power of `exponent` (Zipf).
    pub fn zipf(places: usize, exponent: f64) -> Self {
        Self::of((1..=places).map(|rank| (rank as f64).powf(-exponent)))
    }

    pub fn draw(&self, dice: &mut Dice) -> usize {
        let whole = self.0.last().copied().unwrap_or_default();
        let at = dice.share() * whole;
        self.0.partition_point(|sum| *sum <= at).min(self.0.len() - 1)
    }
}
