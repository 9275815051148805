//! `linklogger reclassify`: stored clicks read and judged again by the rules of this version and the geo databases
//! that are there.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use domain::{Entropy, Job, JobId, JobStatus, Millis, WorkspaceId};
use enrich::{Enricher, GeoDatabases};
use platform::config::Config;
use platform::{Clock, Rng};
use store::{Access, Store, StoreError};
use tokio_util::sync::CancellationToken;
use worker::{run_job, settled_before};

use crate::commands::{connect, counted, say};
use crate::geoip;

const PAGE: u32 = 500;
/// How long running workers leave a job to this command before its first step.
const LEASE_MILLIS: i64 = 60_000;

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct ReclassifyFlags {
    /// The workspace; all of them if none is named
    #[arg(long, value_name = "WS_ID")]
    workspace: Option<WorkspaceId>,
    /// The first instant, such as 2026-03-01T00:00:00Z; the beginning if none is named
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    from: Option<Millis>,
    /// The first instant no longer included; a minute ago if none is named
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    to: Option<Millis>,
}

fn instant(text: &str) -> Result<Millis, String> {
    text.parse().map(Millis::from_timestamp).map_err(|_| "write an instant such as 2026-03-01T00:00:00Z".to_owned())
}

pub(crate) async fn run(flags: ReclassifyFlags, config: &Config) -> anyhow::Result<ExitCode> {
    let latest = settled_before(Clock::System.now());
    let to = flags.to.map_or(latest, |to| to.min(latest));
    let from = flags.from.unwrap_or(Millis(0));
    anyhow::ensure!(from < to, "There is nothing between --from and --to. Name an earlier --from, or a later --to that is in the past.");
    let geo = GeoDatabases::open(geoip::source(config))?;
    let store = connect(config).await?;
    store.check_schema().await?;
    let enricher = Enricher::new(Arc::new(geo));
    let done = if let Some(workspace) = flags.workspace {
        one(&store, &enricher, workspace, (from, to)).await.map_err(|error| match error {
            StoreError::NotFound => anyhow::anyhow!("There is no workspace {workspace}. Its id begins with ws_."),
            other => other.into(),
        })
    } else {
        all(&store, &enricher, (from, to)).await
    };
    store.close().await;
    done
}

async fn all(store: &Store, enricher: &Enricher, range: (Millis, Millis)) -> anyhow::Result<ExitCode> {
    let (mut after, mut code) = (WorkspaceId::new(Millis(0), Entropy::default()), ExitCode::SUCCESS);
    loop {
        let page = store.workspaces_after(after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(code) };
        after = *last;
        for workspace in page {
            if one(store, enricher, workspace, range).await? != ExitCode::SUCCESS {
                code = ExitCode::FAILURE;
            }
        }
    }
}

/// As a job that running workers go on with, should this command be killed.
async fn one(store: &Store, enricher: &Enricher, workspace: WorkspaceId, (from, to): (Millis, Millis)) -> Result<ExitCode, StoreError> {
    let (clock, rng) = (Clock::System, Rng::System);
    let now = clock.now();
    let scope = store.workspace(workspace, Access::Write).await?;
    // For its not being found.
    scope.get().await?;
    let from = scope.first_kept().await?.map_or(to, |first| from.max(first)).min(to);
    let job = Job::reclassify(JobId::new(now, rng.entropy()), workspace, (from, to), now);
    scope.create_job(&job, now.plus(LEASE_MILLIS)).await?;
    scope.commit().await?;
    let job = run_job(store, enricher, job, &clock, &CancellationToken::new()).await?;
    let looked = counted(job.looked, "click");
    let failed = job.status == JobStatus::Failed;
    let end = if failed { ", then it failed; the log says why" } else { "" };
    // A reader that has gone away is no failure.
    let _ = say(&format!("{workspace}  {looked} looked at, {} read or judged otherwise now{end}.\n", job.changed));
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
