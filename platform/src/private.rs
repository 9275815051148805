//! Files of which nobody but the process's user may know the content: addresses of visitors, keys and the
//! database are in them. What is made from [`keep_files_private`] on is so; what an older program or a person
//! left open to others, [`make_private`] closes.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::Mode;
use rustix::process::{geteuid, umask};

/// What the group and others may do.
const OTHERS: u32 = 0o077;
/// Of folders that everybody shares, such as /tmp.
const STICKY: u32 = 0o1000;

/// From now on files and folders that this process makes are its user's alone: 0600 and 0700.
pub fn keep_files_private() {
    umask(Mode::from_bits_retain(OTHERS));
}

/// What became of files that others could get at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Closed {
    /// How many are closed now.
    pub closed: usize,
    /// Those that stay as they are: another user's, a folder that everybody shares, or refused by the file system.
    pub open: Vec<PathBuf>,
}

/// Takes everybody else's rights from files and folders of this process's user. What is not there is passed over.
pub fn make_private(paths: impl IntoIterator<Item = PathBuf>) -> Closed {
    let mut found = Closed::default();
    for path in paths {
        match close(&path) {
            Ok(true) => found.closed += 1,
            Ok(false) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(_) => found.open.push(path),
        }
    }
    found
}

/// Whether it was open.
fn close(path: &Path) -> io::Result<bool> {
    let metadata = std::fs::metadata(path)?;
    let mode = metadata.mode();
    if mode & OTHERS == 0 {
        return Ok(false);
    }
    if metadata.uid() != geteuid().as_raw() || mode & STICKY != 0 {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    std::fs::set_permissions(path, Permissions::from_mode(mode & 0o7777 & !OTHERS))?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn what_is_open_is_closed_once_and_shared_folders_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str, mode: u32| {
            let path = folder.path().join(name);
            std::fs::write(&path, "").unwrap();
            std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            path
        };
        let (open, own, shared) = (at("open", 0o664), at("own", 0o400), folder.path().join("shared"));
        std::fs::create_dir(&shared).unwrap();
        std::fs::set_permissions(&shared, Permissions::from_mode(0o1777)).unwrap();
        let all = || [open.clone(), own.clone(), shared.clone(), folder.path().join("none")];
        assert_eq!(make_private(all()), Closed { closed: 1, open: vec![shared.clone()] });
        assert_eq!((mode(&open), mode(&own), mode(&shared)), (0o600, 0o400, 0o1777));
        assert_eq!(make_private(all()).closed, 0);
    }
}
