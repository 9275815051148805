//! The spool on its own: what it survives.

use std::fs;
use std::path::{Path, PathBuf};

use platform::config::Durability;
use platform::{Metrics, Rng};
use stream::{ClickSource, LocalSource, Spool, SpoolError, SpoolOptions};

use crate::fixture::{append, captured, drain, open, open_with, workspace};

pub fn segments(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some()).collect();
    found.retain(|path| path.extension().is_some_and(|extension| extension == "seg"));
    found.sort();
    found
}

#[tokio::test]
async fn a_torn_tail_is_cut_and_writing_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    for cut in [1, 5, 9, 40] {
        let dir = folder.path().join(cut.to_string());
        let spool = open_with(&dir, Durability::Os, 1 << 20);
        append(&spool, 0, 10);
        drop(spool);
        let last = segments(&dir).pop().unwrap();
        let length = fs::metadata(&last).unwrap().len();
        fs::File::options().write(true).open(&last).unwrap().set_len(length - cut).unwrap();
        let spool = open_with(&dir, Durability::Os, 1 << 20);
        append(&spool, 10, 12);
        let received = drain(LocalSource::new(spool).lanes(), 11).await;
        assert_eq!(received.len(), 11, "cut by {cut}");
    }
}

#[tokio::test]
async fn a_missing_segment_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open_with(folder.path(), Durability::Os, 2_000);
    append(&spool, 0, 100);
    drop(spool);
    let all = segments(folder.path());
    assert!(all.len() > 4);
    fs::remove_file(&all[2]).unwrap();
    let spool = open_with(folder.path(), Durability::Os, 2_000);
    append(&spool, 100, 101);
    let received = drain(LocalSource::new(spool).lanes(), 80).await;
    assert!(received.len() < 101);
    assert_eq!(received.last().unwrap().redirect_micros, 100);
}

#[tokio::test]
async fn acked_segments_are_removed_and_offsets_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open_with(folder.path(), Durability::Os, 2_000);
    append(&spool, 0, 100);
    let before = segments(folder.path()).len();
    drain(LocalSource::new(spool.clone()).lanes(), 100).await;
    assert!(before > 5 && segments(folder.path()).len() <= 2, "{before}");
    let end = spool.end();
    drop(spool);
    let spool = open_with(folder.path(), Durability::Os, 2_000);
    assert_eq!(spool.end(), end);
    append(&spool, 100, 103);
    assert_eq!(drain(LocalSource::new(spool).lanes(), 3).await.len(), 3);
}

#[tokio::test]
async fn one_owner_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path());
    let options = || SpoolOptions::new(folder.path());
    let Err(error) = Spool::open(options(), &Rng::System, &Metrics::default()) else { panic!("opened twice") };
    assert!(matches!(error, SpoolError::Locked { .. }) && error.to_string().contains("LINKLOGGER_DATA_DIR"), "{error}");
    drop(first);
    Spool::open(options(), &Rng::System, &Metrics::default()).unwrap();
}

#[tokio::test]
async fn a_folder_that_cannot_be_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let options = SpoolOptions::new(file.join("spool"));
    let Err(error) = Spool::open(options, &Rng::System, &Metrics::default()) else { panic!("opened in a file") };
    assert!(error.to_string().contains("file/spool"), "{error}");
}

#[tokio::test]
async fn too_large_a_record_is_refused_alone() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(folder.path());
    let mut large = captured(workspace(1), 0);
    large.url = "x".repeat(17_000);
    assert!(matches!(spool.append(&large), Err(SpoolError::TooLarge(_))));
    append(&spool, 0, 2);
    assert_eq!(drain(LocalSource::new(spool).lanes(), 2).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn class_fsync_settles_many_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open_with(folder.path(), Durability::Fsync, 8_000);
    let tasks: Vec<_> = (0..200)
        .map(|number| {
            let spool = spool.clone();
            tokio::spawn(async move {
                let position = spool.append(&captured(workspace(1), number)).unwrap();
                spool.settled(position).await.unwrap();
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(drain(LocalSource::new(spool).lanes(), 200).await.len(), 200);
}
