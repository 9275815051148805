//! All that is said of an experiment at one look.
//!
//! A winner is declared on always-valid bounds only: the variant of the highest rate, if it is better than *each*
//! other one at the level α / (k − 1) for k variants. A wrong one must beat the best (of equals: the first) at that
//! level, and there are k − 1 that could, or the first of equals must beat one of the others; so ever to be told a
//! false winner has probability α at most, however often one looks.

use super::{Comparison, Difference, Interval, Tried, is_mismatch, probabilities_to_be_best, rate_interval};

/// The probability of ever being told a false winner, and of each interval ever missing the truth.
pub const ALPHA: f64 = 0.05;

/// Of each variant, before a winner is declared.
pub const MINIMUM_EXPOSURES: u64 = 100;

/// Of all variants together, before a winner is declared.
pub const MINIMUM_CONVERSIONS: u64 = 10;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TriedVariant {
    pub name: String,
    /// By which clicks are dealt now; 0 where none are any more.
    pub weight: u32,
    pub tried: Tried,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExperimentStatus {
    /// There is less than the minimum.
    Collecting,
    /// Nothing is decided yet.
    Running,
    /// One is better than all others.
    Winner,
    /// Clicks are not in the shares of the weights, so nothing is concluded.
    Mismatch,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ExperimentResult {
    pub status: ExperimentStatus,
    pub minimum_reached: bool,
    /// In the order given; the first is the control.
    pub variants: Vec<VariantResult>,
    /// Its index.
    pub winner: Option<usize>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct VariantResult {
    /// Of the variant alone, at the level [`ALPHA`].
    pub rate: Interval,
    /// Among those that clicks are dealt to; `None` of others.
    pub probability_best: Option<f64>,
    /// To the control, at the level of [`ALPHA`] for all of these together. `None` of the control itself, of a
    /// variant (or control) with the weight 0, and without exposures of either.
    pub difference: Option<Difference>,
}

/// `variants` in their order, the control first.
pub fn experiment_result(variants: &[TriedVariant]) -> ExperimentResult {
    let dealt: Vec<&TriedVariant> = variants.iter().filter(|variant| variant.weight > 0).collect();
    let minimum_reached = has_minimum(&dealt);
    let mismatch = is_mismatch(&variants.iter().map(|variant| (variant.weight, variant.tried.exposures())).collect::<Vec<_>>());
    let winner = if minimum_reached && !mismatch { winner(variants) } else { None };
    let status = match (mismatch, minimum_reached, winner) {
        (true, ..) => ExperimentStatus::Mismatch,
        (_, false, _) => ExperimentStatus::Collecting,
        (_, _, Some(_)) => ExperimentStatus::Winner,
        _ => ExperimentStatus::Running,
    };
    let mut best = probabilities_to_be_best(&dealt.iter().map(|variant| variant.tried).collect::<Vec<_>>()).into_iter();
    let result = |(at, variant): (usize, &TriedVariant)| VariantResult {
        rate: rate_interval(variant.tried, ALPHA),
        probability_best: if variant.weight > 0 { best.next() } else { None },
        difference: if at == 0 { None } else { to_control(&variants[0], &variants[at], level(variants)) },
    };
    ExperimentResult { status, minimum_reached, variants: variants.iter().enumerate().map(result).collect(), winner }
}

fn has_minimum(dealt: &[&TriedVariant]) -> bool {
    dealt.len() > 1
        && dealt.iter().all(|variant| variant.tried.exposures() >= MINIMUM_EXPOSURES)
        && dealt.iter().map(|variant| variant.tried.conversions()).sum::<u64>() >= MINIMUM_CONVERSIONS
}

/// Of one comparison, so that all are right together. Of all variants, so that one that is taken out of the deal
/// because it looks bad makes nothing easier for the others.
fn level(variants: &[TriedVariant]) -> f64 {
    ALPHA / (variants.len() - 1).max(1) as f64
}

fn to_control(control: &TriedVariant, variant: &TriedVariant, alpha: f64) -> Option<Difference> {
    Comparison::new(control.weight, variant.weight)?.difference(control.tried, variant.tried, alpha)
}

/// Whatever the minimum and the shares are.
pub(super) fn winner(variants: &[TriedVariant]) -> Option<usize> {
    let dealt = || variants.iter().enumerate().filter(|(_, variant)| variant.weight > 0);
    let rate = |variant: &TriedVariant| variant.tried.rate().unwrap_or_default();
    let (at, leader) = dealt().max_by(|one, other| rate(one.1).total_cmp(&rate(other.1)))?;
    let beats = |other: &TriedVariant| {
        let decided = |comparison: Comparison| comparison.is_decided(other.tried, leader.tried, level(variants));
        rate(leader) > rate(other) && Comparison::new(other.weight, leader.weight).is_some_and(decided)
    };
    dealt().all(|(other, variant)| other == at || beats(variant)).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variants: &[(u32, u64, u64)]) -> ExperimentResult {
        let variant = |(weight, exposures, conversions): &(u32, u64, u64)| TriedVariant {
            name: String::new(),
            weight: *weight,
            tried: Tried::new(*exposures, *conversions),
        };
        experiment_result(&variants.iter().map(variant).collect::<Vec<_>>())
    }

    #[test]
    fn a_clear_difference_has_a_winner_the_control_too() {
        assert_eq!(of(&[(1, 2_000, 100), (1, 2_000, 200)]).winner, Some(1));
        assert_eq!(of(&[(1, 2_000, 200), (1, 2_000, 100)]).winner, Some(0));
        assert_eq!(of(&[(1, 2_000, 100), (1, 2_000, 130), (2, 4_000, 440)]).winner, Some(2));
    }

    #[test]
    fn the_best_of_several_must_beat_each_of_them() {
        let found = of(&[(1, 2_000, 100), (1, 2_000, 200), (1, 2_000, 205)]);
        assert_eq!((found.status, found.winner), (ExperimentStatus::Running, None));
        assert!(found.variants[1].difference.unwrap().interval.low > 0.0);
    }

    #[test]
    fn nothing_is_concluded_below_the_minimum_or_from_shares_that_do_not_fit() {
        assert_eq!(of(&[(1, 99, 0), (1, 110, 100)]).status, ExperimentStatus::Collecting);
        assert_eq!(of(&[(1, 1_000, 3), (1, 1_000, 6)]).status, ExperimentStatus::Collecting);
        let found = of(&[(1, 2_000, 100), (1, 3_000, 400)]);
        assert_eq!((found.status, found.winner), (ExperimentStatus::Mismatch, None));
    }

    #[test]
    fn a_variant_that_is_no_longer_dealt_is_shown_and_not_compared() {
        let found = of(&[(1, 2_000, 100), (0, 500, 200), (1, 2_000, 200)]);
        assert_eq!(found.winner, Some(2));
        assert_eq!((found.variants[1].difference, found.variants[1].probability_best), (None, None));
        assert!(found.variants[2].probability_best.unwrap() > 0.99);
        assert_eq!(of(&[(0, 2_000, 100), (1, 2_000, 200)]).status, ExperimentStatus::Collecting);
    }

    #[test]
    fn one_or_no_variant_is_no_error() {
        assert_eq!(of(&[]).variants, []);
        assert_eq!(of(&[(1, 0, 0)]).status, ExperimentStatus::Collecting);
    }
}
