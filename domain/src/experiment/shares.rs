//! Whether variants get clicks in the shares that their weights say: if not, something treats them differently
//! before anything is compared, and the comparison is worth nothing.
//!
//! The method: a sequential test of a multinomial hypothesis (Lindon, Malek 2022, "Anytime-Valid Inference for
//! Multinomial Count Data", NeurIPS 35; arXiv 2011.03567): the ratio of a Dirichlet mixture's likelihood to that of
//! the weights is a martingale if the weights hold, and ever reaches 1/α with probability α at most. The mixture is
//! the mean of several that are centred at the weights, so that small and large deviations are found alike.

use super::special::{ln_gamma, log_sum};

/// How closely the mixtures lie around the weights, in clicks.
const CLOSENESS: [f64; 4] = [10.0, 100.0, 1_000.0, 10_000.0];

/// Below this probability of being wrong a mismatch is told of.
pub const MISMATCH_ALPHA: f64 = 0.001;

/// `(weight, clicks)` of each variant. Clicks of one without a weight are left out: it had one once.
pub fn is_mismatch(variants: &[(u32, u64)]) -> bool {
    let dealt: Vec<(f64, f64)> =
        variants.iter().filter(|(weight, _)| *weight > 0).map(|(weight, clicks)| (f64::from(*weight), *clicks as f64)).collect();
    dealt.len() > 1 && log_evidence(&dealt) >= (1.0 / MISMATCH_ALPHA).ln()
}

fn log_evidence(dealt: &[(f64, f64)]) -> f64 {
    let (weights, clicks): (f64, f64) = dealt.iter().fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    let of = |closeness: f64| {
        let part = |(weight, clicks): &(f64, f64)| {
            let share = weight / weights;
            ln_gamma(closeness * share + clicks) - ln_gamma(closeness * share) - clicks * share.ln()
        };
        ln_gamma(closeness) - ln_gamma(closeness + clicks) + dealt.iter().map(part).sum::<f64>()
    };
    log_sum(&CLOSENESS.map(of)) - (CLOSENESS.len() as f64).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_that_fit_are_none() {
        for variants in [
            vec![(1, 5_000), (1, 5_060)],
            vec![(9, 8_990), (1, 1_010)],
            vec![(0, 700), (1, 40), (1, 44)],
            vec![(1, 0), (1, 0)],
            vec![(5, 9)],
        ] {
            assert!(!is_mismatch(&variants), "{variants:?}");
        }
    }

    #[test]
    fn shares_that_do_not_fit_are_one() {
        for variants in
            [vec![(1, 5_000), (1, 5_500)], vec![(1, 30), (1, 0)], vec![(9, 8_500), (1, 1_500)], vec![(1, 500_000), (1, 505_000)]]
        {
            assert!(is_mismatch(&variants), "{variants:?}");
        }
    }
}
