//! What is remembered under a key, and for how long.

use std::sync::Arc;

use domain::Millis;

use super::kept::Kept;

/// How long an entry is served without looking again: what a lost notice costs at most.
const FRESH_MILLIS: i64 = 30_000;
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
}

impl<T: Kept> Entry<T> {
    pub fn found(found: T, now: Millis, alarms: u64) -> Self {
        Self { known: Known::Found(Arc::new(found)), fresh_until: now.plus(FRESH_MILLIS), said_at: now, alarms }
    }

    pub fn nothing(now: Millis, alarms: u64) -> Self {
        Self { known: Known::Nothing, fresh_until: now.plus(FRESH_MISS_MILLIS), said_at: now, alarms }
    }

    /// After a look-up that failed: the value that was known before, if any. That there was nothing
    /// may have changed since.
    pub fn unanswered(before: Option<Self>, now: Millis, alarms: u64) -> Self {
        let before = before.unwrap_or(Self { known: Known::CannotTell, fresh_until: now, said_at: now, alarms });
        Self { fresh_until: now.plus(DOWN_MILLIS), alarms, ..before }
    }

    /// After a look-up that found an older version than this.
    pub fn ahead(self, now: Millis, alarms: u64) -> Self {
        Self { fresh_until: now.plus(BEHIND_MILLIS), alarms, ..self }
    }

    /// The same, to be looked up again.
    pub fn stale(self) -> Self {
        Self { fresh_until: Millis(0), ..self }
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
