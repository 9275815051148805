//! The spool: the append-only log to which each click goes before it is answered.
//!
//! A folder holds segments named by the offset of their first record, a lock, the spool's id and
//! the cursor below which everything was acked. [`Spool::append`] is a copy into a mapped part of
//! the segment, or one `pwrite(2)`; when it returns the kernel has the click, which survives the
//! death of the process, and after [`Spool::settled`] in class `fsync` also a power cut. Opening
//! never needs a person: a torn tail is cut off, what is damaged is set aside and counted. Offsets
//! count bytes over all segments and never repeat.
//!
//! An append of 295 bytes takes 0.7 µs where one `write(2)` alone takes 1.3 µs (`make bench-append`,
//! docs/performance.md).
//!
//! With no room left, by the disk or the quota, acked segments that are kept for a broker that may
//! fall back go first. Then [`Spool::keep`] sends a click directly, for a moment only, and at last
//! counts its loss. As soon as there is room again the next append works.

mod cursor;
mod damage;
mod error;
mod flush;
mod keep;
mod losses;
mod metrics;
mod misses;
mod options;
#[cfg(test)]
mod power_cut;
mod reader;
mod segment;
mod tool;
mod windows;
mod writer;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use domain::CapturedClick;
use platform::config::Durability;
use platform::{Clock, Health, Metrics, Rng};
use tokio::sync::Notify;

pub(crate) use cursor::{BrokerMark, Cursor};
pub use damage::SetAside;
pub use error::SpoolError;
pub use keep::Kept;
pub(crate) use metrics::SpoolMetrics;
pub use options::SpoolOptions;
pub(crate) use reader::{Entry, Reader};
pub use tool::{ReplayFrom, SegmentReport, SpoolFolder, SpoolReport};

use flush::Flusher;
use losses::Losses;
use writer::Writer;

use crate::jetstream::Direct;
use crate::record::Recorded;

/// The most bytes one record may have.
pub(crate) const MAX_RECORD: usize = 16 * 1_024;

/// The end of an appended record: everything before it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position(pub(crate) u64);

#[derive(Debug)]
pub(crate) struct Shared {
    pub dir: PathBuf,
    /// Random; part of every frame's id.
    pub id: u64,
    /// The segment that is written to: known before `written` is in it.
    pub writing: AtomicU64,
    /// The end of the last record that was written whole.
    pub written: AtomicU64,
    /// Told when `written` has risen.
    pub more: Notify,
    pub metrics: SpoolMetrics,
    pub keep_acked: Duration,
    roll_after: Duration,
    /// When the first record of the segment that is written to was appended; none yet where this is 0.
    first_at: AtomicI64,
    pub settle: Duration,
    /// The durable cursor.
    pub acked: AtomicU64,
    /// Where it was some time ago: what is before it may go to make room.
    pub settled: AtomicU64,
    pub clock: Clock,
    health: Health,
    quota: u64,
    /// Bytes of all segments.
    used: Arc<AtomicU64>,
    /// The cursor when room was last looked for.
    searched: AtomicU64,
    losses: Mutex<Losses>,
    /// What sends a click past a full spool.
    direct: OnceLock<Direct>,
    writer: Mutex<Writer>,
    flusher: Option<Flusher>,
    /// Held for as long as the spool is open.
    _lock: File,
}

/// A handle to the spool; clones share it.
#[derive(Clone, Debug)]
pub struct Spool(pub(crate) Arc<Shared>);

impl Spool {
    /// Opens or makes the spool in a folder that no other process may use meanwhile.
    ///
    /// # Errors
    /// [`SpoolError::Unusable`] or [`SpoolError::Locked`].
    pub fn open(options: SpoolOptions, rng: &Rng, metrics: &Metrics) -> Result<Self, SpoolError> {
        let dir = options.dir.clone();
        let unusable = |reason| SpoolError::Unusable { dir: dir.clone(), reason };
        std::fs::create_dir_all(&dir).map_err(unusable)?;
        let lock = lock(&dir)?;
        let id = cursor::spool_id(&dir, rng).map_err(unusable)?;
        let unread = cursor::look(&dir).err();
        cursor::prepare(&dir).map_err(unusable)?;
        let losses = Losses::open(&dir, rng).map_err(unusable)?;
        let used = Arc::new(AtomicU64::new(0));
        let writer = Writer::open(&dir, id, &options, used.clone()).map_err(unusable)?;
        let (base, end) = (writer.base(), writer.end());
        let fsync = options.durability == Durability::Fsync;
        let flusher = fsync.then(|| Flusher::start(writer.file(), end)).transpose().map_err(unusable)?;
        let acked = cursor::read(&dir).offset;
        let shared = Shared {
            dir: options.dir,
            id,
            writing: AtomicU64::new(base),
            written: AtomicU64::new(end),
            more: Notify::new(),
            metrics: SpoolMetrics::new(metrics, &options.clock),
            keep_acked: options.keep_acked,
            roll_after: options.roll_after,
            // Where there was no room for a new segment, nobody knows since when.
            first_at: AtomicI64::new(if end > base { 1 } else { 0 }),
            settle: options.settle,
            acked: AtomicU64::new(acked),
            // After a start nobody knows since when; the first seconds tell.
            settled: AtomicU64::new(if options.settle.is_zero() { acked } else { 0 }),
            clock: options.clock,
            health: options.health,
            quota: options.quota_bytes,
            used,
            searched: AtomicU64::new(0),
            losses: Mutex::new(losses),
            direct: OnceLock::new(),
            writer: Mutex::new(writer),
            flusher,
            _lock: lock,
        };
        shared.warn_of_damage();
        if let Some(error) = unread {
            let text = format!(
                "The spool's cursor in {} cannot be read ({error}), so that nobody knows which clicks were acked. All that are kept are delivered again, and stored once all the same. Check the disk of LINKLOGGER_DATA_DIR; this warning goes with the next start.",
                shared.dir.display(),
            );
            tracing::warn!("{text}");
            shared.health.warn("spool_cursor", text);
        }
        Ok(Self(Arc::new(shared)))
    }

    /// Appends a click. When this returns, the click survives the death of the process.
    ///
    /// # Errors
    /// [`SpoolError::Write`] when the disk refuses, [`SpoolError::Quota`] and [`SpoolError::TooLarge`];
    /// the spool stays as it was.
    pub fn append(&self, click: &CapturedClick) -> Result<Position, SpoolError> {
        self.append_record(click)
    }

    fn append_record(&self, record: &impl Recorded) -> Result<Position, SpoolError> {
        let shared = &*self.0;
        let mut writer = shared.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let end = match writer.append(record) {
            Err(error) if error.is_full() && shared.make_room(&mut writer) => writer.append(record)?,
            result => result?,
        };
        if let Some(flusher) = &shared.flusher {
            flusher.follow(writer.file());
        }
        let base = writer.base();
        if shared.writing.load(Ordering::Relaxed) != base || shared.first_at.load(Ordering::Relaxed) == 0 {
            shared.writing.store(base, Ordering::Relaxed);
            shared.first_at.store(shared.clock.now().0.max(1), Ordering::Relaxed);
        }
        shared.written.store(end, Ordering::Release);
        drop(writer);
        shared.metrics.spooled.inc();
        shared.more.notify_one();
        Ok(Position(end))
    }

    /// Goes on in a new segment if the present one is old, so that no record stays because few come.
    pub(crate) fn roll(&self) {
        let shared = &*self.0;
        let first_at = shared.first_at.load(Ordering::Relaxed);
        let age = shared.clock.now().0 - first_at;
        if first_at == 0 || u128::try_from(age).unwrap_or_default() < shared.roll_after.as_millis() {
            return;
        }
        let mut writer = shared.writer.lock().unwrap_or_else(PoisonError::into_inner);
        match writer.roll() {
            Ok(()) => {
                if let Some(flusher) = &shared.flusher {
                    flusher.follow(writer.file());
                }
                shared.writing.store(writer.base(), Ordering::Relaxed);
                shared.first_at.store(0, Ordering::Relaxed);
            }
            Err(error) => tracing::debug!(%error, "no new segment can be begun; the present one goes on"),
        }
    }

    /// Waits until everything before `position` has the durability that the spool was opened
    /// with: at once in class `os`, in class `fsync` for the flush that its neighbours share.
    ///
    /// # Errors
    /// [`SpoolError::Flush`] when the disk refused.
    pub async fn settled(&self, position: Position) -> Result<(), SpoolError> {
        match &self.0.flusher {
            None => Ok(()),
            Some(flusher) => Box::pin(flusher.settled(position.0)).await,
        }
    }

    /// The end of what was appended so far.
    pub fn end(&self) -> Position {
        Position(self.0.written.load(Ordering::Acquire))
    }
}

/// Makes this process the spool's only owner for as long as the file is kept.
fn lock(dir: &Path) -> Result<File, SpoolError> {
    let unusable = |reason| SpoolError::Unusable { dir: dir.to_owned(), reason };
    let lock = File::options().create(true).append(true).open(dir.join("lock")).map_err(unusable)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(std::fs::TryLockError::WouldBlock) => Err(SpoolError::Locked { dir: dir.to_owned() }),
        Err(std::fs::TryLockError::Error(reason)) => Err(unusable(reason)),
    }
}

impl Shared {
    fn losses(&self) -> std::sync::MutexGuard<'_, Losses> {
        self.losses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes a segment that was acked; `next` is the one after it.
    pub(crate) fn remove(&self, base: u64, next: u64) -> io::Result<()> {
        let path = segment::path(&self.dir, base);
        let bytes = match segment::size(&self.dir, base, Some(next)) {
            Ok(bytes) => bytes,
            // The other one who removes was faster.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        match std::fs::remove_file(&path) {
            Ok(()) => {
                self.used.fetch_sub(bytes, Ordering::Relaxed);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// What is kept for a broker that may fall back leaves half of the quota to new clicks: all of it is to be sent
    /// again then, and none of it may make room.
    pub(crate) fn is_half_full(&self) -> bool {
        self.used.load(Ordering::Relaxed) > self.quota / 2
    }

    /// Removes everything that was acked and has settled; false when that was nothing. Looks once for
    /// each place of the cursor, so that it costs a full spool's visitors nothing.
    fn make_room(&self, writer: &mut Writer) -> bool {
        let acked = self.settled.load(Ordering::Acquire);
        if self.searched.swap(acked, Ordering::AcqRel) == acked {
            return false;
        }
        let before = self.used.load(Ordering::Relaxed);
        let bases = segment::list(&self.dir).unwrap_or_default();
        for pair in bases.windows(2).filter(|pair| pair[1] <= acked) {
            if let Err(error) = self.remove(pair[0], pair[1]) {
                tracing::warn!(%error, "an acked segment of the spool cannot be removed");
            }
        }
        if writer.end() <= acked
            && let Err(error) = writer.give_up_segment()
        {
            tracing::warn!(%error, "the spool's segment cannot be begun anew");
        }
        self.used.load(Ordering::Relaxed) < before
    }
}
