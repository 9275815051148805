//! Answers of a source in memory, bounded: links, the domains of hosts, API keys, what workspaces
//! decide. An entry is fresh for a short time; a notice makes it stale and looks it up at once. One look-up
//! per key is under way at a time, however many ask. A value that is known is served meanwhile: nobody
//! waits for a source that is slow, hangs or is down, but who is the first to ask for what was not asked for
//! for long, and then not for long. What is not known then is "cannot tell", never "does not exist".
//!
//! Anyone can make keys up, and each costs a look-up. So each cache asks its source for at most
//! [`LookUpLimits::at_once`] keys at a time, the next [`LookUpLimits::waiting`] wait for their turn
//! within the time that a look-up has, and whoever comes then cannot be told. Keys that are known to be
//! real have as many turns of their own: a value that is looked up again never waits behind keys
//! that may be made up. And whoever has asked for too much that does not exist causes no look-up at all
//! but of such values ([`LookUps::resolve_if`]).

mod entry;
mod followed;
mod kept;
mod turns;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use moka::future::Cache;
use moka::ops::compute::Op;
use platform::{Clock, Metrics};
use prometheus_client::metrics::counter::Counter;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use crate::{LinkSourceDown, LookUpLimits};
use entry::Entry;
pub(crate) use entry::Known;
pub(crate) use followed::Caches;
pub(crate) use kept::{CachedLink, DecisionSource};
use kept::{Kept, LinksAndPolicies};
use turns::Turns;

/// For a look-up, the wait for its turn included.
const LOOK_UP_TIMEOUT: Duration = Duration::from_secs(2);
/// How long whoever asks for a value that is known waits for a later one.
const PATIENCE: Duration = Duration::from_millis(300);
/// How long an entry that nobody asks for is kept.
const KEPT: Duration = Duration::from_secs(24 * 3_600);
/// An entry's share besides its texts, as measured (`make bench-spool`): the value, its key and the
/// cache's own records of it.
const ENTRY_BYTES: usize = 700;

/// Who wants to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asker {
    /// Who may have made the key up.
    Anyone,
    /// This program, which has the key from the source itself.
    Ourselves,
}

/// Nothing is known of the key, and nothing may be looked up for whoever asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooFast;

#[derive(Clone, Debug)]
struct Counters {
    hits: Counter,
    stale: Counter,
    look_ups: Counter,
    failures: Counter,
}

impl Counters {
    fn new<T: Kept>(metrics: &Metrics) -> Self {
        let counter = |name, help| metrics.register(&format!("{}_{name}", T::METRICS), &format!("{} {help}", T::WHAT), Counter::default());
        Self {
            hits: counter("hits", "found fresh in the cache"),
            stale: counter("stale", "served as they were known, while they were looked up again"),
            look_ups: counter("look_ups", "looked up at their source"),
            failures: counter("failures", "looked up while the source did not answer or was too busy"),
        }
    }
}

/// Clones share the entries.
#[derive(Clone, Debug)]
pub(crate) struct LookUps<T: Kept> {
    entries: Cache<T::Key, Entry<T>>,
    source: T::Source,
    clock: Clock,
    /// Raised when everything may be out of date.
    alarms: Arc<AtomicU64>,
    /// For keys that are known to be real.
    known: Turns,
    /// For keys that anyone may have made up.
    unknown: Turns,
    counters: Counters,
    /// Where the source's connections live.
    main: Handle,
}

impl<T: Kept> LookUps<T> {
    /// Must be made on the main runtime: the source is asked there.
    pub fn new(source: T::Source, limits: LookUpLimits, clock: Clock, metrics: &Metrics) -> Self {
        let entries = Cache::builder().max_capacity(T::MAX_BYTES).weigher(weight::<T>).time_to_live(KEPT).build();
        let (known, unknown, counters) = (Turns::new(limits), Turns::new(limits), Counters::new::<T>(metrics));
        Self { entries, source, clock, alarms: Arc::default(), known, unknown, counters, main: Handle::current() }
    }

    /// What is known of a key, looked up where that is not fresh.
    pub async fn resolve(&self, key: &T::Key, asker: Asker) -> Known<T> {
        match self.entries.get(key).await {
            Some(entry) if self.is_fresh(&entry) => self.hit(entry),
            Some(entry) if entry.outlasts(self.clock.now()) => Box::pin(self.known(key, entry, asker)).await,
            _ => Box::pin(self.refresh(key, asker)).await,
        }
    }

    /// What the source says, be it a moment ago; asked by this program.
    pub async fn resolve_anew(&self, key: &T::Key) -> Known<T> {
        match self.entries.get(key).await {
            Some(entry) if self.is_fresh(&entry) => self.hit(entry),
            _ => self.refresh(key, Asker::Ourselves).await,
        }
    }

    /// The same as [`LookUps::resolve`] for anyone. A key that is not known to be real is looked up only if
    /// `may_ask` says so, which is not asked before.
    ///
    /// # Errors
    /// [`TooFast`] where it says no.
    pub async fn resolve_if(&self, key: &T::Key, may_ask: impl FnOnce() -> bool) -> Result<Known<T>, TooFast> {
        match self.held(key) {
            Some(entry) if self.is_fresh(&entry) => Ok(self.hit(entry)),
            _ => Box::pin(self.resolve_later(key, may_ask)).await,
        }
    }

    /// An entry that can be had without waiting; of those that ask for it nearly all can.
    fn held(&self, key: &T::Key) -> Option<Entry<T>> {
        self.entries.get(key).now_or_never().flatten()
    }

    async fn resolve_later(&self, key: &T::Key, may_ask: impl FnOnce() -> bool) -> Result<Known<T>, TooFast> {
        match self.entries.get(key).await {
            Some(entry) if self.is_fresh(&entry) => Ok(self.hit(entry)),
            Some(entry) if entry.is_real() && entry.outlasts(self.clock.now()) => Ok(self.known(key, entry, Asker::Anyone).await),
            held if held.as_ref().is_some_and(Entry::is_real) || may_ask() => Ok(self.refresh(key, Asker::Anyone).await),
            _ => Err(TooFast),
        }
    }

    fn hit(&self, entry: Entry<T>) -> Known<T> {
        self.counters.hits.inc();
        entry.known
    }

    /// A value that is no longer fresh, while the source is asked away from here.
    async fn known(&self, key: &T::Key, entry: Entry<T>, asker: Asker) -> Known<T> {
        let is_recent = entry.is_recent(self.clock.now());
        if entry.is_mine_to_ask() || !is_recent {
            // Whoever is not the first finds what the first has looked up.
            let task = self.refresh_away(key.clone(), asker);
            if !is_recent && let Ok(Ok(known)) = tokio::time::timeout(PATIENCE, task).await {
                return known;
            }
        }
        self.counters.stale.inc();
        entry.known
    }

    fn refresh_away(&self, key: T::Key, asker: Asker) -> JoinHandle<Known<T>> {
        let this = self.clone();
        self.main.spawn(async move { this.refresh(&key, asker).await })
    }

    fn is_fresh(&self, entry: &Entry<T>) -> bool {
        entry.is_fresh(self.clock.now(), self.alarms.load(Ordering::Acquire))
    }

    async fn refresh(&self, key: &T::Key, asker: Asker) -> Known<T> {
        // Callers of the same key queue up here; all but the first find a fresh entry.
        let computed = self
            .entries
            .entry_by_ref(key)
            .and_try_compute_with(|present| async {
                let present = present.map(moka::Entry::into_value);
                if let Some(entry) = present.as_ref().filter(|entry| self.is_fresh(entry)) {
                    entry.is_asked_no_more();
                    return Ok::<_, Infallible>(Op::Nop);
                }
                Ok(Op::Put(self.look_up(key, present, asker).await))
            })
            .await;
        let entry = match computed {
            Ok(result) => result.into_entry().map(moka::Entry::into_value),
            Err(never) => match never {},
        };
        entry.map_or(Known::CannotTell, |entry| entry.known)
    }

    async fn look_up(&self, key: &T::Key, before: Option<Entry<T>>, asker: Asker) -> Entry<T> {
        self.counters.look_ups.inc();
        // Before the look-up: a change during it makes the entry stale again.
        let alarms = self.alarms.load(Ordering::Acquire);
        let is_real = asker == Asker::Ourselves || before.as_ref().is_some_and(Entry::is_real);
        let answer = self.ask(key.clone(), if is_real { &self.known } else { &self.unknown }).await;
        let now = self.clock.now();
        let before = before.filter(|entry| entry.outlasts(now));
        match (answer, before) {
            // A source that lags behind what is known here is asked again soon.
            (Ok(Some(found)), Some(before)) if before.is_ahead_of(&found) => before.ahead(now, alarms),
            (Ok(Some(found)), _) => Entry::found(found, now, alarms),
            (Ok(None), _) => Entry::nothing(now, alarms),
            (Err(error), before) => {
                self.counters.failures.inc();
                tracing::debug!(%error, what = T::WHAT, "what a request needs cannot be looked up");
                Entry::unanswered(before, now, alarms)
            }
        }
    }

    async fn ask(&self, key: T::Key, turns: &Turns) -> Result<Option<T>, LinkSourceDown> {
        let until = Instant::now() + LOOK_UP_TIMEOUT;
        let turn = turns.next(until).await?;
        let source = self.source.clone();
        let task = self.main.spawn(async move {
            let answer = timeout_at(until, T::ask(&source, &key)).await;
            drop(turn);
            answer
        });
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

    /// Makes an entry stale but keeps it, for the case that the source is down, and looks it up. Nobody
    /// waits for that.
    pub async fn expire(&self, key: &T::Key) {
        let stale = |present: Option<moka::Entry<T::Key, Entry<T>>>| {
            let op = present.map_or(Op::Nop, |entry| Op::Put(entry.into_value().stale()));
            async { op }
        };
        let held = self.entries.entry_by_ref(key).and_compute_with(stale).await;
        if held.into_entry().is_some_and(|entry| entry.into_value().is_mine_to_ask()) {
            drop(self.refresh_away(key.clone(), Asker::Anyone));
        }
    }
}

fn weight<T: Kept>(key: &T::Key, entry: &Entry<T>) -> u32 {
    u32::try_from(T::key_weight(key) + entry.weight() + ENTRY_BYTES).unwrap_or(u32::MAX)
}
