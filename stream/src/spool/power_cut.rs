//! A model of power cuts, for class `fsync`. A seeded run appends and settles clicks in real files
//! while a journal, which only tests have, notes how far each file was flushed. Then the power
//! goes: of every file any part that was not flushed is dropped, torn at any byte or zeroed in
//! pages. The spool must open, hold every click that was acknowledged, and nothing that was never
//! written.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{LazyLock, Mutex, PoisonError};

use domain::{Address, CapturedClick, ClickId, LinkId, Method, Millis, Outcome, WorkspaceId};
use platform::config::Durability;
use platform::{Metrics, Rng};

use super::{Reader, Spool, SpoolOptions, segment};

/// By inode: how many bytes a power cut leaves for sure.
static FLUSHED: LazyLock<Mutex<HashMap<u64, u64>>> = LazyLock::new(Mutex::default);

fn journal(file: &File, change: impl FnOnce(&mut HashMap<u64, u64>, u64, u64)) {
    let metadata = file.metadata().unwrap();
    change(&mut FLUSHED.lock().unwrap_or_else(PoisonError::into_inner), metadata.ino(), metadata.len());
}

/// The file is new; an earlier one may have had its inode.
pub(super) fn created(file: &File) {
    journal(file, |flushed, inode, _| {
        flushed.insert(inode, 0);
    });
}

/// A flush that begins now covers so many bytes.
pub(super) fn length(file: &File) -> u64 {
    file.metadata().unwrap().len()
}

/// That flush has succeeded.
pub(super) fn flushed(file: &File, length: u64) {
    journal(file, |flushed, inode, _| {
        let known = flushed.entry(inode).or_default();
        *known = length.max(*known);
    });
}

const SEEDS: u64 = 1_200;
const PAGE: u64 = 512;

fn click(seed: u64, number: u64, rng: &Rng) -> CapturedClick {
    CapturedClick {
        id: ClickId::new(Millis(1_772_366_400_000), rng.entropy()),
        workspace: WorkspaceId::new(Millis(0), [(number % 5) as u8; 10]),
        link: LinkId::new(Millis(0), [1; 10]),
        link_version: 1,
        outcome: Outcome::Redirected,
        status: 302,
        method: Method::Get,
        url: format!("http://go.example/{seed}?n={}", "x".repeat(rng.below(900) as usize)),
        target: "https://example.com/".into(),
        address: Address::Unknown,
        user_agent: None,
        referrer: None,
        accept_language: None,
        redirect_micros: number as u32,
        rule: None,
        above_rate: false,
        signals: domain::Signals::default(),
        judged: None,
    }
}

fn open(dir: &Path, rng: &Rng) -> Spool {
    let options = SpoolOptions { durability: Durability::Fsync, segment_bytes: 3_000, ..SpoolOptions::new(dir) };
    Spool::open(options, rng, &Metrics::default()).unwrap()
}

/// Appends clicks, several at once; those whose durability was waited for are acknowledged.
async fn run(spool: &Spool, seed: u64, rng: &Rng, written: &mut Vec<CapturedClick>, acknowledged: &mut HashSet<ClickId>) {
    for _ in 0..1 + rng.below(8) {
        let group: Vec<_> = (0..1 + rng.below(5))
            .map(|number| {
                let click = click(seed, number, rng);
                let position = spool.append(&click).unwrap();
                written.push(click.clone());
                (click.id, position)
            })
            .collect();
        let waited = rng.below(group.len() as u64 + 1) as usize;
        for (id, position) in &group[..waited] {
            spool.settled(*position).await.unwrap();
            acknowledged.insert(*id);
        }
    }
}

/// Leaves of every segment what the disk had, and something of what it had not.
fn cut_power(from: &Path, to: &Path, rng: &Rng) {
    std::fs::create_dir_all(to).unwrap();
    for name in ["id", "cursor", "losses"] {
        std::fs::copy(from.join(name), to.join(name)).unwrap();
    }
    for base in segment::list(from).unwrap() {
        let path = segment::path(from, base);
        let mut safe = 0;
        journal(&File::open(&path).unwrap(), |flushed, inode, _| safe = flushed.get(&inode).copied().unwrap_or(0));
        let mut bytes = std::fs::read(&path).unwrap();
        let length = bytes.len() as u64;
        // A torn tail that was cut at a start is shorter than what was flushed of it.
        let safe = safe.min(length);
        match rng.below(3) {
            0 => bytes.truncate((safe + rng.below(length - safe + 1)) as usize),
            1 => {
                for page in safe.div_ceil(PAGE)..length.div_ceil(PAGE) {
                    if rng.below(2) == 0 {
                        let range = (page * PAGE) as usize..((page + 1) * PAGE).min(length) as usize;
                        bytes[range].fill(0);
                    }
                }
            }
            _ => bytes[safe as usize..].fill(0),
        }
        // A file that was never flushed may not even have its name.
        if safe > 0 || rng.below(2) == 0 {
            let path = segment::path(to, base);
            std::fs::write(&path, bytes).unwrap();
            // What is there after the cut is on the disk.
            journal(&File::open(&path).unwrap(), |flushed, inode, length| {
                flushed.insert(inode, length);
            });
        }
    }
}

fn read(spool: &Spool) -> Vec<CapturedClick> {
    let entries = Reader::new(spool.clone(), 0).read(usize::MAX).unwrap();
    entries.iter().map(|entry| crate::decode_record(&entry.record).unwrap()).collect()
}

fn check(seed: u64, found: &[CapturedClick], written: &[CapturedClick], acknowledged: &HashSet<ClickId>) {
    let ids: HashSet<ClickId> = found.iter().map(|click| click.id).collect();
    let missing = acknowledged.iter().filter(|id| !ids.contains(id)).count();
    assert_eq!(missing, 0, "seed {seed}: acknowledged clicks are gone");
    let mut rest = written.iter();
    for click in found {
        assert!(rest.any(|other| other == click), "seed {seed}: a click was invented, changed or moved");
    }
}

#[test]
fn no_acknowledged_click_is_lost_by_a_power_cut() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    // In memory a flush costs nothing; what it would leave is the journal's to say.
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let (mut acknowledged_in_all, mut lost_in_all) = (0, 0);
    for seed in 0..SEEDS {
        let rng = Rng::seeded(seed);
        let (mut written, mut acknowledged) = (Vec::new(), HashSet::new());
        let mut dir = folder.path().join(seed.to_string());
        // A second cut finds what the first one left.
        for cut in 0..2 {
            let spool = open(&dir, &rng);
            runtime.block_on(run(&spool, seed, &rng, &mut written, &mut acknowledged));
            drop(spool);
            let after = folder.path().join(format!("{seed}-{cut}"));
            cut_power(&dir, &after, &rng);
            std::fs::remove_dir_all(&dir).unwrap();
            dir = after;
            let found = read(&open(&dir, &rng));
            check(seed, &found, &written, &acknowledged);
            lost_in_all += written.len() - found.len();
        }
        acknowledged_in_all += acknowledged.len();
        std::fs::remove_dir_all(&dir).unwrap();
    }
    // The model must do harm, or it shows nothing. How much depends on when the flushing thread runs.
    assert!(acknowledged_in_all > 5_000 && lost_in_all > 100, "{acknowledged_in_all} {lost_in_all}");
}
