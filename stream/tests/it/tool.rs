//! What `linklogger spool` finds in a folder, and delivering again.

use std::fs;

use platform::config::Durability;
use stream::{ClickSource, LocalSource, ReplayFrom, SpoolError, SpoolFolder, SpoolOptions};
use tokio::time::Duration;

use crate::fixture::{append, drain, open_as, open_with};

fn keeping(dir: &std::path::Path) -> SpoolOptions {
    SpoolOptions { segment_bytes: 2_000, keep_acked: Duration::from_secs(60), ..SpoolOptions::new(dir) }
}

#[tokio::test]
async fn a_folder_is_described_and_delivered_again() {
    let folder = tempfile::tempdir().unwrap();
    let tool = SpoolFolder::new(folder.path()).unwrap();
    let spool = open_as(keeping(folder.path()));
    append(&spool, 0, 100);
    drain(LocalSource::new(spool.clone()).lanes(), 100).await;
    append(&spool, 100, 107);
    let report = tool.inspect().unwrap();
    assert_eq!((report.unshipped, report.is_sound()), (7, true));
    assert!(report.id.is_some() && report.segments.len() > 5 && report.oldest.is_some());
    assert_eq!(report.segments.iter().map(|segment| segment.records).sum::<u64>(), 107);
    // While a process has it nothing is moved.
    assert!(matches!(tool.replay(ReplayFrom::Oldest), Err(SpoolError::Locked { .. })));
    drop(spool);
    let third = report.segments[2].base;
    for wrong in [third + 1, report.cursor + 1_000_000] {
        let error = tool.replay(ReplayFrom::Offset(wrong)).unwrap_err();
        assert!(matches!(error, SpoolError::NoRecord { .. }), "{error}");
    }
    assert_eq!(tool.replay(ReplayFrom::Offset(third)).unwrap(), third);
    let before: u64 = report.segments[..2].iter().map(|segment| segment.records).sum();
    assert_eq!(tool.inspect().unwrap().unshipped, 107 - before);
    assert_eq!(tool.replay(ReplayFrom::Oldest).unwrap(), 0);
    assert_eq!(drain(LocalSource::new(open_as(keeping(folder.path()))).lanes(), 107).await.len(), 107);
}

#[tokio::test]
async fn damage_is_told_from_a_torn_tail() {
    let folder = tempfile::tempdir().unwrap();
    let tool = SpoolFolder::new(folder.path()).unwrap();
    append(&open_with(folder.path(), Durability::Os, 1 << 20), 0, 10);
    let path = folder.path().join("0000000000000000.seg");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 5]).unwrap();
    let report = tool.inspect().unwrap();
    assert!(report.is_sound() && report.segments[0].torn > 0 && report.segments[0].records == 9);
    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 0xff;
    fs::write(&path, damaged).unwrap();
    let report = tool.inspect().unwrap();
    assert_eq!((report.is_sound(), report.segments[0].records, report.segments[0].damaged.len()), (false, 9, 1));
}
