//! A captured click or miss as bytes: a version byte, then protobuf fields. Fields are only ever added; a
//! reader ignores those it does not know. The bytes are golden in the tests.
//!
//! The version says which of the two it is. A program that knows of no misses takes one for a record of a
//! later version, and leaves it to a later program: it can never read one as a click.

mod decode;
mod encode;
mod form;

use domain::{CapturedClick, CapturedMiss, Millis, Shard, WorkspaceId};

pub use decode::{decode_captured, decode_record};
pub use encode::{encode_record, encode_record_into};

/// Of a click.
pub(crate) const VERSION: u8 = 1;
/// Of a miss.
pub(crate) const MISS_VERSION: u8 = 2;

/// What a record holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Captured {
    Click(Box<CapturedClick>),
    Miss(CapturedMiss),
}

impl Captured {
    pub fn made_at(&self) -> Millis {
        match self {
            Self::Click(click) => click.id.made_at(),
            Self::Miss(miss) => miss.id.made_at(),
        }
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(512);
        match self {
            Self::Click(click) => click.encode_into(&mut bytes),
            Self::Miss(miss) => miss.encode_into(&mut bytes),
        }
        bytes
    }
}

/// What can be appended to a spool.
pub(crate) trait Recorded {
    fn workspace(&self) -> WorkspaceId;
    fn encode_into(&self, bytes: &mut Vec<u8>);

    fn shard(&self) -> Shard {
        Shard::of(self.workspace())
    }
}

impl Recorded for CapturedClick {
    fn workspace(&self) -> WorkspaceId {
        self.workspace
    }

    fn encode_into(&self, bytes: &mut Vec<u8>) {
        encode_record_into(self, bytes);
    }
}

impl Recorded for CapturedMiss {
    fn workspace(&self) -> WorkspaceId {
        self.workspace
    }

    fn encode_into(&self, bytes: &mut Vec<u8>) {
        encode::encode_miss_into(self, bytes);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Written by a later program; this one must wait for its successor.
    #[error("the record has version {0}, which this program does not know")]
    UnknownVersion(u8),
    #[error("the record is malformed")]
    Malformed,
}

#[cfg(test)]
mod miss_tests;
#[cfg(test)]
mod tests;
