//! A rollup cell: counts of values and verdicts, in blocks of which each is a dimension. Its bytes: [`codec`].
//!
//! What is unknown of a dimension (value id 0) is not written: it is what the values leave of the totals. Value id 1 is
//! "(other)": the values that came when a block had [`most_values`] of them already.

mod codec;

use domain::Verdict;

/// A part of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Block(pub u32);

impl Block {
    /// Totals per verdict.
    pub const TOTALS: Self = Self(0);
    /// Only in version 1.
    const TOLD: Self = Self(1);
    /// How long redirects took.
    pub const LATENCY: Self = Self(2);
}

/// The value id of what is not known, in no block.
pub(crate) const UNKNOWN: u64 = 0;
/// The value id of values that a full block has no place for.
pub(crate) const OTHER: u64 = 1;

/// The most values that a block names; of links so many that none is left out of most workspaces.
pub(crate) fn most_values(block: Block) -> usize {
    if block == super::facts::LINK { 16_384 } else { 1_000 }
}

/// A value and a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key(u64);

impl Key {
    /// `verdict` is a [`Verdict::code`].
    pub fn new(value: u64, verdict: i16) -> Self {
        Self(value << 2 | u64::from(verdict.unsigned_abs() & 3))
    }

    pub fn value(self) -> u64 {
        self.0 >> 2
    }

    pub fn verdict(self) -> Option<Verdict> {
        Verdict::from_code((self.0 & 3) as i16)
    }

    fn with_value(self, value: u64) -> Self {
        Self(value << 2 | self.0 & 3)
    }
}

/// What is counted of one value and verdict, or changes of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub clicks: i64,
    /// Of these, the first of their visitor's day.
    pub firsts: i64,
    /// Of these, those whose visitor was told from others.
    pub told: i64,
}

impl Count {
    pub fn add(&mut self, other: Self) {
        self.clicks += other.clicks;
        self.firsts += other.firsts;
        self.told += other.told;
    }

    pub fn minus(self) -> Self {
        Self { clicks: -self.clicks, firsts: -self.firsts, told: -self.told }
    }

    fn is_nothing(self) -> bool {
        self == Self::default()
    }

    fn is_possible(self) -> bool {
        self.firsts >= 0 && self.told >= 0 && self.clicks >= self.told && self.clicks >= self.firsts
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub block: Block,
    pub key: Key,
    pub count: Count,
}

impl Entry {
    fn place(&self) -> (Block, Key) {
        (self.block, self.key)
    }
}

/// One cell's counts, in the order of blocks and keys, without entries that count nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cell(Vec<Entry>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CellError {
    #[error("a rollup cell's bytes are of no known form")]
    Malformed,
    #[error("a rollup cell holds less than is taken out of it")]
    TooFew,
}

impl From<CellError> for crate::StoreError {
    fn from(error: CellError) -> Self {
        Self::Internal(error.to_string())
    }
}

impl Cell {
    /// Adds up entries in any order.
    pub fn sum(mut entries: Vec<Entry>) -> Self {
        entries.sort_unstable_by_key(Entry::place);
        let mut sums: Vec<Entry> = Vec::with_capacity(entries.len());
        for entry in entries {
            match sums.last_mut().filter(|last| last.place() == entry.place()) {
                Some(last) => last.count.add(entry.count),
                None => sums.push(entry),
            }
        }
        sums.retain(|entry| !entry.count.is_nothing());
        Self(sums)
    }

    pub fn entries(&self) -> &[Entry] {
        &self.0
    }

    pub fn into_entries(self) -> Vec<Entry> {
        self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn block(&self, block: Block) -> &[Entry] {
        let first = self.0.partition_point(|entry| entry.block < block);
        let end = self.0.partition_point(|entry| entry.block <= block);
        self.0.get(first..end).unwrap_or_default()
    }

    /// Leaves blocks out.
    pub fn retain(&mut self, wanted: impl Fn(Block) -> bool) {
        self.0.retain(|entry| wanted(entry.block));
    }

    pub fn totals(&self) -> impl Iterator<Item = (Verdict, Count)> + '_ {
        self.block(Block::TOTALS).iter().filter_map(|entry| Some((entry.key.verdict()?, entry.count)))
    }

    /// Whether a block has left values out.
    pub fn is_capped(&self, block: Block) -> bool {
        self.block(block).iter().take_while(|entry| entry.key.value() <= OTHER).any(|entry| entry.key.value() == OTHER)
    }

    /// Adds changes, of which some may be less than nothing. Values that a block has no place for are counted as
    /// [`OTHER`], from where they are taken too where there are too few of their own.
    ///
    /// # Errors
    /// When there is less of something than is taken; then the cell is as it was.
    pub fn apply(&mut self, changes: &Self) -> Result<(), CellError> {
        let mut whole = Vec::with_capacity(self.0.len() + changes.0.len());
        let mut blocks: Vec<Block> = changes.0.iter().map(|entry| entry.block).collect();
        blocks.dedup();
        let mut rest = self.0.as_slice();
        for block in blocks {
            let (before, after) = rest.split_at(rest.partition_point(|entry| entry.block < block));
            let (own, after) = after.split_at(after.partition_point(|entry| entry.block == block));
            whole.extend_from_slice(before);
            merge(own, changes.block(block), &mut whole)?;
            rest = after;
        }
        whole.extend_from_slice(rest);
        self.0 = whole;
        Ok(())
    }

    /// Counts a link's cell as the part of the workspace's that has this link.
    pub fn name_link(&mut self, number: u64) {
        let totals: Vec<Entry> = self.block(Block::TOTALS).to_vec();
        self.0.extend(totals.into_iter().map(|entry| Entry { block: super::facts::LINK, key: entry.key.with_value(number), ..entry }));
        self.0.sort_unstable_by_key(Entry::place);
    }

    /// Takes out as much as there is of what another cell counts.
    pub fn take_what_is_there(&mut self, other: &Self) {
        for taken in &other.0 {
            let Ok(index) = self.0.binary_search_by_key(&taken.place(), Entry::place) else { continue };
            let Some(entry) = self.0.get_mut(index) else { continue };
            let clicks = entry.count.clicks - taken.count.clicks.min(entry.count.clicks);
            let told = (entry.count.told - taken.count.told).clamp(0, clicks);
            // Whether their visitors were met elsewhere on the day nobody can tell any more.
            entry.count = Count { clicks, told, firsts: entry.count.firsts.min(told) };
        }
        self.0.retain(|entry| !entry.count.is_nothing());
    }
}

/// Merges a block with its changes, both in the order of their keys.
fn merge(own: &[Entry], changes: &[Entry], whole: &mut Vec<Entry>) -> Result<(), CellError> {
    let Some(block) = changes.first().map(|entry| entry.block) else {
        whole.extend_from_slice(own);
        return Ok(());
    };
    let most = most_values(block);
    let mut values = own.chunk_by(|one, next| one.key.value() == next.key.value()).filter(|part| is_named(part)).count();
    let mut known = own.iter().map(|entry| entry.key.value()).collect::<Vec<_>>();
    known.dedup();
    // What finds no place of its own, by verdict.
    let mut others: Vec<Entry> = Vec::new();
    let mut merged: Vec<Entry> = Vec::with_capacity(own.len() + changes.len());
    let mut rest = own;
    let mut latest = None;
    for change in changes {
        let (before, after) = rest.split_at(rest.partition_point(|entry| entry.key < change.key));
        merged.extend_from_slice(before);
        rest = after;
        let there = rest.first().filter(|entry| entry.key == change.key).copied();
        if there.is_some() {
            rest = rest.get(1..).unwrap_or_default();
        }
        let value = change.key.value();
        let has_place = block == Block::TOTALS || value <= OTHER || latest == Some(value) || known.binary_search(&value).is_ok();
        let mut count = there.map_or_else(Count::default, |entry| entry.count);
        if !has_place && (values >= most || change.count.clicks < 0) {
            others.push(Entry { key: change.key.with_value(OTHER), ..*change });
            continue;
        }
        if !has_place {
            values += 1;
            latest = Some(value);
        }
        count.add(change.count);
        if !count.is_possible() && value > OTHER {
            let (kept, missing) = split(count);
            others.push(Entry { block, key: change.key.with_value(OTHER), count: missing });
            count = kept;
        }
        merged.push(Entry { block, key: change.key, count });
    }
    merged.extend_from_slice(rest);
    if !others.is_empty() {
        merged.extend(others);
        merged = Cell::sum(merged).0;
    }
    merged.retain(|entry| !entry.count.is_nothing());
    if merged.iter().any(|entry| !entry.count.is_possible()) {
        return Err(CellError::TooFew);
    }
    whole.extend(merged);
    Ok(())
}

fn is_named(part: &[Entry]) -> bool {
    part.first().is_some_and(|entry| entry.key.value() > OTHER)
}

/// What can be of a count, and what is missing to it.
fn split(count: Count) -> (Count, Count) {
    let clicks = count.clicks.max(0);
    let kept = Count { clicks, firsts: count.firsts.clamp(0, clicks), told: count.told.clamp(0, clicks) };
    (kept, Count { clicks: count.clicks - kept.clicks, firsts: count.firsts - kept.firsts, told: count.told - kept.told })
}

#[cfg(test)]
mod tests;
