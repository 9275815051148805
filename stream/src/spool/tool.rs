//! What `linklogger spool` does with a folder that no process uses: look, verify, deliver again.
//! No record's content is shown.

use std::fs::File;
use std::path::PathBuf;

use domain::{Loss, Millis};

use super::damage::{self, SetAside};
use super::losses::Losses;
use super::segment::{self, HEADER, PREFIX, Step, Tail};
use super::{SpoolError, cursor, lock};

/// A spool's folder, to be looked at without changing it.
#[derive(Clone, Debug)]
pub struct SpoolFolder {
    dir: PathBuf,
}

#[derive(Clone, Debug)]
pub struct SpoolReport {
    /// The spool's own id; `None` when it was never opened.
    pub id: Option<u64>,
    /// Everything before this offset is acked.
    pub cursor: u64,
    /// Why that is not known, where it is not.
    pub cursor_unread: Option<String>,
    pub segments: Vec<SegmentReport>,
    /// Records and bytes behind the cursor.
    pub unshipped: u64,
    pub unshipped_bytes: u64,
    /// When the oldest of them was captured.
    pub oldest: Option<Millis>,
    /// Counters of lost clicks that were not acked yet.
    pub losses: Vec<Loss>,
    /// Lost clicks for which there was no counter.
    pub uncounted: u64,
    /// Damaged places that were met and set aside.
    pub set_aside: Vec<SetAside>,
}

#[derive(Clone, Debug)]
pub struct SegmentReport {
    /// Offset of its first record.
    pub base: u64,
    pub bytes: u64,
    pub records: u64,
    /// Offset and length of places that cannot be read.
    pub damaged: Vec<(u64, u64)>,
    /// Of which no record depends.
    pub head_is_damaged: bool,
    /// Bytes of a record that was cut short at the end, as when a process was killed while it wrote.
    pub torn: u64,
}

/// From where records are delivered again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayFrom {
    Oldest,
    Offset(u64),
}

impl SpoolFolder {
    /// # Errors
    /// [`SpoolError::Absent`] when there is no such folder, [`SpoolError::Unusable`] when it cannot be read.
    pub fn new(dir: impl Into<PathBuf>) -> Result<Self, SpoolError> {
        let dir = dir.into();
        match std::fs::read_dir(&dir) {
            Ok(_) => Ok(Self { dir }),
            Err(reason) if reason.kind() == std::io::ErrorKind::NotFound => Err(SpoolError::Absent { dir }),
            Err(reason) => Err(SpoolError::Unusable { dir, reason }),
        }
    }

    /// Reads everything that is there, also while a process uses it.
    ///
    /// # Errors
    /// [`SpoolError::Read`].
    pub fn inspect(&self) -> Result<SpoolReport, SpoolError> {
        let (cursor, cursor_unread) = match cursor::look(&self.dir) {
            Ok(state) => (state.offset, None),
            Err(error) => (0, Some(error.to_string())),
        };
        let losses = Losses::read(&self.dir);
        let mut report = SpoolReport {
            id: cursor::read_id(&self.dir),
            cursor,
            cursor_unread,
            segments: Vec::new(),
            unshipped: 0,
            unshipped_bytes: 0,
            oldest: None,
            losses: losses.as_ref().map(Losses::pending).unwrap_or_default(),
            uncounted: losses.as_ref().map_or(0, Losses::uncounted),
            set_aside: damage::list(&self.dir),
        };
        let bases = segment::list(&self.dir).map_err(SpoolError::Read)?;
        for (index, base) in bases.iter().enumerate() {
            let end = bases.get(index + 1).copied();
            match self.read_segment(*base, end, &mut report) {
                Ok(segment) => report.segments.push(segment),
                // Acked and removed since it was listed.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(SpoolError::Read(error)),
            }
        }
        Ok(report)
    }

    fn read_segment(&self, base: u64, end: Option<u64>, report: &mut SpoolReport) -> std::io::Result<SegmentReport> {
        let path = segment::path(&self.dir, base);
        let bytes = std::fs::read(&path)?;
        let mut found = SegmentReport { base, bytes: bytes.len() as u64, records: 0, damaged: Vec::new(), head_is_damaged: false, torn: 0 };
        if !bytes.is_empty() && !segment::has_header(&File::open(&path)?, base) {
            found.head_is_damaged = true;
        }
        let records = bytes.get(HEADER as usize..).unwrap_or_default();
        // What lies behind the next segment's base was cut and has come back: nobody reads it.
        let most = end.and_then(|end| usize::try_from(end.saturating_sub(base)).ok()).unwrap_or(usize::MAX);
        let records = &records[..records.len().min(most)];
        let mut at = 0;
        while let Some(step) = segment::step(&records[at..]) {
            let offset = base + at as u64;
            match step {
                Step::Record { length, .. } => {
                    found.records += 1;
                    if offset >= report.cursor {
                        report.unshipped += 1;
                        report.unshipped_bytes += (PREFIX + length) as u64;
                        if report.oldest.is_none() {
                            let record = &records[at + PREFIX..at + PREFIX + length];
                            report.oldest = crate::decode_captured(record).ok().map(|captured| captured.made_at());
                        }
                    }
                    at += PREFIX + length;
                }
                Step::Damage { bytes } => {
                    // Behind the records of the last segment is room, and maybe what the next start cuts.
                    let tail =
                        if end.is_none() && at + bytes == records.len() { segment::tail(&records[at..]) } else { Tail::Damaged(bytes) };
                    match tail {
                        Tail::Room => found.bytes = HEADER + at as u64,
                        Tail::Torn(bytes) => found.torn = bytes as u64,
                        Tail::Damaged(written) => found.damaged.push((offset, bytes.min(written) as u64)),
                    }
                    at += bytes;
                }
            }
        }
        Ok(found)
    }

    /// Durably moves the cursor back, so that the records from there on are delivered again.
    /// Returns where it is now: never before the oldest segment, never further than it was.
    ///
    /// # Errors
    /// [`SpoolError::Locked`] while a process uses the spool; [`SpoolError::NoRecord`] when no
    /// record begins at that offset; [`SpoolError::NoCursor`] when nobody knows what was acked, so that only
    /// all can be delivered again.
    pub fn replay(&self, from: ReplayFrom) -> Result<u64, SpoolError> {
        let _lock = lock(&self.dir)?;
        let unusable = |reason| SpoolError::Unusable { dir: self.dir.clone(), reason };
        let known = cursor::look(&self.dir);
        if let (Err(error), ReplayFrom::Offset(_)) = (&known, from) {
            return Err(SpoolError::NoCursor { dir: self.dir.clone(), reason: error.to_string() });
        }
        let acked = known.map_or(0, |state| state.offset);
        let oldest = segment::list(&self.dir).map_err(SpoolError::Read)?.first().copied().unwrap_or(acked);
        let offset = match from {
            ReplayFrom::Oldest => oldest.min(acked),
            ReplayFrom::Offset(offset) if offset <= acked && self.begins_record(offset).map_err(SpoolError::Read)? => offset,
            ReplayFrom::Offset(offset) => return Err(SpoolError::NoRecord { offset, oldest, acked }),
        };
        cursor::prepare(&self.dir).map_err(unusable)?;
        cursor::set(&self.dir, offset).map_err(unusable)?;
        Ok(offset)
    }

    /// Whether `offset` is where a record or a segment's end is.
    fn begins_record(&self, offset: u64) -> std::io::Result<bool> {
        let bases = segment::list(&self.dir)?;
        let Some(&base) = bases.iter().rev().find(|base| **base <= offset) else { return Ok(false) };
        let bytes = std::fs::read(segment::path(&self.dir, base))?;
        let records = bytes.get(HEADER as usize..).unwrap_or_default();
        let mut at = 0;
        while base + at < offset {
            let rest = usize::try_from(at).ok().and_then(|at| records.get(at..)).unwrap_or_default();
            match segment::step(rest) {
                Some(Step::Record { length, .. }) => at += (PREFIX + length) as u64,
                Some(Step::Damage { bytes }) => at += bytes as u64,
                None => return Ok(false),
            }
        }
        Ok(base + at == offset)
    }
}

impl SpoolReport {
    /// Whether every record can be read. A torn tail is no damage: the next start cuts it.
    pub fn is_sound(&self) -> bool {
        self.segments.iter().all(|segment| segment.damaged.is_empty() && !segment.head_is_damaged)
    }
}
