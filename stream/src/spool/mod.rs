//! The spool: the append-only log to which each click goes before it is answered.
//!
//! A folder holds segments named by the offset of their first record, a lock, the spool's id and
//! the cursor below which everything was acked. [`Spool::append`] is one `write(2)`; when it
//! returns the click survives the death of the process, and after [`Spool::settled`] in class
//! `fsync` also a power cut. Opening never needs a person: a torn tail is cut off, a damaged
//! record is skipped and counted. Offsets count bytes over all segments and never repeat.

mod cursor;
mod flush;
mod reader;
mod segment;
mod writer;

use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use domain::{CapturedClick, Shard};
use platform::config::Durability;
use platform::{Metrics, Rng};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::Notify;

pub(crate) use cursor::Cursor;
pub(crate) use reader::{Entry, Reader};

use flush::Flusher;
use writer::Writer;

/// The most bytes one record may have.
pub(crate) const MAX_RECORD: usize = 16 * 1_024;

#[derive(Clone, Debug)]
pub struct SpoolOptions {
    pub dir: PathBuf,
    pub durability: Durability,
    /// The size at which a segment is sealed.
    pub segment_bytes: u64,
}

/// Each message is a sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    #[error("The spool's folder {} cannot be used ({reason}). Make it writable for this user, or set LINKLOGGER_DATA_DIR.", dir.display())]
    Unusable { dir: PathBuf, reason: std::io::Error },
    #[error("Another process uses the spool in {}. Stop it, or set another LINKLOGGER_DATA_DIR for this one.", dir.display())]
    Locked { dir: PathBuf },
    #[error("A click cannot be written to the spool ({0}). Make room on the disk of LINKLOGGER_DATA_DIR.")]
    Write(std::io::Error),
    #[error("A click of {0} bytes is larger than a record may be.")]
    TooLarge(usize),
    #[error("The spool cannot be flushed to the disk ({0}). Check the disk of LINKLOGGER_DATA_DIR.")]
    Flush(String),
    #[error("The spool cannot be read ({0}). Check the disk of LINKLOGGER_DATA_DIR.")]
    Read(std::io::Error),
}

/// The end of an appended record: everything before it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position(pub(crate) u64);

#[derive(Clone, Debug)]
pub(crate) struct SpoolMetrics {
    pub spooled: Counter,
    pub damaged: Counter,
    pub acked: Counter,
    pub depth: Gauge,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub dir: PathBuf,
    /// Random; part of every frame's id.
    pub id: u64,
    /// The end of the last record that was written whole.
    pub written: AtomicU64,
    /// Told when `written` has risen.
    pub more: Notify,
    pub metrics: SpoolMetrics,
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
        let lock = File::options().create(true).append(true).open(dir.join("lock")).map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Err(SpoolError::Locked { dir: dir.clone() }),
            Err(std::fs::TryLockError::Error(reason)) => return Err(unusable(reason)),
        }
        let id = cursor::spool_id(&dir, rng).map_err(unusable)?;
        let fsync = options.durability == Durability::Fsync;
        let writer = Writer::open(&dir, id, options.segment_bytes, fsync).map_err(unusable)?;
        let end = writer.end();
        let metrics = SpoolMetrics {
            spooled: metrics.register("spool_records", "Clicks appended to the spool", Counter::default()),
            damaged: metrics.register("spool_damaged", "Damaged places skipped when reading the spool", Counter::default()),
            acked: metrics.register("spool_acked", "Clicks of the spool that were acked", Counter::default()),
            depth: metrics.register("spool_depth_bytes", "Bytes of the spool that are not acked yet", Gauge::default()),
        };
        let flusher = fsync.then(|| Flusher::start(writer.file(), end)).transpose().map_err(unusable)?;
        let shared = Shared {
            dir: options.dir,
            id,
            written: AtomicU64::new(end),
            more: Notify::new(),
            metrics,
            writer: Mutex::new(writer),
            flusher,
            _lock: lock,
        };
        Ok(Self(Arc::new(shared)))
    }

    /// Appends a click. When this returns, the click survives the death of the process.
    ///
    /// # Errors
    /// [`SpoolError::Write`] when the disk refuses; the spool stays as it was.
    pub fn append(&self, click: &CapturedClick) -> Result<Position, SpoolError> {
        let shared = &*self.0;
        let mut writer = shared.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let end = writer.append(Shard::of(click.workspace), click)?;
        if let Some(flusher) = &shared.flusher {
            flusher.follow(writer.file());
        }
        shared.written.store(end, Ordering::Release);
        drop(writer);
        shared.metrics.spooled.inc();
        shared.more.notify_one();
        Ok(Position(end))
    }

    /// Waits until everything before `position` has the durability that the spool was opened
    /// with: at once in class `os`, in class `fsync` for the flush that its neighbours share.
    ///
    /// # Errors
    /// [`SpoolError::Flush`] when the disk refused.
    pub async fn settled(&self, position: Position) -> Result<(), SpoolError> {
        match &self.0.flusher {
            None => Ok(()),
            Some(flusher) => flusher.settled(position.0).await,
        }
    }

    /// The end of what was appended so far.
    pub fn end(&self) -> Position {
        Position(self.0.written.load(Ordering::Acquire))
    }
}
