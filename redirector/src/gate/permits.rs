//! Permits of links whose clicks are limited. A block is leased from the one counter of the link,
//! handed out in memory, and given back when it is not used up in time. A link that is clicked a
//! lot gets larger blocks, and the counter makes them smaller near the limit. What a process that
//! dies still held stays unused: the limit may be reached early, never passed.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::{LinkId, Millis};
use platform::Clock;
use tokio::runtime::Handle;
use tokio::sync::Mutex as AsyncMutex;
use tokio_util::sync::CancellationToken;

use crate::PermitSource;

/// How long a block is handed out from.
const LEASE_MILLIS: i64 = 10_000;
/// How long a counter that refused or did not answer is not asked again.
const CLOSED_MILLIS: i64 = 1_000;
/// How long a block that nobody asks for is remembered.
const FORGOTTEN_MILLIS: i64 = 3_600_000;
const LARGEST: u32 = 256;
const SWEEP: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Permit {
    Granted,
    /// The limit is reached.
    Refused,
    /// The counter does not answer.
    CannotTell,
}

#[derive(Debug)]
struct Block {
    left: u32,
    /// How many to ask for next.
    wanted: u32,
    until: Millis,
    /// The last answer that was no permit, and until when it is given without asking again.
    closed: Option<(Millis, Permit)>,
}

type Blocks = HashMap<LinkId, Arc<AsyncMutex<Block>>>;

/// Clones share the blocks.
#[derive(Clone, Debug)]
pub(crate) struct Permits {
    source: Arc<dyn PermitSource>,
    clock: Clock,
    main: Handle,
    blocks: Arc<Mutex<Blocks>>,
}

impl Permits {
    pub fn new(source: Arc<dyn PermitSource>, clock: Clock) -> Self {
        Self { source, clock, main: Handle::current(), blocks: Arc::default() }
    }

    /// Whoever comes meanwhile waits, so that a link is leased for once at a time.
    pub async fn take(&self, link: LinkId) -> Permit {
        let block = self.block(link);
        let mut block = block.lock().await;
        let permit = self.look(link, &mut block).await;
        if permit == Permit::Granted {
            block.left = block.left.saturating_sub(1);
        }
        permit
    }

    /// Whether there is a permit, for a request that needs none of its own.
    pub async fn is_open(&self, link: LinkId) -> Permit {
        let block = self.block(link);
        let mut block = block.lock().await;
        self.look(link, &mut block).await
    }

    /// Granted with at least one permit in the block.
    async fn look(&self, link: LinkId, block: &mut Block) -> Permit {
        let now = self.clock.now();
        if let Some((_, answer)) = block.closed.filter(|(until, _)| now < *until) {
            return answer;
        }
        if now >= block.until {
            self.retire(link, block).await;
        }
        if block.left == 0 {
            match self.lease(link, block.wanted).await {
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
        let new = || Arc::new(AsyncMutex::new(Block { left: 0, wanted: 1, until: Millis(0), closed: None }));
        self.blocks().entry(link).or_insert_with(new).clone()
    }

    async fn lease(&self, link: LinkId, wanted: u32) -> Option<u32> {
        let source = self.source.clone();
        let task = self.main.spawn(async move { tokio::time::timeout(TIMEOUT, source.lease(link, wanted)).await });
        match task.await {
            Ok(Ok(Ok(leased))) => Some(leased),
            Ok(Ok(Err(error))) => {
                tracing::warn!(%error, "permits of a link with a limit cannot be leased");
                None
            }
            Ok(Err(_)) | Err(_) => None,
        }
    }

    /// Ends a block whose time is over.
    async fn retire(&self, link: LinkId, block: &mut Block) {
        let unused = std::mem::take(&mut block.left);
        if unused == 0 {
            return;
        }
        block.wanted = (block.wanted / 2).max(1);
        let source = self.source.clone();
        let task = self.main.spawn(async move { tokio::time::timeout(TIMEOUT, source.give_back(link, unused)).await });
        if !matches!(task.await, Ok(Ok(Ok(())))) {
            tracing::warn!(unused, "unused permits of a link could not be given back; its limit is reached earlier");
        }
    }

    /// Gives back what is not used in time, and everything at the stop.
    pub async fn sweep(self, stopping: CancellationToken) -> Result<(), Infallible> {
        loop {
            let stop = tokio::select! {
                () = tokio::time::sleep(SWEEP) => false,
                () = stopping.cancelled() => true,
            };
            let held: Vec<_> = self.blocks().iter().map(|(link, block)| (*link, block.clone())).collect();
            for (link, block) in held {
                let mut block = block.lock().await;
                if stop || self.clock.now() >= block.until {
                    self.retire(link, &mut block).await;
                }
            }
            if stop {
                return Ok(());
            }
            self.forget();
        }
    }

    fn forget(&self) {
        let now = self.clock.now();
        let idle = |block: &Block| block.left == 0 && now >= block.until.plus(FORGOTTEN_MILLIS);
        self.blocks().retain(|_, block| Arc::strong_count(block) > 1 || !block.try_lock().is_ok_and(|block| idle(&block)));
    }
}

impl Block {
    fn fill(&mut self, leased: u32, now: Millis) {
        // Used up before its time: the next one may be larger.
        if now < self.until {
            self.wanted = (self.wanted * 2).min(LARGEST);
        }
        self.left = leased;
        self.closed = None;
        self.until = now.plus(LEASE_MILLIS);
    }

    fn close(&mut self, now: Millis, answer: Permit) -> Permit {
        self.closed = Some((now.plus(CLOSED_MILLIS), answer));
        self.until = self.until.max(now);
        answer
    }
}
