//! The reading end: records in the order of their offsets, never beyond what was written whole.
//! What cannot be read is set aside (`damage.rs`), and reading goes on behind it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use domain::{Millis, Shard};
use platform::{Throttle, files_advice, is_out_of_files};
use tokio::time::Instant;

use super::segment::{self, Found, HEADER, PREFIX, Step};
use super::{Spool, SpoolError};

const CHUNK: usize = 256 * 1_024;
/// How long records gather once one has come after a pause: what comes with it is read with it.
const GATHER: Duration = Duration::from_millis(1);
/// How long they gather from one reading to the next: for each few of them, the reading thread and what
/// sends them would cost the writing ones more than the reading itself.
const BETWEEN: Duration = Duration::from_millis(4);
/// How long a segment is left alone that cannot be opened for want of files.
const NO_FILES: Duration = Duration::from_millis(100);

/// A record read back.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub start: u64,
    pub end: u64,
    pub shard: Shard,
    pub record: Bytes,
}

impl Entry {
    /// When its click was captured, which its id tells; `None` for a record that nobody can read.
    pub fn captured_at(&self) -> Option<Millis> {
        crate::decode_captured(&self.record).ok().map(|captured| captured.made_at())
    }
}

#[derive(Debug)]
pub(crate) struct Reader {
    spool: Spool,
    /// Where the next record begins.
    offset: u64,
    segment: Option<Open>,
    /// Bytes from `offset` on.
    buffer: BytesMut,
    /// When records have gathered.
    gathered: Instant,
    out_of_files: Throttle,
}

#[derive(Debug)]
struct Open {
    file: File,
    base: u64,
    /// Base of the segment after this one; `None` for the one that is written to.
    next: Option<u64>,
}

impl Reader {
    pub fn new(spool: Spool, from: u64) -> Self {
        Self { spool, offset: from, segment: None, buffer: BytesMut::new(), gathered: Instant::now(), out_of_files: Throttle::default() }
    }

    /// Everything before this was read.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The next records, at least one: waits for it. Nothing is lost where the wait is given up.
    pub async fn next(&mut self, most: usize) -> Result<Vec<Entry>, SpoolError> {
        loop {
            tokio::time::sleep_until(self.gathered).await;
            // Asked for before looking, so that an append in between is not slept through.
            let spool = self.spool.clone();
            let more = spool.0.more.notified();
            let entries = match self.read(most) {
                // Some file will be closed; until then records wait where they are.
                Err(SpoolError::Read(error)) if is_out_of_files(&error) => {
                    if self.out_of_files.may_tell() {
                        tracing::warn!("The spool cannot be read on ({error}); clicks wait in it. {}", files_advice(&error));
                    }
                    self.gathered = Instant::now() + NO_FILES;
                    continue;
                }
                entries => entries?,
            };
            if !entries.is_empty() {
                // A backlog does not wait.
                if entries.len() < most {
                    self.gathered = Instant::now() + BETWEEN;
                }
                return Ok(entries);
            }
            more.await;
            self.gathered = Instant::now() + GATHER;
        }
    }

    /// The records at hand, up to `most`.
    pub fn read(&mut self, most: usize) -> Result<Vec<Entry>, SpoolError> {
        let mut entries = Vec::new();
        match self.read_into(&mut entries, most) {
            // What was read goes first; the error comes again.
            Err(_) if !entries.is_empty() => Ok(entries),
            done => done.map(|()| entries),
        }
    }

    fn read_into(&mut self, entries: &mut Vec<Entry>, most: usize) -> Result<(), SpoolError> {
        let written = self.spool.0.written.load(Ordering::Acquire);
        while entries.len() < most && self.offset < written {
            match segment::look(&self.buffer) {
                Found::Record { shard, length } if let Some(shard) = Shard::from_index(shard) => {
                    let start = self.offset;
                    self.skip(PREFIX);
                    let record = self.buffer.split_to(length).freeze();
                    self.offset += length as u64;
                    entries.push(Entry { start, end: self.offset, shard, record });
                }
                Found::Short if self.fill(written).map_err(SpoolError::Read)? => {}
                Found::Short if self.buffer.is_empty() => self.leave_segment(written)?,
                _ => self.pass_damage(written)?,
            }
        }
        Ok(())
    }

    fn skip(&mut self, bytes: usize) {
        self.buffer.advance(bytes);
        self.offset += bytes as u64;
    }

    /// Sets aside what lies before the next sound record, for which the rest of the segment has to be known.
    fn pass_damage(&mut self, written: u64) -> Result<(), SpoolError> {
        while self.fill(written).map_err(SpoolError::Read)? {}
        if let Some(Step::Damage { bytes }) = segment::step(&self.buffer) {
            self.spool.0.set_aside(self.offset, &self.buffer[..bytes]);
            self.skip(bytes);
        }
        Ok(())
    }

    /// Reads on into the buffer. False when the segment holds no more.
    fn fill(&mut self, written: u64) -> io::Result<bool> {
        if self.segment.is_none() {
            self.segment = self.open()?;
        }
        let Some(open) = &mut self.segment else { return Ok(false) };
        // What stands behind the last record of a segment is nobody's.
        if open.next.is_none() && open.base != self.spool.0.writing.load(Ordering::Relaxed) {
            open.next = segment::list(&self.spool.0.dir)?.into_iter().find(|base| *base > open.base);
        }
        let from = self.offset + self.buffer.len() as u64;
        let end = open.next.unwrap_or(written).min(written);
        let most = usize::try_from(end.saturating_sub(from)).unwrap_or(CHUNK).min(CHUNK);
        if most == 0 {
            return Ok(false);
        }
        let held = self.buffer.len();
        self.buffer.resize(held + most, 0);
        let read = open.file.read_at(&mut self.buffer[held..], HEADER + (from - open.base));
        self.buffer.truncate(held + *read.as_ref().unwrap_or(&0));
        Ok(read? > 0)
    }

    /// The segment that holds `offset`, or the first one after it.
    fn open(&mut self) -> io::Result<Option<Open>> {
        let bases = segment::list(&self.spool.0.dir)?;
        let at = bases.partition_point(|base| *base <= self.offset).saturating_sub(1);
        let Some(&base) = bases.get(at) else { return Ok(None) };
        let file = File::open(segment::path(&self.spool.0.dir, base))?;
        if !segment::has_header(&file, base) {
            self.spool.0.metrics.damaged.inc();
            tracing::warn!(
                segment = base,
                "the head of a segment of the spool is damaged; its records are read all the same. Check the disk of LINKLOGGER_DATA_DIR."
            );
        }
        self.offset = self.offset.max(base);
        Ok(Some(Open { file, base, next: bases.get(at + 1).copied() }))
    }

    /// Goes on with the next segment.
    fn leave_segment(&mut self, written: u64) -> Result<(), SpoolError> {
        let bases = segment::list(&self.spool.0.dir).map_err(SpoolError::Read)?;
        let here = self.segment.take().map(|open| open.base);
        let next = bases.into_iter().find(|base| here.is_none_or(|here| *base > here) && *base >= self.offset);
        // With no segment to go on with, whatever stood here is gone.
        self.offset = next.unwrap_or(written);
        Ok(())
    }
}
