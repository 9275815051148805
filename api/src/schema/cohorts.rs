//! Cohorts: clicks by the age of their link, and consented visitors by when they were first seen.

use async_graphql::{Context, Enum, Object, SimpleObject};
use domain::{
    ApiScope, CohortPeriod, Invalid, Issue, IssueCode, MAX_AGE_COHORTS, MAX_AGE_DAYS, MAX_RETENTION_PERIODS, Millis, last_periods,
};
use store::AgedClicks;

use super::context::{reader, services};
use super::counts::Source;
use super::error::ApiResult;
use super::filter::{ClickFilterInput, resolve};
use super::period::zone_of;
use super::scalars::DateTime;

const DEFAULT_COHORTS: i32 = 12;
const DEFAULT_PERIODS: i32 = 6;

/// The step of a link's age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum AgeBucket {
    /// A day of the workspace's zone; the first is the one that the link was made on.
    Day,
    /// Seven of these.
    Week,
}

impl AgeBucket {
    fn days(self) -> usize {
        match self {
            Self::Day => 1,
            Self::Week => 7,
        }
    }
}

/// The width of a cohort of visitors, in the workspace's zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "CohortPeriod")]
pub enum RetentionBucket {
    /// From Monday on.
    Week,
    Month,
}

/// Clicks by the age that their link had.
#[derive(Clone, Debug, Default, SimpleObject)]
pub struct ClicksByAge {
    /// Clicks at age 0 (on the day that the link was made on, or in the first seven days), 1, 2 … : 91 days, or 13 weeks.
    pub ages: Vec<u64>,
    /// Clicks of links older than 90 days.
    pub rest: u64,
    /// All of these.
    pub clicks: u64,
}

impl ClicksByAge {
    fn of<'a>(clicks: impl Iterator<Item = &'a AgedClicks>, bucket: AgeBucket) -> Self {
        let mut by_age = Self { ages: vec![0; MAX_AGE_DAYS as usize / bucket.days() + 1], ..Self::default() };
        for aged in clicks {
            by_age.clicks += aged.clicks;
            let age = aged.days.and_then(|days| by_age.ages.get_mut(days as usize / bucket.days()));
            *age.unwrap_or(&mut by_age.rest) += aged.clicks;
        }
        by_age
    }
}

/// Links that were made in the same month of the workspace's zone.
#[derive(Clone, Debug, SimpleObject)]
pub struct LinkAgeCohort {
    pub start: DateTime,
    /// First instant no longer included.
    pub end: DateTime,
    /// How many links were made, deleted ones too, whether they were clicked or not.
    pub links: u64,
    pub clicks: ClicksByAge,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct LinkAgeCohorts {
    /// Of all links, whenever they were made.
    pub all: ClicksByAge,
    /// Oldest month first.
    pub cohorts: Vec<LinkAgeCohort>,
    /// The first instant that the answer covers in full.
    pub data_from: DateTime,
    pub source: Source,
}

/// Visitors of a cohort who were there again.
#[derive(Clone, Copy, Debug, SimpleObject)]
pub struct ReturnedVisitors {
    pub visitors: u64,
    /// Of the cohort, 0 to 1. Null for a cohort without visitors.
    pub share: Option<f64>,
}

/// Visitors who were first seen in the same week or month.
#[derive(Clone, Debug, SimpleObject)]
pub struct RetentionCohort {
    pub start: DateTime,
    /// First instant no longer included.
    pub end: DateTime,
    pub visitors: u64,
    /// Those who were there in the next period, the one after it … , as far as these have begun.
    pub returned: Vec<ReturnedVisitors>,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct RetentionCohorts {
    /// Oldest first.
    pub cohorts: Vec<RetentionCohort>,
    /// The first instant from which on all clicks are known with their ids: who was seen before it counts as new.
    pub data_from: DateTime,
}

#[derive(Default)]
pub struct CohortQuery;

#[Object]
impl CohortQuery {
    /// Clicks by how old their link was, of all links and of those made in each of the last months. Ages are counted in
    /// days of the workspace's zone: a link is 0 days old on the day that it was made on. Clicks of the day before count
    /// for the first day, earlier ones (of a link whose clicks are older than it) for none. People's clicks, unless the
    /// filter names verdicts. `bucket` is DAY unless given; `first` is how many months, 12 unless given, 24 at most.
    async fn link_age_cohorts(
        &self,
        ctx: &Context<'_>,
        filter: Option<ClickFilterInput>,
        bucket: Option<AgeBucket>,
        first: Option<i32>,
    ) -> ApiResult<Option<LinkAgeCohorts>> {
        let (services, workspace) = (services(ctx)?, reader(ctx, ApiScope::ClicksRead)?);
        let bucket = bucket.unwrap_or(AgeBucket::Day);
        let months = between("first", first.unwrap_or(DEFAULT_COHORTS), MAX_AGE_COHORTS, "months")?;
        let scope = services.read(workspace).await?;
        let filter = resolve(services, &scope, filter).await?;
        let edges = last_periods(CohortPeriod::Month, &zone_of(&scope).await?, services.clock.now().plus(1), months);
        let found = scope.link_ages(&filter, &edges).await?;
        let cohort = |(index, span): (usize, &[Millis])| LinkAgeCohort {
            start: DateTime(span[0]),
            end: DateTime(span[1]),
            links: found.links[index],
            clicks: ClicksByAge::of(found.clicks.iter().filter(|aged| aged.cohort == Some(index)), bucket),
        };
        Ok(Some(LinkAgeCohorts {
            all: ClicksByAge::of(found.clicks.iter(), bucket),
            cohorts: edges.windows(2).enumerate().map(cohort).collect(),
            data_from: DateTime(found.data_from),
            source: found.source.into(),
        }))
    }

    /// Of the visitors who consented to an id and were first seen in one week or month, how many were there again in
    /// each later one. Null where no click that matches has such an id. `bucket` is WEEK unless given; `periods` is how many of these up to
    /// now, or up to the filter's end, 6 unless given, 12 at most; the filter's range has no other beginning.
    async fn retention_cohorts(
        &self,
        ctx: &Context<'_>,
        filter: Option<ClickFilterInput>,
        bucket: Option<RetentionBucket>,
        periods: Option<i32>,
    ) -> ApiResult<Option<RetentionCohorts>> {
        let (services, workspace) = (services(ctx)?, reader(ctx, ApiScope::ClicksRead)?);
        let mut invalid = Invalid::default();
        let periods = invalid.check(between("periods", periods.unwrap_or(DEFAULT_PERIODS), MAX_RETENTION_PERIODS, "periods"));
        let scope = services.read(workspace).await?;
        let filter = resolve(services, &scope, filter).await?;
        if filter.from.is_some() {
            let message = "Say with periods how far to look back; the filter takes an end (to) only.";
            invalid.0.push(Issue::new("filter.from", IssueCode::NotAllowed, message));
        }
        invalid.finish()?;
        let now = services.clock.now().plus(1);
        let edges = last_periods(
            bucket.unwrap_or(RetentionBucket::Week).into(),
            &zone_of(&scope).await?,
            filter.to.map_or(now, |to| to.min(now)),
            periods.unwrap_or_default(),
        );
        let Some(found) = scope.returned(&filter, &edges).await? else { return Ok(None) };
        let count = |cohort: usize, period: usize| {
            found.iter().filter(|one| (one.cohort, one.period) == (cohort, period)).map(|one| one.visitors).sum::<u64>()
        };
        let last = edges.len().saturating_sub(1);
        let cohort = |(index, span): (usize, &[Millis])| {
            let visitors = count(index, index);
            let share = |returned: u64| (visitors > 0).then(|| returned as f64 / visitors as f64);
            let returned = (index + 1..last).map(|period| count(index, period));
            RetentionCohort {
                start: DateTime(span[0]),
                end: DateTime(span[1]),
                visitors,
                returned: returned.map(|visitors| ReturnedVisitors { visitors, share: share(visitors) }).collect(),
            }
        };
        let known_from = scope.clicks_from(&filter).await?.max(scope.forgotten().await?.visitors_from);
        let cohorts = edges.windows(2).enumerate().map(cohort).collect();
        Ok(Some(RetentionCohorts { cohorts, data_from: DateTime(known_from) }))
    }
}

fn between(path: &str, count: i32, most: usize, what: &str) -> Result<usize, Issue> {
    usize::try_from(count)
        .ok()
        .filter(|count| (1..=most).contains(count))
        .ok_or_else(|| Issue::new(path, IssueCode::OutOfRange, format!("Ask for 1 to {most} {what}.")))
}
