//! Takes what was acked out of the broker's files, since the addresses of visitors are in them.
//!
//! NATS overwrites nothing. What was acked stays in a file (a block of 8 MiB at most) until nothing in it
//! lives, and the block that is written to always has the marks of spools in it. NATS writes that one anew,
//! without what comes before its first living message, when a purge up to a sequence number removes something
//! of it, if it has more than 2 MiB and less than half of them live. So every five minutes, unless nothing came
//! since, one of the shippers does a round:
//!
//! 1. It writes padding, 2.25 MiB on a subject that nobody reads, each message in place of the one before. The
//!    broker takes it of one process only, for each must come after the one that its writer knows.
//! 2. It waits until the last of the padding is the first message that lives: clicks before it get stored and
//!    acked, and marks before it are put again, its own by the shipper and those of other spools from here
//!    unless their owners are busy.
//! 3. It purges up to the message after the padding, and leaves a note of when that was in its place.
//!
//! **No click goes that is not stored.** The purge removes what has a lower sequence number than the message
//! after the padding, and is asked for only when the broker has just said that its first living message is the
//! padding. What is not there any more does not come back, and what comes has a higher number. Only a broker
//! that fell back to an earlier state would give such numbers again, and it does so by starting anew, which
//! ends the connection; each round has one of its own that is not made again ([`NatsClient::once`]). Nor do
//! other spools' marks say anything new by being put again: that a broker has lost what they did not tell of
//! is seen by their owners as before.
//!
//! A round has a thread of its own, keeps nobody waiting and may fail anywhere: the next does all of it. While
//! an earlier click waits for a worker, for half a minute, it gives up, and what was acked since stays until
//! that one is. Each process knows from what the rounds leave when one last did its work ([`Tidied`]).

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use async_nats::jetstream::{Context, stream::Stream};
use bytes::Bytes;
use platform::Clock;
use tokio::runtime::Builder;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::tidied::{Hindrance, Tidied};
use super::{NatsClient, STREAM, SUBJECT, StreamError, marks};
use crate::snapshot::broker;

/// How often the files are tidied, in milliseconds: two rounds that fail still leave a third within a quarter
/// of an hour.
const EVERY: i64 = 5 * 60_000;
/// When a process first looks whether it is time, and again after a round that failed.
const SOON: i64 = 60_000;
/// Of each message of the padding: no larger than a frame may be.
const PADDING_BYTES: usize = 64 * 1_024;
/// So many are more than the 2 MiB below which NATS leaves a block as it is.
const PADDING: u64 = 36;
/// A spool that has put no mark for so long has nothing to tell of.
const IDLE: Duration = Duration::from_secs(3);
/// How long a round waits for what comes before the padding.
const PATIENCE: Duration = Duration::from_secs(30);
const STEP: Duration = Duration::from_millis(250);
/// The most that all of it may take.
const ROUND: Duration = Duration::from_secs(60);
const VERSION: u8 = 1;

/// Begins rounds when it is time; ends one that is under way when this is dropped.
#[derive(Debug)]
pub(super) struct Tidy {
    round: Round,
    running: Option<JoinHandle<()>>,
    _stop: DropGuard,
}

#[derive(Clone, Debug)]
struct Round {
    nats: NatsClient,
    spool: u64,
    clock: Clock,
    /// When to look next whether a round is due.
    due: Arc<AtomicI64>,
    /// The sequence number of the last padding.
    padding: Arc<AtomicU64>,
    tidied: Tidied,
    stopping: CancellationToken,
}

impl Tidy {
    pub fn new(nats: &NatsClient, spool: u64, clock: &Clock, tidied: Tidied) -> Self {
        let stopping = CancellationToken::new();
        let round = Round {
            nats: nats.clone(),
            spool,
            clock: clock.clone(),
            due: Arc::new(AtomicI64::new(clock.now().0 + SOON)),
            padding: Arc::default(),
            tidied,
            stopping: stopping.clone(),
        };
        Self { round, running: None, _stop: stopping.drop_guard() }
    }

    /// Begins a round if it is time. Called now and then.
    pub fn tick(&mut self) {
        let is_due = self.round.clock.now().0 >= self.round.due.load(Ordering::Acquire);
        if is_due && self.round.nats.is_connected() && self.running.as_ref().is_none_or(JoinHandle::is_finished) {
            let round = self.round.clone();
            self.running = Some(tokio::task::spawn_blocking(move || round.run()));
        }
    }

    /// Whether the spool's mark, which is at this place, is to be put again.
    pub fn wants_again(&self, place: u64) -> bool {
        place > 0 && place < self.round.padding.load(Ordering::Acquire)
    }
}

/// How a round ended.
#[derive(Clone, Copy, Debug)]
enum Ended {
    Tidied,
    /// There was nothing to be tidied.
    Idle,
    /// An earlier click is not stored.
    Waits,
    /// Another round began less than so long ago that this is the time for the next.
    Early(i64),
}

impl Round {
    fn run(self) {
        let now = self.clock.now().0;
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| broker(&error));
        let ended = runtime.and_then(|runtime| {
            let in_time = async { tokio::time::timeout(ROUND, self.tidy(now)).await.unwrap_or_else(|late| Err(broker(&late))) };
            // With the runtime the connection goes, and all that might still be sent over it.
            runtime.block_on(self.stopping.run_until_cancelled(in_time)).unwrap_or(Ok(Ended::Early(i64::MAX)))
        });
        if matches!(ended, Ok(Ended::Tidied | Ended::Idle)) {
            self.tidied.was(now);
        }
        let next = match ended {
            Ok(Ended::Early(next)) => {
                self.tidied.tell(Hindrance::Unknown);
                next
            }
            Ok(_) => {
                self.tidied.tell(Hindrance::Waits);
                now + EVERY
            }
            Err(error) => {
                tracing::debug!(%error, "the broker's files cannot be tidied; trying again");
                self.tidied.tell(Hindrance::Refused(&error.to_string()));
                self.clock.now().0 + SOON
            }
        };
        self.due.store(next, Ordering::Release);
    }

    async fn tidy(&self, now: i64) -> Result<Ended, StreamError> {
        let jetstream = self.nats.once().await?;
        let stream = jetstream.get_stream(STREAM).await.map_err(|error| broker(&error))?;
        let before = Note::read(&stream).await?;
        self.tidied.was(before.tidied_at());
        if now.abs_diff(before.at) < EVERY.unsigned_abs() {
            return Ok(Ended::Early(before.at + EVERY));
        }
        if before.is_last(stream.cached_info().state.last_sequence) {
            return Ok(Ended::Idle);
        }
        let (first, padding) = pad(&jetstream, Note { at: now, alone: 0, sequence: before.sequence, tidied: self.tidied.at() }).await?;
        self.padding.store(padding, Ordering::Release);
        if !self.is_first(&jetstream, &stream, padding).await? {
            return Ok(Ended::Waits);
        }
        stream.purge().sequence(padding + 1).await.map_err(|error| broker(&error))?;
        let marks = marks::all(&stream).await?.len() as u64;
        // By its own number it tells whether anything but padding and marks has come meanwhile.
        let note = Note { at: now, alone: first + PADDING + marks, ..Note::default() };
        note.write(&jetstream).await?;
        Ok(Ended::Tidied)
    }

    /// Waits until nothing lives that came before the padding; false if that takes long.
    async fn is_first(&self, jetstream: &Context, stream: &Stream, padding: u64) -> Result<bool, StreamError> {
        let since = Instant::now();
        let mut repeated = false;
        while since.elapsed() < PATIENCE {
            let first = stream.get_info().await.map_err(|error| broker(&error))?.state.first_sequence;
            if first >= padding {
                // Else somebody has removed it.
                return Ok(first == padding);
            }
            if since.elapsed() >= IDLE && !repeated {
                marks::repeat(jetstream, stream, self.spool, padding).await?;
                repeated = true;
            }
            tokio::time::sleep(STEP).await;
        }
        Ok(false)
    }
}

/// Writes the padding, which begins like this note, after the message that has its sequence number; returns
/// the first number of the padding and the last.
async fn pad(jetstream: &Context, note: Note) -> Result<(u64, u64), StreamError> {
    let mut payload = [note.encode(), note.tidied.to_le_bytes().to_vec()].concat();
    payload.resize(PADDING_BYTES, 0);
    let payload = Bytes::from(payload);
    let (mut first, mut last) = (0, note.sequence);
    for number in 0..PADDING {
        let taken = marks::replace(jetstream, &subject(), payload.clone(), last).await;
        last = taken.ok_or_else(|| StreamError::Broker("the padding is not taken".into()))?;
        if number == 0 {
            first = last;
        }
    }
    Ok((first, last))
}

fn subject() -> String {
    format!("{SUBJECT}.tidy")
}

/// What the last round has left; padding begins like it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Note {
    /// When it began, by the clock of who did it.
    at: i64,
    /// The number that it has if no click came during the round; 0 of a round that has not ended.
    alone: u64,
    /// Its own number; 0 where there is none.
    sequence: u64,
    /// Of a round that has not ended: when an earlier one did its work.
    tidied: i64,
}

impl Note {
    /// When a round last did its work, as far as this says.
    fn tidied_at(self) -> i64 {
        if self.alone > 0 { self.at } else { self.tidied }
    }

    async fn read(stream: &Stream) -> Result<Self, StreamError> {
        let message = marks::last(stream, &subject()).await?;
        Ok(message.map_or_else(Self::default, |message| Self::decode(&message.payload, message.sequence)))
    }

    async fn write(self, jetstream: &Context) -> Result<(), StreamError> {
        let taken = marks::replace(jetstream, &subject(), self.encode().into(), 0).await;
        taken.map(|_| ()).ok_or_else(|| StreamError::Broker("the note is not taken".into()))
    }

    /// Whether no click has come since the round began.
    fn is_last(&self, last_sequence: u64) -> bool {
        self.sequence > 0 && self.sequence == self.alone && self.sequence == last_sequence
    }

    fn encode(&self) -> Vec<u8> {
        [&[VERSION][..], &self.at.to_le_bytes(), &self.alone.to_le_bytes()].concat()
    }

    /// What no version of this program writes was never.
    fn decode(payload: &[u8], sequence: u64) -> Self {
        let of_ours = payload.first() == Some(&VERSION);
        let bytes = |from: usize| payload.get(from..from + 8).filter(|_| of_ours)?.try_into().map(u64::from_le_bytes).ok();
        let number = |from: usize| bytes(from).unwrap_or_default();
        Self { at: number(1).cast_signed(), alone: number(9), sequence, tidied: number(17).cast_signed() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_tells_whether_it_is_the_last_word() {
        let note = Note { at: -3, alone: 70, sequence: 70, tidied: 0 };
        assert_eq!(Note::decode(&note.encode(), 70), note);
        assert!(note.is_last(70));
        assert!(!note.is_last(71), "something came since");
        assert!(!Note { alone: 69, ..note }.is_last(70), "something came meanwhile");
        assert!(!Note::default().is_last(0), "there is none");
        assert_eq!((note.tidied_at(), Note { alone: 0, tidied: -9, ..note }.tidied_at()), (-3, -9));
        // What earlier versions write between has nothing behind it but zeros.
        let padding = [Note { alone: 0, ..note }.encode(), vec![0; 99]].concat();
        assert_eq!(Note::decode(&padding, 70).tidied_at(), 0);
        for payload in [&[][..], &[2], &[1, 0, 0]] {
            assert_eq!(Note::decode(payload, 7), Note { sequence: 7, ..Note::default() });
        }
    }
}
