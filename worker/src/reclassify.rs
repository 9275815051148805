//! Clicks judged again by the rules of today, step by step: each step is stored and noted before the next, so
//! that it can be stopped, killed and taken up by another process.
//!
//! What was seen of a click's address only stays as it was seen: its place, whether the redirector called it
//! too fast, and one's own networks that are smaller than what is kept of an address. Who was recognised as
//! one's own remains so.

use std::collections::HashMap;
use std::convert::Infallible;
use std::time::Duration;

use domain::{ClickId, Job, JobKind, JobStatus, JudgedClick, Millis, Verdict, VerdictReason};
use enrich::{Crowd, Neighbour, REACH_MILLIS, RULES_VERSION, alone_anew, beside, is_neighbour, patterns};
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
pub async fn run_jobs(store: Store, clock: Clock, stopping: CancellationToken) -> Result<(), Infallible> {
    loop {
        let now = clock.now();
        let done = match store.claim_job(now, now.plus(LEASE_MILLIS)).await {
            Ok(Some(job)) => run_job(&store, job, &clock, &stopping).await.map(Some),
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
pub async fn run_job(store: &Store, mut job: Job, clock: &Clock, stopping: &CancellationToken) -> Result<Job, StoreError> {
    let JobKind::Reclassify = job.kind;
    while job.finished_at.is_none() {
        if stopping.is_cancelled() {
            job.status = JobStatus::Queued;
            store.advance_job(&job, clock.now()).await?;
            return Ok(job);
        }
        match step(store, &mut job).await {
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
async fn step(store: &Store, job: &mut Job) -> Result<bool, StoreError> {
    let page = store.judged(job.workspace, JudgedRange::After(job.position, job.to), STEP).await?.clicks;
    let (Some(first), Some(last)) = (page.first(), page.last()) else { return Ok(false) };
    let around = JudgedRange::Between(first.id.made_at().plus(-REACH_MILLIS), last.id.made_at().plus(REACH_MILLIS));
    let around = store.judged(job.workspace, around, MOST_AROUND).await?;
    let settings = store.ingest_settings(&[job.workspace]).await?.remove(&job.workspace);
    let privacy = settings.map(|settings| settings.privacy).unwrap_or_default();
    // In a crowd that is too dense to be read whole, what was seen in it stays.
    let among = if around.cut { HashMap::new() } else { among_neighbours(&around.clicks) };
    let anew = |click: &JudgedClick| {
        let alone = alone_anew(click);
        let (verdict, reason) = if is_from(&privacy.own_networks, click) {
            (Verdict::Internal, VerdictReason::OwnTraffic)
        } else if is_told(click) && !around.cut {
            among.get(&click.id).copied().unwrap_or(alone)
        } else if matches!(click.reason, VerdictReason::Burst | VerdictReason::VisitorRate) && alone.0 != Verdict::Bot {
            (click.verdict, click.reason)
        } else {
            alone
        };
        Rejudged { click: click.id, verdict, reason, rules_version: RULES_VERSION }
    };
    let judged: Vec<(&JudgedClick, Rejudged)> = page.iter().map(|click| (click, anew(click))).collect();
    let is_other = |(click, now): &&(&JudgedClick, Rejudged)| (click.verdict, click.reason) != (now.verdict, now.reason);
    let changed = judged.iter().filter(is_other).count() as u64;
    let is_to_be_written = |pair: &&(&JudgedClick, Rejudged)| is_other(pair) || pair.0.rules_version != RULES_VERSION;
    let again: Vec<Rejudged> = judged.iter().filter(is_to_be_written).map(|(_, now)| *now).collect();
    if !again.is_empty() {
        store.rejudge(job.workspace, &again).await?;
    }
    job.looked += page.len() as u64;
    job.changed += changed;
    job.position = last.id;
    Ok(true)
}

/// Whether its visitor can be told, so that those beside it are known.
fn is_told(click: &JudgedClick) -> bool {
    click.visitor.is_some() && is_neighbour(click.outcome, click.verdict, click.signals)
}

/// The verdicts of clicks whose visitors can be told, by those around them.
fn among_neighbours(clicks: &[JudgedClick]) -> HashMap<ClickId, (Verdict, VerdictReason)> {
    let mut visitors: HashMap<&str, Vec<&JudgedClick>> = HashMap::new();
    for click in clicks.iter().filter(|click| is_told(click)) {
        visitors.entry(click.visitor.as_deref().unwrap_or_default()).or_default().push(click);
    }
    let neighbour = |click: &&JudgedClick| Neighbour {
        at: click.id.made_at(),
        link: click.link,
        crowd: Crowd::of(click.network.as_deref(), click.system),
    };
    let judged = visitors.into_values().flat_map(|clicks| {
        let found = patterns(&clicks.iter().map(neighbour).collect::<Vec<_>>());
        clicks.into_iter().zip(found).map(|(click, pattern)| (click.id, beside(alone_anew(click), pattern))).collect::<Vec<_>>()
    });
    judged.collect()
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
