//! What is remembered under a key, and for how long.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::Millis;

use super::kept::Kept;

/// How long an entry is served without looking again.
const FRESH_MILLIS: i64 = 30_000;
/// How long after the last look-up it is served while somebody looks again: what a lost notice costs at most.
const RECENT_MILLIS: i64 = 55_000;
/// The same for a key at which there is nothing.
const FRESH_MISS_MILLIS: i64 = 5_000;
/// How long a source that was down is not asked again for the same key.
const DOWN_MILLIS: i64 = 1_000;
/// How long a source that knows an older version is not asked again for the same key.
const BEHIND_MILLIS: i64 = 1_000;

/// What is known of a key.
#[derive(Clone, Debug)]
pub(crate) enum Known<T> {
    Found(Arc<T>),
    /// There is nothing.
    Nothing,
    /// The source is down or too busy, and no value was known before.
    CannotTell,
}

#[derive(Clone, Debug)]
pub(super) struct Entry<T> {
    pub known: Known<T>,
    fresh_until: Millis,
    /// When the source last said so.
    said_at: Millis,
    /// The number of alarms when it was read.
    alarms: u64,
    /// When the source was last asked, be it in vain.
    asked_at: Millis,
    /// Whether somebody looks again now; clones share it.
    is_asked_for: Arc<AtomicBool>,
}

impl<T: Kept> Entry<T> {
    pub fn found(found: T, now: Millis, alarms: u64) -> Self {
        Self::said(Known::Found(Arc::new(found)), now.plus(FRESH_MILLIS), now, alarms)
    }

    pub fn nothing(now: Millis, alarms: u64) -> Self {
        Self::said(Known::Nothing, now.plus(FRESH_MISS_MILLIS), now, alarms)
    }

    fn said(known: Known<T>, fresh_until: Millis, now: Millis, alarms: u64) -> Self {
        Self { known, fresh_until, said_at: now, alarms, asked_at: now, is_asked_for: Arc::default() }
    }

    /// After a look-up that failed: the value that was known before, if any. That there was nothing
    /// may have changed since.
    pub fn unanswered(before: Option<Self>, now: Millis, alarms: u64) -> Self {
        let before = before.unwrap_or_else(|| Self::said(Known::CannotTell, now, now, alarms));
        Self { fresh_until: now.plus(DOWN_MILLIS), alarms, asked_at: now, is_asked_for: Arc::default(), ..before }
    }

    /// After a look-up that found an older version than this.
    pub fn ahead(self, now: Millis, alarms: u64) -> Self {
        Self { fresh_until: now.plus(BEHIND_MILLIS), alarms, asked_at: now, is_asked_for: Arc::default(), ..self }
    }

    /// The same, to be looked up again, whoever does it already: they may have asked too early.
    pub fn stale(self) -> Self {
        Self { fresh_until: Millis(0), is_asked_for: Arc::default(), ..self }
    }

    /// Whether the caller is the one to look again.
    pub fn is_mine_to_ask(&self) -> bool {
        !self.is_asked_for.swap(true, Ordering::AcqRel)
    }

    /// Nobody looks again any more.
    pub fn is_asked_no_more(&self) {
        self.is_asked_for.store(false, Ordering::Release);
    }

    /// Whether nobody has to wait before the value is served once more.
    pub fn is_recent(&self, now: Millis) -> bool {
        now.0.saturating_sub(self.asked_at.0) < RECENT_MILLIS
    }

    pub fn is_fresh(&self, now: Millis, alarms: u64) -> bool {
        now < self.fresh_until && alarms == self.alarms
    }

    /// Whether there is a value that may be served although the source does not say so now.
    pub fn outlasts(&self, now: Millis) -> bool {
        matches!(self.known, Known::Found(_)) && now.0.saturating_sub(self.said_at.0) < T::OUTLASTS_MILLIS
    }

    /// Whether the key was not made up by whoever asks for it.
    pub fn is_real(&self) -> bool {
        matches!(&self.known, Known::Found(found) if found.is_real())
    }

    /// Whether this is a later version of what was found.
    pub fn is_ahead_of(&self, found: &T) -> bool {
        matches!(&self.known, Known::Found(known) if known.id() == found.id() && known.version() > found.version())
    }

    /// About how many bytes its texts take.
    pub fn weight(&self) -> usize {
        match &self.known {
            Known::Found(found) => found.weight(),
            Known::Nothing | Known::CannotTell => 0,
        }
    }
}
