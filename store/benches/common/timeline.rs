//! When clicks happen: by day more than by night, and in order.

use domain::Millis;

use super::dice::{Dice, Skew};

const HOUR: i64 = 3_600_000;

/// How many clicks over how long, up to an end.
#[derive(Clone, Copy, Debug)]
pub struct Timeline {
    pub end: Millis,
    /// In milliseconds.
    pub span: i64,
    pub clicks: usize,
}

impl Timeline {
    /// The instants of all clicks, the earliest first, made an hour at a time.
    pub fn instants(self, mut dice: Dice) -> impl Iterator<Item = Millis> {
        let start = self.end.0 - self.span;
        let slot = self.span.clamp(1, HOUR);
        let slots: Vec<i64> = (0..self.span.div_euclid(slot).max(1)).map(|index| start + index * slot).collect();
        let weights: Vec<f64> = slots.iter().map(|at| liveliness(*at)).collect();
        let counts = shared_out(self.clicks, &weights, &mut dice);
        slots.into_iter().zip(counts).flat_map(move |(from, count)| {
            let mut instants: Vec<Millis> = (0..count).map(|_| Millis(from + (dice.share() * slot as f64) as i64)).collect();
            instants.sort_unstable();
            instants
        })
    }
}

/// How much goes on at an instant: least at four in the morning, four times as much in the afternoon; a third
/// less at weekends.
fn liveliness(at: i64) -> f64 {
    let hour = at.rem_euclid(24 * HOUR) as f64 / HOUR as f64;
    let by_day = 1.0 + 0.6 * ((hour - 16.0) / 24.0 * std::f64::consts::TAU).cos();
    // 1970-01-01 was a Thursday.
    let weekday = (at.div_euclid(24 * HOUR) + 3).rem_euclid(7);
    if weekday >= 5 { by_day * 0.67 } else { by_day }
}

/// So many clicks by weight: the whole ones, and the rest by chance.
fn shared_out(clicks: usize, weights: &[f64], dice: &mut Dice) -> Vec<usize> {
    let whole: f64 = weights.iter().sum();
    let mut counts: Vec<usize> = weights.iter().map(|weight| (clicks as f64 * weight / whole) as usize).collect();
    let skew = Skew::of(weights.iter().copied());
    (counts.iter().sum::<usize>()..clicks).for_each(|_| counts[skew.draw(dice)] += 1);
    counts
}
