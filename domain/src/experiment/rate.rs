//! An always-valid interval for the rate of one variant.
//!
//! For any true rate p, the ratio of a Beta mixture's likelihood to that of p is a martingale that begins at 1, so
//! by Ville's inequality it ever reaches 1/α with probability α at most (Robbins 1970, "Statistical methods related
//! to the law of the iterated logarithm", Annals of Mathematical Statistics 41). The rates for which it has not are
//! the interval: exact for every count, however often somebody looks.

use super::special::{edge, ln_beta};
use super::{Interval, Tried};

/// Jeffreys' prior, which is at home near 0, where rates of conversion are.
const PRIOR: f64 = 0.5;

/// Which holds the true rate at all times together with probability 1 − `alpha`.
pub fn rate_interval(tried: Tried, alpha: f64) -> Interval {
    let (converted, not) = (tried.conversions() as f64, tried.missed() as f64);
    let mixture = ln_beta(PRIOR + converted, PRIOR + not) - ln_beta(PRIOR, PRIOR);
    let bound = (1.0 / alpha).ln();
    let holds = |rate: f64| mixture - (times_ln(converted, rate) + times_ln(not, 1.0 - rate)) < bound;
    let seen = if tried.exposures() == 0 { 0.5 } else { converted / tried.exposures() as f64 };
    Interval { low: edge(seen, 0.0, holds), high: edge(seen, 1.0, holds) }
}

/// `times` × ln `x`, with 0 × ln 0 as 0.
fn times_ln(times: f64, x: f64) -> f64 {
    if times > 0.0 { times * x.ln() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_seen_leaves_every_rate_possible() {
        assert_eq!(rate_interval(Tried::new(0, 0), 0.05), Interval { low: 0.0, high: 1.0 });
    }

    #[test]
    fn it_holds_what_was_seen_and_narrows() {
        let mut width = 1.1;
        for times in [1, 10, 100, 1_000, 1_000_000] {
            let interval = rate_interval(Tried::new(10 * times, times), 0.05);
            assert!(interval.low < 0.1 && 0.1 < interval.high && interval.high - interval.low < width, "{interval:?}");
            width = interval.high - interval.low;
        }
        assert!(width < 0.001);
    }

    #[test]
    fn the_ends_are_reached_where_nothing_or_all_converted() {
        let (none, all) = (rate_interval(Tried::new(50, 0), 0.05), rate_interval(Tried::new(50, 50), 0.05));
        assert!(none.low == 0.0 && none.high < 0.2, "{none:?}");
        assert!(all.high == 1.0 && all.low > 0.8, "{all:?}");
    }
}
