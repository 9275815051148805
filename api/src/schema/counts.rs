//! Totals and series of clicks.

use async_graphql::{Context, Enum, Object, SimpleObject};
use domain::{BucketSpan, ClickFilter, Invalid, Issue, IssueCode, Millis, buckets, parse_time_zone};

use super::context::{Services, services, session};
use super::error::{ApiError, ApiResult};
use super::filter::{ClickFilterInput, resolve};
use super::page::{Cursor, StoredCursor};
use super::period::zone_of;
use super::scalars::{DateTime, TimeZone};
use crate::caller::Session;

/// What an answer was computed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(name = "CountSource", remote = "store::Source")]
pub enum Source {
    /// Counts kept by quarter-hour.
    Rollup,
    /// The clicks themselves.
    Clicks,
}

/// The width of a series' points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::Bucket")]
pub enum Bucket {
    Hour,
    Day,
}

/// Counts of the clicks that were sent on.
#[derive(Clone, Debug, SimpleObject)]
pub struct ClickTotals {
    /// The clicks of the filter's verdicts; of people when it names none.
    pub clicks: u64,
    /// By verdict, whatever verdicts the filter names.
    pub human: u64,
    pub suspected: u64,
    pub bot: u64,
    /// The same as bot.
    pub bots: u64,
    pub internal: u64,
    /// Visitors, told apart by day. Null: they are not told apart yet.
    pub daily_uniques: Option<u64>,
    /// Requests for slugs that are no link, on the workspace's own domains.
    pub misses: u64,
    /// The first instant that the answer covers.
    pub data_from: DateTime,
    pub source: Source,
    /// A subscription after this cursor misses and repeats nothing of what was counted.
    pub live_cursor: String,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct ClickPoint {
    /// First instant included.
    pub start: DateTime,
    /// First instant no longer included.
    pub end: DateTime,
    /// The clicks of the filter's verdicts; of people when it names none.
    pub clicks: u64,
    /// Visitors, told apart by day. Null: they are not told apart yet.
    pub daily_uniques: Option<u64>,
    /// Whether the range of the question, or now, cuts this point short.
    pub partial: bool,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct ClickSeries {
    /// Joined, oldest first, those without clicks included.
    pub points: Vec<ClickPoint>,
    /// The first instant that the answer covers.
    pub data_from: DateTime,
    pub source: Source,
    /// A subscription after this cursor misses and repeats nothing of what was counted.
    pub live_cursor: String,
}

#[derive(Default)]
pub struct CountQuery;

#[Object]
impl CountQuery {
    /// How many clicks there were. People's clicks, unless the filter names verdicts.
    async fn click_totals(&self, ctx: &Context<'_>, filter: Option<ClickFilterInput>) -> ApiResult<Option<ClickTotals>> {
        Ok(Some(click_totals(services(ctx)?, session(ctx)?, filter).await?))
    }

    /// How many clicks there were in each hour or day of a zone; without one, the workspace's.
    async fn click_series(
        &self,
        ctx: &Context<'_>,
        filter: Option<ClickFilterInput>,
        bucket: Bucket,
        time_zone: Option<TimeZone>,
    ) -> ApiResult<Option<ClickSeries>> {
        let (services, session) = (services(ctx)?, session(ctx)?);
        let scope = services.read(session.workspace).await?;
        let filter = resolve(services, &scope, filter).await?;
        let zone = match &time_zone {
            Some(name) => parse_time_zone("timeZone", &name.0)?,
            None => zone_of(&scope).await?,
        };
        let now = services.clock.now();
        let (from, to) = range(&filter, scope.get().await?.created_at, now)?;
        let spans = buckets(bucket.into(), &zone, from, to)?;
        let series = scope.series(&filter, &spans).await?;
        let point = |(span, counts): (&BucketSpan, &store::Counts)| ClickPoint {
            start: DateTime(span.start),
            end: DateTime(span.end),
            clicks: counts.of(&filter.verdicts),
            daily_uniques: None,
            partial: span.start < from || span.end > to || span.end > now,
        };
        Ok(Some(ClickSeries {
            points: spans.iter().zip(&series.points).map(point).collect(),
            data_from: DateTime(series.data_from),
            source: series.source.into(),
            live_cursor: StoredCursor(series.head).encode(),
        }))
    }
}

pub(crate) async fn click_totals(
    services: &Services,
    session: &Session,
    filter: Option<ClickFilterInput>,
) -> Result<ClickTotals, ApiError> {
    let scope = services.read(session.workspace).await?;
    let filter = resolve(services, &scope, filter).await?;
    let totals = scope.totals(&filter).await?;
    let counts = totals.counts;
    Ok(ClickTotals {
        clicks: counts.of(&filter.verdicts),
        human: counts.human,
        suspected: counts.suspected,
        bot: counts.bot,
        bots: counts.bot,
        internal: counts.internal,
        daily_uniques: None,
        misses: 0,
        data_from: DateTime(totals.data_from),
        source: totals.source.into(),
        live_cursor: StoredCursor(totals.head).encode(),
    })
}

/// The instants a series runs over: from the workspace's first to now where the filter is open.
fn range(filter: &ClickFilter, created_at: Millis, now: Millis) -> Result<(Millis, Millis), ApiError> {
    let (from, to) = (filter.from.unwrap_or(created_at), filter.to.unwrap_or(now.plus(1)));
    if from < to {
        return Ok((from, to));
    }
    let issue = Issue::new("filter.from", IssueCode::OutOfRange, "This range holds no time yet. Choose one that begins earlier.");
    Err(Invalid::from(issue).into())
}
