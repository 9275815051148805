//! What a lane delivered, decoded.

use std::sync::Arc;

use domain::{CapturedClick, Loss, Millis};
use sha2::{Digest, Sha256};
use store::Poison;
use stream::{Captured, Delivery, Frame, RecordError, decode_captured};
use uuid::Uuid;

use crate::misses::DecodedMiss;

/// A click as it came, with what a dead letter of it would need.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub captured: CapturedClick,
    pub record: Arc<[u8]>,
    pub frame: Arc<str>,
}

/// A batch as it came.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub clicks: Vec<Decoded>,
    pub misses: Vec<DecodedMiss>,
    pub poison: Vec<Poison>,
    pub losses: Vec<Loss>,
    pub deliveries: Vec<Delivery>,
}

impl Batch {
    /// Adds a frame, found at `now`.
    ///
    /// # Errors
    /// The version of a record that only a later worker can read; the frame is not to be acked then.
    pub fn add(&mut self, frame: &Frame, now: Millis) -> Result<(), u8> {
        let id: Arc<str> = frame.id.as_str().into();
        for (index, record) in frame.records.iter().enumerate() {
            let (bytes, frame) = (|| record.as_ref().into(), id.clone());
            match decode_captured(record) {
                Ok(Captured::Click(captured)) => self.clicks.push(Decoded { captured: *captured, record: bytes(), frame }),
                Ok(Captured::Miss(captured)) => self.misses.push(DecodedMiss { captured, record: bytes(), frame }),
                Err(RecordError::UnknownVersion(version)) => return Err(version),
                Err(error @ RecordError::Malformed) => {
                    let reason = error.to_string();
                    let (id, at) = (letter_id(&id, index), now);
                    self.poison.push(Poison { id, frame, reason, record: record.to_vec(), at });
                }
            }
        }
        self.losses.extend(&frame.losses);
        Ok(())
    }
}

/// The same for the same record of the same frame.
fn letter_id(frame: &str, index: usize) -> Uuid {
    let hash = Sha256::new().chain_update(frame).chain_update((index as u64).to_le_bytes()).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
