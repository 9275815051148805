//! `linklogger rebuild-rollups`: rollup cells counted anew from the clicks that are kept, and the statistics of links
//! from their cells. Each day is a transaction of its own under the lock that ingest takes, so clicks go on being
//! stored, and a command that is killed has left nothing half done. With --dry-run it says what it would do.

use std::process::ExitCode;

use clap::Args;
use domain::{Entropy, Millis, Quarter, WorkspaceId};
use jiff::civil::Date;
use jiff::tz::{TimeZone, offset};
use platform::Clock;
use platform::config::Config;
use store::{Access, Store, StoreError};

use crate::commands::{complain, connect, counted, say};
use crate::verify;

const PAGE: u32 = 500;
const DAY_MILLIS: i64 = 86_400_000;
/// So often it is said how far it has come.
const TOLD_EVERY: u64 = 30;

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct RebuildFlags {
    /// The workspace; all of them if none is named
    #[arg(long, value_name = "WS_ID")]
    workspace: Option<WorkspaceId>,
    /// The first day, in the zone that the workspace's days are counted in, such as 2026-03-01; the first one that all
    /// clicks are kept of if none is named
    #[arg(long, value_name = "DATE", value_parser = date)]
    from: Option<Date>,
    /// Write nothing: print which days would be counted anew, and what verify-rollups finds in them
    #[arg(long)]
    dry_run: bool,
}

fn date(text: &str) -> Result<Date, String> {
    text.parse().map_err(|_| "write a day such as 2026-03-01".to_owned())
}

pub(crate) async fn run(flags: RebuildFlags, config: &Config) -> anyhow::Result<ExitCode> {
    // As soon as a day can have begun anywhere; each workspace has a zone of its own.
    let earliest = TimeZone::fixed(offset(14));
    if let Some(from) = flags.from {
        refuse_future(from, &earliest)?;
    }
    let store = connect(config).await?;
    store.check_schema().await?;
    let done = match flags.workspace {
        Some(workspace) => one(&store, workspace, flags).await,
        None => all(&store, flags).await,
    };
    store.close().await;
    done.map(|()| ExitCode::SUCCESS)
}

/// One that cannot be done keeps no other from being done.
async fn all(store: &Store, flags: RebuildFlags) -> anyhow::Result<()> {
    let (mut after, mut failed) = (WorkspaceId::new(Millis(0), Entropy::default()), 0);
    loop {
        let page = store.workspaces_after(after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = *last;
        for workspace in page {
            if let Err(error) = one(store, workspace, flags).await {
                complain(&error);
                failed += 1;
            }
        }
    }
    anyhow::ensure!(failed == 0, "{} could not be counted anew; see above.", counted(failed, "workspace"));
    Ok(())
}

/// The first instant of a day that is named.
fn refuse_future(day: Date, zone: &TimeZone) -> anyhow::Result<Millis> {
    let start = Millis::from_timestamp(day.to_zoned_datetime(zone.clone())?.timestamp());
    anyhow::ensure!(
        start <= Clock::System.now(),
        "--from {day} is in the future, and days are counted from there until now. Name a day that has begun, or none."
    );
    Ok(start)
}

async fn one(store: &Store, workspace: WorkspaceId, flags: RebuildFlags) -> anyhow::Result<()> {
    let scope = store.workspace(workspace, Access::Read).await?;
    let zone = scope.day_zone().await.map_err(|error| match error {
        StoreError::NotFound => anyhow::anyhow!("There is no workspace {workspace}. Its id begins with ws_."),
        other => other.into(),
    })?;
    let (kept_from, last) = (scope.forgotten().await?.kept_from, scope.last_counted().await?);
    drop(scope);
    let from = flags.from.map(|day| refuse_future(day, &zone)).transpose()?;
    if let Some(from) = from {
        let kept_day = kept_from.to_string();
        anyhow::ensure!(
            from >= kept_from,
            "Of {workspace} only counts are left of before {kept_day}, from which nothing can be counted anew. Name a later --from, or none."
        );
    }
    // Clicks may have been stamped by a clock that is ahead.
    let after_last = last.map_or(Millis(0), |last| last.start().plus(1));
    let before = Clock::System.now().plus(DAY_MILLIS).max(after_last);
    if flags.dry_run { would_rebuild(store, workspace, from, before).await } else { rebuild(store, workspace, from, before).await }
}

/// What there is to be done in the days from that on, and before an instant.
async fn would_rebuild(store: &Store, workspace: WorkspaceId, from: Option<Millis>, before: Millis) -> anyhow::Result<()> {
    let first = store.workspace(workspace, Access::Read).await?.first_whole_day().await?;
    let first = first.map(|first| from.map_or(first, |from| first.max(Quarter::of(from))));
    let (mut days, mut cells, mut differences) = (0, 0, 0);
    let mut day = first.unwrap_or(Quarter::of(before));
    while day.start() < before {
        let scope = store.workspace(workspace, Access::Read).await?;
        let next = scope.next_day(day).await?;
        let verified = scope.verify_cells(day, next).await?;
        (days, day) = (days + 1, next);
        cells += verified.cells;
        differences += (verified.differences.len() + verified.unreadable.len()) as u64;
        say(&(verify::told(workspace, &verified.differences) + &verify::told_of_unreadable(workspace, &verified.unreadable)))?;
    }
    let links = verify::verify_links(store, workspace).await?;
    say(&verify::told_of_links(workspace, &links))?;
    let since = first.map_or_else(String::new, |first| format!(", from {} on", first.start()));
    let (days, cells, differences) = (counted(days, "day"), counted(cells, "cell"), counted(differences, "difference"));
    let links = counted(links.len() as u64, "link");
    say(&format!("{workspace}  {days} would be counted anew{since}: {cells} compared, {differences} found; {links} would be set.\n"))?;
    Ok(())
}

async fn rebuild(store: &Store, workspace: WorkspaceId, from: Option<Millis>, mut before: Millis) -> anyhow::Result<()> {
    let (mut days, mut cells) = (0, 0);
    while from.is_none_or(|from| before > from) {
        let Some(rebuilt) = store.rebuild_rollups(workspace, before).await? else { break };
        (days, cells, before) = (days + 1, cells + rebuilt.cells, rebuilt.day.start());
        if days % TOLD_EVERY == 0 {
            say(&format!("{workspace}  counted anew down to {before}\n"))?;
        }
    }
    let (mut links, mut after) = (0, None);
    loop {
        let page = store.recount_links(workspace, after).await?;
        (links, after) = (links + page.changed, page.next);
        if after.is_none() {
            break;
        }
    }
    let (days, cells, links) = (counted(days, "day"), counted(cells, "cell"), counted(links, "link"));
    say(&format!("{workspace}  {days} counted anew, {cells}; {links} set to what the cells say.\n"))?;
    Ok(())
}
