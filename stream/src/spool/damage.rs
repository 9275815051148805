//! Damaged places: what lies there is set aside, once, for whoever wants to look into it, and reading
//! goes on with the next sound record. Nobody can say which workspaces' clicks these were, so that their
//! loss has a metric and a standing warning instead of a counter of a workspace.
//!
//! The folder `damaged` holds a file for each place, `<offset>-<length>-<when it was found>.bytes`, all in
//! hex. At most an eighth of the spool's quota is kept, and for two days, since addresses of visitors may be
//! in it; beyond that only the name.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use domain::Millis;

use super::Shared;
use super::segment;

const FOLDER: &str = "damaged";
const EXTENSION: &str = "bytes";
const KEEP_MILLIS: i64 = 48 * 3_600_000;

/// A damaged place that was set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SetAside {
    pub offset: u64,
    /// Bytes that could not be read as records.
    pub length: u64,
    pub found_at: Millis,
}

impl SetAside {
    fn name(self) -> String {
        format!("{:016x}-{:x}-{:x}.{EXTENSION}", self.offset, self.length, self.found_at.0)
    }

    fn parse(path: &Path) -> Option<Self> {
        let stem = path.file_stem()?.to_str().filter(|_| path.extension().is_some_and(|extension| extension == EXTENSION))?;
        let mut numbers = stem.splitn(3, '-').map(|number| u64::from_str_radix(number, 16).ok());
        let (offset, length, found_at) = (numbers.next()??, numbers.next()??, numbers.next()??);
        Some(Self { offset, length, found_at: Millis(i64::try_from(found_at).ok()?) })
    }
}

/// The damaged places of a spool's folder, in order.
pub(super) fn list(dir: &Path) -> Vec<SetAside> {
    let entries = std::fs::read_dir(dir.join(FOLDER)).into_iter().flatten().flatten();
    let mut found: Vec<_> = entries.filter_map(|entry| SetAside::parse(&entry.path())).collect();
    found.sort_unstable();
    found
}

impl Shared {
    /// Counts a damaged place that begins at `offset` and keeps its bytes, unless that was done before.
    pub(super) fn set_aside(&self, offset: u64, bytes: &[u8]) {
        self.metrics.damaged.inc();
        let place = SetAside { offset, length: bytes.len() as u64, found_at: self.clock.now() };
        // Met again after a restart, or because the broker fell back.
        if list(&self.dir).iter().any(|known| (known.offset, known.length) == (place.offset, place.length)) {
            return;
        }
        if let Err(error) = self.keep_damaged(place, bytes) {
            let text = format!(
                "The spool is damaged, and what lies there cannot be set aside in {} ({error}). Let this user write that folder, and check the disk of LINKLOGGER_DATA_DIR.",
                self.dir.join(FOLDER).display(),
            );
            tracing::error!("{text}");
            self.health.warn("spool_damage_not_kept", text);
        }
        self.metrics.lost_to_damage();
        tracing::error!(offset, bytes = bytes.len(), "the spool is damaged here; what can be read after it is kept");
        self.warn_of_damage();
    }

    fn keep_damaged(&self, place: SetAside, bytes: &[u8]) -> io::Result<()> {
        let folder = self.dir.join(FOLDER);
        std::fs::create_dir_all(&folder)?;
        let kept: u64 = std::fs::read_dir(&folder)?.flatten().filter_map(|entry| entry.metadata().ok()).map(|file| file.len()).sum();
        let mut file = File::options().create_new(true).write(true).open(folder.join(place.name()))?;
        if kept + place.length > self.quota / 8 {
            return Ok(());
        }
        // Zeros, as a power cut leaves them, need no room.
        if segment::is_room(bytes) { file.set_len(place.length) } else { file.write_all(bytes) }
    }

    /// Empties what was set aside long ago.
    pub(super) fn forget_damaged(&self) {
        let now = self.clock.now();
        for place in list(&self.dir).into_iter().filter(|place| now.0 - place.found_at.0 >= KEEP_MILLIS) {
            let emptied = File::options().write(true).open(self.dir.join(FOLDER).join(place.name())).and_then(|file| file.set_len(0));
            if let Err(error) = emptied {
                tracing::warn!(%error, "what was set aside of a damaged spool cannot be emptied");
            }
        }
    }

    /// Stands for as long as the files do.
    pub(super) fn warn_of_damage(&self) {
        let places = list(&self.dir);
        let bytes: u64 = places.iter().map(|place| place.length).sum();
        if !places.is_empty() {
            let number = if places.len() == 1 { "one place".to_owned() } else { format!("{} places", places.len()) };
            let text = format!(
                "The spool was damaged in {number} ({bytes} bytes), whose clicks are lost. Check the disk of LINKLOGGER_DATA_DIR; what lay there is for two days in {}; this warning goes with the next start after the files there were removed.",
                self.dir.join(FOLDER).display(),
            );
            self.health.warn("spool_damaged", text);
        }
    }
}
