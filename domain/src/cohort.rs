//! Cohorts: what belongs together because it began in the same week or month of a time zone, and how old clicks
//! are by then.

use jiff::civil::Weekday;
use jiff::{Span, ToSpan, ZonedDateTime, tz::TimeZone};

use crate::Millis;

/// The width of a cohort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CohortPeriod {
    /// From Monday on.
    Week,
    Month,
}

/// The most periods that visitors are followed over.
pub const MAX_RETENTION_PERIODS: usize = 12;

/// The most months whose links are told apart.
pub const MAX_AGE_COHORTS: usize = 24;

/// Clicks of a link that is older than this many days are of the rest.
pub const MAX_AGE_DAYS: i64 = 90;

impl CohortPeriod {
    fn step(self) -> Span {
        match self {
            Self::Week => 1.week(),
            Self::Month => 1.month(),
        }
    }

    fn floor(self, at: &ZonedDateTime) -> Option<ZonedDateTime> {
        match self {
            Self::Week => {
                let back = at.weekday().since(Weekday::Monday);
                at.checked_sub(i64::from(back).days()).ok()?.start_of_day().ok()
            }
            Self::Month => at.first_of_month().ok()?.start_of_day().ok(),
        }
    }
}

/// The edges of the last `count` periods of `zone`, oldest first, of which the last has the instant before `end`:
/// one more than there are periods. Fewer where the calendar ends.
pub fn last_periods(period: CohortPeriod, zone: &TimeZone, end: Millis, count: usize) -> Vec<Millis> {
    let local = end.plus(-1).timestamp().to_zoned_datetime(zone.clone());
    let millis = |at: &ZonedDateTime| Millis::from_timestamp(at.timestamp());
    let Some(last) = period.floor(&local) else { return Vec::new() };
    // By dates, so that a change of the clocks moves no edge.
    let day = |at: &ZonedDateTime, step: Result<jiff::civil::Date, jiff::Error>| {
        step.ok()?.to_zoned_datetime(at.time_zone().clone()).ok()?.start_of_day().ok()
    };
    let after = day(&last, last.date().checked_add(period.step()));
    let mut edges: Vec<Millis> = after.iter().map(millis).collect();
    let mut start = Some(last);
    while let Some(at) = start.filter(|_| edges.len() <= count) {
        edges.push(millis(&at));
        start = day(&at, at.date().checked_sub(period.step()));
    }
    edges.reverse();
    edges
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges(period: CohortPeriod, zone: &str, end: &str, count: usize) -> Vec<String> {
        let end = Millis::from_timestamp(end.parse().unwrap());
        last_periods(period, &TimeZone::get(zone).unwrap(), end, count).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn months_begin_at_the_zones_midnight() {
        let found = edges(CohortPeriod::Month, "Europe/Berlin", "2026-04-15T12:00:00Z", 3);
        let wanted = ["2026-01-31T23:00", "2026-02-28T23:00", "2026-03-31T22:00", "2026-04-30T22:00"];
        assert_eq!(found, wanted.map(|at| format!("{at}:00.000Z")));
        // What ends with a month is not of the next one.
        assert_eq!(edges(CohortPeriod::Month, "UTC", "2026-04-01T00:00:00Z", 1)[0], "2026-03-01T00:00:00.000Z");
    }

    #[test]
    fn weeks_begin_on_monday() {
        let found = edges(CohortPeriod::Week, "UTC", "2026-03-01T12:00:00Z", 2);
        assert_eq!(found, ["2026-02-16", "2026-02-23", "2026-03-02"].map(|day| format!("{day}T00:00:00.000Z")));
    }
}
