//! Nobody but its user reads what the program keeps: addresses of visitors and keys are in it.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use serde_json::json;
use testkit::{Program, ProgramOptions};

use crate::journey::{click_all, expect_exactly};
use crate::program;

/// A program with clicks in its spool, and what it keeps in `folder`.
async fn run(folder: &Path) -> Program {
    let mut running = Program::start(program(), ProgramOptions::serve(folder));
    running.ready().await;
    let ada = running.api().sign_up("ada").await;
    ada.create_link("https://example.com/", json!({ "slug": "a" })).await;
    click_all(running.setting("REDIRECT_LISTEN"), "a", 0..20).await;
    expect_exactly(&ada, 20).await;
    running
}

/// The folder and all in it but the log, which is not the program's own.
fn kept(folder: &Path) -> Vec<PathBuf> {
    let mut kept = vec![folder.to_owned()];
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            kept.extend(self::kept(&entry));
        } else if !entry.ends_with("program.log") {
            kept.push(entry);
        }
    }
    kept
}

fn assert_private(folder: &Path) {
    let kept = kept(folder);
    for name in ["linklogger.db", "linklogger.db-wal", "linklogger.db-shm", "seal.key", "cursor", "losses", "id", "lock"] {
        assert!(kept.iter().any(|path| path.ends_with(name)), "{name} is missing in {kept:?}");
    }
    assert!(kept.iter().any(|path| path.extension().is_some_and(|extension| extension == "seg")), "{kept:?}");
    for path in kept {
        let (metadata, expected) = (path.metadata().unwrap(), if path.is_dir() { 0o700 } else { 0o600 });
        assert_eq!(metadata.mode() & 0o777, expected, "{}", path.display());
    }
}

fn open(path: &Path) {
    let mode = if path.is_dir() { 0o755 } else { 0o644 };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_kept_is_private_from_the_beginning_and_closed_where_it_was_not() {
    let folder = tempfile::tempdir().unwrap();
    // Others may look into the folder that the program is told of.
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    open(&data);
    let mut running = run(&data).await;
    assert_private(&data);
    running.kill();
    let damaged = data.join("spool/damaged");
    std::fs::create_dir(&damaged).unwrap();
    std::fs::write(damaged.join("0000000000000000-1-1.bytes"), "x").unwrap();
    kept(&data).iter().for_each(|path| open(path));
    running.restart();
    running.ready().await;
    assert_private(&data);
    assert!(running.log().contains("now only this one can"), "{}", running.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_closed_is_told_of_and_used() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    // Like /tmp, it is not this program's to close.
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o1777)).unwrap();
    let running = run(&data).await;
    assert_eq!(data.metadata().unwrap().mode() & 0o7777, 0o1777);
    let log = running.log();
    assert_eq!(log.matches("Other users of this machine can get at").count(), 1, "{log}");
    assert!(log.contains("chmod -R go= "), "{log}");
}
