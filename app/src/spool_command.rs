//! `linklogger spool`: what lies in the spool, whether it can be read, and delivering it again.
//! Numbers only: nothing that a visitor sent is printed.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use clap::Subcommand;
use domain::Millis;
use platform::Clock;
use stream::{ReplayFrom, SegmentReport, SpoolFolder, SpoolReport};

use crate::commands::{counted, say};

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum SpoolCommand {
    /// Print the spool's id, cursor, segments, what is not shipped yet, and counts of lost clicks
    Inspect,
    /// Read every record; exit code 1 when one is damaged
    Verify,
    /// Deliver records again that were acked and are still kept; stop the process that uses the spool first.
    /// Clicks that are stored already are not counted twice
    Replay {
        /// Offset of the first record to deliver again, such as that of a segment as `inspect` prints it, or all
        #[arg(long, value_name = "OFFSET|all", value_parser = replay_from, allow_hyphen_values = true)]
        from: ReplayFrom,
    },
}

fn replay_from(text: &str) -> Result<ReplayFrom, String> {
    match text {
        "all" => Ok(ReplayFrom::Oldest),
        number => number.parse().map(ReplayFrom::Offset).map_err(|_| "write an offset from 0 on, such as 4096, or all".to_owned()),
    }
}

pub(crate) fn run(command: &SpoolCommand, data_dir: &Path) -> anyhow::Result<ExitCode> {
    let folder = SpoolFolder::new(data_dir.join("spool"))?;
    match command {
        SpoolCommand::Inspect => say(&inspected(&folder.inspect()?, Clock::System.now())),
        SpoolCommand::Verify => {
            let report = folder.inspect()?;
            say(&verified(&report))?;
            Ok(if report.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        SpoolCommand::Replay { from } => {
            let offset = folder.replay(*from)?;
            let count = folder.inspect()?.unshipped;
            if count == 0 {
                return say("The spool keeps nothing that was acked, so that there is nothing to deliver again.\n");
            }
            let (records, are) = (counted(count, "record"), if count == 1 { "is" } else { "are" });
            say(&format!("{records} from offset {offset} on {are} delivered by the next start.\n"))
        }
    }
}

fn inspected(report: &SpoolReport, now: Millis) -> String {
    let id = report.id.map_or_else(|| "none".to_owned(), |id| format!("{id:016x}"));
    let age = report.oldest.map_or_else(String::new, |oldest| format!(", the oldest {} s old", (now.0 - oldest.0).max(0) / 1_000));
    let cursor = match &report.cursor_unread {
        None => report.cursor.to_string(),
        Some(reason) => format!("cannot be read ({reason}): the next start delivers all that are kept, which are stored once all the same"),
    };
    let mut text = format!("id         {id}\ncursor     {cursor}\n");
    let _ = writeln!(text, "unshipped  {}, {}{age}", counted(report.unshipped, "record"), counted(report.unshipped_bytes, "byte"));
    for segment in &report.segments {
        let (bytes, records) = (counted(segment.bytes, "byte"), counted(segment.records, "record"));
        let _ = writeln!(text, "segment    {} · {bytes} · {records}{}", segment.base, flaws(segment));
    }
    for loss in &report.losses {
        let _ = writeln!(text, "lost       {} of {} in minute {} ({})", loss.count, loss.workspace, loss.minute, loss.reason.label());
    }
    if report.uncounted > 0 {
        let _ = writeln!(text, "lost       {} more, for which no counter was left", report.uncounted);
    }
    for place in &report.set_aside {
        let _ = writeln!(text, "set aside  {} bytes of damage at offset {}", place.length, place.offset);
    }
    text
}

fn flaws(segment: &SegmentReport) -> String {
    let places = segment.damaged.len() as u64;
    let damaged = if places == 0 { String::new() } else { format!(" · {}", counted(places, "damaged place")) };
    let torn = if segment.torn == 0 { String::new() } else { format!(" · {} of an unfinished record", counted(segment.torn, "byte")) };
    damaged + &torn
}

fn verified(report: &SpoolReport) -> String {
    let mut text = String::new();
    for segment in &report.segments {
        if segment.head_is_damaged {
            let _ = writeln!(text, "the head of the segment of {} is damaged; its records can be read all the same", segment.base);
        }
        for (offset, length) in &segment.damaged {
            let _ = writeln!(text, "damaged at offset {offset}, {length} bytes, in the segment of {}", segment.base);
        }
    }
    let records: u64 = report.segments.iter().map(|segment| segment.records).sum();
    let damaged: usize = report.segments.iter().map(|segment| segment.damaged.len()).sum();
    let (segments, damaged) = (report.segments.len() as u64, damaged as u64);
    let (can, are) = (counted(records, "record"), if damaged == 1 { "is" } else { "are" });
    let _ = writeln!(text, "{can} in {} can be read, {} {are} damaged", counted(segments, "segment"), counted(damaged, "place"));
    text
}
