//! How probable it is that each variant is the best, if before the first click all rates were equally so.
//!
//! The rates' posteriors are Beta(1 + conversions, 1 + others), independent of each other. The probability that one
//! is above all others is an integral over its rate, which is summed here on points that are dense where any of the
//! posteriors is: no random numbers, so the same counts always give the same answer. Good to about 0.0005.
//!
//! It says what to believe now, and is not safe to stop at: whoever waits until it is high will see it high. That
//! is what [`super::Comparison`] is for.

use super::Tried;
use super::special::ln_beta;

/// How far from a posterior's mean it is looked at, in standard deviations, and in how many steps.
const REACH: f64 = 9.0;
const STEPS: u32 = 360;

/// One for each of the variants, together 1.
pub fn probabilities_to_be_best(variants: &[Tried]) -> Vec<f64> {
    let posteriors: Vec<Posterior> = variants.iter().map(|tried| Posterior::of(*tried)).collect();
    let mut points: Vec<f64> = posteriors.iter().flat_map(Posterior::points).collect();
    points.sort_by(f64::total_cmp);
    points.dedup();
    let below: Vec<Vec<f64>> = posteriors.iter().map(|posterior| posterior.below(&points)).collect();
    let best: Vec<f64> = (0..variants.len()).map(|one| above_others(one, &below)).collect();
    let sum: f64 = best.iter().sum();
    best.into_iter().map(|probability| probability / sum).collect()
}

/// The probability that variant `one` is above all others, from the distribution of each at the points.
fn above_others(one: usize, below: &[Vec<f64>]) -> f64 {
    let others = |at: usize| below.iter().enumerate().filter(|(other, _)| *other != one).map(|(_, of)| of[at]).product::<f64>();
    let steps = 1..below[one].len();
    steps.map(|at| (below[one][at] - below[one][at - 1]) * f64::midpoint(others(at), others(at - 1))).sum()
}

struct Posterior {
    a: f64,
    b: f64,
}

impl Posterior {
    fn of(tried: Tried) -> Self {
        Self { a: 1.0 + tried.conversions() as f64, b: 1.0 + tried.missed() as f64 }
    }

    fn points(&self) -> impl Iterator<Item = f64> {
        let sum = self.a + self.b;
        let (mean, deviation) = (self.a / sum, (self.a * self.b / (sum * sum * (sum + 1.0))).sqrt());
        let (low, high) = ((mean - REACH * deviation).max(0.0), (mean + REACH * deviation).min(1.0));
        (0..=STEPS).map(move |step| low + (high - low) * f64::from(step) / f64::from(STEPS))
    }

    fn density(&self, rate: f64) -> f64 {
        let power = |base: f64, exponent: f64| if exponent == 0.0 { 0.0 } else { exponent * base.ln() };
        (power(rate, self.a - 1.0) + power(1.0 - rate, self.b - 1.0) - ln_beta(self.a, self.b)).exp()
    }

    /// The probability of a rate below each of the points, by trapezoids, made to end at 1.
    fn below(&self, points: &[f64]) -> Vec<f64> {
        let mut sum = 0.0;
        let mut last: Option<(f64, f64)> = None;
        let mut below = Vec::with_capacity(points.len());
        for point in points {
            let density = self.density(*point);
            if let Some((before, density_before)) = last {
                sum += (point - before) * f64::midpoint(density, density_before);
            }
            last = Some((*point, density));
            below.push(sum);
        }
        below.iter_mut().for_each(|one| *one /= sum);
        below
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exact answer for two: Miller 2015, "Formulas for Bayesian A/B testing".
    fn second_is_better(first: Tried, second: Tried) -> f64 {
        let (a, b) = (Posterior::of(first), Posterior::of(second));
        let term = |i: f64| (ln_beta(a.a + i, a.b + b.b) - (b.b + i).ln() - ln_beta(1.0 + i, b.b) - ln_beta(a.a, a.b)).exp();
        (0..second.conversions() + 1).map(|i| term(i as f64)).sum()
    }

    #[test]
    fn of_two_it_is_the_exact_one() {
        for (first, second) in
            [((0, 0), (0, 0)), ((100, 0), (100, 3)), ((1_000, 100), (1_000, 120)), ((9_000, 90), (1_000, 14)), ((4, 4), (50_000, 49_000))]
        {
            let (first, second) = (Tried::new(first.0, first.1), Tried::new(second.0, second.1));
            let (found, exact) = (probabilities_to_be_best(&[first, second])[1], second_is_better(first, second));
            assert!((found - exact).abs() < 5e-4, "{found} for {exact} of {first:?} {second:?}");
        }
    }

    #[test]
    fn equal_ones_share_and_all_is_one() {
        let found = probabilities_to_be_best(&[Tried::new(500, 50); 20]);
        assert!(found.iter().all(|one| (one - 0.05).abs() < 1e-9));
        let found = probabilities_to_be_best(&[Tried::new(500, 50), Tried::new(500, 60), Tried::new(90_000_000, 10_000_000)]);
        assert!((found.iter().sum::<f64>() - 1.0).abs() < 1e-9 && found.iter().all(|one| *one > 0.0), "{found:?}");
        assert!(probabilities_to_be_best(&[]).is_empty());
    }
}
