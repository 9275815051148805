//! The files of the data folder are this user's alone: new ones are made so, older ones are closed at the start.
//! Not so where geo databases are fetched, which another user may do than the one who reads them.

use std::path::{Path, PathBuf};

use platform::config::{Config, Database};
use platform::{keep_files_private, make_private};

/// Keeps what this process makes to its user, and closes what is there.
pub(crate) fn close_data(config: &Config) {
    keep_files_private();
    let found = make_private(kept(config));
    if found.closed > 0 {
        tracing::info!(files = found.closed, "other users of this machine could read the data folder's files; now only this one can");
    }
    if let Some(first) = found.open.first() {
        tracing::warn!(
            files = found.open.len(),
            "Other users of this machine can get at {}, and addresses of visitors may be in there. This process may not change that: \
             run `chmod -R go= {}` as its owner, or set LINKLOGGER_DATA_DIR to a folder of this user.",
            first.display(),
            config.data_dir.display()
        );
    }
}

/// What may hold addresses of visitors or secrets. Geo databases hold neither, and another user may fetch them.
fn kept(config: &Config) -> Vec<PathBuf> {
    let spool = config.data_dir.join("spool");
    let damaged = spool.join("damaged");
    let mut kept = vec![config.data_dir.clone()];
    kept.extend(["seal.key", "demo-password"].map(|name| config.data_dir.join(name)));
    if let Database::Sqlite(file) = &config.database {
        kept.extend(["", "-wal", "-shm", "-journal"].map(|ending| {
            let mut path = file.clone().into_os_string();
            path.push(ending);
            PathBuf::from(path)
        }));
    }
    kept.extend(files_of(&damaged));
    kept.extend(files_of(&spool));
    kept.push(spool);
    kept
}

fn files_of(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}
