//! Links, and the domains of hosts, in memory, bounded. An entry is fresh for a short time; a notice makes it stale at once.
//! One look-up per key is under way at a time, however many ask. While the source is down stale
//! entries are served, and what was never known is "cannot tell", never "does not exist".

mod followed;
mod kept;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::Millis;
use moka::future::Cache;
use moka::ops::compute::Op;
use platform::{Clock, Metrics};
use prometheus_client::metrics::counter::Counter;
use tokio::runtime::Handle;

use crate::LinkSourceDown;
pub(crate) use followed::Caches;
pub(crate) use kept::CachedLink;
use kept::{Kept, LinksAndPolicies};

/// How long an entry is served without looking again: what a lost notice costs at most.
const FRESH_MILLIS: i64 = 30_000;
/// The same for a key at which there is nothing.
const FRESH_MISS_MILLIS: i64 = 5_000;
/// How long a source that was down is not asked again for the same key.
const DOWN_MILLIS: i64 = 1_000;
/// How long a source that knows an older version is not asked again for the same key.
const BEHIND_MILLIS: i64 = 1_000;
const LOOK_UP_TIMEOUT: Duration = Duration::from_secs(2);
/// How long stale entries are kept for the case that the source is down.
const KEPT: Duration = Duration::from_secs(24 * 3_600);
/// An entry's share besides its texts, as measured (`make bench-spool`): the value, its key and the
/// cache's own records of it.
const ENTRY_BYTES: usize = 700;

/// What is known of a key.
#[derive(Clone, Debug)]
pub(crate) enum Known<T> {
    Found(Arc<T>),
    /// There is nothing.
    Nothing,
    /// The source is down and nothing was known before.
    CannotTell,
}

#[derive(Clone, Debug)]
struct Entry<T> {
    known: Known<T>,
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

/// The names of a cache's metrics, and what its entries are called.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Names {
    pub hits: &'static str,
    pub look_ups: &'static str,
    pub failures: &'static str,
    pub what: &'static str,
}

pub(crate) const LINKS: Names =
    Names { hits: "link_cache_hits", look_ups: "link_cache_look_ups", failures: "link_cache_failures", what: "Links" };
pub(crate) const HOSTS: Names =
    Names { hits: "host_cache_hits", look_ups: "host_cache_look_ups", failures: "host_cache_failures", what: "Hosts" };

/// Clones share the entries.
#[derive(Clone, Debug)]
pub(crate) struct LookUps<T: Kept> {
    entries: Cache<T::Key, Entry<T>>,
    source: T::Source,
    clock: Clock,
    /// Raised when everything may be out of date.
    alarms: Arc<AtomicU64>,
    counters: Counters,
    /// Where the source's connections live.
    main: Handle,
}

impl<T: Kept> LookUps<T> {
    /// Must be made on the main runtime: the source is asked there.
    pub fn new(names: Names, source: T::Source, clock: Clock, metrics: &Metrics) -> Self {
        let counter = |name, help: String| metrics.register(name, &help, Counter::default());
        let counters = Counters {
            hits: counter(names.hits, format!("{} found fresh in the cache", names.what)),
            look_ups: counter(names.look_ups, format!("{} looked up at their source", names.what)),
            failures: counter(names.failures, format!("{} looked up while the source did not answer", names.what)),
        };
        let entries = Cache::builder().max_capacity(T::MAX_BYTES).weigher(weight::<T>).time_to_live(KEPT).build();
        Self { entries, source, clock, alarms: Arc::default(), counters, main: Handle::current() }
    }

    pub async fn resolve(&self, key: &T::Key) -> Known<T> {
        if let Some(entry) = self.entries.get(key).await.filter(|entry| self.is_fresh(entry)) {
            self.counters.hits.inc();
            return entry.known;
        }
        // Callers of the same key queue up here; all but the first find a fresh entry.
        let computed = self
            .entries
            .entry_by_ref(key)
            .and_try_compute_with(|present| async {
                let present = present.map(moka::Entry::into_value);
                if present.as_ref().is_some_and(|entry| self.is_fresh(entry)) {
                    return Ok::<_, Infallible>(Op::Nop);
                }
                Ok(Op::Put(self.look_up(key, present).await))
            })
            .await;
        let entry = match computed {
            Ok(result) => result.into_entry().map(moka::Entry::into_value),
            Err(never) => match never {},
        };
        entry.map_or(Known::CannotTell, |entry| entry.known)
    }

    fn is_fresh(&self, entry: &Entry<T>) -> bool {
        self.clock.now() < entry.fresh_until && entry.alarms == self.alarms.load(Ordering::Acquire)
    }

    async fn look_up(&self, key: &T::Key, stale: Option<Entry<T>>) -> Entry<T> {
        self.counters.look_ups.inc();
        // Before the look-up: a change during it makes the entry stale again.
        let alarms = self.alarms.load(Ordering::Acquire);
        let answer = self.ask(key.clone()).await;
        let now = self.clock.now();
        match answer {
            Ok(Some(found)) => match stale.map(|entry| entry.known) {
                // A source that lags behind what is known here is asked again soon.
                Some(Known::Found(newer)) if newer.id() == found.id() && newer.version() > found.version() => {
                    Entry { known: Known::Found(newer), fresh_until: now.plus(BEHIND_MILLIS), alarms }
                }
                _ => Entry { known: Known::Found(Arc::new(found)), fresh_until: now.plus(FRESH_MILLIS), alarms },
            },
            Ok(None) => Entry { known: Known::Nothing, fresh_until: now.plus(FRESH_MISS_MILLIS), alarms },
            Err(error) => {
                self.counters.failures.inc();
                tracing::debug!(%error, "a link or host cannot be looked up");
                let known = stale.map_or(Known::CannotTell, |entry| entry.known);
                Entry { known, fresh_until: now.plus(DOWN_MILLIS), alarms }
            }
        }
    }

    async fn ask(&self, key: T::Key) -> Result<Option<T>, LinkSourceDown> {
        let source = self.source.clone();
        let task = self.main.spawn(async move { tokio::time::timeout(LOOK_UP_TIMEOUT, T::ask(&source, &key)).await });
        match task.await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(LinkSourceDown("no answer in time".into())),
            Err(error) => Err(LinkSourceDown(error.to_string())),
        }
    }

    /// Everything may be out of date.
    pub fn alarm(&self) {
        self.alarms.fetch_add(1, Ordering::AcqRel);
    }

    /// Makes an entry stale but keeps it, for the case that the source is down.
    pub async fn expire(&self, key: &T::Key) {
        let stale = |present: Option<moka::Entry<T::Key, Entry<T>>>| {
            let op = present.map_or(Op::Nop, |entry| Op::Put(Entry { fresh_until: Millis(0), ..entry.into_value() }));
            async { op }
        };
        self.entries.entry_by_ref(key).and_compute_with(stale).await;
    }
}

fn weight<T: Kept>(key: &T::Key, entry: &Entry<T>) -> u32 {
    let texts = match &entry.known {
        Known::Found(found) => found.weight(),
        Known::Nothing | Known::CannotTell => 0,
    };
    u32::try_from(T::key_weight(key) + texts + ENTRY_BYTES).unwrap_or(u32::MAX)
}
