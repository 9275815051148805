//! The clock: the only place that reads the wall clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use domain::Millis;

/// The system's clock, or one that a test sets.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    #[default]
    System,
    Manual(Arc<AtomicI64>),
}

impl Clock {
    pub fn manual(at: Millis) -> Self {
        Self::Manual(Arc::new(AtomicI64::new(at.0)))
    }

    pub fn now(&self) -> Millis {
        match self {
            #[expect(clippy::disallowed_methods, reason = "the clock is where the wall clock is read")]
            Self::System => Millis::from_timestamp(jiff::Timestamp::now()),
            Self::Manual(at) => Millis(at.load(Ordering::Relaxed)),
        }
    }

    /// Moves a manual clock; the system's stays as it is.
    pub fn advance(&self, millis: i64) {
        if let Self::Manual(at) = self {
            at.fetch_add(millis, Ordering::Relaxed);
        }
    }
}
