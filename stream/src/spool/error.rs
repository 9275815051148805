//! What goes wrong with a spool, in sentences for the operator, and what that means for a click.

use std::io;
use std::path::PathBuf;

use domain::LossReason;
use platform::{files_advice, is_out_of_files};

use super::writer::is_full;

/// Each message is a sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    #[error("The spool's folder {} cannot be used ({reason}). {}", dir.display(), advice(reason, "Let this user read and write it, or set LINKLOGGER_DATA_DIR."))]
    Unusable { dir: PathBuf, reason: std::io::Error },
    #[error("There is no spool at {}. Set LINKLOGGER_DATA_DIR to the data folder of a redirector, which makes its spool when it starts.", dir.display())]
    Absent { dir: PathBuf },
    #[error("Another process uses the spool in {}. Stop it, or set another LINKLOGGER_DATA_DIR for this one.", dir.display())]
    Locked { dir: PathBuf },
    #[error("A click cannot be written to the spool ({}). {}", .0, advice(.0, "Make room on the disk of LINKLOGGER_DATA_DIR."))]
    Write(std::io::Error),
    #[error("The spool has reached its {0} bytes. Let the broker take clicks again, or raise LINKLOGGER_SPOOL_QUOTA.")]
    Quota(u64),
    #[error(
        "A click of {0} bytes is larger than the {most} that a record may have. Shorten the link's target, or let it forward less of the query.",
        most = super::MAX_RECORD
    )]
    TooLarge(usize),
    #[error("The spool cannot be flushed to the disk ({0}). Check the disk of LINKLOGGER_DATA_DIR.")]
    Flush(String),
    #[error("{}", no_record(*offset, *oldest, *acked))]
    NoRecord { offset: u64, oldest: u64, acked: u64 },
    #[error("The spool's cursor in {} cannot be read ({reason}), so that nobody knows which clicks were acked. The next start delivers all that are kept, and so does `--from all`.", dir.display())]
    NoCursor { dir: PathBuf, reason: String },
    #[error("The spool cannot be read ({}). {}", .0, advice(.0, "Check the disk of LINKLOGGER_DATA_DIR."))]
    Read(std::io::Error),
}

/// What to do about an error: `mend`, unless it has to do with no folder or disk.
fn advice<'a>(error: &io::Error, mend: &'a str) -> &'a str {
    if is_out_of_files(error) { files_advice(error) } else { mend }
}

fn no_record(offset: u64, oldest: u64, acked: u64) -> String {
    if oldest < acked {
        format!("No record of the spool begins at offset {offset}. Give one between {oldest} and {acked}, or all.")
    } else {
        "The spool keeps nothing that was acked, so that there is nothing to deliver again. What is not acked yet is delivered by the next start."
            .to_owned()
    }
}

impl SpoolError {
    /// Why the click is lost that met this; `None` when it was taken down all the same.
    pub(super) fn loss(&self) -> Option<LossReason> {
        match self {
            Self::Write(_) => Some(LossReason::Disk),
            Self::Quota(_) => Some(LossReason::Quota),
            Self::TooLarge(_) => Some(LossReason::TooLarge),
            // Appended, only nobody knows what a power cut would leave of it.
            Self::Flush(_) => None,
            Self::Unusable { .. }
            | Self::Absent { .. }
            | Self::Locked { .. }
            | Self::Read(_)
            | Self::NoRecord { .. }
            | Self::NoCursor { .. } => None,
        }
    }

    pub(super) fn is_full(&self) -> bool {
        match self {
            Self::Write(error) => is_full(error),
            Self::Quota(_) => true,
            _ => false,
        }
    }
}
