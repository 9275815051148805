//! Clicks that were answered and could not be kept: counted, since they cannot be stored. Misses that are not
//! kept, copies that were delivered again and the clicks of machines are told beside them, by reasons of their own.

use uuid::Uuid;

use crate::WorkspaceId;

/// Why a click could not be kept, or is not counted as one of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LossReason {
    /// A reason that a later program gave.
    Unknown,
    /// The disk refused the write.
    Disk,
    /// The spool had used up its quota.
    Quota,
    /// The record was larger than one may be.
    TooLarge,
    /// With no room in the spool the click was sent directly, and the broker did not answer in
    /// time: it may have arrived all the same.
    InDoubt,
    /// It came when clicks of its time were no longer kept. It may be one that was counted and has been
    /// deleted since, and was delivered again.
    TooLate,
    /// It was under way while its visitor or the history of its link was erased.
    Erased,
    /// No click but a miss, a request for a slug that is no link: one too many of its network or domain, with
    /// little room left in the spool, or from when misses are no longer kept. Counted by the hour, so that no
    /// flood of them takes the counters of lost clicks.
    Miss,
    /// No loss but a click that was delivered again after it was stored: copies, not clicks. A redelivery whose
    /// acknowledgement is lost comes once more, and counts once more.
    Duplicate,
    /// No loss but a click of a machine, which is stored and told from people's. Never stored here: rollup cells know
    /// it, by the quarter-hour.
    Bot,
}

impl LossReason {
    pub const ALL: [Self; 10] = [
        Self::Unknown,
        Self::Disk,
        Self::Quota,
        Self::TooLarge,
        Self::InDoubt,
        Self::TooLate,
        Self::Erased,
        Self::Miss,
        Self::Duplicate,
        Self::Bot,
    ];

    /// The number it is stored as.
    pub fn code(self) -> i16 {
        match self {
            Self::Unknown => 0,
            Self::Disk => 1,
            Self::Quota => 2,
            Self::TooLarge => 3,
            Self::InDoubt => 4,
            Self::TooLate => 5,
            Self::Erased => 6,
            Self::Miss => 7,
            Self::Duplicate => 8,
            Self::Bot => 9,
        }
    }

    pub fn from_code(code: i16) -> Self {
        Self::ALL.into_iter().find(|reason| reason.code() == code).unwrap_or(Self::Unknown)
    }

    /// Whether its count is an upper bound, since some of the clicks may have been counted.
    pub fn is_upper_bound(self) -> bool {
        matches!(self, Self::InDoubt | Self::TooLate | Self::Miss)
    }

    /// Whether what it counts are clicks that are in no count.
    pub fn is_of_lost_clicks(self) -> bool {
        !matches!(self, Self::Miss | Self::Duplicate | Self::Bot)
    }

    /// The minute that one is counted in which happened in that minute.
    pub fn minute(self, minute: i64) -> i64 {
        if self == Self::Miss { minute - minute.rem_euclid(60) } else { minute }
    }

    /// Its label in metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Disk => "disk",
            Self::Quota => "quota",
            Self::TooLarge => "too_large",
            Self::InDoubt => "in_doubt",
            Self::TooLate => "too_late",
            Self::Erased => "erased",
            Self::Miss => "miss",
            Self::Duplicate => "duplicate",
            Self::Bot => "bot",
        }
    }
}

/// How many clicks one counter has counted so far. A counter only ever rises, so however often
/// and in whatever order its states arrive, the largest one is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The counter's own id, unlike any other's.
    pub counter: Uuid,
    pub workspace: WorkspaceId,
    /// Minutes since 1970, UTC.
    pub minute: i64,
    pub reason: LossReason,
    pub count: u64,
}
