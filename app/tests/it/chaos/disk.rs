//! A disk that can be filled.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The file system of the redirector's data alone, where this may be had.
pub struct Disk(PathBuf, bool);

impl Disk {
    pub fn mount(dir: &Path) -> Self {
        std::fs::create_dir_all(dir).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=96m", "tmpfs"]).arg(dir).status();
        Self(dir.to_owned(), mounted.is_ok_and(|status| status.success()))
    }

    /// Takes all room that there is and that comes free, until it is aborted.
    pub fn fill(&self) -> tokio::task::JoinHandle<()> {
        let path = self.0.join("other");
        assert!(self.1, "this needs a file system of its own: run it as root, who may mount a tmpfs");
        tokio::spawn(async move {
            let mut file = std::fs::File::create(path).unwrap();
            loop {
                while file.write_all(&[1; 4_096]).is_ok() {}
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
    }

    pub fn free(&self) {
        std::fs::remove_file(self.0.join("other")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
