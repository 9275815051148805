//! The clock that governor asks: what the caller of an allowance has just said.

use std::cell::Cell;
use std::time::{Duration, Instant};

use governor::clock::Clock;
use governor::nanos::Nanos;

thread_local! {
    static NOW: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Told;

impl Told {
    /// A clock that stands at the beginning, which is what a limiter that is made now counts from.
    pub fn begin() -> Self {
        NOW.set(Duration::ZERO);
        Self
    }

    /// Sets the clock that is asked next on this thread.
    pub fn tell(since: Instant, now: Instant) {
        NOW.set(now.saturating_duration_since(since));
    }
}

impl Clock for Told {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        NOW.get().into()
    }
}
