//! An instant as whole milliseconds since 1970-01-01T00:00:00Z: the resolution of a click's id, so
//! that ranges of time and ranges of ids are the same thing.

use jiff::Timestamp;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize)]
pub struct Millis(pub i64);

impl Millis {
    /// The last instant that a UUIDv7 can carry (48 bits), in the year 10889; used as "no end".
    pub const MAX: Self = Self((1 << 48) - 1);

    pub fn from_timestamp(at: Timestamp) -> Self {
        Self(at.as_millisecond())
    }

    /// The same instant for calendar arithmetic; values outside jiff's range are clamped to it.
    pub fn timestamp(self) -> Timestamp {
        Timestamp::from_millisecond(self.0).unwrap_or(if self.0 < 0 { Timestamp::MIN } else { Timestamp::MAX })
    }

    pub fn plus(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }
}

impl std::fmt::Display for Millis {
    /// RFC 3339 in UTC with milliseconds, as the API prints it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.3}", self.timestamp())
    }
}
