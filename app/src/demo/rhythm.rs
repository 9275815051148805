//! When people click: by their local hour, one after the other as a Poisson process.

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

/// How active people of a zone are now.
pub(super) fn of_hour(now: Millis, zone: &TimeZone) -> f64 {
    let hour = now.timestamp().to_zoned_datetime(zone.clone()).hour();
    HOURS.get(usize::from(hour.unsigned_abs())).copied().unwrap_or(1.0)
}

/// How active the whole audience is now, weighted by country.
pub(super) fn activity(now: Millis, countries: &[Country]) -> f64 {
    let total: f64 = countries.iter().map(|country| country.weight).sum();
    countries.iter().map(|country| country.weight * of_hour(now, &country.zone)).sum::<f64>() / total.max(f64::MIN_POSITIVE)
}

/// The time to the next click at this rate per second.
pub(super) fn wait(rate: f64, rng: &Rng) -> Duration {
    let uniform = (rng.below(1 << 53) as f64 + 1.0) / (1_u64 << 53) as f64;
    Duration::from_secs_f64((-uniform.ln() / rate.max(0.01)).min(60.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_rate_is_kept() {
        let rng = Rng::seeded(2);
        let total: Duration = (0..20_000).map(|_| wait(10.0, &rng)).sum();
        assert!((1_900.0..2_100.0).contains(&total.as_secs_f64()), "{total:?}");
        let mean = HOURS.iter().sum::<f64>() / 24.0;
        assert!((0.95..1.05).contains(&mean), "{mean}");
    }

    #[test]
    fn nights_are_quieter() {
        let at = |text: &str| Millis::from_timestamp(text.parse().unwrap());
        let zone = TimeZone::get("Asia/Tokyo").unwrap();
        assert!(of_hour(at("2026-03-01T18:00:00Z"), &zone) < 0.2);
        assert!(of_hour(at("2026-03-01T01:00:00Z"), &zone) > 1.5);
    }
}
