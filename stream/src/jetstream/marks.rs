//! How far the broker has a spool's clicks, by the broker's own word: a message of the stream itself, on a
//! subject of each spool's own, that takes the place of the one before.
//!
//! It comes after the frames that it speaks of. So a broker that has lost one of these, wiped, restored from
//! an older state or not flushed in time, has lost the mark too or has an earlier one, whatever others have
//! sent meanwhile: the stream's last sequence number tells nothing of that.

use async_nats::HeaderMap;
use async_nats::header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE;
use async_nats::jetstream::stream::{LastRawMessageErrorKind, Stream};

use super::{NatsClient, SUBJECT, StreamError};
use crate::snapshot::broker;

const VERSION: u8 = 1;
/// Of a header by which a message replaces all others on its subject (NATS ADR-11).
const ROLLUP: (&str, &str) = ("Nats-Rollup", "sub");

fn subject(spool: u64) -> String {
    format!("{SUBJECT}.mark-{spool:016x}")
}

/// What a spool's mark says; nothing where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    /// Everything below it is in the stream.
    pub offset: u64,
    /// The mark's own place in the stream.
    pub sequence: u64,
}

/// Writes that everything below `offset` is in the stream, in place of the mark that has the sequence number
/// `after`: the broker refuses it where it has another one, as after it has fallen back. That may be found
/// out late, when a mark that waited for the connection arrives. `None` when it was not taken.
pub(super) async fn put(nats: &NatsClient, spool: u64, offset: u64, after: u64) -> Option<Mark> {
    let mut headers = HeaderMap::new();
    headers.insert(ROLLUP.0, ROLLUP.1);
    headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, after.to_string().as_str());
    let payload = [&[VERSION][..], &offset.to_le_bytes()].concat();
    let ack = nats.jetstream.publish_with_headers(subject(spool), headers, payload.into()).await.ok()?;
    Some(Mark { offset, sequence: ack.await.ok()?.sequence })
}

/// The mark of a spool.
///
/// # Errors
/// [`StreamError::Broker`] when it cannot be told now.
pub(super) async fn read<I: Sync>(stream: &Stream<I>, spool: u64) -> Result<Mark, StreamError> {
    match stream.get_last_raw_message_by_subject(&subject(spool)).await {
        Ok(message) => Ok(Mark { offset: offset(&message.payload).unwrap_or_default(), sequence: message.sequence }),
        Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(Mark::default()),
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
