//! Series of the largest values of a dimension, beside the series of all clicks.

use async_graphql::SimpleObject;
use domain::{BucketSpan, ClickFilter, Invalid, Issue, IssueCode};
use store::{BreakdownRequest, SeriesBy, WorkspaceScope};

use super::context::Services;
use super::dimension::{Dimension, check_key};
use super::dimension_label::labels;
use super::error::ApiError;
use super::link::Link;
use super::scalars::DateTime;

/// The clicks of one value in a piece of time.
#[derive(Clone, Debug, SimpleObject)]
pub struct ValuePoint {
    /// First instant included.
    pub start: DateTime,
    /// First instant no longer included.
    pub end: DateTime,
    /// The clicks of the filter's verdicts; when it names none of people, or of everybody where VERDICT or
    /// VERDICT_REASON is asked about.
    pub clicks: u64,
}

/// One value of a dimension over time.
#[derive(Clone, Debug, SimpleObject)]
pub struct ValueSeries {
    /// As BreakdownRow.value.
    pub value: Option<String>,
    /// The value for a person: of a LINK its title, or else its slug; of a RULE its name.
    pub label: String,
    /// The link as it is now, deleted or not. Null unless the dimension is LINK.
    pub link: Option<Link>,
    /// As many as ClickSeries.points, of the same times.
    pub points: Vec<ValuePoint>,
}

/// What a series is split by.
pub(super) struct Split {
    dimension: Dimension,
    key: Option<String>,
    top: u64,
}

/// The parts of a series.
pub(super) struct Parts {
    pub series: Vec<ValueSeries>,
    pub other: Vec<ValuePoint>,
}

const DEFAULT_TOP: i32 = 5;
const MOST_TOP: i32 = 20;

impl Split {
    /// # Errors
    /// All offences at once.
    pub fn check(by: Option<Dimension>, key: Option<String>, top: Option<i32>) -> Result<Option<Self>, Invalid> {
        let mut invalid = Invalid::default();
        let number = top.unwrap_or(DEFAULT_TOP);
        if !(1..=MOST_TOP).contains(&number) {
            invalid.0.push(Issue::new("top", IssueCode::OutOfRange, format!("Ask for 1 to {MOST_TOP} values.")));
        }
        match by {
            Some(dimension) => invalid.0.extend(check_key(dimension, key.as_deref())),
            None if key.is_some() || top.is_some() => {
                let message = "Say what to split the series by, or leave key and top out.";
                invalid.0.push(Issue::new("by", IssueCode::Required, message));
            }
            None => {}
        }
        invalid.finish()?;
        Ok(by.map(|dimension| Self { dimension, key, top: number.unsigned_abs().into() }))
    }

    /// The largest of the times that the points cover of the range.
    pub async fn read(
        self,
        services: &Services,
        scope: &WorkspaceScope,
        filter: ClickFilter,
        spans: &[BucketSpan],
    ) -> Result<(SeriesBy, Parts), ApiError> {
        let dimension = domain::Dimension::from(self.dimension);
        let shared_domain = services.short_domain.authority();
        let request = BreakdownRequest { key: self.key, shared_domain, ..BreakdownRequest::new(dimension, filter, self.top) };
        let found = Box::pin(scope.series_by(&request, spans)).await?;
        let labels = labels(scope, dimension, found.values.iter()).await?;
        let points = |clicks: &[u64]| {
            let point =
                |(span, clicks): (&BucketSpan, &u64)| ValuePoint { start: DateTime(span.start), end: DateTime(span.end), clicks: *clicks };
            spans.iter().zip(clicks).map(point).collect::<Vec<_>>()
        };
        let series = found.values.iter().zip(&found.split.values).map(|(value, clicks)| ValueSeries {
            value: value.text(),
            label: labels.of(value),
            link: labels.link(services, value),
            points: points(clicks),
        });
        let parts = Parts { series: series.collect(), other: points(&found.split.other) };
        Ok((found, parts))
    }
}
