//! No room: by quota or on a full disk. Visitors do not wait, losses are counted, and the spool
//! recovers by itself.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use domain::{CapturedClick, ClickId, LossReason};
use platform::{Health, Metrics, Rng};
use stream::{ClickSource, JetStreamSource, LocalSource, Shipper, Spool, SpoolError, SpoolOptions};
use testkit::{NatsServer, wait_until};

use crate::fixture::{PATIENCE, append, captured, connect, drain, drain_all, open_as, ship, workspace};

/// How long a visitor may be held up by a full spool.
const VISITOR: Duration = Duration::from_millis(250);

fn small(dir: &Path) -> SpoolOptions {
    SpoolOptions { quota_bytes: 64 * 1_024, ..SpoolOptions::new(dir) }
}

/// Appends until there is no room; the clicks that were kept.
fn fill(spool: &Spool) -> (Vec<CapturedClick>, SpoolError) {
    let mut kept = Vec::new();
    loop {
        let click = captured(workspace((kept.len() % 11) as u8), kept.len() as u32);
        match spool.append(&click) {
            Ok(_) => kept.push(click),
            Err(error) => return (kept, error),
        }
    }
}

/// The same where a thread of the spool gives back what it allocated too much: full is what stays
/// full once it has.
async fn fill_for_good(dir: &Path, spool: &Spool) -> (Vec<CapturedClick>, SpoolError) {
    let mut kept = Vec::new();
    loop {
        let (more, error) = fill(spool);
        let is_full = more.is_empty() && has_given_back(dir);
        kept.extend(more);
        if is_full {
            return (kept, error);
        }
        wait_until(PATIENCE, "sealed segments hold records only", async || has_given_back(dir).then_some(())).await;
    }
}

/// Whether each sealed segment ends where the next one begins, behind its header of 32 bytes.
fn has_given_back(dir: &Path) -> bool {
    let mut segments: Vec<_> = segments(dir)
        .map(|path| (u64::from_str_radix(path.file_stem().unwrap().to_str().unwrap(), 16).unwrap(), path.metadata().unwrap().len()))
        .collect();
    segments.sort_unstable();
    segments.windows(2).all(|pair| pair[0].1 == 32 + pair[1].0 - pair[0].0)
}

fn segments(dir: &Path) -> impl Iterator<Item = PathBuf> {
    let files = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "seg"))
}

/// Sorted, since only clicks of one shard keep their order.
fn ids(clicks: &[CapturedClick]) -> Vec<ClickId> {
    let mut ids: Vec<_> = clicks.iter().map(|click| click.id).collect();
    ids.sort_unstable();
    ids
}

async fn lose(spool: &Spool, count: u32) {
    for number in 0..count {
        let begun = Instant::now();
        spool.keep(captured(workspace((number % 3) as u8), number)).done().await.unwrap_err();
        assert!(begun.elapsed() < VISITOR, "a visitor waited for {:?}", begun.elapsed());
    }
}

fn bytes_in(dir: &Path) -> u64 {
    segments(dir).map(|path| path.metadata().unwrap().len()).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_used_up_quota_is_counted_and_passes() {
    let folder = tempfile::tempdir().unwrap();
    let metrics = Metrics::default();
    let spool = Spool::open(small(folder.path()), &Rng::System, &metrics).unwrap();
    let (kept, error) = fill(&spool);
    assert!(error.to_string().contains("LINKLOGGER_SPOOL_QUOTA"), "{error}");
    assert!(bytes_in(folder.path()) <= 64 * 1_024);
    lose(&spool, 30).await;
    assert!(metrics.encode().contains("linklogger_spool_lost_total{reason=\"quota\"} 30"), "{}", metrics.encode());
    let (clicks, losses) = drain_all(LocalSource::new(spool.clone()).lanes(), kept.len(), 30).await;
    assert_eq!(ids(&clicks), ids(&kept));
    assert!(losses.iter().all(|loss| loss.reason == LossReason::Quota && loss.minute > 0), "{losses:?}");
    // With everything acked there is room, and what was told of losses is not told again.
    let again = append(&spool, 0, 100);
    let (clicks, losses) = drain_all(LocalSource::new(spool).lanes(), again.len(), 0).await;
    assert_eq!((ids(&clicks), losses), (ids(&again), vec![]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn losses_outlive_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open_as(small(folder.path()));
    let (kept, _) = fill(&spool);
    lose(&spool, 5).await;
    drop(spool);
    let spool = open_as(small(folder.path()));
    drain_all(LocalSource::new(spool).lanes(), kept.len(), 5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acked_segments_make_room_before_anything_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open_as(SpoolOptions { keep_acked: Duration::from_secs(900), ..small(folder.path()) });
    for _ in 0..5 {
        let sent = append(&spool, 0, 150);
        let received = drain(LocalSource::new(spool.clone()).lanes(), 150).await;
        assert_eq!(ids(&received), ids(&sent));
    }
    assert!(bytes_in(folder.path()) > 16 * 1_024);
    // Half of the quota is for clicks to come, should all that is kept have to be sent again.
    wait_until(PATIENCE, "half is free", async || (bytes_in(folder.path()) <= 40 * 1_024).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_the_broker_away_losses_are_counted_and_arrive_later() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = NatsServer::start();
    let nats = connect(&server).await;
    server.kill();
    let spool = open_as(small(folder.path()));
    let shipping = ship(&spool, &nats);
    let (kept, _) = fill(&spool);
    lose(&spool, 20).await;
    server.restart();
    let lanes = JetStreamSource::new(nats.clone()).lanes();
    let (clicks, losses) = drain_all(lanes, kept.len(), 20).await;
    assert_eq!(clicks.len(), kept.len());
    // One that was in flight when the broker went may be in doubt.
    assert_eq!(losses.iter().map(|loss| loss.count).sum::<u64>(), 20);
    wait_until(PATIENCE, "room again", async || spool.append(&captured(workspace(1), 0)).ok()).await;
    shipping.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_spool_sends_directly() {
    let folder = tempfile::tempdir().unwrap();
    let server = NatsServer::start();
    let nats = connect(&server).await;
    let spool = open_as(small(folder.path()));
    // Made and not run: nothing is acked.
    let _shipper = Shipper::new(spool.clone(), nats.clone(), Health::default(), &Metrics::default(), Rng::System);
    let source = JetStreamSource::new(nats);
    let mut lanes = source.lanes();
    // The stream is made by who reads it.
    let _ = tokio::time::timeout(Duration::from_secs(1), lanes[0].next(1)).await;
    fill(&spool);
    let direct: Vec<_> = (0..20).map(|number| captured(workspace(number as u8), number)).collect();
    for click in &direct {
        spool.keep(click.clone()).done().await.unwrap();
    }
    assert_eq!(drain(lanes, 20).await.len(), 20);
}

/// A file system of its own, gone when dropped.
struct Tmpfs(PathBuf);

impl Tmpfs {
    /// `None` where this may not be done.
    fn mount(dir: &Path, size: &str) -> Option<Self> {
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", size, "tmpfs"]).arg(dir).status();
        mounted.is_ok_and(|status| status.success()).then(|| Self(dir.to_owned()))
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_counted_and_passes() {
    fill_disk("size=256k", 32 * 1_024).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_counted_and_passes_with_windows() {
    fill_disk("size=4m", 1 << 20).await;
}

async fn fill_disk(size: &str, segment_bytes: u64) {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = Tmpfs::mount(folder.path(), size) else {
        eprintln!("NOT TESTED: a tmpfs cannot be mounted here; only the quota was filled");
        return;
    };
    let dir = disk.0.join("spool");
    let options = || SpoolOptions { segment_bytes, ..SpoolOptions::new(&dir) };
    let spool = open_as(options());
    let (mut kept, error) = fill_for_good(&dir, &spool).await;
    assert!(matches!(error, SpoolError::Write(_)), "{error}");
    lose(&spool, 10).await;
    // A start on the full disk works too, and still nothing is forgotten.
    drop(spool);
    let spool = open_as(options());
    kept.extend(fill_for_good(&dir, &spool).await.0);
    lose(&spool, 10).await;
    let (clicks, losses) = drain_all(LocalSource::new(spool.clone()).lanes(), kept.len(), 20).await;
    assert_eq!(ids(&clicks), ids(&kept));
    assert!(losses.iter().all(|loss| loss.reason == LossReason::Disk), "{losses:?}");
    let again = append(&spool, 0, 100);
    assert_eq!(ids(&drain(LocalSource::new(spool.clone()).lanes(), 100).await), ids(&again));
    // Filled by someone else, and freed again.
    std::fs::write(disk.0.join("other"), vec![1; 8 << 20]).unwrap_err();
    let (kept, _) = fill_for_good(&dir, &spool).await;
    lose(&spool, 1).await;
    std::fs::remove_file(disk.0.join("other")).unwrap();
    let more = append(&spool, 0, 10);
    drain(LocalSource::new(spool).lanes(), kept.len() + more.len()).await;
}
