//! Sketches: which visitors were met on one day of one link, in few bytes, so that those of several links can be
//! counted together, each once. A visitor is in it with the verdict of the first click there on that day.
//!
//! ```text
//! version: u8 = 1
//! for each verdict that has visitors, by rising code: code × 2 + form, u8
//!     form 0: how many less one, u8; their hashes of six bytes, rising      (up to 256 visitors: exact)
//!     form 1: 2,048 registers of six bits, four in three bytes               (HyperLogLog: registers.rs)
//! ```
//! Numbers are big-endian. The same visitors are the same bytes, in whatever order they came. Form 0 can forget a
//! visitor; form 1 is made anew for that of the clicks that are left.

use std::collections::BTreeSet;

use domain::Verdict;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::registers::{PACKED, Registers, STANDARD_ERROR};
use crate::StoreError;

const VERSION: u8 = 1;
/// The most visitors that are remembered one by one.
const FEW: usize = 256;
/// The most that a union does.
const FEW_TOGETHER: usize = 16_384;

/// Who clicked, for that day only: the same visitor has another one on every day, also whoever has the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct VisitorHash(pub(super) u64);

impl VisitorHash {
    pub const BITS: u32 = 48;
    const BYTES: usize = 6;

    /// `day` is the quarter-hour that it begins with.
    pub fn of(visitor: &str, day: i64) -> Self {
        let digest = Sha256::new().chain_update(day.to_be_bytes()).chain_update(visitor.as_bytes()).finalize();
        Self::read(digest.get(..Self::BYTES).unwrap_or_default())
    }

    fn read(bytes: &[u8]) -> Self {
        Self(bytes.iter().fold(0, |hash, byte| hash << 8 | u64::from(*byte)))
    }

    fn put(self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self.0.to_be_bytes().get(8 - Self::BYTES..).unwrap_or_default());
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Sketch {
    /// Rising, [`FEW`] at most.
    Few(Vec<VisitorHash>),
    Many(Registers),
}

impl Default for Sketch {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl Sketch {
    fn insert(&mut self, hash: VisitorHash) {
        match self {
            Self::Many(registers) => registers.insert(hash),
            Self::Few(hashes) => {
                let Err(place) = hashes.binary_search(&hash) else { return };
                hashes.insert(place, hash);
                if hashes.len() > FEW {
                    let mut registers = Registers::new();
                    hashes.iter().for_each(|hash| registers.insert(*hash));
                    *self = Self::Many(registers);
                }
            }
        }
    }

    /// Whether that was possible.
    fn forget(&mut self, hash: VisitorHash) -> bool {
        let Self::Few(hashes) = self else { return false };
        if let Ok(place) = hashes.binary_search(&hash) {
            hashes.remove(place);
        }
        true
    }

    fn is_empty(&self) -> bool {
        matches!(self, Self::Few(hashes) if hashes.is_empty())
    }
}

/// A first click of a visitor's day on a link: the code of its verdict, and whose it is.
pub(crate) type Met = (i16, VisitorHash);

/// The sketches of one link's day, one for each verdict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sketches([Sketch; 4]);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a sketch's bytes are of no known form")]
pub(crate) struct MalformedSketch;

impl From<MalformedSketch> for StoreError {
    fn from(error: MalformedSketch) -> Self {
        Self::Internal(error.to_string())
    }
}

impl Sketches {
    pub fn of(met: impl IntoIterator<Item = Met>) -> Self {
        let mut sketches = Self::default();
        met.into_iter().for_each(|met| sketches.insert(met));
        sketches
    }

    pub fn insert(&mut self, (verdict, hash): Met) {
        if let Some(sketch) = self.0.get_mut(usize::from(verdict.unsigned_abs())) {
            sketch.insert(hash);
        }
    }

    /// Whether that was possible; if not, they are to be made anew.
    pub fn forget(&mut self, (verdict, hash): Met) -> bool {
        self.0.get_mut(usize::from(verdict.unsigned_abs())).is_none_or(|sketch| sketch.forget(hash))
    }

    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Sketch::is_empty)
    }

    /// How many visitors of this verdict there are.
    pub fn estimate(&self, verdict: Verdict) -> u64 {
        let mut union = Union::default();
        union.add(self, &[verdict]);
        union.estimate()
    }

    /// Whether `visitors` of this verdict, who make `wanted`, are told as they ought to be: where they are few
    /// exactly these, else as many within three times the standard error.
    pub fn agrees(&self, wanted: &Self, verdict: Verdict, visitors: u64) -> bool {
        match (self.sketch(verdict), wanted.sketch(verdict)) {
            (Some(Sketch::Many(_)), Some(Sketch::Many(_))) => is_near(self.estimate(verdict), visitors),
            (own, wanted) => own == wanted,
        }
    }

    fn sketch(&self, verdict: Verdict) -> Option<&Sketch> {
        self.0.get(usize::from(verdict.code().unsigned_abs()))
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        for (code, sketch) in (0_u8..).zip(&self.0) {
            match sketch {
                Sketch::Few(hashes) if hashes.is_empty() => {}
                Sketch::Few(hashes) => {
                    bytes.extend([code << 1, (hashes.len() - 1) as u8]);
                    hashes.iter().for_each(|hash| hash.put(&mut bytes));
                }
                Sketch::Many(registers) => {
                    bytes.push(code << 1 | 1);
                    registers.pack(&mut bytes);
                }
            }
        }
        bytes
    }

    /// # Errors
    /// When the bytes are of no known form.
    pub fn decode(bytes: &[u8]) -> Result<Self, MalformedSketch> {
        let Some((&VERSION, mut rest)) = bytes.split_first() else { return Err(MalformedSketch) };
        let (mut sketches, mut next) = (Self::default(), 0);
        while let Some((&tag, after)) = rest.split_first() {
            let code = usize::from(tag >> 1);
            let slot = sketches.0.get_mut(code).filter(|_| code >= next).ok_or(MalformedSketch)?;
            next = code + 1;
            (*slot, rest) = if tag & 1 == 1 { decode_many(after)? } else { decode_few(after)? };
        }
        Ok(sketches)
    }
}

/// Whether an estimate is within three times its standard error.
fn is_near(estimate: u64, visitors: u64) -> bool {
    estimate.abs_diff(visitors) as f64 <= 3.0 * STANDARD_ERROR * visitors as f64
}

fn decode_few(bytes: &[u8]) -> Result<(Sketch, &[u8]), MalformedSketch> {
    let (&last, rest) = bytes.split_first().ok_or(MalformedSketch)?;
    let (own, rest) = rest.split_at_checked((usize::from(last) + 1) * VisitorHash::BYTES).ok_or(MalformedSketch)?;
    let hashes: Vec<VisitorHash> = own.chunks(VisitorHash::BYTES).map(VisitorHash::read).collect();
    if hashes.is_sorted_by(|one, next| one < next) { Ok((Sketch::Few(hashes), rest)) } else { Err(MalformedSketch) }
}

fn decode_many(bytes: &[u8]) -> Result<(Sketch, &[u8]), MalformedSketch> {
    let (own, rest) = bytes.split_at_checked(PACKED).ok_or(MalformedSketch)?;
    Ok((Sketch::Many(Registers::unpack(own).ok_or(MalformedSketch)?), rest))
}

/// The visitors of several links' sketches of one day, each once.
#[derive(Debug, Default)]
pub(crate) struct Union {
    /// As long as nothing else was met, and they are few enough.
    few: BTreeSet<VisitorHash>,
    many: Option<Registers>,
}

impl Union {
    pub fn add(&mut self, sketches: &Sketches, verdicts: &[Verdict]) {
        for sketch in verdicts.iter().filter_map(|verdict| sketches.sketch(*verdict)) {
            match (sketch, &mut self.many) {
                (Sketch::Few(hashes), None) => self.few.extend(hashes),
                (Sketch::Few(hashes), Some(many)) => hashes.iter().for_each(|hash| many.insert(*hash)),
                (Sketch::Many(registers), _) => self.registers().unite(registers),
            }
            if self.few.len() > FEW_TOGETHER {
                self.registers();
            }
        }
    }

    /// From now on nobody is remembered one by one.
    fn registers(&mut self) -> &mut Registers {
        let many = self.many.get_or_insert_with(Registers::new);
        std::mem::take(&mut self.few).into_iter().for_each(|hash| many.insert(hash));
        many
    }

    pub fn estimate(&self) -> u64 {
        self.many.as_ref().map_or(self.few.len() as u64, |many| many.estimate().round() as u64)
    }
}

/// Whose sketches: the link, and the quarter-hour that its day begins with.
pub(crate) type SketchKey = (Uuid, i64);

/// What first clicks change in the sketches of one link's day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SketchChange {
    pub added: Vec<Met>,
    pub taken: Vec<Met>,
}

impl SketchChange {
    /// Leaves out what is taken and added again.
    pub fn settle(&mut self) {
        self.added.sort_unstable();
        self.taken.sort_unstable();
        let mut added = std::mem::take(&mut self.added).into_iter().peekable();
        for met in std::mem::take(&mut self.taken) {
            self.added.extend(std::iter::from_fn(|| added.next_if(|added| *added < met)));
            if added.next_if_eq(&met).is_none() {
                self.taken.push(met);
            }
        }
        self.added.extend(added);
    }

    pub fn is_nothing(&self) -> bool {
        self.added.is_empty() && self.taken.is_empty()
    }

    /// The sketches with those that are added.
    ///
    /// # Errors
    /// When the stored bytes are of no known form.
    pub fn grow(&self, stored: Option<&[u8]>) -> Result<Sketches, MalformedSketch> {
        let mut sketches = stored.map(Sketches::decode).transpose()?.unwrap_or_default();
        self.added.iter().for_each(|met| sketches.insert(*met));
        Ok(sketches)
    }

    /// The sketches after this; `None` where they must be made anew of the clicks.
    ///
    /// # Errors
    /// When the stored bytes are of no known form.
    pub fn merge(&self, stored: Option<&[u8]>) -> Result<Option<Sketches>, MalformedSketch> {
        let mut sketches = stored.map(Sketches::decode).transpose()?.unwrap_or_default();
        if !self.taken.iter().all(|met| sketches.forget(*met)) {
            return Ok(None);
        }
        self.added.iter().for_each(|met| sketches.insert(*met));
        Ok(Some(sketches))
    }
}

#[cfg(test)]
#[path = "sketch_tests.rs"]
mod tests;
