//! Never over the limit: whoever has no permit waits for one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::{LinkId, Millis, PermitLease, ResolvedLink, Wanted};
use futures_util::StreamExt as _;
use futures_util::stream::iter;
use tokio::sync::Mutex as AsyncMutex;

use super::{AT_ONCE, CLOSED_MILLIS, FORGOTTEN_MILLIS, LEASE_MILLIS, Leases, Permit};

/// The largest block. Such a one may have seconds to be used up, while others find it gone.
const MOST: u32 = 256;

#[derive(Debug, Default)]
struct Block {
    /// What is handed out from.
    lease: Option<PermitLease>,
    left: u32,
    /// Asked for without an answer: it may have been granted.
    asked: Option<PermitLease>,
    /// How many to ask for next; 0 before the first time.
    wanted: u32,
    until: Millis,
    /// How long machines are led on without asking again.
    open_until: Millis,
    /// The last answer that was no permit, and until when it is given without asking again.
    closed: Option<(Millis, Permit)>,
}

type Blocks = HashMap<LinkId, Arc<AsyncMutex<Block>>>;

#[derive(Clone, Debug)]
pub(super) struct Strict {
    leases: Leases,
    blocks: Arc<Mutex<Blocks>>,
}

impl Strict {
    pub fn new(leases: Leases) -> Self {
        Self { leases, blocks: Arc::default() }
    }

    /// Whoever comes meanwhile waits, so that a link is leased for once at a time.
    pub async fn take(&self, link: &ResolvedLink) -> Permit {
        let block = self.block(link.id);
        let mut block = block.lock().await;
        let permit = self.look(link, &mut block).await;
        if permit == Permit::Granted {
            block.left -= 1;
        }
        permit
    }

    /// Whether there is a permit, for a request that needs none of its own. One that had to be asked
    /// for goes back at once, so that people elsewhere find it.
    pub async fn is_open(&self, link: &ResolvedLink) -> Permit {
        let block = self.block(link.id);
        let mut block = block.lock().await;
        let now = self.leases.clock.now();
        if now < block.open_until {
            return Permit::Granted;
        }
        let is_held = block.left > 0 && now < block.until;
        let permit = self.look(link, &mut block).await;
        if permit == Permit::Granted && !is_held {
            block.open_until = now.plus(CLOSED_MILLIS);
            block.until = now;
            self.retire(&mut block).await;
        }
        permit
    }

    /// Granted with at least one permit in the block.
    async fn look(&self, link: &ResolvedLink, block: &mut Block) -> Permit {
        let now = self.leases.clock.now();
        if let Some((_, answer)) = block.closed.filter(|(until, _)| now < *until) {
            return answer;
        }
        if now >= block.until {
            self.retire(block).await;
        }
        if block.left == 0 {
            let asked = *block.asked.get_or_insert_with(|| self.leases.block_of(link.id, link.workspace));
            match self.leases.lease(asked, Wanted { at_least: 1, at_most: block.wanted.max(1) }).await {
                Some(0) => return block.close(now, Permit::Refused),
                None => return block.close(now, Permit::CannotTell),
                Some(leased) => block.fill(leased, now),
            }
        }
        Permit::Granted
    }

    fn blocks(&self) -> std::sync::MutexGuard<'_, Blocks> {
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn block(&self, link: LinkId) -> Arc<AsyncMutex<Block>> {
        self.blocks().entry(link).or_default().clone()
    }

    /// Ends a block whose time is over.
    async fn retire(&self, block: &mut Block) {
        let unused = std::mem::take(&mut block.left);
        let Some(lease) = block.lease.take().filter(|_| unused > 0) else { return };
        block.wanted = (block.wanted / 2).max(1);
        self.leases.give_back(lease, unused).await;
    }

    pub async fn sweep(&self, stop: bool) {
        let held: Vec<_> = self.blocks().values().cloned().collect();
        iter(held)
            .for_each_concurrent(AT_ONCE, async |block| {
                let mut block = block.lock().await;
                if stop || self.leases.clock.now() >= block.until {
                    self.retire(&mut block).await;
                }
                // Nobody has come to ask for it again; if it was granted, nothing of it was used.
                if let Some(asked) = block.asked.take_if(|_| stop) {
                    self.leases.give_back(asked, u32::MAX).await;
                }
            })
            .await;
        self.forget();
    }

    fn forget(&self) {
        let now = self.leases.clock.now();
        let idle = |block: &Block| block.left == 0 && now >= block.until.plus(FORGOTTEN_MILLIS);
        self.blocks().retain(|_, block| Arc::strong_count(block) > 1 || !block.try_lock().is_ok_and(|block| idle(&block)));
    }
}

impl Block {
    fn fill(&mut self, leased: u32, now: Millis) {
        // Used up before its time: the next one may be larger.
        if now < self.until {
            self.wanted = (self.wanted.max(1) * 2).min(MOST);
        }
        self.lease = self.asked.take();
        self.left = leased;
        self.closed = None;
        self.until = now.plus(LEASE_MILLIS);
    }

    fn close(&mut self, now: Millis, answer: Permit) -> Permit {
        self.closed = Some((now.plus(CLOSED_MILLIS), answer));
        self.open_until = now;
        self.until = self.until.max(now);
        answer
    }
}
