//! How many files the process may have open, and how connections share them: whatever strangers open,
//! the spool and the database find theirs.

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
}
