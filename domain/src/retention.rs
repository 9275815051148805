//! How long a workspace keeps what, and where that leaves its edges in time.
//!
//! Clicks are kept by whole local days, so that what a day's visitors were told apart by is never older
//! than the clicks themselves. Edges are computed from the zone as it is now; a store only ever moves them
//! ahead.

use std::ops::RangeInclusive;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::{Invalid, Issue, IssueCode, LocalDay, Millis, PrivacyLevel};

const DAY_MILLIS: i64 = 24 * 3_600_000;
/// Addresses and ids go so much before they must be gone, so that a worker that is late is still in time.
const MARGIN_MILLIS: i64 = 3_600_000;

/// For how long an id that a visitor consented to is kept with clicks, whatever was decided of these: 13 months.
const CONSENTED_IDS_DAYS: i32 = 395;

const CLICKS: RangeInclusive<i32> = 1..=3_650;
const ADDRESSES: RangeInclusive<i32> = 1..=7;
const AUDIT: RangeInclusive<i32> = 30..=3_650;

/// What is kept for how many days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Retention {
    /// Single clicks; 13 months unless decided. Their counts stay.
    pub clicks_days: i32,
    /// Addresses in full, where the level is [`PrivacyLevel::Full`].
    pub addresses_days: i32,
    /// The audit log; 12 months unless decided.
    pub audit_days: i32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { clicks_days: 395, addresses_days: 7, audit_days: 365 }
    }
}

/// What is to be another way; `None` stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetentionChange {
    pub clicks_days: Option<i32>,
    pub addresses_days: Option<i32>,
    pub audit_days: Option<i32>,
}

impl Retention {
    /// The first instant whose clicks are kept: the beginning of a local day. Each click is kept for at
    /// least the days decided, and until a midnight after that. `None` outside the years that calendars
    /// know.
    pub fn clicks_from(&self, now: Millis, zone: &TimeZone) -> Option<Millis> {
        LocalDay(LocalDay::of(now, zone).0 - self.clicks_days).start(zone)
    }

    /// The first instant whose clicks may have their address: none but with [`PrivacyLevel::Full`].
    pub fn addresses_from(&self, level: PrivacyLevel, now: Millis) -> Millis {
        match level {
            PrivacyLevel::None | PrivacyLevel::Truncated => Millis::MAX,
            PrivacyLevel::Full => now.plus(MARGIN_MILLIS - i64::from(self.addresses_days) * DAY_MILLIS),
        }
    }

    /// The first instant whose clicks may have an id that their visitor consented to, however long clicks are kept:
    /// they go at a midnight only.
    pub fn consented_ids_from(now: Millis) -> Millis {
        now.plus(MARGIN_MILLIS - i64::from(CONSENTED_IDS_DAYS) * DAY_MILLIS)
    }

    /// The first instant of which is kept what was done.
    pub fn audit_from(&self, now: Millis) -> Millis {
        now.plus(-i64::from(self.audit_days) * DAY_MILLIS)
    }

    pub(crate) fn change(&mut self, change: &RetentionChange, invalid: &mut Invalid) {
        let mut set = |days: &mut i32, wanted: Option<i32>, field: &str, bounds: RangeInclusive<i32>, hint: &str| match wanted {
            Some(wanted) if bounds.contains(&wanted) => *days = wanted,
            Some(_) => {
                let message = format!("Use {} to {} days{hint}.", bounds.start(), bounds.end());
                invalid.0.push(Issue::new(format!("privacy.retention.{field}"), IssueCode::OutOfRange, message));
            }
            None => {}
        };
        set(&mut self.clicks_days, change.clicks_days, "clicksDays", CLICKS, "; the counts of clicks stay in any case");
        set(&mut self.addresses_days, change.addresses_days, "addressesDays", ADDRESSES, "; to keep no address at all, set the level");
        set(&mut self.audit_days, change.audit_days, "auditDays", AUDIT, "");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Millis {
        Millis::from_timestamp(text.parse().unwrap())
    }

    #[test]
    fn clicks_are_kept_for_their_days_and_go_at_a_midnight_of_the_zone() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let week = Retention { clicks_days: 7, ..Retention::default() };
        // A summer day of two hours' offset, kept past the end of summer time.
        assert_eq!(week.clicks_from(at("2026-10-30T12:00:00Z"), &berlin), Some(at("2026-10-22T22:00:00Z")));
        assert_eq!(week.clicks_from(at("2026-11-10T12:00:00Z"), &berlin), Some(at("2026-11-02T23:00:00Z")));
        for hour in 0..24 * 40 {
            let now = at("2026-10-01T00:00:00Z").plus(hour * 3_600_000);
            let from = week.clicks_from(now, &berlin).unwrap();
            let kept = now.0 - from.0;
            assert!((7 * DAY_MILLIS - 3_600_000..=8 * DAY_MILLIS + 3_600_000).contains(&kept), "{now}: {from}");
        }
    }

    #[test]
    fn no_address_outlives_its_days() {
        let retention = Retention { addresses_days: 2, ..Retention::default() };
        let now = at("2026-03-10T12:00:00Z");
        let from = retention.addresses_from(PrivacyLevel::Full, now);
        assert!(from > now.plus(-2 * DAY_MILLIS) && from < now.plus(-DAY_MILLIS));
        for level in [PrivacyLevel::None, PrivacyLevel::Truncated] {
            assert_eq!(retention.addresses_from(level, now), Millis::MAX);
        }
    }

    #[test]
    fn ids_go_before_they_are_395_days_old() {
        assert_eq!(Retention::consented_ids_from(at("2026-03-10T12:00:00Z")), at("2025-02-08T13:00:00Z"));
    }

    #[test]
    fn numbers_out_of_their_bounds_are_told_all_at_once_and_change_nothing() {
        let (mut retention, mut invalid) = (Retention::default(), Invalid::default());
        let change = RetentionChange { clicks_days: Some(3_651), addresses_days: Some(8), audit_days: Some(29) };
        retention.change(&change, &mut invalid);
        let messages: Vec<&str> = invalid.0.iter().map(|issue| issue.message.as_str()).collect();
        assert_eq!(retention, Retention::default());
        assert!(messages[0].starts_with("Use 1 to 3650 days;") && messages[1].starts_with("Use 1 to 7 days;"), "{messages:?}");
        assert_eq!(messages[2], "Use 30 to 3650 days.");
        retention.change(&RetentionChange { clicks_days: Some(30), ..RetentionChange::default() }, &mut invalid);
        assert_eq!(retention, Retention { clicks_days: 30, ..Retention::default() });
    }
}
