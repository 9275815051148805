//! What the redirector asks: links, keys, workspaces' decisions and permits that the test changes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use domain::{
    ApiKeyId, ApiKeyState, DaySalt, HostName, LinkAddress, Millis, PermitLease, ResolvedLink, SaltOfDay, ServedDomain, Wanted, WorkspaceId,
    WorkspacePolicy,
};
use redirector::{LinkSource, LinkSourceDown, PermitSource, PolicySource, SaltSource};
use tokio::sync::{Semaphore, watch};

use crate::fixture::NOON;

pub const DAY_MILLIS: i64 = 24 * 3_600 * 1_000;

/// While it is shut, a source answers nothing to those who ask for what it does not know.
#[derive(Debug)]
pub struct Door(watch::Sender<bool>);

impl Default for Door {
    fn default() -> Self {
        Self(watch::Sender::new(true))
    }
}

impl Door {
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    pub fn shut(&self) {
        self.0.send_replace(false);
    }

    /// What was found; nothing only once it is open.
    async fn pass<T>(&self, found: Option<T>) -> Option<T> {
        if found.is_none() {
            self.0.subscribe().wait_for(|open| *open).await.unwrap();
        }
        found
    }
}

/// Links that the test changes, and how often they were asked for.
#[derive(Debug, Default)]
pub struct Links {
    pub known: Mutex<HashMap<LinkAddress, ResolvedLink>>,
    pub domains: Mutex<HashMap<HostName, ServedDomain>>,
    pub down: AtomicBool,
    pub hangs: AtomicBool,
    pub strangers: Door,
    pub asked: AtomicUsize,
}

#[async_trait]
impl LinkSource for Links {
    async fn resolve(&self, address: &LinkAddress) -> Result<Option<ResolvedLink>, LinkSourceDown> {
        self.look().await?;
        let found = self.known.lock().unwrap().get(address).cloned();
        Ok(self.strangers.pass(found).await)
    }

    async fn domain(&self, host: &HostName) -> Result<Option<ServedDomain>, LinkSourceDown> {
        self.look().await?;
        let found = self.domains.lock().unwrap().get(host).cloned();
        Ok(self.strangers.pass(found).await)
    }
}

impl Links {
    async fn look(&self) -> Result<(), LinkSourceDown> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(20)).await;
        if self.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        if self.down.load(Ordering::SeqCst) { Err(LinkSourceDown("switched off".into())) } else { Ok(()) }
    }
}

/// Keys and workspaces' decisions that the test changes.
#[derive(Debug, Default)]
pub struct Policies {
    pub keys: Mutex<HashMap<ApiKeyId, ApiKeyState>>,
    pub workspaces: Mutex<HashMap<WorkspaceId, WorkspacePolicy>>,
    pub down: AtomicBool,
    pub strangers: Door,
    pub used: Mutex<Vec<ApiKeyId>>,
    pub asked: AtomicUsize,
}

impl Policies {
    fn answers(&self) -> Result<(), LinkSourceDown> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.down.load(Ordering::SeqCst) { Err(LinkSourceDown("switched off".into())) } else { Ok(()) }
    }
}

#[async_trait]
impl PolicySource for Policies {
    async fn api_key(&self, id: ApiKeyId) -> Result<Option<ApiKeyState>, LinkSourceDown> {
        self.answers()?;
        let found = self.keys.lock().unwrap().get(&id).cloned();
        Ok(self.strangers.pass(found).await)
    }

    async fn workspace_policy(&self, id: WorkspaceId) -> Result<WorkspacePolicy, LinkSourceDown> {
        self.answers()?;
        let found = self.workspaces.lock().unwrap().get(&id).cloned();
        Ok(self.strangers.pass(found).await.unwrap_or_else(|| WorkspacePolicy::undecided(id)))
    }

    async fn key_used(&self, id: ApiKeyId, _: Millis) {
        self.used.lock().unwrap().push(id);
    }
}

/// Salts of days in UTC: the day's number, so often.
#[derive(Debug, Default)]
pub struct Salts {
    pub down: AtomicBool,
    pub asked: Mutex<Vec<Millis>>,
}

impl Salts {
    pub fn of(at: Millis) -> DaySalt {
        DaySalt([(at.0 / DAY_MILLIS % 256) as u8; 32])
    }
}

#[async_trait]
impl SaltSource for Salts {
    async fn salt(&self, _: WorkspaceId, at: Millis) -> Result<Option<SaltOfDay>, LinkSourceDown> {
        if self.down.load(Ordering::SeqCst) {
            return Err(LinkSourceDown("switched off".into()));
        }
        self.asked.lock().unwrap().push(at);
        let from = Millis(at.0 / DAY_MILLIS * DAY_MILLIS);
        Ok(Some(SaltOfDay { salt: Self::of(at), from, until: from.plus(DAY_MILLIS) }))
    }
}

/// A counter of permits in memory, or the store's.
#[derive(Clone, Debug)]
pub enum Counter {
    Memory(Arc<Mutex<u32>>),
    /// One in memory that answers once it is let.
    Held(Arc<Mutex<u32>>, Arc<Semaphore>),
    /// One in memory that takes a while to answer, and grants as the store does.
    Slow(Arc<Mutex<u32>>, Duration),
    Store(store::Store),
    /// The store's, of whose next answers so many get lost.
    Losing(store::Store, Arc<AtomicUsize>),
    Down,
}

#[async_trait]
impl PermitSource for Counter {
    async fn lease(&self, lease: &PermitLease, wanted: Wanted) -> Result<u32, LinkSourceDown> {
        match self {
            Self::Held(left, answers) => {
                let _answer = answers.acquire().await.unwrap();
                Self::Memory(left.clone()).lease(lease, wanted).await
            }
            Self::Slow(left, after) => {
                tokio::time::sleep(*after).await;
                let mut left = left.lock().unwrap();
                let leased = wanted.of(*left);
                *left -= leased;
                Ok(leased)
            }
            Self::Memory(left) => {
                let mut left = left.lock().unwrap();
                let leased = wanted.at_most.min(*left);
                *left -= leased;
                Ok(leased)
            }
            Self::Store(store) => store.lease(lease, wanted, NOON).await.map_err(|error| LinkSourceDown(error.to_string())),
            Self::Losing(store, lost) => {
                let leased = Self::Store(store.clone()).lease(lease, wanted).await;
                if loses(lost) { Err(LinkSourceDown("the answer got lost".into())) } else { leased }
            }
            Self::Down => Err(LinkSourceDown("switched off".into())),
        }
    }

    async fn give_back(&self, lease: &PermitLease, unused: u32) -> Result<(), LinkSourceDown> {
        match self {
            Self::Memory(left) | Self::Held(left, _) | Self::Slow(left, _) => *left.lock().unwrap() += unused,
            Self::Store(store) => drop(store.return_permits(lease, unused).await.unwrap()),
            Self::Losing(store, lost) => {
                Self::Store(store.clone()).give_back(lease, unused).await?;
                if loses(lost) {
                    return Err(LinkSourceDown("the answer got lost".into()));
                }
            }
            Self::Down => return Err(LinkSourceDown("switched off".into())),
        }
        Ok(())
    }
}

fn loses(lost: &AtomicUsize) -> bool {
    lost.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}
