//! When people click: quiet nights, a rise in the morning, a peak in the evening, slower weekends,
//! each by the visitor's own clock.

use domain::Millis;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;

/// Activity at each full hour, against 1.0 at the evening's peak.
const HOURS: [f64; 24] = [
    0.30, 0.18, 0.11, 0.08, 0.07, 0.10, 0.22, 0.42, 0.62, 0.74, 0.80, 0.82, //
    0.86, 0.84, 0.80, 0.78, 0.78, 0.80, 0.84, 0.92, 1.00, 0.98, 0.80, 0.52,
];
const WEEKEND: f64 = 0.78;

/// How busy a place is at an instant, from above 0 to 1.
pub(super) fn activity(zone: &TimeZone, now: Millis) -> f64 {
    let local = zone.to_datetime(now.timestamp());
    let hour = f64::from(local.hour()) + f64::from(local.minute()) / 60.0;
    let day = if matches!(local.date().weekday(), Weekday::Saturday | Weekday::Sunday) { WEEKEND } else { 1.0 };
    at_hour(hour) * day
}

/// Between two full hours the activity changes evenly.
fn at_hour(hour: f64) -> f64 {
    let from = hour.floor();
    let place = from as usize % HOURS.len();
    let (before, after) = (HOURS[place], HOURS[(place + 1) % HOURS.len()]);
    before + (after - before) * (hour - from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Millis {
        Millis::from_timestamp(text.parse().unwrap())
    }

    #[test]
    fn the_day_has_a_night_and_an_evening() {
        assert!((at_hour(20.0) - 1.0).abs() < 1e-9);
        assert!((at_hour(20.5) - 0.99).abs() < 1e-9);
        assert!((at_hour(23.5) - 0.41).abs() < 1e-9, "midnight joins the days");
        assert!(HOURS.iter().all(|activity| (0.05..=1.0).contains(activity)));
    }

    #[test]
    fn each_place_lives_by_its_own_clock() {
        let zone = |name| TimeZone::get(name).unwrap();
        // A Tuesday: evening in Berlin, early morning in Tokyo.
        let evening = at("2026-11-24T19:00:00Z");
        assert!((activity(&zone("Europe/Berlin"), evening) - 1.0).abs() < 1e-9);
        assert!((activity(&zone("Asia/Tokyo"), evening) - 0.07).abs() < 1e-9);
        // The Saturday before at the same hour is slower.
        assert!((activity(&zone("Europe/Berlin"), at("2026-11-21T19:00:00Z")) - WEEKEND).abs() < 1e-9);
    }
}
