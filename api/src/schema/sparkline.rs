//! A link's clicks of the last days, as a line that stands beside it in a list.

use async_graphql::{Context, ID};
use domain::{ApiScope, Bucket, ClickFilter, ClickProperties, Invalid, Issue, IssueCode, Verdict, first_buckets};

use super::context::{reader, services};
use super::error::{ApiError, ApiResult};
use super::link::link_id;
use super::period::zone_of;

const MOST_DAYS: i32 = 90;
/// Of a day without a change of the clocks.
const DAY_MILLIS: i64 = 24 * 3_600_000;

pub(super) async fn sparkline(ctx: &Context<'_>, link: &ID, days: i32) -> ApiResult<Vec<u64>> {
    let (services, workspace) = (services(ctx)?, reader(ctx, ApiScope::ClicksRead)?);
    let count = usize::try_from(days).ok().filter(|_| (1..=MOST_DAYS).contains(&days)).ok_or_else(|| {
        let message = format!("Ask for 1 to {MOST_DAYS} days. clickSeries has longer ranges.");
        ApiError::from(Invalid::from(Issue::new("days", IssueCode::OutOfRange, message)))
    })?;
    let scope = services.read(workspace).await?;
    let (zone, now) = (zone_of(&scope).await?, services.clock.now());
    // A long day may leave one too many at the beginning.
    let spans = first_buckets(Bucket::Day, &zone, now.plus(-i64::from(days) * DAY_MILLIS), now.plus(1), count + 2);
    let spans = spans.get(spans.len().saturating_sub(count)..).unwrap_or_default();
    let filter = ClickFilter::from(ClickProperties { links: vec![link_id(link)?], ..ClickProperties::default() });
    Ok(scope.series(&filter, spans).await?.points.iter().map(|tally| tally.counts.of(&[Verdict::Human])).collect())
}
