//! Clicks judged by those beside them (`enrich::patterns`), those of other batches, workers and deliveries
//! included.
//!
//! A lane remembers the clicks of the last seconds, so that a batch is judged before it is stored. What it
//! cannot remember it reads: the last seconds stored when it first meets a workspace, the seconds around a
//! click that comes late, and what others have stored since, which the head of the workspace tells. All
//! that is asked before the frames are acked, so whoever stores the last click of a burst, or is delivered
//! it again after a death, sees all of the burst and settles it.

mod memory;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};

use domain::{Address, CapturedClick, Click, ClickId, JudgedClick, Millis, WorkspaceId};
use enrich::{Crowd, RULES_VERSION, SIGHT_MILLIS, alone_again, is_neighbour};
use platform::visitor_network;
use store::{Incoming, IngestReport, JudgedRange, Rejudged, Store, StoreError};

use memory::{Known, Memory};

/// Remembered of a workspace: what a click may depend on, and as much more as clicks usually come late.
const REMEMBERED_MILLIS: i64 = SIGHT_MILLIS + 4_000;
/// What nobody has added to for so long is forgotten.
const IDLE_MILLIS: i64 = 10_000;
/// Clicks that a lane remembers, some 80 bytes each; above it they are forgotten sooner.
const MOST_CLICKS: usize = 65_536;
/// Workspaces of which a lane knows where it was.
const MOST_WORKSPACES: usize = 16_384;
/// Clicks that are read at once; of a denser crowd the newest.
const MOST_READ: u64 = 20_000;
/// Late clicks so near to each other are read around in one go.
const GAP_MILLIS: i64 = 10_000;

/// Tells a visitor from others, in this process only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Who {
    visitor: u64,
    crowd: Crowd,
}

/// What one lane remembers.
#[derive(Debug, Default)]
pub(crate) struct Neighbours {
    hasher: RandomState,
    memories: HashMap<WorkspaceId, Memory>,
    tidied: Millis,
}

impl Neighbours {
    /// Who a click is of, as far as those beside it go; `click` has its visitor already. A visitor who is
    /// not to be told from others is known by address and browser for these seconds and here only: nothing
    /// of it is written but the verdict.
    pub fn who(&self, captured: &CapturedClick, click: &Click) -> Option<Who> {
        if !is_neighbour(click.outcome, click.verdict, click.signals) {
            return None;
        }
        let visitor = match (&click.visitor, &captured.address) {
            (Some(visitor), _) => self.by_key(&visitor.key),
            (None, Address::Full(ip)) => self.hasher.hash_one((visitor_network(ip.to_canonical()), captured.user_agent.as_deref())),
            (None, _) => return None,
        };
        Some(Who { visitor, crowd: Crowd::of_captured(&captured.address, click.system.as_ref().map(|system| system.number)) })
    }

    fn by_key(&self, key: &str) -> u64 {
        self.hasher.hash_one(key)
    }

    /// Gives the clicks of a batch their verdicts among those beside them, as far as is known by now.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn judge(&mut self, store: &Store, clicks: &mut [Incoming], who: &[Option<Who>], now: Millis) -> Result<(), StoreError> {
        for (workspace, members) in by_workspace(clicks, who) {
            let times: Vec<Millis> = members.iter().map(|(index, _)| clicks[*index].click.occurred_at()).collect();
            self.recall(store, workspace, &times, now).await?;
            let Some(memory) = self.memories.get_mut(&workspace) else { continue };
            for (index, Who { visitor, crowd }) in &members {
                let click = &clicks[*index].click;
                let alone = (click.verdict, click.verdict_reason);
                memory.put(*visitor, Known { id: click.id, link: click.link, crowd: *crowd, alone, stored: None }, now);
            }
            let places: HashMap<ClickId, usize> = members.iter().map(|(index, _)| (clicks[*index].click.id, *index)).collect();
            for (visitor, times) in by_visitor(clicks, &members) {
                for found in memory.near(visitor, &times) {
                    memory.is_unsettled |= found.stored.is_some_and(|stored| stored != found.judgement);
                    if let Some(index) = places.get(&found.id) {
                        let click = &mut clicks[*index].click;
                        (click.verdict, click.verdict_reason) = found.judgement;
                    }
                }
            }
        }
        Ok(())
    }

    /// Once a batch is stored, judges again what is stored beside its clicks and is something else by now.
    /// How many those were.
    ///
    /// # Errors
    /// When the database does not answer; the same batch given again completes it.
    pub async fn settle(
        &mut self,
        store: &Store,
        clicks: &[Incoming],
        who: &[Option<Who>],
        report: &IngestReport,
        now: Millis,
    ) -> Result<u64, StoreError> {
        let mut changed = 0;
        for (workspace, members) in by_workspace(clicks, who) {
            self.take_note(store, workspace, clicks, &members, report, now).await?;
            let Some(memory) = self.memories.get_mut(&workspace) else { continue };
            let mut again = Vec::new();
            let visitors = if memory.is_unsettled { by_visitor(clicks, &members) } else { HashMap::new() };
            for (visitor, times) in visitors {
                for found in memory.near(visitor, &times) {
                    if found.stored.is_some_and(|stored| stored != found.judgement) {
                        again.push((visitor, found));
                    }
                }
            }
            if !again.is_empty() {
                let rejudged = |(_, found): &(u64, memory::Found)| {
                    let (verdict, reason) = found.judgement;
                    Rejudged { click: found.id, verdict, reason, rules_version: RULES_VERSION, derived: None }
                };
                changed += store.rejudge(workspace, &again.iter().map(rejudged).collect::<Vec<_>>()).await?;
                for (visitor, found) in again {
                    if let Some(known) = memory.get(visitor, found.id) {
                        known.stored = Some(found.judgement);
                    }
                }
            }
            memory.is_unsettled = false;
            let until = memory.newest.plus(-REMEMBERED_MILLIS);
            memory.whole_from = memory.whole_from.max(until);
            memory.forget_before(until);
        }
        self.tidy(now);
        Ok(changed)
    }

    /// Forgets what is idle, and what is too much.
    pub fn tidy(&mut self, now: Millis) {
        const EVERY_MILLIS: i64 = 1_000;
        if (0..EVERY_MILLIS).contains(&(now.0 - self.tidied.0)) {
            return;
        }
        self.tidied = now;
        let mut count = 0;
        for memory in self.memories.values_mut() {
            if now.0 - memory.touched.0 >= IDLE_MILLIS {
                memory.forget_all();
            }
            count += memory.len();
        }
        if count > MOST_CLICKS {
            self.memories.values_mut().for_each(|memory| memory.forget_first(memory.len() / 2));
        }
        if self.memories.len() > MOST_WORKSPACES {
            self.memories.retain(|_, memory| memory.len() > 0);
        }
    }

    /// Whether there is anything to forget.
    pub fn is_empty(&self) -> bool {
        self.memories.values().all(|memory| memory.len() == 0)
    }

    /// Knows what clicks at these times may depend on.
    async fn recall(&mut self, store: &Store, workspace: WorkspaceId, times: &[Millis], now: Millis) -> Result<(), StoreError> {
        let mut whole_from = self.memories.get(&workspace).and_then(|memory| memory.head.map(|_| memory.whole_from));
        if whole_from.is_none() {
            let latest = store.judged(workspace, JudgedRange::Latest { millis: REMEMBERED_MILLIS, now }, MOST_READ).await?;
            let happened = |click: Option<&JudgedClick>| click.map(|click| click.id.made_at());
            let last = latest.clicks.iter().rev().find(|click| click.id.made_at() <= now);
            let from = happened(last).map_or(Millis(0), |last| last.plus(-REMEMBERED_MILLIS));
            let from = if latest.cut { happened(latest.clicks.first()).map_or(from, |first| first.plus(1)) } else { from };
            self.learn(workspace, &latest.clicks, now);
            let memory = self.memories.entry(workspace).or_default();
            (memory.head, memory.whole_from) = (Some(latest.head), from);
            whole_from = Some(from);
        }
        let unknown = |time: &&Millis| whole_from.is_some_and(|from| time.plus(-SIGHT_MILLIS) < from);
        let mut late: Vec<Millis> = times.iter().filter(unknown).copied().collect();
        late.sort_unstable();
        for near in late.chunk_by(|a, b| b.0 - a.0 <= GAP_MILLIS) {
            let (Some(first), Some(last)) = (near.first(), near.last()) else { continue };
            let range = JudgedRange::Between(first.plus(-SIGHT_MILLIS), last.plus(SIGHT_MILLIS));
            let around = store.judged(workspace, range, MOST_READ).await?;
            self.learn(workspace, &around.clicks, now);
        }
        if let Some(memory) = self.memories.get_mut(&workspace) {
            memory.touched = now;
        }
        Ok(())
    }

    /// Knows what of a batch is stored and what others have stored meanwhile.
    async fn take_note(
        &mut self,
        store: &Store,
        workspace: WorkspaceId,
        clicks: &[Incoming],
        members: &[(usize, Who)],
        report: &IngestReport,
        now: Millis,
    ) -> Result<(), StoreError> {
        let Some(memory) = self.memories.get_mut(&workspace) else { return Ok(()) };
        let known = memory.head.unwrap_or_default();
        let (mut head, mut is_next, mut new) = (known, true, HashSet::new());
        for ingested in report.stored.iter().filter(|ingested| ingested.workspace == workspace) {
            is_next &= ingested.previous == head;
            head = ingested.head;
            new.extend(ingested.clicks.iter().map(|click| click.id));
        }
        let mut unsure = Vec::new();
        for (index, who) in members {
            let click = &clicks[*index].click;
            if let Some(entry) = memory.get(who.visitor, click.id).filter(|entry| entry.stored.is_none()) {
                if new.contains(&click.id) {
                    entry.stored = Some((click.verdict, click.verdict_reason));
                } else {
                    unsure.push((who.visitor, click.id));
                }
            }
        }
        if !is_next || !unsure.is_empty() {
            memory.is_unsettled = true;
            let first = members.iter().map(|(index, _)| clicks[*index].click.occurred_at()).min().unwrap_or(now);
            let above = store.judged(workspace, JudgedRange::Above(known, first.plus(-SIGHT_MILLIS)), MOST_READ).await?;
            head = above.head;
            self.learn(workspace, &above.clicks, now);
            let ids: Vec<ClickId> = unsure.iter().map(|(_, id)| *id).collect();
            let these = store.judged(workspace, JudgedRange::These(&ids), MOST_READ).await?;
            let stored: HashMap<ClickId, &JudgedClick> = these.clicks.iter().map(|click| (click.id, click)).collect();
            let memory = self.memories.entry(workspace).or_default();
            for (visitor, id) in unsure {
                match (stored.get(&id), memory.get(visitor, id)) {
                    (Some(click), Some(entry)) => entry.stored = Some((click.verdict, click.reason)),
                    // It was set aside.
                    _ => memory.remove(visitor, id),
                }
            }
        }
        if let Some(memory) = self.memories.get_mut(&workspace) {
            memory.head = Some(head);
        }
        Ok(())
    }

    fn learn(&mut self, workspace: WorkspaceId, clicks: &[JudgedClick], now: Millis) {
        let is_said = |click: &&JudgedClick| is_neighbour(click.outcome, click.verdict, click.signals);
        for click in clicks.iter().filter(is_said) {
            let Some(visitor) = click.visitor.as_deref().map(|key| self.by_key(key)) else { continue };
            let crowd = Crowd::of(click.network.as_deref(), click.system);
            let (alone, stored) = (alone_again(click), Some((click.verdict, click.reason)));
            let known = Known { id: click.id, link: click.link, crowd, alone, stored };
            self.memories.entry(workspace).or_default().put(visitor, known, now);
        }
    }
}

/// The places of the clicks that have a say, by workspace.
fn by_workspace(clicks: &[Incoming], who: &[Option<Who>]) -> BTreeMap<WorkspaceId, Vec<(usize, Who)>> {
    let mut found: BTreeMap<WorkspaceId, Vec<(usize, Who)>> = BTreeMap::new();
    for (index, (click, who)) in clicks.iter().zip(who).enumerate() {
        if let Some(who) = who {
            found.entry(click.workspace).or_default().push((index, *who));
        }
    }
    found
}

fn by_visitor(clicks: &[Incoming], members: &[(usize, Who)]) -> HashMap<u64, Vec<Millis>> {
    let mut found: HashMap<u64, Vec<Millis>> = HashMap::new();
    for (index, who) in members {
        found.entry(who.visitor).or_default().push(clicks[*index].click.occurred_at());
    }
    found
}

#[cfg(test)]
pub(crate) mod tests;
