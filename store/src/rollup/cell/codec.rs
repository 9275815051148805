//! A cell's bytes.
//!
//! ```text
//! version: u8 = 2
//! blocks: varint, then for each: id varint, length in bytes varint   (the directory)
//! blocks, in the same order: entries varint, then for each, by rising key:
//!     key varint (the first, then what it is more than the one before)
//!         key = value id × 4 + verdict
//!     clicks × 4 + flags varint
//!     flags & 1: of these the first of their visitor's day, varint
//!     flags & 2: of these those whose visitor could not be told from others, varint
//! ```
//! Varints are LEB128. Block 0 has the totals per verdict (value id 0), block 2 the time that redirects took, the
//! others a dimension each (`facts.rs`). What is unknown of a dimension (value id 0) is not written: it is what
//! the values leave of the totals. Value id 1 is "(other)": the values that came when a block had as many as it may
//! of them already. Equal counts are equal bytes, but for which values came first.
//!
//! Version 1, which is read still, had the totals in block 0 as (value, verdict, clicks, firsts) and the clicks
//! whose visitors were told in block 1.

use domain::Verdict;

use super::{Block, Cell, CellError, Count, Entry, Key};

const VERSION: u8 = 2;

impl Cell {
    pub fn encode(&self) -> Vec<u8> {
        let mut directory = vec![VERSION];
        let mut blocks = Vec::with_capacity(self.0.len() * 4);
        let parts: Vec<&[Entry]> = self.0.chunk_by(|one, next| one.block == next.block).collect();
        put(&mut directory, parts.len() as u64);
        for part in parts {
            let start = blocks.len();
            encode_block(part, &mut blocks);
            put(&mut directory, part.first().map_or(0, |entry| entry.block.0.into()));
            put(&mut directory, (blocks.len() - start) as u64);
        }
        directory.extend_from_slice(&blocks);
        directory
    }

    /// # Errors
    /// When the bytes are of no known form.
    pub fn decode(bytes: &[u8]) -> Result<Self, CellError> {
        Self::decode_some(bytes, |_| true)
    }

    /// Only the blocks that are wanted, of the whole bytes or of as many as these are in.
    ///
    /// # Errors
    /// When the bytes are of no known form, or end before a block that is wanted does.
    pub fn decode_some(bytes: &[u8], wanted: impl Fn(Block) -> bool) -> Result<Self, CellError> {
        let (&version, mut rest) = bytes.split_first().ok_or(CellError::Malformed)?;
        if version != VERSION && version != 1 {
            return Err(CellError::Malformed);
        }
        let count = take(&mut rest)?;
        let mut directory = Vec::new();
        for _ in 0..count {
            let block = Block(u32::try_from(take(&mut rest)?).map_err(|_| CellError::Malformed)?);
            directory.push((block, usize::try_from(take(&mut rest)?).map_err(|_| CellError::Malformed)?));
        }
        if !directory.is_sorted_by(|one, next| one.0 < next.0) {
            return Err(CellError::Malformed);
        }
        let mut cell = Self::default();
        let last = directory.iter().rposition(|(block, _)| wanted(*block) || version == 1);
        for (index, (block, length)) in directory.into_iter().enumerate() {
            if last.is_none_or(|last| index > last) {
                return Ok(cell);
            }
            let (bytes, after) = rest.split_at_checked(length).ok_or(CellError::Malformed)?;
            rest = after;
            match version {
                1 => decode_first_version(block, bytes, &mut cell.0)?,
                _ if wanted(block) => decode_block(block, bytes, &mut cell.0)?,
                _ => {}
            }
        }
        if rest.is_empty() { Ok(cell) } else { Err(CellError::Malformed) }
    }
}

fn encode_block(entries: &[Entry], bytes: &mut Vec<u8>) {
    put(bytes, entries.len() as u64);
    let mut before = 0;
    for Entry { key, count, .. } in entries {
        put(bytes, key.0 - before);
        before = key.0;
        let (firsts, untold) = (count.firsts.unsigned_abs(), (count.clicks - count.told).unsigned_abs());
        put(bytes, count.clicks.unsigned_abs() << 2 | u64::from(untold > 0) << 1 | u64::from(firsts > 0));
        for number in [firsts, untold] {
            if number > 0 {
                put(bytes, number);
            }
        }
    }
}

fn decode_block(block: Block, mut bytes: &[u8], entries: &mut Vec<Entry>) -> Result<(), CellError> {
    let mut key = 0_u64;
    for index in 0..take(&mut bytes)? {
        let more = take(&mut bytes)?;
        if index > 0 && more == 0 {
            return Err(CellError::Malformed);
        }
        key = key.checked_add(more).ok_or(CellError::Malformed)?;
        let clicks = take(&mut bytes)?;
        let mut given = |flag| if clicks & flag != 0 { number(&mut bytes) } else { Ok(0) };
        let (firsts, untold) = (given(1)?, given(2)?);
        let clicks = i64::try_from(clicks >> 2).map_err(|_| CellError::Malformed)?;
        let count = Count { clicks, firsts, told: clicks - untold };
        if !count.is_possible() || count.is_nothing() {
            return Err(CellError::Malformed);
        }
        entries.push(Entry { block, key: Key(key), count });
    }
    if bytes.is_empty() { Ok(()) } else { Err(CellError::Malformed) }
}

fn decode_first_version(block: Block, mut bytes: &[u8], entries: &mut Vec<Entry>) -> Result<(), CellError> {
    for _ in 0..take(&mut bytes)? {
        let value = take(&mut bytes)?;
        let verdict = i16::try_from(take(&mut bytes)?).ok().filter(|verdict| Verdict::from_code(*verdict).is_some());
        let key = Key::new(value, verdict.ok_or(CellError::Malformed)?);
        let (clicks, firsts) = (number(&mut bytes)?, number(&mut bytes)?);
        match block {
            Block::TOTALS => {
                entries.push(Entry { block, key, count: Count { clicks, firsts, told: 0 } });
            }
            Block::TOLD => {
                let entry = entries.iter_mut().find(|entry| entry.key == key).ok_or(CellError::Malformed)?;
                entry.count.told = clicks;
            }
            _ => {}
        }
    }
    entries.retain(|entry| !entry.count.is_nothing());
    let possible = block != Block::TOLD || entries.iter().all(|entry| entry.count.is_possible());
    let sorted = entries.is_sorted_by(|one, next| one.place() < next.place());
    if bytes.is_empty() && possible && sorted { Ok(()) } else { Err(CellError::Malformed) }
}

fn put(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn number(bytes: &mut &[u8]) -> Result<i64, CellError> {
    i64::try_from(take(bytes)?).map_err(|_| CellError::Malformed)
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
