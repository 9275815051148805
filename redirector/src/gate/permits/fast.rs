//! Permits are leased in the background, and visitors are led on meanwhile. What a redirector leads
//! on without a permit is its debt for the link. A debt is paid out of the next block, is never above
//! [`LimitMode::FAST_OVER`], and grows no more once the limit is known to be reached: so a limit is
//! passed by at most that for each redirector. Whoever comes while the debt is that high waits for the
//! next answer, as in strict mode.
//!
//! The first visitor of a link waits for an answer too, so that a process which has just started does not
//! pass a limit that is reached.
//!
//! So that hardly anybody else waits, a block is made to last for a while at the rate at which permits
//! were taken of late, and the next one is asked for when half of it is left.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::{LimitMode, LinkId, Millis, PermitLease, ResolvedLink, Wanted, WorkspaceId};
use futures_util::StreamExt as _;
use futures_util::stream::iter;
use tokio::sync::watch;

use super::{AT_ONCE, CLOSED_MILLIS, FORGOTTEN_MILLIS, LEASE_MILLIS, Leases, Permit};

/// How long a block should last: answers take tens of milliseconds, and are asked for at half of it.
const LASTS_MILLIS: i64 = 500;
/// How long a small one should, so that links with few clicks do not ask for each.
const SMALL_LASTS_MILLIS: i64 = 5_000;
const SMALL: i64 = 32;
/// How often debts are asked for at a stop: for an answer that got lost, and for all that was not in it.
const STOP_ROUNDS: usize = 2;
/// A block is at most so many times what was taken since the one before: two clicks within a
/// millisecond are no rate.
const GROWTH: u32 = 8;

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
    /// Whether it was asked for before, be it in vain.
    known: bool,
    /// Asked for without an answer: it may have been granted.
    asked: Option<Question>,
    asking: bool,
    /// Told of each answer; its receivers are those who wait for one.
    answered: watch::Sender<()>,
    /// More are asked for when so many are left.
    low: u32,
    /// Led on since a block was asked for, which was at `counted_from`.
    led_on: u32,
    counted_from: Millis,
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

    pub async fn take(&self, link: &ResolvedLink) -> Permit {
        loop {
            match self.take_now(link) {
                Ok(permit) => return permit,
                // An error is an account that is gone, and the next one begins anew.
                Err(mut answered) => drop(answered.changed().await),
            }
        }
    }

    /// Where there is none without waiting, what tells of the next answer.
    fn take_now(&self, link: &ResolvedLink) -> Result<Permit, watch::Receiver<()>> {
        let now = self.leases.clock.now();
        let mut accounts = self.accounts();
        let account = accounts.entry(link.id).or_insert_with(|| Account::new(link.workspace));
        account.used_at = now;
        let permit = account.take();
        // Before the question, which asks for those who wait too.
        let answered = permit.is_none().then(|| account.answered.subscribe());
        if account.may_ask(now) && account.left() <= account.low {
            let (this, question) = (self.clone(), account.question(link.id, &self.leases, now));
            self.leases.questions.spawn_on(async move { this.ask(question).await }, &self.leases.main);
        }
        match (permit, answered) {
            (None, Some(answered)) if account.asking => Err(answered),
            (permit, _) => Ok(permit.unwrap_or(Permit::CannotTell)),
        }
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
            (account.asking, account.known) = (false, true);
            match leased {
                Some(leased) => account.take_in(lease, leased, wanted, now),
                None => account.ask_from = now.plus(CLOSED_MILLIS),
            }
            account.answered.send_replace(());
        }
    }

    /// Pays debts of links that nobody asks for any more, and gives back what is not used in time; at
    /// the stop everything, with what an answer that got lost may have granted.
    pub async fn sweep(&self, stop: bool) {
        let now = self.leases.clock.now();
        // An answer that got lost is asked for again as it was, and may pay for less than was led on since.
        for _ in 0..if stop { STOP_ROUNDS } else { 1 } {
            let owed = |account: &Account| match stop {
                false => account.owes() && account.may_ask(now),
                true => account.owes() || account.asked.is_some(),
            };
            let owing: Vec<Question> = {
                let mut accounts = self.accounts();
                let owing = accounts.iter_mut().filter(|(_, account)| owed(account));
                owing.map(|(link, account)| account.question(*link, &self.leases, now)).collect()
            };
            if owing.is_empty() {
                break;
            }
            iter(owing).for_each_concurrent(AT_ONCE, |question| self.ask(question)).await;
        }
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
            known: false,
            asked: None,
            asking: false,
            answered: watch::Sender::new(()),
            low: 0,
            led_on: 0,
            counted_from: Millis(0),
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
    fn question(&mut self, link: LinkId, leases: &Leases, now: Millis) -> Question {
        self.asking = true;
        if let Some(asked) = self.asked {
            return asked;
        }
        let waiting = u32::try_from(self.answered.receiver_count()).unwrap_or(u32::MAX);
        let needed = self.debt.saturating_add(waiting);
        let ahead = lasting(self.led_on.saturating_add(waiting), now.0 - self.counted_from.0);
        (self.led_on, self.counted_from) = (0, now);
        let wanted = Wanted { at_least: needed, at_most: needed.saturating_add(ahead) }.bounded();
        *self.asked.insert((leases.block_of(link, self.workspace), wanted))
    }

    fn is_forgotten(&self, now: Millis) -> bool {
        // A debt that the limit leaves open is never paid.
        !self.owes() && self.blocks.is_empty() && now >= self.used_at.plus(FORGOTTEN_MILLIS)
    }

    fn left(&self) -> u32 {
        self.blocks.iter().map(|block| block.left).sum()
    }

    /// `None` while nothing is known, or the debt is as high as it may be.
    fn take(&mut self) -> Option<Permit> {
        if let Some(block) = self.blocks.front_mut() {
            block.left -= 1;
            self.blocks.pop_front_if(|block| block.left == 0);
        } else if self.reached {
            return Some(Permit::Refused);
        } else if self.known && self.debt < LimitMode::FAST_OVER {
            self.debt += 1;
        } else {
            return None;
        }
        self.led_on = self.led_on.saturating_add(1);
        Some(Permit::Granted)
    }

    /// Pays the debt out of a block, and keeps the rest.
    fn take_in(&mut self, lease: PermitLease, leased: u32, wanted: Wanted, now: Millis) {
        self.asked = None;
        self.reached = leased < wanted.at_least.max(1);
        if self.reached {
            self.ask_from = now.plus(CLOSED_MILLIS);
        }
        let paid = leased.min(self.debt);
        self.debt -= paid;
        self.low = (leased - paid) / 2;
        if leased > paid {
            self.blocks.push_back(Block { lease, left: leased - paid, until: now.plus(LEASE_MILLIS) });
        }
    }
}

/// How many permits last for a while, when so many were taken in so many milliseconds.
fn lasting(taken: u32, millis: i64) -> u32 {
    let last_for = |wanted: i64| i64::from(taken) * wanted / millis.max(1);
    let permits = last_for(LASTS_MILLIS).max(last_for(SMALL_LASTS_MILLIS).min(SMALL));
    u32::try_from(permits).unwrap_or(u32::MAX).min(taken.saturating_mul(GROWTH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_last_for_a_while_at_the_rate_seen() {
        // 10,000 a second; 10 a second; one in two seconds; one an hour.
        assert_eq!([lasting(2_500, 250), lasting(10, 1_000), lasting(3, 6_000), lasting(1, 3_600_000)], [5_000, 32, 2, 0]);
        // No rate is known of clicks at once.
        assert_eq!([lasting(1, 0), lasting(40, 1)], [8, 320]);
    }
}
