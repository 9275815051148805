//! Shards: the unit of order and of parallel work in the click stream.

use crate::WorkspaceId;

/// How many shards there are. Written in the stream's metadata; changing it needs a new stream.
pub const SHARDS: u8 = 8;

/// `hash(workspace) mod 8`, the hash being 64-bit FNV-1a over the id's 16 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shard(u8);

impl Shard {
    pub fn of(workspace: WorkspaceId) -> Self {
        // FNV-1a: http://www.isthe.com/chongo/tech/comp/fnv/
        let hash = workspace
            .0
            .as_bytes()
            .iter()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
        Self((hash % u64::from(SHARDS)) as u8)
    }

    /// The shard with this number, if there is one.
    pub fn from_index(index: u8) -> Option<Self> {
        (index < SHARDS).then_some(Self(index))
    }

    pub fn all() -> impl Iterator<Item = Self> {
        (0..SHARDS).map(Self)
    }

    pub fn index(self) -> u8 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_never_changes() {
        let shard = |n: u128| Shard::of(WorkspaceId(uuid::Uuid::from_u128(n))).index();
        assert_eq!([0, 1, 2, 3, u128::MAX].map(shard), [5, 2, 7, 4, 5]);
    }

    #[test]
    fn workspaces_spread_over_all_shards() {
        let mut seen = [0_u32; SHARDS as usize];
        for n in 0..8_000_u128 {
            seen[usize::from(Shard::of(WorkspaceId(uuid::Uuid::from_u128(n << 40))).index())] += 1;
        }
        assert!(seen.iter().all(|count| *count > 500), "{seen:?}");
    }
}
