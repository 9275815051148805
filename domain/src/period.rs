//! Ranges of time as people name them, and the ranges that they are compared with.
//!
//! Days, months and years are those of a time zone and its own history: a range of 30 days may
//! have 719 to 721 hours, and "the same time yesterday" is what the clock on the wall showed.

use jiff::{Span, ToSpan, ZonedDateTime, tz::TimeZone};

use crate::Millis;

/// A range by name, in whole days; all but `Yesterday` end now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    Today,
    Yesterday,
    /// Today and the six days before.
    Last7Days,
    Last30Days,
    Last90Days,
    MonthToDate,
    YearToDate,
    All,
}

/// A range as it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskedRange {
    Named(Period),
    /// First instant included and first no longer included; `None` where the range is open.
    Between(Option<Millis>, Option<Millis>),
}

/// What a range is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// The range of the same length just before.
    PreviousPeriod,
    /// The same local dates a year before.
    PreviousYear,
}

impl Period {
    /// First instant included and first no longer included; `None` where the range is open.
    pub fn range(self, zone: &TimeZone, now: Millis) -> (Option<Millis>, Option<Millis>) {
        let today = local(now, zone);
        let start = |day: Option<ZonedDateTime>| day.and_then(|day| day_start(&day));
        let first_day = match self {
            Self::All => return (None, None),
            Self::Yesterday => return (start(back(&today, 1.day())), start(Some(today))),
            Self::MonthToDate => today.first_of_month().ok(),
            Self::YearToDate => today.first_of_year().ok(),
            Self::Today | Self::Last7Days | Self::Last30Days | Self::Last90Days => back(&today, (self.days() - 1).days()),
        };
        (start(first_day), None)
    }

    /// How far back the same range lies just before this one.
    fn step(self) -> Span {
        match self {
            Self::MonthToDate => 1.month(),
            Self::YearToDate => 1.year(),
            _ => self.days().days(),
        }
    }

    fn days(self) -> i64 {
        match self {
            Self::Last7Days => 7,
            Self::Last30Days => 30,
            Self::Last90Days => 90,
            _ => 1,
        }
    }
}

impl AskedRange {
    /// First instant included and first no longer included; `None` where the range is open.
    pub fn edges(self, zone: &TimeZone, now: Millis) -> (Option<Millis>, Option<Millis>) {
        match self {
            Self::Named(period) => period.range(zone, now),
            Self::Between(from, to) => (from, to),
        }
    }

    /// The range that this one is compared with, half-open. What has no end ends now, so the other
    /// is cut at the same time of day. `None` when this one has no beginning or holds no time yet.
    ///
    /// A day that the other month or year does not have becomes its last one: 1 to 31 March is
    /// compared with all of February. A range between instants is preceded by as many local days
    /// where it consists of whole ones, else by as many milliseconds.
    pub fn compared(self, compare: Compare, zone: &TimeZone, now: Millis) -> Option<(Millis, Millis)> {
        let (from, to) = self.edges(zone, now);
        let from = from?;
        let (start, end) = (local(from, zone), local(to.unwrap_or(now), zone));
        let step = match (compare, self) {
            (Compare::PreviousYear, _) => 1.year(),
            (Compare::PreviousPeriod, Self::Named(period)) => period.step(),
            (Compare::PreviousPeriod, Self::Between(..)) => match whole_days(&start, &end) {
                Some(days) => days.days(),
                None => return not_empty(Millis(from.0.checked_sub(to.unwrap_or(now).0.checked_sub(from.0)?)?), from),
            },
        };
        earlier(&start, &end, to.is_some(), step)
    }
}

/// The range that much earlier, on the clocks of its zone.
pub(crate) fn earlier(start: &ZonedDateTime, end: &ZonedDateTime, has_end: bool, step: Span) -> Option<(Millis, Millis)> {
    let earlier_end = if has_end { end_before(end, step)? } else { same_time_before(end, step)? };
    not_empty(same_time_before(start, step)?, earlier_end)
}

fn not_empty(from: Millis, to: Millis) -> Option<(Millis, Millis)> {
    (from < to).then_some((from, to))
}

pub(crate) fn local(at: Millis, zone: &TimeZone) -> ZonedDateTime {
    at.timestamp().to_zoned_datetime(zone.clone())
}

fn back(at: &ZonedDateTime, step: Span) -> Option<ZonedDateTime> {
    at.checked_sub(step).ok()
}

fn day_start(day: &ZonedDateTime) -> Option<Millis> {
    Some(Millis::from_timestamp(day.start_of_day().ok()?.timestamp()))
}

pub(crate) fn is_day_start(at: &ZonedDateTime) -> bool {
    at.start_of_day().is_ok_and(|start| start.timestamp() == at.timestamp())
}

/// The same time of day that much earlier; the first instant of a day stays one, also where the
/// clocks skip midnight on one of the two days.
fn same_time_before(at: &ZonedDateTime, step: Span) -> Option<Millis> {
    let earlier = back(at, step)?;
    if is_day_start(at) { day_start(&earlier) } else { Some(Millis::from_timestamp(earlier.timestamp())) }
}

/// As [`same_time_before`] for an end that is not included: midnight ends the day before it, and
/// that day is what has a counterpart.
fn end_before(end: &ZonedDateTime, step: Span) -> Option<Millis> {
    if !is_day_start(end) {
        return same_time_before(end, step);
    }
    let last_day = back(&back(end, 1.day())?, step)?;
    day_start(&last_day.checked_add(1.day()).ok()?)
}

/// How many local days there are from one first instant of a day to another.
fn whole_days(start: &ZonedDateTime, end: &ZonedDateTime) -> Option<i64> {
    if !is_day_start(start) || !is_day_start(end) {
        return None;
    }
    let days = start.date().until(end.date()).ok()?.get_days();
    (days > 0).then(|| days.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Millis {
        Millis::from_timestamp(text.parse().unwrap())
    }

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    /// The range compared with, as it reads on the clocks of `name`.
    fn before(range: AskedRange, compare: Compare, name: &str, now: &str) -> Option<[String; 2]> {
        let show = |at: Millis| local(at, &zone(name)).strftime("%Y-%m-%d %H:%M").to_string();
        range.compared(compare, &zone(name), at(now)).map(|(from, to)| [show(from), show(to)])
    }

    fn named(period: Period, name: &str, now: &str) -> [String; 2] {
        before(AskedRange::Named(period), Compare::PreviousPeriod, name, now).unwrap()
    }

    fn year_before(period: Period, name: &str, now: &str) -> [String; 2] {
        before(AskedRange::Named(period), Compare::PreviousYear, name, now).unwrap()
    }

    #[test]
    fn days_are_the_zones() {
        let zone = zone("America/New_York");
        // Eleven in the evening of the 23rd there.
        let now = at("2026-11-24T04:00:00Z");
        assert_eq!(Period::Today.range(&zone, now), (Some(at("2026-11-23T05:00:00Z")), None));
        assert_eq!(Period::Yesterday.range(&zone, now), (Some(at("2026-11-22T05:00:00Z")), Some(at("2026-11-23T05:00:00Z"))));
        // The clocks changed in between.
        assert_eq!(Period::Last30Days.range(&zone, now).0, Some(at("2026-10-25T04:00:00Z")));
        assert_eq!(Period::YearToDate.range(&zone, now).0, Some(at("2026-01-01T05:00:00Z")));
    }

    #[test]
    fn the_days_just_before_are_cut_at_the_same_time() {
        let now = "2026-07-15T12:05:00Z";
        let of = |period| named(period, "Europe/Berlin", now);
        assert_eq!(of(Period::Today), ["2026-07-14 00:00", "2026-07-14 14:05"]);
        assert_eq!(of(Period::Yesterday), ["2026-07-13 00:00", "2026-07-14 00:00"]);
        assert_eq!(of(Period::Last7Days), ["2026-07-02 00:00", "2026-07-08 14:05"]);
        assert_eq!(of(Period::Last30Days), ["2026-05-17 00:00", "2026-06-15 14:05"]);
        assert_eq!(of(Period::MonthToDate), ["2026-06-01 00:00", "2026-06-15 14:05"]);
        assert_eq!(of(Period::YearToDate), ["2025-01-01 00:00", "2025-07-15 14:05"]);
    }

    #[test]
    fn the_time_is_that_on_the_wall_when_the_clocks_change() {
        // The night to 29 March has no hour from two to three in Berlin.
        let now = "2026-03-29T12:05:00Z";
        assert_eq!(named(Period::Today, "Europe/Berlin", now), ["2026-03-28 00:00", "2026-03-28 14:05"]);
        let range = AskedRange::Named(Period::Today).compared(Compare::PreviousPeriod, &zone("Europe/Berlin"), at(now));
        assert_eq!(range, Some((at("2026-03-27T23:00:00Z"), at("2026-03-28T13:05:00Z"))));
        // Half past two of the day before its absence; asked from the day after, it is half past three.
        assert_eq!(named(Period::Today, "Europe/Berlin", "2026-03-30T00:30:00Z"), ["2026-03-29 00:00", "2026-03-29 03:30"]);
        // In Beirut the day itself begins at one o'clock, and the day before does not.
        assert_eq!(named(Period::Today, "Asia/Beirut", "2026-03-29T12:00:00Z"), ["2026-03-28 00:00", "2026-03-28 15:00"]);
        assert_eq!(named(Period::Today, "Asia/Beirut", "2026-03-30T12:00:00Z"), ["2026-03-29 01:00", "2026-03-29 15:00"]);
    }

    #[test]
    fn a_day_that_the_other_month_lacks_is_its_last() {
        assert_eq!(named(Period::MonthToDate, "UTC", "2026-03-31T09:00:00Z"), ["2026-02-01 00:00", "2026-02-28 09:00"]);
        assert_eq!(named(Period::YearToDate, "UTC", "2028-02-29T09:00:00Z"), ["2027-01-01 00:00", "2027-02-28 09:00"]);
        assert_eq!(year_before(Period::Yesterday, "UTC", "2028-03-01T09:00:00Z"), ["2027-02-28 00:00", "2027-03-01 00:00"]);
        assert_eq!(year_before(Period::Yesterday, "UTC", "2028-02-29T09:00:00Z"), ["2027-02-28 00:00", "2027-03-01 00:00"]);
    }

    #[test]
    fn a_year_before_are_the_same_dates() {
        let now = "2026-07-15T12:05:00Z";
        assert_eq!(year_before(Period::Last7Days, "Europe/Berlin", now), ["2025-07-09 00:00", "2025-07-15 14:05"]);
        assert_eq!(year_before(Period::YearToDate, "Europe/Berlin", now), ["2025-01-01 00:00", "2025-07-15 14:05"]);
        // In 2026 the clocks change on 29 March, in 2025 they did on the 30th.
        let range = AskedRange::Between(Some(at("2026-03-28T23:00:00Z")), Some(at("2026-03-29T10:00:00Z")));
        assert_eq!(before(range, Compare::PreviousYear, "Europe/Berlin", now).unwrap(), ["2025-03-29 00:00", "2025-03-29 12:00"]);
    }

    #[test]
    fn between_instants_it_is_the_same_length_just_before() {
        let now = "2026-07-15T12:00:00Z";
        let of = |from: &str, to: Option<&str>| {
            before(AskedRange::Between(Some(at(from)), to.map(at)), Compare::PreviousPeriod, "Europe/Berlin", now)
        };
        let hours = of("2026-07-14T08:30:00Z", Some("2026-07-14T10:30:00Z")).unwrap();
        assert_eq!(hours, ["2026-07-14 08:30", "2026-07-14 10:30"]);
        assert_eq!(of("2026-07-15T09:30:00Z", None).unwrap(), ["2026-07-15 09:00", "2026-07-15 11:30"]);
        // 28 and 29 March, 47 hours; the two days before have 48.
        let days = of("2026-03-27T23:00:00Z", Some("2026-03-29T22:00:00Z")).unwrap();
        assert_eq!(days, ["2026-03-26 00:00", "2026-03-28 00:00"]);
    }

    #[test]
    fn days_are_compared_with_as_many_days() {
        let days = |(from, to): (Millis, Millis), zone: &TimeZone| crate::buckets(crate::Bucket::Day, zone, from, to).unwrap().len();
        for name in ["UTC", "Europe/Berlin", "Asia/Beirut", "Australia/Lord_Howe", "America/St_Johns"] {
            let zone = zone(name);
            // A year of odd times of day.
            for step in 0..500 {
                let now = at("2026-01-01T00:00:07Z").plus(step * 17 * 3_600_000);
                for period in [Period::Today, Period::Yesterday, Period::Last7Days, Period::Last30Days, Period::Last90Days] {
                    let (from, to) = period.range(&zone, now);
                    let compared = AskedRange::Named(period).compared(Compare::PreviousPeriod, &zone, now).unwrap();
                    assert!(compared.1 <= from.unwrap(), "{name} {now} {period:?}");
                    assert_eq!(days((from.unwrap(), to.unwrap_or(now)), &zone), days(compared, &zone), "{name} {now} {period:?}");
                }
            }
        }
    }

    #[test]
    fn what_has_no_beginning_or_no_time_yet_is_not_compared() {
        let now = "2026-07-15T12:00:00Z";
        for range in [
            AskedRange::Named(Period::All),
            AskedRange::Between(None, Some(at(now))),
            AskedRange::Between(Some(at("2026-07-16T00:00:00Z")), None),
            AskedRange::Between(Some(Millis(i64::MIN)), Some(Millis(i64::MAX))),
        ] {
            for compare in [Compare::PreviousPeriod, Compare::PreviousYear] {
                assert_eq!(before(range, compare, "UTC", now), None, "{range:?}");
            }
        }
    }
}
