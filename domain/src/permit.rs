//! Permits of links whose clicks are limited, as redirectors take them in blocks.

use crate::{LeaseId, LinkId, WorkspaceId};

/// A block of permits. Its id is chosen by whoever asks, so that asking again for a block whose
/// answer was lost gives the same one, and what is given back of it is given back once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PermitLease {
    pub id: LeaseId,
    pub link: LinkId,
    pub workspace: WorkspaceId,
}

/// How many permits are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// So many are needed now, some perhaps used already: they are granted as far as the limit allows.
    pub at_least: u32,
    /// What goes beyond that is granted sparingly near the limit.
    pub at_most: u32,
}

impl Wanted {
    /// The largest block.
    pub const MOST: u32 = 4_096;
    /// The most that are needed at once. An api of an earlier version gives no more than that, which
    /// must not look as if the limit were reached.
    pub const MOST_NEEDED: u32 = 256;

    /// From 1 to [`Wanted::MOST_NEEDED`], and from there to [`Wanted::MOST`].
    #[must_use]
    pub fn bounded(self) -> Self {
        let at_least = self.at_least.clamp(1, Self::MOST_NEEDED);
        Self { at_least, at_most: self.at_most.clamp(at_least, Self::MOST) }
    }

    /// How many are granted of what is left: an eighth at most, but all that are needed.
    pub fn of(self, left: u32) -> u32 {
        self.at_most.min(left / 8).max(self.at_least).min(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_get_smaller_near_the_limit_and_never_pass_it() {
        let of = |at_least, at_most, left| Wanted { at_least, at_most }.bounded().of(left);
        assert_eq!([of(1, 64, 10_000), of(1, 64, 80), of(1, 64, 7), of(1, 64, 0)], [64, 10, 1, 0]);
        assert_eq!([of(30, 64, 80), of(30, 64, 20), of(0, 0, 5), of(1, 1_000_000, 1_000_000)], [30, 20, 1, 4_096]);
        assert_eq!(of(1_000, 1_000, 2_000), 256);
    }
}
