//! The cursor below which everything is acked, made durable before any segment below it is
//! removed; what the broker was then; and the spool's id.
//!
//! The cursor's file has a fixed size and two places that are written in turn, so that it can be
//! moved on a full disk and a torn write leaves the state before. Acked segments stay for a while:
//! a broker that fell back is sent them again. Addresses of visitors are in them, so that they do not stay
//! longer: the file's time of change becomes the moment when all of it was acked, which a restart finds again.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, UNIX_EPOCH};

use domain::Millis;
use platform::Rng;
use tokio::time::Instant;

use super::{Spool, segment};

const CURSOR: &str = "cursor";
const ID: &str = "id";
/// Places lie in different sectors.
const PLACE: u64 = 512;
const STATE: usize = 44;

/// By what a broker that fell back is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BrokerMark {
    /// When its stream was made, Unix nanoseconds; 0 before the first look.
    pub created: i64,
    /// The last sequence number that it is known to have given.
    pub last_sequence: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    generation: u64,
    pub offset: u64,
    mark: BrokerMark,
}

impl State {
    fn encode(&self) -> [u8; STATE] {
        let mut bytes = [0; STATE];
        bytes[..8].copy_from_slice(&self.generation.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.offset.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.mark.created.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.mark.last_sequence.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..STATE - 4]);
        bytes[STATE - 4..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8; STATE]) -> Option<Self> {
        let number = |at: usize| bytes[at..at + 8].try_into().map(u64::from_le_bytes).ok();
        let sound = bytes[STATE - 4..] == crc32c::crc32c(&bytes[..STATE - 4]).to_le_bytes();
        let mark = BrokerMark { created: number(16)?.cast_signed(), last_sequence: number(24)? };
        // A place that was never written has generation 0.
        Some(Self { generation: number(0)?, offset: number(8)?, mark }).filter(|state| sound && state.generation > 0)
    }
}

/// The durable state of a folder; nothing acked when there is none or it cannot be read, which
/// only means that clicks are delivered again.
pub(super) fn read(dir: &Path) -> State {
    look(dir).unwrap_or_default()
}

/// The same, or why nobody knows what was acked: that is not said of a spool in which nothing was yet.
pub(super) fn look(dir: &Path) -> io::Result<State> {
    let bytes = match std::fs::read(dir.join(CURSOR)) {
        // It is made before the first segment.
        Err(error) if error.kind() == io::ErrorKind::NotFound && segment::list(dir)?.is_empty() => return Ok(State::default()),
        bytes => bytes?,
    };
    let place = |at: u64| bytes.get(usize::try_from(at).ok()?..)?.first_chunk::<STATE>().and_then(State::decode);
    let newest = place(0).into_iter().chain(place(PLACE)).max_by_key(|state| state.generation);
    match newest {
        None if bytes.iter().all(|byte| *byte == 0) => Ok(State::default()),
        newest => newest.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "it is damaged")),
    }
}

/// Makes the file if need be, while there is room.
pub(super) fn prepare(dir: &Path) -> io::Result<()> {
    let file = File::options().create(true).truncate(false).read(true).write(true).open(dir.join(CURSOR))?;
    if file.metadata()?.len() < 2 * PLACE {
        file.write_all_at(&[0; 2 * PLACE as usize], 0)?;
        file.sync_all()?;
        File::open(dir)?.sync_all()?;
    }
    Ok(())
}

fn write(dir: &Path, state: &State) -> io::Result<()> {
    let file = File::options().write(true).open(dir.join(CURSOR))?;
    file.write_all_at(&state.encode(), state.generation % 2 * PLACE)?;
    file.sync_data()
}

/// Moves the cursor of a spool that nobody has open.
pub(super) fn set(dir: &Path, offset: u64) -> io::Result<()> {
    let state = read(dir);
    write(dir, &State { generation: state.generation + 1, offset, ..state })
}

pub(super) fn spool_id(dir: &Path, rng: &Rng) -> io::Result<u64> {
    if let Some(id) = read_id(dir) {
        return Ok(id);
    }
    let id = u64::from_le_bytes(rng.bytes());
    let temporary = dir.join("id.new");
    let mut file = File::create(&temporary)?;
    writeln!(file, "{id:016x}")?;
    file.sync_all()?;
    std::fs::rename(&temporary, dir.join(ID))?;
    File::open(dir)?.sync_all()?;
    Ok(id)
}

pub(super) fn read_id(dir: &Path) -> Option<u64> {
    let text = std::fs::read_to_string(dir.join(ID)).ok()?;
    u64::from_str_radix(text.trim(), 16).ok()
}

/// The reading side's memory of what was acked.
#[derive(Debug)]
pub(crate) struct Cursor {
    spool: Spool,
    state: State,
    /// What was acked when this was opened.
    opened_at: u64,
    /// Since when each segment is acked.
    acked_since: BTreeMap<u64, Millis>,
    /// Where the cursor was lately.
    settling: VecDeque<(Instant, u64)>,
}

impl Cursor {
    pub fn open(spool: &Spool) -> Self {
        let state = read(&spool.0.dir);
        Self { spool: spool.clone(), state, opened_at: state.offset, acked_since: BTreeMap::new(), settling: VecDeque::new() }
    }

    pub fn durable(&self) -> u64 {
        self.state.offset
    }

    pub fn mark(&self) -> BrokerMark {
        self.state.mark
    }

    /// Makes `offset` and `mark` durable, unless the cursor is further, then removes the segments
    /// that were acked long enough ago.
    pub fn advance(&mut self, offset: u64, mark: BrokerMark) -> io::Result<()> {
        let offset = offset.max(self.state.offset);
        if (offset, mark) != (self.state.offset, self.state.mark) {
            self.put(offset, mark)?;
        }
        self.settle();
        self.sweep()
    }

    /// Goes back to the oldest segment that is kept, for a broker that is now `mark`.
    pub fn rewind(&mut self, mark: BrokerMark) -> io::Result<u64> {
        let oldest = segment::list(&self.spool.0.dir)?.first().copied().unwrap_or(self.state.offset);
        self.acked_since.clear();
        self.settling.clear();
        self.opened_at = 0;
        self.put(oldest.min(self.state.offset), mark)?;
        Ok(self.state.offset)
    }

    fn put(&mut self, offset: u64, mark: BrokerMark) -> io::Result<()> {
        let state = State { generation: self.state.generation + 1, offset, mark };
        if offset < self.state.offset {
            // First of all nothing of it may be removed any more.
            self.spool.0.acked.store(offset, Ordering::Release);
            self.spool.0.settled.fetch_min(offset, Ordering::AcqRel);
        }
        write(&self.spool.0.dir, &state)?;
        self.state = state;
        self.spool.0.acked.store(offset, Ordering::Release);
        Ok(())
    }

    /// Remembers where the cursor is, and gives up what was before it long enough ago.
    fn settle(&mut self) {
        let now = Instant::now();
        self.settling.push_back((now, self.state.offset));
        let settle = self.spool.0.settle;
        while let Some((_, offset)) = self.settling.pop_front_if(|(at, _)| now.duration_since(*at) >= settle) {
            self.spool.0.settled.store(offset, Ordering::Release);
        }
    }

    fn sweep(&mut self) -> io::Result<()> {
        let now = self.spool.0.clock.now();
        let keep = i64::try_from(self.spool.0.keep_acked.as_millis()).unwrap_or(i64::MAX);
        self.spool.0.forget_damaged();
        let bases = segment::list(&self.spool.0.dir)?;
        self.acked_since.retain(|base, _| bases.binary_search(base).is_ok());
        // The last one is being written to.
        for pair in bases.windows(2).filter(|pair| pair[1] <= self.state.offset) {
            let since = match self.acked_since.get(&pair[0]) {
                Some(since) => *since,
                None => match self.acked_at(pair[0], pair[1], now) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    since => since?,
                },
            };
            self.acked_since.insert(pair[0], since);
            if now.0 - since.0 >= keep || self.spool.0.is_half_full() && pair[1] <= self.spool.0.settled.load(Ordering::Acquire) {
                self.spool.0.remove(pair[0], pair[1])?;
            }
        }
        // At last: what is sealed now is cut to its length before the next look changes its file's time.
        self.spool.roll();
        Ok(())
    }

    /// When all of a segment was acked, which is written down if it is now.
    fn acked_at(&self, base: u64, next: u64, now: Millis) -> io::Result<Millis> {
        let path = segment::path(&self.spool.0.dir, base);
        if next <= self.opened_at {
            let changed = std::fs::metadata(path)?.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
            return Ok(Millis(i64::try_from(changed.as_millis()).unwrap_or(now.0).min(now.0)));
        }
        let changed = UNIX_EPOCH + Duration::from_millis(u64::try_from(now.0).unwrap_or_default());
        File::options().write(true).open(path)?.set_modified(changed)?;
        Ok(now)
    }
}
