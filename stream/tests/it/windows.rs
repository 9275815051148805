//! Windows of the open segment: what is copied into them is as safe as what is written, and what
//! they take beyond the records is nobody's loss.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use platform::config::Durability;
use stream::{ClickSource, LocalSource, Spool, SpoolFolder};
use tempfile::TempDir;
use testkit::wait_until;

use crate::fixture::{PATIENCE, append, drain, open_with};

/// Windows of 128 KiB.
const SEGMENT: u64 = 1 << 20;

/// A folder in memory, where windows are used for sure.
fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap()
}

fn open(dir: &Path) -> Spool {
    open_with(dir, Durability::Os, SEGMENT)
}

/// How many windows of this folder's segments are mapped.
fn mapped(dir: &Path) -> usize {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    maps.lines().filter(|line| line.contains(dir.to_str().unwrap()) && line.ends_with(".seg")).count()
}

async fn until_mapped(dir: &Path) {
    wait_until(PATIENCE, "windows", async || (mapped(dir) == 2).then_some(())).await;
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut segments: Vec<_> = files.filter(|path| path.extension().is_some_and(|extension| extension == "seg")).collect();
    segments.sort();
    segments
}

/// What a killed process leaves: the files as they are while it runs.
fn left_behind(dir: &Path) -> TempDir {
    let copy = folder();
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    copy
}

/// What a process leaves that is killed after so many records.
async fn killed_after(records: u32) -> TempDir {
    let folder = folder();
    let spool = open(folder.path());
    append(&spool, 0, 1);
    until_mapped(folder.path()).await;
    append(&spool, 1, records);
    left_behind(folder.path())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_go_through_windows_over_all_segments() {
    let folder = folder();
    let spool = open(folder.path());
    append(&spool, 0, 1);
    until_mapped(folder.path()).await;
    let appending = spool.clone();
    let appended = tokio::task::spawn_blocking(move || append(&appending, 1, 20_000));
    let received = drain(LocalSource::new(spool.clone()).lanes(), 20_000).await;
    let mut numbers: Vec<_> = received.iter().map(|click| click.redirect_micros).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..20_000).collect::<Vec<_>>());
    appended.await.unwrap();
    // Of windows no more than two are mapped, whatever was written.
    wait_until(PATIENCE, "old windows to go", async || (mapped(folder.path()) <= 2).then_some(())).await;
}

#[tokio::test]
async fn closing_leaves_records_only() {
    let folder = folder();
    let spool = open(folder.path());
    append(&spool, 0, 1);
    until_mapped(folder.path()).await;
    append(&spool, 1, 10_000);
    let end = spool.end();
    drop(spool);
    assert_eq!(mapped(folder.path()), 0);
    let report = SpoolFolder::new(folder.path()).unwrap().inspect().unwrap();
    let on_disk: Vec<u64> = segments(folder.path()).iter().map(|path| path.metadata().unwrap().len()).collect();
    assert!(report.is_sound() && on_disk.len() > 1, "{report:?}");
    // A header of 32 bytes each.
    let records: u64 = on_disk.iter().map(|bytes| bytes - 32).sum();
    let spool = open(folder.path());
    assert_eq!((records, spool.end()), (report.unshipped_bytes, end));
}

#[tokio::test]
async fn room_that_a_killed_process_leaves_is_no_damage() {
    let copy = killed_after(100).await;
    let report = SpoolFolder::new(copy.path()).unwrap().inspect().unwrap();
    let last = report.segments.last().unwrap();
    assert!(report.is_sound() && (last.records, last.torn) == (100, 0), "{report:?}");
    assert!(last.bytes < segments(copy.path()).pop().unwrap().metadata().unwrap().len(), "no room was left: {report:?}");
    let spool = open(copy.path());
    append(&spool, 100, 110);
    assert_eq!(drain(LocalSource::new(spool).lanes(), 110).await.len(), 110);
}

#[tokio::test]
async fn a_record_half_copied_is_cut() {
    let copy = killed_after(100).await;
    let report = SpoolFolder::new(copy.path()).unwrap().inspect().unwrap();
    let last = segments(copy.path()).pop().unwrap();
    let file = fs::File::options().read(true).write(true).open(last).unwrap();
    // The first half of the first record again: its length is right, its content not.
    let mut half = [0; 80];
    file.read_exact_at(&mut half, 32).unwrap();
    file.write_all_at(&half, report.segments.last().unwrap().bytes).unwrap();
    let spool = open(copy.path());
    append(&spool, 100, 110);
    let received = drain(LocalSource::new(spool.clone()).lanes(), 110).await;
    assert_eq!(received.len(), 110);
    drop(spool);
    assert!(SpoolFolder::new(copy.path()).unwrap().inspect().unwrap().is_sound());
}
