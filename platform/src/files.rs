//! How many files the process may have open, and how connections share them: whatever strangers open,
//! the spool and the database find theirs.

use std::io;

use rustix::io::Errno;
use rustix::process::{Resource, getrlimit, setrlimit};

/// More are of no use: connections are bounded anyway.
const MOST: u64 = 1 << 20;
/// Kept for everything that is no connection of a listener.
const KEPT: u64 = 128;
/// Where the limit is lower than what is kept.
const LEAST: u64 = 8;

/// Raises the limit as far as this user may. Where that fails, the one that is set stays.
pub fn raise_file_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = Some(limit.maximum.unwrap_or(MOST).min(MOST)).max(limit.current);
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::debug!(%error, "the limit of open files cannot be raised");
    }
}

/// How many connections a listener may have open that gets one part of so many, at most `most`.
pub fn connections_of(parts: usize, most: usize) -> usize {
    part(getrlimit(Resource::Nofile).current.unwrap_or(MOST), parts, most)
}

/// Whether a file could not be opened because too many are.
pub fn is_out_of_files(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}

/// What to do about an error that [`is_out_of_files`].
pub fn files_advice(error: &io::Error) -> &'static str {
    match Errno::from_io_error(error) {
        Some(Errno::NFILE) => "The whole machine has too many files open: look which program opens them, or raise fs.file-max (sysctl).",
        _ => "This process has too many files open: raise its limit (LimitNOFILE= of a systemd unit, or ulimit -n) and start it again.",
    }
}

fn part(limit: u64, parts: usize, most: usize) -> usize {
    let kept = KEPT.max(limit / 8);
    let part = limit.saturating_sub(kept) / parts.max(1) as u64;
    usize::try_from(part.max(LEAST)).unwrap_or(most).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_to_others() {
        assert_eq!(part(1_024, 4, 20_000), 224);
        assert_eq!(part(1_024, 1, 20_000), 896);
        assert_eq!(part(1 << 20, 4, 20_000), 20_000);
        assert_eq!(part(64, 4, 20_000), 8);
    }

    #[test]
    fn only_too_many_files_are_too_many_files() {
        let error = |errno: Errno| io::Error::from_raw_os_error(errno.raw_os_error());
        for (errno, is) in [(Errno::MFILE, true), (Errno::NFILE, true), (Errno::NOSPC, false), (Errno::NOENT, false)] {
            assert_eq!(is_out_of_files(&error(errno)), is, "{errno}");
        }
        assert!(!is_out_of_files(&io::Error::other("too many open files")));
        assert_ne!(files_advice(&error(Errno::MFILE)), files_advice(&error(Errno::NFILE)));
    }
}
