//! The promise kept: experiments from a seed, watched after every click.

#![expect(clippy::print_stdout, reason = "the figures that docs/experiments.md has")]

use super::*;

const CLICKS: u64 = 4_000;

/// Numbers that look random (SplitMix64, Steele, Lea, Flood 2014), the same at each run.
struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// One experiment with two variants, the decision asked after each click.
///
/// The evidence is only computed where it may have become enough: no click can multiply it by more than the largest
/// factor among all pairs that are supposed.
struct Watched<'a> {
    comparison: &'a Comparison,
    steps: [[f64; 2]; 2],
    tried: [Tried; 2],
    at_most: f64,
}

impl<'a> Watched<'a> {
    fn new(comparison: &'a Comparison) -> Self {
        Self { comparison, steps: comparison.largest_steps(), tried: [Tried::default(); 2], at_most: 0.0 }
    }

    fn click(&mut self, second: bool, converted: bool) -> bool {
        let tried = &mut self.tried[usize::from(second)];
        *tried = Tried::new(tried.exposures() + 1, tried.conversions() + u64::from(converted));
        self.at_most += self.steps[usize::from(second)][usize::from(converted)];
        let enough = (1.0 / ALPHA).ln();
        if self.at_most >= enough {
            self.at_most = self.comparison.log_evidence_of_any(self.tried[0], self.tried[1]);
        }
        self.at_most >= enough
    }
}

/// After how many clicks a winner was declared, and whether it was the second.
fn run(comparison: &Comparison, rates: [f64; 2], share: f64, clicks: u64, seeded: &mut Seeded) -> Option<(u64, bool)> {
    let mut watched = Watched::new(comparison);
    for click in 1..=clicks {
        let second = seeded.next() < share;
        if watched.click(second, seeded.next() < rates[usize::from(second)]) {
            return Some((click, watched.tried[1].rate() > watched.tried[0].rate()));
        }
    }
    None
}

/// Without the minimum, which only makes false winners fewer.
fn false_winners(tests: u32, rate: f64, weights: (u32, u32), seeded: &mut Seeded) -> u32 {
    let comparison = Comparison::new(weights.0, weights.1).unwrap();
    let share = f64::from(weights.1) / f64::from(weights.0 + weights.1);
    (0..tests).map(|_| u32::from(run(&comparison, [rate, rate], share, CLICKS, seeded).is_some())).sum()
}

#[test]
fn of_two_thousand_tests_without_a_difference_few_ever_have_a_winner() {
    let seeded = &mut Seeded(7);
    let (mut all, mut tests) = (0, 0);
    for rate in [0.01, 0.05, 0.3] {
        for weights in [(50, 50), (90, 10)] {
            let found = false_winners(334, rate, weights, seeded);
            println!("{rate} {weights:?}: {found} of 334");
            assert!(found <= 334 / 20, "{found} of 334 at {rate} with {weights:?}");
            (all, tests) = (all + found, tests + 334);
        }
    }
    assert!(tests >= 2_000 && all * 20 <= tests, "{all} of {tests}");
}

#[test]
fn a_lift_by_a_fifth_is_found() {
    let seeded = &mut Seeded(11);
    let comparison = Comparison::new(1, 1).unwrap();
    let (mut found, mut wrong) = (Vec::new(), 0);
    for _ in 0..200 {
        if let Some((clicks, second)) = run(&comparison, [0.10, 0.12], 0.5, 30_000, seeded) {
            if second { found.push(clicks) } else { wrong += 1 }
        }
    }
    found.sort_unstable();
    println!("the better one {} of 200, half within {} clicks; the worse one {wrong}", found.len(), found[100]);
    assert!(found.len() >= 190 && wrong <= 2, "{} of 200, wrong {wrong}", found.len());
}

#[test]
fn five_equal_variants_have_no_winner_either() {
    let seeded = &mut Seeded(13);
    let mut false_winners = 0;
    for _ in 0..40 {
        let mut variants: Vec<TriedVariant> =
            (0..5).map(|_| TriedVariant { name: String::new(), weight: 1, tried: Tried::default() }).collect();
        let told = (1..=2_500_u64).any(|click| {
            let at = ((seeded.next() * 5.0) as usize).min(4);
            let before = variants[at].tried;
            variants[at].tried = Tried::new(before.exposures() + 1, before.conversions() + u64::from(seeded.next() < 0.2));
            click % 10 == 0 && result::winner(&variants).is_some()
        });
        false_winners += u32::from(told);
    }
    assert!(false_winners <= 2, "{false_winners} of 40");
}

#[test]
fn intervals_hold_the_truth_at_all_looks() {
    let seeded = &mut Seeded(17);
    let comparison = Comparison::new(3, 1).unwrap();
    let mut missed = 0;
    for _ in 0..200 {
        let mut tried = [Tried::default(); 2];
        let ever = (1..=2_000_u64).any(|click| {
            let at = usize::from(seeded.next() < 0.25);
            let converted = seeded.next() < [0.04, 0.10][at];
            tried[at] = Tried::new(tried[at].exposures() + 1, tried[at].conversions() + u64::from(converted));
            // The same as looking whether the interval holds it, without computing its ends.
            click % 20 == 0 && comparison.log_evidence(tried[0], tried[1], 0.06) >= (1.0 / ALPHA).ln()
        });
        missed += u32::from(ever);
    }
    assert!(missed <= 10, "{missed} of 200");
}

#[test]
fn shares_as_dealt_are_rarely_a_mismatch_at_any_look() {
    let seeded = &mut Seeded(19);
    let mut told = 0;
    for _ in 0..500 {
        let mut clicks = [0_u64; 2];
        told += u32::from((1..=2_000).any(|_| {
            clicks[usize::from(seeded.next() < 0.1)] += 1;
            (clicks[0] + clicks[1]) % 10 == 0 && is_mismatch(&[(9, clicks[0]), (1, clicks[1])])
        }));
    }
    assert!(told <= 2, "{told} of 500");
}

#[test]
fn a_rate_is_within_its_interval_at_all_looks() {
    let seeded = &mut Seeded(23);
    let mut missed = 0;
    for _ in 0..200 {
        let mut tried = Tried::default();
        missed += u32::from((1..=1_000).any(|click| {
            tried = Tried::new(click, tried.conversions() + u64::from(seeded.next() < 0.03));
            let interval = if click % 25 == 0 { rate_interval(tried, ALPHA) } else { Interval { low: 0.0, high: 1.0 } };
            interval.low > 0.03 || interval.high < 0.03
        }));
    }
    assert!(missed <= 10, "{missed} of 200");
}

impl Comparison {
    /// The largest logarithm of a factor by which a click changes the evidence against no difference: by whether it
    /// is the second's, and whether it converted.
    fn largest_steps(&self) -> [[f64; 2]; 2] {
        let click = |second: bool, converted: bool| {
            let one = Tried::new(1, u64::from(converted));
            let (first, second) = if second { (Tried::default(), one) } else { (one, Tried::default()) };
            self.largest_factor(first, second)
        };
        [false, true].map(|second| [false, true].map(|converted| click(second, converted)))
    }
}

#[test]
fn the_bound_of_a_step_is_one() {
    let comparison = Comparison::new(9, 1).unwrap();
    let steps = comparison.largest_steps();
    let once = comparison.log_evidence_of_any(Tried::default(), Tried::new(1, 1));
    assert!(once <= steps[1][1]);
}
