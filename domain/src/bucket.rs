//! Time buckets: quarter-hours, in which clicks are counted, the hours, days, weeks and months of a
//! time zone, into which they are summed, and minutes, which are finer than what is kept and counted
//! from the clicks themselves.
//!
//! Every zone's offset since 1972 is a multiple of a quarter-hour, so every edge of an hour or day
//! is an edge of a quarter, and minutes are the same in all zones. Edges are instants taken from
//! the zone's own history: a day may have 23 to 25 hours. A week begins on the weekday that was asked
//! for, a month on its first day.

use jiff::civil::{Date, Weekday};
use jiff::{ToSpan, Unit, ZonedDateTime, ZonedDateTimeRound, tz::TimeZone};

use crate::{Issue, IssueCode, Millis};

/// A quarter-hour of UTC, counted from 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quarter(pub i64);

impl Quarter {
    pub const MILLIS: i64 = 15 * 60 * 1_000;

    pub fn of(at: Millis) -> Self {
        Self(at.0.div_euclid(Self::MILLIS))
    }

    pub fn start(self) -> Millis {
        Millis(self.0 * Self::MILLIS)
    }

    /// Whether `at` is an edge between two quarters.
    pub fn is_edge(at: Millis) -> bool {
        at.0.rem_euclid(Self::MILLIS) == 0
    }
}

/// The width of a series' points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bucket {
    /// A minute of UTC.
    Minute,
    Hour,
    Day,
    /// Seven local days, the first of which is this one.
    Week(Weekday),
    /// A month of the calendar.
    Month,
}

/// One point's range, half-open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BucketSpan {
    pub start: Millis,
    pub end: Millis,
}

impl BucketSpan {
    /// In milliseconds.
    pub fn width(self) -> i64 {
        self.end.0 - self.start.0
    }
}

/// In milliseconds.
const MINUTE: i64 = 60_000;

/// The most points one series may have: two months of hours.
pub const MAX_BUCKETS: usize = 1_500;

/// The buckets of `zone` that cover `from..to`: the first begins at or before `from`, the last
/// ends at or after `to`.
///
/// # Errors
/// An issue at `filter` when there would be more than [`MAX_BUCKETS`].
pub fn buckets(bucket: Bucket, zone: &TimeZone, from: Millis, to: Millis) -> Result<Vec<BucketSpan>, Issue> {
    let spans = first_buckets(bucket, zone, from, to, MAX_BUCKETS);
    if spans.last().is_some_and(|last| last.end < to) || spans.is_empty() && from < to {
        let message = format!("This range has more than {MAX_BUCKETS} points. Choose a shorter range or a wider bucket.");
        return Err(Issue::new("filter", IssueCode::OutOfRange, message));
    }
    Ok(spans)
}

/// The same, but `most` of them at most; fewer than cover the range also where it leaves the
/// years that calendars know.
pub fn first_buckets(bucket: Bucket, zone: &TimeZone, from: Millis, to: Millis, most: usize) -> Vec<BucketSpan> {
    let mut spans = Vec::new();
    let mut start = floor(bucket, from.timestamp().to_zoned_datetime(zone.clone()));
    while let Some(begin) = start.filter(|start| Millis::from_timestamp(start.timestamp()) < to && spans.len() < most) {
        start = next(bucket, &begin);
        let Some(end) = &start else { break };
        spans.push(BucketSpan { start: Millis::from_timestamp(begin.timestamp()), end: Millis::from_timestamp(end.timestamp()) });
    }
    spans
}

fn floor(bucket: Bucket, at: ZonedDateTime) -> Option<ZonedDateTime> {
    match bucket {
        Bucket::Day => at.start_of_day().ok(),
        Bucket::Week(first) => first_instant(week_of(at.date(), first)?, at.time_zone()),
        Bucket::Month => first_instant(at.date().first_of_month(), at.time_zone()),
        Bucket::Minute => {
            let minute = Millis(Millis::from_timestamp(at.timestamp()).0.div_euclid(MINUTE) * MINUTE);
            Some(minute.timestamp().to_zoned_datetime(at.time_zone().clone()))
        }
        Bucket::Hour => at.round(ZonedDateTimeRound::new().smallest(Unit::Hour).mode(jiff::RoundMode::Trunc)).ok(),
    }
}

fn next(bucket: Bucket, start: &ZonedDateTime) -> Option<ZonedDateTime> {
    match bucket {
        // Not "plus 24 hours": the next local midnight, or the day's first instant where a change
        // of the clocks skips midnight.
        Bucket::Day => first_instant(start.date().checked_add(1.day()).ok()?, start.time_zone()),
        // From the calendar's day, which the zone may have left out.
        Bucket::Week(first) => first_instant(week_of(start.date(), first)?.checked_add(1.week()).ok()?, start.time_zone()),
        Bucket::Month => first_instant(start.date().first_of_month().checked_add(1.month()).ok()?, start.time_zone()),
        Bucket::Minute => start.checked_add(1.minute()).ok(),
        // An hour of real time, so that the repeated hour of autumn is two points.
        Bucket::Hour => {
            let later = start.checked_add(1.hour()).ok()?;
            // After a shift by half an hour (Lord Howe) the next edge is the clock's full hour.
            let floored = floor(Bucket::Hour, later.clone())?;
            Some(if floored.timestamp() > start.timestamp() { floored } else { later })
        }
    }
}

/// Of a local day: midnight, or what comes after it where a change of the clocks skips midnight. A day
/// that a zone left out altogether begins where the next one does.
fn first_instant(day: Date, zone: &TimeZone) -> Option<ZonedDateTime> {
    day.to_zoned_datetime(zone.clone()).ok()?.start_of_day().ok()
}

/// The first day of a day's week.
fn week_of(day: Date, first: Weekday) -> Option<Date> {
    day.checked_sub(i64::from(day.weekday().since(first)).days()).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spans(bucket: Bucket, zone: &str, from: &str, to: &str) -> Vec<BucketSpan> {
        let at = |text: &str| Millis::from_timestamp(text.parse().unwrap());
        buckets(bucket, &TimeZone::get(zone).unwrap(), at(from), at(to)).unwrap()
    }

    fn hours(span: &BucketSpan) -> i64 {
        (span.end.0 - span.start.0) / 3_600_000
    }

    #[test]
    fn days_follow_the_clocks() {
        let spring = spans(Bucket::Day, "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z");
        assert_eq!(spring.iter().map(hours).collect::<Vec<_>>(), [24, 23, 24]);
        let autumn = spans(Bucket::Day, "America/New_York", "2026-10-31T12:00:00Z", "2026-11-02T12:00:00Z");
        assert_eq!(autumn.iter().map(hours).collect::<Vec<_>>(), [24, 25, 24]);
        // In Beirut midnight itself is skipped: the day starts at one o'clock.
        let skipped = spans(Bucket::Day, "Asia/Beirut", "2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z");
        assert_eq!(skipped.iter().map(hours).collect::<Vec<_>>(), [24, 23]);
    }

    #[test]
    fn buckets_join_and_cover_and_lie_on_quarters() {
        for zone in ["UTC", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns", "Pacific/Apia", "Africa/Casablanca"] {
            for bucket in [Bucket::Hour, Bucket::Day] {
                let all = spans(bucket, zone, "2026-03-20T07:07:00Z", "2026-04-20T00:00:01Z");
                assert!(all.windows(2).all(|pair| pair[0].end == pair[1].start && pair[0].start < pair[0].end), "{zone}");
                assert!(all.iter().all(|span| Quarter::is_edge(span.start) && Quarter::is_edge(span.end)), "{zone}");
                assert!(all[0].start.to_string().as_str() <= "2026-03-20T07:07:00.000Z");
            }
        }
    }

    #[test]
    fn the_repeated_hour_is_two_points() {
        let all = spans(Bucket::Hour, "Europe/Berlin", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z");
        assert_eq!(all.len(), 25);
    }

    #[test]
    fn minutes_are_those_of_utc_whatever_the_zone() {
        for zone in ["UTC", "Asia/Kathmandu", "Europe/Berlin"] {
            // Across a change of Berlin's clocks.
            let all = spans(Bucket::Minute, zone, "2026-03-29T00:59:30.001Z", "2026-03-29T01:02:00Z");
            assert_eq!(all.iter().map(|span| span.start.0 % 60_000).collect::<Vec<_>>(), [0, 0, 0]);
            assert!(all.iter().all(|span| span.width() == 60_000), "{zone}");
            assert_eq!(all[2].end.to_string(), "2026-03-29T01:02:00.000Z");
        }
    }

    #[test]
    fn the_first_few_are_the_beginning_of_all() {
        let at = |text: &str| Millis::from_timestamp(text.parse().unwrap());
        let (from, to) = (at("2026-03-28T12:00:00Z"), at("2026-03-30T12:00:00Z"));
        assert_eq!(first_buckets(Bucket::Day, &TimeZone::UTC, from, to, 2), buckets(Bucket::Day, &TimeZone::UTC, from, to).unwrap()[..2]);
        assert_eq!(first_buckets(Bucket::Day, &TimeZone::UTC, from, to, 9).len(), 3);
    }

    #[test]
    fn weeks_and_months_begin_where_the_calendar_says() {
        let starts = |bucket, zone: &str, from: &str, to: &str| {
            let local = |span: &BucketSpan| span.start.timestamp().to_zoned_datetime(TimeZone::get(zone).unwrap());
            spans(bucket, zone, from, to).iter().map(|span| local(span).strftime("%a %F %H:%M").to_string()).collect::<Vec<_>>()
        };
        let weeks = |first, zone: &str| starts(Bucket::Week(first), zone, "2026-03-26T12:00:00Z", "2026-04-01T12:00:00Z");
        assert_eq!(weeks(Weekday::Monday, "Europe/Berlin"), ["Mon 2026-03-23 00:00", "Mon 2026-03-30 00:00"]);
        assert_eq!(weeks(Weekday::Sunday, "Asia/Beirut"), ["Sun 2026-03-22 00:00", "Sun 2026-03-29 01:00"]);
        assert_eq!(weeks(Weekday::Thursday, "UTC"), ["Thu 2026-03-26 00:00"]);
        let months = starts(Bucket::Month, "America/New_York", "2026-01-01T04:00:00Z", "2026-03-01T05:00:01Z");
        assert_eq!(months, ["Mon 2025-12-01 00:00", "Thu 2026-01-01 00:00", "Sun 2026-02-01 00:00", "Sun 2026-03-01 00:00"]);
        // Samoa left out Friday, 30 December 2011; the weeks after it begin on Fridays all the same.
        let left_out = starts(Bucket::Week(Weekday::Friday), "Pacific/Apia", "2011-12-24T00:00:00Z", "2012-01-07T00:00:00Z");
        assert_eq!(left_out, ["Fri 2011-12-23 00:00", "Sat 2011-12-31 00:00", "Fri 2012-01-06 00:00"]);
    }

    const ZONES: [&str; 8] = [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Asia/Kathmandu",
        "Asia/Beirut",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "America/St_Johns",
    ];

    proptest! {
        #[test]
        fn weeks_and_months_join_and_cover_in_any_zone(
            zone in 0..ZONES.len(), first in 0_i8..7, monthly: bool,
            from in 100_000_000_000_i64..2_000_000_000_000, length in 1_i64..40_000_000_000,
        ) {
            let (zone, first) = (TimeZone::get(ZONES[zone]).unwrap(), Weekday::from_monday_zero_offset(first).unwrap());
            let bucket = if monthly { Bucket::Month } else { Bucket::Week(first) };
            let (from, to) = (Millis(from), Millis(from + length));
            let all = buckets(bucket, &zone, from, to).unwrap();
            prop_assert!(all[0].start <= from && from < all[0].end);
            let last = all[all.len() - 1];
            prop_assert!(last.start < to && to <= last.end);
            prop_assert!(all.windows(2).all(|pair| pair[0].end == pair[1].start));
            for span in all {
                prop_assert!(span.start < span.end && Quarter::is_edge(span.start) && Quarter::is_edge(span.end));
                let start = span.start.timestamp().to_zoned_datetime(zone.clone());
                prop_assert_eq!(start.start_of_day().unwrap().timestamp(), start.timestamp());
                let is_first = if monthly { start.day() == 1 } else { start.date().weekday() == first };
                let after_what_was_left_out = start.date().to_string() == "2011-12-31" && first == Weekday::Friday;
                prop_assert!(is_first || after_what_was_left_out, "{}", start);
            }
        }
    }

    #[test]
    fn too_many_points_are_refused() {
        let at = |millis| Millis(millis);
        assert!(buckets(Bucket::Hour, &TimeZone::UTC, at(0), at(1_764_000_000_000)).is_err());
        assert!(buckets(Bucket::Day, &TimeZone::UTC, at(0), Millis::MAX).is_err());
        let year = 365 * 86_400_000;
        let refused = buckets(Bucket::Minute, &TimeZone::UTC, at(0), at(year)).unwrap_err();
        assert!(refused.message.contains("1500"), "{}", refused.message);
        assert!(buckets(Bucket::Week(Weekday::Monday), &TimeZone::UTC, at(0), at(100 * year)).is_err());
    }
}
