//! What clicks led to, counted: rates, by dimension, and in an order.

use async_graphql::{Context, Object, SimpleObject};
use domain::{ApiScope, Invalid, Issue, IssueCode, parse_conversion_name, parse_funnel_steps};
use store::{ConversionBreakdownRequest, ConversionDimension, ConversionQuestion, FunnelRequest};

use super::context::{Services, reader, services};
use super::conversion::Money;
use super::counts::Source;
use super::dimension::{Dimension, check_key};
use super::dimension_label::{Labels, labels};
use super::error::ApiResult;
use super::filter::{ClickFilterInput, resolve};
use super::link::Link;
use super::scalars::DateTime;

const DEFAULT_ROWS: i32 = 50;
const MOST_ROWS: i32 = 500;
const DEFAULT_GROUPS: i32 = 10;
const MOST_GROUPS: i32 = 100;

/// What the clicks of a filter led to, whenever that was: the range is of the clicks.
#[derive(Clone, Debug, SimpleObject)]
pub struct ConversionTotals {
    pub conversions: u64,
    /// Clicks that led to at least one.
    pub converted_clicks: u64,
    /// The clicks that were sent on, of the filter's verdicts; of people when it names none.
    pub clicks: u64,
    /// convertedClicks of clicks, 0 to 1. Null without clicks.
    pub rate: Option<f64>,
    /// The sum of each currency, by its code.
    pub value: Vec<Money>,
    /// Clicks whose visitor did something on the target, as the script e.js tells, of browsers that do not object to
    /// being followed. Null where no page of these links ever told.
    pub engaged: Option<u64>,
    /// 1 - engaged of the clicks of links whose pages tell, 0 to 1. Null where no page of these links ever told.
    pub bounce_rate: Option<f64>,
    /// What `clicks` was counted from; conversions always are from themselves, engaged and bounceRate from clicks.
    pub source: Source,
    /// The first instant that the answer covers: clicks from before it are not kept any more, and what they led to went
    /// with them.
    pub data_from: DateTime,
}

/// What the clicks of one value of a dimension led to.
#[derive(Clone, Debug, SimpleObject)]
pub struct ConversionBreakdownRow {
    /// As BreakdownRow.value.
    pub value: Option<String>,
    /// As BreakdownRow.label.
    pub label: String,
    /// The link as it is now, deleted or not. Null unless the dimension is LINK.
    pub link: Option<Link>,
    pub clicks: u64,
    pub converted_clicks: u64,
    pub conversions: u64,
    /// convertedClicks of clicks, 0 to 1.
    pub rate: f64,
    /// The sum of each currency, by its code.
    pub revenue: Vec<Money>,
}

/// What clicks led to, by the values of a dimension.
#[derive(Clone, Debug, SimpleObject)]
pub struct ConversionBreakdown {
    /// Most conversions first, then most clicks, then by value.
    pub rows: Vec<ConversionBreakdownRow>,
    /// Of all values. Rows of tags may add up to more, as the two after it: links may have several.
    pub conversions: u64,
    pub converted_clicks: u64,
    pub clicks: u64,
    /// What the rows' `clicks` were counted from.
    pub source: Source,
    /// As ConversionTotals.dataFrom.
    pub data_from: DateTime,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct FunnelStep {
    /// `click`, `engaged`, or the conversion's name.
    pub name: String,
    /// Clicks that reached it.
    pub clicks: u64,
    /// Of the clicks of the first step, 0 to 1. Null where there are none.
    pub share: Option<f64>,
    /// Of the clicks of the step before, 0 to 1. Null for the first step, and where that has none.
    pub from_previous: Option<f64>,
}

/// How far the clicks of one value of a dimension went.
#[derive(Clone, Debug, SimpleObject)]
pub struct FunnelGroup {
    /// As BreakdownRow.value.
    pub value: Option<String>,
    /// As BreakdownRow.label.
    pub label: String,
    /// The link as it is now, deleted or not. Null unless the dimension is LINK.
    pub link: Option<Link>,
    pub steps: Vec<FunnelStep>,
}

/// How far clicks went.
#[derive(Clone, Debug, SimpleObject)]
pub struct Funnel {
    pub steps: Vec<FunnelStep>,
    /// By the values of the dimension that was asked for, most clicks first. Empty where none was.
    pub groups: Vec<FunnelGroup>,
    /// What the clicks of the first step were counted from.
    pub source: Source,
    /// As ConversionTotals.dataFrom.
    pub data_from: DateTime,
}

#[derive(Default)]
pub struct ConversionQuery;

#[Object]
impl ConversionQuery {
    /// What the clicks of a filter led to. Only conversions of `name`, where one is given. People's clicks, unless the
    /// filter names verdicts.
    async fn conversion_totals(
        &self,
        ctx: &Context<'_>,
        filter: Option<ClickFilterInput>,
        name: Option<String>,
    ) -> ApiResult<Option<ConversionTotals>> {
        let (services, workspace) = (services(ctx)?, reader(ctx, ApiScope::ClicksRead)?);
        let name = name.map(|name| parse_conversion_name("name", &name)).transpose()?;
        let scope = services.read(workspace).await?;
        let question = ConversionQuestion { filter: resolve(services, &scope, filter).await?, name };
        let found = scope.conversion_totals(&question).await?;
        let selected = ctx.look_ahead();
        let asks = selected.field("engaged").exists() || selected.field("bounceRate").exists();
        // Read from clicks, so only where somebody asks for it.
        let bounces = if asks { Some(scope.bounces(&question.filter).await?).filter(|bounces| bounces.clicks > 0) } else { None };
        Ok(Some(ConversionTotals {
            conversions: found.conversions,
            converted_clicks: found.converted_clicks,
            clicks: found.clicks,
            rate: share(found.converted_clicks, found.clicks),
            value: found.value.into_iter().map(Into::into).collect(),
            engaged: bounces.map(|bounces| bounces.engaged),
            bounce_rate: bounces.and_then(|bounces| share(bounces.clicks - bounces.engaged, bounces.clicks)),
            source: found.source.into(),
            data_from: DateTime(found.data_from),
        }))
    }

    /// What the clicks of each value of a dimension led to. Only conversions of `name`, where one is given. People's
    /// clicks, unless the filter names verdicts; of VERDICT and VERDICT_REASON everybody's. `first` is 50 unless given,
    /// 500 at most. TAG, FOLDER, DOMAIN and METADATA are those of the clicks' links as these are now, deleted ones
    /// included: a link with several tags is counted with each.
    async fn conversion_breakdown(
        &self,
        ctx: &Context<'_>,
        filter: Option<ClickFilterInput>,
        dimension: Dimension,
        #[graphql(desc = "The name of a PARAMETER or of METADATA, 1 to 64 characters; of nothing else.")] key: Option<String>,
        name: Option<String>,
        first: Option<i32>,
    ) -> ApiResult<Option<ConversionBreakdown>> {
        let (services, workspace) = (services(ctx)?, reader(ctx, ApiScope::ClicksRead)?);
        let mut invalid = Invalid::default();
        invalid.0.extend(check_key(dimension, key.as_deref()));
        let name = name.and_then(|name| invalid.check(parse_conversion_name("name", &name)));
        let first = invalid.check(rows(first, DEFAULT_ROWS, MOST_ROWS)).unwrap_or_default();
        invalid.finish()?;
        let scope = services.read(workspace).await?;
        let question = ConversionQuestion { filter: resolve(services, &scope, filter).await?, name };
        let request = ConversionBreakdownRequest { by: by(services, dimension, key), question, first };
        let found = scope.conversion_breakdown(&request).await?;
        let labels = labels(&scope, request.by.dimension, found.rows.iter().map(|row| &row.value)).await?;
        let row = |row: store::ConversionRow| ConversionBreakdownRow {
            value: row.value.text(),
            label: labels.of(&row.value),
            link: labels.link(services, &row.value),
            clicks: row.clicks,
            converted_clicks: row.converted_clicks,
            conversions: row.conversions,
            rate: share(row.converted_clicks, row.clicks).unwrap_or_default(),
            revenue: row.money.into_iter().map(Into::into).collect(),
        };
        Ok(Some(ConversionBreakdown {
            rows: found.rows.into_iter().map(row).collect(),
            conversions: found.totals.conversions,
            converted_clicks: found.totals.converted_clicks,
            clicks: found.totals.clicks,
            source: found.source.into(),
            data_from: DateTime(found.totals.data_from),
        }))
    }

    /// How far clicks went: all of them, those whose visitor did something on the target (as its page tells, or since
    /// the click led to the first step), and those that led to each of 1 to 8 conversions, by name and in this order.
    /// A click has reached a step by its first conversion of that name that is not from before the one of the step
    /// before. `by` tells the values of a dimension apart, `first` of them: 10 unless given, 100 at most; `key` names the
    /// PARAMETER or METADATA. People's clicks, unless the filter names verdicts.
    async fn funnel(
        &self,
        ctx: &Context<'_>,
        filter: Option<ClickFilterInput>,
        steps: Vec<String>,
        by: Option<Dimension>,
        #[graphql(desc = "The name of a PARAMETER or of METADATA, 1 to 64 characters; of nothing else.")] key: Option<String>,
        first: Option<i32>,
    ) -> ApiResult<Option<Funnel>> {
        let (services, workspace) = (services(ctx)?, reader(ctx, ApiScope::ClicksRead)?);
        let mut invalid = Invalid::default();
        let steps = parse_funnel_steps(&steps).unwrap_or_else(|wrong| {
            invalid.0.extend(wrong.0);
            Vec::new()
        });
        invalid.0.extend(check_key_of(by, key.as_deref()));
        let first = invalid.check(rows(first, DEFAULT_GROUPS, MOST_GROUPS)).unwrap_or_default();
        invalid.finish()?;
        let scope = services.read(workspace).await?;
        let filter = resolve(services, &scope, filter).await?;
        let request = FunnelRequest { filter, steps, by: by.map(|dimension| (self::by(services, dimension, key), first)) };
        let found = scope.funnel(&request).await?;
        let labels = match &request.by {
            Some((by, _)) => labels(&scope, by.dimension, found.groups.iter().map(|group| &group.value)).await?,
            None => Labels::default(),
        };
        let group = |group: store::FunnelGroup| FunnelGroup {
            value: group.value.text(),
            label: labels.of(&group.value),
            link: labels.link(services, &group.value),
            steps: steps_of(&request.steps, &group.reached),
        };
        Ok(Some(Funnel {
            steps: steps_of(&request.steps, &found.reached),
            groups: found.groups.into_iter().map(group).collect(),
            source: found.source.into(),
            data_from: DateTime(found.data_from),
        }))
    }
}

fn by(services: &Services, dimension: Dimension, key: Option<String>) -> ConversionDimension {
    ConversionDimension { dimension: dimension.into(), key, shared_domain: services.short_domain.authority() }
}

/// Whether a dimension, if there is one, is asked about with what it needs.
fn check_key_of(by: Option<Dimension>, key: Option<&str>) -> Option<Issue> {
    match (by, key) {
        (Some(by), key) => check_key(by, key),
        (None, Some(_)) => Some(Issue::new("key", IssueCode::Invalid, "A key belongs to a dimension. Leave it out, or say by what.")),
        (None, None) => None,
    }
}

fn rows(first: Option<i32>, default: i32, most: i32) -> Result<u64, Issue> {
    let first = first.unwrap_or(default);
    let refused = || Issue::new("first", IssueCode::OutOfRange, format!("Ask for 0 to {most} rows."));
    if (0..=most).contains(&first) { Ok(first.unsigned_abs().into()) } else { Err(refused()) }
}

fn share(part: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| part as f64 / of as f64)
}

fn steps_of(names: &[String], reached: &[u64]) -> Vec<FunnelStep> {
    let names = ["click", "engaged"].into_iter().chain(names.iter().map(String::as_str));
    let all = reached.first().copied().unwrap_or_default();
    let before = std::iter::once(None).chain(reached.iter().copied().map(Some));
    let step = |((name, &clicks), before): ((&str, &u64), Option<u64>)| FunnelStep {
        name: name.to_owned(),
        clicks,
        share: share(clicks, all),
        from_previous: before.and_then(|before| share(clicks, before)),
    };
    names.zip(reached).zip(before).map(step).collect()
}
