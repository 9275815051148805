//! Conversions as they are told of by programs and members; the counts of them are in `conversion_counts`.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use domain::{ConversionDraft, ConversionSource as DomainSource};

use super::context::{services, tracker};
use super::error::ApiResult;
use super::scalars::DateTime;

/// Some money.
#[derive(Clone, Debug, SimpleObject)]
pub struct Money {
    /// A decimal with all digits of the currency, such as 19.90.
    pub amount: String,
    /// ISO 4217, such as EUR.
    pub currency: String,
}

impl From<domain::Money> for Money {
    fn from(money: domain::Money) -> Self {
        Self { amount: money.to_string(), currency: money.currency.code().to_owned() }
    }
}

#[derive(InputObject)]
pub struct MoneyInput {
    /// A decimal with a point, such as 19.90 or -5: no more digits after it than the currency has, and at most
    /// 10^12 of its smallest unit, either way.
    amount: String,
    /// ISO 4217, such as EUR.
    currency: String,
}

/// Who told of a conversion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "DomainSource")]
pub enum ConversionSource {
    /// A program with a key, or a member.
    Api,
    /// A pixel in a page, which anybody can ask for who knows the click's id.
    Pixel,
}

/// What a click led to.
#[derive(Clone, Debug, SimpleObject)]
pub struct Conversion {
    /// The caller's own.
    pub event_id: String,
    pub click_id: ID,
    pub link_id: ID,
    pub name: String,
    /// Null where nothing was said of a value.
    pub value: Option<Money>,
    pub occurred_at: DateTime,
    pub received_at: DateTime,
    pub source: ConversionSource,
}

impl From<domain::Conversion> for Conversion {
    fn from(conversion: domain::Conversion) -> Self {
        Self {
            event_id: conversion.event_id,
            click_id: conversion.click.to_string().into(),
            link_id: conversion.link.to_string().into(),
            name: conversion.name,
            value: conversion.value.map(Into::into),
            occurred_at: DateTime(conversion.occurred_at),
            received_at: DateTime(conversion.received_at),
            source: conversion.source.into(),
        }
    }
}

#[derive(InputObject)]
pub struct TrackConversionInput {
    /// What the parameter ll_click told the target.
    click_id: ID,
    /// Your own id of what happened, such as an order's number: the same again is the same conversion. 1 to 128
    /// characters.
    event_id: String,
    /// What happened, 1 to 64 characters; left out, `conversion`.
    name: Option<String>,
    value: Option<MoneyInput>,
    /// When it happened, from the click on and within the workspace's attributionDays of it; left out, now.
    occurred_at: Option<DateTime>,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct TrackConversionPayload {
    /// As it was told of first.
    pub conversion: Conversion,
    /// Whether it was there already; then nothing was changed.
    pub duplicate: bool,
}

#[derive(Default)]
pub struct ConversionMutation;

#[Object]
impl ConversionMutation {
    /// Tells what a click led to. The same event again changes nothing; the event of another click is CONFLICT, and
    /// what is from before its click or too long after it VALIDATION. A click leads to 100 conversions at most. A
    /// click that was made a moment ago is waited for, two seconds at most.
    async fn track_conversion(&self, ctx: &Context<'_>, input: TrackConversionInput) -> ApiResult<Option<TrackConversionPayload>> {
        let (services, workspace) = (services(ctx)?, tracker(ctx)?);
        let (amount, currency) = input.value.map(|value| (value.amount, value.currency)).unzip();
        let draft = ConversionDraft {
            click_id: input.click_id.to_string(),
            event_id: input.event_id,
            name: input.name,
            amount,
            currency,
            occurred_at: input.occurred_at.map(|at| at.0),
        };
        let (conversion, duplicate) = services.tracker.track(workspace, draft).await?;
        Ok(Some(TrackConversionPayload { conversion: conversion.into(), duplicate }))
    }
}
