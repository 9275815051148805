//! Named ranges of time in the workspace's zone, and what they are compared with.

use async_graphql::Enum;
use jiff::tz::TimeZone;
use store::WorkspaceScope;

use super::error::ApiError;

/// A range by name, in whole days of the workspace's zone; all but YESTERDAY end now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::Period")]
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

/// What a range is compared with. What ends now is compared up to the same local time of day, so
/// TODAY at 14:05 with yesterday until 14:05. Days are those of the workspace's zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::Compare")]
pub enum Compare {
    /// The range just before: as many days, or the month or year before to the same date. Between
    /// from and to, the same length just before from, in days where these are whole ones.
    PreviousPeriod,
    /// The same local dates a year before.
    PreviousYear,
}

/// The zone of the scope's workspace.
pub(crate) async fn zone_of(scope: &WorkspaceScope) -> Result<TimeZone, ApiError> {
    let workspace = scope.get().await?;
    TimeZone::get(&workspace.time_zone).map_err(|error| ApiError::Internal(error.to_string()))
}
