//! How long records stay after their ack: long enough for a broker that falls back, and no longer, since
//! the addresses of visitors are in them.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use domain::Millis;
use platform::{Clock, Metrics, Rng};
use stream::{ClickSource, LocalSource, Spool, SpoolOptions};
use testkit::wait_until;

use crate::fixture::{PATIENCE, append, captured, workspace};

const KEEP: i64 = 13 * 60_000;
const ROLL: i64 = 2 * 60_000;
/// Of every click of the fixture.
const ADDRESS: [u8; 6] = [0x52, 4, 203, 0, 113, 1];

fn opened(dir: &Path, clock: &Clock) -> Spool {
    let options = SpoolOptions { keep_acked: Duration::from_millis(KEEP.unsigned_abs()), clock: clock.clone(), ..SpoolOptions::new(dir) };
    Spool::open(options, &Rng::System, &Metrics::default()).unwrap()
}

/// Whether the address lies anywhere in the folder.
fn holds_addresses(dir: &Path) -> bool {
    let files = fs::read_dir(dir).unwrap().filter_map(|entry| fs::read(entry.unwrap().path()).ok());
    files.into_iter().any(|bytes| bytes.windows(ADDRESS.len()).any(|window| window == ADDRESS))
}

/// A worker that acks what comes, as long as this lives.
struct Worker {
    acked: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Worker {
    fn start(spool: &Spool) -> Self {
        let acked = Arc::new(AtomicUsize::new(0));
        let (mut lanes, count) = (LocalSource::new(spool.clone()).lanes(), acked.clone());
        let task = tokio::spawn(async move {
            loop {
                for delivery in lanes[0].next(10).await.unwrap() {
                    let records = delivery.frame.records.len();
                    delivery.ack().await.unwrap();
                    count.fetch_add(records, Ordering::SeqCst);
                }
            }
        });
        Self { acked, task }
    }

    async fn has_acked(&self, count: usize) {
        wait_until(PATIENCE, "the acks", async || (self.acked.load(Ordering::SeqCst) == count).then_some(())).await;
    }

    async fn stop(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

/// Waits until the first segment is sealed, and the moment of its ack written down.
async fn until_noted(dir: &Path, clock: &Clock) {
    let acked = UNIX_EPOCH + Duration::from_millis(clock.now().0.unsigned_abs());
    let changed = || fs::metadata(dir.join("0000000000000000.seg")).unwrap().modified().unwrap();
    wait_until(PATIENCE, "the moment of the ack is written down", async || (changed() == acked).then_some(())).await;
}

#[tokio::test]
async fn what_was_acked_is_gone_fifteen_minutes_later_though_nobody_comes() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::manual(Millis(1_772_366_400_000));
    let spool = opened(folder.path(), &clock);
    let worker = Worker::start(&spool);
    append(&spool, 0, 3);
    worker.has_acked(3).await;
    assert!(holds_addresses(folder.path()));
    clock.advance(ROLL);
    until_noted(folder.path(), &clock).await;
    assert!(holds_addresses(folder.path()), "kept for a broker that may fall back");
    clock.advance(KEEP);
    wait_until(PATIENCE, "no address is left", async || (!holds_addresses(folder.path())).then_some(())).await;
    append(&spool, 3, 5);
    worker.has_acked(5).await;
    worker.stop().await;
}

#[tokio::test]
async fn restarts_do_not_make_it_longer() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::manual(Millis(1_772_366_400_000));
    let spool = opened(folder.path(), &clock);
    let worker = Worker::start(&spool);
    append(&spool, 0, 3);
    worker.has_acked(3).await;
    clock.advance(ROLL);
    until_noted(folder.path(), &clock).await;
    worker.stop().await;
    drop(spool);
    clock.advance(KEEP - 1);
    let spool = opened(folder.path(), &clock);
    let worker = Worker::start(&spool);
    spool.append(&captured(workspace(1), 9)).unwrap();
    clock.advance(1);
    let gone = async || (!folder.path().join("0000000000000000.seg").exists()).then_some(());
    wait_until(PATIENCE, "the segment is gone", gone).await;
    worker.stop().await;
}
