//! Answers of a source in memory, bounded. As with links: one look-up at a time for each key, fresh
//! for a short time, made stale by notices, served while the source is down, and what was never
//! known is "cannot tell".

use std::convert::Infallible;
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::Millis;
use moka::future::Cache;
use moka::ops::compute::Op;
use platform::Clock;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::LinkSourceDown;

/// How long an answer is good without asking again: what a lost notice costs at most.
const FRESH_MILLIS: i64 = 30_000;
/// The same for what does not exist.
const FRESH_MISS_MILLIS: i64 = 5_000;
/// How long a source that was down is not asked again for the same key.
const DOWN_MILLIS: i64 = 1_000;
const LOOK_UP_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a stale answer is served while the source is down.
const KEPT: Duration = Duration::from_secs(3_600);
const MAX_ENTRIES: u64 = 50_000;
/// Look-ups under way at once; whoever sends made-up keys waits for the next second.
const AT_ONCE: usize = 64;

/// What is known under a key.
#[derive(Debug)]
pub(crate) enum Remembered<V> {
    Known(Arc<V>),
    Nothing,
    /// The source is down or too busy, and nothing was known before.
    CannotTell,
}

impl<V> Clone for Remembered<V> {
    fn clone(&self) -> Self {
        match self {
            Self::Known(value) => Self::Known(value.clone()),
            Self::Nothing => Self::Nothing,
            Self::CannotTell => Self::CannotTell,
        }
    }
}

#[derive(Debug)]
struct Entry<V> {
    known: Remembered<V>,
    fresh_until: Millis,
    /// The number of alarms when it was read.
    alarms: u64,
}

impl<V> Clone for Entry<V> {
    fn clone(&self) -> Self {
        Self { known: self.known.clone(), ..*self }
    }
}

/// Clones share the entries.
#[derive(Clone, Debug)]
pub(crate) struct Memory<K, V>
where
    K: Hash + Eq + Debug + Send + Sync + 'static,
    V: Debug + Send + Sync + 'static,
{
    entries: Cache<K, Entry<V>>,
    clock: Clock,
    alarms: Arc<AtomicU64>,
    look_ups: Arc<Semaphore>,
    /// Where the source's connections live.
    main: Handle,
}

impl<K, V> Memory<K, V>
where
    K: Hash + Eq + Copy + Debug + Send + Sync + 'static,
    V: Debug + Send + Sync + 'static,
{
    /// Must be made on the main runtime.
    pub fn new(clock: Clock) -> Self {
        let entries = Cache::builder().max_capacity(MAX_ENTRIES).time_to_live(KEPT).build();
        Self { entries, clock, alarms: Arc::default(), look_ups: Arc::new(Semaphore::new(AT_ONCE)), main: Handle::current() }
    }

    /// What is known under `key`; `look_up` asks the source.
    pub async fn get<F>(&self, key: K, look_up: impl FnOnce() -> F + Send) -> Remembered<V>
    where
        F: Future<Output = Result<Option<V>, LinkSourceDown>> + Send + 'static,
    {
        if let Some(entry) = self.entries.get(&key).await.filter(|entry| self.is_fresh(entry)) {
            return entry.known;
        }
        let computed = self
            .entries
            .entry(key)
            .and_try_compute_with(|present| async {
                let present = present.map(moka::Entry::into_value);
                if present.as_ref().is_some_and(|entry| self.is_fresh(entry)) {
                    return Ok::<_, Infallible>(Op::Nop);
                }
                Ok(Op::Put(self.look_up(look_up, present).await))
            })
            .await;
        let entry = match computed {
            Ok(result) => result.into_entry().map(moka::Entry::into_value),
            Err(never) => match never {},
        };
        entry.map_or(Remembered::CannotTell, |entry| entry.known)
    }

    fn is_fresh(&self, entry: &Entry<V>) -> bool {
        self.clock.now() < entry.fresh_until && entry.alarms == self.alarms.load(Ordering::Acquire)
    }

    async fn look_up<F>(&self, look_up: impl FnOnce() -> F, stale: Option<Entry<V>>) -> Entry<V>
    where
        F: Future<Output = Result<Option<V>, LinkSourceDown>> + Send + 'static,
    {
        // Before the question: what changes meanwhile is heard of after it.
        let alarms = self.alarms.load(Ordering::Acquire);
        let answer = self.ask(look_up).await;
        let now = self.clock.now();
        match answer {
            Ok(Some(value)) => Entry { known: Remembered::Known(Arc::new(value)), fresh_until: now.plus(FRESH_MILLIS), alarms },
            Ok(None) => Entry { known: Remembered::Nothing, fresh_until: now.plus(FRESH_MISS_MILLIS), alarms },
            Err(error) => {
                tracing::debug!(%error, "what a redirect needs cannot be looked up");
                let known = stale.map_or(Remembered::CannotTell, |entry| entry.known);
                Entry { known, fresh_until: now.plus(DOWN_MILLIS), alarms }
            }
        }
    }

    async fn ask<F>(&self, look_up: impl FnOnce() -> F) -> Result<Option<V>, LinkSourceDown>
    where
        F: Future<Output = Result<Option<V>, LinkSourceDown>> + Send + 'static,
    {
        let _turn = self.look_ups.try_acquire().map_err(|_| LinkSourceDown("too many look-ups at once".into()))?;
        let question = look_up();
        let task = self.main.spawn(async move { tokio::time::timeout(LOOK_UP_TIMEOUT, question).await });
        match task.await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(LinkSourceDown("no answer in time".into())),
            Err(error) => Err(LinkSourceDown(error.to_string())),
        }
    }

    /// Makes one answer stale but keeps it, for the case that the source is down.
    pub async fn expire(&self, key: K) {
        let stale = |present: Option<moka::Entry<K, Entry<V>>>| {
            let op = present.map_or(Op::Nop, |entry| Op::Put(Entry { fresh_until: Millis(0), ..entry.into_value() }));
            async { op }
        };
        self.entries.entry(key).and_compute_with(stale).await;
    }

    /// Makes everything stale.
    pub fn doubt(&self) {
        self.alarms.fetch_add(1, Ordering::AcqRel);
    }
}
