//! HyperLogLog: how many different hashes there were, told from 2,048 numbers of six bits.
//!
//! Flajolet, Fusy, Gandouet, Meunier: HyperLogLog, the analysis of a near-optimal cardinality estimation algorithm
//! (2007); the estimator is the improved raw one of Ertl: New cardinality estimation algorithms for HyperLogLog
//! sketches (2017, arXiv:1702.01284), algorithm 6, which needs no tables and is good at every size.

use super::sketch::VisitorHash;

/// How many bits of a hash say which register it is of.
const INDEX_BITS: u32 = 11;
const COUNT: usize = 1 << INDEX_BITS;
/// The largest rank: what comes after the index may be zeros only.
const MOST_RANK: usize = (VisitorHash::BITS - INDEX_BITS + 1) as usize;
/// What registers take once they are packed.
pub(super) const PACKED: usize = COUNT * 6 / 8;

/// The standard error of an estimate, as a part of what it estimates: 1.04 / √2048.
pub(crate) const STANDARD_ERROR: f64 = 0.023;

/// For each of the hashes that begin alike, how long the longest run of zeros after that was, and one more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Registers(Vec<u8>);

impl Registers {
    pub fn new() -> Self {
        Self(vec![0; COUNT])
    }

    pub fn insert(&mut self, hash: VisitorHash) {
        let rest_bits = VisitorHash::BITS - INDEX_BITS;
        let rest = hash.0 & ((1 << rest_bits) - 1);
        // Of the zeros in front, those that are no part of the hash do not count.
        let rank = (rest.leading_zeros() + rest_bits - u64::BITS + 1) as u8;
        if let Some(register) = self.0.get_mut((hash.0 >> rest_bits) as usize) {
            *register = rank.max(*register);
        }
    }

    pub fn unite(&mut self, other: &Self) {
        for (own, other) in self.0.iter_mut().zip(&other.0) {
            *own = (*own).max(*other);
        }
    }

    pub fn estimate(&self) -> f64 {
        let mut histogram = [0_u32; MOST_RANK + 1];
        for rank in &self.0 {
            if let Some(count) = histogram.get_mut(usize::from(*rank)) {
                *count += 1;
            }
        }
        let [zeros, ranks @ .., full] = histogram;
        let m = COUNT as f64;
        let mut z = m * tau(1.0 - f64::from(full) / m);
        for count in ranks.into_iter().rev() {
            z = 0.5 * (z + f64::from(count));
        }
        z += m * sigma(f64::from(zeros) / m);
        m * m / (2.0 * std::f64::consts::LN_2 * z)
    }

    /// Four registers in three bytes.
    pub fn pack(&self, bytes: &mut Vec<u8>) {
        for four in self.0.chunks(4) {
            let bits = four.iter().fold(0_u32, |bits, rank| bits << 6 | u32::from(*rank));
            bytes.extend_from_slice(bits.to_be_bytes().get(1..).unwrap_or_default());
        }
    }

    /// `None` where these are no registers.
    pub fn unpack(bytes: &[u8]) -> Option<Self> {
        let four = |three: &[u8]| {
            let bits = three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
            [18, 12, 6, 0].map(|shift| (bits >> shift & 0x3f) as u8)
        };
        let ranks: Vec<u8> = bytes.chunks(3).flat_map(four).collect();
        let possible = bytes.len() == PACKED && ranks.iter().all(|rank| usize::from(*rank) <= MOST_RANK);
        possible.then_some(Self(ranks))
    }
}

/// Of the registers that nothing was counted in; infinite where that is all of them.
fn sigma(mut x: f64) -> f64 {
    if x >= 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z <= before {
            return z;
        }
    }
}

/// Of the registers that have counted as far as they can.
fn tau(mut x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x).powi(2) * y;
        if z >= before {
            return z / 3.0;
        }
    }
}
