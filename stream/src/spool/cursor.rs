//! The cursor below which everything is acked, made durable by rename before any segment below it
//! is removed; and the spool's id.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use platform::Rng;

use super::segment;

const CURSOR: &str = "cursor";
const ID: &str = "id";

/// The durable cursor of a folder; 0 when there is none or it cannot be read, which only means
/// that clicks are delivered again.
pub(super) fn read(dir: &Path) -> u64 {
    read_number(dir, CURSOR).unwrap_or(0)
}

pub(super) fn spool_id(dir: &Path, rng: &Rng) -> io::Result<u64> {
    if let Some(id) = read_number(dir, ID) {
        return Ok(id);
    }
    let id = u64::from_le_bytes(rng.bytes());
    write_number(dir, ID, id)?;
    Ok(id)
}

fn read_number(dir: &Path, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(dir.join(name)).ok()?;
    u64::from_str_radix(text.trim(), 16).ok()
}

fn write_number(dir: &Path, name: &str, number: u64) -> io::Result<()> {
    let temporary = dir.join(format!("{name}.new"));
    let mut file = File::create(&temporary)?;
    writeln!(file, "{number:016x}")?;
    file.sync_all()?;
    std::fs::rename(&temporary, dir.join(name))?;
    File::open(dir)?.sync_all()
}

/// The reading side's memory of what was acked.
#[derive(Debug)]
pub(crate) struct Cursor {
    dir: std::path::PathBuf,
    durable: u64,
}

impl Cursor {
    pub fn open(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), durable: read(dir) }
    }

    pub fn durable(&self) -> u64 {
        self.durable
    }

    /// Makes `offset` durable, then removes the segments that end below it.
    pub fn advance(&mut self, offset: u64) -> io::Result<()> {
        if offset <= self.durable {
            return Ok(());
        }
        write_number(&self.dir, CURSOR, offset)?;
        self.durable = offset;
        let bases = segment::list(&self.dir)?;
        // The last one is being written to.
        for pair in bases.windows(2) {
            if pair[1] <= offset {
                std::fs::remove_file(segment::path(&self.dir, pair[0]))?;
            }
        }
        Ok(())
    }
}
