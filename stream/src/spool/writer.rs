//! The writing end: one open segment, one `write(2)` for each record.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::{CapturedClick, Shard};

use super::segment::{self, Found, HEADER, PREFIX};
use super::{MAX_RECORD, SpoolError};
use crate::encode_record_into;

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
    /// Reused for every record.
    buffer: Vec<u8>,
}

impl Writer {
    /// Goes on in a new segment after the last sound record of the folder.
    pub fn open(dir: &Path, spool: u64, segment_bytes: u64, fsync: bool) -> io::Result<Self> {
        let base = match segment::list(dir)?.last() {
            Some(&last) => last + cut_torn_tail(&segment::path(dir, last), last)?,
            None => super::cursor::read(dir),
        };
        let base = base.max(super::cursor::read(dir));
        let file = create(dir, spool, base, fsync)?;
        Ok(Self { dir: dir.to_owned(), spool, segment_bytes, fsync, file, base, length: 0, buffer: Vec::with_capacity(4_096) })
    }

    pub fn end(&self) -> u64 {
        self.base + self.length
    }

    pub fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Writes a record and returns its end.
    pub fn append(&mut self, shard: Shard, click: &CapturedClick) -> Result<u64, SpoolError> {
        if self.length >= self.segment_bytes {
            self.seal().map_err(SpoolError::Write)?;
        }
        self.buffer.clear();
        self.buffer.resize(PREFIX, 0);
        encode_record_into(click, &mut self.buffer);
        let (prefix, payload) = self.buffer.split_at_mut(PREFIX);
        if payload.len() > MAX_RECORD {
            return Err(SpoolError::TooLarge(payload.len()));
        }
        prefix[..4].copy_from_slice(&(payload.len() as u32).to_le_bytes());
        prefix[4..8].copy_from_slice(&segment::checksum(shard.index(), payload).to_le_bytes());
        prefix[8] = shard.index();
        if let Err(error) = (&*self.file).write_all(&self.buffer) {
            // What was written of it must not stand in the next one's way.
            let _ = self.file.set_len(HEADER + self.length);
            return Err(SpoolError::Write(error));
        }
        self.length += self.buffer.len() as u64;
        Ok(self.end())
    }

    fn seal(&mut self) -> io::Result<()> {
        if self.fsync {
            self.file.sync_data()?;
        }
        let base = self.end();
        self.file = create(&self.dir, self.spool, base, self.fsync)?;
        (self.base, self.length) = (base, 0);
        Ok(())
    }
}

fn create(dir: &Path, spool: u64, base: u64, fsync: bool) -> io::Result<Arc<File>> {
    // An empty segment of the same base may be there from a start without a click. Appending
    // keeps the place right after a cut.
    let path = segment::path(dir, base);
    let mut file = File::options().create(true).append(true).read(true).open(&path)?;
    file.set_len(0)?;
    file.write_all(&segment::header(spool, base))?;
    if fsync {
        file.sync_all()?;
        File::open(dir)?.sync_all()?;
    }
    Ok(Arc::new(file))
}

/// Removes what follows the last sound record of the last segment, and returns the records' bytes.
/// Damage with sound records behind it is not a tail: it stays, and reading skips it.
fn cut_torn_tail(path: &Path, base: u64) -> io::Result<u64> {
    let file = File::options().read(true).write(true).open(path)?;
    if !segment::has_header(&file, base) {
        // Died while the segment was made; or unreadable, then its name still keeps offsets apart.
        return Ok(file.metadata()?.len().saturating_sub(HEADER));
    }
    let size = file.metadata()?.len().saturating_sub(HEADER);
    let mut bytes = vec![0; usize::try_from(size).unwrap_or(usize::MAX)];
    file.read_exact_at(&mut bytes, HEADER)?;
    let (mut at, mut sound) = (0, 0);
    loop {
        match segment::look(&bytes[at..]) {
            Found::Record { length, .. } => {
                at += PREFIX + length;
                sound = at;
            }
            Found::Damaged { length } => at += PREFIX + length,
            Found::Short | Found::Nonsense => break,
        }
    }
    file.set_len(HEADER + sound as u64)?;
    Ok(sound as u64)
}
