//! What clicks led to: conversions and engagements, as they come in, are counted and go.
//!
//! Each belongs to a click and lives as long as that: it is stored under the click's own lock, deleted with it,
//! and counted by joining the two, so every filter and dimension of clicks holds for it. A click's time is in
//! its id, so what belongs to a range of clicks is a range of `click_id`: only the clicks that led to something
//! are read for it. How many clicks there were beside them is counted as everywhere, from cells where they can.

mod breakdown;
mod by;
mod clicked;
mod funnel;
pub(crate) mod going;
mod led;
mod pages;
mod sums;
mod totals;
mod track;

use domain::{ClickFilter, ClickId, Conversion, ConversionSource, Currency, LinkId, Millis, Money};
use entity::{conversion, engagement};
use sea_orm::ColumnTrait;
use sea_orm::sea_query::{Condition, Expr, ExprTrait};

use crate::{StoreError, WorkspaceScope};

pub use breakdown::{ConversionBreakdown, ConversionBreakdownRequest, ConversionRow};
pub use by::ConversionDimension;
pub use funnel::{Funnel, FunnelGroup, FunnelRequest};
pub use pages::Engagement;
pub use totals::{Bounces, ConversionTotals};
pub use track::{Engaged, MOST_CONVERSIONS_OF_A_CLICK, Tracked};

/// Which conversions are counted, and of which clicks.
#[derive(Clone, Debug)]
pub struct ConversionQuestion {
    /// Where it names no verdicts, people's clicks are counted.
    pub filter: ClickFilter,
    /// Only conversions that are called so.
    pub name: Option<String>,
}

impl WorkspaceScope {
    /// The filter, of people's clicks where it names no verdicts, and from when on clicks are kept: counts of
    /// clicks reach further back than conversions do, and a rate of both would be wrong.
    pub(crate) async fn attributable(
        &self,
        filter: &ClickFilter,
        verdicts: &[domain::Verdict],
    ) -> Result<(ClickFilter, Millis), StoreError> {
        let mut filter = filter.with_default_verdicts(verdicts);
        let kept_from = self.forgotten().await?.kept_from;
        let from = self.clicks_from(&filter).await?;
        if kept_from > filter.from.unwrap_or_default() {
            filter.from = Some(kept_from);
        }
        Ok((filter, from))
    }

    /// The conversions of this name whose clicks are of the filter's range and links.
    pub(crate) fn conversions_within(&self, filter: &ClickFilter, name: Option<&str>) -> Condition {
        use conversion::Column;
        let range = within(filter, self.workspace.0, Column::WorkspaceId, Column::ClickId);
        range.add(self.of_links(filter, Column::LinkId)).add_option(name.map(|name| Column::Name.eq(name)))
    }

    fn engagements_within(&self, filter: &ClickFilter) -> Condition {
        use engagement::Column;
        within(filter, self.workspace.0, Column::WorkspaceId, Column::ClickId).add(self.of_links(filter, Column::LinkId))
    }
}

fn within<C: ColumnTrait>(filter: &ClickFilter, workspace: uuid::Uuid, of_workspace: C, of_click: C) -> Condition {
    let to = filter.to.filter(|to| *to < Millis::MAX);
    Condition::all()
        .add(of_workspace.eq(workspace))
        .add_option(filter.from.map(|from| of_click.gte(ClickId::floor(from).0)))
        .add_option(to.map(|to| of_click.lt(ClickId::floor(to).0)))
}

/// Clicks whose browser did not say that its person objects to being followed: of others no page tells anything.
fn may_be_told_of() -> Condition {
    let objections = i64::from(domain::SignalSet::OBJECTIONS.bits());
    Condition::all().add(Expr::cust(format!("(signals & {objections})")).eq(0))
}

fn to_conversion(row: conversion::Model) -> Result<Conversion, StoreError> {
    let value = match (row.amount, row.currency) {
        (Some(minor), Some(code)) => Some(Money { minor: minor.into(), currency: currency(&code)? }),
        _ => None,
    };
    Ok(Conversion {
        event_id: row.event_id,
        click: ClickId(row.click_id),
        link: LinkId(row.link_id),
        name: row.name,
        value,
        occurred_at: Millis(row.occurred_at),
        received_at: Millis(row.received_at),
        source: ConversionSource::from_code(row.source)
            .ok_or_else(|| StoreError::Internal(format!("no source of conversions has the code {}", row.source)))?,
    })
}

fn currency(code: &str) -> Result<Currency, StoreError> {
    Currency::from_code(code).ok_or_else(|| StoreError::Internal("a conversion has no known currency".into()))
}
