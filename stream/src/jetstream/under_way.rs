//! What was read from the spool and is not acked yet, by shard. Memory is bounded by who reads:
//! `held` says how much is here.

use std::collections::VecDeque;

use domain::{Loss, SHARDS, Shard};

use crate::spool::{Entry, Reader, Spool};
use crate::{Frame, FrameId};

/// A frame ends at this many clicks or bytes, whichever comes first.
const FRAME_CLICKS: usize = 256;
const FRAME_BYTES: usize = 64 * 1_024;

/// Where reading is, and what was read and not acked.
#[derive(Debug)]
pub(super) struct UnderWay {
    pub reader: Reader,
    pub held: usize,
    queues: [Queue; SHARDS as usize],
}

/// The records of one shard on their way.
#[derive(Debug, Default)]
pub(super) struct Queue {
    entries: VecDeque<Entry>,
    /// How many of them, from the front, are in flight.
    in_flight: usize,
    /// Counters of losses that wait, and those in flight.
    losses: Vec<Loss>,
    losses_in_flight: Vec<Loss>,
}

impl UnderWay {
    pub fn new(spool: &Spool, from: u64) -> Self {
        Self { reader: Reader::new(spool.clone(), from), held: 0, queues: Default::default() }
    }

    pub fn queue(&mut self, shard: Shard) -> &mut Queue {
        &mut self.queues[usize::from(shard.index())]
    }

    pub fn take(&mut self, entries: Vec<Entry>) {
        for entry in entries {
            self.held += entry.record.len();
            self.queue(entry.shard).entries.push_back(entry);
        }
    }

    pub fn take_losses(&mut self, losses: &[Loss]) {
        for shard in Shard::all() {
            let queue = self.queue(shard);
            // Those in flight come again, should they have risen meanwhile.
            if queue.losses_in_flight.is_empty() {
                queue.losses = losses.iter().filter(|loss| Shard::of(loss.workspace) == shard).copied().collect();
            }
        }
    }

    /// Drops what was in flight of a shard; returns how many clicks, and which losses.
    pub fn acked(&mut self, shard: Shard) -> (usize, Vec<Loss>) {
        let (clicks, bytes, losses) = self.queue(shard).acked();
        self.held -= bytes;
        (clicks, losses)
    }

    /// Everything before this one is acked.
    pub fn oldest(&self) -> Option<&Entry> {
        self.queues.iter().filter_map(|queue| queue.entries.front()).min_by_key(|entry| entry.start)
    }

    /// Everything below this offset is acked.
    pub fn low(&self) -> u64 {
        self.oldest().map_or(self.reader.offset(), |entry| entry.start)
    }
}

impl Queue {
    /// The next frame, unless one is in flight or there is nothing to send.
    pub fn cut(&mut self, spool: u64, shard: Shard) -> Option<Frame> {
        if self.in_flight > 0 || !self.losses_in_flight.is_empty() || (self.entries.is_empty() && self.losses.is_empty()) {
            return None;
        }
        let first = self.entries.front().map_or(0, |entry| entry.start);
        let mut bytes = 0;
        let fits = |entry: &&Entry| {
            bytes += entry.record.len();
            bytes <= FRAME_BYTES || bytes == entry.record.len()
        };
        let records: Vec<_> = self.entries.iter().take(FRAME_CLICKS).take_while(fits).map(|entry| entry.record.clone()).collect();
        self.in_flight = records.len();
        let losses = std::mem::take(&mut self.losses);
        self.losses_in_flight.clone_from(&losses);
        Some(Frame { id: FrameId::new(spool, first, &records).and_losses(&losses), shard, records, losses })
    }

    /// Drops what was in flight; returns its clicks, bytes and losses.
    fn acked(&mut self) -> (usize, usize, Vec<Loss>) {
        let clicks = std::mem::take(&mut self.in_flight);
        let bytes = self.entries.drain(..clicks).map(|entry| entry.record.len()).sum();
        (clicks, bytes, std::mem::take(&mut self.losses_in_flight))
    }
}
