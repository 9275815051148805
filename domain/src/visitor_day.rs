//! The days on which visitors are told apart: local days of the workspace's zone, as long as the salt of
//! each is kept.

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan};

use crate::Millis;

const EPOCH: Date = date(1970, 1, 1);
const HOUR: i64 = 3_600_000;

/// A day of a zone's calendar, counted from 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalDay(pub i32);

impl LocalDay {
    /// How long after a day's beginning its salt is used. Every day is over by then, the longest ones and
    /// those of 25 hours too, and clicks that come late have the rest.
    pub const USED: i64 = 46 * HOUR;
    /// From then on the salt is destroyed, an hour before it must be gone. What was begun with it has ended.
    pub const KEPT: i64 = 47 * HOUR;
    /// How far ahead of one's own clock a day may begin, since those of redirectors differ.
    const AHEAD: i64 = HOUR;

    /// The day of an instant.
    pub fn of(at: Millis, zone: &TimeZone) -> Self {
        let days = at.timestamp().to_zoned_datetime(zone.clone()).date().since(EPOCH).map_or(0, |since: Span| since.get_days());
        Self(days)
    }

    /// The day's first instant: midnight, or the one after it where a change of the clocks skips midnight.
    /// `None` outside the years that calendars know.
    pub fn start(self, zone: &TimeZone) -> Option<Millis> {
        let date = EPOCH.checked_add(self.0.days()).ok()?;
        Some(Millis::from_timestamp(date.to_zoned_datetime(zone.clone()).ok()?.start_of_day().ok()?.timestamp()))
    }

    /// When a salt made at `now` for this day is used no more; `None` where none may be made, because the
    /// day is too long ago or not yet there.
    pub fn used_until(self, zone: &TimeZone, now: Millis) -> Option<Millis> {
        let start = self.start(zone)?;
        let until = start.plus(Self::USED);
        (start <= now.plus(Self::AHEAD) && now < until).then_some(until)
    }
}

/// A salt, and the clicks that it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SaltOfDay {
    pub salt: DaySalt,
    /// The day's first instant.
    pub from: Millis,
    /// That of the day after.
    pub until: Millis,
}

impl SaltOfDay {
    pub fn is_of(&self, at: Millis) -> bool {
        self.from <= at && at < self.until
    }
}

/// What tells the visitors of one day apart; nobody can tell them once it is destroyed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct DaySalt(pub [u8; 32]);

impl std::fmt::Debug for DaySalt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DaySalt(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Millis {
        Millis::from_timestamp(text.parse().unwrap())
    }

    #[test]
    fn days_are_the_zones_own() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        // The 20,541st day after 1970-01-01 is 2026-03-29, whose hour from two to three is left out.
        let day = LocalDay(20_541);
        assert_eq!(LocalDay::of(at("2026-03-28T23:00:00Z"), &berlin), day);
        assert_eq!(LocalDay::of(at("2026-03-28T22:59:59.999Z"), &berlin), LocalDay(20_540));
        assert_eq!(LocalDay::of(at("2026-03-29T21:59:59.999Z"), &berlin), day);
        assert_eq!(LocalDay::of(at("2026-03-29T22:00:00Z"), &berlin), LocalDay(20_542));
        assert_eq!(day.start(&berlin), Some(at("2026-03-28T23:00:00Z")));
        // Midnight is skipped there on that day.
        let beirut = TimeZone::get("Asia/Beirut").unwrap();
        assert_eq!(day.start(&beirut), Some(at("2026-03-28T22:00:00Z")));
        assert_eq!(LocalDay::of(at("1969-12-31T23:59:59Z"), &TimeZone::UTC), LocalDay(-1));
    }

    #[test]
    fn every_day_is_over_before_its_salt_and_no_salt_is_made_after_that() {
        for zone in ["America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca", "America/St_Johns"] {
            let zone = TimeZone::get(zone).unwrap();
            for day in (20_400..20_800).map(LocalDay) {
                let (start, end) = (day.start(&zone).unwrap(), LocalDay(day.0 + 1).start(&zone).unwrap());
                assert_eq!((LocalDay::of(start, &zone), LocalDay::of(end.plus(-1), &zone)), (day, day));
                let until = start.plus(LocalDay::USED);
                assert!(end < until);
                assert_eq!(day.used_until(&zone, start), Some(until));
                assert_eq!(day.used_until(&zone, until.plus(-1)), Some(until));
                assert_eq!(day.used_until(&zone, until), None);
                assert_eq!(day.used_until(&zone, start.plus(-3_600_001)), None);
            }
        }
    }
}
