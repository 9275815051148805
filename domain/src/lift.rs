//! How much better or worse one share of clicks converts than all others.

use crate::experiment::{Interval, Tried};

/// With fewer conversions on either side the method is no good.
pub const MINIMUM_FOR_LIFT: u64 = 5;

/// The quantile of the normal distribution for 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// One rate over another, less 1: 0.2 is a fifth more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lift {
    pub estimate: f64,
    /// Of 95 %, for one look: not always-valid.
    pub interval: Interval,
}

/// By the logarithm of the ratio of two independent proportions (Katz, Baptista, Azen, Pike 1978, "Obtaining
/// confidence intervals for the risk ratio in cohort studies", Biometrics 34). `None` where there are fewer than
/// [`MINIMUM_FOR_LIFT`] conversions on one side.
pub fn lift(one: Tried, others: Tried) -> Option<Lift> {
    if one.conversions().min(others.conversions()) < MINIMUM_FOR_LIFT {
        return None;
    }
    let ratio = one.rate()? / others.rate()?;
    let variance = |tried: Tried| 1.0 / tried.conversions() as f64 - 1.0 / tried.exposures() as f64;
    let reach = Z * (variance(one) + variance(others)).sqrt();
    let interval = Interval { low: ratio * (-reach).exp() - 1.0, high: ratio * reach.exp() - 1.0 };
    Some(Lift { estimate: ratio - 1.0, interval })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_ratio_with_the_interval_of_its_logarithm() {
        // exp(ln 2 ± 1.96 × √(1/20 − 1/100 + 1/100 − 1/1000)), by hand.
        let found = lift(Tried::new(100, 20), Tried::new(1_000, 100)).unwrap();
        assert!((found.estimate - 1.0).abs() < 1e-12);
        assert!((found.interval.low - 0.295_6).abs() < 1e-3, "{found:?}");
        assert!((found.interval.high - 2.087_2).abs() < 1e-3, "{found:?}");
    }

    #[test]
    fn too_few_have_none() {
        assert_eq!(lift(Tried::new(100, 4), Tried::new(1_000, 100)), None);
        assert_eq!(lift(Tried::new(100, 20), Tried::new(0, 0)), None);
    }
}
