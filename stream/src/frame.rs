//! A frame: many records of one shard in one message, under an id that covers its content exactly.
//! Two different bodies never share an id, so a broker's "duplicate" means "stored".
//!
//! Counters of lost clicks travel along.
//!
//! Bytes: a version byte, then protobuf: shard, records, losses. Golden in the tests.

use bytes::Bytes;
use domain::{ClickId, Loss, LossReason, Shard, WorkspaceId};
use prost::Message;
use uuid::Uuid;

const VERSION: u8 = 1;

/// `<spool id>-<offset of the first record>-<bytes of all records>-<CRC-32C over them>`, in hex; with
/// losses also `-<how many counters>-<their sum>-<CRC-32C over them>`. However frames are cut, one
/// that begins at an offset and has so many bytes holds the same records; and counters only rise.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FrameId(String);

impl FrameId {
    pub fn new(spool: u64, first_offset: u64, records: &[Bytes]) -> Self {
        let (length, crc) = records.iter().fold((0_u64, 0), |(length, crc), record| {
            let length_prefix = (record.len() as u32).to_le_bytes();
            let crc = crc32c::crc32c_append(crc32c::crc32c_append(crc, &length_prefix), record);
            (length + record.len() as u64, crc)
        });
        Self(format!("{spool:016x}-{first_offset:x}-{length:x}-{crc:08x}"))
    }

    /// With counters of lost clicks, which the id covers too.
    pub(crate) fn and_losses(self, losses: &[Loss]) -> Self {
        if losses.is_empty() {
            return self;
        }
        let sum: u64 = losses.iter().map(|loss| loss.count).sum();
        let crc = losses.iter().fold(0, |crc, loss| crc32c::crc32c_append(crc, &Lost::of(loss).encode_length_delimited_to_vec()));
        Self(format!("{}-{:x}-{sum:x}-{crc:08x}", self.0, losses.len()))
    }

    /// Of a frame with one click that never was in the spool.
    pub(crate) fn of_click(spool: u64, click: ClickId, record: &Bytes) -> Self {
        Self(format!("{spool:016x}-c{}-{:x}-{:08x}", click.0.simple(), record.len(), crc32c::crc32c(record)))
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
    /// Counters of clicks of this shard that could not be kept.
    pub losses: Vec<Loss>,
}

#[derive(Clone, PartialEq, Message)]
struct Body {
    #[prost(uint32, tag = "1")]
    shard: u32,
    #[prost(bytes = "bytes", repeated, tag = "2")]
    records: Vec<Bytes>,
    #[prost(message, repeated, tag = "3")]
    losses: Vec<Lost>,
}

#[derive(Clone, PartialEq, Message)]
struct Lost {
    #[prost(bytes = "vec", tag = "1")]
    counter: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    workspace: Vec<u8>,
    #[prost(int64, tag = "3")]
    minute: i64,
    #[prost(uint32, tag = "4")]
    reason: u32,
    #[prost(uint64, tag = "5")]
    count: u64,
}

impl Lost {
    fn of(loss: &Loss) -> Self {
        Self {
            counter: loss.counter.as_bytes().to_vec(),
            workspace: loss.workspace.0.as_bytes().to_vec(),
            minute: loss.minute,
            reason: u32::from(loss.reason.code().unsigned_abs()),
            count: loss.count,
        }
    }

    fn loss(&self) -> Result<Loss, FrameError> {
        let uuid = |bytes: &[u8]| Uuid::from_slice(bytes).map_err(|_| FrameError::Malformed);
        Ok(Loss {
            counter: uuid(&self.counter)?,
            workspace: WorkspaceId(uuid(&self.workspace)?),
            minute: self.minute,
            reason: i16::try_from(self.reason).map_or(LossReason::Unknown, LossReason::from_code),
            count: self.count,
        })
    }
}

impl Frame {
    pub fn encode(&self) -> Bytes {
        let losses = self.losses.iter().map(Lost::of).collect();
        let body = Body { shard: u32::from(self.shard.index()), records: self.records.clone(), losses };
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
        let losses = body.losses.iter().map(Lost::loss).collect::<Result<_, _>>()?;
        Ok(Self { id, shard, records: body.records, losses })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame() -> Frame {
        let records = vec![Bytes::from_static(b"ab"), Bytes::from_static(b"c")];
        Frame { id: FrameId::new(7, 16, &records), shard: Shard::from_index(5).unwrap(), records, losses: vec![] }
    }

    fn loss(count: u64) -> Loss {
        let workspace = WorkspaceId(Uuid::from_u128(2));
        Loss { counter: Uuid::from_u128(1), workspace, minute: 3, reason: LossReason::Quota, count }
    }

    #[test]
    fn golden_bytes() {
        assert_eq!(&*frame().encode(), [1, 8, 5, 0x12, 2, b'a', b'b', 0x12, 1, b'c']);
        assert_eq!(frame().id.as_str(), "0000000000000007-10-3-b4ca651b");
        assert_eq!(Frame::decode(frame().id, &frame().encode()), Ok(frame()));
    }

    #[test]
    fn golden_bytes_of_losses() {
        let frame = Frame { id: frame().id.and_losses(&[loss(300)]), losses: vec![loss(300)], ..frame() };
        let mut bytes = vec![1, 8, 5, 0x12, 2, b'a', b'b', 0x12, 1, b'c', 0x1a, 43, 0x0a, 16];
        bytes.extend(1_u128.to_be_bytes());
        bytes.extend([0x12, 16]);
        bytes.extend(2_u128.to_be_bytes());
        bytes.extend([0x18, 3, 0x20, 2, 0x28, 0xac, 2]);
        assert_eq!(frame.encode(), bytes);
        assert!(frame.id.as_str().starts_with("0000000000000007-10-3-b4ca651b-1-12c-"), "{:?}", frame.id);
        assert_ne!(frame.id, FrameId::new(7, 16, &frame.records).and_losses(&[loss(301)]));
        assert_eq!(Frame::decode(frame.id.clone(), &frame.encode()), Ok(frame));
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
