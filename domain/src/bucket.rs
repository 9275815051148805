//! Time buckets: quarter-hours, in which clicks are counted, the hours and days of a time zone,
//! into which they are summed, and minutes, which are finer than what is kept and counted from the
//! clicks themselves.
//!
//! Every zone's offset since 1972 is a multiple of a quarter-hour, so every edge of an hour or day
//! is an edge of a quarter, and minutes are the same in all zones. Edges are instants taken from
//! the zone's own history: a day may have 23 to 25 hours.

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
        Bucket::Day => start.date().checked_add(1.day()).ok()?.to_zoned_datetime(start.time_zone().clone()).ok()?.start_of_day().ok(),
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

#[cfg(test)]
mod tests {
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
    fn too_many_points_are_refused() {
        let at = |millis| Millis(millis);
        assert!(buckets(Bucket::Hour, &TimeZone::UTC, at(0), at(1_764_000_000_000)).is_err());
        assert!(buckets(Bucket::Day, &TimeZone::UTC, at(0), Millis::MAX).is_err());
    }
}
