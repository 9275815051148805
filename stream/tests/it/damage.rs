//! A spool of which a part cannot be read: the rest is delivered, and what was lost is set aside, counted
//! and warned of.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::Millis;
use platform::config::Durability;
use platform::{Clock, Health, Metrics, Rng};
use stream::{ClickSource, LocalSource, Spool, SpoolFolder, SpoolOptions};
use testkit::wait_until;

use crate::fixture::{PATIENCE, append, drain, open_with};
use crate::spool::segments;

const HEADER: usize = 32;
const PREFIX: usize = 9;

/// Where each record of a segment begins in its file, and where the last one ends.
fn places(bytes: &[u8]) -> Vec<usize> {
    let mut places = vec![HEADER];
    while let Some(prefix) = bytes.get(*places.last().unwrap()..).and_then(|rest| rest.first_chunk::<4>()) {
        places.push(places.last().unwrap() + PREFIX + u32::from_le_bytes(*prefix) as usize);
    }
    places
}

/// Ten records, with something done to the bytes of their segment, given where each record begins.
fn damaged(dir: &Path, harm: impl FnOnce(&mut Vec<u8>, &[usize])) -> PathBuf {
    append(&open_with(dir, Durability::Os, 1 << 20), 0, 10);
    let path = segments(dir).pop().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let places = places(&bytes);
    assert_eq!((places.len(), *places.last().unwrap()), (11, bytes.len()));
    harm(&mut bytes, &places);
    fs::write(&path, bytes).unwrap();
    path
}

struct Reopened {
    spool: Spool,
    metrics: Metrics,
    health: Health,
}

fn reopen(dir: &Path) -> Reopened {
    reopen_at(dir, &Clock::System)
}

fn reopen_at(dir: &Path, clock: &Clock) -> Reopened {
    let (metrics, health) = (Metrics::default(), Health::default());
    let options =
        SpoolOptions { health: health.clone(), clock: clock.clone(), keep_acked: Duration::from_secs(60), ..SpoolOptions::new(dir) };
    Reopened { spool: Spool::open(options, &Rng::System, &metrics).unwrap(), metrics, health }
}

/// The numbers of the clicks that are delivered, of `expected` many.
async fn delivered(spool: &Spool, expected: usize) -> Vec<u32> {
    let clicks = drain(LocalSource::new(spool.clone()).lanes(), expected).await;
    let mut numbers: Vec<u32> = clicks.iter().map(|click| click.redirect_micros).collect();
    numbers.sort_unstable();
    numbers
}

type Harm = Box<dyn FnOnce(&mut Vec<u8>, &[usize])>;

#[tokio::test]
async fn damage_costs_the_records_that_it_covers() {
    let cases: Vec<(&str, Vec<u32>, usize, Harm)> = vec![
        ("a bit of the content", vec![4], 1, Box::new(|bytes, at| bytes[at[4] + 40] ^= 1)),
        ("a length too long for any record", vec![4], 1, Box::new(|bytes, at| bytes[at[4] + 3] ^= 0x80)),
        ("a length beyond the segment", vec![4], 1, Box::new(|bytes, at| bytes[at[4] + 1] ^= 0x20)),
        ("a length that is another one", vec![4], 1, Box::new(|bytes, at| bytes[at[4]] ^= 0x08)),
        ("a shard that is none", vec![4], 1, Box::new(|bytes, at| bytes[at[4] + 8] ^= 0x80)),
        ("the first record", vec![0], 1, Box::new(|bytes, at| bytes[at[0] + 20] ^= 1)),
        ("two neighbours", vec![4, 5], 2, Box::new(|bytes, at| [at[4] + 40, at[5] + 40].iter().for_each(|at| bytes[*at] ^= 1))),
        ("zeros over the end of one and the next", vec![2, 3], 1, Box::new(|bytes, at| bytes[at[2] + 60..at[4]].fill(0))),
        ("the last record", vec![9], 1, Box::new(|bytes, at| bytes[at[9] + 40] ^= 1)),
        (
            "the last three",
            vec![7, 8, 9],
            3,
            Box::new(|bytes, at| [at[7] + 40, at[8] + 40, at[9] + 40].iter().for_each(|at| bytes[*at] ^= 1)),
        ),
        ("noise over the last two", vec![8, 9], 1, Box::new(|bytes, at| bytes[at[8]..].fill(0xa5))),
        ("noise over the beginning of one", vec![7], 1, Box::new(|bytes, at| bytes[at[7]..at[7] + 50].fill(0xa5))),
    ];
    for (case, lost, places, harm) in cases {
        let folder = tempfile::tempdir().unwrap();
        let path = damaged(folder.path(), harm);
        let harmed = fs::read(path).unwrap();
        let report = SpoolFolder::new(folder.path()).unwrap().inspect().unwrap();
        assert_eq!((report.segments[0].records, report.is_sound()), (10 - lost.len() as u64, false), "{case}: {report:?}");
        let Reopened { spool, metrics, health } = reopen(folder.path());
        assert!(health.snapshot().warnings.is_empty(), "{case}");
        append(&spool, 10, 12);
        let expected: Vec<u32> = (0..12).filter(|number| !lost.contains(number)).collect();
        assert_eq!(delivered(&spool, expected.len()).await, expected, "{case}");
        let text = metrics.encode();
        assert!(text.contains(&format!("linklogger_spool_lost_total{{reason=\"damaged\"}} {places}")), "{case}: {text}");
        assert!(text.contains("linklogger_spool_depth_bytes 0"), "{case}: {text}");
        let warning = health.snapshot().warnings.join("\n");
        assert!(warning.contains("The spool was damaged in ") && warning.contains("LINKLOGGER_DATA_DIR"), "{case}: {warning}");
        let aside = SpoolFolder::new(folder.path()).unwrap().inspect().unwrap().set_aside;
        let mut kept: Vec<_> = fs::read_dir(folder.path().join("damaged")).unwrap().map(|entry| entry.unwrap().path()).collect();
        kept.sort();
        assert_eq!((aside.len(), kept.len()), (places, places), "{case}");
        for (place, kept) in aside.iter().zip(kept) {
            let at = HEADER + place.offset as usize;
            assert_eq!(fs::read(kept).unwrap(), &harmed[at..at + place.length as usize], "{case}");
        }
    }
}

#[tokio::test]
async fn a_damaged_head_costs_no_record() {
    let folder = tempfile::tempdir().unwrap();
    damaged(folder.path(), |bytes, _| bytes[25] ^= 1);
    let report = SpoolFolder::new(folder.path()).unwrap().inspect().unwrap();
    assert!(!report.is_sound() && report.segments[0].head_is_damaged && report.unshipped == 10, "{report:?}");
    let Reopened { spool, metrics, .. } = reopen(folder.path());
    assert_eq!(delivered(&spool, 10).await, (0..10).collect::<Vec<_>>());
    let text = metrics.encode();
    assert!(text.contains("spool_damaged_total 1") && text.contains("spool_lost_total{reason=\"damaged\"} 0"), "{text}");
}

#[tokio::test]
async fn what_cannot_be_set_aside_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    damaged(folder.path(), |bytes, at| bytes[at[4] + 40] ^= 1);
    fs::write(folder.path().join("damaged"), "").unwrap();
    let Reopened { spool, health, .. } = reopen(folder.path());
    assert_eq!(delivered(&spool, 9).await.len(), 9);
    let warning = health.snapshot().warnings.join("\n");
    assert!(warning.contains("cannot be set aside") && warning.contains("Let this user write"), "{warning}");
}

#[tokio::test]
async fn damage_is_counted_once_and_warned_of_until_it_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    damaged(folder.path(), |bytes, at| bytes[at[4] + 40] ^= 1);
    let first = reopen(folder.path());
    assert_eq!(delivered(&first.spool, 9).await.len(), 9);
    drop(first);
    // As a restart does that comes before anything was acked.
    fs::write(folder.path().join("cursor"), [0; 1_024]).unwrap();
    let second = reopen(folder.path());
    assert_eq!(second.health.snapshot().warnings.len(), 1);
    assert_eq!(delivered(&second.spool, 9).await.len(), 9);
    let text = second.metrics.encode();
    assert!(text.contains("spool_damaged_total 1") && text.contains("spool_lost_total{reason=\"damaged\"} 0"), "{text}");
    drop(second);
    fs::remove_dir_all(folder.path().join("damaged")).unwrap();
    assert!(reopen(folder.path()).health.snapshot().warnings.is_empty());
}

#[tokio::test]
async fn what_is_set_aside_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    damaged(folder.path(), |bytes, at| bytes[at[1]..at[9]].fill(0xa5));
    let options = SpoolOptions { quota_bytes: 8_192, ..SpoolOptions::new(folder.path()) };
    let spool = Spool::open(options, &Rng::System, &Metrics::default()).unwrap();
    assert_eq!(delivered(&spool, 2).await, [0, 9]);
    let [place] = SpoolFolder::new(folder.path()).unwrap().inspect().unwrap().set_aside[..] else { panic!("nothing set aside") };
    let kept = fs::read_dir(folder.path().join("damaged")).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len());
    assert!(place.length > 1_024 && kept.sum::<u64>() == 0, "{place:?}");
}

#[tokio::test]
async fn what_is_set_aside_is_forgotten_after_two_days() {
    let folder = tempfile::tempdir().unwrap();
    damaged(folder.path(), |bytes, at| bytes[at[4] + 40] ^= 1);
    let clock = Clock::manual(Millis(1_772_366_400_000));
    let kept = || fs::read_dir(folder.path().join("damaged")).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum::<u64>();
    let first = reopen_at(folder.path(), &clock);
    assert_eq!(delivered(&first.spool, 9).await.len(), 9);
    assert!(kept() > 100, "{}", kept());
    clock.advance(48 * 3_600_000);
    append(&first.spool, 10, 11);
    let forgotten = async || (kept() == 0).then_some(());
    let lanes = LocalSource::new(first.spool.clone()).lanes();
    assert_eq!(drain(lanes, 1).await.len(), 1);
    wait_until(PATIENCE, "nothing kept", forgotten).await;
    assert_eq!(places_told(folder.path()), 1);
}

/// How many places a look at the folder tells of.
fn places_told(dir: &Path) -> usize {
    SpoolFolder::new(dir).unwrap().inspect().unwrap().set_aside.len()
}

#[tokio::test]
async fn a_gap_at_the_end_leaves_no_depth() {
    let folder = tempfile::tempdir().unwrap();
    append(&open_with(folder.path(), Durability::Os, 2_000), 0, 100);
    for path in segments(folder.path()) {
        fs::remove_file(path).unwrap();
    }
    let Reopened { spool, metrics, .. } = reopen(folder.path());
    append(&spool, 100, 101);
    let mut lanes = LocalSource::new(spool.clone()).lanes();
    let first = lanes[0].next(10).await.unwrap();
    assert_eq!(first.len(), 1);
    for delivery in first {
        delivery.ack().await.unwrap();
    }
    let waiting = tokio::spawn(async move { lanes[0].next(10).await.map(|_| ()) });
    let read = async || metrics.encode().contains("linklogger_spool_depth_bytes 0").then_some(());
    wait_until(PATIENCE, "no depth", read).await;
    waiting.abort();
}
