//! When people click: by their local hour and day of the week, one after the other as a Poisson
//! process.

use std::time::Duration;

use domain::Millis;
use jiff::tz::TimeZone;
use platform::Rng;

use super::places::Country;

/// Activity by local hour; the mean is about 1.
const HOURS: [f64; 24] = [
    0.25, 0.15, 0.10, 0.08, 0.10, 0.20, 0.45, 0.85, 1.35, 1.70, 1.80, 1.75, 1.60, 1.60, 1.60, 1.50, 1.40, 1.30, 1.25, 1.30, 1.35, 1.15,
    0.80, 0.45,
];

/// Activity by local day from Monday on; the mean is 1.
const DAYS: [f64; 7] = [1.12, 1.18, 1.16, 1.12, 1.02, 0.68, 0.72];

/// How active people of a zone are now.
pub(super) fn of_zone(now: Millis, zone: &TimeZone) -> f64 {
    let local = now.timestamp().to_zoned_datetime(zone.clone());
    let factor = |factors: &[f64], index: i8| factors.get(usize::from(index.unsigned_abs())).copied().unwrap_or(1.0);
    factor(&HOURS, local.hour()) * factor(&DAYS, local.weekday().to_monday_zero_offset())
}

/// How active the whole audience is now, weighted by country.
pub(super) fn activity(now: Millis, countries: &[Country]) -> f64 {
    let total: f64 = countries.iter().map(|country| country.weight).sum();
    countries.iter().map(|country| country.weight * of_zone(now, &country.zone)).sum::<f64>() / total.max(f64::MIN_POSITIVE)
}

/// The time to the next click at this rate per second.
pub(super) fn wait(rate: f64, rng: &Rng) -> Duration {
    Duration::from_secs_f64((exponential(rng) / rate.max(0.01)).min(60.0))
}

/// A number drawn evenly from above 0 to 1.
pub(super) fn even(rng: &Rng) -> f64 {
    (rng.below(1 << 53) as f64 + 1.0) / (1_u64 << 53) as f64
}

/// A number drawn from the exponential distribution of mean 1.
pub(super) fn exponential(rng: &Rng) -> f64 {
    -even(rng).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_rate_is_kept() {
        let rng = Rng::seeded(2);
        let total: Duration = (0..20_000).map(|_| wait(10.0, &rng)).sum();
        assert!((1_900.0..2_100.0).contains(&total.as_secs_f64()), "{total:?}");
        let mean = HOURS.iter().sum::<f64>() / 24.0 * DAYS.iter().sum::<f64>() / 7.0;
        assert!((0.95..1.05).contains(&mean), "{mean}");
    }

    fn in_tokyo(text: &str) -> f64 {
        of_zone(Millis::from_timestamp(text.parse().unwrap()), &TimeZone::get("Asia/Tokyo").unwrap())
    }

    #[test]
    fn nights_are_quieter() {
        assert!(in_tokyo("2026-03-03T18:00:00Z") < 0.2);
        assert!(in_tokyo("2026-03-03T01:00:00Z") > 1.5);
    }

    #[test]
    fn weekends_are_quieter_where_they_are() {
        // Friday in Europe is already Saturday in Tokyo.
        assert!(in_tokyo("2026-03-06T15:30:00Z") < 0.7 * in_tokyo("2026-03-05T15:30:00Z"));
    }
}
