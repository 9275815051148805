//! Ranges compared so that points of a series have their own counterparts beside them: weeks those of whole weeks
//! before, months those of months before.

use jiff::civil::Date;
use jiff::{ToSpan, ZonedDateTime, tz::TimeZone};

use crate::period::{earlier, is_day_start, local};
use crate::{AskedRange, Bucket, Compare, Millis, Period};

const WEEKS_OF_A_YEAR: i64 = 52;

impl AskedRange {
    /// As [`AskedRange::compared`], so that points of `bucket` in the zone `of_points` have those of the other
    /// range beside them: by whole weeks for weeks, by whole months for months. As many of them as hold the
    /// range, so that the two do not overlap; for a year 52 weeks, or the same dates.
    pub fn compared_in(
        self,
        compare: Compare,
        bucket: Bucket,
        of_points: &TimeZone,
        zone: &TimeZone,
        now: Millis,
    ) -> Option<(Millis, Millis)> {
        if !matches!(bucket, Bucket::Week(_) | Bucket::Month) {
            return self.compared(compare, zone, now);
        }
        let (from, to) = self.edges(zone, now);
        let (start, end) = (local(from?, of_points), local(to.unwrap_or(now), of_points));
        let is_year = compare == Compare::PreviousYear || self == Self::Named(Period::YearToDate);
        let step = match bucket {
            Bucket::Month if is_year => 1.year(),
            Bucket::Month => whole_months(&start, &end)?.months(),
            _ if is_year => WEEKS_OF_A_YEAR.weeks(),
            _ => whole_weeks(&start, &end)?.weeks(),
        };
        earlier(&start, &end, to.is_some(), step)
    }
}

/// The fewest weeks that hold the days of a range.
fn whole_weeks(start: &ZonedDateTime, end: &ZonedDateTime) -> Option<i64> {
    let days = i64::from(start.date().until(last_day(end)?).ok()?.get_days()) + 1;
    (days > 0).then(|| (days + 6) / 7)
}

/// The fewest months after which a range's end is not after its beginning.
fn whole_months(start: &ZonedDateTime, end: &ZonedDateTime) -> Option<i64> {
    let (first, last) = (start.date(), last_day(end)?);
    let months = 12 * i64::from(last.year() - first.year()) + i64::from(last.month() - first.month());
    // A month later but on an earlier day, it is held already.
    let held = months + i64::from(last.day() >= first.day());
    (first <= last).then(|| held.max(1))
}

/// The last day that an end, not included, leaves in its range.
fn last_day(end: &ZonedDateTime) -> Option<Date> {
    if is_day_start(end) { end.date().yesterday().ok() } else { Some(end.date()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Weekday, buckets};

    fn at(text: &str) -> Millis {
        Millis::from_timestamp(text.parse().unwrap())
    }

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    #[test]
    fn weeks_and_months_have_those_of_before_beside_them() {
        let compared = |range: AskedRange, compare, bucket, name: &str, now: &str| {
            let show = |at: Millis| local(at, &zone(name)).strftime("%Y-%m-%d %H:%M").to_string();
            range.compared_in(compare, bucket, &zone(name), &zone("UTC"), at(now)).map(|(from, to)| [show(from), show(to)]).unwrap()
        };
        let between = |from: &str, to: &str| AskedRange::Between(Some(at(from)), Some(at(to)));
        let (week, now) = (Bucket::Week(Weekday::Monday), "2026-07-15T12:05:00Z");
        // A March of Kolkata, asked for by a workspace of UTC: its February, not the 31 days before.
        let march = between("2026-02-28T18:30:00Z", "2026-03-31T18:30:00Z");
        let of = |compare| compared(march, compare, Bucket::Month, "Asia/Kolkata", now);
        assert_eq!(of(Compare::PreviousPeriod), ["2026-02-01 00:00", "2026-03-01 00:00"]);
        assert_eq!(of(Compare::PreviousYear), ["2025-03-01 00:00", "2025-04-01 00:00"]);
        // Four weeks from a Monday on.
        let weeks = between("2026-03-02T00:00:00Z", "2026-03-30T00:00:00Z");
        let of = |compare| compared(weeks, compare, week, "UTC", now);
        assert_eq!(of(Compare::PreviousPeriod), ["2026-02-02 00:00", "2026-03-02 00:00"]);
        assert_eq!(of(Compare::PreviousYear), ["2025-03-03 00:00", "2025-03-31 00:00"]);
        // Up to now, cut at the same time of a day.
        let named = |period, bucket| compared(AskedRange::Named(period), Compare::PreviousPeriod, bucket, "UTC", now);
        assert_eq!(named(Period::Last30Days, week), ["2026-05-12 00:00", "2026-06-10 12:05"]);
        assert_eq!(named(Period::Last90Days, Bucket::Month), ["2026-01-17 00:00", "2026-04-15 12:05"]);
        assert_eq!(named(Period::MonthToDate, Bucket::Month), ["2026-06-01 00:00", "2026-06-15 12:05"]);
        assert_eq!(named(Period::YearToDate, week), ["2025-01-02 00:00", "2025-07-16 12:05"]);
        // As many points, each the counterpart of the other, and none of both, whatever the day.
        for step in 0..400 {
            let now = at("2026-01-01T00:00:07Z").plus(step * 31 * 3_600_000);
            for (period, bucket) in [
                (Period::Last30Days, week),
                (Period::Last90Days, week),
                (Period::Last90Days, Bucket::Month),
                (Period::MonthToDate, Bucket::Month),
            ] {
                for name in ["UTC", "Europe/Berlin", "Asia/Beirut", "Pacific/Auckland"] {
                    let (zone, range) = (zone(name), AskedRange::Named(period));
                    let (from, to) = range.edges(&zone, now);
                    let other = range.compared_in(Compare::PreviousPeriod, bucket, &zone, &zone, now).unwrap();
                    assert!(other.1 <= from.unwrap(), "{name} {now} {period:?}");
                    let points = |(from, to)| buckets(bucket, &zone, from, to).unwrap().len();
                    assert_eq!(points((from.unwrap(), to.unwrap_or(now))), points(other), "{name} {now} {period:?}");
                }
            }
        }
    }
}
