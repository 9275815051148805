//! How far the broker has a spool's clicks, by the broker's own word: a message of the stream itself, on a
//! subject of each spool's own, that takes the place of the one before.
//!
//! It comes after the frames that it speaks of. So a broker that has lost one of these, wiped, restored from
//! an older state or not flushed in time, has lost the mark too or has an earlier one, whatever others have
//! sent meanwhile: the stream's last sequence number tells nothing of that.

use async_nats::HeaderMap;
use async_nats::jetstream::stream::{LastRawMessageErrorKind, Stream};

use super::{NatsClient, SUBJECT, StreamError};
use crate::snapshot::broker;

const VERSION: u8 = 1;
/// Of a header by which a message replaces all others on its subject (NATS ADR-11).
const ROLLUP: (&str, &str) = ("Nats-Rollup", "sub");

fn subject(spool: u64) -> String {
    format!("{SUBJECT}.mark-{spool:016x}")
}

/// Writes that everything below `offset` is in the stream; `None` when that cannot be written now.
pub(super) async fn put(nats: &NatsClient, spool: u64, offset: u64) -> Option<u64> {
    let mut headers = HeaderMap::new();
    headers.insert(ROLLUP.0, ROLLUP.1);
    let payload = [&[VERSION][..], &offset.to_le_bytes()].concat();
    let ack = nats.jetstream.publish_with_headers(subject(spool), headers, payload.into()).await.ok()?;
    ack.await.is_ok().then_some(offset)
}

/// Below which offset everything is in the stream; 0 where it says nothing of this spool.
///
/// # Errors
/// [`StreamError::Broker`] when it cannot be told now.
pub(super) async fn read<I: Sync>(stream: &Stream<I>, spool: u64) -> Result<u64, StreamError> {
    match stream.get_last_raw_message_by_subject(&subject(spool)).await {
        Ok(message) => Ok(offset(&message.payload).unwrap_or_default()),
        Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(0),
        Err(error) => Err(broker(&error)),
    }
}

/// `None` for what no version of this program writes.
fn offset(payload: &[u8]) -> Option<u64> {
    let (&version, offset) = payload.split_first()?;
    (version == VERSION).then(|| offset.try_into().ok().map(u64::from_le_bytes))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_mark_says_nothing() {
        assert_eq!(offset(&[1, 2, 1, 0, 0, 0, 0, 0, 0]), Some(258));
        for payload in [&[][..], &[1], &[2, 2, 1, 0, 0, 0, 0, 0, 0], &[1, 2, 1, 0, 0, 0, 0, 0, 0, 0]] {
            assert_eq!(offset(payload), None);
        }
    }
}
