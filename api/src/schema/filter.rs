//! The filter that chooses among clicks, as it is written and as it is checked.

use async_graphql::{ID, InputObject};
use domain::{AskedRange, Bucket, ClickFilter, Invalid, Issue, IssueCode, Millis};
use jiff::tz::TimeZone as Zone;
use store::WorkspaceScope;

use super::click_properties::ClickPropertiesInput;
use super::context::Services;
use super::error::ApiError;
use super::period::{Compare, Period, zone_of};
use super::scalars::DateTime;

/// From 1970 on, which many programs take for the beginning, until 2030.
const MAX_RANGE_YEARS: i64 = 60;
const YEAR_MILLIS: i64 = 31_557_600_000;

/// Which clicks are meant: within a field any value matches, between fields all must. A null value
/// means unknown. Without a range it covers everything.
#[derive(Clone, Debug, Default, InputObject)]
#[graphql(name = "ClickFilter")]
pub struct ClickFilterInput {
    /// First instant included.
    from: Option<DateTime>,
    /// First instant no longer included.
    to: Option<DateTime>,
    /// A range by name, instead of from and to.
    period: Option<Period>,
    #[graphql(flatten)]
    include: ClickPropertiesInput,
    /// Clicks to leave out: each of its fields leaves out by itself what matches it. A null value leaves
    /// out what is unknown, which otherwise stays.
    exclude: Option<ClickPropertiesInput>,
}

impl ClickFilterInput {
    /// The same for one link only.
    pub(crate) fn of_link(mut self, id: &ID) -> Self {
        self.include.link_ids = Some(vec![id.clone()]);
        self
    }

    /// The same, of today where no range is given.
    pub(crate) fn or_today(mut self) -> Self {
        if self.period.is_none() && self.from.is_none() && self.to.is_none() {
            self.period = Some(Period::Today);
        }
        self
    }

    /// The same, whatever links it names.
    pub(crate) fn of_any_link(mut self) -> Self {
        self.include.link_ids = None;
        self
    }

    pub(crate) fn asked_range(&self) -> AskedRange {
        let between = AskedRange::Between(self.from.map(|from| from.0), self.to.map(|to| to.0));
        self.period.map_or(between, |period| AskedRange::Named(period.into()))
    }

    pub(crate) fn has_period(&self) -> bool {
        self.period.is_some()
    }

    /// Checks the input. `zone` gives named periods their instants.
    ///
    /// # Errors
    /// All offences at once, with paths below `filter`.
    pub(crate) fn check(self, services: &Services, zone: &Zone) -> Result<ClickFilter, Invalid> {
        let mut invalid = Invalid::default();
        if self.period.is_some() && (self.from.is_some() || self.to.is_some()) {
            invalid.0.push(Issue::new("filter.period", IssueCode::NotAllowed, "Give a period, or from and to, not both."));
        }
        let (from, to) = self.asked_range().edges(zone, services.clock.now());
        if from.zip(to).is_some_and(|(from, to)| from >= to) {
            invalid.0.push(Issue::new("filter.to", IssueCode::OutOfRange, "The end of the range must be after its beginning."));
        }
        let end = to.unwrap_or_else(|| services.clock.now());
        if from.is_some_and(|from| end.0.saturating_sub(from.0) > MAX_RANGE_YEARS * YEAR_MILLIS) {
            let message = format!("A range may be {MAX_RANGE_YEARS} years long. Choose a shorter one, or leave from away for everything.");
            invalid.0.push(Issue::new("filter.from", IssueCode::OutOfRange, message));
        }
        let include = self.include.check("filter", &services.short_domain, &mut invalid);
        let exclude = self.exclude.unwrap_or_default().check("filter.exclude", &services.short_domain, &mut invalid);
        invalid.finish()?;
        Ok(ClickFilter { from, to, include, exclude })
    }
}

/// The filter of a field's argument; the workspace's zone is read only where it is needed.
pub(crate) async fn resolve(
    services: &Services,
    scope: &WorkspaceScope,
    filter: Option<ClickFilterInput>,
) -> Result<ClickFilter, ApiError> {
    let filter = filter.unwrap_or_default();
    let zone = if filter.has_period() { zone_of(scope).await? } else { Zone::UTC };
    Ok(filter.check(services, &zone)?)
}

/// As [`resolve`], with the same question about the range that this one is compared with: `None`
/// when nobody asked, or when the filter's range has no beginning.
pub(crate) async fn resolve_compared(
    services: &Services,
    scope: &WorkspaceScope,
    filter: Option<ClickFilterInput>,
    compare: Option<Compare>,
) -> Result<(ClickFilter, Option<ClickFilter>), ApiError> {
    resolve_compared_by(services, scope, filter, compare, |range, compare, zone, now| range.compared(compare, zone, now)).await
}

/// The same, with the points of a series beside those of the other range.
pub(crate) async fn resolve_series(
    services: &Services,
    scope: &WorkspaceScope,
    filter: Option<ClickFilterInput>,
    compare: Option<Compare>,
    (bucket, of_points): (Bucket, &Zone),
) -> Result<(ClickFilter, Option<ClickFilter>), ApiError> {
    let earlier = |range: AskedRange, compare, zone: &Zone, now| range.compared_in(compare, bucket, of_points, zone, now);
    resolve_compared_by(services, scope, filter, compare, earlier).await
}

async fn resolve_compared_by(
    services: &Services,
    scope: &WorkspaceScope,
    filter: Option<ClickFilterInput>,
    compare: Option<Compare>,
    earlier: impl Fn(AskedRange, domain::Compare, &Zone, Millis) -> Option<(Millis, Millis)>,
) -> Result<(ClickFilter, Option<ClickFilter>), ApiError> {
    let Some(compare) = compare else { return Ok((resolve(services, scope, filter).await?, None)) };
    let (zone, now, filter) = (zone_of(scope).await?, services.clock.now(), filter.unwrap_or_default());
    let range = filter.asked_range();
    let filter = filter.check(services, &zone)?;
    let earlier = earlier(range, compare.into(), &zone, now);
    let compared = earlier.map(|(from, to)| ClickFilter { from: Some(from), to: Some(to), ..filter.clone() });
    Ok((filter, compared))
}
