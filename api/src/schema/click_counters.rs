//! Counters that follow what is stored: their present value at once, then each other one, at most one a second.
//!
//! Nothing is added up here: whenever something was stored the same question is asked again as `clickTotals` asks it,
//! so that what is judged again, erased, or a new day is right as well.

use std::time::Duration;

use async_graphql::{Context, SimpleObject, Subscription};
use domain::{ApiScope, AskedRange, ClickFilter, Millis, Verdict, WorkspaceId};
use futures_util::{Stream, stream::unfold};
use platform::Clock;
use store::{Access, Store};
use tokio::time::Instant;

use super::context::{reader, services};
use super::counts::{DailyUniques, wants_daily_uniques};
use super::error::ApiError;
use super::filter::ClickFilterInput;
use super::period::zone_of;
use crate::live::Changes;

const MINUTE_MILLIS: i64 = 60_000;
/// Between two values.
const LEAST: Duration = Duration::from_secs(1);
/// How long a value stands while clicks leave the last minute.
const WHILE_BUSY: Duration = Duration::from_secs(2);
/// How long it stands otherwise where nothing is stored: a day begins, clicks are judged again or erased.
const WHILE_QUIET: Duration = Duration::from_secs(10);

/// Counts of the clicks that were sent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SimpleObject)]
pub struct ClickCounters {
    /// The clicks of the filter's verdicts; of people when it names none.
    pub clicks: u64,
    /// As ClickTotals.dailyUniques. Null where that is.
    pub daily_uniques: Option<u64>,
    /// Whether dailyUniques is an estimate.
    pub daily_uniques_estimated: bool,
    /// Of these clicks, those that were made within the last 60 seconds.
    pub per_minute: u64,
}

#[derive(Default)]
pub struct ClickCountersSubscription;

#[Subscription]
impl ClickCountersSubscription {
    /// How many clicks there are, now and whenever that changes, at most once a second. Without a range they are those
    /// of today in the workspace's zone; a named period goes on with the days.
    async fn click_counters(
        &self,
        ctx: &Context<'_>,
        filter: Option<ClickFilterInput>,
    ) -> Result<impl Stream<Item = ClickCounters>, ApiError> {
        let (services, workspace) = (services(ctx)?, reader(ctx, ApiScope::ClicksRead)?);
        let filter = filter.unwrap_or_default().or_today();
        let range = filter.asked_range();
        let zone = zone_of(&services.read(workspace).await?).await?;
        let filter = filter.check(services, &zone)?;
        // Listening begins before anything is counted.
        let changes = services.hub.changes(workspace);
        let (store, clock) = (services.store.clone(), services.clock.clone());
        let question = Question { store, clock, workspace, range, filter, uniques: wants_daily_uniques(&ctx.look_ahead()) };
        let told = question.ask().await?;
        let counters = Counters { question, changes, told, at: None };
        Ok(unfold(counters, |mut counters| async { Some((counters.next().await, counters)) }))
    }
}

/// What is counted again and again.
#[derive(Debug)]
struct Question {
    store: Store,
    clock: Clock,
    workspace: WorkspaceId,
    range: AskedRange,
    /// Its range is that of when it was asked first.
    filter: ClickFilter,
    /// Whether somebody wants to know of visitors.
    uniques: bool,
}

impl Question {
    async fn ask(&self) -> Result<ClickCounters, ApiError> {
        let scope = self.store.workspace(self.workspace, Access::Read).await?;
        let now = self.clock.now();
        let (from, to) = self.range.edges(&zone_of(&scope).await?, now);
        let filter = ClickFilter { from, to, ..self.filter.clone() };
        let verdicts = filter.verdicts_or(&[Verdict::Human]);
        let tally = scope.totals(&filter).await?.tally;
        let estimate = match tally.daily_uniques(&verdicts) {
            None if self.uniques => scope.estimated_uniques(&filter).await?,
            _ => None,
        };
        let uniques = DailyUniques::of(&tally, &verdicts, estimate);
        let minute = now.plus(-MINUTE_MILLIS).max(from.unwrap_or(Millis(0)));
        let per_minute = match to {
            Some(to) if to <= minute => 0,
            _ => scope.live_visitors(&ClickFilter { from: Some(minute), ..filter }).await?.clicks,
        };
        Ok(ClickCounters {
            clicks: tally.counts.of(&verdicts),
            daily_uniques: uniques.visitors,
            daily_uniques_estimated: uniques.estimated,
            per_minute,
        })
    }
}

#[derive(Debug)]
struct Counters {
    question: Question,
    changes: Changes,
    told: ClickCounters,
    /// When that was told; `None` before it is.
    at: Option<Instant>,
}

impl Counters {
    async fn next(&mut self) -> ClickCounters {
        while let Some(at) = self.at {
            let patience = if self.told.per_minute > 0 { WHILE_BUSY } else { WHILE_QUIET };
            tokio::select! {
                () = self.changes.next() => {}
                () = tokio::time::sleep(patience) => {}
            }
            tokio::time::sleep_until(at + LEAST).await;
            match self.question.ask().await {
                Ok(counted) if counted != self.told => {
                    self.told = counted;
                    break;
                }
                Ok(_) => self.at = Some(Instant::now()),
                Err(error) => {
                    tracing::warn!(%error, "counters cannot be counted and are tried again");
                    self.at = Some(Instant::now());
                }
            }
        }
        self.at = Some(Instant::now());
        self.told
    }
}
