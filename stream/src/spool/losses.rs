//! The counters of clicks that could not be kept, by workspace, minute and reason: one file of a
//! fixed size, written out when it is made, so that a full disk cannot keep it from being
//! counted in. A count is one `pwrite(2)` in place and survives the death of the process.
//!
//! A counter has an id of its own and only ever rises; what is sent is its state, so that sending
//! it twice changes nothing. A slot is used again when its state was acked and its minute is over.
//! With no slot left a click is counted in another minute of its workspace, else in a number of
//! its own that `inspect` shows.
//!
//! ```text
//! slot 0: "LLLOST\0\0", version u32, 4 bytes zero, page id u64, uncounted u64, zeros, CRC-32C u32
//! others: workspace 16 bytes, serial u64, minute i64, count u64, acked u64, reason u32, zeros, CRC-32C u32
//! ```

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use domain::{Loss, LossReason, Millis, WorkspaceId};
use platform::Rng;
use uuid::Uuid;

const FILE: &str = "losses";
const MAGIC: &[u8; 8] = b"LLLOST\0\0";
const VERSION: u32 = 1;
const SLOT: usize = 64;
const SLOTS: usize = 1_024;
const MINUTE: i64 = 60_000;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Slot {
    workspace: u128,
    /// 0 in a slot that was never used.
    serial: u64,
    minute: i64,
    count: u64,
    acked: u64,
    reason: u32,
}

#[derive(Debug)]
pub(crate) struct Losses {
    file: File,
    page: u64,
    uncounted: u64,
    slots: Vec<Slot>,
}

impl Losses {
    pub fn open(dir: &Path, rng: &Rng) -> io::Result<Self> {
        let file = File::options().create(true).truncate(false).read(true).write(true).open(dir.join(FILE))?;
        if let Some(losses) = Self::load(file.try_clone()?) {
            return Ok(losses);
        }
        let losses = Self { file, page: u64::from_le_bytes(rng.bytes()), uncounted: 0, slots: vec![Slot::default(); SLOTS - 1] };
        losses.file.write_all_at(&[0; SLOT * SLOTS], 0)?;
        losses.write_header()?;
        losses.file.sync_all()?;
        Ok(losses)
    }

    /// Reads the counters of a folder without touching them.
    pub fn read(dir: &Path) -> Option<Self> {
        Self::load(File::open(dir.join(FILE)).ok()?)
    }

    fn load(file: File) -> Option<Self> {
        let mut bytes = vec![0; SLOT * SLOTS];
        file.read_exact_at(&mut bytes, 0).ok()?;
        let mut slots = bytes.as_chunks::<SLOT>().0.iter();
        let header = slots.next().filter(|header| is_sound(header) && header.starts_with(MAGIC))?;
        let (page, uncounted) = (number(header, 16), number(header, 24));
        Some(Self { file, page, uncounted, slots: slots.map(Slot::decode).collect() })
    }

    /// Counts one click.
    pub fn count(&mut self, workspace: WorkspaceId, at: Millis, reason: LossReason) -> io::Result<()> {
        let key = Slot {
            workspace: workspace.0.as_u128(),
            minute: reason.minute(at.0.div_euclid(MINUTE)),
            reason: u32::from(reason.code().unsigned_abs()),
            ..Slot::default()
        };
        let Some(index) = self.slot_for(&key) else {
            self.uncounted += 1;
            return self.write_header();
        };
        self.slots[index].count += 1;
        self.write(index)
    }

    fn slot_for(&mut self, key: &Slot) -> Option<usize> {
        let same = |slot: &Slot| slot.serial > 0 && (slot.workspace, slot.reason) == (key.workspace, key.reason);
        if let Some(index) = self.slots.iter().position(|slot| same(slot) && slot.minute == key.minute) {
            return Some(index);
        }
        let free = |slot: &Slot| slot.serial == 0 || (slot.count == slot.acked && slot.minute != key.minute);
        if let Some(index) = self.slots.iter().position(free) {
            let serial = self.slots.iter().map(|slot| slot.serial).max().unwrap_or(0) + 1;
            self.slots[index] = Slot { serial, ..*key };
            return Some(index);
        }
        self.slots.iter().position(same)
    }

    /// The counters whose state was not acked yet.
    pub fn pending(&self) -> Vec<Loss> {
        self.slots.iter().filter(|slot| slot.count > slot.acked).map(|slot| slot.loss(self.page)).collect()
    }

    /// These states were stored.
    pub fn acked(&mut self, losses: &[Loss]) -> io::Result<()> {
        for loss in losses {
            let found = self.slots.iter().position(|slot| slot.serial > 0 && slot.loss(self.page).counter == loss.counter);
            if let Some(index) = found {
                self.slots[index].acked = self.slots[index].acked.max(loss.count);
                self.write(index)?;
            }
        }
        Ok(())
    }

    /// Whatever was acked may be gone: all counters that still have their slot are told again.
    pub fn tell_again(&mut self) -> io::Result<()> {
        for index in 0..self.slots.len() {
            if std::mem::take(&mut self.slots[index].acked) > 0 {
                self.write(index)?;
            }
        }
        Ok(())
    }

    /// Clicks for which no counter was left.
    pub fn uncounted(&self) -> u64 {
        self.uncounted
    }

    fn write(&self, index: usize) -> io::Result<()> {
        self.file.write_all_at(&self.slots[index].encode(), ((index + 1) * SLOT) as u64)
    }

    fn write_header(&self) -> io::Result<()> {
        let mut bytes = [0; SLOT];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.page.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.uncounted.to_le_bytes());
        self.file.write_all_at(&seal(bytes), 0)
    }
}

impl Slot {
    fn loss(&self, page: u64) -> Loss {
        Loss {
            counter: Uuid::from_u64_pair(page, self.serial),
            workspace: WorkspaceId(Uuid::from_u128(self.workspace)),
            minute: self.minute,
            reason: LossReason::from_code(i16::try_from(self.reason).unwrap_or(0)),
            count: self.count,
        }
    }

    fn encode(&self) -> [u8; SLOT] {
        let mut bytes = [0; SLOT];
        bytes[..16].copy_from_slice(&self.workspace.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.serial.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.minute.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.count.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.acked.to_le_bytes());
        bytes[48..52].copy_from_slice(&self.reason.to_le_bytes());
        seal(bytes)
    }

    /// A slot that a power cut tore is an empty one.
    fn decode(bytes: &[u8; SLOT]) -> Self {
        if !is_sound(bytes) {
            return Self::default();
        }
        Self {
            workspace: u128::from(number(bytes, 0)) | u128::from(number(bytes, 8)) << 64,
            serial: number(bytes, 16),
            minute: number(bytes, 24).cast_signed(),
            count: number(bytes, 32),
            acked: number(bytes, 40),
            reason: (number(bytes, 48) & 0xffff_ffff) as u32,
        }
    }
}

fn number(bytes: &[u8; SLOT], at: usize) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(number)
}

fn seal(mut bytes: [u8; SLOT]) -> [u8; SLOT] {
    let crc = crc32c::crc32c(&bytes[..SLOT - 4]);
    bytes[SLOT - 4..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

fn is_sound(bytes: &[u8; SLOT]) -> bool {
    bytes[SLOT - 4..] == crc32c::crc32c(&bytes[..SLOT - 4]).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace(number: u128) -> WorkspaceId {
        WorkspaceId(Uuid::from_u128(number))
    }

    fn states(losses: &Losses) -> Vec<(u128, i64, u64)> {
        losses.pending().iter().map(|loss| (loss.workspace.0.as_u128(), loss.minute, loss.count)).collect()
    }

    #[test]
    fn counts_outlive_the_process_until_they_are_acked() {
        let folder = tempfile::tempdir().unwrap();
        let mut losses = Losses::open(folder.path(), &Rng::seeded(1)).unwrap();
        for at in [0, 59_999, 60_000] {
            losses.count(workspace(1), Millis(at), LossReason::Quota).unwrap();
        }
        drop(losses);
        let mut losses = Losses::open(folder.path(), &Rng::seeded(2)).unwrap();
        assert_eq!(states(&losses), [(1, 0, 2), (1, 1, 1)]);
        let before = losses.pending();
        losses.count(workspace(1), Millis(1), LossReason::Quota).unwrap();
        losses.acked(&before).unwrap();
        // The one counted meanwhile is told as a larger state of the same counter.
        assert_eq!(states(&losses), [(1, 0, 3)]);
        assert_eq!(losses.pending()[0].counter, before[0].counter);
    }

    #[test]
    fn a_counter_is_used_again_under_another_id() {
        let folder = tempfile::tempdir().unwrap();
        let mut losses = Losses::open(folder.path(), &Rng::seeded(1)).unwrap();
        losses.count(workspace(1), Millis(0), LossReason::Disk).unwrap();
        let first = losses.pending();
        losses.acked(&first).unwrap();
        losses.count(workspace(2), Millis(60_000), LossReason::Disk).unwrap();
        assert_ne!(losses.pending()[0].counter, first[0].counter);
    }

    #[test]
    fn with_no_counter_left_minutes_are_joined_and_nothing_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let mut losses = Losses::open(folder.path(), &Rng::seeded(1)).unwrap();
        for number in 0..2_000 {
            losses.count(workspace(number % 1_100), Millis(number as i64 * 60_000), LossReason::Disk).unwrap();
        }
        let counted: u64 = losses.pending().iter().map(|loss| loss.count).sum();
        assert_eq!((counted + losses.uncounted(), losses.pending().len()), (2_000, 1_023));
        let uncounted = losses.uncounted();
        drop(losses);
        assert_eq!(Losses::read(folder.path()).unwrap().uncounted(), uncounted);
    }
}
