//! The clicks of the last seconds of one workspace, by visitor. Nothing in it says who a visitor is: they
//! are told apart by hashes that no other process can make.

use std::collections::{HashMap, VecDeque};

use domain::{ClickId, LinkId, Millis, Seq, Verdict, VerdictReason};
use enrich::{Crowd, Neighbour, REACH_MILLIS, beside, patterns};

pub(super) type Judgement = (Verdict, VerdictReason);

/// A click that is remembered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub id: ClickId,
    pub link: LinkId,
    pub crowd: Crowd,
    /// What it is by itself.
    pub alone: Judgement,
    /// What it is stored as, if it is stored.
    pub stored: Option<Judgement>,
}

/// What a click is among those beside it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub id: ClickId,
    pub judgement: Judgement,
    pub stored: Option<Judgement>,
}

#[derive(Debug, Default)]
pub(super) struct Memory {
    /// The last place of storage that is known here; `None` before anything was read.
    pub head: Option<Seq>,
    /// Every stored click from then on whose visitor can be told is remembered.
    pub whole_from: Millis,
    /// When the latest one happened, by no clock that is ahead of ours.
    pub newest: Millis,
    /// Whether something that is stored may be another thing by now.
    pub is_unsettled: bool,
    /// When anything was last asked of it.
    pub touched: Millis,
    visitors: HashMap<u64, Vec<Known>>,
    /// About in the order of time.
    order: VecDeque<(Millis, u64)>,
}

impl Memory {
    /// Of a click that is there already only what is new of it is taken.
    pub fn put(&mut self, visitor: u64, click: Known, now: Millis) {
        let clicks = self.visitors.entry(visitor).or_default();
        match clicks.binary_search_by_key(&click.id, |known| known.id) {
            Ok(place) => clicks[place].stored = click.stored.or(clicks[place].stored),
            Err(place) => {
                clicks.insert(place, click);
                let at = click.id.made_at();
                self.newest = self.newest.max(at.min(now));
                self.order.push_back((at, visitor));
            }
        }
    }

    pub fn get(&mut self, visitor: u64, id: ClickId) -> Option<&mut Known> {
        let clicks = self.visitors.get_mut(&visitor)?;
        let place = clicks.binary_search_by_key(&id, |known| known.id).ok()?;
        Some(&mut clicks[place])
    }

    pub fn remove(&mut self, visitor: u64, id: ClickId) {
        if let Some(clicks) = self.visitors.get_mut(&visitor) {
            clicks.retain(|known| known.id != id);
        }
    }

    /// What a visitor's clicks are that lie near enough to one of `times` to depend on it.
    pub fn near(&self, visitor: u64, times: &[Millis]) -> Vec<Found> {
        let Some(clicks) = self.visitors.get(&visitor) else { return Vec::new() };
        let neighbour = |known: &Known| Neighbour { at: known.id.made_at(), link: known.link, crowd: known.crowd };
        let found = patterns(&clicks.iter().map(neighbour).collect::<Vec<_>>());
        let is_near = |known: &Known| times.iter().any(|time| (time.0 - known.id.made_at().0).abs() <= REACH_MILLIS);
        let near = clicks.iter().zip(found).filter(|(known, _)| is_near(known));
        near.map(|(known, pattern)| Found { id: known.id, judgement: beside(known.alone, pattern), stored: known.stored }).collect()
    }

    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Forgets what happened before.
    pub fn forget_before(&mut self, at: Millis) {
        while let Some((_, visitor)) = self.order.front().copied().filter(|(time, _)| *time < at) {
            self.order.pop_front();
            if let Some(clicks) = self.visitors.get_mut(&visitor) {
                clicks.retain(|known| known.id.made_at() >= at);
                if clicks.is_empty() {
                    self.visitors.remove(&visitor);
                }
            }
        }
    }

    /// Forgets so many, the oldest first.
    pub fn forget_first(&mut self, count: usize) {
        if let Some((at, _)) = self.order.get(count.min(self.order.len().saturating_sub(1))).copied() {
            self.forget_before(at);
        }
    }

    /// Forgets every click, and knows that it does.
    pub fn forget_all(&mut self) {
        self.visitors = HashMap::new();
        self.order = VecDeque::new();
        self.whole_from = self.whole_from.max(self.newest.plus(1));
    }
}
