//! Totals of clicks. What they are compared with is read in the same snapshot.

use async_graphql::{Context, Enum, Lookahead, Object, SimpleObject};
use domain::{ApiScope, ClickFilter, Verdict};
use store::{RedirectMicros, Tally, Totals, WorkspaceScope};

use super::context::{reader, services};
use super::error::{ApiError, ApiResult};
use super::filter::{ClickFilterInput, resolve_compared};
use super::miss::misses_beside;
use super::page::{Cursor, StoredCursor};
use super::period::Compare;
use super::scalars::DateTime;

/// What an answer was computed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(name = "CountSource", remote = "store::Source")]
pub enum Source {
    /// Counts that are kept beside the clicks, by quarter-hours, hours and days, all of it or but for the ragged ends of a
    /// range; they stay when clicks go.
    Rollup,
    /// The clicks themselves.
    Clicks,
}

/// What is counted of a range.
#[derive(Clone, Debug, SimpleObject)]
pub struct ClickCounts {
    /// The clicks of the filter's verdicts; of people when it names none.
    pub clicks: u64,
    /// By verdict, whatever verdicts the filter names.
    pub human: u64,
    pub suspected: u64,
    pub bots: u64,
    pub internal: u64,
    /// Visitors by day: of each local day of the workspace's zone those whose first click of the day, of
    /// the link or of the workspace, is in the range and of the filter's verdicts (people's, when it
    /// names none). A visitor who comes on several days counts on each. Exact for one link and for the
    /// whole workspace. Of several links together (by ids, domains, tags, folders or metadata) an estimate
    /// of the visitors whose first click of the day on one of them is of these verdicts: exact where none
    /// had more than 256 visitors on a day, else with a standard error of 2.3 %. Null where the filter asks
    /// for more than time, links and verdict, and where none of the clicks says who it is of; of several
    /// links also where the range cuts a day with clicks outside of it, for days whose clicks are gone or
    /// 13 months old, and where there are more than 20,000 days with visitors, summed over the links.
    pub daily_uniques: Option<u64>,
    /// Whether dailyUniques is an estimate.
    pub daily_uniques_estimated: bool,
    /// Visitors over the whole range, each once however many days they came on: only those who consented to an id,
    /// since nobody else is known on another day; those of the filter's verdicts (people, when it names none). Null
    /// without such ids, and where clicks of a part of the range are no longer kept (`Workspace.clicksKeptFrom`) or have
    /// lost their ids, after 13 months.
    pub unique_visitors: Option<u64>,
    /// How many of `clicks` are of nobody: they came too late, without an address, or their visitors
    /// may not or do not want to be told from others.
    pub without_visitor: u64,
    /// Half of what `clicks` counts was redirected within this many microseconds, from the request
    /// read to the click captured: the nearest-rank percentile, from a histogram of fixed buckets, so
    /// within 6.3 %. Null when there are none.
    pub redirect_micros_p50: Option<u32>,
    /// As redirectMicrosP50, of 95 in 100.
    pub redirect_micros_p95: Option<u32>,
    /// As redirectMicrosP50, of 99 in 100.
    pub redirect_micros_p99: Option<u32>,
    /// The first instant that the answer covers in full: after the last clicks that it would have to count
    /// and that are not kept any more (`Workspace.clicksKeptFrom`). The end of the range where it covers none of it.
    pub data_from: DateTime,
}

/// Counts of the clicks that were sent on.
#[derive(Clone, Debug, SimpleObject)]
pub struct ClickTotals {
    #[graphql(flatten)]
    pub counts: ClickCounts,
    /// Requests on the workspace's own domains for slugs that are no link, of the filter's verdicts (people's, when it
    /// names none). Null where the filter asks for more than time, domains and verdicts, and on a link, since a
    /// miss is of none. What is above the rates of misses is not among them but in `ingestLosses`.
    pub misses: Option<u64>,
    /// The range compared with. Null unless compare was asked for and the range has a beginning.
    pub previous: Option<PreviousTotals>,
    pub source: Source,
    /// A subscription after this cursor misses and repeats nothing of what was counted.
    pub live_cursor: String,
}

/// The counts of the range compared with.
#[derive(Clone, Debug, SimpleObject)]
pub struct PreviousTotals {
    /// First instant included.
    pub from: DateTime,
    /// First instant no longer included.
    pub to: DateTime,
    #[graphql(flatten)]
    pub counts: ClickCounts,
}

#[derive(Default)]
pub struct CountQuery;

#[Object]
impl CountQuery {
    /// How many clicks there were. People's clicks, unless the filter names verdicts.
    async fn click_totals(
        &self,
        ctx: &Context<'_>,
        filter: Option<ClickFilterInput>,
        compare: Option<Compare>,
    ) -> ApiResult<Option<ClickTotals>> {
        Ok(Some(click_totals(ctx, filter, compare).await?))
    }
}

/// Which of the counts are asked for that cost something.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wants {
    redirect_micros: bool,
    daily_uniques: bool,
    /// Read from clicks.
    unique_visitors: bool,
    misses: bool,
}

/// The same of the range, and of the one compared with.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wanted {
    pub now: Wants,
    pub previous: Wants,
}

impl Wants {
    fn of(selected: &Lookahead<'_>) -> Self {
        Self {
            redirect_micros: wants_redirect_micros(selected),
            daily_uniques: wants_daily_uniques(selected),
            unique_visitors: selected.field("uniqueVisitors").exists(),
            misses: selected.field("misses").exists(),
        }
    }
}

impl Wanted {
    pub fn of(selected: &Lookahead<'_>) -> Self {
        Self { now: Wants::of(selected), previous: Wants::of(&selected.field("previous")) }
    }
}

/// The totals for a field of type [`ClickTotals`], which `ctx` stands at.
async fn click_totals(ctx: &Context<'_>, filter: Option<ClickFilterInput>, compare: Option<Compare>) -> Result<ClickTotals, ApiError> {
    let services = services(ctx)?;
    let scope = services.read(reader(ctx, ApiScope::ClicksRead)?).await?;
    let (filter, compared) = resolve_compared(services, &scope, filter, compare).await?;
    let wanted = Wanted::of(&ctx.look_ahead());
    let mut told = told_totals(&scope, &filter, &scope.totals(&filter).await?, wanted.now).await?;
    if let Some(compared) = &compared {
        told.previous = previous_totals(&scope, compared, &scope.totals(compared).await?, wanted.previous).await?;
    }
    Ok(told)
}

/// Totals as they are told, with what else is wanted; compared with nothing.
pub(super) async fn told_totals(
    scope: &WorkspaceScope,
    filter: &ClickFilter,
    totals: &Totals,
    wants: Wants,
) -> Result<ClickTotals, ApiError> {
    Ok(ClickTotals {
        counts: counts(scope, filter, totals, wants).await?,
        misses: if wants.misses { misses_beside(scope, filter).await? } else { None },
        previous: None,
        source: totals.source.into(),
        live_cursor: StoredCursor(totals.head).encode(),
    })
}

/// The totals of a range compared with; `None` where it has no beginning.
pub(super) async fn previous_totals(
    scope: &WorkspaceScope,
    filter: &ClickFilter,
    totals: &Totals,
    wants: Wants,
) -> Result<Option<PreviousTotals>, ApiError> {
    let Some((from, to)) = filter.from.zip(filter.to) else { return Ok(None) };
    let counts = counts(scope, filter, totals, wants).await?;
    Ok(Some(PreviousTotals { from: DateTime(from), to: DateTime(to), counts }))
}

/// What is counted by a filter; what costs something, only where it is wanted.
async fn counts(scope: &WorkspaceScope, filter: &ClickFilter, totals: &Totals, wants: Wants) -> Result<ClickCounts, ApiError> {
    let (tally, counts, verdicts) = (totals.tally, totals.tally.counts, filter.verdicts_or(&[Verdict::Human]));
    let micros = redirect_micros(scope, filter, wants).await?;
    let uniques = daily_uniques(scope, filter, &tally, wants).await?;
    Ok(ClickCounts {
        clicks: counts.of(&verdicts),
        human: counts.human,
        suspected: counts.suspected,
        bots: counts.bot,
        internal: counts.internal,
        daily_uniques: uniques.visitors,
        daily_uniques_estimated: uniques.estimated,
        unique_visitors: unique_visitors(scope, filter, wants).await?,
        without_visitor: tally.without_visitor(&verdicts),
        redirect_micros_p50: micros.map(|micros| micros.p50),
        redirect_micros_p95: micros.map(|micros| micros.p95),
        redirect_micros_p99: micros.map(|micros| micros.p99),
        data_from: DateTime(totals.data_from),
    })
}

/// Visitors by day, and whether they are an estimate.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct DailyUniques {
    pub visitors: Option<u64>,
    pub estimated: bool,
}

impl DailyUniques {
    /// Exactly where that is known; an estimate only where somebody tells who clicked.
    pub fn of(tally: &Tally, verdicts: &[Verdict], estimate: Option<u64>) -> Self {
        let exact = tally.daily_uniques(verdicts);
        let estimate = estimate.filter(|_| exact.is_none() && tally.tells_visitors(verdicts));
        Self { visitors: exact.or(estimate), estimated: estimate.is_some() }
    }
}

/// Whether a field with these selections needs sketches to be read.
pub(super) fn wants_daily_uniques(selected: &Lookahead<'_>) -> bool {
    selected.field("dailyUniques").exists() || selected.field("dailyUniquesEstimated").exists()
}

async fn daily_uniques(scope: &WorkspaceScope, filter: &ClickFilter, tally: &Tally, wants: Wants) -> Result<DailyUniques, ApiError> {
    let estimate = if wants.daily_uniques { scope.estimated_uniques(filter).await? } else { None };
    Ok(DailyUniques::of(tally, &filter.verdicts_or(&[Verdict::Human]), estimate))
}

async fn redirect_micros(scope: &WorkspaceScope, filter: &ClickFilter, wants: Wants) -> Result<Option<RedirectMicros>, ApiError> {
    if wants.redirect_micros { Ok(scope.redirect_micros(filter).await?) } else { Ok(None) }
}

async fn unique_visitors(scope: &WorkspaceScope, filter: &ClickFilter, wants: Wants) -> Result<Option<u64>, ApiError> {
    if wants.unique_visitors { Ok(scope.unique_visitors(filter).await?) } else { Ok(None) }
}

/// Whether a field with these selections needs the percentiles.
pub(super) fn wants_redirect_micros(selected: &Lookahead<'_>) -> bool {
    ["redirectMicrosP50", "redirectMicrosP95", "redirectMicrosP99"].iter().any(|field| selected.field(field).exists())
}
