//! A frame: many records of one shard in one message, under an id that covers its content exactly.
//! Two different bodies never share an id, so a broker's "duplicate" means "stored".
//!
//! Bytes: a version byte, then protobuf: shard, records. Golden in the tests.

use bytes::Bytes;
use domain::Shard;
use prost::Message;

const VERSION: u8 = 1;

/// `<spool id>-<offset of the first record>-<bytes of all records>-<CRC-32C over them>`, in hex.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FrameId(String);

impl FrameId {
    pub(crate) fn new(spool: u64, first_offset: u64, records: &[Bytes]) -> Self {
        let (length, crc) = records.iter().fold((0_u64, 0), |(length, crc), record| {
            let length_prefix = (record.len() as u32).to_le_bytes();
            let crc = crc32c::crc32c_append(crc32c::crc32c_append(crc, &length_prefix), record);
            (length + record.len() as u64, crc)
        });
        Self(format!("{spool:016x}-{first_offset:x}-{length:x}-{crc:08x}"))
    }

    pub(crate) fn from_text(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Written by a later program; this one must wait for its successor.
    #[error("the frame has version {0}, which this program does not know")]
    UnknownVersion(u8),
    #[error("the frame is malformed")]
    Malformed,
}

/// Records of one shard, in the order of their capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub id: FrameId,
    pub shard: Shard,
    pub records: Vec<Bytes>,
}

#[derive(Clone, PartialEq, Message)]
struct Body {
    #[prost(uint32, tag = "1")]
    shard: u32,
    #[prost(bytes = "bytes", repeated, tag = "2")]
    records: Vec<Bytes>,
}

impl Frame {
    pub fn encode(&self) -> Bytes {
        let body = Body { shard: u32::from(self.shard.index()), records: self.records.clone() };
        let mut bytes = Vec::with_capacity(1 + body.encoded_len());
        bytes.push(VERSION);
        // A Vec grows as needed, so there is no error to have.
        let _ = body.encode(&mut bytes);
        bytes.into()
    }

    /// # Errors
    /// [`FrameError`] when the bytes are of a later version or no frame.
    pub fn decode(id: FrameId, bytes: &Bytes) -> Result<Self, FrameError> {
        let version = *bytes.first().ok_or(FrameError::Malformed)?;
        if version != VERSION {
            return Err(FrameError::UnknownVersion(version));
        }
        let body = Body::decode(bytes.slice(1..)).map_err(|_| FrameError::Malformed)?;
        let shard = u8::try_from(body.shard).ok().and_then(Shard::from_index).ok_or(FrameError::Malformed)?;
        Ok(Self { id, shard, records: body.records })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame() -> Frame {
        let records = vec![Bytes::from_static(b"ab"), Bytes::from_static(b"c")];
        Frame { id: FrameId::new(7, 16, &records), shard: Shard::from_index(5).unwrap(), records }
    }

    #[test]
    fn golden_bytes() {
        assert_eq!(&*frame().encode(), [1, 8, 5, 0x12, 2, b'a', b'b', 0x12, 1, b'c']);
        assert_eq!(frame().id.as_str(), "0000000000000007-10-3-b4ca651b");
        assert_eq!(Frame::decode(frame().id, &frame().encode()), Ok(frame()));
    }

    #[test]
    fn other_bodies_have_other_ids() {
        let id =
            |records: &[&'static [u8]]| FrameId::new(7, 16, &records.iter().map(|record| Bytes::from_static(record)).collect::<Vec<_>>());
        assert_ne!(id(&[b"ab", b"c"]), id(&[b"a", b"bc"]));
        assert_ne!(id(&[b"ab"]), id(&[b"ab", b""]));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(mut bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            bytes.insert(0, VERSION);
            let _ = Frame::decode(frame().id, &bytes.into());
        }
    }
}
