//! What was said of addresses lately, since visitors click more than once. Each thread has its own, so that nobody
//! waits.
//!
//! No address is kept: an entry is found by a hash of 64 bits under a key that each thread draws for itself, so that
//! one of a few thousand entries is taken for another's once in 10^15 questions.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::rc::Rc;

use domain::ReducedAddress;

/// Entries of a generation; of these there are two, and what was not asked for in one is forgotten with the next.
const GENERATION: usize = 4_096;

#[derive(Default)]
struct Cache {
    hasher: RandomState,
    /// Of which databases.
    databases: u64,
    young: HashMap<u64, Rc<ReducedAddress>>,
    old: HashMap<u64, Rc<ReducedAddress>>,
}

thread_local! {
    static CACHE: RefCell<Cache> = RefCell::default();
}

/// What `look_up` says of the address in these databases, now or before.
pub(super) fn remembered(databases: u64, ip: IpAddr, look_up: impl FnOnce() -> ReducedAddress) -> Rc<ReducedAddress> {
    CACHE.with_borrow_mut(|cache| cache.get(databases, ip, look_up))
}

impl Cache {
    fn get(&mut self, databases: u64, ip: IpAddr, look_up: impl FnOnce() -> ReducedAddress) -> Rc<ReducedAddress> {
        if self.databases != databases {
            *self = Self { databases, ..Self::default() };
        }
        let key = self.hasher.hash_one(ip);
        if let Some(reduced) = self.young.get(&key) {
            return reduced.clone();
        }
        let reduced = self.old.remove(&key).unwrap_or_else(|| Rc::new(look_up()));
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, reduced.clone());
        reduced
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(country: &str) -> ReducedAddress {
        ReducedAddress { place: domain::GeoPlace { country: Some(country.into()), ..Default::default() }, ..Default::default() }
    }

    #[test]
    fn what_is_asked_for_stays_until_the_databases_change() {
        let mut cache = Cache::default();
        let often = IpAddr::from([203, 0, 113, 9]);
        let mut reads = 0;
        for number in 0..20_000_u32 {
            for ip in [IpAddr::from(number.to_be_bytes()), often] {
                let reduced = cache.get(1, ip, || {
                    reads += u32::from(ip == often);
                    said("DE")
                });
                assert_eq!(*reduced, said("DE"));
            }
            assert!(cache.young.len() + cache.old.len() <= 2 * GENERATION);
        }
        assert_eq!(reads, 1);
        assert_eq!(*cache.get(2, often, || said("AT")), said("AT"));
    }
}
