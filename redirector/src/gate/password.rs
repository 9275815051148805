//! Passwords of links: argon2id off the redirect's threads, two at a time, and few attempts for
//! each link and network.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::PasswordVerifier;
use argon2::password_hash::phc::PasswordHash as Phc;
use domain::{LinkId, Millis, PasswordHash};
use platform::Clock;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

/// Attempts of one network at one link in one window.
const ATTEMPTS: u32 = 5;
/// Wrong ones of all networks at one link in one window: a crowd of networks guesses no faster.
const ATTEMPTS_OF_LINK: u32 = 50;
const WINDOW_MILLIS: i64 = 60_000;
/// Links and networks that are remembered; those above are refused until some window ends.
const MOST_NETWORKS: usize = 20_000;
/// Stands for all networks in one; no network is called so.
const EVERYBODY: &str = "";
const AT_ONCE: usize = 2;
/// How long an attempt waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tried {
    Nothing,
    Right,
    Wrong,
    TooOften,
    Busy,
}

#[derive(Clone, Copy, Debug)]
struct Attempts {
    count: u32,
    until: Millis,
}

type Networks = HashMap<(LinkId, String), Attempts>;

#[derive(Clone, Debug)]
pub(super) struct Passwords {
    clock: Clock,
    main: Handle,
    turns: Arc<Semaphore>,
    networks: Arc<Mutex<Networks>>,
}

impl Passwords {
    pub fn new(clock: Clock) -> Self {
        Self { clock, main: Handle::current(), turns: Arc::new(Semaphore::new(AT_ONCE)), networks: Arc::default() }
    }

    pub async fn check(&self, link: LinkId, network: &str, password: String, hash: &PasswordHash) -> Tried {
        let (key, all) = ((link, network.to_owned()), (link, EVERYBODY.to_owned()));
        if self.has_spent(&key, ATTEMPTS) || self.has_spent(&all, ATTEMPTS_OF_LINK) {
            return Tried::TooOften;
        }
        let Ok(Ok(turn)) = tokio::time::timeout(PATIENCE, self.turns.clone().acquire_owned()).await else { return Tried::Busy };
        // Counted with the turn, so that those who wait for theirs spend nothing.
        if !self.may_try(&key, ATTEMPTS) || !self.may_try(&all, ATTEMPTS_OF_LINK) {
            return Tried::TooOften;
        }
        let hash = hash.0.clone();
        let work = move || {
            let _turn = turn;
            let Ok(hash) = Phc::new(&hash) else { return false };
            Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
        };
        match self.main.spawn_blocking(work).await {
            Ok(true) => {
                let mut networks = self.networks();
                networks.remove(&key);
                if let Some(attempts) = networks.get_mut(&all) {
                    attempts.count = attempts.count.saturating_sub(1);
                }
                Tried::Right
            }
            Ok(false) => Tried::Wrong,
            Err(_) => Tried::Busy,
        }
    }

    fn networks(&self) -> std::sync::MutexGuard<'_, Networks> {
        self.networks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_spent(&self, key: &(LinkId, String), most: u32) -> bool {
        let now = self.clock.now();
        self.networks().get(key).is_some_and(|attempts| now < attempts.until && attempts.count >= most)
    }

    /// Counts an attempt before it costs anything.
    fn may_try(&self, key: &(LinkId, String), most: u32) -> bool {
        let (now, mut networks) = (self.clock.now(), self.networks());
        if networks.len() >= MOST_NETWORKS {
            networks.retain(|_, attempts| now < attempts.until);
            if networks.len() >= MOST_NETWORKS && !networks.contains_key(key) {
                return false;
            }
        }
        let fresh = Attempts { count: 0, until: now.plus(WINDOW_MILLIS) };
        let attempts = networks.entry(key.clone()).or_insert(fresh);
        if now >= attempts.until {
            *attempts = fresh;
        }
        attempts.count = attempts.count.saturating_add(1);
        attempts.count <= most
    }
}
