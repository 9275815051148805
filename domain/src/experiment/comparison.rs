//! Whether one variant converts better than another, and by how much, so that one may look after every click.
//!
//! The method: E-variables for two Bernoulli streams (Turner, Ly, Grünwald 2024, "Generic E-variables for exact
//! sequential k-sample tests that allow for optional stopping", J. Stat. Planning and Inference 230; Turner,
//! Grünwald 2023, "Exact anytime-valid confidence intervals for contingency tables and beyond", Statistics and
//! Probability Letters 198), here for one click at a time, whose variant was drawn with known weights.
//!
//! Let the rates be a and b for two variants with shares 1 − w and w, and let p be such that (p, p + δ) is the pair
//! with difference δ that is nearest to (a, b) in Kullback and Leibler's sense. Then the likelihood of a click under
//! (a, b), divided by that under (p, p + δ), has the expected value 1 for *every* pair of true rates with difference
//! δ. So the product over clicks is a martingale whenever the true difference is δ, also where the rates change with
//! the time of day; so is its mean over many pairs (a, b); and it ever reaches 1/α with probability α at most
//! (Ville 1939). The differences for which it has not are the interval. Nothing here is an approximation for large
//! numbers, and only the counts are needed, not the order of clicks.

use super::special::{edge, log_sum, logistic};
use super::{Difference, Interval, Tried};

/// The levels, as log-odds, around which pairs of rates are supposed: from 0.2 % to 95 %, and how much of the weight.
const LEVELS: [(f64, f64); 13] = [
    (-6.2, 0.03),
    (-5.4, 0.06),
    (-4.6, 0.13),
    (-3.9, 0.13),
    (-3.2, 0.13),
    (-2.5, 0.13),
    (-1.8, 0.13),
    (-1.1, 0.09),
    (-0.4, 0.06),
    (0.4, 0.05),
    (1.2, 0.03),
    (2.0, 0.02),
    (3.0, 0.01),
];

/// The distances of log-odds, in either direction, and how much of the weight: 0.2 is a lift by a fifth at low rates.
const DISTANCES: [(f64, f64); 7] = [(0.05, 0.1), (0.1, 0.17), (0.17, 0.23), (0.27, 0.2), (0.42, 0.14), (0.65, 0.1), (1.0, 0.06)];

/// Two variants whose clicks are dealt by known weights.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// Of the second among both.
    share: f64,
    supposed: Vec<Supposed>,
}

/// A pair of rates, and the logarithm of its weight.
#[derive(Clone, Copy, Debug)]
struct Supposed {
    first: f64,
    second: f64,
    log_weight: f64,
    /// The logarithm of a click's factor against no difference: of which of the two, and whether it converted.
    steps: [[f64; 2]; 2],
}

impl Supposed {
    fn new(first: f64, second: f64, share: f64, weight: f64) -> Self {
        let same = (1.0 - share) * first + share * second;
        let steps = [first, second].map(|rate| [((1.0 - rate) / (1.0 - same)).ln(), (rate / same).ln()]);
        Self { first, second, log_weight: weight.ln(), steps }
    }

    fn against_none(&self, first: Tried, second: Tried) -> f64 {
        let of = |tried: Tried, steps: [f64; 2]| tried.missed() as f64 * steps[0] + tried.conversions() as f64 * steps[1];
        of(first, self.steps[0]) + of(second, self.steps[1])
    }
}

impl Comparison {
    /// `None` where one of them is dealt no clicks, so that nothing can be said.
    pub fn new(first_weight: u32, second_weight: u32) -> Option<Self> {
        if first_weight == 0 || second_weight == 0 {
            return None;
        }
        let share = f64::from(second_weight) / (f64::from(first_weight) + f64::from(second_weight));
        let distances = DISTANCES.iter().flat_map(|(distance, weight)| [(*distance, weight / 2.0), (-distance, weight / 2.0)]);
        let pair = |(level, of_level): (f64, f64), (distance, of_distance): (f64, f64)| {
            let (first, second) = (logistic(level - share * distance), logistic(level + (1.0 - share) * distance));
            Supposed::new(first, second, share, of_level * of_distance)
        };
        let supposed = LEVELS.iter().flat_map(|level| distances.clone().map(|distance| pair(*level, distance))).collect();
        Some(Self { share, supposed })
    }

    /// The logarithm of the evidence against a difference of `difference` between the second's rate and the
    /// first's: at least ln(1/α) with probability α at most, ever, if that is the true one.
    pub fn log_evidence(&self, first: Tried, second: Tried, difference: f64) -> f64 {
        let against = |pair: &Supposed| {
            let nearest = nearest(pair, self.share, difference);
            pair.log_weight
                + log_ratio(first, pair.first, nearest)
                + log_ratio(second, pair.second, (nearest + difference).clamp(f64::MIN_POSITIVE, 1.0 - f64::EPSILON))
        };
        let logarithms: Vec<f64> = self.supposed.iter().map(against).collect();
        log_sum(&logarithms)
    }

    /// The largest factor, as a logarithm, that these clicks put on any of the pairs supposed, against no difference.
    #[cfg(test)]
    pub(super) fn largest_factor(&self, first: Tried, second: Tried) -> f64 {
        self.supposed.iter().map(|pair| pair.against_none(first, second)).fold(f64::NEG_INFINITY, f64::max)
    }

    /// The same against no difference at all, which costs less.
    pub fn log_evidence_of_any(&self, first: Tried, second: Tried) -> f64 {
        let logarithms: Vec<f64> = self.supposed.iter().map(|pair| pair.log_weight + pair.against_none(first, second)).collect();
        log_sum(&logarithms)
    }

    /// Whether the second is better or worse for certain, at the level `alpha`.
    pub fn is_decided(&self, first: Tried, second: Tried, alpha: f64) -> bool {
        self.log_evidence_of_any(first, second) >= (1.0 / alpha).ln()
    }

    /// The second's rate less the first's, with the interval that holds the true difference at all times together
    /// with probability 1 − `alpha`. `None` while one of them has no clicks.
    pub fn difference(&self, first: Tried, second: Tried, alpha: f64) -> Option<Difference> {
        let estimate = second.rate()? - first.rate()?;
        let bound = (1.0 / alpha).ln();
        let holds = |difference: f64| self.log_evidence(first, second, difference) < bound;
        // Rates of 0 and 1 themselves have no likelihood ratio to others.
        let most = 1.0 - 1e-9;
        let within = estimate.clamp(-most, most);
        let (low, high) = (edge(within, -most, holds).min(estimate), edge(within, most, holds).max(estimate));
        Some(Difference { estimate, interval: Interval { low, high } })
    }
}

fn log_ratio(tried: Tried, supposed: f64, without: f64) -> f64 {
    tried.conversions() as f64 * (supposed / without).ln() + tried.missed() as f64 * ((1.0 - supposed) / (1.0 - without)).ln()
}

/// The first rate of the pair with this difference that is nearest to the supposed one.
///
/// There the derivative of the divergence is 0, which is a cubic in p; it falls once from above to below within the
/// rates that are possible, so that bisection that takes Newton's steps where they stay inside always ends.
fn nearest(pair: &Supposed, share: f64, difference: f64) -> f64 {
    let (a, b, w) = (pair.first, pair.second, share);
    if difference == 0.0 {
        return (1.0 - w) * a + w * b;
    }
    let slope = |p: f64| {
        let q = p + difference;
        let (of_p, of_q) = (p * (1.0 - p), q * (1.0 - q));
        let value = (1.0 - w) * (a - p) * of_q + w * (b - q) * of_p;
        let derivative = (1.0 - w) * ((a - p) * (1.0 - 2.0 * q) - of_q) + w * ((b - q) * (1.0 - 2.0 * p) - of_p);
        (value, derivative)
    };
    let (mut low, mut high) = ((-difference).max(0.0), (1.0 - difference).min(1.0));
    let mut p = ((1.0 - w) * a + w * (b - difference)).clamp(low + (high - low) * 0.01, high - (high - low) * 0.01);
    for _ in 0..60 {
        let (value, derivative) = slope(p);
        if value > 0.0 {
            low = p
        } else {
            high = p
        }
        let newton = p - value / derivative;
        let next = if newton > low && newton < high { newton } else { f64::midpoint(low, high) };
        let step = (next - p).abs();
        p = next;
        if step <= 1e-13 * p {
            break;
        }
    }
    p
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What makes it exact: for whatever pair of true rates with this difference, one click's factor is 1 on average.
    #[test]
    fn a_click_is_worth_one_on_average_if_the_difference_is_true() {
        for (first_weight, second_weight) in [(1, 1), (9, 1), (1, 99)] {
            let comparison = Comparison::new(first_weight, second_weight).unwrap();
            for difference in [0.0, 0.004, -0.3, 0.7] {
                for rate in [0.001, 0.01, 0.2, 0.29] {
                    let rate = rate + f64::max(0.0, -difference);
                    for pair in &comparison.supposed {
                        let p = nearest(pair, comparison.share, difference);
                        let q = p + difference;
                        let of = |rate: f64, supposed: f64, without: f64| {
                            rate * supposed / without + (1.0 - rate) * (1.0 - supposed) / (1.0 - without)
                        };
                        let first = (1.0 - comparison.share) * of(rate, pair.first, p);
                        let mean = first + comparison.share * of(rate + difference, pair.second, q);
                        assert!((mean - 1.0).abs() < 1e-6, "{mean} for {pair:?}, {difference} at {rate}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_weights_of_what_is_supposed_are_one() {
        let comparison = Comparison::new(3, 1).unwrap();
        let sum: f64 = comparison.supposed.iter().map(|pair| pair.log_weight.exp()).sum();
        assert!((sum - 1.0).abs() < 1e-9, "{sum}");
        assert!(comparison.log_evidence(Tried::new(0, 0), Tried::new(0, 0), 0.1).abs() < 1e-9);
        assert!(Comparison::new(0, 1).is_none());
    }

    #[test]
    fn the_interval_agrees_with_the_decision() {
        let comparison = Comparison::new(1, 1).unwrap();
        for (first, second) in [(100, 100), (100, 140), (100, 170), (170, 100), (0, 0), (1_000, 0)] {
            let (first, second) = (Tried::new(1_000, first), Tried::new(1_000, second));
            let Difference { estimate, interval } = comparison.difference(first, second, 0.05).unwrap();
            assert!(interval.low <= estimate && estimate <= interval.high);
            let without_zero = interval.low > 0.0 || interval.high < 0.0;
            let (quick, slow) = (comparison.log_evidence_of_any(first, second), comparison.log_evidence(first, second, 0.0));
            assert!((quick - slow).abs() < 1e-9 * (1.0 + slow.abs()), "{quick} {slow}");
            assert_eq!(comparison.is_decided(first, second, 0.05), without_zero, "{estimate} {interval:?}");
        }
    }

    #[test]
    fn which_of_two_is_first_only_turns_the_sign() {
        let (one, other) = (Tried::new(5_000, 400), Tried::new(1_000, 120));
        let there = Comparison::new(5, 1).unwrap().difference(one, other, 0.05).unwrap();
        let back = Comparison::new(1, 5).unwrap().difference(other, one, 0.05).unwrap();
        assert!((there.interval.low + back.interval.high).abs() < 1e-5, "{there:?} {back:?}");
        assert!((there.interval.high + back.interval.low).abs() < 1e-5, "{there:?} {back:?}");
    }

    #[test]
    fn large_counts_stay_finite_and_narrow() {
        let comparison = Comparison::new(1, 1).unwrap();
        let (first, second) = (Tried::new(100_000_000, 10_000_000), Tried::new(100_000_000, 10_010_000));
        let Difference { estimate, interval } = comparison.difference(first, second, 0.05).unwrap();
        assert!((estimate - 0.0001).abs() < 1e-9 && interval.high - interval.low < 0.002, "{interval:?}");
    }
}
