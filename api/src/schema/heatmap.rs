//! Clicks by the hour of the week, and who is there right now.

use async_graphql::{Context, Object, SimpleObject};
use domain::{ApiScope, WeekHour, parse_time_zone};

use super::context::{reader, services};
use super::counts::Source;
use super::error::ApiResult;
use super::filter::{ClickFilterInput, resolve};
use super::page::{Cursor, StoredCursor};
use super::period::zone_of;
use super::scalars::{DateTime, TimeZone};

/// How far back liveVisitors looks.
const LIVE_MILLIS: i64 = 5 * 60_000;

/// The clicks of one hour of the week.
#[derive(Clone, Copy, Debug, SimpleObject)]
pub struct HeatmapCell {
    /// ISO 8601: from 1, Monday, to 7, Sunday.
    pub weekday: u8,
    /// 0 to 23, as the clocks of the zone show it.
    pub hour: u8,
    /// Of all these hours in the range; the clicks of the filter's verdicts, of people when it names none.
    pub clicks: u64,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct Heatmap {
    /// Always 168, from Monday's first hour on, those without clicks included.
    pub cells: Vec<HeatmapCell>,
    /// The first instant that the answer covers in full: after the last clicks that it would have to count
    /// and that are not kept any more (`Workspace.clicksKeptFrom`).
    pub data_from: DateTime,
    pub source: Source,
    /// A subscription after this cursor misses and repeats nothing of what was counted.
    pub live_cursor: String,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct LiveVisitors {
    /// Visitors told apart, by the key of their day or the id that they consented to. Who clicks before and after
    /// the workspace's midnight counts twice in the minutes around it.
    pub visitors: u64,
    /// The clicks of the filter's verdicts; of people when it names none.
    pub clicks: u64,
    /// How many of `clicks` are of nobody in particular: no visitor could be told.
    pub without_visitor: u64,
    /// Five minutes ago, or the beginning of the filter's range where that is later.
    pub from: DateTime,
    /// A subscription after this cursor misses and repeats nothing of what was counted.
    pub live_cursor: String,
}

#[derive(Default)]
pub struct HeatmapQuery;

#[Object]
impl HeatmapQuery {
    /// How many clicks there were in each hour of the week, as the clocks of a zone show it; without one, the
    /// workspace's. The hour that autumn repeats is one cell.
    async fn heatmap(
        &self,
        ctx: &Context<'_>,
        filter: Option<ClickFilterInput>,
        time_zone: Option<TimeZone>,
    ) -> ApiResult<Option<Heatmap>> {
        let services = services(ctx)?;
        let scope = services.read(reader(ctx, ApiScope::ClicksRead)?).await?;
        let zone = match &time_zone {
            Some(name) => parse_time_zone("timeZone", &name.0)?,
            None => zone_of(&scope).await?,
        };
        let filter = resolve(services, &scope, filter).await?;
        let hours = scope.week_hours(&filter, &zone).await?;
        let cell = |(hour, clicks): (WeekHour, u64)| HeatmapCell { weekday: hour.weekday, hour: hour.hour, clicks };
        Ok(Some(Heatmap {
            cells: WeekHour::all().zip(hours.clicks).map(cell).collect(),
            data_from: DateTime(hours.data_from),
            source: hours.source.into(),
            live_cursor: StoredCursor(hours.head).encode(),
        }))
    }

    /// Who clicked within the last five minutes. A range of the filter narrows them.
    async fn live_visitors(&self, ctx: &Context<'_>, filter: Option<ClickFilterInput>) -> ApiResult<Option<LiveVisitors>> {
        let services = services(ctx)?;
        let scope = services.read(reader(ctx, ApiScope::ClicksRead)?).await?;
        let mut filter = resolve(services, &scope, filter).await?;
        let from = services.clock.now().plus(-LIVE_MILLIS).max(filter.from.unwrap_or_default());
        filter.from = Some(from);
        let live = scope.live_visitors(&filter).await?;
        Ok(Some(LiveVisitors {
            visitors: live.visitors,
            clicks: live.clicks,
            without_visitor: live.without_visitor,
            from: DateTime(from),
            live_cursor: StoredCursor(scope.head().await?).encode(),
        }))
    }
}
