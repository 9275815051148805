//! The zone of a workspace's days.

use jiff::tz::TimeZone;

/// Names are checked when they are chosen; one that this program's data lacks all the same costs only where days begin.
pub(crate) fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or(TimeZone::UTC)
}
