//! Named ranges of time in the workspace's zone.

use async_graphql::Enum;
use domain::Millis;
use jiff::{ToSpan, ZonedDateTime, tz::TimeZone};
use store::WorkspaceScope;

use super::error::ApiError;

/// A range by name, in whole days of the workspace's zone; all but YESTERDAY end now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum Period {
    Today,
    Yesterday,
    /// Today and the six days before.
    #[graphql(name = "LAST_7_DAYS")]
    Last7Days,
    #[graphql(name = "LAST_30_DAYS")]
    Last30Days,
    #[graphql(name = "LAST_90_DAYS")]
    Last90Days,
    MonthToDate,
    YearToDate,
    All,
}

impl Period {
    /// First instant included and first no longer included; `None` where the range is open.
    pub(crate) fn range(self, zone: &TimeZone, now: Millis) -> (Option<Millis>, Option<Millis>) {
        let today = now.timestamp().to_zoned_datetime(zone.clone());
        let start = |days_ago: i64| day_start(&today, days_ago);
        match self {
            Self::Today => (start(0), None),
            Self::Yesterday => (start(1), start(0)),
            Self::Last7Days => (start(6), None),
            Self::Last30Days => (start(29), None),
            Self::Last90Days => (start(89), None),
            Self::MonthToDate => (today.first_of_month().ok().and_then(|day| day_start(&day, 0)), None),
            Self::YearToDate => (today.first_of_year().ok().and_then(|day| day_start(&day, 0)), None),
            Self::All => (None, None),
        }
    }
}

fn day_start(day: &ZonedDateTime, days_ago: i64) -> Option<Millis> {
    let start = day.checked_sub(days_ago.days()).ok()?.start_of_day().ok()?;
    Some(Millis::from_timestamp(start.timestamp()))
}

/// The zone of the scope's workspace.
pub(crate) async fn zone_of(scope: &WorkspaceScope) -> Result<TimeZone, ApiError> {
    let workspace = scope.get().await?;
    TimeZone::get(&workspace.time_zone).map_err(|error| ApiError::Internal(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_the_workspaces() {
        let at = |text: &str| Millis::from_timestamp(text.parse().unwrap());
        let zone = TimeZone::get("America/New_York").unwrap();
        // Eleven in the evening of the 23rd there.
        let now = at("2026-11-24T04:00:00Z");
        assert_eq!(Period::Today.range(&zone, now), (Some(at("2026-11-23T05:00:00Z")), None));
        assert_eq!(Period::Yesterday.range(&zone, now), (Some(at("2026-11-22T05:00:00Z")), Some(at("2026-11-23T05:00:00Z"))));
        // The clocks changed in between.
        assert_eq!(Period::Last30Days.range(&zone, now).0, Some(at("2026-10-25T04:00:00Z")));
        assert_eq!(Period::YearToDate.range(&zone, now).0, Some(at("2026-01-01T05:00:00Z")));
    }
}
