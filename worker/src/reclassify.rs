//! Clicks read and judged again by the rules and databases of today, step by step: each step is stored and noted
//! before the next, so that it can be stopped, killed and taken up by another process.
//!
//! What is read anew is told in `enrich/src/anew.rs`. What was seen of a click's whole address only stays as
//! it was seen: whether the redirector called it too fast, and one's own networks that are smaller than what is
//! kept of an address. Who was recognised as one's own remains so.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use domain::{ClickId, Derived, Job, JobKind, JobStatus, JudgedClick, Millis, Privacy, Verdict, VerdictReason};
use enrich::{Crowd, Enricher, Neighbour, Pattern, REACH_MILLIS, RULES_VERSION, alone_anew, beside, is_neighbour, patterns};
use ipnet::IpNet;
use platform::Clock;
use store::{JudgedRange, Rejudged, Store, StoreError};
use tokio_util::sync::CancellationToken;

/// Clicks judged in one transaction.
const STEP: u64 = 1_000;
/// Of the clicks around a step's own so many are read.
const MOST_AROUND: u64 = 50_000;
/// How long a job is left to the process that is at it.
const LEASE_MILLIS: i64 = 60_000;
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Does what jobs there are, one after the other, until the stop.
///
/// # Errors
/// Never.
pub async fn run_jobs(store: Store, enricher: Arc<Enricher>, clock: Clock, stopping: CancellationToken) -> Result<(), Infallible> {
    loop {
        let now = clock.now();
        let done = match store.claim_job(now, now.plus(LEASE_MILLIS)).await {
            Ok(Some(job)) => run_job(&store, &enricher, job, &clock, &stopping).await.map(Some),
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        match done {
            Ok(Some(job)) if job.finished_at.is_some() => {
                tracing::info!(job = %job.id, looked = job.looked, changed = job.changed, status = ?job.status, "a job is finished");
                continue;
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "a job cannot go on; it is taken up again"),
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = stopping.cancelled() => return Ok(()),
        }
    }
}

/// Does a job to its end, or until the stop: then another process may go on at once.
///
/// # Errors
/// When the database does not answer; what was done stays done.
pub async fn run_job(
    store: &Store,
    enricher: &Enricher,
    mut job: Job,
    clock: &Clock,
    stopping: &CancellationToken,
) -> Result<Job, StoreError> {
    match job.kind {
        JobKind::Reclassify => {}
        // Done when it was made.
        JobKind::ExportClicks => return Ok(job),
    }
    while job.finished_at.is_none() {
        if stopping.is_cancelled() {
            job.status = JobStatus::Queued;
            store.advance_job(&job, clock.now()).await?;
            return Ok(job);
        }
        match step(store, enricher, &mut job).await {
            Ok(true) => job.status = JobStatus::Running,
            Ok(false) => (job.status, job.finished_at) = (JobStatus::Done, Some(clock.now())),
            Err(StoreError::Internal(reason)) => {
                tracing::error!(job = %job.id, reason, "a job failed for good");
                (job.status, job.finished_at) = (JobStatus::Failed, Some(clock.now()));
            }
            Err(error) => return Err(error),
        }
        store.advance_job(&job, clock.now().plus(LEASE_MILLIS)).await?;
    }
    Ok(job)
}

/// Whether there was anything left to do.
async fn step(store: &Store, enricher: &Enricher, job: &mut Job) -> Result<bool, StoreError> {
    let page = store.clicks_between(job.workspace, job.position, job.to, STEP).await?;
    let (Some(first), Some(last)) = (page.first(), page.last()) else { return Ok(false) };
    let around = JudgedRange::Between(first.id.made_at().plus(-REACH_MILLIS), last.id.made_at().plus(REACH_MILLIS));
    let around = store.judged(job.workspace, around, MOST_AROUND).await?;
    let settings = store.ingest_settings(&[job.workspace]).await?.remove(&job.workspace);
    let privacy = settings.map(|settings| settings.privacy).unwrap_or_default();
    // In a crowd that is too dense to be read whole, what was seen in it stays.
    let among = (!around.cut).then(|| Among::new(&around.clicks));
    let mut again = Vec::new();
    for click in &page {
        let derived = enricher.derive_anew(click, &privacy);
        let judged = JudgedClick { system: derived.system.as_ref().map(|system| system.number), ..JudgedClick::from(click) };
        let (verdict, reason) = verdict(&judged, &privacy, among.as_ref());
        let before = Derived::from(click);
        let is_read_otherwise = !derived.says_the_same(&before);
        let derived = (derived != before).then(|| Box::new(derived));
        let is_other = (click.verdict, click.verdict_reason) != (verdict, reason) || is_read_otherwise;
        job.changed += u64::from(is_other);
        if is_other || derived.is_some() || click.rules_version != RULES_VERSION {
            again.push(Rejudged { click: click.id, verdict, reason, rules_version: RULES_VERSION, derived });
        }
    }
    if !again.is_empty() {
        store.rejudge(job.workspace, &again).await?;
    }
    job.looked += page.len() as u64;
    job.position = last.id;
    Ok(true)
}

/// `among` is nothing where those around the click could not be read.
fn verdict(click: &JudgedClick, privacy: &Privacy, among: Option<&Among>) -> (Verdict, VerdictReason) {
    let alone = alone_anew(click);
    if is_from(&privacy.own_networks, click) {
        return (Verdict::Internal, VerdictReason::OwnTraffic);
    }
    let pattern = among.filter(|_| is_told(click)).map(|among| among.0.get(&click.id).copied().flatten());
    let is_of_neighbours = matches!(click.reason, VerdictReason::Burst | VerdictReason::VisitorRate) && alone.0 != Verdict::Bot;
    match pattern {
        Some(Some(pattern)) => beside(alone, Some(pattern)),
        None if is_of_neighbours => (click.verdict, click.reason),
        // These rules saw it; who made it so was erased or purged since.
        Some(None) if is_of_neighbours && click.rules_version == RULES_VERSION => (click.verdict, click.reason),
        _ => alone,
    }
}

/// Whether its visitor can be told, so that those beside it are known.
fn is_told(click: &JudgedClick) -> bool {
    click.visitor.is_some() && is_neighbour(click.outcome, click.verdict, click.signals)
}

/// What those around them say of clicks whose visitors can be told.
struct Among(HashMap<ClickId, Option<Pattern>>);

impl Among {
    fn new(clicks: &[JudgedClick]) -> Self {
        let mut visitors: HashMap<&str, Vec<&JudgedClick>> = HashMap::new();
        for click in clicks.iter().filter(|click| is_told(click)) {
            visitors.entry(click.visitor.as_deref().unwrap_or_default()).or_default().push(click);
        }
        let neighbour = |click: &&JudgedClick| Neighbour {
            at: click.id.made_at(),
            link: click.link,
            crowd: Crowd::of(click.network.as_deref(), click.system),
        };
        let found = visitors.into_values().flat_map(|clicks| {
            let found = patterns(&clicks.iter().map(neighbour).collect::<Vec<_>>());
            clicks.into_iter().map(|click| click.id).zip(found)
        });
        Self(found.collect())
    }
}

/// Whether all addresses of the network that is kept of it are the workspace's own.
fn is_from(own: &[IpNet], click: &JudgedClick) -> bool {
    let network: Option<IpNet> = click.network.as_deref().and_then(|network| network.parse().ok());
    network.is_some_and(|network| own.iter().any(|own| own.contains(&network)))
}

/// The range that may be judged again: until a moment ago, since what comes now is judged as it is stored.
pub fn settled_before(now: Millis) -> Millis {
    const MOMENT_MILLIS: i64 = 60_000;
    now.plus(-MOMENT_MILLIS)
}

#[cfg(test)]
#[path = "reclassify_tests.rs"]
mod tests;
