//! Rollup cells: the counts of one quarter-hour, packed into one row's bytes.
//!
//! ```text
//! version: u8 = 1
//! dimensions: varint, then for each: id varint, length of its block in bytes varint   (the directory)
//! blocks, in the same order: entries varint, then for each:
//!     value id varint, verdict varint, clicks varint, firsts varint
//! dimensions: 0 totals per verdict; 1 of these, the clicks whose visitors were told apart (left out where
//!     there are none)
//! ```
//! Varints are LEB128. A reader skips dimensions it does not know and keeps their bytes when it
//! writes the cell back, so that a dimension can be added while older programs run. Entries stand
//! in the order of (value id, verdict), so that equal counts are equal bytes.

use std::collections::BTreeMap;

use domain::Verdict;

const VERSION: u8 = 1;
/// The dimension without values: totals per verdict.
const TOTALS: u64 = 0;
/// Of the totals, the clicks whose visitors were told apart.
const TOLD: u64 = 1;

/// What is counted of one value and verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub clicks: u64,
    /// Of these, the first of their visitor's day.
    pub firsts: u64,
    /// Of these, those whose visitor was told from others.
    pub told: u64,
}

impl Count {
    pub fn add(&mut self, other: Self) {
        self.clicks += other.clicks;
        self.firsts += other.firsts;
        self.told += other.told;
    }

    fn without(self, other: Self) -> Option<Self> {
        Some(Self {
            clicks: self.clicks.checked_sub(other.clicks)?,
            firsts: self.firsts.checked_sub(other.firsts)?,
            told: self.told.checked_sub(other.told)?,
        })
    }
}

type Entries = BTreeMap<(u64, i16), Count>;

/// One cell's counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cell {
    totals: Entries,
    /// Dimensions of a later version, as they were read.
    unknown: BTreeMap<u64, Vec<u8>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CellError {
    #[error("a rollup cell's bytes are of no known form")]
    Malformed,
    #[error("a rollup cell holds less than is taken out of it")]
    TooFew,
}

impl Cell {
    pub fn add(&mut self, verdict: Verdict, count: Count) {
        self.totals.entry((0, verdict.code())).or_default().add(count);
    }

    pub fn merge(&mut self, other: &Self) {
        for (key, count) in &other.totals {
            self.totals.entry(*key).or_default().add(*count);
        }
    }

    /// Takes out what was added before. Nothing is left of an entry without clicks, so that equal counts
    /// stay equal bytes.
    ///
    /// # Errors
    /// When there is less of something than is taken.
    pub fn take(&mut self, other: &Self) -> Result<(), CellError> {
        for (key, count) in &other.totals {
            let entry = self.totals.get_mut(key).ok_or(CellError::TooFew)?;
            *entry = entry.without(*count).ok_or(CellError::TooFew)?;
            if *entry == Count::default() {
                self.totals.remove(key);
            }
        }
        Ok(())
    }

    /// Whether nothing is counted in it, by this program or a later one.
    pub fn is_empty(&self) -> bool {
        self.totals.is_empty() && self.unknown.is_empty()
    }

    pub fn totals(&self) -> impl Iterator<Item = (Verdict, Count)> + '_ {
        self.totals.iter().filter_map(|((_, verdict), count)| Some((Verdict::from_code(*verdict)?, *count)))
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut blocks = self.unknown.clone();
        blocks.insert(TOTALS, encode_entries(&self.totals));
        let told = |(key, count): (&(u64, i16), &Count)| (*key, Count { clicks: count.told, ..Count::default() });
        let told: Entries = self.totals.iter().filter(|(_, count)| count.told > 0).map(told).collect();
        if !told.is_empty() {
            blocks.insert(TOLD, encode_entries(&told));
        }
        let mut bytes = vec![VERSION];
        put(&mut bytes, blocks.len() as u64);
        for (dimension, block) in &blocks {
            put(&mut bytes, *dimension);
            put(&mut bytes, block.len() as u64);
        }
        blocks.values().for_each(|block| bytes.extend_from_slice(block));
        bytes
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, CellError> {
        let Some((&VERSION, mut rest)) = bytes.split_first() else { return Err(CellError::Malformed) };
        let mut directory = Vec::new();
        for _ in 0..take(&mut rest)? {
            directory.push((take(&mut rest)?, usize::try_from(take(&mut rest)?).map_err(|_| CellError::Malformed)?));
        }
        let mut cell = Self::default();
        for (dimension, length) in directory {
            let (block, after) = rest.split_at_checked(length).ok_or(CellError::Malformed)?;
            rest = after;
            match dimension {
                TOTALS => {
                    let totals = decode_entries(block)?.into_iter();
                    totals.for_each(|(key, count)| {
                        let entry = cell.totals.entry(key).or_default();
                        *entry = Count { told: entry.told, ..count };
                    });
                }
                TOLD => {
                    let told = decode_entries(block)?.into_iter();
                    told.for_each(|(key, count)| cell.totals.entry(key).or_default().told = count.clicks);
                }
                _ => drop(cell.unknown.insert(dimension, block.to_vec())),
            }
        }
        if rest.is_empty() { Ok(cell) } else { Err(CellError::Malformed) }
    }
}

fn encode_entries(entries: &Entries) -> Vec<u8> {
    let mut block = Vec::with_capacity(1 + entries.len() * 6);
    put(&mut block, entries.len() as u64);
    for ((value, verdict), count) in entries {
        put(&mut block, *value);
        put(&mut block, u64::from(verdict.unsigned_abs()));
        put(&mut block, count.clicks);
        put(&mut block, count.firsts);
    }
    block
}

fn decode_entries(mut block: &[u8]) -> Result<Entries, CellError> {
    let mut entries = Entries::new();
    for _ in 0..take(&mut block)? {
        let key = (take(&mut block)?, i16::try_from(take(&mut block)?).map_err(|_| CellError::Malformed)?);
        let count = Count { clicks: take(&mut block)?, firsts: take(&mut block)?, told: 0 };
        entries.insert(key, count);
    }
    if block.is_empty() { Ok(entries) } else { Err(CellError::Malformed) }
}

fn put(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn take(bytes: &mut &[u8]) -> Result<u64, CellError> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first().ok_or(CellError::Malformed)?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            return Err(CellError::Malformed);
        }
        value |= bits << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(CellError::Malformed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn clicks(clicks: u64) -> Count {
        Count { clicks, ..Count::default() }
    }

    #[test]
    fn golden_bytes() {
        let mut cell = Cell::default();
        cell.add(Verdict::Bot, clicks(300));
        cell.add(Verdict::Human, Count { clicks: 2, firsts: 1, told: 0 });
        let bytes = [1, 1, 0, 10, 2, 0, 0, 2, 1, 0, 2, 0xac, 2, 0];
        assert_eq!(cell.encode(), bytes);
        assert_eq!(Cell::decode(&bytes), Ok(cell));
    }

    #[test]
    fn what_was_told_apart_has_a_block_of_its_own() {
        let mut cell = Cell::default();
        cell.add(Verdict::Human, Count { clicks: 3, firsts: 1, told: 2 });
        let bytes = [1, 2, 0, 5, 1, 5, 1, 0, 0, 3, 1, 1, 0, 0, 2, 0];
        assert_eq!(cell.encode(), bytes);
        assert_eq!(Cell::decode(&bytes), Ok(cell));
    }

    #[test]
    fn what_is_taken_must_be_there_and_leaves_nothing_behind() {
        let count = Count { clicks: 3, firsts: 1, told: 2 };
        let (mut cell, mut part) = (Cell::default(), Cell::default());
        cell.add(Verdict::Human, count);
        part.add(Verdict::Human, count);
        cell.add(Verdict::Bot, clicks(1));
        cell.take(&part).unwrap();
        assert_eq!(cell.totals().collect::<Vec<_>>(), [(Verdict::Bot, clicks(1))]);
        assert_eq!(cell.take(&part), Err(CellError::TooFew));
    }

    #[test]
    fn a_later_dimension_survives() {
        let bytes = [1, 2, 0, 5, 9, 2, 1, 0, 0, 1, 0, 7, 7];
        let mut cell = Cell::decode(&bytes).unwrap();
        assert_eq!(cell.encode(), bytes);
        cell.add(Verdict::Human, clicks(1));
        assert!(cell.encode().ends_with(&[2, 0, 7, 7]));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = Cell::decode(&bytes);
        }

        #[test]
        fn merging_adds_and_round_trips(a in proptest::collection::vec((0_usize..4, 0_u64..1 << 40), 0..9), b in proptest::collection::vec((0_usize..4, 0_u64..1 << 40), 0..9)) {
            let cell = |items: &[(usize, u64)]| items.iter().fold(Cell::default(), |mut cell, (verdict, n)| { cell.add(Verdict::ALL[*verdict], clicks(*n)); cell });
            let mut merged = cell(&a);
            merged.merge(&cell(&b));
            let all: Vec<_> = a.iter().chain(&b).copied().collect();
            prop_assert_eq!(&merged, &cell(&all));
            prop_assert_eq!(Cell::decode(&merged.encode()), Ok(merged));
        }
    }
}
