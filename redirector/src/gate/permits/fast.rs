//! Nobody waits: permits are leased in the background, and visitors are led on meanwhile. What a
//! redirector leads on without a permit is its debt for the link. A debt is paid out of the next
//! block, is never above [`LimitMode::FAST_OVER`], and grows no more once the limit is known to be
//! reached: so a limit is passed by at most that for each redirector.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::{LimitMode, LinkId, Millis, PermitLease, ResolvedLink, Wanted, WorkspaceId};
use futures_util::StreamExt as _;
use futures_util::stream::iter;

use super::{AT_ONCE, CLOSED_MILLIS, FORGOTTEN_MILLIS, LEASE_MILLIS, Leases, Permit};

#[derive(Clone, Copy, Debug)]
struct Block {
    lease: PermitLease,
    left: u32,
    until: Millis,
}

/// A link's account.
#[derive(Debug)]
struct Account {
    workspace: WorkspaceId,
    blocks: VecDeque<Block>,
    debt: u32,
    /// Whether the limit was reached when last asked for.
    reached: bool,
    /// Asked for without an answer: it may have been granted.
    asked: Option<Question>,
    asking: bool,
    /// How many to ask for next, beside what pays the debt.
    wanted: u32,
    /// Not asked before: the counter refused or did not answer.
    ask_from: Millis,
    used_at: Millis,
}

type Question = (PermitLease, Wanted);
type Accounts = HashMap<LinkId, Account>;

#[derive(Clone, Debug)]
pub(super) struct Fast {
    leases: Leases,
    accounts: Arc<Mutex<Accounts>>,
}

impl Fast {
    pub fn new(leases: Leases) -> Self {
        Self { leases, accounts: Arc::default() }
    }

    pub fn take(&self, link: &ResolvedLink) -> Permit {
        let now = self.leases.clock.now();
        let mut accounts = self.accounts();
        let account = accounts.entry(link.id).or_insert_with(|| Account::new(link.workspace));
        account.used_at = now;
        let permit = account.take();
        if account.may_ask(now) && account.left() <= account.wanted / 2 {
            let (this, question) = (self.clone(), account.question(link.id, &self.leases));
            self.leases.questions.spawn_on(async move { this.ask(question).await }, &self.leases.main);
        }
        permit
    }

    pub fn is_closed(&self, link: LinkId) -> bool {
        self.accounts().get(&link).is_some_and(|account| account.reached)
    }

    fn accounts(&self) -> MutexGuard<'_, Accounts> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask(&self, (lease, wanted): Question) {
        let leased = self.leases.lease(lease, wanted).await;
        let now = self.leases.clock.now();
        if let Some(account) = self.accounts().get_mut(&lease.link) {
            account.asking = false;
            match leased {
                Some(leased) => account.take_in(lease, leased, wanted, now),
                None => account.ask_from = now.plus(CLOSED_MILLIS),
            }
        }
    }

    /// Pays debts of links that nobody asks for any more, and gives back what is not used in time; at
    /// the stop everything, with what an answer that got lost may have granted.
    pub async fn sweep(&self, stop: bool) {
        let now = self.leases.clock.now();
        let owed = |account: &Account| match stop {
            false => account.owes() && account.may_ask(now),
            true => account.owes() || account.asked.is_some(),
        };
        let owing: Vec<Question> = {
            let mut accounts = self.accounts();
            let owing = accounts.iter_mut().filter(|(_, account)| owed(account));
            owing.map(|(link, account)| account.question(*link, &self.leases)).collect()
        };
        iter(owing).for_each_concurrent(AT_ONCE, |question| self.ask(question)).await;
        let mut over = Vec::new();
        for account in self.accounts().values_mut() {
            over.extend(std::iter::from_fn(|| account.blocks.pop_front_if(|block| stop || now >= block.until)));
        }
        iter(over).for_each_concurrent(AT_ONCE, |block| self.leases.give_back(block.lease, block.left)).await;
        self.accounts().retain(|_, account| account.asking || !account.is_forgotten(now));
    }
}

impl Account {
    fn new(workspace: WorkspaceId) -> Self {
        Self {
            workspace,
            blocks: VecDeque::new(),
            debt: 0,
            reached: false,
            asked: None,
            asking: false,
            wanted: 0,
            ask_from: Millis(0),
            used_at: Millis(0),
        }
    }

    fn may_ask(&self, now: Millis) -> bool {
        !self.asking && now >= self.ask_from
    }

    fn owes(&self) -> bool {
        self.debt > 0 && !self.reached
    }

    /// Begins to ask; the same again where an answer got lost.
    fn question(&mut self, link: LinkId, leases: &Leases) -> Question {
        self.asking = true;
        let wanted = Wanted { at_least: self.debt, at_most: self.debt + self.wanted }.bounded();
        *self.asked.get_or_insert_with(|| (leases.block_of(link, self.workspace), wanted))
    }

    fn is_forgotten(&self, now: Millis) -> bool {
        self.debt == 0 && self.blocks.is_empty() && now >= self.used_at.plus(FORGOTTEN_MILLIS)
    }

    fn left(&self) -> u32 {
        self.blocks.iter().map(|block| block.left).sum()
    }

    fn take(&mut self) -> Permit {
        if let Some(block) = self.blocks.front_mut() {
            block.left -= 1;
            self.blocks.pop_front_if(|block| block.left == 0);
            return Permit::Granted;
        }
        match () {
            () if self.reached => Permit::Refused,
            () if self.debt < LimitMode::FAST_OVER => {
                self.debt += 1;
                Permit::Granted
            }
            () => Permit::CannotTell,
        }
    }

    /// Pays the debt out of a block, and keeps the rest.
    fn take_in(&mut self, lease: PermitLease, leased: u32, wanted: Wanted, now: Millis) {
        self.asked = None;
        self.reached = leased < wanted.at_least;
        if self.reached {
            self.ask_from = now.plus(CLOSED_MILLIS);
        }
        // Used up, or nearly: the next one may be larger.
        self.wanted = (self.wanted * 2).clamp(1, Wanted::MOST);
        let paid = leased.min(self.debt);
        self.debt -= paid;
        if leased > paid {
            self.blocks.push_back(Block { lease, left: leased - paid, until: now.plus(LEASE_MILLIS) });
        }
    }
}
