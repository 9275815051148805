//! Randomness: the only place that draws it, so that tests can seed it.

use std::sync::{Arc, Mutex, PoisonError};

use domain::Entropy;
use rand::{Rng as _, SeedableRng, rngs::StdRng};

/// The thread's cryptographic generator, seeded by the system, or one that a test seeds.
#[derive(Clone, Debug, Default)]
pub enum Rng {
    #[default]
    System,
    Seeded(Arc<Mutex<StdRng>>),
}

impl Rng {
    pub fn seeded(seed: u64) -> Self {
        Self::Seeded(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    pub fn fill(&self, bytes: &mut [u8]) {
        match self {
            #[expect(clippy::disallowed_methods, reason = "the generator is where randomness is drawn")]
            Self::System => rand::rng().fill_bytes(bytes),
            Self::Seeded(rng) => rng.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(bytes),
        }
    }

    /// Random bytes for one id.
    pub fn entropy(&self) -> Entropy {
        self.bytes()
    }

    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// A whole number in `0..bound`; 0 when the bound is 0. The bias is below `bound / 2^64`.
    pub fn below(&self, bound: u64) -> u64 {
        ((u128::from(u64::from_le_bytes(self.bytes())) * u128::from(bound)) >> 64) as u64
    }
}
