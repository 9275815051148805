//! Links in memory, bounded. An entry is fresh for a short time; a notice makes it stale at once.
//! One look-up per slug is under way at a time, however many ask. While the source is down stale
//! entries are served, and what was never known is "cannot tell", never "does not exist".

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::{Millis, ResolvedLink};
use futures_util::StreamExt as _;
use moka::future::Cache;
use moka::ops::compute::Op;
use platform::{Clock, Metrics};
use prometheus_client::metrics::counter::Counter;
use stream::{LinkEvent, LinkNotices};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::{LinkSource, LinkSourceDown};

/// How long a link is served without looking again: what a lost notice costs at most.
const FRESH_MILLIS: i64 = 30_000;
/// The same for a slug that is no link.
const FRESH_MISS_MILLIS: i64 = 5_000;
/// How long a source that was down is not asked again for the same slug.
const DOWN_MILLIS: i64 = 1_000;
/// How long a source that knows an older version is not asked again for the same slug.
const BEHIND_MILLIS: i64 = 1_000;
const LOOK_UP_TIMEOUT: Duration = Duration::from_secs(2);
/// The pause before notices are followed again: what changed meanwhile is seen after it.
const FOLLOW_AGAIN: Duration = Duration::from_millis(200);
/// How long stale entries are kept for the case that the source is down.
const KEPT: Duration = Duration::from_secs(24 * 3_600);
const MAX_BYTES: u64 = 64 << 20;
/// An entry's share besides its texts.
const ENTRY_BYTES: usize = 256;

/// What is known of a slug.
#[derive(Clone, Debug)]
pub(crate) enum Known {
    Link(Arc<ResolvedLink>),
    /// No link has this slug.
    Nothing,
    /// The source is down and nothing was known before.
    CannotTell,
}

#[derive(Clone, Debug)]
struct Entry {
    known: Known,
    fresh_until: Millis,
    /// The number of alarms when it was read.
    alarms: u64,
}

#[derive(Clone, Debug)]
struct Counters {
    hits: Counter,
    look_ups: Counter,
    failures: Counter,
}

/// Clones share the entries.
#[derive(Clone, Debug)]
pub(crate) struct LinkCache {
    entries: Cache<String, Entry>,
    source: Arc<dyn LinkSource>,
    clock: Clock,
    /// Raised when everything may be out of date.
    alarms: Arc<AtomicU64>,
    counters: Counters,
    /// Where the source's connections live.
    main: Handle,
}

impl LinkCache {
    pub fn new(source: Arc<dyn LinkSource>, clock: Clock, metrics: &Metrics) -> Self {
        let counter = |name, help| metrics.register(name, help, Counter::default());
        let counters = Counters {
            hits: counter("link_cache_hits", "Links found fresh in the cache"),
            look_ups: counter("link_cache_look_ups", "Links looked up at their source"),
            failures: counter("link_cache_failures", "Look-ups that the source did not answer"),
        };
        let entries = Cache::builder().max_capacity(MAX_BYTES).weigher(weight).time_to_live(KEPT).build();
        Self { entries, source, clock, alarms: Arc::default(), counters, main: Handle::current() }
    }

    pub async fn resolve(&self, slug: &str) -> Known {
        if let Some(entry) = self.entries.get(slug).await.filter(|entry| self.is_fresh(entry)) {
            self.counters.hits.inc();
            return entry.known;
        }
        // Callers of the same slug queue up here; all but the first find a fresh entry.
        let computed = self
            .entries
            .entry_by_ref(slug)
            .and_try_compute_with(|present| async {
                let present = present.map(moka::Entry::into_value);
                if present.as_ref().is_some_and(|entry| self.is_fresh(entry)) {
                    return Ok::<_, Infallible>(Op::Nop);
                }
                Ok(Op::Put(self.look_up(slug, present).await))
            })
            .await;
        let entry = match computed {
            Ok(result) => result.into_entry().map(moka::Entry::into_value),
            Err(never) => match never {},
        };
        entry.map_or(Known::CannotTell, |entry| entry.known)
    }

    fn is_fresh(&self, entry: &Entry) -> bool {
        self.clock.now() < entry.fresh_until && entry.alarms == self.alarms.load(Ordering::Acquire)
    }

    async fn look_up(&self, slug: &str, stale: Option<Entry>) -> Entry {
        self.counters.look_ups.inc();
        // Before the look-up: a change during it makes the entry stale again.
        let alarms = self.alarms.load(Ordering::Acquire);
        let answer = self.ask(slug.to_owned()).await;
        let now = self.clock.now();
        match answer {
            Ok(Some(link)) => match stale.map(|entry| entry.known) {
                // A source that lags behind what is known here is asked again soon.
                Some(Known::Link(newer)) if newer.id == link.id && newer.version > link.version => {
                    Entry { known: Known::Link(newer), fresh_until: now.plus(BEHIND_MILLIS), alarms }
                }
                _ => Entry { known: Known::Link(Arc::new(link)), fresh_until: now.plus(FRESH_MILLIS), alarms },
            },
            Ok(None) => Entry { known: Known::Nothing, fresh_until: now.plus(FRESH_MISS_MILLIS), alarms },
            Err(error) => {
                self.counters.failures.inc();
                tracing::debug!(%error, "a link cannot be looked up");
                let known = stale.map_or(Known::CannotTell, |entry| entry.known);
                Entry { known, fresh_until: now.plus(DOWN_MILLIS), alarms }
            }
        }
    }

    async fn ask(&self, slug: String) -> Result<Option<ResolvedLink>, LinkSourceDown> {
        let source = self.source.clone();
        let task = self.main.spawn(async move { tokio::time::timeout(LOOK_UP_TIMEOUT, source.resolve(&slug)).await });
        match task.await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(LinkSourceDown("no answer in time".into())),
            Err(error) => Err(LinkSourceDown(error.to_string())),
        }
    }

    /// Forgets what notices say has changed, until the stop.
    pub async fn follow(self, notices: Arc<dyn LinkNotices>, stopping: CancellationToken) -> Result<(), Infallible> {
        loop {
            tokio::select! {
                () = self.follow_once(&*notices) => {}
                () = stopping.cancelled() => return Ok(()),
            }
        }
    }

    async fn follow_once(&self, notices: &dyn LinkNotices) {
        match notices.follow().await {
            Ok(mut events) => {
                // Whatever was read before the listening began may have changed unheard.
                self.alarms.fetch_add(1, Ordering::AcqRel);
                while let Some(event) = events.next().await {
                    match event {
                        LinkEvent::Changed { slug } => self.expire(&slug).await,
                        LinkEvent::Unsure => drop(self.alarms.fetch_add(1, Ordering::AcqRel)),
                    }
                }
            }
            Err(error) => tracing::debug!(%error, "notices of changed links cannot be heard; trying again"),
        }
        tokio::time::sleep(FOLLOW_AGAIN).await;
    }

    /// Makes an entry stale but keeps it, for the case that the source is down.
    async fn expire(&self, slug: &str) {
        let stale = |present: Option<moka::Entry<String, Entry>>| {
            let op = present.map_or(Op::Nop, |entry| Op::Put(Entry { fresh_until: Millis(0), ..entry.into_value() }));
            async { op }
        };
        self.entries.entry_by_ref(slug).and_compute_with(stale).await;
    }
}

#[expect(clippy::ptr_arg, reason = "the signature that the cache asks for")]
fn weight(slug: &String, entry: &Entry) -> u32 {
    let texts = match &entry.known {
        Known::Link(link) => {
            let (gate, card) = (link.gate.as_ref(), link.card.as_ref());
            link.target.as_str().len() + gate.map_or(0, |gate| gate.weight()) + card.map_or(0, |card| card.weight())
        }
        Known::Nothing | Known::CannotTell => 0,
    };
    u32::try_from(slug.len() + texts + ENTRY_BYTES).unwrap_or(u32::MAX)
}
