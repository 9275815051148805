//! An allowance that no two keys share, for keys that nobody can make up: there are only as many as
//! were given out, and what one was promised must not depend on how busy others are.

use std::collections::HashMap;
use std::convert::Infallible;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::{PoisonError, RwLock};
use std::time::Instant;

use governor::clock::Clock as _;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed, StateStore};
use governor::{Quota, RateLimiter};

use super::told::Told;

/// How many keys are kept before those are looked for that can be forgotten.
const FEW: usize = 1_024;

/// What each key may do, for itself alone.
#[derive(Debug)]
pub struct ExactAllowance<K: Hash + Eq + Clone> {
    /// None where there is no limit.
    limiter: Option<RateLimiter<K, Known<K>, Told>>,
    since: Instant,
}

impl<K: Hash + Eq + Clone> ExactAllowance<K> {
    /// `per_second` requests a second, and `times` as many at once; either as 0 is no limit. `since`
    /// is a moment before all others.
    pub fn new(per_second: u32, times: u32, since: Instant) -> Self {
        let quota = NonZeroU32::new(per_second).zip(NonZeroU32::new(times));
        let quota = quota.map(|(rate, times)| Quota::per_second(rate).allow_burst(rate.saturating_mul(times)));
        Self { limiter: quota.map(|quota| RateLimiter::new(quota, Known::default(), Told::begin())), since }
    }

    /// Takes one of what `key` may do at `now`; false when it has done it all.
    pub fn take(&self, key: &K, now: Instant) -> bool {
        Told::tell(self.since, now);
        self.limiter.as_ref().is_none_or(|limiter| limiter.check_key(key).is_ok())
    }
}

/// The keys that did anything of late.
#[derive(Debug)]
struct Known<K>(RwLock<Kept<K>>);

#[derive(Debug)]
struct Kept<K> {
    states: HashMap<K, InMemoryState>,
    /// With so many, those that may do everything again are forgotten.
    most: usize,
}

impl<K> Default for Known<K> {
    fn default() -> Self {
        Self(RwLock::new(Kept { states: HashMap::new(), most: FEW }))
    }
}

impl<K: Hash + Eq + Clone> Kept<K> {
    fn add(&mut self, key: &K) -> &InMemoryState {
        if self.states.len() >= self.most && !self.states.contains_key(key) {
            let now = Told.now();
            // Whoever has paid for all that it did is treated like one that was never seen.
            self.states.retain(|_, state| paid_at(state).is_some_and(|paid| paid > now));
            self.most = FEW.max(2 * self.states.len());
        }
        self.states.entry(key.clone()).or_default()
    }
}

impl<K: Hash + Eq + Clone> StateStore for Known<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, change: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        // Nothing that holds the lock can panic halfway through a change.
        if let Some(state) = self.0.read().unwrap_or_else(PoisonError::into_inner).states.get(key) {
            return state.measure_and_replace(&NotKeyed::NonKey, change);
        }
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        kept.add(key).measure_and_replace(&NotKeyed::NonKey, change)
    }
}

/// When a key will have paid for what it did, counted from the limiter's beginning.
fn paid_at(state: &InMemoryState) -> Option<Nanos> {
    // A refusal is never written, so what is there is told as one.
    state.measure_and_replace(&NotKeyed::NonKey, Err::<(Infallible, Nanos), _>).err().flatten()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn taken(allowance: &ExactAllowance<u64>, key: u64, now: Instant) -> usize {
        (0..10_000).filter(|_| allowance.take(&key, now)).count()
    }

    #[test]
    fn each_key_has_its_own_and_it_grows_again() {
        let start = Instant::now();
        let allowance = ExactAllowance::new(1_000, 2, start);
        assert_eq!(taken(&allowance, 1, start), 2_000);
        assert_eq!(taken(&allowance, 1, start + Duration::from_millis(500)), 500);
        assert_eq!(taken(&allowance, 2, start + Duration::from_millis(500)), 2_000);
        assert_eq!(taken(&allowance, 1, start + Duration::from_secs(9)), 2_000);
        assert_eq!(taken(&ExactAllowance::new(0, 2, start), 1, start), 10_000);
    }

    #[test]
    fn no_crowd_takes_anything_from_a_key_or_gives_it_more() {
        let start = Instant::now();
        let allowance = ExactAllowance::new(1, 2, start);
        assert_eq!(taken(&allowance, 0, start), 2);
        // More keys than there are places in the table of an `Allowance`, each with all that it may.
        for key in 1..100_000 {
            assert!(allowance.take(&key, start) && allowance.take(&key, start), "{key}");
        }
        assert!(!allowance.take(&0, start));
        assert_eq!(taken(&allowance, 0, start + Duration::from_secs(1)), 1);
    }

    #[test]
    fn keys_that_were_quiet_are_forgotten() {
        let start = Instant::now();
        let allowance = ExactAllowance::new(1, 2, start);
        let kept = || allowance.limiter.as_ref().map(|limiter| format!("{limiter:?}").matches("InMemoryState").count());
        for key in 0..100_000_u64 {
            // A hundred of them are not quiet at any time.
            assert!(allowance.take(&key, start + Duration::from_millis(10 * key)), "{key}");
        }
        assert!(kept().is_some_and(|kept| kept <= 2 * FEW), "{:?}", kept());
    }
}
