//! Campaigns beside all other clicks, and which campaign conversions are credited to.

use async_graphql::{Context, Enum, Object, SimpleObject};
use domain::{ApiScope, Invalid, Issue, IssueCode, Lift as Found, Tried, lift, parse_conversion_name};
use store::{MAX_CREDITED, StoreError};

use super::context::{reader, services};
use super::counts::Source;
use super::error::ApiResult;
use super::filter::{ClickFilterInput, resolve};
use super::scalars::DateTime;

const DEFAULT: i32 = 50;
const MOST: i32 = 100;

/// A campaign field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "store::UtmField")]
pub enum UtmField {
    #[graphql(name = "UTM_SOURCE")]
    Source,
    #[graphql(name = "UTM_MEDIUM")]
    Medium,
    #[graphql(name = "UTM_CAMPAIGN")]
    Campaign,
    #[graphql(name = "UTM_TERM")]
    Term,
    #[graphql(name = "UTM_CONTENT")]
    Content,
}

/// How much better clicks convert than others: one rate over the other, less 1; 0.2 is a fifth more.
#[derive(Clone, Copy, Debug, SimpleObject)]
pub struct Lift {
    pub estimate: f64,
    /// The ends of the 95 % interval, by the logarithm of the ratio of two proportions (Katz et al. 1978). It holds
    /// for one look at one campaign, not for the best of many.
    pub low: f64,
    pub high: f64,
}

impl From<Found> for Lift {
    fn from(found: Found) -> Self {
        Self { estimate: found.estimate, low: found.interval.low, high: found.interval.high }
    }
}

/// Clicks and those of them with a conversion.
#[derive(Clone, Copy, Debug, SimpleObject)]
pub struct ConvertedClicks {
    pub clicks: u64,
    /// Clicks with a conversion; however many, each counts once.
    pub converted: u64,
    /// 0 to 1. Null without clicks.
    pub rate: Option<f64>,
}

impl From<Tried> for ConvertedClicks {
    fn from(tried: Tried) -> Self {
        Self { clicks: tried.exposures(), converted: tried.conversions(), rate: tried.rate() }
    }
}

/// A campaign beside all other clicks of the range.
#[derive(Clone, Debug, SimpleObject)]
pub struct ComparedCampaign {
    /// Null is clicks without one.
    pub value: Option<String>,
    pub clicks: u64,
    /// Clicks with a conversion; however many, each counts once.
    pub converted: u64,
    /// 0 to 1.
    pub rate: f64,
    /// All other clicks of the range: what it is compared with.
    pub others: ConvertedClicks,
    /// Null where fewer than five clicks converted, of the campaign or of all others.
    pub lift: Option<Lift>,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct CampaignComparison {
    /// Most clicks first, then by value.
    pub rows: Vec<ComparedCampaign>,
    /// Of all campaigns, and of none.
    pub total: ConvertedClicks,
    /// What the rows' `clicks` were counted from.
    pub source: Source,
    /// The first instant that the answer covers in full.
    pub data_from: DateTime,
}

/// A sum in one currency.
#[derive(Clone, Debug, SimpleObject)]
pub struct CreditedValue {
    /// A decimal with the digits that the currency has, such as 19.90.
    pub amount: String,
    /// ISO 4217.
    pub currency: String,
}

/// What is credited to a campaign.
#[derive(Clone, Debug, SimpleObject)]
pub struct LastTouchRow {
    /// Null with medium and campaign: conversions of clicks without a campaign, by visitors who had come by none before.
    pub source: Option<String>,
    /// Null where the click had none.
    pub medium: Option<String>,
    /// Null where the click had none.
    pub campaign: Option<String>,
    pub conversions: u64,
    /// Of these, those that came of the campaign's own click.
    pub direct: u64,
    /// One for each currency, by its code.
    pub values: Vec<CreditedValue>,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct LastTouch {
    /// Most conversions first, then by name.
    pub rows: Vec<LastTouchRow>,
    /// The first instant that the answer covers in full; touches from before it are not known either.
    pub data_from: DateTime,
}

#[derive(Default)]
pub struct CampaignQuery;

#[Object]
impl CampaignQuery {
    /// How well each campaign's clicks convert, beside all other clicks of the range. People's clicks, unless the
    /// filter names verdicts. `by` is UTM_CAMPAIGN unless given; `name` takes conversions of that name only; `first` is 50 unless given, 100 at most.
    async fn campaign_comparison(
        &self,
        ctx: &Context<'_>,
        filter: Option<ClickFilterInput>,
        by: Option<UtmField>,
        name: Option<String>,
        first: Option<i32>,
    ) -> ApiResult<Option<CampaignComparison>> {
        let (services, workspace) = (services(ctx)?, reader(ctx, ApiScope::ClicksRead)?);
        let mut invalid = Invalid::default();
        let name = name.and_then(|name| invalid.check(parse_conversion_name("name", &name)));
        let first = invalid.check(count(first)).unwrap_or_default();
        invalid.finish()?;
        let scope = services.read(workspace).await?;
        let filter = resolve(services, &scope, filter).await?;
        let found = scope.campaigns(by.unwrap_or(UtmField::Campaign).into(), &filter, name.as_deref(), first).await?;
        let all = found.all;
        let row = |(value, tried): (Option<String>, Tried)| {
            let converted = all.conversions().saturating_sub(tried.conversions());
            let others = Tried::new(all.exposures().saturating_sub(tried.exposures()), converted);
            ComparedCampaign {
                value,
                clicks: tried.exposures(),
                converted: tried.conversions(),
                rate: tried.rate().unwrap_or_default(),
                others: others.into(),
                lift: lift(tried, others).map(Into::into),
            }
        };
        let rows = found.rows.into_iter().map(row).collect();
        Ok(Some(CampaignComparison { rows, total: all.into(), source: found.source.into(), data_from: DateTime(found.data_from) }))
    }

    /// Conversions of the clicks that match, credited to the campaign of the last click of a person by the same
    /// visitor until the conversion that had one, within 90 days; else to the converting click itself. Visitors who
    /// consented to an id are known over days, others within the day of the converting click. At most 20,000
    /// conversions: choose a shorter range where there are more.
    async fn last_touch(&self, ctx: &Context<'_>, filter: Option<ClickFilterInput>, name: Option<String>) -> ApiResult<Option<LastTouch>> {
        let (services, workspace) = (services(ctx)?, reader(ctx, ApiScope::ClicksRead)?);
        let name = name.map(|name| parse_conversion_name("name", &name)).transpose()?;
        let scope = services.read(workspace).await?;
        let filter = resolve(services, &scope, filter).await?;
        let found = match scope.last_touch(&filter, name.as_deref()).await {
            Err(StoreError::TooMany) => {
                let message = format!(
                    "There are more than {MAX_CREDITED} conversions to credit, or their visitors have too many clicks. Choose a shorter range."
                );
                return Err(Issue::new("filter", IssueCode::OutOfRange, message).into());
            }
            found => found?,
        };
        let value = |money: &domain::Money| CreditedValue { amount: money.to_string(), currency: money.currency.code().to_owned() };
        let row = |(touch, credit): (store::Touch, store::Credit)| LastTouchRow {
            source: touch.source,
            medium: touch.medium,
            campaign: touch.campaign,
            conversions: credit.conversions,
            direct: credit.direct,
            values: credit.values.values().map(value).collect(),
        };
        Ok(Some(LastTouch { rows: found.rows.into_iter().map(row).collect(), data_from: DateTime(found.data_from) }))
    }
}

fn count(first: Option<i32>) -> Result<u64, Issue> {
    match first.unwrap_or(DEFAULT) {
        first @ 0..=MOST => Ok(first.unsigned_abs().into()),
        _ => Err(Issue::new("first", IssueCode::OutOfRange, format!("Ask for 0 to {MOST} campaigns at once."))),
    }
}
