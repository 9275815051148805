//! How much each of very many may do in a time: the algorithm is governor's (GCRA), the memory a
//! table of fixed size, so that no number of addresses that a stranger sends from can grow it.
//!
//! A key's place in the table is a hash of it that nobody outside can tell. Keys that meet at a place
//! share what one may do; with as many busy keys as places, limits become half as wide, and so on.
//! Nothing is ever evicted, so a key cannot win a fresh allowance by pushing others out. A request
//! costs a hash and a compare-and-swap, and reads no clock: the caller says when it is.
//!
//! Where keys are few and nobody can make them up, `exact` has an allowance that none share.

mod exact;
mod told;

use std::collections::hash_map::RandomState;
use std::convert::Infallible;
use std::hash::{BuildHasher as _, Hash};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed, StateStore};
use governor::{Quota, RateLimiter};

pub use exact::ExactAllowance;
use told::Told;

/// 512 KiB for each allowance.
const PLACES: usize = 1 << 16;
/// How many times of a second's requests may come at once.
const BURST: u32 = 10;

/// What each key may do.
#[derive(Debug)]
pub struct Allowance {
    /// None where there is no limit.
    limiter: Option<RateLimiter<usize, Table, Told>>,
    /// The same over the same table, which it only reads.
    glance: Option<RateLimiter<usize, Glance, Told>>,
    hasher: RandomState,
    since: Instant,
}

impl Allowance {
    /// `per_second` requests a second, and ten times as many at once; 0 is no limit. `since` is a
    /// moment before all others.
    pub fn new(per_second: u32, since: Instant) -> Self {
        let quota = |rate: NonZeroU32| Quota::per_second(rate).allow_burst(rate.saturating_mul(TIMES));
        Self::of(NonZeroU32::new(per_second).map(quota), since)
    }

    /// One request in each `period`, and `at_once` of them at once; either as 0 is no limit.
    pub fn every(period: Duration, at_once: u32, since: Instant) -> Self {
        let quota = Quota::with_period(period).zip(NonZeroU32::new(at_once));
        Self::of(quota.map(|(quota, at_once)| quota.allow_burst(at_once)), since)
    }

    fn of(quota: Option<Quota>, since: Instant) -> Self {
        let table = Table::new();
        let glance = quota.map(|quota| RateLimiter::new(quota, Glance(table.clone()), Told::begin()));
        let limiter = quota.map(|quota| RateLimiter::new(quota, table, Told::begin()));
        Self { limiter, glance, hasher: RandomState::new(), since }
    }

    /// Takes one of what `key` may do at `now`; false when it has done it all.
    pub fn take(&self, key: impl Hash, now: Instant) -> bool {
        self.limiter.as_ref().is_none_or(|limiter| limiter.check_key(&self.place(key, now)).is_ok())
    }

    /// Whether `key` has done at `now` all that it may, so that [`Allowance::take`] would give it
    /// nothing. Takes nothing.
    pub fn is_spent(&self, key: impl Hash, now: Instant) -> bool {
        self.glance.as_ref().is_some_and(|glance| glance.check_key(&self.place(key, now)).is_err())
    }

    /// The key's place in the table; sets the clock that is asked next.
    fn place(&self, key: impl Hash, now: Instant) -> usize {
        Told::tell(self.since, now);
        // The lower bits of the hash: a table has 2^16 places.
        self.hasher.hash_one(key) as usize & (PLACES - 1)
    }
}

const TIMES: NonZeroU32 = NonZeroU32::MIN.saturating_add(BURST - 1);

/// Clones share the places.
#[derive(Clone, Debug)]
struct Table(Arc<[InMemoryState]>);

impl Table {
    fn new() -> Self {
        Self((0..PLACES).map(|_| InMemoryState::default()).collect())
    }
}

impl StateStore for Table {
    type Key = usize;

    fn measure_and_replace<T, F, E>(&self, place: &usize, change: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        self.0[*place].measure_and_replace(&NotKeyed::NonKey, change)
    }
}

/// A table that is looked at: what would be written to it is not.
#[derive(Debug)]
struct Glance(Table);

impl StateStore for Glance {
    type Key = usize;

    fn measure_and_replace<T, F, E>(&self, place: &usize, change: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        // A refusal is never written, so all that is decided is told as one.
        let decide = |at| Err::<(Infallible, Nanos), _>(change(at).map(|(decided, _)| decided));
        match self.0.measure_and_replace(place, decide) {
            Ok(never) => match never {},
            Err(decided) => decided,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(allowance: &Allowance, key: u64, now: Instant, times: usize) -> usize {
        (0..times).filter(|_| allowance.take(key, now)).count()
    }

    #[test]
    fn each_key_has_its_own_and_it_grows_again() {
        let start = Instant::now();
        let allowance = Allowance::new(5, start);
        assert_eq!(taken(&allowance, 1, start, 100), 50);
        assert_eq!(taken(&allowance, 2, start, 100), 50);
        assert_eq!(taken(&allowance, 1, start + Duration::from_secs(2), 100), 10);
        // A moment before it was made, as another thread may have read it, is the first.
        assert_eq!(taken(&allowance, 3, start - Duration::from_secs(9), 100), 50);
        let slow = Allowance::every(Duration::from_secs(60), 3, start);
        assert_eq!((taken(&slow, 1, start, 9), taken(&slow, 1, start + Duration::from_secs(61), 9)), (3, 1));
        assert_eq!(taken(&Allowance::new(0, start), 1, start, 10_000), 10_000);
    }

    #[test]
    fn a_glance_takes_nothing() {
        let start = Instant::now();
        let allowance = Allowance::new(5, start);
        assert!((0..1_000).all(|_| !allowance.is_spent(1_u64, start)));
        assert_eq!(taken(&allowance, 1, start, 49), 49);
        assert!(!allowance.is_spent(1_u64, start));
        assert_eq!(taken(&allowance, 1, start, 1), 1);
        assert!(allowance.is_spent(1_u64, start) && !allowance.is_spent(2_u64, start));
        // It says what the next taking says, at any time.
        for millis in 0..1_000 {
            let now = start + Duration::from_millis(millis);
            assert_eq!(allowance.is_spent(1_u64, now), !allowance.take(1_u64, now), "{millis}");
        }
        assert!(!Allowance::new(0, start).is_spent(1_u64, start));
    }

    #[test]
    fn any_number_of_keys_takes_the_same_room_and_spares_others() {
        let start = Instant::now();
        let allowance = Allowance::new(5, start);
        let room = allowance.limiter.as_ref().map(|limiter| format!("{limiter:?}").matches("InMemoryState").count());
        assert_eq!(room, Some(PLACES));
        // A crowd of a million, each with one request: nobody has done it all.
        let refused = (0..1_000_000_u64).filter(|key| !allowance.take(key, start)).count();
        assert!(refused < 1_000, "{refused}");
    }
}
