//! The way of the clicks: what each hop's word is worth, and what could not be kept.

use async_graphql::{Context, Enum, InputObject, Object, SimpleObject};
use domain::{ApiScope, Invalid, Issue, IssueCode, Millis};
use platform::HopDurability;

use super::context::{reader, services, session};
use super::error::{ApiError, ApiResult};
use super::scalars::DateTime;

/// A question covers so much at most.
const MOST_MILLIS: i64 = 7 * DAY_MILLIS;
const DAY_MILLIS: i64 = 86_400_000;
const MINUTE_MILLIS: i64 = 60_000;

/// What an acknowledgement survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "platform::DurabilityClass")]
pub enum DurabilityClass {
    /// The death of the process that gave it.
    Os,
    /// A power cut.
    Fsync,
    /// The hop's server does not say.
    Unknown,
}

/// A place where clicks are kept on their way.
#[derive(Clone, Debug, SimpleObject)]
pub struct PipelineHop {
    /// spool, broker or database.
    pub name: String,
    /// What its acknowledgement survives.
    pub durability: DurabilityClass,
    /// What the class depends on.
    pub note: String,
}

/// The way of the clicks through this installation.
#[derive(Clone, Debug, SimpleObject)]
pub struct Pipeline {
    /// Those that the process answering has to do with: all in one process; without the spools where
    /// redirectors are processes of their own, whose `/readyz` says it.
    pub hops: Vec<PipelineHop>,
}

/// Why a click, or a miss, that was answered could not be kept, or counts for no person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::LossReason")]
pub enum LossReason {
    /// A reason that a later program gave.
    Unknown,
    /// The disk refused the write.
    Disk,
    /// The spool had used up its quota.
    Quota,
    /// The record was larger than one may be.
    TooLarge,
    /// There was no room in the spool, and the broker did not answer in time: it may have arrived.
    InDoubt,
    /// It came when clicks of its time were no longer kept (`privacy.retention.clicksDays`). It may have
    /// been counted, if it was kept once and came again.
    TooLate,
    /// It was under way while its visitor or the history of its link was erased.
    Erased,
    /// No click but a request for a slug that is no link (`misses`), which was not kept: one too many of its address or
    /// domain, with little room left for clicks, or from when they are no longer kept. Told by the hour, and in no sum
    /// of lost clicks.
    Miss,
    /// A click that was delivered again and is stored once, in the minute of the click. Deliveries are counted, not
    /// clicks: one whose acknowledgement was lost comes once more and counts once more. In no sum of lost clicks.
    Duplicate,
    /// A click of a machine (verdict BOT), stored and in every count of that verdict. Told by the quarter-hour, as it is
    /// judged now. In no sum of lost clicks.
    Bot,
}

/// Clicks that were answered and could not be kept, or count for no person, in one minute and for one reason.
#[derive(Clone, Debug, SimpleObject)]
pub struct IngestLoss {
    /// The minute's beginning.
    pub minute: DateTime,
    /// Why they could not be kept, or are told here all the same: MISS, DUPLICATE and BOT are no lost clicks.
    pub reason: LossReason,
    /// How many, whoever clicked; for MISS how many misses, for DUPLICATE how many deliveries.
    pub clicks: u64,
    /// Whether at most so many were lost, since some of them may be stored.
    pub upper_bound: bool,
}

/// Clicks of the workspace that were answered and could not be kept.
#[derive(Clone, Debug, SimpleObject)]
pub struct IngestLosses {
    /// Oldest first; minutes without losses are left out.
    pub rows: Vec<IngestLoss>,
    /// The sum of the rows of lost clicks that are no upper bounds.
    pub clicks: u64,
    /// The sum of those that are.
    pub in_doubt: u64,
    /// The range's first instant.
    pub from: DateTime,
    /// The first instant no longer in the range.
    pub to: DateTime,
}

/// A range of at most seven days. A minute belongs to it if it begins in it.
#[derive(Clone, Copy, Debug, Default, InputObject)]
pub struct IngestLossFilter {
    /// First instant included. Default: a day before the end.
    from: Option<DateTime>,
    /// First instant no longer included. Default: now.
    to: Option<DateTime>,
}

impl IngestLossFilter {
    fn check(self, now: Millis) -> Result<(Millis, Millis), Invalid> {
        // The minute that has begun is told of too.
        let to = self.to.map_or(now.plus(1), |to| to.0);
        let from = self.from.map_or(to.plus(-DAY_MILLIS), |from| from.0);
        let mut invalid = Invalid::default();
        if from >= to {
            let message = "The end of the range must be after its beginning.";
            invalid.0.push(Issue::new("filter.to", IssueCode::OutOfRange, message));
        } else if to.0.saturating_sub(from.0) > MOST_MILLIS {
            let message = "Ask for at most seven days at once. Choose a later beginning or an earlier end.";
            invalid.0.push(Issue::new("filter.from", IssueCode::OutOfRange, message));
        }
        invalid.finish()?;
        Ok((from, to))
    }
}

#[derive(Default)]
pub struct PipelineQuery;

#[Object]
impl PipelineQuery {
    /// What the acknowledgement of each place that clicks pass through is worth.
    async fn pipeline(&self, ctx: &Context<'_>) -> ApiResult<Option<Pipeline>> {
        let (services, _) = (services(ctx)?, session(ctx)?);
        let hop = |(name, hop): (&'static str, HopDurability)| PipelineHop {
            name: name.to_owned(),
            durability: hop.class.into(),
            note: hop.note.to_owned(),
        };
        Ok(Some(Pipeline { hops: services.health.snapshot().durability.into_iter().map(hop).collect() }))
    }

    /// Clicks of the workspace that were answered and could not be kept: they are in no count. A loss
    /// is told once the redirector that had it can tell. Beside them, in no sum of these: misses that were not kept,
    /// deliveries of clicks that were stored before, and the clicks of machines.
    async fn ingest_losses(&self, ctx: &Context<'_>, filter: Option<IngestLossFilter>) -> ApiResult<Option<IngestLosses>> {
        let (services, workspace) = (services(ctx)?, reader(ctx, ApiScope::ClicksRead)?);
        let (from, to) = filter.unwrap_or_default().check(services.clock.now()).map_err(ApiError::from)?;
        let scope = services.read(workspace).await?;
        let mut lost = scope.lost_clicks(from, to).await?;
        lost.extend(scope.bots_by_quarter(from, to).await?);
        lost.sort_unstable_by_key(|lost| (lost.minute, lost.reason));
        let row = |lost: store::LostClicks| IngestLoss {
            minute: DateTime(Millis(lost.minute.saturating_mul(MINUTE_MILLIS))),
            reason: lost.reason.into(),
            clicks: lost.count,
            upper_bound: lost.reason.is_upper_bound(),
        };
        let rows: Vec<IngestLoss> = lost.into_iter().map(row).collect();
        let of_clicks = || rows.iter().filter(|row| domain::LossReason::from(row.reason).is_of_lost_clicks());
        let sum = |upper_bound| of_clicks().filter(|row| row.upper_bound == upper_bound).map(|row| row.clicks).sum();
        Ok(Some(IngestLosses { clicks: sum(false), in_doubt: sum(true), rows, from: DateTime(from), to: DateTime(to) }))
    }
}
