//! Series: clicks by minute, hour, day, week or month. What they are compared with is read in the same snapshot.

use async_graphql::{Context, Enum, Lookahead, Object, SimpleObject};
use domain::{ApiScope, BucketSpan, ClickFilter, Invalid, Issue, IssueCode, Millis, Verdict, buckets, first_buckets, parse_time_zone};
use store::{Series, Tally, WorkspaceScope};

use super::context::{reader, services};
use super::counts::{DailyUniques, Source, wants_daily_uniques, wants_redirect_micros};
use super::dimension::Dimension;
use super::error::{ApiError, ApiResult};
use super::filter::{ClickFilterInput, resolve_series};
use super::page::{Cursor, StoredCursor};
use super::period::{Compare, zone_of};
use super::scalars::{DateTime, TimeZone};
use super::split_series::{Split, ValuePoint, ValueSeries};

/// The width of a series' points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum Bucket {
    /// A minute of UTC; counted from the clicks themselves.
    Minute,
    Hour,
    Day,
    /// Seven local days from the weekday on that weekStart says.
    Week,
    /// A month of the calendar.
    Month,
}

impl Bucket {
    fn starting(self, week_start: Option<Weekday>) -> domain::Bucket {
        match self {
            Self::Minute => domain::Bucket::Minute,
            Self::Hour => domain::Bucket::Hour,
            Self::Day => domain::Bucket::Day,
            Self::Week => domain::Bucket::Week(week_start.unwrap_or(Weekday::Monday).into()),
            Self::Month => domain::Bucket::Month,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::Weekday")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct ClickPoint {
    /// First instant included.
    pub start: DateTime,
    /// First instant no longer included.
    pub end: DateTime,
    /// The clicks of the filter's verdicts; of people when it names none.
    pub clicks: u64,
    /// Visitors by day: those whose first click of a day, in the workspace's zone, is within this point
    /// and of the filter's verdicts. Null where ClickTotals.dailyUniques is, and for days of another zone.
    pub daily_uniques: Option<u64>,
    /// Whether dailyUniques is an estimate.
    pub daily_uniques_estimated: bool,
    /// Half of what `clicks` counts was redirected within this many microseconds, from the request
    /// read to the click captured: the nearest-rank percentile, from a histogram of fixed buckets, so
    /// within 6.3 %. Null when there were none.
    pub redirect_micros_p50: Option<u32>,
    /// As redirectMicrosP50, of 95 in 100.
    pub redirect_micros_p95: Option<u32>,
    /// As redirectMicrosP50, of 99 in 100.
    pub redirect_micros_p99: Option<u32>,
    /// Whether the range of the question, or now, cuts this point short.
    pub partial: bool,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct ClickSeries {
    /// Joined, oldest first, those without clicks included.
    pub points: Vec<ClickPoint>,
    /// The points of the range compared with, each with the one of `points` at the same index;
    /// fewer where that range has fewer, as February beside March, never more. Null unless compare
    /// was asked for and the range has a beginning.
    pub previous: Option<Vec<ClickPoint>>,
    /// The values of `by` that had the most clicks in the whole range, as clickBreakdown tells them, most first: each with
    /// its clicks over time. Clicks of a link with several tags are in each of its tags' series. Null unless `by` was
    /// given.
    pub series: Option<Vec<ValueSeries>>,
    /// The clicks that are in none of `series`. Null unless `by` was given.
    pub other_points: Option<Vec<ValuePoint>>,
    /// Whether some clicks of `series` are in `otherPoints`, as ClickBreakdown.capped.
    pub capped: bool,
    /// As dataFrom, of the range compared with. Null where `previous` is.
    pub previous_data_from: Option<DateTime>,
    /// The first instant that the answer covers in full: after the last clicks that it would have to count
    /// and that are not kept any more (`Workspace.clicksKeptFrom`). With `by` no point has anything from before
    /// it, so that `points` and `series` are of the same clicks.
    pub data_from: DateTime,
    /// CLICKS where clicks were read for any of it.
    pub source: Source,
    /// A subscription after this cursor misses and repeats nothing of what was counted.
    pub live_cursor: String,
}

#[derive(Default)]
pub struct SeriesQuery;

#[Object]
impl SeriesQuery {
    /// How many clicks there were in each minute, hour, day, week or month of a zone; without one, the
    /// workspace's. A range has at most 1500 points. Compared are weeks with whole weeks before (a year: 52) and
    /// months with months.
    #[expect(clippy::too_many_arguments, reason = "the arguments of the field")]
    async fn click_series(
        &self,
        ctx: &Context<'_>,
        filter: Option<ClickFilterInput>,
        bucket: Bucket,
        time_zone: Option<TimeZone>,
        #[graphql(desc = "The weekday on which weeks begin, of the bucket WEEK only. Default: MONDAY.")] week_start: Option<Weekday>,
        compare: Option<Compare>,
        #[graphql(desc = "Tells the largest values of a dimension apart, in `series`.")] by: Option<Dimension>,
        #[graphql(desc = "The name of a PARAMETER or of METADATA, 1 to 64 characters; of nothing else.")] key: Option<String>,
        #[graphql(desc = "How many values, 1 to 20. Default: 5.")] top: Option<i32>,
    ) -> ApiResult<Option<ClickSeries>> {
        let (services, workspace) = (services(ctx)?, reader(ctx, ApiScope::ClicksRead)?);
        let split = check(Split::check(by, key, top), bucket, week_start)?;
        let scope = services.read(workspace).await?;
        let bucket = bucket.starting(week_start);
        let own_zone = zone_of(&scope).await?;
        let zone = match &time_zone {
            Some(name) => parse_time_zone("timeZone", &name.0)?,
            None => own_zone.clone(),
        };
        let (filter, compared) = resolve_series(services, &scope, filter, compare, (bucket, &zone)).await?;
        let now = services.clock.now();
        let range = range(&filter, scope.get().await?.created_at, now)?;
        let spans = buckets(bucket, &zone, range.0, range.1)?;
        let own_days = |spans: &[BucketSpan]| {
            let (first, last) = (spans.first().map(|span| span.start), spans.last().map(|span| span.end));
            let own = first.zip(last).map(|(from, to)| first_buckets(bucket, &own_zone, from, to, spans.len()));
            matches!(bucket, domain::Bucket::Minute | domain::Bucket::Hour) || own.is_some_and(|own| own == spans)
        };
        let (with_uniques, selected) = (own_days(&spans), ctx.look_ahead().field("points"));
        let asked = Asked { scope: &scope, now, spans: &spans, selected, with_uniques };
        let previous = match compared.as_ref().and_then(|compared| compared.from.zip(compared.to).zip(Some(compared))) {
            Some((range, compared)) => {
                let spans = first_buckets(bucket, &zone, range.0, range.1, spans.len());
                let (with_uniques, selected) = (own_days(&spans), ctx.look_ahead().field("previous"));
                let asked = Asked { scope: &scope, now, spans: &spans, selected, with_uniques };
                let series = scope.series(compared, &spans).await?;
                Some((asked.points(compared, range, &series).await?, DateTime(series.data_from)))
            }
            None => None,
        };
        let (previous, previous_data_from) = previous.unzip();
        let answer = |points, series: &Series| ClickSeries {
            points,
            previous,
            series: None,
            other_points: None,
            capped: false,
            previous_data_from,
            data_from: DateTime(series.data_from),
            source: series.source.into(),
            live_cursor: StoredCursor(series.head).encode(),
        };
        let Some(split) = split else {
            let series = scope.series(&filter, &spans).await?;
            return Ok(Some(answer(asked.points(&filter, range, &series).await?, &series)));
        };
        let (found, parts) = split.read(services, &scope, filter, &spans).await?;
        Ok(Some(ClickSeries {
            series: Some(parts.series),
            other_points: Some(parts.other),
            capped: found.capped,
            data_from: DateTime(found.data_from),
            source: found.source.into(),
            ..answer(asked.points(&found.filter, range, &found.series).await?, &found.series)
        }))
    }
}

/// What one list of points is made from.
struct Asked<'a> {
    scope: &'a WorkspaceScope,
    now: Millis,
    spans: &'a [BucketSpan],
    /// What is selected of the points.
    selected: Lookahead<'a>,
    /// Whether no day of the workspace's zone is cut by them as if it were another.
    with_uniques: bool,
}

impl Asked<'_> {
    /// Of what `series` counted by `filter`, which may begin later than the range `(from, to)` of the question.
    async fn points(&self, filter: &ClickFilter, (from, to): (Millis, Millis), series: &Series) -> Result<Vec<ClickPoint>, ApiError> {
        let micros = if wants_redirect_micros(&self.selected) {
            self.scope.redirect_micros_in(filter, self.spans).await?
        } else {
            vec![None; self.spans.len()]
        };
        let uniques = self.daily_uniques(filter, series).await?;
        let verdicts = filter.verdicts_or(&[Verdict::Human]);
        let point =
            |(((span, tally), uniques), micros): (((&BucketSpan, &Tally), DailyUniques), Option<store::RedirectMicros>)| ClickPoint {
                start: DateTime(span.start),
                end: DateTime(span.end),
                clicks: tally.counts.of(&verdicts),
                daily_uniques: uniques.visitors,
                daily_uniques_estimated: uniques.estimated,
                redirect_micros_p50: micros.map(|micros| micros.p50),
                redirect_micros_p95: micros.map(|micros| micros.p95),
                redirect_micros_p99: micros.map(|micros| micros.p99),
                partial: span.start < from || span.end > to || span.end > self.now,
            };
        Ok(self.spans.iter().zip(&series.points).zip(uniques).zip(micros).map(point).collect())
    }
}

impl Asked<'_> {
    /// Of each point.
    async fn daily_uniques(&self, filter: &ClickFilter, series: &Series) -> Result<Vec<DailyUniques>, ApiError> {
        if !self.with_uniques {
            return Ok(vec![DailyUniques::default(); self.spans.len()]);
        }
        let estimates = if wants_daily_uniques(&self.selected) {
            self.scope.estimated_uniques_in(filter, self.spans).await?
        } else {
            vec![None; self.spans.len()]
        };
        let verdicts = filter.verdicts_or(&[Verdict::Human]);
        Ok(series.points.iter().zip(estimates).map(|(tally, estimate)| DailyUniques::of(tally, &verdicts, estimate)).collect())
    }
}

/// With the offences of the split those of the rest.
fn check(split: Result<Option<Split>, Invalid>, bucket: Bucket, week_start: Option<Weekday>) -> Result<Option<Split>, Invalid> {
    let (split, mut invalid) = split.map_or_else(|invalid| (None, invalid), |split| (split, Invalid::default()));
    if week_start.is_some() && bucket != Bucket::Week {
        let message = "Only weeks begin on a weekday. Choose the bucket WEEK, or leave weekStart out.";
        invalid.0.push(Issue::new("weekStart", IssueCode::NotAllowed, message));
    }
    invalid.finish().map(|()| split)
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
