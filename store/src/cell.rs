//! Rollup cells: the counts of one quarter-hour, packed into one row's bytes.
//!
//! ```text
//! version: u8 = 1
//! dimensions: varint, then for each: id varint, length of its block in bytes varint   (the directory)
//! blocks, in the same order: entries varint, then for each:
//!     value id varint, verdict varint, clicks varint, firsts varint
//! ```
//! Varints are LEB128. A reader skips dimensions it does not know and keeps their bytes when it
//! writes the cell back, so that a dimension can be added while older programs run. Entries stand
//! in the order of (value id, verdict), so that equal counts are equal bytes.

use std::collections::BTreeMap;

use domain::Verdict;

const VERSION: u8 = 1;
/// The dimension without values: totals per verdict.
const TOTALS: u64 = 0;

/// What is counted of one value and verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub clicks: u64,
    /// Of these, the first of their visitor's day.
    pub firsts: u64,
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
#[error("a rollup cell's bytes are of no known form")]
pub(crate) struct CellError;

impl Cell {
    pub fn add(&mut self, verdict: Verdict, count: Count) {
        let entry = self.totals.entry((0, verdict.code())).or_default();
        entry.clicks += count.clicks;
        entry.firsts += count.firsts;
    }

    pub fn merge(&mut self, other: &Self) {
        for (key, count) in &other.totals {
            let entry = self.totals.entry(*key).or_default();
            entry.clicks += count.clicks;
            entry.firsts += count.firsts;
        }
    }

    pub fn totals(&self) -> impl Iterator<Item = (Verdict, Count)> + '_ {
        self.totals.iter().filter_map(|((_, verdict), count)| Some((Verdict::from_code(*verdict)?, *count)))
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut blocks = self.unknown.clone();
        blocks.insert(TOTALS, encode_entries(&self.totals));
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
        let Some((&VERSION, mut rest)) = bytes.split_first() else { return Err(CellError) };
        let mut directory = Vec::new();
        for _ in 0..take(&mut rest)? {
            directory.push((take(&mut rest)?, usize::try_from(take(&mut rest)?).map_err(|_| CellError)?));
        }
        let mut cell = Self::default();
        for (dimension, length) in directory {
            let (block, after) = rest.split_at_checked(length).ok_or(CellError)?;
            rest = after;
            match dimension {
                TOTALS => cell.totals = decode_entries(block)?,
                _ => drop(cell.unknown.insert(dimension, block.to_vec())),
            }
        }
        if rest.is_empty() { Ok(cell) } else { Err(CellError) }
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
        let key = (take(&mut block)?, i16::try_from(take(&mut block)?).map_err(|_| CellError)?);
        let count = Count { clicks: take(&mut block)?, firsts: take(&mut block)? };
        entries.insert(key, count);
    }
    if block.is_empty() { Ok(entries) } else { Err(CellError) }
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
        let (&byte, rest) = bytes.split_first().ok_or(CellError)?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            return Err(CellError);
        }
        value |= bits << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(CellError)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn clicks(clicks: u64) -> Count {
        Count { clicks, firsts: 0 }
    }

    #[test]
    fn golden_bytes() {
        let mut cell = Cell::default();
        cell.add(Verdict::Bot, clicks(300));
        cell.add(Verdict::Human, Count { clicks: 2, firsts: 1 });
        let bytes = [1, 1, 0, 10, 2, 0, 0, 2, 1, 0, 2, 0xac, 2, 0];
        assert_eq!(cell.encode(), bytes);
        assert_eq!(Cell::decode(&bytes), Ok(cell));
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
