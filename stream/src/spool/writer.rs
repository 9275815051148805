//! The writing end: one open segment; each record is copied into a window of it, or written with
//! one `pwrite(2)`, behind the one before. What that costs: `make bench-append`, docs/performance.md.
//!
//! What fails to be written whole is overwritten by the next record, and behind the last one cut at
//! the next start.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use platform::config::Durability;
use platform::{Throttle, files_advice, is_out_of_files};

use super::flush::sync;
use super::segment::{self, HEADER, PREFIX, Step, Tail};
use super::windows::Windows;
use super::{MAX_RECORD, SpoolError, SpoolOptions};
use crate::record::Recorded;

#[derive(Debug)]
pub(super) struct Writer {
    dir: PathBuf,
    spool: u64,
    segment_bytes: u64,
    fsync: bool,
    file: Arc<File>,
    /// Offset of the segment's first record.
    base: u64,
    /// Bytes of whole records in the segment.
    length: u64,
    /// The segment was emptied and its successor could not be made yet.
    given_up: bool,
    /// Bytes of all segments, and how many there may be.
    used: Arc<AtomicU64>,
    quota: u64,
    /// Reused for every record.
    buffer: Vec<u8>,
    /// Not in class `fsync`: each flush would make their pages be touched again.
    windows: Option<Windows>,
    out_of_files: Throttle,
}

impl Writer {
    /// Goes on in a new segment after the last sound record of the folder, or with no room for
    /// one, in the last segment.
    pub fn open(dir: &Path, spool: u64, options: &SpoolOptions, used: Arc<AtomicU64>) -> io::Result<Self> {
        let (fsync, quota) = (options.durability == Durability::Fsync, options.quota_bytes);
        let acked = super::cursor::read(dir).offset;
        let (last, length) = match segment::list(dir)?.last() {
            Some(&last) => (last, cut_torn_tail(&segment::path(dir, last))?),
            None => (acked, 0),
        };
        let base = (last + length).max(acked);
        let (file, base, length) = match create(dir, spool, base, fsync) {
            Ok(file) => (file, base, 0),
            Err(error) if is_full(&error) && base == last + length && length > 0 => {
                (Arc::new(File::options().read(true).write(true).open(segment::path(dir, last))?), last, length)
            }
            Err(error) => return Err(error),
        };
        // Several to a quota, so that acked ones can make room.
        let segment_bytes = options.segment_bytes.min((quota / 8).max(4_096));
        let buffer = Vec::with_capacity(4_096);
        let windows = if fsync { None } else { Windows::start(dir, segment_bytes)? };
        used.store(sizes(dir)?, Ordering::Relaxed);
        Ok(Self {
            dir: dir.to_owned(),
            spool,
            segment_bytes,
            fsync,
            file,
            base,
            length,
            given_up: false,
            used,
            quota,
            buffer,
            windows,
            out_of_files: Throttle::default(),
        })
    }

    pub fn end(&self) -> u64 {
        self.base + self.length
    }

    pub fn base(&self) -> u64 {
        self.base
    }

    pub fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// How long the segment's file is with its records alone.
    fn file_length(&self) -> u64 {
        HEADER + if self.given_up { 0 } else { self.length }
    }

    /// Writes a record and returns its end.
    pub fn append(&mut self, record: &impl Recorded) -> Result<u64, SpoolError> {
        if self.given_up || self.length >= self.segment_bytes {
            match self.seal() {
                // The segment that is open takes it as well.
                Err(error) if is_out_of_files(&error) && !self.given_up => {
                    if self.out_of_files.may_tell() {
                        tracing::warn!(
                            "The spool's next segment cannot be opened ({error}); the last one goes on. {}",
                            files_advice(&error)
                        );
                    }
                }
                sealed => sealed.map_err(SpoolError::Write)?,
            }
        }
        self.buffer.clear();
        self.buffer.resize(PREFIX, 0);
        record.encode_into(&mut self.buffer);
        let shard = record.shard();
        let (prefix, payload) = self.buffer.split_at_mut(PREFIX);
        if payload.len() > MAX_RECORD {
            return Err(SpoolError::TooLarge(payload.len()));
        }
        prefix[..4].copy_from_slice(&(payload.len() as u32).to_le_bytes());
        prefix[4..8].copy_from_slice(&segment::checksum(shard.index(), payload).to_le_bytes());
        prefix[8] = shard.index();
        let bytes = self.buffer.len() as u64;
        let reserve = self.windows.as_ref().map_or(0, Windows::reserve);
        if self.used.load(Ordering::Relaxed) + bytes + reserve > self.quota {
            return Err(SpoolError::Quota(self.quota));
        }
        let place = HEADER + self.length;
        let windows = self.windows.as_mut();
        if !windows.is_some_and(|windows| windows.put(&self.file, self.base, place, &self.buffer)) {
            self.file.write_all_at(&self.buffer, place).map_err(SpoolError::Write)?;
        }
        self.used.fetch_add(bytes, Ordering::Relaxed);
        self.length += bytes;
        Ok(self.end())
    }

    /// Gives up the segment that is written to, of which everything was acked: it is emptied before
    /// its successor is made, since there may be no room for both.
    pub fn give_up_segment(&mut self) -> io::Result<()> {
        if self.length == 0 {
            return Ok(());
        }
        if !self.given_up {
            if let Some(windows) = &mut self.windows {
                windows.clear();
            }
            self.file.set_len(HEADER)?;
            self.used.fetch_sub(self.length, Ordering::Relaxed);
            self.given_up = true;
        }
        self.seal()
    }

    /// Goes on in a new segment, unless this one has no record.
    pub fn roll(&mut self) -> io::Result<()> {
        if self.length == 0 || self.given_up { Ok(()) } else { self.seal() }
    }

    fn seal(&mut self) -> io::Result<()> {
        if self.fsync {
            sync(&self.file)?;
        }
        let base = self.end();
        let file = create(&self.dir, self.spool, base, self.fsync)?;
        let length = self.file_length();
        if let Some(windows) = &mut self.windows {
            windows.cut(&self.file, length);
        }
        self.file = file;
        self.used.fetch_add(HEADER, Ordering::Relaxed);
        (self.base, self.length, self.given_up) = (base, 0, false);
        Ok(())
    }
}

/// Whether there was no room on the disk, in the user's share of it, or in what one file may have.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge)
}

impl Drop for Writer {
    fn drop(&mut self) {
        let length = self.file_length();
        if let Some(windows) = &mut self.windows {
            windows.cut(&self.file, length);
        }
    }
}

fn sizes(dir: &Path) -> io::Result<u64> {
    let bases = segment::list(dir)?;
    bases.iter().enumerate().map(|(index, base)| segment::size(dir, *base, bases.get(index + 1).copied())).sum()
}

fn create(dir: &Path, spool: u64, base: u64, fsync: bool) -> io::Result<Arc<File>> {
    // An empty segment of the same base may be there from a start without a click.
    let path = segment::path(dir, base);
    let file = File::options().create(true).truncate(true).read(true).write(true).open(&path)?;
    if let Err(error) = begin(dir, &file, &segment::header(spool, base), fsync) {
        // Without records it is of no use to anyone, and the segment before may go on past its base.
        let _ = std::fs::remove_file(&path);
        return Err(error);
    }
    Ok(Arc::new(file))
}

fn begin(dir: &Path, file: &File, header: &[u8], fsync: bool) -> io::Result<()> {
    file.write_all_at(header, 0)?;
    #[cfg(test)]
    super::power_cut::created(file);
    if fsync {
        sync(file)?;
        File::open(dir)?.sync_all()?;
    }
    Ok(())
}

/// Removes room and a torn record from behind the last segment's records, and returns their bytes. What is
/// damaged stays, and reading sets it aside.
fn cut_torn_tail(path: &Path) -> io::Result<u64> {
    let file = File::options().read(true).write(true).open(path)?;
    let size = file.metadata()?.len().saturating_sub(HEADER);
    if size == 0 {
        // Died while the segment was made.
        return Ok(0);
    }
    let mut bytes = vec![0; usize::try_from(size).unwrap_or(usize::MAX)];
    file.read_exact_at(&mut bytes, HEADER)?;
    let (mut at, mut sound) = (0, 0);
    // A damaged header costs no record: they are read all the same.
    while let Some(step) = segment::step(&bytes[at..]) {
        match step {
            Step::Record { length, .. } => {
                at += PREFIX + length;
                sound = at;
            }
            Step::Damage { bytes } => at += bytes,
        }
    }
    let end = match segment::tail(&bytes[sound..]) {
        Tail::Room | Tail::Torn(_) => sound,
        Tail::Damaged(bytes) => sound + bytes,
    } as u64;
    file.set_len(HEADER + end)?;
    Ok(end)
}
