//! How far the broker has a spool's clicks, by the broker's own word: a message of the stream itself, on a
//! subject of each spool's own, that takes the place of the one before.
//!
//! It comes after the frames that it speaks of. So a broker that has lost one of these, wiped, restored from
//! an older state or not flushed in time, has lost the mark too or has an earlier one, whatever others have
//! sent meanwhile: the stream's last sequence number tells nothing of that.

use async_nats::HeaderMap;
use async_nats::header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE;
use async_nats::jetstream::stream::{LastRawMessageErrorKind, Stream};
use async_nats::jetstream::{Context, message::StreamMessage};
use bytes::Bytes;
use futures_util::TryStreamExt as _;

use super::{NatsClient, SUBJECT, StreamError};
use crate::snapshot::broker;

const VERSION: u8 = 1;
/// Of a header by which a message replaces all others on its subject (NATS ADR-11).
const ROLLUP: (&str, &str) = ("Nats-Rollup", "sub");

/// What the subjects of all marks begin with.
fn prefix() -> String {
    format!("{SUBJECT}.mark-")
}

fn subject(spool: u64) -> String {
    format!("{}{spool:016x}", prefix())
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
    let payload = [&[VERSION][..], &offset.to_le_bytes()].concat();
    Some(Mark { offset, sequence: replace(&nats.jetstream, &subject(spool), payload.into(), after).await? })
}

/// Writes a message in place of the last one of its subject, if that has the sequence number `after`, and
/// returns its own; `None` when it was not taken.
pub(super) async fn replace(jetstream: &Context, subject: &str, payload: Bytes, after: u64) -> Option<u64> {
    let mut headers = HeaderMap::new();
    headers.insert(ROLLUP.0, ROLLUP.1);
    headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, after.to_string().as_str());
    let ack = jetstream.publish_with_headers(subject.to_owned(), headers, payload).await.ok()?;
    Some(ack.await.ok()?.sequence)
}

/// The mark of a spool.
///
/// # Errors
/// [`StreamError::Broker`] when it cannot be told now.
pub(super) async fn read<I: Sync>(stream: &Stream<I>, spool: u64) -> Result<Mark, StreamError> {
    let message = last(stream, &subject(spool)).await?;
    Ok(message
        .map_or_else(Mark::default, |message| Mark { offset: offset(&message.payload).unwrap_or_default(), sequence: message.sequence }))
}

/// The last message of a subject.
pub(super) async fn last<I: Sync>(stream: &Stream<I>, subject: &str) -> Result<Option<StreamMessage>, StreamError> {
    match stream.get_last_raw_message_by_subject(subject).await {
        Ok(message) => Ok(Some(message)),
        Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
        Err(error) => Err(broker(&error)),
    }
}

/// The subjects of the marks of all spools.
///
/// # Errors
/// [`StreamError::Broker`] when they cannot be told now.
pub(super) async fn all<I: Sync>(stream: &Stream<I>) -> Result<Vec<String>, StreamError> {
    let subjects = stream.info_with_subjects(format!("{SUBJECT}.*")).await.map_err(|error| broker(&error))?;
    let subjects: Vec<(String, usize)> = subjects.try_collect().await.map_err(|error| broker(&error))?;
    Ok(subjects.into_iter().map(|(subject, _)| subject).filter(|subject| subject.starts_with(&prefix())).collect())
}

/// Puts the marks of other spools that come before `sequence` again as they are. Each still says what it said
/// of the frames before it, and gives way to none that its owner has put meanwhile.
///
/// # Errors
/// [`StreamError::Broker`] when they cannot be read now.
pub(super) async fn repeat<I: Sync>(jetstream: &Context, stream: &Stream<I>, own: u64, sequence: u64) -> Result<(), StreamError> {
    let own = subject(own);
    for subject in all(stream).await?.into_iter().filter(|subject| *subject != own) {
        if let Some(mark) = last(stream, &subject).await?.filter(|mark| mark.sequence < sequence) {
            replace(jetstream, &subject, mark.payload, mark.sequence).await;
        }
    }
    Ok(())
}

/// `None` for what no version of this program writes.
fn offset(payload: &[u8]) -> Option<u64> {
    let (&version, offset) = payload.split_first()?;
    (version == VERSION).then(|| offset.try_into().ok().map(u64::from_le_bytes))?
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use testkit::{NatsServer, wait_until};

    use super::super::client::ACK_TIMEOUT;
    use super::*;

    #[test]
    fn what_is_no_mark_says_nothing() {
        assert_eq!(offset(&[1, 2, 1, 0, 0, 0, 0, 0, 0]), Some(258));
        for payload in [&[][..], &[1], &[2, 2, 1, 0, 0, 0, 0, 0, 0], &[1, 2, 1, 0, 0, 0, 0, 0, 0, 0]] {
            assert_eq!(offset(payload), None);
        }
    }

    async fn stream(nats: &NatsClient) -> Stream {
        nats.connected_within(ACK_TIMEOUT).await;
        nats.ensure_stream().await.unwrap();
        nats.jetstream.get_stream(super::super::STREAM).await.unwrap()
    }

    #[tokio::test]
    async fn a_mark_that_comes_late_to_a_broker_that_fell_back_is_refused() {
        let mut server = NatsServer::start();
        let nats = NatsClient::connect(&server.url(), "test").await.unwrap();
        let stream = stream(&nats).await;
        let first = put(&nats, 1, 100, 0).await.unwrap();
        server.kill();
        let (store, copy) = (server.store(), server.store().with_extension("copy"));
        let put_away = |from: &Path, to: &Path| assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
        put_away(&store, &copy);
        let mut connections = nats.connections();
        server.restart();
        connections.recv().await.unwrap();
        let second = put(&nats, 1, 200, first.sequence).await.unwrap();
        server.kill();
        std::fs::remove_dir_all(&store).unwrap();
        put_away(&copy, &store);
        wait_until(ACK_TIMEOUT, "the connection is lost", async || (!nats.is_connected()).then_some(())).await;
        // Both wait for the connection.
        let late = tokio::spawn({
            let nats = nats.clone();
            async move { tokio::join!(put(&nats, 1, 300, second.sequence), put(&nats, 2, 300, 0)) }
        });
        server.restart();
        let (refused, taken) = late.await.unwrap();
        assert!(refused.is_none() && taken.is_some());
        assert_eq!(read(&stream, 1).await.unwrap(), first);
    }

    #[tokio::test]
    async fn marks_that_are_put_again_say_what_they_said() {
        let server = NatsServer::start();
        let nats = NatsClient::connect(&server.url(), "test").await.unwrap();
        let stream = stream(&nats).await;
        let (own, other) = (put(&nats, 1, 100, 0).await.unwrap(), put(&nats, 2, 200, 0).await.unwrap());
        let newest = put(&nats, 3, 300, 0).await.unwrap();
        repeat(&nats.jetstream, &stream, 1, newest.sequence).await.unwrap();
        assert_eq!((read(&stream, 1).await.unwrap(), read(&stream, 3).await.unwrap()), (own, newest));
        let moved = read(&stream, 2).await.unwrap();
        assert!(moved.offset == 200 && moved.sequence > newest.sequence);
        // Its owner finds out when it puts the next, and looks again.
        assert_eq!(put(&nats, 2, 250, other.sequence).await, None);
        assert!(put(&nats, 2, 250, moved.sequence).await.is_some());
    }
}
