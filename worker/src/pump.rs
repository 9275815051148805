//! One pump per lane: read a batch, enrich it, store it, ack it, announce its clicks.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use domain::{Millis, Privacy, WorkspaceId};
use enrich::Enricher;
use platform::{Backoff, Clock, Health, Lifecycle, Metrics, Readiness, Rng, Throttle};
use prometheus_client::metrics::counter::Counter;
use store::{Incoming, IngestReport, Poison, Store, StoreError};
use stream::{Announcement, ClickSource, Delivery, Lane, LiveFeed, StreamError};
use tokio_util::sync::CancellationToken;

use crate::batch::{Batch, Decoded};
use crate::letters::Letters;
use crate::neighbours::{Neighbours, Who};
use crate::salts::Salts;
use crate::visitors::BatchSalts;

/// Clicks in one transaction, about.
const BATCH: usize = 1_000;
const BACKOFF_MIN: Duration = Duration::from_millis(100);
/// Below the broker's patience, which each round extends.
const BACKOFF_MAX: Duration = Duration::from_secs(3);
/// How often a lane without clicks looks whether it remembers some for too long.
const FORGET_EVERY: Duration = Duration::from_secs(2);
const NOT_STORED: &str = "The database does not take clicks; they wait in the stream. Mend the database; the log says what it refused.";

/// What a worker works with.
#[derive(Clone, Debug)]
pub struct WorkerParts {
    pub store: Store,
    pub feed: Arc<dyn LiveFeed>,
    pub enricher: Arc<Enricher>,
    pub salts: Salts,
    pub clock: Clock,
    pub rng: Rng,
    pub health: Health,
}

#[derive(Clone, Debug)]
struct Counters {
    stored: Counter,
    duplicates: Counter,
    too_late: Counter,
    set_aside: Counter,
    erased: Counter,
    retries: Counter,
    rejudged: Counter,
    misses: Counter,
}

/// Stores what a source delivers.
#[derive(Clone, Debug)]
pub struct Pump {
    parts: WorkerParts,
    counters: Counters,
    /// Of acks that fail: each frame of each lane has one.
    unacked: Throttle,
    /// Of batches that cannot be stored: each attempt of each lane is one.
    unstored: Throttle,
    /// Of frames that wait for a newer worker: each comes again and again.
    newer: Throttle,
}

/// A batch that is stored, and what was said of it.
#[derive(Debug)]
pub(crate) struct Stored {
    pub clicks: Vec<Incoming>,
    pub who: Vec<Option<Who>>,
    pub report: IngestReport,
    /// Whether the batch's misses are stored too.
    misses_done: bool,
}

/// How far a batch came.
#[derive(Debug)]
enum Done {
    Whole(IngestReport),
    /// A stop came first. What is stored is to be announced, since whoever gets it again finds it stored.
    Stopped(IngestReport),
}

impl Pump {
    pub fn new(parts: WorkerParts, metrics: &Metrics) -> Self {
        let counter = |name, help| metrics.register(name, help, Counter::default());
        let counters = Counters {
            stored: counter("worker_stored", "Clicks stored"),
            duplicates: counter("worker_duplicates", "Clicks delivered again after they were stored"),
            too_late: counter("worker_too_late", "Clicks not stored, since their workspace no longer keeps clicks of their time"),
            set_aside: counter("worker_set_aside", "Records that cannot be stored, kept as dead letters"),
            erased: counter("worker_erased", "Clicks not stored, since they, their visitor, link or workspace were erased"),
            retries: counter("worker_retries", "Batches tried again"),
            rejudged: counter("worker_rejudged", "Stored clicks judged again because of those beside them"),
            misses: counter("worker_misses", "Misses stored"),
        };
        Self { parts, counters, unacked: Throttle::default(), unstored: Throttle::default(), newer: Throttle::default() }
    }

    pub(crate) fn parts(&self) -> &WorkerParts {
        &self.parts
    }

    /// Starts a task for each lane of `source`.
    pub fn start(&self, source: &dyn ClickSource, lifecycle: &Lifecycle) {
        self.parts.health.report("worker", Readiness::Ready, "");
        for lane in source.lanes() {
            lifecycle.spawn("worker", self.clone().run(lane, lifecycle.stopping().clone()));
        }
    }

    async fn run(self, mut lane: Box<dyn Lane>, stopping: CancellationToken) -> Result<(), StreamError> {
        let read = self.read(&mut *lane, &stopping).await;
        lane.leave().await;
        read
    }

    async fn read(&self, lane: &mut dyn Lane, stopping: &CancellationToken) -> Result<(), StreamError> {
        let mut neighbours = Neighbours::default();
        loop {
            let deliveries = tokio::select! {
                deliveries = lane.next(BATCH) => deliveries?,
                () = tokio::time::sleep(FORGET_EVERY), if !neighbours.is_empty() => {
                    neighbours.tidy(self.parts.clock.now());
                    continue;
                }
                () = stopping.cancelled() => return Ok(()),
            };
            let batch = self.decode(deliveries);
            let (report, is_whole) = match self.store(&batch, &mut neighbours, stopping).await {
                Done::Whole(report) => (report, true),
                Done::Stopped(report) => (report, false),
            };
            self.counters.stored.inc_by(report.stored.iter().map(|ingested| ingested.clicks.len() as u64).sum());
            self.counters.duplicates.inc_by(report.duplicates);
            self.counters.too_late.inc_by(report.too_late);
            self.counters.set_aside.inc_by((report.poison.len() + batch.poison.len()) as u64);
            self.counters.erased.inc_by(report.erased);
            // What was not done is done by whoever gets the frames next.
            for delivery in batch.deliveries.into_iter().filter(|_| is_whole) {
                if let Err(error) = delivery.ack().await
                    && self.unacked.may_tell()
                {
                    tracing::warn!(%error, "frames cannot be acked; they come again and are found stored");
                }
            }
            for ingested in report.stored {
                let (workspace, previous, head) = (ingested.workspace, ingested.previous, ingested.head);
                self.parts.feed.announce(Announcement { workspace, previous, head, clicks: Arc::new(ingested.clicks) }).await;
            }
            if !is_whole {
                return Ok(());
            }
        }
    }

    /// Deliveries with a record of a later version are left un-acked: they wait for a later worker.
    fn decode(&self, deliveries: Vec<Delivery>) -> Batch {
        let mut batch = Batch::default();
        for delivery in deliveries {
            match batch.add(&delivery.frame, self.parts.clock.now()) {
                Ok(()) => batch.deliveries.push(delivery),
                Err(version) => {
                    let detail = format!("Clicks wait for a newer worker: their records have version {version}. Upgrade the workers.");
                    if self.newer.may_tell() {
                        tracing::error!(frame = delivery.frame.id.as_str(), "{detail}");
                    }
                    self.parts.health.report("worker", Readiness::Degraded, detail);
                }
            }
        }
        batch
    }

    /// What is to be stored of each click, judged among those beside it as far as they are known.
    pub(crate) async fn prepare(
        &self,
        clicks: &[Decoded],
        neighbours: &mut Neighbours,
        now: Millis,
    ) -> Result<(Vec<Incoming>, Vec<Option<Who>>), StoreError> {
        let (mut clicks, who) = self.enrich(clicks, now, neighbours).await?;
        neighbours.judge(&self.parts.store, &mut clicks, &who, now).await?;
        Ok((clicks, who))
    }

    /// What is stored of each click, as its workspace has decided by now.
    async fn enrich(
        &self,
        clicks: &[Decoded],
        now: Millis,
        neighbours: &Neighbours,
    ) -> Result<(Vec<Incoming>, Vec<Option<Who>>), StoreError> {
        let workspaces: BTreeSet<WorkspaceId> = clicks.iter().map(|click| click.captured.workspace).collect();
        let settings = self.parts.store.ingest_settings(&workspaces.into_iter().collect::<Vec<_>>()).await?;
        let salts = BatchSalts::of(clicks.iter().map(|click| &click.captured), &settings, &self.parts.salts, now).await?;
        let undecided = Privacy::default();
        let incoming = |Decoded { captured, record, frame }: &Decoded| {
            let settings = settings.get(&captured.workspace);
            let mut click = self.parts.enricher.enrich(captured, settings.map_or(&undecided, |settings| &settings.privacy));
            let (visitor, day) = salts.visitor(captured, settings);
            click.visitor = visitor;
            // A click that was long under way brings no address whose time is over.
            let addresses_from = settings.map(|settings| settings.privacy.retention.addresses_from(settings.privacy.level, now));
            click.ip = click.ip.filter(|_| addresses_from.is_some_and(|from| click.occurred_at() >= from));
            let who = neighbours.who(captured, &click);
            (Incoming { workspace: captured.workspace, click, day, record: record.clone(), frame: frame.clone() }, who)
        };
        Ok(clicks.iter().map(incoming).unzip())
    }

    /// Tries until the batch is stored and all that follows is done, or a stop comes.
    async fn store(&self, batch: &Batch, neighbours: &mut Neighbours, stopping: &CancellationToken) -> Done {
        let (mut backoff, mut failed) = (Backoff::new(BACKOFF_MIN, BACKOFF_MAX), false);
        let mut stored = None;
        loop {
            match self.store_once(batch, neighbours, &mut stored).await {
                Ok(report) => {
                    if failed {
                        self.parts.health.report("worker", Readiness::Ready, "");
                    }
                    return Done::Whole(report);
                }
                Err(error) => {
                    failed = true;
                    self.counters.retries.inc();
                    if self.unstored.may_tell() {
                        tracing::warn!(%error, clicks = batch.clicks.len(), misses = batch.misses.len(), "clicks cannot be stored; trying again");
                    }
                    self.parts.health.report("worker", Readiness::Degraded, NOT_STORED);
                }
            }
            for delivery in &batch.deliveries {
                let _ = delivery.extend().await;
            }
            tokio::select! {
                () = backoff.pause(&self.parts.rng) => {}
                () = stopping.cancelled() => return Done::Stopped(stored.map(|stored| stored.report).unwrap_or_default()),
            }
        }
    }

    /// What is `stored` stays so when what follows it fails, and is told once all is done.
    async fn store_once(
        &self,
        batch: &Batch,
        neighbours: &mut Neighbours,
        stored: &mut Option<Stored>,
    ) -> Result<IngestReport, StoreError> {
        let (store, now) = (&self.parts.store, self.parts.clock.now());
        let stored = match stored {
            Some(stored) => stored,
            None => stored.insert(self.ingest(batch, neighbours, now).await?),
        };
        if !stored.misses_done {
            // After the clicks, so that they wait for no miss.
            let missed = self.ingest_misses(&batch.misses, now).await?;
            self.counters.misses.inc_by(missed.stored);
            stored.report.poison.extend(missed.poison);
            stored.misses_done = true;
        }
        self.set_aside(batch.poison.iter().chain(&stored.report.poison), now).await?;
        let Stored { clicks, who, report, .. } = stored;
        // Judges again what is beside the clicks that are stored.
        self.counters.rejudged.inc_by(neighbours.settle(store, clicks, who, report, now).await?);
        Ok(report.clone())
    }

    pub(crate) async fn ingest(&self, batch: &Batch, neighbours: &mut Neighbours, now: Millis) -> Result<Stored, StoreError> {
        let store = &self.parts.store;
        if !batch.losses.is_empty() {
            // A transaction of its own: their states may be stored any number of times.
            store.count_losses(&batch.losses).await?;
        }
        if batch.clicks.is_empty() {
            return Ok(Stored { clicks: Vec::new(), who: Vec::new(), report: IngestReport::default(), misses_done: false });
        }
        let (clicks, who) = self.prepare(&batch.clicks, neighbours, now).await?;
        let report = store.ingest(&clicks, now).await?;
        for (workspace, quarter) in &report.counted_anew {
            tracing::warn!(%workspace, of = %quarter.start(), "the counts of a day could not be read; the day was counted anew");
        }
        Ok(Stored { clicks, who, report, misses_done: false })
    }

    async fn set_aside(&self, poison: impl Iterator<Item = &Poison>, now: Millis) -> Result<(), StoreError> {
        let mut letters = Vec::new();
        for poison in poison {
            letters.push(Letters::new(self.parts.salts.clone(), self.parts.rng.clone()).seal(poison, now).await?);
        }
        if letters.is_empty() { Ok(()) } else { self.parts.store.set_aside(&letters).await }
    }
}

#[cfg(test)]
#[path = "pump_tests.rs"]
mod tests;
