//! The hours of a week, into which a heatmap sums quarter-hours.

use jiff::civil::Weekday;
use jiff::tz::TimeZone;

use crate::Quarter;

/// An hour of a week as the clocks of a zone show it; the hour that autumn repeats is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WeekHour {
    /// ISO 8601: from 1, Monday, to 7, Sunday.
    pub weekday: u8,
    /// 0 to 23.
    pub hour: u8,
}

impl WeekHour {
    /// Hours of a week.
    pub const COUNT: usize = 7 * 24;

    /// All of them, from Monday's first on.
    pub fn all() -> impl Iterator<Item = Self> {
        (1..=7).flat_map(|weekday| (0..24).map(move |hour| Self { weekday, hour }))
    }

    /// Of a quarter-hour, which no hour's edge cuts in any zone since 1972.
    pub fn of(quarter: Quarter, zone: &TimeZone) -> Self {
        let local = zone.to_datetime(quarter.start().timestamp());
        Self { weekday: number(local.date().weekday()), hour: local.hour().unsigned_abs() }
    }

    /// Its place among all.
    pub fn index(self) -> usize {
        (usize::from(self.weekday) - 1) * 24 + usize::from(self.hour)
    }
}

fn number(weekday: Weekday) -> u8 {
    weekday.to_monday_one_offset().unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Millis;

    fn of(at: &str, zone: &str) -> (u8, u8) {
        let at = Millis::from_timestamp(at.parse().unwrap());
        let hour = WeekHour::of(Quarter::of(at), &TimeZone::get(zone).unwrap());
        (hour.weekday, hour.hour)
    }

    #[test]
    fn hours_are_those_on_the_clocks() {
        assert_eq!(of("2026-03-01T23:59:00Z", "UTC"), (7, 23));
        assert_eq!(of("2026-03-01T23:59:00Z", "Europe/Berlin"), (1, 0));
        // A zone of three quarters of an hour.
        assert_eq!((of("2026-03-01T18:14:00Z", "Asia/Kathmandu"), of("2026-03-01T18:15:00Z", "Asia/Kathmandu")), ((7, 23), (1, 0)));
        // Two o'clock comes twice that night.
        assert_eq!((of("2026-10-25T00:30:00Z", "Europe/Berlin"), of("2026-10-25T01:30:00Z", "Europe/Berlin")), ((7, 2), (7, 2)));
    }

    #[test]
    fn each_has_a_place_of_its_own() {
        let places: Vec<usize> = WeekHour::all().map(WeekHour::index).collect();
        assert_eq!(places, (0..WeekHour::COUNT).collect::<Vec<_>>());
    }
}
