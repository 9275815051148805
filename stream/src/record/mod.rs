//! A captured click as bytes: a version byte, then protobuf fields. Fields are only ever added; a
//! reader ignores those it does not know. The bytes are golden in the tests.

mod decode;
mod encode;
mod form;

pub use decode::decode_record;
pub use encode::{encode_record, encode_record_into};

pub(crate) const VERSION: u8 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Written by a later program; this one must wait for its successor.
    #[error("the record has version {0}, which this program does not know")]
    UnknownVersion(u8),
    #[error("the record is malformed")]
    Malformed,
}

#[cfg(test)]
mod tests;
