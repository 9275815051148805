//! How a spool is opened.

use std::path::PathBuf;
use std::time::Duration;

use platform::config::Durability;
use platform::{Clock, Health};

#[derive(Clone, Debug)]
pub struct SpoolOptions {
    pub dir: PathBuf,
    pub durability: Durability,
    /// The size at which a segment is sealed.
    pub segment_bytes: u64,
    /// How many bytes all segments may have together.
    pub quota_bytes: u64,
    /// How long segments stay after all of them was acked.
    pub keep_acked: Duration,
    /// When a segment is sealed at the latest after its first record, so that what was acked can go.
    pub roll_after: Duration,
    /// How long they stay even where there is no room: a broker that is killed may forget what it
    /// acked a moment ago.
    pub settle: Duration,
    /// By what the age of clicks and the minutes of losses are told.
    pub clock: Clock,
    /// Told of damage.
    pub health: Health,
}

impl SpoolOptions {
    /// Class `os` in that folder, with the usual sizes; acked segments go at once.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            durability: Durability::Os,
            segment_bytes: 64 << 20,
            quota_bytes: 4 << 30,
            keep_acked: Duration::ZERO,
            roll_after: Duration::from_secs(120),
            settle: Duration::ZERO,
            clock: Clock::System,
            health: Health::default(),
        }
    }
}
