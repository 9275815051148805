//! Passwords of links: argon2id off the redirect's threads, two at a time, and few attempts for
//! each link and network.
//!
//! Guesses of many networks together are bounded for each link too. So that nobody locks a link for
//! everybody with them, those who are not known to guess go first: half of a link's attempts, and
//! one of the two turns, are never given to a network whose last attempts were not right.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::{LinkId, Millis, PasswordHash};
use platform::{Clock, is_password};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Attempts of one network at one link in one window.
const ATTEMPTS: u32 = 5;
/// Wrong ones of all networks at one link in one window: a crowd of networks guesses no faster.
const ATTEMPTS_OF_LINK: u32 = 100;
/// How many of those may be of networks that have guessed.
const ATTEMPTS_OF_GUESSERS: u32 = 50;
const WINDOW_MILLIS: i64 = 60_000;
/// How long a network has guessed, after its last attempt that was not right.
const GUESSER_MILLIS: i64 = 300_000;
/// Links and networks that are remembered. When there are more, guessers are forgotten as soon as
/// their windows end, and those above that are refused until some window does.
const MOST_NETWORKS: usize = 20_000;
/// Stands for all networks in one; no network is called so.
const EVERYBODY: &str = "";
const AT_ONCE: usize = 2;
/// How many of those turns, and of the places in front of them, guessers may have.
const GUESSERS_AT_ONCE: usize = 1;
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

/// Attempts that were not right, or are being looked at.
#[derive(Clone, Copy, Debug)]
struct Attempts {
    count: u32,
    /// When the window ends.
    until: Millis,
    last: Millis,
}

type Networks = HashMap<(LinkId, String), Attempts>;

#[derive(Clone, Debug)]
pub(super) struct Passwords {
    clock: Clock,
    main: Handle,
    turns: Arc<Semaphore>,
    turns_of_guessers: Arc<Semaphore>,
    networks: Arc<Mutex<Networks>>,
}

/// Held while a password is looked at; a guesser's also while it waits for that.
#[derive(Debug)]
struct Turn {
    _turn: OwnedSemaphorePermit,
    _of_guesser: Option<OwnedSemaphorePermit>,
}

impl Passwords {
    pub fn new(clock: Clock) -> Self {
        let turns = |count| Arc::new(Semaphore::new(count));
        Self { clock, main: Handle::current(), turns: turns(AT_ONCE), turns_of_guessers: turns(GUESSERS_AT_ONCE), networks: Arc::default() }
    }

    pub async fn check(&self, link: LinkId, network: &str, password: String, hash: &PasswordHash) -> Tried {
        let (key, all) = ((link, network.to_owned()), (link, EVERYBODY.to_owned()));
        if self.has_spent(&key, ATTEMPTS) || self.has_spent(&all, self.most_of_link(&key)) {
            return Tried::TooOften;
        }
        let Ok(Some(turn)) = tokio::time::timeout(PATIENCE, self.turn(&key)).await else { return Tried::Busy };
        // Counted with the turn, so that those who wait for theirs spend nothing.
        let most_of_link = self.most_of_link(&key);
        if self.has_spent(&all, most_of_link) || !self.may_try(&key, ATTEMPTS) || !self.may_try(&all, most_of_link) {
            return Tried::TooOften;
        }
        let hash = hash.0.clone();
        let work = move || {
            let _turn = turn;
            is_password(password.as_bytes(), &hash).unwrap_or(false)
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

    /// Those who are not known to guess find at most one before them who is.
    async fn turn(&self, key: &(LinkId, String)) -> Option<Turn> {
        let of_guesser = match self.has_guessed(key) {
            true => Some(self.turns_of_guessers.clone().acquire_owned().await.ok()?),
            false => None,
        };
        Some(Turn { _turn: self.turns.clone().acquire_owned().await.ok()?, _of_guesser: of_guesser })
    }

    fn networks(&self) -> MutexGuard<'_, Networks> {
        self.networks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the network's last attempt at the link was not right, not long ago.
    fn has_guessed(&self, key: &(LinkId, String)) -> bool {
        let now = self.clock.now();
        self.networks().get(key).is_some_and(|attempts| now < attempts.last.plus(GUESSER_MILLIS))
    }

    /// How many attempts at its link there may have been for this network to have another.
    fn most_of_link(&self, key: &(LinkId, String)) -> u32 {
        if self.has_guessed(key) { ATTEMPTS_OF_GUESSERS } else { ATTEMPTS_OF_LINK }
    }

    fn has_spent(&self, key: &(LinkId, String), most: u32) -> bool {
        let now = self.clock.now();
        self.networks().get(key).is_some_and(|attempts| now < attempts.until && attempts.count >= most)
    }

    /// Counts an attempt before it costs anything.
    fn may_try(&self, key: &(LinkId, String), most: u32) -> bool {
        let (now, mut networks) = (self.clock.now(), self.networks());
        if networks.len() >= MOST_NETWORKS && !networks.contains_key(key) {
            networks.retain(|_, attempts| now < attempts.last.plus(GUESSER_MILLIS));
            if networks.len() >= MOST_NETWORKS {
                networks.retain(|_, attempts| now < attempts.until);
            }
            if networks.len() >= MOST_NETWORKS {
                return false;
            }
        }
        let fresh = Attempts { count: 0, until: now.plus(WINDOW_MILLIS), last: now };
        let attempts = networks.entry(key.clone()).or_insert(fresh);
        if now >= attempts.until {
            *attempts = fresh;
        }
        attempts.count = attempts.count.saturating_add(1);
        attempts.last = now;
        attempts.count <= most
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn whoever_has_not_guessed_passes_those_who_have() {
        let passwords = Passwords::new(Clock::manual(Millis(1)));
        let key = |network: &str| (LinkId::new(Millis(1), [1; 10]), network.to_owned());
        let (guesser, stranger) = (key("198.51.100.0/24"), key("203.0.113.0/24"));
        assert!(passwords.may_try(&guesser, ATTEMPTS));
        let held = passwords.turns.clone().acquire_many_owned(2).await.unwrap();
        let mut guessers = [pin!(passwords.turn(&guesser)), pin!(passwords.turn(&guesser)), pin!(passwords.turn(&guesser))];
        assert!(guessers.iter_mut().all(|guesser| guesser.as_mut().now_or_never().is_none()));
        let mut other = pin!(passwords.turn(&stranger));
        assert!(other.as_mut().now_or_never().is_none());
        drop(held);
        let turn = other.as_mut().now_or_never();
        assert!(turn.as_ref().is_some_and(Option::is_some));
        let turns: Vec<_> = guessers.iter_mut().map(|guesser| guesser.as_mut().now_or_never()).collect();
        assert_eq!(turns.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false, false]);
    }
}
