//! Values of dimensions by number, for each workspace its own, so that cells need not spell them.
//!
//! A number is given under the lock of the workspace's head and never changes. What was committed may be
//! remembered by the process; what a transaction only just gave is not, until it has committed. A value that no cell
//! has any more is forgotten with its number, under the same lock; the head counts how often, so that nobody goes on
//! with what they remember from before.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::WorkspaceId;
use uuid::Uuid;

use super::Counting;
use super::cell::{Block, OTHER};
use super::facts::{Facts, LINK, TEXT_BLOCKS};

/// A value to be looked up: its block and text.
pub(crate) type Spelled = (Block, String);

/// The link that a value is.
pub(crate) fn link_of((block, text): &Spelled) -> Option<Uuid> {
    if *block == LINK { Uuid::try_parse(text).ok() } else { None }
}

/// The values that a process remembers, of all workspaces; about 100 bytes each.
const MOST_REMEMBERED: usize = 200_000;

#[derive(Debug, Default)]
struct Values {
    texts: HashMap<Block, HashMap<Box<str>, u64>>,
    links: HashMap<Uuid, u64>,
    len: usize,
}

impl Values {
    fn text(&self, block: Block, text: &str) -> Option<u64> {
        self.texts.get(&block)?.get(text).copied()
    }

    fn insert(&mut self, (block, text): Spelled, id: u64) {
        self.len += 1;
        match link_of(&(block, text.clone())) {
            Some(link) => drop(self.links.insert(link, id)),
            None => drop(self.texts.entry(block).or_default().insert(text.into_boxed_str(), id)),
        }
    }
}

type Shared = Arc<Mutex<Values>>;

/// What the process remembers, of each workspace since values were last forgotten.
#[derive(Clone, Debug, Default)]
pub(crate) struct ValueCache(Arc<Mutex<HashMap<WorkspaceId, (i64, Shared)>>>);

impl ValueCache {
    fn of(&self, workspace: WorkspaceId, forgotten: i64) -> Shared {
        let mut workspaces = lock(&self.0);
        if workspaces.values().map(|(_, values)| lock(values).len).sum::<usize>() > MOST_REMEMBERED {
            workspaces.clear();
        }
        let (known, values) = workspaces.entry(workspace).or_insert_with(|| (forgotten, Shared::default()));
        if *known < forgotten {
            (*known, *values) = (forgotten, Shared::default());
        }
        // Whoever read the head long ago shares with nobody.
        if *known == forgotten { values.clone() } else { Shared::default() }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The numbers that one transaction needs of a workspace's values.
#[derive(Debug)]
pub(crate) struct Interner {
    known: Shared,
    /// Read or given in this transaction.
    own: Values,
    learned: Vec<(Spelled, u64)>,
    next: i64,
}

impl Interner {
    /// `next` is the first number that was not given yet, `forgotten` how often values were forgotten.
    pub fn new(cache: &ValueCache, workspace: WorkspaceId, (next, forgotten): (i64, i64)) -> Self {
        Self { known: cache.of(workspace, forgotten), own: Values::default(), learned: Vec::new(), next: next.max(OTHER as i64 + 1) }
    }

    /// What of these clicks' values is to be looked up, in a fixed order.
    pub fn missing<'a>(&self, clicks: impl Iterator<Item = &'a Facts<'a>>, counting: &Counting) -> Vec<Spelled> {
        let mut missing = BTreeSet::new();
        for facts in clicks.filter(|facts| facts.is_counted) {
            if self.link(facts.link).is_none() {
                missing.insert((LINK, facts.link.to_string()));
            }
            let texts = TEXT_BLOCKS.into_iter().zip(&facts.texts).filter_map(|(block, text)| Some((block, text.as_deref()?)));
            for (block, text) in texts.chain(counting.parameters_of(facts)) {
                if self.text(block, text).is_none() {
                    missing.insert((block, text.to_owned()));
                }
            }
        }
        missing.into_iter().collect()
    }

    /// Notes what a value's number is.
    pub fn learn(&mut self, value: Spelled, id: u64) {
        self.own.insert(value.clone(), id);
        self.learned.push((value, id));
    }

    /// Numbers for values that have none.
    #[must_use]
    pub fn give(&mut self, values: Vec<Spelled>) -> Vec<(Spelled, i64)> {
        let given: Vec<(Spelled, i64)> = values.into_iter().zip(self.next..).collect();
        self.next += i64::try_from(given.len()).unwrap_or_default();
        for (value, id) in &given {
            self.learn(value.clone(), id.unsigned_abs());
        }
        given
    }

    /// Counts a value with the others in this transaction.
    pub fn leave_out(&mut self, value: Spelled) {
        self.own.insert(value, OTHER);
    }

    /// The first number that is not given now.
    pub fn next(&self) -> i64 {
        self.next
    }

    pub fn text(&self, block: Block, text: &str) -> Option<u64> {
        lock(&self.known).text(block, text).or_else(|| self.own.text(block, text))
    }

    pub fn link(&self, link: Uuid) -> Option<u64> {
        lock(&self.known).links.get(&link).or_else(|| self.own.links.get(&link)).copied()
    }

    /// To be called once the transaction has committed.
    pub fn remember(self) {
        let mut known = lock(&self.known);
        for (value, id) in self.learned {
            known.insert(value, id);
        }
    }
}
