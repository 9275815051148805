//! `linklogger verify-rollups`: every cell against the clicks it was made of, the statistics of every link against
//! its cells, every count of misses against these.

use std::fmt::Write as _;
use std::process::ExitCode;

use domain::{Entropy, LinkId, Millis, Quarter, WorkspaceId};
use platform::config::Config;
use store::{
    Access, CellDifference, Counted, LinkDifference, Measure, MissDifference, MissesVerified, Piece, Store, UnreadableCell, Verified,
};

use crate::commands::{connect, counted, say};

/// Quarters of misses compared in one snapshot: a day of UTC.
const QUARTERS: i64 = 96;
const PAGE: u32 = 500;
/// Of a workspace so many are printed; who has more has another problem.
const MOST_PRINTED: usize = 100;

pub(crate) async fn run(config: &Config) -> anyhow::Result<ExitCode> {
    let store = connect(config).await?;
    store.check_schema().await?;
    let (mut cells, mut counts, mut differences, mut after) = (0, 0, 0, WorkspaceId::new(Millis(0), Entropy::default()));
    loop {
        let page = store.workspaces_after(after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = *last;
        for workspace in page {
            let verified = verify(&store, workspace).await?;
            cells += verified.cells;
            differences += verified.differences.len() as u64;
            say(&told(workspace, &verified.differences))?;
            differences += verified.unreadable.len() as u64;
            say(&told_of_unreadable(workspace, &verified.unreadable))?;
            let wrong = verify_links(&store, workspace).await?;
            differences += wrong.len() as u64;
            say(&told_of_links(workspace, &wrong))?;
            let missed = verify_misses(&store, workspace).await?;
            counts += missed.counts;
            differences += missed.differences.len() as u64;
            say(&told_of_misses(workspace, &missed.differences))?;
        }
    }
    store.close().await;
    let missed = if counts == 0 { String::new() } else { format!(" and {} of misses", counted(counts, "count")) };
    say(&format!("{}{missed} compared, {} found.\n", counted(cells, "cell"), counted(differences, "difference")))?;
    Ok(if differences == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn verify(store: &Store, workspace: WorkspaceId) -> anyhow::Result<Verified> {
    let mut verified = Verified::default();
    let scope = store.workspace(workspace, Access::Read).await?;
    let (first, last) = (scope.first_kept().await?, scope.last_counted().await?);
    drop(scope);
    let Some((first, last)) = first.map(Quarter::of).zip(last) else { return Ok(verified) };
    let mut start = first;
    while start <= last {
        let scope = store.workspace(workspace, Access::Read).await?;
        let end = scope.next_day(start).await?;
        let day = scope.verify_cells(start, end).await?;
        start = end;
        verified.cells += day.cells;
        verified.differences.extend(day.differences);
        verified.unreadable.extend(day.unreadable);
    }
    Ok(verified)
}

pub(crate) async fn verify_links(store: &Store, workspace: WorkspaceId) -> anyhow::Result<Vec<LinkDifference>> {
    let (mut differences, mut after) = (Vec::new(), None);
    loop {
        let page = store.workspace(workspace, Access::Read).await?.verify_links(after).await?;
        differences.extend(page.differences);
        after = page.next;
        if after.is_none() {
            return Ok(differences);
        }
    }
}

async fn verify_misses(store: &Store, workspace: WorkspaceId) -> anyhow::Result<MissesVerified> {
    let mut verified = MissesVerified::default();
    let quarters = store.workspace(workspace, Access::Read).await?.miss_quarters().await?;
    let Some((first, last)) = quarters else { return Ok(verified) };
    for (start, end) in days(first, last) {
        let day = store.workspace(workspace, Access::Read).await?.verify_misses(start, end).await?;
        verified.counts += day.counts;
        verified.differences.extend(day.differences);
    }
    Ok(verified)
}

/// The days of these quarters: the first quarter of each, and the first one after it.
fn days(first: Quarter, last: Quarter) -> impl Iterator<Item = (Quarter, Quarter)> {
    let after = |start: Quarter| Quarter((start.0.div_euclid(QUARTERS) + 1) * QUARTERS);
    let next = move |day: &(Quarter, Quarter)| (day.1 <= last).then(|| (day.1, after(day.1)));
    std::iter::successors((first <= last).then(|| (first, after(first))), next)
}

pub(crate) fn told(workspace: WorkspaceId, differences: &[CellDifference]) -> String {
    let mut text = String::new();
    let counts = |Counted { clicks, firsts, told }: Counted| format!("{clicks} clicks, {firsts} firsts, {told} of known visitors");
    for CellDifference { link, piece, quarter, measure, verdict, cell, clicks } in differences.iter().take(MOST_PRINTED) {
        let piece = name_of(*piece);
        let by = match measure {
            Measure::Totals => String::new(),
            Measure::Latency => " by the time that redirects took".to_owned(),
            Measure::Dimension(dimension) => format!(" by {dimension:?}"),
        };
        let of = whose(*link);
        let (cell, clicks) = (counts(*cell), counts(*clicks));
        let _ =
            writeln!(text, "{workspace}  {}  {piece}{by}  {of}  {verdict:?}: the cell has {cell}; stored are {clicks}", quarter.start());
    }
    if differences.len() > MOST_PRINTED {
        let _ = writeln!(text, "{workspace}  and {} more", differences.len() - MOST_PRINTED);
    }
    text
}

fn name_of(piece: Piece) -> &'static str {
    match piece {
        Piece::QuarterHour => "quarter-hour",
        Piece::Hour => "hour",
        Piece::Day => "day",
        Piece::DayOfVisitors => "sketch of a day's visitors",
    }
}

fn whose(link: Option<LinkId>) -> String {
    link.map_or_else(|| "all links".to_owned(), |link| link.to_string())
}

pub(crate) fn told_of_unreadable(workspace: WorkspaceId, cells: &[UnreadableCell]) -> String {
    let mut text = String::new();
    for UnreadableCell { link, piece, quarter } in cells.iter().take(MOST_PRINTED) {
        let (piece, of) = (name_of(*piece), whose(*link));
        let _ = writeln!(text, "{workspace}  {}  {piece}  {of}: the cell cannot be read", quarter.start());
    }
    if cells.len() > MOST_PRINTED {
        let _ = writeln!(text, "{workspace}  and {} more that cannot be read", cells.len() - MOST_PRINTED);
    }
    text
}

pub(crate) fn told_of_links(workspace: WorkspaceId, differences: &[LinkDifference]) -> String {
    let mut text = String::new();
    for LinkDifference { link, clicks, counted } in differences.iter().take(MOST_PRINTED) {
        let cells = counted.map_or_else(|| "cannot be read".to_owned(), |counted| format!("have {counted}"));
        let _ = writeln!(text, "{workspace}  {link}: its statistics have {clicks} clicks; its cells {cells}");
    }
    if differences.len() > MOST_PRINTED {
        let _ = writeln!(text, "{workspace}  and {} more links", differences.len() - MOST_PRINTED);
    }
    text
}

fn told_of_misses(workspace: WorkspaceId, differences: &[MissDifference]) -> String {
    let mut text = String::new();
    for MissDifference { quarter, domain, verdict, counted, kept } in differences.iter().take(MOST_PRINTED) {
        let _ = writeln!(text, "{workspace}  {}  {domain}  {verdict:?}: {counted} misses are counted; stored are {kept}", quarter.start());
    }
    if differences.len() > MOST_PRINTED {
        let _ = writeln!(text, "{workspace}  and {} more of misses", differences.len() - MOST_PRINTED);
    }
    text
}
