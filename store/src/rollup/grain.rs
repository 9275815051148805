//! Pieces of time that cells are of, and where a click's are.

use std::collections::HashMap;

use domain::{LocalDay, Millis, Quarter};
use jiff::tz::TimeZone;
use uuid::Uuid;

/// How many quarter-hours a cell of dimensions is wide. Chosen by measurement: docs/rollups.md.
pub(crate) const FINE_QUARTERS: i64 = 4;

/// What a cell counts, and how wide it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Grain {
    /// Totals and latency of a quarter-hour, kept for ever.
    Quarter = 0,
    /// Totals and dimensions of an hour of the workspace's zone, or of what is left of its day.
    Fine = 1,
    /// Everything of a day in the workspace's zone.
    Day = 2,
}

impl Grain {
    pub const ALL: [Self; 3] = [Self::Quarter, Self::Fine, Self::Day];

    pub fn code(self) -> i16 {
        self as i16
    }

    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|grain| grain.code() == code)
    }
}

/// Which cell: of a link or the whole workspace, what kind, and the quarter-hour that it begins with.
pub(crate) type CellKey = (Uuid, i16, i64);

/// The days of a zone, by their quarter-hours. Remembers those that were asked for.
#[derive(Debug)]
pub(crate) struct Days {
    zone: TimeZone,
    known: HashMap<i64, i64>,
}

impl Days {
    pub fn of(zone: TimeZone) -> Self {
        Self { zone, known: HashMap::new() }
    }

    /// The quarter that the day of this one begins with.
    pub fn start(&mut self, quarter: Quarter) -> i64 {
        *self.known.entry(quarter.0).or_insert_with(|| day_start(quarter.start(), &self.zone).0)
    }

    /// The quarter that a piece with this quarter in it begins with.
    pub fn piece(&mut self, grain: Grain, quarter: Quarter) -> i64 {
        match grain {
            Grain::Quarter => quarter.0,
            Grain::Fine => fine_start(quarter.0, self.start(quarter)),
            Grain::Day => self.start(quarter),
        }
    }
}

/// The first quarter of the day that an instant is in.
pub(crate) fn day_start(at: Millis, zone: &TimeZone) -> Quarter {
    let start = LocalDay::of(at, zone).start(zone).unwrap_or(at);
    Quarter::of(start)
}

/// The first quarter of the day after that of an instant.
pub(crate) fn day_end(at: Millis, zone: &TimeZone) -> Quarter {
    day_after(Quarter::of(at), zone)
}

/// The first quarter of the day after the one that this quarter is in.
pub(crate) fn day_after(quarter: Quarter, zone: &TimeZone) -> Quarter {
    /// In quarters, and less than two days.
    const LONGEST_DAY: i64 = 30 * 4;
    day_start(Quarter(day_start(quarter.start(), zone).0 + LONGEST_DAY).start(), zone)
}

/// The quarter that the fine piece with this one in it begins with: counted from the day's beginning, so that they are
/// the hours of clocks which are half an hour or a quarter off UTC's too.
pub(crate) fn fine_start(quarter: i64, day: i64) -> i64 {
    day + (quarter - day).div_euclid(FINE_QUARTERS) * FINE_QUARTERS
}
